"""Expressions as Python source over vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from jetfold.backends.printer import ExpressionPrinter


class Printer(ExpressionPrinter):
    """Prints an expression; ``functions`` collects the names of the functions it calls.

    Every symbol is a vector. Numbers in arithmetic take the vectors' dtype by themselves; where a
    vector is needed they are spread out with ``splat``.
    """

    def number(self, expr: Any) -> str:
        return repr(float(expr))

    def value(self, expr: Any) -> str:
        return f"splat({self.number(expr)}, ws)" if expr.is_number else self(expr)

    def integer_power(self, base: Any, exponent: int) -> str:
        return f"powi({self(base)}, {exponent})"

    def select(self, condition: Any, chosen: str, other: str) -> str:
        return f"select({self.condition(condition)}, {chosen}, {other})"

    def undefined(self) -> str:
        return "splat(nan, ws)"

    def connective(self, kind: type[sp.Basic], parts: Sequence[str]) -> str:
        if kind is sp.Not:
            return f"~{parts[0]}"
        return (" & " if kind is sp.And else " | ").join(parts)
