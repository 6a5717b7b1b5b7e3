"""Certificates of Taylor mode: coefficients against the definition of a derivative.

With x(t) = x_0 + x_1 t + .. + x_K t^K / K! for every operand of a node, the coefficient of order k
must be d^k/dt^k of the node's operation on the x(t), at t = 0.

Symbolically this is *proved* by SymPy for each kind of node, without any Taylor rule: what is
elementwise is differentiated directly, and so is a contraction of arrays of polynomials. A matrix
function has the coefficients that follow from A(t) Y(t) = 1 when that is differentiated. (The
derivative of a single function, such as tanh, is that of its definition, which is taken as it is.)
Where arrays are too large it is proved on short axes.

Exactly, and in float64, the nodes of the graph itself are *tested* at a point: the coefficients of
each node must be what the same definition gives for the coefficients of its operands.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import sympy as sp

from jetfold.graph import (
    LEAVES,
    Constant,
    Contract,
    Editor,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Type,
    Value,
    operand_symbol,
)
from jetfold.graph.certificate import UNDEFINED, Certificate, Witness, difference, judged, size
from jetfold.graph.formula import Written
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
from jetfold.graph.interpret import apply
from jetfold.graph.notation import Notation
from jetfold.graph.values import Values
from jetfold.rules.derive import OUTPUT, leibniz, path_symbol, taylor_rule
from jetfold.rules.matrix import solution
from jetfold.rules.operators import Pushed
from jetfold.rules.path_derivatives import T, combined, inverse_coefficients, reference
from jetfold.rules.taylor import Jet, push_forward

INVERSE = MatrixFunction("inverse")

MOST_MATRIX_ORDERS = 2
"""The order up to which rules of matrices are proved: products of many matrices have many terms."""


def certify_coefficients(
    pushed: Pushed, taylor: Graph, node: int, witness: Witness
) -> Certificate | None:
    """The certificate of a node of a function; None for a leaf, or what stands still on all paths.

    ``taylor`` is the graph that is certified, ``pushed`` tells which of its nodes are coefficients.
    """
    jets = [family for family in pushed.jets if len(family[node]) > 1]
    if isinstance(pushed.function[node].op, LEAVES) or not jets:
        return None
    exact: bool | None = None
    remarks: tuple[str, ...] = () if witness.exact else (witness.remark,)
    if witness.exact is not None:
        pairs = _pairs(pushed, taylor, node, witness.exact)
        if pairs is None:
            remarks = (UNDEFINED,)
        elif not pairs:
            remarks = ("none of its coefficients is needed",)
        else:
            exact = all(_same(found, expected) for found, expected in pairs)
    measured = [
        difference(*met(found, expected), max(size(found), size(expected)))
        for found, expected in _pairs(pushed, taylor, node, witness.floats) or ()
    ]
    roundoff = max((m for m in measured if m is not None), default=None)
    order = max(len(family[node]) for family in jets) - 1
    proof = prove_rule(pushed.function, node, order)
    if proof.remark:
        remarks = (*remarks, proof.remark)
    identity = ""
    if proof.holds:
        identity = _identity(pushed.function, node, order, witness.notation)
    return judged(Certificate(exact, proof.holds, identity, roundoff, remarks))


def _identity(function: Graph, node: int, order: int, notation: Notation) -> str:
    """The derivative of the highest order, and for an elementwise function its Taylor rule."""
    op, operands = function[node].op, function.operands(node)
    power = rf"\mathrm{{d}}^{{{order}}}" if order > 1 else r"\mathrm{d}"
    below = rf"\mathrm{{d}}t^{{{order}}}" if order > 1 else r"\mathrm{d}t"
    derivative = rf"\left.\frac{{{power}}}{{{below}}}\right|_{{t=0}} "
    active = tuple(i for i, operand in enumerate(operands) if operand in function.varying)
    if not isinstance(op, Map):
        right: str = _coefficient_name(function, node, order, notation)
        if isinstance(op, Contract):
            terms = []
            for factor, orders in leibniz(order, active):
                chosen = dict(zip(active, orders, strict=True))
                factors = [_coefficient_name(function, operand, chosen.get(i, 0), notation)
                           for i, operand in enumerate(operands)]  # fmt: skip
                times = f"{factor} \\, " if factor > 1 else ""
                terms.append(times + notation.words.contraction(op.spec, factors))
            right = " + ".join(terms)
        return f"{derivative}{notation.formula(function, node)} = {right}"
    names = [_coefficient_name(function, operand, 0, notation) for operand in operands]
    along = [f"{name}(t)" if i in active else name for i, name in enumerate(names)]
    places = [(i, k) for i in range(len(operands)) for k in range(order + 1)]
    symbols = [path_symbol(*place) for place in places]
    written = [_coefficient_name(function, operands[i], k, notation) for i, k in places]
    rule = taylor_rule(op.expr, order, active)[order]
    numbered = {s: operand_symbol(n) for n, s in enumerate([*symbols, OUTPUT])}
    written.append(_coefficient_name(function, node, 0, notation))
    right = notation.expression(rule.xreplace(numbered), written)
    return f"{derivative}{notation.expression(op.expr, along)} = {right}"


def _coefficient_name(function: Graph, node: int, order: int, notation: Notation) -> Written:
    role, name = function[node].role, notation.value(function, node)
    if role is not None and (role.order or role.summed):  # it is a derivative itself
        name = rf"\left({name}\right)"
    return notation.words.indexed(name, order, ())


# The graph itself ---------------------------------------------------------------------------------


def _pairs(
    pushed: Pushed, taylor: Graph, node: int, values: Values
) -> list[tuple[Value, Value]] | None:
    """The values of a node's coefficients, and what they should be; None if some are undefined.

    Coefficients that nothing needs are not in the graph.
    """
    numbers = values.of(pushed.coefficients) | values.of(taylor)
    function = pushed.function
    found = []
    for family in pushed.jets:
        here = [values[numbers[n]] for n in family[node]]
        operands = [[values[numbers[n]] for n in family[o]] for o in function.operands(node)]
        if any(value is None for jet in (here, *operands) for value in jet):
            return None
        known = [[value for value in jet if value is not None] for jet in operands]
        for order, value in enumerate(here):
            if value is not None and family[node][order] in taylor.nx:
                expected = reference(function[node].op, known, order, values.numbers)
                found.append((value, expected))
    return found


def met(first: Value, second: Value) -> tuple[Value, Value]:
    """Both values with all axes that either has: a coefficient may be the same in all directions.

    They are left as they are where they do not fit.
    """
    lead = tuple(sorted({*first.lead, *second.lead}))
    rank = max(len(first.shape), len(second.shape))
    arrays = [value.align(lead, rank) for value in (first, second)]
    try:
        one, other = np.broadcast_arrays(*arrays)
    except ValueError:
        return first, second
    return Value(one, lead), Value(other, lead)


def _same(found: Value, expected: Value) -> bool:
    one, other = (value.array for value in met(found, expected))
    return one.shape == other.shape and bool((one == other).all())


# The proof ----------------------------------------------------------------------------------------


def prove_rule(function: Graph, node: int, order: int) -> Proof:
    """Whether the Taylor rule of a node of a function gives the derivatives, for all paths."""
    local = _alone(function, node)
    matrices = any(isinstance(local[n].op, MatrixFunction) for n in local)
    if matrices and order > MOST_MATRIX_ORDERS:
        proof = prove_rule(function, node, MOST_MATRIX_ORDERS)
        remark = f"SymPy: orders up to {MOST_MATRIX_ORDERS}"
        return proof._replace(remark=remark) if proof.holds else proof
    numbers = (1 + order) * work(local)
    if numbers > LITTLE_WORK:
        short = shortened(local)
        if short is not None:
            proof = _proved(_structure(short), order)
            return proof._replace(remark=SHORTENED) if proof.holds else proof
    if numbers > MOST_WORK:
        return Proof(None, "too large for SymPy")
    return _proved(_structure(local), order)


def _alone(function: Graph, node: int) -> Graph:
    """A node above leaves; a solution of equations above the matrix and the right side."""
    editor = Editor()
    op, operands = function[node].op, function.operands(node)
    solves = solution(function, node) is not None
    where: dict[int, int] = {}
    for operand in operands:
        matrix = (
            function.operands(operand)[0] if solves and function[operand].op == INVERSE else None
        )
        leaf = operand if matrix is None else matrix
        if leaf not in where:
            where[leaf] = editor.add(_leaf(function, leaf, len(where), isinstance(op, Map)))
        if matrix is not None:
            where[operand] = editor.add(INVERSE, where[matrix])
    return editor.freeze([editor.add(op, *(where[operand] for operand in operands))])


def _leaf(function: Graph, node: int, place: int, elementwise: bool) -> Op:
    """Any value of the node's type; where what is done is elementwise, one number."""
    data = function[node]
    kind = Type(()) if elementwise else data.type
    if node in function.varying:
        return Input(f"x{place}", kind)
    known = isinstance(data.op, Constant) and not elementwise
    return data.op if known else Parameter(f"c{place}", kind)


