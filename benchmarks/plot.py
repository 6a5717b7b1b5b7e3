"""A picture of a comparison: times over those of the baseline, one panel per case."""

from __future__ import annotations

import math
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import machine
from .report import Row, number

# Blue against grey: told apart without colour vision and in black and white.
_OURS, _OTHERS, _MEDIAN = "#4a90d9", "#b9bec4", "#1c1c1c"
_LONGEST = 6  # a longer bar is cut and marked


def save(content: Row, path: Path) -> None:
    """Write the PNG, or say that matplotlib is missing."""
    if find_spec("matplotlib") is None:
        print("No plot: matplotlib is not installed.")
        return
    from matplotlib.figure import Figure

    cases = [case for case in content["cases"] if case["baseline"]]
    if not cases:
        print("No plot: nothing was timed.")
        return
    columns = min(2, len(cases))
    lines = -(-len(cases) // columns)
    most = max(len(case["rows"]) for case in cases)
    figure = Figure(
        figsize=(6.2 * columns, (0.34 * most + 1.0) * lines + 0.8), layout="constrained"
    )
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    ratios = [row["ratio_min"] for case in cases for row in case["rows"] if "ratio_min" in row]
    longest = min(_LONGEST, math.ceil(max(ratios)))  # the same scale in all panels
    for panel, case in zip(panels, cases, strict=False):
        _draw(panel, case, longest)
    for panel in panels[len(cases) :]:
        panel.set_axis_off()
    title = (
        f"{content['title']}, {content['dtype']}, relative to the first bar (less is better)",
        machine.one_line(content["machine"]),
        "bar and numbers: least time; black line: ratio of the medians; triangle: bar is cut",
    )
    figure.suptitle("\n".join(textwrap.fill(line, 88 * columns) for line in title), fontsize=9.5)
    figure.savefig(path, dpi=120)


def _draw(panel: Any, case: Row, longest: int) -> None:
    timed = sorted(
        (row for row in case["rows"] if "ratio_min" in row),
        key=lambda row: (row["name"] != case["baseline"], row["ratio_min"]),
    )
    for place, row in enumerate(timed):
        ours = row["name"].startswith("jetfold")
        least, median = row["ratio_min"], row["ratio_median"]
        panel.barh(place, min(least, longest), color=_OURS if ours else _OTHERS, height=0.72)
        if median <= longest:
            panel.plot([median] * 2, [place - 0.36, place + 0.36], color=_MEDIAN, lw=1.4)
        ratio = f"{least:.1f}" if least >= 1 else f"{least:.2f}"
        text = f"{ratio}\N{MULTIPLICATION SIGN}  ({number(row['min_ms'])} ms)"
        cut = least > longest
        panel.annotate(
            f"{text}  \N{BLACK RIGHT-POINTING TRIANGLE}" if cut else text,
            (longest if cut else max(least, median if median <= longest else 0), place),
            xytext=(-5 if cut else 5, 0),
            textcoords="offset points",
            ha="right" if cut else "left",
            va="center",
            fontsize=8.5,
        )
    panel.set_yticks(range(len(timed)), [row["name"] for row in timed], fontsize=9)
    panel.invert_yaxis()
    panel.axvline(1.0, color=_MEDIAN, lw=0.8, ls=":")
    panel.set_xlim(0, 1.3 * longest)
    panel.set_xticks(range(longest + 1))
    panel.set_title(case["title"], fontsize=10, loc="left")
    panel.set_xlabel(f"time / time of {case['baseline']}", fontsize=8.5)
    panel.tick_params(axis="x", labelsize=8.5)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
