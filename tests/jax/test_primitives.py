"""Every primitive of JAX that has a rule: values and derivatives against JAX itself, in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf
from jax_once import nested_jet

jax = pytest.importorskip("jax", reason="JAX is not installed (extra: jax)")
jnp, lax, special = jax.numpy, jax.lax, jax.scipy.special

from jetfold.jax import from_jax  # noqa: E402  (it needs JAX)
from jetfold.jax.control import WHOLE, library_function  # noqa: E402
from jetfold.jax.jaxpr import RULES  # noqa: E402

POINT = np.array([0.3, -0.4, 0.8, 1.7])
DIRECTION = np.array([0.7, 0.2, -1.1, 0.5])
MATRIX = np.array([[3.0, 0.2, 0.5], [0.1, 2.0, -0.3], [0.4, 0.6, 4.0]])
FOUR = np.eye(4) * 4 + np.arange(16).reshape(4, 4) / 10


def _while(x: Any) -> Any:
    return lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x[0]), (0, 1.0))[1]


def _reverse_scan(x: Any) -> Any:
    return lax.scan(lambda c, a: (jnp.tanh(c * a), c + a**2), x[0], x, reverse=True)


CASES: Mapping[str, Callable[[Any], Any]] = {
    # elementwise
    "arithmetic": lambda x: (x + 2) * x - x / (3 + x) + (-x) ** 3,
    "powers": lambda x: [x**-2, (2 + x) ** x, jnp.square(x), lax.rsqrt(2 + x), jnp.sqrt(2 + x)],
    "exponentials": lambda x: [jnp.exp(x), jnp.exp2(x), jnp.expm1(x), jnp.cbrt(2 + x)],
    "logarithms": lambda x: [jnp.log(2 + x), jnp.log1p(x), jnp.log10(2 + x)],
    "trigonometric": lambda x: [jnp.sin(x), jnp.cos(x), jnp.tan(x), jnp.arctan2(x, 2 + x)],
    "inverse": lambda x: [jnp.arcsin(x / 2), jnp.arccos(x / 2), jnp.arctan(x)],
    "hyperbolic": lambda x: [jnp.sinh(x), jnp.cosh(x), jnp.tanh(x)],
    "inverse hyperbolic": lambda x: [jnp.arcsinh(x), jnp.arccosh(2 + x), jnp.arctanh(x / 2)],
    "special": lambda x: [lax.erf(x), lax.erfc(x), lax.lgamma(3 + x), lax.digamma(3 + x)],
    "sigmoids": lambda x: [jax.nn.sigmoid(x), jax.nn.silu(x), jax.nn.gelu(x), jax.nn.softplus(x)],
    "pieces": lambda x: [jnp.abs(x) ** 3, jnp.sign(x) * x**2, jnp.clip(x, -0.2, 0.9) ** 3],
    "rounded": lambda x: x**2 * (jnp.floor(x) + jnp.ceil(x) + jnp.round(3 * x) + lax.round(5 * x)),
    "clamped": lambda x: lax.clamp(-0.2, x, 0.9) ** 2 + jnp.maximum(x, 0.5) * jnp.minimum(x, 0.6),
    "remainders": lambda x: lax.rem(x, 0.5) * x + (x % 0.7) * x + (x // 0.7) * x,
    "comparisons": lambda x: jnp.where((x > 0) & (x <= 1) | ~(x < 1.2), x**2, x**3),
    "equalities": lambda x: jnp.where((x == 0.3) ^ (x != 0.8) ^ (x >= 1), x**2, x**3),
    "cases": lambda x: lax.select_n(jnp.clip(x * 2, 0, 2).astype(int), x, x**2, x**3),
    "selected": lambda x: jnp.select([x > 1, x > 0], [x**2, x**3], x**4),
    "finite": lambda x: jnp.where(jnp.isfinite(x), x**2, 0.0) + jnp.nan_to_num(x) ** 3,
    "integers": lambda x: (x * 3).astype(int) * x**2 + jnp.arange(4) // 3 * x,
    "truths": lambda x: (x > 0).astype(float) * x**2 + (3 * x).astype(int).astype(bool) * x,
    "held": lambda x: x**2 * lax.stop_gradient(x**2),
    "left out": lambda x: lax.reduce_precision(lax.optimization_barrier(jnp.copy(x) ** 2), 11, 52),
    "float32 inside": lambda x: x.astype(jnp.float32).astype(jnp.float64) * 0 + x**2,
    # arrays
    "broadcast": lambda x: x[:, None] * jnp.broadcast_to(x**2, (2, 4)).T,
    "slices": lambda x: x[1:3] * x[-1] * x[::2] * x[::-1][:2],
    "joined": lambda x: jnp.concatenate([x, x[:2] ** 2]) * jnp.arange(6),
    "stacked": lambda x: jnp.stack([x, x**2], 1).T[1] * jnp.unstack(x)[2],
    "split": lambda x: jnp.split(x, [1])[1] * jnp.split(x, 2)[0][0],
    "tiled": lambda x: jnp.tile(x**2, 2) * jnp.roll(jnp.repeat(x, 2), 1),
    "padded": lambda x: jnp.pad(x**2, (1, 2)) * jnp.pad(x, (2, 1), mode="reflect"),
    "padded in between": lambda x: [
        lax.pad(x**2, x[0], [(1, -1, 2)]),
        lax.pad(x**2, 1.5, [(-1, 3, 0)]),
    ],
    "triangle": lambda x: jnp.triu(jnp.outer(x, x)),
    "largest": lambda x: [x[:3] * jnp.argmax(x), x[:3] * jnp.argmin(jnp.outer(x, x), axis=1)[:3]],
    # reductions and products
    "sums": lambda x: [jnp.sum(x**2), jnp.mean(jnp.outer(x, x), axis=1), jnp.prod(x), jnp.var(x)],
    "extremes": lambda x: [jnp.max(x) ** 2, jnp.min(jnp.outer(x, x), axis=0)],
    "logic": lambda x: jnp.where(jnp.any(x > 1) & jnp.all(x < 2), x**2, x),
    "running": lambda x: [jnp.cumsum(x**2), jnp.cumprod(x), lax.cumlogsumexp(x)],
    "running back": lambda x: [lax.cummax(x**2, reverse=True), lax.cummin(x**3)],
    "products": lambda x: [jnp.outer(x, x) @ x, jnp.vdot(x, x), jnp.kron(x[:2], x)],
    "batched product": lambda x: jnp.einsum(
        "bi,bij->bj", x.reshape(2, 2), jnp.ones((2, 2, 3)) * x[0]
    ),
    "softmax": lambda x: [jax.nn.softmax(x), jax.nn.log_softmax(x), jax.nn.logsumexp(x)],
    # indices
    "gathered": lambda x: x[np.array([3, 0, 0])] * x[np.array([True, False, True, True])],
    "filled": lambda x: jnp.take(x**2, np.array([1, 9, 2]), mode="fill", fill_value=0.5),
    "clipped": lambda x: jnp.take(x**2, np.array([1, 9, 2]), mode="clip"),
    "written": lambda x: x.at[1].set(x[0] ** 2) * x.at[np.array([2, 3])].set(x[:2] ** 2),
    "added": lambda x: x.at[np.array([0, 0, 3])].add(x[1] ** 2) * x.at[2].add(x[0] ** 2),
    "dynamic": lambda x: (
        lax.dynamic_update_slice(x**2, x[:2], (1,)) * lax.dynamic_slice(x, (9,), (1,))
    ),
    # control
    "jitted": jax.jit(lambda x: jax.jit(jnp.sin)(x**2)),
    "checkpoint": lambda x: jax.checkpoint(jnp.sin)(x**2),
    "loop": lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) * x[i] + c, x),
    "while": _while,
    "scan": _reverse_scan,
    "scan without steps": lambda x: lax.scan(lambda c, a: (c**2, a * c), x, jnp.zeros(0))[0],
    "branches": lambda x: (
        lax.cond(x[0] > 0, jnp.sin, lambda y: y**3, x) * lax.switch(1, [jnp.cos, jnp.exp], x)
    ),
    "traced switch": lambda x: lax.switch(
        (2 * x[3]).astype(int), [jnp.sin, jnp.cos, jnp.exp, jnp.tanh], x
    ),
    "placed": lambda x: jax.device_put(x) ** 2,
    "vmap": lambda x: jax.vmap(lambda a: a**3)(x) * jax.grad(lambda y: jnp.sum(jnp.sin(y) * y))(x),
    # functions that are taken as a whole
    "hypot": lambda x: jnp.hypot(x, 1 + x),
    "logaddexp": lambda x: [jnp.logaddexp(x, x**2), jnp.logaddexp2(x, x**2)],
    "relu": jax.nn.relu,
    "sinc": jnp.sinc,
    "inv": lambda x: jnp.linalg.inv(MATRIX + x[0] * jnp.outer(x[:3], x[1:])),
    "solve": lambda x: jnp.linalg.solve(MATRIX + jnp.diag(x[:3]), x[1:]),
    "determinants": lambda x: [
        jnp.linalg.det(MATRIX + jnp.diag(x[1:])),
        jnp.linalg.slogdet(FOUR + jnp.diag(x)),
        jnp.linalg.det(FOUR + jnp.diag(x)),
    ],
}


@pytest.fixture(scope="module")
def derivatives() -> tuple[Any, Any]:
    """Values, first and second derivatives of all cases along a path: ours and JAX's."""

    def every(x: Any) -> Any:
        return {name: function(x) for name, function in CASES.items()}

    path = [POINT[None], DIRECTION[None], np.zeros((1, 4))]
    with jax.enable_x64(True):
        expected = nested_jet(every, path[0], path[1:])
    value, higher = jf.jet(from_jax(every), 2, backend="reference")(path[0], tuple(path[1:]))
    return [value, *higher], expected


