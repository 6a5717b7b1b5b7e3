"""Programs of gradients: one product and one outer product for a layer, whatever the depth."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import jetfold as jf
from graphs import A, B
from jetfold.backends.lower import lower
from jetfold.backends.program import OuterProduct, Product, Program, SampleSum
from jetfold.backends.reference import ReferenceGraph
from jetfold.backends.shared import SharedGraph, SharedValues
from jetfold.graph import Contract, DirectionAxis, Editor, Input, Map, Parameter, Sum, Type
from programs import FLOAT32, FLOAT64, check

DIM, WIDTH = 3, 8


def mlp(x: Any, params: Any) -> Any:
    *hidden, last = params
    for weights, bias in hidden:
        x = np.tanh(x @ weights + bias)
    return x @ last


def residual(x: Any, params: Any) -> Any:
    return (jf.laplacian(mlp)(x, params) - 1) ** 2


def layers(depth: int, width: int = WIDTH) -> list[Any]:
    sizes = [DIM] + [width] * depth
    pairs = [(np.ones((m, n)), np.ones(n)) for m, n in itertools.pairwise(sizes)]
    return [*pairs, np.ones(width)]


def program_of(depth: int, width: int = WIDTH) -> Program:
    derivation = jf.value_and_grad(residual).derivation(np.zeros((1, DIM)), layers(depth, width))
    return lower(derivation.final_graph, derivation.totals)


@pytest.mark.parametrize("depth", [2, 4, 9])
def test_a_layer_is_two_products_and_an_outer_one(depth: int) -> None:
    program = program_of(depth)
    instructions = program.instructions
    products = [i.slots for i in instructions if isinstance(i, Product)]
    packed = 2 + DIM
    assert products == [1] + [packed] * (depth - 1) + [1] + [packed] * (depth - 1)
    outer = [i for i in instructions if isinstance(i, OuterProduct)]
    shapes = [sorted(program.accumulators[i.accumulator].shape) for i in outer]
    square = [i.slots for i, shape in zip(outer, shapes, strict=True) if shape == [1, WIDTH, WIDTH]]
    assert square == [packed] * (depth - 1)
    sums = [i for i in instructions if isinstance(i, SampleSum)]
    numbers = [np.prod(program.accumulators[i.accumulator].shape) for i in sums]
    assert max(numbers) == DIM * WIDTH  # what the first layer's columns get: no matrix at a point


def test_kernels_do_not_grow() -> None:
    assert len({len(program_of(depth).kernels) for depth in (4, 5, 9)}) == 1
    assert program_of(5, 20).kernels == program_of(4, 8).kernels


def test_gradients_agree_with_the_reference() -> None:
    derivation = jf.value_and_grad(residual).derivation(np.zeros((1, DIM)), layers(3))
    check(derivation.final_graph, 37, (FLOAT32,), totals=derivation.totals, tolerance=20)


def test_contractions_of_shared_values_are_summed_at_once() -> None:
    """The sum over directions of a product is a product with one letter more."""
    axis = DirectionAxis("r", 4)
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    p = editor.add(Parameter("p", Type((2,), (axis,))))
    q = editor.add(Parameter("q", Type((3,), (axis,))))
    outer = editor.add(Contract("i,j->ij"), p, q)
    total = editor.add(Sum((), ("r",)), outer)
    graph = editor.freeze([editor.add(Map(A * B), x, total)])
    program = lower(graph)
    steps = SharedValues(program).steps
    assert [type(step.op) for step in steps] == [Parameter, Parameter, Contract]
    check(graph)
    needed = editor.freeze([*graph.outputs, editor.add(Map(A * B), x, outer)])
    assert len(SharedValues(lower(needed)).steps) == 4
    check(needed)


def test_what_parameters_get_is_handed_on_but_never_twice() -> None:
    editor = Editor()
    total = editor.add(Parameter("total", Type((2, 3))))
    own = editor.add(Parameter("own", Type((3,))))
    graph = editor.freeze([total, total, own, editor.add(Map(A * B), total, own)])
    values = {"total": np.ones((2, 3)), "own": np.arange(3.0)}
    results = SharedGraph(graph, ["total"])(values, FLOAT64)
    assert results[0] is values["total"]
    assert not np.shares_memory(results[0], results[1])
    assert not np.shares_memory(results[2], values["own"])
    expected = ReferenceGraph(graph)(1, FLOAT64, {}, values)
    for found, right in zip(results, expected, strict=True):
        np.testing.assert_array_equal(found, right[0])
