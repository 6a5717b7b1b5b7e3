"""What SymPy can show to be zero, in the forms in which steps ask for it."""

import sympy as sp

from jetfold.graph.zero import is_zero

X, Y = sp.symbols("x y", real=True)


def choice(value: sp.Expr) -> sp.Expr:
    return sp.Piecewise((value, X > 0), (sp.sin(X * (Y + 1)), True))


def test_choices_of_products() -> None:
    expanded = sp.Piecewise((X**2 + X, X > 0), (sp.sin(X * Y + X), True))
    assert is_zero(Y * choice(X * (X + 1)) - Y * expanded) is True
    assert is_zero(choice(X * (X + 1)) - choice(X * (X + 2))) is False
