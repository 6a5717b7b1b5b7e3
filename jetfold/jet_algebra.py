"""The algebra behind the minimal jets of operators, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from jetfold.graph import ArgumentError
from jetfold.rules.polynomial import Polynomial, from_sympy
from jetfold.rules.symbolic_algebra import SymbolicJetAlgebra


def jet_algebra(P: Any, symbols: Sequence[sp.Symbol]) -> SymbolicJetAlgebra:
    """The smallest algebra of jets through which operators P(d/dx) can be carried.

    It is R[t] / Ann(P), where Ann(P) holds the polynomials q with q(d/dxi) P(xi) = 0: what P does
    not see of a function's Taylor polynomial, however the function is composed. Method "minimal"
    propagates one number for each of its basis elements. For the Laplacian it is the forward
    Laplacian, for a sum of K-th powers collapsed Taylor mode.

    Parameters
    ----------
    P : the operator as a SymPy polynomial in which x stands for d/dx, ``x**2 + y**2`` for the
        Laplacian; or a list of several that are wanted together. Coefficients are real numbers:
        rational ones and floats are taken exactly as they are, others to double precision.
    symbols : the SymPy symbols, one for each direction.

    Returns
    -------
    An object with ``basis`` (monomials t^a; the coordinates of a function are its derivatives
    divided by a!), ``dimension``, ``hilbert`` (how many basis monomials of each degree),
    ``relations``, ``table`` (products of basis monomials), ``functionals`` (the value of each P on
    the basis), ``multiply(a, b)``, ``explain()`` and ``latex()``; notebooks display it as formulas.

    Raises
    ------
    ArgumentError for what is not a polynomial in the symbols with finite real coefficients, and
    for symbols that are none, repeated, or no symbols.

    Source: Iarrobino and Kanev, Power Sums, Gorenstein Algebras, and Determinantal Loci (1999).
    """
    known = _symbols(symbols)
    several = isinstance(P, (list, tuple))
    if several and not P:
        raise ArgumentError("P is an empty list; give at least one operator")
    operators = {f"P[{i}]": one for i, one in enumerate(P)} if several else {"P": P}
    return SymbolicJetAlgebra([_polynomial(n, p, known) for n, p in operators.items()], known)


def _symbols(symbols: Any) -> tuple[sp.Symbol, ...]:
    example = "SymPy symbols, such as sp.symbols('x y')"
    try:
        found = tuple(symbols)
    except TypeError:
        raise ArgumentError(
            f"symbols is {symbols!r}; it must be a sequence of {example}, or [x] for one"
        ) from None
    if not found:
        raise ArgumentError(f"symbols is empty; give at least one of {example}")
    for i, symbol in enumerate(found):
        if not isinstance(symbol, sp.Symbol) or not symbol.is_commutative:
            raise ArgumentError(
                f"symbols[{i}] is {symbol!r} of type {type(symbol).__name__}; "
                f"symbols must be commutative {example}"
            )
        if symbol in found[:i]:
            raise ArgumentError(f"symbols has {symbol} twice; name each direction once")
    return found


def _polynomial(name: str, given: Any, symbols: tuple[sp.Symbol, ...]) -> Polynomial:
    try:
        expr = given.as_expr() if isinstance(given, sp.Poly) else sp.sympify(given, strict=True)
    except sp.SympifyError:
        expr = None
    if not isinstance(expr, sp.Expr) or expr.is_Matrix:
        raise ArgumentError(
            f"{name} is {given!r} of type {type(given).__name__}; it must be a SymPy polynomial in "
            f"{_names(symbols)}, or a list of them"
        )
    try:
        return from_sympy(expr, symbols)
    except sp.PolynomialError as error:
        raise ArgumentError(f"{name} = {expr} {_fault(expr, symbols, error)}") from None


def _fault(expr: sp.Expr, symbols: tuple[sp.Symbol, ...], error: Exception) -> str:
    """What keeps an expression from being a polynomial in the symbols, and what to do."""
    if strange := sorted(map(str, expr.free_symbols.difference(symbols))):
        return (
            f"has {', '.join(strange)} in it, not among the symbols {_names(symbols)}: "
            "add it to the symbols, or replace it by a number"
        )
    parts = sp.Poly(expr).gens
    strange = [
        str(p) for p in parts if (p.free_symbols and p not in symbols) or p.has(AppliedUndef)
    ]
    if strange:
        return (
            f"is no polynomial in {_names(symbols)} because of {', '.join(strange)}: write x for "
            "d/dx and x**2, an integer power, for d^2/dx^2"
        )
    return f"cannot be used: {error}; coefficients must be finite real numbers"


def _names(symbols: tuple[sp.Symbol, ...]) -> str:
    return ", ".join(map(str, symbols))
