"""What nodes of adjoints are called: roles, formulas, lines of text."""

from __future__ import annotations

import pytest

from jetfold.graph import (
    Coefficient,
    Contract,
    Cotangent,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    Parameter,
    Type,
    operand_symbol,
    without_roles,
)
from jetfold.graph.notation import LATEX, PLAIN

A, B = operand_symbol(0), operand_symbol(1)
R = DirectionAxis("r", 2)


VECTOR = Type((3,))


def graph_with(role: Coefficient, kind: Type = VECTOR) -> Graph:
    editor = Editor()
    x = editor.add(Input("x", kind))
    return editor.freeze([editor.add(Map(A**2), x, role=role)])


@pytest.mark.parametrize(
    ("role", "kind", "plain", "latex"),
    [
        (Cotangent(4, 0), Type((3,)), "bar(v4)", r"\bar v_{4}"),
        (Cotangent(4, 0), Type((3,), (R,)), "bar(v4)[r]", r"\bar v_{4,r}"),
        (Cotangent(4, 2), Type((3,), (R,)), "bar(v4)''[r]", r"\bar v_{4,r}^{(2)}"),
        (
            Cotangent(4, 0, summed=("p",)),
            Type(()),
            "sum_p bar(v4)[p]",
            r"\sum_{p} \bar v_{4,p}",
        ),
        (Cotangent(1, 0, leaf="W"), Type(()), "bar(W)", r"\bar W"),
        (Cotangent(1, 0, leaf="x1"), Type(()), "bar(x1)", r"\bar x_{1}"),
        (Cotangent(1, 0, leaf="rate"), Type((), (R,)), "bar(rate)[r]",
         r"\overline{\mathrm{rate}}_{r}"),
    ],
)  # fmt: skip
def test_names(role: Cotangent, kind: Type, plain: str, latex: str) -> None:
    graph = graph_with(role, kind)
    assert PLAIN.value(graph, graph.outputs[0]) == plain
    assert LATEX.value(graph, graph.outputs[0]) == latex


def test_names_of_cotangents_of_a_function() -> None:
    editor = Editor()
    x, w = editor.add(Input("x", Type((3,), (R,)))), editor.add(Parameter("w", Type((3,))))
    top = editor.add(Map(A * B), x, w)
    function = editor.freeze([top])
    assert PLAIN.cotangent(function, x) == "bar(x)[r]"
    assert PLAIN.cotangent(function, w) == "bar(w)"
    assert PLAIN.cotangent(function, w, ("o",)) == "bar(w)[o]"
    assert LATEX.cotangent(function, top, ("o",)) == r"\bar v_{2,r,o}"


@pytest.mark.parametrize(
    ("role", "note"),
    [
        (Cotangent(4, 0), "# cotangent of node 4"),
        (Cotangent(4, 0, leaf="w"), "# cotangent of w"),
        (Cotangent(4, 0, summed=("p",)), "# cotangent of node 4, summed over p"),
        (Cotangent(4, 2, along=("e0",)), "# order 2 of the cotangent of node 4 along e0"),
        (Coefficient(4, 2, along=("e0",)), "# order 2 of node 4 along e0"),
    ],
)
def test_lines_of_text(role: Coefficient, note: str) -> None:
    assert str(graph_with(role)).splitlines()[1].endswith(note)


def test_in_another_graph_a_leaf_is_none_of_its() -> None:
    """The numbers are moved; the name of an input there would be that of another value here."""
    graph = graph_with(Cotangent(4, 1, leaf="x", summed=("r",)))
    for first, expected in (
        (0, Cotangent(4, 1, leaf="x", summed=("r",))),
        (100, Cotangent(104, 1, summed=("r",))),
    ):
        editor = Editor()
        where = editor.insert(graph, {}, first_number=first)
        assert editor[where[graph.outputs[0]]].role == expected


def test_a_sum_over_directions_stays_a_cotangent() -> None:
    assert Cotangent(4, 0, leaf="w").sum_over(("r",)) == Cotangent(4, 0, ("r",), leaf="w")
    assert Cotangent(4, 0) != Coefficient(4, 0)
    assert str(Cotangent(4, 0)) == "cotangent %4_0"


def test_without_roles_a_graph_is_a_function() -> None:
    graph = graph_with(Coefficient(7, 2))
    plain = without_roles(graph)
    assert PLAIN.value(graph, graph.outputs[0]) == "v7''"
    assert PLAIN.value(plain, plain.outputs[0]) == f"v{plain.outputs[0]}"
    assert plain.outputs == graph.outputs
    assert graph[graph.outputs[0]].role == Coefficient(7, 2)


def test_a_number_times_an_array_is_written_as_a_product() -> None:
    editor = Editor()
    a, b = editor.add(Input("a", Type(()))), editor.add(Input("b", Type((3,))))
    total = editor.add(Map(A + B), a, a)
    graph = editor.freeze([editor.add(Contract(",i->i"), total, b)])
    node = graph.outputs[0]
    assert PLAIN.formula(graph, node) == "v2*b"
    assert PLAIN.formula(graph, node, [total]) == "(a + a)*b"
    assert LATEX.formula(graph, node, [total]) == r"\left(a + a\right) \, b"
    outer = editor.freeze([editor.add(Contract("i,j->ij"), b, b)])
    assert PLAIN.formula(outer, outer.outputs[0]) == 'einsum("i,j->ij", b, b)'
