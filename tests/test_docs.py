"""What the documentation shows is what happens: code, output, pictures, names, commands, links."""

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from doc_blocks import blocks, rerun
from golden import Golden
from jetfold import demo
from jetfold.__main__ import parser
from jetfold.graph import contractions
from jetfold.graph.calls import FUNCTIONS
from jetfold.graph.ufuncs import EXPRESSIONS

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("docs", "docs/course", "docs/reference")
PAGES = [
    "README.md",
    *(
        str(path.relative_to(ROOT))
        for name in FOLDERS
        for path in sorted((ROOT / name).glob("*.md"))
    ),
]
SOURCES = ("graph", "rules", "backends", "jetfold")


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.fixture
def documented(request: pytest.FixtureRequest) -> Golden:
    """Compares a page, or a picture, with what it should be now (--update-golden)."""
    return Golden(ROOT, update=request.config.getoption("--update-golden"))


@pytest.mark.usefixtures("no_custom_primitives")
@pytest.mark.parametrize("page", PAGES)
def test_code_prints_what_the_page_shows(
    page: str, documented: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what the page's code writes
    documented(page, rerun(read(page)))
    for drawn in tmp_path.glob("*.svg"):
        shown = (ROOT / page).parent / drawn.name
        if documented.update:
            shown.write_bytes(drawn.read_bytes())
        same = shown.read_bytes() == drawn.read_bytes()
        assert same, f"the code on {page} draws another {drawn.name} now (--update-golden)"


def test_picture_is_what_the_demonstration_draws(tmp_path: Path, documented: Golden) -> None:
    demo.draw(tmp_path / "collapse.svg")
    drawn = (tmp_path / "collapse.svg").read_text(encoding="utf-8")
    if documented.update:
        documented("docs/pictures/collapse.svg", drawn)
    same = read("docs/pictures/collapse.svg") == drawn  # a difference is no text for people to read
    assert same, "make pictures draws another one now"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", read(page)) if "://" not in link]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).is_file()] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_headings(page: str) -> None:
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", read(page)):
        target = (ROOT / page).parent / link if link else ROOT / page
        headings = re.findall(r"^#+ (.*)", target.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        assert anchor in anchors, f"{link}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    named = re.findall(rf"`((?:{'|'.join(SOURCES)})/[\w/.]*)`", read(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    makefile = read("Makefile")
    text = read(page)
    for target in re.findall(r"(?:`|^)make ([\w-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for arguments in re.findall(r"(?:`|^)python -m jetfold ([^`#\n]*)", text, re.MULTILINE):
        parser().parse_args(arguments.split())
    for example in re.findall(r"(?:`|^)python (examples/\S+?\.py)", text, re.MULTILINE):
        assert (ROOT / example).is_file()


# docs/numpy.md ----------------------------------------------------------------------------------


def table_of(page: str, heading: str) -> set[str]:
    """The names in the second column of the table under a heading."""
    section = read(page).split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("|")]
    names = [name for row in rows for name in re.findall(r"`([\w.]+)`", row[2])]
    assert len(names) == len(set(names))
    return set(names)


def test_table_of_elementwise_functions_is_complete() -> None:
    assert table_of("docs/numpy.md", "Elementwise functions") == set(EXPRESSIONS)


def test_table_of_functions_of_arrays_is_complete() -> None:
    functions: list[Any] = [*FUNCTIONS, *contractions.UFUNCS]
    elementwise = {"numpy." + name for name in EXPRESSIONS}
    known = {f"{f.__module__}.{f.__name__}" for f in functions} - elementwise
    documented = table_of("docs/numpy.md", "Functions of arrays")
    newer = {name for name in documented if not hasattr(np, name.partition(".")[0])}
    assert {f"numpy.{name}" for name in documented - newer} == known


# README.md --------------------------------------------------------------------------------------


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    required = {re.split(r"[<>=!~\[ ]", line)[0] for line in project["dependencies"]}
    section = read("README.md").split("## Dependencies\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| (\w+) \|", section, re.MULTILINE)) - {"package"} == required


def test_first_screen_says_what_it_is_and_how_to_start() -> None:
    first = "\n".join(read("README.md").splitlines()[:40])
    assert "make demo" in first
    assert "make test" in first
    code = next(block.text for block in blocks(first) if block.language == "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
