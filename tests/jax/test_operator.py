"""Operators in programs of JAX: values, gradients, jit, vmap, training, threads."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

import jetfold as jf
from jax_once import evaluate
from messages import message_of

jax = pytest.importorskip("jax", reason="JAX is not installed (extra: jax)")
jnp = jax.numpy

from jetfold.jax import imported, operator  # noqa: E402  (it needs JAX)
from jetfold.jax.jaxpr import evaluate as evaluate_jaxpr  # noqa: E402

BATCH, DIMENSION, WIDTH = 7, 3, 5


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def network(x: Any, params: Any) -> Any:
    """As flax writes its parameters."""
    for layer in ("Dense_0", "Dense_1"):
        x = jnp.tanh(x @ params[layer]["kernel"] + params[layer]["bias"])
    return (x @ params["Dense_2"]["kernel"])[0]


def weights(seed: int = 1) -> Any:
    random = np.random.default_rng(seed)
    sizes = {"Dense_0": (DIMENSION, WIDTH), "Dense_1": (WIDTH, WIDTH), "Dense_2": (WIDTH, 1)}
    return {
        name: {
            "kernel": jnp.asarray(random.normal(size=(m, n)) / np.sqrt(m)),
            "bias": jnp.asarray(random.normal(size=n)),
        }
        for name, (m, n) in sizes.items()
    }


def points(*batch: int) -> Any:
    return jnp.asarray(np.random.default_rng(2).normal(size=(*batch, DIMENSION)))


def laplacian(function: Callable[..., Any]) -> Callable[..., Any]:
    """JAX's own, for a batch."""

    def one(x: Any, *params: Any) -> Any:
        return jnp.trace(jax.hessian(function)(x, *params), axis1=-2, axis2=-1)

    return lambda x, *params: jax.vmap(one, (0, *[None] * len(params)))(x, *params)


THEIRS = laplacian(network)


