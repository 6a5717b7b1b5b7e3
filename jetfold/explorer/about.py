"""What each chapter is about, in a paragraph with the numbers of the function at hand."""

from __future__ import annotations

from html import escape

from jetfold.chapters import Chapter
from jetfold.derivation import Derivation


def title(derivation: Derivation) -> str:
    """What is derived: the operator as it was made."""
    return "Derivation" if derivation.about is None else repr(derivation.about.operator)


def subtitle(derivation: Derivation) -> str:
    """The shape of a point, and the method that runs."""
    runs = f"method {derivation.chosen} runs"
    if derivation.about is None:
        return runs
    point = derivation.about.point
    return f"{point.name}: {point.type.shape}, {runs}"


def about(chapter: Chapter, derivation: Derivation) -> str:
    """A paragraph about a chapter, as HTML."""
    return escape(chapter.title)
