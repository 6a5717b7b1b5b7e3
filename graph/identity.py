"""The two sides of a rewriting step as expressions of SymPy, and the proof that they are equal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.errors import JetfoldError
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.interpret import Value, apply, interpret
from jetfold.graph.ops import (
    LEAVES,
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
    operand_symbol,
    split_spec,
)
from jetfold.graph.rewrite import Rule, Step
from jetfold.graph.whole import WHOLE
from jetfold.graph.zero import is_zero

SHORT = 3
"""The length that longer axes are given where a step is too large for SymPy."""

LITTLE_WORK, MOST_WORK = 400, 6000
"""Numbers to compute up to which a step is taken as it is: always, if axes cannot be shortened."""

SHORTENED = f"SymPy: the same rule and operations on axes of at most {SHORT} elements"

MOST_NODES = 40
"""The most nodes of a side."""


class Proof(NamedTuple):
    """What SymPy has shown of a step: that its sides are equal, that they are not, or nothing."""

    holds: bool | None
    remark: str = ""


class Sides(NamedTuple):
    """Both sides of a step in one editor, above symbols for the values that they stand on."""

    editor: Editor
    left: int
    right: int


def prove(step: Step, before: Graph, after: Graph) -> Proof:
    """Whether the two sides of a step are equal for all values of what they stand on.

    A side goes down from the node that is replaced to what its operands are made of: so far the
    rules look. All values below are arrays of symbols. Where that is too much work, the rule is
    applied to the same operations on axes of at most `SHORT` elements, and its sides there are
    compared.
    """
    sides = _sides(step, before, after)
    if sides is None:
        return Proof(None, "the two sides do not stand on common values nearby")
    left, both = (sides.editor.freeze(nodes) for nodes in ([sides.left], [sides.left, sides.right]))
    numbers = work(both)
    if numbers <= LITTLE_WORK:
        return _equal(sides)
    if not both.parameters:
        return _equal_constants(both)
    short = shortened(left)
    if short is not None:
        again = _applied(step.rule, short)
        if again is not None:
            found = _equal(again)
            return found._replace(remark=SHORTENED) if found.holds else found
    if numbers <= MOST_WORK:
        return _equal(sides)
    return Proof(None, "too large for SymPy")


# The sides ----------------------------------------------------------------------------------------


def _sides(step: Step, before: Graph, after: Graph) -> Sides | None:
    direct = set(before.operands(step.before))
    nearby = direct | {below for operand in direct for below in before.operands(operand)}
    reached = _reached(after, step.after, nearby)
    if reached is None:
        return None
    inside = {
        operand
        for operand in direct
        if operand not in reached or (reached | direct) & set(before.operands(operand))
    }
    editor = Editor()
    where: dict[int, int] = {}
    for node in sorted(nearby - inside, key=str):
        where[node] = _symbols(editor, before, node)
    for node in (node for node in before.order if node in inside):
        if node not in where:
            where[node] = _copied(editor, before, node, where)
    left = _copied(editor, before, step.before, where)
    right = _copied(editor, after, step.after, where)
    return Sides(editor, left, right)


def _reached(graph: Graph, top: int, nearby: set[int]) -> set[int] | None:
    """Which of the nodes nearby a node stands on; None if it goes further down."""
    reached: set[int] = set()
    seen: set[int] = set()
    pending = [top]
    while pending:
        node = pending.pop()
        if node in nearby:
            reached.add(node)
        elif node not in seen:
            seen.add(node)
            pending.extend(graph.operands(node))
            if len(seen) > MOST_NODES or isinstance(graph[node].op, LEAVES[:2]):
                return None
    return reached


def _symbols(editor: Editor, graph: Graph, node: int) -> int:
    """A leaf that stands for any value of the node's type; constants are what they are."""
    data = graph[node]
    known = isinstance(data.op, Constant)
    return editor.add(data.op if known else Parameter(f"t_{node}", data.type))


def _copied(editor: Editor, graph: Graph, node: int, where: dict[int, int]) -> int:
    if node not in where:
        if isinstance(graph[node].op, LEAVES):
            where[node] = _symbols(editor, graph, node)
        else:
            operands = [_copied(editor, graph, o, where) for o in graph.operands(node)]
            where[node] = editor.add(graph[node].op, *operands)
    return where[node]


