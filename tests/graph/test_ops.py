"""The types that operations give, the errors where operands do not fit, and arrays as values."""

from __future__ import annotations

import pickle
from typing import Any, get_args

import numpy as np
import pytest
import sympy as sp

from graphs import A, B, C
from jetfold.graph.errors import JetfoldError, ShapeError
from jetfold.graph.ops import (
    LEAVES,
    MOVES,
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
    Leaf,
    Map,
    MatrixFunction,
    Move,
    Op,
    Parameter,
    Pick,
    Replicate,
    Reshape,
    Slice,
    SourceLine,
    Sum,
    Transpose,
    Type,
    infer,
    meet,
    operand_symbol,
    split_spec,
)

Q, R, S = DirectionAxis("q", 2), DirectionAxis("r", 3), DirectionAxis("s", 4)
SCALAR, VECTOR, MATRIX = Type(()), Type((3,)), Type((2, 3))
JET = Type((3,), (R,))
DEEP = Type((2, 3), (Q, S))
INDEX = Array(np.array([1, 0, 1]))

INFERRED: list[tuple[Op, list[Type], Type]] = [
    (Input("x", DEEP), [], DEEP),
    (Parameter("w", JET), [], JET),
    (Constant(Array(np.zeros((2, 3)))), [], MATRIX),
    (Constant(Array(np.zeros((3, 2, 3))), (R,)), [], Type((2, 3), (R,))),
    (Constant(Array(np.zeros((3, 4))), (R, S)), [], Type((), (R, S))),
    (Map(A), [JET], JET),
    (Map(A * B), [Type((3,), (S,)), Type((2, 1), (Q,))], DEEP),
    (Map(A * B + C), [SCALAR, JET, Type((5, 1), (R,))], Type((5, 3), (R,))),
    (Map(sp.pi), [], SCALAR),
    (Contract("a,ba->b"), [JET, Type((2, 3), (Q,))], Type((2,), (Q, R))),
    (Contract("aab->ba"), [Type((2, 2, 3))], Type((3, 2))),
    (Contract("a,a->"), [JET, JET], Type((), (R,))),
    (Contract(",a->a"), [SCALAR, VECTOR], VECTOR),
    (Sum((0,)), [DEEP], Type((3,), (Q, S))),
    (Sum((0, 1), ("q",)), [DEEP], Type((), (S,))),
    (Sum((), ("q", "s")), [DEEP], MATRIX),
    (Sum(), [DEEP], DEEP),
    (MatrixFunction("inverse"), [Type((2, 3, 3), (R,))], Type((2, 3, 3), (R,))),
    (MatrixFunction("log_abs_det"), [Type((2, 3, 3), (R,))], Type((2,), (R,))),
    (MatrixFunction("sign_det"), [Type((3, 3))], SCALAR),
    (Reshape((3, 2, 1)), [DEEP], Type((3, 2, 1), (Q, S))),
    (Reshape(()), [Type((1, 1))], SCALAR),
    (Transpose((2, 0, 1)), [Type((4, 5, 6), (R,))], Type((6, 4, 5), (R,))),
    (Broadcast((4, 2, 3)), [JET], Type((4, 2, 3), (R,))),
    (Slice((1, 0), (1, 2), (1, 2)), [DEEP], Type((1, 2), (Q, S))),
    (Gather(Array(np.zeros((4, 1), dtype=int))), [JET], Type((4, 1), (R,))),
    (Gather(Array(np.zeros((), dtype=int))), [MATRIX], SCALAR),
    (Concatenate(1), [DEEP, Type((2, 5), (R,)), MATRIX], Type((2, 11), (Q, R, S))),
    (Replicate(R), [DEEP], Type((2, 3), (Q, R, S))),
    (Direct(0, Q), [Type((2, 3), (S,))], Type((3,), (Q, S))),
    (Direct(1, R), [DEEP], Type((2,), (Q, R, S))),
    (Pick(INDEX, "q", R), [DEEP], Type((2, 3), (R, S))),
    (Pick(INDEX, "s", DirectionAxis("a", 3)), [DEEP], Type((2, 3), (DirectionAxis("a", 3), Q))),
    (Pick(INDEX, "q", DirectionAxis("q", 3)), [DEEP], Type((2, 3), (DirectionAxis("q", 3), S))),
    (Collect(INDEX, "r", S), [JET], Type((3,), (S,))),
    (Collect(INDEX, "q", DirectionAxis("z", 0)), [DEEP], Type((2, 3), (S, DirectionAxis("z", 0)))),
    (Collect(INDEX, "r", DirectionAxis("r", 2)), [JET], Type((3,), (DirectionAxis("r", 2),))),
]


@pytest.mark.parametrize(("op", "operands", "kind"), INFERRED)
def test_types(op: Op, operands: list[Type], kind: Type) -> None:
    assert infer(op, operands) == kind


def test_every_operation_has_a_type() -> None:
    assert {type(op) for op, _, _ in INFERRED} == set(get_args(Op))
    assert set(get_args(Leaf)) == set(LEAVES)
    assert set(get_args(Move)) == set(MOVES)


