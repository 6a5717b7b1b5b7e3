"""Functions on R^D whose Laplacian and biharmonic are known in closed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Function = Callable[..., Any]
DIMENSIONS = range(1, 7)


@dataclass(frozen=True)
class KnownAnswer:
    """A function of one point, and what its operators are at points (..., D).

    ``scale`` is the size of what adds up to the Laplacian, and to the biharmonic: an error is
    relative to that, since a sum that cancels cannot be more accurate than its terms.
    """

    function: Function
    laplacian: Function
    biharmonic: Function
    scale: tuple[Function, Function]
    dimensions: tuple[int, ...] = tuple(DIMENSIONS)


def _square(x: Any) -> Any:
    return np.sum(x * x, axis=-1)


def _slopes(x: Any) -> Any:
    """The vector a of exp(a.x)."""
    return 0.3 + 0.2 * np.arange(x.shape[-1])


def _products_of_sines(x: Any) -> Any:
    return np.prod(np.sin(x), axis=-1)


def _gaussian(x: Any) -> Any:
    return np.exp(-_square(x) / 2)


def _gaussian_biharmonic(x: Any, sign: int = -1) -> Any:
    s, d = _square(x), x.shape[-1]
    return (s**2 + sign * 2 * (d + 2) * s + d * (d + 2)) * _gaussian(x)


def _plane_wave(x: Any) -> Any:
    return np.exp(x @ _slopes(x))


def _harmonic(x: Any) -> Any:
    return x[..., 0] ** 3 - 3 * x[..., 0] * x[..., 1] ** 2


def _radius(x: Any) -> Any:
    return np.sqrt(_square(x))


def _zero(x: Any) -> Any:
    return np.zeros(x.shape[:-1])


def _one(x: Any) -> Any:
    return np.ones(x.shape[:-1])


# Hydrogen 1s: (1 - 2/r) f; and again, by Lap g = g'' + 2 g'/r: (1 - 4/r) f away from the nucleus.
KNOWN_ANSWERS: Mapping[str, KnownAnswer] = {
    "product of sines": KnownAnswer(
        _products_of_sines,
        lambda x: -x.shape[-1] * _products_of_sines(x),
        lambda x: x.shape[-1] ** 2 * _products_of_sines(x),
        (_one, lambda x: x.shape[-1] * _one(x)),
    ),
    "gaussian": KnownAnswer(
        _gaussian,
        lambda x: (_square(x) - x.shape[-1]) * _gaussian(x),
        _gaussian_biharmonic,
        (
            lambda x: (_square(x) + x.shape[-1]) * _gaussian(x),
            lambda x: _gaussian_biharmonic(x, sign=1),
        ),
    ),
    "plane wave": KnownAnswer(
        _plane_wave,
        lambda x: (_slopes(x) @ _slopes(x)) * _plane_wave(x),
        lambda x: (_slopes(x) @ _slopes(x)) ** 2 * _plane_wave(x),
        (_zero, _zero),
    ),
    "harmonic": KnownAnswer(
        _harmonic, _zero, _zero, (lambda x: 6 * np.abs(x[..., 0]), _one), tuple(DIMENSIONS)[1:]
    ),
    "hydrogen 1s": KnownAnswer(
        lambda x: np.exp(-_radius(x)),
        lambda x: (1 - 2 / _radius(x)) * np.exp(-_radius(x)),
        lambda x: (1 - 4 / _radius(x)) * np.exp(-_radius(x)),
        (
            lambda x: (1 + 2 / _radius(x)) * np.exp(-_radius(x)),
            lambda x: (1 + 4 / _radius(x)) * np.exp(-_radius(x)),
        ),
        (3,),
    ),
    "log r": KnownAnswer(
        lambda x: np.log(_radius(x)),
        _zero,
        _zero,
        (lambda x: 1 / _square(x), lambda x: 1 / _square(x) ** 2),
        (2,),
    ),
}


def known_in(dimension: int) -> dict[str, KnownAnswer]:
    """The functions that there are in this dimension."""
    return {name: k for name, k in KNOWN_ANSWERS.items() if dimension in k.dimensions}


def together(dimension: int) -> Function:
    """One function of a point that returns all of them in a dict, to compile them at once."""
    functions = {name: known.function for name, known in known_in(dimension).items()}
    return lambda x: {name: function(x) for name, function in functions.items()}


def points(dimension: int, *batch: int) -> NDArray[np.float64]:
    """Points away from where a function is singular or has a Laplacian of zero."""
    random = np.random.default_rng(dimension)
    shape = (*batch, dimension)
    signs: NDArray[np.float64] = random.choice([-1.0, 1.0], shape)
    return random.uniform(0.4, 1.2, shape) * signs


def check_known(found: Mapping[str, Any], x: NDArray[Any], order: int, rtol: float) -> None:
    """Compare Laplacians (order 2) or biharmonics (order 4) at points with the closed forms."""
    exact = x.astype(np.float64)
    known = known_in(x.shape[-1])
    assert set(found) == set(known)
    for name, answer in known.items():
        expected = (answer.laplacian if order == 2 else answer.biharmonic)(exact)
        scale = np.maximum(np.abs(expected), answer.scale[order // 2 - 1](exact))
        assert found[name].shape == x.shape[:-1]
        assert found[name].dtype == x.dtype
        error = np.max(np.abs(found[name] - expected) / scale)
        assert error <= rtol, f"{name} in {x.shape[-1]} dimensions: relative error {error}"
