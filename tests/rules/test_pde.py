"""PDE expressions as functionals: which are found, and that they give the expressions' values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from jetfold.rules.pde import derivative_functionals, residual
from jetfold.rules.problem import Functional
from pde_values import check_values, forms

x, y, t = sp.symbols("x y t")
nu, kappa = sp.symbols("nu kappa")
d0, d1, d2, d3 = sp.symbols("d0:4", real=True)
w = sp.Function("w")(x, t)
u = sp.Function("u")(x, y)
ux, uy, uxx, uyy, uxy = u.diff(x), u.diff(y), u.diff(x, 2), u.diff(y, 2), u.diff(x, y)


def laplacian(function: sp.Expr, coords: Sequence[sp.Symbol]) -> sp.Expr:
    return sp.Add(*(function.diff(coordinate, 2) for coordinate in coords))


# Which functionals -------------------------------------------------------------------------------

one = sp.S.One
biharmonic = uxx.diff(x, 2) + 2 * uxx.diff(y, 2) + uyy.diff(y, 2)
EQUATIONS: dict[str, tuple[sp.Expr, Any, list[sp.Expr], sp.Expr]] = {
    # name: expression, field, functionals as polynomials in the coordinates, the expression in them
    "the function itself": (w, w, [one], d0),
    "one derivative": (w.diff(x), w, [x], d0),
    "factor of a linear operator": (3 * uxx + 3 * uyy, u, [3 * x**2 + 3 * y**2], d0),
    "Burgers": (
        w.diff(t) + w * w.diff(x) - w.diff(x, 2) / 100,
        w,
        [one, x, t - x**2 / 100],
        d0 * d1 + d2,
    ),
    "heat, parameter": (w.diff(t) - nu * w.diff(x, 2), w, [t, x**2], d0 - nu * d1),
    "Laplacian": (uxx + uyy, u, [x**2 + y**2], d0),
    "Poisson with a nonlinear term": (
        uxx + uyy + sp.sin(u),
        u,
        [one, x**2 + y**2],
        d1 + sp.sin(d0),
    ),
    "Helmholtz": (uxx + uyy + 4 * u, u, [x**2 + y**2 + 4], d0),
    "plate on springs": (biharmonic - u, u, [x**4 + 2 * x**2 * y**2 + y**4 - 1], d0),
    "order 0 also for itself": (uxx + uyy - u + u**2, u, [one, x**2 + y**2], d1 - d0 + d0**2),
    "coefficient of a whole operator": (x * uxx + x * uyy, u, [x**2 + y**2], x * d0),
    "factor of a coefficient": (3 * x * uxx + 6 * x * uyy, u, [x**2 + 2 * y**2], 3 * x * d0),
    "two coefficients of one operator": (
        (x + nu) * uxx + (2 * x + 2 * nu) * uyy,
        u,
        [x**2 + 2 * y**2],
        (x + nu) * d0,
    ),
    "square": ((uxx + uyy) ** 2, u, [x**2 + y**2], d0**2),
    "square, multiplied out": (
        uxx**2 + 2 * uxx * uyy + uyy**2,
        u,
        [x**2 + y**2],
        d0**2,
    ),
    "function of an operator": (sp.exp(2 * uxx - uyy), u, [x**2 - y**2 / 2], sp.exp(2 * d0)),
    "quotient by an operator": (ux / (ux + 3 * u), u, [one, x], d1 / (d1 + 3 * d0)),
    "only together": (
        (ux + 3 * u) / (2 + ux + 3 * u),
        u,
        [x + 3],
        d0 / (2 + d0),
    ),
    "Monge-Ampere": (uxx * uyy - uxy**2, u, [x**2, x * y, y**2], d0 * d2 - d1**2),
    "curvature": (
        (uxx + uyy) / sp.sqrt(1 + ux**2 + uy**2),
        u,
        [x, y, x**2 + y**2],
        d2 / sp.sqrt(1 + d0**2 + d1**2),
    ),
    "Korteweg-de Vries": (
        w.diff(t) + 6 * w * w.diff(x) + w.diff(x, 3),
        w,
        [one, x, t + x**3],
        6 * d0 * d1 + d2,
    ),
    "Kuramoto-Sivashinsky": (
        w.diff(t) + w * w.diff(x) + w.diff(x, 2) + w.diff(x, 4),
        w,
        [one, x, t + x**2 + x**4],
        d0 * d1 + d2,
    ),
    "Cahn-Hilliard": (
        w.diff(t) - laplacian(w**3 - w - laplacian(w, [x]) / 100, [x]),
        w,
        [one, x, x**2, t + x**4 / 100],
        -3 * d0**2 * d2 - 6 * d0 * d1**2 + d2 + d3,
    ),
    "Fokker-Planck, not carried out": (
        sp.Derivative(w, t) + sp.Derivative(x * w, x) - sp.Derivative(w, x, x),
        w,
        [x, t - x**2 + 1],
        d0 * x + d1,
    ),
    "derivative of a product, not carried out": (
        sp.Derivative(w * sp.Derivative(w, x), x),
        w,
        [one, x, x**2],
        d0 * d2 + d1**2,
    ),
    "derivative of a function, not carried out": (
        sp.Derivative(sp.sin(w), x),
        w,
        [one, x],
        d1 * sp.cos(d0),
    ),
    "equation": (sp.Eq(w.diff(t), w.diff(x, 2)), w, [t - x**2], d0),
    "cancelling": ((w + 1) * w.diff(x) - w * w.diff(x) + w.diff(t), w, [t + x], d0),
    "cancelling powers": ((ux + u) ** 3 - ux**3 - 3 * u * ux * (u + ux), u, [one], d0**3),
    "linear operator also with a coefficient": (
        x * (uxx + uyy) + 3 * (uxx + uyy),
        u,
        [x**2 + y**2],
        (x + 3) * d0,
    ),
    "exponent": (w.diff(x) ** nu, w, [x], d0**nu),
    "known function of coordinates": (
        sp.Derivative(sp.exp(kappa * x) * w, x),
        w,
        [one, x],
        sp.exp(kappa * x) * (kappa * d0 + d1),
    ),
    "selected coefficient": (
        sp.Piecewise((uxx + uyy, x > 0), (2 * uxx + 2 * uyy, True)),
        u,
        [x**2 + y**2],
        sp.Piecewise((d0, x > 0), (2 * d0, True)),
    ),
    "kinks of the value": (
        sp.Abs(u) * ux + sp.Max(u, x),
        u,
        [one, x],
        d1 * sp.Abs(d0) + sp.Max(d0, x),
    ),
    "jumps of the value": (
        sp.Piecewise((1, u > 0), (2, True)) * uxx,
        u,
        [one, x**2],
        d1 * sp.Piecewise((1, d0 > 0), (2, True)),
    ),
    "jumps of the value without a gradient": (uxx + uyy + sp.floor(u), u, [one, x**2 + y**2], None),
    "square of a kink": (sp.Abs(ux) ** 2, u, [x], d0**2),
    "no number at zero": (uy * (1 / uy + ux) - ux * uy + u, u, [one, x, y], None),
    "substitution, not carried out": (
        sp.Subs(sp.sin(nu * x), nu, 2) * w,
        w,
        [one],
        d0 * sp.sin(2 * x),
    ),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_functionals(name: str) -> None:
    expr, field, expected, rewritten = EQUATIONS[name]
    found = residual(expr, field.args)
    assert found.fields == (field,)
    assert found.coords == field.args
    assert found.symbols == (d0, d1, d2, d3)[: len(expected)]
    assert [sp.expand(form - e) for form, e in zip(forms(found), expected, strict=True)] == [0] * (
        len(expected)
    )
    if rewritten is not None:
        (actual,) = found.expressions
        assert actual == rewritten or sp.expand(actual - rewritten) == 0
    assert found.parameters == tuple(
        sorted(expr.free_symbols & {nu, kappa}, key=lambda symbol: symbol.name)
    )
    check_values(found, [expr.lhs - expr.rhs if isinstance(expr, sp.Eq) else expr])


def test_a_variation_that_is_not_carried_out() -> None:
    assert residual(sp.Derivative(w**3 + w.diff(x), w), (x, t)).expressions == (3 * d0**2,)


def test_derivatives_of_kinks_are_those_of_real_functions() -> None:
    """SymPy has written them in real and imaginary parts, as nobody told it."""
    expr = sp.Abs(u).diff(x)
    assert expr.has(sp.im)
    assert residual(expr, (x, y)).expressions == (d1 * sp.sign(d0),)
    assert residual(sp.Derivative(sp.Abs(u), x), (x, y)) == residual(expr, (x, y))
    (found,) = residual(sp.Derivative(sp.Abs(x - nu) * u, x), (x, y)).expressions
    for values in ({x: 2, nu: 5}, {x: 5, nu: 2}):
        expected = d1 * sp.Abs(x - nu) + d0 * sp.sign(x - nu)
        assert found.subs(values) == expected.subs(values)


def test_values_with_transcendental_functions() -> None:
    expr = sp.Derivative(sp.exp(-(w**2)) * sp.Derivative(w, x, t), x) - nu * sp.tanh(w) + x * w
    function = sp.sin(x * t) + sp.exp(-x) / (1 + t**2)
    check_values(residual(expr, (x, t)), [expr], {w: function})


def test_order_of_coordinates() -> None:
    """Variables are positions in ``coords``; a field may take them in another order, or fewer."""
    other = sp.Function("w")(t, x)
    expr = other.diff(x, 2, t) + 2 * other.diff(x)
    (functional,) = residual(expr, (t, x)).functionals
    assert functional.polynomial == {(0, 1, 1): 1, (1,): 2}
    (functional,) = residual(expr, (x, y, t)).functionals
    assert functional.polynomial == {(0, 0, 2): 1, (0,): 2}
    assert residual(sp.Derivative(w, x) + sp.Derivative(w, t, x), [x, t]).functionals == (
        Functional(0, {(0, 1): Fraction(1), (0,): Fraction(1)}),
    )


def test_a_derivative_that_vanishes() -> None:
    only_x = sp.Function("q")(x)
    found = residual(sp.Derivative(only_x, t) + only_x.diff(x), (x, t))
    assert forms(found) == [x]


# Several fields and expressions ------------------------------------------------------------------


def navier_stokes(viscosity: sp.Expr) -> tuple[list[sp.Expr], tuple[sp.Expr, ...]]:
    a, b, p = fields = tuple(sp.Function(name)(x, y, t) for name in "abp")
    momentum = [
        f.diff(t) + a * f.diff(x) + b * f.diff(y) + p.diff(c) - viscosity * laplacian(f, [x, y])
        for f, c in ((a, x), (b, y))
    ]
    return [*momentum, a.diff(x) + b.diff(y)], fields


def test_navier_stokes() -> None:
    expressions, fields = navier_stokes(nu)
    found = residual(expressions, (x, y, t), fields)
    velocity = [one, x, y, t, x**2 + y**2]
    assert [forms(found, output) for output in range(3)] == [velocity, velocity, [x, y]]
    assert found.expressions[2] == sp.Symbol("d1", real=True) + sp.Symbol("d7", real=True)
    assert (found.fields, found.parameters) == (fields, (nu,))
    check_values(found, expressions)


def test_navier_stokes_with_a_number() -> None:
    """The linear part of each equation is one functional of each field."""
    expressions, fields = navier_stokes(sp.Rational(1, 100))
    found = residual(expressions, (x, y, t), fields)
    velocity = [one, x, y, t - x**2 / 100 - y**2 / 100]
    assert [forms(found, output) for output in range(3)] == [velocity, velocity, [x, y]]
    check_values(found, expressions)


def test_order_of_fields() -> None:
    """Outputs are positions in ``fields``; one that does not occur has no functional."""
    expressions, (a, b, p) = navier_stokes(nu)
    idle = sp.Function("idle")(x, y, t)
    found = residual(expressions, (x, y, t), [p, idle, b, a])
    assert [len(forms(found, output)) for output in range(4)] == [2, 0, 5, 5]
    assert found.fields == (p, idle, b, a)
    check_values(found, expressions)


def test_fields_are_not_mixed() -> None:
    """A gradient over two fields is taken apart, and so is each field's whole span."""
    a, b = (sp.Function(name)(x, y) for name in "ab")
    expressions = [a.diff(x) + b.diff(y), (a.diff(x) + a.diff(y) + 2 * b) ** 2]
    found = residual(expressions, (x, y), (a, b))
    assert [forms(found, output) for output in range(2)] == [[x, y], [one, y]]
    check_values(found, expressions)


