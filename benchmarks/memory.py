"""Peak memory of one call for a small and a large batch: does it grow with the batch?

python -m benchmarks.memory [--points 512 200000] [--contestants jetfold folx] ...
"""

from __future__ import annotations

import argparse
import gc
import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from . import machine
from .cases import Array, Case, Problem, case_of
from .contestants import Contestant, cache_variables, contestants_of
from .operators import TOLERANCE, relative_error
from .racing import Failed, Runner
from .report import Row, markdown, number, output_path, write_json


def resident_mb(field: str) -> float:
    """`VmRSS` (resident now) or `VmHWM` (its peak) of this process in MB."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"^{field}:\s*(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise OSError(f"no {field} in /proc/self/status")
    return int(found[1]) * 1024 / 1e6


def working_memory(contestant: Contestant, case: Case, dtype: str) -> tuple[float, Array]:
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
    return resident_mb("VmHWM") - before - result.nbytes / 1e6, result


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
        # A part of a large batch is judged: the reference holds all Jacobians.
        problem = case.problem(dtype)
        part = Problem(problem.params, problem.points[:512])
        reference = contestant.operator.reference(part)
        if not relative_error(result[:512], reference) <= TOLERANCE[dtype]:
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
    parser.add_argument("--widths", default="50-64-64-64-64-1")
    parser.add_argument("--points", nargs="+", type=int, default=[512, 200000])
    parser.add_argument("--contestants", nargs="+", default=["jetfold", "folx"], metavar="NAME")
    parser.add_argument("--dtype", choices=sorted(TOLERANCE), default="float32")
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    options = parser.parse_args(argv)
    described = machine.describe()
    cases = [case_of(f"{options.widths}:{points}") for points in options.points]
    rows = []
    for contestant in contestants_of(options.contestants):
        if reason := contestant.missing():
            print(f"Left out: {contestant.name} ({reason})")
        else:
            rows.append(measured(contestant, cases, options.dtype))
    print(f"### Working memory, {options.widths}, {options.dtype}\n\n{table(cases, rows)}\n")
    path = output_path(options.output or f"memory-{options.dtype}")
    write_json(
        path,
        {
            "benchmark": "memory",
            "dtype": options.dtype,
            "machine": described,
            "widths": options.widths,
            "points": options.points,
            "rows": rows,
        },
    )
    return path


if __name__ == "__main__":
    main()