@pytest.mark.parametrize(
    ("op", "operands", "problem"),
    [
        (Map(A + B), [VECTOR, Type((2,))], r"shapes \(3,\), \(2,\) cannot be broadcast"),
        (Map(A + B), [JET, Type((3,), (DirectionAxis("r", 9),))], "'r' has size 3 .* and 9"),
        (Contract("a,a->"), [VECTOR], "needs 2 operands, got 1"),
        (Contract("ab->a"), [VECTOR], r"'ab' does not fit an array of \(3,\)"),
        (Contract("a,a->"), [VECTOR, Type((4,))], "axis 'a' has size 3 .* and 4"),
        (Contract("aa->a"), [MATRIX], "axis 'a' has size 2 .* and 3"),
        (Sum((1,)), [VECTOR], "does not fit a value of type 3"),
        (Sum((-1,)), [VECTOR], "does not fit a value of type 3"),
        (Sum((), ("q",)), [JET], r"does not fit a value of type 3\[r:3\]"),
        (Reshape((4,)), [MATRIX], r"\(2, 3\) to \(4,\)"),
        (Transpose((0, 0)), [MATRIX], "do not permute"),
        (Transpose((0,)), [MATRIX], "do not permute"),
        (Broadcast((3,)), [MATRIX], r"\(2, 3\) to \(3,\)"),
        (Concatenate(0), [MATRIX, Type((2, 4))], "cannot concatenate"),
        (Concatenate(0), [VECTOR, MATRIX], "cannot concatenate"),
        (Replicate(R), [JET], "already has the axis r:3"),
        (Direct(0, R), [MATRIX], "axis 0 of a value of type 2x3 is not r:3"),
        (Direct(2, R), [MATRIX], "axis 2 of a value of type 2x3 is not r:3"),
        (Direct(0, R), [JET], "already has the axis r:3"),
        (Pick(INDEX, "q", R), [VECTOR], "value of type 3 has no direction axis 'q'"),
        (Collect(INDEX, "q", R), [JET], r"value of type 3\[r:3\] has no direction axis 'q'"),
        (Pick(INDEX, "q", S), [DEEP], "already has the axis s:4"),
        (Collect(INDEX, "s", DirectionAxis("q", 3)), [DEEP], "already has the axis q:3"),
    ],
)
def test_operands_that_do_not_fit(op: Op, operands: list[Type], problem: str) -> None:
    with pytest.raises(ShapeError, match=problem) as caught:
        infer(op, operands)
    assert isinstance(caught.value, (JetfoldError, ValueError))


def test_broadcast_to_a_shape_that_nothing_fits() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 3\) to \(2, 4\)"):
        infer(Broadcast((2, 4)), [MATRIX])


def test_meeting_axes() -> None:
    assert meet([(S,), (), (Q, S), (R,)]) == (Q, R, S)
    assert meet([]) == ()


def test_words_and_numbers_of_a_type() -> None:
    assert str(DEEP) == "2x3[q:2][s:4]"
    assert str(SCALAR) == "scalar"
    assert (DEEP.copies, DEEP.elements) == (8, 48)
    assert (SCALAR.copies, SCALAR.elements) == (1, 1)


def test_specifications() -> None:
    assert split_spec("ab,,b->a") == (["ab", "", "b"], "a")
    assert split_spec("->") == ([""], "")


def test_operand_symbols_are_real() -> None:
    assert operand_symbol(3) == sp.Symbol("a3", real=True)
    assert sp.sqrt(operand_symbol(0) ** 2) == abs(operand_symbol(0))


def test_line_of_source() -> None:
    line = SourceLine("net.py", 4, "return x")
    assert str(line) == 'File "net.py", line 4: return x'
    assert str(SourceLine("net.py", 4)) == 'File "net.py", line 4'
    assert line == SourceLine("net.py", 4, "return y") != SourceLine("net.py", 5, "return x")


# Arrays -----------------------------------------------------------------------------------------


def test_equal_arrays_are_equal_values() -> None:
    first, second = Array(np.arange(3.0)), Array(np.arange(6.0)[::2] / 2)
    assert first == second
    assert hash(first) == hash(second)
    assert len({first, second}) == 1
    assert Constant(first) == Constant(second) != Constant(second, (R,))
    assert pickle.loads(pickle.dumps(first)) == first


@pytest.mark.parametrize(
    "other",
    [
        Array(np.arange(3.0) + 1),
        Array(np.arange(3.0)[:, None]),
        Array(np.arange(3.0, dtype=np.float32)),
        Array(np.arange(3)),
        np.arange(3.0),
    ],
)
def test_different_arrays(other: Any) -> None:
    assert Array(np.arange(3.0)) != other


def test_arrays_by_bits() -> None:
    nan = np.array([np.nan, 0.0])
    assert Array(nan) == Array(nan.copy())
    assert Array(np.zeros(1)) != Array(-np.zeros(1))


def test_arrays_cannot_be_changed() -> None:
    source = np.zeros(3)
    array = Array(source)
    source[0] = 1
    assert array.value[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        array.value[0] = 1
    assert repr(Array(np.arange(2.0))) == "Array([0., 1.])"
