"""The derivation of a gradient: from the function to the graphs that run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from typing import NoReturn

from jetfold.derivation import About, Derivation, write_picture
from jetfold.graph import (
    ArgumentError,
    Graph,
    NotDifferentiableWarning,
    Rewriting,
    SourceLine,
    Total,
    rewrite,
    without_roles,
)
from jetfold.rules.adjoint import Adjoint, Leaf, Seed, Values, adjoint, dependent
from jetfold.rules.adjoint_certificate import dot_products
from jetfold.rules.collapse import PUSH_REPLICATE
from jetfold.rules.cost import operations
from jetfold.rules.kinks import Kink, kinks

_SHOWN: dict[str | tuple[str, type[Warning], int], int] = {}
"""Where Python notes which warnings it has shown, so that other shapes bring no new ones."""


class AdjointDerivation(Derivation):
    """The graphs of a gradient for one shape of points and parameters; nothing is compiled.

    Each graph is made when it is first asked for. The one method is "adjoint".

    Attributes
    ----------
    function_graph : the traced function; the graphs of operators that it calls are parts of it.
    adjoint_graph : its adjoint at a point, as the transposed rules give it.
    shared_graph : the same with everything that does not depend on the direction computed once.
    collapsed_graph : sums over directions pulled up as far as linearity allows.
    final_graph : the same after clean-up; it is what runs at every point.
    totals : which outputs of ``final_graph`` are summed over all points.
    parameter_graph : what runs once per call, from the totals to the gradients of parameters.
    """

    def __init__(
        self,
        function_graph: Graph,
        leaves: Sequence[Leaf],
        seed: Seed,
        values: Values,
        per_point: bool,
        about: About,
    ) -> None:
        super().__init__(without_roles(function_graph), {}, "auto", about=about)
        self.leaves = tuple(leaves)
        self._how = seed, values, per_point
        self._warn()

    @cached_property
    def kinks(self) -> list[Kink]:
        """The functions on the way that have no derivative somewhere, and what is taken for it."""
        return kinks(self.function_graph, self.active)

    def _warn(self) -> None:
        """Warn of each of the ``kinks`` at its line, which Python shows once."""
        for kink in self.kinks:
            line = kink.source or SourceLine("<unknown>", 0)
            warnings.warn_explicit(
                f"a gradient goes through {kink.name}, which {kink.taken}",
                NotDifferentiableWarning,
                line.file,
                line.line,
                registry=_SHOWN,
            )

    @property
    def methods(self) -> tuple[str, ...]:
        return ("adjoint",)

    @property
    def chosen(self) -> str:
        return "adjoint"

    @cached_property
    def adjoint(self) -> Adjoint:
        """The adjoint as the transposed rules give it."""
        return adjoint(self.function_graph, self.leaves, *self._how)

    @property
    def adjoint_graph(self) -> Graph:
        return self.adjoint.graph

    @property
    def parameter_graph(self) -> Graph:
        return self.adjoint.shared

    @property
    def totals(self) -> tuple[Total, ...]:
        return self.adjoint.totals

    @cached_property
    def pushed(self) -> Rewriting:
        """Replication pushed down, from ``adjoint_graph`` to ``shared_graph``."""
        return rewrite(self.adjoint_graph, PUSH_REPLICATE, "push replicate")

    @property
    def stages(self) -> tuple[Rewriting, ...]:
        """The rewritings on the way to the final graph, in order."""
        return self.pushed, self.pulled, self.cleaned

    def graph_of(self, method: str) -> Graph:
        self._require(method)
        return self.collapsed_graph

    @cached_property
    def active(self) -> set[int]:
        """The nodes of the function that a gradient goes through."""
        graph = self.function_graph
        return dependent(graph, [node for node in graph.leaves if graph[node].op in self.leaves])

    def dot_products(self, graph: Graph) -> tuple[Graph, list[tuple[int, int]]]:
        """What proves a graph with the outputs of ``adjoint_graph``: <g, J v> and <J^T g, v>."""
        seed, _, per_point = self._how
        args = self.function_graph, self.adjoint, graph, self.leaves, seed, per_point
        return dot_products(*args)

    def draw(self, path: str | PathLike[str]) -> None:
        """Write a picture: ``.svg`` shows the function beside the final graph.

        A path ending in ``.dot`` gets the final graph as Graphviz text. Raises `ArgumentError`
        for any other ending.
        """
        counts = operations(self.function_graph), operations(self.final_graph)
        captions = (
            f"the function: {counts[0]:,} operations per point",
            f"with its adjoint: {counts[1]:,} operations per point",
        )
        write_picture(path, self.function_graph, self.final_graph, captions)

    def pushed_jets(self) -> None:
        """There are none: a gradient goes backwards."""

    @property
    def taylor_graph(self) -> NoReturn:
        raise ArgumentError(
            f"{self.about.operator if self.about else self!r} goes backwards through the function: "
            "there is no Taylor graph; adjoint_graph is its own"
        )
