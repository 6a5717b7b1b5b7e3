"""The generated source for CUDA: read once by somebody and kept, valid by itself, without sizes."""

from __future__ import annotations

import ast
import re

import numpy as np
import pytest
import sympy as sp
from hypothesis import given

from golden import Golden
from graphs import A, B, laplacian
from jetfold.backends.cuda.emit import emit
from jetfold.backends.cuda.launches import Launch, loads_of, plan
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
from programs import FLOAT32, FLOAT64
from random_graphs import graphs

SUM_Q = Sum((), ("q",))


def test_laplacian_of_a_network(golden: Golden) -> None:
    """Sums in registers; several directions are loaded before the first is stored."""
    golden("source/cuda_network.txt", emit(lower(laplacian(collapsed=True))))


def test_branches_tables_and_masks(golden: Golden) -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    y = editor.add(Input("y", Type((4,))))
    mixed = editor.add(Gather(Array(np.array([2, 0, 1, 1]))), x)
    padded = editor.add(Gather(Array(np.array([-1, 0, 1, 2]))), y)
    chosen = editor.add(Map(sp.Piecewise((sp.exp(A), A > B), (B**2, True))), mixed, padded)
    joined = editor.add(Concatenate(0), chosen, y)
    total = editor.add(Sum((0,), ()), joined)
    golden("source/cuda_branches.txt", emit(lower(editor.freeze([joined, total]))))


def test_contractions_of_values_that_vary(golden: Golden) -> None:
    """A thread for each element of the result; axes that are summed are loops."""
    q, r = DirectionAxis("q", 2), DirectionAxis("r", 3)
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    moving = editor.add(Map(A * B), x, editor.add(Parameter("v", Type((4,), (q, r)))))
    along = editor.add(Sum((), ("r",)), moving)
    product = editor.add(Contract("a,a->"), x, along)
    golden("source/cuda_reductions.txt", emit(lower(editor.freeze([editor.add(SUM_Q, product)]))))


def test_the_source_holds_no_sizes() -> None:
    narrow, wide = laplacian(True, dim=3, width=8), laplacian(True, dim=5, width=700)
    assert emit(lower(narrow)) == emit(lower(wide))


@pytest.mark.parametrize("collapsed", [True, False])
def test_dtypes_differ_in_one_line(collapsed: bool) -> None:
    program = lower(laplacian(collapsed))
    single, double = (emit(program, dtype).splitlines() for dtype in (FLOAT32, FLOAT64))
    differing = [pair for pair in zip(single, double, strict=True) if len(set(pair)) == 2]
    assert differing == [("from numpy import float32 as real", "from numpy import float64 as real")]


def test_library_functions_come_along() -> None:
    """As functions of the module, inlined: a kernel calls nothing that is elsewhere."""
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    source = emit(lower(editor.freeze([editor.add(Map(sp.polygamma(1, A)), x)])))
    functions = {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assert "polygamma" in functions
    assert functions >= calls(source) - {"min", "abs", "range", "len", "real", "uint64"}
    kernels = {name for name in functions if name.startswith(("kernel", "load"))}
    inlined = source.count('@cuda.jit(device=True, inline="always")')
    assert inlined == len(functions - kernels)


def calls(source: str) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


@given(graphs(least=4))
def test_kernels_take_what_launches_give(graph: Graph) -> None:
    """Names and numbers of arguments agree, and all integers that are read are there."""
    program = lower(graph)
    source = emit(program)
    assert source == emit(program)
    assert max(map(len, source.splitlines())) < 1000
    functions = {
        node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }
    for step in plan(program, 32, 32).steps:
        if isinstance(step, Launch) and step.kernel != "store_points":
            function = functions[step.kernel]
            assert [argument.arg for argument in function.args.args] == [*step.arrays, "args"]
            read = re.findall(r"args\[(\d+)\]", ast.unparse(function))
            assert max(map(int, read)) < len(step.integers)


def test_every_input_is_loaded_from_its_own_array() -> None:
    editor = Editor()
    names = [editor.add(Input(name, Type((2,)))) for name in "xyz"]
    program = lower(editor.freeze([editor.add(Map(A + B), *names[:2]), names[2]]))
    assert loads_of(program) == [[0, 1, 2]]
    source = emit(program)
    assert "def load_0(x0, x1, x2, ws, args):" in source
    assert [source.count(f"= x{i}[") for i in range(3)] == [1, 1, 1]
