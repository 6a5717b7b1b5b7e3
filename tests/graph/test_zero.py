"""What SymPy can show to be zero, and what it must not."""

from __future__ import annotations

import pytest
import sympy as sp

from jetfold.graph import functions as fn
from jetfold.graph.elementary import damped
from jetfold.graph.zero import is_zero

X, Y = sp.symbols("x y", real=True)

ZERO = {
    "zero": sp.S.Zero,
    "polynomial": (X + Y) ** 3 - X**3 - 3 * X**2 * Y - 3 * X * Y**2 - Y**3,
    "rational function": 1 / (1 - X) - 1 / (1 - X) ** 2 + X / (1 - X) ** 2,
    "arbitrary function": sp.sin(X * (Y + 1)) * (X + 1) - sp.sin(X * Y + X) * X - sp.sin(X + X * Y),
    "tanh and its slope": fn.tanh(X) ** 2 + fn.sech_squared(X) - 1,
    "shorthand": fn.sech(X) * sp.cosh(X) - 1,
    "shorthand in a shorthand": damped(fn.csch(Y), sp.exp(X)) - sp.exp(X) / sp.sinh(Y),
    "exponentials": sp.exp(X + Y) * sp.exp(-Y) - sp.exp(X),
    "roots": sp.sqrt(1 + X**2) ** 2 / (1 + X**2) - 1,
    "trigonometry": sp.sin(X) ** 2 + sp.cos(X) ** 2 - 1,
    "numbers": sp.sqrt(2) * sp.sqrt(3) - sp.sqrt(6),
    "selection": sp.Piecewise((X * (X + 1) - X**2 - X, X > Y), (0, True)),
    "difference of selections": sp.Piecewise((2 * X, X > 0), (Y, True))
    - sp.Piecewise((X, X > 0), (Y, True))
    - sp.Piecewise((X, X > 0), (0, True)),
}


@pytest.mark.parametrize("name", ZERO)
def test_what_is_zero(name: str) -> None:
    assert is_zero(ZERO[name]) is True


NOT_ZERO = {
    "number": sp.S.One,
    "sign": (X + Y) ** 2 - X**2 + 2 * X * Y - Y**2,
    "factor": fn.tanh(X) ** 2 + 2 * fn.sech_squared(X) - 1,
    "function": sp.sin(X) - sp.sinh(X),
    "small": sp.exp(X) * sp.Rational(1, 10**9),
    "one branch": sp.Piecewise((0, X > 100), (X, True)),
}


@pytest.mark.parametrize("name", NOT_ZERO)
def test_what_is_not_zero(name: str) -> None:
    assert is_zero(NOT_ZERO[name]) is False


UNKNOWN = {
    "large": sp.Add(*(sp.sin(X + k) for k in range(2000))),
    "a branch far away": sp.Piecewise((X, X > 100), (0, True)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_told(name: str) -> None:
    """Neither is said: it would be wrong, or take very long."""
    assert is_zero(UNKNOWN[name]) is None
