"""The table of primitives: a name and the expression that defines it.

It is the table of elementwise NumPy functions that can be traced (`jetfold.graph.ufuncs`); Taylor
rules, collapsed rules and kernels are all derived from the expression.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import sympy as sp

from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph.ufuncs import EXPRESSIONS, UFUNCS


@dataclass(frozen=True)
class Primitive:
    """An elementwise function: its name and its expression in a0, a1, ..."""

    name: str
    expr: sp.Expr
    arity: int


def _arity(name: str) -> int:
    ufunc = next((ufunc for ufunc, known in UFUNCS.items() if known == name), None)
    if ufunc is not None:
        return ufunc.nin
    definition = EXPRESSIONS[name]
    if isinstance(definition, sp.FunctionClass):
        (count,) = definition.nargs
        return int(count)
    return len(inspect.signature(definition).parameters)


def _primitive(name: str) -> Primitive:
    arity = _arity(name)
    return Primitive(name, EXPRESSIONS[name](*map(operand_symbol, range(arity))), arity)


PRIMITIVES: Mapping[str, Primitive] = {name: _primitive(name) for name in EXPRESSIONS}


def primitive(name: str) -> Primitive:
    """The primitive of this name. Raises `ArgumentError`, with the nearest names, for none."""
    found = PRIMITIVES.get(name)
    if found is None:
        near = get_close_matches(str(name), PRIMITIVES, n=3)
        names = "give its NumPy or SciPy name as a string, such as 'tanh', 'multiply' or 'erf'"
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else names
        raise ArgumentError(f"there is no primitive called {name!r}; {hint}")
    return found
