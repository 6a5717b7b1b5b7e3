"""Generated sources on disk: where, under which name, complete, and compiled only once."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba.core import config

from jetfold.backends.cpu import cache
from jetfold.backends.cpu.cache import cache_directory, generator_version, load_source
from jetfold.graph import ArgumentError
from processes import finish, run, start, wait_for
from programs import FLOAT32, FLOAT64

SOURCE = '"""Some module."""\n\nVALUE = {number}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder of our own; modules loaded from it are forgotten."""
    before = set(sys.modules)
    monkeypatch.setenv("JETFOLD_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    for name in set(sys.modules) - before:
        if name.startswith("jetfold_program_"):
            del sys.modules[name]


# Where --------------------------------------------------------------------------------------------


def test_the_chosen_folder_is_made(folder: Path) -> None:
    assert cache_directory() == folder
    assert folder.is_dir()
    assert not list(folder.iterdir())


def test_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JETFOLD_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory() == tmp_path / "xdg" / "jetfold"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == tmp_path / "home" / ".cache" / "jetfold"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_directory() == tmp_path / "home" / "Library" / "Caches" / "jetfold"


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A path at which not even the superuser can make a folder: below a file."""
    (tmp_path / "file").write_text("in the way")
    return tmp_path / "file" / "cache"


def test_a_chosen_folder_that_cannot_be_written_to_is_an_error(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JETFOLD_CACHE_DIR", str(blocked))
    with pytest.raises(ArgumentError, match=r"CACHE_DIR is '.*file/cache'.* folder of yours"):
        cache_directory()
    with pytest.raises(ArgumentError, match="JETFOLD_CACHE_DIR"):
        load_source(SOURCE.format(number=0), FLOAT64)


def test_without_a_choice_there_is_a_folder_of_last_resort(
    blocked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JETFOLD_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = cache_directory()
    assert found.parent == tmp_path
    assert found.stat().st_mode & 0o077 == 0  # nobody else may put code there
    assert cache_directory() == found
    user = os.getuid()
    found.rename(tmp_path / f"jetfold-{user + 1}")
    monkeypatch.setattr(os, "getuid", lambda: user + 1)
    with pytest.raises(ArgumentError, match="belongs to somebody else; set JETFOLD_CACHE_DIR"):
        cache_directory()


# Names and contents -------------------------------------------------------------------------------


def test_a_source_is_loaded_once_from_its_file(folder: Path) -> None:
    source = SOURCE.format(number=1)
    module = load_source(source, FLOAT64)
    assert module.VALUE == 1
    (path,) = folder.glob("*.py")
    assert path == Path(str(module.__file__))
    assert path.read_text(encoding="utf-8") == source
    assert load_source(source, FLOAT64) is module


def test_everything_that_matters_changes_the_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source, the dtype (a file has one signature), and what generated it."""
    first = SOURCE.format(number=1)
    names = {load_source(first, FLOAT64).__name__}
    names.add(load_source(SOURCE.format(number=2), FLOAT64).__name__)
    names.add(load_source(first, FLOAT32).__name__)
    monkeypatch.setattr(cache, "generator_version", lambda: "another")
    names.add(load_source(first, FLOAT64).__name__)
    assert len(names) == 4
    assert {path.stem for path in folder.glob("*.py")} == names


def test_the_generators_version_is_that_of_its_files_and_its_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path(cache.__file__).parent
    shutil.copytree(original, tmp_path / "cpu")
    shutil.copytree(original.parent / "scalar", tmp_path / "scalar")
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cpu" / "cache.py"))
    version: Any = generator_version.__wrapped__  # uncached
    assert version() == generator_version()
    files = ("kernels.py", "simd/vector.py", "simd/exponential.py", "simd/matrix_product.py")
    for name in (*files, "../scalar/library.py"):
        path = tmp_path / "cpu" / name
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n", encoding="utf-8")
        assert version() != generator_version()
        path.write_text(text, encoding="utf-8")
    assert version() == generator_version()
    for option in ("CPU_NAME", "CPU_FEATURES"):
        with monkeypatch.context() as patch:
            patch.setattr(config, option, "another")
            assert version() != generator_version()


def test_many_threads_that_ask_at_once_get_one_module(folder: Path) -> None:
    source = SOURCE.format(number=3)
    with ThreadPoolExecutor(8) as pool:
        modules = set(pool.map(lambda _: load_source(source, FLOAT64), range(40)))
    assert len(modules) == 1
    assert len(list(folder.glob("*.py"))) == 1
    assert not list(folder.glob("*.tmp"))


@pytest.mark.parametrize("links", [True, False])
def test_a_file_appears_complete_or_not_at_all(
    links: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a file system without links, and if another process was first."""
    folder.mkdir()
    target = folder / "module.py"
    if not links:

        def refuse(*_: Any) -> None:
            raise PermissionError("no links here")

        monkeypatch.setattr(os, "link", refuse)
    with ThreadPoolExecutor(8) as pool:
        texts = ["text\n" * 10_000] * 40
        paths = set(pool.map(lambda text: cache._publish(target, text), texts))
    assert paths == {target}
    assert target.read_text() == texts[0]
    before = target.stat().st_mtime_ns
    assert cache._publish(target, "other") == target
    assert (target.stat().st_mtime_ns, target.read_text()) == (before, texts[0])
    assert [path.name for path in folder.iterdir()] == ["module.py"]


# Processes ----------------------------------------------------------------------------------------

CALL = """
import sys, time
from pathlib import Path
import numpy as np
import sympy as sp
from graphs import A
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.cpu.cache import load_source
from jetfold.graph import Editor, Input, Map, Type

editor = Editor()
x = editor.add(Input("x", Type(())))
graph = CompiledGraph(editor.freeze([editor.add(Map(sp.tanh(A) + A**3), x)]))
points = np.linspace(-1, 1, 50).astype("{dtype}")
{wait}
(found,) = graph(50, points.dtype, {{"x": points}}, {{}})
assert found.dtype == points.dtype
assert np.allclose(found, np.tanh(points) + points**3, rtol=1e-5)
stats = load_source(graph.source, points.dtype).run.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""

WAIT = """
(Path("ready") / "{name}").touch()
while not Path("go").exists():
    time.sleep(0.001)
"""


def files(folder: Path) -> dict[str, int]:
    """All files below a folder with the time of their last change."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_processes_at_once_and_then_one_more(tmp_path: Path) -> None:
    """They compile one program into one empty folder, in two dtypes; later nobody compiles."""
    folder = tmp_path / "cache"
    (tmp_path / "ready").mkdir()
    dtypes = ["float32", "float64", "float64", "float32"]
    processes = [
        start(CALL.format(dtype=dtype, wait=WAIT.format(name=i)), folder)
        for i, dtype in enumerate(dtypes)
    ]
    wait_for(lambda: len(list((tmp_path / "ready").iterdir())) == len(dtypes), processes)
    (tmp_path / "go").touch()
    for process in processes:
        hits, misses = map(int, finish(process).split())
        assert hits + misses == 1
    before = files(folder)
    # A source, an index and a compiled function for each dtype.
    assert sorted(Path(name).suffix for name in before) == sorted([".nbc", ".nbi", ".py"] * 2)
    for dtype in ("float32", "float64"):
        assert run(CALL.format(dtype=dtype, wait=""), folder).split() == ["1", "0"]
    assert files(folder) == before


def test_sources_do_not_depend_on_the_process(tmp_path: Path) -> None:
    """Hashes of strings differ between processes; the order of terms must not."""
    code = """
import hashlib
import numpy as np
import jetfold as jf

def u(x):
    return np.tanh(x / np.linalg.norm(x)).sum() * np.where(x > 0, x**3, np.cos(x) * x[::-1]).sum()

sources = [jf.laplacian(u, method=m).source(np.zeros(3)) for m in ("standard", "collapsed")]
print(hashlib.sha256("".join(sources).encode()).hexdigest())
"""
    processes = [start(code, tmp_path / "cache", PYTHONHASHSEED=seed) for seed in ("1", "2", "3")]
    assert len({finish(process) for process in processes}) == 1


def test_without_a_compiler_the_same_program_runs_as_python(tmp_path: Path) -> None:
    """NUMBA_DISABLE_JIT=1, to step through a source with a debugger; the numbers are the same."""
    code = """
import numpy as np
from graphs import laplacian
from jetfold.backends.cpu import CompiledGraph
from programs import FLOATS, sample

graph = laplacian(collapsed=True)
for dtype in FLOATS:
    inputs, parameters = sample(graph, 21, dtype)
    found = CompiledGraph(graph)(21, dtype, inputs, parameters)
    np.save(f"{name}_{dtype.name}", np.array(found))
"""
    processes = [
        start(code.replace("{name}", name), tmp_path / "cache", NUMBA_DISABLE_JIT=disabled)
        for name, disabled in (("jitted", "0"), ("plain", "1"))
    ]
    for process in processes:
        finish(process)
    for dtype, tolerance in ((FLOAT32, 1e-4), (FLOAT64, 1e-12)):
        jitted, plain = (np.load(tmp_path / f"{n}_{dtype.name}.npy") for n in ("jitted", "plain"))
        assert jitted.dtype == plain.dtype == dtype
        assert abs(jitted - plain).max() <= tolerance * abs(jitted).max()
