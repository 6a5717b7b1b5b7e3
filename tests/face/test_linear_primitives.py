"""`jf.linear_primitive`, `jf.multilinear_primitive`: values, operators, structure."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from jetfold import primitives_command
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.reference import ReferenceGraph
from jetfold.graph import Contract, Gather, Graph, Map, Sum
from jetfold.graph.multilinear import Tensor
from known_answers import points
from linear_functions import (
    LINEAR,
    SPARSE,
    Function,
    crowded_product,
    five_points,
    forgotten_names,
    running,
    running_adjoint,
    shifted,
    slope,
    sparse_product,
    total,
    total_adjoint,
)
from programs import FLOAT64, unjitted
from tracing import batch, check, trace_at

forgotten = pytest.fixture(autouse=True)(forgotten_names)


@pytest.mark.parametrize("name", LINEAR)
def test_values(name: str) -> None:
    function, adjoint, shape = LINEAR[name]
    made = jf.linear_primitive(name, function, adjoint)
    (array,) = batch(shape)
    np.testing.assert_array_equal(made(array[0]), function(array[0]))
    check(made, [array], rtol=1e-11)
    check(lambda x: np.sin(made(x * 2)) + 1, [array], rtol=1e-11)


def bilinear_mean(x: Any, z: Any) -> Any:
    return np.outer(np.asarray(x), np.asarray(z)).mean(axis=0)


def triple(x: Any, y: Any, z: Any) -> Any:
    return np.linalg.det(np.array([x, y, z]))


BILINEAR: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "full_convolution": (np.convolve, ((3,), (4,))),
    "long_convolution": (np.convolve, ((12,), (10,))),
    "vector_product": (np.cross, ((4, 3), (3,))),
    "product": (np.matmul, ((2, 3), (3, 2))),
    "bilinear_mean": (bilinear_mean, ((5,), (2,))),
    "triple": (triple, ((3,), (3,), (3,))),
}


@pytest.mark.parametrize("name", BILINEAR)
def test_values_of_multilinear_functions(name: str) -> None:
    function, shapes = BILINEAR[name]
    made = jf.multilinear_primitive(name, function, tuple(range(len(shapes))))
    arrays = batch(*shapes)
    np.testing.assert_allclose(made(*(a[0] for a in arrays)), function(*(a[0] for a in arrays)))
    check(made, arrays, rtol=1e-10)


def test_of_one_value_twice() -> None:
    """A quadratic function; and one argument may be fixed, or both."""
    made = jf.multilinear_primitive("full_convolution", np.convolve)
    check(lambda x: made(x, x), batch((4,)), rtol=1e-11)
    check(lambda x: made([1.0, -2.0], x), batch((4,)), rtol=1e-12)
    check(lambda x: made(x, np.arange(3.0)) * made([1.0], [2.0]), batch((4,)), rtol=1e-12)
    check(lambda x: made(x, x[:2], "same"), batch((4,)), rtol=1e-12)


# Operators --------------------------------------------------------------------------------------


def expected_laplacian(matrix: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
    """Of the sum of tanh(A x): tanh'' = -2 tanh (1 - tanh^2)."""
    y = np.tanh(x @ matrix.T)
    return np.asarray((-2 * y * (1 - y**2)) @ (matrix**2).sum(axis=1))


@pytest.mark.parametrize("name", ["slope", "sparse_product", "crowded_product"])
def test_laplacian(name: str) -> None:
    function, adjoint, shape = LINEAR[name]
    made = jf.linear_primitive(name, function, adjoint)
    x = points(shape[0], 4)
    matrix = np.stack([function(unit) for unit in np.eye(shape[0])], axis=1)
    expected = expected_laplacian(matrix, x)
    for method in METHODS:
        op = jf.laplacian(lambda x: np.tanh(made(x)).sum(), method=method)
        graph = CompiledGraph(op.derivation(x).final_graph)
        for backend in (ReferenceGraph(graph.graph), unjitted(graph)):
            (found,) = backend(4, FLOAT64, {"x": x}, {})
            assert_allclose(found, expected, 1e-12, 1e-12)


METHODS: tuple[Any, ...] = ("standard", "collapsed", "minimal")


def test_nested_and_with_parameters() -> None:
    """The biharmonic of a quartic form: with y = A x, sum of 4! sum_r A_ir^2 sum_s A_is^2 .."""
    made = jf.linear_primitive("running", running, running_adjoint)
    x, scale = points(3, 4), np.array([1.0, -0.5, 2.0])
    matrix = np.tril(np.ones((3, 3))) * scale

    def quartic(x: Any, p: Any) -> Any:
        return (made(x * p) ** 4).sum()

    exact = 24 * ((matrix**2).sum(axis=1) ** 2).sum()
    inner = jf.laplacian(quartic)
    for op in (jf.biharmonic(quartic), jf.laplacian(inner, backend="reference")):
        assert_allclose(op(x, scale), np.full(4, exact), 1e-12)


def test_field_on_a_grid() -> None:
    """A discrete Laplacian and a convolution inside of a function of points (3, 4)."""
    stencil = jf.linear_primitive("five_points", five_points)
    x = points(12, 5).reshape(5, 3, 4)
    op = jf.laplacian(lambda u: (stencil(u) ** 2).sum(), point_ndim=2, backend="reference")
    matrix = np.stack([five_points(unit.reshape(3, 4)).ravel() for unit in np.eye(12)])
    assert_allclose(op(x), np.full(5, 2 * (matrix**2).sum()), 1e-12)


# Structure --------------------------------------------------------------------------------------


def graph_of(function: Function, *shapes: tuple[int, ...]) -> Graph:
    return trace_at(function, *shapes).graph


def expressions(graph: Graph) -> list[sp.Expr]:
    return [op.expr for op in (graph[node].op for node in graph) if isinstance(op, Map)]


def test_permutation_is_a_move() -> None:
    graph = graph_of(jf.linear_primitive("shifted", shifted), (5,))
    assert set(graph.counts()) == {"Input", "Gather"}


def test_stencil_is_an_expression_with_its_numbers() -> None:
    graph = graph_of(jf.linear_primitive("five_points", five_points), (5, 6))
    (expr,) = expressions(graph)
    assert {term.as_coeff_Mul()[0] for term in expr.args} == {1, -4}
    assert "Constant" not in graph.counts()


def test_different_numbers_are_constants() -> None:
    graph = graph_of(jf.linear_primitive("sparse_product", sparse_product), (12,))
    width = int(np.diff(SPARSE.indptr).max())
    assert len(expressions(graph)) == 1
    assert graph.counts()["Constant"] == graph.counts()["Gather"] == width


def test_many_terms_are_summed() -> None:
    graph = graph_of(jf.linear_primitive("crowded_product", crowded_product), (80,))
    assert {type(graph[node].op) for node in graph} >= {Gather, Map, Sum}
    assert "Contract" not in graph.counts()


def test_a_full_matrix_is_a_product() -> None:
    graph = graph_of(jf.linear_primitive("slope", slope), (8,))
    (spec,) = [op.spec for op in (graph[n].op for n in graph) if isinstance(op, Contract)]
    assert spec == "ab,b->a"


def test_functions_are_asked_once_for_each_shape() -> None:
    calls = []

    def counted(x: Any, *args: Any) -> Any:
        calls.append(x.shape)
        return np.asarray(x) * 2.0

    made = jf.linear_primitive("counted", counted)
    for _ in range(2):
        graph_of(lambda x: made(made(x)), (4,))
        graph_of(lambda x: made(x, np.ones(2)), (4,))
    assert len(calls) == 2 * (1 + 4 + 2)
    graph_of(made, (5,))
    assert (5,) in calls
    before = len(calls)
    for _ in range(2):  # what cannot be compared is asked every time
        graph_of(lambda x: made(x, [1.0]), (4,))
    assert len(calls) == before + 2 * (1 + 4 + 2)


def test_an_adjoint_saves_calls() -> None:
    """12 elements to 1: one call of the adjoint in place of twelve."""
    calls = []

    def counted(x: Any) -> Any:
        calls.append(x)
        return total(x)

    graph_of(jf.linear_primitive("total", counted, total_adjoint), (3, 4))
    assert len(calls) == 1 + 2


def test_adjoints_of_a_bilinear_function() -> None:
    """For each argument one, called with an array of the result's shape in its place."""

    def form(x: Any, z: Any) -> Any:
        return np.asarray(x) @ np.arange(12.0).reshape(3, 4) @ np.asarray(z)

    matrix = np.arange(12.0).reshape(3, 4)
    made = jf.multilinear_primitive(
        "form", form, adjoints=(lambda y, z: y * (matrix @ z), lambda x, y: y * (x @ matrix))
    )
    check(made, batch((3,), (4,)), rtol=1e-12)
    check(lambda x: made(np.ones(3), x), batch((4,)), rtol=1e-12)


