"""Exact arithmetic in which whole numbers are Python's, so that most of it is quick."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.numbers import Opaque, ScalarNumbers


class RelatedFunctions(Opaque):
    """Functions that are arbitrary but for what derivatives of activations are written in.

    The derivative of tanh is sech_squared in one place and 1 - y**2 in another one.
    """

    def _call(self, name: str, *arguments: Any) -> Fraction:
        found: Fraction = self._related(name, *arguments)
        return found

    def _related(self, name: str, *arguments: Any) -> Any:
        match name, arguments:
            case "tanh", [x]:
                return 2 * self.call("expit", 2 * x) - 1
            case "expit", [x] if x <= 0:
                return 1 - self.call("expit", -x) if x else Fraction(1, 2)
            case "sech_squared", [x]:
                return 1 - self.call("tanh", x) ** 2
            case "erfc", [x]:
                return 1 - self.call("erf", x)
            case "softplus", [x] if x < 0:
                return x + self.call("softplus", -x)
            case "log_expit", [x]:
                return -self.call("softplus", -x)
            case "logaddexp", [x, y]:
                return y + self.call("softplus", x - y)
        return super()._call(name, *arguments)


def _whole(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


class WholeNumbers(ScalarNumbers):
    """Rationals as in `EXACT`, but transcendental functions are arbitrary whole numbers.

    As long as nothing is divided, products and sums of arrays are of whole numbers then.
    """

    def __init__(self) -> None:
        opaque = RelatedFunctions(scale=1)
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