def test_expressions_share_functionals() -> None:
    expressions = [w, w.diff(t), w.diff(x, 2) - w.diff(t), w * w.diff(x, 2)]
    found = residual(expressions, (x, t))
    assert forms(found) == [one, t, x**2]
    assert found.expressions == (d0, d1, d2 - d1, d0 * d2)
    check_values(found, expressions)
    assert residual(tuple(expressions), (x, t)) == residual(sp.Tuple(*expressions), (x, t)) == found


# Numbers -----------------------------------------------------------------------------------------


def test_floats_are_binary_fractions() -> None:
    found = residual(w.diff(t) - 0.1 * w.diff(x, 2) + 0.3 * w * w.diff(x), (x, t))
    assert found.functionals[2].polynomial == {(1,): 1, (0, 0): -Fraction(0.1)}
    assert found.expressions == (sp.Float(0.3) * d0 * d1 + d2,)
    check_values(found, [w.diff(t) - 0.1 * w.diff(x, 2) + 0.3 * w * w.diff(x)], tolerance=1e-14)


def test_products_of_floats_are_exact() -> None:
    """0.1*0.3 + 0.3*0.1 in floating point would not be twice the product."""
    found = residual((0.1 * ux + 0.3 * uy + 0.7 * u) ** 2, (x, y))
    (functional,) = found.functionals
    assert functional.polynomial[(1,)] == Fraction(0.3) / Fraction(0.1)
    check_values(found, [(0.1 * ux + 0.3 * uy + 0.7 * u) ** 2], tolerance=1e-14)


