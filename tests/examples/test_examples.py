"""Every example runs from the command line, and its check of itself can fail."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from example_programs import COMMANDS, EXAMPLES, load, run

SOLVERS = [
    "burgers",
    "fokker_planck",
    "heat",
    "helium",
    "oscillator",
    "plate_collocation",
    "poisson",
]
"""They draw a picture. The one on Dask has tests, and a cluster, of its own."""


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {*SOLVERS, "dask_training"}))
def test_runs_from_the_command_line(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers_run_from_the_command_line(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path, "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", SOLVERS)
def test_says_what_draws_the_picture(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    draw = load(name).draw
    draw(*[None] * len(inspect.signature(draw).parameters))
    written = capsys.readouterr().out
    assert written == "no picture: matplotlib is missing; pip install 'jetfold[examples]'\n"


def test_hydrogen_notices_a_wrong_energy(capsys: pytest.CaptureFixture[str]) -> None:
    example = load("hydrogen")
    first, *_ = example.STATES
    example.STATES = (first._replace(energy=-1.1),)
    assert example.main(["--points", "10"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_network_notices_a_wrong_laplacian(capsys: pytest.CaptureFixture[str]) -> None:
    example = load("paper_network")
    example.by_differences = lambda points, layers: np.ones(len(points))
    assert example.main(COMMANDS["paper_network"].split()) == 1
    assert capsys.readouterr().out.count("WRONG") == 2


def test_plate_notices_a_wrong_load(capsys: pytest.CaptureFixture[str]) -> None:
    example = load("plate")
    right = example.load
    example.METHODS = ("nested",)
    example.load = lambda points: right(points) + 1e-6
    assert example.main(["--points", "10"]) == 1
    assert capsys.readouterr().out.count("WRONG") == 1


@pytest.mark.usefixtures("no_custom_primitives")
def test_own_primitive_notices_wrong_levels_and_energies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    example = load("own_primitive")
    right = example.closed_form
    example.closed_form = lambda molecule, levels: right(molecule, levels) * (1 + 1e-7)
    assert example.main(["--levels", "2", "--points", "10"]) == 1
    assert capsys.readouterr().out.count("WRONG") == 3


@pytest.mark.usefixtures("no_custom_primitives")
def test_own_primitive_saves_a_kernel_that_runs_without_jetfold(tmp_path: Path) -> None:
    path = tmp_path / "morse_jet.py"
    assert load("own_primitive").main(["H2", "--points", "10", "--save", str(path)]) == 0
    code = (
        "import runpy, sys\n"
        "sys.modules['jetfold'] = None\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("relative error") == 5


@pytest.mark.parametrize("name", ["tanh", "hypot", "power", "erf", "where", "gammaln", "maximum"])
def test_rules_agree_with_numerical_derivatives(name: str) -> None:
    assert load("inspect_rule").main([name, "--order", "4"]) == 0


def test_rule_notices_a_wrong_derivative() -> None:
    example = load("inspect_rule")
    example.function_of = lambda name: (np.sin, 1)
    assert example.main(["cos"]) == 1
