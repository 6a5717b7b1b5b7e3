"""Derive the polynomials and split constants of the functions, and write `coefficients.py`.

    python backends/cpu/simd/derive_coefficients.py

Every polynomial interpolates, at Chebyshev points and with 60 digits, what is left of a function
after its leading terms (so that these stay exact), and is then rounded to the dtype. Needs mpmath.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np

DIGITS = 60
ERFC_CENTRE = 3.75


class Fit(NamedTuple):
    """A function on an interval (in the variable of the polynomial) and coefficients per dtype."""

    function: Callable[[Any], Any]
    interval: tuple[Any, Any]
    float32: int
    float64: int


def _remainder(function: Callable[[Any], Any], drop: list[Any], power: int) -> Callable[[Any], Any]:
    """x -> (function(x) - sum(drop[i] x**i)) / x**power, by series near 0."""

    def rest(x: Any) -> Any:
        with mpmath.workdps(4 * DIGITS):
            x = x or mpmath.mpf(10) ** (-DIGITS)
            lead = mpmath.polyval(drop[::-1], x)
            return (function(x) - lead) / x**power

    return rest


def _of_square(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda z: function(mpmath.sqrt(z))


def fits() -> dict[str, Fit]:
    """What each polynomial approximates."""
    half_ln2 = mpmath.log(2) / 2
    s_max = (mpmath.sqrt(2) - 1) / (mpmath.sqrt(2) + 1)
    quarter_pi = mpmath.pi / 4
    two_atanh = _remainder(lambda s: 2 * mpmath.atanh(s), [0, 2], 3)
    sine = _remainder(mpmath.sin, [0, 1], 3)
    cosine = _remainder(mpmath.cos, [1, 0, -mpmath.mpf(1) / 2], 4)
    exp2 = _remainder(lambda r: mpmath.power(2, r) - r * mpmath.log(2), [1], 2)
    atanh_tail = _remainder(lambda s: 2 * (mpmath.atanh(s) - s - s**3 / 3), [0], 5)
    arcsine = _remainder(mpmath.asin, [0, 1], 3)
    arctangent = _remainder(mpmath.atan, [0, 1], 3)
    erfcx_end = (27.3 - ERFC_CENTRE) / (27.3 + ERFC_CENTRE)
    slack = 1 + mpmath.mpf(2) ** -10  # the reduced argument may lie a little outside
    return {
        # expm1(r) = r + r^2 p(r)
        "expm1": Fit(
            _remainder(mpmath.expm1, [0, 1], 2), (-half_ln2 * slack, half_ln2 * slack), 6, 11
        ),
        # log((1 + s)/(1 - s)) = 2 s + s^3 p(s^2)
        "log": Fit(_of_square(two_atanh), (0, (s_max * slack) ** 2), 4, 7),
        # log((1 + s)/(1 - s)) = 2 s + s^3 (2/3 + s^2 p(s^2)), to more digits than a number has
        "log_tail": Fit(_of_square(atanh_tail), (0, (s_max * slack) ** 2), 4, 8),
        # the same as for log, for s = x/(2 + x) with 0 <= x <= 1
        "log1p_of_unit": Fit(_of_square(two_atanh), (0, mpmath.mpf(1) / 9), 5, 10),
        # sin(r) = r + r^3 p(r^2), cos(r) = 1 - r^2/2 + r^4 p(r^2)
        "sin": Fit(_of_square(sine), (0, (quarter_pi * slack) ** 2), 4, 6),
        "cos": Fit(_of_square(cosine), (0, (quarter_pi * slack) ** 2), 3, 6),
        # 2^r = 1 + r log(2) + r^2 p(r)
        "exp2": Fit(exp2, (-slack / 2, slack / 2), 6, 11),
        # the cube root, as a start for one step of Newton's method
        "cbrt": Fit(mpmath.cbrt, (mpmath.sqrt(0.5) / slack, mpmath.sqrt(2) * slack), 5, 10),
        # arcsin(x) = x + x^3 p(x^2) for |x| <= 1/2, arctan(x) = x + x^3 p(x^2) for |x| <= 1
        "arcsin": Fit(_of_square(arcsine), (0, mpmath.mpf(1) / 4), 6, 13),
        "arctan": Fit(_of_square(arctangent), (0, 1), 10, 21),
        # erfc(x) = exp(-x^2) (1 + u p(2 u - 1))/(1 + 2 x), u = x/(x + c)
        "erfc": Fit(_scaled_erfc, (-1, erfcx_end), 12, 24),
    }


def _scaled_erfc(t: Any) -> Any:
    x = ERFC_CENTRE * (1 + t) / (1 - t)
    return 2 * ((1 + 2 * x) * mpmath.exp(x * x) * mpmath.erfc(x) - 1) / (1 + t)


def _split(value: Any, bits: list[int], dtype: type[np.floating[Any]]) -> list[Any]:
    """Parts whose sum is `value`; all but the last are truncated to the given number of bits."""
    parts = []
    for count in bits:
        exponent = int(mpmath.floor(mpmath.log(abs(value), 2))) + 1 - count
        part = mpmath.floor(value / mpmath.mpf(2) ** exponent) * mpmath.mpf(2) ** exponent
        parts.append(part)
        value = value - part
    return [dtype(_exact(part)) for part in parts] + [_round(value, dtype)]


def _exact(value: Any) -> float:
    number = float(value)
    if mpmath.mpf(number) != value:
        raise ValueError(f"{value} has too many bits")
    return number


def _round(value: Any, dtype: type[np.floating[Any]]) -> Any:
    """Correct rounding (by way of a decimal string, so that float32 is not rounded twice)."""
    return dtype(mpmath.nstr(value, 40))


def tables() -> dict[str, dict[str, tuple[Any, ...]]]:
    """Per dtype: polynomials (lowest degree first) and split constants (largest part first)."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    with mpmath.workdps(DIGITS):
        for dtype in (np.float32, np.float64):
            table: dict[str, tuple[Any, ...]] = {}
            for name, fit in fits().items():
                count = getattr(fit, dtype.__name__)
                polynomial = mpmath.chebyfit(fit.function, fit.interval, count)
                table[name] = tuple(_round(c, dtype) for c in reversed(polynomial))
            count, end = (10, 4) if dtype is np.float32 else (25, mpmath.mpf(593) / 100)
            lead, *others = _erf_polynomial(count, end)
            table["erf_lead"] = (_round(lead, dtype),)
            lost = lead - mpmath.mpf(float(table["erf_lead"][0]))
            table["erf"] = tuple(_round(c, dtype) for c in (lost, *others))
            table["erf_end"] = (dtype(float(end)),)
            # Multiples up to 2^11 of ln 2's first part are exact; pi/2 relies on fused products.
            mantissa = 24 if dtype is np.float32 else 53
            table["ln2"] = tuple(_split(mpmath.log(2), [mantissa - 11], dtype))
            table["half_pi"] = tuple(_split(mpmath.pi / 2, [mantissa, mantissa], dtype))
            table["exp2_lead"] = tuple(_split(mpmath.log(2), [mantissa], dtype))
            table["log10_2"] = tuple(_split(mpmath.log10(2), [mantissa - 11], dtype))
            table["per_ln2"] = tuple(_split(1 / mpmath.log(2), [mantissa], dtype))
            table["per_ln10"] = tuple(_split(1 / mpmath.log(10), [mantissa], dtype))
            table["two_thirds"] = tuple(_split(mpmath.mpf(2) / 3, [mantissa], dtype))
            table["cube_roots"] = tuple(_round(mpmath.cbrt(x), dtype) for x in (0.5, 2))
            table["erfc_centre"] = (dtype(ERFC_CENTRE),)
            table["per_half_pi"] = (_round(2 / mpmath.pi, dtype),)
            found[dtype.__name__] = table
    return found


