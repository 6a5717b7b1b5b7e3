"""Estimates of PDE expressions along random directions: right in the mean, exact where they can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from known_answers import points
from messages import message_of

COORDS = x, y, t = sp.symbols("x y t")
nu = sp.Symbol("nu")
w = sp.Function("w")(x, y, t)
CALLS = 400
DISTRIBUTIONS = ("normal", "rademacher", "sphere", "coordinates")
RANDOM = np.random.default_rng(2)
WEIGHTS = RANDOM.normal(size=(3, 6)), RANDOM.normal(size=6)
AT = points(3, 3)


def net(x: Any) -> Any:
    return np.tanh(x @ WEIGHTS[0]) @ WEIGHTS[1] + x[0] * x[1] * x[2]


def lap(function: sp.Expr) -> sp.Expr:
    return function.diff(x, 2) + function.diff(y, 2)


def operator(expression: Any, **options: Any) -> Any:
    return jf.operator(expression, net, COORDS, **{"backend": "reference"} | options)


def draws(op: Any, at: NDArray[Any], **values: float) -> NDArray[Any]:
    """Results of many calls, or of one call on many copies where each point has its own."""
    if op.per_point:
        return np.asarray(op(np.stack([at] * CALLS), **values))
    return np.stack([op(at, **values) for _ in range(CALLS)])


def check_mean(found: NDArray[Any], expected: NDArray[Any]) -> None:
    """Within five standard errors; and it does vary."""
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (error > 1e-10).all()
    assert (np.abs(found.mean(axis=0) - expected) <= 5 * error).all()
    assert (5 * error < 2 * np.abs(expected).max()).all()  # else anything would be right


ORDER_2 = {
    "Laplacian": lap(w) + w.diff(t, 2),
    "mixed signs": w.diff(t, 2) - 2 * w.diff(x, 2) + 3 * w.diff(x, y) - w.diff(t),
    "degenerate": w.diff(x, 2) + 2 * w.diff(x, y) + w.diff(y, 2),
    "coefficients": x**2 * lap(w) + w * w.diff(t) * w.diff(x, y) - nu * w**2,
}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("name", ORDER_2)
def test_second_order(name: str, distribution: str) -> None:
    values = {"nu": 0.5} if name == "coefficients" else {}
    expected = operator(ORDER_2[name])(AT, **values)
    op = operator(ORDER_2[name], samples=1, distribution=distribution, seed=0, per_point=True)
    found = draws(op, AT, **values)
    if name == "degenerate" and distribution != "normal":
        # Along one direction; the square of its random component is always 1.
        assert_allclose(found, np.broadcast_to(expected, found.shape), rtol=1e-10)
    else:
        check_mean(found, expected)


@pytest.mark.parametrize("distribution", ["normal", "sphere"])
@pytest.mark.parametrize(
    "expression",
    [
        lap(lap(w)) + w.diff(t),
        w.diff(t) - 2 * lap(lap(w)) + lap(w) / 3 - w.diff(t, 2),
        # w times the square of 2 xx + xy + yy
        w * (4 * w.diff(x, 4) + 4 * w.diff(x, 3, y) + 5 * w.diff(x, 2, y, 2))
        + w * (2 * w.diff(x, 1, y, 3) + w.diff(y, 4)),
    ],
    ids=["biharmonic", "orders together", "square of a form"],
)
def test_fourth_order(expression: sp.Expr, distribution: str) -> None:
    expected = operator(expression)(AT)
    op = operator(expression, samples=3, distribution=distribution, seed=1, per_point=True)
    check_mean(draws(op, AT), expected)


@pytest.mark.parametrize("method", ["standard", "collapsed", "minimal"])
def test_methods_draw_and_give_the_same(method: str) -> None:
    expression = lap(lap(w)) - lap(w) + w.diff(t, 2)
    found = operator(expression, samples=4, seed=3, method=method)(AT)
    assert_allclose(found, operator(expression, samples=4, seed=3)(AT), rtol=1e-9)
    assert not np.allclose(found, operator(expression, samples=4, seed=4)(AT))


def test_compiled() -> None:
    for per_point in (False, True):
        options = {"samples": 2, "seed": 5, "per_point": per_point}
        expected = operator(ORDER_2["mixed signs"], **options)(AT)
        found = operator(ORDER_2["mixed signs"], **options, backend="cpu")(AT)
        assert_allclose(found, expected, rtol=1e-11)


def test_points_share_directions_or_have_their_own() -> None:
    same = np.stack([AT[0]] * 4)
    shared = operator(lap(w), samples=1, seed=0)
    assert np.ptp(shared(same)) == 0
    assert shared(same)[0] != shared(same)[0]  # new ones at each call
    own = operator(lap(w), samples=1, seed=0, per_point=True)
    assert len(set(own(same).tolist())) == 4
    check_mean(draws(operator(lap(w), samples=2, seed=1), AT), operator(lap(w))(AT))


def test_all_coordinates_are_exact() -> None:
    """Without replacement, as many samples as directions are all of them."""
    expression = lap(w) + w.diff(t, 2) - w.diff(x) * w
    found = operator(expression, samples=3, distribution="coordinates", seed=0)(AT)
    assert_allclose(found, operator(expression)(AT), rtol=1e-11)


def test_values_and_first_derivatives_are_exact() -> None:
    expressions = [w * w.diff(x), sp.exp(w.diff(t)), lap(w)]
    found = operator(expressions, samples=1, seed=0)(AT)
    expected = operator(expressions)(AT)
    assert_allclose(found[..., :2], expected[..., :2], rtol=1e-12)
    assert not np.isclose(found[..., 2], expected[..., 2]).any()


def test_more_samples_have_less_variance() -> None:
    variances = [
        draws(operator(lap(w), samples=s, seed=0, per_point=True), AT).var(axis=0) for s in (1, 16)
    ]
    assert (variances[0] / variances[1] > 16 / 2).all()
    assert (variances[0] / variances[1] < 16 * 2).all()


def test_points_of_two_axes() -> None:
    z = sp.Symbol("z")
    f = sp.Function("f")(x, y, z, t)
    expression = f.diff(x, y) + f.diff(t, 2)

    def function(x: Any) -> Any:
        return (x[0, 0] * x[0, 1]) ** 2 * x[1, 0] + x[1, 1] ** 3 * x[0, 0]

    at = points(4, 3).reshape(3, 2, 2)
    options: Any = {"point_ndim": 2, "backend": "reference"}
    exact = jf.operator(expression, function, (x, y, z, t), **options)(at)
    op = jf.operator(
        expression, function, (x, y, z, t), samples=2, seed=0, per_point=True, **options
    )
    check_mean(draws(op, at), exact)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "options", "expected"),
    [
        (w.diff(x, 3), {}, "of the term d/dx d/dx d/dx, only terms of order 2"),
        (lap(w) + w.diff(x, y, t), {}, "of the term d/dx d/dy d/dt, only terms of order 2"),
        (w.diff(x, 4) + w.diff(y, 4), {}, "only terms of order 2, and squares of such operators"),
        (
            lap(lap(w)),
            {"distribution": "rademacher"},
            "cannot be estimated with distribution 'rademacher': of the term d/dx d/dx d/dx d/dx, "
            "the distribution lacks the fourth moments",
        ),
        (lap(lap(w)), {"distribution": "coordinates"}, "lacks the fourth moments"),
        (
            w.diff(x, 4) - 2 * w.diff(x, 2, y, 2) + w.diff(y, 4),
            {},
            "the operator is the square of an indefinite one",
        ),
        (lap(w) ** 2, {}, "is not linear in its derivatives of order 2 and above"),
        (lap(w) * w.diff(t, 2), {}, "is not linear in its derivatives of order 2 and above"),
        ([w, sp.exp(lap(w))], {}, "is not linear in its derivatives of order 2 and above"),
        (
            lap(w),
            {"distribution": "coordinates", "samples": 3},
            "samples is 3, but distribution 'coordinates' draws without replacement among 2",
        ),
    ],
)
def test_what_cannot_be_estimated(expression: Any, options: Any, expected: str) -> None:
    op = operator(expression, **{"samples": 2} | options)
    assert expected in message_of(jf.ArgumentError, op, AT)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"samples": 0}, "samples is 0; it must be an integer of 1 or more"),
        ({"samples": 1.5}, "samples is 1.5"),
        ({"samples": 2, "distribution": "uniform"}, "unknown distribution 'uniform'"),
        ({"seed": 1}, "seed is 1, but samples is not given"),
        ({"per_point": True}, "per_point is True, but samples is not given"),
        ({"samples": 2, "seed": -1}, "seed is -1"),
    ],
)
def test_wrong_options(options: Any, expected: str) -> None:
    assert expected in message_of(jf.ArgumentError, lambda: operator(lap(w), **options))


def test_estimates_are_not_nested() -> None:
    op = operator(lap(lap(w)), samples=2, method="nested")
    assert "there is no method 'nested'" in message_of(jf.ArgumentError, op, AT)
