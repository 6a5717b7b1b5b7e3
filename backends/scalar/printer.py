"""Expressions as Python source over numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sympy as sp

from jetfold.backends.printer import ExpressionPrinter

MATH = {
    **{
        name: name
        for name in (
            *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "sqrt", "hypot"),
            *("sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc"),
        )
    },
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    "absolute": "fabs",
    "power": "pow",
}
"""Functions that `math`, numba and CUDA have, and their names in `math`."""


class ScalarPrinter(ExpressionPrinter):
    """Prints an expression; ``functions`` collects the names of library functions it calls.

    Every symbol is a number of type ``real``, a global name of the printed code. Functions of
    `math` are called by their names there, others by their names in `library`.

    literal : how numbers are written. In single precision they need ``real(0.5)``, so that
              nothing is computed in double precision; in double precision ``{}`` will do.
    """

    def __init__(self, literal: str = "real({})") -> None:
        super().__init__()
        self.literal = literal

    def number(self, expr: Any) -> str:
        value = float(expr)
        if not math.isfinite(value):
            text = "math.nan" if math.isnan(value) else "math.inf" if value > 0 else "-math.inf"
        else:
            text = str(expr) if expr.is_Integer and abs(value) < 2**53 else repr(value)
        return self.literal.format(text)

    def value(self, expr: Any) -> str:
        return self(expr)

    def integer_power(self, base: Any, exponent: int) -> str:
        bare = base.is_Symbol or self._is_call(base)
        return f"{self(base) if bare else f'({self(base)})'}**{exponent}"

    def select(self, condition: Any, chosen: str, other: str) -> str:
        return f"({chosen} if {self.condition(condition)} else {other})"

    def undefined(self) -> str:
        return self.number(sp.nan)

    def connective(self, kind: type[sp.Basic], parts: Sequence[str]) -> str:
        if kind is sp.Not:
            return f"not {parts[0]}"
        return (" and " if kind is sp.And else " or ").join(parts)

    def negative(self, expr: Any) -> str:
        return f"-({self(expr)})" if expr.is_Add else f"-{self(expr)}"

    def divisor(self, expr: Any) -> str:
        return self._in_product(expr)

    def call(self, name: str, arguments: Sequence[str]) -> str:
        if name in MATH:
            return f"math.{MATH[name]}({', '.join(arguments)})"
        return super().call(name, arguments)

    @staticmethod
    def _is_call(expr: Any) -> bool:
        return isinstance(expr, (sp.Function, sp.exp)) or expr == sp.sqrt(expr.args[0])