def test_tensors_apply_themselves() -> None:
    tensor = Tensor((2,), ((2,), (2,)), np.array([0, 0, 1]), np.array([[0, 1, 1], [1, 0, 1]]),
                    np.array([2.0, 3.0, 4.0]))  # fmt: skip
    x, z = np.array([1.0, 10.0]), np.array([100.0, 1000.0])
    np.testing.assert_array_equal(tensor.apply(x, z), [2000 + 3000, 40000])
    np.testing.assert_array_equal(tensor.apply(x, z), tensor.dense() @ z @ x)


# Registration -----------------------------------------------------------------------------------


def test_what_it_says_of_itself() -> None:
    made = jf.linear_primitive("slope", slope)
    assert isinstance(made, jf.MultilinearPrimitive)
    assert (made.name, made.function, made.linear_in) == ("slope", slope, (0,))
    assert made.__doc__ == slope.__doc__
    assert repr(made) == "<primitive slope, linear in argument 0>"
    assert (
        jf.linear_primitive("gradient_", np.gradient, doc="Differences.").__doc__ == "Differences."
    )


def test_pickles() -> None:
    made = jf.multilinear_primitive("full_convolution", np.convolve, doc="All of it.")
    again = pickle.loads(pickle.dumps(made))
    assert again == made
    assert hash(again) == hash(made)
    assert again.__doc__ == "All of it."
    check(again, batch((3,), (2,)), rtol=1e-12)


