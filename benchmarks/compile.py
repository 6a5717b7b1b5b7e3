"""Time to the first result, with nothing compiled yet and again in a new process.

python -m benchmarks.compile [--of training] [--repetitions 3] [--contestants jetfold folx] ...
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from . import machine
from .cases import PAPER, Case, Result, case_of
from .contestants import (
    FOR_LAPLACIAN,
    FOR_TRAINING,
    Contestant,
    cache_variables,
    contestants_of,
)
from .operators import TOLERANCE, relative_error
from .racing import Failed, Runner
from .report import Row, markdown, named, number, output_path, summary, write_json


@dataclass(frozen=True)
class Subject:
    """Whose compile time is measured, and for which networks."""

    contestants: tuple[Contestant, ...]
    depths: tuple[int, ...]
    others: tuple[Case, ...] = ()

    @property
    def cases(self) -> tuple[Case, ...]:
        """All networks."""
        return (*self.others, *map(with_hidden_layers, self.depths))


def with_hidden_layers(count: int) -> Case:
    """So many layers of 64, from two coordinates."""
    return case_of("-".join(["2", *["64"] * count, "1"]) + ":512")


SUBJECTS = {
    "laplacian": Subject(FOR_LAPLACIAN, (4, 64), (PAPER,)),
    "training": Subject(FOR_TRAINING, (2, 4, 8)),
}


def first_result(contestant: Contestant, case: Case, dtype: str) -> tuple[dict[str, float], Result]:
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


def depth_ratios(rows: Sequence[Row], depths: Sequence[int]) -> dict[str, float]:
    """Least cold time of the deepest network over that of the first one, by contestant."""
    first, *_, deepest = (with_hidden_layers(count).title for count in depths)
    cold = {(row["name"], row["case"]): row["cold"]["min_ms"] for row in rows if "cold" in row}
    return {
        name: time / cold[name, first]
        for (name, case), time in cold.items()
        if case == deepest and (name, first) in cold
    }


def main(argv: Sequence[str] | None = None) -> Path:
    """Run, print the table, write JSON; returns its path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile", description=__doc__)
    parser.add_argument("--of", choices=SUBJECTS, default="laplacian")
    parser.add_argument("--cases", nargs="+", type=case_of)
    parser.add_argument("--contestants", nargs="+", default=["jetfold", "folx"], metavar="NAME")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--dtype", choices=sorted(TOLERANCE), default="float32")
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    options = parser.parse_args(argv)
    described = machine.describe()
    subject = SUBJECTS[options.of]
    rows = []
    for contestant in contestants_of(options.contestants, subject.contestants):
        if reason := contestant.missing():
            print(f"Left out: {contestant.name} ({reason})")
            continue
        for case in options.cases or subject.cases:
            rows.append(measured(contestant, case, options.dtype, options.repetitions))
    first, *_, deepest = subject.depths
    ratios = depth_ratios(rows, subject.depths)
    print(f"### Time to the first result, {options.of}, {options.dtype}\n\n{table(rows)}\n")
    for name, ratio in ratios.items():
        print(
            f"{name}: {number(ratio)} times as long cold for {deepest} hidden layers as for {first}"
        )
    path = output_path(options.output or named("compile", options.of, options.dtype))
    write_json(
        path,
        {
            "benchmark": "compile",
            "of": options.of,
            "dtype": options.dtype,
            "machine": described,
            "rows": rows,
            "depth_ratios": ratios,
        },
    )
    return path


if __name__ == "__main__":
    main()
