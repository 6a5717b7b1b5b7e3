"""What all tests share: where the package comes from, threads, caches, hypothesis, golden files."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import hypothesis
import pytest

from golden import Golden
from programs_outside import BROWSER, BROWSER_ARGUMENTS, LATEX, Program

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
CACHE_FOLDER = pytest.StashKey[str]()

# `python -m pytest` puts the repository root on sys.path; `import graph` would then work here
# and nowhere else. The tests use the installed package (make test installs it as editable).
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT]

# Several worker processes with all threads each are slower than with a few.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("JETFOLD_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "2")

# The same examples everywhere and every time; `--hypothesis-profile=explore` looks for new ones.
hypothesis.settings.register_profile(
    "ci", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
hypothesis.settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the files under tests/golden/ instead of comparing with them",
    )
    for program in (BROWSER, LATEX):
        parser.addoption(
            program.option,
            action="store_true",
            help=f"fail where there is no {program.names[0]}, and do not skip its tests",
        )


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its own cache of compiled code. Workers inherit it through the environment."""
    for program in (BROWSER, LATEX):
        if config.getoption(program.option) and (missing := program.missing()):
            raise pytest.UsageError(f"{program.option}: {missing}")
    if "JETFOLD_CACHE_DIR" not in os.environ:
        config.stash[CACHE_FOLDER] = tempfile.mkdtemp(prefix="jetfold-test-cache-")
        os.environ["JETFOLD_CACHE_DIR"] = config.stash[CACHE_FOLDER]


def pytest_unconfigure(config: pytest.Config) -> None:
    if CACHE_FOLDER in config.stash:
        del os.environ["JETFOLD_CACHE_DIR"]
        shutil.rmtree(config.stash[CACHE_FOLDER], ignore_errors=True)


def pytest_collection_finish() -> None:
    """Look for garbage less often: modules, SymPy's caches and compiled code stay anyway.

    Otherwise a fifth of the time of SymPy and of compilers goes into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def same_import_path() -> Iterator[None]:
    """What a command puts on sys.path goes with its process; here, with the test."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(name, text)` compares text with the file tests/golden/name (--update-golden)."""
    return Golden(TESTS / "golden", update=request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a browser; tests that ask for it are skipped where there is none."""
    return _there(BROWSER)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """The one browser of a process: a second one of Playwright's would be refused."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=BROWSER_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def pdflatex() -> str:
    """Path of pdflatex; tests that ask for it are skipped where it, or a package, is missing."""
    return _there(LATEX)


def _there(program: Program) -> str:
    if missing := program.missing():
        pytest.skip(missing)
    assert program.path is not None
    return program.path


@pytest.fixture
def no_custom_primitives() -> Iterator[None]:
    """Programs that define primitives meet no names of other programs, and leave none."""
    from jetfold import linear
    from jetfold.rules import primitives

    with patch.dict(primitives._custom, clear=True), patch.dict(linear._known, clear=True):
        yield
