"""Functions of JAX in jetfold: Laplacians against JAX's Hessians, precision, parameters, errors."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from jax_once import evaluate
from known_answers import points
from messages import check_place, message_of
from oracle_functions import DIMENSION, FUNCTIONS, Modules, parameters

jax = pytest.importorskip("jax", reason="JAX is not installed (extra: jax)")
jnp = jax.numpy

from jetfold.jax import from_jax  # noqa: E402  (it needs JAX)

JAX = Modules(jnp, jax.scipy.special)


def laplacians(function: Callable[..., Any], x: NDArray[Any], *params: Any) -> NDArray[Any]:
    """The traces of JAX's Hessians, in float64."""

    def one(x: Any, *params: Any) -> Any:
        hessian = jax.jacfwd(jax.jacrev(function))(x, *params)
        return jnp.trace(hessian, axis1=-2, axis2=-1)

    with jax.enable_x64(True):
        batched = jax.vmap(one, (0, *[None] * len(params)))
        return np.asarray(evaluate(batched, x, *params))


# What people write, from the oracle of the other tests: values and Laplacians.


@pytest.mark.parametrize(
    "name", ["gelu network", "attention", "layer norm", "entropy", "gather", "guarded", "helium"]
)
def test_laplacian(name: str) -> None:
    x, p = points(DIMENSION, 3), parameters()
    u = from_jax(lambda x, p: FUNCTIONS[name](JAX, x, p))
    found = jf.laplacian(u, backend="reference")(x, p)
    expected = laplacians(lambda x, p: FUNCTIONS[name](JAX, x, p), x, p)
    assert found.shape == expected.shape
    assert np.abs(expected).min() > 0
    assert_allclose(found, expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max())


def network(x: Any, params: Any) -> Any:
    """As flax writes its parameters."""
    for layer in ("Dense_0", "Dense_1"):
        x = jnp.tanh(x @ params["params"][layer]["kernel"] + params["params"][layer]["bias"])
    return (x @ params["params"]["Dense_2"]["kernel"])[0]


def weights() -> dict[str, Any]:
    random = np.random.default_rng(1)
    sizes = [3, 8, 8, 1]
    layers = {
        f"Dense_{i}": {
            "kernel": random.normal(size=(m, n)) / np.sqrt(m),
            "bias": random.normal(size=n),
        }
        for i, (m, n) in enumerate(pairwise(sizes))
    }
    return {"params": layers}


def test_compiled() -> None:
    x, p = points(3, 40), weights()
    expected = laplacians(network, x, p)
    u = from_jax(jax.jit(network))
    assert_allclose(jf.laplacian(u)(x, p), expected, rtol=1e-11, atol=1e-12)


def test_parameters_are_arrays_of_jax_too() -> None:
    p = jax.tree.map(jnp.asarray, weights())
    x = points(3, 4).astype(np.float32)
    found = jf.laplacian(from_jax(network), backend="reference")(jnp.asarray(x), p)
    assert found.dtype == np.float32
    assert_allclose(found, laplacians(network, x, weights()), rtol=1e-4, atol=1e-4)


def test_operators_nest_and_functions_mix() -> None:
    """A function of JAX inside one of NumPy, with an operator between them."""
    u = from_jax(lambda x: jnp.sum(jnp.sin(x) ** 2))
    residual = jf.laplacian(u, backend="reference")

    def squared(x: Any) -> Any:
        return residual(x) ** 2 + np.sum(x**3)

    x = points(3, 5)

    def inside(x: Any) -> Any:
        return (2 * jnp.sum(jnp.cos(2 * x))) ** 2 + jnp.sum(x**3)

    assert_allclose(
        jf.laplacian(squared, backend="reference")(x), laplacians(inside, x), rtol=1e-11
    )


def test_result_may_be_a_tree() -> None:
    u = from_jax(lambda x: {"a": (jnp.sum(x**2), x**3), "b": 1.5, "c": [jnp.arange(2)]})
    found = jf.laplacian(u, backend="reference")(points(3, 2))
    x = points(3, 2)
    assert_allclose(found["a"][0], [6, 6])
    assert_allclose(found["a"][1], 6 * x)
    assert_allclose(found["b"], [0, 0])
    assert_allclose(found["c"][0], np.zeros((2, 2)))
    assert from_jax(lambda x: jnp.arange(2))(x[0]).dtype.kind == "i"


