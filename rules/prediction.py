"""What the methods will cost, before any of their graphs is made.

A value of the function turns into some number of vectors, each of which takes part in the matrix
products; and an elementwise function takes so many multiplications of coefficients: the terms of
Faa di Bruno's formula for every direction, or those of the algebra's tables.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sympy.utilities.iterables import partitions

from jetfold.graph import Contract, Graph, Map, MatrixFunction
from jetfold.rules.cost import operations_of
from jetfold.rules.form import FormAlgebra
from jetfold.rules.interpolation import families
from jetfold.rules.jet_algebra import JetAlgebra
from jetfold.rules.matrix import solution
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.problem import Problem

EFFORT = {"standard": 1, "collapsed": 1, "nested": 3, "minimal": 2}
"""How long a term takes, measured in small functions on a CPU.

The factors of a term of a table are found by their indices; nested operators pass intermediate
values through memory.
"""


class Jets(NamedTuple):
    """How many vectors a value turns into, and how many terms an elementwise function takes."""

    vectors: int
    terms: int


def predict(graph: Graph, problem: Problem) -> dict[str, int]:
    """Operations for one point by each method that the problem has: those of the products, and
    the terms weighted by `EFFORT`.
    """
    polynomials = [functional.polynomial for functional in problem.functionals]
    found = {
        "standard": straight_jets(polynomials, collapsed=False),
        "collapsed": straight_jets(polynomials, collapsed=True),
        "minimal": minimal_jets((problem.at_points or problem).algebra),
    }
    if problem.factors:
        steps = [straight_jets([factor], collapsed=True) for factor in problem.factors]
        vectors, terms = (math.prod(step[i] for step in steps) for i in range(2))
        found["nested"] = Jets(vectors, terms)
    products = elements = inverses = 0
    for node in graph.varying:
        match graph[node].op:
            case Contract():
                products += operations_of(graph, node)
                if solution(graph, node) is not None:
                    inverses += operations_of(graph, node)
            case Map():
                elements += graph[node].type.elements
            case MatrixFunction(name):  # each coefficient meets the inverse, then others
                kind = graph[graph.operands(node)[0]].type
                effort = 2 * kind.elements * kind.shape[-1]
                if name == "inverse" and all(solution(graph, user) for user in graph.users(node)):
                    continue
                products += effort
                inverses += effort if name == "inverse" else 0
    return {
        method: jets.vectors * products + jets.terms * (2 * EFFORT[method] * elements + inverses)
        for method, jets in found.items()
    }


def straight_jets(polynomials: Sequence[Polynomial], *, collapsed: bool) -> Jets:
    """Jets along straight lines; collapsed, the highest coefficients of a family are one sum."""
    vectors, terms = 1, 0
    for family in families(polynomials):
        count, order = len(family.directions), family.order
        top = 1 if collapsed else count
        vectors += (order - 1) * count + top
        terms += sum(count * len(list(_partitions(k))) for k in range(1, order + 1)) - count + top
    return Jets(vectors, terms)


def minimal_jets(algebra: JetAlgebra | FormAlgebra) -> Jets:
    """Jets in the algebra."""
    terms = sum(map(len, algebra.blocks.values()))
    if isinstance(algebra, FormAlgebra):
        return Jets(algebra.dimension, terms + len(algebra.pairs))
    for order in range(2, max(algebra.blocks, default=0) + 1):
        for parts in _partitions(order):
            if len(parts) > 1:
                for target in algebra.blocks:
                    terms += len(algebra.product(parts, (0,) * len(parts), target).target)
    return Jets(algebra.dimension, terms)


def _partitions(order: int) -> Iterator[tuple[int, ...]]:
    """The ways to write an order as a sum, one for each term of Faa di Bruno's formula."""
    for counts in partitions(order):
        yield tuple(part for part, times in counts.items() for _ in range(times))
