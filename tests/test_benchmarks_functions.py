"""The benchmark of elementary functions: everybody computes the same, and wrong results show."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # benchmarks is run from the root and never installed
try:
    from benchmarks import functions, report
finally:
    sys.path.remove(str(ROOT))


@pytest.mark.parametrize("name", ["tanh", "power"])
@pytest.mark.parametrize("contestant", ["jetfold", "C library", "NumPy"])
def test_results_are_right_and_wrong_ones_are_noticed(contestant: str, name: str) -> None:
    for dtype in functions.TOLERANCE:
        values = functions.operands(name, dtype)
        result = functions.PREPARE[contestant](functions.FUNCTIONS[name], name, values)()
        assert status(result, name, dtype) == "ok"
        wrong = np.asarray(result) * np.float32(1 + 1e-4)
        assert status(wrong, name, dtype) == "wrong"


def status(result: Any, name: str, dtype: str) -> Any:
    """How a first result is judged."""
    return functions.judged("somebody", lambda: result, name, dtype)["status"]


def test_jetfold_has_every_function() -> None:
    from jetfold.backends.cpu.simd import FUNCTIONS

    assert set(functions.FUNCTIONS) <= set(FUNCTIONS)
    assert set(functions.GOALS) <= set(functions.FUNCTIONS)


def test_the_table_says_who_is_wrong() -> None:
    rows: list[report.Row] = [
        {"name": "jetfold", "status": "ok", "min_ms": 2.0, "median_ms": 3.0},
        {"name": "NumPy", "status": "ok", "min_ms": 5.0, "median_ms": 6.0},
        {"name": "JAX", "status": "wrong"},
    ]
    report.add_ratios(rows, "jetfold")
    rows[0]["min_ns_per_element"] = 0.25
    case: report.Row = {"name": "exp", "dtype": "float32", "baseline": "jetfold", "rows": rows}
    assert "| exp | 0.25 | 2.5 / 2 | wrong |" in functions.table([case], "float32")


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks.functions", "--functions", "exp", "hypot"]
    command += ["--repetitions", "1", "--output", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content = json.loads(path.read_text())
    assert [case["name"] for case in content["cases"]] == ["exp", "hypot"] * 2
    for case in content["cases"]:
        assert {row["name"]: row["status"] for row in case["rows"]} == {
            name: "ok" for name in functions.CONTESTANTS if name not in content["left_out"]
        }
