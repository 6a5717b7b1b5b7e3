"""Every kind of node compiled and un-jitted, against its interpretation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp
from hypothesis import given, settings

from graphs import A, B, corner_cases
from jetfold.graph import (
    Array,
    Broadcast,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Op,
    Parameter,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
)
from programs import (
    FLOAT32,
    FLOAT64,
    check,
)
from random_graphs import graphs

Q, R = DirectionAxis("q", 2), DirectionAxis("r", 3)

# One source with many outputs compiles faster than many sources with one.


# Moves ------------------------------------------------------------------------------------------

MOVES: list[Op] = [
    Reshape((3, 2)),
    Transpose((1, 0)),
    Broadcast((2, 2, 3)),
    Slice((0, 1), (1, 1), (2, 2)),
    Slice((1, 2), (-1, -2), (2, 2)),
    Gather(Array(np.array([[5, -1, 0, 3], [2, 2, -1, 4]]))),
    Gather(Array(np.array(4))),
]


def every_move(read: Callable[[Editor, int], int]) -> Graph:
    """Each move of an input as it is, and of a value that is computed."""
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    wave = editor.add(Map(sp.sin(A)), x)
    w = editor.add(Parameter("w", Type((2, 3))))
    sources = (x, wave, w, editor.add(Map(A * B), x, w))
    outputs = [read(editor, editor.add(move, source)) for move in MOVES for source in sources]
    outputs.append(read(editor, editor.add(Concatenate(0), *sources)))
    outputs.append(read(editor, editor.add(Concatenate(1), wave, wave, x)))
    return editor.freeze(outputs)


def test_moves_as_outputs() -> None:
    check(every_move(lambda editor, node: node))


def test_moves_as_operands() -> None:
    check(every_move(lambda editor, node: editor.add(Map(sp.cos(A) + A), node)), jitted=[FLOAT32])


def test_moves_of_moves() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    wave = editor.add(Map(sp.sin(A)), x)
    gathered = editor.add(Gather(Array(np.array([4, -1, 0, 2]))), wave)
    grid = editor.add(Broadcast((3, 4)), gathered)
    turned = editor.add(Transpose((1, 0)), grid)
    part = editor.add(Slice((3, 0), (-2, 1), (2, 2)), turned)
    joined = editor.add(Concatenate(0), part, editor.add(Reshape((1, 2)), editor.add(MAX, x)))
    outputs = [
        part,
        joined,
        editor.add(Map(A * B), part, editor.add(Transpose((1, 0)), part)),
        editor.add(Map(A - B), joined, editor.add(Slice((2, 1), (-1, -1), (3, 2)), joined)),
        editor.add(Sum((0, 1)), editor.add(Gather(Array(np.array([[0, -1], [5, 5]]))), joined)),
    ]
    check(editor.freeze(outputs))


MAX = Slice((1, 0), (1, 1), (1, 2))


def test_moves_of_values_with_directions() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    v = editor.add(Parameter("v", Type((2, 3), (R,))))
    along = editor.add(Map(A * sp.sin(B)), x, v)
    outputs = []
    for move in MOVES:
        moved = editor.add(move, along)
        outputs.append(editor.add(Sum((), ("r",)), editor.add(Map(A**2), moved)))
        outputs.append(editor.add(Sum((), ("r",)), moved))
    copies = editor.add(Replicate(Q), along)
    outputs.append(editor.add(Sum((), ("q", "r")), copies))
    outputs.append(editor.add(Sum((1,), ("q", "r")), editor.add(Map(A * B), copies, x)))
    check(editor.freeze(outputs))


def test_axes_of_the_point_as_directions() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((3, 2))))
    wave = editor.add(Map(sp.sin(A)), x)
    outputs = []
    for source in (x, wave, editor.add(Transpose((1, 0)), editor.add(Transpose((1, 0)), wave))):
        rows = editor.add(Direct(0, R), source)  # 2[r]
        both = editor.add(Direct(0, Q), rows)  # scalar[q][r]
        outputs += [
            editor.add(Sum((), ("r",)), rows),
            editor.add(Sum((0,), ("r",)), editor.add(Map(A**2), rows)),
            editor.add(Sum((), ("q", "r")), editor.add(Map(A**3), both)),
        ]
    reverse = editor.add(Slice((2, 0), (-1, 1), (3, 2)), wave)
    uneven = editor.add(Gather(Array(np.array([[0, 1], [5, -1], [2, 2]]))), wave)
    weight = editor.add(Parameter("v", Type((2,), (R,))))
    for source in (reverse, uneven):
        rows = editor.add(Map(A * B), editor.add(Direct(0, R), source), weight)
        outputs.append(editor.add(Sum((), ("r",)), rows))
    check(editor.freeze(outputs))


# Contractions -------------------------------------------------------------------------------------

# spec and the shape of each operand: x and y vary, W and V do not
CONTRACTIONS: list[tuple[str, dict[str, tuple[int, ...]]]] = [
    ("a,ab->b", {"x": (3,), "W": (3, 5)}),
    ("ba,a->b", {"W": (5, 3), "x": (3,)}),
    ("a,a->", {"x": (3,), "W": (3,)}),
    ("na,ab->nb", {"x": (4, 3), "W": (3, 5)}),
    ("an,ab->bn", {"x": (3, 4), "W": (3, 5)}),
    ("ab,bn->an", {"W": (5, 3), "x": (3, 4)}),
    ("nab,ab->n", {"x": (2, 3, 4), "W": (3, 4)}),
    ("na,nab->nb", {"x": (4, 3), "W": (4, 3, 5)}),
    ("anb,bcn->cna", {"x": (2, 4, 3), "W": (3, 5, 4)}),
    ("a,b->ab", {"x": (3,), "W": (5,)}),
    ("ab->a", {"x": (3, 4)}),
    ("ab->ba", {"x": (3, 4)}),
    ("aa->", {"x": (3, 3)}),
    ("aab->ba", {"x": (3, 3, 2)}),
    ("ab,cb->a", {"x": (3, 4), "W": (5, 4)}),
    ("a,a->", {"x": (3,), "y": (3,)}),
    ("ab,bc->ac", {"x": (2, 3), "y": (3, 4)}),
    ("nab,nbc->nca", {"x": (2, 2, 3), "y": (2, 3, 4)}),
    ("a,b->ba", {"x": (3,), "y": (2,)}),
    ("ab,ab->ab", {"x": (3, 2), "y": (3, 2)}),
    ("a,ab,b->", {"x": (3,), "W": (3, 5), "y": (5,)}),
    ("a,ab,b->", {"x": (3,), "y": (3, 5), "W": (5,)}),
    ("a,ab,bc->c", {"x": (3,), "W": (3, 5), "V": (5, 2)}),
    ("ab,bc,cd->da", {"x": (2, 3), "y": (3, 4), "W": (4, 2)}),
    ("a,ab->b", {"W": (3,), "V": (3, 5)}),
]


def operands(editor: Editor, number: int, shapes: dict[str, tuple[int, ...]]) -> list[int]:
    """Leaves with names of their own."""
    found = []
    for name, shape in shapes.items():
        kind = Input if name in "xy" else Parameter
        found.append(editor.add(kind(f"{name}{number}", Type(shape))))
    return found


def test_contractions() -> None:
    editor = Editor()
    outputs = [
        editor.add(Contract(spec), *operands(editor, i, shapes))
        for i, (spec, shapes) in enumerate(CONTRACTIONS)
    ]
    check(editor.freeze(outputs), jitted=[FLOAT64])


def test_contractions_of_computed_values() -> None:
    """The operands of the same contractions come out of nests."""
    editor = Editor()
    outputs = []
    for i, (spec, shapes) in enumerate(CONTRACTIONS):
        leaves = operands(editor, i, shapes)
        waves = [editor.add(Map(sp.sin(A)), leaf) for leaf in leaves]
        outputs.append(editor.add(Map(A**2), editor.add(Contract(spec), *waves)))
    check(editor.freeze(outputs))


def test_contractions_along_directions() -> None:
    """One operand has an axis, the other has not, or has another one."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    y = editor.add(Input("y", Type((4, 3))))
    weights = editor.add(Parameter("W", Type((3, 2))))
    v = editor.add(Parameter("v", Type((3,), (R,))))
    w = editor.add(Parameter("w", Type((4, 3), (Q,))))
    along = editor.add(Map(A * B), x, v)  # 3[r]
    across = editor.add(Map(A * B), y, w)  # 4x3[q]
    terms = [
        editor.add(Contract("a,ab->b"), along, weights),
        editor.add(Contract("na,ab->nb"), across, weights),
        editor.add(Contract("a,na->n"), along, across),
        editor.add(Contract("a,na->an"), v, y),
        editor.add(Contract("a,a->"), along, v),
        editor.add(Contract("na,ab,a->nb"), across, weights, along),
        editor.add(Contract("a,ab->b"), editor.add(Replicate(R), x), weights),
    ]
    outputs = []
    for term in terms:
        names = tuple(axis.name for axis in editor[term].type.directions)
        outputs.append(editor.add(Sum((), names), editor.add(Map(A**2 + A), term)))
    outputs.append(editor.add(Sum((0,), ("q",)), editor.add(Map(A**2), terms[2])))
    check(editor.freeze(outputs[:-1]), jitted=[FLOAT32])


