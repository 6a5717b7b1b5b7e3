"""The benchmarks' harness on small contestants; the peers, where installed, on a small network."""

import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jetfold as jf

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # benchmarks is run from the root and never installed
try:
    from benchmarks import (
        biharmonic,
        cases,
        contestants,
        gpu,
        laplacian,
        machine,
        on_gpu,
        operators,
        plot,
        racing,
        report,
        stochastic,
        training,
        yardsticks,
    )
    from benchmarks.comparison import Comparison, add_shares, judged, table
finally:
    sys.path.remove(str(ROOT))

SMALL = cases.case_of("3-5-4-1:6")


def sleeper(seconds: float) -> racing.Turn:
    return lambda length: racing.time_calls(lambda: time.sleep(seconds), length)


def test_two_contestants_take_turns_and_the_slow_one_is_slower() -> None:
    turns = {"quick": sleeper(0.001), "slow": sleeper(0.004)}
    times = racing.interleave(turns, repetitions=3, budget=10, settle=0, turn_seconds=0.008)
    rows: list[report.Row] = [{"name": name} | report.summary(times[name]) for name in turns]
    assert report.add_ratios(rows, baseline="quick") == "quick"
    assert rows[0]["ratio_min"] == 1
    assert rows[1]["ratio_min"] == pytest.approx(min(times["slow"]) / min(times["quick"]))
    assert rows[1]["ratio_min"] > 1.2
    assert len(times["slow"]) >= 3


def test_every_repetition_has_another_order_with_everybody_in_it() -> None:
    names = ["a", "b", "c"]
    orders = [racing.rotated(names, repetition) for repetition in range(6)]
    assert all(sorted(order) == names for order in orders)
    assert len({tuple(order) for order in orders}) == 6


def test_the_budget_ends_the_run() -> None:
    times = racing.interleave({"only": sleeper(0.01)}, 1000, 0.05, settle=0, turn_seconds=0.001)
    assert 1 <= len(times["only"]) < 50


def test_one_that_is_stuck_leaves_time_for_the_others() -> None:
    turns = {"stuck": sleeper(0.2), "quick": sleeper(0.001)}
    times = racing.interleave(turns, 5, budget=0.4, settle=0, turn_seconds=0.002)
    assert len(times["stuck"]) == 1
    assert len(times["quick"]) >= 5


def test_the_machine_is_described_without_its_name() -> None:
    described = machine.describe()
    assert described["libraries"]["numpy"] == np.__version__
    assert described["cores"] >= 1
    words = set(re.findall(r"[^\s\"]+", json.dumps(described)))
    assert platform.node() not in words
    assert not any(word.startswith("/") for word in words)
    quiet = machine.one_line(described | {"load_before": 0.0, "cores": 4})
    assert "in use" not in quiet
    assert "in use" in machine.one_line(described | {"load_before": 2.0, "cores": 4})


def test_the_first_call_counts_only_if_it_is_longer_than_the_turn() -> None:
    calls: list[int] = []
    times = racing.time_calls(lambda: calls.append(1), 0.001)
    assert len(calls) == len(times) + 1
    assert len(racing.time_calls(lambda: time.sleep(0.002), 0.001)) == 1


def test_ratios_are_to_the_baseline_or_to_the_fastest() -> None:
    rows: list[report.Row] = [
        {"name": "a", "min_ms": 2.0, "median_ms": 3.0},
        {"name": "b", "min_ms": 1.0, "median_ms": 6.0},
        {"name": "c", "status": "wrong"},
    ]
    assert report.add_ratios(rows, baseline="a") == "a"
    assert (rows[1]["ratio_min"], rows[1]["ratio_median"]) == (0.5, 2.0)
    assert "ratio_min" not in rows[2]
    assert report.add_ratios(rows, baseline="c") == "b"
    assert rows[0]["ratio_min"] == 2.0


def raising() -> cases.Array:
    raise racing.Failed("ValueError: no")


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (lambda reference: reference, "ok"),
        (lambda reference: reference * (1 + 1e-3), "wrong"),
        (lambda reference: reference[:-1], "wrong"),
        (lambda reference: reference[:, None], "wrong"),
        (lambda reference: np.full_like(reference, np.nan), "wrong"),
        (lambda reference: raising(), "failed"),
    ],
)
def test_wrong_results_are_flagged(result: Callable[[Any], Any], status: str) -> None:
    reference = operators.reference_laplacian(SMALL.problem("float64"))
    assert judged("somebody", lambda: result(reference), reference, "float32")["status"] == status


