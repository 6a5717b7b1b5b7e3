"""Time to the first result, with nothing compiled yet and again in a new process.

python -m benchmarks.compile [--repetitions 3] [--contestants jetfold folx] ...
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from . import machine
from .cases import PAPER, Array, Case, case_of
from .contestants import Contestant, cache_variables, contestants_of
from .operators import TOLERANCE, relative_error
from .racing import Failed, Runner
from .report import Row, markdown, number, output_path, summary, write_json

SHALLOW = case_of("-".join(["2", *["64"] * 4, "1"]) + ":512")
DEEP = case_of("-".join(["2", *["64"] * 64, "1"]) + ":512")


def first_result(contestant: Contestant, case: Case, dtype: str) -> tuple[dict[str, float], Array]:
    """Seconds of the imports, from then on to the first result, and of the second call.

    To be run in a process of its own.
    """
    clock = [time.perf_counter()]
    contestant.load()
    clock.append(time.perf_counter())
    problem = case.problem(dtype)
    clock.append(time.perf_counter())
    call = contestant.prepare(problem)
    result = call()
    clock.append(time.perf_counter())
    call()
    clock.append(time.perf_counter())
    seconds = {
        "imports": clock[1] - clock[0],
        "first": clock[3] - clock[2],
        "second": clock[4] - clock[3],
    }
    return seconds, result


def started(contestant: Contestant, case: Case, dtype: str, folder: str) -> dict[str, float]:
    """`first_result` in a fresh process with this cache; raises Failed for a wrong result."""
    with closing(Runner(cache_variables(folder) | dict(contestant.environment))) as runner:
        seconds, result = runner.run(first_result, contestant, case, dtype)
    error = relative_error(result, contestant.operator.reference(case.problem(dtype)))
    if not error <= TOLERANCE[dtype]:
        raise Failed(f"wrong result, relative error {error:.1e}")
    return seconds


def measured(contestant: Contestant, case: Case, dtype: str, repetitions: int) -> Row:
    """Cold and warm starts; each repetition has a cache of its own, empty at first."""
    cold, warm = [], []
    row: Row = {"name": contestant.name, "case": case.title, "status": "ok"}
    for _ in range(repetitions):
        with TemporaryDirectory() as folder:
            try:
                cold.append(started(contestant, case, dtype, folder))
                row["cached_files"] = sum(path.is_file() for path in Path(folder).rglob("*"))
                warm.append(started(contestant, case, dtype, folder))
            except Failed as failure:
                return row | {"status": "failed", "reason": str(failure)}
    row["cold"] = summary([seconds["first"] for seconds in cold])
    row["warm"] = summary([seconds["first"] for seconds in warm])
    row["imports"] = summary([seconds["imports"] for seconds in cold + warm])
    row["second_call"] = summary([seconds["second"] for seconds in cold + warm])
    return row


def table(rows: Sequence[Row]) -> str:
    """The Markdown table: seconds, least / median."""
    lines = []
    measures = ("cold", "warm", "second_call", "imports")
    for row in rows:
        if row["status"] == "ok":
            cells = [
                f"{number(row[key]['min_ms'] / 1e3)} / {number(row[key]['median_ms'] / 1e3)}"
                for key in measures
            ]
            cells.append(str(row["cached_files"]))
        else:
            cells = [f"{row['status']}: {row['reason']}", *[""] * len(measures)]
        lines.append([row["case"], row["name"], *cells])
    columns = ["case", "contestant", "cold, s", "warm, s", "second call, s", "imports, s"]
    return markdown([*columns, "files cached"], lines)


def depth_ratios(rows: Sequence[Row]) -> dict[str, float]:
    """Least cold time of the deep network over that of the shallow one, by contestant."""
    cold = {(row["name"], row["case"]): row["cold"]["min_ms"] for row in rows if "cold" in row}
    return {
        name: time / cold[name, SHALLOW.title]
        for (name, case), time in cold.items()
        if case == DEEP.title and (name, SHALLOW.title) in cold
    }


def main(argv: Sequence[str] | None = None) -> Path:
    """Run, print the table, write JSON; returns its path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile", description=__doc__)
    parser.add_argument("--cases", nargs="+", type=case_of, default=[PAPER, SHALLOW, DEEP])
    parser.add_argument("--contestants", nargs="+", default=["jetfold", "folx"], metavar="NAME")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--dtype", choices=sorted(TOLERANCE), default="float32")
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    options = parser.parse_args(argv)
    described = machine.describe()
    rows = []
    for contestant in contestants_of(options.contestants):
        if reason := contestant.missing():
            print(f"Left out: {contestant.name} ({reason})")
            continue
        for case in options.cases:
            rows.append(measured(contestant, case, options.dtype, options.repetitions))
    ratios = depth_ratios(rows)
    print(f"### Time to the first result, {options.dtype}\n\n{table(rows)}\n")
    for name, ratio in ratios.items():
        print(f"{name}: {number(ratio)} times as long cold for 64 hidden layers as for 4")
    path = output_path(options.output or f"compile-{options.dtype}")
    write_json(
        path,
        {
            "benchmark": "compile",
            "dtype": options.dtype,
            "machine": described,
            "rows": rows,
            "depth_ratios": ratios,
        },
    )
    return path


if __name__ == "__main__":
    main()
