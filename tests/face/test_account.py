"""Derivations told as texts: what they say, and that it is so."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from account_cases import CASES, derived, layers, net, told
from golden import Golden
from jetfold.account import account
from jetfold.account.html import to_html
from jetfold.account.plain import to_text
from jetfold.account.tex import to_latex
from jetfold.derivation import Derivation
from jetfold.rules.cost import vectors

TOLD = ("sum_exp_sin", "network", "biharmonic", "burgers", "weighted", "jet")


def explained(function: Any, dim: int) -> str:
    return jf.laplacian(function).derivation(np.zeros(dim)).explain()


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


@pytest.mark.parametrize("name", ["network", "weighted", "outputs"])
def test_steps_coefficients_and_certificates_are_counted(name: str) -> None:
    derivation, found = derived(name), " ".join(to_text(told(name)).split())
    pulled = len(derivation.pulled.steps)
    assert f"and the result copied, in {len(derivation.pushed.steps)} steps" in found
    assert f"as far as what it meets is linear, in {pulled} steps" in found
    assert sum(map(int, re.findall(r"\((\d+) steps?\):", found))) == pulled
    shared = derivation.shared_graph
    held = [shared[node] for node in shared if shared[node].role is not None]
    alike = sum(not node.type.directions for node in held)
    assert f"Now {alike} of {len(held)} coefficients are the same" in found
    assert f"has a certificate, {len(derivation.certificates)} in all" in found


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
    assert "    u_xyy = v4'''[e0]/3 - 5*v4'''[e1]/6" in found
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
    ET.fromstring(to_html(document))


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