def work(graph: Graph) -> int:
    """How many numbers have to be computed."""
    return sum(_work_of(graph, node) for node in graph)


def _work_of(graph: Graph, node: int) -> int:
    data = graph[node]
    operands = [graph[operand].type for operand in graph.operands(node)]
    if isinstance(data.op, Contract):
        letters: dict[str, int] = {}
        for part, kind in zip(split_spec(data.op.spec)[0], operands, strict=True):
            letters.update(zip(part, kind.shape, strict=True))
        return data.type.copies * math.prod(letters.values())
    return max(kind.elements for kind in (data.type, *operands))


# Shorter axes -------------------------------------------------------------------------------------


def shortened(graph: Graph) -> Graph | None:
    """The same operations on short axes, at other positions; None where they have other numbers."""
    editor = Editor()
    where: dict[int, int] = {}
    try:
        for node in graph.order:
            operands = [where[operand] for operand in graph.operands(node)]
            op = _short_op(graph[node].op, [editor[operand].type for operand in operands])
            if op is None:
                return None
            where[node] = editor.add(op, *operands)
        return editor.freeze([where[output] for output in graph.outputs])
    except JetfoldError:
        return None


def _short_op(op: Op, operands: Sequence[Type]) -> Op | None:
    match op:
        case Input(name, kind) | Parameter(name, kind):
            axes = tuple(map(_short_axis, kind.directions))
            return type(op)(name, Type(_short(kind.shape), axes))
        case Constant(value, axes):
            short = _short_array(value.value)
            return None if short is None else Constant(Array(short), tuple(map(_short_axis, axes)))
        case Broadcast(shape):
            return Broadcast(_short(shape))
        case Replicate(axis):
            return Replicate(_short_axis(axis))
        case Direct(position, axis):
            return Direct(position, _short_axis(axis))
        case Pick(index, old, axis):
            (size,) = (known.size for known in operands[0].directions if known.name == old)
            return Pick(_short_index(index, size), old, _short_axis(axis))
        case Collect(index, old, axis):
            return Collect(_short_index(index, min(axis.size, SHORT)), old, _short_axis(axis))
        case Gather(index):
            return Gather(_short_index(index, math.prod(operands[0].shape)))
        case Slice(_, step, shape):
            sizes = operands[0].shape
            ends = (0 if s > 0 else size - 1 for s, size in zip(step, sizes, strict=True))
            return Slice(tuple(ends), tuple(1 if s > 0 else -1 for s in step), _short(shape))
        case Reshape(shape):
            size = math.prod(operands[0].shape)
            fits = math.prod(_short(shape)) == size
            return Reshape(_short(shape)) if fits else Reshape((size,)) if len(shape) == 1 else None
        case Map() | Contract() | Sum() | Transpose() | Concatenate() | MatrixFunction():
            return op
    return None


def _short_index(index: Array, size: int) -> Array:
    """The first positions, of an axis of this size; -1 stays."""
    positions = index.value[tuple(slice(n) for n in _short(index.value.shape))]
    return Array(np.where(positions < 0, positions, positions % max(size, 1)))


