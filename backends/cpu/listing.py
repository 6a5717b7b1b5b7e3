"""Generated source with the nodes that each of its lines computes or reads."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jetfold.backends.cpu.emit import emit
from jetfold.backends.lower import lower
from jetfold.backends.program import Access, Kernel, MatrixKernel, NestKernel, Product, Program, Run
from jetfold.graph import MOVES, Constant, Graph, Parameter, Total

Nodes = frozenset[int]
NONE: Nodes = frozenset()
ADDED = "added to a sum over the points, of which no line says what it is made of"
ADDRESSES = "pq"
"""What names of addresses begin with; lines that compute one are about no value yet."""


@dataclass(frozen=True)
class Listing:
    """The source for a graph, and for each of its lines the nodes of the graph that it is about.

    Layers of equal structure share one kernel, so that a line may belong to many nodes.
    ``elsewhere`` says in a few words what became of the nodes that have no line.
    """

    source: str
    nodes: tuple[tuple[int, ...], ...]
    elsewhere: Mapping[int, str]


def listing(graph: Graph, totals: Sequence[Total] = ()) -> Listing:
    """The source that the CPU backend generates for a graph and its totals, line by line."""
    program = lower(graph, totals)
    source = emit(program)
    lines: list[set[int]] = [set() for _ in source.splitlines()]
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef):
            for line, nodes in _function(function, program):
                lines[line - 1] |= nodes
    found = {node for nodes in lines for node in nodes}
    added = {graph.outputs[term] for total in totals for term in total.terms}
    elsewhere = {
        node: ADDED if node in added & graph.varying else _elsewhere(graph, node)
        for node in graph.order
        if node not in found
    }
    return Listing(source, tuple(tuple(sorted(nodes)) for nodes in lines), elsewhere)


def _elsewhere(graph: Graph, node: int) -> str:
    op = graph[node].op
    if isinstance(op, Parameter):
        return "a parameter, read once for each call"
    if isinstance(op, Constant):
        return "a constant"
    if node not in graph.varying:
        return "the same at every point: computed once for each call, before the kernels"
    if isinstance(op, MOVES):
        return "a move: not computed, its users read the operand in another order"
    return "computed as a part of its users"


def _function(function: ast.FunctionDef, program: Program) -> Iterator[tuple[int, Nodes]]:
    name, _, number = function.name.partition("_")
    if name == "kernel":
        kernel = program.kernels[int(number)]
        runs = [i for i in program.instructions if isinstance(i, Run) and i.kernel == kernel]
        yield function.lineno, frozenset(node for run in runs for node in run.nodes)
        yield from _kernel(function, kernel, runs, program)
    elif name == "run":
        yield from _worker(function, program)


# The worker ---------------------------------------------------------------------------------------


def _worker(function: ast.FunctionDef, program: Program) -> Iterator[tuple[int, Nodes]]:
    """Lines that call a kernel, multiply, load or store."""
    products = [i for i in program.instructions if isinstance(i, Product)]
    calls = {"multiply": frozenset(node for product in products for node in product.nodes)}
    for number, kernel in enumerate(program.kernels):
        runs = [i for i in program.instructions if isinstance(i, Run) and i.kernel == kernel]
        calls[f"kernel_{number}"] = frozenset(node for run in runs for node in run.nodes)
    arrays = {f"x{i}": node for i, node in enumerate(program.inputs)}
    arrays |= {f"y{i}": node for i, node in enumerate(program.output_nodes)}
    for part in ast.walk(function):
        match part:
            case ast.Call(ast.Name("load_points" | "store_points"), [ast.Name(array), *_]):
                yield part.lineno, frozenset({arrays[array]})
            case ast.Call(ast.Name(name)) if name in calls:
                yield part.lineno, calls[name]


# Kernels ------------------------------------------------------------------------------------------


def _kernel(
    function: ast.FunctionDef, kernel: Kernel, runs: list[Run], program: Program
) -> Iterator[tuple[int, Nodes]]:
    """Lines that assign what a node of a run is, or what belongs to it, or that store it."""
    known = _names(kernel, runs, program)
    assigned: dict[str, list[ast.Assign]] = {}
    for part in ast.walk(function):
        match part:
            case ast.Assign([ast.Name(name)]):
                assigned.setdefault(name, []).append(part)
            case ast.Expr(ast.Call(ast.Name("store"), [_, place, _])):
                yield part.lineno, _all(known.get(name, NONE) for name in _used(place))
            case ast.Expr(ast.Call(ast.Name("eliminate"))):
                yield part.lineno, frozenset(node for run in runs for node in run.nodes)
    for name in _parts(assigned):
        known[name] = _all(
            known.get(user, NONE)
            for user, statements in assigned.items()
            if any(name in _used(statement.value) for statement in statements)
        )
    for name, statements in assigned.items():
        for statement in statements:
            if name[0] not in ADDRESSES:
                yield statement.lineno, known.get(name, NONE)


def _parts(assigned: Mapping[str, list[ast.Assign]]) -> list[str]:
    """Common parts of expressions (w0, w1, ..), each behind those that it is a part of."""
    parts = [name for name in assigned if name[0] == "w"]
    ordered: list[str] = []
    while parts:
        last = next(
            name
            for name in parts
            if not any(name in _used(s.value) for user in parts for s in assigned[user])
        )
        parts.remove(last)
        ordered.append(last)
    return ordered


def _names(kernel: Kernel, runs: list[Run], program: Program) -> dict[str, Nodes]:
    """The nodes behind the names in a kernel: values v, operands u at p, outputs o at q."""
    owners = {place: node for node, place in program.places.items()}

    def owner(access: Access) -> Nodes:
        return frozenset({owners[access.place]} if access.place in owners else ())

    found: dict[str, Nodes] = {}
    for run in runs:
        named: dict[str, Nodes] = {"total": frozenset(run.nodes)}
        if isinstance(kernel, NestKernel):
            named = {f"v{i}": frozenset({node}) for i, node in enumerate(run.nodes)}
        for i, access in enumerate(run.operands):
            named[f"u{i}"] = named[f"p{i}"] = owner(access)
        for i, access in enumerate(run.outputs):
            named[f"q{i}"] = named[f"o{i}_start"] = owner(access)
        if isinstance(kernel, MatrixKernel):
            named["q1"] = frozenset(run.nodes)
        for name, nodes in named.items():
            found[name] = found.get(name, NONE) | nodes
    return found


def _used(expression: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(expression) if isinstance(part, ast.Name)}


def _all(sets: Iterable[Nodes]) -> Nodes:
    return NONE.union(*sets)
