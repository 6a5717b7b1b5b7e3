"""Exact arithmetic in which whole numbers are Python's, so that most of it is quick."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.numbers import Opaque, ScalarNumbers


def _whole(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


class WholeNumbers(ScalarNumbers):
    """Rationals as in `EXACT`, but transcendental functions are arbitrary whole numbers.

    As long as nothing is divided, products and sums of arrays are of whole numbers then.
    """

    def __init__(self) -> None:
        opaque = Opaque(scale=1)
        super().__init__(opaque.number, opaque.function)

    def array(self, value: NDArray[Any]) -> NDArray[Any]:
        return _each(super().array(value))

    def evaluate(self, expr: sp.Expr, operands: list[NDArray[Any]]) -> NDArray[Any]:
        return _each(super().evaluate(expr, operands))


def _each(array: NDArray[Any]) -> NDArray[Any]:
    found = np.empty(array.shape, dtype=object)
    found.reshape(-1)[:] = [
        _whole(number) if isinstance(number, Fraction) else number for number in array.flat
    ]
    return found


WHOLE = WholeNumbers()
