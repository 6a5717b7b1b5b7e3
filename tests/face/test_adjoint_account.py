"""Gradients told as texts, pictures and pages: what they say, and that it is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import jetfold as jf
from account_cases import derived, told
from explorer_cases import data_of
from explorer_cases import derivation as shown
from golden import Golden
from jetfold.account.plain import to_text
from jetfold.account.tex import to_latex
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import chapters
from jetfold.graph import Cotangent
from jetfold.graph.notation import LATEX, PLAIN
from jetfold.rules.cost import operations

TOLD = ("gradient", "loss", "pulled_back", "jacobian")


def gradient(name: str) -> AdjointDerivation:
    found = derived(name)
    assert isinstance(found, AdjointDerivation)
    return found


# Texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOLD)
def test_the_text(name: str, golden: Golden) -> None:
    golden(f"account/{name}.txt", to_text(told(name)))


def test_latex_of_the_text(golden: Golden) -> None:
    golden("account/gradient.tex", to_latex(told("gradient")))


@pytest.mark.parametrize("name", TOLD)
def test_each_cotangent_is_told_where_it_comes_from(name: str) -> None:
    """An equation for each operand to which a node hands something."""
    derivation, found = gradient(name), to_text(told(name))
    section = found.split("Backwards through the function")[1].split("-\n\n")[1]
    rows = re.findall(r"^ +(bar\(\S+) \+?= ", section, re.MULTILINE)
    notation, function = PLAIN.of(derivation.function_graph), derivation.function_graph
    handed = [o for one in derivation.adjoint.handed for o, _ in one.parts]
    names = [notation.cotangent(function, operand) for operand in handed]
    assert [row.removesuffix("[o]") for row in rows] == names


def test_the_numbers_are_those_of_the_derivation() -> None:
    derivation, found = gradient("loss"), " ".join(to_text(told("loss")).split())
    alone, both = operations(derivation.function_graph), derivation.cost.flops
    assert f"takes {alone} operations at a point; with its gradient it takes {both}" in found
    assert f"has a certificate, {len(derivation.certificates)} in all: all compare" in found
    rows = derived("jacobian").final_graph.outputs
    assert rows
    assert "with its Jacobian of 3 rows it takes" in " ".join(to_text(told("jacobian")).split())


def test_sums_over_the_points_are_told_with_what_a_point_adds() -> None:
    found = to_text(told("loss"))
    section = found.split("Sums over the points\n")[1].split("Once per call")[0]
    assert section.count("sum_p(") == len(gradient("loss").totals)
    assert re.search(r"^ +L = sum_p\(v\d+\*weight\)$", section, re.MULTILINE)
    assert "Sums over the points" not in to_text(told("gradient"))


def test_kinks_are_told() -> None:
    with pytest.warns(jf.NotDifferentiableWarning):
        found = jf.grad(lambda x: np.abs(x).sum()).derivation(np.ones(2)).explain()
    assert "  * absolute has a kink at 0, where 0 is taken" in found


def test_nothing_to_hand_on() -> None:
    found = to_text(told("gradient_of_nothing"))
    assert "Nothing that is asked for has a derivative that is not zero." in found


def test_deep_networks_have_no_longer_accounts() -> None:
    def deep(x: Any, params: Any) -> Any:
        for weights in params:
            x = np.tanh(weights @ x)
        return x.sum()

    def lines(depth: int) -> int:
        params = [np.ones((3, 3))] * depth
        found = jf.value_and_grad(deep).derivation(np.zeros(3), params).explain()
        assert "and so on, through" in found
        return len(found.splitlines())

    assert abs(lines(30) - lines(40)) <= 1


def test_chapters() -> None:
    keys = ["function", "adjoint", "push", "pull", "clean-up"]
    assert [chapter.key for chapter in chapters(derived("gradient"))] == keys
    assert [chapter.key for chapter in chapters(derived("loss"))] == [*keys, "call"]
    (running,) = [chapter for chapter in chapters(derived("loss")) if chapter.runs]
    assert running.graph is derived("loss").final_graph


# Names --------------------------------------------------------------------------------------------


def test_cotangents_have_bars() -> None:
    derivation = gradient("loss")
    notation, function = LATEX.of(derivation.function_graph), derivation.function_graph
    graph = derivation.adjoint_graph
    roles = {graph[node].role: node for node in graph if isinstance(graph[node].role, Cotangent)}
    assert roles
    for role, node in roles.items():
        assert role is not None
        name = notation.value(graph, node)
        assert name == notation.cotangent(function, role.of)
        leaf = function.operands(role.of) == ()
        assert name.startswith(r"\overline{" if leaf else r"\bar v_{")


def test_values_keep_their_names_on_the_way_to_what_runs() -> None:
    """Clean-up gives nodes other numbers; what they are called is what they are."""
    derivation = gradient("loss")
    notation, function = PLAIN.of(derivation.function_graph), derivation.function_graph
    final = derivation.final_graph
    named = {notation.value(final, node): notation.formula(final, node) for node in final}
    for node in function:
        if function.operands(node):
            assert named[notation.value(function, node)] == notation.formula(function, node)


def test_a_gradient_inside_of_a_function_has_names_of_its_own() -> None:
    """Its leaves are other ones there, and derivatives of cotangents are still called that."""
    inner = jf.grad(lambda x: np.sum(np.sin(x)) ** 3)
    derivation = jf.laplacian(lambda x: inner(x) @ x).derivation(np.ones(2))
    notation = PLAIN.of(derivation.function_graph)
    names = [notation.value(derivation.final_graph, node) for node in derivation.final_graph]
    assert any(re.fullmatch(r"bar\(v\d+\)'\[r\]", name) for name in names)
    text = str(derivation.taylor_graph)
    assert re.search(r"# order 1 of the cotangent of node \d+", text)
    assert all(proved.certificate.holds for proved in derivation.certificates)


# Pictures and pages -------------------------------------------------------------------------------


def test_picture_has_the_function_beside_its_adjoint(tmp_path: Path) -> None:
    derivation = gradient("loss")
    derivation.draw(tmp_path / "loss.svg")
    text = "".join(ET.parse(tmp_path / "loss.svg").getroot().itertext())
    assert f"the function: {operations(derivation.function_graph)} operations" in text
    assert f"with its adjoint: {derivation.cost.flops} operations" in text
    assert "cotangent of params[1]" in text
    derivation.draw(tmp_path / "loss.dot")
    assert (tmp_path / "loss.dot").read_text(encoding="utf-8").startswith("digraph")
    with pytest.raises(jf.ArgumentError, match=r"\.svg or \.dot"):
        derivation.draw(tmp_path / "loss.png")


def test_notebooks_show_what_is_wanted_and_both_graphs() -> None:
    found = gradient("gradient")._repr_html_()
    assert "The gradient of" in found
    assert "with its adjoint" in found
    assert "Taylor" not in found


@pytest.mark.parametrize("name", ["gradient", "loss", "pulled back", "jacobian"])
def test_each_step_of_the_page_is_what_a_node_hands_on(name: str) -> None:
    data, derivation = data_of(name), shown(name)
    assert isinstance(derivation, AdjointDerivation)
    (told_of,) = [chapter for chapter in data["chapters"] if chapter["key"] == "adjoint"]
    *steps, last = told_of["steps"]
    handed = [one for one in derivation.adjoint.handed if one.parts]
    assert [step["before"] for step in steps] == [one.node for one in handed]
    graph = derivation.adjoint_graph
    for step, one in zip(steps, handed, strict=True):
        known = {one.cotangent, *(part for _, part in one.parts)}
        assert set(step["marks"]["about"]) == known & set(graph)
        assert re.match(rf"Transpose of v{one.node}(\[r\])? \(", step["title"])
        assert "¯" in data["formulas"][step["rhs"]] or "border-top" in data["formulas"][step["rhs"]]
    assert last["marks"]["about"] == list(graph.outputs)


def test_what_nodes_of_the_page_mean() -> None:
    def meanings(name: str) -> str:
        return re.sub(
            r"<math.*?</math>", "%", json.dumps([r["meaning"] for r in data_of(name)["records"]])
        )

    assert "cotangent of %, summed over the points" in meanings("loss")
    assert "cotangent of %, one for each of r (2 directions)" in meanings("loss")
    assert "cotangent of %, one for each row of the Jacobian (2)" in meanings("jacobian")


def test_the_source_of_the_page_adds_to_totals() -> None:
    data = data_of("loss")
    op = shown("loss").about
    assert op is not None
    assert data["source"]["chapter"] == "clean-up"
    nodes = {node for line in data["source"]["nodes"] for node in line}
    assert nodes | set(map(int, data["source"]["elsewhere"])) == set(shown("loss").final_graph)


# The command --------------------------------------------------------------------------------------


def test_gradients_on_the_command_line(tmp_path: Path) -> None:
    from jetfold.__main__ import parser
    from jetfold.target import read

    file = tmp_path / "loss.py"
    file.write_text("def loss(x, a, b):\n    return (a * x[0] - b) ** 2\n", encoding="utf-8")
    what = [f"{file}:loss", "--dim", "1", "--params", "1.5", "--params", "2.0"]

    def target(*options: str) -> Any:
        return read(parser().parse_args(["explain", *options, "--operator", "gradient"]))

    assert repr(target(*what).operator) == "ValueAndGrad(loss, argnums=(1, 2))"
    assert repr(target(*what).derivation) == f"<Derivation of {target(*what).operator!r}: adjoint>"
    assert repr(target("sin(x)*y").operator) == "Grad(sin(x)*y)"
    for option in ("--method", "--samples", "--order"):
        value = "collapsed" if option == "--method" else "2"
        with pytest.raises(jf.ArgumentError, match=f"{option} is not for gradients"):
            target(*what, option, value)
