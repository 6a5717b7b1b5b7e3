"""Taylor graphs: coefficients of whole functions, exactly, against the function on power series."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

from exact import Exact
from jetfold.graph import (
    Coefficient,
    Concatenate,
    Contract,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Sum,
    Type,
    Value,
    constant,
    interpret,
    operand_symbol,
)
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.operators import jet, path_inputs
from jetfold.rules.taylor import push_forward
from sample_functions import SAMPLES

A, B = map(operand_symbol, range(2))
T = sp.Symbol("t")
X3 = Input("x", Type((3,)))

Function = Callable[..., Any]


def rationals(shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """Random rationals as SymPy numbers."""
    random = np.random.default_rng(seed)
    array = np.empty(shape, dtype=object)
    pairs = random.integers(1, 9, (array.size, 2))
    array.reshape(-1)[:] = [sp.Rational(int(a) - 4, int(b)) for a, b in pairs]
    return array


def on_series(function: Function, path: list[NDArray[Any]], *parameters: Any) -> list[Any]:
    """d^k/dt^k f(x(t)) at 0 of a polynomial: the plain function, called on polynomials in t."""
    moved = sum(c * T**k / math.factorial(k) for k, c in enumerate(path))
    value = np.asarray(function(moved, *parameters), dtype=object)
    derivatives = np.vectorize(lambda p, k: sp.diff(sp.sympify(p), T, k).subs(T, 0), otypes="O")
    return [derivatives(value, k) for k in range(len(path))]


def run(graph: Graph, values: dict[str, Any]) -> list[NDArray[Any]]:
    """The outputs of a graph in exact rationals, as SymPy numbers."""
    leaves = {}
    for node in (*graph.inputs, *graph.parameters):
        op = graph[node].op
        assert isinstance(op, (Input, Parameter))
        array = np.empty(op.type.shape, dtype=object)
        array.reshape(-1)[:] = [Fraction(int(v.p), int(v.q)) for v in values[op.name].reshape(-1)]
        leaves[node] = Value(array)
    found = interpret(graph, leaves, EXACT)
    as_sympy = np.vectorize(lambda v: sp.Rational(v.numerator, v.denominator), otypes="O")
    return [as_sympy(found[output].array) for output in graph.outputs]


POLYNOMIALS: dict[str, tuple[Function, tuple[int, ...], dict[str, tuple[int, ...]]]] = {
    "sum": (lambda x, p: x.sum() + 3, (3,), {}),
    "square": (lambda x, p: x**2, (2, 2), {}),
    "products": (lambda x, p: x[0] * x[1] * x[2] + x[0] ** 3 * p["a"], (3,), {"a": ()}),
    "prod": (lambda x, p: np.prod(x), (4,), {}),
    "cumprod": (lambda x, p: np.cumprod(x) - np.cumsum(x), (3,), {}),
    "quadratic": (lambda x, p: x @ p["A"] @ x, (3,), {"A": (3, 3)}),
    "cubic": (lambda x, p: (x @ p["A"]) @ x @ x.T, (2, 2), {"A": (2, 2)}),
    "outer": (lambda x, p: np.outer(x, x**2)[1], (3,), {}),
    "einsum": (lambda x, p: np.einsum("i,ij,j->i", x, p["A"], x), (2,), {"A": (2, 2)}),
    "joined": (lambda x, p: np.concatenate([x, p["b"], x[::-1] * x]), (2,), {"b": (2,)}),
    "stacked": (lambda x, p: np.stack([x, p["b"] * x[::-1]]).T * x, (2,), {"b": (2,)}),
    "moved": (lambda x, p: np.roll(np.pad(x, 1), 2).reshape(8, 2)[::-1, 0] ** 2, (2, 2), {}),
    "indexed": (lambda x, p: x[[0, 0, 2]] * x[1:3].sum() + np.tile(x, 2)[3:], (3,), {}),
    "broadcast": (lambda x, p: (x[:, None] + x * 2) * p["b"], (2,), {"b": (2,)}),
    "a part without the point": (lambda x, p: p["b"] ** 2 + 0 * x, (2,), {"b": (2,)}),
}  # fmt: skip


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_exactly(name: str, order: int) -> None:
    function, shape, shapes = POLYNOMIALS[name]
    point = Input("x", Type(shape))
    leaves = {key: Parameter(key, Type(kind)) for key, kind in shapes.items()}
    graph = jet(trace(function, (point, leaves)).graph, point, order)
    validate(graph)
    parameters = {key: rationals(kind, 100 + i) for i, (key, kind) in enumerate(shapes.items())}
    path = [rationals(shape, k) for k in range(order + 1)]
    names = ["x", *(known.name for known in path_inputs(point, order))]
    found = run(graph, parameters | dict(zip(names, path, strict=True)))
    plain = {key: value if value.shape else value[()] for key, value in parameters.items()}
    expected = on_series(lambda x: function(x, plain), path)
    assert len(found) == order + 1
    for k in range(order + 1):
        assert found[k].shape == expected[k].shape
        assert (found[k] == expected[k]).all(), f"order {k}"


def test_coefficients_are_not_divided_by_factorials() -> None:
    graph = jet(trace(lambda x: x**3, (Input("x", Type(())),)).graph, Input("x", Type(())), 3)
    values = {"x": 2, "x_1": 1, "x_2": 0, "x_3": 0}
    found = run(graph, {name: np.array(sp.Integer(v)) for name, v in values.items()})
    assert [value.item() for value in found] == [8, 12, 12, 6]


def test_contraction_of_three_operands() -> None:
    """Two of them move: (x A x)' by Leibniz' rule, with every order shared in all ways."""
    editor = Editor()
    x, a = editor.add(X3), editor.add(Parameter("A", Type((3, 3))))
    graph = jet(editor.freeze([editor.add(Contract("a,ab,b->"), x, a, x)]), X3, 4)
    path = [rationals((3,), k) for k in range(5)]
    matrix = rationals((3, 3), 9)
    names = ["x", "x_1", "x_2", "x_3", "x_4"]
    found = run(graph, {"A": matrix} | dict(zip(names, path, strict=True)))
    for value, expected in zip(found, on_series(lambda x: x @ matrix @ x, path), strict=True):
        assert value == expected


@pytest.mark.parametrize("name", SAMPLES)
def test_order_0_is_the_function(name: str) -> None:
    graph = SAMPLES[name].graph()
    values = Exact()
    expected = values(graph)
    found = values(jet(graph, SAMPLES[name].point, 2))[: len(expected)]
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        assert (a == b).all()


# Structure ----------------------------------------------------------------------------------------


def test_every_coefficient_says_whose_it_is() -> None:
    graph = SAMPLES["network of tanh"].graph()
    editor = Editor()
    point = SAMPLES["network of tanh"].point
    path = [editor.add(point), *(editor.add(other) for other in path_inputs(point, 3))]
    jets = push_forward(editor, graph, 3, {graph.inputs[0]: path})
    assert set(jets) == set(graph)
    shared = 0
    for node, coefficients in jets.items():
        roles = [editor[c].role for c in coefficients]
        if node not in graph.varying:
            assert roles == [None]
            continue
        assert [role.order for role in roles if role] == [0, 1, 2, 3]
        assert roles[0] == Coefficient(node, 0)
        shared += roles[1] != Coefficient(node, 1)
        assert [editor[c].type for c in coefficients] == [graph[node].type] * 4
        assert editor[coefficients[0]].source == graph[node].source
    assert shared == 1  # x V + b moves as x V does


def test_coefficients_of_coefficients_belong_to_the_first_function() -> None:
    """Nesting: order j of what is order k of a node is order j + k of the node."""
    point = Input("x", Type(()))
    first = jet(trace(lambda x: np.sin(x) * x, (point,)).graph, point, 1)
    second = jet(first, point, 2)
    roles = {second[node].role for node in second} - {None}
    origins = {first[node].role for node in first} - {None}
    assert {role.of for role in roles if role} <= {role.of for role in origins if role}
    assert {role.order for role in roles if role} == {0, 1, 2, 3}


def test_coefficients_along_a_named_direction() -> None:
    """Of order 1 and more; the function's own value lies along none."""
    point = Input("x", Type(()))
    graph = trace(np.sin, (point,)).graph
    editor = Editor()
    path = [editor.add(point), constant(editor, 1, Type(())), constant(editor, 0, Type(()))]
    jets = push_forward(editor, graph, 2, {graph.inputs[0]: path}, "v0")
    roles = [editor[node].role for node in jets[graph.outputs[0]]]
    last = graph.outputs[0]
    assert roles[0] == Coefficient(last, 0)
    assert roles[1:] == [Coefficient(last, k, (), ("v0",)) for k in (1, 2)]
    editor.outputs = [jets[last][1]]
    first = editor.freeze()
    again = Editor()
    path = [again.add(point), constant(again, 1, Type(()))]
    jets = push_forward(again, first, 1, {first.inputs[0]: path}, "v1")
    roles = [again[node].role for node in jets[first.outputs[0]]]
    assert roles == [
        Coefficient(last, 1, (), ("v0",)),
        Coefficient(last, 2, (), ("v0", "v1")),
    ]


