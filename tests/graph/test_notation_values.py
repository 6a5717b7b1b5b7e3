"""Formulas of values are worth what the graph computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import jetfold as jf
from formula_values import LatexValue, plain_value
from jetfold.chapters import chapters
from jetfold.graph import (
    Collect,
    Constant,
    Gather,
    Graph,
    Input,
    Map,
    Parameter,
    Pick,
    interpret,
)
from jetfold.graph.formula import SUM, Written
from jetfold.graph.interpret import Value
from jetfold.graph.latex import to_latex
from jetfold.graph.notation import PLAIN
from random_graphs import graphs
from sample_functions import SAMPLES

A, B, C = (sp.Symbol(f"a{i}", real=True) for i in range(3))


def _values(graph: Graph) -> dict[int, Value]:
    numbers = np.random.default_rng(len(graph))
    leaves = {}
    for node in (*graph.inputs, *graph.parameters):
        kind = graph[node].type
        sizes = [axis.size for axis in kind.directions]
        value = numbers.uniform(-1, 1, [*sizes, *kind.shape])
        leaves[node] = Value(value, tuple(axis.name for axis in kind.directions))
    return interpret(graph, leaves)


ELIDED = (Pick, Collect)
"""Their indices are not written out in full."""
NEEDS_TYPE = (*ELIDED, Gather)
LEAVES = (Constant, Input, Parameter)


def _loses_a_shape(graph: Graph, node: int) -> bool:
    """Whether an array is written as the one number that all of its elements are."""
    return not isinstance(graph[node].op, Map) and any(
        PLAIN.value(graph, operand)[-1].isdigit() and isinstance(graph[operand].op, Constant)
        for operand in graph.operands(node)
        if not PLAIN.value(graph, operand).startswith("c")
    )


def _check(graph: Graph, node: int, text: str, values: dict[int, Value]) -> None:
    kind, value = graph[node].type, values[node]
    lead = tuple(axis.name for axis in kind.directions)
    found = plain_value(text, graph, values, graph[node].op)
    shape = [*(axis.size for axis in kind.directions), *kind.shape]
    expected = np.broadcast_to(value.align(lead, len(kind.shape)), shape)
    shown = Value(found.array, found.lead).align(lead, len(kind.shape))
    assert_allclose(np.broadcast_to(shown, shape), expected, rtol=1e-10, atol=1e-12, err_msg=text)


@settings(max_examples=40)
@given(graphs(most=10))
def test_plain_formulas_are_worth_what_nodes_compute(graph: Graph) -> None:
    values = _values(graph)
    for node in graph:
        skip = isinstance(graph[node].op, (*ELIDED, *LEAVES)) or _loses_a_shape(graph, node)
        if not skip:
            _check(graph, node, PLAIN.formula(graph, node), values)


@settings(max_examples=40)
@given(graphs(most=8))
def test_formulas_written_out_are_worth_the_same(graph: Graph) -> None:
    values = _values(graph)
    expand = {
        node
        for node in graph
        if not isinstance(graph[node].op, (*NEEDS_TYPE, *LEAVES))
        and not _loses_a_shape(graph, node)
    }
    for node in expand:
        text = PLAIN.formula(graph, node, expand)
        if len(text) < 20_000:
            _check(graph, node, text, values)


ATOMS = [
    Written("u"),
    Written("v_{4,r}^{(2)}", sp.printing.precedence.PRECEDENCE["Pow"]),
    Written("u - w", SUM),
    Written("-w", SUM),
    Written("2 u", sp.printing.precedence.PRECEDENCE["Mul"]),
    Written("3"),
    Written("-0.5", SUM),
]
WORTH = {"u": 1.25, "w": 0.375, "v_{4,r}^{(2)}": 0.875}
ATOM_VALUES = [1.25, 0.875, 0.875, -0.375, 2.5, 3.0, -0.5]


@st.composite
def _expressions(draw: st.DrawFn, depth: int = 3) -> Any:
    if depth == 0:
        return draw(st.sampled_from([A, B, C, sp.Integer(2), sp.Rational(-3, 7), sp.pi]))
    x, y = draw(_expressions(depth - 1)), draw(_expressions(depth - 1))
    kind = draw(st.integers(0, 9))
    made = [
        *(x + y, x - y, x * y, -x, x / (2 + y**2), x**2, x**3 * y),
        *(sp.tanh(x) ** 2, sp.sqrt(1 + x**2) * y, sp.Piecewise((x, A < B), (y - x, True))),
    ]
    return made[kind]


@settings(max_examples=150)
@given(_expressions(), st.permutations(range(len(ATOMS))))
def test_latex_is_worth_what_the_expression_computes(expr: Any, order: list[int]) -> None:
    chosen = order[:3]
    text = to_latex(expr, [ATOMS[i] for i in chosen])
    exact = {s: sp.Rational(ATOM_VALUES[i]) for s, i in zip((A, B, C), chosen, strict=True)}
    expected = float(sp.N(sp.sympify(expr).subs(exact), 30))
    assert LatexValue(WORTH)(text) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    again = to_latex(A * B - C * A**2, [text, ATOMS[chosen[0]], text])  # in a formula, in its turn
    first = ATOM_VALUES[chosen[0]]
    assert LatexValue(WORTH)(again) == pytest.approx(
        expected * first - expected**3, rel=1e-8, abs=1e-8
    )


def test_values_of_one_name_are_equal() -> None:
    """Some values are computed twice; otherwise a name would stand for two values."""
    repeated = 0
    for name in ("physics", "stacked"):
        sample = SAMPLES[name]
        numbers = np.random.default_rng(1)
        x = numbers.uniform(0.5, 1.5, sample.shape)
        p = {key: numbers.normal(size=shape) for key, shape in sample.parameters.items()}
        d = jf.laplacian(lambda x, p, f=sample.function: np.sum(f(x, p))).derivation(x, p)
        for chapter in chapters(d):
            graph = chapter.graph
            values = _values(graph)
            known: dict[str, int] = {}
            for node in graph:
                first = known.setdefault(PLAIN.of(d.function_graph).value(graph, node), node)
                same = values[node].lead == values[first].lead
                if first != node and not isinstance(graph[node].op, Constant):
                    repeated += 1
                    assert same
                    assert_allclose(values[node].array, values[first].array, rtol=1e-9, atol=1e-12)
    assert repeated > 0
