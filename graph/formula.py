"""Expressions of Maps as text: with any names for the operands, plain or in typeset Unicode."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

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


class _Printer(StrPrinter):
    """SymPy's printer with NumPy's names of functions, and ``where`` for `Piecewise`."""

    def __init__(self, names: Mapping[str, str], number: Callable[[float], str]) -> None:
        super().__init__()
        self.names = names
        self.number = number

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


def to_formula(expr: sp.Expr, operands: Sequence[str]) -> str:
    """The expression of a `Map` with the operands' names in it, as one writes it in NumPy."""
    return _print(_decimals(expr, exactly=True), operands, repr)


def typeset(expr: sp.Expr, operands: Sequence[str]) -> str:
    """The same for a reader's eye: ``1 − a²`` for ``1 - a**2``; numbers are rounded."""
    text = _print(_decimals(expr, exactly=False), operands, "{:.4g}".format)
    text = _POWER.sub(lambda power: (power[1] or power[2]).translate(_SUPERSCRIPT), text)
    for pattern, pretty in _TYPESET:
        text = pattern.sub(pretty, text)
    return text


def _decimals(expr: sp.Expr, exactly: bool) -> sp.Expr:
    """The expression with decimals for long fractions: 0.044715 for 8943/200000.

    ``exactly``: only where the decimal that is printed is the fraction.
    """
    long = [
        x
        for x in expr.atoms(sp.Rational)
        if x.q > 1 and max(abs(x.p), x.q) > 9999
        if 0 < abs(float(x)) < math.inf
        if not exactly or sp.Rational(repr(float(x))) == x
    ]
    return expr.xreplace({number: sp.Float(float(number)) for number in long})


def _print(expr: sp.Expr, operands: Sequence[str], number: Callable[[float], str]) -> str:
    names = {operand_symbol(i).name: name for i, name in enumerate(operands)}
    return str(_Printer(names, number).doprint(expr))
