"""Certificates of adjoints: the transposes against the definition of a derivative.

With y = f(x) and the velocity x_1 of a path x(t), y has the velocity y_1 = J x_1. If y has the
cotangent g, what x gets is J^T g, so that <g, y_1> = <J^T g, x_1> must hold for all g and x_1.

Node by node, y_1 is found without any rule: by SymPy's derivative of an elementwise function, by
the product rule, and by what follows from A(t) Y(t) = 1 (`jetfold.rules.path_derivatives`). The
identity is *tested* exactly and in float64 at the cotangents and values of a point, for random
velocities, and *proved* by SymPy for arrays of symbols.

For the whole, y_1 is that of Taylor mode, of order 1, at two points; the right side is that of the
graph at each point, of the totals and of what runs once per call. That is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from jetfold.graph import (
    Editor,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Sum,
    Type,
    Value,
    add_map,
    constant,
    fit,
)
from jetfold.graph.certificate import UNDEFINED, Certificate, Witness, difference, judged, size
from jetfold.graph.identity import (
    LITTLE_WORK,
    MOST_WORK,
    SHORTENED,
    SYMBOLIC,
    Proof,
    equal,
    expressions,
    shortened,
    symbol_array,
    work,
)
from jetfold.graph.notation import Notation
from jetfold.graph.total import outputs_at_points
from jetfold.graph.values import Values
from jetfold.rules.adjoint import ROWS, Adjoint, Handed, Leaf, Reverse, Seed
from jetfold.rules.derive import taylor_rule
from jetfold.rules.path_derivatives import reference
from jetfold.rules.taylor import Jet, push_forward

LARGEST = 9
"""Velocities are whole numbers up to this one."""


# A node -------------------------------------------------------------------------------------------


def certify_handed(
    function: Graph, adjoint: Adjoint, active: set[int], handed: Handed, witness: Witness
) -> Certificate | None:
    """The certificate of what a node hands on; None where it has nothing to hand on.

    ``active`` are the function's nodes that get a cotangent.
    """
    due = _due(function, active, handed.node)
    if not due and not handed.parts:
        return None
    exact: bool | None = None
    remarks: tuple[str, ...] = () if witness.exact else (witness.remark,)
    if witness.exact is not None:
        both = _sides(function, adjoint, due, handed, witness.exact)
        exact = None if both is None else bool((both[0].array == both[1].array).all())
        remarks = (UNDEFINED,) if both is None else ()
    roundoff = None
    measured = _sides(function, adjoint, due, handed, witness.floats)
    if measured is not None:
        roundoff = difference(*measured, max(map(size, measured)))
    proof = prove_transpose(function, handed.node, due)
    if proof.remark:
        remarks = (*remarks, proof.remark)
    identity = ""
    if proof.holds:
        identity = _identity(function, adjoint, handed, witness.notation)
    return judged(Certificate(exact, proof.holds, identity, roundoff, remarks))


def _due(function: Graph, active: set[int], node: int) -> tuple[int, ...]:
    """The positions of operands that get something from a node."""
    op, operands = function[node].op, function.operands(node)
    moving = tuple(i for i, operand in enumerate(operands) if operand in active)
    match op:
        case Map(expr):
            return tuple(i for i in moving if taylor_rule(expr, 1, (i,))[1] != 0)
        case MatrixFunction("sign_det"):
            return ()
    return moving


def _sides(
    function: Graph, adjoint: Adjoint, due: Sequence[int], handed: Handed, values: Values
) -> tuple[Value, Value] | None:
    """Both sides of the identity at random velocities; None where a value is undefined."""
    numbers, known = values.numbers, values.of(adjoint.complete) | values.of(function)
    op, operands = function[handed.node].op, function.operands(handed.node)
    random = np.random.default_rng(handed.node)
    velocity = {
        o: _random(random, function[o].type, values)
        for o in dict.fromkeys(operands[i] for i in due)
    }
    here = {node: values[known[node]] for node in (handed.node, handed.cotangent, *operands)}
    parts = [(o, values[known[part]]) for o, part in handed.parts]
    if any(value is None for value in (*here.values(), *(part for _, part in parts))):
        return None
    point = {node: value for node, value in here.items() if value is not None}
    paths = [[point[o], velocity[o]] if i in due else [point[o]] for i, o in enumerate(operands)]
    kind = function[handed.node].type
    moved = reference(op, paths, 1, numbers) if due else _zero(kind, values)
    left = _inner([(point[handed.cotangent], moved, kind)], values)
    given = [(part, velocity.get(o), function[o].type) for o, part in parts if part is not None]
    if any(v is None for _, v, _ in given):  # something for who should get nothing
        return left, Value(left.array + 1, left.lead)
    right = _inner([(part, v, kind) for part, v, kind in given if v is not None], values)
    return left, right


def _random(random: np.random.Generator, kind: Type, values: Values) -> Value:
    shape = (*(axis.size for axis in kind.directions), *kind.shape)
    array = random.choice([n for n in range(-LARGEST, LARGEST + 1) if n], shape).astype(float)
    return Value(values.numbers.array(array), tuple(axis.name for axis in kind.directions))


def _zero(kind: Type, values: Values) -> Value:
    return Value(values.numbers.array(np.zeros(kind.shape)))


Pair = tuple[Value, Value, Type]


def _inner(pairs: Sequence[Pair], values: Values) -> Value:
    """The sum of inner products, each of two values of a type, by rows of a Jacobian if any."""
    dtype = values.numbers.array(np.zeros(())).dtype
    found: Any = 0
    lead: tuple[str, ...] = ()
    for first, second, kind in pairs:
        product = _product(first, second, kind)
        kept = product.lead.index(ROWS) if ROWS in product.lead else None
        lead = lead if kept is None else (ROWS,)
        axes = tuple(i for i in range(product.array.ndim) if i != kept)
        found = found + product.array.sum(axis=axes)
    return Value(np.asarray(found, dtype=dtype), lead)


def _product(first: Value, second: Value, kind: Type) -> Value:
    """Values may lack axes of the type, along which they are equal copies."""
    sizes = {axis.name: axis.size for axis in kind.directions}
    for value in (first, second):
        sizes |= dict(zip(value.lead, value.array.shape, strict=False))
    lead, rank = tuple(sorted(sizes)), max(len(first.shape), len(second.shape))
    one, other = first.align(lead, rank), second.align(lead, rank)
    shape = np.broadcast_shapes(one.shape, other.shape)[len(lead) :]
    full = (*(sizes[name] for name in lead), *shape)
    product = np.broadcast_to(one, full) * np.broadcast_to(other, full)
    return Value(np.asarray(product), lead)


def _identity(function: Graph, adjoint: Adjoint, handed: Handed, notation: Notation) -> str:
    """<g, y_1> = <J^T g, x_1>, in the names of this node."""
    graph = adjoint.complete

    def pair(cotangent: str, node: int) -> str:
        velocity = notation.words.indexed(notation.value(function, node), 1, ())
        return rf"\left\langle {cotangent}, {velocity} \right\rangle"

    own = notation.value(graph, handed.cotangent)
    parts = [
        pair(own if part == handed.cotangent else notation.formula(graph, part), operand)
        for operand, part in handed.parts
    ]
    left = pair(own, handed.node)
    return f"{left} = {' + '.join(parts)}"


# The proof ----------------------------------------------------------------------------------------


def prove_transpose(function: Graph, node: int, due: Sequence[int]) -> Proof:
    """Whether what a node hands on is right for all values, cotangents and velocities."""
    editor, op = Editor(), function[node].op
    leaves = {
        operand: editor.add(
            Parameter(f"x{i}", Type(()) if isinstance(op, Map) else function[operand].type)
        )
        for i, operand in enumerate(dict.fromkeys(function.operands(node)))
    }
    local = editor.freeze([editor.add(op, *(leaves[o] for o in function.operands(node)))])
    numbers = 2 * work(local)
    if numbers > LITTLE_WORK:
        short = shortened(local)
        if short is not None:
            proof = _proved(*_structure(short), tuple(due))
            return proof._replace(remark=SHORTENED) if proof.holds else proof
    if numbers > MOST_WORK:
        return Proof(None, "too large for SymPy")
    return _proved(*_structure(local), tuple(due))


Structure = tuple[Op, tuple[Op, ...]]
"""An operation and its operands, which are leaves."""


def _structure(graph: Graph) -> Structure:
    (top,) = graph.outputs
    return graph[top].op, tuple(graph[operand].op for operand in graph.operands(top))


@lru_cache(maxsize=4096)
def _proved(op: Op, leaves: tuple[Op, ...], due: tuple[int, ...]) -> Proof:
    editor = Editor()
    operands = [editor.add(leaf) for leaf in leaves]
    top = editor.add(op, *operands)
    kind = editor[top].type
    reverse = Reverse(editor, {operands[i] for i in due})
    cotangent = editor.add(Parameter("g", kind))
    reverse.give(top, cotangent)
    reverse.run([top])
    (handed,) = reverse.handed
    inverse = (
        editor.add(MatrixFunction("inverse"), *operands) if isinstance(op, MatrixFunction) else top
    )
    graph = editor.freeze([top, inverse, cotangent, *(part for _, part in handed.parts)])
    symbols = {
        node: symbol_array(leaf.name, leaf.type)
        for node in graph.parameters
        if isinstance(leaf := graph[node].op, Parameter)
    }
    values = expressions(graph, symbols)
    velocity = {o: symbol_array(f"v{o}", editor[o].type) for o in {operands[i] for i in due}}
    paths = [[values[o], velocity[o]] if i in due else [values[o]] for i, o in enumerate(operands)]
    moved = reference(op, paths, 1, SYMBOLIC, values[inverse])
    left = _total(_product(values[cotangent], moved, kind))
    parts = [(o, _product(values[p], velocity[o], editor[o].type)) for o, p in handed.parts]
    right = sum((_total(product) for _, product in parts), sp.S.Zero)
    return equal(np.array(left, dtype=object), np.array(right, dtype=object))


def _total(value: Value) -> sp.Expr:
    return sp.Add(*value.array.flat)


# The whole ----------------------------------------------------------------------------------------


COUNT = 2
"""Points at which the whole is tested: more than one, as totals are sums over points."""


def dot_products(
    function: Graph,
    adjoint: Adjoint,
    graph: Graph,
    leaves: Sequence[Leaf],
    seed: Seed,
    per_point: bool = False,
) -> tuple[Graph, list[tuple[int, int]]]:
    """Both sides of <g, J v> = <J^T g, v> in one graph, and the nodes that must be equal.

    ``graph`` has the outputs of ``adjoint.graph``: it is that one, or what rewriting made of it.
    The first pair is the identity; a second one is the value, where that is summed, too.
    """
    editor = Editor()
    moving = _moving(function, leaves)
    direct = [leaf for leaf in leaves if per_point or isinstance(leaf, Input)]
    rest = [leaf for leaf in leaves if leaf not in direct]
    at_points = outputs_at_points(graph, adjoint.totals)
    at_leaves = at_points[len(at_points) - len(direct) :]
    terms: list[list[int]] = [[] for _ in adjoint.totals]
    left, right, value = [], [], []
    for point in range(COUNT):
        for cotangent, jet, kind in _pushed(editor, moving, leaves, seed, point):
            value.append(_dot(editor, cotangent, jet[0], kind))
            left += [_dot(editor, cotangent, velocity, kind) for velocity in jet[1:]]
        where = editor.insert(graph, {n: _at(editor, graph[n].op, point) for n in graph.inputs})
        outputs = [where[output] for output in graph.outputs]
        for leaf, place in zip(direct, at_leaves, strict=True):
            velocity = _velocity(editor, leaf, point)
            right.append(_dot(editor, outputs[place], velocity, leaf.type))
        for total, found in zip(adjoint.totals, terms, strict=True):
            found += [_fitted(editor, outputs[term], total.type) for term in total.terms]
    totals = [_added(editor, found) for found in terms]
    cut = len(totals) - len(adjoint.names)
    named = dict(zip(adjoint.names, totals[cut:], strict=True))
    shared = adjoint.shared
    replaced = {n: named[op.name] for n in shared.parameters
                if isinstance(op := shared[n].op, Parameter) and op.name in named}  # fmt: skip
    where = editor.insert(shared, replaced)
    for leaf, output in zip(rest, shared.outputs, strict=True):
        right.append(_dot(editor, where[output], _velocity(editor, leaf, 0), leaf.type))
    sides = [_added(editor, side) for side in (left, right)]
    kept = Type((), tuple({axis for side in sides for axis in editor[side].type.directions}))
    pairs = [(fit(editor, sides[0], kept), fit(editor, sides[1], kept))]
    pairs += [(_added(editor, value), total) for total in totals[:cut]]
    return editor.freeze([node for pair in pairs for node in pair]), pairs


def _moving(function: Graph, leaves: Sequence[Leaf]) -> Graph:
    """The function with the parameters that are asked for as inputs, which Taylor mode moves."""
    editor = Editor()
    moved = {n: editor.add(Input(op.name, op.type)) for n in function.parameters
             if isinstance(op := function[n].op, Parameter) and op in leaves}  # fmt: skip
    where = editor.insert(function, moved)
    return editor.freeze([where[output] for output in function.outputs])


def _pushed(
    editor: Editor, moving: Graph, leaves: Sequence[Leaf], seed: Seed, point: int
) -> list[tuple[int, Jet, Type]]:
    """For each output its cotangent, its jet of order 1, and its type, at one of the points."""
    known = {leaf.name: leaf for leaf in leaves}
    paths = {}
    for node in moving.inputs:
        op = moving[node].op
        assert isinstance(op, Input)
        leaf = known.get(op.name, op)
        moves = op.name in known
        velocity = _velocity(editor, leaf, point) if moves else constant(editor, 0, op.type)
        paths[node] = [_at(editor, leaf, point), velocity]
    jets = push_forward(editor, moving, 1, paths)
    found = []
    for i, output in enumerate(moving.outputs):
        kind = moving[output].type
        cotangent = seed(editor, i, kind)
        found.append((_at(editor, editor[cotangent].op, point, cotangent), jets[output], kind))
    return found


def _at(editor: Editor, op: Op, point: int, node: int | None = None) -> int:
    """An input at one of the points; what is no input is the same at all."""
    if isinstance(op, Input):
        return editor.add(Input(f"{op.name} at {point}", op.type))
    return editor.add(op) if node is None else node


def _velocity(editor: Editor, leaf: Leaf, point: int) -> int:
    where = f" at {point}" if isinstance(leaf, Input) else ""
    return editor.add(Parameter(f"velocity of {leaf.name}{where}", leaf.type))


def _dot(editor: Editor, first: int, second: int, kind: Type) -> int:
    """The inner product of two values of a type, for each row of a Jacobian."""
    a, b = sp.symbols("a b", real=True)
    product = add_map(editor, a * b, {a: fit(editor, first, kind), b: fit(editor, second, kind)})
    return _summed(editor, product, Type(()), tuple(range(len(kind.shape))), (ROWS,))


def _fitted(editor: Editor, node: int, kind: Type) -> int:
    """A term of a total: summed over direction axes that the total lacks."""
    return fit(editor, _summed(editor, node, kind, (), ()), kind)


def _summed(
    editor: Editor, node: int, kind: Type, axes: tuple[int, ...], kept: tuple[str, ...]
) -> int:
    known = {axis.name for axis in kind.directions}.union(kept)
    names = tuple(a.name for a in editor[node].type.directions if a.name not in known)
    return editor.add(Sum(axes, names), node) if axes or names else node


def _added(editor: Editor, nodes: Sequence[int]) -> int:
    symbols = {sp.Symbol(f"t{i}", real=True): node for i, node in enumerate(nodes)}
    return add_map(editor, sp.Add(*symbols), symbols) if nodes else constant(editor, 0, Type(()))
