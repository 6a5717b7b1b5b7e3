"""The coefficients of an operation along paths by the definition of a derivative, in any numbers.

No Taylor rule is used: an elementwise function of the polynomials x(t) is differentiated by SymPy,
a contraction by the product rule for all of its factors at once, and a matrix function by what
follows from A(t) Y(t) = 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import sympy as sp

from jetfold.graph import (
    Concatenate,
    Contract,
    Map,
    MatrixFunction,
    Op,
    Value,
    operand_symbol,
)
from jetfold.graph.interpret import apply
from jetfold.graph.numbers import NumberSystem
from jetfold.rules.derive import path_symbol
from jetfold.rules.matrix import matrix_product, trace_of_product

T = sp.Symbol("t", real=True)
"""The parameter of paths."""


def reference(
    op: Op,
    paths: Sequence[Sequence[Value]],
    order: int,
    numbers: NumberSystem,
    inverse: Value | None = None,
) -> Value:
    """d^order/dt^order of an operation along paths, given by their coefficients, at t = 0.

    ``inverse`` is that of the matrix at t = 0, of which a matrix function is taken.
    """
    match op:
        case Map(expr):
            active = tuple(i for i, path in enumerate(paths) if len(path) > 1)
            places = [(i, k) for i, path in enumerate(paths) for k in range(len(path))]
            names = {path_symbol(*place): operand_symbol(n) for n, place in enumerate(places)}
            known = [paths[i][k] for i, k in places]
            return apply(Map(derivative(expr, order, active).xreplace(names)), known, numbers)
        case Contract():
            ranges = [range(min(order + 1, len(path))) for path in paths]
            terms = []
            for orders in product(*ranges):
                if sum(orders) == order:
                    factor = math.factorial(order) // math.prod(map(math.factorial, orders))
                    chosen = [path[k] for path, k in zip(paths, orders, strict=True)]
                    terms.append((factor, apply(op, chosen, numbers)))
            return combined(terms, numbers)
        case Concatenate():
            zeros = [
                Value(numbers.array(np.zeros(path[0].array.shape)), path[0].lead) for path in paths
            ]
            parts = [
                path[order] if order < len(path) else zero
                for path, zero in zip(paths, zeros, strict=True)
            ]
            return apply(op, parts, numbers)
        case MatrixFunction():
            return _matrix_function(op, paths[0], order, numbers, inverse)
    return apply(op, [paths[0][order]], numbers)


@lru_cache(maxsize=4096)
def derivative(expr: sp.Expr, order: int, active: tuple[int, ...]) -> sp.Expr:
    """d^order/dt^order expr(x(t)) at t = 0, by SymPy, in the symbols of paths."""
    moved = {
        operand_symbol(i): sum(path_symbol(i, k) * T**k / sp.factorial(k) for k in range(order + 1))
        for i in active
    }
    along = expr.xreplace(moved)
    return (sp.diff(along, T, order) if order else along).subs(T, 0)


def combined(terms: Sequence[tuple[int, Value]], numbers: NumberSystem) -> Value:
    """A sum of numbers times values."""
    total = sp.Add(*(factor * operand_symbol(i) for i, (factor, _) in enumerate(terms)))
    return apply(Map(total), [value for _, value in terms], numbers)


def _matrix_function(
    op: MatrixFunction,
    path: Sequence[Value],
    order: int,
    numbers: NumberSystem,
    inverse: Value | None,
) -> Value:
    """By Leibniz' rule for A Y = 1, and by Jacobi's formula (log|det A|)' = tr(Y A')."""
    if order == 0:
        return apply(op, [path[0]], numbers)
    inverses = inverse_coefficients(path, order, numbers, inverse)
    if op.name == "inverse":
        return inverses[order]
    trace = trace_of_product(len(path[0].shape))
    products = [apply(trace, [inverses[j], path[order - j]], numbers) for j in range(order)]
    return combined([(math.comb(order - 1, j), p) for j, p in enumerate(products)], numbers)


def inverse_coefficients(
    path: Sequence[Value], order: int, numbers: NumberSystem, inverse: Value | None = None
) -> list[Value]:
    """Those of Y(t), of which A(t) Y(t) = 1: for k > 0 it is sum_i (k over i) A_i Y_(k-i) = 0."""
    times = matrix_product(len(path[0].shape))
    known = apply(MatrixFunction("inverse"), [path[0]], numbers) if inverse is None else inverse
    found = [known]
    for k in range(1, order + 1):
        products = [apply(times, [path[i], found[k - i]], numbers) for i in range(1, k + 1)]
        moved = combined([(-math.comb(k, i), p) for i, p in enumerate(products, 1)], numbers)
        found.append(apply(times, [known, moved], numbers))
    return found
