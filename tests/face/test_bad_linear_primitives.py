"""`jf.linear_primitive`, `jf.multilinear_primitive`: what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold import linear_tensor
from jetfold.graph import Graph
from known_answers import points
from linear_functions import Function, forgotten_names, running, slope
from tracing import batch, check, trace_at

forgotten = pytest.fixture(autouse=True)(forgotten_names)


def graph_of(function: Function, *shapes: tuple[int, ...]) -> Graph:
    return trace_at(function, *shapes).graph


BAD_REGISTRATIONS: list[tuple[Function, str]] = [
    (lambda: jf.linear_primitive("tanh", running), "'tanh' is a built-in function"),
    (lambda: jf.linear_primitive("my name", running), "'my name'; it must be a name"),
    (lambda: jf.linear_primitive("lambda", running), "'lambda'; it must be a name"),
    (lambda: jf.linear_primitive(None, running), "None; it must be a name"),  # type: ignore[arg-type]
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
    "wrong adjoint that is called": (
        lambda x: np.asarray(x).sum(keepdims=True),
        lambda y: 2 * y * np.ones(3),
        "its adjoint disagrees with it, or it is not linear in argument 0: for random",
        "transpose",
    ),
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
