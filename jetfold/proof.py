"""The certificates of a whole derivation, chapter after chapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jetfold.chapters import Chapter
from jetfold.derivation import Derivation
from jetfold.graph import Step
from jetfold.graph.certificate import Certificate


@dataclass(frozen=True)
class TaylorStep:
    """A step of the chapter "taylor": the coefficients of one node of the function's graph."""

    index: int
    node: int
    title: str


class Proved(NamedTuple):
    """A certificate and what it is of: a step of a chapter, or (step None) a whole chapter."""

    chapter: Chapter
    step: Step | TaylorStep | None
    certificate: Certificate


def certificates(derivation: Derivation) -> Iterator[Proved]:
    """The certificates of all chapters in order, as they are computed.

    A rewriting has one for each step; "taylor" has one for each node of the function; a chapter
    whose graph is made directly has one with step None. What is traced is not certified.
    """
    yield from ()
