"""What an operator wants to know of a function: sums of derivatives along directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from jetfold.graph import DirectionAxis, Editor
from jetfold.rules.jet_algebra import JetAlgebra
from jetfold.rules.polynomial import Polynomial


@dataclass(frozen=True)
class Functional:
    """The number P(d/dv_0, .., d/dv_(n-1)) f at the point, for one output f of a function graph."""

    output: int
    polynomial: Polynomial


@dataclass(frozen=True)
class Problem:
    """Functionals of a function along n directions, and what is made of them.

    ``directions`` adds to an editor the node of the n directions, which has the point's shape and
    the given direction axis of size ``count``; they may be constant, parameters, or depend on
    the point. ``finish`` adds the operator's outputs, given one node for each functional.
    ``factors``, where given, are polynomials whose product is that of every functional.
    """

    count: int
    directions: Callable[[Editor, DirectionAxis], int]
    functionals: tuple[Functional, ...]
    finish: Callable[[Editor, Sequence[int]], list[int]]
    factors: tuple[Polynomial, ...] = ()

    @cached_property
    def algebra(self) -> JetAlgebra:
        """The smallest algebra in which all functionals can be computed."""
        return JetAlgebra([functional.polynomial for functional in self.functionals], self.count)
