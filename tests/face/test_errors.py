"""What bad input gets: an error that says what is wrong, where, and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.special

import jetfold as jf
from known_answers import points
from messages import check_place, message_of

Function = Callable[..., Any]
interpreted = partial(jf.laplacian, backend="reference")
X = points(3, 4)
BUFFER = np.zeros(3)


def cubes(x: Any) -> Any:
    return np.sum(x**3)


# What cannot be traced ------------------------------------------------------------------------


def branch(x: Any) -> Any:
    if x[0] > 0:  # here
        return x @ x
    return x[0]


def loop(x: Any) -> Any:
    while np.sum(x) < 10:  # here
        x = 2 * x
    return x


def convert(x: Any) -> Any:
    return math.exp(x[0])  # here


def assign(x: Any) -> Any:
    x[0] = 0.0  # here
    return x @ x


def fill(x: Any) -> Any:
    result = np.zeros(3)
    for i in range(3):
        result[i] = x[i] ** 2  # here
    return result


def helper(x: Any) -> Any:
    return np.linalg.pinv(np.outer(x, x))  # here


def keyword(x: Any) -> Any:
    return np.sum(x, where=x > 0)  # here


TRACING: dict[str, tuple[Function, str, str]] = {
    # a function, what is wrong with it, and what to do
    "branch": (branch, "a branch on a traced value", "np.where"),
    "loop": (loop, "a branch on a traced value", "np.where"),
    "truth": (lambda x: bool(x[0]), "a branch on a traced value", "np.where"),  # here
    "and": (lambda x: x[0] > 0 and x[1], "a branch on a traced value", "&"),  # here
    "max": (lambda x: max(x[0], x[1]), "a branch on a traced value", "np.maximum"),  # here
    "float": (lambda x: float(x[0]), "cannot be converted to a float", "np.sin and not"),  # here
    "int": (lambda x: int(x[0]), "cannot be converted to an int", "np.sin and not"),  # here
    "math": (convert, "cannot be converted to a float", "np.sin and not math.sin"),
    "array": (lambda x: np.array([x[0], 1.0]), "to a plain array", "np.stack([...])"),  # here
    "asarray": (lambda x: np.asarray(x) + 1, "to a plain array", "leave out np.asarray"),  # here
    "assignment": (assign, "an assignment into a traced array", "np.where(mask, new, old)"),
    "assignment to an array": (fill, "cannot be converted to a float", "np.stack"),
    "out": (lambda x: np.sin(x, out=BUFFER), "np.sin cannot be traced with out", "itself"),  # here
    "mask of an array": (lambda x: BUFFER[x > 0], "plain array", "np.where(mask"),  # here
    "mask": (lambda x: x[x > 0], "a mask that is a traced value", "np.where"),  # here
    "index": (lambda x: [1, 2][x[0]], "a traced value cannot be an index", "np.where"),  # here
    "unsupported": (helper, "np.linalg.pinv cannot be traced", "np.linalg.inv, solve"),
    "unknown": (lambda x: np.nansum(x) + 1, "np.nansum cannot be traced", "sum"),  # here
    "special": (lambda x: scipy.special.jv(0, x), "scipy.special.jv cannot", "Write it"),  # here
    "method": (lambda x: x.argsort(), ".argsort of an array cannot be traced", ""),  # here
    "keyword": (keyword, "np.sum cannot be traced with where=", "np.where(mask"),
    "complex": (lambda x: 1j * x, "a complex number", "Use real numbers"),  # here
    "None": (lambda x: x * None, "None (a NoneType)", "Use real numbers"),  # here
}


@pytest.mark.parametrize("name", TRACING)
def test_tracing(name: str) -> None:
    function, wrong, remedy = TRACING[name]
    for op in (interpreted(function), jf.jet(function, 2)):
        call: Any = op
        arguments = (X,) if repr(op).startswith("Laplacian") else (X, (X, X))
        message = message_of(jf.TraceError, call, *arguments)
        first, *_, note = message.splitlines()
        assert wrong in first
        assert remedy in message
        check_place(message, __file__)
        assert repr(op) in note
        assert "(3,)" in note


def test_errors_inside_a_nested_operator_name_both() -> None:
    message = message_of(jf.TraceError, interpreted(jf.laplacian(branch)), X)
    check_place(message, __file__)
    *_, inner, outer = message.splitlines()
    assert "Laplacian(branch)" in inner
    assert "Laplacian(Laplacian(branch), backend='reference')" in outer


def test_errors_appear_before_anything_runs() -> None:
    op = jf.laplacian(branch)
    for call in (op.derivation, op.source):
        check_place(message_of(jf.TraceError, call, X), __file__)
    check_place(message_of(jf.TraceError, op, X[:0]), __file__)


def test_jetfold_errors_are_also_those_that_python_raises() -> None:
    for kind, base in [
        (jf.TraceError, TypeError),
        (jf.ShapeError, ValueError),
        (jf.ArgumentError, ValueError),
        (jf.UnsupportedError, NotImplementedError),
    ]:
        assert issubclass(kind, (jf.JetfoldError, base))
        assert issubclass(kind, base)


@pytest.mark.parametrize("mine", [ValueError("mine"), ZeroDivisionError("mine"), KeyError("mine")])
def test_the_functions_own_errors_are_left_alone(mine: Exception) -> None:
    def raises(x: Any) -> Any:
        raise mine

    with pytest.raises(type(mine), match="mine") as caught:
        interpreted(raises)(X)
    assert caught.value is mine


# Functions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "wrong", "remedy"),
    [
        (None, "returns None", "Is a return missing?"),
        ({}, "returns {}", "Is a return missing?"),
        ([None], "returns [None]", "Is a return missing?"),
        ("text", "returns 'text' (str)", "Return arrays"),
        ({"a": 1.0, "b": print}, "returns <built-in function print>", "Return arrays"),
        (1j, "returns values of dtype complex128", "Return arrays of real numbers"),
        (np.array([X]).astype(object), "returns values of dtype object", "Return arrays of real"),
    ],
)
def test_what_functions_return(returned: Any, wrong: str, remedy: str) -> None:
    def function(x: Any) -> Any:
        return returned

    message = message_of(jf.TraceError, interpreted(function), X)
    assert wrong in message.splitlines()[0]
    assert remedy in message
    assert f'File "{__file__}", line {function.__code__.co_firstlineno}: def' in message


@pytest.mark.parametrize("wrong", [3, None, "tanh", np.arange(500.0), {"a": cubes}])
def test_functions_must_be_callable(wrong: Any) -> None:
    for make in (jf.laplacian, partial(jf.jet, order=2)):
        message = message_of(jf.ArgumentError, make, wrong)
        assert f"an object of type {type(wrong).__name__} cannot be called" in message
        assert "pass the function u(x, params) itself" in message
        assert len(message) < 150


def test_functions_must_take_the_parameters() -> None:
    def takes_one(x: Any, a: Any) -> Any:
        return a * x

    for params, wrong in [((), "missing a required argument: 'a'"), ((1.0, 2.0), "too many")]:
        message = message_of(jf.ArgumentError, interpreted(takes_one), X, *params)
        assert "takes_one(x: 'Any', a: 'Any') -> 'Any' cannot be called with a point" in message
        assert f"and {len(params)} parameters" in message
        assert wrong in message
        assert message_of(jf.ArgumentError, jf.jet(takes_one, 1), X, (X,), *params)


# Shapes ---------------------------------------------------------------------------------------


def wide(x: Any, w: Any) -> Any:
    h = w["a"] @ x  # here
    return np.sum(h + w["b"])


def add(x: Any, w: Any) -> Any:
    return np.sum(x + w["b"])  # here


def reshape(x: Any, w: Any) -> Any:
    return x.reshape(2, 2)  # here


def out_of_bounds(x: Any, w: Any) -> Any:
    return x[3]  # here


def einsum(x: Any, w: Any) -> Any:
    return np.einsum("ij,j->i", w["a"], x)  # here


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        (wide, "arrays of shapes (5, 4) and (3,)"),
        (add, "shapes (3,), (5,) cannot be broadcast together"),
        (reshape, "cannot reshape array of size 3"),
        (out_of_bounds, "the index 3 is out of bounds for an axis of size 3"),
        (einsum, "axis 'j' has sizes [3, 4]"),
    ],
)
def test_shapes_inside_the_function(function: Function, wrong: str) -> None:
    """A wrong trailing dimension shows there, too: only the function knows how long a point is."""
    weights = {"a": np.ones((5, 4)), "b": np.ones(5)}
    for backend in ("cpu", "reference"):
        op = jf.laplacian(function, backend=backend)
        message = message_of(jf.ShapeError, op, X, weights)
        assert wrong in message.splitlines()[0]
        check_place(message, __file__)
        assert "for one point x of shape (3,)" in message.splitlines()[-1]
        assert "all other axes, in front, are a batch" in message.splitlines()[-1]


def test_a_wrong_trailing_dimension() -> None:
    """The points transposed, or one number for each of them."""
    op = interpreted(wide)
    weights = {"a": np.ones((5, 3)), "b": np.ones(5)}
    op(X, weights)
    for wrong in (X.T, X[:, :2], X[0, :1], np.ones((7, 3, 1))):
        message = message_of(jf.ShapeError, op, wrong, weights)
        check_place(message, __file__)
        assert f"arrays of shapes (5, 3) and ({wrong.shape[-1]},)" in message
        assert f"for one point x of shape ({wrong.shape[-1]},)" in message
    assert op(X, weights).shape == (4,)  # the operator has not suffered


def test_points_with_too_few_axes() -> None:
    for point_ndim, shape, wanted in [(1, (), "(..., D)"), (2, (3,), "(..., D1, D2)")]:
        op = interpreted(cubes, point_ndim=point_ndim)
        message = message_of(jf.ArgumentError, op, np.ones(shape))
        assert f"X has shape {shape}, which is less than one point" in message
        assert f"point_ndim={point_ndim}" in message
        assert f"pass an array {wanted}" in message
        jet = jf.jet(cubes, 1, point_ndim=point_ndim)
        message = message_of(jf.ArgumentError, jet, np.ones(shape), (np.ones(shape),))
        assert "x0 has shape" in message


# Operators inside of functions ----------------------------------------------------------------


def test_a_randomised_operator_inside_a_function() -> None:
    op = jf.laplacian(cubes, samples=2)
    message = message_of(
        jf.UnsupportedError,
        interpreted(lambda x: op(x) ** 2),  # here
        X,
    )
    assert "would use the same directions at every call" in message
    assert "Call the exact one there (without samples=), or take gradients" in message
    check_place(message, __file__)


def test_a_batch_inside_a_function() -> None:
    op = jf.laplacian(cubes)
    message = message_of(
        jf.ArgumentError,
        interpreted(lambda x: op(np.outer(x, x))),  # here
        X,
    )
    assert "Laplacian(cubes) is called on a value of shape (3, 3) inside" in message
    assert "There it takes one point, without a batch (point_ndim=1)." in message
    check_place(message, __file__)


def test_a_traced_value_that_has_escaped() -> None:
    kept: list[Any] = []

    def keeps(x: Any) -> Any:
        kept.append(x)
        return cubes(x)

    interpreted(keeps)(X)
    message = message_of(
        jf.TraceError,
        interpreted(lambda x: x @ kept[0]),  # here
        X,
    )
    assert "used outside of the function in which it was traced" in message
    check_place(message, __file__)
    message = message_of(jf.TraceError, jf.laplacian(cubes), [kept[0]])
    assert "cannot be converted to a plain array" in message or "outside" in message
