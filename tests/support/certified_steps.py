"""Certificates of the steps of small graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jetfold.graph import Array, Constant, DirectionAxis, Editor, Graph, Replicate, Rewriting, Sum
from jetfold.graph.certificate import Certificate, Witness
from jetfold.graph.simplify import SIMPLIFY
from jetfold.graph.values import at_a_good_point, exact_values, float_values
from jetfold.rules.collapse import COLLAPSE
from rule_cases import R, X

RULES = {rule.name: rule for rule in [*COLLAPSE, *SIMPLIFY]}
Build = Callable[[Editor], int]


def witness(graph: Graph, exact: bool = True) -> Witness:
    """A point for a graph and what it is rewritten to."""
    floats, _ = at_a_good_point(float_values(), [graph])
    values = at_a_good_point(exact_values(), [graph])[0] if exact else None
    return Witness(values, floats, "not asked for")


def certified(rewriting: Rewriting, exact: bool = True) -> list[Certificate]:
    """The certificates of all steps."""
    known = witness(rewriting.initial, exact)
    return [certificate for _, certificate in known.certify(rewriting)]


def built(build: Build) -> Graph:
    """The graph of one output that is built."""
    editor = Editor()
    return editor.freeze([build(editor)])


def copies(e: Editor, leaf: Any = X, axis: DirectionAxis = R) -> int:
    """A leaf copied along an axis."""
    return e.add(Replicate(axis), e.add(leaf))


def sum_r(e: Editor, node: int) -> int:
    """The sum over r."""
    return e.add(Sum((), ("r",)), node)


def fixed(e: Editor, value: Any, *axes: DirectionAxis) -> int:
    """A constant."""
    return e.add(Constant(Array(np.asarray(value, dtype=np.float64)), axes))
