"""`python -m jetfold kernel`: what it writes, where to, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import sympy as sp

import jetfold as jf
from jetfold.__main__ import main
from plain_modules import plain_module

X = sp.Symbol("x")
NEEDS_CUDA = pytest.mark.skipif(
    importlib.util.find_spec("numba_cuda") is None, reason="numba-cuda is not installed"
)


def test_a_module_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernel", "x*exp(-x**2)", "--order", "3", "--collapsed"]) == 0
    text = capsys.readouterr().out
    assert text == jf.kernel(X * sp.exp(-(X**2)), 3, collapsed=True).source
    plain_module(text).check()


def test_a_module_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tanh_jet.py"
    command = ["kernel", "tanh", "--dtype", "float32", "--directions", "3", "--collapsed"]
    assert main([*command, "-o", str(path)]) == 0
    assert path.read_text() == jf.kernel(
        "tanh", dtype="float32", collapsed=True, directions=3
    ).source  # fmt: skip
    shown = capsys.readouterr().out
    assert shown.startswith("<kernel tanh_jet(x_0, x_1, x_2): order 2, cpu, float32, collapsed> is")
    assert shown.rstrip().endswith(str(path))


def test_a_file_is_only_replaced_if_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("mine")
    command = ["kernel", "tanh", "--output", str(path)]
    assert main(command) == 2
    assert "already; give another name, or overwrite=True (--overwrite)" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main([*command, "--overwrite"]) == 0
    assert path.read_text() == jf.kernel("tanh").source


@NEEDS_CUDA
def test_cuda_and_ptx(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernel", "x*z", "--backend", "cuda"]) == 0
    assert "@cuda.jit" in capsys.readouterr().out
    assert main(["kernel", "x*z", "--backend", "ptx", "--cc", "8.0", "--dtype", "float32"]) == 0
    ptx = capsys.readouterr().out
    assert ".target sm_80" in ptx
    assert ".visible .entry" in ptx


def test_registered_primitives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "my_primitives.py"
    module.write_text(
        "import jetfold as jf\nimport sympy as sp\n"
        "x = sp.Symbol('x')\njf.primitive('command_bump', 1 / (1 + x**2), x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["kernel", "command_bump", "--import", "my_primitives"]) == 0
    assert "def command_bump_jet(x_0, x_1, x_2" in capsys.readouterr().out
    assert main(["kernel", "x*command_bump(2*x)", "--import", "my_primitives"]) == 0
    plain_module(capsys.readouterr().out).check()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tanhh"], "there is no primitive called 'tanhh'; did you mean 'tanh'"),
        (["x"], "there is no primitive called 'x'"),
        (["x*foo(x)"], "column 3: there is no function foo"),
        (["__import__('os').getcwd()"], "column 1: write functions without a prefix"),
        (["1 + 1"], "has no arguments"),
        (["tanh", "--order", "0"], "the order of a kernel is 0"),
        (["tanh", "--directions", "3"], "directions are those of a collapsed kernel"),
        (["tanh", "-o", "missing/tanh.py"], "missing/tanh.py cannot be written"),
        (["tanh", "--import", "no_such_module"], "there is no module 'no_such_module'"),
        (["tanh", "--import", "../module"], "'../module' is no name of a module"),
        (["tanh", "--import", ""], "'' is no name of a module"),
        (["z*arcsin(2)"], "z_0*asin(2) and its derivatives are not finite at any"),
    ],
)
def test_what_cannot_be_made(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kernel", *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.startswith("error: ")
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: function"),
        (["tanh", "--order", "two"], "invalid int value: 'two'"),
        (["tanh", "--backend", "gpu"], "invalid choice: 'gpu'"),
        (["tanh", "--dtype", "half"], "invalid choice: 'half'"),
        (["tanh", "--cc", "9"], "9 is no compute capability; write it as in 9.0"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["kernel", *arguments])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
