"""Proofs by SymPy of steps that are too large for it: on short axes, or as numbers, or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from certified_steps import RULES, Build, built, certified, copies, fixed, sum_r
from jetfold.graph import (
    Array,
    Contract,
    DirectionAxis,
    Editor,
    Gather,
    Input,
    Parameter,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
    fit,
    rewrite,
)
from jetfold.graph.identity import SHORTENED
from jetfold.graph.simplify import SIMPLIFY
from jetfold.rules.collapse import COLLAPSE
from rule_cases import collect, pick

Z, Q = Input("z", Type((3, 3))), DirectionAxis("q", 4)


def test_large_steps_are_proved_on_short_axes() -> None:
    """The sum of 40 x 300 products is 12000 terms; the rule is that of 3 x 3."""

    def large(e: Editor) -> int:
        directions = e.add(Parameter("v", Type((300,), (DirectionAxis("r", 40),))))
        return sum_r(
            e, e.add(Contract("a,ab->b"), directions, e.add(Parameter("w", Type((300, 7)))))
        )

    (certificate,) = certified(rewrite(built(large), COLLAPSE), exact=False)
    assert certificate.symbolic
    assert SHORTENED in certificate.remarks
    assert certificate.holds
    rule = replace(
        RULES["pull a sum through a linear map"],
        replace=lambda e, n, below: fit(
            e, e.add(Sum((0,)), sum_r(e, below.operands[0])), e[n].type
        ),
    )
    (certificate,) = certified(rewrite(built(large), [rule]), exact=False)
    assert certificate.symbolic is False
    assert not certificate.holds


LARGE = Parameter("large", Type((60, 80), (DirectionAxis("r", 50),)))
POSITIONS = np.arange(4800).reshape(80, 60)[::-1]


@pytest.mark.parametrize(
    "build",
    [
        lambda e: sum_r(e, e.add(Reshape((80, 60)), e.add(LARGE))),
        lambda e: sum_r(e, e.add(Reshape((4800,)), e.add(LARGE))),
        lambda e: sum_r(e, e.add(Gather(Array(POSITIONS)), e.add(LARGE))),
        lambda e: sum_r(e, e.add(Slice((59, 1), (-2, 3), (20, 20)), e.add(LARGE))),
        lambda e: e.add(Sum((), ("q",)), collect(e, e.add(LARGE), [3, 0] * 25, "r", Q)),
        lambda e: pick(e, copies(e, Z, DirectionAxis("s", 90)), [40, 0, 89] * 30, "s", "p"),
    ],
)
def test_large_steps_by_positions_are_proved_at_others(build: Build) -> None:
    (certificate, *_) = certified(rewrite(built(build), COLLAPSE), exact=False)
    assert certificate.symbolic
    assert SHORTENED in certificate.remarks


def test_large_steps_with_many_numbers_are_checked_numerically() -> None:
    def large(e: Editor) -> int:
        numbers = np.random.default_rng(0).normal(size=(80, 70))
        return sum_r(e, e.add(Contract("ab,bc->ac"), e.add(LARGE), fixed(e, numbers)))

    (certificate,) = certified(rewrite(built(large), COLLAPSE), exact=False)
    assert certificate.symbolic is None
    assert certificate.identity == ""
    assert certificate.remarks == ("not asked for", "too large for SymPy")
    assert certificate.holds


def test_large_constants_are_compared_as_numbers() -> None:
    def large(e: Editor) -> int:
        return e.add(Transpose((1, 0)), fixed(e, np.arange(4800).reshape(60, 80)))

    graph = built(large)
    (certificate,) = certified(rewrite(graph, SIMPLIFY), exact=False)
    assert certificate.symbolic
    rule = RULES["fold constants"]
    wrong = replace(rule, replace=lambda e, n, value: rule.replace(e, n, 2 * value))
    (certificate,) = certified(rewrite(graph, [wrong]), exact=False)
    assert certificate.symbolic is None
    assert not certificate.holds