def test_moved_operands_of_products() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4, 6))))
    wave = editor.add(Map(sp.sin(A)), x)
    weights = editor.add(Parameter("W", Type((3, 5))))
    moves: list[tuple[Op, str]] = [
        (Slice((0, 1), (1, 1), (4, 3)), "na,ab->nb"),
        (Slice((3, 5), (-1, -2), (4, 3)), "na,ab->nb"),
        (Slice((0, 2), (1, 1), (3, 4)), "an,ab->bn"),
        (Reshape((8, 3)), "na,ab->nb"),
        (Reshape((2, 3, 4)), "nam,ab->mbn"),
        (Gather(Array(np.array([[0, 1, 7], [-1, 3, 23]]))), "na,ab->nb"),
    ]
    outputs = []
    for move, spec in moves:
        for source in (x, wave):
            outputs.append(editor.add(Contract(spec), editor.add(move, source), weights))
    turned = editor.add(Transpose((1, 0)), weights)  # a moved matrix costs nothing either
    outputs.append(
        editor.add(Contract("a,ab->b"), editor.add(Reshape((5,)), PICK(editor, x)), turned)
    )
    wide = editor.add(Broadcast((7, 3)), editor.add(Slice((0, 0), (1, 1), (1, 3)), wave))
    outputs.append(editor.add(Contract("na,ab->nb"), wide, weights))
    check(editor.freeze(outputs))


