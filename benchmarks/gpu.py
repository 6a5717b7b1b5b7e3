"""Time of the batched Laplacian on an NVIDIA GPU: jetfold and its peers, in one run.

python -m benchmarks.gpu [--cases paper 2-64] [--contestants jetfold JAX] [--dry-run] ...

Every contestant has a process of its own, and they take turns. Each is run twice: with products of
float32, and with products of TF32. The GPU's matrix rates and copy bandwidth are measured in the
same turns, and jetfold's elementwise kernels one by one.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import machine, on_gpu
from .cases import Array, Case, Problem, case_of
from .operators import reference_laplacian, relative_error
from .racing import Failed, Runner, interleave
from .report import (
    Goal,
    Row,
    add_ratios,
    goal_table,
    markdown,
    met,
    number,
    output_path,
    summary,
    write_json,
)

CASES = (
    Case("paper", (50, 768, 768, 512, 512, 1), 2048),
    Case("2-64", (2, 64, 64, 64, 64, 1), 10000),
)
PRECISIONS = ("float32", "tf32")
TOLERANCE = {"float32": 1e-4, "tf32": 3e-2}
"""Of the largest value."""

JUDGED_POINTS = 64
"""The reference is computed for so many points: it takes all Jacobians."""

SMALL_DIMENSION = 10
"""The largest number of coordinates for which whole Hessians are tried."""

COPY_SHARE = 0.8
"""The wanted share of the copy bandwidth for elementwise kernels."""

PACKAGES = (
    *("jetfold", "numba", "numba-cuda", "cupy-cuda13x", "cupy-cuda12x"),
    *("jax", "jaxlib", "jax-cuda13-plugin", "jax-cuda12-plugin", "folx", "torch"),
)
JAX_ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # it would take most of the GPU


@dataclass(frozen=True)
class Contestant:
    """``make(case, precision)`` prepares its call; ``needs`` are the modules that it imports."""

    name: str
    make: Callable[[Case, str], on_gpu.Prepared]
    needs: tuple[str, ...]
    most_coordinates: int | None = None

    def missing(self) -> str | None:
        """Why it cannot take part at all, or None."""
        absent = [need for need in self.needs if find_spec(need) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def takes(self, case: Case) -> bool:
        """Whether a case is not too large for it."""
        return self.most_coordinates is None or case.widths[0] <= self.most_coordinates


JETFOLD, FOLX = "jetfold", "JAX + folx"
CONTESTANTS = (
    Contestant(JETFOLD, on_gpu.jetfold, ("jetfold", "numba_cuda", "cupy")),
    Contestant(FOLX, partial(on_gpu.jax, "folx"), ("jax", "folx")),
    Contestant("JAX jvp of grad", partial(on_gpu.jax, "jvp of grad"), ("jax",)),
    Contestant("JAX hessian", partial(on_gpu.jax, "hessian"), ("jax",), SMALL_DIMENSION),
    Contestant("PyTorch jvp of grad", partial(on_gpu.torch, False), ("torch",)),
    Contestant("PyTorch compiled", partial(on_gpu.torch, True), ("torch",)),
)


def goals(case: Case) -> tuple[Goal, ...]:
    """What is wanted: the time of others over that of jetfold."""
    if case.name == "paper":
        return (Goal(FOLX, JETFOLD, least=1.3),)
    if case.name == "2-64":
        others = (c.name for c in CONTESTANTS if c.name != JETFOLD)
        return tuple(Goal(name, JETFOLD, least=2) for name in others)
    return ()


# One case -----------------------------------------------------------------------------------------


def judged(name: str, result: Array, reference: Array, precision: str) -> Row:
    """A row that says whether the first result is right, where there is a reference."""
    error = relative_error(result[: len(reference)], reference)
    status = "ok" if error <= TOLERANCE[precision] else "wrong"  # so that a NaN is wrong
    return {"name": name, "status": status, "relative_error": error}


def run_case(
    case: Case,
    precision: str,
    contestants: Sequence[Contestant],
    repetitions: int,
    seconds: float,
) -> Row:
    """Check everybody, then time those who are right, and the yardsticks, in turns."""
    problem = case.problem("float32")
    part = Problem(problem.params, problem.points[:JUDGED_POINTS])
    reference = reference_laplacian(part)
    rows: list[Row] = []
    turns = {}
    with ExitStack() as stack:
        for contestant in contestants:
            if not contestant.takes(case):
                continue
            runner = stack.enter_context(closing(Runner(JAX_ENVIRONMENT)))
            try:
                result = runner.run(on_gpu.start, partial(contestant.make, case, precision))
            except Failed as failure:
                rows.append({"name": contestant.name, "status": "failed", "reason": str(failure)})
                continue
            rows.append(judged(contestant.name, result, reference, precision))
            if rows[-1]["status"] == "ok":
                turns[contestant.name] = partial(runner.run, on_gpu.turn)
        for name, (make, _) in yardsticks(precision).items():
            runner = stack.enter_context(closing(Runner({})))
            runner.run(on_gpu.start, make)
            turns[name] = partial(runner.run, on_gpu.turn)
        times = interleave(turns, repetitions, seconds)
    flops = case.flops(case.widths[0] + 2)
    for row in rows:
        if row["status"] == "ok":
            row |= summary(times[row["name"]])
            row["tflops"] = flops / row["min_ms"] / 1e9
    measured = {name: work / min(times[name]) for name, (_, work) in yardsticks(precision).items()}
    return {
        "name": case.name,
        "title": case.title,
        "precision": precision,
        "baseline": add_ratios(rows, JETFOLD),
        "rows": rows,
        "goals": met(goals(case), rows),
        "matrix_tflops": measured["product"] / 1e12,
        "copy_gb_per_s": measured["copy"] / 1e9,
    }


def yardsticks(precision: str) -> dict[str, tuple[Callable[[], on_gpu.Prepared], float]]:
    """What measures the GPU, with the operations or bytes of a call."""
    return {
        "product": (partial(on_gpu.product, precision), 2.0 * on_gpu.MATRIX_SIDE**3),
        "copy": (on_gpu.copy, 2.0 * on_gpu.COPIED_BYTES),
    }


def kernel_rows(kernels: Sequence[tuple[str, float, int]], copy: float) -> list[Row]:
    """Elementwise kernels with their bandwidth in GB/s and its share of that of a copy."""
    rows = []
    for name, seconds, size in kernels:
        rate = size / seconds / 1e9
        row: Row = {"name": name, "ms": 1e3 * seconds, "mb": size / 1e6, "gb_per_s": rate}
        rows.append(row | {"share_of_copy": rate / copy})
    return rows


# Tables -------------------------------------------------------------------------------------------


def table(case: Row) -> str:
    """One case as a Markdown table, with a line for whoever has no time."""
    lines = []
    for row in case["rows"]:
        if row["status"] == "ok":
            keys = ("min_ms", "median_ms", "ratio_min", "ratio_median", "tflops")
            share = f"{100 * row['tflops'] / case['matrix_tflops']:.0f} %"
            cells = [*(number(row[key]) for key in keys), share, number(row["relative_error"])]
        elif row["status"] == "wrong":
            cells = ["wrong", *[""] * 5, number(row["relative_error"])]
        else:
            cells = [f"{row['status']}: {row['reason']}", *[""] * 6]
        lines.append([row["name"], *cells])
    columns = ["contestant", "min, ms", "median, ms", "min ratio", "median ratio"]
    columns += ["TFLOP/s", "of cuBLAS", "error"]
    return f"### {case['title']}, {case['precision']}\n\n{markdown(columns, lines)}\n"


def kernel_table(rows: Sequence[Row]) -> str:
    """Elementwise kernels as a Markdown table."""
    lines = [
        [
            row["name"],
            *(number(row[key]) for key in ("mb", "ms", "gb_per_s")),
            f"{100 * row['share_of_copy']:.0f} %",
            "yes" if row["share_of_copy"] >= COPY_SHARE else "no",
        ]
        for row in rows
    ]
    columns = ["kernel", "MB", "ms", "GB/s", "of a copy", f"at least {100 * COPY_SHARE:.0f} %"]
    return f"### Elementwise kernels\n\n{markdown(columns, lines)}\n"


def slug(card: str) -> str:
    """A card's name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", card.lower()).strip("-")


