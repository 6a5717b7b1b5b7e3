"""Linear functions in NumPy that cannot be traced themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from jetfold import linear

Function = Callable[..., Any]


def forgotten_names() -> Iterator[None]:
    """A fixture: names are free again after each test."""
    before = dict(linear._known)
    yield
    linear._known.clear()
    linear._known.update(before)


def slope(x: Any, length: float = 1.0) -> NDArray[Any]:
    """The derivative of a periodic function, by Fourier transforms."""
    wave = 2j * np.pi * np.fft.rfftfreq(len(x), length / len(x))
    return np.fft.irfft(wave * np.fft.rfft(x), len(x))


def five_points(u: Any) -> NDArray[Any]:
    """The Laplacian on a grid, 0 outside of it, by assignments."""
    out = -4.0 * np.asarray(u)
    out[1:] += u[:-1]
    out[:-1] += u[1:]
    out[:, 1:] += u[:, :-1]
    out[:, :-1] += u[:, 1:]
    return out


def running(x: Any) -> Any:
    return np.cumsum(np.asarray(x))


def running_adjoint(y: Any) -> Any:
    return np.cumsum(y[::-1])[::-1]


SPARSE: Any = scipy.sparse.random(9, 12, 0.15, random_state=0, format="csr")
CROWDED: Any = scipy.sparse.random(10, 80, 0.15, random_state=0, format="csr")


def sparse_product(x: Any) -> Any:
    return SPARSE @ np.asarray(x)


def sparse_product_adjoint(y: Any) -> Any:
    return SPARSE.T @ y


def crowded_product(x: Any) -> Any:
    return CROWDED @ np.asarray(x)


def total(x: Any) -> Any:
    return np.asarray(x).sum()


def total_adjoint(y: Any) -> Any:
    return np.full((3, 4), y)


def shifted(x: Any) -> Any:
    return np.roll(np.asarray(x), 2)


LINEAR: dict[str, tuple[Function, Function | None, tuple[int, ...]]] = {
    "slope": (slope, None, (8,)),
    "five_points": (five_points, None, (3, 4)),
    "gradient_of_rows": (lambda x: np.gradient(np.asarray(x), axis=1), None, (2, 5)),
    "running": (running, running_adjoint, (9,)),
    "sparse_product": (sparse_product, sparse_product_adjoint, (12,)),
    "crowded_product": (crowded_product, None, (80,)),
    "total": (total, total_adjoint, (3, 4)),
    "shifted": (shifted, None, (5,)),
    "nothing": (lambda x: 0 * np.asarray(x)[:2], None, (3,)),
}
