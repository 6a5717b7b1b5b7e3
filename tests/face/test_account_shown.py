"""How accounts are shown: as plain text, LaTeX and HTML, and what notebooks display."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from account_cases import CASES, derived, layers, net, told
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


@pytest.mark.parametrize("name", CASES)
def test_every_operator_has_a_text_that_fits_the_page_and_well_formed_html(name: str) -> None:
    lines = to_text(told(name)).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert 20 < len(lines) < 260
    ET.fromstring(to_html(told(name)))


@pytest.mark.parametrize("name", ["sum_exp_sin", "burgers", "biharmonic"])
def test_summary_for_notebooks(name: str) -> None:
    derivation = derived(name)
    found = derivation._repr_html_()
    root = ET.fromstring(f"<div>{found}</div>")
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
        root = ET.fromstring(f"<div>{found}</div>")
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
    root = ET.fromstring(to_html(document))
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