def PICK(editor: Editor, node: int) -> int:
    return editor.add(Slice((2, 0), (1, 1), (1, 5)), node)


# Reductions ---------------------------------------------------------------------------------------


def test_sums_over_any_axes() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3, 4))))
    wave = editor.add(Map(sp.sin(A)), x)
    outputs = [
        editor.add(Sum(axes, ()), source)
        for axes in [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
        for source in (x, wave)
    ]
    check(editor.freeze(outputs))


def test_sums_over_directions() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    v = editor.add(Parameter("v", Type((2, 3), (Q, R))))
    across = editor.add(Map(A * sp.sin(B)), v, x)
    alone = editor.add(Map(A * B), x, editor.add(Parameter("w", Type((3,), (R,)))))
    one = editor.add(Sum((), ("q",)), across)
    other = editor.add(Sum((1,), ("r",)), across)
    outputs = [
        editor.add(Sum((), ("q", "r")), across),
        editor.add(Sum((0, 1), ("q", "r")), across),
        editor.add(Sum((), ("r",)), one),
        editor.add(Sum((0,), ("q",)), other),
        editor.add(Sum((), ("r",)), editor.add(Map(A * B), one, alone)),
        editor.add(Map(A / (1 + B**2)), x, editor.add(Sum((), ("r",)), alone)),
        editor.add(Sum((), ("q", "r")), editor.add(Map(A * B), across, alone)),
    ]
    check(editor.freeze(outputs), jitted=[FLOAT64])


def test_values_divided_by_their_own_sum() -> None:
    """x_r / (1 + sum_r x_r**2), summed again: two nests."""
    editor = Editor()
    x = editor.add(Input("x", Type((5,))))
    along = editor.add(Map(A * B), x, editor.add(Parameter("v", Type((5,), (R,)))))
    norm = editor.add(Sum((), ("r",)), editor.add(Map(A**2), along))
    scaled = editor.add(Map(A / (1 + B)), along, norm)
    outputs = [editor.add(Sum((), ("r",)), editor.add(Map(A**3 + B), scaled, along)), norm]
    check(editor.freeze(outputs))


# Outputs and inputs -------------------------------------------------------------------------------


def test_outputs_of_every_kind() -> None:
    """Inputs, parameters, constants, zeros, views of them, twice the same, values that are used."""
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3))))
    w = editor.add(Parameter("w", Type((3,))))
    zero = editor.add(Constant(Array(np.zeros(4))))
    one = editor.add(Constant(Array(np.ones(()))))
    wave = editor.add(Map(sp.sin(A) * B), x, w)
    more = editor.add(Map(A + B), wave, one)
    outputs = [
        *(x, w, zero, one, wave, more, x),
        *(editor.add(Gather(Array(np.array([-1, -1]))), x), editor.add(Map(A**2), w)),
        editor.add(Broadcast((2, 3)), w),
        *(editor.add(Transpose((1, 0)), node) for node in (x, wave)),
        editor.add(Constant(Array(np.zeros((0, 2))))),
        editor.add(Slice((0, 0), (1, 1), (2, 0)), wave),
    ]
    check(editor.freeze(outputs), jitted=[FLOAT32])


