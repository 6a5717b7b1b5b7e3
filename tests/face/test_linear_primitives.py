"""`jf.linear_primitive`, `jf.multilinear_primitive`: values, operators, structure, bad input."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sympy as sp
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from jetfold import linear, linear_tensor, primitives_command
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.reference import ReferenceGraph
from jetfold.graph import Contract, Gather, Graph, Map, Sum
from jetfold.graph.multilinear import Tensor
from known_answers import points
from programs import FLOAT64, unjitted
from tracing import batch, check, trace_at

Function = Callable[..., Any]


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Names are free again after each test."""
    before = dict(linear._known)
    yield
    linear._known.clear()
    linear._known.update(before)


# Functions that cannot be traced themselves -------------------------------------------------------


def slope(x: Any, length: float = 1.0) -> NDArray[Any]:
    """The derivative of a periodic function, by Fourier transforms."""
    wave = 2j * np.pi * np.fft.rfftfreq(len(x), length / len(x))
    return np.fft.irfft(wave * np.fft.rfft(x), len(x))


def five_points(u: Any) -> NDArray[Any]:
    """The Laplacian on a grid, 0 outside of it, by assignments."""
    out = -4.0 * np.asarray(u)
    out[1:] += u[:-1]
    out[:-1] += u[1:]
    out[:, 1:] += u[:, :-1]
    out[:, :-1] += u[:, 1:]
    return out


def running(x: Any) -> Any:
    return np.cumsum(np.asarray(x))


def running_adjoint(y: Any) -> Any:
    return np.cumsum(y[::-1])[::-1]


SPARSE: Any = scipy.sparse.random(9, 12, 0.15, random_state=0, format="csr")
CROWDED: Any = scipy.sparse.random(10, 80, 0.15, random_state=0, format="csr")


def sparse_product(x: Any) -> Any:
    return SPARSE @ np.asarray(x)


def sparse_product_adjoint(y: Any) -> Any:
    return SPARSE.T @ y


def crowded_product(x: Any) -> Any:
    return CROWDED @ np.asarray(x)


def total(x: Any) -> Any:
    return np.asarray(x).sum()


def total_adjoint(y: Any) -> Any:
    return np.full((3, 4), y)


def shifted(x: Any) -> Any:
    return np.roll(np.asarray(x), 2)


LINEAR: dict[str, tuple[Function, Function | None, tuple[int, ...]]] = {
    "slope": (slope, None, (8,)),
    "five_points": (five_points, None, (3, 4)),
    "gradient_of_rows": (lambda x: np.gradient(np.asarray(x), axis=1), None, (2, 5)),
    "running": (running, running_adjoint, (9,)),
    "sparse_product": (sparse_product, sparse_product_adjoint, (12,)),
    "crowded_product": (crowded_product, None, (80,)),
    "total": (total, total_adjoint, (3, 4)),
    "shifted": (shifted, None, (5,)),
    "nothing": (lambda x: 0 * np.asarray(x)[:2], None, (3,)),
}


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


BAD_REGISTRATIONS: list[tuple[Function, str]] = [
    (lambda: jf.linear_primitive("tanh", running), "'tanh' is a built-in function"),
    (lambda: jf.linear_primitive("my name", running), "'my name'; it must be a name"),
    (lambda: jf.linear_primitive("a", 3), "3 is no function"),  # type: ignore[arg-type]
    (lambda: jf.linear_primitive("a", running, 3), "3 is no function"),  # type: ignore[arg-type]
    (lambda: jf.multilinear_primitive("a", running, ()), "linear_in of the primitive 'a' is ()"),
    (lambda: jf.multilinear_primitive("a", running, (0, 0)), "different integers"),
    (lambda: jf.multilinear_primitive("a", running, (-1,)), "counted from 0"),
    (lambda: jf.multilinear_primitive("a", np.convolve, adjoints=(None,)), "1 adjoints"),
]


@pytest.mark.parametrize(("call", "message"), BAD_REGISTRATIONS)
def test_bad_registrations(call: Function, message: str) -> None:
    with pytest.raises(jf.ArgumentError) as caught:
        call()
    assert message in str(caught.value)


