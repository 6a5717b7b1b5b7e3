"""Collapsing: each rule alone, whole functions in exact arithmetic, and how far sums get."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp

import exact
import jetfold as jf
from golden import Golden
from jetfold.graph import (
    Array,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Map,
    Parameter,
    Replicate,
    Reshape,
    Rewriting,
    Rule,
    Slice,
    Sum,
    Transpose,
    Type,
    operand_symbol,
    rewrite,
    simplify,
)
from jetfold.graph.simplify import LINEAR_OF_ZERO
from jetfold.rules.collapse import COLLAPSE, PULL_SUM, PUSH_REPLICATE, split
from jetfold.rules.operators import direction_sum, unit_directions
from rule_cases import R1, Build, M, R, S, V, W, X, file_name, leaves_alone, story
from sample_functions import SAMPLES, Sample

A, B, C, D = map(operand_symbol, range(4))
Y = Parameter("y", Type((3,), (R,)))
BOTH = Parameter("both", Type((3,), (R, R1)))


def copies(e: Editor, leaf: Any = X, axis: DirectionAxis = R) -> int:
    return e.add(Replicate(axis), e.add(leaf))


def sum_r(e: Editor, node: int) -> int:
    return e.add(Sum((), ("r",)), node)


CASES: dict[str, dict[str, Build]] = {
    "push replicate through a function": {
        "all operands are copies": lambda e: e.add(Map(sp.tanh(A)), copies(e)),
        "a copy meets directions": lambda e: e.add(Map(A * B), copies(e), e.add(V)),
        "copies along two axes": lambda e: e.add(
            Map(A + B), e.add(Replicate(R), e.add(Map(sp.sin(A)), e.add(X))), copies(e, axis=S)
        ),
        "copies become the same operand": lambda e: e.add(Map(A * B), copies(e), e.add(X)),
        "contraction": lambda e: e.add(Contract("a,ab->b"), copies(e), e.add(W)),
        "contraction of a copy with itself": lambda e: e.add(
            Contract("a,a->"), copies(e), copies(e)
        ),
        "transposition": lambda e: e.add(Transpose((1, 0)), copies(e, M)),
        "gather": lambda e: e.add(Gather(Array(np.array([2, 0, -1]))), copies(e)),
        "axis of directions": lambda e: e.add(Direct(1, S), copies(e, M)),
        "one of two parts": lambda e: e.add(Concatenate(0), copies(e), e.add(V)),
        "all parts": lambda e: e.add(Concatenate(0), copies(e), e.add(X)),
    },
    "push replicate through a sum": {
        "over positions": lambda e: e.add(Sum((0,)), copies(e)),
        "over other directions": lambda e: sum_r(e, copies(e, V, S)),
    },
    "sum of copies": {"copies": lambda e: sum_r(e, copies(e))},
    "sum of an axis": {"axis": lambda e: sum_r(e, e.add(Direct(0, R), e.add(M)))},
    "pull a sum through a linear map": {
        "contraction": lambda e: sum_r(e, e.add(Contract("a,ab->b"), e.add(V), e.add(W))),
        "slice": lambda e: sum_r(e, e.add(Slice((2,), (-1,), (2,)), e.add(V))),
        "reshape": lambda e: sum_r(e, e.add(Reshape((3, 1)), e.add(V))),
        "copies along another axis": lambda e: sum_r(e, copies(e, V, S)),
        "another axis of directions": lambda e: sum_r(
            e, e.add(Direct(0, S), e.add(Contract("a,b->ba"), e.add(V), e.add(X)))
        ),
        "a part without directions counts R times": lambda e: sum_r(
            e, e.add(Concatenate(0), e.add(V), e.add(X))
        ),
        "sum over positions": lambda e: sum_r(e, e.add(Sum((0,)), e.add(V))),
        "of two sums the later axis first": lambda e: e.add(
            Sum((), ("r1",)), sum_r(e, e.add(BOTH))
        ),
    },
    "pull a sum through a function": {
        "terms": lambda e: sum_r(
            e, e.add(Map(A * B + sp.sin(B) * C**2 + sp.exp(B)), e.add(V), e.add(X), e.add(Y))
        ),
        "selection": lambda e: sum_r(
            e, e.add(Map(sp.Piecewise((A * B, B > 0), (A**2, True))), e.add(V), e.add(X))
        ),
        "a power of a sum": lambda e: sum_r(e, e.add(Map((A + B) ** 2), e.add(V), e.add(X))),
        "factors go out, equal factors share": lambda e: sum_r(
            e, e.add(Map(-6 * B * A**2 + 2 * B * A * C), e.add(V), e.add(X), e.add(Y))
        ),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "rule", [rule for rule in COLLAPSE if rule is not LINEAR_OF_ZERO], ids=lambda rule: rule.name
)
def test_what_each_rule_does(rule: Rule, golden: Golden) -> None:
    golden(file_name(rule), story(rule, CASES[rule.name]))


def test_every_rule_has_cases() -> None:
    """The one that is left out is tested with the clean-up rules."""
    assert set(CASES) | {LINEAR_OF_ZERO.name} == {rule.name for rule in COLLAPSE}


UNTOUCHED: dict[str, Build] = {
    "a product of two that depend on the direction": lambda e: sum_r(
        e, e.add(Map(A * B), e.add(V), e.add(Y))
    ),
    "a contraction of two that depend on it": lambda e: sum_r(
        e, e.add(Contract("a,a->"), e.add(V), e.add(Y))
    ),
    "a function of a direction": lambda e: sum_r(e, e.add(Map(sp.tanh(A)), e.add(V))),
    "a selection by direction": lambda e: sum_r(
        e, e.add(Map(sp.Piecewise((A, A > 0), (0, True))), e.add(V))
    ),
    "two sums in order": lambda e: sum_r(e, e.add(Sum((), ("r1",)), e.add(BOTH))),
    "a leaf": lambda e: sum_r(e, e.add(V)),
    "a sum over positions and directions": lambda e: e.add(Sum((0,), ("r",)), copies(e)),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_no_rule_touches(name: str) -> None:
    assert leaves_alone(PULL_SUM, UNTOUCHED[name])


# Splitting expressions ----------------------------------------------------------------------------


SUMS = s0, s1 = sp.symbols("s0 s1", real=True)


@pytest.mark.parametrize(
    ("expr", "outer", "inner"),
    [
        (A, s0, (A,)),
        (C * A, C * s0, (A,)),
        (C, 3 * C, ()),
        (sp.Integer(7), 21, ()),
        (A + B, s0 + s1, (A, B)),
        (A * B, s0, (A * B,)),
        (2 * C * A * B, 2 * C * s0, (A * B,)),
        (sp.tanh(C) * A + sp.exp(A) + C, sp.tanh(C) * s0 + s1 + 3 * C, (A, sp.exp(A))),
        (A / C + B / C, s0 / C + s1 / C, (A, B)),
        (A * (C + B), C * s0 + s1, (A, A * B)),
        (C * A**2 + C * B**2, C * s0, (A**2 + B**2,)),
        (1 / (A + B) ** 2, s0, ((A + B) ** -2,)),
        (C * (A**2 + D * B), C * s0 + C * D * s1, (A**2, B)),
        ((A + C) ** 2, 3 * C**2 + 2 * C * s0 + s1, (A, A**2)),
        (sp.tanh(A + C), s0, (sp.tanh(A + C),)),
        (sp.Piecewise((A * C, C > 0), (1, True)), sp.Piecewise((C * s0, C > 0), (3, True)), (A,)),
        (sp.Piecewise((A, A > C), (C, True)), s0, (sp.Piecewise((A, A > C), (C, True)),)),
        (
            D * sp.Piecewise((A, A > C), (C, True)),
            D * s0,
            (sp.Piecewise((A, A > C), (C, True)),),
        ),
    ],
)
def test_split(expr: sp.Expr, outer: sp.Expr, inner: tuple[sp.Expr, ...]) -> None:
    """a0 and a1 depend on the direction, a2 and a3 do not; there are 3 directions.

    s0, s1, .. stand for the sums of the inner expressions in the order in which they are given.
    """
    found = split(sp.sympify(expr), frozenset({A, B}), 3)
    assert set(found.inner) == set(inner)
    names = {found.symbols[found.inner.index(term)]: SUMS[j] for j, term in enumerate(inner)}
    assert sp.expand(found.outer.subs(names, simultaneous=True) - outer) == 0


RANDOM_SPLITS = [
    sp.expand((A * C + B * D + C) ** 3),
    (A * C + B * D + C) ** 3,
    A * (B + C * (A + D * (B + A * C))),
    sp.exp(C) * (A**2 - 2 * A * B + B**2) - sp.sin(A * C) * D + 5,
    sp.Piecewise((A**2 * C + B, C > D), (sp.Piecewise((A, D > 2), (C * B, True)), True)),
    (1 - C**2) * (A - 2 * C * B**2) + sp.Piecewise((C, C > 0), (A * B, True)),
]


@pytest.mark.parametrize("expr", RANDOM_SPLITS)
def test_split_is_the_sum(expr: sp.Expr) -> None:
    """With the sums put back in, the outer expression is the sum over the directions."""
    found = split(expr, frozenset({A, B}), 3)
    point = {C: Fraction(2, 3), D: Fraction(-5, 2)}
    values = [{A: Fraction(r + 1, 3), B: Fraction(7 - r, r + 2)} for r in range(3)]
    sums = {
        symbol: sum(term.subs(point | value) for value in values)
        for symbol, term in zip(found.symbols, found.inner, strict=True)
    }
    direct = sum(expr.subs(point | value) for value in values)
    assert sp.simplify(found.outer.subs(point | sums) - direct) == 0
    assert not found.outer.free_symbols & {A, B}
    assert all(term.free_symbols & {A, B} for term in found.inner)


# Whole functions --------------------------------------------------------------------------------


def standard(sample: Sample, order: int = 2) -> Graph:
    """Standard Taylor mode for the sum of derivatives along all axes."""
    graph = sample.graph()
    return direction_sum(graph, sample.point, unit_directions(graph, sample.shape), order)


def derive(graph: Graph) -> list[Rewriting]:
    """The rewritings on the way from standard Taylor mode to the graph that runs."""
    push = rewrite(graph, PUSH_REPLICATE, "push replicate")
    pull = rewrite(push.graph, PULL_SUM, "pull sums")
    return [push, pull, simplify(pull.graph)]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_step_is_exact(name: str) -> None:
    """Push, pull and clean up, re-checked step by step in rationals; and the standard way."""
    values = exact.Exact()
    push, pull, clean = (exact.check(each, values) for each in derive(standard(SAMPLES[name])))
    exact.check(simplify(push.graph), values)
    assert exact.same(values(clean.graph), values(push.initial))
    assert not rewrite(pull.graph, COLLAPSE).steps


@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize(
    "name", ["network of tanh", "division", "stacked", "where", "quadratic form"]
)
def test_every_step_is_exact_for_higher_orders(name: str, order: int) -> None:
    values = exact.Exact()
    for rewriting in derive(standard(SAMPLES[name], order)):
        exact.check(rewriting, values)


NESTED = ["network of tanh", "quadratic form", "products", "division", "where", "tree"]


@pytest.mark.parametrize("name", NESTED)
def test_every_step_is_exact_in_nested_operators(name: str) -> None:
    sample = SAMPLES[name]

    def inner(x: Any, p: Any) -> Any:
        return jf.laplacian(sample.function)(x, p)

    values = exact.Exact()
    flat = Sample(inner, sample.shape, sample.parameters)
    for rewriting in derive(standard(flat)):
        exact.check(rewriting, values)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("name", SAMPLES)
def test_only_sums_of_the_highest_coefficient_are_left(name: str, order: int) -> None:
    """After collapsing no node is a highest coefficient for each direction."""
    push, pull, _ = derive(standard(SAMPLES[name], order))
    for node in pull.graph:
        role = pull.graph[node].role
        if role is not None and role.order == order:
            assert not pull.graph[node].type.directions
    shared = [push.graph[node] for node in push.graph]
    lowest = [node for node in shared if node.role is not None and node.role.order == 0]
    assert not any(node.type.directions for node in lowest)


def test_a_network_collapsed() -> None:
    """x -> tanh(x V + b) -> tanh(. W) -> . w: nodes of each kind at every stage, pinned.

    At first there are 7 products: orders 0 and 1 of two layers and order 2 of all three. The one
    with the zero second coefficient of x goes, then the one with the unit vectors.
    """
    push, pull, clean = derive(standard(SAMPLES["network of tanh"]))
    counts = [graph.counts() for graph in (push.initial, push.graph, pull.graph, clean.graph)]
    assert [c["Contract"] for c in counts] == [7, 7, 6, 5]
    assert [c["Replicate"] for c in counts] == [1, 0, 0, 0]
    assert [c["Sum"] for c in counts] == [1, 1, 2, 2]
    assert [c["Map"] for c in counts] == [6, 6, 8, 8]
    fired = Counter(step.rule.name for each in (push, pull, clean) for step in each.steps)
    assert fired == {
        "push replicate through a function": 8,
        "linear of zero": 2,
        "pull a sum through a linear map": 2,
        "pull a sum through a function": 2,
        "contract with unit vectors": 1,
        "put zeros and ones": 1,
        "drop a no-op": 1,
    }


def test_later_rules_do_not_come_to_the_aid_of_collapsing() -> None:
    """Every rule for sums fires in some of the samples or in a case above."""
    fired = {
        step.rule.name
        for sample in SAMPLES.values()
        for rewriting in derive(standard(sample))[:2]
        for step in rewriting.steps
    }
    assert fired >= {rule.name for rule in COLLAPSE} - {"sum of copies", "sum of an axis"}


def test_directions_with_numbers_stay_directions() -> None:
    """A sum over constants that differ from direction to direction is a constant, once."""
    directions = Constant(Array(np.array([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]])), (R,))
    graph = SAMPLES["quadratic form"].graph()
    point = SAMPLES["quadratic form"].point
    values = exact.Exact()
    for rewriting in derive(direction_sum(graph, point, directions, 2)):
        exact.check(rewriting, values)