def plan(cases: Sequence[Case], contestants: Sequence[Contestant]) -> str:
    """What a run would do here."""
    lines = [
        f"{c.name}: {c.missing() or 'installed'}"
        + (f"; up to {c.most_coordinates} coordinates" if c.most_coordinates else "")
        for c in contestants
    ]
    for case in cases:
        wanted = ", ".join(f"{goal.above} / {goal.below} {goal}" for goal in goals(case))
        lines.append(f"{case.title}, in {' and '.join(PRECISIONS)}; wanted: {wanted or 'nothing'}")
    return "\n".join(lines)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--cases",
        nargs="+",
        type=partial(case_of, known=CASES),
        default=list(CASES),
        metavar="CASE",
        help=f"{', '.join(case.name for case in CASES)}, or widths:points as in 2-8-8-1:16",
    )
    parser.add_argument(
        "--contestants",
        nargs="+",
        default=[""],
        metavar="NAME",
        help="beginnings of names; default all",
    )
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--repetitions", type=int, default=20, help="turns of each contestant")
    parser.add_argument("--seconds-per-case", type=float, default=60.0)
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and end")
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    return parser


def main(argv: Sequence[str] | None = None) -> Path | None:
    """Run, print the tables, write JSON; its path, or None for a dry run."""
    options = arguments().parse_args(argv)
    beginnings = tuple(name.lower() for name in options.contestants)
    chosen = [c for c in CONTESTANTS if c.name.lower().startswith(beginnings)]
    if options.dry_run:
        print(plan(options.cases, chosen))
        return None
    from jetfold.backends.cuda.device import cards, require_gpu
    from jetfold.graph import BackendError

    try:
        require_gpu()
    except BackendError as error:
        raise SystemExit(f"nothing can be measured here: {error}") from None
    card = cards()[0]
    left_out = {c.name: reason for c in chosen if (reason := c.missing())}
    for name, reason in left_out.items():
        print(f"Left out: {name} ({reason})")
    present = [c for c in chosen if c.name not in left_out]
    cases = []
    for case in options.cases:
        for precision in options.precisions:
            print(f"measuring {case.title}, {precision}", file=sys.stderr, flush=True)
            arguments_ = (options.repetitions, options.seconds_per_case)
            cases.append(run_case(case, precision, present, *arguments_))
            print(table(cases[-1]))
            if cases[-1]["goals"]:
                print(f"{goal_table(cases[-1]['goals'])}\n")
    with closing(Runner({})) as runner:
        kernels = runner.run(on_gpu.elementwise, options.cases[0])
    copy = max(case["copy_gb_per_s"] for case in cases)
    rows = kernel_rows(kernels, copy)
    print(kernel_table(rows))
    rates = {
        p: max(c["matrix_tflops"] for c in cases if c["precision"] == p)
        for p in PRECISIONS
        if any(c["precision"] == p for c in cases)
    }
    described = ", ".join(f"{number(rate)} TFLOP/s in {p}" for p, rate in rates.items())
    print(f"{card}: cuBLAS {described}; copies {number(copy)} GB/s")
    path = output_path(options.output or f"gpu-{slug(card.name)}")
    content: dict[str, Any] = {
        "benchmark": "gpu",
        "card": str(card),
        "machine": machine.describe(),
        "libraries": {name: found for name in PACKAGES if (found := _version(name))},
        "left_out": left_out,
        "copy_gb_per_s": copy,
        "matrix_tflops": rates,
        "cases": cases,
        "elementwise": {"case": options.cases[0].title, "kernels": rows},
    }
    write_json(path, content)
    return path


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
