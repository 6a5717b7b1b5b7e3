"""Powers with a variable exponent, and their derivatives."""

from __future__ import annotations

from typing import Any

import sympy as sp

from jetfold.graph.elementary import Elementary, Shorthand, damped


class power(Elementary):
    """The n-th derivative of x**p with respect to x: p (p-1) .. (p-n+1) x**(p-n).

    ``power(x, p, 0)`` is x**p with a variable exponent. Where the factor vanishes the value is 0,
    also at x = 0, so that x**2 has three finite derivatives there.
    """

    nargs = 3

    def partial(self, position: int) -> Any:
        x, p, n = self.args
        if position == 0:
            return power(x, p, n + 1)
        if position == 1:
            q = sp.Dummy(real=True)
            falling = sp.Mul(*(q - i for i in range(n)))
            changed, factor = falling.diff(q).subs(q, p), falling.subs(q, p)
            return changed * power(x, p - n, 0) + factor * power_log(x, p - n, 1)
        raise ValueError("the number of derivatives is not differentiable")


class power_log(Shorthand):
    """``power_log(x, p, n)``: the n-th derivative of x**p with respect to p, x**p log(x)**n."""

    nargs = 3

    @classmethod
    def eval(cls, x: Any, p: Any, n: Any) -> Any:
        return power(x, p, n) if n == 0 else None

    def meaning(self) -> Any:
        x, p, n = self.args
        return damped(sp.log(x) ** n, power(x, p, 0))

    def partial(self, position: int) -> Any:
        x, p, n = self.args
        if position == 0:
            return p * power_log(x, p - 1, n) + n * power_log(x, p - 1, n - 1)
        if position == 1:
            return power_log(x, p, n + 1)
        raise ValueError("the number of derivatives is not differentiable")
