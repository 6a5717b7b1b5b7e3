"""Transposes of linear operations: <g, L x> = <L^T g, x>, exactly, for every kind of operation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

from jetfold.graph import (
    Array,
    Broadcast,
    Collect,
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
    Pick,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
    operand_symbol,
)
from jetfold.graph.interpret import Value, apply, interpret
from jetfold.graph.ops import MOVES
from jetfold.graph.whole import WHOLE
from jetfold.rules import adjoint, adjoint_certificate, transpose
from jetfold.rules.adjoint_certificate import prove_transpose
from jetfold.rules.transpose import summed_to, transposed

Q, R = DirectionAxis("q", 2), DirectionAxis("r", 3)


def index(*numbers: object) -> Array:
    return Array(np.array(numbers))


# An operation and the types of its operands.
CASES: dict[str, tuple[Op, tuple[Type, ...]]] = {
    "product of matrices": (Contract("ab,bc->ac"), (Type((2, 3)), Type((3, 4)))),
    "three factors": (Contract("a,ab,b->"), (Type((2,)), Type((2, 3)), Type((3,)))),
    "outer": (Contract("a,b->ba"), (Type((2,)), Type((3,)))),
    "summed in one factor": (Contract("ab,c->c"), (Type((2, 3)), Type((4,)))),
    "trace": (Contract("aa->"), (Type((3, 3)),)),
    "diagonal": (Contract("aa->a"), (Type((3, 3)),)),
    "diagonal in a product": (Contract("aab,b->a"), (Type((2, 2, 3)), Type((3,)))),
    "diagonal of the other": (Contract("aa,ab->b"), (Type((2, 2)), Type((2, 3)))),
    "transposed": (Contract("ab->ba"), (Type((2, 3)),)),
    "everything summed": (Contract("ab->"), (Type((2, 3)),)),
    "scaled": (Contract(",a->a"), (Type(()), Type((3,)))),
    "directions in one factor": (Contract("a,a->"), (Type((3,), (R,)), Type((3,)))),
    "directions in both factors": (Contract("a,a->"), (Type((3,), (R,)), Type((3,), (Q, R)))),
    "sum of axes": (Sum((0, 2)), (Type((2, 3, 4)),)),
    "sum of directions": (Sum((), ("r",)), (Type((2,), (Q, R)),)),
    "sum of both": (Sum((1,), ("q", "r")), (Type((2, 3), (Q, R)),)),
    "reshape": (Reshape((3, 2)), (Type((6,), (R,)),)),
    "transpose": (Transpose((2, 0, 1)), (Type((2, 3, 4)),)),
    "broadcast": (Broadcast((2, 3, 4)), (Type((3, 1)),)),
    "broadcast a number": (Broadcast((2, 2)), (Type((), (R,)),)),
    "slice": (Slice((1, 0), (2, 1), (2, 2)), (Type((5, 3)),)),
    "slice backwards": (Slice((4,), (-2,), (3,)), (Type((5,), (R,)),)),
    "slice of a number": (Slice((), (), ()), (Type(()),)),
    "gather": (Gather(index(2, 0, 1)), (Type((3,)),)),
    "gather with repeats": (Gather(index([2, 2], [2, 0])), (Type((2, 2)),)),
    "gather with nothing": (Gather(index(-1, 1, -1, 1, 0)), (Type((3,), (R,)),)),
    "gather nothing at all": (Gather(index(-1, -1)), (Type((3,)),)),
    "gather one": (Gather(Array(np.array(4))), (Type((2, 3)),)),
    "concatenate": (Concatenate(1), (Type((2, 1)), Type((2, 3)), Type((2, 2), (R,)))),
    "replicate": (Replicate(R), (Type((2,), (Q,)),)),
    "direct": (Direct(1, R), (Type((2, 3, 4)),)),
    "direct the only axis": (Direct(0, R), (Type((3,), (Q,)),)),
    "pick": (Pick(index(2, 0), "r", Q), (Type((2,), (R,)),)),
    "pick with repeats": (Pick(index(1, 1), "r", Q), (Type((2,), (R,)),)),
    "collect": (Collect(index(1, 0, 1), "r", Q), (Type((2,), (R,)),)),
}
EVERY = [
    pytest.param(name, position, id=f"{name} {position}")
    for name, (_, kinds) in CASES.items()
    for position in range(len(kinds))
]
LINEAR = {Contract, Sum, *MOVES}


def numbers(kind: Type, seed: int) -> Value:
    """Whole numbers for a value of a type."""
    shape = (*(axis.size for axis in kind.directions), *kind.shape)
    found = np.random.default_rng(seed).integers(-9, 10, shape).astype(float)
    return Value(WHOLE.array(found), tuple(axis.name for axis in kind.directions))


def zero(value: Value) -> Value:
    return Value(WHOLE.array(np.zeros(value.array.shape)), value.lead)


def function_of(op: Op, kinds: tuple[Type, ...]) -> Graph:
    editor = Editor()
    leaves = [editor.add(Input(f"x{i}", kind)) for i, kind in enumerate(kinds)]
    return editor.freeze([editor.add(op, *leaves)])


def test_every_kind_of_linear_operation_is_among_the_cases() -> None:
    assert {type(op) for op, _ in CASES.values()} == LINEAR


@pytest.mark.parametrize(("name", "position"), EVERY)
def test_inner_products_are_equal(name: str, position: int) -> None:
    """Both are computed with whole numbers, the forward one by the interpreter alone."""
    op, kinds = CASES[name]
    editor = Editor()
    leaves = [editor.add(Input(f"x{i}", kind)) for i, kind in enumerate(kinds)]
    top = editor.add(op, *leaves)
    cotangent = editor.add(Input("g", editor[top].type))
    found = transposed(editor, op, leaves, position, cotangent, ())
    assert editor[found].type.shape == kinds[position].shape
    node = summed_to(editor, found, kinds[position], ())
    have = {axis.name for axis in editor[node].type.directions}
    graph = editor.freeze([node])
    values = [numbers(kind, i) for i, kind in enumerate(kinds)]
    g = numbers(editor[top].type, 77)
    given = {leaf: value for leaf, value in zip(leaves, values, strict=True) if leaf in graph.nx}
    back = interpret(graph, given | {cotangent: g}, WHOLE)[node]
    if isinstance(op, Concatenate):  # it is linear in all operands at once, not in each
        values = [v if i == position else zero(v) for i, v in enumerate(values)]
    forward = apply(op, values, WHOLE)
    assert forward.lead == g.lead
    left = np.sum(forward.array * g.array)
    full = values[position]
    spread = back.align(full.lead, len(full.shape)) if have else back.array
    right = np.sum(np.broadcast_to(spread, full.array.shape) * full.array)
    assert left == right
    assert left != 0 or name == "gather nothing at all"


@pytest.mark.parametrize("name", CASES)
def test_sympy_proves_them(name: str) -> None:
    op, kinds = CASES[name]
    function = function_of(op, kinds)
    proof = prove_transpose(function, function.outputs[0], range(len(kinds)))
    assert proof.holds is True


def test_what_is_the_same_in_all_directions_is_summed_before_a_product() -> None:
    """The cotangent alone has the direction: it is summed where that costs least."""
    editor = Editor()
    x, w = editor.add(Input("x", Type((2,)))), editor.add(Parameter("w", Type((2, 3))))
    g = editor.add(Input("g", Type((3,), (R,))))
    found = transposed(editor, Contract("a,ab->b"), [x, w], 0, g, ())
    graph = editor.freeze([found])
    (product,) = (n for n in graph if isinstance(graph[n].op, Contract))
    assert graph[product].type == Type((2,))


def test_directions_that_are_kept_are_not_summed() -> None:
    editor = Editor()
    x, w = editor.add(Input("x", Type((2,)))), editor.add(Parameter("w", Type((2, 3))))
    g = editor.add(Input("g", Type((3,), (R,))))
    found = transposed(editor, Contract("a,ab->b"), [x, w], 0, g, ("r",))
    assert editor[found].type == Type((2,), (R,))


def test_a_nonlinear_operation_has_no_transpose() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    with pytest.raises(TypeError, match="not linear"):
        transposed(editor, Map(sp.sin(operand_symbol(0))), [x], 0, x, ())


# Rules that are wrong -----------------------------------------------------------------------------


def doubled(position: int) -> Callable[..., int]:
    def wrong(editor: Editor, op: Op, operands: list[int], at: int, *rest: object) -> int:
        found = transposed(editor, op, operands, at, *rest)  # type: ignore[arg-type]
        if at != position:
            return found
        two = editor.add(Constant(Array(np.array(2.0))))
        return editor.add(Map(operand_symbol(0) * operand_symbol(1)), found, two)

    return wrong


@pytest.fixture
def fresh_proofs() -> object:
    """Proofs are kept: those of other rules must not be found, nor be left behind."""
    adjoint_certificate._proved.cache_clear()
    yield None
    adjoint_certificate._proved.cache_clear()


@pytest.mark.usefixtures("fresh_proofs")
@pytest.mark.parametrize("name", ["product of matrices", "slice", "pick", "sum of both"])
def test_a_wrong_rule_is_not_proved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, kinds = CASES[name]
    function = function_of(op, kinds)
    monkeypatch.setattr(adjoint, "transposed", doubled(len(kinds) - 1))
    proof = prove_transpose(function, function.outputs[0], range(len(kinds)))
    assert proof.holds is False


@pytest.mark.usefixtures("fresh_proofs")
def test_repeats_that_are_forgotten_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(editor: Editor, table: np.ndarray, shape: tuple[int, ...], cotangent: int) -> int:
        last = np.full(int(np.prod(shape)), -1)
        for place, source in enumerate(table.reshape(-1)):
            if source >= 0:
                last[source] = place
        return editor.add(Gather(Array(last.reshape(shape))), cotangent)

    monkeypatch.setattr(transpose, "_scattered", forgetful)
    for name, holds in (("gather", True), ("gather with repeats", False), ("slice", True)):
        op, kinds = CASES[name]
        function = function_of(op, kinds)
        assert prove_transpose(function, function.outputs[0], (0,)).holds is holds, name
