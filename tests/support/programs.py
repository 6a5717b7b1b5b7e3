"""Run a graph three ways and compare: interpreted, compiled, and as generated source un-jitted.

Un-jitted, the workspace and the shared numbers are surrounded by guards and filled with NaN before
every call, so that reading what was never written shows up in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cpu import CompiledGraph, compiled, kernels
from jetfold.backends.reference import ReferenceGraph
from jetfold.graph import Graph, Input, Parameter, Total

FLOAT32: np.dtype[Any] = np.dtype(np.float32)
FLOAT64: np.dtype[Any] = np.dtype(np.float64)
FLOATS = (FLOAT32, FLOAT64)
TOLERANCE = {FLOAT32: 2e-5, FLOAT64: 1e-12}
GUARD = 64
"""Elements before and after an array; a multiple of any vector's length."""

Arrays = dict[str, NDArray[Any]]
Backend = Callable[[int, np.dtype[Any], Arrays, Arrays], list[NDArray[Any]]]


def sample(
    graph: Graph, points: int, dtype: Any = np.float64, low: float = -2.0, high: float = 2.0
) -> tuple[Arrays, Arrays]:
    """Values for the inputs (a batch of points) and the parameters, the same ones every time."""
    random = np.random.default_rng(7)
    inputs: Arrays = {}
    parameters: Arrays = {}
    for node in sorted((*graph.inputs, *graph.parameters)):
        match graph[node].op:
            case Input(name, kind):
                inputs[name] = random.uniform(low, high, (points, *kind.shape)).astype(dtype)
            case Parameter(name, kind):
                sizes = tuple(axis.size for axis in kind.directions)
                parameters[name] = random.uniform(low, high, sizes + kind.shape).astype(dtype)
    return inputs, parameters


def interpreted(
    graph: Graph,
    points: int,
    inputs: Arrays,
    parameters: Arrays,
    totals: Sequence[Total] = (),
) -> list[Any]:
    """What the graph means for these values, in float64."""
    return ReferenceGraph(graph, totals=totals)(points, FLOAT64, inputs, parameters)


def plain_module(source: str, dtype: np.dtype[Any]) -> Any:
    """The generated module as ordinary Python, with guarded and poisoned arrays."""
    names: dict[str, Any] = {}
    with mock.patch("numba.njit", _without_jit):
        exec(compile(source, "<generated>", "exec"), names)
    fixed = {"load_points", "store_points", "multiply", "trim"}
    fixed |= {"add_samples", "add_products"}
    for name in names.keys() & fixed:
        names[name] = getattr(kernels, name).py_func

    def run(*arguments: Any) -> None:
        *arrays, ws, sh, args, code, samples, first, last = arguments
        workspace, inner_ws = _guarded(np.full(ws.size, np.nan, ws.dtype))
        shared, inner_sh = _guarded(sh)
        before = [array.copy() for array in (shared, args, code)]
        with np.errstate(all="ignore"):
            names["run"](*arrays, inner_ws, inner_sh, args, code, samples, first, last)
        for guard in (workspace[:GUARD], workspace[-GUARD:]):
            assert np.isnan(guard).all(), "written outside the workspace"
        for array, old in zip((shared, args, code), before, strict=True):
            np.testing.assert_array_equal(array, old, "written to what is only read")

    return SimpleNamespace(run=run)


def _without_jit(*functions: Any, **options: Any) -> Any:
    """Stands for `numba.njit`, with or without options."""
    return functions[0] if functions else _without_jit


def _guarded(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A copy with NaN on both sides, and the view of it that is the array."""
    whole = np.full(array.size + 2 * GUARD, np.nan, array.dtype)
    inner = whole[GUARD : GUARD + array.size]
    inner[:] = array
    return whole, inner


def unjitted(graph: CompiledGraph) -> Backend:
    """The compiled graph with its source run as ordinary Python."""

    def call(*arguments: Any) -> list[NDArray[Any]]:
        with mock.patch.object(compiled, "load_source", plain_module):
            return graph(*arguments)

    return call


def assert_close(found: Sequence[Any], expected: Sequence[Any], tolerance: float) -> None:
    """Equal up to a tolerance relative to each output's largest finite element."""
    assert len(found) == len(expected)
    for i, (value, right) in enumerate(zip(found, expected, strict=True)):
        assert value.shape == right.shape
        finite = np.abs(right[np.isfinite(right)])
        scale = float(finite.max(initial=1.0))
        message = f"output {i}"
        np.testing.assert_allclose(value, right, tolerance, tolerance * scale, err_msg=message)


def check(
    graph: Graph,
    points: int = 19,
    jitted: Sequence[np.dtype[Any]] = (),
    tolerance: float = 1.0,
    totals: Sequence[Total] = (),
) -> CompiledGraph:
    """Compare all outputs of a graph with its interpretation: un-jitted, and compiled for `jitted`.

    Compiling takes a second or more for each dtype, while a source of small sizes runs at once.
    The tolerance is a multiple of `TOLERANCE`.
    """
    operator = CompiledGraph(graph, totals)
    for dtype in FLOATS:
        inputs, parameters = sample(graph, points, dtype)
        expected = interpreted(graph, points, inputs, parameters, totals)
        backends: list[Backend] = [unjitted(operator)]
        if dtype in jitted:
            backends.append(operator)
        for backend in backends:
            found = backend(points, dtype, inputs, parameters)
            assert [array.dtype for array in found] == [dtype] * len(expected)
            assert_close(found, expected, tolerance * TOLERANCE[dtype])
    return operator
