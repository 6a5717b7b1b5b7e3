"""Documents as LaTeX; nothing but amsmath and amssymb is needed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from jetfold.account.breaking import breakable, width
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

WIDEST = 31.0
"""In em: a displayed formula that is wider is set as a paragraph, in which TeX breaks lines."""

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "^": r"\textasciicircum{}", "_": r"\_", "~": r"\textasciitilde{}", "%": r"\%",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
}  # fmt: skip
_BREAKS = ".,(/_="
"""Code can be broken behind these."""
_SECTIONS = {1: "section", 2: "subsection"}

_BEGIN = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb}
\setlength{\textwidth}{150mm}
\setlength{\oddsidemargin}{4.6mm}
\setlength{\textheight}{230mm}
\setlength{\topmargin}{-12mm}
\setlength{\parindent}{0pt}
\setlength{\parskip}{6pt plus 2pt}
\allowdisplaybreaks
\begin{document}
"""
_END = "\n\\end{document}\n"


def to_latex(document: Document, complete: bool = False) -> str:
    """The document as a fragment with sections, or as a complete file for pdflatex."""
    body, before = "", None
    for block in document.blocks:
        # A displayed formula belongs to the paragraph in front of it.
        continued = isinstance(before, Paragraph) and isinstance(block, Equations)
        body += ("" if continued else "\n") + "\n".join(_lines(block)) + "\n"
        before = block
    body = body.lstrip()
    return document_of(body) if complete else body


def document_of(body: str) -> str:
    """A complete file for pdflatex with this in it."""
    return _BEGIN + body + _END


def escape(text: str) -> str:
    """A text with LaTeX's special characters, and letters that pdflatex lacks, written out."""
    return "".join(map(_character, text))


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if ord(character) < 0x180:  # Latin letters with accents are there
        return character
    name = unicodedata.name(character, "").split()
    if name[:2] == ["GREEK", "SMALL"] and len(name) == 4 and name[3] != "OMICRON":
        return rf"\ensuremath{{\{name[3].lower().replace('lamda', 'lambda')}}}"
    return rf"\texttt{{U+{ord(character):04X}}}"


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield rf"\{_SECTIONS[level]}*{{{_inline(text)}}}"
        case Paragraph(text):
            yield _inline(text)
        case Items(items):
            yield r"\begin{itemize}"
            yield from (rf"\item {_inline(item)}" for item in items)
            yield r"\end{itemize}"
        case Equations(rows):
            for fits, some in groupby(rows, _fits):
                lines = list(some)
                yield from _aligned(lines) if fits else map(_in_lines, lines)
        case Table():
            yield from _table(block)


def _inline(text: Text) -> str:
    found = ""
    for part in text:
        match part:
            case Formula(latex):
                found += f"${latex}$"
            case Code(code):
                found += rf"\texttt{{{_code(code)}}}"
            case str():
                found += escape(part)
    return found


def _code(code: str) -> str:
    return "".join(
        _character(c) + (r"\allowbreak{}" if c in _BREAKS else "")
        for c in code.replace(" ", "\u00a0")
    )


def _fits(row: Equation) -> bool:
    words = sum(0.5 * len(part) for part in row.note if isinstance(part, str))
    formulas = [row.left, row.right, *(part for part in row.note if isinstance(part, Formula))]
    return sum(width(f.latex) for f in formulas if f is not None) + words + 3 <= WIDEST


def _aligned(rows: list[Equation]) -> Iterator[str]:
    yield r"\begin{align*}"
    lines = []
    for row in rows:
        left = row.left.latex if row.left else ""
        relation = row.relation.latex if row.left else r"\quad "
        note = rf"\qquad\text{{{_inline(row.note)}}}" if row.note else ""
        lines.append(f"{left} &{relation} {row.right.latex}{note}")
    yield " \\\\\n".join(lines)
    yield r"\end{align*}"


def _in_lines(row: Equation) -> str:
    """A formula as a paragraph of its own, ragged and with a hanging indent.

    A wide left side has lines of its own.
    """
    parts = [row.right.latex]
    if row.left is not None and width(row.left.latex) > WIDEST / 2:
        parts = [row.left.latex, rf"{{}}{row.relation.latex} {row.right.latex}"]
    elif row.left is not None:
        parts = [f"{row.left.latex} {row.relation.latex} {row.right.latex}"]
    formula = r"\\ ".join(rf"$\displaystyle {breakable(part)}$" for part in parts)
    note = rf"\quad {_inline(row.note)}" if row.note else ""
    return (
        r"{\par\smallskip\raggedright\leftskip=2em\hangindent=2em\hangafter=1\noindent"
        rf"{formula}{note}\par\smallskip}}"
    )


def _table(table: Table) -> Iterator[str]:
    columns = "".join("r" if right else "l" for right in table.numbers)
    yield r"\begin{center}"
    yield rf"\begin{{tabular}}{{{columns}}}"
    yield r"\hline"
    yield " & ".join(map(_inline, table.header)) + r" \\"
    yield r"\hline"
    yield from (" & ".join(map(_inline, row)) + r" \\" for row in table.rows)
    yield r"\hline"
    yield r"\end{tabular}"
    yield r"\end{center}"