def network(problem: cases.Problem) -> cases.Array:
    points = problem.points
    for weights, bias in problem.params[:-1]:
        points = np.tanh(points @ weights + bias)
    weights, bias = problem.params[-1]
    return np.asarray((points @ weights + bias)[:, 0])


def differences(
    function: Callable[[cases.Problem], cases.Array], directions: cases.Array
) -> cases.Array:
    """The sum of second differences of a function's values (N,) along directions."""
    problem, step = SMALL.problem("float64"), 1e-4
    total = -2 * len(directions) * function(problem)
    for direction in directions:
        for sign in (1, -1):
            moved = problem.points + sign * step * direction
            total += function(cases.Problem(problem.params, moved))
    return np.asarray(total / step**2)


AXES = np.eye(SMALL.widths[0])


@pytest.mark.parametrize(
    ("operator", "inner", "directions"),
    [
        (operators.LAPLACIAN, network, AXES),
        (operators.BIHARMONIC, operators.reference_laplacian, AXES),
        (
            operators.estimate(2),
            network,
            np.random.default_rng(operators.SEED).standard_normal((2, 3)) / np.sqrt(2),
        ),
    ],
    ids=["Laplacian", "biharmonic", "estimate"],
)
def test_references_agree_with_finite_differences(
    operator: operators.Operator,
    inner: Callable[[cases.Problem], cases.Array],
    directions: cases.Array,
) -> None:
    reference = operator.reference(SMALL.problem("float64"))
    assert np.abs(reference).max() > 0.01
    np.testing.assert_allclose(reference, differences(inner, directions), rtol=0, atol=1e-6)


def test_nominal_operations_of_the_paper_networks() -> None:
    weights = 50 * 768 + 768 * 768 + 768 * 512 + 512 * 512 + 512
    assert cases.PAPER.flops(operators.LAPLACIAN.vectors(50)) == 2 * 52 * weights * 512
    assert cases.PAPER.title == "50-768x2-512x2-1, N = 512"
    assert [operators.BIHARMONIC.vectors(dimension) for dimension in (2, 3, 5)] == [9, 14, 27]
    assert operators.estimate(16).vectors(50) == 18


@pytest.mark.parametrize("text", ["nobody", "2-3:4", "2-1:0", "2-x-1:3"])
def test_an_unknown_case_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="case"):
        cases.case_of(text)


def test_contestants_are_chosen_by_the_beginning_of_their_names() -> None:
    assert [c.name for c in contestants.contestants_of(["FOLX"])] == ["folx"]
    assert contestants.contestants_of([]) == contestants.FOR_LAPLACIAN
    sampled = contestants.contestants_of(["jetfold s"], contestants.FOR_STOCHASTIC)
    assert [c.name for c in sampled] == [f"jetfold S = {count}" for count in contestants.SAMPLES]
    with pytest.raises(ValueError, match="no contestant"):
        contestants.contestants_of(["nobody"])


def test_a_missing_library_is_named() -> None:
    absent = contestants.Contestant(
        "x", operators.LAPLACIAN, "with_x", "f", (), ("numpy", "no_such_library")
    )
    assert absent.missing() == "not installed: no_such_library"


def test_yardsticks_multiply() -> None:
    product = yardsticks.MatrixProduct(3, 4, 5, "as installed")
    first_row = product.prepare("float64")()
    assert first_row.shape == (5,)
    assert np.isfinite(first_row).all()
    assert product.flops == 2 * 3 * 4 * 5
    shapes = {(p.rows, p.inner, p.columns) for p in yardsticks.products_of(SMALL, vectors=7)}
    assert shapes == {(6 * 7, 5, 4), (1024, 1024, 1024), (2048, 2048, 2048)}


