"""A derivation at a glance, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Iterator

from jetfold.account.costs import counts
from jetfold.account.document import Block, Code, Document, Heading, Paragraph, text
from jetfold.account.html import to_html
from jetfold.account.operators import wanted_of
from jetfold.account.sought import Sought, sought
from jetfold.account.wanted import Wanted
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.derivation import Derivation
from jetfold.graph.draw import to_svg_pair

MOST_DRAWN = 60
"""Nodes of the largest graph that is drawn."""


def summary(derivation: Derivation) -> str:
    """What is wanted, the counts chapter by chapter, and the graphs before and after, as HTML."""
    told = to_html(Document(tuple(_blocks(derivation))))
    before, after = derivation.shared_graph, derivation.final_graph
    captions = "standard Taylor mode", f"what runs: {derivation.chosen}"
    if isinstance(derivation, AdjointDerivation):
        before, captions = derivation.function_graph, ("the function", "with its adjoint")
    if max(len(before), len(after)) > MOST_DRAWN:
        return told
    picture = to_svg_pair(before, after, captions)
    return f'{told}\n<div style="overflow-x: auto">{picture}</div>'


def _blocks(derivation: Derivation) -> Iterator[Block]:
    if derivation.about is not None:
        if isinstance(derivation, AdjointDerivation):
            wanted: Sought | Wanted = sought(derivation)
        else:
            wanted = wanted_of(derivation.about)
        yield Heading(wanted.title, 1)
        yield from wanted.blocks
    yield counts(derivation)
    yield Paragraph(
        text(
            "The method ",
            Code(derivation.chosen),
            f" runs, after {len(derivation.steps)} steps of rewriting. In words: ",
            Code("print(d.explain())"),
            "; to walk through: ",
            Code('d.to_html("derivation.html")'),
            ".",
        )
    )
