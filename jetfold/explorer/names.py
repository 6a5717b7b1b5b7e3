"""Formulas of nodes in LaTeX, in the names that the page uses."""

from __future__ import annotations

import re

from jetfold.graph import Graph
from jetfold.graph.text import describe


def _text(plain: str) -> str:
    return r"\text{" + re.sub(r"([\\_&%#${}])", r"\\\1", plain) + "}"


def value(graph: Graph, node: int) -> str:
    return _text(f"%{node}")


def equation(graph: Graph, node: int) -> str:
    names = {n: f"%{n}" for n in (node, *graph.operands(node))}
    return _text(f"%{node} = {describe(graph, node, names)}")