def test_name_of_an_elementwise_primitive() -> None:
    x = sp.Symbol("x")
    jf.primitive("doubled_for_linear", 2 * x, x)
    with pytest.raises(jf.ArgumentError, match="is an elementwise primitive"):
        jf.linear_primitive("doubled_for_linear", running)
    jf.linear_primitive("running", running)
    with pytest.raises(jf.ArgumentError, match="there is a linear primitive 'running'"):
        jf.primitive("running", 2 * x, x)


# Functions that are not what was declared ---------------------------------------------------------


def growing(x: Any) -> Any:
    return np.asarray(x)[: 2 + (np.asarray(x)[0] == 1)]


BAD: dict[str, tuple[Function, Function | None, str, str]] = {
    # function, adjoint, what is wrong, what to do
    "square": (lambda x: np.asarray(x) ** 2, None, "it is not linear in argument 0", "Name only"),
    "nearly": (
        lambda x: np.asarray(x) + 1e-7 * np.asarray(x) ** 2,
        None,
        "is off by",
        "float32",
    ),
    "affine": (lambda x: np.asarray(x) + 1, None, "its value for zeros is not 0", "a constant"),
    "complex": (np.fft.rfft, None, "it returns complex numbers", "np.fft.irfft"),
    "text": (lambda x: "text", None, "it returns str", "Return an array"),
    "infinite": (lambda x: np.asarray(x) / 0, None, "numbers that are not finite", ""),
    "another shape": (growing, None, "of shape (3,), not (2,)", "may only depend"),
    "wrong adjoint": (running, running, "its adjoint disagrees with it: <f(x), y> =", "transpose"),
    "shape of the adjoint": (running, lambda y: y[:1], "its adjoint returns an array of", ""),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_that_are_not_linear(name: str) -> None:
    function, adjoint, wrong, remedy = BAD[name]
    made = jf.linear_primitive("mine", function, adjoint)
    with pytest.raises(jf.ArgumentError) as caught:
        jf.laplacian(lambda x: made(x).sum())(points(3, 2))  # here
    message = str(caught.value)
    assert message.startswith("the primitive 'mine': ")
    assert wrong in message
    assert remedy in message
    (line,) = [line for line in message.splitlines() if line.startswith("File ")]
    number = int(line.split(", line ")[1].split(":")[0])
    assert Path(__file__).read_text().splitlines()[number - 1].endswith("# here")


def test_function_of_another_argument() -> None:
    made = jf.multilinear_primitive(
        "bilinear_mean", lambda x, z: np.asarray(x) * abs(np.asarray(z))
    )
    with pytest.raises(jf.ArgumentError, match="not linear in arguments 0 and 1"):
        graph_of(made, (3,), (3,))
    check(lambda x: made(x, -np.ones(3)), batch((3,)))  # it is, in x alone


def test_only_linear_arguments_are_traced() -> None:
    made = jf.linear_primitive("slope", slope)
    for call in (lambda x: made(x, x[0]), lambda x: made(np.ones(4), length=x[0])):
        with pytest.raises(jf.ArgumentError, match=r"linear in argument 0 .* but another one"):
            graph_of(call, (4,))


def test_a_traced_value_in_a_closure() -> None:
    def leaky(x: Any) -> Any:
        made = jf.linear_primitive("leaky", lambda z: x * z)
        return made(x)

    with pytest.raises(jf.ArgumentError, match="returns a traced value"):
        graph_of(leaky, (3,))


def test_single_precision_inside() -> None:
    """Rounding is judged by the precision of what the function returns."""
    made = jf.linear_primitive("single", lambda x: slope(np.asarray(x, np.float32)).astype("f4"))
    check(made, batch((8,)), rtol=1e-4)


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    made = jf.multilinear_primitive("full_convolution", np.convolve)
    with pytest.raises(jf.ArgumentError) as caught:
        graph_of(made, (200,), (100,))
    assert "from arrays of shape (200,) and (100,) to (299,)" in str(caught.value)
    assert "20000 times" in str(caught.value)
    assert "smaller arrays" in str(caught.value)
    monkeypatch.setattr(linear_tensor, "LARGEST_COUNT", 20)
    with pytest.raises(jf.ArgumentError, match="more than 20 numbers"):
        graph_of(jf.linear_primitive("running", running), (9,))
