"""Jets of every primitive to order 6, interpreted and compiled, against mpmath.

How closely is said by one formula. With the truth ``f_k`` and the scale ``S_k``, the sum of the
absolute values of the terms of Faa di Bruno's formula (both from `oracle`, in long numbers),

    |found - f_k|  <=  1e-12 S_k  +  1e-300,

which is a relative error of 1e-12 in every term: ``S_k / |f_k|`` is the condition number of the
sum, and along a single direction ``(x, v, 0, .., 0)`` of a function of one operand there is only
one term, so that the bound is 1e-12 relative to the derivative itself. The absolute 1e-300 is for
results that are not normal numbers. Where ``|f_k|`` is too large for a float the result must not
be finite; everywhere else it must be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
from mpmath import mpf

import jetfold as jf
import oracle
from jetfold.graph.tracer import elementwise
from jetfold.rules.primitives import PRIMITIVES
from primitive_cases import CASES, KINKS, SINGULAR

ORDER = 6
RANDOM = 5
"""How many random points there are beside the hard ones."""
GROUPS = 10
"""Primitives are compiled some at a time: one by one, or all at once, takes much longer."""

Path = list[list[float]]
"""The coefficients 0..K of each operand."""

Point = tuple[float, ...]


def paths(name: str, points: Sequence[Point]) -> list[Path]:
    """From every point a path with all coefficients, and one along each operand alone."""
    random = np.random.default_rng(PRIMITIVES[name].arity)
    found = []
    for point in points:
        shape = (len(point), ORDER)
        moves = random.uniform(0.5, 2.0, shape) * random.choice([-1.0, 1.0], shape)
        found.append([[x, *move] for x, move in zip(point, moves.tolist(), strict=True)])
        for mover in range(len(point)):
            found.append([[x, float(i == mover), *[0.0] * 5] for i, x in enumerate(point)])
    return found


def jets(backend: str, asked: Mapping[str, Sequence[Path]]) -> dict[str, np.ndarray[Any, Any]]:
    """The coefficients of each primitive along its paths, (paths, K + 1), all from one operator."""
    columns: dict[str, list[int]] = {}
    operands: list[np.ndarray[Any, Any]] = []
    longest = max(map(len, asked.values()))
    for name, wanted in asked.items():
        padded = np.array([*wanted, *[wanted[-1]] * (longest - len(wanted))])
        columns[name] = list(range(len(operands), len(operands) + padded.shape[1]))
        operands.extend(padded.transpose(1, 0, 2))

    def everything(x: Any) -> Any:
        return {name: elementwise(name, *(x[i] for i in columns[name])) for name in asked}

    coefficients = np.array(operands).transpose(2, 1, 0)  # order, path, operand
    first, rest = jf.jet(everything, ORDER, backend=backend)(
        coefficients[0], list(coefficients[1:])
    )
    return {
        name: np.array([first[name], *(one[name] for one in rest)]).T[: len(wanted)]
        for name, wanted in asked.items()
    }


@cache
def truth_along(name: str, path: tuple[tuple[float, ...], ...]) -> oracle.Reference:
    """The coefficients of a primitive along a path, once for all backends."""
    point = tuple(operand[0] for operand in path)
    return oracle.jet(oracle.partials(CASES[name].function, point, ORDER), path)


def judge(name: str, path: Path, found: Any) -> list[str]:
    """What is wrong with the coefficients of a primitive along a path."""
    values, scales = truth_along(name, tuple(map(tuple, path)))
    wrong: list[str] = []
    for k, value in enumerate(map(float, found)):
        truth = values[k]
        if abs(truth) > np.finfo(np.float64).max:
            right = not math.isfinite(value)
        else:
            allowed = mpf("1e-12") * scales[k] + mpf("1e-300")
            right = math.isfinite(value) and abs(mpf(value) - truth) <= allowed
        if not right:
            numbers = f"{value!r}, not {mpmath.nstr(truth, 17)}, scale {mpmath.nstr(scales[k], 3)}"
            wrong.append(f"{name} along {path}: order {k} is {numbers}")
    return wrong


def distinct() -> list[str]:
    """Primitives, one for each expression: radians and deg2rad are computed alike."""
    return list({known.expr: name for name, known in PRIMITIVES.items()}.values())


def twins(name: str) -> list[str]:
    """The primitives with this one's expression, itself among them."""
    return [other for other in PRIMITIVES if PRIMITIVES[other].expr == PRIMITIVES[name].expr]


def at_point(name: str, point: Point, along: Sequence[Path], found: Any) -> list[str]:
    """Compare with the oracle."""
    pairs = zip(along, found, strict=True)
    return [text for path, values in pairs for text in judge(name, path, values)]


def at_singularity(name: str, point: Point, along: Sequence[Path], found: Any) -> list[str]:
    """The value is NumPy's, and derivatives are infinite or NaN."""
    module = np if hasattr(np, name) else scipy.special
    with np.errstate(all="ignore"):
        value = getattr(module, name)(*point)
    wrong: list[str] = []
    for path, values in zip(along, found, strict=True):
        same = np.isclose(values[0], value, rtol=1e-15, atol=0, equal_nan=True)
        if not same or (path[0][1] and np.isfinite(values[1:]).all()):
            wrong.append(f"{name} along {path}: {values}, where the value is {value}")
    return wrong


def at_kink(name: str, point: Point, along: Sequence[Path], found: Any) -> list[str]:
    """First derivatives are what the definition of the primitive says, higher ones zero."""
    expected = np.zeros((len(point), ORDER))
    expected[:, 0] = KINKS[name][point]
    if (found[1:, 1:] == expected).all():
        return []
    return [f"{name} at {point}: {found[1:, 1:]}"]


def test_every_primitive_has_its_oracle() -> None:
    assert set(CASES) == set(PRIMITIVES)
    assert set(SINGULAR) | set(KINKS) <= set(PRIMITIVES)


@pytest.mark.parametrize("group", range(GROUPS))
def test_jets_of_every_primitive(group: int) -> None:
    cases: dict[str, list[tuple[Point, Callable[..., list[str]]]]] = {}
    for name in distinct()[group::GROUPS]:
        cases[name] = [
            *((point, at_point) for point in CASES[name].points(RANDOM)),
            *((point, at_singularity) for point in SINGULAR.get(name, ())),
            *((point, at_kink) for point in KINKS.get(name, ())),
        ]
    asked = {name: paths(name, [point for point, _ in points]) for name, points in cases.items()}
    wrong: list[str] = []
    for backend in ("reference", "cpu"):
        for name, found in jets(backend, asked).items():
            per_point = 1 + PRIMITIVES[name].arity
            for i, (point, compare) in enumerate(cases[name]):
                here = slice(i * per_point, (i + 1) * per_point)
                for twin in twins(name):
                    failures = compare(twin, point, asked[name][here], found[here])
                    wrong.extend(f"{backend}: {failure}" for failure in failures)
    assert not wrong, "\n".join(wrong)
