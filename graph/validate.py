"""What makes a graph valid: a list of rules, each with the sentence that it checks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import networkx as nx
import numpy as np
import sympy as sp
from sympy.logic.boolalg import BooleanAtom

from jetfold.graph.elementary import Shorthand
from jetfold.graph.errors import GraphError
from jetfold.graph.graph import Graph, Node
from jetfold.graph.interpret import BATCH
from jetfold.graph.numbers import COMPARISONS, FLOAT_FUNCTIONS, LITERAL_FIRST, name_of
from jetfold.graph.ops import (
    LEAVES,
    Array,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Gather,
    Input,
    Map,
    Op,
    Parameter,
    Pick,
    Slice,
    Sum,
    infer,
    operand_symbol,
    split_spec,
)

Finding = tuple[int, str]
"""A node and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Validity:
    """A rule: ``check`` yields the nodes that break the statement and how."""

    name: str
    statement: str
    check: Callable[[Graph], Iterator[Finding]]


def validate(graph: Graph) -> None:
    """Raise `GraphError` if the graph breaks a rule, naming the rule and the node.

    The rules are tried in order, since the later ones rely on the earlier.
    """
    for rule in VALIDITY:
        for node, problem in rule.check(graph):
            raise GraphError(
                f"the graph breaks the rule {rule.name!r} ({rule.statement}): "
                f"{_name(graph, node)} {problem}"
            )


def _name(graph: Graph, node: int) -> str:
    data = graph.nx.nodes[node].get("node") if node in graph.nx else None
    if not isinstance(data, Node):
        return f"node {node}"
    op = " ".join(str(data.op).split())
    return f"node {node}, {op}," + (f" from {data.source}," if data.source else "")


def _nodes(graph: Graph) -> Iterator[tuple[int, Node]]:
    yield from graph.nx.nodes(data="node")


# Structure --------------------------------------------------------------------------------------


def _check_content(graph: Graph) -> Iterator[Finding]:
    data: Any
    for node, data in graph.nx.nodes(data="node"):
        if not isinstance(data, Node) or not isinstance(data.op, Op):
            yield node, f"holds {data!r}"


def _check_acyclic(graph: Graph) -> Iterator[Finding]:
    if not nx.is_directed_acyclic_graph(graph.nx):
        cycle = [edge[0] for edge in nx.find_cycle(graph.nx)]
        yield cycle[0], "depends on itself through nodes " + " -> ".join(map(str, cycle))


def _check_positions(graph: Graph) -> Iterator[Finding]:
    for node in graph.nx:
        positions = sorted(position for _, _, position in graph.nx.in_edges(node, keys=True))
        if positions != list(range(len(positions))):
            yield node, f"has operands at the positions {positions}"


def _check_outputs(graph: Graph) -> Iterator[Finding]:
    for output in graph.outputs:
        if output not in graph.nx:
            yield output, "is an output and not in the graph"


def _check_alive(graph: Graph) -> Iterator[Finding]:
    alive = set(graph.outputs).union(*(nx.ancestors(graph.nx, output) for output in graph.outputs))
    for node in graph.nx:
        if node not in alive:
            yield node, "is used by no output"


def _check_names(graph: Graph) -> Iterator[Finding]:
    for kind in (Input, Parameter):
        leaves = [(node, data.op) for node, data in _nodes(graph) if isinstance(data.op, kind)]
        times = Counter(op.name for _, op in leaves)
        for node, op in leaves:
            if times[op.name] > 1:
                yield node, f"shares its name with {times[op.name] - 1} other of its kind"


# Operations -------------------------------------------------------------------------------------


def _arity(op: Op, operands: int) -> bool:
    match op:
        case Map():
            return True  # its expression says how many
        case Contract(spec):
            return spec.count("->") == 1 and operands == len(split_spec(spec)[0])
        case Concatenate():
            return operands > 0
    return operands == (0 if isinstance(op, LEAVES) else 1)