def test_point_of_several_axes_and_several_parameters() -> None:
    def f(x: Any, a: Any, b: Any) -> Any:
        return jnp.sum(a * jnp.sin(x @ b["w"]))

    x, a, b = points(6, 4), np.array([1.0, 2.0, 3.0]), {"w": np.ones((2, 3))}
    op = jf.laplacian(from_jax(f), point_ndim=2, backend="reference")
    found = op(x.reshape(4, 3, 2), a, b)
    expected = laplacians(lambda y: f(y.reshape(3, 2), a, b), x)
    assert_allclose(found, expected, rtol=1e-11)


# Precision ----------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_source() -> None:
    """Though JAX computes in float32 here."""
    assert not jax.config.jax_enable_x64
    u = from_jax(lambda x: 0.1 * x[0] + jnp.sum(jnp.full(3, 1 / 3) * x) + np.float64(0.7) * x[1])
    x = points(3)
    assert_allclose(u(x), 0.1 * x[0] + np.sum(x) / 3 + 0.7 * x[1], rtol=1e-15)
    captured = jnp.array(0.1)  # a float32 before f saw it
    assert from_jax(lambda x: captured * x[0])(np.ones(1)) == np.float32(0.1)


def test_precision_of_results() -> None:
    u = from_jax(lambda x, p: jnp.sum(x) * p + jnp.ones(2))
    assert u(np.ones(3, np.float32), np.float32(2)).dtype == np.float32
    assert u(np.ones(3, np.float32), 2.0).dtype == np.float32
    assert u(np.ones(3), np.float32(2)).dtype == np.float64
    assert_allclose(u(np.ones(3, np.float32), 2.0), [7, 7])


# Calls --------------------------------------------------------------------------------------------


def test_function_is_called_once_for_shapes() -> None:
    calls = []

    def f(x: Any, p: Any) -> Any:
        calls.append((x.shape, p["n"], p["name"]))
        return jnp.sum(p["w"] * x) ** p["n"]

    u = from_jax(f)
    p = {"w": np.ones(2), "n": 2, "name": None}
    for _ in range(2):
        assert u(np.ones(2), p) == 4
        assert u(np.ones(2), p | {"w": 2 * np.ones(2)}) == 16
    assert u(np.ones(2), p | {"n": 3}) == 8  # an integer is part of the function
    u(np.ones((5, 2)), p)
    assert calls == [((2,), 2, None), ((2,), 3, None), ((5, 2), 2, None)]
    values = jf.laplacian(u, backend="reference")(np.ones((3, 2)), p)
    assert_allclose(values, [4, 4, 4])
    assert len(calls) == 3


def test_pickle_and_names() -> None:
    u = from_jax(network)
    assert repr(u) == "from_jax(network)"
    assert "network" in repr(jf.laplacian(u))
    again = pickle.loads(pickle.dumps(jf.laplacian(u, backend="reference")))
    x, p = points(3, 2), weights()
    assert_allclose(again(x, p), jf.laplacian(u, backend="reference")(x, p), rtol=1e-14)


def test_custom_rules_are_not_read() -> None:
    """Derivatives are those of what is computed."""

    @jax.custom_jvp
    def f(x: Any) -> Any:
        return jnp.sum(x**3)

    f.defjvp(lambda primals, tangents: (f(*primals), 7.0))

    @jax.custom_vjp
    def g(x: Any) -> Any:
        return jnp.sum(x**3)

    g.defvjp(lambda x: (g(x), None), lambda _, c: (7.0 * c,))
    x = points(3, 2)
    for function in (f, g):
        found = jf.laplacian(from_jax(function), backend="reference")(x)
        assert_allclose(found, 6 * x.sum(1), rtol=1e-14)


# Errors -------------------------------------------------------------------------------------------


def sorts(x: Any) -> Any:
    return jnp.sum(jnp.sort(x) * x)  # here


@jax.jit
def sorts_inside_jit(x: Any) -> Any:
    return jnp.sum(x) * jnp.median(x)  # here


def transforms(x: Any) -> Any:
    return jnp.sum(jnp.abs(jnp.fft.rfft(x)))  # here


def is_complex(x: Any) -> Any:
    return jnp.abs(jnp.exp(1j * x[0]))  # here


def draws(x: Any) -> Any:
    return jnp.sum(x * jax.random.normal(jax.random.key(0), (3,)))  # here