@pytest.mark.parametrize("name", CASES)
def test_value_and_derivatives(name: str, derivatives: tuple[Any, Any]) -> None:
    for ours, theirs in zip(*derivatives, strict=True):
        found, expected = jax.tree.leaves(ours[name]), jax.tree.leaves(theirs[name])
        for array, wanted in zip(found, map(np.asarray, expected), strict=True):
            assert array.shape == wanted.shape
            assert np.isfinite(wanted).all()
            assert_allclose(array, wanted, rtol=1e-11, atol=1e-11 * np.abs(wanted).max())


@pytest.mark.parametrize("name", CASES)
def test_called_on_arrays(name: str, derivatives: tuple[Any, Any]) -> None:
    """Without a trace u is a NumPy function."""
    expected = jax.tree.leaves(derivatives[1][0][name])
    found = jax.tree.leaves(from_jax(CASES[name])(POINT))
    for array, wanted in zip(found, map(np.asarray, expected), strict=True):
        assert isinstance(array, np.ndarray)
        assert_allclose(array, wanted[0], rtol=1e-12, atol=1e-14)


def _equations(jaxpr: Any) -> Iterator[Any]:
    for eqn in getattr(jaxpr, "jaxpr", jaxpr).eqns:
        yield eqn
        for value in jax.tree.leaves(list(eqn.params.values())):
            if hasattr(value, "eqns"):
                yield from _equations(value)


def test_every_rule_is_tested() -> None:
    with jax.enable_x64(True):
        jaxprs = [jax.make_jaxpr(function)(POINT) for function in CASES.values()]
    eqns = [eqn for jaxpr in jaxprs for eqn in _equations(jaxpr)]
    used = {eqn.primitive.name for eqn in eqns}
    newer = {name for name in ("stack", "tile", "unstack") if not hasattr(lax, f"{name}_p")}
    assert set(RULES) - used - newer == {"custom_vjp_call"}  # JAX has no forward mode of it
    called = [eqn.params.get("jaxpr") or eqn.params.get("call_jaxpr") for eqn in eqns]
    whole = {library_function(jaxpr) for jaxpr in called if jaxpr is not None}
    assert set(WHOLE.values()) <= whole
