"""Clean-up rules: what each makes of small graphs, what none of them touches, and equal nodes."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import sympy as sp

import exact
from golden import Golden
from jetfold.graph import (
    Array,
    Broadcast,
    Coefficient,
    Concatenate,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Map,
    Node,
    Replicate,
    Reshape,
    Rule,
    Slice,
    SourceLine,
    Sum,
    Transpose,
    operand_symbol,
    simplify,
)
from jetfold.graph import functions as fn
from jetfold.graph.ops import Op
from jetfold.graph.simplify import FOLD_LIMIT, SIMPLIFY, merge_equal
from rule_cases import Build, M, R, S, T, U, V, W, X, collect, file_name, leaves_alone, pick, story

A, B = map(operand_symbol, range(2))
Q, RR = DirectionAxis("q", 4), DirectionAxis("r", 5)


def fixed(e: Editor, value: object, *axes: DirectionAxis) -> int:
    return e.add(Constant(Array(np.asarray(value, dtype=np.float64)), axes))


def zeros(e: Editor, *shape: int) -> int:
    return fixed(e, np.zeros(shape))


CASES: dict[str, dict[str, Build]] = {
    "put zeros and ones": {
        "zero in a sum": lambda e: e.add(Map(A * B + sp.sin(B)), zeros(e, 3), e.add(X)),
        "one in a product": lambda e: e.add(Map(A * B), fixed(e, np.ones(3)), e.add(X)),
        "the copies stay": lambda e: e.add(
            Map(A * B + sp.exp(B)), fixed(e, np.ones((2, 3)), R), e.add(X)
        ),
        "the shape stays": lambda e: e.add(Map(sp.exp(A) * B), zeros(e, 2, 1), e.add(X)),
        "everything vanishes": lambda e: e.add(Map(A * B), zeros(e, 2, 3), e.add(M)),
        "a function of a number": lambda e: e.add(Map(fn.expit(A) * B), zeros(e, 3), e.add(X)),
        "a branch is known": lambda e: e.add(
            Map(sp.Piecewise((1 / B, A > 0), (B, True))), zeros(e, 3), e.add(X)
        ),
    },
    "linear of zero": {
        "contraction": lambda e: e.add(
            Contract("a,ab->b"), fixed(e, np.zeros((2, 3)), R), e.add(W)
        ),
        "sum over directions": lambda e: e.add(Sum((), ("r",)), fixed(e, np.zeros((2, 3)), R)),
        "move": lambda e: e.add(Gather(Array(np.array([1, -1]))), zeros(e, 3)),
        "copies": lambda e: e.add(Replicate(S), zeros(e, 3)),
        "pick": lambda e: pick(e, fixed(e, np.zeros((2, 3)), R), [1, 0, 1], "r", "a"),
        "collect": lambda e: collect(e, fixed(e, np.zeros((2, 3)), R), [2, 2], "r", S),
        "all parts": lambda e: e.add(Concatenate(0), zeros(e, 2, 3), zeros(e, 1, 3)),
    },
    "contract with unit vectors": {
        "first axis": lambda e: e.add(Contract("a,ab->b"), fixed(e, np.eye(3), S), e.add(W)),
        "in the middle, and turned": lambda e: e.add(
            Contract("bca,c->ab"), e.add(T), fixed(e, np.eye(3), S)
        ),
    },
    "drop a no-op": {
        "each of them": lambda e: (
            e.add(Reshape((3,)), e.add(X)),
            e.add(Broadcast((2, 3)), e.add(M)),
            e.add(Transpose((0, 1)), e.add(M)),
            e.add(Slice((0,), (1,), (3,)), e.add(X)),
            e.add(Concatenate(0), e.add(X)),
            e.add(Gather(Array(np.arange(3))), e.add(X)),
            e.add(Map(A), e.add(X)),
            e.add(Sum(), e.add(X)),
            pick(e, e.add(U), [0, 1], "r", "r"),
            collect(e, e.add(U), [0, 1, 2], "s", S),
        ),
    },
    "merge moves and sums": {
        "reshapes": lambda e: e.add(Reshape((6,)), e.add(Reshape((3, 2)), e.add(M))),
        "broadcasts": lambda e: e.add(Broadcast((4, 2, 3)), e.add(Broadcast((1, 2, 3)), e.add(M))),
        "transpositions": lambda e: e.add(
            Transpose((0, 2, 1)), e.add(Transpose((1, 2, 0)), e.add(T))
        ),
        "sums": lambda e: e.add(Sum((0,), ("s",)), e.add(Sum((), ("r",)), e.add(U))),
        "picks": lambda e: pick(
            e, pick(e, e.add(U), [2, 0, 1, 2], "s", "a"), [3, 3, 0, 1, 2], "a", "z"
        ),
        "picks there and back": lambda e: pick(
            e, pick(e, e.add(V), [1, 0], "r", "a"), [1], "a", "r"
        ),
        "collects": lambda e: collect(
            e, collect(e, e.add(U), [3, 0, 3], "s", Q), [1, 0, 0, 2], "q", DirectionAxis("a", 4)
        ),
        "collects of one name": lambda e: collect(
            e, collect(e, e.add(U), [1, 1, 0], "s", S), [2, 1, 1], "s", S
        ),
    },
    "fold constants": {
        "function": lambda e: e.add(Map(A * B + A), fixed(e, [[1, 2], [3, 4]]), fixed(e, [5, -6])),
        "contraction": lambda e: e.add(
            Contract("ab,b->a"), fixed(e, [[1, 2], [3, 4]]), fixed(e, [1, -1])
        ),
        "sum": lambda e: e.add(Sum((1,)), fixed(e, [[1, 2], [3, 4]])),
        "move": lambda e: e.add(Transpose((1, 0)), fixed(e, [[1, 2], [3, 4]])),
        "copies": lambda e: e.add(Replicate(R), fixed(e, [1, 2])),
        "pick": lambda e: pick(e, fixed(e, [[1, 2, 3], [4, 5, 6]], R, S), [2, 0], "s", "a"),
        "collect": lambda e: collect(e, fixed(e, [[1, 2], [3, 4]], R), [2, 2], "r", S),
        "step by step": lambda e: e.add(Map(A**2), e.add(Map(A + 1), fixed(e, [1, 2]))),
    },
}


@pytest.mark.parametrize("rule", SIMPLIFY, ids=lambda rule: rule.name)
def test_what_each_rule_does(rule: Rule, golden: Golden) -> None:
    golden(file_name(rule), story(rule, CASES[rule.name]))


def test_every_rule_has_cases() -> None:
    assert set(CASES) == {rule.name for rule in SIMPLIFY}


UNTOUCHED: dict[str, Build] = {
    "a pole": lambda e: e.add(Map(B / A), zeros(e, 3), e.add(X)),
    "the logarithm of zero": lambda e: e.add(Map(sp.log(A) + B), zeros(e, 3), e.add(X)),
    "numbers that differ": lambda e: e.add(Map(A * B), fixed(e, [0, 0, 1]), e.add(X)),
    "half": lambda e: e.add(Map(A * B), fixed(e, 0.5), e.add(X)),
    "one part of several": lambda e: e.add(Concatenate(0), zeros(e, 2, 3), e.add(M)),
    "a constant that rounds": lambda e: e.add(Map(A / 3), fixed(e, [1, 2])),
    "infinity": lambda e: e.add(Map(A + 1), fixed(e, [np.inf, 1])),
    "a large constant": lambda e: e.add(Broadcast((FOLD_LIMIT + 1,)), fixed(e, [3])),
    "not the identity": lambda e: e.add(Contract("a,ab->b"), fixed(e, np.eye(3) * 2, S), e.add(W)),
    "a matrix without directions": lambda e: e.add(
        Contract("ca,ab->cb"), fixed(e, np.eye(3)), e.add(W)
    ),
    "a diagonal": lambda e: e.add(
        Contract("a,aa->"), fixed(e, np.eye(3), S), e.add(Contract("a,b->ab"), e.add(X), e.add(X))
    ),
    "directions that are there": lambda e: e.add(
        Contract("a,a->"), fixed(e, np.eye(3), S), e.add(Sum((), ("r",)), e.add(U))
    ),
    "another order": lambda e: e.add(Transpose((1, 0)), e.add(M)),
    "backwards": lambda e: e.add(Slice((2,), (-1,), (3,)), e.add(X)),
    "a sum above a sum of an axis": lambda e: e.add(Sum((0,)), e.add(Sum((0,)), e.add(M))),
    "elements along an axis in another order": lambda e: pick(e, e.add(V), [1, 0], "r", "r"),
    "an axis with another name": lambda e: pick(e, e.add(V), [0, 1], "r", "a"),
    "some of the elements along an axis": lambda e: pick(e, e.add(U), [0, 1], "s", "s"),
    "a longer axis of the same name": lambda e: collect(e, e.add(V), [0, 1], "r", RR),
    "picks along different axes": lambda e: pick(
        e, pick(e, e.add(U), [1, 1], "r", "q"), [2, 0], "s", "a"
    ),
    "collects along different axes": lambda e: collect(
        e, collect(e, e.add(U), [1, 1], "r", Q), [2, 0, 0], "s", RR
    ),
    "what is picked and collected": lambda e: collect(
        e, pick(e, e.add(V), [1, 0, 1], "r", "a"), [1, 0, 0], "a", R
    ),
    "what is collected and picked": lambda e: pick(
        e, collect(e, e.add(V), [1, 0], "r", Q), [1, 0], "q", "r"
    ),
    "different moves": lambda e: e.add(Transpose((1, 0)), e.add(Reshape((3, 2)), e.add(M))),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_no_rule_touches(name: str) -> None:
    assert leaves_alone(SIMPLIFY, UNTOUCHED[name])


# Whole graphs -------------------------------------------------------------------------------------


def twice() -> Graph:
    """sin(x) sin(x), with two nodes for sin(x)."""
    digraph = nx.MultiDiGraph()
    ops: list[Op] = [X, Map(sp.sin(A)), Map(sp.sin(A)), Map(A * B)]
    for number, op in enumerate(ops):
        digraph.add_node(number, node=Node(op, X.type))
    digraph.add_edges_from([(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1)])
    return Graph(digraph, [3])


def test_equal_nodes_become_one() -> None:
    merged = merge_equal(twice())
    assert merged.counts() == {"Input": 1, "Map": 2}
    assert simplify(twice()).graph.counts() == {"Input": 1, "Map": 2}
    (output,) = merged.outputs
    first, second = merged.operands(output)
    assert first == second
    assert exact.same(exact.Exact()(merged), exact.Exact()(twice()))


def test_what_is_known_of_a_node_stays_known() -> None:
    editor = Editor()
    source, role = SourceLine("f.py", 3, "x * 1"), Coefficient(7, 2)
    product = editor.add(Map(A * B), fixed(editor, 1.0), editor.add(X), source=source, role=role)
    graph = simplify(editor.freeze([editor.add(Map(sp.sin(A)), product)])).graph
    (node,) = graph.inputs
    assert len(graph) == 2
    assert (graph[node].source, graph[node].role) == (source, role)


def test_clean_up_is_complete_and_exact() -> None:
    """A graph in which every rule has something to do, one after the other."""
    editor = Editor()
    outputs: list[int] = []
    for cases in CASES.values():
        for build in cases.values():
            built = build(editor)
            outputs += built if isinstance(built, tuple) else (built,)
    rewriting = exact.check(simplify(editor.freeze(outputs)))
    assert {step.rule.name for step in rewriting.steps} == set(CASES)
    assert not simplify(rewriting.graph).steps
    assert [rewriting.graph[output].type for output in rewriting.graph.outputs] == [
        editor[output].type for output in outputs
    ]


def test_no_output_and_outputs_that_become_the_same() -> None:
    assert len(simplify(Editor().freeze([])).graph) == 0
    editor = Editor()
    x = editor.add(X)
    one = fixed(editor, np.ones(3))
    graph = editor.freeze([editor.add(Map(A * B), one, x), x, editor.add(Reshape((3,)), x)])
    cleaned = simplify(graph).graph
    assert len(set(cleaned.outputs)) == 1
    assert len(cleaned) == 1


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_constants_that_are_not_finite_stay(value: float) -> None:
    editor = Editor()
    total = editor.add(Map(A * B), fixed(editor, np.full(3, value)), editor.add(X))
    graph = simplify(editor.freeze([total])).graph
    assert [graph[o].op for o in graph.operands(graph.outputs[0])] == [
        Constant(Array(np.full(3, value))),
        X,
    ]
