"""Graphs as text: golden programs, the words for every operation, stable numbers."""

from __future__ import annotations

import pickle
from typing import Any, get_args

import numpy as np
import pytest
import sympy as sp

from golden import Golden
from graphs import A, B, C, laplacian, network
from jetfold.graph.formula import to_formula, typeset
from jetfold.graph.functions import softplus
from jetfold.graph.graph import Coefficient, Editor, Graph, Node
from jetfold.graph.ops import (
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
    SourceLine,
    Sum,
    Transpose,
    Type,
)
from jetfold.graph.powers import power
from jetfold.graph.text import abbreviate, describe_op, note, numbering, program_order, to_text

R = DirectionAxis("r", 4)
DESCRIBED: list[tuple[Op, str]] = [
    (Input("x", Type((3,))), "input x"),
    (Parameter("W['a']", Type((3,))), "parameter W['a']"),
    (Constant(Array(np.eye(3))), "constant identity"),
    (Map(sp.tanh(A)), "tanh(%0)"),
    (Map(A - B * C), "%0 - %1*%2"),
    (Contract("ab,b->a"), 'einsum "ab,b->a"(%0, %1)'),
    (Sum((0, 2)), "sum(%0, axes=(0, 2))"),
    (Sum(directions=("r", "s")), "sum_r_s(%0)"),
    (Sum((1,), ("r",)), "sum_r(%0, axes=(1,))"),
    (MatrixFunction("sign_det"), "sign_det(%0)"),
    (Replicate(R), "replicate_r(%0)"),
    (Direct(1, R), "direct_r(%0, axis=1)"),
    (Pick(Array(np.array([2, 0, 0, 1])), "q", R), "pick_q_r(%0, [2, 0, 0, 1])"),
    (Collect(Array(np.arange(8) % 4), "q", R), "collect_q_r(%0, [0, 1, 2, 3, ...])"),
    (Reshape((2, 3)), "reshape(%0)"),
    (Broadcast((2, 3)), "broadcast(%0)"),
    (Transpose((1, 0)), "transpose(%0, (1, 0))"),
    (Slice((0, 1, 4), (1, 2, -2), (5, 3, 3)), "%0[0:5, 1:7:2, 4::-2]"),
    (Gather(Array(np.array([2, -1, 0]))), "gather(%0, [2, -1, 0])"),
    (Concatenate(1), "concatenate(%0, %1, axis=1)"),
]
OPERANDS = {Map(A - B * C): 3, Contract("ab,b->a"): 2, Concatenate(1): 2}


@pytest.mark.parametrize(("op", "text"), DESCRIBED)
def test_words_for_operation(op: Op, text: str) -> None:
    count = 0 if isinstance(op, (Input, Parameter, Constant)) else OPERANDS.get(op, 1)
    assert describe_op(op, [f"%{i}" for i in range(count)]) == text


def test_every_kind_has_words() -> None:
    assert {type(op) for op, _ in DESCRIBED} == set(get_args(Op))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.float64(0.5), "0.5"),
        (np.zeros((2, 3)), "zeros"),
        (np.ones(4, dtype=np.float32), "ones float32"),
        (np.full(2, -2.5), "all -2.5"),
        (np.eye(4), "identity"),
        (np.eye(3, 4), "[1, 0, 0, 0, ...]"),
        (np.array([1.0, 0.25, -3.0]), "[1, 0.25, -3]"),
        (np.arange(6.0), "[0, 1, 2, 3, ...]"),
        (np.array([np.nan, np.nan]), "[nan, nan]"),
        (np.zeros(0), "[]"),
    ],
)
def test_constants_in_few_words(value: np.ndarray[Any, Any], text: str) -> None:
    assert abbreviate(np.asarray(value)) == text


