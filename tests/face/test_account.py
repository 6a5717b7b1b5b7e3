"""Derivations told as texts: what they say, that it is bounded, and that it is well-formed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from account_cases import CASES, layers, net
from golden import Golden
from jetfold.account import account
from jetfold.account.breaking import breakable
from jetfold.account.document import (
    Code,
    Document,
    Equation,
    Equations,
    Formula,
    Heading,
    Paragraph,
    Table,
    text,
)
from jetfold.account.html import to_html
from jetfold.account.plain import WIDTH, to_text
from jetfold.account.tex import escape, to_latex
from jetfold.derivation import Derivation
from jetfold.rules.cost import vectors

TOLD = ("sum_exp_sin", "network", "biharmonic", "burgers", "weighted", "jet")


@cache
def derived(name: str) -> Derivation:
    return CASES[name]()


@cache
def told(name: str) -> Document:
    return account(derived(name))


def explained(function: Any, dim: int) -> str:
    return jf.laplacian(function).derivation(np.zeros(dim)).explain()


def as_xml(fragment: str) -> ET.Element:
    return ET.fromstring(fragment)


# What is said -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOLD)
def test_the_text(name: str, golden: Golden) -> None:
    golden(f"account/{name}.txt", to_text(told(name)))


def test_latex_of_the_text(golden: Golden) -> None:
    golden("account/sum_exp_sin.tex", to_latex(told("sum_exp_sin")))


def test_explain_and_latex_are_the_account() -> None:
    derivation = derived("sum_exp_sin")
    assert derivation.explain() == to_text(told("sum_exp_sin"))
    assert derivation.latex() == to_latex(told("sum_exp_sin"))
    complete = derivation.latex(document=True)
    assert complete.startswith("\\documentclass")
    assert derivation.latex() in complete


@pytest.mark.parametrize("name", ["network", "biharmonic", "weighted", "random"])
def test_the_numbers_are_those_of_the_derivation(name: str) -> None:
    found, cost = to_text(told(name)), derived(name).cost
    before, after = cost.vectors["standard"], cost.vectors[cost.chosen]
    assert f"carries {after} vectors in place of {before}" in " ".join(found.split())
    for count in (cost.operations["standard"], cost.operations[cost.chosen]):
        assert f"{count:,}" in found
    runs = next(line for line in found.splitlines() if "(this runs)" in line)
    numbers = [int(number.replace(",", "")) for number in re.findall(r" ([\d,]+)", runs)]
    final = derived(name).final_graph
    assert numbers == [len(final), vectors(final), cost.flops]


def test_every_rule_is_told_once_and_in_general_names() -> None:
    found = to_text(told("network"))
    assert found.count("tanh, at v5; the same at v10:") == 1
    assert "v5'' = -2*v5*v4'**2*(1 - v5**2) + v4''*(1 - v5**2)" in found
    assert "v2^(k) = x^(k) @ params[0][0]   the same at v7" in found


def test_a_selection_is_not_linear() -> None:
    found = to_text(told("outputs"))
    linear, others = found.split("One kind of node is linear", 1)[0], found
    assert "v3^(k)" not in others, linear
    assert "v3' = where(x > 0, x', where(x < 0, 0, x'/2))" in found


def test_products_and_matrix_functions_have_their_rules() -> None:
    assert "v2'' = 2*(v1' @ x') + v1'' @ x + v1 @ x''" in to_text(told("weighted"))
    assert "v2' = -((v2 @ x') @ v2)" in to_text(told("matrix_functions"))


def test_sums_that_stop_are_told_without_zeros() -> None:
    found = to_text(told("collapsed_biharmonic"))
    stops = found.split("Where sums stop")[1].split("Clean-up")[0]
    assert "it is not linear in v2'[r]" in stops
    assert "*0" not in stops


def test_several_results_have_their_names() -> None:
    found = to_text(told("partial"))
    assert "    u_xyy = v4'''[v0]/3 - 5*v4'''[v1]/6" in found
    assert "E_3 = u_x + v_y" in to_text(told("navier_stokes"))


def test_nothing_to_differentiate() -> None:
    found = to_text(told("no_derivative"))
    assert "It does not depend on the point: every derivative is zero." in found
    assert "The result Lap u(x) is 0." in found


def test_what_another_method_would_cost_is_told_with_its_numbers() -> None:
    found, cost = " ".join(to_text(told("burgers")).split()), derived("burgers").cost
    operations = cost.operations["minimal"], cost.operations["collapsed"]
    assert "The method minimal would carry 3 vectors in place of 4, and take" in found
    assert f"take {operations[0]} operations in place of {operations[1]}." in found


def test_a_jet_has_nothing_to_save() -> None:
    found = to_text(told("jet"))
    assert "there is nothing to sum or to collapse" in found
    assert "was asked for" not in found
    assert "was asked for" in to_text(told("standard"))


def test_functions_that_are_constant_in_pieces_are_not_called_linear() -> None:
    found = explained(lambda x: np.where(x > 0, x**3, np.sin(x)).sum(), 3)
    assert "One kind of node is constant in pieces, with derivatives that are zero: at v1." in found
    assert "v1^(k)" not in found


def test_coefficients_that_are_not_needed_are_not_counted() -> None:
    found = " ".join(explained(lambda x: x.mean(), 4).split())
    derivation = jf.laplacian(lambda x: x.mean()).derivation(np.zeros(4))
    assert vectors(derivation.taylor_graph) == 4
    assert "1 + 2 x 4 = 9 vectors" in found
    assert "Here not all of them are needed: no node has more than 4." in found


def test_directions_that_a_function_has_already_are_counted() -> None:
    found = " ".join(to_text(told("operator_of_operator")).split())
    most = derived("operator_of_operator").cost.vectors["standard"]
    assert f"A node with directions of its own has as many for each of these, up to {most}" in found


def test_a_function_that_calls_an_operator_has_names_of_two_kinds() -> None:
    about = "It calls an operator, whose values have the names of its own derivation"
    assert about in " ".join(to_text(told("operator_of_operator")).split())
    assert about not in " ".join(to_text(told("network")).split())


def test_formulas_of_steps_have_no_numbers_that_nobody_has_told() -> None:
    """Numbers of nodes are told where a graph is listed; steps are between graphs."""
    matrix = explained(
        lambda x: (
            np.linalg.slogdet(np.eye(3) * 2 + x[:, None] * x)[1] + np.sum(x / np.arange(1, 4))
        ),
        3,
    )
    for found in (matrix, to_text(told("weighted"))):
        steps = found[found.index("The sum moves in") : found.index("What it saves")]
        assert not re.findall(r"\b[tk]\d", steps)


def test_constants_have_the_numbers_of_the_function_and_are_told() -> None:
    found = explained(lambda x: np.sin(np.array([1.0, 2.0, 4.0]) * x).sum(), 3)
    assert "    c0 = [1, 2, 4]" in found
    (name,) = set(re.findall(r"\bc\d+", found))
    assert len(re.findall(rf"(?m)^ +{name} = ", found)) == 1
    derived_ones = explained(lambda x: x[0] ** 2 * x[1], 2)
    for name in set(re.findall(r"\bk\d+(?:\[r\])?", derived_ones)):
        assert f"{name} = [" in derived_ones
    assert "Its result is c0." in explained(lambda x: np.array([1.0, 2.0]), 2)


def test_sums_stop_at_what_depends_on_the_direction_not_at_zeros() -> None:
    found = to_text(told("collapsed_biharmonic")) + to_text(told("nested_biharmonic"))
    stops = re.findall(r"(?s)Where sums stop.*?Clean-up|Where sums stop.*?Factor", found)
    assert stops
    assert not re.search(r"(?: and|,) 0[ ,\n]", " ".join(stops))


def test_an_expression_without_derivatives_has_no_jets() -> None:
    x = sp.Symbol("x")
    u = sp.Function("u")(x)
    found = jf.operator(2 * u, lambda p: np.sin(p[0]), [x]).derivation(np.zeros(1)).explain()
    assert "No derivative is wanted" in found
    assert "The sum moves in" not in found


def test_the_rule_on_an_algebra_is_one_that_is_not_linear() -> None:
    for name in CASES:
        if derived(name).chosen == "minimal" and "On it, the rule at" in to_text(told(name)):
            rules = to_text(told(name)).split("On it, the rule at")[1].split("The algebra has")[0]
            assert "*" in rules


def test_fields_whose_names_have_an_index() -> None:
    a, b = sp.symbols("alpha beta")
    field = sp.Function("rho_1")(a, b)
    operator = jf.operator(field.diff(a, b) + field, lambda p: np.sin(p[0]) * p[1], (a, b))
    document = account(operator.derivation(np.zeros(2)))
    assert "E = rho_1 + rho_1_alpha,beta" in to_text(document)
    assert r"{\rho_{1}}_{\alpha,\beta}" in to_latex(document)
    as_xml(to_html(document))


def test_of_many_expressions_the_first_are_written_out() -> None:
    x = sp.Symbol("x")
    field = sp.Function("u")(x)
    orders = [field.diff(x, k % 2 + 1) for k in range(10)]
    found = jf.operator(orders, lambda p: np.sin(p[0]), [x]).derivation(np.zeros(1)).explain()
    assert "E_8 = u_xx\n\nand 2 more." in found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_too_large_to_compare() -> None:
    found = " ".join(explained(lambda x: np.exp(1e300 * x).sum(), 2).split())
    assert "in double precision not all values are finite" in found
    assert "1e+300" in found


def test_plain_reshapes_tell_the_shape() -> None:
    found = explained(lambda x: np.sum(x[:, None] * x[None, :]), 3)
    assert "reshape(x, (3, 1))" in found
    assert "reshape(x, (1, 3))" in found


def test_deep_networks_have_no_longer_accounts() -> None:
    def lines(depth: int) -> int:
        operator = jf.laplacian(net, method="collapsed")
        found = operator.derivation(np.zeros(2), layers(2, *depth * [3])).explain()
        return len(found.splitlines())

    assert lines(16) <= lines(12) < 200


def test_checks_of_long_derivations_are_left_to_who_wants_them() -> None:
    deep = jf.laplacian(net).derivation(np.zeros(2), layers(2, *8 * [3]))
    assert "d.certificates" in deep.explain()
    assert "certificates" not in vars(deep)


def test_a_derivation_of_nothing_in_particular_is_refused() -> None:
    known = derived("sum_exp_sin")
    alone = Derivation(known.function_graph, {"standard": lambda: known.taylor_graph}, "standard")
    with pytest.raises(jf.ArgumentError, match="without an operator"):
        alone.explain()


def test_the_name_of_a_function_is_its_letter() -> None:
    assert "Wanted is the Laplacian of v, at" in to_text(told("sum_exp_sin"))
    assert "of the function net, here called u, at" in to_text(told("network"))
    anonymous = jf.laplacian(lambda x: x @ x).derivation(np.zeros(2)).explain()
    assert "the function lambda, here called u" in anonymous


# How it is shown ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_every_operator_has_a_text_that_fits_the_page_and_well_formed_html(name: str) -> None:
    lines = to_text(told(name)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert 20 < len(lines) < 260
    as_xml(to_html(told(name)))


@pytest.mark.parametrize("name", ["sum_exp_sin", "burgers", "biharmonic"])
def test_summary_for_notebooks(name: str) -> None:
    derivation = derived(name)
    found = derivation._repr_html_()
    root = as_xml(f"<div>{found}</div>")
    cells = ["".join(cell.itertext()) for cell in root.iter("td")]
    assert f"{derivation.cost.flops:,}" in cells
    assert any(element.tag.endswith("svg") for element in root.iter())


def test_summary_of_a_large_derivation_has_no_picture() -> None:
    deep = jf.laplacian(net).derivation(np.zeros(3), layers(3, *12 * [4]))
    assert "<svg" not in deep._repr_html_()


def test_users_words_are_escaped() -> None:
    def function(x: Any, params: Any) -> Any:
        return x @ params["<b>&_%$#{}~^\\ µ"]

    function.__name__ = function.__qualname__ = "<script>alert(1)</script>"
    derivation = jf.laplacian(function).derivation(np.zeros(2), {"<b>&_%$#{}~^\\ µ": np.ones(2)})
    for found in (derivation._repr_html_(), to_html(account(derivation))):
        root = as_xml(f"<div>{found}</div>")
        assert not [e for e in root.iter() if e.tag in ("script", "b")]
        assert "<script>alert(1)</script>" in "".join(root.itertext())


def test_escaped_text() -> None:
    assert escape("50% of a_b & {c}") == r"50\% of a\_b \& \{c\}"
    assert escape("μ") == r"\ensuremath{\mu}"
    assert escape("λ") == r"\ensuremath{\lambda}"
    assert escape("é") == "é"
    assert escape("日") == r"\texttt{U+65E5}"


def test_long_formulas_are_broken_before_terms() -> None:
    terms = " + ".join(f"f(a{i}, b{i})" for i in range(12))
    one = Equation(Formula("y", "y"), Formula("y", terms), text("a remark of some length"))
    lines = to_text(Document((Equations((one,)),))).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("    y = f(a0, b0) + f(a1, b1)")
    assert lines[1].startswith("        + f(a")
    assert "".join(line.strip() + " " for line in lines[:2]).strip() == f"y = {terms}"
    assert lines[2].strip() == "a remark of some length"


def test_blocks_in_all_three_forms() -> None:
    half = Formula(r"\frac{1}{2}", "1/2")
    rows = ((text("one"), text("1")), (text(half), text("23")))
    table = Table((text("what"), text("n")), rows, (False, True))
    document = Document(
        (Heading(text("A <title>"), 1), Paragraph(text("See ", Code("f_x"))), table)
    )
    assert to_text(document).splitlines() == [
        "A <title>", "=========", "", "See f_x", "",
        "  what    n", "  ---------", "  one     1", "  1/2    23",
    ]  # fmt: skip
    latex = to_latex(document)
    assert r"\section*{A \textless{}title\textgreater{}}" in latex
    assert r"$\frac{1}{2}$ & 23 \\" in latex
    root = as_xml(to_html(document))
    assert [element.tag for element in root] == ["h3", "p", "table"]
    assert len(list(root.iter("tr"))) == 3


# Notebooks ----------------------------------------------------------------------------------------


def test_graphs_and_steps_are_shown() -> None:
    derivation = derived("sum_exp_sin")
    graph = derivation.function_graph
    picture = graph._repr_svg_()
    assert picture is not None
    assert ET.fromstring(picture).tag.endswith("svg")
    assert repr(graph) == "<Graph of 4 nodes>"
    assert repr(derivation) == "<Derivation of Laplacian(v): collapsed>"
    assert derivation.pulled.steps[-1]._repr_latex_() == r"$\displaystyle \sum_{r} 0 = 0$"


def test_large_graphs_are_not_drawn() -> None:
    def power(x: Any) -> Any:
        for _ in range(201):
            x = np.sin(x)
        return x

    assert jf.laplacian(power, point_ndim=0).derivation(0.0).function_graph._repr_svg_() is None


def test_rules_and_algebras_are_formulas() -> None:
    x, y = sp.symbols("x y")
    shown = (jf.rule("tanh", 3), jf.jet_algebra(x**2 + y**2, [x, y]), jf.kernel("tanh", 2))
    for one in shown:
        assert one._repr_latex_().startswith("\\begin{align*}")


def test_narrow_brackets_stay_together() -> None:
    narrow = r"a \left(1 - b\right)"
    assert breakable(narrow) == narrow
    wide = r"\left(" + " + ".join(f"a_{i}" for i in range(20)) + rf" + {narrow}\right)"
    assert breakable(wide).count(r"\bigl(") == breakable(wide).count(r"\bigr)") == 1
    assert narrow in breakable(wide)
    assert breakable(r"\left(a") == r"\left(a"
