"""The documentation as a site: it builds without a warning, and its links lead somewhere."""

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ViewportSize

import jetfold as jf
from explorer_page import PHONE

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
Problems = Callable[[Path], Iterator[str]]


def makefile_options() -> list[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (options,) = re.findall(r"^SPHINX_OPTIONS := (.*)$", text, re.MULTILINE)
    return str(options).split()


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> Problems:
    """The check of built pages with which a build ends."""
    monkeypatch.syspath_prepend(str(DOCS / "_site"))
    found: Problems = importlib.import_module("checks").problems
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does, where a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    options = [*makefile_options(), "-d", str(folder / "cache"), "-b", "html"]
    command = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder / "html")]
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "")
    return folder / "html"


def test_site_has_all_pages_and_needs_no_network(site: Path) -> None:
    pages = [path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")]
    assert [str(page) for page in pages if not (site / page).is_file()] == []
    for page in site.glob("course/*.html"):
        assert "<math" in page.read_text(encoding="utf-8"), page.name
    text = "".join(page.read_text(encoding="utf-8") for page in site.rglob("*.html"))
    assert not re.search(r'(?:src|href)="(?:https?:)?//[^"]*\.(?:js|css|woff2?)"', text)
    assert "MathJax" not in text


def test_site_fits_a_phone_and_axe_finds_nothing_serious(site: Path, browser: Browser) -> None:
    views: tuple[tuple[str, Literal["light", "dark"]], ...] = (
        ("index", "light"),
        ("course/3-collapsing", "dark"),
        ("reference/operators", "dark"),
    )
    phone = ViewportSize(width=PHONE[0], height=PHONE[1])
    for name, colours in views:
        with browser.new_page(viewport=phone, color_scheme=colours) as page:
            page.goto((site / f"{name}.html").as_uri())
            root = "document.documentElement"
            assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), f"{name} is too wide"
            found = Axe().run(page).response["violations"]
            serious = [each for each in found if each["impact"] in ("serious", "critical")]
            assert [(name, each["id"], each["nodes"][0]["html"]) for each in serious] == []


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("reference/*.md"))
    named = re.findall(r"^\.\. auto\w+:: (\w+)$", pages, re.MULTILINE)
    assert set(jf.__all__) - set(named) == set()


GOOD = """<html><body id="here">
<a href="other.html#there">a</a> <a href="#here">b</a> <img src="x.svg">
<a href="https://example.org/nothing">c</a> <code>$a$ and \\alpha</code> costs $5</body></html>"""


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("other.html#", "others.html#", "a link to others.html#there, which is not there"),
        ("#there", "#then", "a link to other.html#then, where there is no such place"),
        ("#here", "#nowhere", "a link to #nowhere, where there is no such place"),
        ("x.svg", "y.svg", "a link to y.svg, which is not there"),
        ("costs $5", "costs $x_5$", "LaTeX is left: $x_5$"),
        ("costs $5", r"costs \alpha", r"LaTeX is left: \alpha"),
    ],
)
def test_dead_links_and_latex_are_found(
    tmp_path: Path, problems: Problems, before: str, after: str, message: str
) -> None:
    (tmp_path / "x.svg").touch()
    (tmp_path / "other.html").write_text('<p id="there">')
    (tmp_path / "page.html").write_text(GOOD)
    assert list(problems(tmp_path)) == []
    (tmp_path / "page.html").write_text(GOOD.replace(before, after))
    assert list(problems(tmp_path)) == [f"page.html: {message}"]
