"""What names and options mean: operators, points and parameters, primitives, and plain errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

import jetfold as jf
from jetfold import target
from jetfold.biharmonic import Biharmonic
from jetfold.expression import parse_expression
from jetfold.graph import BATCH, Input, Value, calls, interpret
from jetfold.graph.numbers import FLOAT
from jetfold.jet import Jet
from jetfold.laplacian import Laplacian
from jetfold.pde import PDE
from jetfold.summed_jet import SummedJet
from jetfold.target import Target
from messages import message_of

MODULE = """
import jetfold as jf
import numpy as np
import sympy as sp

import neighbour


def wave(point):
    x, y = point
    return np.sin(x) * y


def pair(x):
    return np.exp(-np.linalg.norm(x[0] - x[1]))


def network(x, params):
    return np.tanh(x @ params["W"]) @ params["b"]


def scaled(x, factor, shift):
    return factor * np.sum(np.sin(x)) + shift


def parameters():
    return {"W": np.ones((2, 3)), "b": np.ones(3)}


def missing_key(x):
    return {}["a"]


class Space:
    class Inner:
        cube = staticmethod(lambda x: np.sum(x**3))


ready = parameters()
nu, x, t = sp.symbols("nu x t")
h = sp.Function("h")(x, t)
heat = jf.operator(h.diff(t) - nu * h.diff(x, 2), wave, (x, t))
s = sp.Symbol("s")
bump = jf.primitive("target_bump", neighbour.height / (1 + nu * s**2), s, parameters={nu: 1.0})
"""


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_custom_primitives: None
) -> Iterator[Path]:
    """A folder with modules of a user's, in which the commands run."""
    (tmp_path / "neighbour.py").write_text("height = 2\n")
    (tmp_path / "theirs.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def read(*arguments: str) -> Target:
    parser = argparse.ArgumentParser()
    target.add_options(parser)
    return target.read(parser.parse_args(arguments))


# Functions ----------------------------------------------------------------------------------------


def test_a_function_of_a_module_in_the_current_folder(folder: Path) -> None:
    found = read("theirs:wave", "--dim", "2")
    assert isinstance(found.operator, Laplacian)
    assert found.operator.function is sys.modules["theirs"].wave
    assert found.shape == (2,)
    assert str(found.derivation.final_graph) == str(
        jf.laplacian(sys.modules["theirs"].wave).derivation(np.zeros(2)).final_graph
    )


def test_a_file_is_imported_once_and_finds_its_neighbours(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "theirs.py").rename(folder / "below" / "numpy.py")  # a name that is taken
    (folder / "neighbour.py").rename(folder / "below" / "neighbour.py")
    found = read("below/numpy.py:network", "--dim", "2", "--params", "./below/numpy.py:ready")
    module = sys.modules[found.operator.function.__module__]
    assert found.parameters == (module.ready,)
    source = {node.source for node in map(found.derivation.function_graph.__getitem__, range(5))}
    assert any(line and line.file.endswith("below/numpy.py") for line in source)


def test_dotted_attributes(folder: Path) -> None:
    found = read("theirs:Space.Inner.cube", "--dim", "3")
    assert found.operator.function(np.ones(3)) == 3


def test_points_of_several_axes(folder: Path) -> None:
    found = read("theirs:pair", "--shape", "2,3")
    assert (found.shape, found.operator.point_ndim) == ((2, 3), 2)
    assert found.derivation.cost.vectors["collapsed"] == 8


@pytest.mark.parametrize("name", ["ready", "parameters"])
def test_parameters_are_objects_or_are_made(folder: Path, name: str) -> None:
    found = read("theirs:network", "--dim", "2", "--params", f"theirs:{name}")
    np.testing.assert_equal(found.parameters, (sys.modules["theirs"].ready,))
    assert len(found.derivation.function_graph.parameters) == 2


def test_parameters_are_numbers(folder: Path) -> None:
    found = read("theirs:scaled", "--dim", "2", "--params", "2", "--params", "-1000")
    assert found.parameters == (2.0, -1000.0)
    assert len(found.derivation.function_graph.parameters) == 2


def test_an_operator_of_the_module_is_taken_as_it_is(folder: Path) -> None:
    found = read("theirs:heat", "--dim", "2", "--value", "nu=0.1")
    assert found.operator is sys.modules["theirs"].heat
    assert found.values == {"nu": 0.1}
    assert found.derivation.final_graph.parameters
    nested = read("theirs:heat", "--dim", "2", "--operator", "jet")
    assert isinstance(nested.operator, Jet)


# Operators ----------------------------------------------------------------------------------------


def test_operators_by_name() -> None:
    text = "sin(x)*exp(y)"
    assert isinstance(read(text).operator, Laplacian)
    assert isinstance(read(text, "--operator", "biharmonic").operator, Biharmonic)
    jet = read(text, "--operator", "jet").operator
    assert isinstance(jet, Jet)
    assert jet.order == 2
    jet = read(text, "--operator", "jet", "--order", "5").operator
    assert isinstance(jet, Jet)
    assert jet.order == 5


def test_operators_as_polynomials(folder: Path) -> None:
    x, y = sp.symbols("x y", real=True)
    u = sp.Function("u", real=True)(x, y)
    cases = {
        "x**2 + y**2": u.diff(x, 2) + u.diff(y, 2),
        "(x + 2*y)**2/4 - 1": u.diff(x, 2) / 4 + u.diff(x, y) + u.diff(y, 2) - u,
        "x": u.diff(x),
    }
    for text, expected in cases.items():
        found = read("sin(x)*exp(y)", "--operator", text).operator
        assert isinstance(found, PDE)
        assert found.expressions == expected
    of_function = read("theirs:pair", "--shape", "2,3", "--operator", "x0*x5").operator
    assert isinstance(of_function, PDE)
    assert [str(c) for c in of_function.coords] == [f"x{i}" for i in range(6)]


def test_options_of_operators() -> None:
    chosen = ["--samples", "4", "--distribution", "sphere", "--seed", "1", "--method", "standard"]
    for operator in ("laplacian", "biharmonic", "x**2 + y**2"):
        found = read("sin(x)*y", "--operator", operator, *chosen).operator
        assert (found.method, found.__dict__["samples"]) == ("standard", 4)
        assert found.__dict__["distribution"] == "sphere"


# Expressions --------------------------------------------------------------------------------------

EXPRESSIONS = {
    "sin(x)*exp(y)": ["gather", "gather", "sin", "exp", "*"],
    "x*exp(-x**2)": ["**2", "-", "exp", "*"],
    "-2*x*y*z/(x + y)": ["gather", "gather", "gather", "*", "*", "+", "-2*"],
    "where(x > 0 and y <= 2, x*y, tanh(x))": ["gather", "gather", "*", "tanh", "where"],
    "3 - hypot(x, 2)/pi + 2*x": ["hypot", "2*%0 - %1/pi + 3"],
    "1/x": ["1/%0"],
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_shows_its_functions(text: str) -> None:
    found = read("--", text)
    graph = found.derivation.function_graph
    lines = str(graph).splitlines()[1:-1]
    assert len(lines) == len(EXPRESSIONS[text])
    for part in EXPRESSIONS[text]:
        assert any(part in line for line in lines), part
    sources = {graph[node].source for node in graph if graph.operands(node)}
    assert {(line.file, line.line, line.text) for line in sources if line} <= {
        ("<expression>", 1, text)
    }
    assert None not in sources


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_has_its_values(text: str) -> None:
    expr = parse_expression(text)
    symbols = sorted(expr.free_symbols, key=str)
    points = np.random.default_rng(0).normal(size=(5, len(symbols)))
    expected = [
        float(expr.xreplace({s: sp.Float(v, 30) for s, v in zip(symbols, point, strict=True)}))
        for point in points
    ]
    graph = read("--", text).derivation.function_graph
    shaped = points if len(symbols) > 1 else points[:, 0]
    given = {node: Value(shaped, (BATCH,)) for node in graph.inputs}
    found = interpret(graph, given, FLOAT)[graph.outputs[0]].array
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_coordinates_of_an_expression() -> None:
    assert read("sin(b)*exp(a)").shape == (2,)
    assert read("sin(b)*exp(a)", "--dim", "2").shape == (2,)
    assert read("sin(b)").shape == ()


# Primitives ---------------------------------------------------------------------------------------


def test_the_rule_of_a_primitive(folder: Path) -> None:
    found = read("tanh", "--order", "4")
    assert found.rule == jf.rule("tanh", 4)
    assert isinstance(found.operator, Jet)
    assert found.operator.order == 4
    assert read("abs").rule == jf.rule("absolute")
    assert read("numpy:tanh").rule == jf.rule("tanh")
    bump = read("theirs:bump", "--order", "1")
    assert bump.rule == jf.rule("target_bump", 1)
    assert 'parameter params["nu"]' in str(bump.derivation.function_graph)
    assert read("target_bump", "--import", "theirs").rule == jf.rule("target_bump")


def last_output(found: Target, leaves: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The last output of the graph that runs, for one point."""
    graph = found.derivation.final_graph
    inputs = {node: graph[node].op for node in graph.inputs}
    given = {
        node: Value(leaves[op.name][None], (BATCH,))
        for node, op in inputs.items()
        if isinstance(op, Input)
    }
    return interpret(graph, given, FLOAT)[graph.outputs[-1]].array


@pytest.mark.parametrize(("name", "count"), [("tanh", 1), ("multiply", 2)])
def test_a_collapsed_rule_is_what_the_derivation_computes(name: str, count: int) -> None:
    found = read(name, "--order", "3", "--collapsed")
    assert found.rule == jf.rule(name, 3, collapsed=True)
    assert isinstance(found.operator, SummedJet)
    random, tail = np.random.default_rng(1), (count,) if count > 1 else ()
    start, path = random.normal(size=tail), random.normal(size=(3, 3, *tail))
    total = last_output(found, {"x": start, **{f"x_{k}": row for k, row in enumerate(path, 1)}})
    alone = read(name, "--order", "3")
    each = [
        last_output(alone, {"x": start, **{f"x_{k}": row[r] for k, row in enumerate(path, 1)}})
        for r in range(3)
    ]
    np.testing.assert_allclose(total, sum(each), rtol=1e-12)


def test_the_graph_of_a_collapsed_rule_is_collapsed() -> None:
    derivation = read("tanh", "--order", "3", "--collapsed").derivation
    assert derivation.cost.vectors == {"standard": 9, "collapsed": 7}
    roles = [derivation.collapsed_graph[node].role for node in derivation.collapsed_graph]
    assert any(role and role.order == 3 and role.summed == ("r",) for role in roles)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["theirs:wave"], "how many coordinates has a point? Give --dim 3, or --shape 2,3"),
        (["theirs:waves", "--dim", "2"], "there is no 'waves' in theirs; did you mean wave?"),
        (["theirs:Space.Outer.cube"], "there is no 'Outer' in theirs:Space"),
        (["their:wave", "--dim", "2"], "there is no module 'their' to import"),
        (["a-b:wave", "--dim", "2"], "'a-b' is no name of a module"),
        (
            ["theirs.wave"],
            "there is no primitive called 'theirs.wave'; write a function of yours as",
        ),
        (["thiers.py:wave", "--dim", "2"], "there is no file thiers.py"),
        (["./theirs:wave", "--dim", "2"], "there is no file theirs"),
        (["theirs.py"], "which function in theirs.py? Write theirs.py:function"),
        (["theirs:", "--dim", "2"], "'theirs:' does not name an object in a module"),
        ([":wave", "--dim", "2"], "':wave' does not name an object in a module"),
        (["theirs:ready", "--dim", "2"], "theirs:ready is an object of type dict, which cannot be"),
        (
            ["theirs:network", "--dim", "2"],
            "network(x, params) cannot be called with a point and 0",
        ),
        (
            ["theirs:wave", "--dim", "2", "--params", "1"],
            "wave(point) cannot be called with a point",
        ),
        (
            ["theirs:network", "--dim", "2", "--params", "theirs:wave"],
            "theirs:wave cannot be called without arguments",
        ),
        (["theirs:wave", "--dim", "0"], "--dim is 0; it must be an integer of 1 or more"),
        (["theirs:pair", "--shape", "64,65"], "has 4160 coordinates, more than 4096"),
        (["theirs:wave", "--dim", "2", "--collapsed"], "write --method collapsed"),
        (["theirs:heat", "--shape", "2,1"], "is for points of 1 axes, not of shape (2, 1)"),
        (["theirs:heat", "--dim", "2", "--method", "minimal"], "--method is not for what is an"),
        (["theirs:heat", "--dim", "2", "--value", "nu"], "--value nu gives no number"),
        (["tanhh"], "there is no primitive called 'tanhh' (did you mean tanh"),
        (["tanh", "--dim", "2"], "--dim is not for a primitive's rule; for an operator write an"),
        (["tanh", "--order", "0"], "--order is 0; it must be an integer of 1 or more"),
        (["3 + 4"], "the expression 3 + 4 has no coordinates"),
        (
            ["sin(x) + y", "--dim", "3"],
            "--dim is 3, but the coordinates in the expression are x, y",
        ),
        (["sin(x) + y", "--params", "1"], "--params is for functions"),
        (["sin(x) + y", "--order", "3"], "--order is for --operator jet"),
        (["sin(x) + y", "--operator", "jet", "--method", "auto"], "--method is not for jets"),
        (["sin(x) + y", "--operator", "jet", "--order", "0"], "the order of a jet is 0"),
        (["sin(x) + y", "--operator", "laplacien"], "unknown operator 'laplacien'"),
        (["sin(x) + y", "--operator", "laplacien"], "did you mean laplacian?"),
        (["sin(x) + y", "--operator", "x**2 + nu*z"], "has nu, z in it; write a polynomial in the"),
        (["sin(x) + y", "--operator", "sin(x)"], "the operator sin(x) is no polynomial"),
        (
            ["sin(x) + y", "--operator", "x^2"],
            "--operator: in the expression, column 1: write powers",
        ),
        (["sin(x) + y", "--seed", "1"], "seed is 1, but samples is not given"),
        (["sin(x + y"], "in the expression, column 4"),
        (["x*foo(x)"], "column 3: there is no function foo"),
    ],
)
def test_what_cannot_be_meant(folder: Path, arguments: list[str], message: str) -> None:
    assert message in message_of(jf.ArgumentError, read, *arguments)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').mkdir('made')",
        "open('made', 'w')",
        "[exec('import os') for x in (1,)]",
        "(lambda: open('made', 'w'))()",
        "lambda x: open('made', 'w')",
        "x.__class__.__mro__[1].__subclasses__()",
        "exec(\"import os; os.mkdir('made')\")",
        "sin(x) if open('made', 'w') else x",
        'f\'{open("made", "w")}\'',
        "(y := 3)*x",
        "9**9**9**9*x",
    ],
)
def test_nothing_in_an_expression_is_evaluated(folder: Path, text: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert "column" in message_of(jf.ArgumentError, read, text)
    assert "in the expression" in message_of(
        jf.ArgumentError, read, "sin(x)", "--operator", f"x + {text}"
    )
    assert sorted(path.name for path in folder.iterdir()) == before


def test_errors_of_functions_name_the_line(folder: Path) -> None:
    wrong = read("theirs:wave", "--dim", "3")
    message = message_of(jf.ArgumentError, lambda: wrong.derivation)
    assert message.splitlines()[0] == "ValueError: too many values to unpack (expected 2)"
    assert message.splitlines()[1].endswith('theirs.py", line 10: x, y = point')
    assert "for one point x of shape (3,)" in message
    wrong = read("theirs:missing_key", "--dim", "3")
    message = message_of(jf.ArgumentError, lambda: wrong.derivation)
    assert message.startswith("KeyError: 'a'\n")
    wrong = read("theirs:network", "--dim", "3", "--params", "theirs:ready")
    message = message_of(jf.ShapeError, lambda: wrong.derivation)
    assert 'theirs.py", line 19' in message
    assert "While tracing Laplacian(network) for one point x of shape (3,)" in message


@pytest.mark.usefixtures("folder")
def test_an_error_of_our_own_is_not_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = read("theirs:wave", "--dim", "2")
    monkeypatch.setattr(calls, "call_ufunc", None)  # np.sin(x) of the user calls it
    with pytest.raises(TypeError, match="'NoneType' object is not callable"):
        _ = wanted.derivation


def test_errors_inside_a_module_are_its_own(folder: Path) -> None:
    (folder / "divides.py").write_text("1 / 0\n")
    (folder / "needs.py").write_text("import no_such_neighbour\n")
    (folder / "wrong.py").write_text("import jetfold as jf\njf.laplacian(3)\n")
    for name, kind in {
        "divides": ZeroDivisionError,
        "needs": ModuleNotFoundError,
        "wrong": ImportError,
    }.items():
        for place in (name, f"{name}.py"):
            with pytest.raises(kind) as caught:
                read(f"{place}:u", "--dim", "2")
            assert not isinstance(caught.value, jf.JetfoldError)
            assert name not in sys.modules
    assert isinstance(caught.value.__cause__, jf.ArgumentError)
