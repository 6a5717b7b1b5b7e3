"""Formulas of values: what they say, and that other programs can read them."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from latex2mathml.converter import convert

import jetfold as jf
from jetfold.graph import (
    Array,
    Broadcast,
    Coefficient,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Op,
    Pick,
    Replicate,
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
)
from jetfold.graph.elementary import damped
from jetfold.graph.functions import sech_squared
from jetfold.graph.latex import letter, number, to_latex
from jetfold.graph.notation import LATEX, PLAIN
from jetfold.graph.powers import power, power_log
from jetfold.rules.primitives import PRIMITIVES
from jetfold.rules.taylor_rule import derive_rule
from sample_functions import SAMPLES

A, B, C = (sp.Symbol(f"a{i}", real=True) for i in range(3))
R, R1 = DirectionAxis("r", 3), DirectionAxis("r1", 2)


def one(op: Op, *kinds: Type) -> tuple[str, str]:
    """The formulas of one operation on inputs x, y, z of these types."""
    editor = Editor()
    operands = [editor.add(Input(name, kind)) for name, kind in zip("xyz", kinds, strict=False)]
    node = editor.add(op, *operands)
    graph = editor.freeze([node])
    return PLAIN.formula(graph, node), LATEX.formula(graph, node)


V3, M34, M43, M33 = Type((3,)), Type((3, 4)), Type((4, 3)), Type((3, 3))

OPERATIONS: dict[str, tuple[Any, ...]] = {
    "matrix product": (Contract("ab,bc->ac"), [M34, M43], "x @ y", r"x \, y"),
    "vector, matrix": (Contract("a,ab->b"), [V3, M34], "x @ y", r"x \, y"),
    "matrix, vector": (Contract("a,ba->b"), [V3, M43], "y @ x", r"y \, x"),
    "transposed": (Contract("ab,cb->ac"), [M34, M34], "x @ y.T", r"x \, y^{\top}"),
    "scalar product": (Contract("a,a->"), [V3, V3], "x @ y", r"x \cdot y"),
    "outer product": (Contract("a,b->ab"), [V3, V3], 'einsum("i,j->ij", x, y)', r"x \otimes y"),
    "trace": (Contract("cc->"), [M33], 'einsum("ii->", x)', r"\operatorname{tr} x"),
    "einsum": (
        *(Contract("ab,ab->b"), [M34, M34], 'einsum("ij,ij->j", x, y)'),
        r"\left[\sum_{i} \left(x\right)_{ij}\left(y\right)_{ij}\right]_{j}",
    ),
    "sum of an axis": (
        *(Sum((0,)), [M34], "sum(x, axes=(0,))"),
        r"\left[\sum_{i} \left(x\right)_{ij}\right]_{j}",
    ),
    "sum over directions": (
        *(Sum((), ("r", "r1")), [Type((3,), (R, R1))], "sum_r_r1(x[r, r1])"),
        r"\sum_{r} \sum_{r_{1}} x_{r,r_{1}}",
    ),
    "inverse": (MatrixFunction("inverse"), [M33], "inverse(x)", "x^{-1}"),
    "determinant": (
        *(MatrixFunction("log_abs_det"), [M33], "log_abs_det(x)"),
        r"\log\left|\det x\right|",
    ),
    "copies": (Replicate(R), [V3], "replicate_r(x)", r"\operatorname{rep}_{r}\left(x\right)"),
    "axis": (Direct(1, R), [M33], "direct_r(x, axis=1)", r"\left(x\right)_{:,r}"),
    "transpose": (Transpose((1, 0)), [M34], "transpose(x, (1, 0))", r"x^{\top}"),
    "slice": (Slice((1,), (1,), (2,)), [V3], "x[1:3]", r"x\left[1:3\right]"),
    "reshape": (
        *(Reshape((4, 3)), [M34], "reshape(x, (4, 3))"),
        r"\operatorname{reshape}_{4 \times 3}\left(x\right)",
    ),
    "broadcast": (
        *(Broadcast((2, 3)), [V3], "broadcast(x, (2, 3))"),
        r"\operatorname{broadcast}_{2 \times 3}\left(x\right)",
    ),
    "gather": (
        *(Gather(Array(np.array([2, -1]))), [V3], "gather(x, [2, -1])"),
        r"\operatorname{gather}\left(x\right)",
    ),
    "concatenate": (
        *(Concatenate(0), [V3, V3], "concatenate(x, y, axis=0)"),
        r"\operatorname{concatenate}_{0}\left(x, y\right)",
    ),
    "pick": (
        *(Pick(Array(np.array([0, 2])), "r", R1), [Type((), (R,))], "pick_r_r1(x[r], [0, 2])"),
        r"\operatorname{pick}_{r \to r_{1}}\left(x_{r}\right)",
    ),
    "collect": (
        *(Collect(Array(np.array([0, 1, 1])), "r", R1), [Type((), (R,))]),
        *(
            "collect_r_r1(x[r], [0, 1, 1])",
            r"\operatorname{collect}_{r \to r_{1}}\left(x_{r}\right)",
        ),
    ),
    "map": (
        Map(A * sp.tanh(B) / 2),
        [V3, V3],
        "x*tanh(y)/2",
        r"\frac{x \, \tanh\left(y\right)}{2}",
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str) -> None:
    op, kinds, plain, latex = OPERATIONS[name]
    assert one(op, *kinds) == (plain, latex)


EXPRESSIONS = {
    "written": (sech_squared(A), r"1 - \tanh^{2}\left(x\right)"),
    "damped": (damped(A, sp.exp(-(B**2))), r"x e^{- y^{2}}"),
    "power": (power(A, B, 0), "x^{y}"),
    "slope of a power": (power(A, B, 1), "x^{y - 1} y"),
    "its slope in the exponent": (power_log(A, B, 2), r"\log^{2}\left(x\right) x^{y}"),
    "digamma": (sp.polygamma(2, A) ** 2, r"\left(\psi^{(2)}\left(x\right)\right)^{2}"),
    "bessel": (sp.besselj(1, A) ** 2, r"\left(J_{1}\left(x\right)\right)^{2}"),
    "gamma": (sp.loggamma(A) + sp.gamma(A), r"\Gamma\left(x\right) + \log\,\Gamma\left(x\right)"),
    "fraction": (A / (1 + B), r"\frac{x}{y + 1}"),
    "root": (sp.sqrt(A + B), r"\sqrt{x + y}"),
    "decimal": (sp.Rational(8943, 200000) * A, "0.044715 x"),
    "fraction that is no decimal": (A * sp.Rational(12345, 67891), r"\frac{12345 x}{67891}"),
    "cases": (
        sp.Piecewise((A, A > B), (sp.S.Zero, True)),
        r"\begin{cases} x & \text{if } x > y \\ 0 & \text{otherwise} \end{cases}",
    ),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions(name: str) -> None:
    expr, expected = EXPRESSIONS[name]
    assert LATEX.expression(expr, ["x", "y"]) == expected


NAMES = {
    "x": "x",
    "W1": "W_{1}",
    "x_2": "x_{2}",
    "beta": r"\beta",
    "ψ": r"\psi",
    "Δ_max": r"\Delta_{\mathrm{max}}",
    "lambda_1": r"\lambda_{1}",
    "width": r"\mathrm{width}",
    "width_2": r"\mathrm{width}_{2}",
    "learning_rate": r"\mathrm{learning\_rate}",
    'params["a_b"][0]': r'\mathrm{params["a\_b"][0]}',
    'p["50% {#1} $x^2~&\\"]': (r'\mathrm{p["50\%\ \{\#1\}\ \$x\wedge 2\sim \&\backslash "]}'),
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name: str) -> None:
    assert letter(name) == NAMES[name]
    assert "mi" in convert(letter(name))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((3.0, "3"), (-0.5, "-0.5"), (1e-7, "10^{-7}"), (-2.5e30, r"-2.5 \cdot 10^{30}")),
        *((float("inf"), r"\infty"), (float("nan"), r"\mathrm{nan}"), (0.1 + 0.2, f"{0.1 + 0.2}")),
    ],
)
def test_numbers(value: float, expected: str) -> None:
    assert number(value) == expected


def _roles() -> tuple[Graph, dict[str, int]]:
    editor = Editor()
    x = editor.add(Input("x", V3))
    nodes = {
        "x": x,
        "x_r": editor.add(Replicate(R), x, role=Coefficient(0, 0)),
        "e_r": editor.add(Constant(Array(np.eye(3)), (R,)), role=Coefficient(0, 1)),
        "c": editor.add(Constant(Array(np.array([1.0, 2.0, 3.0])))),
        "half": editor.add(Constant(Array(np.full(3, -0.5)))),
    }
    nodes["v4"] = editor.add(Map(sp.sin(A)), x, role=Coefficient(4, 0))
    nodes["v4_r"] = editor.add(Map(sp.sin(A)), nodes["x_r"], role=Coefficient(4, 0))
    nodes["v4_2"] = editor.add(Map(sp.cos(A)), nodes["x_r"], role=Coefficient(4, 2))
    nodes["v4_4"] = editor.add(Map(sp.tan(A)), nodes["x_r"], role=Coefficient(4, 4))
    nodes["sum"] = editor.add(Sum((), ("r",)), nodes["v4_4"], role=Coefficient(4, 4, ("r",)))
    role = Coefficient(4, 2, along=("e0 + 3 e1",))
    nodes["along"] = editor.add(Map(sp.exp(A)), x, role=role)
    nodes["t"] = editor.add(Map(A * B), nodes["e_r"], nodes["v4_r"])
    terms = editor.add(Map(A**2 - B * C), nodes["v4_2"], nodes["sum"], nodes["half"])
    nodes["terms"] = terms
    return editor.freeze(list(nodes.values())), nodes


GRAPH, NODES = _roles()
VALUES = {
    "x": ("x", "x"),
    "x_r": ("x[r]", "x_{r}"),
    "e_r": ("e[r]", "e_{r}"),
    "c": (f"c{NODES['c']}", f"c_{{{NODES['c']}}}"),
    "half": ("-0.5", "-0.5"),
    "v4": ("v4", "v_{4}"),
    "v4_r": ("v4[r]", "v_{4,r}"),
    "v4_2": ("v4''[r]", "v_{4,r}^{(2)}"),
    "v4_4": ("v4^(4)[r]", "v_{4,r}^{(4)}"),
    "sum": ("sum_r v4^(4)[r]", r"\sum_{r} v_{4,r}^{(4)}"),
    "along": ("v4''[e0 + 3 e1]", "v_{4,e_{0} + 3 e_{1}}^{(2)}"),
    "t": (f"t{NODES['t']}[r]", f"t_{{{NODES['t']},r}}"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    node = NODES[name]
    assert (PLAIN.value(GRAPH, node), LATEX.value(GRAPH, node)) == VALUES[name]


def test_names_stand_in_formulas_with_brackets() -> None:
    node = NODES["terms"]
    assert PLAIN.formula(GRAPH, node) == "v4''[r]**2 - (sum_r v4^(4)[r])*(-0.5)"
    assert LATEX.formula(GRAPH, node) == (
        r"\left(v_{4,r}^{(2)}\right)^{2}"
        r" - \left(-0.5\right) \cdot \left(\sum_{r} v_{4,r}^{(4)}\right)"
    )
    expand = {NODES["v4_2"], NODES["sum"]}
    assert PLAIN.formula(GRAPH, node, expand) == "cos(x[r])**2 - sum_r(v4^(4)[r])*(-0.5)"


def test_equations() -> None:
    assert PLAIN.equation(GRAPH, NODES["x"]) == "x in R^3"
    assert LATEX.equation(GRAPH, NODES["x"]) == r"x \in \mathbb{R}^{3}"
    assert PLAIN.equation(GRAPH, NODES["v4"]) == "v4 = sin(x)"
    assert PLAIN.equation(GRAPH, NODES["half"]) == "-0.5"
    c = NODES["c"]
    assert LATEX.equation(GRAPH, c) == rf"c_{{{c}}} = \left(1, 2, 3\right)"
    assert PLAIN.equation(GRAPH, c) == f"c{c} = [1, 2, 3]"


def test_a_function_has_values_v_and_its_inputs_name_coefficients() -> None:
    d = jf.laplacian(lambda x: np.sum(np.sin(x) * 2)).derivation(np.ones(2))
    function = d.function_graph
    sine = next(n for n in function if function[n].op == Map(sp.sin(A)))
    assert PLAIN.value(function, sine) == f"v{sine}"
    editor = Editor()
    path = editor.add(Input("path", Type((2,), (R,))))
    slope = editor.add(Map(2 * A), path, role=Coefficient(function.inputs[0], 1))
    graph = editor.freeze([slope])
    assert PLAIN.value(graph, slope) == "v0'[r]"
    assert PLAIN.of(function).value(graph, slope) == "x'[r]"
    assert LATEX.of(function).value(graph, slope) == "x_{r}^{(1)}"


def test_long_numbers_are_decimals_where_these_are_exact() -> None:
    a = sp.Symbol("a0", real=True)
    for factor, plain, latex in (
        (sp.Integer(10) ** 300, "1e+300*x", "10^{300} x"),
        (sp.Rational(1e300), "1e+300*x", "10^{300} x"),
        (sp.Rational(0.1), "0.1*x", "0.1 x"),
        (sp.Integer(123456789), "123456789*x", "123456789 x"),
        (sp.Integer(10) ** 30 + 1, f"{10**30 + 1}*x", f"{10**30 + 1} x"),
        (sp.Rational(1, 30030), "x/30030", r"\frac{x}{30030}"),
    ):
        assert PLAIN.expression(factor * a, ["x"]) == plain
        assert LATEX.expression(factor * a, ["x"]) == latex


# Other programs -----------------------------------------------------------------------------------


def _formulas() -> list[str]:
    found: list[str] = [to_latex(p.expr, p.operands) for p in PRIMITIVES.values()]
    found += [latex for *_, latex in OPERATIONS.values()] + [latex for _, latex in VALUES.values()]
    found += [latex for _, latex in EXPRESSIONS.values()] + list(NAMES.values())
    chosen = random.Random(1).sample(sorted(SAMPLES), 4)
    for sample in (SAMPLES[name] for name in chosen):
        graph = sample.graph()
        found += [LATEX.equation(graph, node) for node in graph]
    return list(dict.fromkeys(found))


def test_a_converter_to_mathml_reads_formulas() -> None:
    for formula in _formulas():
        shown = convert(formula)
        text = re.sub(r"<[^>]*>", "", shown)
        assert "\\" not in text.replace("&#x0005C;", ""), formula  # no command was left as it is


def test_latex_compiles(pdflatex: str, tmp_path: Path) -> None:
    rules = [derive_rule(PRIMITIVES[name], 2, True).latex() for name in ("tanh", "power", "where")]
    formulas = [f"\\[ {formula} \\]" for formula in _formulas() if formula.isascii()]
    body = "\n".join([*rules, *formulas])
    document = rf"\documentclass{{article}}\usepackage{{amsmath,amssymb}}\begin{{document}}{body}"
    (tmp_path / "formulas.tex").write_text(document + r"\end{document}", encoding="utf-8")
    run = subprocess.run(
        [pdflatex, "-halt-on-error", "-interaction=nonstopmode", "formulas.tex"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert (tmp_path / "formulas.pdf").stat().st_size > 10_000
