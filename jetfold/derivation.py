"""A derivation: every stage from the function to the graph that runs, and what each costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path

from jetfold.graph import ArgumentError, Graph, Rewriting, Step, rewrite, simplify
from jetfold.graph.draw import to_dot, to_svg_pair
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.cost import operations, vectors

METHODS = ("auto", "standard", "collapsed")


@dataclass(frozen=True)
class Cost:
    """What an operator costs.

    ``vectors``: for each method, the vectors that a node of the function turns into (the counts of
    the paper's table); ``chosen``: the method that runs; ``operations``: floating-point operations
    for one point, by method.
    """

    vectors: dict[str, int]
    operations: dict[str, int]
    chosen: str

    @property
    def flops(self) -> int:
        """Operations for one point with the chosen method."""
        return self.operations[self.chosen]


class Derivation:
    """The graphs of an operator for one shape of points and parameters; nothing is compiled.

    function_graph : the traced function.
    taylor_graph : standard Taylor mode, one jet for each direction, one node per coefficient.
    shared_graph : the same with everything that does not depend on the direction computed once.
    collapsed_graph : sums over directions pulled up as far as linearity allows.
    final_graph : the chosen method's graph after clean-up; it is what runs.
    """

    def __init__(
        self, function_graph: Graph, taylor: Callable[[Graph], Graph], method: str
    ) -> None:
        self.function_graph = function_graph
        self.method = method
        self._taylor = taylor

    @cached_property
    def taylor_graph(self) -> Graph:
        return self._taylor(self.function_graph)

    @cached_property
    def _push(self) -> Rewriting:
        return rewrite(self.taylor_graph, PUSH_REPLICATE, "push replicate")

    @cached_property
    def _pull(self) -> Rewriting:
        return rewrite(self._push.graph, PULL_SUM, "pull sums")

    @cached_property
    def _clean(self) -> Rewriting:
        chosen = self._push if self.chosen == "standard" else self._pull
        return simplify(chosen.graph)

    @property
    def shared_graph(self) -> Graph:
        return self._push.graph

    @property
    def collapsed_graph(self) -> Graph:
        return self._pull.graph

    @property
    def final_graph(self) -> Graph:
        return self._clean.graph

    @property
    def chosen(self) -> str:
        """The method that runs: collapsing never needs more than standard Taylor mode."""
        return "collapsed" if self.method == "auto" else self.method

    @property
    def stages(self) -> tuple[Rewriting, ...]:
        """The rewritings on the way to the final graph, in order."""
        middle = () if self.chosen == "standard" else (self._pull,)
        return (self._push, *middle, self._clean)

    @property
    def steps(self) -> list[Step]:
        """Every rewrite step, in order."""
        return [step for stage in self.stages for step in stage.steps]

    @cached_property
    def cost(self) -> Cost:
        graphs = {"standard": self.shared_graph, "collapsed": self.collapsed_graph}
        return Cost(
            {name: vectors(graph) for name, graph in graphs.items()},
            {name: operations(simplify(graph).graph) for name, graph in graphs.items()},
            self.chosen,
        )

    def draw(self, path: str | PathLike[str]) -> None:
        """Write a picture: ``.svg`` shows standard Taylor mode beside the final graph.

        A path ending in ``.dot`` gets the final graph as Graphviz text. Raises `ArgumentError`
        for any other ending.
        """
        path = Path(path)
        if path.suffix not in (".svg", ".dot"):
            raise ArgumentError(f"cannot draw {str(path)!r}: the path has to end in .svg or .dot")
        if path.suffix == ".dot":
            path.write_text(to_dot(self.final_graph), encoding="utf-8")
            return
        captions = (
            f"standard Taylor mode: {self.cost.vectors['standard']} vectors per node",
            f"{self.chosen}: {self.cost.vectors[self.chosen]} vectors per node",
        )
        svg = to_svg_pair(self.shared_graph, self.final_graph, captions)
        path.write_text(svg, encoding="utf-8")
