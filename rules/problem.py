"""What an operator wants to know of a function: sums of derivatives along directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from jetfold.graph import DirectionAxis, Editor
from jetfold.rules.form import Form, FormAlgebra
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
    ``factors``, where given, are polynomials whose product is that of every functional. Where there
    is a ``form``, its value for each of its outputs follows those of the functionals, which are of
    order 0 and 1. ``at_points`` is the same problem with a form, where that needs fewer vectors.
    """

    count: int
    directions: Callable[[Editor, DirectionAxis], int]
    functionals: tuple[Functional, ...]
    finish: Callable[[Editor, Sequence[int]], list[int]]
    factors: tuple[Polynomial, ...] = ()
    form: Form | None = None
    at_points: Problem | None = None

    @cached_property
    def algebra(self) -> JetAlgebra | FormAlgebra:
        """The smallest algebra in which all functionals can be computed."""
        polynomials = [functional.polynomial for functional in self.functionals]
        if self.form is not None:
            return FormAlgebra(self.form, polynomials)
        return JetAlgebra(polynomials, self.count)