def test_what_depends_on_no_input_has_one_coefficient() -> None:
    editor = Editor()
    x = editor.add(X3)
    still = editor.add(Map(sp.exp(A)), editor.add(Parameter("p", Type((3,)))))
    graph = editor.freeze([editor.add(Map(A * B), x, still)])
    target = Editor()
    path = [target.add(X3), *(target.add(other) for other in path_inputs(X3, 2))]
    jets = push_forward(target, graph, 2, {graph.inputs[0]: path})
    lengths: dict[str, set[int]] = {type(graph[node].op).__name__: set() for node in graph}
    for node, coefficients in jets.items():
        lengths[type(graph[node].op).__name__].add(len(coefficients))
    assert lengths == {"Input": {3}, "Parameter": {1}, "Map": {1, 3}}
    products = [target[c].op for node, js in jets.items() for c in js if node == graph.outputs[0]]
    assert products == [Map(A * B)] * 3


def test_coefficients_keep_the_shape_of_the_value() -> None:
    """d/dx (x + p) has no p in it, and yet its shape."""
    editor = Editor()
    x, p = editor.add(X3), editor.add(Parameter("p", Type((2, 3))))
    graph = editor.freeze([editor.add(Map(A + B), x, p)])
    first = jet(graph, X3, 1)
    assert [first[output].type.shape for output in first.outputs] == [(2, 3), (2, 3)]


