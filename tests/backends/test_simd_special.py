"""Functions that run lane by lane: values against mpmath, poles, un-jitted meaning."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from jetfold.backends.cpu.simd import FUNCTIONS
from vector_loops import evaluate, ulps, whole_vectors

DTYPES = [np.float32, np.float64]
RNG = np.random.default_rng(11)

UNIT = RNG.uniform(-1, 1, 60)
WIDE = np.concatenate(
    [RNG.normal(size=40), RNG.uniform(-30, 30, 40), 10 ** RNG.uniform(-20, 5, 20)]
)
POSITIVE = np.concatenate(
    [RNG.uniform(0, 3, 40), 10 ** RNG.uniform(-30, 30, 40), [1.0, 2.0, 1024.0]]
)
FROM_ONE = 1 + POSITIVE


def _log_gamma(x: Any) -> Any:
    return mpmath.log(abs(mpmath.gamma(x)))


# name -> (exact function, operands, ulps allowed in float64)
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], float]] = {
    "arcsin": (mpmath.asin, (UNIT,), 2),
    "arccos": (mpmath.acos, (UNIT,), 2),
    "arctan": (mpmath.atan, (WIDE,), 2),
    "arctan2": (mpmath.atan2, (WIDE, WIDE[::-1]), 2),
    "arcsinh": (mpmath.asinh, (WIDE,), 2),
    "arccosh": (mpmath.acosh, (FROM_ONE,), 2),
    "arctanh": (mpmath.atanh, (UNIT,), 2),
    "hypot": (mpmath.hypot, (WIDE, WIDE[::-1]), 2),
    "power": (mpmath.power, (POSITIVE, RNG.uniform(-1, 1, len(POSITIVE))), 2),
    "exp2": (lambda x: mpmath.power(2, x), (WIDE,), 2),
    "log2": (lambda x: mpmath.log(x, 2), (POSITIVE,), 2),
    "log10": (mpmath.log10, (POSITIVE,), 2),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), (WIDE,), 2),
    "erfc": (mpmath.erfc, (WIDE,), 4),
    "gammaln": (_log_gamma, (np.concatenate([POSITIVE, -np.arange(0.3, 20)]),), 4),
    "digamma": (mpmath.digamma, (POSITIVE,), 10),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_errors_are_small(name: str, dtype: Any) -> None:
    exact, operands, allowed = CASES[name]
    arrays = [whole_vectors(operand, dtype) for operand in operands]
    errors = ulps(evaluate(FUNCTIONS[name], *arrays), exact, *arrays)
    # in float32 the computation is in float64, and only the result is rounded
    assert errors.max() <= (0.51 if dtype is np.float32 else allowed), arrays[0][errors.argmax()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_unjitted_is_the_same(name: str, dtype: Any) -> None:
    _, operands, _ = CASES[name]
    arrays = [whole_vectors(operand, dtype) for operand in operands]
    compiled = evaluate(FUNCTIONS[name], *arrays)
    plain = evaluate(FUNCTIONS[name], *arrays, jit=False)
    # Python's own lgamma has absolute instead of relative accuracy next to its zeros
    np.testing.assert_allclose(
        plain, compiled, rtol=8 * np.finfo(dtype).eps, atol=1e-14 if name == "gammaln" else 0
    )


def test_every_function_is_tested() -> None:
    tested = {*CASES, "logaddexp", "polygamma"}
    for name in ("elementary", "vector"):
        path = Path(__file__).with_name(f"test_simd_{name}.py")
        specification = importlib.util.spec_from_file_location(f"simd_{name}", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        tested |= set(module.EXACT)
    assert set(FUNCTIONS) <= tested


# digamma and its derivatives

_digamma, _polygamma = FUNCTIONS["digamma"], FUNCTIONS["polygamma"]


def order(n: int) -> Callable[..., Any]:
    """polygamma of a literal order: 0 to 4, 11."""
    return ORDERS[n]


ORDERS: dict[int, Callable[..., Any]] = {
    0: lambda x: _digamma(x),
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
def test_special_values(jit: bool, dtype: Any) -> None:
    special = whole_vectors([0.0, -0.0, 1.0, -1.0, 2.0, -8.0, np.inf, -np.inf, np.nan], dtype)
    for name in (
        "arcsin",
        "arccos",
        "arctan",
        "arcsinh",
        "arctanh",
        "cbrt",
        "exp2",
        "log2",
        "log10",
    ):
        got = evaluate(FUNCTIONS[name], special, jit=jit)
        with np.errstate(all="ignore"):
            wanted = getattr(np, name)(special)
        np.testing.assert_allclose(got, wanted, rtol=2 * np.finfo(dtype).eps)
        zeros = wanted == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


@pytest.mark.parametrize("jit", [True, False])
def test_numbers_as_arguments(jit: bool) -> None:
    """A literal among the arguments is splat, also where the C library wants a float."""
    power, arctan2 = FUNCTIONS["power"], FUNCTIONS["arctan2"]
    x = whole_vectors([0.5, 1.5, 3.0], np.float64)

    def mixed(v: Any) -> Any:
        return power(v, 2) + power(2.0, v) + arctan2(1, v)

    wanted = x**2 + 2**x + np.arctan2(1, x)
    np.testing.assert_allclose(evaluate(mixed, x, jit=jit), wanted, rtol=1e-15)
