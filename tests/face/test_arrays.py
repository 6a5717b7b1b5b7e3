"""Points and parameters: dtypes, byte orders, strides, trees, and what counts as a parameter."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import jetfold as jf
from known_answers import points

Function = Callable[..., Any]
Layer = namedtuple("Layer", ["W", "b"])
interpreted = partial(jf.laplacian, backend="reference")


def cubes(x: Any) -> Any:
    return np.sum(x**3)


def check_cubes(op: Function, x: Any) -> None:
    """The result of a Laplacian of `cubes`, and that the call left its input alone."""
    before = np.array(x, copy=True)
    found = op(x)
    expected = 6 * np.asarray(x, np.float64).sum(axis=-1)
    assert found.dtype.isnative
    assert_allclose(found, expected, rtol=1e-13 if found.dtype == np.float64 else 1e-5)
    assert_array_equal(np.asarray(x), before)


# Points ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_arrays_of_any_layout(backend: str) -> None:
    op = jf.laplacian(cubes, backend=backend)
    x = points(3, 20)
    read_only = x.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"\0" + x.tobytes(), dtype=np.uint8)[1:].view(np.float64)
    assert not unaligned.flags.aligned
    for array in [
        x,
        read_only,
        np.asfortranarray(x),
        points(6, 40)[::2, ::-2],
        np.swapaxes(points(20, 3), 0, 1),
        np.broadcast_to(x[0], (5, 3)),
        unaligned.reshape(20, 3),
        x.astype(">f8"),
        x.astype(">f4"),
        x.astype("<f4")[::3],
        x.astype(np.float16),
        x.tolist(),
        [tuple(point) for point in x],
        list(x),
        (10 * x).astype(int),
        (10 * x).astype(">i2"),
        np.abs(10 * x).astype(np.uint8),
        x > 0,
        [[1, 2, 3]],
        np.ma.masked_array(x),
        Exotic(x),
    ]:
        check_cubes(op, array)


class Exotic:
    """Somebody else's array, such as a tensor of PyTorch's."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        return np.asarray(self.array, dtype)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_precision_of_results(backend: str) -> None:
    op = jf.laplacian(lambda x, p: np.exp(p @ x), backend=backend)
    for of_points, of_parameters, expected in [
        ("f4", "f4", "f4"),
        ("f8", "f8", "f8"),
        ("f4", "f8", "f8"),
        ("f8", "f4", "f8"),
        ("f2", "f2", "f4"),
        ("f2", "f4", "f4"),
        ("f4", "f2", "f4"),
        ("f8", "f2", "f8"),
        ("i8", "f4", "f8"),
        ("i2", "i2", "f8"),
        ("?", "f4", "f8"),
        ("f4", "i8", "f4"),
        ("f4", "?", "f4"),
        (">f4", ">f4", "f4"),
        (">f4", "<f8", "f8"),
    ]:
        x = np.ones((2, 3), of_points)
        p = np.array([1, 0, 1], of_parameters)
        found = op(x, p)
        assert found.dtype == np.dtype(expected), (of_points, of_parameters)
        assert_allclose(found, np.full(2, 2 * np.exp(2)), rtol=1e-6)
        assert op(x[:0], p).dtype == np.dtype(expected)


def test_python_floats_have_no_precision_of_their_own() -> None:
    op = interpreted(lambda x, p: p["scale"] * np.exp(x[0] * p["rates"][1]))
    for dtype in (np.float32, np.float64):
        found = op(np.ones((2, 3), dtype), {"scale": 2.0, "rates": (0.1, 0.5)})
        assert found.dtype == dtype
        assert_allclose(found, np.full(2, 0.5 * np.exp(0.5)), rtol=1e-6)


def test_single_precision_is_computed_in_single_precision() -> None:
    """What would differ in double precision: 1e30 squared is infinite."""
    op = interpreted(lambda x: x[0] ** 3 * 1e30 * 1e30)
    with np.errstate(over="ignore"):
        assert np.isinf(op(np.ones((1, 2), np.float32))).all()
    assert_allclose(op(np.ones((1, 2))), 6e60)


def test_big_constants_and_tiny_ones() -> None:
    op = jf.laplacian(lambda x: (1e300 * x[0]) * (1e-300 * x[0]) + 1e-12 * x[1] ** 2)
    assert_allclose(op(np.ones((3, 2))), np.full(3, 2 + 2e-12), rtol=1e-15)


# Parameters --------------------------------------------------------------------------------------


def network(x: Any, params: Any) -> Any:
    """Every kind of tree: a dict, lists, tuples, a namedtuple, a number, None, a name."""
    activation = {"tanh": np.tanh, "sin": np.sin}[params["activation"]]
    for layer in params["hidden"][: params["depth"]]:
        x = activation(x @ layer.W + layer.b)
    weights, (offset, nothing) = params["out"]
    assert nothing is None
    assert isinstance(params["residual"], bool)
    return x @ weights + offset * (x @ x if params["residual"] else 1.0)


def weights(**options: Any) -> dict[str, Any]:
    random = np.random.default_rng(3)
    hidden = [Layer(random.normal(size=(n, 4)), random.normal(size=4)) for n in (3, 4, 4)]
    tree = {"hidden": hidden, "out": [random.normal(size=4), (0.5, None)]}
    return tree | {"activation": "tanh", "depth": 2, "residual": True} | options


