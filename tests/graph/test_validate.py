"""Every validity rule is broken by some graph, and named in the error; good graphs pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import pytest
import sympy as sp
from hypothesis import given

from graphs import A, B, laplacian, network
from jetfold.graph.errors import GraphError
from jetfold.graph.functions import softplus
from jetfold.graph.graph import Editor, Graph, Node
from jetfold.graph.ops import (
    Array,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Gather,
    Input,
    Map,
    Op,
    Parameter,
    Pick,
    Replicate,
    Slice,
    SourceLine,
    Sum,
    Transpose,
    Type,
)
from jetfold.graph.validate import VALIDITY, unknown_parts, validate
from random_graphs import graphs

SCALAR, VECTOR, MATRIX = Type(()), Type((3,)), Type((3, 4))
R, S = DirectionAxis("r", 2), DirectionAxis("s", 5)
X, M = Input("x", VECTOR), Input("m", MATRIX)
V, U = Input("v", Type((3,), (R,))), Input("u", Type((3,), (R, S)))
ALONG_S, ALONG_R = Type((3,), (S,)), Type((3,), (R,))


def raw(*nodes: tuple[Any, Type, Sequence[int]], outputs: Sequence[int] = (-1,)) -> Graph:
    """A graph of (operation, type, operands), unchecked; -1 is the last node."""
    digraph = nx.MultiDiGraph()
    for number, (op, kind, operands) in enumerate(nodes):
        digraph.add_node(number, node=Node(op, kind))
        digraph.add_edges_from((operand, number, i) for i, operand in enumerate(operands))
    return Graph(digraph, [len(nodes) - 1 if output == -1 else output for output in outputs])


def applied(op: Op, kind: Type, *leaves: Input) -> Graph:
    """One operation on these inputs."""
    return raw(*((leaf, leaf.type, ()) for leaf in leaves), (op, kind, range(len(leaves))))


def leaves(*ops: Input | Parameter) -> Graph:
    return raw(*((op, op.type, ()) for op in ops), outputs=range(len(ops)))


def gap() -> Graph:
    digraph = nx.MultiDiGraph()
    digraph.add_node(0, node=Node(X, VECTOR))
    digraph.add_node(1, node=Node(Map(A * B), VECTOR))
    digraph.add_edges_from([(0, 1, 0), (0, 1, 2)])
    return Graph(digraph, [1])


def indices(*numbers: int, dtype: Any = np.int64) -> Array:
    return Array(np.array(numbers, dtype=dtype))


def constant(value: Any, kind: Type, directions: tuple[DirectionAxis, ...] = ()) -> Graph:
    return raw((Constant(Array(np.asarray(value)), directions), kind, ()))


BROKEN: list[tuple[str, Graph, str]] = [
    ("content", raw(("tanh", VECTOR, ())), r"holds Node\(op='tanh'"),
    ("acyclic", raw((X, VECTOR, ()), (Map(A * B), VECTOR, (0, 1))), "through nodes 1"),
    ("positions", gap(), r"positions \[0, 2\]"),
    ("outputs", raw((X, VECTOR, ()), outputs=[0, 7]), "node 7 is an output"),
    ("alive", raw((X, VECTOR, ()), (M, MATRIX, ())), "node 0.*used by no output"),
    ("names", leaves(X, Input("x", MATRIX)), "node 0, .*1 other"),
    ("names", leaves(Parameter("w", VECTOR), Parameter("w", MATRIX)), "node 0, .*1 other"),
    ("arity", applied(Sum((0,)), SCALAR, X, M), "has 2 operands"),
    ("arity", raw((X, VECTOR, ()), (Parameter("w", VECTOR), VECTOR, (0,))), "has 1 operands"),
    ("arity", applied(Contract("a,a->"), SCALAR, X), "has 1 operands"),
    ("arity", applied(Contract("a"), VECTOR, X), "has 1 operands"),
    ("arity", raw((Concatenate(0), VECTOR, ())), "has 0 operands"),
    ("expressions", applied(Map(A + B), VECTOR, X), "no operand for a1"),
    ("expressions", applied(Map(A + sp.Symbol("a1")), VECTOR, X, M), "no operand for a1"),
    ("expressions", applied(Map(sp.tanh(B)), MATRIX, X, M), "does not use its operand a0"),
    ("functions", applied(Map(sp.zeta(A)), VECTOR, X), r"contains zeta\(a0\)"),
    ("functions", applied(Map(sp.Function("g")(A) + 1), VECTOR, X), r"contains g\(a0\)"),
    ("functions", applied(Map(sp.I * A), VECTOR, X), "contains I"),
    ("functions", applied(Map(sp.Max(A, 0)), VECTOR, X), r"contains Max\(0, a0\)"),
    (
        "functions",
        applied(Map(sp.Piecewise((sp.zeta(A), A > 0), (0, True))), VECTOR, X),
        r"contains zeta\(a0\)",
    ),
    ("contractions", applied(Contract("ab->aa"), VECTOR, M), "cannot give the axes 'aa'"),
    ("contractions", applied(Contract("ab->c"), VECTOR, M), "cannot give the axes 'c'"),
    ("contractions", applied(Contract("aB->a"), VECTOR, M), "letters a to z"),
    ("axes", applied(Sum((0, 0)), SCALAR, X), "sums over an axis twice"),
    ("axes", applied(Sum((), ("r", "r")), VECTOR, X), "sums over an axis twice"),
    ("axes", applied(Concatenate(1), VECTOR, X), r"has operands with \[1\] axes"),
    ("constants", constant(np.arange(3), VECTOR), "dtype int"),
    ("constants", constant(np.ones(3, dtype=complex), VECTOR), "dtype complex128"),
    ("constants", constant(np.ones((3, 2)), Type((2,), (R,)), (R,)), r"shape \(3, 2\)"),
    ("constants", constant(np.ones(()), Type((), (R,)), (R,)), r"shape \(\)"),
    ("types", applied(Map(sp.tanh(A)), MATRIX, X), "type 3x4 but gives 3"),
    ("types", applied(Transpose((0, 0)), MATRIX, M), "do not permute"),
    ("types", applied(Map(A * B), MATRIX, X, M), "cannot be broadcast"),
    ("types", applied(Sum(directions=("r",)), VECTOR, X), "does not fit its operands"),
    ("types", applied(Direct(0, R), SCALAR, X), "axis 0 of a value of type 3 is not r:2"),
    ("types", applied(Replicate(R), VECTOR, X), r"type 3 but gives 3\[r:2\]"),
    ("directions", constant(np.ones((5, 2)), Type((), (S, R)), (S, R)), "axes s, r"),
    ("directions", constant(np.ones((2, 2)), Type((), (R, R)), (R, R)), "axes r, r"),
    ("directions", leaves(Input("x", Type((), (DirectionAxis("*", 2),)))), "reserved"),
    ("indices", applied(Slice((1,), (1,), (3,)), VECTOR, X), "from 1 to 3 in an axis of size 3"),
    ("indices", applied(Slice((1,), (-1,), (3,)), VECTOR, X), "from 1 to -1"),
    ("indices", applied(Slice((0,), (0,), (3,)), VECTOR, X), "step of 0"),
    ("indices", applied(Slice((0,), (1,), (3,)), VECTOR, M), "each of 2 axes"),
    ("indices", applied(Gather(Array(np.array([0, 3]))), Type((2,)), X), "from 0 to 3 in 3"),
    ("indices", applied(Gather(Array(np.array([0, -2]))), Type((2,)), X), "from -2 to 0"),
    ("indices", applied(Gather(Array(np.array([0.0]))), Type((1,)), X), "dtype float64"),
    ("types", applied(Pick(indices(0, 1), "s", R), ALONG_R, V), "has no direction axis 's'"),
    ("types", applied(Collect(indices(0, 0), "r", S), ALONG_S, U), "already has the axis s:5"),
    (
        "indices",
        applied(Pick(indices(0, 1, 2, 1, 0), "r", S), ALONG_S, V),
        "from 0 to 2 in an axis of size 2",
    ),
    ("indices", applied(Pick(indices(0, 1, -1, 1, 0), "r", S), ALONG_S, V), "from -1 to 1"),
    ("indices", applied(Pick(indices(0, 1), "r", S), ALONG_S, V), r"shape \(2,\), not 5 integers"),
    (
        "indices",
        applied(Pick(indices(0, 1, 0, 1, 0, dtype=float), "r", S), ALONG_S, V),
        "dtype float64",
    ),
    (
        "indices",
        applied(Pick(Array(np.zeros((5, 1), dtype=int)), "r", S), ALONG_S, V),
        r"shape \(5, 1\), not 5 integers",
    ),
    (
        "indices",
        applied(Collect(indices(4, 5), "r", S), ALONG_S, V),
        "from 4 to 5 in an axis of size 5",
    ),
    ("indices", applied(Collect(indices(0, -1), "r", S), ALONG_S, V), "from -1 to 0"),
    (
        "indices",
        applied(Collect(indices(0, 1, 2, 3, 4), "r", S), ALONG_S, V),
        r"shape \(5,\), not 2 integers",
    ),
    ("indices", applied(Collect(indices(0, 1, dtype=bool), "r", S), ALONG_S, V), "dtype bool"),
]


@pytest.mark.parametrize(("rule", "graph", "problem"), BROKEN)
def test_broken_rule_is_named(rule: str, graph: Graph, problem: str) -> None:
    with pytest.raises(GraphError, match=f"breaks the rule '{rule}' .*{problem}"):
        validate(graph)


def test_every_rule_is_broken_by_some_graph() -> None:
    assert {rule for rule, _, _ in BROKEN} == {rule.name for rule in VALIDITY}
    assert len({rule.name for rule in VALIDITY}) == len(VALIDITY)


@pytest.mark.parametrize("graph", [network(), laplacian(False), laplacian(True)])
def test_good_graphs(graph: Graph) -> None:
    validate(graph)


@given(graphs())
def test_random_graphs(graph: Graph) -> None:
    validate(graph)


def test_good_corner_cases() -> None:
    editor = Editor()
    x = editor.add(X)
    half = editor.add(Map(sp.pi / 2))  # a Map without operands is a scalar
    same = editor.add(Map(A * B), x, x)
    backwards = editor.add(Slice((2,), (-1,), (3,)), same)
    nothing = editor.add(Slice((3,), (1,), (0,)), x)
    padded = editor.add(Gather(Array(np.array([-1, 2]))), x)
    single = editor.add(Constant(Array(np.full((2, 3), np.nan, dtype=np.float32)), (R,)))
    v = editor.add(V)
    small = editor.add(Pick(indices(1, 1, 0, 0, 1, dtype=np.uint8), "r", S), v)
    empty = editor.add(Pick(indices(), "r", DirectionAxis("r", 0)), v)
    filled = editor.add(Collect(indices(), "r", S), empty)
    one = editor.add(Collect(indices(0, 0), "r", DirectionAxis("r", 1)), v)
    outputs = [half, backwards, nothing, padded, single, small, empty, filled, one, x, x]
    validate(editor.freeze(outputs))
    validate(editor.freeze([]))


def test_error_names_the_line_of_the_user() -> None:
    source = SourceLine("model.py", 12, "y = x @ w")
    digraph = nx.MultiDiGraph()
    digraph.add_node(0, node=Node(Map(A), VECTOR, source))
    with pytest.raises(GraphError, match=r'node 0, Map.* from File "model.py", line 12: y = x @ w'):
        validate(Graph(digraph, [0]))


def test_parts_of_expressions() -> None:
    known = sp.Piecewise(
        (softplus(A) ** B, (A > 0) & sp.Ne(B, 1)), (sp.oo, sp.Not(A < B)), (1, True)
    )
    assert list(unknown_parts(known)) == []
    assert list(unknown_parts(sp.Piecewise((A, sp.zeta(A) > 0), (0, True)))) == [sp.zeta(A)]
    assert sp.Derivative(sp.Function("g")(A), A) in list(
        unknown_parts(sp.Derivative(sp.Function("g")(A), A))
    )
