"""Vectorised functions of two arguments: errors in ulps, special values, un-jitted meaning."""

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

from jetfold.backends.cpu.simd import FUNCTIONS
from vector_loops import Array, check_ulps, evaluate, exactly, ulps, whole_vectors

DTYPES = [np.float32, np.float64]


class Known(NamedTuple):
    """A function in float64 (good to about 1e-15) and in mpmath; the ulps allowed."""

    numpy: Callable[..., Any]
    mpmath: Callable[..., Any]
    ulps: float


def _power(x: Any, p: Any) -> Any:
    return mpmath.power(x, int(p)) if mpmath.isint(p) else mpmath.power(x, p)


KNOWN = {
    "arctan2": Known(np.arctan2, mpmath.atan2, 3),
    "hypot": Known(np.hypot, mpmath.hypot, 1.2),
    "power": Known(np.power, _power, 0.75),
}


def pairs(name: str, dtype: Any, count: int) -> tuple[Array, Array]:
    """Pairs of all magnitudes, of magnitudes like each other, and of a few."""
    rng = np.random.default_rng(5)
    info = np.finfo(dtype)

    def signs() -> Any:
        return rng.choice([-1, 1], count)

    def any_size() -> Any:
        return signs() * 10 ** rng.uniform(np.log10(float(info.smallest_subnormal)),
                                           info.maxexp * 0.301, count)  # fmt: skip

    usual, near_one = signs() * np.exp(rng.normal(size=count)), 1 + 1e-3 * rng.normal(size=count)
    spread = signs() * 10 ** rng.uniform(-1, 5, count)
    if name == "power":
        everything = [
            (np.abs(any_size()), rng.normal(size=count)),
            (np.abs(usual), 20 * rng.normal(size=count)),
            (usual, np.rint(20 * rng.normal(size=count))),
            (near_one, spread),
            (usual, spread),
            (any_size(), any_size()),
        ]
    else:
        similar = any_size()
        everything = [
            (any_size(), any_size()),
            (similar, usual * similar),
            (usual, near_one),
            (usual, usual * near_one),
            (spread, usual),
        ]
    with np.errstate(over="ignore"):
        x, y = (np.concatenate(side).astype(dtype) for side in zip(*everything, strict=True))
    finite = np.isfinite(x) & np.isfinite(y)
    return whole_vectors(x[finite], dtype), whole_vectors(y[finite], dtype)


@pytest.mark.parametrize("name", KNOWN)
def test_errors_in_single_precision(name: str) -> None:
    x, y = pairs(name, np.float32, 1500)
    with np.errstate(all="ignore"):
        exact = KNOWN[name].numpy(x.astype(np.float64), y.astype(np.float64))
    check_ulps(FUNCTIONS[name], KNOWN[name].ulps, exact, x, y)


@pytest.mark.parametrize("name", KNOWN)
def test_errors_in_double_precision(name: str) -> None:
    x, y = pairs(name, np.float64, 150)
    check_ulps(FUNCTIONS[name], KNOWN[name].ulps, exactly(KNOWN[name].mpmath, x, y), x, y)


SPECIAL = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 1e3, 1e30, np.inf]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", KNOWN)
def test_special_values_are_numpys(name: str, jit: bool, dtype: Any) -> None:
    info = np.finfo(dtype)
    half = np.array(
        [*SPECIAL, info.max, info.smallest_normal, info.smallest_subnormal, 1 + info.eps]
    )
    values = np.concatenate([half, -half, [np.nan]])
    x, y = (whole_vectors(grid, dtype) for grid in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        wanted = KNOWN[name].numpy(x.astype(np.float64), y.astype(np.float64))
    got = evaluate(FUNCTIONS[name], x, y, jit=jit)
    assert ulps(got, wanted).max() <= 2
    zeros = (wanted == 0) & (got == 0)
    np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_of_integers_are_exact(dtype: Any) -> None:
    digits = np.finfo(dtype).nmant + 1
    base, exponent = np.meshgrid(np.arange(-60.0, 61.0), np.arange(1.0, 20.0))
    exact = np.abs(base) ** exponent < 2.0**digits
    x, p = (whole_vectors(side[exact], dtype) for side in (base, exponent))
    np.testing.assert_array_equal(evaluate(FUNCTIONS["power"], x, p), x.astype(np.float64) ** p)
    squares = whole_vectors(np.arange(0.0, 2 ** (digits // 2), 2 ** (digits // 2) // 3000), dtype)
    two = np.full_like(squares, 2)
    np.testing.assert_array_equal(evaluate(FUNCTIONS["power"], squares, two), squares**2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
def test_logaddexp(jit: bool, dtype: Any) -> None:
    rng = np.random.default_rng(2)
    x = whole_vectors(rng.uniform(-30, 30, 300), dtype)
    y = whole_vectors(x[:300] + rng.normal(size=300) * rng.choice([0.1, 1, 10], 300), dtype)
    got = evaluate(FUNCTIONS["logaddexp"], x, y, jit=jit)
    wide = [operand.astype(np.float64) for operand in (x, y)]
    exact = exactly(lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b)), *wide)
    # near 0 the two terms cancel: the error is one of the larger argument
    scale = np.maximum(np.abs(np.maximum(x, y)), 1)
    assert (np.abs(got - exact) <= 3 * np.finfo(dtype).eps * scale).all()

    big = [np.inf, -np.inf, np.inf, 700.0, -700.0, 1e30]
    other = [np.inf, -np.inf, -np.inf, 700.0, -700.0, -1e30]
    wanted = [np.inf, -np.inf, np.inf, 700 + np.log(2), -700 + np.log(2), 1e30]
    got = evaluate(
        FUNCTIONS["logaddexp"], whole_vectors(big, dtype), whole_vectors(other, dtype), jit=jit
    )
    np.testing.assert_allclose(got, whole_vectors(wanted, dtype), rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("jit", [True, False])
def test_numbers_as_arguments(jit: bool) -> None:
    """A number among the arguments stands for a vector of it."""
    power, arctan2, hypot = (FUNCTIONS[name] for name in ("power", "arctan2", "hypot"))
    x = whole_vectors([0.5, 1.5, 3.0], np.float64)

    def mixed(v: Any) -> Any:
        return power(v, 2) + power(2.0, v) + arctan2(1, v) + arctan2(v, -1.0) + hypot(v, 2)

    wanted = x**2 + 2**x + np.arctan2(1, x) + np.arctan2(x, -1) + np.hypot(x, 2)
    np.testing.assert_allclose(evaluate(mixed, x, jit=jit), wanted, rtol=1e-15)
