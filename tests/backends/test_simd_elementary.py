"""Vectorised functions: errors in ulps against mpmath, special values, un-jitted meaning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from jetfold.backends.cpu.simd import FUNCTIONS, coefficients, derive_coefficients
from vector_loops import evaluate, ulps, whole_vectors

DTYPES = [np.float32, np.float64]


def _log_or_infinite(x: Any) -> Any:
    return mpmath.log(x) if x else -mpmath.inf


EXACT: dict[str, Callable[..., Any]] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": _log_or_infinite,
    "log1p": lambda x: _log_or_infinite(1 + x) if abs(x) > 0.1 else mpmath.log1p(x),
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "tan": mpmath.tan,
    "erf": mpmath.erf,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}


def points(dtype: Any) -> Any:
    """Everywhere: all magnitudes, the usual range, and where something happens."""
    rng = np.random.default_rng(5)
    decades = 44 if dtype is np.float32 else 320
    info = np.finfo(dtype)
    limits = np.log([float(info.max), float(info.smallest_normal)])
    near = np.concatenate([limits, [0, 1, 2, np.log(2) / 2, np.log(2), np.sqrt(2), np.sqrt(0.5)]])
    quarters = np.outer(np.arange(-40, 40) * np.pi / 4, [1, 1 + 1e-7]).ravel()
    with np.errstate(all="ignore"):
        return whole_vectors(
            np.concatenate(
                [
                    *(s * 10 ** rng.uniform(-decades, info.maxexp * 0.301, 250) for s in (1, -1)),
                    *(rng.uniform(-width, width, 150) for width in (1, 5, 30, 100, 745)),
                    np.outer(near, 1 + rng.uniform(-1e-3, 1e-3, 20)).ravel(),
                    np.outer([1, 10, 1e3, 1e5, 1e9], rng.uniform(-9, 9, 30)).ravel(),
                    quarters,
                    [0.0, -0.0, float(info.smallest_subnormal), float(info.smallest_normal)],
                ]
            ),
            dtype,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_errors_are_small(name: str, dtype: Any) -> None:
    x = points(dtype)
    compiled = evaluate(FUNCTIONS[name], x)
    errors = ulps(compiled, EXACT[name], x)
    worst = errors.argmax()
    assert errors[worst] <= 2.5, f"{errors[worst]} ulp at {x[worst]!r}"
    # Un-jitted the only difference is in how products and sums are fused.
    plain = evaluate(FUNCTIONS[name], x, jit=False)
    assert plain.dtype == dtype
    errors = ulps(plain, EXACT[name], x)
    worst = errors.argmax()
    assert errors[worst] <= 2.5, f"un-jitted: {errors[worst]} ulp at {x[worst]!r}"


# (argument, value); a dictionary would take 0.0 and -0.0 for the same key
SPECIAL: dict[str, list[tuple[float, float]]] = {
    "exp": [(np.inf, np.inf), (-np.inf, 0.0), (0.0, 1.0), (-0.0, 1.0), (1e4, np.inf), (-1e4, 0.0)],
    "expm1": [(np.inf, np.inf), (-np.inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e4, np.inf)],
    "log": [(np.inf, np.inf), (-np.inf, np.nan), (0.0, -np.inf), (1.0, 0.0), (-1.0, np.nan)],
    "log1p": [(np.inf, np.inf), (-1.0, -np.inf), (-1.5, np.nan), (0.0, 0.0), (-0.0, -0.0)],
    "tanh": [(np.inf, 1.0), (-np.inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e4, 1.0), (-40.0, -1.0)],
    "sinh": [(np.inf, np.inf), (-np.inf, -np.inf), (0.0, 0.0), (-0.0, -0.0), (-1e4, -np.inf)],
    "cosh": [(np.inf, np.inf), (-np.inf, np.inf), (0.0, 1.0), (-0.0, 1.0), (-1e4, np.inf)],
    "erf": [(np.inf, 1.0), (-np.inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e4, 1.0)],
    "tan": [(np.inf, np.nan), (-np.inf, np.nan), (0.0, 0.0), (-0.0, -0.0)],
    "sin": [(np.inf, np.nan), (-np.inf, np.nan), (0.0, 0.0), (-0.0, -0.0)],
    "cos": [(np.inf, np.nan), (-np.inf, np.nan), (0.0, 1.0), (-0.0, 1.0)],
    "expit": [(np.inf, 1.0), (-np.inf, 0.0), (0.0, 0.5), (1e4, 1.0), (-1e4, 0.0)],
    "log_expit": [(np.inf, 0.0), (-np.inf, -np.inf), (-700.0, -700.0), (-1e30, -1e30)],
    "softplus": [(np.inf, np.inf), (-np.inf, 0.0), (700.0, 700.0), (-1e4, 0.0), (1e30, 1e30)],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str, jit: bool, dtype: Any) -> None:
    x, wanted = (whole_vectors(side, dtype) for side in zip(*SPECIAL[name], strict=True))
    got = evaluate(FUNCTIONS[name], x, jit=jit)
    np.testing.assert_allclose(got, wanted, rtol=4e-16)
    zeros = wanted == 0
    if name != "log_expit":  # -0 and 0 are equally right there
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_softplus_tails(dtype: Any) -> None:
    """Neither tail loses its digits."""
    x = whole_vectors([-700.0, -80.0, -20.0, 20.0, 80.0, 700.0], dtype)
    for name in ("softplus", "expit", "log_expit"):
        assert ulps(evaluate(FUNCTIONS[name], x), EXACT[name], x).max() <= 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
def test_logaddexp(jit: bool, dtype: Any) -> None:
    rng = np.random.default_rng(2)
    x = whole_vectors(rng.uniform(-30, 30, 300), dtype)
    y = whole_vectors(x[:300] + rng.normal(size=300) * rng.choice([0.1, 1, 10], 300), dtype)
    got = evaluate(FUNCTIONS["logaddexp"], x, y, jit=jit)
    with mpmath.workdps(50):
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
        exact = [mpmath.log(mpmath.exp(a) + mpmath.exp(b)) for a, b in pairs]
    # near 0 the two terms cancel: the error is one of the larger argument
    scale = np.maximum(np.abs(np.maximum(x, y)), 1)
    error = np.array([float(abs(float(g) - e)) for g, e in zip(got, exact, strict=True)])
    assert (error <= 3 * np.finfo(dtype).eps * scale).all()

    big = [np.inf, -np.inf, np.inf, 700.0, -700.0, 1e30]
    other = [np.inf, -np.inf, -np.inf, 700.0, -700.0, -1e30]
    wanted = [np.inf, -np.inf, np.inf, 700 + np.log(2), -700 + np.log(2), 1e30]
    got = evaluate(
        FUNCTIONS["logaddexp"], whole_vectors(big, dtype), whole_vectors(other, dtype), jit=jit
    )
    np.testing.assert_allclose(got, whole_vectors(wanted, dtype), rtol=2 * np.finfo(dtype).eps)


def test_large_arguments_of_sine_go_lane_by_lane() -> None:
    """One large argument does not disturb its neighbours."""
    x = whole_vectors([0.5, 1e10, -2.0, 1e300, 3.0, -1e22, 1e5, 7.0], np.float64)
    for name in ("sin", "cos", "tan"):
        assert ulps(evaluate(FUNCTIONS[name], x), EXACT[name], x).max() <= 2.5


def test_coefficients_are_those_derived() -> None:
    """Deriving again gives the file in the repository."""
    text = Path(str(coefficients.__file__)).read_text(encoding="utf-8")
    assert text == derive_coefficients.source()