def prints(x: Any) -> Any:
    jax.debug.print("x = {}", x)  # here
    return jnp.sum(x)


def takes(x: Any) -> Any:
    return jnp.sum(x[jnp.array([0, jnp.argmax(x)])])  # here


def slides(x: Any) -> Any:
    return jax.lax.dynamic_slice(x, ((2 * x[0]).astype(int),), (1,))  # here


def loops(x: Any) -> Any:
    return jax.lax.while_loop(lambda c: c < 9, lambda c: 2 * c, x[0])  # here


def decomposes(x: Any) -> Any:
    return jnp.linalg.eigh(jnp.outer(x, x))[0]  # here


def calls_back(x: Any) -> Any:
    return jax.pure_callback(np.sin, x, x)  # here


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (sorts, "the JAX primitive 'sort' cannot be traced"),
        (sorts_inside_jit, "the JAX primitive 'sort' cannot be traced"),
        (transforms, "the JAX primitive 'fft' cannot be traced"),
        (is_complex, "a complex number: jetfold computes with real ones"),
        (draws, "random numbers (the JAX primitive 'random_"),
        (prints, "a side effect (the JAX primitive 'debug_print')"),
        (takes, "an index of the JAX primitive 'gather' depends on the point"),
        (slides, "an index of the JAX primitive 'dynamic_slice' depends on the point"),
        (loops, "the condition of the JAX primitive 'while' depends on the point"),
        (decomposes, "the JAX primitive 'eigh' cannot be traced"),
        (calls_back, "the JAX primitive 'pure_callback' cannot be traced"),
    ],
)
def test_refusals_name_the_line(function: Callable[..., Any], says: str) -> None:
    message = message_of(jf.TraceError, jf.laplacian(from_jax(function)), points(3, 2))
    assert message.startswith(says)
    check_place(message, __file__)
    assert f"While tracing Laplacian({function.__name__})" in message
    assert len(message.splitlines()) >= 4  # what, where, what to do, and when


def test_what_does_not_depend_on_the_point_may_be_anything() -> None:
    table = jnp.array([3.0, 1.0, 2.0])

    def f(x: Any) -> Any:
        order = jnp.argsort(table)
        return jnp.sum(jnp.sort(table) * x[order] ** 2) * jnp.linalg.eigvalsh(jnp.eye(2))[0]

    x = points(3, 2)
    expected = 2 * (1 + 2 + 3) * np.ones(2)
    assert_allclose(jf.laplacian(from_jax(f), backend="reference")(x), expected, rtol=1e-14)


def tower(x: Any) -> Any:
    return jnp.linalg.inv(x * jnp.ones((3, 3)))[0, 0] ** 2000  # here


def test_nodes_name_the_line() -> None:
    graph = jf.laplacian(from_jax(tower)).derivation(points(3, 2)).function_graph
    (line,) = {str(graph[node].source) for node in graph.nx if graph[node].source is not None}
    check_place(line, __file__)


def test_random_key_in_the_closure() -> None:
    key = jax.random.key(0)
    u = from_jax(lambda x: jnp.sum(x) + jax.random.normal(key))
    message = message_of(jf.TraceError, u, np.ones(3))
    assert "a random key in its closure" in message
    assert "Draw random numbers outside" in message


def test_traced_value_in_the_closure() -> None:
    def loss(a: Any) -> Any:
        return from_jax(lambda x: a * jnp.sum(x))(np.ones(3))

    message = message_of(jf.TraceError, jax.jit(loss), 2.0)
    assert "a value in its closure that JAX is tracing" in message
    assert "Hand it over as a parameter" in message


def test_called_on_a_value_that_jax_traces() -> None:
    message = message_of(jf.ArgumentError, jax.jit(from_jax(network)), jnp.ones(3), weights())
    assert "call the JAX function itself" in message


def test_not_a_function() -> None:
    message = message_of(jf.ArgumentError, from_jax, jnp.ones(3))
    assert "cannot be called; pass the function" in message


def test_errors_of_jax_and_of_shapes_pass() -> None:
    with pytest.raises(TypeError, match="dot_general"):
        jf.laplacian(from_jax(lambda x: x @ jnp.ones((4, 2))))(points(3, 2))
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jf.laplacian(from_jax(lambda x: x[0] if x[0] > 0 else x[1]))(points(3, 2))