@pytest.mark.parametrize(
    ("expr", "plain", "pretty"),
    [
        (1 - A**2, "1 - x**2", "1 − x²"),
        (-2 * A * (1 - A**2) * B**2, "-2*x*y**2*(1 - x**2)", "−2·x·y²·(1 − x²)"),
        ((A + B) / C, "(x + y)/z", "(x + y)/z"),
        (A**-2, "x**(-2)", "x⁻²"),
        (A ** sp.Rational(3, 2), "x**(3/2)", "x^(3/2)"),
        (sp.sqrt(A) / sp.sqrt(sp.pi), "sqrt(x)/sqrt(pi)", "√x/√π"),
        (sp.Float(0.1) * sp.asin(A), "0.1*arcsin(x)", "0.1·arcsin(x)"),
        (sp.Float(1) / 3 * A, "0.3333333333333333*x", "0.3333·x"),
        (sp.Rational(8943, 200000) * A**3, "0.044715*x**3", "0.04471·x³"),
        (A ** sp.Rational(8943, 200000), "x**0.044715", "x^0.04471"),
        (A / 59049 + sp.Rational(1, 720), "x/59049 + 1/720", "1.694e−05·x + 1/720"),
        (123456 * A, "123456*x", "123456·x"),
        (sp.Rational(10) ** 400 / 3, "1" + "0" * 400 + "/3", "1" + "0" * 400 + "/3"),
        (sp.exp(-(A**2) / 2), "exp(-x**2/2)", "exp(−x²/2)"),
        (sp.Abs(softplus(A)), "absolute(softplus(x))", "absolute(softplus(x))"),
        (power(A, B, 1), "power(x, y, 1)", "power(x, y, 1)"),
        (
            sp.Piecewise((A, (A >= 0) & sp.Ne(B, 1)), (B, sp.Eq(B, A))),
            "where((x >= 0) & (y != 1), x, where(x == y, y, nan))",
            "where((x ≥ 0) & (y ≠ 1), x, where(x = y, y, nan))",
        ),
        (sp.Piecewise((A, A > 0), (0, True)), "where(x > 0, x, 0)", "where(x > 0, x, 0)"),
    ],
)
def test_formulas(expr: sp.Expr, plain: str, pretty: str) -> None:
    names = ["x", "y", "z"]
    assert to_formula(expr, names) == plain
    assert typeset(expr, names) == pretty
    read = to_formula(expr, ["a0", "a1", "a2"])
    if "where" not in read and "arcsin" not in read and not expr.has(softplus, power, sp.Float):
        assert sp.simplify(sp.sympify(read, {"a0": A, "a1": B, "a2": C}, rational=True) - expr) == 0


def test_operands_are_put_in_as_they_are() -> None:
    assert to_formula(A**2 + B, ["%12", "%7"]) == "%12**2 + %7"
    assert to_formula(A - B, ["b", "a"]) == "b - a"


def test_notes() -> None:
    op, kind = Map(A), Type(())
    source = SourceLine("some/where/net.py", 7, "return x")
    assert note(Node(op, kind)) == ""
    assert note(Node(op, kind, source)) == "net.py:7"
    assert note(Node(op, kind, source, Coefficient(3, 2))) == "order 2 of node 3"
    role = Coefficient(3, 2, ("r", "s"))
    assert note(Node(op, kind, None, role)) == "order 2 of node 3, summed over r, s"
    role = Coefficient(3, 2, ("r",), ("v0", "v1"))
    assert note(Node(op, kind, None, role)) == "order 2 of node 3 along v0, v1, summed over r"


@pytest.mark.parametrize(
    ("name", "graph"),
    [
        ("network", network()),
        ("laplacian_standard", laplacian(collapsed=False)),
        ("laplacian_collapsed", laplacian(collapsed=True)),
    ],
)
def test_golden_programs(golden: Golden, name: str, graph: Graph) -> None:
    golden(f"graph/{name}.txt", str(graph))


def test_text_survives_pickling_and_other_numbers() -> None:
    graph = laplacian(collapsed=True)
    assert str(pickle.loads(pickle.dumps(graph))) == str(graph)
    editor = Editor()
    for unused in range(7):
        editor.add(Constant(Array(np.array(float(unused)))))
    where = editor.insert(graph, {})
    moved = editor.freeze([where[output] for output in graph.outputs])
    assert min(moved) == 7
    assert str(moved) == str(graph)
    assert to_text(moved, renumber=False).splitlines()[0].startswith("%7 = input x ")
    assert numbering(moved) == {where[node]: number for node, number in numbering(graph).items()}


def test_program_order_is_that_of_the_operands() -> None:
    editor = Editor()
    x, y = (editor.add(Input(name, Type(()))) for name in "xy")
    unused = editor.add(Map(sp.cos(A)), x)
    sine = editor.add(Map(sp.sin(A)), y)
    square = editor.add(Map(A * B), sine, sine)
    end = editor.add(Map(A - B), square, x)
    graph = editor.freeze([end, sine, end])
    assert program_order(graph) == [y, sine, square, x, end]
    assert unused not in graph
    assert str(graph).splitlines()[-1] == "return %4, %1, %4"


def test_deep_graph() -> None:
    editor = Editor()
    node = editor.add(Input("x", Type(())))
    for _ in range(3000):
        node = editor.add(Map(sp.sin(A)), node)
    assert len(to_text(editor.freeze([node])).splitlines()) == 3002


def test_no_node() -> None:
    assert to_text(Editor().freeze([])) == "return "
