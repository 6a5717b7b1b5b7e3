"""Checks of operators with backend="cuda", for numba's simulator; see `simulation`."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import sympy as sp
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from gpu_arrays import Described, Exported, Plain, layouts
from jetfold.backends.cuda.calls import Calls
from jetfold.backends.cuda.compiled import CudaGraph
from jetfold.backends.cuda.device import OutOfMemory
from jetfold.backends.cuda.sessions import SimulatedSession, shortage
from messages import message_of

CUDA = jf.Cuda(threads=32)
"""The simulator starts a thread of Python for each of a block's."""

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(5, 3))
PARAMS = {"W": RANDOM.normal(size=(2, 3)), "b": RANDOM.normal(size=2)}


def u(x: Any, params: Any) -> Any:
    return np.tanh(params["W"] * x / 9 + params["b"][:, None]).sum()


def layer(x: Any, params: Any) -> Any:
    return np.tanh(params["W"] @ x + params["b"]).sum()


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def on_host(result: Any) -> NDArray[Any]:
    """An array of the simulator as one of NumPy."""
    found: NDArray[Any] = result.copy_to_host()
    return found


def same(make: Any, *arguments: Any, rtol: float = 1e-12, **options: Any) -> Any:
    """The result of an operator, which must be that of the reference."""
    found = make(backend=CUDA, **options)(*arguments)
    expected = make(backend="reference", **options)(*arguments)
    for one, other in zip(leaves(found), leaves(expected), strict=True):
        assert isinstance(one, np.ndarray)
        assert one.dtype == other.dtype
        assert_allclose(one, other, rtol=rtol, atol=rtol)
    return found


def leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, (tuple, list)):
        for branch in tree:
            yield from leaves(branch)
    else:
        yield tree


# Operators ----------------------------------------------------------------------------------------


def check_laplacian() -> None:
    same(lambda **options: jf.laplacian(layer, **options), X, PARAMS)

    def laplacian(**options: Any) -> Any:
        return jf.laplacian(u, **options)

    same(laplacian, X, PARAMS, method="standard")
    single = {name: value.astype(np.float32) for name, value in PARAMS.items()}
    same(laplacian, X.astype(np.float32), single, rtol=1e-5)


def check_batches() -> None:
    def laplacian(**options: Any) -> Any:
        return jf.laplacian(cubes, **options)

    assert same(laplacian, RANDOM.normal(size=(2, 3, 4))).shape == (2, 3)
    assert same(laplacian, X[0]).shape == ()
    assert same(laplacian, X[:0]).shape == (0,)
    assert same(laplacian, np.arange(12).reshape(4, 3)).dtype == np.float64


def check_trees_of_outputs() -> None:
    def several(x: Any) -> Any:
        return {"a": np.sin(x), "b": (x @ x, 1.0)}

    found = same(lambda **options: jf.laplacian(several, **options), X)
    assert found["a"].shape == (5, 3)
    assert_array_equal(found["b"][1], np.zeros(5))


def check_other_operators() -> None:
    sigma = RANDOM.normal(size=(3, 2))
    same(lambda **options: jf.weighted_laplacian(u, sigma, **options), X, PARAMS)
    same(lambda **options: jf.biharmonic(cubes, **options), X)
    same(lambda **options: jf.jet(u, 2, **options), X, (X[0], 0), PARAMS)
    same(lambda **options: jf.derivatives(cubes, ["", "x", "xy"], ["x", "y", "z"], **options), X)


def check_expressions_with_values() -> None:
    x, y, z, c = sp.symbols("x y z c")
    w = sp.Function("w")(x, y, z)
    expr = w * w.diff(x) + c * w.diff(y, 2) + x
    gpu, other = (
        jf.operator(expr, cubes, (x, y, z), backend=backend) for backend in (CUDA, "reference")
    )
    for value in (2, Described(np.array(0.25))):
        number = value.array if isinstance(value, Described) else value
        assert_allclose(gpu(X, c=value), other(X, c=number), rtol=1e-12)


