"""Certificates of whole derivations: of every operator and method, and with a rule made wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

import jetfold as jf
from jetfold import derivation as derivation_module
from jetfold import proof
from jetfold.chapters import chapters
from jetfold.demo_functions import network, random_layers
from jetfold.derivation import Derivation
from jetfold.graph import Editor, Graph, Map, Rule, Step, add_map, operand_symbol
from jetfold.graph.identity import SHORTENED
from jetfold.proof import NodeStep, Proved, certificates
from jetfold.rules import minimal as minimal_module
from jetfold.rules.collapse import PULL_SUM
from jetfold.rules.derive import taylor_terms
from known_answers import points

A = operand_symbol(0)
X, Y = sp.symbols("x y")
U = sp.Function("u")(X, Y)


def layers(*widths: int) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    return random_layers(widths, "float64")


def wave(x: Any) -> Any:
    return np.sin(x[0]) * np.exp(x[1] / 2) + np.tanh(x @ x)


def heat(x: Any) -> Any:
    return jf.laplacian(wave)(x) * wave(x)


DERIVATIONS: dict[str, Callable[[], Derivation]] = {
    "network": lambda: jf.laplacian(network).derivation(points(2), layers(2, 5, 5, 1)),
    "standard": lambda: jf.laplacian(wave, method="standard").derivation(points(2)),
    "biharmonic": lambda: jf.biharmonic(lambda x: np.tanh(x[0] * x[1])).derivation(points(2)),
    "weighted": lambda: jf.weighted_laplacian(wave, np.array([[1.0, 2.0], [0.5, 3.0]])).derivation(
        points(2)
    ),
    "jet": lambda: jf.jet(wave, 3).derivation(points(2)),
    "nested": lambda: jf.laplacian(heat).derivation(points(2)),
    "PDE": lambda: jf.operator(U.diff(X, 2, Y) + U * U.diff(Y) - U, wave, [X, Y]).derivation(
        points(2)
    ),
    "matrices": lambda: jf.laplacian(
        lambda x: np.linalg.inv(np.outer(x, x) + np.eye(2))
    ).derivation(points(2)),
}


@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_step_is_certified(name: str) -> None:
    """In order, one for each step; chapters that are made directly have one themselves."""
    derivation = DERIVATIONS[name]()
    found = derivation.certificates
    assert derivation.certificates is found
    assert all(isinstance(each, Proved) for each in found)
    for chapter, step, certificate in found:
        assert certificate.holds, f"{chapter.title}: {step}\n{certificate}"
        assert certificate.exact
        assert certificate.symbolic or step is None
    told = [chapter.key for chapter in chapters(derivation)]
    assert list(dict.fromkeys(chapter.key for chapter, _, _ in found)) == [
        key for key in told if key in {chapter.key for chapter, _, _ in found}
    ]
    for chapter in chapters(derivation):
        steps = [each.step for each in found if each.chapter.key == chapter.key]
        if chapter.rewriting is not None:
            stages = [step for step in steps if isinstance(step, Step)]
            assert [str(step) for step in stages] == [str(step) for step in chapter.rewriting.steps]
            assert len(steps) - len(stages) <= 1
        elif chapter.key == "taylor":
            assert steps
            assert all(isinstance(step, NodeStep) for step in steps)
        else:
            assert steps == ([] if chapter.key == "function" else [None])


def test_large_networks_are_checked_numerically() -> None:
    """Weights of 768 x 768 would take 10**8 products of rationals; SymPy proves the rules."""
    derivation = jf.laplacian(network).derivation(points(50), layers(50, 768, 768, 1))
    for _, step, certificate in certificates(derivation):
        assert certificate.holds
        assert certificate.exact is None
        assert "too many for rational arithmetic" in certificate.remarks[0]
        assert certificate.symbolic or step is None
        assert certificate.roundoff is not None
        assert certificate.roundoff < 1000
    remarks = {remark for each in certificates(derivation) for remark in each.certificate.remarks}
    assert SHORTENED in remarks


def test_numbers_that_are_not_whole_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """So fewer operations with them are too many."""
    monkeypatch.setattr(proof, "MOST_OPERATIONS", 10)
    whole = jf.laplacian(lambda x: np.tanh(x @ x)).derivation(points(2))
    divided = jf.laplacian(lambda x: 1 / (1 + x @ x)).derivation(points(2))
    weights = jf.laplacian(lambda x: np.tanh(x @ np.array([0.1, 0.2]))).derivation(points(2))
    exact = [
        all(each.certificate.exact for each in certificates(d)) for d in (whole, divided, weights)
    ]
    assert exact == [True, False, False]
    assert all(each.certificate.holds for d in (divided, weights) for each in certificates(d))


def test_where_values_are_never_defined() -> None:
    """The logarithm of a negative number is NaN in floats; it is an arbitrary number exactly."""
    derivation = jf.laplacian(lambda x: np.log(-1 - x * x)).derivation(points(2))
    assert all(each.certificate.holds for each in certificates(derivation))
    assert {each.certificate.exact for each in certificates(derivation)} == {True}


# Rules made wrong ---------------------------------------------------------------------------------


def doubled(rules: list[Rule], name: str) -> list[Rule]:
    """The rules, one of which gives twice what it should."""

    def wrong(rule: Rule) -> Rule:
        def replacement(e: Editor, node: int, found: Any) -> int:
            return add_map(e, 2 * A, {A: rule.replace(e, node, found)})

        return replace(rule, replace=replacement)

    return [wrong(rule) if rule.name == name else rule for rule in rules]


def failures(derivation: Derivation) -> Iterator[Proved]:
    return (each for each in certificates(derivation) if not each.certificate.holds)


@pytest.mark.parametrize(
    ("chapter", "name"),
    [
        ("pull", "pull a sum through a linear map"),
        ("pull", "pull a sum through a function"),
        ("clean-up", "contract with unit vectors"),
        ("clean-up", "put zeros and ones"),
    ],
)
@pytest.mark.parametrize("width", [5, 400])
def test_wrong_rules_in_a_derivation(
    monkeypatch: pytest.MonkeyPatch, chapter: str, name: str, width: int
) -> None:
    """The first certificate that fails is that of the wrong rule, also where numbers are large."""
    monkeypatch.setattr(derivation_module, "PULL_SUM", doubled(PULL_SUM, name))
    clean_up = import_module("jetfold.graph.simplify")  # jetfold.graph has a function of that name
    monkeypatch.setattr(clean_up, "SIMPLIFY", doubled(clean_up.SIMPLIFY, name))
    derivation = jf.laplacian(network).derivation(points(20), layers(20, width, width, 1))
    for failed in failures(derivation):
        assert failed.chapter.key == chapter
        assert isinstance(failed.step, Step)
        assert failed.step.rule.name == name
        break
    else:
        pytest.fail("the wrong rule has not been found")


def test_a_wrong_minimal_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outputs are not those of standard Taylor mode; nothing else is wrong."""

    def wrong(*key: Any) -> Any:
        orders = taylor_terms(*key)
        return [*orders[:2], *({m: 2 * c for m, c in terms.items()} for terms in orders[2:])]

    derivation = jf.biharmonic(lambda x: np.exp(x[0] * x[1])).derivation(points(2))
    monkeypatch.setattr(minimal_module, "taylor_terms", wrong)
    found = list(failures(derivation))
    assert [(each.chapter.key, each.step) for each in found] == [("minimal", None)]
    assert found[0].certificate.exact is False


def test_a_wrong_nested_method() -> None:
    right = jf.biharmonic(lambda x: np.sin(x[0]) * np.exp(2 * x[1])).derivation(points(2))
    nested = right.nested_graph
    digraph = nested.nx.copy()
    (output,) = nested.outputs
    op = nested[output].op
    assert isinstance(op, Map)
    digraph.nodes[output]["node"] = replace(nested[output], op=Map(-op.expr))
    right.nested_graph = Graph(digraph, nested.outputs)
    assert [each.chapter.key for each in failures(right)] == ["nested"]
