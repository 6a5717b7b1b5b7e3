"""The meaning of every operation, against NumPy, with a batch and direction axes in front."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from typing import Any, get_args

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from graphs import A, B, C, laplacian, network
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.interpret import BATCH, Value, apply, constant_value, evaluate, interpret
from jetfold.graph.numbers import EXACT, MPMATH
from jetfold.graph.ops import (
    Array,
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Gather,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Pick,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
    infer,
)
from programs import sample
from random_graphs import graphs

Floats = NDArray[Any]
RANDOM = np.random.default_rng(0)
R, S = DirectionAxis("r", 3), DirectionAxis("s", 2)
INDEX = np.array([[5, -1], [0, 2]])

# Each operation, the types of its operands, and the same in NumPy for one point and direction.
MEANINGS: list[tuple[Op, list[tuple[int, ...]], Callable[..., Floats]]] = [
    (Constant(Array(np.arange(6.0).reshape(2, 3))), [], lambda: np.arange(6.0).reshape(2, 3)),
    (Map(A * sp.tanh(B) - C), [(2, 3), (3,), (2, 1)], lambda a, b, c: a * np.tanh(b) - c),
    (Map(sp.pi / 2), [], lambda: np.array(np.pi / 2)),
    (Contract("ab,b->a"), [(2, 3), (3,)], lambda a, b: a @ b),
    (Contract("ab,bc,cd->ad"), [(2, 3), (3, 4), (4, 2)], lambda a, b, c: a @ b @ c),
    (Contract("aa->"), [(3, 3)], np.trace),
    (Contract("aab->ba"), [(2, 2, 3)], lambda a: np.stack([a[0, 0], a[1, 1]], axis=1)),
    (Sum((0, 2)), [(2, 3, 4)], lambda a: a.sum(axis=(0, 2))),
    (Sum(), [(2, 3)], lambda a: a),
    (MatrixFunction("inverse"), [(2, 3, 3)], np.linalg.inv),
    (MatrixFunction("log_abs_det"), [(2, 3, 3)], lambda a: np.linalg.slogdet(a)[1]),
    (MatrixFunction("sign_det"), [(3, 3)], lambda a: np.linalg.slogdet(a)[0]),
    (Reshape((3, 2)), [(2, 3)], lambda a: a.reshape(3, 2)),
    (Transpose((2, 0, 1)), [(2, 3, 4)], lambda a: a.transpose(2, 0, 1)),
    (Broadcast((4, 2, 3)), [(2, 1)], lambda a: np.broadcast_to(a, (4, 2, 3))),
    (Slice((1, 3), (1, -2), (1, 2)), [(2, 5)], lambda a: a[1:2, 3:0:-2]),
    (Slice((), (), ()), [()], lambda a: a),
    (Gather(Array(INDEX)), [(2, 3)], lambda a: np.append(a, 0.0)[INDEX]),
    (Concatenate(1), [(2, 3), (2, 1)], lambda a, b: np.concatenate([a, b], axis=1)),
]
LEADS = [(), (BATCH,), ("r",), (BATCH, "r"), ("r", "s"), (BATCH, "r", "s")]
SIZES = {BATCH: 4, "r": 3, "s": 2}


def value(lead: tuple[str, ...], shape: tuple[int, ...]) -> Value:
    return Value(RANDOM.normal(size=tuple(SIZES[name] for name in lead) + shape), lead)


def at(operand: Value, where: dict[str, int]) -> Floats:
    """The operand's point at a place along the leading axes."""
    found: Floats = operand.array[tuple(where[name] for name in operand.lead)]
    return found


@pytest.mark.parametrize("lead", LEADS, ids=str)
@pytest.mark.parametrize(("op", "shapes", "meaning"), MEANINGS)
def test_meaning(
    op: Op,
    shapes: list[tuple[int, ...]],
    meaning: Callable[..., Floats],
    lead: tuple[str, ...],
) -> None:
    """Operands have the leading axes in turn: all, none, every other one."""
    leads = [lead, (), lead[::2]]
    operands = [value(leads[i % 3], shape) for i, shape in enumerate(shapes)]
    result = apply(op, operands)
    assert result.lead == tuple(sorted({name for operand in operands for name in operand.lead}))
    for place in np.ndindex(*(SIZES[name] for name in result.lead)):
        where = dict(zip(result.lead, place, strict=True))
        expected = meaning(*(at(operand, where) for operand in operands))
        found = at(result, where)
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def test_every_operation_has_a_meaning() -> None:
    named = {Replicate, Direct, Pick, Collect}  # they change leading axes: tests of their own
    tested = {type(op) for op, _, _ in MEANINGS}
    assert tested | named | {Input, Parameter} == set(get_args(Op))


