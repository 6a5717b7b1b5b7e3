"""Taylor rules of matrix functions, from the equations that define them.

Let A X = B along a path, and let Y be the inverse of A. Leibniz' rule for A X, solved for the
highest coefficient of X, is

    X_k = Y B_k - sum over i >= 1 of c_ij W_i X_j,        W_i = Y A_i,   i + j = k,

with binomial coefficients c_ij. With B = I this gives the inverse itself, X = Y. With B = A_1 it
gives Z = Y A_1, whose trace is the derivative of log|det A| (Jacobi's formula), so that
(log|det A|)_k = tr Z_(k-1). The sign of a determinant does not change.

``np.linalg.solve`` is traced as the product of Y and B. Where B has few columns it is derived as
the solution that it is, with Y (A_i X_j) in place of W_i X_j: the coefficients of Y, which would
take products of matrices, are not needed then.

Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 13, for differentiating
equations; Magnus and Neudecker, Matrix Differential Calculus, 3rd ed. 2019, chapter 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from string import ascii_lowercase

import sympy as sp

from jetfold.graph import Contract, Editor, Graph, MatrixFunction, add_map
from jetfold.graph.ops import split_spec
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


@dataclass(frozen=True)
class Solution:
    """X of A X = B, which a graph has as the product of B and the inverse Y of A, or of A^T.

    ``matrix`` and ``right`` are the nodes of A and B. ``solve`` is the product of Y and B,
    ``times`` that of A and X, ``solve_again`` that of Y and A X (B may lack axes that A has).
    """

    matrix: int
    right: int
    solve: Contract
    times: Contract
    solve_again: Contract


def solution(graph: Graph, node: int) -> Solution | None:
    """The solution that a node is; None for one with more columns than rows, and for others."""
    op, operands = graph[node].op, graph.operands(node)
    if not isinstance(op, Contract) or len(operands) != 2:
        return None
    parts, result = split_spec(op.spec)
    for position, inverse in enumerate(operands):
        own, right = parts[position], operands[1 - position]
        other = parts[1 - position]
        if graph[inverse].op != MatrixFunction("inverse") or len(set(own)) < len(own):
            continue
        sizes = dict(zip(other, graph[right].type.shape, strict=True))
        columns = math.prod(size for letter, size in sizes.items() if letter not in own)
        lead, i, j = own[:-2], own[-2], own[-1]
        for kept, met in ((i, j), (j, i)):
            whole = set(lead + kept) <= set(result) and met not in result
            fits = columns <= graph[inverse].type.shape[-1]
            if whole and met in other and kept not in other and fits:
                back = result.replace(kept, met)
                return Solution(
                    graph.operands(inverse)[0],
                    right,
                    Contract(f"{own},{other}->{result}"),
                    Contract(f"{lead}{j}{i},{result}->{back}"),
                    Contract(f"{own},{back}->{result}"),
                )
    return None


def solution_coefficients(
    editor: Editor, found: Solution, path: list[int], right: list[int], order: int
) -> list[int]:
    """The coefficients 0..order of X, from those of A and B (one only if it stays as it is)."""
    inverse = editor.add(MatrixFunction("inverse"), path[0])
    result = [editor.add(found.solve, inverse, right[0])]
    for k in range(1, order + 1):
        terms = [
            (factor, editor.add(found.times, path[i], result[j]))
            for factor, (i, j) in solved_terms(k)
        ]
        result.append(solved(editor, found, inverse, terms, right[k] if k < len(right) else None))
    return result


def solved(
    editor: Editor,
    found: Solution,
    inverse: int,
    terms: list[tuple[int, int]],
    right: int | None,
) -> int:
    """Y times the sum of numbers times nodes, and times a coefficient of B, if there is one."""
    if right is not None and found.solve == found.solve_again:
        terms, right = [(1, right), *terms], None
    parts = []
    if terms:
        parts.append(editor.add(found.solve_again, inverse, _total(editor, terms)))
    if right is not None:
        parts.append(editor.add(found.solve, inverse, right))
    return _total(editor, [(1, part) for part in parts])


def _total(editor: Editor, terms: list[tuple[int, int]]) -> int:
    symbols = [sp.Symbol(f"t{i}", real=True) for i in range(len(terms))]
    total = sp.Add(*(factor * t for (factor, _), t in zip(terms, symbols, strict=True)))
    nodes = [node for _, node in terms]
    return add_map(editor, total, dict(zip(symbols, nodes, strict=True)))
