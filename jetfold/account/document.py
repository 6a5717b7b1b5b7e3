"""A small document: headings, paragraphs, displayed formulas, tables; written once, shown thrice.

Plain text, LaTeX and HTML are made of it by `jetfold.account.plain`, `tex` and `html`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in LaTeX and in plain characters; both say the same."""

    latex: str
    plain: str


@dataclass(frozen=True, slots=True)
class Code:
    """A name or a piece of code, as it is written in a program."""

    text: str


Inline = str | Formula | Code
Text = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """``level`` 1 is the title of the whole, 2 that of a section."""

    text: Text
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Text


@dataclass(frozen=True, slots=True)
class Equation:
    """``left relation right``, and a remark behind it; a formula alone has no left side."""

    left: Formula | None
    right: Formula
    note: Text = ()
    relation: Formula = Formula("=", "=")


@dataclass(frozen=True, slots=True)
class Equations:
    """Displayed formulas, one below the other."""

    rows: tuple[Equation, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list of short texts."""

    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; numbers stand to the right, below the end of their column's title."""

    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    numbers: tuple[bool, ...]
    """For each column, whether it holds numbers."""


Block = Heading | Paragraph | Equations | Items | Table


@dataclass(frozen=True, slots=True)
class Document:
    blocks: tuple[Block, ...]


def text(*parts: Inline) -> Text:
    """A text of words, formulas and code."""
    return parts


def joined(texts: Iterable[Text], between: str = ", ", last: str = " and ") -> Text:
    """The texts in a row: ``a, b and c``."""
    parts = list(texts)
    found: list[Inline] = []
    for i, part in enumerate(parts):
        if i:
            found.append(last if i == len(parts) - 1 else between)
        found += part
    return tuple(found)
