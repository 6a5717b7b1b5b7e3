"""Derive the polynomials and split constants of `elementary.py`, and write `coefficients.py`.

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
    slack = 1 + mpmath.mpf(2) ** -10  # the reduced argument may lie a little outside
    return {
        # expm1(r) = r + r^2 p(r)
        "expm1": Fit(
            _remainder(mpmath.expm1, [0, 1], 2), (-half_ln2 * slack, half_ln2 * slack), 6, 11
        ),
        # log((1 + s)/(1 - s)) = 2 s + s^3 p(s^2)
        "log": Fit(_of_square(two_atanh), (0, (s_max * slack) ** 2), 4, 7),
        # the same for s = x/(2 + x) with 0 <= x <= 1
        "log1p_of_unit": Fit(_of_square(two_atanh), (0, mpmath.mpf(1) / 9), 5, 10),
        # sin(r) = r + r^3 p(r^2), cos(r) = 1 - r^2/2 + r^4 p(r^2)
        "sin": Fit(_of_square(sine), (0, (quarter_pi * slack) ** 2), 4, 6),
        "cos": Fit(_of_square(cosine), (0, (quarter_pi * slack) ** 2), 3, 6),
    }


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
            table["per_ln2"] = (_round(1 / mpmath.log(2), dtype),)
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
