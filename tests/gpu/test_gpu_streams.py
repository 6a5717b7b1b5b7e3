"""Streams and threads on a GPU: order is kept, nobody waits for anybody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(3, 16))
BACKENDS = [jf.Cuda(graphs=False), jf.Cuda()]


def u(x: Any, w: Any) -> Any:
    return np.tanh(x @ w).sum()


def inputs(count: int) -> list[Any]:
    return [RANDOM.normal(size=(500, 3)) for _ in range(count)]


def occupy(cupy: Any) -> None:
    """Give the current stream of CuPy work for tens of milliseconds or more."""
    large = cupy.ones((6000, 6000))
    for _ in range(8):
        large = large @ large
        large /= 6000


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_work_is_in_order_with_the_stream_of_the_points(backend: Any) -> None:
    """The points are written on a stream that is busy, and the result is read there."""
    cupy = pytest.importorskip("cupy")
    op, cpu = jf.laplacian(u, backend=backend), jf.laplacian(u)
    x = cupy.zeros((500, 3))
    w = cupy.asarray(W)
    for stream in (cupy.cuda.Stream(non_blocking=True), cupy.cuda.Stream(), cupy.cuda.Stream.null):
        for values in inputs(3):
            new = cupy.asarray(values)
            cupy.cuda.Device().synchronize()
            with stream:
                occupy(cupy)
                x[...] = new
                found = op(x, w)
                copied = found.copy()
                stream.synchronize()
            assert_allclose(copied.get(), cpu(values, W), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_a_call_does_not_wait(backend: Any) -> None:
    cupy = pytest.importorskip("cupy")
    op = jf.laplacian(u, backend=backend)
    stream = cupy.cuda.Stream(non_blocking=True)
    with stream:
        x, w = cupy.asarray(inputs(1)[0]), cupy.asarray(W)
        for _ in range(3):
            op(x, w)
        stream.synchronize()
        occupy(cupy)
        op(x, w)
        busy = not stream.done
    other = cupy.cuda.Stream(non_blocking=True)
    with other:
        op(x, w)
        other.synchronize()
        still = not stream.done
    assert busy, "the call has waited for the stream's earlier work"
    assert still, "another stream has waited for it, too"
    stream.synchronize()


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_streams_of_torch(backend: Any) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this PyTorch is for the CPU")
    op, cpu = jf.laplacian(u, backend=backend), jf.laplacian(u)
    w = torch.as_tensor(W, device="cuda")
    for values in inputs(4):
        new = torch.as_tensor(values, device="cuda")
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            large = torch.ones((6000, 6000), dtype=torch.float64, device="cuda")
            for _ in range(4):
                large = large @ large / 6000
            x = new * 1
            found = op(x, w) * 1
        stream.synchronize()
        assert_allclose(found.cpu().numpy(), cpu(values, W), rtol=1e-12)


def test_a_stream_named_by_the_array_interface_is_waited_for() -> None:
    """Parameters that are written on another stream than that of the points."""
    cupy = pytest.importorskip("cupy")

    class Written:
        def __init__(self, array: Any, stream: Any) -> None:
            described = dict(array.__cuda_array_interface__)
            self.__cuda_array_interface__ = described | {"stream": stream.ptr, "version": 3}
            self.array = array

    op, cpu = jf.laplacian(u, backend="cuda"), jf.laplacian(u)
    stream = cupy.cuda.Stream(non_blocking=True)
    values = inputs(1)[0]
    x, w, new = cupy.asarray(values), cupy.zeros_like(cupy.asarray(W)), cupy.asarray(W)
    cupy.cuda.Device().synchronize()
    for factor in (1.0, 2.0, 3.0):
        with stream:
            occupy(cupy)
            w[...] = factor * new
        found = op(x, Written(w, stream))
        with stream:
            w[...] = 0  # not before the call has read it
        assert_allclose(found.get(), cpu(values, factor * W), rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_threads_with_arrays_of_numpy(backend: Any) -> None:
    op, cpu = jf.laplacian(u, backend=backend), jf.laplacian(u)
    given = inputs(24)
    expected = [cpu(x, W) for x in given]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for found, right in zip(pool.map(lambda x: op(x, W), given), expected, strict=True):
                assert_allclose(found, right, rtol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_threads_with_streams(backend: Any) -> None:
    cupy = pytest.importorskip("cupy")
    op = jf.laplacian(u, backend=backend)
    given = inputs(24)
    expected = [op(x, W) for x in given]

    def on_own_stream(values: Any) -> Any:
        stream = cupy.cuda.Stream(non_blocking=True)
        with cupy.cuda.Device(0), stream:
            x, w = cupy.asarray(values), cupy.asarray(W)
            found = [op(x, w) for _ in range(4)]
            stream.synchronize()
            return [result.get() for result in found]

    with ThreadPoolExecutor(8) as pool:
        for found, right in zip(pool.map(on_own_stream, given), expected, strict=True):
            for result in found:
                assert_array_equal(result, right)


def test_the_same_stream_in_two_threads() -> None:
    cupy = pytest.importorskip("cupy")
    op = jf.laplacian(u, backend="cuda")
    given = inputs(16)
    expected = [op(x, W) for x in given]
    shared = cupy.cuda.Stream(non_blocking=True)

    def on_shared_stream(values: Any) -> Any:
        with cupy.cuda.Device(0), shared:
            x, w = cupy.asarray(values), cupy.asarray(W)
            found = [op(x, w) for _ in range(4)]
            shared.synchronize()
            return [result.get() for result in found]

    with ThreadPoolExecutor(4) as pool:
        for found, right in zip(pool.map(on_shared_stream, given), expected, strict=True):
            for result in found:
                assert_array_equal(result, right)
