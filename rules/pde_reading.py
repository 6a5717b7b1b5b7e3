"""What a PDE expression says: its fields and their derivatives at one point, or what is wrong.

Everything is real: whatever symbols and functions were declared without an assumption are taken as
real before derivatives are carried out, as |w| of a complex w has no derivative.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.core.function import AppliedUndef

from jetfold.graph import ArgumentError
from jetfold.rules.pde_checks import (
    check_arguments,
    check_fields,
    check_functions,
    check_names,
    check_numbers,
    check_smooth,
    check_written,
    listed,
    no_field,
    off_point,
    union,
)
from jetfold.rules.polynomial import Monomial


@dataclass(frozen=True)
class Reading:
    """Expressions in which every derivative of a field is a symbol of its own."""

    expressions: tuple[sp.Expr, ...]
    """In the unknowns, and in real symbols."""
    unknowns: dict[sp.Dummy, tuple[int, Monomial]]
    """For each symbol, the field's position and the coordinates by which it is differentiated."""
    originals: dict[sp.Symbol, sp.Symbol]
    """The symbols of the user for the real ones."""
    fields: tuple[AppliedUndef, ...]
    """As the user wrote them."""


def read(
    expressions: Sequence[sp.Expr], coords: Sequence[sp.Symbol], fields: Sequence[sp.Expr] | None
) -> Reading:
    """Replace the fields and their derivatives by symbols.

    Raises `ArgumentError` for whatever is no smooth real function of the fields' derivatives at the
    point.
    """
    if fields is not None:
        check_fields(fields)
    everything = [*expressions, *(fields or ())]
    check_names(everything, coords)
    for expr in expressions:
        check_written(expr, coords)
    real = {
        symbol: sp.Symbol(symbol.name, real=True)
        for symbol in {*coords, *union(expr.free_symbols for expr in everything)}
    }
    functions = {
        applied: _real_function(applied, real)
        for applied in union(expr.atoms(AppliedUndef) for expr in everything)
    }
    evaluated = [_evaluated(expr.xreplace(functions | real)) for expr in expressions]
    for expr in evaluated:
        check_numbers(expr)
    point = {real[symbol]: position for position, symbol in enumerate(coords)}
    if fields is None:
        known = (_only_field(expressions, evaluated, point),)
    else:
        known = tuple(functions[field] for field in fields)
    for field in known:
        check_arguments(field, point)
    for expr in evaluated:
        check_functions(expr, known)
    symbols: dict[sp.Expr, sp.Dummy] = {}
    places: dict[tuple[int, Monomial], sp.Dummy] = {}
    for derivative in union(expr.atoms(AppliedUndef, sp.Derivative) for expr in evaluated):
        differentiated = isinstance(derivative, sp.Derivative)
        function = derivative.expr if differentiated else derivative
        if function in known:
            by = derivative.variables if differentiated else ()
            place = known.index(function), tuple(sorted(point[variable] for variable in by))
            symbols[derivative] = places.setdefault(place, sp.Dummy("s", real=True))
    found = tuple(expr.xreplace(symbols) for expr in evaluated)
    for expr in found:
        check_smooth(expr, {symbol: derivative for derivative, symbol in symbols.items()})
    originals = {made: symbol for symbol, made in real.items()}
    written = {made: function for function, made in functions.items()}
    unknowns = {symbol: place for place, symbol in places.items()}
    return Reading(found, unknowns, originals, tuple(written[field] for field in known))


def _evaluated(expr: sp.Expr) -> sp.Expr:
    """The expression with all derivatives carried out, each once however often it occurs."""
    derivatives = expr.atoms(sp.Derivative)
    if not all(isinstance(derivative.expr, AppliedUndef) for derivative in derivatives):
        return expr.doit()
    places = {derivative: sp.Dummy(real=True) for derivative in derivatives}
    found = {place: derivative.doit() for derivative, place in places.items()}
    return expr.xreplace(places).doit().xreplace(found)


def _real_function(applied: AppliedUndef, real: dict[sp.Symbol, sp.Symbol]) -> AppliedUndef:
    """A function of the same name and arguments, of which SymPy knows that it is real."""
    function = sp.Function(applied.func.__name__, real=True)
    inner = {
        other: _real_function(other, real)
        for argument in applied.args
        for other in argument.atoms(AppliedUndef)
    }
    return function(*(argument.xreplace(inner | real) for argument in applied.args))


def _only_field(
    written: Sequence[sp.Expr], evaluated: Sequence[sp.Expr], point: Collection[sp.Symbol]
) -> AppliedUndef:
    """The field, where none was given."""
    found = union(expr.atoms(AppliedUndef) for expr in evaluated)
    if not found:
        raise ArgumentError(no_field(written[0]))
    at_point = [function for function in found if off_point(function, point) is None]
    if len(at_point) > 1:
        raise ArgumentError(
            f"there are several functions, {listed(at_point)}: say which are the net's outputs and "
            f"in which order, such as fields=({listed(f.func for f in at_point)})"
        )
    return at_point[0] if at_point else found[0]
