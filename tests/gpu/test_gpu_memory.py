"""Batches larger than memory, memory that is taken by others, and what is left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf
from gpu_network import network, problem
from jetfold.backends.cuda.compiled import CudaGraph
from messages import message_of
from simulated_face import smallest, tiles

MEGABYTE = 1 << 20


def free() -> int:
    from numba import cuda

    with cuda.gpus[0]:
        return int(cuda.current_context().get_memory_info()[0])


def test_a_limit_gives_the_same_in_tiles() -> None:
    x, params = problem(5000, "float64", (10, 64, 64, 1))
    expected = jf.laplacian(network, backend="cuda")(x, params)
    graph = CudaGraph(jf.laplacian(network).derivation(x, params).final_graph)
    least = graph.program.workspace * 32 * 8
    for parts in (1, 5, 40):
        op = jf.laplacian(network, backend=jf.Cuda(memory=parts * least))
        with tiles() as found:
            result = op(x, params)
        assert found == [32 * parts] * -(-5000 // (32 * parts))
        assert_allclose(result, expected, rtol=1e-12)


@pytest.mark.slow
def test_a_batch_larger_than_the_card() -> None:
    """The network of the paper with so many points that their workspace exceeds all memory."""
    x, params = problem(1, "float32")
    graph = CudaGraph(jf.laplacian(network).derivation(x, params).final_graph)
    points = int(1.3 * free() / (graph.program.workspace * 4))
    random = np.random.default_rng(3)
    x = random.normal(size=(points, 50)).astype(np.float32)
    op = jf.laplacian(network, backend="cuda")
    with tiles() as found:
        result = op(x, params)
    assert len(found) > 1
    some = random.choice(points, 64, replace=False)
    expected = jf.laplacian(network)(x[some].astype(np.float64), params)
    assert np.abs(result[some] - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.fixture
def hog() -> Any:
    """Takes all memory of the card but so many bytes, until the test ends."""
    from numba import cuda

    held: list[Any] = []

    def take(left: int) -> None:
        with cuda.gpus[0]:
            for size in (1024 * MEGABYTE, 64 * MEGABYTE, 4 * MEGABYTE):
                while free() > left + size:
                    held.append(cuda.device_array(size, np.uint8))

    yield take
    held.clear()
    with cuda.gpus[0]:
        cuda.current_context().memory_manager.deallocations.clear()


def test_little_memory_is_enough(hog: Any) -> None:
    x, params = problem(40_000, "float32", (10, 256, 256, 1))
    op = jf.laplacian(network, backend="cuda")
    expected = op(x, params)
    hog(96 * MEGABYTE)
    with tiles() as found:
        result = op(x, params)
    assert len(found) > 1
    assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


def test_no_memory_is_an_error_that_says_how_much_is_needed(hog: Any) -> None:
    def wide(x: Any) -> Any:
        return np.sum(np.sin(np.arange(1.0, 20001.0)[:, None] * x) ** 2)

    op = jf.laplacian(wide, backend="cuda")
    x = np.random.default_rng(0).normal(size=(20, 30))
    needed = smallest(op, x)
    assert needed > 50 * MEGABYTE
    small = jf.laplacian(np.sum, backend="cuda")
    small(x)
    hog(24 * MEGABYTE)
    message = message_of(jf.BackendError, op, x)
    assert f"GPU 0 has too little memory: {needed} bytes are needed at least" in message
    assert small(x).shape == (20,), "the card can still be used"


def test_calls_leave_nothing_behind() -> None:
    x, params = problem(20_000, "float32", (10, 256, 256, 1))
    op = jf.laplacian(network, backend=jf.Cuda(graphs=False))
    op(x, params)
    before = free()
    for _ in range(20):
        op(x, params)
    assert free() >= before - 64 * MEGABYTE


def test_recordings_are_given_back_with_their_operator() -> None:
    import gc

    x, params = problem(2000, "float32", (10, 64, 64, 1))
    gc.collect()
    before = free()
    for _ in range(30):
        op = jf.laplacian(network, backend="cuda")
        for _ in range(3):
            op(x, params)
        del op
        gc.collect()
    assert free() >= before - (1 << 30) - 64 * MEGABYTE  # our pool keeps a gigabyte
