"""One interleaved run of contestants: checked, timed in turns, compared, written down."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

from . import machine, plot
from .cases import Case, Result, case_of
from .contestants import Contestant, contestants_of
from .operators import TOLERANCE, relative_error
from .racing import KEEP_MEMORY, Failed, Runner, interleave, on_one_thread, result_of
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
from .yardsticks import KERNELS, products_of


@dataclass(frozen=True)
class Comparison:
    """Contestants, of whom the first is the baseline, on networks; `goals` are wanted ratios."""

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    cases: tuple[Case, ...]
    goals: Callable[[Case], tuple[Goal, ...]] = lambda case: ()

    @property
    def baseline(self) -> str:
        """Whose times the others' are divided by."""
        return self.contestants[0].name


def judged(name: str, first_result: Callable[[], Result], reference: Result, dtype: str) -> Row:
    """A row that says whether the contestant's first result is right."""
    try:
        error = relative_error(first_result(), reference)
    except Failed as failure:
        return {"name": name, "status": "failed", "reason": str(failure)}
    # Written so that a NaN is wrong.
    status = "ok" if error <= TOLERANCE[dtype] else "wrong"
    return {"name": name, "status": status, "relative_error": error}


def run_case(
    comparison: Comparison,
    case: Case,
    dtype: str,
    runners: dict[Contestant, Runner],
    repetitions: int,
    seconds: float,
) -> Row:
    """Check every contestant, then time the right ones and the yardsticks in turns."""
    started = {
        contestant: runner.prepare(partial(contestant.make, case, dtype))
        for contestant, runner in runners.items()
    }
    problem = case.problem(dtype)
    references = {
        operator: on_one_thread(operator.reference, problem)
        for operator in {c.operator for c in runners}
    }
    rows = [
        judged(contestant.name, partial(result_of, future), references[contestant.operator], dtype)
        for contestant, future in started.items()
    ]
    turns = {
        contestant.name: runner.turn
        for (contestant, runner), row in zip(runners.items(), rows, strict=True)
        if row["status"] == "ok"
    }
    vectors = {c.name: c.operator.vectors(case.widths[0]) for c in runners}
    products = products_of(case, max(vectors.values(), default=1))
    with ExitStack() as stack:
        started_products = []
        for product in products:
            runner = stack.enter_context(closing(Runner(KERNELS[product.kernels])))
            started_products.append(runner.prepare(partial(product.prepare, dtype)))
            turns[product.name] = runner.turn
        for future in started_products:
            result_of(future)
        times = interleave(turns, repetitions, seconds)

    for row in rows:
        if row["status"] == "ok":
            _timed(row, times[row["name"]], case.flops(vectors[row["name"]]))
    return {
        "name": case.name,
        "title": case.title,
        "baseline": add_ratios(rows, comparison.baseline),
        "rows": rows,
        "goals": met(comparison.goals(case), rows),
        "yardsticks": [_timed({"name": p.name}, times[p.name], p.flops) for p in products],
    }


def _timed(row: Row, times: list[float], flops: int) -> Row:
    row |= summary(times)
    row["gflops"] = flops / row["min_ms"] / 1e6
    return row


def add_shares(cases: Sequence[Row]) -> Row:
    """The fastest matrix product of the run; gives each timed row its share of that rate."""
    peak = max((row for case in cases for row in case["yardsticks"]), key=itemgetter("gflops"))
    for case in cases:
        for row in case["rows"]:
            if "gflops" in row:
                row["share_of_peak"] = row["gflops"] / peak["gflops"]
    return {"gflops": peak["gflops"], "product": peak["name"]}


def table(case: Row) -> str:
    """One case as a Markdown table; contestants without a time keep a line that says why."""
    lines = []
    for row in case["rows"]:
        if row["status"] == "ok":
            figures = [row[key] for key in ("min_ms", "median_ms", "ratio_min", "ratio_median")]
            figures += [row["gflops"], row["relative_error"]]
            cells = [number(figure) for figure in figures]
            cells.insert(5, f"{100 * row['share_of_peak']:.0f} %")
            cells.append(str(row["calls"]))
        elif row["status"] == "wrong":
            cells = ["wrong", *[""] * 5, number(row["relative_error"]), ""]
        else:
            cells = [f"{row['status']}: {row['reason']}", *[""] * 7]
        lines.append([row["name"], *cells])
    columns = ["contestant", "min, ms", "median, ms", "min ratio", "median ratio"]
    columns += ["GFLOP/s", "of peak", "error", "calls"]
    return f"### {case['title']}\n\n{markdown(columns, lines)}\n"


def arguments(comparison: Comparison) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{comparison.name}", description=comparison.title
    )
    names = ", ".join(case.name for case in comparison.cases)
    parser.add_argument(
        "--cases",
        nargs="+",
        type=partial(case_of, known=comparison.cases),
        default=list(comparison.cases),
        metavar="CASE",
        help=f"{names}, or widths:points as in 2-8-8-1:16",
    )
    parser.add_argument(
        "--contestants",
        nargs="+",
        default=[],
        metavar="NAME",
        help="beginnings of names; default all",
    )
    parser.add_argument("--repetitions", type=int, default=20, help="turns of each contestant")
    parser.add_argument(
        "--seconds-per-case", type=float, default=60.0, help="no new round of turns after this time"
    )
    parser.add_argument("--dtype", choices=sorted(TOLERANCE), default="float32")
    parser.add_argument(
        "--allocator",
        choices=("keeping", "system"),
        default="keeping",
        help="whether freed memory is kept for the next call (glibc only)",
    )
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    return parser


def main(comparison: Comparison, argv: Sequence[str] | None = None) -> Path:
    """Run, print the tables, write JSON and plot; returns the JSON's path."""
    options = arguments(comparison).parse_args(argv)
    described = machine.describe()
    chosen = contestants_of(options.contestants, comparison.contestants)
    left_out = {c.name: reason for c in chosen if (reason := c.missing())}
    for name, reason in left_out.items():
        print(f"Left out: {name} ({reason})")
    environment = KEEP_MEMORY if options.allocator == "keeping" else {}
    cases = []
    with ExitStack() as stack:
        runners = {
            contestant: stack.enter_context(
                closing(Runner(environment | dict(contestant.environment)))
            )
            for contestant in chosen
            if contestant.name not in left_out
        }
        for case in options.cases:
            print(f"measuring {case.title}", file=sys.stderr, flush=True)
            cases.append(
                run_case(
                    comparison,
                    case,
                    options.dtype,
                    runners,
                    options.repetitions,
                    options.seconds_per_case,
                )
            )
    peak = add_shares(cases)
    for case in cases:
        print(table(case))
        if case["goals"]:
            print(f"{goal_table(case['goals'])}\n")
    print(
        f"Ratios: time over that of {', '.join(sorted({str(case['baseline']) for case in cases}))}."
        f" Matrix-product peak: {number(peak['gflops'])} GFLOP/s, {peak['product']}."
        f" {machine.one_line(described)}"
    )
    path = output_path(options.output or f"{comparison.name}-{options.dtype}")
    content = {
        "benchmark": comparison.name,
        "title": comparison.title,
        "dtype": options.dtype,
        "allocator": options.allocator,
        "machine": described,
        "left_out": left_out,
        "peak": peak,
        "cases": cases,
    }
    write_json(path, content)
    plot.save(content, path.with_suffix(".png"))
    return path
