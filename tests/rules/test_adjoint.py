"""Adjoints against forward mode, in exact rational arithmetic: <c, J v> = <J^T c, v>."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from numpy.typing import NDArray

import exact
from jetfold.graph import (
    Editor,
    Graph,
    Input,
    Parameter,
    Total,
    Type,
    Value,
    add_map,
    constant,
    fit,
    rewrite,
    simplify,
)
from jetfold.graph.ops import operand_symbol
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.adjoint import ROWS, Adjoint, Leaf, adjoint, named, ones, rows, weighted
from jetfold.rules.collapse import COLLAPSE
from jetfold.rules.primitives import PRIMITIVES
from jetfold.rules.taylor import push_forward
from random_functions import RandomFunction, functions

POINT = Input("x", Type((3,)))
MATRIX = Parameter("W", Type((2, 3)))
SHIFT = Parameter("b", Type((2,)))


def traced(function: Any, *arguments: Any) -> Graph:
    return simplify(trace(function, arguments).graph).graph


def tangents(graph: Graph, leaves: list[Leaf]) -> Graph:
    """J v by forward mode: the leaves move with velocities that are leaves, too.

    Forward mode moves inputs; a parameter that moves becomes one.
    """
    moving: dict[Any, Input] = {leaf: Input(leaf.name, leaf.type) for leaf in leaves}
    source = Editor()
    known = [(node, graph[node].op) for node in graph.leaves]
    where = source.insert(graph, {n: source.add(moving.get(op, op)) for n, op in known})
    graph = source.freeze([where[output] for output in graph.outputs])
    editor = Editor()
    paths = {}
    for node in graph.inputs:
        op = graph[node].op
        assert isinstance(op, Input)
        still = constant(editor, 0, op.type)
        velocity = editor.add(Input(f"v {op.name}", op.type)) if op in moving.values() else still
        paths[node] = [editor.add(op), velocity]
    jets = push_forward(editor, graph, 1, paths)
    outputs = [
        jets[output][1] if len(jets[output]) > 1 else constant(editor, 0, graph[output].type)
        for output in graph.outputs
    ]
    kinds = [graph[output].type for output in graph.outputs]
    return editor.freeze([fit(editor, n, kind) for n, kind in zip(outputs, kinds, strict=True)])


class Numbers(exact.Exact):
    """Random rationals for leaves by name, be they inputs or parameters."""

    def __init__(self, values: dict[str, NDArray[Any]]) -> None:
        super().__init__()
        self.values = values

    def _compute(self, op: Any, operands: Any) -> Any:
        if not isinstance(op, (Input, Parameter)):
            return super()._compute(op, operands)
        if op.name not in self.values:
            sizes = tuple(axis.size for axis in op.type.directions)
            random = np.random.default_rng(list(op.name.encode()))
            above = random.integers(1, 29, sizes + op.type.shape)
            self.values[op.name] = np.vectorize(lambda n: Fraction(int(n), 29), "O")(above)
        lead = tuple(axis.name for axis in op.type.directions)
        return Value(np.asarray(self.values[op.name]), lead)


def total(graph: Graph, found: list[NDArray[Any]], wanted: Total) -> NDArray[Any]:
    """What a total is at one point."""
    kept = [axis.name for axis in wanted.type.directions]
    result: Any = 0
    for term in wanted.terms:
        names = [axis.name for axis in graph[graph.outputs[term]].type.directions]
        extra = tuple(i for i, name in enumerate(names) if name not in kept)
        result = result + found[term].sum(axis=extra)
    return np.asarray(result)


def gradients(
    made: Adjoint, graph: Graph, leaves: list[Leaf], values: dict[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    """The cotangents of the leaves, from a graph of an adjoint at one point."""
    found = Numbers(values)(graph)
    totals = [total(graph, found, wanted) for wanted in made.totals]
    shared = dict(zip(made.names, totals, strict=True))
    finished = iter(Numbers(values | shared)(made.shared))
    direct = iter(found)
    return [next(direct if isinstance(leaf, Input) else finished) for leaf in leaves]


def inner(left: Any, right: Any) -> Any:
    return sum((np.sum(a * b) for a, b in zip(left, right, strict=True)), 0)


def check(graph: Graph, leaves: list[Leaf]) -> None:
    """The adjoint is that of forward mode, and stays so through every rewrite step."""
    made = adjoint(graph, leaves, named("c"))
    validate(made.graph)
    validate(made.shared)
    values: dict[str, NDArray[Any]] = {}
    forward = Numbers(values)(tangents(graph, leaves))
    pulled = gradients(made, made.graph, leaves, values)
    Numbers(values)(velocities(leaves))
    cotangents = [values.get(f"c{i}", 0 * array) for i, array in enumerate(forward)]
    moved = [values[f"v {leaf.name}"] for leaf in leaves]
    assert [array.shape for array in pulled] == [leaf.type.shape for leaf in leaves]
    assert inner(cotangents, forward) == inner(pulled, moved)

    collapsed = rewrite(made.graph, COLLAPSE).graph
    for stage in (collapsed, simplify(collapsed).graph):
        validate(stage)
        assert exact.same(gradients(made, stage, leaves, values), pulled)


def velocities(leaves: list[Leaf]) -> Graph:
    editor = Editor()
    nodes = [editor.add(Input(f"v {leaf.name}", leaf.type)) for leaf in leaves]
    return editor.freeze(nodes)


@given(functions())
@settings(max_examples=60, deadline=None)
def test_random_functions(function: RandomFunction) -> None:
    leaves = [Parameter(name, Type(shape)) for name, shape in function.parameters]
    check(function.graph(), [function.point, *leaves])


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_primitive(name: str) -> None:
    """Of all operands, one of them a parameter that is broadcast."""
    primitive = PRIMITIVES[name]
    editor = Editor()
    kinds: list[Leaf] = [Input("x", Type((2, 1))), Parameter("p", Type((3,)))]
    kinds += [Input("z", Type(()))]
    leaves = kinds[: primitive.arity]
    operands = {operand_symbol(i): editor.add(leaf) for i, leaf in enumerate(leaves)}
    check(editor.freeze([add_map(editor, primitive.expr, operands)]), leaves)


CASES = {
    "matrix product": lambda x, W, b: W @ x + b,
    "shared part": lambda x, W, b: np.tanh(W * b[:, None]) @ x,
    "parameters only": lambda x, W, b: (W.sum(), x.sum()),
    "reused": lambda x, W, b: W @ (x * (W.T @ b)) + W @ x,
    "outer and diagonal": lambda x, W, b: np.einsum("ii->i", np.outer(x, x)) * W[0],
    "trace": lambda x, W, b: np.trace(np.outer(x, W[1])),
    "sum in a contraction": lambda x, W, b: np.einsum("ij,k->k", W, x),
    "repeated rows": lambda x, W, b: W[[0, 1, 0, 0]] @ x[[2, 2, 1]],
    "padded": lambda x, W, b: np.pad(x, 2)[1:5] * np.pad(W, ((0, 0), (1, 0)))[0],
    "inverse": lambda x, W, b: np.linalg.inv(np.diag(x) + W.T @ W) @ x,
    "solve": lambda x, W, b: np.linalg.solve(np.diag(x) + W.T @ W, x),
    "determinant": lambda x, W, b: np.linalg.slogdet(np.diag(x) + W.T @ W)[1],
    "steps": lambda x, W, b: np.sign(x) * x + np.floor(W[0]),
    "erf": lambda x, W, b: scipy.special.erf(W @ x),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    check(traced(CASES[name], POINT, MATRIX, SHIFT), [POINT, MATRIX, SHIFT])


def test_scalars_of_points_are_summed_with_their_weights() -> None:
    graph = traced(lambda x, W, b: np.sum(W @ x), POINT, MATRIX, SHIFT)
    made = adjoint(graph, [MATRIX], weighted("w"), "summed")
    values: dict[str, NDArray[Any]] = {}
    found = Numbers(values)(made.graph)
    value = total(made.graph, found, made.totals[0])
    assert value == values["w"] * np.sum(values["W"] @ values["x"])


def test_jacobian_has_a_row_for_each_element() -> None:
    graph = traced(lambda x, W, b: np.outer(W @ x, b), POINT, MATRIX, SHIFT)
    made = adjoint(graph, [MATRIX, POINT, SHIFT], rows, "points", per_point=True)
    assert not made.totals
    by_matrix = made.graph[made.graph.outputs[1]].type
    assert (by_matrix.shape, [axis.name for axis in by_matrix.directions]) == ((2, 3), [ROWS])
    values: dict[str, NDArray[Any]] = {}
    value, matrix, point, shift = Numbers(values)(made.graph)
    W, x, b = values["W"], values["x"], values["b"]
    assert (value == np.outer(W @ x, b)).all()
    eye = np.array([[1, 0], [0, 1]], dtype=object)
    assert (matrix.reshape(2, 2, 2, 3) == np.einsum("ik,j,l->ijkl", eye, b, x)).all()
    assert (point.reshape(2, 2, 3) == np.einsum("il,j->ijl", W, b)).all()
    assert (shift.reshape(2, 2, 2) == np.einsum("i,jk->ijk", W @ x, eye)).all()


def test_what_is_shared_costs_nothing_at_points() -> None:
    """The gradient of a parameter's square is a total of numbers, not of arrays at points."""
    graph = traced(lambda x, W, b: np.sum((W**2) @ x), POINT, MATRIX, SHIFT)
    made = adjoint(graph, [MATRIX], ones, "none")
    (wanted,) = made.totals
    assert wanted.type == Type((2, 3))
    assert not any("a0**2" in str(made.graph[node].op) for node in made.graph.varying)
