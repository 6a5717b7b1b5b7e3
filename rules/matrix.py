"""Taylor rules of matrix functions, from the equations that define them.

Let A X = B along a path, and let Y be the inverse of A. Leibniz' rule for A X, solved for the
highest coefficient of X, is

    X_k = Y B_k - sum over i >= 1 of c_ij W_i X_j,        W_i = Y A_i,   i + j = k,

with binomial coefficients c_ij. With B = I this gives the inverse itself, X = Y. With B = A_1 it
gives Z = Y A_1, whose trace is the derivative of log|det A| (Jacobi's formula), so that
(log|det A|)_k = tr Z_(k-1). The sign of a determinant does not change.

Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 13, for differentiating
equations; Magnus and Neudecker, Matrix Differential Calculus, 3rd ed. 2019, chapter 8.
"""

from __future__ import annotations

from string import ascii_lowercase

import sympy as sp

from jetfold.graph import Contract, Editor, MatrixFunction, add_map
from jetfold.rules.derive import leibniz


def solved_terms(order: int) -> tuple[tuple[int, tuple[int, int]], ...]:
    """The terms (factor, (i, j)) with factor * W_i X_j of X_k, besides Y B_k."""
    return tuple((-factor, (i, j)) for factor, (i, j) in leibniz(order, (0, 1)) if i)


def matrix_product(rank: int) -> Contract:
    """The product of two stacks of matrices of this rank."""
    lead, i, j, k = _letters(rank)
    return Contract(f"{lead}{i}{j},{lead}{j}{k}->{lead}{i}{k}")


def trace_of_product(rank: int) -> Contract:
    """The traces of the products of two stacks of matrices of this rank."""
    lead, i, j, _ = _letters(rank)
    return Contract(f"{lead}{i}{j},{lead}{j}{i}->{lead}")


def _letters(rank: int) -> tuple[str, ...]:
    """Those of the axes before the matrices, and three for axes of matrices."""
    return ascii_lowercase[: rank - 2], *ascii_lowercase[rank - 2 : rank + 1]


def matrix_coefficients(
    editor: Editor, op: MatrixFunction, path: list[int], order: int
) -> list[int]:
    """The coefficients 0..order of a function of matrices whose own are the nodes ``path``.

    A function that stays as it is along every path has coefficient 0 only.
    """
    here = [editor.add(op, path[0])]
    if op.name == "sign_det" or order == 0:
        return here
    rank = len(editor[path[0]].type.shape)
    times, trace = matrix_product(rank), trace_of_product(rank)
    inverse = editor.add(MatrixFunction("inverse"), path[0])
    scaled = [inverse, *(editor.add(times, inverse, path[i]) for i in range(1, order + 1))]

    def combined(product: Contract, k: int, found: list[int]) -> list[tuple[int, int]]:
        return [(c, editor.add(product, scaled[i], found[j])) for c, (i, j) in solved_terms(k)]

    if op.name == "inverse":
        for k in range(1, order + 1):
            here.append(_total(editor, combined(times, k, here)))
        return here
    logarithmic: list[int] = []
    for k in range(order):
        first = editor.add(trace, inverse, path[k + 1])
        here.append(_total(editor, [(1, first), *combined(trace, k, logarithmic)]))
        terms = combined(times, k, logarithmic)
        logarithmic.append(_total(editor, [(1, scaled[k + 1]), *terms]))
    return here


def _total(editor: Editor, terms: list[tuple[int, int]]) -> int:
    symbols = [sp.Symbol(f"t{i}", real=True) for i in range(len(terms))]
    total = sp.Add(*(factor * t for (factor, _), t in zip(terms, symbols, strict=True)))
    nodes = [node for _, node in terms]
    return add_map(editor, total, dict(zip(symbols, nodes, strict=True)))
