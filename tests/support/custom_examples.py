"""Custom primitives as people write them: in SymPy for jetfold, in mpmath and NumPy as oracles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

import jetfold as jf

x, y, z, r = sp.symbols("x y z r")
beta, depth, width, place, mu = sp.symbols("beta depth width place mu")
eps, sigma = sp.symbols("eps sigma", positive=True)  # assumptions of symbols do not matter


def safe_softplus(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def halley(x: Any) -> Any:
    """Lambert's W for positive numbers, which jetfold does not know."""
    w = np.log1p(x)
    for _ in range(3):
        e = np.exp(w)
        f = w * e - x
        w = w - f / (e * (w + 1) - (w + 2) * f / (2 * w + 2))
    return w


EXAMPLES = {
    "gelu": jf.primitive("gelu", x * (1 + sp.erf(x / sp.sqrt(2))) / 2, x),
    "swish": jf.primitive("swish", x / (1 + sp.exp(-beta * x)), x, parameters={beta: 1.0}),
    "mish": jf.primitive("mish", x * sp.tanh(sp.log(1 + sp.exp(x))), x),
    "soft": jf.primitive("soft", sp.log(1 + sp.exp(x)), x, value=safe_softplus),
    "squash": jf.primitive("squash", 2 / (1 + sp.exp(-x)) - 1, x, derivative=(1 - y**2) / 2),
    "morse": jf.primitive(
        "morse",
        depth * (1 - sp.exp(-width * (r - place))) ** 2,
        r,
        parameters=(depth, width, place),
        doc="The Morse potential of a diatomic molecule.",
    ),
    "lennard_jones": jf.primitive(
        "lennard_jones",
        4 * eps * ((sigma / r) ** 12 - (sigma / r) ** 6),
        r,
        parameters={eps: 1, sigma: 1.0},
    ),
    "decay": jf.primitive("decay", x * sp.exp(-x * z), (x, z)),
    "yukawa": jf.primitive("yukawa", sp.exp(-mu * r) / r, r, parameters=[mu]),
    "huber": jf.primitive(
        "huber", sp.Piecewise((x**2 / 2, sp.Abs(x) < 1), (sp.Abs(x) - 0.5, True)), x
    ),
    "gamma_of": jf.primitive("gamma_of", sp.gamma(x), x),
    "bessel0": jf.primitive(
        "bessel0", sp.besselj(0, x), x, derivative=-sp.besselj(1, x), doc="J0, by its derivative."
    ),
    "bessel1": jf.primitive(
        "bessel1", sp.besselj(1, x), x, derivative=(sp.besselj(0, x) - sp.besselj(2, x)) / 2
    ),
    "lambert": jf.primitive("lambert", sp.LambertW(x), x, value=halley),
}


@dataclass(frozen=True)
class Truth:
    """An example on mpmath numbers, and values of its arguments and parameters at which to judge.

    Parameters come behind the arguments. The jets are judged with the parameters along the path,
    too, as if they were arguments.
    """

    function: Callable[..., Any]
    points: tuple[tuple[float, ...], ...]


def _columns(*columns: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(zip(*columns, strict=True))


TRUTHS = {
    "gelu": Truth(lambda x: x * mpmath.ncdf(x), _columns((-3.0, -0.5, 0.0, 0.7, 6.0))),
    "swish": Truth(
        lambda x, b: x / (1 + mp.exp(-b * x)),
        _columns((-3.0, -0.5, 0.0, 0.7, 20.0), (1.0, 0.5, 1.5, 2.5, 1.25)),
    ),
    "mish": Truth(
        lambda x: x * mp.tanh(mp.log(1 + mp.exp(x))), _columns((-3.0, -0.5, 0.0, 0.7, 6.0))
    ),
    "soft": Truth(lambda x: mp.log(1 + mp.exp(x)), _columns((-30.0, -0.5, 0.0, 0.7, 6.0))),
    "squash": Truth(lambda x: mp.tanh(x / 2), _columns((-3.0, -0.5, 0.0, 0.7, 4.0))),
    "morse": Truth(
        lambda r, d, a, p: d * (1 - mp.exp(-a * (r - p))) ** 2,
        _columns((0.5, 1.0, 1.4, 3.0), (2.0, 3.0, 0.5, 1.0), (1.0, 1.5, 2.0, 0.5), (1.0,) * 4),
    ),
    "lennard_jones": Truth(
        lambda r, e, s: 4 * e * ((s / r) ** 12 - (s / r) ** 6),
        _columns((0.9, 1.0, 1.1, 2.5), (1.0, 2.0, 0.5, 1.5), (1.0, 1.1, 0.9, 1.0)),
    ),
    "decay": Truth(
        lambda x, z: x * mp.exp(-x * z),
        _columns((-1.0, 0.0, 0.5, 3.0), (0.5, 2.0, -1.0, 1.5)),
    ),
    "yukawa": Truth(lambda r, m: mp.exp(-m * r) / r, _columns((0.25, 1.0, 3.0), (0.5, 2.0, 0.0))),
    "huber": Truth(
        lambda x: x**2 / 2 if abs(x) < 1 else abs(x) - mp.mpf(1) / 2,
        _columns((-3.0, -0.5, 0.0, 0.7, 6.0)),
    ),
    "gamma_of": Truth(mp.gamma, _columns((0.5, 1.0, 3.7, 6.0))),
    "bessel0": Truth(lambda x: mp.besselj(0, x), _columns((-3.0, -0.5, 0.7, 6.0))),
    "bessel1": Truth(lambda x: mp.besselj(1, x), _columns((-3.0, 0.5, 0.7, 6.0))),
    "lambert": Truth(lambda x: mp.lambertw(x).real, _columns((0.1, 0.5, 1.0, 7.0))),
}


def path_from(point: tuple[float, ...], order: int) -> NDArray[Any]:
    """Coefficients (order, operand) of a path: every operand moves."""
    random = np.random.default_rng(len(point))
    moves = random.uniform(0.5, 2.0, (order, len(point))) * random.choice([-1.0, 1.0])
    return np.array([point, *moves])