def test_the_same_again_and_another_one() -> None:
    def cell(factor: float) -> Function:
        return lambda x: factor * np.asarray(x)

    jf.linear_primitive("scaled", cell(2.0))
    jf.linear_primitive("scaled", cell(2.0))  # as a notebook's cell that is run again
    with pytest.raises(jf.ArgumentError, match=r"another primitive 'scaled'.*overwrite=True"):
        jf.linear_primitive("scaled", cell(3.0))
    made = jf.linear_primitive("scaled", cell(3.0), overwrite=True)
    assert made(2.0) == 6
    with pytest.raises(jf.ArgumentError, match="another primitive"):
        jf.linear_primitive("scaled", np.negative)


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    jf.linear_primitive("running_sum", running, running_adjoint, doc="Sums so far.\nMore.")
    jf.multilinear_primitive("full_convolution", np.convolve)
    assert primitives_command.run(None, custom=True) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (first,) = [line for line in lines if "running_sum" in line]
    assert " ".join(first) == "│ running_sum │ argument 0 │ argument 0 │ Sums so far. │"
    (second,) = [line for line in lines if "full_convolution" in line]
    assert " ".join(second[:6]) == "│ full_convolution │ argument 0, argument"
    assert primitives_command.run("running_sum") == 0
    assert capsys.readouterr().out.splitlines() == [
        "<primitive running_sum, linear in argument 0>",
        "Sums so far.",
        "More.",
    ]