def test_parts_that_stand_still_are_joined_as_zeros() -> None:
    editor = Editor()
    x, p = editor.add(X3), editor.add(Parameter("p", Type((2,))))
    graph = jet(editor.freeze([editor.add(Concatenate(0), p, x, p)]), X3, 2)
    found = run(
        graph,
        {n: rationals((3,), i) for i, n in enumerate(("x", "x_1", "x_2"))}
        | {"p": rationals((2,), 7)},
    )
    for k, value in enumerate(found[1:], 1):
        assert (value == np.concatenate([[0, 0], rationals((3,), k), [0, 0]])).all()


def test_several_inputs_move_together() -> None:
    y = Input("y", Type((3,)))
    editor = Editor()
    product = editor.add(Sum((0,)), editor.add(Map(A * B), editor.add(X3), editor.add(y)))
    graph = editor.freeze([product])
    target = Editor()
    paths = {}
    for node in graph.inputs:
        op = graph[node].op
        assert isinstance(op, Input)
        paths[node] = [target.add(op), *(target.add(other) for other in path_inputs(op, 2))]
    jets = push_forward(target, graph, 2, paths)
    moved = target.freeze(jets[graph.outputs[0]])
    values = {f"{n}{k}": rationals((3,), 10 * i + j) for i, n in enumerate("xy")
              for j, k in enumerate(("", "_1", "_2"))}  # fmt: skip
    x, y_ = ([values[f"{n}{k}"] for k in ("", "_1", "_2")] for n in "xy")
    expected = [x[0] @ y_[0], x[1] @ y_[0] + x[0] @ y_[1],
                x[2] @ y_[0] + 2 * (x[1] @ y_[1]) + x[0] @ y_[2]]  # fmt: skip
    assert [value.item() for value in run(moved, values)] == expected


def test_a_path_that_stands_still() -> None:
    """Constants as coefficients: nothing moves, and everything is still well-typed."""
    graph = SAMPLES["stacked"].graph()
    point = SAMPLES["stacked"].point
    editor = Editor()
    zero = constant(editor, 0, point.type)
    jets = push_forward(editor, graph, 2, {graph.inputs[0]: [editor.add(point), zero, zero]})
    moved = editor.freeze([c for output in graph.outputs for c in jets[output]])
    validate(moved)
    values = Exact()(moved)
    assert not any(value.any() for value in values[1:])
