"""What is written in a box: titles of every operation, letters only where they tell apart."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import sympy as sp

from graphs import A, B, C
from jetfold.graph.functions import logaddexp
from jetfold.graph.graph import Coefficient, Editor
from jetfold.graph.labels import LINES, WIDTH, Label, label
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
)

R, S = DirectionAxis("r", 2), DirectionAxis("s", 5)
SQUARE = Type((2, 2), (S,))


def labelled(op: Op, *kinds: Type, role: Coefficient | None = None) -> Label:
    """The label of an operation on different inputs of these types."""
    editor = Editor()
    inputs = [editor.add(Input(f"x{i}", kind)) for i, kind in enumerate(kinds)]
    node = editor.add(op, *inputs, role=role)
    graph = editor.freeze([node])
    return label(graph, node, {n: f"%{n}" for n in graph})


TITLES: list[tuple[Op, int, str, str]] = [
    (Input("x", SQUARE), 0, "input", "x"),
    (Parameter("w" * 99, SQUARE), 0, "parameter", "w" * (WIDTH - 1) + "…"),
    (Constant(Array(np.eye(2))), 0, "constant", "identity"),
    (Map(sp.tanh(A)), 1, "map", "tanh"),
    (Map(sp.exp(A)), 1, "map", "exp"),
    (Map(1 - A**2), 1, "map", "1 − a²"),
    (Map(A + B + C), 3, "map", "+"),
    (Map(A * B), 2, "map", "×"),
    (Map(A**B), 2, "map", "a^b"),
    (Map(2 * A * B), 2, "map", "2·a·b"),
    (Contract("ax,xb->ab"), 2, "contract", "matmul|ij, jk → ik"),
    (Contract("zz,yy->"), 2, "contract", "einsum|ii, jj → "),
    (Sum((0,), ("s",)), 1, "sum", "Σ s, axis 0"),
    (MatrixFunction("inverse"), 1, "matrix", "inverse"),
    (MatrixFunction("log_abs_det"), 1, "matrix", "log abs det"),
    (Reshape((4,)), 1, "move", "reshape"),
    (Transpose((1, 0)), 1, "move", "transpose 1 0"),
    (Broadcast((3, 2, 2)), 1, "move", "broadcast"),
    (Slice((0, 1), (1, 1), (2, 1)), 1, "move", "[0:2, 1:2]"),
    (Gather(Array(np.array([3, -1]))), 1, "move", "gather"),
    (Gather(Array(np.array(3))), 1, "move", "element 3"),
    (Concatenate(1), 2, "move", "concatenate axis 1"),
    (Replicate(R), 1, "move", "copies along r"),
    (Direct(1, R), 1, "move", "axis 1 as r"),
    (Pick(Array(np.array([4, 0])), "s", R), 1, "move", "pick s as r"),
    (Collect(Array(np.array([0, 1, 1, 0, 0])), "s", R), 1, "move", "collect s in r"),
]


@pytest.mark.parametrize(("op", "operands", "kind", "title"), TITLES)
def test_titles(op: Op, operands: int, kind: str, title: str) -> None:
    found = labelled(op, *[SQUARE] * operands)
    assert found.kind == kind
    assert "|".join(found.title) == title


def test_every_operation_has_a_title() -> None:
    assert {type(op) for op, *_ in TITLES} == set(get_args(Op))


@pytest.mark.parametrize(
    ("op", "letters"),
    [
        (Map(A * B), ("", "")),
        (Map(A + B + C), ("", "", "")),
        (Map(logaddexp(A, B)), ("a", "b")),  # no rule tells that it is symmetric
        (Map(A**2 + B**2), ("", "")),
        (Map(A - B), ("a", "b")),
        (Map(A * B + C), ("a", "b", "c")),
        (Contract("ab,ab->"), ("", "")),
        (Contract("ab,ba->"), ("", "")),
        (Contract("ab,cd->"), ("", "")),
        (Contract("ab,bc->ac"), ("ij", "jk")),
        (Contract("ab,ab,bc->c"), ("ij", "ij", "jk")),
        (Concatenate(0), ("1", "2")),
    ],
)
def test_letters_only_where_operands_differ(op: Op, letters: tuple[str, ...]) -> None:
    assert labelled(op, *[SQUARE] * len(letters)).operands == letters


def test_no_letters_if_all_operands_are_one() -> None:
    editor = Editor()
    x = editor.add(Input("x", SQUARE))
    graph = editor.freeze([editor.add(Map(A - B**2), x, x)])
    assert label(graph, graph.outputs[0], dict.fromkeys(graph, "")).operands == ("", "")


def test_long_formulas_are_broken_before_a_term_and_cut() -> None:
    short = labelled(
        Map(A * B**2 * (1 - A**2) + C * (1 - A**2) - sp.tanh(A * B) * C), *[SQUARE] * 3
    )
    assert "".join(short.title) == "a·b²·(1 − a²) + c·(1 − a²) − c·tanh(a·b)"
    assert [line[:3] for line in short.title[1:]] == [" − "]
    long = labelled(Map(sum(sp.sin(i * A) * B**i for i in range(1, 30))), SQUARE, SQUARE)
    assert len(long.title) == LINES
    assert long.title[-1] == "…"
    unbroken = labelled(Map(sp.sin(sp.prod(A + i for i in range(9)))), SQUARE)
    assert all(len(line) <= WIDTH for line in unbroken.title)


def test_facts() -> None:
    found = labelled(Replicate(R), SQUARE, role=Coefficient(4, 2, ("q", "s")))
    assert found.shape == "2×2"
    assert found.badges == ("r: 2", "s: 5")
    assert found.number == "%1"
    assert found.note == "order 2 of node 4, Σ q, Σ s"
    assert found.tooltip.splitlines() == [
        "%1 = replicate_r(%0)",
        "type 2x2[r:2][s:5]",
        "order 2 of node 4, summed over q, s",
    ]
    single = labelled(Replicate(R), SQUARE, role=Coefficient(4, 1, (), ("v0",)))
    assert single.note == "order 1 of node 4 along v0"
    assert labelled(Sum((0, 1)), SQUARE).shape == "scalar"
    picked = labelled(Pick(Array(np.array([4, 0])), "s", R), SQUARE)
    assert (picked.shape, picked.badges) == ("2×2", ("r: 2",))
