"""Documents as plain text, for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from jetfold.account.breaking import pieces
from jetfold.account.document import (
    Block,
    Code,
    Document,
    Equation,
    Equations,
    Formula,
    Heading,
    Items,
    Paragraph,
    Table,
    Text,
)

WIDTH = 92
UNBROKEN = 30
"""A formula of up to so many characters stays in one line of a paragraph."""
INDENT = 4
WIDEST_LEFT = 24
"""Left sides that are wider do not push the others out."""

_RULES = {1: "=", 2: "-"}
_FIXED = "\0"
"""Stands for a space at which no line is broken."""


def to_text(document: Document) -> str:
    """The document in lines of at most `WIDTH` characters, formulas that cannot be broken aside."""
    return "\n\n".join("\n".join(_lines(block)) for block in document.blocks) + "\n"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            title = _inline(text).replace(_FIXED, " ")
            yield title
            yield _RULES[level] * len(title)
        case Paragraph(text):
            yield from _filled(text, "", "")
        case Items(items):
            for item in items:
                yield from _filled(item, "  * ", "    ")
        case Equations(rows):
            left = [len(row.left.plain) for row in rows if row.left]
            width = max((n for n in left if n <= WIDEST_LEFT), default=0)
            for row in rows:
                yield from _equation(row, width)
        case Table():
            yield from _table(block)


def _inline(text: Text) -> str:
    found = ""
    for part in text:
        match part:
            case Formula(_, plain):
                short = len(plain) <= UNBROKEN
                found += plain.replace(" ", _FIXED) if short else plain
            case Code(code):
                found += code
            case str():
                found += part
    return found


def _filled(text: Text, first: str, following: str) -> list[str]:
    lines = textwrap.wrap(
        _inline(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_FIXED, " ") for line in lines]


def _equation(row: Equation, width: int) -> Iterator[str]:
    """The equation, broken before terms; the remark stands behind it, or below."""
    start, relation = " " * INDENT, ""
    lines = [start]
    if row.left is not None:
        relation = f" {row.relation.plain} "
        together = INDENT + len(row.left.plain + relation + row.right.plain)
        if len(row.left.plain) > WIDEST_LEFT and together <= WIDTH:
            lines = [f"{start}{row.left.plain}{relation}"]
        elif len(row.left.plain) > WIDEST_LEFT:
            lines = list(_broken(row.left.plain, start, 2 * INDENT))
            lines.append(" " * INDENT + relation)
        else:
            lines = [f"{start}{row.left.plain:>{width}}{relation}"]
    hanging = min(len(lines[-1]), WIDEST_LEFT + INDENT)
    lines[-1:] = _broken(row.right.plain, lines[-1], hanging)
    note = _inline(row.note).replace(_FIXED, " ")
    if note and len(lines[-1]) + len(note) + 3 <= WIDTH:
        lines[-1] += f"   {note}"
    elif note:
        deep = " " * 3 * INDENT
        lines += textwrap.wrap(note, WIDTH, initial_indent=deep, subsequent_indent=deep)
    yield from lines


def _broken(formula: str, start: str, hanging: int) -> Iterator[str]:
    """A formula in lines, the first of which begins with ``start``."""
    line, empty = start, True
    for piece in pieces(formula, WIDTH - hanging):
        if not empty and len(line) + len(piece) > WIDTH:
            yield line
            line = " " * hanging + piece.lstrip()
        else:
            line += piece
        empty = False
    yield line


def _table(table: Table) -> Iterator[str]:
    rows = [[_inline(cell).replace(_FIXED, " ") for cell in row] for row in table.rows]
    header = [_inline(cell).replace(_FIXED, " ") for cell in table.header]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        padded = [
            f"{cell:>{width}}" if right else f"{cell:<{width}}"
            for cell, width, right in zip(cells, widths, table.numbers, strict=True)
        ]
        return ("  " + "   ".join(padded)).rstrip()

    yield line(header)
    yield "  " + "-" * (sum(widths) + 3 * (len(widths) - 1))
    yield from map(line, rows)