Structure = tuple[tuple[Op, tuple[int, ...]], ...]
"""The operations of a graph of one output, the last one, with the places of their operands."""


def _structure(graph: Graph) -> Structure:
    places = {node: place for place, node in enumerate(graph.order)}
    return tuple(
        (graph[node].op, tuple(places[operand] for operand in graph.operands(node)))
        for node in graph.order
    )


@lru_cache(maxsize=4096)
def _proved(structure: Structure, order: int) -> Proof:
    local, editor = Editor(), Editor()
    nodes: list[int] = []
    for op, operands in structure:
        nodes.append(local.add(op, *(nodes[operand] for operand in operands)))
    function, top = local.freeze(nodes[-1:]), nodes[-1]
    paths: dict[int, Jet] = {}
    for node in function.inputs:
        op = function[node].op
        assert isinstance(op, Input)
        known = [Parameter(f"{op.name}_{k}", op.type) for k in range(order + 1)]
        paths[node] = [editor.add(leaf) for leaf in known]
    jets = push_forward(editor, function, order, paths)
    graph = editor.freeze([node for jet in jets.values() for node in jet])
    values = expressions(graph, {n: _symbols(graph, n) for n in graph if _is_free(graph[n].op)})
    coefficients = {node: [values[n] for n in jet] for node, jet in jets.items()}
    for k, found in enumerate(coefficients[top]):
        if k or not _is_free(function[top].op):
            pair = met(found, _expected(function, top, coefficients, k))
            proof = equal(*(value.array for value in pair))
            if not proof.holds:
                return proof._replace(remark=f"order {k}: {proof.remark}")
    return Proof(True)


