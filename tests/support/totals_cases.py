"""Graphs with outputs to be summed over the batch."""

from __future__ import annotations

import sympy as sp

from graphs import A, B
from jetfold.graph import (
    Contract,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Total,
    Type,
)
from jetfold.graph.ops import split_spec

S = DirectionAxis("b", 2)
R = DirectionAxis("r", 3)


def a_graph() -> Graph:
    """A value with axes b and r, one that does not vary, one without axes, an outer product."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    p = editor.add(Parameter("p", Type((2,), (S, R))))
    y = editor.add(Map(sp.tanh(A) * B), x, p)
    return editor.freeze([y, p, x, editor.add(Contract("i,j->ij"), y, x)])


SPECS = [
    "i,j->ij",
    "i,j->ji",
    "ni,nj->ij",
    "bi,bj->bij",
    "bni,nbj->jbi",
    ",i->i",
    "i,->i",
    "i,i->i",
]
SPECS += ["n,n->", "bi,j->bij", "nci,nbj->bijc"]
SIZES = {"i": 3, "j": 4, "n": 2, "b": 2, "c": 2}


def contraction(spec: str, direction: bool) -> tuple[Graph, list[Total]]:
    editor = Editor()
    values = []
    for i, letters in enumerate(split_spec(spec)[0]):
        shape = tuple(SIZES[c] for c in letters)
        value = editor.add(Input(f"x{i}", Type(shape)))
        if direction:
            p = editor.add(Parameter(f"p{i}", Type(shape, (R,))))
            value = editor.add(Map(A * B), value, p)
        values.append(value)
    node = editor.add(Contract(spec), *values)
    graph = editor.freeze([node])
    return graph, [Total((0,), Type(graph[node].type.shape))]
