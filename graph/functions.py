"""The elementary functions that may stand in the expression of a `Map`.

Each is a SymPy function and its definition is one line: its derivative. Where SymPy has a good
function already (exp, sin, tanh, erf, loggamma, ...) that one is used; the classes here are those
that SymPy lacks, or whose SymPy form would cancel, overflow or differentiate into distributions.
Everything is real. How they are computed is told by `jetfold.graph.numbers`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from jetfold.graph.elementary import Elementary, Shorthand

HALF = sp.Rational(1, 2)


class unit(Shorthand):
    """x / sqrt(x**2 + y**2), the first coordinate of the unit vector along (x, y)."""

    nargs = 2

    def meaning(self) -> Any:
        return self.args[0] / hypot(*self.args)

    def partial(self, position: int) -> Any:
        x, y = self.args
        across = unit(y, x) / hypot(x, y)
        return across * unit(y, x) if position == 0 else -across * unit(x, y)


class csch(Shorthand):
    """1 / sinh(x)."""

    nargs = 1

    def meaning(self) -> Any:
        return 1 / sp.sinh(self.args[0])

    def partial(self, position: int) -> Any:
        return -self * coth(self.args[0])


class coth(Shorthand):
    """1 / tanh(x)."""

    nargs = 1

    def meaning(self) -> Any:
        return 1 / tanh(self.args[0])

    def partial(self, position: int) -> Any:
        return -(csch(self.args[0]) ** 2)


class logistic_density(Shorthand):
    """expit(x) * expit(-x), the derivative of expit."""

    nargs = 1

    def meaning(self) -> Any:
        return expit(self.args[0]) * expit(-self.args[0])

    def partial(self, position: int) -> Any:
        return -logistic_balance(self.args[0]) * self


class logistic_balance(Shorthand):
    """expit(x) - expit(-x), without cancellation."""

    nargs = 1

    def meaning(self) -> Any:
        return tanh(HALF * self.args[0])

    def partial(self, position: int) -> Any:
        return 2 * logistic_density(self.args[0])


class sech(Shorthand):
    """1 / cosh(x)."""

    nargs = 1

    def meaning(self) -> Any:
        return 1 / sp.cosh(self.args[0])

    def partial(self, position: int) -> Any:
        return -self * tanh(self.args[0])


class tanh(sp.tanh):
    """SymPy's tanh with a derivative that does not cancel where it saturates."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sech_squared(self.args[0])

    def written(self) -> Any:
        """SymPy's function."""
        return sp.tanh(self.args[0])


class sech_squared(Elementary):
    """1 - tanh(x)**2, exact for large x."""

    nargs = 1

    def written(self) -> Any:
        return 1 - tanh(self.args[0]) ** 2

    def partial(self, position: int) -> Any:
        return -2 * tanh(self.args[0]) * self


class sinc(Elementary):
    """``sinc(n, x)``: the n-th derivative of sin(x) / x, also at 0; n is a literal integer."""

    nargs = 2

    def partial(self, position: int) -> Any:
        if position == 0:
            raise ValueError("the number of derivatives is not differentiable")
        n, x = self.args
        return sinc(n + 1, x)


class expm1(Elementary):
    """exp(x) - 1, exact for small x."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sp.exp(self.args[0])


class log1p(Elementary):
    """log(1 + x), exact for small x."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 1 / (1 + self.args[0])


class exp2(Elementary):
    """2**x."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sp.log(2) * self


class log2(Elementary):
    """The logarithm to base 2."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 1 / (sp.log(2) * self.args[0])


class log10(Elementary):
    """The logarithm to base 10."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 1 / (sp.log(10) * self.args[0])


class cbrt(Elementary):
    """The real cube root, also of negative numbers."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 1 / (3 * self**2)


class expit(Elementary):
    """The logistic function 1 / (1 + exp(-x))."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return logistic_density(self.args[0])


class log_expit(Elementary):
    """log(expit(x)), without overflow."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return expit(-self.args[0])


class softplus(Elementary):
    """log(1 + exp(x)), without overflow."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return expit(self.args[0])


class logaddexp(Elementary):
    """log(exp(x) + exp(y)), without overflow."""

    nargs = 2

    def partial(self, position: int) -> Any:
        return expit(self.args[position] - self.args[1 - position])


class logaddexp2(Shorthand):
    """log2(2**x + 2**y), without overflow."""

    nargs = 2

    def meaning(self) -> Any:
        x, y = self.args
        return logaddexp(sp.log(2) * x, sp.log(2) * y) / sp.log(2)

    def partial(self, position: int) -> Any:
        return expit(sp.log(2) * (self.args[position] - self.args[1 - position]))


class hypot(Elementary):
    """sqrt(x**2 + y**2), without overflow."""

    nargs = 2

    @classmethod
    def eval(cls, x: Any, y: Any) -> Any:
        first, second = sp.ordered((x, y))
        return None if first == x else cls(first, second)

    def partial(self, position: int) -> Any:
        return unit(self.args[position], self.args[1 - position])


class arctan2(Elementary):
    """The angle between the positive x axis and the vector (x, y), given as (y, x)."""

    nargs = 2

    def partial(self, position: int) -> Any:
        y, x = self.args
        return (unit(x, y) if position == 0 else -unit(y, x)) / hypot(x, y)


class arctan(Elementary):
    """The inverse of tan."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 1 / hypot(1, self.args[0]) ** 2


class arcsinh(Elementary):
    """The inverse of sinh."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 1 / hypot(1, self.args[0])


class arccosh(Elementary):
    """The inverse of cosh."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return csch(self)


class erf(Elementary):
    """The error function."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return 2 / sp.sqrt(sp.pi) * sp.exp(-(self.args[0] ** 2))


class erfc(Elementary):
    """1 - erf(x), exact for large x."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return -erf(self.args[0]).partial(position)


class sign(Elementary):
    """-1, 0 or 1."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sp.S.Zero


class floor(Elementary):
    """The largest integer not above x."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sp.S.Zero


class ceil(Elementary):
    """The smallest integer not below x."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sp.S.Zero


class rint(Elementary):
    """The nearest integer, ties to even."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sp.S.Zero


class absolute(Elementary):
    """The absolute value; its derivative at 0 is taken as 0."""

    nargs = 1

    def partial(self, position: int) -> Any:
        return sign(self.args[0])


class _Extremum(Elementary):
    """The larger or smaller of two values, differentiated along the branch that is taken.

    At a tie the derivative is the mean of the two. The derivative is a selection, not a product
    with 0 and 1, so that what is infinite in the other branch does not turn into NaN.
    """

    nargs = 2

    def _eval_derivative(self, s: Any) -> Any:
        x, y = self.args
        dx, dy = x.diff(s), y.diff(s)
        if dx == dy == 0:
            return sp.S.Zero
        first, second = self.order(x, y), self.order(y, x)
        return sp.Piecewise((dx, first), (dy, second), (HALF * (dx + dy), True))

    @staticmethod
    def order(x: Any, y: Any) -> Any:
        """The condition under which x is taken and not y."""
        raise NotImplementedError


class maximum(_Extremum):
    """The larger of two values; NaN if either is NaN."""

    @staticmethod
    def order(x: Any, y: Any) -> Any:
        return sp.Gt(x, y)


class minimum(_Extremum):
    """The smaller of two values; NaN if either is NaN."""

    @staticmethod
    def order(x: Any, y: Any) -> Any:
        return sp.Lt(x, y)
