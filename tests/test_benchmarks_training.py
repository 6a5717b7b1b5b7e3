"""The benchmark of a loss and its gradient: its reference, its contestants, what it writes down."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # benchmarks is run from the root and never installed
try:
    from benchmarks import compile as compiling
    from benchmarks import memory, operators, racing, report, training
    from benchmarks.cases import Array, Case, LossAndGradient, Params, Problem, Result, case_of
    from benchmarks.contestants import FOR_TRAINING, Call, Contestant
    from benchmarks.losses import reference_training, source
finally:
    sys.path.remove(str(ROOT))

SMALL = case_of("3-5-4-1:6")
CONTESTANTS = pytest.mark.parametrize(
    "contestant", [pytest.param(found, id=found.name) for found in FOR_TRAINING]
)


def shifted(params: Params, change: Params, step: float) -> Params:
    return [(w + step * v, b + step * c) for (w, b), (v, c) in zip(params, change, strict=True)]


def loss_of(problem: Problem) -> float:
    """From the benchmark's reference for Laplacians."""
    residual = operators.reference_laplacian(problem) - source(problem.points)
    return float(np.mean(residual**2))


def test_the_reference_agrees_with_finite_differences() -> None:
    problem = SMALL.problem("float64")
    found = reference_training(problem)
    assert found.loss == pytest.approx(loss_of(problem), rel=1e-14)
    random = np.random.default_rng(0)
    for _ in range(5):
        change: Params = [
            (random.normal(size=w.shape), random.normal(size=b.shape)) for w, b in problem.params
        ]
        ahead, behind = (
            loss_of(Problem(shifted(problem.params, change, step), problem.points))
            for step in (1e-5, -1e-5)
        )
        slope = np.vdot(found.parts()[1], LossAndGradient(found.loss, change).parts()[1])
        assert abs(slope) > 0.01
        assert slope == pytest.approx((ahead - behind) / 2e-5, rel=1e-7)


def test_the_reference_of_a_large_batch_is_the_mean_over_its_parts() -> None:
    problem = case_of("3-5-4-1:5000").problem("float64")
    halves = [
        reference_training(Problem(problem.params, points)).parts()
        for points in np.split(problem.points, [2000])
    ]
    whole = reference_training(problem).parts()
    for total, first, second in zip(whole, *halves, strict=True):
        np.testing.assert_allclose(total, 0.4 * first + 0.6 * second, rtol=0, atol=1e-13)


@CONTESTANTS
def test_every_installed_contestant_is_right(contestant: Contestant) -> None:
    if reason := contestant.missing():
        pytest.skip(reason)
    reference = reference_training(SMALL.problem("float64"))
    assert operators.relative_error(contestant.make(SMALL, "float64")(), reference) < 1e-13


@pytest.mark.slow
@pytest.mark.parametrize("case", training.TRAINING.cases, ids=lambda case: case.name)
def test_gradients_of_the_networks_are_those_of_jax(case: Case) -> None:
    """Directly, in float64; fewer points, but more than a tile."""
    case = Case(case.name, case.widths, min(case.points, 300))
    named = {contestant.name: contestant for contestant in FOR_TRAINING}
    ours, nested = (named[name].make(case, "float64")() for name in ("jetfold", "JAX jvp of grad"))
    assert operators.relative_error(ours, nested) < 1e-10


def test_a_wrong_loss_and_a_wrong_gradient_are_noticed() -> None:
    loss, gradient = right = reference_training(SMALL.problem("float64"))
    assert operators.relative_error(right, right) == 0
    (weights, bias), *others = gradient
    wrong = weights.copy()
    wrong[0, 0] += 0.5 * np.abs(right.parts()[1]).max()
    results: list[tuple[Result, float]] = [
        (LossAndGradient(1.25 * loss, gradient), 0.25),
        (LossAndGradient(loss, [(wrong, bias), *others]), 0.5),
        (LossAndGradient(loss, [(weights * np.nan, bias), *others]), np.inf),
        (LossAndGradient(loss, others), np.inf),
        (loss, np.inf),
    ]
    for result, error in results:
        assert operators.relative_error(result, right) == pytest.approx(error)
        assert not operators.relative_error(right, result) <= 0.1


def test_references_have_a_process_with_one_blas_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)  # where the process finds the benchmarks
    assert racing.on_one_thread(os.getenv, "OPENBLAS_NUM_THREADS") == "1"
    assert racing.on_one_thread(os.getpid) != os.getpid()
    with pytest.raises(racing.Failed, match="ValueError"):
        racing.on_one_thread(math.sqrt, -1)


def test_goals_name_contestants() -> None:
    names = {contestant.name for contestant in FOR_TRAINING}
    for case in training.TRAINING.cases:
        found = training.goals(case)
        assert found
        assert {who for goal in found for who in (goal.above, goal.below)} <= names
    assert not training.goals(SMALL)
    titles = [case.title for case in training.TRAINING.cases]
    assert titles[0] == "2-64x4-1, N = 10000"
    assert titles[-1] == "50-768x3-1, N = 64"


def test_depths_are_compared_with_the_first() -> None:
    rows: list[report.Row] = [
        {"name": "a", "case": compiling.with_hidden_layers(depth).title, "cold": {"min_ms": time}}
        for depth, time in [(2, 2.0), (4, 5.0), (8, 3.0)]
    ]
    assert compiling.depth_ratios(rows, (2, 4, 8)) == {"a": 1.5}
    assert compiling.depth_ratios(rows[:1], (2, 4, 8)) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux")
def test_memory_of_a_batch_is_the_peak_and_the_result_is_judged_whole() -> None:
    case = case_of("3-5-4-1:2000")
    made: list[Array] = []

    class Contestant:
        """Needs 100 MB in a call, too many for free memory, and returns the reference."""

        def make(self, case: Case, dtype: str) -> Call:
            problem = case.problem(dtype)

            def call() -> LossAndGradient:
                made.append(np.ones(12_500_000))
                made.clear()
                return reference_training(problem)

            return call

    amount, result = memory.working_memory(Contestant(), case, "float64")  # type: ignore[arg-type]
    assert 95 < amount < 130
    problem = case.problem("float64")
    assert memory.judged_part(result, problem) == (result, problem)
    values, part = memory.judged_part(np.ones(2000), problem)
    assert isinstance(values, np.ndarray)
    assert len(values) == len(part.points) == 512


@pytest.mark.slow
@pytest.mark.parametrize("name", ["memory", "compile"])
def test_memory_and_compile_time_are_written(name: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--of", "training"]
    command += ["--contestants", "jetfold", "--output", str(path)]
    if name == "memory":
        command += ["--widths", "3-5-4-1", "--points", "10", "2000"]
    else:
        command += ["--cases", "3-5-4-1:6", "--repetitions", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    content = json.loads(path.read_text())
    assert content["of"] == "training"
    (row,) = content["rows"]
    assert row["status"] == "ok"
    if name == "memory":
        assert row["growth_mb"] < 10
    else:
        assert 0 < row["warm"]["min_ms"] < row["cold"]["min_ms"]