def check_random_directions() -> None:
    for per_point in (False, True):
        same(
            lambda **options: jf.laplacian(cubes, samples=2, seed=4, **options),
            X,
            per_point=per_point,
        )
    x, y, z = sp.symbols("x y z")
    w = sp.Function("w")(x, y, z)
    expr = w.diff(x, 2) + w.diff(y, 2) + w.diff(z, 2)
    same(lambda **options: jf.operator(expr, cubes, (x, y, z), samples=2, seed=4, **options), X)


def check_nesting() -> None:
    inner = jf.laplacian(cubes, backend="cuda")
    same(lambda **options: jf.laplacian(lambda x: np.exp(inner(x) / 10), **options), X)


def check_pickling_and_source() -> None:
    op = jf.laplacian(cubes, backend=CUDA)
    expected = op(X)
    copy = pickle.loads(pickle.dumps(op))
    assert copy.backend == CUDA
    assert_array_equal(copy(X), expected)
    assert "@cuda.jit" in op.source(X)
    assert op.source(X) == jf.laplacian(cubes, backend="cuda").source(X)


# Arrays -------------------------------------------------------------------------------------------


@contextmanager
def taken() -> Iterator[list[int]]:
    """The sizes of the arrays that calls take from the device's memory."""
    sizes: list[int] = []
    empty = SimulatedSession.empty

    def noted(self: SimulatedSession, size: int, dtype: Any) -> Any:
        sizes.append(size)
        return empty(self, size, dtype)

    with mock.patch.object(SimulatedSession, "empty", noted):
        yield sizes


def check_arrays_on_the_gpu_are_not_copied() -> None:
    op = jf.laplacian(cubes, backend=CUDA)
    x = RANDOM.normal(size=(4, 20, 3))[:, :11]
    for kind in (Described, Plain, Exported):
        with taken() as sizes:
            given = kind(x[1])
            assert x[1].flags.c_contiguous
            assert_array_equal(on_host(op(given)), op(x[1]))
        assert sizes.count(x[1].size) == 1, "the copy of the array of the host only"


def check_results_are_where_the_points_are() -> None:
    op = jf.laplacian(u, backend=CUDA)
    expected = op(X, PARAMS)
    above = {name: Described(value) for name, value in PARAMS.items()}
    assert isinstance(expected, np.ndarray)
    below = op(X, above)
    assert isinstance(below, np.ndarray)
    assert_array_equal(below, expected)
    for params in (PARAMS, above):
        found = op(Described(X), params)
        assert type(found).__name__ == "FakeCUDAArray"
        assert_array_equal(on_host(found), expected)
    assert on_host(op(Described(X.reshape(5, 1, 3)), PARAMS)).shape == (5, 1)
    assert on_host(op(Described(X[:0]), PARAMS)).shape == (0,)


def check_layouts() -> None:
    op, other = jf.laplacian(u, backend=CUDA), jf.laplacian(u, backend="reference")
    for i, x in enumerate(layouts().values()):
        kind = (Described, Exported)[i % 2]
        assert_allclose(on_host(op(kind(x), PARAMS)), other(x, PARAMS), rtol=1e-12)
    weights = {"W": Described(PARAMS["W"].T.copy().T), "b": Described(PARAMS["b"][::-1])}
    expected = other(X, {"W": PARAMS["W"], "b": PARAMS["b"][::-1]})
    assert_allclose(op(X, weights), expected, rtol=1e-12)


def check_dtypes() -> None:
    op, other = jf.laplacian(u, backend=CUDA), jf.laplacian(u, backend="reference")
    for dtype in (np.bool_, np.int64, np.float16, np.float32):
        x = layouts(dtype)["every other"]
        found, expected = on_host(op(Described(x), PARAMS)), other(x, PARAMS)
        assert found.dtype == expected.dtype == np.float64
        assert_allclose(found, expected, rtol=1e-12)
    single = {name: Described(value.astype(np.float32)) for name, value in PARAMS.items()}
    assert on_host(op(Described(X.astype(np.float16)), single)).dtype == np.float32
    assert on_host(op(Described(X), single)).dtype == np.float64


def check_paths_of_jets() -> None:
    op, other = jf.jet(cubes, 2, backend=CUDA), jf.jet(cubes, 2, backend="reference")
    expected = other(X, (X[0], X[:, :1]))[1]
    for path in [(Described(X[0]), Described(X[:, :1])), (X[0], Described(X[:, :1]))]:
        found = op(Described(X), path)[1]
        for one, other in zip(found, expected, strict=True):
            assert_allclose(on_host(one), other, rtol=1e-12)
    message = message_of(jf.ArgumentError, op, Described(X), (X[:, :2], 0))
    assert "have shapes (5, 3), (5, 2), ()" in message


