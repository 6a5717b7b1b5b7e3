"""`Graph` and `Editor`: sharing, replacing, merging, pruning, copying, freezing, pickling."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from typing import Any

import networkx as nx
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from graphs import ADD, FILE, TANH, A, B, C, laplacian, network
from jetfold.graph.errors import GraphError, JetfoldError, ShapeError
from jetfold.graph.graph import Coefficient, Editor, Graph, Node
from jetfold.graph.interpret import Value, interpret
from jetfold.graph.ops import (
    Array,
    Constant,
    Contract,
    Input,
    Map,
    Parameter,
    SourceLine,
    Type,
)
from jetfold.graph.text import to_text
from jetfold.graph.validate import validate
from programs import sample
from random_graphs import graphs

VECTOR = Type((3,))
SIN, COS, TIMES = Map(sp.sin(A)), Map(sp.cos(A)), Map(A * B)


def start() -> tuple[Editor, int, int]:
    """An editor with two inputs."""
    editor = Editor()
    return editor, editor.add(Input("x", VECTOR)), editor.add(Input("y", VECTOR))


# Graph ------------------------------------------------------------------------------------------


def test_graph_is_a_frozen_networkx_graph() -> None:
    editor, x, _ = start()
    square = editor.add(TIMES, x, x)
    graph = editor.freeze([square])
    assert isinstance(graph.nx, nx.MultiDiGraph)
    assert list(graph.nx.edges(keys=True)) == [(x, square, 0), (x, square, 1)]
    assert nx.dag_longest_path_length(graph.nx) == 1
    with pytest.raises(nx.NetworkXError):
        graph.nx.add_node(7)
    editor.add(SIN, square)
    assert len(graph) == 2


def test_looking_at_a_graph() -> None:
    graph = network()
    assert graph[graph.outputs[0]].op == Contract("a,a->")
    assert len(graph) == len(list(graph)) == 13
    assert graph.counts() == Counter(Input=1, Parameter=5, Contract=3, Map=4)
    names = [graph[n].op.name for n in graph.parameters]  # type: ignore[union-attr]
    assert sorted(names) == ["W1", "W2", "b1", "b2", "w"]
    assert {*graph.inputs, *graph.parameters} == set(graph.leaves)
    place = {node: i for i, node in enumerate(graph.order)}
    assert all(place[a] < place[b] for a, b, _ in graph.nx.edges)
    (x,) = graph.inputs
    (first,) = graph.users(x)
    assert graph.operands(first)[0] == x
    assert graph.operands(x) == ()


def test_operands_are_in_order_whatever_the_order_of_edges() -> None:
    editor, x, y = start()
    node = editor.add(Map(A - B * C), y, x, y)
    graph = editor.freeze([node])
    assert graph.operands(node) == (y, x, y)
    assert graph.users(y) == (node,)


def test_what_depends_on_an_input_varies() -> None:
    graph = laplacian(collapsed=True)
    reached = set(graph.inputs).union(*(nx.descendants(graph.nx, x) for x in graph.inputs))
    assert graph.varying == reached
    assert set(graph.parameters).isdisjoint(reached)
    assert 0 < len(reached) < len(graph)


def test_pickling_and_copying() -> None:
    graph = laplacian(collapsed=True)
    for other in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph)):
        assert other.outputs == graph.outputs
        assert {n: other[n] for n in other} == {n: graph[n] for n in graph}
        assert set(other.nx.edges) == set(graph.nx.edges)
        assert nx.is_frozen(other.nx)
        validate(other)


def test_text_of_graph() -> None:
    assert str(network()) == to_text(network())


def test_coefficients() -> None:
    top = Coefficient(7, 2)
    assert str(top) == "%7_2"
    assert top.sum_over(("s",)).sum_over(("r",)) == Coefficient(7, 2, ("r", "s"))
    assert str(top.sum_over(("s", "r"))) == "sum_r sum_s %7_2"
    single = Coefficient(7, 2, (), ("v0", "v0 + v1"))
    assert str(single) == "%7_2 along v0 along v0 + v1"
    assert single.sum_over(("r",)) == Coefficient(7, 2, ("r",), ("v0", "v0 + v1"))


# Adding -----------------------------------------------------------------------------------------


def test_equal_operations_are_one_node() -> None:
    editor, x, y = start()
    assert editor.add(SIN, x) == editor.add(Map(sp.sin(A)), x)
    assert editor.add(SIN, x) != editor.add(SIN, y)
    assert editor.add(Map(A - B), x, y) != editor.add(Map(A - B), y, x)
    assert editor.add(Input("x", VECTOR)) == x
    zeros = [editor.add(Constant(Array(np.zeros(2, dtype)))) for dtype in ("f4", "f8", "f8")]
    assert zeros[0] != zeros[1] == zeros[2]


def test_operands_that_do_not_fit_leave_no_trace() -> None:
    editor, x, _ = start()
    before = set(editor.nx)
    wide = Input("wide", Type((4,)))
    with pytest.raises(ShapeError, match="cannot be broadcast"):
        editor.add(ADD, x, editor.add(wide))
    assert set(editor.nx) == before | {editor.add(wide)}


def test_first_origin_is_kept() -> None:
    editor, x, _ = start()
    line, other = SourceLine(FILE, 1), SourceLine(FILE, 2)
    node = editor.add(SIN, x)
    editor.annotate(node, line, None)
    editor.annotate(node, other, Coefficient(3, 1))
    editor.annotate(node, None, Coefficient(4, 1))
    assert editor[node] == Node(SIN, VECTOR, line, Coefficient(3, 1))
    frozen = editor.freeze([node])
    assert editor.add(SIN, x, source=other) == node
    assert frozen[node].source is line


def test_numbers_are_never_used_again() -> None:
    editor, x, y = start()
    gone = editor.add(SIN, x)
    editor.outputs = [gone]
    editor.replace(gone, y)
    assert gone not in editor
    assert x not in editor
    assert editor.add(COS, y) > gone
    continued = Editor(editor.freeze())
    assert continued.add(SIN, y) > max(editor.freeze())


# Replacing --------------------------------------------------------------------------------------


def test_replacing_tells_users_and_drops_what_is_dead() -> None:
    editor, x, y = start()
    inner = editor.add(SIN, x)
    old = editor.add(COS, inner)
    first, second = editor.add(TANH, old), editor.add(ADD, old, y)
    editor.outputs = [first, second, old]
    assert set(editor.replace(old, y)) == {first, second}
    assert editor.operands(second) == (y, y)
    assert editor.outputs == [first, second, y]
    assert {old, inner, x}.isdisjoint(editor.nx)
    validate(editor.freeze())


def test_replacing_merges_users_that_become_equal() -> None:
    editor, x, y = start()
    sines = [editor.add(SIN, x), editor.add(SIN, y)]
    squares = [editor.add(Map(A**2), sine) for sine in sines]
    editor.outputs = [editor.add(ADD, *squares)]
    (total,) = editor.outputs
    editor.replace(x, y)
    assert editor.operands(total) == (squares[1], squares[1])
    assert set(editor.nx) == {y, sines[1], squares[1], total}
    assert editor.add(ADD, squares[1], squares[1]) == total


def test_replacing_by_itself_changes_nothing() -> None:
    editor, x, _ = start()
    node = editor.add(SIN, x)
    editor.outputs = [node]
    assert editor.replace(x, x) == ()
    assert editor.operands(node) == (x,)


def test_replacement_takes_over_origin_and_role() -> None:
    editor, x, y = start()
    line, role = SourceLine(FILE, 3), Coefficient(2, 2)
    old, new = editor.add(SIN, x, source=line, role=role), editor.add(COS, y)
    editor.outputs = [old]
    editor.replace(old, new)
    assert editor[new] == Node(COS, VECTOR, line, role)


def test_a_replaced_operation_can_be_added_again() -> None:
    editor, x, y = start()
    old = editor.add(SIN, x)
    editor.outputs = [editor.add(TANH, old), y]
    editor.replace(old, y)
    again = editor.add(SIN, editor.add(Input("x", VECTOR)))
    assert again != old
    assert again in editor


def test_merging_several_users_at_once() -> None:
    editor, x, y = start()
    left, right = editor.add(SIN, x), editor.add(SIN, y)
    both = editor.add(TIMES, left, right)
    squared = editor.add(TIMES, right, right)
    editor.outputs = [editor.add(Map(A - B), both, squared)]
    editor.replace(x, y)
    assert editor.operands(editor.outputs[0]) == (squared, squared)
    validate(editor.freeze())


def test_merging_into_a_node_that_only_the_replaced_one_used() -> None:
    editor, x, _ = start()
    twin = editor.add(SIN, x)
    old = editor.add(COS, twin)
    editor.outputs = [editor.add(TANH, editor.add(SIN, old))]
    editor.replace(old, x)
    assert editor.operands(editor.outputs[0]) == (twin,)
    assert editor.operands(twin) == (x,)
    validate(editor.freeze())


def leaf_values(graph: Graph) -> dict[int, Value]:
    """Values for the inputs and parameters."""
    inputs, parameters = sample(graph, 1)
    values = {}
    for node in graph.leaves:
        match graph[node].op:
            case Input(name, _):
                values[node] = Value(inputs[name][0])
            case Parameter(name, kind):
                lead = tuple(axis.name for axis in kind.directions)
                values[node] = Value(parameters[name], lead)
    return values


@given(graphs(), st.data())
def test_replacing_nodes_by_constants(graph: Graph, data: st.DataObject) -> None:
    """The values are those that follow if the node has this value, and equal nodes are merged."""
    leaves = leaf_values(graph)
    editor = Editor(graph)
    for _ in range(data.draw(st.integers(1, 4))):
        before = editor.freeze()
        node = data.draw(st.sampled_from(before.order))
        kind = before[node].type
        sizes = tuple(axis.size for axis in kind.directions) + kind.shape
        value = np.full(sizes, float(data.draw(st.integers(0, 1))))
        lead = tuple(axis.name for axis in kind.directions)
        editor.replace(node, editor.add(Constant(Array(value), kind.directions)))
        after = editor.freeze()
        validate(after)
        assert set(after) == set(editor.nx)
        keys = [(after[n].op, after.operands(n)) for n in after]
        assert len(set(keys)) == len(keys)
        expected = output_values(before, {**leaves, node: Value(value, lead)})
        for found, wanted in zip(output_values(after, leaves), expected, strict=True):
            np.testing.assert_allclose(found, wanted)


def output_values(graph: Graph, known: dict[int, Value]) -> list[NDArray[Any]]:
    values = interpret(graph, {n: value for n, value in known.items() if n in graph})
    return [values[output].array for output in graph.outputs]


# Pruning, inserting, freezing -------------------------------------------------------------------


def test_pruning_keeps_what_is_used() -> None:
    editor, x, y = start()
    shared = editor.add(SIN, x)
    used, unused = editor.add(COS, shared), editor.add(TIMES, shared, y)
    editor.outputs = [used]
    editor.prune(unused)
    assert set(editor.nx) == {x, shared, used}
    editor.prune(used)
    editor.prune(shared)
    assert set(editor.nx) == {x, shared, used}


def test_freezing_keeps_what_outputs_need() -> None:
    editor, x, y = start()
    used = editor.add(SIN, x)
    editor.add(TIMES, used, y)
    graph = editor.freeze([used, used])
    assert set(graph) == {x, used}
    assert graph.outputs == (used, used)
    editor.outputs = [y]
    assert set(editor.freeze()) == {y}
    assert len(editor.nx) == 4


def test_unknown_output() -> None:
    editor, _, _ = start()
    with pytest.raises(GraphError, match="%99 is not in the graph") as caught:
        editor.freeze([99])
    assert isinstance(caught.value, (JetfoldError, ValueError))


def test_inserting_a_graph_with_other_leaves() -> None:
    inner = network()
    editor = Editor()
    x = editor.add(Input("point", Type((3,))))
    twice = editor.add(Map(2 * A), x)
    where = editor.insert(inner, {inner.inputs[0]: twice})
    graph = editor.freeze([where[output] for output in inner.outputs])
    assert len(graph) == len(inner) + 1
    assert [graph[n].op for n in graph.inputs] == [Input("point", Type((3,)))]
    for node in inner:
        if node not in inner.inputs:
            assert graph[where[node]] == inner[node]
            assert graph.operands(where[node]) == tuple(where[n] for n in inner.operands(node))
    validate(graph)


def test_inserting_twice_adds_nothing() -> None:
    graph = laplacian(collapsed=False)
    editor = Editor()
    first = editor.insert(graph, {})
    size = len(editor.nx)
    assert editor.insert(graph, {}) == first
    assert len(editor.nx) == size == len(graph)


def test_inserting_renumbers_roles() -> None:
    graph = laplacian(collapsed=True)
    editor = Editor()
    where = editor.insert(graph, {}, first_number=100)
    roles = {node: graph[node].role for node in graph if graph[node].role}
    for node, role in roles.items():
        assert role is not None
        expected = Coefficient(role.of + 100, role.order, role.summed)
        assert editor[where[node]].role == expected


def test_inserting_keeps_directions_of_roles() -> None:
    one = Editor()
    graph = one.freeze([one.add(Input("x", VECTOR), role=Coefficient(2, 1, (), ("v3",)))])
    editor = Editor()
    (node,) = editor.insert(graph, {}, first_number=10).values()
    assert editor[node].role == Coefficient(12, 1, (), ("v3",))


def test_editing_a_copy_leaves_the_graph_alone() -> None:
    graph = network()
    before = str(graph)
    editor = Editor(graph)
    (x,) = graph.inputs
    assert editor.outputs == list(graph.outputs)
    assert editor.add(graph[x].op) == x
    editor.replace(x, editor.add(Parameter("fixed", Type((3,)))))
    assert str(graph) == before
    assert editor.freeze().inputs == ()
