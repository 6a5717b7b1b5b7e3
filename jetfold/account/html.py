"""Documents as HTML with MathML, for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

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
from jetfold.mathml import mathml

_TAGS = {1: "h3", 2: "h4"}
DISPLAY_STYLE = 'display="inline" displaystyle="true"'
_DISPLAYED = "margin: 0.3em 0 0.3em 2em; overflow-x: auto"


def to_html(document: Document) -> str:
    """The document as one ``div``, without styles of its own beyond the layout of formulas."""
    body = "\n".join(line for block in document.blocks for line in _lines(block))
    return f"<div>\n{body}\n</div>"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"<{_TAGS[level]}>{_inline(text)}</{_TAGS[level]}>"
        case Paragraph(text):
            yield f"<p>{_inline(text)}</p>"
        case Items(items):
            yield "<ul>"
            yield from (f"<li>{_inline(item)}</li>" for item in items)
            yield "</ul>"
        case Equations(rows):
            yield from map(_equation, rows)
        case Table():
            yield "<table>"
            yield from _row(table=block, cells=block.header, tag="th")
            for row in block.rows:
                yield from _row(block, row, "td")
            yield "</table>"


def _inline(text: Text) -> str:
    found = ""
    for part in text:
        match part:
            case Formula(latex):
                found += mathml(latex)
            case Code(code):
                found += f"<code>{escape(code)}</code>"
            case str():
                found += escape(part)
    return found


def _equation(row: Equation) -> str:
    left = f"{row.left.latex} {row.relation.latex} " if row.left else ""
    note = f"&#8195;{_inline(row.note)}" if row.note else ""
    # As large as a displayed one, but not in the middle.
    formula = mathml(left + row.right.latex, "block").replace('display="block"', DISPLAY_STYLE, 1)
    return f'<div style="{_DISPLAYED}">{formula}{note}</div>'


def _row(table: Table, cells: tuple[Text, ...], tag: str) -> Iterator[str]:
    yield "<tr>"
    for cell, right in zip(cells, table.numbers, strict=True):
        style = f"padding: 0 0.7em; text-align: {'right' if right else 'left'}"
        yield f'<{tag} style="{style}">{_inline(cell)}</{tag}>'
    yield "</tr>"