def _short(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(min(size, SHORT) for size in shape)


def _short_axis(axis: DirectionAxis) -> DirectionAxis:
    return DirectionAxis(axis.name, min(axis.size, SHORT))


def _short_array(array: NDArray[Any]) -> NDArray[Any] | None:
    """The same number everywhere, or the identity."""
    short = array[tuple(slice(size) for size in _short(array.shape))]
    if array.shape == short.shape or (array.size and (array == array.flat[0]).all()):
        return short
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    return short if square and np.array_equal(array, np.eye(len(array))) else None


def _applied(rule: Rule, graph: Graph) -> Sides | None:
    """Both sides of the rule where it is applied to the only output of a graph."""
    editor = Editor(graph)
    (left,) = graph.outputs
    try:
        found = rule.match(editor, left)
        return None if found is None else Sides(editor, left, rule.replace(editor, left, found))
    except JetfoldError:
        return None


# Expressions --------------------------------------------------------------------------------------


class SymbolicNumbers:
    """Expressions of SymPy as numbers: what constants are, exactly, and what is made of them."""

    def array(self, value: NDArray[Any]) -> NDArray[Any]:
        return value if value.dtype == object else _each(_exactly, value)

    def evaluate(self, expr: sp.Expr, operands: list[NDArray[Any]]) -> NDArray[Any]:
        symbols = [operand_symbol(i) for i in range(len(operands))]

        def one(*values: Any) -> Any:
            return expr.xreplace(dict(zip(symbols, values, strict=True)))

        return _each(one, *np.broadcast_arrays(*operands)) if operands else np.array(expr, object)


def _each(function: Any, *arrays: NDArray[Any]) -> NDArray[Any]:
    found = np.empty(arrays[0].shape, dtype=object)
    found.reshape(-1)[:] = [function(*v) for v in zip(*(a.flat for a in arrays), strict=True)]
    return found


def _exactly(number: Any) -> sp.Expr:
    return sp.Rational(*number.as_integer_ratio()) if np.isfinite(number) else sp.sympify(number)


SYMBOLIC = SymbolicNumbers()


def expressions(graph: Graph, leaves: Mapping[int, Value]) -> dict[int, Value]:
    """The values of all nodes as expressions, given those of inputs and parameters.

    A matrix function gives an arbitrary function of all elements of the matrix.
    """
    values = dict(leaves)
    for node in (node for node in graph.order if node not in values):
        op, operands = graph[node].op, [values[operand] for operand in graph.operands(node)]
        if isinstance(op, MatrixFunction):
            values[node] = _arbitrary(op.name, operands[0])
        else:
            values[node] = apply(op, operands, SYMBOLIC)
    return values


def _arbitrary(name: str, matrices: Value) -> Value:
    array = matrices.array
    lead, shape = array.shape[:-2], array.shape[-2:] if name == "inverse" else ()
    found = np.empty((*lead, *shape), dtype=object)
    for place in np.ndindex(*found.shape):
        function = sp.Function("_".join([name, *map(str, place[len(lead) :])]), real=True)
        found[place] = function(*array[place[: len(lead)]].flat)
    return Value(found, matrices.lead)


def symbol_array(name: str, kind: Type) -> Value:
    """An array of symbols for the elements of a value."""
    shape = (*(axis.size for axis in kind.directions), *kind.shape)
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        found[place] = sp.Symbol("_".join([name, *map(str, place)]), real=True)
    return Value(found, tuple(axis.name for axis in kind.directions))


def _equal(sides: Sides) -> Proof:
    graph = sides.editor.freeze([sides.left, sides.right])
    leaves = {}
    for node in graph.parameters:
        op = graph[node].op
        assert isinstance(op, Parameter)
        leaves[node] = symbol_array(op.name, op.type)
    values = expressions(graph, leaves)
    return equal(values[sides.left].array, values[sides.right].array)


def _equal_constants(both: Graph) -> Proof:
    """What holds for arbitrary functions of constants holds for functions."""
    left, right = both.outputs
    try:
        values = interpret(both, {}, WHOLE)
    except ArithmeticError:
        return Proof(None, "too large for SymPy")
    same = np.array_equal(values[left].array, values[right].array)
    return Proof(True) if same else Proof(None, "too large for SymPy")


def equal(left: NDArray[Any], right: NDArray[Any]) -> Proof:
    """Whether all elements of two arrays of expressions are equal."""
    if left.shape != right.shape:
        return Proof(False, f"the sides have shapes {left.shape} and {right.shape}")
    found: set[bool | None] = {True}
    for a, b in dict.fromkeys(zip(left.flat, right.flat, strict=True)):
        found.add(_same(*_renamed(sp.sympify(a), sp.sympify(b))))
        if False in found:
            return Proof(False, "SymPy finds the sides to be different")
    return (
        Proof(None, "SymPy cannot tell whether the sides are equal")
        if None in found
        else Proof(True)
    )


def _renamed(left: sp.Expr, right: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """The same with the symbols s0, s1, ..: other elements and layers are then known already."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=_numbers_in)
    names = {symbol: sp.Symbol(f"s{i}", real=True) for i, symbol in enumerate(symbols)}
    return left.xreplace(names), right.xreplace(names)


def _numbers_in(symbol: sp.Symbol) -> tuple[list[int], str]:
    return [int(part) for part in symbol.name.split("_") if part.isdecimal()], symbol.name


@lru_cache(maxsize=1 << 14)
def _same(left: sp.Expr, right: sp.Expr) -> bool | None:
    return True if left == right else is_zero(left - right)
