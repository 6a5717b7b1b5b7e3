"""What wrong arguments get: an error that names the argument, what is wrong, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jetfold as jf
from known_answers import points
from messages import check_place, message_of

Function = Callable[..., Any]
interpreted = partial(jf.laplacian, backend="reference")
X = points(3, 4)


def cubes(x: Any) -> Any:
    return np.sum(x**3)


# Paths ----------------------------------------------------------------------------------------


def test_paths_of_a_wrong_length() -> None:
    cases: list[tuple[int, Any, str, str]] = [
        (1, (), "(x1,)", "0 of them"),
        (1, X, "(x1,)", "a ndarray"),
        (2, (X,), "(x1, x2)", "1 of them"),
        (2, [X, X, X], "(x1, x2)", "3 of them"),
        (4, None, "(x1, .., x4)", "a NoneType"),
        (4, iter([X, X, X, X]), "(x1, .., x4)", "a list_iterator"),
    ]
    for order, path, wanted, given in cases:
        message = message_of(jf.ArgumentError, jf.jet(cubes, order), X, path)
        assert f"a jet of order {order} takes the path's coefficients" in message
        assert f"as a tuple {wanted}; got {given}" in message


def test_paths_of_a_wrong_shape() -> None:
    op = jf.jet(cubes, 2, backend="reference")
    cases: list[tuple[Any, Any, Any]] = [(X, X, X[:, :2]), (X, X[:3], X), (X[:, :1], X, 0)]
    for x0, *path in [*cases, (np.ones(1), X[0], 0)]:
        message = message_of(jf.ArgumentError, op, x0, path)
        shapes = ", ".join(str(np.shape(x)) for x in (x0, *path))
        assert f"have shapes {shapes}" in message
        assert "each has the shape of x0" in message


def test_paths_of_a_wrong_shape_inside_a_function() -> None:
    def inside(x: Any) -> Any:
        return jf.jet(cubes, 1)(x, (x[:2],))[0]  # here

    message = message_of(jf.ShapeError, interpreted(inside), X)
    check_place(message, __file__)
    assert "x1 of a path has shape (2,), but x0 has (3,)" in message
    assert "Each coefficient has the shape of x0." in message


# Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -1, 1.5, 2.0, True, "2", None, np.array(2)])
def test_orders(wrong: Any) -> None:
    calls: list[tuple[str, Function, Any]] = [
        ("the order of a jet", jf.jet, cubes),
        ("the order of a Taylor rule", jf.rule, "tanh"),
    ]
    for what, call, on in calls:
        message = message_of(jf.ArgumentError, call, on, wrong)
        assert message == f"{what} is {wrong!r}; it must be an integer of 1 or more"


@pytest.mark.parametrize("wrong", [0, -3, 0.5, True, "16"])
def test_samples(wrong: Any) -> None:
    message = message_of(jf.ArgumentError, jf.laplacian, cubes, samples=wrong)
    assert message == f"samples is {wrong!r}; it must be an integer of 1 or more"


@pytest.mark.parametrize("wrong", [-1, 1.0, None, "1", False])
def test_axes_of_a_point(wrong: Any) -> None:
    for make in (jf.laplacian, partial(jf.jet, order=1)):
        message = message_of(jf.ArgumentError, make, cubes, point_ndim=wrong)
        assert message == f"point_ndim is {wrong!r}; it must be an integer of 0 or more"


@pytest.mark.parametrize(
    ("options", "wrong", "choices", "meant"),
    [
        (
            {"method": "colapsed"},
            "method 'colapsed'",
            "auto, standard, collapsed, nested, minimal",
            "collapsed",
        ),
        (
            {"method": "Standard"},
            "method 'Standard'",
            "auto, standard, collapsed, nested, minimal",
            "standard",
        ),
        ({"method": "fast"}, "method 'fast'", "auto, standard, collapsed, nested, minimal", ""),
        ({"method": None}, "method None", "auto, standard, collapsed, nested, minimal", ""),
        ({"backend": "gpu"}, "backend 'gpu'", "cpu, cuda, reference", "cuda"),
        ({"backend": "refrence"}, "backend 'refrence'", "cpu, cuda, reference", "reference"),
        ({"backend": 3}, "backend 3", "cpu, cuda, reference", ""),
        (
            {"distribution": "radamacher"},
            "distribution 'radamacher'",
            "normal, rademacher, sphere",
            "rademacher",
        ),
        ({"distribution": "uniform"}, "distribution 'uniform'", "normal, rademacher", ""),
    ],
)
def test_unknown_names(options: dict[str, Any], wrong: str, choices: str, meant: str) -> None:
    message = message_of(jf.ArgumentError, jf.laplacian, cubes, samples=2, **options)
    assert message.startswith(f"unknown {wrong}: choose from {choices}")
    assert message.endswith(f"did you mean {meant!r}?") == bool(meant)
    if "backend" in options:
        assert message == message_of(jf.ArgumentError, jf.jet, cubes, 1, **options)


@pytest.mark.parametrize("wrong", ["a", -1, 0.5])
def test_seeds(wrong: Any) -> None:
    message = message_of(jf.ArgumentError, jf.laplacian, cubes, samples=2, seed=wrong)
    assert message.startswith(f"seed is {wrong!r}; it must be None, an integer of 0 or more, or a")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tahn", "did you mean 'tan' or 'tanh'"),
        ("mutliply", "did you mean 'multiply'"),
        ("soft_plus", "did you mean 'softplus'"),
        ("qqq", "give its NumPy or SciPy name as a string"),
        (np.frexp, "did you mean "),
    ],
)
def test_unknown_primitives(name: Any, hint: str) -> None:
    message = message_of(jf.ArgumentError, jf.rule, name)
    known_as = name.__name__ if isinstance(name, np.ufunc) else name
    assert message.startswith(f"there is no primitive called {known_as!r}; {hint}")


def test_what_is_no_primitive() -> None:
    message = message_of(jf.ArgumentError, jf.rule, None)
    assert message.startswith("None is a NoneType; give the name of a primitive or its NumPy ufunc")


def test_source_of_what_is_interpreted() -> None:
    message = message_of(jf.ArgumentError, interpreted(cubes).source, X)
    assert '"reference" interprets the graph; it has no source' in message


@pytest.mark.parametrize("name", ["graph.png", "graph", "graph.pdf"])
def test_pictures_of_unknown_kinds(name: str, tmp_path: Path) -> None:
    derivation = jf.laplacian(cubes).derivation(X)
    message = message_of(jf.ArgumentError, derivation.draw, tmp_path / name)
    assert f"{name}': the path has to end in .svg or .dot" in message
    assert not list(tmp_path.iterdir())


# Data -----------------------------------------------------------------------------------------

BAD_DATA: list[tuple[Any, str, str]] = [
    (X + 0j, "has dtype complex128", "complex numbers are not supported; pass the real and the"),
    (X.astype(np.complex64), "has dtype complex64", "complex numbers are not supported"),
    (X.astype(object), "has dtype object", "convert it to float32 or float64"),
    (X.astype(str), "has dtype <U32", "pass an array of real numbers"),
    (X.astype("S4"), "has dtype |S4", "pass an array of real numbers"),
    (np.array(["2020-01-01"], "M8[D]"), "has dtype datetime64[D]", "pass an array of real"),
    (np.zeros(3, [("a", float)]), "has dtype [('a', '<f8')]", "pass an array of real numbers"),
]


@pytest.mark.parametrize(("data", "wrong", "remedy"), BAD_DATA)
def test_dtypes(data: Any, wrong: str, remedy: str) -> None:
    op = interpreted(lambda x, p=None: cubes(x) + cubes(p["W"][0]))
    calls: list[tuple[str, Function, tuple[Any, ...]]] = [
        ("X", op, (data,)),
        ("X", op.derivation, (data,)),
        ('params["W"][0]', op, (X, {"W": [data]})),
        ("x0", jf.jet(cubes, 1), (data, (X,))),
        ("x1", jf.jet(cubes, 1), (X, (data,))),
    ]
    for name, call, arguments in calls:
        message = message_of(jf.ArgumentError, call, *arguments)
        assert message.startswith(f"{name} {wrong}; {remedy}")


@pytest.mark.skipif(
    np.dtype(np.longdouble) == np.float64, reason="there is no extended precision here"
)
def test_extended_precision() -> None:
    message = message_of(jf.ArgumentError, interpreted(cubes), X.astype(np.longdouble))
    assert "extended precision is not supported; convert it to float64" in message


@pytest.mark.parametrize("wrong", [None, {"a": X}, {1.0, 2.0}, cubes])
def test_points_that_are_no_arrays(wrong: Any) -> None:
    message = message_of(jf.ArgumentError, interpreted(cubes), wrong)
    assert message == f"X is a {type(wrong).__name__}; pass an array of real numbers"


def test_ragged_lists() -> None:
    message = message_of(jf.ArgumentError, interpreted(cubes), [[1.0, 2.0], [3.0]])
    assert message.startswith("X is not an array of numbers: ")
    assert "inhomogeneous" in message


def test_a_complex_number_among_the_parameters() -> None:
    message = message_of(
        jf.TraceError,
        interpreted(lambda x, p: p * cubes(x)),  # here
        X,
        1j,
    )
    assert "a complex number" in message
    check_place(message, __file__)


def test_unhashable_parameters() -> None:
    op = interpreted(lambda x, p: cubes(x))
    message = message_of(jf.ArgumentError, op, X, {"a": {1, 2}})
    assert "the parameters hold something that is neither an array nor hashable" in message
    assert "'set'" in message
    message = message_of(jf.ArgumentError, op, X, {"a": 1.0, 2: 1.0})
    assert "the keys of a dict of parameters cannot be sorted (they are int, str)" in message


def any_tree(x: Any, *params: Any) -> Any:
    return cubes(x)


@pytest.mark.parametrize(
    ("first", "second", "before", "now"),
    [
        (({"a": 1.0},), ({"b": 1.0},), "({'a': *},)", "({'b': *},)"),
        (({"a": 1.0},), ({"a": 1.0, "b": 1.0},), "({'a': *},)", "({'a': *, 'b': *},)"),
        (([X, X],), ((X, X),), "([*, *],)", "((*, *),)"),
        (([X, X],), ([X],), "([*, *],)", "([*],)"),
        ((X,), (None,), "(*,)", "(None,)"),
        ((X,), (), "(*,)", "()"),
        ((X,), (X, X), "(*,)", "(*, *)"),
        ((X,), ({"W": X},), "(*,)", "({'W': *},)"),
    ],
)
def test_parameters_of_another_structure(first: Any, second: Any, before: str, now: str) -> None:
    operators: list[tuple[Any, tuple[Any, ...]]] = [
        (interpreted(any_tree), (X,)),
        (jf.jet(any_tree, 1, backend="reference"), (X, (X,))),
    ]
    for op, arguments in operators:
        expected = op(*arguments, *first)
        message = message_of(jf.ArgumentError, op, *arguments, *second)
        assert message.startswith(f"the parameters are {now} now, but were {before} at the first")
        assert repr(op) in message
        assert "make a new operator" in message
        again = op(*arguments, *first)  # the operator has not suffered
        np.testing.assert_array_equal(again[0], expected[0])


def test_values_by_name_belong_to_expressions() -> None:
    op = jf.laplacian(lambda x: np.sum(x**2), backend="reference")
    for call in (op, op.derivation, op.source):
        with pytest.raises(jf.ArgumentError):
            call(np.ones(2), nu=1.0)
    with pytest.raises(jf.ArgumentError, match="takes no values by name, but got nu"):
        op(np.ones(2), nu=1.0)
