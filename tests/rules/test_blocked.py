"""Why sums stay: all that stay, no others, and for reasons that would let them move on if gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.derivation import Derivation
from jetfold.graph import (
    Array,
    Concatenate,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Graph,
    Map,
    MatrixFunction,
    Parameter,
    SourceLine,
    Sum,
    Type,
    fit,
    operand_symbol,
    rewrite,
)
from jetfold.rules.blocked import Blocked, blocked
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from known_answers import points
from problems import power_sum
from rule_cases import R1, R, S, U, V, X, pick
from sample_functions import SAMPLES

A, B, C = map(operand_symbol, range(3))
Y = Parameter("y", Type((3,), (R,)))
BOTH = Parameter("both", Type((3,), (R, R1)))
SIDE, OTHER = Parameter("side", Type((3,), (S,))), Parameter("other", Type((3,), (S,)))
ZEROS = Constant(Array(np.zeros((2, 3))), (R,))
MATRICES = Parameter("m", Type((3, 3), (R,)))

Build = Callable[[Editor], int]


def sum_r(e: Editor, node: int) -> int:
    return e.add(Sum((), ("r",)), node)


CASES: dict[str, tuple[Build, str, list[str]]] = {
    "a square": (
        lambda e: sum_r(e, e.add(Map(A**2 * B), e.add(V), e.add(X))),
        "nonlinear",
        ["v[r] is squared"],
    ),
    "a cube": (lambda e: sum_r(e, e.add(Map(A**3), e.add(V))), "nonlinear", ["v[r] is cubed"]),
    "a power": (
        lambda e: sum_r(e, e.add(Map(A**5), e.add(V))),
        "nonlinear",
        ["v[r] is raised to the power 5"],
    ),
    "a quotient": (
        lambda e: sum_r(e, e.add(Map(1 / A), e.add(V))),
        "nonlinear",
        ["it is divided by v[r]"],
    ),
    "a function": (
        lambda e: sum_r(e, e.add(Map(sp.tanh(A * B)), e.add(V), e.add(X))),
        "nonlinear",
        ["tanh(v[r]*x) is not linear in v[r], which depends on the direction r"],
    ),
    "a product": (
        lambda e: sum_r(e, e.add(Map(A * B), e.add(V), e.add(Y))),
        "product",
        ["v[r] and y[r] are multiplied, and both depend on the direction r"],
    ),
    "two terms": (
        lambda e: sum_r(e, e.add(Map(A * B + B**2), e.add(V), e.add(Y))),
        "nonlinear",
        ["y[r] is squared", "v[r] and y[r] are multiplied"],
    ),
    "three factors": (
        lambda e: e.add(
            Sum((), ("s",)), e.add(Map(A * B * C), e.add(U), e.add(SIDE), e.add(OTHER))
        ),
        "product",
        ["are multiplied, and all depend on the direction s"],
    ),
    "zeros": (
        lambda e: sum_r(e, e.add(Map(A * B), e.add(V), e.add(ZEROS))),
        "product",
        ["v[r] and 0 are multiplied", "it is a sum of zeros, which goes in the clean-up"],
    ),
    "a contraction": (
        lambda e: sum_r(e, e.add(Contract("a,a->"), e.add(V), e.add(Y))),
        "product",
        ["v[r] and y[r] are multiplied"],
    ),
    "a contraction with itself": (
        lambda e: sum_r(e, e.add(Contract("a,a->"), e.add(V), e.add(V))),
        "product",
        ["v[r], which depends on the direction r, is multiplied with itself"],
    ),
    "a condition": (
        lambda e: sum_r(e, e.add(Map(sp.Piecewise((A, A > B), (B, True))), e.add(V), e.add(X))),
        "condition",
        ["the condition v[r] > x of a selection depends on the direction r"],
    ),
    "a matrix function": (
        lambda e: sum_r(e, e.add(MatrixFunction("inverse"), e.add(MATRICES))),
        "matrix",
        ["inverse is not linear in m[r], which depends on the direction r"],
    ),
    "data": (
        lambda e: sum_r(e, e.add(V)),
        "data",
        ["v[r] is data of the directions themselves, and nothing is below it"],
    ),
    "the order of sums": (
        lambda e: sum_r(e, e.add(Sum((), ("r1",)), e.add(BOTH))),
        "order",
        ["it stands on a sum over r1 that stays"],
    ),
    "picked elements": (
        lambda e: e.add(Sum((), ("q",)), pick(e, e.add(U), [2, 0, 2], "s", "q")),
        "pick",
        ["what it sums are picked elements of s"],
    ),
    "several axes": (
        lambda e: e.add(Sum((0,), ("r",)), e.add(V)),
        "several",
        ["it sums over directions r, axis 0 at once"],
    ),
}


def stuck(build: Build) -> tuple[Graph, list[Blocked]]:
    editor = Editor()
    graph = rewrite(editor.freeze([build(editor)]), PULL_SUM).graph
    return graph, blocked(graph)


@pytest.mark.parametrize("name", CASES)
def test_reasons(name: str) -> None:
    build, kind, words = CASES[name]
    graph, found = stuck(build)
    top = next(each for each in found if words[0] in each.reason)
    assert top.kind == kind
    assert top.below == graph.operands(top.node)[0]
    assert top.reason.startswith(f"The sum over {' and '.join(top.directions)} of ")
    assert top.reason.endswith(".")
    assert all(part in top.reason for part in words)


def test_the_line_of_the_user() -> None:
    editor = Editor()
    source = SourceLine("/somewhere/physics.py", 12, "y = np.tanh(x)")
    square = editor.add(Map(A**2), editor.add(V), source=source)
    (found,) = blocked(editor.freeze([sum_r(editor, square)]))
    assert found.reason == (
        "The sum over r of v[r]**2 stays: v[r] is squared (line 12 of physics.py: y = np.tanh(x))."
    )


def test_names_are_those_of_the_function() -> None:
    """The Laplacian of a network: the first derivative of each layer is squared."""

    def network(x: Any, w: Any) -> Any:
        return np.tanh(np.tanh(x @ w) @ w).sum()

    derivation = jf.laplacian(network).derivation(points(3), np.ones((3, 3)))
    squared = [each.reason for each in derivation.blocked]
    assert [each.kind for each in derivation.blocked] == ["nonlinear", "nonlinear"]
    assert "v2'[r] is squared" in squared[0]
    assert "v4'[r] is squared" in squared[1]
    assert "return np.tanh(np.tanh(x @ w) @ w).sum()" in squared[1]
    assert derivation.blocked is derivation.blocked


# Whole functions --------------------------------------------------------------------------------


def collapsed(name: str, order: int) -> Graph:
    sample = SAMPLES[name]
    graph = power_sum(sample.graph(), sample.point, order)
    return rewrite(rewrite(graph, PUSH_REPLICATE).graph, PULL_SUM).graph


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("name", SAMPLES)
def test_all_that_stay_and_no_others(name: str, order: int) -> None:
    check(collapsed(name, order))


def test_nested_operators() -> None:
    inner = jf.laplacian(lambda x: np.sin(x[0]) * np.exp(x[1]))
    derivation: Derivation = jf.laplacian(inner).derivation(points(2))
    check(derivation.collapsed_graph)
    assert {"order", "product", "nonlinear"} <= {each.kind for each in derivation.blocked}


def check(graph: Graph) -> None:
    """Every sum over directions is listed once, and moves if what is said to stop it is gone."""
    found = blocked(graph)
    ops = {node: graph[node].op for node in graph}
    stay = [n for n, op in ops.items() if isinstance(op, Sum) and op.directions]
    assert sorted(each.node for each in found) == sorted(stay)
    assert not rewrite(graph, PULL_SUM).steps
    for each in found:
        assert (graph[each.node].op, graph.operands(each.node)) == (
            Sum((), each.directions),
            (each.below,),
        )
        assert each.operands or each.kind in ("data", "order", "pick", "several")
        if each.operands:
            assert moves_without(graph, each, each.operands)
        if each.kind == "product" and len(each.operands) == len(set(each.operands)) == 2:
            assert all(moves_without(graph, each, [operand]) for operand in each.operands)


def moves_without(graph: Graph, stopped: Blocked, operands: Any) -> bool:
    """Whether a rule fires on the sum if these operands are the same in all directions."""
    editor = Editor()
    (direction,) = stopped.directions
    nodes = []
    for operand in graph.operands(stopped.below):
        kind = graph[operand].type
        if operand in operands:
            kind = Type(kind.shape, tuple(a for a in kind.directions if a.name != direction))
        nodes.append(editor.add(Parameter(f"t{operand}", kind)))
    below = editor.add(graph[stopped.below].op, *nodes)
    below = fit(editor, below, graph[stopped.below].type)
    total = editor.add(graph[stopped.node].op, below)
    steps = rewrite(editor.freeze([total]), PULL_SUM).steps
    return bool(steps) and steps[0].before == total


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1] != "several"])
def test_reasons_are_those_of_the_rules(name: str) -> None:
    check(stuck(CASES[name][0])[0])


def test_sums_that_moved_are_not_listed() -> None:
    """Through a contraction, a concatenation and a linear map, down to the data."""
    editor = Editor()
    joined = editor.add(Concatenate(0), editor.add(V), editor.add(X))
    graph = editor.freeze([sum_r(editor, editor.add(Map(3 * A), joined))])
    before = blocked(graph)
    graph = rewrite(graph, PULL_SUM).graph
    after = blocked(graph)
    assert len(before) == 1
    assert before[0].node not in graph.nx
    assert [each.kind for each in after] == ["data"]
    assert graph[after[0].below].op == V


def test_axes_of_other_names_do_not_matter() -> None:
    """A product of values along r and along s: the sum over r passes the one along s."""
    editor = Editor()
    other = editor.add(Parameter("other", Type((3,), (DirectionAxis("s", 3),))))
    graph = editor.freeze([sum_r(editor, editor.add(Map(A * B), editor.add(V), other))])
    (found,) = blocked(rewrite(graph, PULL_SUM).graph)
    assert found.kind == "data"
