"""The certificates of a whole derivation, chapter after chapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import sympy as sp

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.graph import Constant, Graph, Map, MatrixFunction, Op, Step
from jetfold.graph.certificate import Certificate, Witness
from jetfold.graph.formula import spelled_out
from jetfold.graph.notation import LATEX, PLAIN
from jetfold.graph.values import at_a_good_point, exact_values, float_values
from jetfold.rules.adjoint_certificate import certify_handed
from jetfold.rules.cost import operations_of
from jetfold.rules.taylor_certificate import certify_coefficients

MOST_WHOLE_OPERATIONS, MOST_OPERATIONS = 10_000_000, 300_000
"""Operations of a graph up to which it is computed in rationals: some seconds for a derivation.

There may be more where nothing is divided, so that most numbers are whole.
"""

FRACTION = 1 << 10
"""A constant that is no multiple of 1 / 1024 is such that its powers have long denominators."""


@dataclass(frozen=True)
class NodeStep:
    """A step of "taylor" or "adjoint": what is made of one node of the function's graph."""

    index: int
    node: int
    title: str


class Proved(NamedTuple):
    """A certificate and what it is of: a step of a chapter, or (step None) a whole chapter."""

    chapter: Chapter
    step: Step | NodeStep | None
    certificate: Certificate


def certificates(derivation: Derivation) -> Iterator[Proved]:
    """The certificates of all chapters in order, as they are computed.

    A rewriting has one for each step; "taylor" and "adjoint" have one for each node of the
    function. A chapter whose graph is made directly has one with step None: its outputs are those
    of standard Taylor mode, or both sides of <g, J v> = <J^T g, v> are equal for an adjoint. So has
    one that begins with a graph of its own, in which equal nodes of the graph before have been
    merged. What is traced is not certified.
    """
    told = chapters(derivation)
    graphs = [chapter.graph for chapter in told]
    if isinstance(derivation, AdjointDerivation):
        graphs.append(derivation.dot_products(derivation.final_graph)[0])
    witness = _witness(derivation, graphs)
    graph = graphs[1]
    for chapter in told:
        if isinstance(derivation, AdjointDerivation) and chapter.key in ("adjoint", "call"):
            yield from _adjoint(derivation, chapter, witness)
        elif chapter.rewriting is not None:
            if chapter.rewriting.initial is not graph:
                yield Proved(chapter, None, witness.compare(graph, chapter.rewriting.initial))
            for step, certificate in witness.certify(chapter.rewriting):
                yield Proved(chapter, step, certificate)
        elif chapter.key == "taylor":
            yield from _taylor(derivation, chapter, witness)
        elif chapter.method is not None:
            standard = derivation.taylor_graph
            yield Proved(chapter, None, witness.compare(standard, chapter.graph))
        graph = chapter.graph


def _adjoint(derivation: AdjointDerivation, chapter: Chapter, witness: Witness) -> Iterator[Proved]:
    """Node by node what is handed on, and the dot products with the adjoint as a whole.

    In the last chapter it is the graph that runs of which these are made.
    """
    function, adjoint = derivation.function_graph, derivation.adjoint
    graph = chapter.graph
    if chapter.key == "adjoint":
        for index, handed in enumerate(adjoint.handed):
            found = certify_handed(function, adjoint, derivation.active, handed, witness)
            if found is not None:
                title = f"Transpose of {PLAIN.equation(function, handed.node)}"
                yield Proved(chapter, NodeStep(index, handed.node, title), found)
    else:
        graph = derivation.final_graph
    yield Proved(chapter, None, witness.agree(*derivation.dot_products(graph)))


def _taylor(derivation: Derivation, chapter: Chapter, witness: Witness) -> Iterator[Proved]:
    pushed = derivation.pushed_jets()
    if pushed is None:  # made by who does not tell how
        return
    function = pushed.function
    index = 0
    for node in function.order:
        certificate = certify_coefficients(pushed, chapter.graph, node, witness)
        if certificate is not None:
            title = f"Taylor rule of {PLAIN.equation(function, node)}"
            yield Proved(chapter, NodeStep(index, node, title), certificate)
            index += 1


def _witness(derivation: Derivation, graphs: list[Graph]) -> Witness:
    notation = LATEX.of(derivation.function_graph)
    floats, _ = at_a_good_point(float_values(), graphs)
    most = max(map(_operations, graphs))
    if most > (MOST_WHOLE_OPERATIONS if all(map(_stays_whole, graphs)) else MOST_OPERATIONS):
        remark = f"no exact check: {most} operations are too many for rational arithmetic"
        return Witness(None, floats, remark, notation)
    exact, found = at_a_good_point(exact_values(), graphs)
    if not found:
        remark = "no exact check: no random rational point was found where all values are defined"
        return Witness(None, floats, remark, notation)
    return Witness(exact, floats, "", notation)


def _operations(graph: Graph) -> int:
    """In rationals each number of a value costs as much as some operations, even if only moved."""
    return sum(operations_of(graph, node) + 10 * graph[node].type.elements for node in graph)


def _stays_whole(graph: Graph) -> bool:
    """Whether nothing is divided but by a few fixed numbers, so that denominators do not grow."""
    return all(_divides_by_little(graph[node].op) for node in graph)


def _divides_by_little(op: Op) -> bool:
    match op:
        case Constant(array):
            return bool((array.value * FRACTION == np.rint(array.value * FRACTION)).all())
        case Map(expr):
            return not any(power.exp.is_negative for power in spelled_out(expr).atoms(sp.Pow))
        case MatrixFunction(name):
            return name != "inverse"
    return True
