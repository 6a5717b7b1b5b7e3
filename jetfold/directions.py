"""Random directions: their distributions, and how an operator gets new ones at each call.

A direction z has n components, mean zero and covariance one, so that the mean of
``<d^2 f, z, z>`` is the Laplacian. What the mean of fourth derivatives is depends on the
distribution's fourth moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from jetfold.arrays import FloatArray
from jetfold.graph import (
    ArgumentError,
    Direct,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Op,
    Parameter,
    Type,
)
from jetfold.graph.ops import Shape

Generator = np.random.Generator
Seed = int | Generator | np.random.SeedSequence | None

LEAF = "directions"
"""How the names of leaves begin that stand for random directions."""


@dataclass(frozen=True)
class Distribution:
    """A distribution of directions with mean zero and covariance one.

    ``draw(generator, sets, samples, n)`` gives an array (sets, samples, n), the sets independent of
    each other. ``fourth`` is c in E<d^4 f, z, z, z, z> = c Lap Lap f as a function of n; where
    there is no such number, ``lacks`` says why.
    """

    draw: Callable[[Generator, int, int, int], FloatArray]
    fourth: Callable[[int], Fraction] | None = None
    lacks: str = ""


def _normal(generator: Generator, sets: int, samples: int, n: int) -> FloatArray:
    found: FloatArray = generator.standard_normal((sets, samples, n))
    return found


def _rademacher(generator: Generator, sets: int, samples: int, n: int) -> FloatArray:
    return generator.choice([-1.0, 1.0], (sets, samples, n))


def _sphere(generator: Generator, sets: int, samples: int, n: int) -> FloatArray:
    """Uniform on the sphere of radius sqrt(n): normal vectors, scaled to that length."""
    z = generator.standard_normal((sets, samples, n))
    scaled: FloatArray = np.sqrt(n) * z / np.linalg.norm(z, axis=-1, keepdims=True)
    return scaled


def _coordinates(generator: Generator, sets: int, samples: int, n: int) -> FloatArray:
    """Unit vectors times sqrt(n), in each set drawn without replacement.

    Source: Shi et al., Stochastic Taylor Derivative Estimator (NeurIPS 2024, arXiv 2412.00088).
    """
    order = generator.permuted(np.broadcast_to(np.arange(n), (sets, n)), axis=1)
    drawn: FloatArray = np.sqrt(n) * np.eye(n)[order[:, :samples]]
    return drawn


DISTRIBUTIONS: Mapping[str, Distribution] = {
    "normal": Distribution(_normal, lambda n: Fraction(3)),
    "rademacher": Distribution(
        _rademacher,
        lacks="E z_i^4 is 1 and not 3 E z_i^2 z_j^2 = 3, so that fourth derivatives along one "
        "coordinate count too little",
    ),
    "sphere": Distribution(_sphere, lambda n: Fraction(3 * n, n + 2)),
    "coordinates": Distribution(
        _coordinates,
        lacks="E z_i^2 z_j^2 is 0 for different i and j, so that mixed derivatives are never seen",
    ),
}


class Sampling:
    """The random directions of an operator: how many, of which distribution, and for whom.

    With ``per_point`` each point has directions of its own, else all points of a call share them.
    """

    def __init__(self, samples: int, name: str, seed: Seed, per_point: bool) -> None:
        self.samples = samples
        self.name = name
        self.per_point = per_point
        try:
            self._generator = np.random.default_rng(seed)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"seed is {seed!r}; it must be None, an integer of 0 or more, or a Generator or "
                "SeedSequence of NumPy's"
            ) from None

    @property
    def distribution(self) -> Distribution:
        return DISTRIBUTIONS[self.name]

    def directions(self, shape: Shape) -> Callable[[Editor, DirectionAxis], int]:
        """The samples themselves as directions at a point of this shape."""
        leaf = self.leaf(LEAF, shape)
        return lambda editor, axis: editor.add(Direct(0, axis), editor.add(leaf))

    def leaf(self, name: str, shape: Shape) -> Op:
        """What stands for the samples, each an array of this shape, in a graph.

        Raises `ArgumentError` if there are too few components to draw so many.
        """
        n = math.prod(shape)
        if self.name == "coordinates" and self.samples > n:
            raise ArgumentError(
                f"samples is {self.samples}, but distribution 'coordinates' draws without "
                f"replacement among {n} directions; ask for at most {n} samples (with {n} the "
                "result is exact) or for another distribution"
            )
        kind = Type((self.samples, *shape))
        return Input(name, kind) if self.per_point else Parameter(name, kind)

    def draw(
        self, graph: Graph, points: int, own: Callable[[str], bool] = lambda name: True
    ) -> dict[str, FloatArray]:
        """New samples for the leaves of a graph that stand for its ``own``, by name."""
        kinds = {op.name: op.type.shape for _, op in random_leaves(graph) if own(op.name)}
        drawn = {}
        for name, shape in sorted(kinds.items()):
            sets = points if self.per_point else 1
            z = self.distribution.draw(self._generator, sets, shape[0], math.prod(shape[1:]))
            drawn[name] = z.reshape((*(sets,) * self.per_point, *shape))
        return drawn

    def fourth_moment(self, n: int) -> Fraction:
        """The number c in E<d^4 f, z, z, z, z> = c Lap Lap f for n components."""
        assert self.distribution.fourth is not None, "checked by require_fourth_moment"
        return self.distribution.fourth(n)

    def require_fourth_moment(self) -> None:
        """Raise `ArgumentError` if the mean of fourth derivatives is no multiple of Lap Lap."""
        if self.distribution.fourth is None:
            able = [repr(name) for name, known in DISTRIBUTIONS.items() if known.fourth]
            raise ArgumentError(
                f"the biharmonic cannot be estimated with distribution {self.name!r}: "
                f"{self.distribution.lacks}; choose {' or '.join(able)}"
            )


def random_leaves(graph: Graph) -> list[tuple[int, Input | Parameter]]:
    """The leaves of a graph that stand for random directions."""
    leaves = [(node, graph[node].op) for node in graph.leaves]
    return [
        (node, op)
        for node, op in leaves
        if isinstance(op, (Input, Parameter)) and op.name.startswith(LEAF)
    ]


# Operators inside a traced function ---------------------------------------------------------------

Drawn = dict[str, Sampling]
"""Whose samples leaves stand for, by the leaves' names."""

