"""Kernels of nests: phases, what moves out of the loops, what is computed once, what is shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy as sp

from graphs import A, B, C
from jetfold.backends.nests import NestNode, Source, build_kernel, computable
from jetfold.backends.program import (
    Accumulate,
    Compute,
    NestKernel,
    Operand,
    Phase,
    Rows,
    Statement,
)
from jetfold.graph.numbers import FLOAT
from jetfold.graph.ops import operand_symbol
from jetfold.graph.powers import power

U = [sp.Symbol(f"u{i}", real=True) for i in range(4)]
V = [sp.Symbol(f"v{i}", real=True) for i in range(6)]
STILL = Operand(False, Rows.AFFINE, ())
MOVING = Operand(False, Rows.AFFINE, (0,))


def loaded(*numbers: int) -> tuple[Source, ...]:
    return tuple(Source(True, number) for number in numbers)


def inside(*numbers: int) -> tuple[Source, ...]:
    return tuple(Source(False, number) for number in numbers)


def node(
    expr: Any,
    sources: tuple[Source, ...],
    axes: tuple[int, ...] = (),
    phase: int = 0,
    output: int | None = None,
) -> NestNode:
    summed = (0,) if expr is None else ()
    return NestNode(expr, sources, axes, summed, phase, output)


def statements(kernel: NestKernel) -> list[list[Statement]]:
    return [list(phase.statements) for phase in kernel.phases]


def uses(statement: Statement) -> set[sp.Symbol]:
    if isinstance(statement, Accumulate):
        return {statement.term}
    return set(statement.expr.free_symbols)


def test_one_expression() -> None:
    kernel = build_kernel(0, (node(sp.tanh(A + B), loaded(0, 1), output=0),), (STILL, STILL))
    assert kernel == NestKernel(
        0,
        (STILL, STILL),
        ((),),
        (Phase((), ((U[0], 0), (U[1], 1)), (Compute(V[0], sp.tanh(U[0] + U[1])),), ((0, V[0]),)),),
    )


def test_the_phases_of_a_sum() -> None:
    """Scalars, then the loop with the terms, then what the finished sum is for."""
    nodes = (
        node(sp.sin(A), loaded(0)),
        node(A * B, (*inside(0), *loaded(1)), axes=(0,), phase=1, output=0),
        node(None, inside(1), phase=2),
        node(A / B, (*inside(2), *loaded(2)), phase=2, output=1),
    )
    kernel = build_kernel(1, nodes, (STILL, MOVING, STILL))
    assert [phase.axes for phase in kernel.phases] == [(), (0,), ()]
    assert statements(kernel) == [
        [Compute(V[0], sp.sin(U[0]))],
        [Compute(V[1], V[0] * U[1]), Accumulate(V[2], V[1])],
        [Compute(V[3], V[2] / U[2])],
    ]
    assert [phase.loads for phase in kernel.phases] == [
        ((U[0], 0),),
        ((U[1], 1),),
        ((U[2], 2),),
    ]
    assert [phase.stores for phase in kernel.phases] == [(), ((0, V[1]),), ((1, V[3]),)]
    assert kernel.outputs == ((0,), ())


def test_a_sum_of_what_is_in_memory() -> None:
    kernel = build_kernel(1, (node(None, loaded(0), phase=2, output=0),), (MOVING,))
    loop, end = kernel.phases
    assert (loop.axes, loop.loads) == ((0,), ((U[0], 0),))
    assert loop.statements == (Accumulate(V[0], U[0]),)
    assert (end.statements, end.stores) == ((), ((0, V[0]),))


def test_what_does_not_move_is_computed_before_the_loop() -> None:
    expr = A * sp.cos(B) * (1 - B**2) + sp.sin(A * sp.exp(B))
    kernel = build_kernel(1, (node(expr, loaded(0, 1), (0,), 1, 0),), (MOVING, STILL))
    before, loop = kernel.phases
    assert (before.axes, loop.axes) == ((), (0,))
    hoisted: list[Any] = []
    for statement in loop.statements:
        assert isinstance(statement, Compute)
        hoisted += [f for f in statement.expr.atoms(sp.cos, sp.exp, sp.Pow) if f.has(U[1])]
    assert hoisted == []
    used = {symbol for statement in loop.statements for symbol in uses(statement)}
    assert used - {U[0]} <= {statement.target for statement in before.statements}


def test_a_condition_moves_out_of_the_loop_as_well() -> None:
    expr = sp.Piecewise((A, sp.Gt(B**3, sp.exp(C))), (2 * A, True))
    kernel = build_kernel(1, (node(expr, loaded(0, 1, 2), (0,), 1, 0),), (MOVING, STILL, STILL))
    loop = kernel.phases[-1]
    assert loop.axes == (0,)
    for statement in loop.statements:
        assert isinstance(statement, Compute)
        assert not statement.expr.has(sp.exp, U[1] ** 3)


def test_what_occurs_twice_is_computed_once() -> None:
    nodes = (
        node(sp.exp(-(A**2)) * B, loaded(0, 1), output=0),
        node(sp.exp(-(A**2)) + B, loaded(0, 1), output=1),
    )
    kernel = build_kernel(0, nodes, (STILL, STILL))
    (phase,) = kernel.phases
    exponentials = [s for s in phase.statements if isinstance(s, Compute) and s.expr.has(sp.exp)]
    assert len(exponentials) == 1
    assert phase.statements.index(exponentials[0]) == 0


def test_sums_over_two_axes_are_two_loops() -> None:
    other = Operand(False, Rows.AFFINE, (1,))
    nodes = (
        NestNode(None, loaded(0), (), (0,), 2, None),
        NestNode(None, loaded(1), (), (1,), 2, None),
        node(A * B, inside(0, 1), phase=2, output=0),
    )
    kernel = build_kernel(2, nodes, (MOVING, other))
    assert [phase.axes for phase in kernel.phases] == [(0,), (1,), ()]


def test_equal_nests_have_one_kernel() -> None:
    """Sizes and places are no part of it: layers of all widths run the same code."""

    def kernel(operand: Operand) -> NestKernel:
        return build_kernel(0, (node(sp.tanh(A + B), loaded(0, 1), output=0),), (STILL, operand))

    assert kernel(STILL) is kernel(Operand(False, Rows.AFFINE, ()))
    assert kernel(STILL) != kernel(Operand(True, Rows.AFFINE, ()))


# Meaning: the statements of a kernel against the nodes, with numbers -----------------------------


def run(kernel: NestKernel, operands: Sequence[Any], size: int) -> dict[int, Any]:
    """What a kernel with one axis stores, by its phases; operands that move are arrays."""
    stored: dict[int, Any] = {}
    known: dict[sp.Symbol, Any] = {}

    def value(expr: sp.Expr) -> Any:
        symbols = sorted(expr.free_symbols, key=str)
        operand_names = {s: operand_symbol(i) for i, s in enumerate(symbols)}
        arrays = [np.asarray(known[symbol]) for symbol in symbols]
        return FLOAT.evaluate(expr.xreplace(operand_names), arrays)

    for phase in kernel.phases:
        for s in phase.statements:
            if isinstance(s, Accumulate):
                known[s.target] = 0.0
        for i in range(size if phase.axes else 1):
            for symbol, number in phase.loads:
                moves = kernel.operands[number].axes
                known[symbol] = operands[number][i] if moves else operands[number]
            for s in phase.statements:
                if isinstance(s, Accumulate):
                    known[s.target] = known[s.target] + known[s.term]
                else:
                    known[s.target] = value(s.expr)
            for output, symbol in phase.stores:
                stored.setdefault(output, []).append(float(known[symbol]))
    return stored


def test_kernels_mean_what_their_nodes_say() -> None:
    x, v, w = 0.7, np.array([0.3, -1.2, 2.0]), 1.9
    nodes = (
        node(sp.tanh(A), loaded(0)),
        node(1 - A**2, inside(0)),
        node(A * B - sp.sin(C) / 3, (*inside(1), *loaded(1, 2)), (0,), 1, 0),
        node(sp.Piecewise((A**2, A < B), (B, True)), (*inside(2), *loaded(2)), (0,), 1),
        node(None, inside(3), phase=2),
        node(A * B - C, (*inside(4, 1), *loaded(2)), phase=2, output=1),
    )
    found = run(build_kernel(1, nodes, (STILL, MOVING, STILL)), [x, v, w], 3)
    slope = 1 - np.tanh(x) ** 2
    along = slope * v - np.sin(w) / 3
    total = np.where(along < w, along**2, w).sum()
    np.testing.assert_allclose(found[0], along)
    np.testing.assert_allclose(found[1], [total * slope - w])


# Powers -------------------------------------------------------------------------------------------


def test_powers_of_a_variable_exponent_are_left() -> None:
    assert computable(power(A, B, sp.S.Zero)) == power(A, B, sp.S.Zero)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_powers_are_products(order: int) -> None:
    found = computable(sp.sin(A) + power(A, B, sp.Integer(order)))
    assert all(part.args[2] == 0 for part in found.atoms(power))
    x, p = np.array([2.0, 3.0, -1.5]), np.array([2.5, -1.0, 4.0])
    expected = np.sin(x) + np.prod([p - i for i in range(order)], axis=0) * x ** (p - order)
    np.testing.assert_allclose(FLOAT.evaluate(found, [x, p]), expected)


def test_where_the_factor_vanishes_so_does_the_derivative() -> None:
    """The second derivative of x**1 at 0: 0, not 0 * infinity."""
    found = computable(power(A, B, sp.Integer(2)))
    values = FLOAT.evaluate(found, [np.zeros(3), np.array([0.0, 1.0, 2.0])])
    np.testing.assert_array_equal(values, [0.0, 0.0, 2.0])