@pytest.mark.parametrize(
    ("name", "lead"), [("q", ("q", "r")), ("s", ("r", "s")), ("a", ("a", "r"))]
)
def test_replicating(name: str, lead: tuple[str, ...]) -> None:
    operand = value(("r",), (2,))
    result = apply(Replicate(DirectionAxis(name, 5)), [operand])
    assert result.lead == lead
    copies = np.moveaxis(result.array, lead.index(name), 0)
    assert len(copies) == 5
    for one in copies:
        np.testing.assert_array_equal(one, operand.array)


@pytest.mark.parametrize("lead", [(), (BATCH,), ("q",), (BATCH, "q", "s")], ids=str)
def test_positional_axis_read_as_direction(lead: tuple[str, ...]) -> None:
    sizes = SIZES | {"q": 5}
    array = RANDOM.normal(size=(*(sizes[name] for name in lead), 2, 3, 4))
    result = apply(Direct(1, R), [Value(array, lead)])
    assert result.lead == tuple(sorted((*lead, "r")))
    back = np.moveaxis(result.array, result.lead.index("r"), -2)
    np.testing.assert_array_equal(back, array)


def test_sums_over_directions() -> None:
    operand = value((BATCH, "r", "s"), (2, 3))
    both = apply(Sum((1,), ("r", "s")), [operand])
    assert both.lead == (BATCH,)
    np.testing.assert_allclose(both.array, operand.array.sum(axis=(1, 2, 4)))
    one = apply(Sum((), ("r",)), [operand])
    assert one.lead == (BATCH, "s")
    np.testing.assert_allclose(one.array, operand.array.sum(axis=1))


def test_constants_with_directions() -> None:
    array = RANDOM.normal(size=(3, 2, 4))
    result = apply(Constant(Array(array), (R, S)), [])
    assert result.lead == ("r", "s")
    np.testing.assert_array_equal(result.array, array)


@pytest.mark.parametrize(("op", "shapes", "meaning"), MEANINGS)
def test_empty_batch(op: Op, shapes: list[tuple[int, ...]], meaning: Callable[..., Floats]) -> None:
    operands = [Value(np.zeros((0, *shape)), (BATCH,)) for shape in shapes]
    expected = np.shape(meaning(*(RANDOM.normal(size=shape) for shape in shapes)))
    found = apply(op, operands)
    assert found.shape == expected
    assert found.array.size == (0 if shapes else np.prod(expected))


@pytest.mark.parametrize("leaf", [Input("x", Type(())), Parameter("w", Type(()))])
def test_leaves_have_no_value_of_their_own(leaf: Op) -> None:
    with pytest.raises((TypeError, ValueError)):
        apply(leaf, [])


# Whole graphs -----------------------------------------------------------------------------------


def leaf_values(graph: Graph, points: int | None) -> dict[int, Value]:
    """Values of the leaves for a batch of points, or for the first of them."""
    inputs, parameters = sample(graph, points or 1)
    values = {}
    for node in graph.leaves:
        match graph[node].op:
            case Input(name, _):
                batch = Value(inputs[name], (BATCH,))
                values[node] = batch if points else Value(inputs[name][0])
            case Parameter(name, kind):
                lead = tuple(axis.name for axis in kind.directions)
                values[node] = Value(parameters[name], lead)
    return values


@given(graphs())
def test_values_have_the_types_of_their_nodes(graph: Graph) -> None:
    for node, found in interpret(graph, leaf_values(graph, None)).items():
        kind = graph[node].type
        assert found.shape == kind.shape
        assert found.lead == tuple(axis.name for axis in kind.directions)
        assert found.array.shape[: len(found.lead)] == tuple(a.size for a in kind.directions)
        operands = [graph[operand].type for operand in graph.operands(node)]
        assert infer(graph[node].op, operands) == kind


@given(graphs())
def test_a_batch_is_its_points(graph: Graph) -> None:
    together = interpret(graph, leaf_values(graph, 3))
    leaves = leaf_values(graph, 3)
    for point in range(3):
        alone = interpret(
            graph,
            {
                node: Value(leaf.array[point]) if leaf.lead == (BATCH,) else leaf
                for node, leaf in leaves.items()
            },
        )
        for node in graph:
            found = together[node]
            array = found.array[point] if BATCH in found.lead else found.array
            assert (BATCH in found.lead) == (node in graph.varying)
            np.testing.assert_allclose(array, alone[node].array, rtol=1e-12, atol=1e-12)


