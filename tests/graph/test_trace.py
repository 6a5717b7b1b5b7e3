"""From functions to graphs: arguments, outputs, sources, constants, sub-graphs."""

import copy
import pickle
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jetfold.graph.errors import TraceError
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.interpret import BATCH, Value, interpret
from jetfold.graph.ops import Array, Constant, Input, Map, Parameter, Type, operand_symbol
from jetfold.graph.trace import Traced, lift, trace, wrap
from jetfold.graph.tracer import record
from jetfold.graph.tree import flatten, paths, unflatten
from tracing import batch, check, run, trace_at

Layer = namedtuple("Layer", ["W", "b"])
a0 = operand_symbol(0)


def network(x: Any, params: Any) -> Any:
    for layer in params["hidden"]:
        x = np.tanh(x @ layer.W + layer.b)
    return x @ params["out"][0] + params["out"][1]


def weights() -> dict[str, Any]:
    random = np.random.default_rng(1)
    hidden = [Layer(random.normal(size=(n, m)), random.normal(size=m)) for n, m in ((3, 4), (4, 4))]
    return {"out": (random.normal(size=4), 0.5), "hidden": hidden, "unused": None}


def as_parameters(params: Any) -> Any:
    leaves, structure = flatten(params)
    names = paths(params, "params")
    ops = [Parameter(name, Type(np.shape(leaf))) for name, leaf in zip(names, leaves, strict=True)]
    return unflatten(structure, ops)


def test_parameters_in_a_tree() -> None:
    params = weights()
    traced = trace(network, (Input("x", Type((3,))), as_parameters(params)))
    graph = traced.graph
    names = {op.name for op in (graph[node].op for node in graph.parameters)}  # type: ignore[union-attr]
    assert names == set(paths(params, "params"))
    values = dict(zip(paths(params, "params"), flatten(params)[0], strict=True))
    (points,) = batch((3,))
    leaves = {
        node: Value(np.asarray(values[graph[node].op.name]))  # type: ignore[union-attr]
        for node in graph.parameters
    }
    leaves[graph.inputs[0]] = Value(points, (BATCH,))
    found = interpret(graph, leaves)[graph.outputs[0]].array
    np.testing.assert_allclose(found, [network(x, params) for x in points], rtol=1e-13)


def test_other_arguments_are_handed_on() -> None:
    def f(x: Any, power: int, table: Any, nothing: None) -> Any:
        assert nothing is None
        assert isinstance(table["scale"], np.ndarray)
        return x**power * table["scale"] + table["c"]

    constant = Constant(Array(np.array([1.0, 2.0])))
    arguments = (Input("x", Type((2,))), 3, {"scale": np.array([2.0, 3.0]), "c": constant}, None)
    (output,) = run(trace(f, arguments).graph, {"x": np.array([[1.0, 2.0]])})
    np.testing.assert_array_equal(output, [[3.0, 26.0]])


def test_outputs_are_a_tree_with_constants_for_plain_values() -> None:
    def f(x: Any) -> Any:
        return {"sum": x.sum(), "parts": (x, 1, [np.ones(2), None]), "flag": np.True_}

    traced = trace_at(f, (2,))
    assert str(traced.outputs) == "{'flag': *, 'parts': (*, *, [*, None]), 'sum': *}"
    check(f, batch((2,)))


def test_only_what_outputs_need_is_kept() -> None:
    def f(x: Any) -> Any:
        np.exp(x)
        return x + 1

    assert trace_at(f, (2,)).graph.counts() == {"Input": 1, "Map": 1}


def test_moves_that_move_nothing_leave_no_trace() -> None:
    for function in (np.squeeze, lambda x: x.reshape(2, -1), lambda x: x.T.T, np.atleast_2d):
        assert trace_at(function, (2, 3)).graph.counts()["Reshape"] == 0
    for function in (lambda x: np.broadcast_to(x, 3), np.transpose, lambda x: x.T):
        assert len(trace_at(function, (3,)).graph) == 1


def test_equal_operations_are_one_node() -> None:
    graph = trace_at(lambda x: np.tanh(x * 2) + np.tanh(2 * x), (2,)).graph
    assert graph.counts() == {"Input": 1, "Map": 3}


def test_each_node_knows_the_line_it_comes_from() -> None:
    def f(x: Any) -> Any:
        y = np.mean(x[::2])  # first
        return np.sum(
            y * np.linalg.norm(x)  # second
        )

    graph = trace_at(f, (5,)).graph
    here = Path(__file__).read_text().splitlines()
    lines = set()
    for node in graph:
        source = graph[node].source
        if isinstance(graph[node].op, Input):
            assert source is None
        else:
            assert source is not None
            assert source.file == __file__
            assert here[source.line - 1].strip() == source.text
            lines.add(source.text)
    assert lines == {"y = np.mean(x[::2])  # first", "y * np.linalg.norm(x)  # second"}


