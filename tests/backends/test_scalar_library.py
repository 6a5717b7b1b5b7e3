"""Functions of numbers: errors against mpmath, special values; compiled for CPU and CUDA."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
from numba import njit

from jetfold.backends.scalar import library, source_of
from vector_loops import exactly, ulps

RNG = np.random.default_rng(5)
MODERATE = np.concatenate([RNG.uniform(-30, 30, 60), RNG.normal(size=40)])
WIDE = np.concatenate([MODERATE, 10.0 ** RNG.uniform(-300, 300, 40) * RNG.choice([-1, 1], 40)])
POSITIVE = np.abs(WIDE)
AROUND_0 = np.concatenate([10.0 ** RNG.uniform(-300, 2, 50), -(10.0 ** RNG.uniform(-9, 2, 50))])
SMALL = np.abs(AROUND_0)

Exact = Callable[..., Any]

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of infinities


def _sinc(n: int) -> Exact:
    return lambda x: mpmath.diff(mpmath.sinc, x, n)


# name and literal order -> (exact function, operands, ulps allowed); for the waves see below
CASES: dict[tuple[str, int | None], tuple[Exact, tuple[Any, ...], float]] = {
    ("cbrt", None): (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), (WIDE,), 2),
    ("expit", None): (lambda x: 1 / (1 + mpmath.exp(-x)), (AROUND_0 * 7,), 2),
    ("softplus", None): (lambda x: mpmath.log1p(mpmath.exp(x)), (AROUND_0 * 7,), 2),
    ("log_expit", None): (lambda x: -mpmath.log1p(mpmath.exp(-x)), (AROUND_0 * 7,), 2),
    ("sech_squared", None): (lambda x: mpmath.sech(x) ** 2, (AROUND_0 * 3,), 3),
    ("gamma", None): (mpmath.gamma, (np.concatenate([SMALL + 0.1, -np.arange(0.3, 20)]),), 10),
    ("gammaln", None): (
        lambda x: mpmath.log(abs(mpmath.gamma(x))),
        (np.concatenate([SMALL[(SMALL < 0.5) | (SMALL > 3)], -np.arange(0.3, 20)]),),  # no zeros
        8,
    ),
    ("digamma", None): (mpmath.digamma, (SMALL,), 10),
    ("polygamma", 1): (lambda x: mpmath.polygamma(1, x), (SMALL[SMALL > 1e-100],), 10),
    ("polygamma", 4): (lambda x: mpmath.polygamma(4, x), (SMALL[SMALL > 1e-60],), 10),
}


def function(name: str, order: int | None) -> Callable[..., Any]:
    """A function of the library, with its literal order."""
    found: Callable[..., Any] = getattr(library, name)
    return found if order is None else lambda *x: found(order, *x)


@pytest.mark.parametrize(("name", "order"), CASES)
def test_errors_are_small(name: str, order: int | None) -> None:
    exact, operands, allowed = CASES[name, order]
    found = [function(name, order)(*map(np.float64, x)) for x in zip(*operands, strict=True)]
    errors = ulps(np.array(found), exactly(exact, *operands))
    assert errors.max() <= allowed, operands[0][errors.argmax()]


WAVES: dict[tuple[str, int], Exact] = {
    **{("besselj", n): lambda x, n=n: mpmath.besselj(n, x) for n in (-1, 0, 1, 2, 5, 30)},
    **{("sinc", n): _sinc(n) for n in (0, 1, 2, 5)},
}


@pytest.mark.parametrize(("name", "order"), WAVES)
def test_waves(name: str, order: int) -> None:
    """The error in the value is at most that of a tiny change of the argument."""
    x = np.concatenate([AROUND_0[np.abs(AROUND_0) > 1e-9], MODERATE, [24.99, 25.0, 26.0, 300.5]])
    exact = WAVES[name, order]
    with mpmath.workdps(40):
        for point in x:
            at = mpmath.mpf(float(point))
            right = exact(at)
            slope = mpmath.diff(exact, at)
            found = function(name, order)(np.float64(point))
            allowed = 5e-13 * abs(right) + 4e-16 * abs(at * slope)
            assert abs(found - right) <= allowed + 1e-300, (point, found, float(right))


def test_logaddexp() -> None:
    for x, y in RNG.uniform(-40, 40, (100, 2)):
        exact = mpmath.log(mpmath.exp(x) + mpmath.exp(y))
        assert abs(library.logaddexp(x, y) - exact) <= 4e-16 * (abs(x) + abs(y))
    assert library.logaddexp(math.inf, math.inf) == math.inf
    assert library.logaddexp(-math.inf, -math.inf) == -math.inf
    assert library.logaddexp(-math.inf, 3.0) == 3.0


ROUNDED = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999999999999994, 3.7, -3.7]
ROUNDED += [2.0**51 + 0.5, 2.0**52 + 1, -(2.0**60), 1e300, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", ["floor", "ceil", "rint", "sign"])
def test_rounding(name: str) -> None:
    x = np.array(ROUNDED)
    found = np.array([getattr(library, name)(value) for value in x])
    np.testing.assert_array_equal(found, getattr(np, name)(x))
    if name != "sign":
        np.testing.assert_array_equal(np.signbit(found[:-1]), np.signbit(getattr(np, name)(x[:-1])))


def test_extrema_pass_nan_on() -> None:
    nan = math.nan
    for x, y in [(1.0, 2.0), (2.0, 1.0), (nan, 1.0), (1.0, nan), (nan, nan), (math.inf, 0.0)]:
        assert library.maximum(x, y) == np.maximum(x, y) or np.isnan(np.maximum(x, y))
        assert np.isnan(library.maximum(x, y)) == np.isnan(np.maximum(x, y))
        assert library.minimum(x, y) == np.minimum(x, y) or np.isnan(np.minimum(x, y))
        assert np.isnan(library.minimum(x, y)) == np.isnan(np.minimum(x, y))


SPECIAL: dict[str, Callable[[Any], Any]] = {
    "cbrt": np.cbrt,
    "expit": scipy.special.expit,
    "softplus": lambda x: np.logaddexp(x, 0),
    "log_expit": scipy.special.log_expit,
    "sech_squared": lambda x: 1 / np.cosh(np.clip(x, -800, 800)) ** 2,
    "gamma": scipy.special.gamma,
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name: str) -> None:
    x = np.array([0.0, -0.0, -3.0, 800.0, -800.0, 1e300, -1e300, math.inf, -math.inf, math.nan])
    found = np.array([getattr(library, name)(value) for value in x])
    np.testing.assert_allclose(found, SPECIAL[name](x), rtol=1e-14)


# As text ----------------------------------------------------------------------------------------


ORDER = {"polygamma": "3, ", "sinc": "3, ", "besselj": "3, "}
PAIRS = ("maximum", "minimum", "logaddexp")
PUBLIC = [name for name in library.names() if not name.startswith("_")]
X = np.array([0.3, 1.7, -0.6, 4.2, 30.5])


def call(name: str) -> str:
    """The call of a function at x."""
    return f"{name}({ORDER.get(name, '')}x{', x + real(1)' if name in PAIRS else ''})"


def text(names: list[str], decorator: str) -> str:
    """Functions, and one that fills an array with the values of all of them at x."""
    calls = [f"    y[{i}] = {call(name)}" for i, name in enumerate(names)]
    return "\n".join([source_of(names, decorator), "", "", "def fill(x, y):", *calls])


def expected() -> Any:
    namespace = {name: getattr(library, name) for name in PUBLIC} | {"real": np.float64}
    return np.array([[eval(call(name), namespace, {"x": x}) for name in PUBLIC] for x in X])


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_text_run_as_plain_python(real: Any) -> None:
    namespace: dict[str, Any] = {"math": math, "real": real}
    exec(text(PUBLIC, ""), namespace)
    found = np.empty((len(X), len(PUBLIC)))
    for x, row in zip(X, found, strict=True):
        namespace["fill"](real(x), row)
    tolerance = 1e-4 if real is np.float32 else 1e-15
    np.testing.assert_allclose(found, expected(), rtol=tolerance)


SLOW = ("digamma", "polygamma", "besselj")
"""To compile; vectors are computed with them, so they are compiled elsewhere."""


def test_text_compiled() -> None:
    names = [name for name in PUBLIC if name not in SLOW]
    namespace: dict[str, Any] = {"math": math, "real": np.float64, "njit": njit}
    exec(text(names, '@njit(error_model="numpy")'), namespace)
    compiled = njit(namespace["fill"])
    found = np.empty((len(X), len(names)))
    for x, row in zip(X, found, strict=True):
        compiled(x, row)
    chosen = expected()[:, [PUBLIC.index(name) for name in names]]
    np.testing.assert_allclose(found, chosen, rtol=1e-13)


def test_only_what_is_needed_is_in_the_text() -> None:
    plain = source_of(["floor"], "@njit")
    assert plain.startswith("@njit\ndef floor(x):\n")
    assert plain.count("def ") == 1
    needed = source_of(["log_expit", "digamma"], "")
    order = [line[4:].split("(")[0] for line in needed.splitlines() if line.startswith("def ")]
    assert order == [
        *("maximum", "softplus", "log_expit"),
        *("_digamma_from_one", "_digamma_of_positive", "_at_pole", "digamma"),
    ]
    assert "DIGAMMA_ROOT = (\n    real(" in needed
    assert source_of([], "@njit") == ""


WAVY = ["sinc", "besselj"]
"""They call sin and cos, which compute with large arguments in double precision."""


@pytest.mark.parametrize("names", [[n for n in PUBLIC if n not in (*SLOW, *WAVY)], WAVY])
def test_text_compiled_for_cuda(names: list[str]) -> None:
    cuda = pytest.importorskip("numba.cuda")
    types = pytest.importorskip("numba").types
    namespace: dict[str, Any] = {"math": math, "real": np.float32, "cuda": cuda}
    exec(text(names, '@cuda.jit(device=True, inline="always")'), namespace)
    signature = types.void(types.float32, types.float32[::1])
    ptx, _ = cuda.compile(namespace["fill"], signature, cc=(9, 0), device=False, abi="numba")
    assert ".entry" in ptx
    assert names == WAVY or ".f64" not in ptx
