"""The course: formulas that GitHub and the site both show, pictures, exercises with solutions."""

import re
import runpy
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import latex2mathml.converter
import pytest
from markdown_it import MarkdownIt

COURSE = Path(__file__).resolve().parent.parent / "docs" / "course"
PAGES = sorted(path.name for path in COURSE.glob("*.md"))
DRAWING = runpy.run_path(str(COURSE / "draw.py"))

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\$)\$([^$]+)\$(?!\$)", re.DOTALL)


def read(page: str) -> str:
    return (COURSE / page).read_text(encoding="utf-8")


def formulas(page: str) -> Iterator[re.Match[str]]:
    prose = re.sub(r"`[^`]*`", "", FENCED.sub("", read(page)))
    assert prose.replace("$$", "").count("$") % 2 == 0
    return FORMULA.finditer(prose)


def test_five_pages_follow_one_another() -> None:
    assert [page[0] for page in PAGES] == list("12345")
    for page, following in pairwise(PAGES):
        assert re.match(rf"Next: \[.+\]\({following}\)", read(page).splitlines()[-1])


@pytest.mark.parametrize("page", PAGES)
def test_formulas_become_mathml(page: str) -> None:
    for found in formulas(page):
        mathml = latex2mathml.converter.convert(found[1] or found[2])
        assert "\\" not in mathml, found[0]  # a command that it does not know


@pytest.mark.parametrize("page", PAGES)
def test_markdown_leaves_formulas_alone(page: str) -> None:
    r"""GitHub reads Markdown first: it takes the backslash of ``\,``, and ``_a_`` for emphasis."""
    tokens = MarkdownIt("commonmark").enable("table").parse(FENCED.sub("", read(page)))
    inline = [token for token in tokens if token.type == "inline"]
    texts = [
        "".join("\n" if part.type == "softbreak" else part.content for part in token.children or ()
                if part.type in ("text", "softbreak"))
        for token in inline
    ]  # fmt: skip
    shown = "\n\n".join(texts)
    for found in formulas(page):
        assert found[0] in shown, found[0]


@pytest.mark.parametrize("page", PAGES)
def test_inline_formulas_stand_apart(page: str) -> None:
    """GitHub takes a dollar for the sign of money where letters or digits touch it."""
    for found in formulas(page):
        if found[2]:
            before, after = found.string[found.start() - 1], found.string[found.end()]
            assert before in " \n(", found[0]
            assert after in " \n.,;:)?!'", found[0]
            assert found[2] == found[2].strip(), found[0]


@pytest.mark.parametrize("page", PAGES)
def test_formulas_are_spaced_well(page: str) -> None:
    r"""A minus that does not begin a group in braces is taken for a subtraction."""
    for found in formulas(page):
        assert not re.search(r"[(,=] ?-", found[0]), found[0]  # write (0, {-1})
        assert "\\Big" not in found[0], found[0]  # \left( .. \right)^2 raises the square


@pytest.mark.parametrize("page", PAGES)
def test_every_exercise_has_a_solution(page: str) -> None:
    _, exercises = read(page).split("## Exercises\n")
    numbers = re.findall(r"^\*\*Exercise (\d)\*\*", exercises, re.MULTILINE)
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert 4 <= len(numbers) <= 6
    for exercise in exercises.split("**Exercise ")[1:]:
        assert re.search(
            r"\n\n<details><summary>Solution</summary>\n\n.+\n\n</details>\n", exercise, re.DOTALL
        ), exercise


@pytest.mark.parametrize("page", PAGES)
def test_solutions_are_folded_but_markdown(page: str) -> None:
    """The tags of a solution are blocks of HTML, and what stands between them is Markdown."""
    tokens = MarkdownIt("commonmark").parse(read(page))
    tags = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert tags == ["<details><summary>Solution</summary>", "</details>"] * (len(tags) // 2)


@pytest.mark.parametrize("name", DRAWING["PICTURES"])
def test_pictures_are_what_is_drawn(name: str) -> None:
    same = read(name) == DRAWING["drawn"](name)
    assert same, f"python docs/course/draw.py draws another {name} now"


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_is_drawn_by_code(page: str) -> None:
    for name in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", read(page)):
        assert name in DRAWING["PICTURES"] or f'"{name}"' in read(page)
