"""The derivation explorer: time to write a page, and to step through it in a browser.

python -m benchmarks.explorer [--layers 20 48]

Laplacians of tanh networks of several depths. Needs Chromium and the extra `test`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import jetfold as jf

from . import machine
from .in_browser import browser
from .report import Row, markdown, number, output_path, summary, write_json

STEPPED = """async (places) => {
  const frames = [];
  for (let i = 0; i < places; i++) {
    const start = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "j", bubbles: true}));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    frames.push(performance.now() - start);
  }
  const scripts = performance.getEntriesByName("jetfold step").map((entry) => entry.duration);
  return [frames, scripts.slice(-places)];
}"""
"""Press the key for the next step many times: milliseconds to the next frame, and of the script."""


def network(x: Any, params: Any) -> Any:
    for matrix in params:
        x = np.tanh(x @ matrix)
    return x.sum()


def measured(layers: int, opened: Any, folder: Path) -> Row:
    """Write the page of a network's Laplacian and walk through all of it."""
    params = [np.eye(8)[: 2 if layer == 0 else 8] for layer in range(layers)]
    derivation = jf.laplacian(network).derivation(np.ones(2), params)
    clock = [time.perf_counter()]
    certificates = derivation.certificates
    clock.append(time.perf_counter())
    path = folder / f"{layers}.html"
    derivation.to_html(path)
    clock.append(time.perf_counter())
    page = opened.new_page(viewport={"width": 1280, "height": 800})
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    places = int(page.evaluate("document.getElementById('slider').max"))
    frames, scripts = page.evaluate(STEPPED, places)
    page.close()
    return {
        "layers": layers,
        "nodes": len(derivation.collapsed_graph),
        "steps": places,
        "certificates": len(certificates),
        "certificates_s": clock[1] - clock[0],
        "page_s": clock[2] - clock[1],
        "megabytes": path.stat().st_size / 1e6,
        "frame": _summary(frames),
        "script": _summary(scripts),
    }


def _summary(milliseconds: Sequence[float]) -> Row:
    most = quantiles(milliseconds, n=20)[-1]
    return summary([time / 1e3 for time in milliseconds]) | {"percentile_95_ms": most}


def table(rows: Sequence[Row]) -> str:
    """Seconds to write; milliseconds a step, median / 95th percentile."""
    lines = [
        [
            *(str(row[key]) for key in ("layers", "nodes", "steps")),
            *(number(row[key]) for key in ("certificates_s", "page_s", "megabytes")),
            *(
                f"{number(row[key]['median_ms'])} / {number(row[key]['percentile_95_ms'])}"
                for key in ("script", "frame")
            ),
        ]
        for row in rows
    ]
    columns = ["layers", "nodes", "steps", "certificates, s", "page, s", "MB"]
    return markdown([*columns, "script of a step, ms", "to the next frame, ms"], lines)


def main(argv: Sequence[str] | None = None) -> Path:
    """Run, print the table, write JSON; returns its path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explorer", description=__doc__)
    parser.add_argument("--layers", type=int, nargs="+", default=[4, 20, 48])
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    options = parser.parse_args(argv)
    described = machine.describe()
    with TemporaryDirectory() as folder, browser() as opened:
        rows = [measured(layers, opened, Path(folder)) for layers in options.layers]
        version = opened.version
    print(f"### Stepping through derivations, Chromium {version}\n\n{table(rows)}\n")
    print(machine.one_line(described))
    path = output_path(options.output or "explorer")
    write_json(
        path,
        {"benchmark": "explorer", "browser": version, "machine": described, "rows": rows},
    )
    return path


if __name__ == "__main__":
    main()
