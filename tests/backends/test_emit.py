"""The generated source: read once by somebody and kept, the same for all sizes, valid by itself."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import sympy as sp
from hypothesis import given

import jetfold as jf
from golden import Golden
from graphs import A, B, laplacian, network
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.cpu.emit import PRODUCT, emit, first_kernel, first_load, first_store
from jetfold.backends.lower import lower
from jetfold.graph import (
    Array,
    Concatenate,
    Contract,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Parameter,
    Sum,
    Type,
)
from random_graphs import graphs

SUM_Q = Sum((), ("q",))


def source_of(function: Any, *parameters: Any, dim: int = 3) -> str:
    return jf.laplacian(function).source(np.zeros((1, dim)), *parameters)


def net(x: Any, params: Any) -> Any:
    w1, b1, w2, b2, w3 = params
    return np.tanh(np.tanh(x @ w1 + b1) @ w2 + b2) @ w3


def weights(dim: int, width: int) -> list[Any]:
    shapes = [(dim, width), (width,), (width, width), (width,), (width,)]
    return [np.ones(shape) for shape in shapes]


def test_laplacian_of_a_network(golden: Golden) -> None:
    golden("source/network.txt", source_of(net, weights(3, 8)))


def test_laplacian_of_a_function_of_numbers(golden: Golden) -> None:
    def wave(x: Any) -> Any:
        return np.exp(-(x[0] ** 2)) * np.sin(3 * x[1]) / (1 + x[2] ** 2)

    golden("source/scalar.txt", source_of(wave))


def test_branches_tables_and_masks(golden: Golden) -> None:
    """where() on a condition that is used twice; rows in no order; rows that are zero."""
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    mixed = editor.add(Gather(Array(np.array([2, 0, 1, 1]))), x)
    padded = editor.add(Gather(Array(np.array([-1, 0, 1, 2]))), x)
    chosen = editor.add(Map(sp.Piecewise((sp.exp(A), A > B), (B**2, True))), mixed, padded)
    other = editor.add(Map(sp.Piecewise((B, A > B), (sp.log(A), True))), mixed, padded)
    joined = editor.add(Concatenate(0), chosen, other)
    total = editor.add(Sum((0,), ()), joined)
    golden("source/branches.txt", emit(lower(editor.freeze([joined, total]))))


def test_contractions_of_values_that_vary(golden: Golden) -> None:
    """Axes of the result are loops around the samples, summed ones inside."""
    q, r = DirectionAxis("q", 2), DirectionAxis("r", 3)
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    moving = editor.add(Map(A * B), x, editor.add(Parameter("v", Type((4,), (q, r)))))
    along = editor.add(Sum((), ("r",)), moving)
    product = editor.add(Contract("a,a->"), x, along)
    golden("source/reductions.txt", emit(lower(editor.freeze([editor.add(SUM_Q, product)]))))


def test_the_source_holds_no_sizes() -> None:
    """One compiled file serves every width, dimension and batch."""
    narrow, wide = source_of(net, weights(3, 8)), source_of(net, weights(5, 700), dim=5)
    assert narrow == wide


def test_deep_networks_are_not_longer() -> None:
    def deep(x: Any, params: Any) -> Any:
        for w in params:
            x = np.tanh(x @ w)
        return x.sum()

    four, many = (source_of(deep, [np.eye(3)] * depth) for depth in (4, 40))
    assert four == many


def test_the_operators_source_is_what_runs() -> None:
    operator = jf.laplacian(net)
    graph = operator.derivation(np.zeros((1, 3)), weights(3, 8)).final_graph
    assert CompiledGraph(graph).source == operator.source(np.zeros((1, 3)), weights(3, 8))


def calls(source: str) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def defined(source: str) -> set[str]:
    """Names that the module defines or imports, or that are built in."""
    names = {"abs", "int", "range"}
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.ImportFrom(names=imported):
                names.update(alias.name for alias in imported)
            case ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
    return names


@given(graphs(least=4))
def test_sources_are_complete_and_deterministic(graph: Graph) -> None:
    source = emit(lower(graph))
    assert calls(source) <= defined(source)
    assert source == emit(lower(graph))
    assert max(map(len, source.splitlines())) < 1000


def test_numbers_of_instructions() -> None:
    """The worker's branches are numbered as the arguments say."""
    program = lower(laplacian(collapsed=True))
    worker = emit(program).split("def run(")[1]
    branches = worker.split("op == ")[1:]
    called = [branch.split(":\n", 1) for branch in branches]
    names = [body.split("(", 1)[0].strip() for _, body in called]
    assert [int(number) for number, _ in called] == list(range(len(called)))
    assert names[PRODUCT] == "multiply"
    assert names[first_load()] == "load_points"
    assert names[first_store(program) : first_kernel(program)] == ["store_points"] * 2
    assert names[first_kernel(program) :] == [f"kernel_{i}" for i in range(len(program.kernels))]


def test_a_worker_takes_one_array_for_each_input_and_output() -> None:
    source = emit(lower(network()))
    assert "def run(x0, y0, ws, sh, args, code, samples, first, last):" in source
    editor = Editor()
    x, y = (editor.add(Input(name, Type(()))) for name in "xy")
    graph = editor.freeze([editor.add(Map(A * B), x, y), x])
    assert "def run(x0, x1, y0, y1, ws, " in emit(lower(graph))
