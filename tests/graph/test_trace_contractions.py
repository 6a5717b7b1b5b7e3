"""Contractions: einsum found by hypothesis, and the form that every contraction has."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jetfold.graph.graph import Graph
from jetfold.graph.ops import Contract, split_spec
from tracing import batch, check, trace_at

SIZES = {"i": 2, "j": 3, "k": 1, "L": 2}


def specs(graph: Graph) -> list[str]:
    return [op.spec for op in (graph[node].op for node in graph) if isinstance(op, Contract)]


def assert_plain(graph: Graph) -> None:
    """Two operands, each letter once in each, and no letter that only one operand has."""
    for spec in specs(graph):
        operands, result = split_spec(spec)
        assert len(operands) == 2
        assert spec.replace(",", "").replace("->", "").islower()
        assert all(operands)
        assert all(len(set(part)) == len(part) for part in (*operands, result))
        assert set(operands[0]) <= set(operands[1] + result)
        assert set(operands[1]) <= set(operands[0] + result)


@st.composite
def einsums(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    parts = draw(st.lists(st.text("ijkL", max_size=3), min_size=1, max_size=4))
    hidden = draw(st.sampled_from([(), (3,), (2, 1)]))
    dotted = [draw(st.booleans()) for _ in parts]
    letters = sorted(set("".join(parts)))
    explicit = draw(st.booleans())
    spec = ",".join(
        "..." + part if dots else part for part, dots in zip(parts, dotted, strict=True)
    )
    if explicit:
        chosen = draw(st.lists(st.sampled_from(letters), unique=True)) if letters else []
        spec += "->" + "..." * any(dotted) + "".join(chosen)
    shapes = []
    for part, dots in zip(parts, dotted, strict=True):
        lead = draw(st.sampled_from([hidden, hidden[1:], tuple(1 for _ in hidden)])) if dots else ()
        shapes.append((*lead, *(SIZES[letter] for letter in part)))
    return spec, shapes


@given(einsums())
def test_einsum(case: tuple[str, list[tuple[int, ...]]]) -> None:
    spec, shapes = case
    graph = check(lambda *x: np.einsum(spec, *x), batch(*shapes), rtol=1e-11)
    assert_plain(graph)


@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2))
def test_matmul(found: hnp.BroadcastableShapes) -> None:
    one, other = found.input_shapes
    graph = check(np.matmul, batch(one, other), rtol=1e-11)
    assert_plain(graph)


@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, max_side=3))
def test_tensordot(data: st.DataObject, shape: tuple[int, ...]) -> None:
    axes = data.draw(st.lists(st.sampled_from(range(len(shape))), unique=True))
    other = tuple(shape[axis] for axis in axes) + (2,)
    check(
        lambda x, y: np.tensordot(x, y, (axes, list(range(len(axes))))), batch(shape, other), 1e-11
    )


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["full", "same", "valid"]))
def test_convolve(m: int, n: int, mode: Any) -> None:
    check(lambda x, y: np.convolve(x, y, mode), batch((m,), (n,)), rtol=1e-11)


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (lambda x, y: x @ y, [(2,), (2, 3)], ["a,ab->b"]),
        (lambda x, y: x @ y, [(2, 3), (3, 4)], ["ab,bc->ac"]),
        (lambda x, y: x @ y, [(5, 2, 3), (3, 4)], ["abc,cd->abd"]),
        (lambda x, y: x @ y, [(5, 2, 3), (5, 3, 4)], ["abc,acd->abd"]),
        (lambda x, y: np.einsum("ij,kj->ik", x, y), [(2, 3), (4, 3)], ["ab,cb->ac"]),
        (np.outer, [(2,), (3,)], ["a,b->ab"]),
        (np.vdot, [(3,), (3,)], ["a,a->"]),
        (lambda x, y: np.einsum("ij,j,k->k", x, y, y), [(2, 3), (3,)], ["a,a->"]),
    ],
)
def test_specifications(function: Any, shapes: Any, expected: list[str]) -> None:
    assert specs(trace_at(function, *shapes).graph) == expected


def test_three_operands_are_contracted_in_a_cheap_order() -> None:
    graph = trace_at(lambda a, b, v: np.einsum("ij,jk,k->i", a, b, v), (9, 9), (9, 9), (9,)).graph
    assert specs(graph) == ["ab,b->a", "ab,b->a"]
