"""The package is one package: installed under one name, in place and as a wheel."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import jetfold

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("graph", "rules", "backends")
PACKAGE_SUFFIXES = (".py", ".json", ".html", ".css", ".js", ".LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built as pip builds it, from a copy: building leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("jetfold", *LAYERS):
        ignored = shutil.ignore_patterns("__pycache__", "*.nbi", "*.nbc")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "setup.cfg", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", str(source)]
    subprocess.run([*pip, *options], check=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_wheel_holds_every_package_file_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = set()
    for folder, prefix in [("jetfold", "jetfold"), *((x, f"jetfold/{x}") for x in LAYERS)]:
        for path in (ROOT / folder).rglob("*"):  # does not follow the symlinks in jetfold/
            if path.suffix in PACKAGE_SUFFIXES or path.name == "py.typed":
                expected.add(f"{prefix}/{path.relative_to(ROOT / folder).as_posix()}")
    assert held == expected


def test_wheel_is_importable_without_the_sources(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    modules = ", ".join(f"jetfold.{layer}" for layer in LAYERS)
    # -I leaves out the working directory and PYTHONPATH, so only tmp_path can be meant.
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {modules}; "
    code += "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('jetfold')))"
    files = _python("-I", "-c", code, cwd=tmp_path).split()
    assert len(files) > len(LAYERS)
    assert all(Path(file).is_relative_to(tmp_path) for file in files)


def test_installed_package_is_this_checkout(tmp_path: Path) -> None:
    assert Path(str(jetfold.__file__)).resolve().parent == ROOT / "jetfold"
    code = "import jetfold.graph, jetfold.rules, jetfold.backends; print(jetfold.__file__)"
    file = _python("-c", code, cwd=tmp_path).strip()
    assert Path(file).resolve().parent == ROOT / "jetfold"


@pytest.mark.parametrize("layer", LAYERS)
def test_no_global_name_is_taken(layer: str) -> None:
    assert importlib.util.find_spec(layer) is None
    assert importlib.util.find_spec(f"jetfold.{layer}") is not None


@pytest.mark.skipif((ROOT / "PKG-INFO").exists(), reason="a source distribution has no symlinks")
@pytest.mark.parametrize("layer", LAYERS)
def test_symlinks_are_relative(layer: str) -> None:
    assert os.readlink(ROOT / "jetfold" / layer) == f"../{layer}"


def _python(*arguments: str, cwd: Path) -> str:
    """What a fresh interpreter prints, run from a folder outside the repository."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return run.stdout
