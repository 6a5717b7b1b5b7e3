"""`python -m jetfold explain`: text, LaTeX and pages, where they go, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.__main__ import main
from jetfold.account.plain import WIDTH, to_text
from jetfold.account.primitive_rule import rule_account
from jetfold.account.tex import document_of, to_latex
from jetfold.demo_functions import hydrogen
from jetfold.derivation import Derivation
from jetfold.expression import parse_expression
from jetfold.written_function import WrittenFunction

ATOM = ["explain", "jetfold.demo_functions:hydrogen", "--dim", "3", "--params", "2"]
WAVE = "sin(x)*exp(y)"


def atom() -> Derivation:
    return jf.laplacian(hydrogen).derivation(np.zeros(3), 2.0)


def wave() -> Derivation:
    function = WrittenFunction(WAVE, parse_expression(WAVE), sp.symbols("x y", real=True))
    return jf.laplacian(function).derivation(np.zeros(2))


# Functions and expressions ------------------------------------------------------------------------


def test_text_is_the_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ATOM) == 0
    shown = capsys.readouterr().out
    assert shown == atom().explain()
    assert main([*ATOM, "--text"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["explain", WAVE]) == 0
    shown = capsys.readouterr().out
    assert shown == wave().explain()
    assert f"the function {WAVE}, here called u" in " ".join(shown.split())
    assert "    v1 = x[0]\n    v2 = sin(v1)\n    v3 = x[1]\n    v4 = exp(v3)\n" in shown


def test_latex_is_a_whole_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "atom.tex"
    assert main([*ATOM, "--latex", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text() == atom().latex(document=True)
    assert main(["explain", WAVE, "--latex", "-"]) == 0
    assert r"v_{1} &= x\left[0\right]" in capsys.readouterr().out
    assert main([*ATOM, "--latex", "-"]) == 0
    assert capsys.readouterr().out == path.read_text()


def test_several_outputs_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, latex = tmp_path / "wave.html", tmp_path / "wave.tex"
    assert main(["explain", WAVE, "--html", str(html), "--latex", str(latex), "--text"]) == 0
    assert capsys.readouterr().out == f"{wave().explain()}{html}\n{latex}\n"
    assert latex.read_text() == wave().latex(document=True)
    wave().to_html(tmp_path / "same.html")
    assert html.read_text() == (tmp_path / "same.html").read_text()


def test_files_are_only_replaced_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.tex"
    path.write_text("mine")
    assert main(["explain", "tanh", "--latex", str(path)]) == 2
    assert "already; give another name, or overwrite=True (--overwrite)" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main(["explain", "tanh", "--latex", str(path), "--overwrite"]) == 0
    assert path.read_text().startswith("\\documentclass")


def test_a_function_beside_the_command(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text(
        "import numpy as np\n\n\ndef bowl(x):\n    return np.sum(x**2) / 2\n"
    )
    command = [sys.executable, "-m", "jetfold", "explain", "beside:bowl", "--dim", "4"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "bowl" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= WIDTH


# Primitives ---------------------------------------------------------------------------------------


def test_the_rule_of_a_primitive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "tanh", "--order", "4", "--collapsed"]) == 0
    shown = capsys.readouterr().out
    rule = jf.rule("tanh", 4, collapsed=True)
    assert shown == to_text(rule_account(rule))
    assert "3*R + 2 numbers are propagated in place of 4*R + 1" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= WIDTH
    joined = " ".join(shown.split())
    for equation in rule.equations:
        assert f"{equation.lhs} = {equation.rhs}" in joined
    path = tmp_path / "tanh.tex"
    assert main(["explain", "tanh", "--order", "2", "--latex", str(path)]) == 0
    assert path.read_text() == to_latex(rule_account(jf.rule("tanh", 2)), complete=True)


def test_the_words_of_a_rule() -> None:
    one = to_text(rule_account(jf.rule("sin", 2)))
    assert one.startswith("The Taylor rule of sin to order 2\n====")
    assert "The argument moves along a path: x_k is the k-th derivative" in one
    assert "linearly" not in one
    two = to_text(rule_account(jf.rule("multiply", 2, collapsed=True)))
    assert "    y = x*z\n" in two
    assert "The arguments move along each of R paths: x_k[r] and z_k[r] are" in two
    assert "x_2[r] and z_2[r] enter linearly" in two
    steps = to_text(rule_account(jf.rule("floor", 2, collapsed=True)))
    assert "Sum(y_2[r], (r, 1, R)) = 0\n" in steps
    assert "linearly" not in steps
    named = to_text(rule_account(jf.rule("gammaln", 1)))
    assert "    y = gammaln(x)\n" in named


@pytest.mark.usefixtures("no_custom_primitives")
def test_parameters_stand_still() -> None:
    s, beta = sp.symbols("s beta")
    jf.primitive("explained", s / (1 + sp.exp(-beta * s)), s, parameters={beta: 1.0})
    shown = to_text(rule_account(jf.rule("explained", 2, collapsed=True)))
    assert "with beta the same for all t" in shown
    assert "s_k[r] is the k-th derivative" in " ".join(shown.split())


def test_the_latex_of_rules_compiles(pdflatex: str, tmp_path: Path) -> None:
    told = [
        to_latex(rule_account(jf.rule(name, order, collapsed)))
        for name, order in (("tanh", 4), ("power", 2), ("where", 1), ("j0", 2), ("floor", 1))
        for collapsed in (False, True)
    ]
    (tmp_path / "rules.tex").write_text(document_of("\n".join(told)), encoding="utf-8")
    command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "rules.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    assert re.findall(r"Overfull \\hbox \((?:[3-9]|\d\d).*", run.stdout) == []


def test_the_page_of_a_rule(tmp_path: Path) -> None:
    for options in ([], ["--collapsed"]):
        path = tmp_path / "tanh.html"
        command = ["explain", "tanh", "--order", "3", "--html", str(path), "--overwrite", *options]
        assert main(command) == 0
        assert "tanh(x)" in path.read_text()


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_module:u", "--dim", "2"], "there is no module 'no_such_module' to import"),
        (["jetfold.demo_functions:hydrogn", "--dim", "3"], "did you mean hydrogen"),
        (["jetfold.demo_functions:hydrogen", "--dim", "3"], "give what it takes behind the point"),
        (["jetfold.demo_functions:hydrogen", "--params", "2"], "Give --dim 3, or --shape 2,3"),
        ([WAVE, "--operator", "laplacien"], "did you mean laplacian?"),
        ([WAVE, "--method", "nested"], "there is no method 'nested' for this operator"),
        (["sin(x", "--text"], "column 4"),
        (["tanh", "--latex", "-", "--text"], "--latex and --text cannot both be printed"),
        (["tanh", "--html", "-", "--latex", "-"], "--html and --latex cannot both be printed"),
        (["tanh", "--html", "tanh.htm"], "--html tanh.htm does not end in .html"),
        (["tanh", "--latex", "missing/tanh.tex"], "missing/tanh.tex cannot be written"),
        (["sinc(x)*floor(x)", "--operator", "jet", "--order", "-1"], "the order of a jet is -1"),
    ],
)
def test_what_cannot_be_explained(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.startswith("error: ")
    assert shown.out == ""


def test_notes_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["explain", "jetfold.demo_functions:network", "--dim", "3", "--params", "2"]
    assert main(command) == 2
    assert "While tracing Laplacian(network) for one point x of shape (3,)" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: what"),
        (["tanh", "--order", "two"], "invalid int value: 'two'"),
        ([WAVE, "--method", "fastest"], "invalid choice: 'fastest'"),
        (["a:u", "--shape", "2x3"], "2x3 is no shape; write it as in 2,3"),
        (["a:u", "--shape", "2,0"], "2,0 is no shape"),
        (["a:u", "--shape", "2,3", "--dim", "3"], "not allowed with argument"),
        ([WAVE, "--distribution", "even"], "invalid choice: 'even'"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
