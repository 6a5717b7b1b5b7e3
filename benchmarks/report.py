"""What is written down: times, ratios, a JSON file, Markdown tables."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

Row = dict[str, Any]

RESULTS = Path(__file__).parent / "results"


def summary(times: Sequence[float]) -> Row:
    """Least and median milliseconds, and how many calls they come from."""
    return {
        "min_ms": 1e3 * min(times),
        "median_ms": 1e3 * median(times),
        "calls": len(times),
    }


def add_ratios(rows: Sequence[Row], baseline: str) -> str | None:
    """Give each timed row its times over those of the baseline; returns the baseline's name.

    If the baseline was not timed, the row with the least time takes its place.
    """
    timed = [row for row in rows if "min_ms" in row]
    if not timed:
        return None
    best = min(timed, key=lambda row: (row["name"] != baseline, float(row["min_ms"])))
    for row in timed:
        row["ratio_min"] = row["min_ms"] / best["min_ms"]
        row["ratio_median"] = row["median_ms"] / best["median_ms"]
    return str(best["name"])


@dataclass(frozen=True)
class Goal:
    """The time of one contestant over that of another, wanted between two bounds."""

    above: str
    below: str
    least: float = 0.0
    most: float = math.inf

    def __str__(self) -> str:
        """The bounds, as in `at most 0.33`."""
        if self.most == math.inf:
            return f"at least {number(self.least)}"
        if self.least == 0:
            return f"at most {number(self.most)}"
        return f"{number(self.least)} to {number(self.most)}"


def met(goals: Sequence[Goal], rows: Sequence[Row]) -> list[Row]:
    """The ratios of least and of median times for the goals whose contestants were timed."""
    timed = {row["name"]: row for row in rows if "min_ms" in row}
    found: list[Row] = []
    for goal in goals:
        if goal.above in timed and goal.below in timed:
            above, below = timed[goal.above], timed[goal.below]
            ratio = above["min_ms"] / below["min_ms"]
            found.append(
                {
                    "ratio": f"{goal.above} / {goal.below}",
                    "wanted": str(goal),
                    "min": ratio,
                    "median": above["median_ms"] / below["median_ms"],
                    "reached": goal.least <= ratio <= goal.most,
                }
            )
    return found


def goal_table(found: Sequence[Row]) -> str:
    """What `met` found, as a Markdown table; least times decide."""
    lines = [
        [
            *(row["ratio"], row["wanted"], number(row["min"]), number(row["median"])),
            "yes" if row["reached"] else "no",
        ]
        for row in found
    ]
    return markdown(["ratio", "wanted", "min", "median", "reached"], lines)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a result file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def named(benchmark: str, of: str, dtype: str) -> str:
    """The name of a result; a benchmark is of the Laplacian unless the name says otherwise."""
    return "-".join([benchmark, *([] if of == "laplacian" else [of]), dtype])


def output_path(name: str) -> Path:
    """`results/<name>.json`, or the path itself where the name is one (`.json`)."""
    return Path(name) if name.endswith(".json") else RESULTS / f"{name}.json"


def number(value: float) -> str:
    """Three significant digits without an exponent where that is readable."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        digits = f"{value:.3g}"
        return f"{value:.0f}" if "e" in digits else digits
    return f"{value:.1e}"


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    table = [columns, ["---"] + ["--:"] * (len(columns) - 1), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)
