"""The reference backend: right by hand, in every number system, with the calls of the CPU's."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

from graphs import A, B, laplacian, network
from jetfold.backends.reference import ReferenceGraph
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Sum,
    Transpose,
    Type,
)
from jetfold.graph.numbers import EXACT, MPMATH, NumberSystem
from programs import FLOAT32, FLOAT64, FLOATS, sample

R = DirectionAxis("r", 2)


def quadratic() -> Graph:
    """x . M x / 2, and the sum over r of (v_r . x)**2 for a parameter v with a direction axis."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    matrix = editor.add(Parameter("M", Type((3, 3))))
    directions = editor.add(Parameter("v", Type((3,), (R,))))
    form = editor.add(Map(A / 2), editor.add(Contract("a,ab,b->"), x, matrix, x))
    along = editor.add(Contract("a,a->"), directions, x)
    squares = editor.add(Sum((), ("r",)), editor.add(Map(A**2), along))
    return editor.freeze([form, squares])


def test_by_hand() -> None:
    x = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]])
    matrix = np.arange(9.0).reshape(3, 3)
    directions = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]])
    run = ReferenceGraph(quadratic())
    form, squares = run(2, FLOAT64, {"x": x}, {"M": matrix, "v": directions})
    np.testing.assert_allclose(form, [point @ matrix @ point / 2 for point in x])
    np.testing.assert_allclose(squares, [1.0 + 1.0, 0.0 + 2.25])


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_network_is_the_function_it_says(dtype: Any) -> None:
    graph = network()
    inputs, values = sample(graph, 5, dtype)
    (found,) = ReferenceGraph(graph)(5, dtype, inputs, values)
    hidden = np.tanh(inputs["x"] @ values["W1"] + values["b1"])
    expected = np.tanh(hidden @ values["W2"] + values["b2"]) @ values["w"]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == FLOAT32 else 1e-14)


def test_laplacian_of_a_network_by_differences() -> None:
    """Complex steps for the first derivatives, central differences of those for the second."""
    graph, step = network(), 1e-5
    inputs, values = sample(graph, 4)
    run = ReferenceGraph(graph)

    def slope(x: Any, axis: int) -> Any:
        moved = x.astype(complex)
        moved[:, axis] += 1e-30j
        (value,) = run(4, np.dtype(complex), {"x": moved}, values)
        return value.imag / 1e-30

    expected = np.zeros(4)
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        expected += slope(inputs["x"] + shift, axis) - slope(inputs["x"] - shift, axis)
    for collapsed in (False, True):
        _, found = ReferenceGraph(laplacian(collapsed))(4, FLOAT64, inputs, values)
        np.testing.assert_allclose(found, expected / (2 * step), rtol=1e-7, atol=1e-7)


def test_exact_rationals_show_that_collapsing_is_an_identity() -> None:
    results = []
    for collapsed in (False, True):
        graph = laplacian(collapsed)
        inputs, values = sample(graph, 2)
        run = ReferenceGraph(graph, EXACT)
        results.append(run(2, np.dtype(object), inputs, values))
    for standard, collapsed_value in zip(*results, strict=True):
        assert all(isinstance(number, Fraction) for number in standard)
        assert list(standard) == list(collapsed_value)


def test_more_digits() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    graph = editor.freeze([editor.add(Map(sp.exp(A) / 3), x)])
    with mpmath.workdps(40):
        (found,) = ReferenceGraph(graph, MPMATH)(1, np.dtype(object), {"x": np.array([1.0])}, {})
        assert mpmath.almosteq(found[0], mpmath.e / 3, rel_eps=mpmath.mpf(10) ** -38)


def test_values_without_points_go_to_every_point() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    w = editor.add(Parameter("w", Type((2,))))
    zero = editor.add(Constant(Array(np.zeros((2, 2)))))
    graph = editor.freeze([editor.add(Map(A * B), w, w), zero, x])
    x_value = np.arange(6.0).reshape(3, 2)
    run = ReferenceGraph(graph)
    found = run(3, FLOAT64, {"x": x_value}, {"w": np.array([2.0, 3.0])})
    assert [array.shape for array in found] == [(3, 2), (3, 2, 2), (3, 2)]
    np.testing.assert_array_equal(found[0], [[4.0, 9.0]] * 3)
    for array in found:
        assert array.flags.writeable
        assert not np.shares_memory(array, x_value)


@pytest.mark.parametrize("numbers", [None, EXACT, MPMATH])
def test_no_points(numbers: NumberSystem | None) -> None:
    graph = quadratic()
    run = ReferenceGraph(graph) if numbers is None else ReferenceGraph(graph, numbers)
    dtype = FLOAT64 if numbers is None else np.dtype(object)
    inputs, values = sample(graph, 0)
    assert [array.shape for array in run(0, dtype, inputs, values)] == [(0,), (0,)]


def test_inputs_of_any_layout() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    graph = editor.freeze([editor.add(Map(A - B), x, editor.add(Transpose((0, 1)), x)), x])
    values = np.random.default_rng(0).normal(size=(4, 2, 3))
    strided = np.asfortranarray(values)
    strided.setflags(write=False)
    for given in (strided, values.astype(">f8"), values[::-1][::-1]):
        difference, same = ReferenceGraph(graph)(4, FLOAT64, {"x": given}, {})
        np.testing.assert_array_equal(difference, 0)
        np.testing.assert_array_equal(same, values)
        assert same.dtype.isnative
