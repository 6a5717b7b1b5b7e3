"""Expressions as Python source over vectors."""

from __future__ import annotations

from typing import Any

import sympy as sp

from jetfold.graph import UnsupportedError
from jetfold.graph.functions import Shorthand
from jetfold.graph.numbers import name_of

HALF = sp.Rational(1, 2)


class Printer:
    """Prints an expression; ``functions`` collects the names of the functions it calls.

    Every symbol is a vector. Numbers in arithmetic take the vectors' dtype by themselves; where a
    vector is needed they are spread out with ``splat``.
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()

    def __call__(self, expr: Any) -> str:
        if expr.is_Symbol:
            return str(expr.name)
        if expr.is_number:
            return _number(expr)
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
        raise UnsupportedError(f"the CPU backend cannot print {expr} ({type(expr).__name__})")

    def vector(self, expr: Any) -> str:
        """The expression where a vector is needed."""
        return f"splat({_number(expr)}, ws)" if expr.is_number else self(expr)

    def condition(self, condition: Any) -> str:
        """A condition as a mask."""
        if isinstance(condition, (sp.And, sp.Or)):
            sign = " & " if isinstance(condition, sp.And) else " | "
            return sign.join(f"({self.condition(part)})" for part in condition.args)
        if isinstance(condition, sp.Not):
            return f"~({self.condition(condition.args[0])})"
        if condition.is_Symbol:
            return str(condition.name)
        left, right = (self.vector(side) for side in condition.args)
        return f"{left} {_COMPARISONS[type(condition)]} {right}"

    def _term(self, term: sp.Expr) -> str:
        if term.could_extract_minus_sign():
            return f" - {self._factor(-term)}"
        return f" + {self(term)}"

    def _factor(self, expr: sp.Expr) -> str:
        bare = expr.is_Symbol or isinstance(expr, (sp.Function, sp.exp, sp.Mul, sp.Pow))
        return self(expr) if bare or (expr.is_number and expr >= 0) else f"({self(expr)})"

    def _product(self, expr: sp.Mul) -> str:
        if expr.could_extract_minus_sign():
            return f"-({self(-expr)})"
        above, below = [], []
        for factor in expr.args:
            base, exponent = factor.as_base_exp()
            if exponent.is_Rational and exponent < 0 and not base.is_number:
                below.append(base**-exponent)
            else:
                above.append(factor)
        product = " * ".join(map(self._in_product, above)) or "1.0"
        if not below:
            return product
        return f"{product} / ({' * '.join(map(self._in_product, below))})"

    def _in_product(self, factor: sp.Expr) -> str:
        return f"({self(factor)})" if isinstance(factor, (sp.Add, sp.Mul)) else self._factor(factor)

    def _power(self, expr: sp.Pow) -> str:
        base, exponent = expr.args
        if exponent.is_Rational and exponent < 0:
            return f"(1.0 / {self._in_product(base**-exponent)})"
        if exponent == HALF:
            return self._call("sqrt", [base])
        if exponent.is_Integer:
            return f"powi({self(base)}, {exponent})"
        if exponent.is_Rational and exponent.q == 2:
            whole = self._in_product(base ** (exponent - HALF))
            return f"({whole} * {self(sp.sqrt(base))})"
        return self._call("power", [base, exponent])

    def _call(self, name: str, arguments: Any) -> str:
        self.functions.add(name)
        if name == "polygamma":
            order, x = arguments
            return f"polygamma({order}, {self.vector(x)})"
        if name == "power":
            arguments = arguments[:2]
        return f"{name}({', '.join(map(self.vector, arguments))})"

    def _piecewise(self, expr: sp.Piecewise) -> str:
        *branches, (last, where) = expr.args
        text = self.vector(last)
        if where != sp.true:
            text = f"select({self.condition(where)}, {text}, splat(nan, ws))"
        for branch, where in reversed(branches):
            text = f"select({self.condition(where)}, {self.vector(branch)}, {text})"
        return text


_COMPARISONS = {
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Equality: "==",
    sp.Unequality: "!=",
}


def _number(expr: Any) -> str:
    return repr(float(expr))
