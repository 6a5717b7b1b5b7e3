"""Peak memory of one call for a small and a large batch: does it grow with the batch?

python -m benchmarks.memory [--of training] [--points 512 200000] [--contestants jetfold folx] ...
"""

from __future__ import annotations

import argparse
import gc
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import machine
from .cases import Case, LossAndGradient, Problem, Result, case_of
from .contestants import (
    FOR_LAPLACIAN,
    FOR_TRAINING,
    Contestant,
    cache_variables,
    contestants_of,
)
from .operators import TOLERANCE, relative_error
from .racing import Failed, Runner, on_one_thread
from .report import Row, markdown, named, number, output_path, write_json


@dataclass(frozen=True)
class Subject:
    """Whose memory is measured, and on which network and batches unless told otherwise."""

    contestants: tuple[Contestant, ...]
    widths: str
    points: tuple[int, ...]


SUBJECTS = {
    "laplacian": Subject(FOR_LAPLACIAN, "50-64-64-64-64-1", (512, 200000)),
    "training": Subject(FOR_TRAINING, "2-64-64-64-64-1", (2000, 200000)),
}


def resident_mb(field: str) -> float:
    """`VmRSS` (resident now) or `VmHWM` (its peak) of this process in MB."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"^{field}:\s*(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise OSError(f"no {field} in /proc/self/status")
    return int(found[1]) * 1024 / 1e6


def working_memory(contestant: Contestant, case: Case, dtype: str) -> tuple[float, Result]:
    """Peak MB of the second call above what was there before the first, without the output.

    Before the first call there are the imported modules, the input and the library's own copy of
    it; compiled code is part of the result. To be run in a process of its own, with a filled
    cache: heap that compiling leaves behind could hide what the call needs.
    """
    call = contestant.make(case, dtype)
    gc.collect()
    before = resident_mb("VmRSS")
    call()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from what is there now
    result = call()
    peak = resident_mb("VmHWM")
    parts = result.parts() if isinstance(result, LossAndGradient) else (result,)
    return peak - before - sum(part.nbytes for part in parts) / 1e6, result


def judged_part(result: Result, problem: Problem) -> tuple[Result, Problem]:
    """Of values at many points the first are judged: their reference holds all Jacobians."""
    if isinstance(result, LossAndGradient):
        return result, problem
    return result[:512], Problem(problem.params, problem.points[:512])


def measured(contestant: Contestant, cases: Sequence[Case], dtype: str) -> Row:
    """Working memory for each batch, the difference from first to last."""
    memory: list[float] = []
    row: Row = {"name": contestant.name, "status": "ok", "working_mb": memory}
    for case in cases:
        with TemporaryDirectory() as folder:
            try:
                for _ in ("fill the cache", "measure"):
                    with closing(
                        Runner(cache_variables(folder) | dict(contestant.environment))
                    ) as runner:
                        amount, result = runner.run(working_memory, contestant, case, dtype)
            except Failed as failure:
                return row | {"status": "failed", "reason": f"N = {case.points}: {failure}"}
        memory.append(amount)
        part, problem = judged_part(result, case.problem(dtype))
        reference = on_one_thread(contestant.operator.reference, problem)
        if not relative_error(part, reference) <= TOLERANCE[dtype]:
            return row | {"status": "wrong", "reason": f"N = {case.points}: wrong result"}
    row["growth_mb"] = memory[-1] - memory[0]
    return row


def table(cases: Sequence[Case], rows: Sequence[Row]) -> str:
    """The Markdown table of all contestants."""
    lines = []
    for row in rows:
        if row["status"] == "ok":
            cells = [number(value) for value in (*row["working_mb"], row["growth_mb"])]
        else:
            cells = [f"{row['status']}: {row['reason']}", *[""] * len(cases)]
        lines.append([row["name"], *cells])
    batches = [f"N = {case.points}, MB" for case in cases]
    return markdown(["contestant", *batches, "growth, MB"], lines)


def main(argv: Sequence[str] | None = None) -> Path:
    """Run, print the table, write JSON; returns its path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--of", choices=SUBJECTS, default="laplacian")
    parser.add_argument("--widths", help="of the network, as in 2-64-64-1")
    parser.add_argument("--points", nargs="+", type=int)
    parser.add_argument("--contestants", nargs="+", default=["jetfold", "folx"], metavar="NAME")
    parser.add_argument("--dtype", choices=sorted(TOLERANCE), default="float32")
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    options = parser.parse_args(argv)
    described = machine.describe()
    subject = SUBJECTS[options.of]
    widths, points = options.widths or subject.widths, options.points or subject.points
    cases = [case_of(f"{widths}:{count}") for count in points]
    rows = []
    for contestant in contestants_of(options.contestants, subject.contestants):
        if reason := contestant.missing():
            print(f"Left out: {contestant.name} ({reason})")
        else:
            rows.append(measured(contestant, cases, options.dtype))
    title = f"Working memory, {options.of}, {widths}, {options.dtype}"
    print(f"### {title}\n\n{table(cases, rows)}\n")
    path = output_path(options.output or named("memory", options.of, options.dtype))
    write_json(
        path,
        {
            "benchmark": "memory",
            "dtype": options.dtype,
            "machine": described,
            "of": options.of,
            "widths": widths,
            "points": list(points),
            "rows": rows,
        },
    )
    return path


if __name__ == "__main__":
    main()