def by_differences(function: Function, x: NDArray[Any], h: float = 1e-3) -> NDArray[Any]:
    """The Laplacian by central differences of order six."""
    steps = {0: -49 / 18, 1: 3 / 2, 2: -3 / 20, 3: 1 / 90}
    total = np.zeros(len(x))
    for i, point in enumerate(x):
        for direction in np.eye(x.shape[1]):
            for k, c in steps.items():
                for sign in (1, -1) if k else (1,):
                    total[i] += c * function(point + sign * k * h * direction) / h**2
    return total


def test_parameters_in_a_tree() -> None:
    """Names, counts, flags and None are the function's business; other ones are traced anew."""
    op = interpreted(network)
    x = points(3, 4)
    results = []
    assert_allclose(jf.laplacian(network)(x, weights()), op(x, weights()), rtol=1e-12)
    changes: list[dict[str, Any]] = [{}, {"activation": "sin"}, {"depth": 1}, {"residual": False}]
    for options in [*changes, {}]:
        params = weights(**options)
        found = op(x, params)
        expected = by_differences(lambda point, p=params: network(point, p), x)
        assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
        results.append(tuple(found))
    assert results[0] == results[-1]
    assert len(set(results)) == 4


def test_equal_flags_and_counts_are_not_the_same() -> None:
    op = interpreted(lambda x, flag: x @ x if flag is True else x[0] ** 2)
    x = points(3, 1)
    assert [float(op(x, flag)[0]) for flag in (1, True, 1, True)] == [2.0, 6.0, 2.0, 6.0]


def test_several_parameters_and_none() -> None:
    x = points(3, 2)
    found = interpreted(lambda x, a, b, c: a @ x**2 + b[0] * x[0] ** 2 + c)(
        x, np.array([1.0, 2.0, 3.0]), [np.float64(4)], 2
    )
    assert_allclose(found, np.full(2, 20.0))
    assert_allclose(interpreted(lambda x, p=3: p * x @ x)(x), np.full(2, 18.0))
    assert_allclose(interpreted(lambda x, *p: len(p) * x @ x)(x, 1.0, None), np.full(2, 12.0))


def test_parameters_of_any_layout() -> None:
    x = points(3, 4)
    matrix = np.arange(9.0).reshape(3, 3) / 4

    def function(x: Any, p: Any) -> Any:
        return np.exp(np.sum(np.sin(p @ x)) / 4)

    expected = interpreted(function)(x, matrix)
    read_only = matrix.copy()
    read_only.flags.writeable = False
    wide = np.zeros((6, 9))
    wide[::2, ::3] = matrix
    op = jf.laplacian(function)
    for given in [
        matrix,
        read_only,
        np.asfortranarray(matrix),
        matrix.T.copy().T,
        wide[::2, ::3],
        matrix.astype(">f8"),
        matrix.astype("f4"),
        Exotic(matrix),
    ]:
        before = np.array(given, copy=True)
        assert_allclose(op(x, given), expected, rtol=1e-13)
        assert_array_equal(np.asarray(given), before)


def test_parameters_are_read_at_every_call() -> None:
    op = jf.laplacian(lambda x, p: p["a"] * x @ x)
    x, a = points(3, 2), np.array(1.0)
    assert_allclose(op(x, {"a": a}), np.full(2, 6.0))
    a[...] = 2.0
    assert_allclose(op(x, {"a": a}), np.full(2, 12.0))
    assert_allclose(op(x, {"a": -1.0}), np.full(2, -6.0))


def test_parameters_of_other_shapes_are_welcome() -> None:
    op = interpreted(lambda x, w: np.sum((w @ x) ** 2))
    for rows in (1, 4, 2):
        w = np.ones((rows, 3))
        assert_allclose(op(points(3, 2), w), np.full(2, 6.0 * rows))


def test_the_order_of_keys_and_the_kind_of_dict_do_not_matter() -> None:
    op = interpreted(lambda x, p: p["a"] * x @ x + p["b"] * x[0] ** 2)
    x = points(3, 1)
    assert_allclose(op(x, {"a": 1.0, "b": 5.0}), [16.0])
    assert_allclose(op(x, {"b": 5.0, "a": 1.0}), [16.0])
    assert_allclose(op(x, OrderedDict(b=5.0, a=1.0)), [16.0])


def test_unused_parameters() -> None:
    x = points(3, 3)
    for backend in ("cpu", "reference"):
        op = jf.laplacian(lambda x, p: x @ x * p["used"], backend=backend)
        found = op(x, {"used": 2.0, "unused": np.ones((3, 3)), "empty": {}, "none": None})
        assert_allclose(found, np.full(3, 12.0))


def test_a_function_of_parameters_alone() -> None:
    for backend in ("cpu", "reference"):
        op = jf.laplacian(lambda x, p: {"p": p["a"], "x": x @ x * p["a"][0]}, backend=backend)
        found = op(points(3, 2), {"a": np.ones(4)})
        assert_array_equal(found["p"], np.zeros((2, 4)))
        assert_allclose(found["x"], np.full(2, 6.0))
