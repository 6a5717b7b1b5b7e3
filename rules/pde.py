"""From a PDE in SymPy to what it asks of a function: the fewest functionals, and their use.

An expression E depends on the derivatives s_a = d^a w of its fields only through linear forms:
those that span its gradients with respect to s, over all s, points and parameters. So
(w_xx + w_yy)**2 + w needs two numbers of the function and not three. Each form is a linear
differential operator with constant coefficients, a `Functional`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import sympy as sp
from sympy.core.function import AppliedUndef

from jetfold.graph import ArgumentError
from jetfold.rules.pde_checks import check_coordinates, check_repeated, jumps, listed, no_field
from jetfold.rules.pde_gradient import gradient
from jetfold.rules.pde_reading import Reading, read
from jetfold.rules.polynomial import Monomial, Polynomial, fraction
from jetfold.rules.problem import Functional

LONGEST_DENOMINATOR = 10**6
LONGEST_NUMERATOR = 2**53
"""Longer fractions, such as those that floats are, are shown as floats."""


@dataclass(frozen=True)
class Residual:
    """PDE expressions in terms of functionals of their fields."""

    functionals: tuple[Functional, ...]
    """By output (the field's position in ``fields``), then by order. The variables of their
    polynomials are the positions of the coordinates in ``coords``."""
    symbols: tuple[sp.Symbol, ...]
    """One real symbol for each functional: d0, d1, ..."""
    expressions: tuple[sp.Expr, ...]
    """In the symbols, the coordinates and the parameters; one for each expression given."""
    coords: tuple[sp.Symbol, ...]
    parameters: tuple[sp.Symbol, ...]
    """All other free symbols, by name."""
    fields: tuple[AppliedUndef, ...]


class _Form(NamedTuple):
    """A linear form in the derivatives of one field."""

    output: int
    first: Monomial
    polynomial: Polynomial


def residual(
    expressions: sp.Expr | Sequence[sp.Expr],
    coords: Sequence[sp.Symbol],
    fields: Sequence[AppliedUndef] | None = None,
) -> Residual:
    """What one or more PDE expressions ask of the fields in them.

    Fields are undefined functions of coordinates, such as ``sympy.Function("w")(x, t)``, in the
    order of the net's outputs; without ``fields`` there must be exactly one in the expressions. An
    equation ``sympy.Eq(a, b)`` stands for a - b. All symbols and fields are taken as real. For
    polynomials in derivatives, coordinates and parameters (with powers that are not too long to be
    multiplied out) there are no fewer functionals of single fields through which the expressions
    could be computed.

    Raises `ArgumentError`, which names the term, for what is no smooth real function of the
    coordinates, parameters, values and derivatives of the fields. It may have kinks and jumps where
    the *value* of a field has, as |w|.
    """
    written = _listed_expressions(expressions)
    check_coordinates(coords)
    reading = read(written, coords, fields)
    try:
        exact = [_with_fractions(expr) for expr in reading.expressions]
        gradients = [_forms(expr, reading) for expr in exact]
    except sp.PolynomialError as error:
        raise ArgumentError(f"{error}: numbers must fit into double precision") from None
    for expr, forms in zip(written, gradients, strict=True):
        if not forms:
            raise ArgumentError(no_field(expr))
    basis, symbols, found = _expressed(exact, gradients, reading)
    if any(expr.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for expr in found):
        # s*(1/s + r) is 1 + r*s, but is not computed at s = 0.
        single = [_derivative(output, monomial) for output, monomial in reading.unknowns.values()]
        basis, symbols, found = _expressed(exact, [single], reading)
    free = {symbol for expr in found for symbol in expr.free_symbols}
    return Residual(
        tuple(Functional(form.output, form.polynomial) for form in basis),
        symbols,
        found,
        tuple(coords),
        tuple(sorted(free - {*coords, *symbols}, key=lambda symbol: symbol.name)),
        reading.fields,
    )


def derivative_functionals(
    names: Sequence[str | Sequence[str | sp.Symbol]], coords: Sequence[str | sp.Symbol]
) -> tuple[Functional, ...]:
    """The derivatives with these names, of output 0.

    A name is the coordinates' names in a row, in any order, such as "xxy"; "" is the function
    itself. Where a name could be read in two ways, a tuple says it: ("x1", "x1").
    """
    if isinstance(coords, str) or not coords:
        raise ArgumentError(
            f"coords are several names or symbols, such as ('x', 't'); got {coords!r}"
        )
    for coordinate in coords:
        if not isinstance(coordinate, (str, sp.Symbol)) or not str(coordinate):
            raise ArgumentError(f"{coordinate!r} in coords is neither a name nor a SymPy symbol")
    known = [str(coordinate) for coordinate in coords]
    check_repeated(known, "coords")
    if isinstance(names, str) or not names:
        raise ArgumentError(
            f"derivatives are a list of names, such as ['', 't', 'xx']; got {names!r}"
        )
    return tuple(Functional(0, {_named(name, known): Fraction(1)}) for name in names)


def _named(name: str | Sequence[str | sp.Symbol], coords: Sequence[str]) -> Monomial:
    """The monomial of a derivative."""
    if isinstance(name, str):
        readings = set(_readings(name, coords))
        if len(readings) > 1:
            ways = " or ".join(str(tuple(coords[i] for i in way)) for way in sorted(readings))
            raise ArgumentError(f"the derivative {name!r} can be read as {ways}: give that tuple")
        if not readings:
            raise ArgumentError(
                f"the derivative {name!r} is not made of the coordinates {listed(coords)}: write "
                f"their names in a row, such as {coords[0] + coords[-1]!r}"
            )
        return readings.pop()
    if not isinstance(name, (tuple, list)):
        raise ArgumentError(
            f"{name!r} names no derivative: give a string or a tuple of coordinates"
        )
    for part in name:
        if str(part) not in coords:
            raise ArgumentError(
                f"{part!r} in the derivative {name!r} is none of the coordinates {listed(coords)}"
            )
    return tuple(sorted(coords.index(str(part)) for part in name))


def _readings(name: str, coords: Sequence[str]) -> Iterator[Monomial]:
    """Every way to take a name apart into coordinates."""
    if not name:
        yield ()
    for position, coordinate in enumerate(coords):
        if name.startswith(coordinate):
            for rest in _readings(name.removeprefix(coordinate), coords):
                yield tuple(sorted((position, *rest)))


def _listed_expressions(given: sp.Expr | Sequence[sp.Expr]) -> list[sp.Expr]:
    """One expression or several as a list, equations as differences."""
    several = isinstance(given, (list, tuple, sp.Tuple))
    if several and not given:
        raise ArgumentError("there is no expression in the list")
    found = []
    for expr in given if several else [given]:
        if isinstance(expr, sp.Eq):
            expr = expr.lhs - expr.rhs
        if not isinstance(expr, sp.Expr) or expr.is_Matrix or expr.is_commutative is False:
            raise ArgumentError(
                f"{expr!r} is no scalar SymPy expression: pass one, such as w.diff(t) - "
                'w.diff(x, 2) with w = sympy.Function("w")(x, t), an equation sympy.Eq, or a '
                "flat list of them"
            )
        found.append(expr)
    return found


def _with_fractions(expr: sp.Expr) -> sp.Expr:
    """The same with floats as the fractions they are, so that equal things cancel exactly."""
    return expr.xreplace({number: sp.Rational(fraction(number)) for number in expr.atoms(sp.Float)})


def _with_floats(expr: sp.Expr) -> sp.Expr:
    """The same with long fractions as floats."""
    return expr.xreplace(
        {
            number: sp.Float(number, 15)
            for number in expr.atoms(sp.Rational)
            if number.q > LONGEST_DENOMINATOR or abs(number.p) > LONGEST_NUMERATOR
        }
    )


def _forms(expr: sp.Expr, reading: Reading) -> list[_Form]:
    """Linear forms whose span has all gradients of an expression in it, its linear part last."""
    found = []
    vectors = gradient(expr, reading.unknowns)
    for phi in sorted(vectors, key=lambda phi: phi == 1):
        by_output: dict[int, dict[Monomial, sp.Expr]] = {}
        for unknown, number in vectors[phi].items():
            output, monomial = reading.unknowns[unknown]
            by_output.setdefault(output, {})[monomial] = number
        for output, numbers in by_output.items():
            first = min(numbers, key=_pivot_order)
            # Quotients of equal irrational numbers are exact before they are rounded. A linear
            # operator is its own form, without a factor.
            whole = phi == 1 and all(number.is_Rational for number in numbers.values())
            scale = sp.S.One if whole else numbers[first]
            polynomial = {key: fraction(number / scale) for key, number in numbers.items()}
            found.append(_Form(output, first, {k: n for k, n in polynomial.items() if n}))
    for jump in jumps(expr):
        # The gradient does not see on which side of a jump a value is.
        for unknown in jump.free_symbols & reading.unknowns.keys():
            found.append(_derivative(*reading.unknowns[unknown]))
    return found


def _derivative(output: int, monomial: Monomial) -> _Form:
    """One derivative as a form."""
    return _Form(output, monomial, {monomial: Fraction(1)})


def _basis(forms: Sequence[_Form]) -> list[_Form]:
    """Independent forms with the same span. The first monomial of each is in no other.

    They keep the factors with which they are given, but for single derivatives.
    """
    rows: dict[tuple[int, Monomial], Polynomial] = {}
    for output, _, polynomial in forms:
        row = polynomial
        for (other, first), known in rows.items():
            if other == output and first in row:
                row = _without(row, first, known)
        if row:
            first = min(row, key=_pivot_order)
            for place, known in rows.items():
                if place[0] == output and first in known:
                    rows[place] = _without(known, first, row)
            rows[output, first] = row
    basis = [
        _Form(*place, row) if len(row) > 1 else _derivative(*place) for place, row in rows.items()
    ]
    return sorted(basis, key=lambda form: (form.output, len(form.first), form.first))


def _pivot_order(monomial: Monomial) -> tuple[int, Monomial]:
    """Derivatives of high order first, so that those of low order become forms of their own."""
    return -len(monomial), monomial


def _without(row: Polynomial, monomial: Monomial, other: Polynomial) -> Polynomial:
    """The row less a multiple of another one, so that the monomial is not in it."""
    times = row[monomial] / other[monomial]
    return {
        key: number
        for key in row | other
        if (number := row.get(key, Fraction(0)) - times * other.get(key, Fraction(0)))
    }


def _symbols(count: int, reading: Reading) -> tuple[sp.Symbol, ...]:
    """d0, d1, ... or, where names such as these are used already, d_0, d_1, ..."""
    used = {symbol.name for symbol in reading.originals.values()}
    prefix = "d"
    while any(f"{prefix}{i}" in used for i in range(count)):
        prefix += "_"
    return tuple(sp.Symbol(f"{prefix}{i}", real=True) for i in range(count))


def _expressed(
    exact: Sequence[sp.Expr], forms: Sequence[Sequence[_Form]], reading: Reading
) -> tuple[list[_Form], tuple[sp.Symbol, ...], tuple[sp.Expr, ...]]:
    """A basis of the span of the forms, symbols for their values, and the expressions in them.

    The expressions have one value at all derivatives of the fields with which the forms have given
    values. Of those, take the one that has zeros but for the first monomial of each form.
    """
    basis = _basis([form for some in forms for form in some])
    symbols = _symbols(len(basis), reading)
    values = {
        (form.output, form.first): symbol / sp.Rational(form.polynomial[form.first])
        for form, symbol in zip(basis, symbols, strict=True)
    }
    chosen = {unknown: values.get(at, sp.S.Zero) for unknown, at in reading.unknowns.items()}
    found = (expr.xreplace(chosen).xreplace(reading.originals) for expr in exact)
    return basis, symbols, tuple(map(_with_floats, found))
