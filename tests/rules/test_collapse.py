"""Collapsing: each rule alone, whole functions in exact arithmetic, and how far sums get."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import sympy as sp

import exact
import jetfold as jf
from golden import Golden
from jetfold.graph import (
    Array,
    Collect,
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
from jetfold.rules.collapse import COLLAPSE, PULL_SUM, PUSH_REPLICATE
from problems import power_sum
from rule_cases import R1, Build, M, R, S, U, V, W, X, collect, file_name, leaves_alone, pick, story
from sample_functions import SAMPLES, Sample

A, B, C = map(operand_symbol, range(3))
Y = Parameter("y", Type((3,), (R,)))
BOTH = Parameter("both", Type((3,), (R, R1)))
NOTHING = Parameter("nothing", Type((3,), (DirectionAxis("p", 0),)))
Q = DirectionAxis("q", 4)


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
        "pick along another axis": lambda e: pick(e, copies(e, V, S), [1, 0, 1], "r", "z"),
        "collect along another axis": lambda e: collect(e, copies(e, V, S), [3, 3], "r", Q),
        "a copy picks what a value has": lambda e: e.add(
            Map(A * B), pick(e, copies(e, V, S), [1, 0, 1], "r", "q"), e.add(U)
        ),
        "one of two parts": lambda e: e.add(Concatenate(0), copies(e), e.add(V)),
        "all parts": lambda e: e.add(Concatenate(0), copies(e), e.add(X)),
    },
    "push replicate through a sum": {
        "over positions": lambda e: e.add(Sum((0,)), copies(e)),
        "over other directions": lambda e: sum_r(e, copies(e, V, S)),
    },
    "push replicate through a pick along it": {
        "pick": lambda e: pick(e, copies(e), [1, 0, 1], "r", "p"),
        "nothing is picked": lambda e: pick(e, copies(e), [], "r", "r"),
        "pick with other axes about": lambda e: pick(e, copies(e, V, S), [2, 2], "s", "a"),
        "collect": lambda e: collect(e, copies(e, axis=S), [3, 1, 3], "s", Q),
        "collect each copy by itself": lambda e: collect(e, copies(e), [1, 0], "r", R),
        "collect with other axes about": lambda e: collect(e, copies(e, V, S), [0, 0, 1], "s", Q),
        "collect copies of a scalar": lambda e: collect(
            e, e.add(Replicate(S), e.add(Sum((0,)), e.add(X))), [0, 0, 2], "s", Q
        ),
        "collect by numbers without sign": lambda e: e.add(
            Collect(Array(np.array([1, 1], dtype=np.uint64)), "r", S), copies(e)
        ),
        "collect no copies": lambda e: collect(
            e, copies(e, axis=DirectionAxis("p", 0)), [], "p", R
        ),
    },
    "sum of copies": {"copies": lambda e: sum_r(e, copies(e))},
    "sum of an axis": {"axis": lambda e: sum_r(e, e.add(Direct(0, R), e.add(M)))},
    "sum of what is collected": {
        "from directions": lambda e: sum_r(e, collect(e, e.add(V), [1, 0], "r", R)),
        "with repetitions and gaps, other axes about": lambda e: e.add(
            Sum((), ("q",)), collect(e, e.add(U), [1, 3, 1], "s", Q)
        ),
        "from nothing": lambda e: sum_r(e, collect(e, e.add(NOTHING), [], "p", R)),
    },
    "pull a sum through a linear map": {
        "contraction": lambda e: sum_r(e, e.add(Contract("a,ab->b"), e.add(V), e.add(W))),
        "slice": lambda e: sum_r(e, e.add(Slice((2,), (-1,), (2,)), e.add(V))),
        "reshape": lambda e: sum_r(e, e.add(Reshape((3, 1)), e.add(V))),
        "copies along another axis": lambda e: sum_r(e, copies(e, V, S)),
        "another axis of directions": lambda e: sum_r(
            e, e.add(Direct(0, S), e.add(Contract("a,b->ba"), e.add(V), e.add(X)))
        ),
        "pick along another axis": lambda e: sum_r(e, pick(e, e.add(U), [2, 0], "s", "a")),
        "collect along another axis": lambda e: sum_r(e, collect(e, e.add(U), [3, 0, 3], "s", Q)),
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
    "some elements more often than others": lambda e: e.add(
        Sum((), ("q",)), pick(e, e.add(U), [2, 0, 2], "s", "q")
    ),
    "a sum over positions and directions": lambda e: e.add(Sum((0,), ("r",)), copies(e)),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_no_rule_touches(name: str) -> None:
    assert leaves_alone(PULL_SUM, UNTOUCHED[name])


# Whole functions --------------------------------------------------------------------------------


def standard(sample: Sample, order: int = 2) -> Graph:
    """Standard Taylor mode for the sum of derivatives along all axes."""
    return power_sum(sample.graph(), sample.point, order)


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


def product_by_tables() -> Graph:
    """The summed coefficients of v w and of v tanh(x), where v and w are truncated polynomials.

    Coefficients lie along p and c, pairs of them along i: out_m is the sum over j + k = m.
    """
    pairs = [(j, k) for j in range(3) for k in range(3 - j)]
    left, right = [j for j, _ in pairs], [k for _, k in pairs]
    editor = Editor()
    three, coefficients = DirectionAxis("p", 3), DirectionAxis("c", 3)
    v = editor.add(Parameter("v", Type((3,), (three,))))
    w = editor.add(Parameter("w", Type((3,), (three,))))
    same = editor.add(Replicate(three), editor.add(Map(sp.tanh(A)), editor.add(X)))
    outputs = []
    for other in (w, same):
        terms = editor.add(
            Map(A * B), pick(editor, v, left, "p", "i"), pick(editor, other, right, "p", "i")
        )
        product = collect(editor, terms, [j + k for j, k in pairs], "i", coefficients)
        outputs.append(editor.add(Sum((), ("c",)), product))
    return editor.freeze(outputs)


def test_a_product_by_tables_collapses() -> None:
    """What is summed is never collected, and a factor that is the same in all pairs is one."""
    values = exact.Exact()
    push, pull, clean = (exact.check(each, values) for each in derive(product_by_tables()))
    counts = [graph.counts() for graph in (push.initial, push.graph, pull.graph)]
    assert [c["Pick"] for c in counts] == [3, 2, 2]  # v is picked once for both
    assert [c["Collect"] for c in counts] == [2, 2, 0]
    assert [c["Replicate"] for c in counts] == [1, 0, 0]
    first, second = pull.graph.outputs
    assert pull.graph[first].op == Sum((), ("i",))
    assert pull.graph[second].op == Map(A * B)
    assert not clean.steps


def test_later_rules_do_not_come_to_the_aid_of_collapsing() -> None:
    """Every rule for sums fires in some of the samples or in a case above."""
    graphs = [*map(standard, SAMPLES.values()), product_by_tables()]
    fired = {
        step.rule.name
        for graph in graphs
        for rewriting in derive(graph)[:2]
        for step in rewriting.steps
    }
    assert fired >= {rule.name for rule in COLLAPSE} - {"sum of copies", "sum of an axis"}


def test_directions_with_numbers_stay_directions() -> None:
    """A sum over constants that differ from direction to direction is a constant, once."""
    directions = Constant(Array(np.array([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]])), (R,))
    graph = SAMPLES["quadratic form"].graph()
    point = SAMPLES["quadratic form"].point
    values = exact.Exact()
    for rewriting in derive(power_sum(graph, point, 2, directions)):
        exact.check(rewriting, values)
