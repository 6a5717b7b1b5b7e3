"""Vectorised functions of one argument: errors in ulps, special values, un-jitted meaning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import scipy.special

from jetfold.backends.cpu.simd import FUNCTIONS, coefficients, derive_coefficients
from vector_loops import Array, check_ulps, evaluate, exactly, ulps, whole_vectors

DTYPES = [np.float32, np.float64]


class Known(NamedTuple):
    """A function in float64 (good to about 1e-15) and in mpmath; the ulps allowed."""

    numpy: Callable[..., Any]
    mpmath: Callable[..., Any]
    ulps: float = 2.6


def _log(x: Any) -> Any:
    return mpmath.log(x) if x else -mpmath.inf


def _log1p(x: Any) -> Any:
    return _log(1 + x) if abs(x) > 0.1 else mpmath.log1p(x)


def _odd(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: mpmath.sign(x) * function(abs(x))


def _sech_squared(x: Array) -> Array:
    e = np.exp(-2 * np.abs(x))
    return np.asarray(4 * e / (1 + e) ** 2)


def _softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


KNOWN = {
    "exp": Known(np.exp, mpmath.exp, 1.1),
    "exp2": Known(np.exp2, lambda x: mpmath.power(2, x), 0.8),
    "expm1": Known(np.expm1, mpmath.expm1),
    "log": Known(np.log, _log, 1),
    "log2": Known(np.log2, lambda x: _log(x) / mpmath.ln2, 1),
    "log10": Known(np.log10, lambda x: _log(x) / mpmath.ln10, 1),
    "log1p": Known(np.log1p, _log1p),
    "sinh": Known(np.sinh, mpmath.sinh),
    "cosh": Known(np.cosh, mpmath.cosh),
    "tanh": Known(np.tanh, mpmath.tanh),
    "sech_squared": Known(_sech_squared, lambda x: mpmath.sech(x) ** 2),
    "expit": Known(scipy.special.expit, lambda x: 1 / (1 + mpmath.exp(-x))),
    "log_expit": Known(scipy.special.log_expit, lambda x: -mpmath.log1p(mpmath.exp(-x))),
    "softplus": Known(_softplus, lambda x: mpmath.log1p(mpmath.exp(x))),
    "sin": Known(np.sin, mpmath.sin, 1.6),
    "cos": Known(np.cos, mpmath.cos, 1.6),
    "tan": Known(np.tan, mpmath.tan, 3.8),
    "arcsin": Known(np.arcsin, mpmath.asin, 1.3),
    "arccos": Known(np.arccos, mpmath.acos, 1.3),
    "arctan": Known(np.arctan, mpmath.atan, 3),
    "arcsinh": Known(np.arcsinh, mpmath.asinh),
    "arccosh": Known(np.arccosh, mpmath.acosh, 3),
    "arctanh": Known(np.arctanh, lambda x: mpmath.sign(x) * mpmath.inf if abs(x) == 1
                     else mpmath.atanh(x)),
    "erf": Known(scipy.special.erf, mpmath.erf, 1.7),
    "erfc": Known(scipy.special.erfc, lambda x: mpmath.erfc(max(-100, min(x, 100))), 3.5),
    "cbrt": Known(np.cbrt, _odd(mpmath.cbrt), 0.6),
}  # fmt: skip


def points(dtype: Any, density: int) -> Array:
    """Everywhere: all magnitudes, the usual range, and where something happens."""
    rng = np.random.default_rng(5)
    info = np.finfo(dtype)
    lowest, highest = np.log10(float(info.smallest_subnormal)), info.maxexp * 0.301
    limits = np.log([float(info.max), float(info.smallest_normal), float(info.smallest_subnormal)])
    near = [*limits, *limits / 2, *limits / np.log(2), np.sqrt(-limits[1])]
    near += [0.5, 1, 2, np.log(2) / 2, np.log(2), np.sqrt(2), np.sqrt(0.5), 9.01, 19.06]
    quarters = np.outer(np.arange(-40, 40) * np.pi / 4, [1, 1 + 1e-7]).ravel()
    far_quarters = np.rint(10 ** rng.uniform(1, 8.8, 10 * density)) * (np.pi / 2)
    far = np.outer([1, 10, 1e3, 1e5, 1e9], rng.uniform(-9, 9, 2 * density)).ravel()
    return whole_vectors(
        np.concatenate(
            [
                *(s * 10 ** rng.uniform(lowest, highest, 20 * density) for s in (1, -1)),
                *(rng.uniform(-width, width, 10 * density) for width in (1, 5, 30, 100, 745)),
                (1 + rng.normal(size=10 * density) * 10 ** rng.uniform(-7, 0, 10 * density)),
                np.outer(near, 1 + rng.uniform(-1e-3, 1e-3, density)).ravel(),
                -np.outer(near, 1 + rng.uniform(-1e-3, 1e-3, density)).ravel(),
                *(far, quarters, far_quarters, near),
                [0.0, -0.0, -1.0, float(info.smallest_normal), float(info.max)],
            ]
        ),
        dtype,
    )


@pytest.mark.parametrize("name", KNOWN)
def test_errors_in_single_precision(name: str) -> None:
    x = points(np.float32, density=60)
    with np.errstate(all="ignore"):
        exact = KNOWN[name].numpy(x.astype(np.float64))
    check_ulps(FUNCTIONS[name], KNOWN[name].ulps, exact, x)


@pytest.mark.parametrize("name", KNOWN)
def test_errors_in_double_precision(name: str) -> None:
    x = points(np.float64, density=4)
    check_ulps(FUNCTIONS[name], KNOWN[name].ulps, exactly(KNOWN[name].mpmath, x), x)


SPECIAL = [0, 1, 2, 0.5, 1.5, 2.5, 3, 8, 64, 100, 1e3, 1e4, 1e30, np.inf]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", KNOWN)
def test_special_values_are_numpys(name: str, jit: bool, dtype: Any) -> None:
    info = np.finfo(dtype)
    edges = [info.max, info.smallest_normal, info.smallest_subnormal, 1 - info.epsneg, 1 + info.eps]
    half = np.array([*SPECIAL, *edges], dtype)
    x = whole_vectors(np.concatenate([half, -half, [np.nan]]), dtype)
    with np.errstate(all="ignore"):
        wanted = KNOWN[name].numpy(x.astype(np.float64))
    got = evaluate(FUNCTIONS[name], x, jit=jit)
    assert ulps(got, wanted).max() <= 4  # NumPy's own are not exact
    zeros = (wanted == 0) & (got == 0)
    if name != "log_expit":  # -0 and 0 are equally right there
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_have_exact_logarithms(dtype: Any) -> None:
    exponents = np.arange(-37, 38)
    for base, name in ((2, "log2"), (10, "log10")):
        powers = np.array([float(f"1e{n}") if base == 10 else 2.0**n for n in exponents])
        kept = exponents[exponents >= 0] if base == 10 else exponents
        x = whole_vectors(powers[-len(kept) :], dtype)
        np.testing.assert_array_equal(evaluate(FUNCTIONS[name], x)[: len(kept)], kept)


def test_large_arguments_of_sine_go_lane_by_lane() -> None:
    """One large argument does not disturb its neighbours."""
    x = whole_vectors([0.5, 1e10, -2.0, 1e300, 3.0, -1e22, 1e5, 7.0], np.float64)
    for name in ("sin", "cos", "tan"):
        check_ulps(FUNCTIONS[name], KNOWN[name].ulps, exactly(KNOWN[name].mpmath, x), x)


def test_coefficients_are_those_derived() -> None:
    """Deriving again gives the file in the repository."""
    text = Path(str(coefficients.__file__)).read_text(encoding="utf-8")
    assert text == derive_coefficients.source()
