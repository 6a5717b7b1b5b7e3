"""`python -m jetfold`: the demonstration checks what it shows, the facts are facts."""

import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import jetfold
from jetfold import demo, demo_functions, info
from jetfold.__main__ import main
from jetfold.backends.cpu.cache import cache_directory
from jetfold.demo_functions import network, network_laplacian, random_layers


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], int]:
    """The demonstration with a small network and few points, drawing into a temporary folder."""
    monkeypatch.setattr(demo, "WIDTHS", (5, 16, 16, 1))
    monkeypatch.setattr(demo, "ATOM_POINTS", 1000)
    output = str(tmp_path / "picture.svg")
    return lambda: main(["demo", "--points", "70", "--runs", "2", "--output", output])


def test_demo(small: Callable[[], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert small() == 0
    shown = capsys.readouterr().out
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in shown.splitlines()
        if line.startswith("│")
    ]
    counts = [(function, method, vectors) for function, method, vectors, *_ in rows]
    assert counts == [
        ("network", "standard", "11"),
        ("network", "collapsed", "7"),
        ("atom", "standard", "7"),
        ("atom", "collapsed", "5"),
    ]
    assert all(row[-1] == "ok" for row in rows)
    assert "picture.svg" in shown.replace("\n", "")
    picture = ET.parse(tmp_path / "picture.svg").getroot()
    captions = [text.text or "" for text in picture.iter() if text.get("class") == "caption"]
    assert captions == [
        "standard Taylor mode: 7 vectors per node",
        "collapsed: 5 vectors per node",
    ]


def test_demo_fails_if_a_laplacian_is_wrong(
    small: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slightly_wrong(*arguments: object) -> object:
        return network_laplacian(*arguments) * 1.001  # type: ignore[arg-type]

    monkeypatch.setattr(demo_functions, "network_laplacian", slightly_wrong)
    assert small() == 1
    failures = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]
    assert [line.split(":")[0] for line in failures] == [
        "FAILED network, standard",
        "FAILED network, collapsed",
    ]


def test_demo_fails_if_vectors_are_counted_wrongly(
    small: Callable[[], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {"standard": lambda d: 1 + 2 * d, "collapsed": lambda d: 1 + d}
    monkeypatch.setattr(demo, "METHODS", expected)
    assert small() == 1
    shown = capsys.readouterr().out
    assert "network, collapsed: has 7 vectors per node, not 6" in shown
    assert "standard: has" not in shown


def test_reference_of_the_network() -> None:
    """Against differences of fourth order of the network's values."""
    layers = random_layers((3, 8, 9, 7, 1), "float64")
    points = np.random.default_rng(3).normal(size=(4, 3))

    def second(x: np.ndarray, step: float) -> float:
        shifts = step * np.eye(3)
        sides = sum(network(x + h, layers) + network(x - h, layers) for h in shifts)
        return float((sides - 6 * network(x, layers)) / step**2)

    expected = [(4 * second(x, 1e-3) - second(x, 2e-3)) / 3 for x in points]
    found = network_laplacian(points, layers)
    np.testing.assert_allclose(found, expected, atol=1e-7 * np.abs(expected).max())


def test_info(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JETFOLD_NUM_THREADS", "3")
    assert main(["info"]) == 0
    facts = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    assert facts["jetfold"].strip() == jetfold.__version__
    assert facts["numpy"].strip() == np.__version__
    assert facts["threads"].split()[0] == "3"
    assert facts["backends"].strip() == "cpu, cuda, reference"
    assert any(name.startswith("GPU") for name in facts)
    assert int(facts["primitives"]) > 60


def test_info_counts_programs_and_bytes_of_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JETFOLD_CACHE_DIR", str(tmp_path))
    (tmp_path / "jetfold_program_1.py").write_bytes(b"#" * 100_000)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "code.nbc").write_bytes(b"#" * 200_000)
    assert f"{tmp_path} (1 programs, 0.3 MB; JETFOLD_CACHE_DIR)" in info.report()


def test_info_names_no_host() -> None:
    report = info.report().replace(str(cache_directory()), "")
    assert not re.search(rf"\b{re.escape(platform.node())}\b", report)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["demonstration"], "invalid choice: 'demonstration'"),
        (["demo", "--points", "0"], "0 is not a whole number of 1 or more"),
        (["demo", "--runs", "many"], "many is not a whole number of 1 or more"),
        (["demo", "--output", "picture.png"], "picture.png does not end in .svg"),
        (["demo", "--output", "missing/picture.svg"], "there is no folder missing"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_module_is_a_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jetfold", "--help"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "demo" in shown
    assert "info" in shown
