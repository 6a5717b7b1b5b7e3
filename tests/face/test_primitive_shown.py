"""What a user sees of a primitive: signature, documentation, what holds at kinks, rules."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_array_equal

import jetfold as jf
import oracle
from custom_examples import EXAMPLES, TRUTHS, path_from, x, y, z


def test_it_is_like_a_function() -> None:
    morse = EXAMPLES["morse"]
    assert morse.__name__ == morse.name == "morse"
    assert str(inspect.signature(EXAMPLES["swish"])) == "(x, /, beta=1.0)"
    assert str(inspect.signature(morse)) == "(r, /, depth, width, place)"
    assert repr(morse) == (
        "<primitive morse(r, /, depth, width, place) = depth*(1 - exp(-width*(-place + r)))**2>"
    )
    assert morse._repr_latex_() == (
        r"$\displaystyle \operatorname{morse}\left(r, \mathrm{depth}, \mathrm{width}, "
        r"\mathrm{place}\right) = \mathrm{depth} "
        r"\left(1 - e^{- \mathrm{width} \left(- \mathrm{place} + r\right)}\right)^{2}$"
    )
    assert [str(symbol) for symbol in morse.parameters] == ["depth", "width", "place"]


def test_documentation() -> None:
    lines = (EXAMPLES["morse"].__doc__ or "").splitlines()
    assert lines[0] == "The Morse potential of a diatomic molecule."
    assert "Parameters: depth, width, place." in lines
    assert "Parameters: beta (default 1.0)." in (EXAMPLES["swish"].__doc__ or "").splitlines()
    assert "    dy/dx = 1/2 - y**2/2" in (EXAMPLES["squash"].__doc__ or "").splitlines()
    kinks = (EXAMPLES["huber"].__doc__ or "").splitlines()[-1]
    assert "where pieces meet, the derivative of the piece that holds there" in kinks
    assert "At kinks" not in (EXAMPLES["gelu"].__doc__ or "")


@pytest.mark.parametrize(
    ("expr", "points", "slopes", "sentence"),
    [
        (sp.Abs(x), [-2, 0, 2], [-1, 0, 1], "absolute value at 0 is taken as 0"),
        (sp.sign(x), [-2, 0, 2], [0, 0, 0], "a step is taken as 0"),
        (sp.Max(x, 0), [-2, 0, 2], [0, 0.5, 1], "the mean of both"),
        (sp.Min(x, 1), [-2, 1, 2], [1, 0.5, 0], "the mean of both"),
        (sp.Piecewise((x, x < 0), (3 * x, True)), [-2, 0, 2], [1, 3, 3], "the piece that holds"),
        (sp.Heaviside(x), [-2, 0, 2], [0, 0, 0], "the piece that holds"),
        (sp.floor(x), [-2, 0, 0.5], [0, 0, 0], "a step is taken as 0"),
    ],
    ids=str,
)
def test_kinks(expr: Any, points: list[float], slopes: list[float], sentence: str) -> None:
    kinked = jf.primitive("kinked", expr, x, overwrite=True)
    assert sentence in (kinked.__doc__ or "").splitlines()[-1]
    at = np.array(points, float)
    _, (first, second) = jf.jet(kinked, 2, point_ndim=0, backend="reference")(
        at, (np.ones(3), np.zeros(3))
    )
    assert_array_equal(first, slopes)
    assert_array_equal(second, np.zeros(3))


def test_rules_in_the_users_names() -> None:
    assert str(jf.rule("squash")).splitlines() == [
        "y_0 = -1 + 2/(1 + exp(-x_0))",
        "y_1 = x_1*(1/2 - y_0**2/2)",
        "y_2 = -x_1**2*y_0*(1/2 - y_0**2/2) + x_2*(1/2 - y_0**2/2)",
    ]
    yukawa = EXAMPLES["yukawa"].rule(1, collapsed=True)
    assert str(yukawa) == (
        "y_0 = exp(-mu*r_0)/r_0\nSum(y_1[d], (d, 1, D)) = y_0*(-mu - 1/r_0)*Sum(r_1[d], (d, 1, D))"
    )
    taken = jf.primitive("taken", (y - sp.Symbol("r")) * sp.Symbol("s0"), (y, sp.Symbol("r")),
                         parameters=[sp.Symbol("s0")])  # fmt: skip
    assert str(jf.rule(taken, 1, collapsed=True)) == (
        "f_0 = s0*(-r_0 + y_0)\n"
        "Sum(f_1[d], (d, 1, D)) = -s0*Sum(r_1[d], (d, 1, D)) + s0*Sum(y_1[d], (d, 1, D))"
    )


def test_rules_of_expressions() -> None:
    assert str(jf.rule(x * sp.exp(-z), 1)) == ("y_0 = x_0*exp(-z_0)\ny_1 = x_1*exp(-z_0) - y_0*z_1")
    values = zip(sp.symbols("x_0 x_1 x_2 y_0", real=True), (0, 3, 5, 0), strict=True)
    second = jf.rule(x / (1 + sp.exp(-x)), 2).equations[2]
    assert float(second.rhs.subs(dict(values))) == (3**2 + 5) / 2  # y/x would be 0/0


@pytest.mark.parametrize("name", ["gelu", "morse", "decay", "lambert"])
def test_rules_give_derivatives(name: str) -> None:
    """The equations themselves, against mpmath."""
    truth, known = TRUTHS[name], EXAMPLES[name]
    point, arity = truth.points[1], len(known.arguments)
    path = path_from(point, 3)
    path[1:, arity:] = 0.0  # parameters do not move
    expected = oracle.jet(oracle.partials(truth.function, point, 3), path.T.tolist()).values
    numbers = {
        sp.Symbol(f"{s}_{k}", real=True): path[k, i]
        for i, s in enumerate(known.arguments)
        for k in range(4)
    } | dict(zip(known.parameters, point[arity:], strict=True))
    for k, equation in enumerate(jf.rule(name, 3).equations):
        numbers.setdefault(equation.lhs, float(expected[0]))
        assert float(equation.rhs.subs(numbers).evalf(25)) == pytest.approx(float(expected[k]))