def test_float_exponents() -> None:
    found = residual(u**2.0 + u**0.5 + u**0.1, (x, y))
    assert found.expressions == (d0**2 + sp.sqrt(d0) + d0 ** sp.Float(0.1),)


def test_irrational_numbers() -> None:
    expr = (sp.pi * uxx + sp.sqrt(2) * uyy) ** 2 + sp.E * x * ux
    found = residual(expr, (x, y))
    ratio = Fraction(float(sp.sqrt(2) / sp.pi))
    assert [functional.polynomial for functional in found.functionals] == [
        {(0,): 1},
        {(0, 0): 1, (1, 1): ratio},
    ]
    check_values(found, [expr], tolerance=1e-14)


def test_a_number_that_is_zero_but_does_not_look_so() -> None:
    found = residual((sp.cos(1) ** 2 + sp.sin(1) ** 2 - 1) * ux + x * uy, (x, y))
    assert forms(found) == [y]
    assert found.expressions == (x * d0,)


def test_irrational_factors_stay_exact() -> None:
    found = residual(w.diff(t) - sp.pi * w.diff(x, 2), (x, t))
    assert found.functionals[0].polynomial == {(0, 0): 1, (1,): -Fraction(float(1 / sp.pi))}
    assert found.expressions == (-sp.pi * d0,)


