"""From a Taylor rule to the module that computes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from sympy.printing.str import StrPrinter

from jetfold.backends.standalone import (
    Argument,
    Jet,
    Path,
    Result,
    known_values,
    module_source,
    reserved_names,
)
from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph.formula import spelled_out
from jetfold.rules.collapse import split
from jetfold.rules.derive import OUTPUT, path_symbol, taylor_rule
from jetfold.rules.from_sympy import from_sympy
from jetfold.rules.primitives import Primitive
from jetfold.rules.taylor_rule import DIRECTIONS, TaylorRule

LOWEST_WITH_ROWS = 2
"""The lowest order with a coefficient between the first and the last."""

CHECKED_DIRECTIONS = 2
"""For how many directions a module has known values, if it may have as many."""


def module_text(rule: TaylorRule, jet: Jet, device: str, dtype: np.dtype[Any]) -> str:
    """The text of the module with a rule's jet.

    Raises `ArgumentError` if the function is finite nowhere, so that there is nothing to check.
    """
    primitive = rule.primitive
    paths = [Path(_coefficients(name, rule.order)) for name in primitive.arguments]
    paths += [Path((name,)) for name in primitive.parameters]
    result = Path(_coefficients(primitive.result, rule.order))
    most = jet.directions or CHECKED_DIRECTIONS
    directions = min(CHECKED_DIRECTIONS, most) if rule.collapsed else None
    known = known_values(_definition(primitive), paths, result, directions)
    return module_source(jet, known, device, dtype)


def _definition(primitive: Primitive) -> sp.Expr:
    """What the user wrote, or what is computed in its place if only that can be."""
    try:
        return from_sympy(spelled_out(primitive.expr))
    except ArgumentError:
        return primitive.expr


def jet_of(rule: TaylorRule, directions: int | None) -> Jet:
    """What the module computes, for so many directions or any number of them."""
    primitive, order = rule.primitive, rule.order
    arguments: list[Argument] = []
    symbols: dict[sp.Symbol, sp.Symbol] = {}
    for i, name in enumerate(primitive.arguments):
        for k, coefficient in enumerate(_coefficients(name, order)):
            arguments.append(Argument(coefficient, rule.collapsed and 0 < k < order))
            symbols[path_symbol(i, k)] = arguments[-1].symbol
    for i, name in enumerate(primitive.parameters, primitive.arity):
        arguments.append(Argument(name))
        symbols[operand_symbol(i)] = arguments[-1].symbol
    names = _coefficients(primitive.result, order)
    symbols[OUTPUT] = sp.Symbol(names[0], real=True)
    *lower, top = taylor_rule(primitive.expr, order, tuple(range(primitive.arity)))
    sums: list[tuple[sp.Symbol, sp.Expr]] = []
    if rule.collapsed:
        top, sums = _collapsed(top, primitive.arity, order, symbols)
    results = [
        Result(name, expr.xreplace(symbols), rule.collapsed and 0 < k < order)
        for k, (name, expr) in enumerate(zip(names, (*lower, top), strict=True))
    ]
    return Jet(
        primitive.name,
        tuple(_about(rule, directions)),
        tuple(f"{_text(eq.lhs)} = {_text(eq.rhs)}" for eq in rule.equations),
        tuple(arguments),
        tuple(results),
        tuple(sums),
        directions if any(argument.varies for argument in arguments) else None,
    )


def _coefficients(name: str, order: int) -> tuple[str, ...]:
    return tuple(f"{name}_{k}" for k in range(order + 1))


def _collapsed(
    top: sp.Expr, arity: int, order: int, symbols: dict[sp.Symbol, sp.Symbol]
) -> tuple[sp.Expr, list[tuple[sp.Symbol, sp.Expr]]]:
    """The sum of the highest coefficients over directions, and the sums that are in it.

    The highest coefficients of the arguments are given as sums.
    """
    dependent = frozenset(path_symbol(i, k) for i in range(arity) for k in range(1, order + 1))
    found = split(top, dependent, DIRECTIONS)
    given = {path_symbol(i, order) for i in range(arity)}
    sums = []
    put: dict[sp.Symbol, sp.Symbol] = {}
    for symbol, term in zip(found.symbols, found.inner, strict=True):
        if term in given:
            put[symbol] = term
        else:
            put[symbol] = sp.Symbol(f"sum of {term}", real=True)
            sums.append((put[symbol], term.xreplace(symbols)))
    return found.outer.xreplace(put), sums


def renamed(primitive: Primitive, order: int) -> Primitive:
    """With other names for parameters that mean something else in modules."""
    taken = set(reserved_names())
    for name in (*primitive.arguments, primitive.result):
        taken.update(_coefficients(name, order))
    names = []
    for name in primitive.parameters:
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return replace(primitive, parameters=tuple(names))


# Text ---------------------------------------------------------------------------------------------


class _Text(StrPrinter):
    def _print_Sum(self, expr: sp.Sum) -> str:
        return f"sum_{expr.limits[0][0]}({self._print(expr.function)})"


def _text(expr: sp.Basic) -> str:
    return str(_Text().doprint(expr))


def _about(rule: TaylorRule, directions: int | None) -> Iterator[str]:
    primitive = rule.primitive
    symbols = {
        operand_symbol(i): sp.Symbol(name, real=True) for i, name in enumerate(primitive.operands)
    }
    definition = _text(spelled_out(primitive.expr).xreplace(symbols))
    kind = "Collapsed jets" if rule.collapsed else "Jets"
    yield f"{kind} of order {rule.order} of {primitive.result} = {definition}."
    paths = (*primitive.arguments, primitive.result)
    coefficients = _listed([f"{name}_k" for name in paths])
    along = _listed([f"{name}(t)" for name in primitive.arguments])
    yield (
        f"{coefficients} are the derivatives d^k/dt^k at t = 0 along a path {along}; they are not "
        "divided by k!."
    )
    if rule.collapsed:
        r = rule.direction[0]
        highest = [f"{name}_{rule.order}" for name in paths]
        sums = _listed([f"{name} stands for sum_{r}({name}[{r}])" for name in highest])
        below = f"{coefficients} with 0 < k < {rule.order}"
        if rule.order == LOWEST_WITH_ROWS:
            below = _listed([f"{name}_1" for name in paths])
        rows = f"{below} have an axis for directions in front of those for points; "
        count = f" There are {directions} directions." if directions is not None else ""
        yield (
            f"Several paths, in directions {r}, go through one point. "
            f"{rows if rule.order >= LOWEST_WITH_ROWS else ''}{sums}.{count}"
        )


def _listed(parts: list[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
