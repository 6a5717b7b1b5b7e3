"""Vibrations of a diatomic molecule with a potential of one's own, and a wave function, too.

    python examples/own_primitive.py HCl --levels 5 --points 100000
    python examples/own_primitive.py H2 --save morse_jet.py

The Morse potential D (1 - exp(-a (r - r_e)))^2 is not among NumPy's functions. Here it is defined
in one line of SymPy, and used twice:

1. Its second to fourth derivatives at the minimum give the energy levels by perturbation theory.
   For this potential the result is exact, so that it can be compared with the closed form.
2. Its lowest state is a second primitive. The local energy (H psi) / psi of two nuclei in space,
   six coordinates, must be the lowest level at every point.

--save writes the potential's derivatives along a path to a file that needs numba and NumPy only.
Atomic units.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray

import jetfold as jf

TOLERANCE = 1e-8
"""Relative. In the local energy, kinetic and potential energy cancel where psi is small."""

r, D, a, r_e, k = sp.symbols("r D a r_e k")

morse = jf.primitive(
    "morse",
    D * (1 - sp.exp(-a * (r - r_e))) ** 2,
    r,
    parameters=(D, a, r_e),
    doc="The Morse potential of a diatomic molecule.",
)
# k is sqrt(2 m D) / a, about twice the number of levels.
lowest = jf.primitive(
    "morse_lowest",
    sp.exp(-(k - sp.Rational(1, 2)) * a * (r - r_e) - k * (sp.exp(-a * (r - r_e)) - 1)) / r,
    r,
    parameters=(k, a, r_e),
    doc="The lowest state of the Morse potential, not normalised, divided by the distance.",
)


class Molecule(NamedTuple):
    """The potential's parameters (hartree, 1/bohr, bohr) and the masses (electron masses)."""

    depth: float
    width: float
    distance: float
    masses: tuple[float, float]

    @property
    def reduced_mass(self) -> float:
        first, second = self.masses
        return first * second / (first + second)


MOLECULES = {
    "H2": Molecule(0.17449, 1.0277, 1.4011, (1836.15, 1836.15)),
    "HCl": Molecule(0.1697, 0.9886, 2.4086, (1836.15, 63744.3)),
    "CO": Molecule(0.4125, 1.2168, 2.1322, (21868.7, 29148.9)),
}
PER_CM = 219474.63
"""One hartree in wave numbers."""


def closed_form(molecule: Molecule, levels: int) -> NDArray[np.float64]:
    """Morse's levels: w (n + 1/2) - (w (n + 1/2))^2 / 4D."""
    frequency = molecule.width * np.sqrt(2 * molecule.depth / molecule.reduced_mass)
    harmonic = frequency * (np.arange(levels) + 0.5)
    return np.asarray(harmonic - harmonic**2 / (4 * molecule.depth))


def from_derivatives(molecule: Molecule, levels: int) -> NDArray[np.float64]:
    """The levels to second order in the cubic and first order in the quartic term."""
    depth, width, distance, _ = molecule
    path = (1.0, 0.0, 0.0, 0.0)  # a straight line: coefficients are the derivatives
    jet = jf.jet(morse, 4, point_ndim=0)  # a point is one number
    bottom, (_, second, third, fourth) = jet(distance, path, depth, width, distance)
    mass = molecule.reduced_mass
    w = np.sqrt(second / mass)
    n = np.arange(levels)
    quartic = fourth * (2 * n**2 + 2 * n + 1) / (32 * (mass * w) ** 2)
    cubic = third**2 * (30 * n**2 + 30 * n + 11) / (288 * mass**3 * w**4)
    return np.asarray(bottom + w * (n + 0.5) + quartic - cubic)


def local_energy(molecule: Molecule, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H psi) / psi where the nuclei are at points (N, 2, 3)."""
    depth, width, distance, masses = molecule
    scale = np.sqrt(np.array(masses))[:, None]
    count = np.sqrt(2 * molecule.reduced_mass * depth) / width

    def psi(scaled: Any, scale: Any, *parameters: Any) -> Any:
        one, other = scaled / scale
        return lowest(np.linalg.norm(one - other), *parameters)

    parameters = (count, width, distance)
    # In coordinates multiplied by the roots of the masses, kinetic energy is -Laplacian / 2.
    kinetic = -jf.laplacian(psi, point_ndim=2)(points * scale, scale, *parameters) / 2
    distances = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    potential = morse(distances, depth, width, distance)
    return np.asarray(kinetic / lowest(distances, *parameters) + potential)


def nuclei(molecule: Molecule, count: int) -> NDArray[np.float64]:
    """Random positions (count, 2, 3), at distances like those of the lowest state."""
    random = np.random.default_rng(0)
    direction = random.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    spread = (2 * molecule.reduced_mass * molecule.depth) ** -0.25 / np.sqrt(molecule.width)
    distances = molecule.distance + spread * random.uniform(-1, 1, size=(count, 1))
    first = random.normal(size=(count, 3))
    return np.stack([first, first + distances * direction], axis=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print levels and local energies; the exit status is 1 if one is not what it must be."""
    parser = argparse.ArgumentParser(description="Vibrations of a diatomic molecule.")
    parser.add_argument("molecule", choices=MOLECULES, nargs="?", default="HCl")
    parser.add_argument("--levels", type=int, default=4, help="(default 4)")
    parser.add_argument("--points", type=int, default=10_000, help="(default 10000)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the potential's kernel")
    chosen = parser.parse_args(arguments)
    molecule = MOLECULES[chosen.molecule]

    print(morse.rule(order=2), end="\n\n")
    exact = closed_form(molecule, chosen.levels)
    found = from_derivatives(molecule, chosen.levels)
    wrong = ~(np.abs(found / exact - 1) <= TOLERANCE)
    print(f"{'level':6}{'closed form':>14}{'derivatives':>14}   in 1/cm")
    for n, (known, level, bad) in enumerate(zip(exact, found, wrong, strict=True)):
        numbers = f"{known * PER_CM:14.4f}{level * PER_CM:14.4f}"
        print(f"{n:<6}{numbers}  {'WRONG' if bad else 'ok'}")

    energies = local_energy(molecule, nuclei(molecule, chosen.points))
    off = not np.abs(energies / exact[0] - 1).max() <= TOLERANCE
    print(
        f"\nlocal energy of level 0 at {len(energies)} points: {energies.min() * PER_CM:.4f} to "
        f"{energies.max() * PER_CM:.4f}  {'WRONG' if off else 'ok'}"
    )
    if chosen.save is not None:
        print(f"run {jf.kernel(morse, order=4).save(chosen.save)}: it checks itself")
    return 1 if off or wrong.any() else 0


if __name__ == "__main__":
    sys.exit(main())
