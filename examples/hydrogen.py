"""Local energies of atoms whose electrons do not repel each other: they are known exactly.

    python examples/hydrogen.py --charge 2 --points 100000

The local energy of a wave function psi is (H psi) / psi with the Hamiltonian H = -Laplacian / 2 +
potential (atomic units). Where psi is an eigenfunction of H it is the same number at every point,
the energy. Variational Monte Carlo averages this quantity over many points, and most of its time
goes into the Laplacian.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import jetfold as jf

TOLERANCE = 1e-6
"""Relative; near the zeros of psi the quotient amplifies rounding errors."""


class State(NamedTuple):
    """A wave function of points of some shape, and its energy in units of Z^2 / 2."""

    name: str
    psi: Callable[..., Any]
    shape: tuple[int, ...]
    energy: float


# The wave functions take one point or a whole batch of them: axes are counted from the end.


def ground(x: Any, charge: float) -> Any:
    return np.exp(-charge * np.linalg.norm(x, axis=-1))


def second(x: Any, charge: float) -> Any:
    r = charge * np.linalg.norm(x, axis=-1)
    return (2 - r) * np.exp(-r / 2)


def along_z(x: Any, charge: float) -> Any:
    return x[..., 2] * np.exp(-charge * np.linalg.norm(x, axis=-1) / 2)


def two_electrons(x: Any, charge: float) -> Any:
    """Both in the ground state; a point has shape (2, 3)."""
    return np.exp(-charge * np.sum(np.linalg.norm(x, axis=-1), axis=-1))


STATES = (
    State("1s", ground, (3,), -1),
    State("2s", second, (3,), -1 / 4),
    State("2p", along_z, (3,), -1 / 4),
    State("1s 1s", two_electrons, (2, 3), -2),
)


def local_energy(state: State, points: NDArray[np.float64], charge: float) -> NDArray[np.float64]:
    """(H psi) / psi at every point (N, *shape)."""
    laplacian = jf.laplacian(state.psi, point_ndim=len(state.shape))
    kinetic = -laplacian(points, charge) / (2 * state.psi(points, charge))
    distances = np.linalg.norm(points.reshape(len(points), -1, 3), axis=-1)
    return np.asarray(kinetic - np.sum(charge / distances, axis=-1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table; the exit status is 1 if a local energy is not what it must be."""
    parser = argparse.ArgumentParser(description="Local energies of hydrogen-like atoms.")
    parser.add_argument("--charge", type=float, default=2.0, help="of the nucleus (default 2)")
    parser.add_argument("--points", type=int, default=10_000, help="(default 10000)")
    chosen = parser.parse_args(arguments)

    random = np.random.default_rng(0)
    failed = False
    print(f"{'state':8}{'energy':>10}{'smallest':>18}{'largest':>18}")
    for state in STATES:
        points = random.normal(size=(chosen.points, *state.shape)) / chosen.charge
        found = local_energy(state, points, chosen.charge)
        energy = state.energy * chosen.charge**2 / 2
        right = bool(np.abs(found / energy - 1).max() <= TOLERANCE)
        failed |= not right
        numbers = f"{energy:10.6f}{found.min():18.12f}{found.max():18.12f}"
        print(f"{state.name:8}{numbers}  {'ok' if right else 'WRONG'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