_drawn: ContextVar[Drawn | None] = ContextVar("drawn", default=None)


@contextmanager
def drawing() -> Iterator[Drawn]:
    """Let a function that is traced call randomised operators; gives whose samples are in it."""
    found: Drawn = {}
    token = _drawn.set(found)
    try:
        yield found
    finally:
        _drawn.reset(token)


def can_draw() -> bool:
    """Whether who traces now draws new directions at each call."""
    return _drawn.get() is not None


def insert_leaves(editor: Editor, graph: Graph, sampling: Sampling) -> dict[int, int]:
    """Leaves of their own, in the graph being traced, for those of an operator's graph."""
    found = _drawn.get()
    assert found is not None, "checked by can_draw"
    nodes = {}
    for node, op in random_leaves(graph):
        if op.name in found:  # those of an operator that this one's function has called
            continue
        leaf = replace(op, name=f"{LEAF} of operator {len(found)}")
        found[leaf.name] = sampling
        nodes[node] = editor.add(leaf)
    return nodes


def draw(drawn: Drawn, graph: Graph, points: int) -> dict[str, FloatArray]:
    """New samples for all these leaves of a graph, by name."""
    values: dict[str, FloatArray] = {}
    for sampling in dict.fromkeys(drawn.values()):
        own = {name for name, known in drawn.items() if known is sampling}
        values |= sampling.draw(graph, points, own.__contains__)
    return values
