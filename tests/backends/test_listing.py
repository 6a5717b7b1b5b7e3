"""The nodes of a line of generated source are those whose values it computes when it runs."""

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import pytest

from jetfold import biharmonic, laplacian
from jetfold.backends.cpu import CompiledGraph, Listing, listing
from jetfold.graph import (
    MOVES,
    Constant,
    Contract,
    Editor,
    Graph,
    Input,
    Parameter,
    Sum,
    Total,
    Type,
    interpret,
)
from jetfold.graph.interpret import BATCH, Value
from programs import FLOAT64, sample, unjitted
from sample_functions import SAMPLES, Sample

POINTS = 2


GRAPHS = [pytest.param(laplacian, known, id=name) for name, known in SAMPLES.items()]
GRAPHS.append(pytest.param(biharmonic, SAMPLES["network of tanh"], id="biharmonic"))


def final_graph(operator: Any, known: Sample) -> Graph:
    parameters = {name: np.ones(shape) for name, shape in known.parameters.items()}
    made = operator(known.function, point_ndim=len(known.shape))
    graph: Graph = made.derivation(np.ones((1, *known.shape)), parameters).final_graph
    return graph


def assignments(source: str) -> list[tuple[str, list[int]]]:
    """The values (v0, v1, .., total) of each kernel, with the lines that assign them.

    A sum has two: it begins with zero.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for function in ast.parse(source).body:
        for part in ast.walk(function):
            match function, part:
                case ast.FunctionDef(kernel), ast.Assign([ast.Name(name)]) if "kernel" in kernel:
                    if name[0] == "v" or name == "total":
                        found.setdefault((kernel, name), []).append(part.lineno)
    return [(name, lines) for (_, name), lines in found.items()]


@contextmanager
def watched(lines: dict[int, str]) -> Iterator[dict[int, list[Any]]]:
    """What each of these lines of the generated source assigns while it runs un-jitted."""
    seen: dict[int, list[Any]] = {line: [] for line in lines}
    last: dict[FrameType, int] = {}

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != "<generated>":
            return None
        line = last.get(frame)
        if line in lines:
            seen[line].append(np.array(frame.f_locals[lines[line]])[:POINTS])
        last[frame] = frame.f_lineno
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield seen
    finally:
        sys.settrace(before)


def values(graph: Graph, inputs: dict[str, Any], parameters: dict[str, Any]) -> dict[int, Any]:
    """The value of each node at each point: (copies and elements, points)."""
    leaves = {}
    for node in (*graph.inputs, *graph.parameters):
        op = graph[node].op
        assert isinstance(op, (Input, Parameter))
        given = inputs | parameters
        leaves[node] = Value(given[op.name], (BATCH,) if isinstance(op, Input) else ())
    found = {}
    for node, value in interpret(graph, leaves).items():
        if BATCH in value.lead:
            batch_last = np.moveaxis(value.array, value.lead.index(BATCH), -1)
            found[node] = batch_last.reshape(-1, batch_last.shape[-1])
    return found


def occurs(value: Any, assigned: list[Any]) -> bool:
    """Whether all rows of a value are among those that were assigned."""
    rows = np.array([np.broadcast_to(row, POINTS) for row in assigned])
    return all(
        np.isclose(rows, row, rtol=1e-9, atol=1e-12, equal_nan=True).all(axis=1).any()
        for row in value
    )


@pytest.mark.parametrize(("operator", "known"), GRAPHS)
def test_lines_compute_the_nodes_that_are_listed(operator: Any, known: Sample) -> None:
    graph = final_graph(operator, known)
    found = listing(graph)
    assigned = assignments(found.source)
    names = {line: name for name, lines in assigned for line in lines}
    inputs, given = sample(graph, POINTS, np.float64, 0.2, 1.5)
    with watched(names) as seen:
        unjitted(CompiledGraph(graph))(POINTS, FLOAT64, inputs, given)
    expected = values(graph, inputs, given)
    compared = 0
    for name, lines in assigned:
        (nodes,) = {found.nodes[line - 1] for line in lines}
        for node in nodes:
            assert occurs(expected[node], [row for line in lines for row in seen[line]]), name
            compared += 1
    assert compared >= len({node for nodes in found.nodes for node in nodes} & expected.keys()) / 2


@pytest.mark.parametrize(("operator", "known"), GRAPHS)
def test_every_node_has_a_line_or_is_said_to_be_elsewhere(operator: Any, known: Sample) -> None:
    graph = final_graph(operator, known)
    found: Listing = listing(graph)
    assert found.source == CompiledGraph(graph).source
    assert len(found.nodes) == len(found.source.splitlines())
    with_line = {node for nodes in found.nodes for node in nodes}
    assert with_line | found.elsewhere.keys() == set(graph)
    assert not with_line & found.elsewhere.keys()
    for node, why in found.elsewhere.items():
        op = graph[node].op
        free = isinstance(op, (Parameter, Constant, *MOVES)) or node not in graph.varying
        assert free, (node, op, why)


def test_what_is_only_added_up_has_no_line_of_its_own() -> None:
    editor = Editor()
    x, w = editor.add(Input("x", Type((3,)))), editor.add(Parameter("w", Type((4,))))
    scaled = editor.add(Contract(",a->a"), editor.add(Sum((0,)), x), w)
    outer = editor.add(Contract("a,b->ab"), x, scaled)
    graph = editor.freeze([outer])
    found = listing(graph, [Total((0,), Type((3, 4)))])
    assert found.elsewhere[outer].startswith("added to a sum over the points")
    assert outer in {node for line in listing(graph).nodes for node in line}
    assert {*found.elsewhere, *(n for line in found.nodes for n in line)} == set(graph)