def test_large_and_small_numbers() -> None:
    """Those that double precision has are floats in the expression; less than that is nothing."""
    found = residual(10**300 * x * w + w.diff(x) / (10**7 + 1), (x, t))
    assert found.expressions == (sp.Float(1e300) * x * d0 + d1 / sp.Float(10**7 + 1),)
    (functional,) = residual(w.diff(x) + sp.exp(-800) * w, (x, t)).functionals
    assert functional.polynomial == {(0,): 1}


def test_names_of_the_functionals() -> None:
    taken = sp.symbols("d1 d_0")
    found = residual(taken[0] * w + taken[1] * w.diff(x) ** 2, (x, t))
    assert [symbol.name for symbol in found.symbols] == ["d__0", "d__1"]
    assert found.parameters == tuple(sorted(taken, key=lambda symbol: symbol.name))
    # The name of one that is not there is no obstacle.
    assert residual(sp.Symbol("d2") * w, (x, t)).symbols == (d0,)


def test_assumptions_are_kept() -> None:
    """The answer is in the user's own symbols, whatever they assume."""
    a, b = sp.symbols("a b", positive=True)
    c = sp.Symbol("c", integer=True)
    field = sp.Function("f", positive=True)(a, b)
    expr = sp.sqrt(field**2) * a * c + field.diff(b) * nu
    found = residual(expr, (a, b))
    assert found.expressions == (d0 * a * c + d1 * nu,)
    assert (found.coords, found.parameters, found.fields) == ((a, b), (c, nu), (field,))


# Derivatives by name ------------------------------------------------------------------------------


def monomials(names: Any, coords: Any) -> list[Any]:
    found = derivative_functionals(names, coords)
    assert all(functional.output == 0 for functional in found)
    assert all(list(functional.polynomial.values()) == [1] for functional in found)
    return [next(iter(functional.polynomial)) for functional in found]


def test_derivatives_by_name() -> None:
    expected = [(), (2,), (0, 0), (0, 1, 1), (0, 0, 1)]
    assert monomials(["", "t", "xx", "xyy", "xyx"], (x, y, t)) == expected
    assert monomials(("", "t", "xx", "xyy", "xyx"), ["x", "y", "t"]) == expected


def test_derivatives_by_long_names() -> None:
    assert monomials(["x1x1x10", "x10x1"], ["x1", "x10"]) == [(0, 0, 1), (0, 1)]
    assert monomials(["x1", "x"], sp.symbols("x x1")) == [(1,), (0,)]


def test_derivatives_by_tuples() -> None:
    names = [("b", "a"), ["ab", "ab"], (), (sp.Symbol("b"), "b")]
    assert monomials(names, ["a", "b", "ab"]) == [(0, 1), (2, 2), (), (1, 1)]


def test_names_that_can_only_be_read_in_one_way() -> None:
    """Taking the longest coordinate first would get stuck."""
    assert monomials(["abc"], ["a", "ab", "bc"]) == [(0, 2)]