def test_table_and_plot_show_who_is_left_without_a_time(tmp_path: Path) -> None:
    fast = {"name": "fast", "status": "ok", "relative_error": 1e-7}
    fast |= {"gflops": 1.0} | report.summary([0.001, 0.002])
    wrong = {"name": "off", "status": "wrong", "relative_error": 0.25}
    failed = {"name": "ill", "status": "failed", "reason": "ValueError: no"}
    case: report.Row = {"name": "c", "title": "2-1", "rows": [fast, wrong, failed]}
    case["baseline"] = report.add_ratios(case["rows"], "fast")
    case["yardsticks"] = [{"name": "small", "gflops": 1.5}, {"name": "large", "gflops": 2.0}]
    assert add_shares([case]) == {"gflops": 2.0, "product": "large"}
    lines = table(case).splitlines()
    assert "| fast | 1 | 1.5 | 1 | 1 | 1 | 50 % | 1.0e-07 | 2 |" in lines
    assert any(line.startswith("| off | wrong |") and "0.25" in line for line in lines)
    assert any(line.startswith("| ill | failed: ValueError: no |") for line in lines)

    pytest.importorskip("matplotlib")
    content = {
        "title": "Anything",
        "dtype": "float32",
        "machine": machine.describe(),
        "cases": [case],
    }
    plot.save(content, tmp_path / "times.png")
    assert (tmp_path / "times.png").read_bytes().startswith(b"\x89PNG")


def test_goals_are_ratios_of_those_who_were_timed() -> None:
    rows: list[report.Row] = [
        {"name": "a", "min_ms": 1.0, "median_ms": 3.0},
        {"name": "b", "min_ms": 4.0, "median_ms": 6.0},
        {"name": "c", "status": "wrong"},
    ]
    goals = [
        report.Goal("a", "b", most=0.3),
        report.Goal("b", "a", least=5),
        report.Goal("a", "b", 0.2, 0.25),
        report.Goal("a", "c", most=1),
    ]
    found = report.met(goals, rows)
    assert [(row["min"], row["median"]) for row in found] == [(0.25, 0.5), (4, 2), (0.25, 0.5)]
    assert report.goal_table(found).splitlines()[2:] == [
        "| a / b | at most 0.3 | 0.25 | 0.5 | yes |",
        "| b / a | at least 5 | 4 | 2 | no |",
        "| a / b | 0.2 to 0.25 | 0.25 | 0.5 | yes |",
    ]


COMPARISONS = {
    "laplacian": laplacian.LAPLACIANS,
    "biharmonic": biharmonic.BIHARMONICS,
    "stochastic": stochastic.ESTIMATES,
    "training": training.TRAINING,
}


@pytest.mark.parametrize("name", ["biharmonic", "stochastic"])
def test_goals_name_contestants_and_hold_for_the_network_of_the_paper(name: str) -> None:
    comparison = COMPARISONS[name]
    names = {contestant.name for contestant in comparison.contestants}
    (paper,) = comparison.cases
    assert {who for goal in comparison.goals(paper) for who in (goal.above, goal.below)} <= names
    assert comparison.goals(paper)
    assert not comparison.goals(SMALL)


def test_an_estimate_should_cost_its_share_of_the_vectors() -> None:
    goals = {goal.above: goal for goal in stochastic.goals(cases.PAPER)}
    assert goals["jetfold S = 16"].least == pytest.approx(0.85 * 18 / 52)
    assert goals["jetfold S = 16"].most == pytest.approx(1.15 * 18 / 52)


# On a GPU -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("needed", "make"),
    [
        ("folx", partial(on_gpu.jax, "folx", SMALL, "float32", "cpu")),
        ("jax", partial(on_gpu.jax, "jvp of grad", SMALL, "float32", "cpu")),
        ("jax", partial(on_gpu.jax, "hessian", SMALL, "float32", "cpu")),
        ("torch", partial(on_gpu.torch, False, SMALL, "float32", "cpu")),
    ],
    ids=["folx", "jvp of grad", "hessian", "torch"],
)
def test_peers_on_a_gpu_are_right_on_the_cpu(
    needed: str, make: Callable[[], on_gpu.Prepared]
) -> None:
    """Their code runs on any device; that of jetfold is tested in tests/gpu."""
    pytest.importorskip(needed)
    reference = operators.reference_laplacian(SMALL.problem("float64"))
    result = on_gpu.start(make)
    assert gpu.judged("peer", result, reference, "float32")["status"] == "ok"
    assert gpu.judged("peer", result, reference[:2], "float32")["status"] == "ok"
    assert gpu.judged("peer", result, reference + 1, "float32")["status"] == "wrong"


