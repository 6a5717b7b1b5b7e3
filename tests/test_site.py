"""The documentation as a site: it builds without a warning, and its links lead somewhere."""

import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import jetfold as jf

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


def test_site_builds_as_make_docs_does_and_without_a_warning(tmp_path: Path) -> None:
    options = [*makefile_options(), "-d", str(tmp_path / "cache"), "-b", "html"]
    built = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", *options, str(DOCS), str(built)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (run.returncode, run.stderr, run.stdout) == (0, "", "")

    pages = [path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")]
    assert [str(page) for page in pages if not (built / page).is_file()] == []
    for page in built.glob("course/*.html"):
        assert "<math" in page.read_text(encoding="utf-8"), page.name
    scripts = "".join(page.read_text(encoding="utf-8") for page in built.glob("*.html"))
    assert not re.search(r'(?:src|href)="(?:https?:)?//[^"]*\.(?:js|css|woff2?)"', scripts)
    assert "MathJax" not in scripts


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
