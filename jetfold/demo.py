"""Compute two Laplacians with every method, check them against what is known, and time them.

The functions are a network and the ground state of a hydrogen-like atom, whose local energy must be
the same everywhere. A picture shows a small network's graph before and after collapsing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from jetfold import demo_functions as known
from jetfold.arrays import FloatArray
from jetfold.laplacian import Laplacian, laplacian

WIDTHS = (50, 768, 768, 512, 512, 1)
"""The network of the paper (arXiv 2505.13644)."""
CHARGE = 2.0
ATOM_POINTS = 100_000
CHUNK = 64
"""Points for which the reference is computed at a time."""

Vectors = Callable[[int], int]
METHODS: Mapping[str, Vectors] = {"standard": lambda d: 1 + 2 * d, "collapsed": lambda d: 2 + d}
"""Methods, and the vectors per node that each should need for D coordinates."""


@dataclass(frozen=True)
class Case:
    """A function at some points, and a quantity made of its Laplacian whose values are known."""

    name: str
    about: str
    function: Callable[..., Any]
    points: FloatArray
    parameters: Any
    quantity: Callable[[FloatArray], FloatArray]
    expected: FloatArray
    tolerance: float


@dataclass
class Measured:
    """One method on one case. ``seconds`` are those of whole calls."""

    case: Case
    method: str
    operator: Laplacian
    vectors: int
    difference: float
    seconds: list[float] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """What is wrong, in words; nothing if the numbers and the count of vectors are right."""
        expected = METHODS[self.method](self.case.points.shape[1])
        wrong = []
        if not self.difference <= self.case.tolerance:  # a NaN is wrong, too
            wrong.append(f"differs by {self.difference:.1e}, more than {self.case.tolerance:.0e}")
        if self.vectors != expected:
            wrong.append(f"has {self.vectors} vectors per node, not {expected}")
        return [f"{self.case.name}, {self.method}: {problem}" for problem in wrong]


def run(points: int, runs: int, output: Path) -> int:
    """Show everything on the terminal; 0 if every check passed, else 1."""
    console = Console(highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=-(-points // CHUNK) + 2 * len(METHODS) + runs)

        def advance(what: str) -> None:
            progress.update(task, description=what, refresh=True)
            progress.advance(task)

        cases = [network_case(points, advance), atom_case()]
        measured = [measure(case, method, advance) for case in cases for method in METHODS]
        for turn in range(runs):
            advance(f"timing, round {turn + 1} of {runs}")
            for entry in measured:
                entry.seconds.append(_seconds(entry))
    draw(output)
    for case in cases:
        console.print(f"[bold]{case.name}[/]: {case.about}")
    console.print(table(measured))
    console.print(f"The graph before and after collapsing: {output}")
    failures = [failure for entry in measured for failure in entry.failures]
    for failure in failures:
        console.print(f"[red]FAILED[/] {failure}")
    return 1 if failures else 0


def network_case(points: int, advance: Callable[[str], None]) -> Case:
    """The paper's network in float32; the reference is computed in float64."""
    layers = known.random_layers(WIDTHS, "float32")
    where = np.random.default_rng(1).normal(size=(points, WIDTHS[0])).astype(np.float32)
    expected = []
    for start in range(0, points, CHUNK):
        advance("reference in float64")
        expected.append(known.network_laplacian(where[start : start + CHUNK], layers))
    return Case(
        "network",
        f"Laplacian of {'-'.join(map(str, WIDTHS))} with tanh, {points} points, float32; "
        "reference: trace of the Hessian in float64",
        known.network,
        where,
        layers,
        lambda laplacians: laplacians,
        np.concatenate(expected),
        1e-4,
    )


def atom_case() -> Case:
    """The local energy of a hydrogen-like atom; it must be the same everywhere."""
    where = np.random.default_rng(2).normal(size=(ATOM_POINTS, 3)) / CHARGE
    energy = -(CHARGE**2) / 2
    return Case(
        "atom",
        f"local energy of one electron at a nucleus of charge {CHARGE:g}, {ATOM_POINTS} points, "
        f"float64; it must be {energy:g} everywhere",
        known.hydrogen,
        where,
        CHARGE,
        lambda laplacians: known.hydrogen_energy(where, laplacians, CHARGE),
        np.full(ATOM_POINTS, energy),
        1e-9,
    )


def measure(case: Case, method: str, advance: Callable[[str], None]) -> Measured:
    """Derive and compile the Laplacian, and compare its first result with what is expected."""
    advance(f"{case.name}, {method}: compiling")
    operator = laplacian(case.function, method=method)
    vectors = operator.derivation(case.points, case.parameters).cost.vectors[method]
    found = case.quantity(operator(case.points, case.parameters))
    difference = np.abs(found - case.expected).max() / np.abs(case.expected).max()
    return Measured(case, method, operator, vectors, float(difference))


def _seconds(entry: Measured) -> float:
    start = time.perf_counter()
    entry.operator(entry.case.points, entry.case.parameters)
    return time.perf_counter() - start


def table(measured: list[Measured]) -> Table:
    """One line for each case and method."""
    result = Table(
        "function",
        "method",
        caption="Vectors: per node of the function's graph. Times: per point. Difference: the "
        "largest one, over the largest value of the reference.",
        caption_justify="left",
    )
    for heading in ("vectors", "min time", "median time", "difference"):
        result.add_column(heading, justify="right")
    result.add_column("check")
    for entry in measured:
        per_point = [seconds / len(entry.case.points) for seconds in entry.seconds]
        result.add_row(
            entry.case.name,
            entry.method,
            str(entry.vectors),
            _time(min(per_point)),
            _time(float(np.median(per_point))),
            f"{entry.difference:.1e}",
            "[red]FAILED[/]" if entry.failures else "[green]ok[/]",
            end_section=entry.method == list(METHODS)[-1],
        )
    return result


def _time(seconds: float) -> str:
    for unit, name in ((1e-3, "ms"), (1e-6, "µs")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds / 1e-9:.3g} ns"


def draw(path: Path) -> None:
    """Draw a small network's graph, before and after collapsing, as SVG."""
    inputs, width = 3, 8
    shapes = {"W1": (inputs, width), "b1": width, "W2": (width, width), "b2": width, "w": width}
    params = {name: np.zeros(shape) for name, shape in shapes.items()}
    laplacian(known.small_network).derivation(np.zeros(inputs), params).draw(path)
