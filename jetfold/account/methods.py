"""The methods beside collapsing, what each costs, and what runs in the end."""

from __future__ import annotations

from collections.abc import Iterator

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
from jetfold.account.moves import kinds_of_steps
from jetfold.account.naming import Names, listed
from jetfold.account.wanted import Wanted
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import About, Derivation
from jetfold.graph import LEAVES, Graph
from jetfold.graph.text import program_order
from jetfold.rules.algebra_text import SHOWN
from jetfold.rules.cost import operations, vectors
from jetfold.rules.form import FormAlgebra
from jetfold.rules.jet_algebra import JetAlgebra
from jetfold.rules.polynomial import Monomial, Polynomial

MOST_EQUATIONS = 24
"""Lines of a graph that are written out."""
MOST_KINDS = 4
LONGEST = 240
"""Characters of the longest formula that is shown of a graph."""


# Minimal jets and nested operators ----------------------------------------------------------------


def minimal(derivation: Derivation, about: About, wanted: Wanted) -> Iterator[Block]:
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
            "those that the operator does not see, and a function acts on it by its Taylor series."
        )
    )
    if isinstance(algebra, FormAlgebra):
        yield from _form(algebra)
    else:
        yield from _algebra(algebra, wanted)
    count = derivation.cost.vectors["minimal"]
    yield Paragraph(
        text(
            f"The algebra has dimension {algebra.dimension}, and a node of the function turns into "
            f"{count} vectors."
        )
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


def _algebra(algebra: JetAlgebra, wanted: Wanted) -> Iterator[Block]:
    shown = [p for p in algebra.polynomials if p][:SHOWN]
    operators = ", ".join(_polynomial(p).latex for p in shown)
    plain = ", ".join(_polynomial(p).plain for p in shown)
    sizes = [1, *map(len, algebra.blocks.values())]
    total = Formula(
        rf"\dim A = {' + '.join(map(str, sizes))} = {algebra.dimension}",
        f"dim A = {' + '.join(map(str, sizes))} = {algebra.dimension}",
    )
    yield Equations(
        (
            Equation(
                Formula("A", "A"),
                Formula(
                    rf"\mathbb{{R}}[t] / \operatorname{{Ann}}\left({operators}\right)",
                    f"R[t] / Ann({plain})",
                ),
            ),
            Equation(None, total, text("by degree, from the value on")),
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
        for corner in corners[:MOST_KINDS]
    ]
    if relations:
        more = f", and {len(corners) - MOST_KINDS} more" if len(corners) > MOST_KINDS else ""
        yield Paragraph(
            text(
                "All other monomials are 0 or reduce to these; that is where derivatives are "
                f"saved, for example{more}" if more else
                "All other monomials are 0 or reduce to these; that is where derivatives are saved",
                ":",
            )
        )  # fmt: skip
        yield Equations(tuple(relations))


def _symbols(polynomial: Polynomial) -> dict[int, sp.Symbol]:
    return {i: sp.Symbol(f"t_{i + 1}") for monomial in polynomial for i in monomial}


def _polynomial(polynomial: Polynomial) -> Formula:
    """The polynomial, or the beginning of a long one."""
    terms = list(polynomial.items())
    symbols = _symbols(polynomial)
    expr = sp.Add(
        *(
            sp.Rational(number.numerator, number.denominator) * sp.Mul(*(symbols[i] for i in a))
            for a, number in terms[:SHOWN]
        )
    )
    if len(terms) <= SHOWN:
        return Formula(sp.latex(expr), str(expr))
    return Formula(sp.latex(expr) + r" + \dots", f"{expr} + ..")


def _monomial(monomial: Monomial) -> Formula:
    return _polynomial({monomial: sp.Integer(1)})


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


# Clean-up -----------------------------------------------------------------------------------------


def clean_up(derivation: Derivation) -> Iterator[Block]:
    """What is known already is put in; only the steps that say something are shown."""
    kinds = kinds_of_steps(derivation.cleaned, derivation.function_graph)
    if not kinds:
        return
    telling = [kind for kind in kinds if not kind.rule.routine]
    steps = len(derivation.cleaned.steps)
    yield Heading(text("Clean-up"))
    yield Paragraph(
        text(
            "What is known already is put in: zeros, ones, constants, unit vectors, operations "
            f"that do nothing. These are {steps} steps" + ("; for example" if telling else ".")
        )
    )
    if telling:
        yield Equations(tuple(kind.example for kind in telling[:MOST_KINDS]))


# Costs and what runs ------------------------------------------------------------------------------


def saved(derivation: Derivation) -> Iterator[Block]:
    """Nodes, vectors and operations by chapter, and why the method was chosen."""
    yield Heading(text("What it saves"))
    yield counts(derivation)
    cost, chosen = derivation.cost, derivation.chosen
    if chosen == "standard":
        return
    before, after = cost.operations["standard"], cost.operations[chosen]
    vectors_before, vectors_after = cost.vectors["standard"], cost.vectors[chosen]
    if vectors_before == vectors_after:
        yield Paragraph(text("Here no method needs fewer vectors than standard Taylor mode."))
        return
    yield Paragraph(
        text(
            f"So the method {chosen!r} carries {vectors_after} vectors in place of "
            f"{vectors_before}, and takes {after:,} operations at a point where standard Taylor "
            f"mode takes {before:,}" + (f", {before / after:.1f} times as many." if after else "."),
        )
    )  # fmt: skip
    if derivation.method == "auto" and len(cost.predicted) > 1:
        predicted = ", ".join(f"{m} {cost.predicted[m]:,.0f}" for m in cost.predicted)
        yield Paragraph(
            text(
                "The method was chosen by the cost predicted for each before any graph was made, "
                f"in operations weighted by how long they take: {predicted}."
            )
        )


def counts(derivation: Derivation) -> Table:
    """Nodes, vectors and operations of each chapter's graph."""
    header = text("graph"), text("nodes"), text("vectors per node"), text("operations per point")
    rows = tuple(_row(chapter) for chapter in chapters(derivation))
    return Table(header, rows, (False, True, True, True))


def _row(chapter: Chapter) -> tuple[Text, ...]:
    graph = chapter.graph
    count = 1 if chapter.key == "function" else vectors(graph)
    cleaned = f": {chapter.method}" if chapter.key.endswith("clean-up") else ""
    title = chapter.title + cleaned + (" (this runs)" if chapter.runs else "")
    return text(title), text(str(len(graph))), text(str(count)), text(f"{operations(graph):,}")


def what_runs(derivation: Derivation, wanted: Wanted) -> Iterator[Block]:
    """The final graph as a program of formulas, as far as it is short."""
    yield Heading(text("What runs"))
    graph = derivation.final_graph
    yield from listing(graph, derivation.function_graph)
    names = Names(graph, derivation.function_graph)
    results = listed([text(names.value(output)) for output in graph.outputs])
    yield Paragraph(text("The result ", wanted.result, " is ", *results, "." if results else ""))


def listing(graph: Graph, function: Graph) -> Iterator[Block]:
    """The equations of a graph's nodes in order; of a large one the first and the last."""
    names = Names(graph, function)
    nodes = [n for n in program_order(graph) if not isinstance(graph[n].op, LEAVES)]
    if len(nodes) <= MOST_EQUATIONS:
        yield Equations(tuple(_line(names, node) for node in nodes))
        return
    half = MOST_EQUATIONS // 2
    yield Equations(tuple(_line(names, node) for node in nodes[:half]))
    yield Paragraph(text(f"and so on, through {len(nodes) - MOST_EQUATIONS} more nodes, to"))
    yield Equations(tuple(_line(names, node) for node in nodes[-half:]))


def _line(names: Names, node: int) -> Equation:
    found = names.equation(node)
    if len(found.right.plain) > LONGEST:
        return Equation(found.left, Formula(r"\dots", ".."), text("a long formula"))
    return found
