"""The benchmark of the explorer walks through all of a page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # benchmarks is run from the root and never installed
try:
    from benchmarks import explorer
finally:
    sys.path.remove(str(ROOT))


def test_every_step_is_measured(browser: Any, tmp_path: Path) -> None:
    row = explorer.measured(2, browser, tmp_path)
    assert row["script"]["calls"] == row["frame"]["calls"] == row["steps"] > row["certificates"] / 2
    assert 0 < row["script"]["min_ms"] <= row["script"]["median_ms"]
    assert row["script"]["min_ms"] <= row["frame"]["min_ms"]
    assert len(explorer.table([row]).splitlines()) == 3
