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