def _erf_polynomial(count: int, end: Any) -> list[Any]:
    """p with erf(x) = -expm1(-x p(x)) on [0, end]; the first coefficient is needed exactly.

    -log(erfc(x)) is nearly quadratic. Least squares at Chebyshev points, weighted such that the
    relative error of erf counts: beyond 1 it falls with erfc.
    """
    points = [
        end / 2 * (1 + mpmath.cos(mpmath.pi * (i + 0.5) / (3 * count))) for i in range(3 * count)
    ]
    weights = [x * mpmath.erfc(x) / mpmath.erf(x) for x in points]
    rows = [
        [w * (x / end) ** k for k in range(count)] for x, w in zip(points, weights, strict=True)
    ]
    matrix = mpmath.matrix(rows)
    values = [-w * mpmath.log(mpmath.erfc(x)) / x for x, w in zip(points, weights, strict=True)]
    found = mpmath.lu_solve(matrix.T * matrix, matrix.T * mpmath.matrix(values))
    return [found[k] / end**k for k in range(count)]


def source() -> str:
    """The text of `coefficients.py`."""
    lines = [
        '"""Polynomials and split constants, by dtype. Generated by derive_coefficients.py."""',
        "",
        "TABLES: dict[str, dict[str, tuple[float, ...]]] = {",
    ]
    for dtype, table in tables().items():
        lines.append(f'    "{dtype}": {{')
        for name, numbers in table.items():
            if len(numbers) == 1:
                lines.append(f'        "{name}": ({float(numbers[0])!r},),')
                continue
            lines.append(f'        "{name}": (')
            lines.extend(f"            {float(number)!r}," for number in numbers)
            lines.append("        ),")
        lines.append("    },")
    lines.append("}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("coefficients.py").write_text(source(), encoding="utf-8")
