"""Special functions, some lane by lane: values against mpmath, poles, un-jitted meaning."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from jetfold.backends.cpu.simd import FUNCTIONS
from vector_loops import evaluate, exactly, ulps, whole_vectors

DTYPES = [np.float32, np.float64]
RNG = np.random.default_rng(11)

POSITIVE = np.concatenate(
    [RNG.uniform(0, 3, 40), 10 ** RNG.uniform(-30, 30, 40), [1.0, 2.0, 1024.0]]
)
BOTH = np.concatenate([RNG.uniform(-30, 30, 100), 10 ** RNG.uniform(-20, 0, 20), [1.0, 7.0, 170.5]])


def _log_gamma(x: Any) -> Any:
    return mpmath.log(abs(mpmath.gamma(x)))


# name -> (exact function, operand, ulps allowed in float64)
CASES: dict[str, tuple[Callable[..., Any], Any, float]] = {
    "gamma": (mpmath.gamma, BOTH, 12),
    "gammaln": (_log_gamma, np.concatenate([POSITIVE, -np.arange(0.3, 20)]), 4),
    "digamma": (mpmath.digamma, POSITIVE, 10),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_errors_are_small(name: str, dtype: Any) -> None:
    exact, operand, allowed = CASES[name]
    x = whole_vectors(operand, dtype)
    truth = exactly(exact, x.astype(np.float64))
    compiled = evaluate(FUNCTIONS[name], x)
    errors = ulps(compiled, truth)
    # in float32 the computation is in float64, and only the result is rounded
    assert errors.max() <= (0.51 if dtype is np.float32 else allowed), x[errors.argmax()]
    # Python's own lgamma has absolute instead of relative accuracy next to its zeros
    plain = evaluate(FUNCTIONS[name], x, jit=False)
    atol = 1e-14 if name == "gammaln" else 0
    np.testing.assert_allclose(plain, compiled, rtol=20 * np.finfo(dtype).eps, atol=atol)


def test_every_function_is_tested() -> None:
    tested = {*CASES, "logaddexp", "polygamma", "sinc", "besselj"}
    for name, table in (("elementary", "KNOWN"), ("binary", "KNOWN"), ("vector", "EXACT")):
        path = Path(__file__).with_name(f"test_simd_{name}.py")
        specification = importlib.util.spec_from_file_location(f"simd_{name}", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        tested |= set(getattr(module, table))
    assert set(FUNCTIONS) <= tested


def _exact_sinc(n: int, x: Any) -> Any:
    """The n-th derivative of sin(x)/x: the integral of t^n cos(x t + n pi/2) over t from 0 to 1."""
    if abs(x) < 10:
        powers = range(n % 2, 80, 2)
        return mpmath.fsum(
            (-1) ** ((n + m) // 2) * x**m / (mpmath.factorial(m) * (n + m + 1)) for m in powers
        )
    value = mpmath.sin(x) / x
    for k in range(1, n + 1):
        value = (mpmath.sin(x + k * mpmath.pi / 2) - k * value) / x
    return value


# digamma and its derivatives

_digamma, _polygamma = FUNCTIONS["digamma"], FUNCTIONS["polygamma"]


def order(n: int) -> Callable[..., Any]:
    """polygamma of a literal order: 0 to 4, 11."""
    return ORDERS[n]


ORDERS: dict[int, Callable[..., Any]] = {
    0: _digamma,
    1: lambda x: _polygamma(1, x),
    2: lambda x: _polygamma(2, x),
    3: lambda x: _polygamma(3, x),
    4: lambda x: _polygamma(4, x),
    11: lambda x: _polygamma(11, x),
}


@pytest.mark.parametrize("n", ORDERS)
def test_polygamma(n: int) -> None:
    fractions = np.array([1e-9, 0.1, 0.3, 0.45, 0.7, 0.99])
    x = whole_vectors(
        np.concatenate(
            [
                [1e-5, 0.2, 0.9, 1.0, 1.4616321449683622, 1.5, 2.0, 3.7, 9.0, 25.0, 1e3, 1e8],
                RNG.uniform(0, 15, 30),
                -np.add.outer([0, 1, 7, 150], fractions).ravel(),
                [-123456.7, -1e-20],
            ]
        ),
        np.float64,
    )
    got = evaluate(order(n), x)
    np.testing.assert_array_equal(got, evaluate(order(n), x, jit=False))
    for value, point in zip(got, x, strict=True):
        with mpmath.workdps(60):
            exact = mpmath.polygamma(n, mpmath.mpf(float(point)))
            # to the left of 0 the even orders cross zero: there the terms set the scale
            below = mpmath.mpf(float(point)) - mpmath.floor(float(point))
            scale = abs(exact) if point > 0 else abs(mpmath.polygamma(n, below)) + abs(exact)
            error = abs(mpmath.mpf(float(value)) - exact) / scale
        assert error < 1e-13, (point, float(error))


@pytest.mark.parametrize("jit", [True, False])
def test_polygamma_at_the_limits(jit: bool) -> None:
    x = whole_vectors([0.0, -0.0, -1.0, -7.0, np.inf, -np.inf, np.nan], np.float64)
    inf, nan = np.inf, np.nan
    wanted = {
        0: [-inf, inf, nan, nan, inf, nan, nan],
        1: [inf, inf, inf, inf, 0.0, nan, nan],
        2: [-inf, inf, nan, nan, 0.0, nan, nan],
    }
    for n, values in wanted.items():
        np.testing.assert_array_equal(evaluate(order(n), x, jit=jit)[:7], values)
    np.testing.assert_array_equal(evaluate(FUNCTIONS["digamma"], x, jit=jit)[:7], wanted[0])


@pytest.mark.parametrize("jit", [True, False])
def test_gammaln_at_the_limits(jit: bool) -> None:
    x = whole_vectors([0.0, -0.0, -3.0, 1.0, 2.0, 1e307, np.inf, -np.inf, np.nan], np.float64)
    wanted = [np.inf, np.inf, np.inf, 0.0, 0.0, np.inf, np.inf, np.inf, np.nan]
    np.testing.assert_array_equal(evaluate(FUNCTIONS["gammaln"], x, jit=jit)[:9], wanted)


@pytest.mark.parametrize("jit", [True, False])
def test_gamma_at_the_limits(jit: bool) -> None:
    special = [0.0, -0.0, -3.0, 171.0, 172.0, 1e300, np.inf, -np.inf, np.nan]
    x = whole_vectors(special, np.float64)
    wanted = [np.inf, -np.inf, np.nan, float(mpmath.gamma(171)), *[np.inf] * 3, np.nan, np.nan]
    np.testing.assert_allclose(evaluate(FUNCTIONS["gamma"], x, jit=jit)[:9], wanted, rtol=1e-14)


# Of a literal order

_sinc, _besselj = FUNCTIONS["sinc"], FUNCTIONS["besselj"]

WAVES: dict[str, tuple[Callable[..., Any], Callable[..., Any], int]] = {
    "sinc 0": (lambda x: _sinc(0, x), _exact_sinc, 0),
    "sinc 1": (lambda x: _sinc(1, x), _exact_sinc, 1),
    "sinc 2": (lambda x: _sinc(2, x), _exact_sinc, 2),
    "sinc 3": (lambda x: _sinc(3, x), _exact_sinc, 3),
    "sinc 4": (lambda x: _sinc(4, x), _exact_sinc, 4),
    "sinc 5": (lambda x: _sinc(5, x), _exact_sinc, 5),
    "sinc 10": (lambda x: _sinc(10, x), _exact_sinc, 10),
    "besselj 0": (lambda x: _besselj(0, x), mpmath.besselj, 0),
    "besselj 1": (lambda x: _besselj(1, x), mpmath.besselj, 1),
    "besselj 5": (lambda x: _besselj(5, x), mpmath.besselj, 5),
    "besselj -1": (lambda x: _besselj(-1, x), mpmath.besselj, -1),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WAVES)
def test_waves(name: str, dtype: Any) -> None:
    """The error is that of rounding the argument once, as the condition allows, and the value."""
    function, exact, n = WAVES[name]
    rng = np.random.default_rng(4)
    edges = np.array([2.0, 2.5, 5.0, 2 * np.sqrt(n + 1) if n > 0 else 2.0, 25.0])
    x = np.outer(edges, 1 + rng.uniform(-0.05, 0.05, 8)).ravel()
    magnitudes = 10 ** rng.uniform(-37 if dtype is np.float32 else -300, 3, 40)
    x = np.concatenate([x, rng.uniform(-12, 12, 80), magnitudes, -magnitudes[:9], [0.0, 1e6]])
    x = whole_vectors(x, dtype)
    wide = x.astype(np.float64)
    value = exactly(lambda v: exact(n, v), wide)
    slope = exactly(lambda v: mpmath.diff(lambda u: exact(n, u), v), wide)
    scale = np.abs(value) + np.abs(wide * slope) + float(np.finfo(dtype).smallest_normal)
    for jit in (True, False):
        error = np.abs(evaluate(function, x, jit=jit) - value) / scale
        assert error.max() <= 30 * np.finfo(dtype).eps, x[error.argmax()]


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", WAVES)
def test_waves_at_the_limits(name: str, jit: bool) -> None:
    function, exact, n = WAVES[name]
    x = whole_vectors([0.0, -0.0, np.nan], np.float64)
    got = evaluate(function, x, jit=jit)
    np.testing.assert_allclose(got[:2], float(exact(n, mpmath.mpf(0))), rtol=1e-15)
    assert np.isnan(got[2])
