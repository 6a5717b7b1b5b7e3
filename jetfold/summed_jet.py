"""The highest coefficient of a function along R paths, summed: what a collapsed rule computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jetfold.checks import whole
from jetfold.derivation import About, Derivation
from jetfold.graph import (
    Direct,
    Editor,
    Graph,
    Input,
    Replicate,
    Sum,
    Type,
    constant,
    fit,
)
from jetfold.operator import Arguments, Operator
from jetfold.rules.directions import fresh_axes
from jetfold.rules.operators import Pushed, Standard
from jetfold.rules.taylor import push_forward


class SummedJet(Operator):
    """The sum over r of the K-th derivative of a function along paths x(t) = x0 + t x1[r] + ..

    All paths begin at the same point; their coefficients x1, .., xK are inputs that have an axis of
    length ``directions`` in front. It has a ``derivation`` and a ``source``, to look at.
    """

    points_name = "x0"

    def __init__(
        self, function: Callable[..., Any], order: int, directions: int, point_ndim: int = 1
    ) -> None:
        super().__init__(function, "collapsed", "cpu", point_ndim)
        self.order = whole(order, "the order of a jet", 1)
        self.directions = whole(directions, "directions", 1)

    def _derivation(
        self, graph: Graph, arguments: Arguments, companions: list[Graph]
    ) -> Derivation:
        point = arguments[0]
        builders = {"standard": Standard(lambda: self._pushed(graph, point))}
        return Derivation(graph, builders, self.method, about=About(self, point))

    def _pushed(self, graph: Graph, point: Input) -> Pushed:
        """One jet for each path, the highest coefficients added up at the end."""
        editor = Editor()
        axis = fresh_axes(graph)(self.directions)
        rows = Type((self.directions, *point.type.shape))
        paths = {}
        for node in graph.inputs:
            start = editor.add(Replicate(axis), editor.add(graph[node].op))
            if graph[node].op == point:
                given = [Input(f"{point.name}_{k}", rows) for k in range(1, self.order + 1)]
                path = [editor.add(Direct(0, axis), editor.add(leaf)) for leaf in given]
            else:
                path = [constant(editor, 0, editor[start].type)] * self.order
            paths[node] = [start, *path]
        jets = push_forward(editor, graph, self.order, paths)
        outputs = []
        for output in graph.outputs:
            jet, kind = jets[output], Type(graph[output].type.shape, (axis,))
            top = jet[self.order] if len(jet) > 1 else constant(editor, 0, kind)
            outputs.append(editor.add(Sum((), (axis.name,)), fit(editor, top, kind)))
        return Pushed(graph, editor, outputs, [jets])