def test_calls_on_a_gpu_are_waited_for_together() -> None:
    waited: list[int] = []
    prepared = on_gpu.Prepared(lambda: time.sleep(0.0005), waited.append, np.asarray)
    times = on_gpu.time_calls(prepared, 0.02)
    assert len(times) >= 2
    assert min(times) >= 0.0005
    assert len(waited) == len(times) + 2
    slow = on_gpu.Prepared(lambda: time.sleep(0.02), waited.append, np.asarray)
    assert len(on_gpu.time_calls(slow, 0.01)) == 1


def test_what_elementwise_kernels_must_move() -> None:
    """The derivatives of the first layer are its weights; of the last only one sum is needed."""
    from benchmarks.with_jetfold import network as of_one_point
    from jetfold.backends.lower import lower

    problem = SMALL.problem("float32")
    graph = jf.laplacian(of_one_point).derivation(problem.points, problem.params).final_graph
    (_, first), (_, second) = on_gpu.bytes_moved(lower(graph), samples=32, itemsize=4)
    assert first == 4 * 32 * (5 + 5 * (1 + 3 + 1))
    assert second == 4 * 32 * (4 * (1 + 3 + 1) + 4)


def test_tables_of_a_gpu() -> None:
    rows = gpu.kernel_rows([("kernel_0", 1e-3, 2_000_000_000), ("kernel_1", 1e-3, 10**9)], 2500)
    assert [row["share_of_copy"] for row in rows] == [0.8, 0.4]
    lines = gpu.kernel_table(rows).splitlines()
    assert lines[-2:] == [
        "| kernel_0 | 2000 | 1 | 2000 | 80 % | yes |",
        "| kernel_1 | 1000 | 1 | 1000 | 40 % | no |",
    ]
    fast: report.Row = {"name": "fast", "status": "ok", "relative_error": 1e-7, "tflops": 30.0}
    rows = [
        fast | report.summary([0.001, 0.002]),
        {"name": "ill", "status": "failed", "reason": "no"},
    ]
    case: report.Row = {"title": "2-1", "precision": "tf32", "rows": rows, "matrix_tflops": 60.0}
    report.add_ratios(rows, "fast")
    lines = gpu.table(case).splitlines()
    assert lines[0] == "### 2-1, tf32"
    assert "| fast | 1 | 1.5 | 1 | 1 | 30 | 50 % | 1.0e-07 |" in lines
    assert any(line.startswith("| ill | failed: no |") for line in lines)
    assert gpu.slug("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3"


def test_goals_on_a_gpu_name_contestants() -> None:
    names = {contestant.name for contestant in gpu.CONTESTANTS}
    for case in gpu.CASES:
        found = gpu.goals(case)
        assert found
        assert {who for goal in found for who in (goal.above, goal.below)} <= names
    assert not gpu.goals(SMALL)
    hessian = next(c for c in gpu.CONTESTANTS if "hessian" in c.name)
    assert [hessian.takes(case) for case in gpu.CASES] == [False, True]


def test_a_dry_run_needs_no_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--dry-run", "--contestants", "jetfold", "jax", "--cases", "paper"]) is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["jetfold", "JAX + folx"]
    assert lines[-1] == (
        "50-768x2-512x2-1, N = 2048, in float32 and tf32; wanted: JAX + folx / jetfold at least 1.3"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "comparison", [pytest.param(found, id=name) for name, found in COMPARISONS.items()]
)
def test_every_installed_contestant_is_right_and_the_result_is_written(
    comparison: Comparison, tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    command = [sys.executable, "-m", f"benchmarks.{comparison.name}", "--output", str(path)]
    command += ["--cases", "3-5-4-1:6", "--repetitions", "1", "--dtype", "float64"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in path.read_text()
    content = json.loads(path.read_text())
    left_out = {c.name: reason for c in comparison.contestants if (reason := c.missing())}
    assert content["left_out"] == left_out
    assert all(f"Left out: {name} ({reason})" in done.stdout for name, reason in left_out.items())

    rows = content["cases"][0]["rows"]
    assert [row["name"] for row in rows] == [
        c.name for c in comparison.contestants if c.name not in left_out
    ]
    for row in rows:
        assert row["status"] == "ok", row
        assert row["relative_error"] < 1e-12
        assert row["ratio_min"] == pytest.approx(row["min_ms"] / rows[0]["min_ms"])
