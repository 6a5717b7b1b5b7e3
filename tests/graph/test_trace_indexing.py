"""Indexing, reshaping and broadcasting of traced values, with arguments found by hypothesis."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jetfold.graph.ops import Gather, Op, Reshape, Slice
from tracing import batch, check, trace_at

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def ops(key: Any, *shape: int) -> list[Op]:
    """The operations behind x[key]."""
    graph = trace_at(lambda x: x[key], shape).graph
    return [graph[node].op for node in graph.order[1:]]


@given(st.data(), shapes)
def test_basic_indices(data: st.DataObject, shape: tuple[int, ...]) -> None:
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    graph = check(lambda x: x[key], batch(shape))
    assert set(graph.counts()) <= {"Input", "Slice", "Reshape"}


@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
def test_arrays_of_indices(data: st.DataObject, shape: tuple[int, ...]) -> None:
    key = data.draw(hnp.integer_array_indices(shape))
    check(lambda x: x[key], batch(shape))


@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
def test_masks(data: st.DataObject, shape: tuple[int, ...]) -> None:
    mask = data.draw(hnp.arrays(bool, shape))
    check(lambda x: x[mask], batch(shape))
    check(lambda x: x[mask[..., 0]] if mask.ndim > 1 else x, batch(shape))


@given(st.data(), hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=4))
def test_mixed_indices(data: st.DataObject, shape: tuple[int, ...]) -> None:
    rows = data.draw(st.lists(st.integers(-shape[0], shape[0] - 1), max_size=3))
    last = data.draw(st.slices(shape[-1]) | st.integers(-shape[-1], shape[-1] - 1))
    check(lambda x: x[np.array(rows, int), ..., last], batch(shape))
    check(lambda x: x[..., last, None], batch(shape))


@given(st.data(), shapes)
def test_reshape(data: st.DataObject, shape: tuple[int, ...]) -> None:
    size = math.prod(shape)
    first = data.draw(st.sampled_from([n for n in range(1, size + 1) if size % n == 0] or [0]))
    to = data.draw(st.sampled_from([(first, size // max(first, 1)), (first, -1), (-1,), (1, size)]))
    if size == 0 and -1 in to[1:]:
        to = (0, 3)
    check(lambda x: x.reshape(to), batch(shape))
    check(lambda x: np.reshape(x, to, order="F"), batch(shape))


@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3))
def test_broadcasting(found: hnp.BroadcastableShapes) -> None:
    one, other, third = found.input_shapes
    check(lambda x, y, z: np.where(x > 0, x * y, y - z), batch(one, other, third))
    check(lambda x: np.broadcast_to(x, found.result_shape), batch(one))
    check(np.broadcast_arrays, batch(one, other, third))


@given(st.data(), shapes)
def test_order_of_axes(data: st.DataObject, shape: tuple[int, ...]) -> None:
    axes = data.draw(st.permutations(range(len(shape))))
    check(lambda x: np.transpose(x, axes), batch(shape))
    check(lambda x: x.T, batch(shape))


def test_what_selects_everything_leaves_no_trace() -> None:
    assert ops(..., 2, 3) == []
    assert ops((slice(None), slice(0, 3)), 2, 3) == []


def test_expected_moves() -> None:
    assert ops(1, 3) == [Slice((1,), (1,), (1,)), Reshape(())]
    assert ops(slice(None, None, -1), 3) == [Slice((2,), (-1,), (3,))]
    assert ops((slice(None), None), 3) == [Reshape((3, 1))]
    assert ops(slice(1, 2, 7), 3) == [Slice((1,), (1,), (1,))]
    assert ops(slice(3, 3), 3) == [Slice((0,), (1,), (0,))]
    (gathered,) = ops([2, 0], 3)
    assert isinstance(gathered, Gather)
    assert gathered.index.value.tolist() == [2, 0]
    assert gathered.index.value.dtype == np.int64


@pytest.mark.parametrize(
    "key", [True, np.True_, np.array(1), (np.array(0), None), [[0, 1], [1, 0]]]
)
def test_unusual_indices(key: Any) -> None:
    check(lambda x: x[key], batch((2, 3)))


def test_numpy_integers_are_basic_indices() -> None:
    assert ops(np.int64(1), 3) == ops(1, 3)