def loss(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: jnp.mean((op(x, params) - jnp.sin(x[:, 0])) ** 2)


def check(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for array, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert isinstance(array, jax.Array)
        assert (array.shape, array.dtype) == (wanted.shape, wanted.dtype)
        assert_allclose(array, wanted, rtol=rtol, atol=rtol * np.abs(wanted).max(initial=0))


def test_values() -> None:
    lap, x, p = operator(jf.laplacian, network), points(BATCH), weights()
    expected = evaluate(THEIRS, x, p)
    check(lap(x, p), expected)
    check(jax.jit(lap)(x, p), expected)
    check(lap(np.asarray(x), jax.tree.map(np.asarray, p)), expected)
    check(lap(x[0], p), expected[0])
    check(lap(points(2, 3), p), lap(points(2, 3).reshape(6, 3), p).reshape(2, 3))
    check(lap(x[:0], p), expected[:0])


@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
def test_gradients(argnums: Any) -> None:
    backend = "cpu" if argnums == (0, 1) else "reference"
    ours = loss(operator(jf.laplacian, network, backend=backend))
    theirs, x, p = loss(THEIRS), points(BATCH), weights()
    expected = evaluate(jax.value_and_grad(theirs, argnums), p, x)
    check(jax.value_and_grad(ours, argnums)(p, x), expected)
    check(jax.jit(jax.value_and_grad(ours, argnums))(p, x), expected)


def test_other_operators_and_trees() -> None:
    """A PDE for a function with two results, a point_ndim, several parameters of any pytree."""

    class Pair(NamedTuple):
        a: Any
        b: Any

    def f(x: Any, scale: Any, pair: Any) -> Any:
        y = jnp.sin(x @ pair.a) * scale
        return jnp.sum(y) * pair.b["c"][0]

    s, t = sp.symbols("s t")
    w = sp.Function("w")(s, t)
    expression = w.diff(s) + w * w.diff(t, 2)

    def make(u: Any) -> Any:
        return jf.operator(expression, u, coords=(s, t), backend="reference")

    pde = operator(make, f)
    x, scale = points(4)[:, :2], jnp.asarray(1.5)
    pair = Pair(jnp.ones((2, 3)) / 3, {"c": [jnp.asarray(2.0)]})

    def theirs(x: Any, *params: Any) -> Any:
        def one(y: Any) -> Any:
            slope, hessian = jax.grad(f)(y, *params), jax.hessian(f)(y, *params)
            return slope[0] + f(y, *params) * hessian[1, 1]

        return jax.vmap(one)(x)

    def total(op: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: jnp.sum(op(*arguments) ** 2)

    check(pde(x, scale, pair), evaluate(theirs, x, scale, pair))
    expected = evaluate(jax.grad(total(theirs), (0, 1, 2)), x, scale, pair)
    check(jax.jit(jax.grad(total(pde), (0, 1, 2)))(x, scale, pair), expected)


def test_results_in_a_tree_of_which_one_is_used() -> None:
    def f(x: Any, p: Any) -> Any:
        return {"a": jnp.sum(p * x**3), "b": (jnp.sin(x) * p,)}

    lap, x, p = operator(jf.laplacian, f, backend="reference"), points(4), jnp.asarray(2.0)
    found = lap(x, p)
    check(found, {"a": 12 * x.sum(1), "b": (-jnp.sin(x) * p,)})
    check(jax.grad(lambda p: jnp.sum(lap(x, p)["b"][0]))(p), -jnp.sum(jnp.sin(x)))
    check(jax.grad(lambda x: jnp.sum(lap(x, p)["a"]))(x), jnp.full((4, 3), 12.0))


def test_integers_among_the_parameters() -> None:
    """They have no gradient."""

    def f(x: Any, p: Any) -> Any:
        return jnp.sum(p["w"] * x**3) * p["n"]

    lap = operator(jf.laplacian, f, backend="reference")
    x, p = points(4), {"n": jnp.asarray(3), "w": jnp.ones(3)}
    check(lap(x, p), 18 * x.sum(1))
    found = jax.grad(lambda p: jnp.sum(lap(x, p)), allow_int=True)(p)
    check(found["w"], 18 * x.sum(0))
    assert found["n"].dtype == jax.dtypes.float0


def test_without_parameters() -> None:
    lap, x = operator(jf.laplacian, lambda x: jnp.sum(x**4), backend="reference"), points(4)
    check(lap(x), 12 * jnp.sum(x**2, 1))
    check(jax.grad(lambda x: jnp.sum(lap(x)))(x), 24 * x)


def test_vmap() -> None:
    lap, x, p = operator(jf.laplacian, network, backend="reference"), points(4), weights()
    expected = evaluate(THEIRS, x, p)
    check(jax.vmap(lap, (0, None))(x, p), expected)
    many = jax.tree.map(lambda *leaves: jnp.stack(leaves), weights(1), weights(2))
    both = evaluate(jax.vmap(THEIRS, (None, 0)), x, many)
    check(jax.vmap(lap, (None, 0))(x, many), both)
    check(jax.vmap(jax.vmap(lap, (0, None)), (None, 0))(x, many), both)
    check(jax.jit(jax.vmap(lap))(jnp.stack([x, x]), many), both)


def test_vmap_of_gradients() -> None:
    lap, x, p = operator(jf.laplacian, network, backend="reference"), points(3), weights()

    def one(x: Any, p: Any) -> Any:
        return THEIRS(x[None], p)[0]

    expected = evaluate(jax.vmap(jax.grad(one, (0, 1)), (0, None)), x, p)
    check(jax.vmap(jax.grad(lap, (0, 1)), (0, None))(x, p), expected)
    summed = jax.grad(lambda p: jnp.sum(jax.vmap(lap, (0, None))(x, p)))(p)
    check(summed, jax.tree.map(lambda leaf: leaf.sum(0), expected[1]))


def test_single_precision() -> None:
    with jax.enable_x64(False):  # JAX's default
        lap, x, p = operator(jf.laplacian, network), points(BATCH), weights()
        assert x.dtype == jnp.float32
        ours = jax.jit(jax.value_and_grad(loss(lap)))(p, x)
        expected = evaluate(jax.value_and_grad(loss(THEIRS)), p, x)
    check(ours, expected, rtol=1e-4)
    assert ours[0].dtype == jnp.float32


def test_gradients_have_the_precision_of_their_parameters() -> None:
    lap, x = operator(jf.laplacian, network, backend="reference"), points(BATCH)
    p = weights()
    p["Dense_0"] = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), p["Dense_0"])
    found = jax.grad(loss(lap))(p, x)
    assert found["Dense_0"]["kernel"].dtype == jnp.float32
    assert found["Dense_1"]["kernel"].dtype == jnp.float64
    check(found, evaluate(jax.grad(loss(THEIRS)), p, x), rtol=1e-5)


def test_training_loop_with_the_laplacian_swapped() -> None:
    """Gradient descent with momentum, jitted as a whole: the same losses to the last digits."""

    def train(op: Callable[..., Any]) -> list[float]:
        @jax.jit
        def step(params: Any, speed: Any, x: Any) -> Any:
            value, gradient = jax.value_and_grad(loss(op))(params, x)
            speed = jax.tree.map(lambda v, g: 0.9 * v - 0.01 * g, speed, gradient)
            return jax.tree.map(jnp.add, params, speed), speed, value

        params, x, losses = weights(), points(20), []
        speed = jax.tree.map(jnp.zeros_like, params)
        for _ in range(20):
            params, speed, value = step(params, speed, x)
            losses.append(float(value))
        return losses

    ours, theirs = train(operator(jf.laplacian, network, backend="reference")), train(THEIRS)
    assert theirs[-1] < 0.7 * theirs[0]
    assert_allclose(ours, theirs, rtol=1e-10)


def test_in_a_loop_of_jax() -> None:
    """The callback is called again and again inside one compiled program."""
    lap, x, p = operator(jf.laplacian, network, backend="reference"), points(BATCH), weights()
    gradient = jax.grad(loss(lap))

    def step(p: Any, _: Any) -> Any:
        return jax.tree.map(lambda w, g: w - 0.01 * g, p, gradient(p, x)), loss(lap)(p, x)

    _, losses = jax.jit(lambda p: jax.lax.scan(step, p, length=10))(p)
    assert (np.diff(losses) < 0).all()


# How it is called ---------------------------------------------------------------------------------


def test_function_is_traced_when_jax_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the callback calls nothing of JAX, which might wait for the callback."""
    evaluated = []

    def watched(jaxpr: Any, *rest: Any) -> Any:
        evaluated.append(jaxpr)
        return evaluate_jaxpr(jaxpr, *rest)

    monkeypatch.setattr(imported, "evaluate", watched)
    op = operator(jf.laplacian, lambda x, p: jnp.sum(jnp.sin(x * p)), backend="reference")
    program = jax.jit(jax.value_and_grad(lambda p, x: jnp.sum(op(x, p)), (0, 1)))
    program.lower(jnp.asarray(2.0), points(4)).compile()
    count = len(evaluated)
    assert count > 0
    for batch in (4, 4, 6):
        program(jnp.asarray(3.0), points(batch))
    assert len(evaluated) == count


def test_arrays_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator reads the memory of JAX's arrays."""
    lap, x, p = operator(jf.laplacian, network, backend="reference"), points(64), weights()
    lap(x, p)
    seen: dict[str, Any] = {}
    (known,) = lap._known.values()
    original = known.operator

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return getattr(original, name)

        def __call__(self, points: Any, floats: Any, others: Any) -> Any:
            if len(points):
                seen.update(points=points, floats=floats)
            return original(points, floats, others)

    monkeypatch.setattr(known, "operator", Watched())
    jax.jit(lap)(x, p)
    arrays = [seen["points"], *seen["floats"]]
    assert [array.ctypes.data for array in arrays] == [
        leaf.unsafe_buffer_pointer() for leaf in (x, *jax.tree.leaves(p))
    ]
    assert not any(array.flags.writeable or array.flags.owndata for array in arrays)


def test_platforms_without_memory_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    """There jax.pure_callback copies the arrays; it can be had on the CPU, too."""
    chosen = []

    def other(*operands: Any, cpu: Any, default: Any) -> Any:
        chosen.append(default)
        return default(*operands)

    monkeypatch.setattr(jax.lax, "platform_dependent", other)
    lap, x, p = operator(jf.laplacian, network, backend="reference"), points(BATCH), weights()
    expected = evaluate(jax.value_and_grad(loss(THEIRS)), p, x)
    check(jax.jit(jax.value_and_grad(loss(lap)))(p, x), expected)
    check(jax.vmap(lap, (0, None))(x, p), lap(x, p))
    assert chosen


def test_large_batch() -> None:
    """Large arrays have stopped callbacks in some versions of JAX."""
    op = operator(jf.laplacian, lambda x, p: jnp.sum(p * x**3))
    x = jnp.ones((300_000, 3))
    program = jax.jit(jax.value_and_grad(lambda p: jnp.mean(op(2 * x, p) ** 2)))
    for _ in range(5):
        value, gradient = program(jnp.asarray(1.0))
    assert_allclose([value, gradient], [36.0**2, 2 * 36.0**2], rtol=1e-12)


def test_calls_from_several_threads() -> None:
    lap, x = operator(jf.laplacian, network), points(BATCH)
    program = jax.jit(jax.grad(loss(lap)))
    seeds = range(8)
    expected = [program(weights(seed), x) for seed in seeds]
    again = operator(jf.laplacian, network)  # not compiled yet
    program = jax.jit(jax.grad(loss(again)))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: program(weights(seed), x), seeds))
    for ours, wanted in zip(found, expected, strict=True):
        check(ours, wanted, rtol=1e-13)