def check_owners_by_dlpack_are_told_the_stream() -> None:
    x = Exported(X)
    jf.laplacian(cubes, backend=CUDA)(x)
    assert x.streams == [-1, 1]  # looked at, then ready on the default stream


def check_several_gpus() -> None:
    op = jf.laplacian(u, backend=CUDA)
    params = {"W": Described(PARAMS["W"], device=1), "b": PARAMS["b"]}
    message = message_of(jf.ArgumentError, op, Described(X), params)
    assert message.startswith('x is on GPU 0, but params["W"] is on GPU 1: copy everything')


# Memory -------------------------------------------------------------------------------------------


def smallest(op: Any, x: NDArray[Any]) -> int:
    """Bytes of the workspace of the smallest tile."""
    graph = CudaGraph(op.derivation(x).final_graph)
    return graph.program.workspace * graph.samples(1) * x.dtype.itemsize


@contextmanager
def tiles() -> Iterator[list[int]]:
    """How many samples the tiles of calls have, one after the other."""
    found: list[int] = []
    run = CudaGraph.run

    def noted(self: CudaGraph, *arguments: Any) -> None:
        points, samples = arguments[1], arguments[-1]
        found.extend([samples] * -(-points // samples))
        run(self, *arguments)

    with mock.patch.object(CudaGraph, "run", noted):
        yield found


def check_tiles_by_a_limit_of_memory() -> None:
    x = RANDOM.normal(size=(70, 3))
    expected = jf.laplacian(cubes, backend="reference")(x)
    least = smallest(jf.laplacian(cubes), x)
    for memory, wanted in [(least, [32] * 3), (2 * least, [64] * 2)]:
        with tiles() as found:
            op = jf.laplacian(cubes, backend=jf.Cuda(threads=32, memory=memory))
            assert_allclose(op(x), expected, rtol=1e-12)
        assert found == wanted
    op = jf.laplacian(cubes, backend=jf.Cuda(memory=least - 1))
    message = message_of(jf.BackendError, op, x)
    assert f"memory={least - 1} is too little: the smallest tile, 32 points" in message
    assert f"takes {least} bytes" in message


def wide(x: Any) -> Any:
    return np.sum(np.sin(np.arange(1.0, 5.0)[:, None] * x) ** 2)


def check_half_the_tile_when_memory_runs_out() -> None:
    x = RANDOM.normal(size=(70, 3))
    op = jf.laplacian(wide, backend=CUDA)
    expected = jf.laplacian(wide, backend="reference")(x)
    least = smallest(op, x) // x.itemsize
    assert least > x.size
    for room, wanted in [(1, [96, 32, 32, 32]), (3, [96])]:
        with scarce(room * least), tiles() as found:
            assert_allclose(op(x), expected, rtol=1e-12)
        assert found == wanted
    with scarce(least - 1):
        message = message_of(OutOfMemory, op, x)
    assert f"GPU 0 has too little memory: {8 * least} bytes are needed at least" in message
    assert "free arrays that are not needed" in message


@contextmanager
def scarce(most: int) -> Iterator[None]:
    """A device on which no array can have more elements than this."""
    empty = SimulatedSession.empty

    def limited(self: SimulatedSession, size: int, dtype: Any) -> Any:
        if size > most:
            raise shortage(self, size * np.dtype(dtype).itemsize)
        return empty(self, size, dtype)

    with mock.patch.object(SimulatedSession, "empty", limited):
        yield


def check_tf32_needs_cublas() -> None:
    op = jf.laplacian(cubes, backend=jf.Cuda(tf32=True))
    message = message_of(jf.BackendError, op, X)
    assert message.startswith("tf32=True needs cuBLAS, which is reached through CuPy: pip install")


def check_nothing_is_recorded_in_the_simulator() -> None:
    op = jf.laplacian(cubes, backend=CUDA)
    with mock.patch.object(Calls, "_recording") as asked:
        for _ in range(3):
            op(X)
    assert not asked.called
