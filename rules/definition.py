"""Custom primitives: from what a user writes in SymPy to a definition that can be computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef, ArgumentIndexError

from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph.custom import Definition
from jetfold.graph.ufuncs import exact
from jetfold.graph.validate import unknown_parts
from jetfold.rules.definition_checks import check_derivative, check_value
from jetfold.rules.derive import OUTPUT, in_output
from jetfold.rules.factoring import unguarded
from jetfold.rules.from_sympy import from_sympy
from jetfold.rules.one_expression import one_expression
from jetfold.rules.primitives import RESULTS, check_name, is_name
from jetfold.rules.stable import stable

_FLOAT_BITS = 53


def define(
    name: str,
    expr: Any,
    arguments: Sequence[sp.Symbol],
    parameters: Sequence[sp.Symbol] = (),
    derivative: Any = None,
    output: Any = OUTPUT,
    value: Callable[..., Any] | None = None,
) -> Definition:
    """The definition of a custom primitive: see `jetfold.primitive` for what is what.

    Symbols go by their names; all of them stand for real numbers. Derivatives that are not
    declared are SymPy's, written with the function's own value where that occurs in them.

    Raises `ArgumentError` for names and symbols that cannot be, for an expression that cannot be
    computed, and for a derivative or a value that is not that of the expression.
    """
    check_name(name)
    operands = _names(name, arguments, parameters)
    where = f"the expression of the primitive {name!r}"
    written = _in_real_symbols(expr, operands, where)
    _check_used(name, written, operands)
    computed = _computable(written, where, value is not None)
    declared = _declared(name, derivative, output, len(arguments), operands)
    symbols = {_real(operand): operand_symbol(i) for i, operand in enumerate(operands)}
    written, computed = written.xreplace(symbols), computed and computed.xreplace(symbols)
    meaning = computed if value is None else one_expression(name, value, operands)
    definition = Definition(
        name,
        operands[: len(arguments)],
        operands[len(arguments) :],
        written,
        meaning,
        tuple(
            declared[i] if i in declared else _derived(written, computed, i, len(operands))
            for i in range(len(operands))
        ),
    )
    if value is not None:
        check_value(definition, value)
    for position in declared:
        check_derivative(definition, position)
    return definition


# Names --------------------------------------------------------------------------------------------


def _names(
    name: str, arguments: Sequence[sp.Symbol], parameters: Sequence[sp.Symbol]
) -> tuple[str, ...]:
    """The names of all operands."""
    if not arguments:
        raise ArgumentError(f"the primitive {name!r} has no arguments; give at least one symbol")
    for what, symbols in (("args", arguments), ("parameters", parameters)):
        for symbol in symbols:
            if not isinstance(symbol, sp.Symbol):
                raise ArgumentError(
                    f"{what} of the primitive {name!r} contains {symbol!r}, a "
                    f"{type(symbol).__name__}; give SymPy symbols, such as sp.Symbol('x')"
                )
            if not is_name(symbol.name):
                raise ArgumentError(
                    f"{what} of the primitive {name!r} contains the symbol {symbol.name!r}, which "
                    "cannot be the name of an argument of a Python function; rename it"
                )
            if symbol.is_real is False or not symbol.is_commutative:
                raise ArgumentError(
                    f"the symbol {symbol.name} of the primitive {name!r} does not stand for a real "
                    "number; primitives are functions of real numbers"
                )
    names = tuple(symbol.name for symbol in (*arguments, *parameters))
    for position, operand in enumerate(names):
        if operand in names[:position]:
            raise ArgumentError(f"the primitive {name!r} has two operands called {operand}")
        found = re.fullmatch(r"(.+)_\d+", operand)
        if found and found[1] in (*(symbol.name for symbol in arguments), *RESULTS):
            raise ArgumentError(
                f"the symbol {operand} of the primitive {name!r} is how rules call a coefficient "
                f"of {found[1]}; rename it, to {operand.replace('_', '')} for example"
            )
    return names


# Expressions --------------------------------------------------------------------------------------


def _real(name: str) -> sp.Symbol:
    return sp.Symbol(name, real=True)


def _in_real_symbols(expr: Any, names: Sequence[str], where: str) -> sp.Expr:
    """What a user gives as an expression in symbols of these names; its numbers are exact."""
    if isinstance(expr, (int, float)) and not isinstance(expr, bool):
        expr = sp.sympify(expr)
    if not isinstance(expr, sp.Expr):
        what = "strings are not read" if isinstance(expr, str) else f"not {type(expr).__name__}"
        raise ArgumentError(
            f"{where} is {expr!r}; give one in SymPy's symbols and functions ({what})"
        )
    for applied in sorted(expr.atoms(AppliedUndef), key=str):
        raise ArgumentError(
            f"{where}, {expr}, contains {applied}, an undefined function; write out what it is"
        )
    unknown = sorted({symbol.name for symbol in expr.free_symbols} - set(names))
    if unknown:
        raise ArgumentError(
            f"{where}, {expr}, contains {_list(unknown)}, but is to be one in {_list(names)}: name "
            "all of its symbols in args or parameters"
        )
    numbers = {number: _rational(number) for number in expr.atoms(sp.Float)}
    return expr.xreplace(numbers | {symbol: _real(symbol.name) for symbol in expr.free_symbols})


def _rational(number: sp.Float) -> sp.Rational:
    """The number that is meant: 0.1 is 1/10."""
    return exact(float(number)) if number._prec <= _FLOAT_BITS else sp.Rational(str(number))


def _list(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _check_used(name: str, written: sp.Expr, operands: Sequence[str]) -> None:
    for operand in operands:
        if _real(operand) not in written.free_symbols:
            raise ArgumentError(
                f"the expression of the primitive {name!r} does not depend on {operand}; take it "
                "out of args or parameters"
            )


def _computable(written: sp.Expr, where: str, has_value: bool) -> sp.Expr | None:
    """The expression in functions that can be computed; None if only its value can be."""
    try:
        return stable(from_sympy(written))
    except ArgumentError as error:
        if has_value:
            return None
        raise ArgumentError(
            f"{where}: {error}; or give value=..., a NumPy function that computes it"
        ) from None


# Derivatives --------------------------------------------------------------------------------------


def _declared(
    name: str, derivative: Any, output: Any, arguments: int, operands: Sequence[str]
) -> dict[int, sp.Expr]:
    """The declared derivatives, in operand symbols, by the positions of their operands."""
    if derivative is None:
        return {}
    if not isinstance(output, sp.Symbol):
        raise ArgumentError(
            f"output of the primitive {name!r} is {output!r}; give the SymPy symbol that stands "
            "for the function's own value in the derivative"
        )
    given = derivative if isinstance(derivative, (tuple, list)) else (derivative,)
    if len(given) not in (arguments, len(operands)):
        also = f", or {len(operands)}, with the parameters" if len(operands) > arguments else ""
        raise ArgumentError(
            f"the derivative of the primitive {name!r} has {len(given)} entries; give {arguments}, "
            f"one for each of {_list(operands[:arguments])}{also}"
        )
    names = (*operands, *({output.name} - set(operands)))
    symbols = {_real(operand): operand_symbol(i) for i, operand in enumerate(names)}
    found = {}
    for i, expr in enumerate(given):
        where = f"the derivative of the primitive {name!r} with respect to {operands[i]}"
        real = _in_real_symbols(expr, names, where)
        try:
            found[i] = stable(from_sympy(real)).xreplace(symbols)
        except ArgumentError as error:
            raise ArgumentError(f"{where}: {error}") from None
    return found


def _derived(
    written: sp.Expr, computed: sp.Expr | None, position: int, count: int
) -> sp.Expr | None:
    """The derivative with respect to an operand; None if SymPy has none that can be computed."""
    whole = written if computed is None else computed
    symbol, value = operand_symbol(position), operand_symbol(count)
    try:
        slope = _slope(unguarded(whole), symbol, value)
        found = stable(from_sympy(slope)) if computed is None else slope
    except (ArgumentError, ArgumentIndexError):
        return None
    return None if any(unknown_parts(found)) else found


def _slope(expr: sp.Expr, symbol: sp.Symbol, value: sp.Symbol) -> sp.Expr:
    """The derivative, with the function's own value in it where that is safe."""
    slope = sp.diff(expr, symbol)
    if expr.is_Mul:
        in_value = _slope_of_product(expr, symbol, value)
        return slope if in_value is None else in_value
    return in_output(slope, expr).xreplace({OUTPUT: value})


def _slope_of_product(expr: sp.Expr, symbol: sp.Symbol, value: sp.Symbol) -> sp.Expr | None:
    """value * sum f'/f for a product of exponentials and reciprocals; None for anything else.

    Other factors may be zero where the derivative is not.
    """
    rates = []
    for factor in expr.args:
        if isinstance(factor, sp.exp):
            rates.append(sp.diff(factor.args[0], symbol))
        elif isinstance(factor, sp.Pow) and factor.exp.is_number and factor.exp < 0:
            rates.append(factor.exp * sp.diff(factor.base, symbol) / factor.base)
        elif factor.has(symbol):
            return None
    return value * sp.Add(*rates)
