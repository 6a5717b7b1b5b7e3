"""What steps change, and the two sides of each: worth the same, and written as one expects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from latex2mathml.converter import convert
from numpy.testing import assert_allclose

import jetfold as jf
from formula_values import plain_value
from jetfold.chapters import chapters
from jetfold.derivation import Derivation
from jetfold.graph import Graph, Rule, Step, interpret
from jetfold.graph.change import change, sides
from jetfold.graph.interpret import Value
from jetfold.graph.notation import LATEX, PLAIN
from jetfold.graph.simplify import SIMPLIFY
from jetfold.rules.collapse import COLLAPSE

ROOT = Path(__file__).resolve().parents[2]


def network(x: Any, p: Any) -> Any:
    return np.tanh(np.tanh(x @ p["V"] + p["b"]) @ p["W"]) @ p["w"]


def product(x: Any, p: Any) -> Any:
    return np.prod(np.sin(x)) * p["a"] + np.linalg.norm(x)


def pieces(x: Any, p: Any) -> Any:
    return np.maximum(x[0] * x[1], np.where(x[2] > p["a"], np.exp(x[0]), 1 / x[1])) ** 2


FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, tuple[int, ...]]]] = {
    "network": (network, {"V": (3, 4), "b": (4,), "W": (4, 2), "w": (2,)}),
    "product": (product, {"a": ()}),
    "pieces": (pieces, {"a": ()}),
}


def derivation(name: str) -> Derivation:
    function, shapes = FUNCTIONS[name]
    return jf.laplacian(function).derivation(
        np.ones(3), {key: np.ones(shape) for key, shape in shapes.items()}
    )


def steps(d: Derivation) -> Iterator[tuple[Step, Graph, Graph]]:
    for chapter in chapters(d):
        if chapter.rewriting is not None:
            yield from chapter.rewriting.replay()


def values_of(graph: Graph) -> dict[int, Value]:
    """Numbers for a graph's leaves, the same in all graphs, and what follows from them."""
    leaves = {}
    for node in (*graph.inputs, *graph.parameters):
        op: Any = graph[node].op
        numbers = np.random.default_rng(list(op.name.encode()))
        leaves[node] = Value(numbers.uniform(0.5, 1.5, op.type.shape))
    return interpret(graph, leaves)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_sides_are_worth_what_the_step_replaced(name: str) -> None:
    d = derivation(name)
    notation = PLAIN.of(d.function_graph)
    count = 0
    for step, before, after in steps(d):
        old, new = values_of(before), values_of(after)
        kind = before[step.before].type
        lead = tuple(axis.name for axis in kind.directions)
        sizes = [*(axis.size for axis in kind.directions), *kind.shape]
        expected = np.broadcast_to(old[step.before].align(lead, len(kind.shape)), sizes)
        both = zip(sides(step, before, after, notation), (before, after), (old, new), strict=True)
        for text, graph, values in both:
            node = step.before if graph is before else step.after
            if re.search(r"reshape|broadcast|gather|pick|collect|sum\(-?\d|\b\d\[|^\[", text):
                continue  # these do not say everything, and numbers have no shape
            count += 1
            found = plain_value(text, graph, values, graph[node].op, notation)
            shown = Value(found.array, found.lead).align(lead, len(kind.shape))
            assert_allclose(np.broadcast_to(shown, sizes), expected, rtol=1e-9, atol=1e-12)
    assert count > 10


@pytest.mark.parametrize("name", FUNCTIONS)
def test_changes_are_those_of_the_graphs(name: str) -> None:
    for step, before, after in steps(derivation(name)):
        changed = change(step, before, after)
        assert changed.removed == set(before) - set(after)
        assert changed.added == set(after) - set(before)
        for node in set(before) & set(after):
            assert (node in changed.rewired) == (before.operands(node) != after.operands(node))
            assert before[node].op == after[node].op


def test_sides_are_written_down_to_what_both_graphs_have() -> None:
    d = derivation("network")
    for step, before, after in steps(d):
        changed = change(step, before, after)
        left, right = sides(step, before, after, PLAIN.of(d.function_graph))
        names = set(re.findall(r"\bt\d+", left)) | set(re.findall(r"\bt\d+", right))
        gone = {f"t{node}" for node in changed.removed | changed.added}
        assert not names & gone or step.rule.name == "put zeros and ones"


def test_the_sum_of_the_paper() -> None:
    """A sum moves into a function of the second coefficient: what is linear stays outside."""
    d = jf.laplacian(lambda x: np.sum(np.sin(x))).derivation(np.ones(3))
    wanted = "pull a sum through a function"
    step, before, after = next(found for found in steps(d) if found[0].rule.name == wanted)
    assert sides(step, before, after, PLAIN) == (
        "sum_r(-e[r]**2*v1 + 0*cos(x))",
        "-v1*sum_r(e[r]**2) + sum_r(0)*cos(x)",
    )
    left, right = sides(step, before, after, LATEX)
    assert left == r"\sum_{r} \left(- e_{r}^{2} v_{1} + 0 \cdot \cos\left(x\right)\right)"
    assert right == (
        r"- v_{1} \left(\sum_{r} e_{r}^{2}\right) + \left(\sum_{r} 0\right) \, \cos\left(x\right)"
    )


def test_large_sides_are_cut_off() -> None:
    """A product with zero removes all that was multiplied: it is named, not written out."""

    def deep(x: Any) -> Any:
        y = x
        for _ in range(40):
            y = np.sin(y) * np.cos(y)
        return np.sum(y * 0 + x)

    for step, before, after in steps(jf.laplacian(deep).derivation(np.ones(2))):
        assert max(map(len, sides(step, before, after, PLAIN))) < 1500


# Rules --------------------------------------------------------------------------------------------

RULES = {rule.name: rule for rule in SIMPLIFY + COLLAPSE}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rules_have_a_formula_and_a_place(rule: Rule) -> None:
    shown = re.sub(r"<[^>]*>", "", convert(rule.latex))
    assert "=" in shown.replace("&#x0003D;", "=")
    assert "\\" not in shown
    lines = (ROOT / rule.where.file).read_text(encoding="utf-8").splitlines()
    assert "Rule(" in lines[rule.where.line - 1]
    assert f'"{rule.name}"' in lines[rule.where.line]


def test_housekeeping_is_told_from_what_the_derivation_is_about() -> None:
    routine = {name for name, rule in RULES.items() if rule.routine}
    assert routine == {
        *("linear of zero", "put zeros and ones", "drop a no-op"),
        *("merge moves and sums", "fold constants"),
    }
