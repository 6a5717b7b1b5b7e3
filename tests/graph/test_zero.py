"""What SymPy can show to be zero, in the forms in which steps ask for it."""

import sympy as sp

from jetfold.graph.elementary import damped
from jetfold.graph.zero import is_zero

X, Y = sp.symbols("x y", real=True)


def choice(value: sp.Expr) -> sp.Expr:
    return sp.Piecewise((value, X > 0), (sp.sin(X * (Y + 1)), True))


def test_choices_of_products() -> None:
    expanded = sp.Piecewise((X**2 + X, X > 0), (sp.sin(X * Y + X), True))
    assert is_zero(Y * choice(X * (X + 1)) - Y * expanded) is True
    assert is_zero(choice(X * (X + 1)) - choice(X * (X + 2))) is False


def test_choices_in_what_shorthands_stand_for() -> None:
    """The curvature of erf has a product that is 0 where its exponential has vanished."""
    e = sp.exp(-(X**2))
    assert is_zero(damped(X * Y, e) - damped(Y * X, e)) is True
    assert is_zero(damped(X, e) * Y - X * Y * e) is not False
    assert is_zero(damped(X, e) * Y - X * (Y + 1) * e) is False
