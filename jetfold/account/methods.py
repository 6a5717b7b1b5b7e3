"""Minimal jets and nested operators: the methods beside collapsing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

import sympy as sp

from jetfold.account.document import (
    Block,
    Equation,
    Equations,
    Formula,
    Heading,
    Paragraph,
    Table,
    Text,
    text,
)
from jetfold.account.naming import Names, listed
from jetfold.account.rules_used import is_linear
from jetfold.derivation import About, Derivation
from jetfold.graph import LEAVES, Collect, Graph, Map, Pick
from jetfold.graph.latex import to_latex
from jetfold.graph.text import program_order
from jetfold.rules.algebra_text import SHOWN
from jetfold.rules.form import FormAlgebra
from jetfold.rules.jet_algebra import JetAlgebra
from jetfold.rules.polynomial import Monomial, Polynomial, to_sympy, variables

MOST_RELATIONS = 4
MOST_WRITTEN_OUT = 12


def minimal(derivation: Derivation, about: About) -> Iterator[Block]:
    """The jet algebra of the operator: what has to be carried, and nothing else."""
    problem = about.problem
    assert problem is not None, "only a problem has an algebra"
    algebra = (problem.at_points or problem).algebra
    yield Heading(text("Minimal jets"))
    yield Paragraph(
        text(
            "Jets along lines are one way to get the operator of a composed function; the shortest "
            "way carries, for every value, just the combinations of derivatives that the operator "
            "can see. They are the coordinates of the value in an algebra, the polynomials modulo "
            "those that the operator does not see. A function acts on it by its Taylor series at "
            "the value ", Formula("a", "a"), ", which ends, as high powers of the rest ",
            Formula("n", "n"), " are zero:",
        )
    )  # fmt: skip
    yield Equations(
        (
            Equation(
                Formula("g(a + n)", "g(a + n)"),
                Formula(
                    r"g(a) + g'(a)\,n + \frac{g''(a)}{2!}\,n^2 + \dots",
                    "g(a) + g'(a) n + g''(a)/2! n^2 + ..",
                ),
            ),
        )
    )
    if isinstance(algebra, FormAlgebra):
        yield from _form(algebra)
    else:
        yield from _algebra(algebra)
    yield from _rule(derivation)
    count = derivation.cost.vectors["minimal"]
    yield Paragraph(
        text(
            f"The algebra has dimension {algebra.dimension}, and a node of the function turns into "
            f"{count} vectors."
        )
    )


def _rule(derivation: Derivation) -> Iterator[Block]:
    """How a function that is not linear acts on the algebra, where that is short."""
    graph, function = derivation.minimal_graph, derivation.function_graph
    names = Names(graph, function)
    found: defaultdict[int, dict[int, Equation]] = defaultdict(dict)
    for node in program_order(graph):
        role, op = graph[node].role, graph[node].op
        if role is None or role.order < 2 or role.of not in function.nx or not isinstance(op, Map):
            continue
        if not _is_linear_at(function, role.of):
            inside = names.written_out(node, MOST_WRITTEN_OUT)
            unnamed = any(
                graph[o].role is None and not isinstance(graph[o].op, LEAVES)
                for o in graph.operands(node)
            )
            tables = any(isinstance(graph[n].op, (Pick, Collect)) for n in inside)
            equation = names.equation(node, inside)
            if not tables and bool(inside) == unnamed:
                found[role.of].setdefault(role.order, equation)
    if found:
        node, equations = max(found.items(), key=lambda item: (len(item[1]), item[0]))
        value = Names(function, function).value(node)
        yield Paragraph(text("On it, the rule at ", value, " is"))
        yield Equations(tuple(equations[order] for order in sorted(equations)))


def _is_linear_at(function: Graph, node: int) -> bool:
    operands = function.operands(node)
    return is_linear(
        function[node].op, tuple(i for i, o in enumerate(operands) if o in function.varying)
    )


def _form(algebra: FormAlgebra) -> Iterator[Block]:
    count = len(algebra.variables)
    yield Paragraph(
        text(
            "All that is linear in the derivatives, with coefficients that are known at the point, "
            "is one operator of order 2 there. Its algebra has the same basis at every point: the "
            f"value, {count} first derivatives, and one element on which the operator itself "
            "travels:"
        )
    )
    total = f"1 + {count} + 1 = {algebra.dimension}"
    yield Equations((Equation(Formula(r"\dim A", "dim A"), Formula(total, total)),))


def _algebra(algebra: JetAlgebra) -> Iterator[Block]:
    shown = [p for p in algebra.polynomials if p][:SHOWN]
    operators = ", ".join(_polynomial(p).latex for p in shown)
    plain = ", ".join(_polynomial(p).plain for p in shown)
    sizes = " + ".join(map(str, [1, *map(len, algebra.blocks.values())]))
    whole = f"{sizes} = {algebra.dimension}"
    total = Equation(Formula(r"\dim A", "dim A"), Formula(whole, whole))
    yield Paragraph(text("Here the algebra and its dimension, by degree, are"))
    yield Equations(
        (
            Equation(
                Formula("A", "A"),
                Formula(
                    rf"\mathbb{{R}}[t] / \operatorname{{Ann}}\left({operators}\right)",
                    f"R[t] / Ann({plain})",
                ),
            ),
            total,
        )
    )
    yield Paragraph(
        text(
            "Here ", Formula("t_i", "t_i"), " is the increment along direction number i and, in "
            "the operator, the derivative along it. The basis is",
        )
    )  # fmt: skip
    rows = [
        (text(str(degree)), text(str(len(block))), _monomials(list(block)))
        for degree, block in algebra.blocks.items()
    ]
    first = (text("0"), text("1"), text(Formula("1", "1")))
    header = (text("degree"), text("elements"), text("basis"))
    yield Table(header, (first, *rows), (True, True, False))
    corners = algebra.corners()
    relations = [
        Equation(_monomial(corner), _polynomial(algebra.reduce_plain(corner)))
        for corner in corners[:MOST_RELATIONS]
    ]
    if relations:
        some = (
            "some of these relations are" if len(corners) > MOST_RELATIONS else "the relations are"
        )
        yield Paragraph(
            text(
                "All other monomials are zero or combinations of these, so that no derivative of "
                f"their own has to be carried for them; {some}"
            )
        )
        yield Equations(tuple(relations))


def _polynomial(polynomial: Polynomial) -> Formula:
    """The polynomial, or the beginning of a long one."""
    symbols = [sp.Symbol(f"t_{i}") for i in range(1, max(variables(polynomial), default=0) + 2)]
    expr = to_sympy(dict(islice(polynomial.items(), SHOWN)), symbols)
    if len(polynomial) <= SHOWN:
        return Formula(to_latex(expr), str(expr))
    return Formula(to_latex(expr) + r" + \dots", f"{expr} + ..")


def _monomial(monomial: Monomial) -> Formula:
    return _polynomial({monomial: Fraction(1)})


def _monomials(block: list[Monomial]) -> Text:
    return listed([text(_monomial(monomial)) for monomial in block])


def nested(derivation: Derivation, about: About) -> Iterator[Block]:
    """One factor of the operator after the other."""
    problem = about.problem
    assert problem is not None, "only a problem has factors"
    factors = [_polynomial(factor) for factor in problem.factors]
    yield Heading(text("Factor after factor"))
    yield Paragraph(
        text(
            "The operator is a product of simpler ones. Each is collapsed as above, and the graph "
            "of the first is the function of the next:"
        )
    )
    yield Equations(
        (
            Equation(
                Formula("P", "P"),
                Formula(
                    r" \cdot ".join(rf"\left({factor.latex}\right)" for factor in factors),
                    " * ".join(f"({factor.plain})" for factor in factors),
                ),
                text(Formula("t_i", "t_i"), " being the derivative along direction i"),
            ),
        )
    )  # fmt: skip
    yield Paragraph(
        text(f"A node of the function turns into {derivation.cost.vectors['nested']} vectors.")
    )
