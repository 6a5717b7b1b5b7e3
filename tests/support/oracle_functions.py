"""Functions as people write them, in the part of NumPy that JAX has, too.

Each is called ``f(m, x, p)``: ``m`` is a `Modules` (NumPy and SciPy, or JAX's), x a point in six
dimensions and p parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSION = 6


@dataclass(frozen=True)
class Modules:
    """Where functions come from."""

    np: Any
    special: Any


Function = Callable[[Modules, Any, Any], Any]


def parameters(width: int = 8) -> dict[str, Any]:
    """Weights for all of the functions."""
    random = np.random.default_rng(5)

    def normal(*shape: int) -> NDArray[np.float64]:
        return np.asarray(random.normal(size=shape) / np.sqrt(shape[0]))

    return {
        "first": (normal(DIMENSION, width), normal(width)),
        "layers": [(normal(width, width), normal(width)) for _ in range(2)],
        "last": normal(width),
        "qkv": [normal(3, 4) for _ in range(3)],
        "table": normal(5, DIMENSION),
        "scale": 1 + 0.1 * normal(DIMENSION),
        "centres": normal(4, DIMENSION),
        "tensor": normal(3, 2, 3),
    }


def dense(activation: Callable[[Modules, Any], Any]) -> Function:
    """A network with this activation."""

    def network(m: Modules, x: Any, p: Any) -> Any:
        for weights, bias in [p["first"], *p["layers"]]:
            x = activation(m, x @ weights + bias)
        return x @ p["last"]

    return network


def residual(m: Modules, x: Any, p: Any) -> Any:
    weights, bias = p["first"]
    h = m.np.tanh(x @ weights + bias)
    for weights, bias in p["layers"]:
        h = (h + m.np.tanh(h @ weights + bias)) / np.sqrt(2)
    return h @ p["last"]


def softmax(m: Modules, x: Any, axis: int = -1) -> Any:
    e = m.np.exp(x - m.np.max(x, axis=axis, keepdims=True))
    return e / m.np.sum(e, axis=axis, keepdims=True)


def attention(m: Modules, x: Any, p: Any) -> Any:
    """Two particles look at each other."""
    particles = x.reshape(2, 3)
    q, k, v = (particles @ weights for weights in p["qkv"])
    return m.np.sum(m.np.tanh(softmax(m, q @ k.T / 2) @ v))


def normalised(m: Modules, x: Any, p: Any) -> Any:
    """A layer norm and a softmax, with a vector as the result."""
    y = (x - m.np.mean(x)) / m.np.sqrt(m.np.var(x) + 0.1) * p["scale"]
    return softmax(m, y) * y


def entropy(m: Modules, x: Any, p: Any) -> Any:
    top = m.np.max(x)
    log_sum = top + m.np.log(m.np.sum(m.np.exp(x - top)))
    return log_sum - m.np.sum(softmax(m, x) * x)


def gather(m: Modules, x: Any, p: Any) -> Any:
    """Constant indices of every kind."""
    order, mask = np.array([3, 0, 0, 5]), np.array([True, False, True, True, False, False])
    rows = p["table"][np.array([0, 4, 2])]
    y = x[order] * x[mask][0] + m.np.take(x, np.array([1, 1, 2, 4])) ** 2
    return m.np.sum(m.np.sin(rows @ x)) + y @ x[::-1][1:5] + x.reshape(3, 2)[1:, ::-1][0, 1]


def guarded(m: Modules, x: Any, p: Any) -> Any:
    """Branches that are singular where they are not taken."""
    positive = m.np.where(x > 0, x, 1.0)
    root = m.np.where(x > 0, m.np.sqrt(positive) * m.np.log(positive), 0.0)
    bump = m.np.where(x**2 < 1, m.np.exp(-1 / m.np.where(x**2 < 1, 1 - x**2, 1.0)), 0.0)
    return m.np.sum(root) + m.np.sum(bump) + m.np.sum(m.np.clip(x, -0.8, 0.8) ** 3)


def pieces(m: Modules, x: Any, p: Any) -> Any:
    y = m.np.maximum(x, 0.25) * m.np.minimum(x**2, 1.5) + m.np.abs(x) ** 3
    return m.np.sum(y * m.np.sign(x) + m.np.maximum(x[0], x[1]) * m.np.floor(x[2] * 3))


def distances(m: Modules, x: Any, p: Any) -> Any:
    """Norms, pairs, a Jastrow factor."""
    first, second = x.reshape(2, 3)
    apart = m.np.linalg.norm(first - second)
    around = m.np.linalg.norm(x.reshape(2, 3)[:, None] - p["centres"][:, :3][None], axis=-1)
    return m.np.exp(-m.np.sum(around) / 4 + apart / (1 + apart)) + m.np.hypot(x[0], x[1])


def helium(m: Modules, x: Any, p: Any) -> Any:
    """Hylleraas' wave function of two electrons, with a determinant of two by two."""
    r = m.np.sqrt(m.np.sum(x.reshape(2, 3) ** 2, axis=1))
    s, t, u = r[0] + r[1], r[0] - r[1], m.np.linalg.norm(x[:3] - x[3:])
    orbitals = m.np.stack([m.np.exp(-r), (1 - r / 2) * m.np.exp(-r / 2)])
    slater = orbitals[0, 0] * orbitals[1, 1] - orbitals[0, 1] * orbitals[1, 0]
    return m.np.exp(-1.8 * s) * (1 + 0.3 * u + 0.13 * t**2) + slater**2


