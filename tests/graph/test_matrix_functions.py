"""Matrix functions in every number system, of stacks, of singular matrices; and as NumPy does."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import mpmath
import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from jetfold.graph import Constant, Editor, Input, MatrixFunction, ShapeError, Type, simplify
from jetfold.graph.linalg import SlogdetResult
from jetfold.graph.matrices import matrix_function
from jetfold.graph.numbers import EXACT, FLOAT, MPMATH
from jetfold.graph.ops import Array, MatrixFunctionName, infer
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate

NAMES: tuple[MatrixFunctionName, ...] = get_args(MatrixFunctionName)


def matrices(*shape: int, dtype: Any = np.float64) -> NDArray[Any]:
    random = np.random.default_rng(sum(shape))
    return (random.integers(-9, 9, shape) / 4).astype(dtype)


def rational(array: NDArray[Any]) -> NDArray[Any]:
    return EXACT.array(array)


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_exact_inverses(size: int) -> None:
    stack = matrices(2, 3, size, size) + 9 * np.eye(size)
    inverses = matrix_function("inverse", rational(stack), EXACT)
    assert inverses.shape == stack.shape
    for place in np.ndindex(2, 3):
        assert (rational(stack)[place] @ inverses[place] == np.eye(size, dtype=int)).all()
        assert all(isinstance(number, Fraction) for number in inverses[place].flat)


def test_exact_determinants() -> None:
    """The sign is exact; the logarithm is opaque, and one number for one determinant."""
    stack = rational(np.array([[[0, 2], [3, 1]], [[6, 4], [3, 3]], [[0, 6], [1, 7]]]))
    assert list(matrix_function("sign_det", stack, EXACT)) == [-1, 1, -1]
    logs = matrix_function("log_abs_det", stack, EXACT)
    assert logs[0] == logs[1] == logs[2] != 6
    assert isinstance(logs[0], Fraction)
    singular = rational(np.ones((2, 2)))
    assert matrix_function("sign_det", singular, EXACT) == 0
    with pytest.raises(ZeroDivisionError):
        matrix_function("inverse", singular, EXACT)


@pytest.mark.parametrize("size", [1, 4, 7])
def test_long_numbers(size: int) -> None:
    """A Hilbert matrix, whose inverse consists of integers, to many more digits than double."""
    whole = np.rint(scipy.linalg.invhilbert(size)).astype(int)
    with mpmath.workdps(60):
        hilbert = np.array(
            [[mpmath.mpf(1) / (i + j + 1) for j in range(size)] for i in range(size)]
        )
        inverse = matrix_function("inverse", hilbert, MPMATH)
        assert max(abs(a - b) for a, b in zip(inverse.flat, whole.flat, strict=True)) < 1e-40
        product = matrix_function("log_abs_det", np.stack([hilbert, inverse]), MPMATH)
        assert abs(product[0] + product[1]) < 1e-45
        assert matrix_function("sign_det", -hilbert, MPMATH) == (-1) ** size


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex128])
def test_floating_point(dtype: Any) -> None:
    stack = matrices(2, 4, 4, dtype=dtype)
    sign, log = np.linalg.slogdet(stack.astype(np.result_type(np.float64, dtype)).astype(
        np.complex128 if np.iscomplexobj(stack) else np.float64))  # fmt: skip
    found = {name: matrix_function(name, stack, FLOAT) for name in NAMES}
    assert {array.dtype for array in found.values()} == {np.dtype(dtype)}
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(stack @ found["inverse"] - np.eye(4), 0, atol=tolerance)
    np.testing.assert_allclose(found["log_abs_det"].real.astype(log.dtype), log, 1e-6)
    np.testing.assert_array_equal(found["sign_det"].astype(sign.dtype), sign)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_a_singular_matrix_spoils_no_other(dtype: Any) -> None:
    stack = np.stack([np.ones((2, 2)), np.eye(2), np.full((2, 2), np.nan)]).astype(dtype)
    with np.errstate(all="ignore"):
        inverse, log, sign = (matrix_function(name, stack, FLOAT) for name in NAMES)
    assert not np.isfinite(inverse[[0, 2]]).any()
    np.testing.assert_array_equal(inverse[1], np.eye(2))
    np.testing.assert_array_equal(log, [-np.inf, 0, np.nan])
    np.testing.assert_array_equal(sign[:2], [0, 1])


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (3, 3, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_what_has_no_square_matrices(name: MatrixFunctionName, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="no square matrices"):
        infer(MatrixFunction(name), [Type(shape)])


def test_results_are_named_as_in_numpy() -> None:
    assert SlogdetResult._fields == type(np.linalg.slogdet(np.eye(2)))._fields


def test_equal_functions_are_one_node() -> None:
    def f(x: Any) -> Any:
        sign, log = np.linalg.slogdet(x)
        return np.linalg.solve(x, x[0]) + np.linalg.inv(x)[1] + sign * log + np.linalg.det(x)

    graph = trace(f, (Input("x", Type((4, 4))),)).graph
    validate(graph)
    assert graph.counts()["MatrixFunction"] == 3


def test_small_determinants_are_polynomials() -> None:
    for size in range(4):
        graph = trace(lambda x: x + np.linalg.det(x), (Input("x", Type((size, size))),)).graph
        assert "MatrixFunction" not in graph.counts()


def test_functions_of_constants_stay() -> None:
    """They are computed once per call; as constants they might not be exact."""
    editor = Editor()
    matrix = editor.add(Constant(Array(np.array([[0.0, 0.0], [0.0, 0.0]]))))
    graph = editor.freeze([editor.add(MatrixFunction(name), matrix) for name in NAMES])
    assert simplify(graph).graph.counts()["MatrixFunction"] == 3