def test_empty_axes() -> None:
    """Sums and products over nothing are zero; maps of nothing are nothing."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    nothing = editor.add(Slice((0,), (1,), (0,)), x)
    weights = editor.add(Parameter("W", Type((0, 2))))
    outputs = [
        editor.add(Sum((0,), ()), nothing),
        editor.add(Map(sp.sin(A)), nothing),
        editor.add(Contract("a,ab->b"), nothing, weights),
        editor.add(Concatenate(0), nothing, x),
        editor.add(Map(A + B), x, editor.add(Sum((0,), ()), nothing)),
    ]
    check(editor.freeze(outputs))


def test_a_graph_without_inputs() -> None:
    editor = Editor()
    w = editor.add(Parameter("w", Type((3,))))
    check(editor.freeze([editor.add(Map(sp.exp(A)), w)]), jitted=[FLOAT32])


@given(graphs(least=4))
@settings(max_examples=60)
def test_random_graphs_un_jitted(graph: Graph) -> None:
    check(graph, points=3)


def test_outputs_with_direction_axes() -> None:
    """These come behind the points; also of copies, of shared values and of moved ones."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    v = editor.add(Parameter("v", Type((3,), (Q, R))))
    moved = editor.add(Gather(Array(np.array([2, -1]))), editor.add(Map(A * B), x, v))
    outputs = [moved, v, editor.add(Replicate(Q), x), editor.add(Direct(0, R), x)]
    graph = check(editor.freeze(outputs))
    assert graph.program.outputs == ((2, 3, 2), (2, 3, 3), (2, 3), (3,))
    check(corner_cases())