def oscillator(m: Modules, x: Any, p: Any) -> Any:
    """A product of Hermite functions, and the logarithm of a mixture of Gaussians."""
    hermite = m.np.stack([m.np.ones_like(x), 2 * x, 4 * x**2 - 2, 8 * x**3 - 12 * x])
    state = m.np.prod(hermite[np.array([0, 1, 2, 3, 1, 0]), np.arange(6)]) * m.np.exp(-x @ x / 2)
    square = m.np.sum((x - p["centres"]) ** 2, axis=-1)
    return m.np.stack([state, m.np.log(m.np.sum(m.np.exp(-square / 2)))])


def contracted(m: Modules, x: Any, p: Any) -> Any:
    a = x.reshape(2, 3)
    y = m.np.einsum("ia,ajb,jb->ij", a, p["tensor"], m.np.cos(a))
    z = m.np.tensordot(m.np.outer(x[:3], x[3:]), p["tensor"], axes=([0, 1], [0, 2]))
    return m.np.trace(y @ y) + m.np.sum(z**3) + m.np.sum(m.np.triu(m.np.outer(x, x)) ** 2)


def shifted(m: Modules, x: Any, p: Any) -> Any:
    """A lattice: neighbours, running sums, padding, joining."""
    energy = m.np.sum(m.np.cos(x - m.np.roll(x, 1))) + m.np.sum(m.np.cumsum(x) ** 3) / 10
    padded = m.np.pad(x, (1, 1))
    smooth = padded[:-2] - 2 * padded[1:-1] + padded[2:]
    both = m.np.concatenate([smooth, m.np.flip(x)]) * m.np.tile(p["scale"], 2)
    return energy + m.np.sum(m.np.repeat(both, 2) ** 2) * m.np.mean(x)


def pendulum(m: Modules, x: Any, p: Any) -> Any:
    """Where ten steps in time lead to; all six coordinates matter."""
    angle, speed = x[:3], x[3:]
    for _ in range(10):
        speed = speed - 0.1 * m.np.sin(angle) * x[0]
        angle = angle + 0.1 * speed
    return m.np.concatenate([angle, speed])


def elementary(m: Modules, x: Any, p: Any) -> Any:
    """One function after the other."""
    y = m.np.arctan2(x[0], 1 + x[1] ** 2) + m.np.cbrt(2 + x[2]) + m.np.log1p(x[3] ** 2)
    y = y * m.np.expm1(x[4] / 3) + m.np.arcsinh(x[5]) * m.np.tan(x[0] / 3)
    y = y + (2 + x[1]) ** (1 + x[2] ** 2) + m.np.exp2(x[3]) - m.np.arccos(x[4] / 3)
    return y + m.special.erf(x[5]) * m.special.gammaln(3 + x[0]) - m.np.logaddexp(x[1], x[2])


FUNCTIONS: Mapping[str, Function] = {
    "tanh network": dense(lambda m, y: m.np.tanh(y)),
    "sine network": dense(lambda m, y: m.np.sin(2 * y)),
    "softplus network": dense(lambda m, y: m.np.logaddexp(y, 0.0)),
    "silu network": dense(lambda m, y: y * m.special.expit(y)),
    "gelu network": dense(lambda m, y: y * (1 + m.special.erf(y / np.sqrt(2))) / 2),
    "cubic relu network": dense(lambda m, y: m.np.maximum(y, 0.0) ** 3 / 3),
    "residual network": residual,
    "attention": attention,
    "layer norm": normalised,
    "entropy": entropy,
    "gather": gather,
    "guarded": guarded,
    "pieces": pieces,
    "distances": distances,
    "helium": helium,
    "oscillator": oscillator,
    "contractions": contracted,
    "shifts": shifted,
    "pendulum": pendulum,
    "elementary": elementary,
}