def test_network_is_its_function() -> None:
    graph = network()
    inputs, p = sample(graph, 5)
    hidden = np.tanh(np.tanh(inputs["x"] @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"])
    values = interpret(graph, leaf_values(graph, 5))
    np.testing.assert_allclose(values[graph.outputs[0]].array, hidden @ p["w"], rtol=1e-13)


def test_given_values_go_before_computed_ones() -> None:
    graph = network()
    (output,) = graph.outputs
    last, _ = graph.operands(output)
    leaves = leaf_values(graph, 2)
    forced = Value(np.ones((2, 8)), (BATCH,))
    weights = leaves[graph.operands(output)[1]].array
    found = interpret(graph, {**leaves, last: forced})[output]
    np.testing.assert_allclose(found.array, [weights.sum()] * 2)


def exact(graph: Graph, values: dict[int, Value]) -> list[Any]:
    leaves = {node: Value(EXACT.array(leaf.array), leaf.lead) for node, leaf in values.items()}
    found = interpret(graph, leaves, EXACT)
    return [found[output].array for output in graph.outputs]


def test_collapsing_is_an_identity_of_rational_numbers() -> None:
    before, after = laplacian(collapsed=False), laplacian(collapsed=True)
    one, other = exact(before, leaf_values(before, None)), exact(after, leaf_values(after, None))
    assert [array.item() for array in one] == [array.item() for array in other]
    assert all(isinstance(array.item(), Fraction) for array in one)


def test_other_derivatives_are_no_identity() -> None:
    """Rational arithmetic also tells apart what is nearly equal."""
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    graph = editor.freeze([editor.add(Map(sp.sin(A) ** 2 + sp.cos(A) ** 2), x)])
    (found,) = exact(graph, {x: Value(np.array(0.5))})
    assert found.item() != 1


@given(graphs(most=6))
def test_number_systems_agree(graph: Graph) -> None:
    leaves = leaf_values(graph, None)
    found = interpret(graph, leaves)
    with mpmath.workdps(30):
        precise = {n: Value(MPMATH.array(leaf.array), leaf.lead) for n, leaf in leaves.items()}
        expected = interpret(graph, precise, MPMATH)
        for output in graph.outputs:
            array = expected[output].array.astype(float)
            np.testing.assert_allclose(found[output].array, array, rtol=1e-10, atol=1e-10)


def test_complex_step() -> None:
    graph = network()
    (x,) = graph.inputs
    leaves = leaf_values(graph, None)
    step = np.array([1e-30j, 0, 0])
    shifted = interpret(graph, {**leaves, x: Value(leaves[x].array + step)})
    derivative = shifted[graph.outputs[0]].array.imag / 1e-30
    h = np.array([1e-6, 0, 0])
    ends = [
        interpret(graph, {**leaves, x: Value(leaves[x].array + sign * h)})[graph.outputs[0]].array
        for sign in (1, -1)
    ]
    assert derivative == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)


def test_folding_constants() -> None:
    table = RANDOM.normal(size=(3, 2))
    kind = Type((2,), (R,))
    constant = Constant(Array(table), (R,))
    summed = constant_value(Sum((), ("r",)), [(constant, kind)])
    np.testing.assert_allclose(summed, table.sum(axis=0))
    product = constant_value(Map(A * B), [(constant, kind), (Constant(Array(table)), Type((3, 2)))])
    assert product.shape == (3, 3, 2)
    product[0] = 0  # a new array, which may be changed
    assert (constant.value.value == table).all()


def test_products_that_are_summed_are_not_formed() -> None:
    """Of a million numbers along two directions, only their sums are wanted."""
    editor = Editor()
    many = DirectionAxis("r", 10_000)
    x, y = (editor.add(Input(name, Type((100,), (many,)))) for name in "xy")
    product = editor.add(Contract("a,b->ab"), x, y)
    graph = editor.freeze([editor.add(Sum((), ("r",)), product)])
    random = np.random.default_rng(0)
    left, right = random.normal(size=(2, 10_000, 100))
    tracemalloc.start()
    values = evaluate(graph, {x: Value(left, ("r",)), y: Value(right, ("r",))})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert product not in values
    assert_allclose(values[graph.outputs[0]].array, left.T @ right, rtol=1e-12)
    assert peak < 10 * left.nbytes < 10_000 * 100 * 100 * 8