def _is_free(op: Op) -> bool:
    """Whether symbols stand for the value: a function of matrices is one of its definition."""
    return isinstance(op, (Input, Parameter, MatrixFunction))


def _symbols(graph: Graph, node: int) -> Value:
    op = graph[node].op
    assert isinstance(op, (Input, Parameter, MatrixFunction))
    return symbol_array(op.name, graph[node].type)


def _expected(
    function: Graph, top: int, coefficients: Mapping[int, list[Value]], order: int
) -> Value:
    """The coefficient of the only output, from those of the leaves."""
    op, operands = function[top].op, function.operands(top)
    if isinstance(op, MatrixFunction):  # its matrix is square, and the inverse has its type
        inverse = symbol_array(INVERSE.name, function[operands[0]].type)
        return reference(op, [coefficients[operands[0]]], order, SYMBOLIC, inverse)
    if isinstance(op, Map):
        return reference(op, [coefficients[operand] for operand in operands], order, SYMBOLIC)
    moved = []
    for operand in operands:
        path = coefficients[operand]
        if function[operand].op == INVERSE:
            (matrix,) = function.operands(operand)
            path = inverse_coefficients(coefficients[matrix], order, SYMBOLIC, path[0])
        moved.append(_polynomial(path[: order + 1]))
    along = apply(op, moved, SYMBOLIC)
    found = np.empty(along.array.shape, dtype=object)
    found.reshape(-1)[:] = [_coefficient(sp.sympify(e), order) for e in along.array.flat]
    return Value(found, along.lead)


def _polynomial(path: list[Value]) -> Value:
    """x(t) as an array of polynomials in t."""
    powers = [Map(operand_symbol(0) * T**k / sp.factorial(k)) for k in range(len(path))]
    terms = [apply(power, [value], SYMBOLIC) for power, value in zip(powers, path, strict=True)]
    return combined([(1, term) for term in terms], SYMBOLIC)


def _coefficient(polynomial: sp.Expr, order: int) -> sp.Expr:
    return (sp.diff(polynomial, T, order) if order else polynomial).subs(T, 0)