def _check_arity(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        operands = graph.nx.in_degree(node)
        if not _arity(data.op, operands):
            yield node, f"has {operands} operands"


def _check_expressions(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        if isinstance(data.op, Map):
            wanted = {operand_symbol(i) for i in range(graph.nx.in_degree(node))}
            symbols = data.op.expr.free_symbols
            if symbols - wanted:
                yield node, f"has no operand for {_list(symbols - wanted)}"
            if wanted - symbols:
                yield node, f"does not use its operand {_list(wanted - symbols)}"


def _check_functions(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        if isinstance(data.op, Map):
            for part in unknown_parts(data.op.expr):
                yield node, f"contains {part}, which is a {type(part).__name__}"


_KNOWN = (sp.Symbol, sp.Add, sp.Mul, sp.Pow, *COMPARISONS, sp.And, sp.Or, sp.Not, BooleanAtom)


def unknown_parts(expr: Any) -> Iterator[Any]:
    """The parts of an expression that are not real arithmetic, known functions or selections."""
    arguments = expr.args
    if isinstance(expr, sp.Piecewise):
        arguments = [part for branch in expr.args for part in branch.args]
    elif isinstance(expr, sp.Function):
        if name_of(expr) in LITERAL_FIRST and not expr.args[0].is_Integer:
            yield expr
        if name_of(expr) not in FLOAT_FUNCTIONS and not isinstance(expr, Shorthand):
            yield expr
    elif not isinstance(expr, _KNOWN) and (not expr.is_number or expr in (sp.I, sp.zoo)):
        yield expr
    for argument in arguments:
        yield from unknown_parts(argument)


def _check_contractions(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        if isinstance(data.op, Contract):
            operands, result = split_spec(data.op.spec)
            letters = "".join(operands)
            if not set(letters + result) <= set(ascii_lowercase):
                yield node, "names axes by something else than the letters a to z"
            if len(set(result)) != len(result) or not set(result) <= set(letters):
                yield node, f"cannot give the axes {result!r}"


def _check_axes(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        rank = [len(graph[operand].type.shape) for operand in graph.operands(node)]
        match data.op:
            case Sum(axes, names):
                if len({*axes, *names}) != len(axes) + len(names):
                    yield node, "sums over an axis twice"
            case Concatenate(axis):
                if any(not 0 <= axis < n for n in rank):
                    yield node, f"has operands with {rank} axes"


def _check_constants(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        if isinstance(data.op, Constant):
            value = data.op.value.value
            sizes = tuple(axis.size for axis in data.op.directions)
            if value.dtype not in (np.float32, np.float64):
                yield node, f"has the dtype {value.dtype}"
            if value.shape[: len(sizes)] != sizes:
                yield node, f"has the shape {value.shape}, direction axes included"


def _check_types(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        operands = [graph[operand].type for operand in graph.operands(node)]
        try:
            kind = infer(data.op, operands)
        except ValueError as error:
            yield node, f"does not fit its operands: {error}"
            continue
        if data.type != kind:
            yield node, f"is said to be of type {data.type} but gives {kind}"


def _check_directions(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        names = [axis.name for axis in data.type.directions]
        if names != sorted(set(names)):
            yield node, f"has the direction axes {', '.join(names)}"
        if not all(names) or BATCH in names:
            yield node, f"has a direction axis with the reserved name {BATCH!r} or none"


def _check_indices(graph: Graph) -> Iterator[Finding]:
    for node, data in _nodes(graph):
        match data.op:
            case Slice(start, step, shape):
                sizes = graph[graph.operands(node)[0]].type.shape
                if not len(start) == len(step) == len(shape) == len(sizes):
                    yield node, f"does not have one entry for each of {len(sizes)} axes"
                    continue
                for first, stride, length, size in zip(start, step, shape, sizes, strict=True):
                    last = first + stride * (length - 1)
                    if stride == 0 or length < 0:
                        yield node, "has a step of 0 or a negative length"
                    elif length and not (0 <= first < size and 0 <= last < size):
                        yield node, f"reaches from {first} to {last} in an axis of size {size}"
            case Gather(index):
                size = math.prod(graph[graph.operands(node)[0]].type.shape)
                value = index.value
                if value.dtype.kind not in "iu":
                    yield node, f"has indices of dtype {value.dtype}"
                elif value.size and (value.min() < -1 or value.max() >= size):
                    yield node, f"reaches from {value.min()} to {value.max()} in {size} elements"
            case Pick(index, old, new):
                axes = graph[graph.operands(node)[0]].type.directions
                size = next(axis.size for axis in axes if axis.name == old)
                yield from ((node, text) for text in _index_list(index, new.size, size))
            case Collect(index, old, new):
                axes = graph[graph.operands(node)[0]].type.directions
                size = next(axis.size for axis in axes if axis.name == old)
                yield from ((node, text) for text in _index_list(index, size, new.size))


def _index_list(index: Array, length: int, size: int) -> Iterator[str]:
    """What is wrong with a list of so many numbers below ``size``."""
    value = index.value
    if value.dtype.kind not in "iu" or value.shape != (length,):
        yield f"has indices of dtype {value.dtype} and shape {value.shape}, not {length} integers"
    elif value.size and (value.min() < 0 or value.max() >= size):
        yield f"reaches from {value.min()} to {value.max()} in an axis of size {size}"


def _list(symbols: set[Any]) -> str:
    return ", ".join(sorted(symbol.name for symbol in symbols))


VALIDITY: tuple[Validity, ...] = (
    Validity("content", "every node holds a Node and this an Op", _check_content),
    Validity("acyclic", "no value depends on itself", _check_acyclic),
    Validity("positions", "operand positions are 0, 1, .., n-1", _check_positions),
    Validity("outputs", "every output is a node", _check_outputs),
    Validity("alive", "some output depends on every node", _check_alive),
    Validity("names", "inputs differ in name, and so do parameters", _check_names),
    Validity("arity", "the number of operands is what the operation needs", _check_arity),
    Validity("expressions", "a Map of n operands uses all of a0, .., a(n-1)", _check_expressions),
    Validity("functions", "a Map has real arithmetic and known functions", _check_functions),
    Validity("contractions", "a result's axes are different and an operand's", _check_contractions),
    Validity("axes", "the axes that an operation names exist, each once", _check_axes),
    Validity("constants", "a Constant is float32 or float64 and has its axes", _check_constants),
    Validity("types", "the type of a node is the one that its operation gives", _check_types),
    Validity("directions", "direction axes are named, sorted and different", _check_directions),
    Validity("indices", "indices stay inside the axes they count", _check_indices),
)