def test_two_in_one_program() -> None:
    """XLA may call both at the same time."""
    first = operator(jf.laplacian, network, backend="reference")
    second = operator(jf.biharmonic, lambda x, p: jnp.sum(x**4) * p, backend="reference")
    x, p = points(BATCH), weights()
    found = jax.jit(lambda x, p, q: (first(x, p), second(x, q)))(x, p, 2.0)
    check(found, (evaluate(THEIRS, x, p), jnp.full(BATCH, 2.0 * 3 * 24)))


def test_pickle_and_repr() -> None:
    lap = operator(jf.laplacian, network, method="collapsed", backend="reference")
    expected = "jetfold.jax.operator(laplacian, network, method='collapsed', backend='reference')"
    assert repr(lap) == expected
    x, p = points(2), weights()
    check(pickle.loads(pickle.dumps(lap))(x, p), lap(x, p))


# Errors -------------------------------------------------------------------------------------------


def test_randomised_operator() -> None:
    message = message_of(jf.ArgumentError, operator, jf.laplacian, network, samples=4)
    assert "a randomised operator is no pure function" in message
    assert "leave samples out" in message


def test_what_makes_no_operator() -> None:
    message = message_of(jf.ArgumentError, operator, lambda u: u, network)
    assert "makes a Imported of a function, which is no operator" in message
    assert "jf.laplacian" in message
    message = message_of(jf.ArgumentError, operator, jf.laplacian, 3.0)
    assert "pass the function f(x, params) itself" in message


def test_errors_come_when_jax_traces() -> None:
    def sorts(x: Any, p: Any) -> Any:
        return jnp.sum(jnp.sort(x * p))

    lap = jax.jit(operator(jf.laplacian, sorts))
    message = message_of(jf.TraceError, lap, points(4), 2.0)
    assert "the JAX primitive 'sort' cannot be traced" in message
    assert "return jnp.sum(jnp.sort(x * p))" in message
    assert "While tracing Laplacian(" in message
    assert "sorts)" in message


def test_points_without_axes() -> None:
    lap = operator(jf.laplacian, network)
    message = message_of(jf.ArgumentError, lap, jnp.asarray(1.0), weights())
    assert "X has shape (), which is less than one point" in message


def test_second_derivatives_in_jax_are_refused() -> None:
    """A callback has no derivatives of its own; jetfold's operators nest instead."""
    lap, x, p = operator(jf.laplacian, network, backend="reference"), points(2), weights()
    with pytest.raises(ValueError, match="do not support JVP"):
        jax.grad(lambda x: jnp.sum(jax.grad(lambda x: jnp.sum(lap(x, p)))(x)))(x)
