"""What a function in an expression is: a SymPy function that is defined by its derivative.

The functions themselves are in `jetfold.graph.functions`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp


class Elementary(sp.Function):
    """A function of real arguments with a real value, never simplified behind the user's back."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        return self.partial(argindex - 1)

    def partial(self, position: int) -> Any:
        """The derivative with respect to the argument at this position."""
        raise NotImplementedError

    def written(self) -> Any:
        """The expression to show in a formula."""
        return self

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_evalf(self, prec: int) -> Any:
        from jetfold.graph.numbers import value_of_constant

        return value_of_constant(self, prec)


class Shorthand(Elementary):
    """A function that calculus takes as it is, and that is spelled out when it is computed.

    It keeps a quotient or a product together whose parts overflow where the whole is finite.
    """

    def meaning(self) -> Any:
        """The expression to compute."""
        raise NotImplementedError

    def written(self) -> Any:
        return self.meaning()

    def _eval_evalf(self, prec: int) -> Any:
        return self.meaning()._eval_evalf(prec)


class damped(Shorthand):
    """p * e, but 0 where e = 0: for a p that overflows where an exponential e has vanished."""

    nargs = 2

    @classmethod
    def eval(cls, p: Any, e: Any) -> Any:
        return p * e if p.is_number or e == 0 else None

    def meaning(self) -> Any:
        e = self.args[1]
        # SymPy knows that exp(x) is not 0; numbers do not: exp(-746) is below the smallest one.
        vanished = e.args[0] < -746 if isinstance(e, sp.exp) else sp.Eq(e, 0)
        return sp.Piecewise((0, vanished), (self.written(), True))

    def written(self) -> Any:
        return self.args[0] * self.args[1]

    def _eval_derivative(self, s: Any) -> Any:
        p, e = self.args
        return damped(p.diff(s), e) + p * e.diff(s)
