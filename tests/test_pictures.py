"""The README's pictures show what is counted in graphs and what has been measured."""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import jetfold as jf
from jetfold.chapters import chapters

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # benchmarks is run from the root and never installed
try:
    from benchmarks import pictures
finally:
    sys.path.remove(str(ROOT))

SVG = "{http://www.w3.org/2000/svg}"


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def chart(name: str) -> ET.Element:
    return ET.fromstring(pictures.drawn(name))


@pytest.mark.parametrize("name", pictures.CHARTS)
def test_charts_are_what_is_drawn(name: str) -> None:
    shown = (pictures.FOLDER / name).read_text(encoding="utf-8")
    assert shown == pictures.drawn(name), "make pictures draws another one now"


def test_vectors_are_those_of_the_documented_formulas() -> None:
    """The README's table, which is for D > 1; in one dimension both operators are one jet."""
    known: dict[str, dict[str, Callable[[int], int]]] = {
        "Laplacian": {
            "standard": lambda d: 1 + 2 * d,
            "collapsed": lambda d: 2 + d,
            "minimal": lambda d: 2 + d,
        },
        "Biharmonic": {
            "standard": lambda d: 6 * d**2 - 2 * d + 1,
            "collapsed": lambda d: (9 * d**2 - 3 * d + 8) // 2,
            "nested": lambda d: (2 + d) ** 2,
            "minimal": lambda d: (d**2 + 5 * d + 4) // 2,
        },
    }
    shown = texts(chart("vectors.svg"))
    for operator, methods in known.items():
        counts = pictures.vector_counts(operator)
        assert counts.keys() == methods.keys()
        for method, formula in methods.items():
            numbers = [formula(d) for d in pictures.DIMENSIONS]
            assert counts[method][1:] == numbers[1:]
            row = [*map(str, counts[method]), method]
            assert any(shown[i : i + len(row)] == row for i in range(len(shown)))


def test_bars_are_as_long_as_the_times() -> None:
    root = chart("benchmark.svg")
    bars = [float(e.get("width", "")) for e in root.iter(f"{SVG}rect") if e.get("height") == "19"]
    shown = iter(
        zip(bars, re.findall(r"([\d.]+) ms, ([\d.]+)×", "\n".join(texts(root))), strict=True)
    )
    for timed in pictures.TIMED:
        file = ROOT / "benchmarks" / "results" / f"{timed.file}.json"
        rows = json.loads(file.read_text(encoding="utf-8"))["cases"][timed.case]["rows"]
        times = {row["name"]: row["min_ms"] for row in rows if "min_ms" in row}
        ours = sorted(time for name, time in times.items() if name.startswith("jetfold"))
        others = sorted(time for name, time in times.items() if not name.startswith("jetfold"))
        unit = None
        for time in (*ours, *others):
            width, (milliseconds, ratio) = next(shown)
            unit = unit or width
            assert float(milliseconds) == pytest.approx(time, rel=5e-3)
            assert float(ratio) == pytest.approx(time / ours[0], rel=0.05)
            assert width == pytest.approx(unit * min(time / ours[0], pictures.LONGEST), abs=0.1)
    assert next(shown, None) is None


@pytest.mark.parametrize("name", ["collapse.svg", *pictures.CHARTS])
def test_pictures_have_a_background_for_light_and_for_dark_pages(name: str) -> None:
    root = ET.parse(pictures.FOLDER / name).getroot()
    assert root.find(f"{SVG}title") is not None
    style = "".join(element.text or "" for element in root.iter(f"{SVG}style"))
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    assert all(re.search(r"\.page[^{]*\{ fill: #", part) for part in (light, dark))
    assert any("page" in (e.get("class") or "").split() for e in root.iter(f"{SVG}rect"))


def test_the_explorer_is_shown_where_a_sum_goes_through_a_function() -> None:
    key, step = pictures.STEP.removeprefix("#").split("/")
    found = {c.key: c for c in chapters(pictures.network_derivation(jf.laplacian, 3))}[key]
    assert found.rewriting is not None
    assert found.rewriting.steps[int(step) - 1].rule.name == "pull a sum through a function"
    picture = (pictures.FOLDER / "explorer.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (1280, 800)
