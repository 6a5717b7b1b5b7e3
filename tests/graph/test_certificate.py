"""Certificates: right steps have them, and every rule made wrong on purpose is found out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

from certified_steps import RULES, Build, built, certified, copies, fixed, sum_r, witness
from jetfold.graph import (
    Concatenate,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Reshape,
    Rewriting,
    Slice,
    Sum,
    Transpose,
    Type,
    Value,
    add_map,
    fit,
    operand_symbol,
    rewrite,
    simplify,
)
from jetfold.graph.certificate import EPS, OF_FUNCTIONS, Certificate, difference
from jetfold.graph.simplify import SIMPLIFY
from jetfold.rules.collapse import COLLAPSE, Split, dependent_symbols, split
from random_graphs import graphs
from rule_cases import R, S, V, X, collect, pick

A, B = map(operand_symbol, range(2))
Q = DirectionAxis("q", 4)
Z, CUBE = Input("z", Type((3, 3))), Input("cube", Type((3, 3, 3)))
DIRECTIONS = DirectionAxis("r", 3)

Replacement = Callable[[Editor, int, Any], int]
Wrong = Callable[[Replacement], Replacement]


# Wrong replacements -------------------------------------------------------------------------------


def times(number: Any) -> Wrong:
    """The right value times a number."""

    def wrong(right: Replacement) -> Replacement:
        return lambda e, n, found: add_map(e, number * A, {A: right(e, n, found)})

    return wrong


def plus_one(right: Replacement) -> Replacement:
    return lambda e, n, found: add_map(e, 1 + A, {A: right(e, n, found)})


def instead(replacement: Replacement) -> Wrong:
    return lambda right: replacement


def given_other(change: Callable[[Editor, Any], Any]) -> Wrong:
    """The right replacement for something else than what was found."""
    return lambda right: lambda e, n, found: right(e, n, change(e, found))


def one_direction(e: Editor, found: Any) -> Any:
    """As if a term without the direction counted once."""
    below, _ = found
    return below, split(below.op.expr, dependent_symbols(e, below), 1)


def without_last_sum(e: Editor, found: Any) -> Any:
    below, known = found
    return below, Split(known.outer.subs(known.symbols[-1], 0), known.inner)


def exchanged(e: Editor, node: int, _: Any) -> int:
    """The operands of a map in the other order, and the copy pushed through it."""
    first, second = e.operands(node)
    return fit(e, e.add(e[node].op, second, e.operands(first)[0]), e[node].type)


def sum_of_terms(e: Editor) -> int:
    return sum_r(e, e.add(Map(A * B + sp.sin(B) * A**2 + sp.exp(B)), e.add(V), e.add(X)))


CASES: dict[str, list[tuple[str, Build, Wrong]]] = {
    "push replicate through a function": [
        ("a factor", lambda e: e.add(Map(sp.tanh(A)), copies(e)), times(2)),
        ("exchanged operands", lambda e: e.add(Map(A - B), copies(e), e.add(V)),
         instead(exchanged)),
        ("the other axis", lambda e: e.add(Transpose((1, 0)), copies(e, Z)),
         instead(lambda e, n, found: e.operands(n)[0])),
    ],
    "push replicate through a sum": [
        ("a sign", lambda e: e.add(Sum((0,)), copies(e)), times(-1)),
        ("the other axis", lambda e: e.add(Sum((0,)), copies(e, Z)),
         instead(lambda e, n, found: fit(e, e.add(Sum((1,)), found[0][0]), e[n].type))),
    ],
    "push replicate through a pick along it": [
        ("one more", lambda e: pick(e, copies(e), [1, 0, 1], "r", "p"), plus_one),
        ("no counts", lambda e: collect(e, copies(e, axis=S), [3, 1, 3], "s", Q),
         instead(lambda e, n, found: fit(e, found, e[n].type))),
    ],
    "sum of copies": [
        ("no factor R", lambda e: sum_r(e, copies(e)),
         instead(lambda e, n, below: below.operands[0])),
    ],
    "sum of an axis": [
        ("the other axis", lambda e: sum_r(e, e.add(Direct(0, DIRECTIONS), e.add(Z))),
         instead(lambda e, n, below: e.add(Sum((1,)), below.operands[0]))),
    ],
    "sum of what is collected": [
        ("twice", lambda e: sum_r(e, collect(e, e.add(V), [1, 0], "r", R)), times(2)),
    ],
    "pull a sum through a linear map": [
        ("a part counts once", lambda e: sum_r(e, e.add(Concatenate(0), e.add(V), e.add(X))),
         instead(lambda e, n, below: e.add(below.op, sum_r(e, below.operands[0]),
                                           below.operands[1]))),
        ("the transposed matrix",
         lambda e: sum_r(e, e.add(Contract("a,ab->b"), e.add(V), e.add(Z))),
         instead(lambda e, n, below: e.add(Contract("a,ba->b"), sum_r(e, below.operands[0]),
                                           below.operands[1]))),
    ],
    "pull a sum through a function": [
        ("terms count once", sum_of_terms, given_other(one_direction)),
        ("a missing term", sum_of_terms, given_other(without_last_sum)),
        ("a sign", sum_of_terms, times(-1)),
    ],
    "linear of zero": [
        ("one", lambda e: sum_r(e, fixed(e, np.zeros((2, 3)), R)), plus_one),
        ("a part that is not zero", lambda e: e.add(Reshape((3, 1)), fixed(e, np.zeros(3))),
         instead(lambda e, n, found: e.add(Reshape((3, 1)), e.add(X)))),
    ],
    "put zeros and ones": [
        ("one for zero", lambda e: e.add(Map(A * B + sp.sin(B)), fixed(e, np.zeros(3)), e.add(X)),
         given_other(lambda e, found: dict.fromkeys(found, 1))),
    ],
    "contract with unit vectors": [
        ("the other axis", lambda e: e.add(Contract("a,ab->b"), fixed(e, np.eye(3), S), e.add(Z)),
         given_other(lambda e, found: (found[0], replace(found[1], position=1), found[2]))),
    ],
    "drop a no-op": [
        ("twice", lambda e: e.add(Slice((0,), (1,), (3,)), e.add(X)), times(2)),
    ],
    "merge moves and sums": [
        ("the other order",
         lambda e: e.add(Transpose((0, 2, 1)), e.add(Transpose((1, 2, 0)), e.add(CUBE))),
         given_other(lambda e, found: (Transpose((2, 1, 0)), found[1]))),
    ],
    "fold constants": [
        ("another number", lambda e: e.add(Sum((1,)), fixed(e, [[1, 2], [3, 4]])),
         given_other(lambda e, value: value + 1)),
    ],
}  # fmt: skip
MUTANTS = [(name, *case) for name, cases in CASES.items() for case in cases]
NAMES = [f"{name}: {title}" for name, title, *_ in MUTANTS]


def test_every_rule_is_made_wrong() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize(("name", "title", "build", "wrong"), MUTANTS, ids=NAMES)
def test_wrong_rules_are_found_out(name: str, title: str, build: Build, wrong: Wrong) -> None:
    """At the step where they are wrong, by name, exactly and numerically, and nowhere else."""
    graph = built(build)
    (at,) = graph.outputs
    right, mutant = RULES[name].replace, wrong(RULES[name].replace)
    rule = replace(
        RULES[name],
        replace=lambda e, n, found: (mutant if n == at else right)(e, n, found),
    )
    rewriting = rewrite(graph, [rule])
    for exact in (True, False):
        failed = [
            (step.rule.name, step.before, certificate)
            for step, certificate in witness(graph, exact).certify(rewriting)
            if not certificate.holds
        ]
        assert [(rule, before) for rule, before, _ in failed] == [(name, at)]
        certificate = failed[0][2]
        assert certificate.exact is (False if exact else None)
        assert certificate.symbolic is not True
        assert certificate.identity == ""
        assert certificate.roundoff is not None
        assert certificate.roundoff > 1e12


@pytest.mark.parametrize(("name", "title", "build", "wrong"), MUTANTS, ids=NAMES)
def test_right_rules_are_proved(name: str, title: str, build: Build, wrong: Wrong) -> None:
    found = certified(rewrite(built(build), [RULES[name]]))
    assert found
    for certificate in found:
        assert certificate.exact
        assert certificate.symbolic
        assert " = " in certificate.identity
        assert certificate.remarks == ()
        assert certificate.roundoff is not None
        assert certificate.roundoff < 10


@pytest.mark.parametrize("size", [1, 2])
def test_what_is_wrong_for_more_than_one_direction(size: int) -> None:
    """A sum of one copy is that copy."""
    graph = built(lambda e: sum_r(e, copies(e, axis=DirectionAxis("r", size))))
    rule = replace(RULES["sum of copies"], replace=lambda e, n, below: below.operands[0])
    (certificate,) = certified(rewrite(graph, [rule]))
    assert certificate.holds == (size == 1)
    assert certificate.symbolic is (size == 1)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_steps_of_random_graphs(graph: Graph) -> None:
    values = witness(graph)
    for rewriting in (rewrite(graph, COLLAPSE), simplify(graph)):
        for step, certificate in values.certify(rewriting):
            assert certificate.holds, f"{step}\n{certificate}"
            assert certificate.exact is not False
        assert values.compare(graph, rewriting.graph).holds


# What cannot be shown exactly ---------------------------------------------------------------------


def test_laws_of_functions_do_not_hold_for_arbitrary_ones() -> None:
    """sqrt(x) sqrt(x) becomes x when the operands become the same."""
    graph = built(lambda e: e.add(Map(sp.sqrt(A) * sp.sqrt(B)), copies(e), e.add(X)))
    (certificate, *_) = certified(rewrite(graph, COLLAPSE))
    assert certificate.exact is None
    assert certificate.symbolic
    assert OF_FUNCTIONS in certificate.remarks
    assert certificate.holds


def test_changed_outputs_are_found_out() -> None:
    """A step that is right in itself, and a driver that then forgets about the outputs."""

    class Forgetful(Rewriting):
        def replay(self) -> Any:
            for step, before, after in super().replay():
                yield step, before, Editor(after).freeze([after.operands(after.outputs[0])[0]])

    graph = built(
        lambda e: e.add(Map(sp.tanh(A)), e.add(Reshape((3,)), e.add(Map(A**2), e.add(X))))
    )
    assert all(certificate.holds for certificate in certified(rewrite(graph, SIMPLIFY)))
    (certificate,) = certified(Forgetful("forgetful", graph, SIMPLIFY))
    assert certificate.exact is False
    assert not certificate.holds


# Differences --------------------------------------------------------------------------------------

NAN, INFINITE = math.nan, math.inf


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 2.0], [1.0, 2.0 + 4 * EPS], 2.0),
        ([NAN, 1.0], [NAN, 1.0], 0.0),
        ([INFINITE, 1.0], [INFINITE, 1.0], 0.0),
        ([NAN, INFINITE], [NAN, INFINITE], None),
        ([INFINITE, 1.0], [-INFINITE, 1.0], INFINITE),
        ([NAN, 1.0], [1.0, 1.0], INFINITE),
        ([1.0, 2.0], [1.0, INFINITE], INFINITE),
        ([], [], None),
        ([0.0], [0.0], 0.0),
        ([1.0, 2.0], [[1.0, 2.0]], INFINITE),
    ],
)
def test_differences(left: Any, right: Any, expected: float | None) -> None:
    values = [Value(np.array(side, dtype=float)) for side in (left, right)]
    found = difference(values[0], values[1], 0.0)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_differences_are_relative_to_the_numbers_in_a_step() -> None:
    one, other = Value(np.array([1.0])), Value(np.array([1.0 + EPS]))
    assert difference(one, other, 100.0) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("certificate", "holds"),
    [
        (Certificate(True, True, "", 1.0), True),
        (Certificate(True, None, "", INFINITE), True),
        (Certificate(None, True, "", None), True),
        (Certificate(None, None, "", 5.0), True),
        (Certificate(None, None, "", None), False),
        (Certificate(None, True, "", INFINITE), False),
        (Certificate(False, True, "", 0.0), False),
        (Certificate(True, False, "", 0.0), False),
    ],
)
def test_what_holds(certificate: Certificate, holds: bool) -> None:
    assert certificate.holds == holds


@pytest.mark.parametrize("size", [0, 1])
def test_short_axes_of_directions(size: int) -> None:
    """Axes of one element and of none are axes as well."""

    def terms(e: Editor) -> int:
        few = e.add(Parameter("v", Type((3,), (DirectionAxis("r", size),))))
        return sum_r(e, e.add(Map(A + B), few, e.add(X)))

    found = certified(rewrite(built(terms), COLLAPSE))
    assert found
    assert all(certificate.holds and certificate.exact for certificate in found)
