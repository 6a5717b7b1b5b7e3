"""Expressions as Python source: what is the same for numbers and for vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from jetfold.graph import UnsupportedError
from jetfold.graph.elementary import Shorthand
from jetfold.graph.formula import RELATIONS
from jetfold.graph.numbers import name_of

HALF = sp.Rational(1, 2)

LITERAL_FIRST = ("polygamma", "sinc", "besselj")
"""Functions whose first argument is a literal integer."""


class ExpressionPrinter:
    """Prints an expression; ``functions`` collects the names of the functions it calls.

    Symbols stand for values of one kind, numbers or vectors; how these are written is told by the
    methods without an underscore.
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()

    # What a kind of values decides ----------------------------------------------------------------

    def number(self, expr: Any) -> str:
        """A number in arithmetic."""
        raise NotImplementedError

    def value(self, expr: Any) -> str:
        """The expression where a value of the kind is needed, and not just a number."""
        raise NotImplementedError

    def integer_power(self, base: Any, exponent: int) -> str:
        """A power by multiplication, for an exponent above 1."""
        raise NotImplementedError

    def select(self, condition: Any, chosen: str, other: str) -> str:
        """One of two values."""
        raise NotImplementedError

    def undefined(self) -> str:
        """The value NaN."""
        raise NotImplementedError

    def connective(self, kind: type[sp.Basic], parts: Sequence[str]) -> str:
        """Conditions, in parentheses, joined by `And` or `Or`, or one condition with `Not`."""
        raise NotImplementedError

    def negative(self, expr: Any) -> str:
        """Minus an expression."""
        return f"-({self(expr)})"

    def divisor(self, expr: Any) -> str:
        """What stands behind a division sign, if it is no product."""
        return f"({self._in_product(expr)})"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        """A function of values."""
        self.functions.add(name)
        return f"{name}({', '.join(arguments)})"

    # What is always the same ----------------------------------------------------------------------

    def __call__(self, expr: Any) -> str:
        if expr.is_Symbol:
            return str(expr.name)
        if expr.is_number:
            return self.number(expr)
        if isinstance(expr, sp.Piecewise):
            return self._piecewise(expr)
        if isinstance(expr, sp.Add):
            first, *rest = sorted(expr.args, key=lambda term: term.could_extract_minus_sign())
            return self(first) + "".join(map(self._term, rest))
        if isinstance(expr, sp.Mul):
            return self._product(expr)
        if isinstance(expr, sp.Pow):
            return self._power(expr)
        if isinstance(expr, Shorthand):
            return f"({self(expr.meaning())})"
        if isinstance(expr, (sp.Function, sp.exp)):
            return self._call(name_of(expr), expr.args)
        raise UnsupportedError(f"{expr} ({type(expr).__name__}) cannot be written as source code")

    def condition(self, condition: Any) -> str:
        """A condition: true or false, or a mask."""
        if isinstance(condition, (sp.And, sp.Or, sp.Not)):
            parts = [f"({self.condition(part)})" for part in condition.args]
            return self.connective(condition.func, parts)
        if condition.is_Symbol:
            return str(condition.name)
        left, right = (self.value(side) for side in condition.args)
        return f"{left} {RELATIONS[type(condition)]} {right}"

    def _term(self, term: sp.Expr) -> str:
        if term.could_extract_minus_sign():
            return f" - {self._factor(-term)}"
        return f" + {self(term)}"

    def _factor(self, expr: sp.Expr) -> str:
        bare = expr.is_Symbol or isinstance(expr, (sp.Function, sp.exp, sp.Mul, sp.Pow))
        return self(expr) if bare or (expr.is_number and expr >= 0) else f"({self(expr)})"

    def _product(self, expr: sp.Mul) -> str:
        if expr.could_extract_minus_sign():
            return self.negative(-expr)
        above, below = [], []
        for factor in expr.args:
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent < 0 and not base.is_number:
                below.append(base**-exponent)
            else:
                above.append(factor)
        product = " * ".join(map(self._in_product, above)) or self.number(sp.S.One)
        if not below:
            return product
        if len(below) == 1:
            return f"{product} / {self.divisor(below[0])}"
        return f"{product} / ({' * '.join(map(self._in_product, below))})"

    def _in_product(self, factor: sp.Expr) -> str:
        return f"({self(factor)})" if isinstance(factor, (sp.Add, sp.Mul)) else self._factor(factor)

    def _power(self, expr: sp.Pow) -> str:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return f"({self.number(sp.S.One)} / {self._in_product(base**-exponent)})"
        if exponent == HALF:
            return self._call("sqrt", [base])
        if exponent.is_Integer:
            return self.integer_power(base, int(exponent))
        if exponent.is_Rational and exponent.q == 2:
            whole = self._in_product(base ** (exponent - HALF))
            return f"({whole} * {self(sp.sqrt(base))})"
        return self._call("power", [base, exponent])

    def _call(self, name: str, arguments: Sequence[Any]) -> str:
        if name in LITERAL_FIRST:
            order, x = arguments
            if name == "polygamma" and order == 0:
                return self.call("digamma", [self.value(x)])
            return self.call(name, [str(order), self.value(x)])
        if name == "power":
            arguments = arguments[:2]
        return self.call(name, [self.value(argument) for argument in arguments])

    def _piecewise(self, expr: sp.Piecewise) -> str:
        *branches, (last, where) = expr.args
        text = self.value(last)
        if where != sp.true:
            text = self.select(where, text, self.undefined())
        for branch, where in reversed(branches):
            text = self.select(where, self.value(branch), text)
        return text
