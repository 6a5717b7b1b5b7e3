"""Tests of pages in a real browser: skipped without one, or an error with --require-browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser

import explorer_cases
import jetfold as jf
from explorer_page import PHONE, PROJECTOR, MakePage, opened
from jetfold.derivation import Derivation
from jetfold.explorer import write_page


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", help="write pictures of pages to this folder")


@pytest.fixture(scope="session")
def make_page(tmp_path_factory: pytest.TempPathFactory) -> MakePage:
    folder = tmp_path_factory.mktemp("pages")
    made: dict[int, Path] = {}

    def make(derivation: Derivation) -> Path:
        if id(derivation) not in made:
            made[id(derivation)] = folder / f"page{len(made)}.html"
            write_page(derivation, made[id(derivation)])
        return made[id(derivation)]

    return make


@pytest.fixture(scope="session")
def network() -> Derivation:
    """A Laplacian with steps in every chapter, and sums that stop."""
    return explorer_cases.derivation("collapsed")


@pytest.fixture(scope="session")
def network_page(network: Derivation, make_page: MakePage) -> Path:
    return make_page(network)


@pytest.fixture(scope="session")
def deep_page(make_page: MakePage) -> Path:
    """A network of 64 layers: more boxes than can be looked at."""

    def deep(x: Any, matrices: Any) -> Any:
        for matrix in matrices:
            x = np.sin(x @ matrix)
        return x.sum()

    return make_page(jf.jet(deep, 2).derivation(np.ones(2), [np.eye(2)] * 64))


@pytest.fixture(scope="session", autouse=True)
def pictures(request: pytest.FixtureRequest) -> None:
    """With --screenshots DIR: pictures of the network's page, for people to look at."""
    chosen = request.config.getoption("--screenshots", default=None)
    if chosen is None:
        return
    folder = Path(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    browser: Browser = request.getfixturevalue("browser")
    path: Path = request.getfixturevalue("network_page")
    for name, size, dark in (
        ("light", PROJECTOR, False),
        ("dark", PROJECTOR, True),
        ("phone", PHONE, False),
    ):
        with opened(browser, path, "#pull/2", size, dark) as explorer:
            picture = folder / f"explorer-{name}.png"
            explorer.page.screenshot(path=picture, full_page=size is PHONE)
