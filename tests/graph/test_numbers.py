"""Number systems: the same expression in floating point, exact rationals and long numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import sympy as sp
from mpmath import mp

from jetfold.graph import UnsupportedError, operand_symbol
from jetfold.graph import functions as fn
from jetfold.graph.elementary import damped
from jetfold.graph.numbers import EXACT, FLOAT, FLOAT_FUNCTIONS, MPMATH, NumberSystem, name_of
from jetfold.graph.powers import power, power_log
from jetfold.graph.ufuncs import EXPRESSIONS

A, B, C = map(operand_symbol, range(3))
SYSTEMS: dict[str, NumberSystem] = {"float": FLOAT, "exact": EXACT, "mpmath": MPMATH}


def everything() -> dict[str, sp.Expr]:
    """The table of functions, and what only derivatives contain."""
    found: dict[str, sp.Expr] = {}
    for name, define in EXPRESSIONS.items():
        ufunc = getattr(np, name, getattr(scipy.special, name, None))
        count = 3 if name == "where" else getattr(ufunc, "nin", 1)  # old SciPys lack softplus
        found[name] = define(*(A, B, C)[:count])
    return found | {
        "polygamma": sp.polygamma(2, A),
        "derivative of a power": power(A, B, sp.Integer(2)),
        "derivative by an exponent": power_log(A, B, 2),
        "root": A ** sp.Rational(2, 3),
        "inverse root": 1 / sp.sqrt(A),
        "slope of tanh": fn.sech_squared(A),
        "derivative of a wave": fn.sinc(3, A),
        "Bessel function": sp.besselj(3, A),
        "unit": fn.unit(A, B),
        "csch": fn.csch(A),
        "coth": fn.coth(A),
        "damped": damped(A, B),
        "logistic density": fn.logistic_density(A),
        "logistic balance": fn.logistic_balance(A),
        "sech": fn.sech(A),
        "constants": A * sp.log(2) + sp.pi - sp.sqrt(3) * sp.E,
    }


EVERYTHING = everything()
POINTS: dict[str, tuple[float, ...]] = {"arccosh": (2.5,), "where": (1.0, 0.3, 0.6)}


def operands(name: str, numbers: NumberSystem) -> list[Any]:
    values = POINTS.get(name, (0.7, 0.3, 0.6))
    count = len(EVERYTHING[name].free_symbols)
    return [numbers.array(np.array([value])) for value in values[:count]]


@pytest.mark.parametrize("name", EVERYTHING)
def test_floating_point_is_close_to_long_numbers(name: str) -> None:
    found = FLOAT.evaluate(EVERYTHING[name], operands(name, FLOAT))
    with mp.workdps(40):
        (expected,) = MPMATH.evaluate(EVERYTHING[name], operands(name, MPMATH))
        assert float(found[0]) == pytest.approx(float(expected), rel=2e-15)


def test_every_function_of_numpy_is_tested() -> None:
    used = {name_of(call) for expr in EVERYTHING.values() for call in expr.atoms(sp.Function)}
    assert set(FLOAT_FUNCTIONS) - used <= {"sqrt", "pow", "exp"}  # powers in SymPy


@pytest.mark.parametrize("name", EVERYTHING)
def test_constants_have_values(name: str) -> None:
    """A function of numbers, as it is left when constants are put into an expression."""
    expr = EVERYTHING[name]
    values = POINTS.get(name, (0.7, 0.3, 0.6))
    with mp.workdps(40):
        numbers = [sp.Rational(*value.as_integer_ratio()) for value in values]
        constant = expr.subs(dict(zip((A, B, C), numbers, strict=False)))
        (expected,) = MPMATH.evaluate(expr, operands(name, MPMATH))
        found = mpmath.mpf(sp.Float(sp.N(constant, 30), 30)._mpf_)
        assert abs(found - expected) < 1e-28
    for system in (FLOAT, MPMATH):
        (value,) = system.evaluate(constant + A, [system.array(np.zeros(1))])
        assert float(value) == pytest.approx(float(expected), rel=1e-15)


def test_constants_that_are_not_real() -> None:
    assert sp.N(fn.arccosh(0)) is sp.nan
    assert np.isnan(FLOAT.evaluate(A + fn.arccosh(0), [np.zeros(1)])).all()


# Floating point -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EVERYTHING)
def test_precision_is_kept(name: str, dtype: Any) -> None:
    values = [operand.astype(dtype) for operand in operands(name, FLOAT)]
    found = FLOAT.evaluate(EVERYTHING[name], values)
    assert found.dtype == dtype
    exact = FLOAT.evaluate(EVERYTHING[name], operands(name, FLOAT))
    np.testing.assert_allclose(found, exact, rtol=20 * np.finfo(dtype).eps)


def test_shapes() -> None:
    x, y = np.ones((4, 1)), np.full(3, 2.0)
    assert FLOAT.evaluate(A * B, [x, y]).shape == (4, 3)
    assert FLOAT.evaluate(A + B - B, [x, y]).shape == (4, 3)  # simplified to a0
    assert FLOAT.evaluate(sp.Integer(7), []).shape == ()
    for system in (EXACT, MPMATH):
        assert system.evaluate(A * B, [system.array(x), system.array(y)]).shape == (4, 3)
        assert system.evaluate(A, [system.array(np.ones((2, 0)))]).shape == (2, 0)


@pytest.mark.parametrize(
    "expr", [sp.sin(A) * sp.exp(-A), sp.tanh(A), A**3 / (1 + A), sp.sqrt(A) + 1 / A, sp.log(A)]
)
def test_complex_numbers(expr: sp.Expr) -> None:
    """The derivative by a complex step is the derivative."""
    step = 1e-30
    found = FLOAT.evaluate(expr, [np.array([0.7 + 1j * step])]).imag / step
    np.testing.assert_allclose(found, FLOAT.evaluate(sp.diff(expr, A), [np.array([0.7])]), 1e-14)


def test_no_warnings() -> None:
    with np.errstate(all="raise"):
        found = FLOAT.evaluate(sp.log(A) + 1 / A, [np.array([0.0, -1.0, np.nan, 1.0])])
    assert not np.isfinite(found[:3]).any()
    assert found[3] == 1


# Selections -----------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (A < 1, [1, 0, 0]),
        (A <= 1, [1, 1, 0]),
        (A > 1, [0, 0, 1]),
        (A >= 1, [0, 1, 1]),
        (sp.Eq(A, 1), [0, 1, 0]),
        (sp.Ne(A, 1), [1, 0, 1]),
        ((A > 0) & (A < 2), [0, 1, 0]),
        ((A < 1) | (A > 1), [1, 0, 1]),
        (sp.Not((A > 0) & (A < 2)), [1, 0, 1]),
    ],
)
def test_conditions(system: str, condition: Any, expected: list[int]) -> None:
    numbers = SYSTEMS[system]
    values = numbers.array(np.array([0.0, 1.0, 2.0]))
    found = numbers.evaluate(sp.Piecewise((1, condition), (0, True)), [values])
    assert [int(value) for value in found] == expected


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_first_branch_that_holds(system: str) -> None:
    numbers = SYSTEMS[system]
    expr = sp.Piecewise((A, A > 2), (2 * A, A > 1), (3 * A, True))
    values = numbers.array(np.array([0.5, 1.5, 2.5]))
    assert [float(value) for value in numbers.evaluate(expr, [values])] == [1.5, 3.0, 2.5]


def test_where_no_branch_holds_floats_are_nan() -> None:
    found = FLOAT.evaluate(sp.Piecewise((A, A > 1)), [np.array([0.5, 2.0])])
    np.testing.assert_array_equal(found, [np.nan, 2.0])


@pytest.mark.parametrize("system", ["exact", "mpmath"])
def test_a_branch_that_is_not_taken_is_not_computed(system: str) -> None:
    numbers = SYSTEMS[system]
    expr = sp.Piecewise((1 / A, A > 0), (-1, True))
    found = numbers.evaluate(expr, [numbers.array(np.array([0.0, 2.0]))])
    assert [float(value) for value in found] == [-1.0, 0.5]


# Exact rationals --------------------------------------------------------------------------------


def exact(expr: sp.Expr, *values: Any) -> Fraction:
    arrays = []
    for value in values:
        array = np.empty((), dtype=object)
        array[()] = Fraction(value)
        arrays.append(array)
    result = EXACT.evaluate(expr, arrays).item()
    assert isinstance(result, Fraction)
    return result


def test_arithmetic_is_exact() -> None:
    assert exact((A + B) ** 3 / (1 - A), Fraction(1, 3), Fraction(1, 7)) == Fraction(500, 3087)
    assert exact(A**-2, Fraction(2, 3)) == Fraction(9, 4)
    assert exact(sp.Rational(1, 3) * A, 1) == Fraction(1, 3)
    with pytest.raises(ZeroDivisionError):
        exact(1 / A, 0)


def test_floats_are_the_rationals_that_they_are() -> None:
    array = EXACT.array(np.array([0.1, 0.5, 3.0]))
    assert list(array) == [Fraction(0.1), Fraction(1, 2), 3]
    assert EXACT.array(array) is array
    assert exact(A + sp.Float(0.25), 1) == Fraction(5, 4)


def test_transcendental_functions_are_opaque_numbers() -> None:
    """The same one for the same argument; others for others, so that only identities hold."""
    x, y = Fraction(1, 3), Fraction(2, 7)
    assert exact(sp.sin(A), x) == exact(sp.sin(B) * A / A, y, x)
    values = [exact(f(A), v) for f in (sp.sin, sp.exp, sp.tanh, fn.expit) for v in (x, y)]
    assert len(set(values)) == len(values)
    assert all(0 < value < 2 for value in values)
    assert exact(sp.sin(A) ** 2 + sp.cos(A) ** 2, x) != 1
    assert exact(sp.exp(A), x) == Fraction(116, 125)  # in every process


@pytest.mark.parametrize(
    ("expr", "values", "expected"),
    [
        (fn.absolute(A), (Fraction(-7, 2),), Fraction(7, 2)),
        (fn.maximum(A, B), (1, Fraction(3, 2)), Fraction(3, 2)),
        (fn.minimum(A, B), (1, Fraction(3, 2)), 1),
        (fn.sign(A), (Fraction(-1, 9),), -1),
        (fn.sign(A), (0,), 0),
        (fn.floor(A), (Fraction(-1, 2),), -1),
        (fn.ceil(A), (Fraction(-1, 2),), 0),
        (fn.rint(A), (Fraction(5, 2),), 2),
        (damped(A, B), (Fraction(5, 2), 3), Fraction(15, 2)),
        (damped(1 / A, B), (Fraction(5, 2), 0), 0),
        (sp.sqrt(A), (9,), 3),
        (sp.exp(A), (0,), 1),
        (sp.tanh(A), (0,), 0),
        (sp.log(A), (1,), 0),
    ],
)
def test_what_is_rational_is_rational(expr: sp.Expr, values: Any, expected: Any) -> None:
    assert exact(expr, *values) == expected


SMOOTH = [
    *(sp.sin(A), sp.cos(A), sp.tan(A), sp.exp(A), sp.log(A), sp.sqrt(A), sp.sinh(A), sp.tanh(A)),
    *(sp.asin(A), sp.acos(A), sp.atanh(A), sp.loggamma(A), sp.polygamma(1, A)),
    *(fn.arctan(A), fn.erf(A), fn.expit(A), fn.cbrt(A), fn.hypot(A, 1), fn.unit(A, 1)),
    *(A ** sp.Rational(1, 3), sp.sin(A) * sp.log(2) + sp.sqrt(A + 6), fn.logaddexp(A, 2)),
]


def put_in() -> list[tuple[sp.Expr, sp.Rational, sp.Expr]]:
    """Functions, numbers and what SymPy makes of them, where that is finite and real."""
    numbers = [sp.Rational(*pair) for pair in ((-2, 1), (0, 1), (1, 1), (2, 1), (8, 1), (-3, 1))]
    both = ((expr, x, expr.subs(A, x)) for expr in SMOOTH for x in numbers)
    return [(e, x, value) for e, x, value in both if value.is_finite and value.is_real]


@pytest.mark.parametrize(("expr", "number", "value"), put_in())
def test_a_number_may_be_put_in_before_or_after(expr: Any, number: Any, value: Any) -> None:
    """SymPy simplifies sin(-2) and exp(0); the opaque numbers follow."""
    assert exact(value + A, 0) == exact(expr, Fraction(number.p, number.q))


# Errors -------------------------------------------------------------------------------------------


def test_functions_that_nobody_knows() -> None:
    unknown = sp.Function("mystery")(A)
    with pytest.raises(UnsupportedError, match="NumPy has no function for mystery"):
        FLOAT.evaluate(unknown, [np.ones(1)])
    with pytest.raises(UnsupportedError, match="mpmath has no function for mystery"):
        MPMATH.evaluate(unknown, [MPMATH.array(np.ones(1))])
    with pytest.raises(UnsupportedError, match="no number system can compute"):
        FLOAT.evaluate(sp.Integral(A, (A, 0, B)), [np.ones(1), np.ones(1)])


def test_names() -> None:
    assert [name_of(f(A)) for f in (sp.asin, sp.atanh, sp.loggamma, sp.Abs, fn.expit)] == [
        "arcsin",
        "arctanh",
        "gammaln",
        "absolute",
        "expit",
    ]
