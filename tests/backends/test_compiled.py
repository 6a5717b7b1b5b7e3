"""Compiled operators against their interpretation: batches, tiles, dtypes and layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import jetfold as jf
from graphs import laplacian, network
from jetfold.backends.cpu import CompiledGraph, compiled
from jetfold.backends.cpu.cache import load_source
from jetfold.graph import Contract, Editor, Input, Parameter, Type
from programs import FLOAT32, FLOAT64, FLOATS, TOLERANCE, assert_close, check, interpreted, sample

# Whole operators ------------------------------------------------------------------------------


def test_networks() -> None:
    """Widths that are no multiple of anything, against all that a kernel is blocked by."""
    check(network(dim=7, width=21), points=37, jitted=[FLOAT32])
    check(laplacian(collapsed=False, dim=3, width=13), points=37, tolerance=5)
    check(laplacian(collapsed=True, dim=3, width=13), points=37, jitted=[FLOAT64], tolerance=5)


def test_jets_of_several_inputs() -> None:
    """The coefficients of the path are inputs; they lie side by side like those of any layer."""

    def function(x: Any, w: Any) -> Any:
        return np.tanh(x @ w) / (1 + x @ x), x[0] * np.exp(-x)

    operator = jf.jet(function, 4)
    graph = operator.derivation(np.zeros(3), np.ones((3, 5))).final_graph
    assert len(graph.inputs) == 5
    check(graph, jitted=[FLOAT64], tolerance=5)


def test_nested_operators() -> None:
    """Two direction axes, products of both, sums over one of them."""

    def function(x: Any, w: Any) -> Any:
        return np.sin(np.tanh(x @ w)).sum() * x[0]

    for method, jitted in (("standard", []), ("collapsed", [FLOAT64])):
        once = jf.laplacian(function, method=method)
        twice = jf.laplacian(once, method=method)
        graph = twice.derivation(np.zeros((1, 3)), np.ones((3, 4))).final_graph
        check(graph, jitted=jitted, tolerance=20)


def test_one_matrix_that_takes_part_as_rows_and_as_a_whole() -> None:
    """Sums over both of its axes and over one of them want it packed in different ways."""
    editor = Editor()
    a = editor.add(Parameter("A", Type((3, 4))))
    cube = editor.add(Input("cube", Type((3, 4, 2))))
    square = editor.add(Input("square", Type((3, 4))))
    whole = editor.add(Contract("abc,ab->c"), cube, a)
    rows = editor.add(Contract("ab,ab->a"), square, a)
    check(editor.freeze([whole, rows]), jitted=[FLOAT64])


# Batches and tiles --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def operator() -> CompiledGraph:
    return CompiledGraph(laplacian(collapsed=True, width=11))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("points", [0, 1, 2, 15, 16, 17, 255, 1000])
def test_batches(operator: CompiledGraph, points: int, dtype: np.dtype[Any]) -> None:
    inputs, parameters = sample(operator.graph, points, dtype)
    found = operator(points, dtype, inputs, parameters)
    expected = interpreted(operator.graph, points, inputs, parameters)
    assert [array.dtype for array in found] == [dtype] * 2
    assert_close(found, expected, 5 * TOLERANCE[dtype])


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("columns", [16, 100, 1 << 12])
def test_tiles(
    operator: CompiledGraph, columns: int, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles of any size give the same numbers, on one thread or on several."""
    monkeypatch.setenv("JETFOLD_NUM_THREADS", threads)
    inputs, parameters = sample(operator.graph, 333)
    expected = operator(333, FLOAT64, inputs, parameters)
    monkeypatch.setattr(compiled, "TARGET_COLUMNS", columns)
    monkeypatch.setattr(compiled, "SERIAL_WORK", 0)
    found = operator(333, FLOAT64, inputs, parameters)
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(value, other)


def test_a_point_does_not_depend_on_its_neighbours(operator: CompiledGraph) -> None:
    """Bit for bit: also where a neighbour is NaN, and wherever in the batch it stands."""
    inputs, parameters = sample(operator.graph, 50)
    alone = operator(1, FLOAT64, {"x": inputs["x"][7:8]}, parameters)
    spoiled = inputs["x"].copy()
    spoiled[[0, 6, 8, 49]] = np.nan
    among = operator(50, FLOAT64, {"x": spoiled}, parameters)
    for one, many in zip(alone, among, strict=True):
        np.testing.assert_array_equal(one[0], many[7])
        assert np.isnan(many[[0, 6, 8, 49]]).all()
        assert np.isfinite(np.delete(many, [0, 6, 8, 49])).all()


def test_parameters_are_those_of_the_call(operator: CompiledGraph) -> None:
    inputs, parameters = sample(operator.graph, 20)
    for scale in (1.0, 0.5, 1.0):
        scaled = {name: value * scale for name, value in parameters.items()}
        found = operator(20, FLOAT64, inputs, scaled)
        assert_close(found, interpreted(operator.graph, 20, inputs, scaled), 1e-11)


def test_workspaces_serve_both_dtypes_and_all_sizes(operator: CompiledGraph) -> None:
    for points, dtype in [(2000, FLOAT32), (3, FLOAT64), (2000, FLOAT64), (3, FLOAT32)]:
        inputs, parameters = sample(operator.graph, points, dtype)
        found = operator(points, dtype, inputs, parameters)
        expected = interpreted(operator.graph, points, inputs, parameters)
        assert_close(found, expected, 5 * TOLERANCE[dtype])


# Arrays that are given ----------------------------------------------------------------------------


def layouts(array: Any) -> dict[str, Any]:
    """The same values in arrays that are anything but fresh and contiguous."""
    wide = np.zeros((2 * len(array), *array.shape[1:], 2), array.dtype)
    wide[::2, ..., 0] = array
    frozen = array.copy()
    frozen.setflags(write=False)
    raw = np.zeros(array.nbytes + 1, np.uint8)
    unaligned = raw[1:].view(array.dtype).reshape(array.shape)
    unaligned[...] = array
    return {
        "strided": wide[::2, ..., 0],
        "Fortran": np.asfortranarray(array),
        "reversed": array[::-1].copy()[::-1],
        "read-only": frozen,
        "big-endian": array.astype(array.dtype.newbyteorder(">")),
        "unaligned": unaligned,
    }


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_arrays_of_any_layout(operator: CompiledGraph, dtype: np.dtype[Any]) -> None:
    """They give the same numbers, stay as they are, and nothing is compiled for them."""
    inputs, parameters = sample(operator.graph, 21, dtype)
    expected = operator(21, dtype, inputs, parameters)
    run = load_source(operator.source, dtype).run
    signatures = len(run.signatures)
    for layout, x in layouts(inputs["x"]).items():
        others = {name: layouts(value)[layout] for name, value in parameters.items()}
        found = operator(21, dtype, {"x": x}, others)
        for value, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(value, right, layout)
        np.testing.assert_array_equal(x, inputs["x"])
        for name, value in others.items():
            np.testing.assert_array_equal(value, parameters[name])
    assert len(run.signatures) == signatures


def test_results_share_no_memory_with_what_is_given() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    w = editor.add(Parameter("w", Type((3,))))
    graph = CompiledGraph(editor.freeze([x, w, x]))
    inputs, parameters = sample(graph.graph, 4)
    found = graph(4, FLOAT64, inputs, parameters)
    for i, array in enumerate(found):
        assert not np.shares_memory(array, inputs["x"])
        assert not np.shares_memory(array, parameters["w"])
        assert all(not np.shares_memory(array, other) for other in found[:i])
