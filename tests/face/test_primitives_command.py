"""`python -m jetfold primitives`: the table, one primitive, modules that register some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jetfold as jf
from custom_examples import EXAMPLES
from jetfold import primitives_command
from jetfold.__main__ import main
from jetfold.rules.primitives import CUSTOM, PRIMITIVES

MODULE = """
import sympy as sp
import jetfold as jf

x, beta = sp.symbols("x beta")
jf.primitive("my_swish", x / (1 + sp.exp(-beta * x)), x, parameters=[beta], doc="Mine.\\n\\nLong.")
jf.primitive("my_saw", sp.frac(x), x, value=lambda t: t - (t // 1))
"""


def rows(shown: str) -> dict[str, list[str]]:
    """The cells of each row of a table, lines of a cell joined."""
    found: dict[str, list[str]] = {}
    for line in shown.splitlines():
        if line.startswith("│"):
            cells = [cell.strip() for cell in line.split("│")[1:-1]]
            if cells[0]:
                name = cells[0]
                found[name] = cells
            else:
                parts = zip(found[name], cells, strict=True)
                found[name] = [" ".join(filter(None, part)) for part in parts]
    return found


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_table_of_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["primitives"]) == 0
    found = rows(capsys.readouterr().out)
    assert set(found) == {*PRIMITIVES, *CUSTOM}
    assert {*EXAMPLES} <= set(found)
    assert found["exp"] == ["exp", "x", "exp(x)", "1 2 3", "y_1 = x_1*y_0"]
    assert found["multiply"] == ["multiply", "x, z", "x*z", "2 3 4", "y_1 = x_0*z_1 + x_1*z_0"]
    assert found["floor"][3:] == ["0 0 0", "y_1 = 0"]
    assert found["where"][1:3] == ["x, z, w", "where(x != 0, z, w)"]
    assert found["morse"][1] == "r; depth, width, place"
    assert found["morse"][4] == "The Morse potential of a diatomic molecule."
    assert found["squash"][3:] == ["1 2 3", "y_1 = x_1*(1/2 - y_0**2/2)"]


def test_table_of_custom_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["primitives", "--custom"]) == 0
    assert set(rows(capsys.readouterr().out)) == set(CUSTOM)


def test_everything_about_a_built_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["primitives", "expm1", "--order", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "expm1(x) = expm1(x)",
        "Traced from np.expm1, scipy.special.expm1.",
        "",
        "Taylor rule (unscaled derivatives along a path):",
        "    y_0 = expm1(x_0)",
        "    y_1 = x_1*exp(x_0)",
        "",
        "Collapsed, summed over directions:",
        "    y_0 = expm1(x_0)",
        "    Sum(y_1[r], (r, 1, R)) = exp(x_0)*Sum(x_1[r], (r, 1, R))",
    ]


def test_everything_about_a_custom_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["primitives", "morse"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(EXAMPLES["morse"].__doc__ or "no documentation")
    for line in str(jf.rule("morse")).splitlines():
        assert f"    {line}\n" in shown


def test_modules_that_register_primitives(tmp_path: Path) -> None:
    (tmp_path / "activations.py").write_text(MODULE)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "jetfold", "primitives", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    found = rows(run("--import", "activations", "--custom").stdout)
    assert list(found) == ["my_swish", "my_saw"]
    assert found["my_swish"][1] == "x; beta"
    assert found["my_swish"][3:] == ["1 2 3", "Mine."]
    assert found["my_saw"][3:] == ["- - -", ""]
    without = run("--custom")
    assert without.returncode == 0
    assert "No custom primitives are registered here. --import MODULE" in without.stdout


def test_what_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["primitives", "tahn"]) == 2
    assert "error: there is no primitive called 'tahn'; did you mean" in capsys.readouterr().err
    assert main(["primitives", "--import", "no_such_module.inside"]) == 2
    assert "error: there is no module 'no_such_module' to import" in capsys.readouterr().err


def test_a_module_that_fails_shows_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_another.py").write_text("import no_such_module_either\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_either"):
        primitives_command.run(None, modules=["needs_another"])


def test_wrong_orders(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["primitives", "tanh", "--order", "0"])
    assert "0 is not a whole number of 1 or more" in capsys.readouterr().err