def test_arrays_become_constants_in_double_precision() -> None:
    def f(x: Any) -> Any:
        return x * np.array([1, 2]) + np.array([True, False]) - np.array([0.5, 0.25], np.float32)

    graph = trace_at(f, (2,)).graph
    constants = [op.value.value for op in (graph[n].op for n in graph) if isinstance(op, Constant)]
    assert {tuple(value.tolist()) for value in constants} == {(1, 2), (1, 0), (0.5, 0.25)}
    assert all(value.dtype == np.float64 for value in constants)


def test_a_constant_is_not_changed_afterwards() -> None:
    array = np.array([1.0, 2.0])
    traced = trace_at(lambda x: x + array, (2,))
    array[:] = 0
    np.testing.assert_array_equal(run(traced.graph, {"x0": np.zeros((1, 2))})[0], [[1.0, 2.0]])


def test_augmented_assignment_binds_the_name_again() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        y += 1
        y *= x
        y @= np.eye(2)
        return y - x

    check(f, batch((2,)))


def test_arrays_and_numpy_numbers_leave_the_operation_to_the_tracer() -> None:
    matrix: NDArray[Any] = np.arange(6.0).reshape(2, 3)
    check(lambda x: matrix @ x, batch((3,)))
    check(lambda x: np.float64(2) * x - np.float32(0.5), batch((3,)))
    check(lambda x: matrix > x, batch((3,)))


def test_an_operator_can_insert_a_graph_of_its_own() -> None:
    inner = trace_at(lambda y: np.sin(y).sum(), (2,)).graph

    def operator(value: Any) -> Any:
        placed = value.editor.insert(inner, {inner.inputs[0]: value.node})
        return wrap(value.editor, placed[inner.outputs[0]])

    (points,) = batch((2,))
    graph = trace_at(lambda x: operator(x**2) * x, (2,)).graph
    (output,) = run(graph, {"x0": points})
    expected = np.sin(points**2).sum(axis=1, keepdims=True) * points
    np.testing.assert_allclose(output, expected, rtol=1e-14)


def test_lift_and_record_build_nodes_from_values() -> None:
    editor = Editor()
    x = wrap(editor, editor.add(Input("x", Type((2,)))))
    assert lift(editor, x) == x.node
    assert editor[lift(editor, [1, 2])].type == Type((2,))
    doubled = record(editor, Map(2 * a0), lift(editor, x))
    assert doubled.shape == (2,)


def test_tracing_into_a_given_editor_shares_its_nodes() -> None:
    editor = Editor()
    x = Input("x", Type((2,)))
    first = trace(np.sin, (x,), editor)
    second = trace(lambda y: np.cos(np.sin(y)), (x,), editor)
    assert set(first.graph) <= set(second.graph)


def test_tracers_are_values() -> None:
    def f(x: Any) -> Any:
        assert copy.copy(x) is x
        assert copy.deepcopy({"x": x})["x"] is x
        assert repr(x) == "Tracer(%0: 2x3)"
        assert not hasattr(x, "sort")
        assert not hasattr(x, "no_such_thing")
        return x

    trace_at(f, (2, 3))


def test_a_traced_graph_can_be_pickled() -> None:
    traced = trace(network, (Input("x", Type((3,))), as_parameters(weights())))
    again: Traced = pickle.loads(pickle.dumps(traced))
    assert again.outputs == traced.outputs
    assert [again.graph[node] for node in again.graph] == [traced.graph[n] for n in traced.graph]


def test_leaking_tracers() -> None:
    kept = []

    def keeps(x: Any) -> Any:
        kept.append(x)
        return x

    trace_at(keeps, (2,))
    for use in (
        lambda x: x + kept[0],  # leak
        lambda x: np.stack([x, kept[0]]),  # leak
        lambda x: kept[0] @ x,  # leak
        lambda x: np.where(x > 0, 1.0, kept[0]),  # leak
    ):
        with pytest.raises(TraceError, match="used outside of the function") as caught:
            trace_at(use, (2,))
        assert "# leak" in str(caught.value).splitlines()[1]
    with pytest.raises(TraceError, match="used outside of the function"):
        trace_at(lambda x: kept[0] * 2, (2,))


def test_the_graph_is_immutable() -> None:
    graph: Graph = trace_at(np.sin, ()).graph
    with pytest.raises(Exception, match="Frozen graph"):
        graph.nx.remove_node(graph.outputs[0])
