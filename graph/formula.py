"""Expressions of Maps as text: with any names for the operands, plain or in typeset Unicode.

LaTeX is written in `jetfold.graph.latex`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.str import StrPrinter

from jetfold.graph.elementary import Elementary
from jetfold.graph.functions import tanh
from jetfold.graph.numbers import name_of
from jetfold.graph.ops import operand_symbol

RELATIONS: Mapping[type, str] = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Equality: "==",
    sp.Unequality: "!=",
}
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_POWER = re.compile(r"\*\*(?:(\d+)(?![\d.])|\((-\d+)\))")
_TYPESET = [
    (re.compile(pattern), pretty)
    for pattern, pretty in (
        (r"\bpi\b", "π"),
        (r"\bsqrt\((\w)\)", r"√\1"),
        (r"\bsqrt\(", "√("),
        (r"\*\*", "^"),
        (r"\*", "·"),
        ("-", "−"),
        ("<=", "≤"),
        (">=", "≥"),
        ("!=", "≠"),
        ("==", "="),
    )
]


ATOM: int = PRECEDENCE["Atom"]
POWER: int = PRECEDENCE["Pow"]
PRODUCT: int = PRECEDENCE["Mul"]
SUM: int = PRECEDENCE["Add"]
LOOSE = (SUM + PRODUCT) // 2
"""How tightly a text binds: products of matrices and sums over an index are no factors."""


class Written(str):
    """A formula that knows how tightly it binds, so that it can stand in another one."""

    __slots__ = ("binds",)
    binds: int

    def __new__(cls, text: str, binds: int = ATOM) -> Written:
        made = super().__new__(cls, text)
        made.binds = binds
        return made


def binding(text: str) -> int:
    """How tightly a text binds: a mere name stays together."""
    return text.binds if isinstance(text, Written) else ATOM


def loose(text: str, level: int) -> bool:
    """Whether an operand needs brackets where SymPy's printers ask for this precedence."""
    binds = binding(text)
    return level >= SUM and (binds < PRODUCT or binds <= level)


def spelled_out(expr: sp.Expr) -> sp.Expr:
    """An expression as it is shown: in functions that are known by their names."""
    return expr.replace(_is_spelled_out, lambda part: spelled_out(part.written()))


def _is_spelled_out(expr: sp.Basic) -> bool:
    return isinstance(expr, (Elementary, tanh)) and expr.written() != expr


class _Printer(StrPrinter):
    """SymPy's printer with NumPy's names of functions, and ``where`` for `Piecewise`."""

    def __init__(self, names: Mapping[str, str], number: Callable[[float], str]) -> None:
        super().__init__()
        self.names = names
        self.number = number

    def parenthesize(self, item: Any, level: int, strict: bool = False) -> str:
        text = self.names.get(item.name) if item.is_Symbol else None
        if text is None:
            return str(super().parenthesize(item, level, strict))
        return f"({text})" if loose(text, level) else text

    def _print_Symbol(self, expr: Any) -> str:
        return self.names.get(expr.name, str(expr.name))

    def _print_Float(self, expr: Any) -> str:
        return self.number(float(expr))

    def _print_Function(self, expr: Any) -> str:
        return f"{name_of(expr)}({self.stringify(expr.args, ', ')})"

    def _print_Relational(self, expr: Any) -> str:
        left, right = (self.parenthesize(side, PRECEDENCE["Relational"]) for side in expr.args)
        return f"{left} {RELATIONS[type(expr)]} {right}"

    def _print_And(self, expr: Any) -> str:
        return " & ".join(f"({self._print(part)})" for part in self._sorted(expr))

    def _print_Or(self, expr: Any) -> str:
        return " | ".join(f"({self._print(part)})" for part in self._sorted(expr))

    def _print_Not(self, expr: Any) -> str:
        return f"~({self._print(expr.args[0])})"

    def _sorted(self, expr: Any) -> list[Any]:
        return sorted(expr.args, key=sp.default_sort_key)

    def _print_Piecewise(self, expr: Any) -> str:
        *branches, (last, condition) = expr.args
        text = self._print(last)
        if condition != sp.true:
            text = f"where({self._print(condition)}, {text}, nan)"
        for value, condition in reversed(branches):
            text = f"where({self._print(condition)}, {self._print(value)}, {text})"
        return str(text)


def to_formula(expr: sp.Expr, operands: Sequence[str]) -> Written:
    """The expression of a `Map` with the operands' names in it, as one writes it in NumPy.

    Operands may be formulas, `Written`: they get brackets where they need them.
    """
    text = _print(decimals(expr, exactly=True), operands, repr)
    if expr.is_Symbol:
        return Written(text, min(map(binding, operands), default=ATOM))
    return Written(text, ATOM if isinstance(expr, sp.Function) else precedence(expr))


def typeset(expr: sp.Expr, operands: Sequence[str]) -> str:
    """The same for a reader's eye: ``1 − a²`` for ``1 - a**2``; numbers are rounded."""
    text = _print(decimals(expr, exactly=False), operands, "{:.4g}".format)
    text = _POWER.sub(lambda power: (power[1] or power[2]).translate(_SUPERSCRIPT), text)
    for pattern, pretty in _TYPESET:
        text = pattern.sub(pretty, text)
    return text


def decimals(expr: sp.Expr, exactly: bool) -> sp.Expr:
    """The expression with decimals for long numbers: 0.044715 for 8943/200000.

    ``exactly``: only where the decimal that is printed, or the float that it is, is the number.
    """
    long = [
        x
        for x in expr.atoms(sp.Rational)
        if max(abs(x.p), x.q) > (9999 if x.q > 1 else 2**53)
        if 0 < abs(float(x)) < math.inf
        if not exactly or x in (sp.Rational(repr(float(x))), sp.Rational(float(x)))
    ]
    return expr.xreplace({number: sp.Float(float(number)) for number in long})


def _print(expr: sp.Expr, operands: Sequence[str], number: Callable[[float], str]) -> str:
    names = {operand_symbol(i).name: name for i, name in enumerate(operands)}
    return str(_Printer(names, number).doprint(expr))
