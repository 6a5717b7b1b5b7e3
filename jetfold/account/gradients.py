"""Gradients told as texts: what each node hands back, what is summed over points, what runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from jetfold.account.costs import counts
from jetfold.account.document import (
    Block,
    Equation,
    Equations,
    Formula,
    Heading,
    Items,
    Paragraph,
    Text,
    joined,
    text,
)
from jetfold.account.naming import Names, listed, over_directions
from jetfold.account.programs import LONGEST, MOST_EQUATIONS, listing, the_function
from jetfold.account.rewriting import Kind, kinds_of_steps, times
from jetfold.account.sought import sought
from jetfold.account.wanted import same
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.graph import Graph, Rewriting, Total, Type
from jetfold.rules.adjoint import ROWS, Handed
from jetfold.rules.cost import operations

MOST_KINDS = 6
MOST_WRITTEN_OUT = 8
"""Values without names in what a node hands on that are written out in it."""

POINT = same("p")
EQUAL, PLUS = same("="), Formula(r"\mathrel{+}=", "+=")


def gradient(derivation: AdjointDerivation) -> Iterator[Block]:
    """The account of a gradient, but for its checks."""
    asked, function = sought(derivation), derivation.function_graph
    yield Heading(asked.title, 1)
    yield from asked.blocks
    yield from the_function(function)
    yield from _backwards(derivation)
    yield from _kinks(derivation)
    yield from _totals(derivation)
    title = "What does not depend on the direction"
    why = "Cotangents that are the same for all directions are computed once"
    yield from _moved(derivation, derivation.pushed, title, why)
    title, why = "Sums over directions move in", "A sum goes as far in as what it meets is linear"
    yield from _moved(derivation, derivation.pulled, title, why)
    yield from _cleaned(derivation)
    yield from _once(derivation)
    yield from _costs(derivation)
    yield from _runs(derivation)


# Backwards ----------------------------------------------------------------------------------------


def _backwards(derivation: AdjointDerivation) -> Iterator[Block]:
    v = Formula("v_n", "vn")
    bar = Formula(r"\bar v_n", "bar(vn)")
    yield Heading(text("Backwards through the function"))
    handed = [one for one in derivation.adjoint.handed if one.parts]
    if not handed:
        yield Paragraph(text("Nothing that is asked for has a derivative that is not zero."))
        return
    yield Paragraph(
        text(
            "From the results to the leaves each node hands its cotangent ", bar,
            " on to its operands: through the transpose of its first derivative. For an "
            "elementwise function that is a product with the slope; in what is linear an operand "
            "and the result change places, so that a repetition becomes a sum, and a sum a "
            "repetition. A value that several nodes use gets the sum of what they hand to it. The "
            "values ", v, " themselves are still there from the way forwards.",
        )
    )  # fmt: skip
    rows = [row for one in handed for row in _handed(derivation, one)]
    if len(rows) <= MOST_EQUATIONS:
        yield Equations(tuple(rows))
        return
    half = MOST_EQUATIONS // 2
    yield Equations(tuple(rows[:half]))
    yield Paragraph(text(f"and so on, through {len(rows) - 2 * half} more, to"))
    yield Equations(tuple(rows[-half:]))


def _handed(derivation: AdjointDerivation, handed: Handed) -> Iterator[Equation]:
    """What a node hands on, an equation for each operand."""
    function, adjoint = derivation.function_graph, derivation.adjoint
    names, own = Names(adjoint.complete, function), Names(function, function)
    users = Counter(o for one in adjoint.handed for o, _ in one.parts)
    at, value = own.equation(handed.node), own.value(handed.node)
    for operand, part in handed.parts:
        rows = (ROWS,) if _by_rows(adjoint.complete, part) else ()
        left = own.barred(operand, rows)
        right = names.value(part)
        if part != handed.cotangent:
            right = names.formula(part, names.written_out(part, MOST_WRITTEN_OUT))
        right = _summed(adjoint.complete, part, function[operand].type, right)
        if len(right.plain) > LONGEST:
            right = Formula(r"\dots", "..")
        note: Text = text("at ", _whole(at) if len(at.right.plain) <= LONGEST // 4 else value)
        relation = PLUS if users[operand] > 1 else EQUAL
        yield Equation(left, right, note, relation)


def _whole(equation: Equation) -> Formula:
    """An equation as one formula."""
    left, right = equation.left or equation.right, equation.right
    return Formula(f"{left.latex} = {right.latex}", f"{left.plain} = {right.plain}")


def _summed(graph: Graph, part: int, kind: Type, formula: Formula) -> Formula:
    """With a sum over direction axes that only a part has."""
    known = {ROWS, *(axis.name for axis in kind.directions)}
    over = [a.name for a in graph[part].type.directions if a.name not in known]
    return over_directions(formula, over)


def _by_rows(graph: Graph, node: int) -> bool:
    return any(axis.name == ROWS for axis in graph[node].type.directions)


def _kinks(derivation: AdjointDerivation) -> Iterator[Block]:
    if derivation.kinks:
        yield Paragraph(text("Not everything on the way has a derivative everywhere:"))
        lines = dict.fromkeys(f"{kink.name} {kink.taken}" for kink in derivation.kinks)
        yield Items(tuple(text(line) for line in lines))


# Sums over the points -----------------------------------------------------------------------------


def _totals(derivation: AdjointDerivation) -> Iterator[Block]:
    if not derivation.totals:
        return
    graph, function = derivation.adjoint_graph, derivation.function_graph
    names = Names(graph, function)
    totals = derivation.totals
    cut = len(totals) - len(derivation.adjoint.names)
    yield Heading(text("Sums over the points"))
    yield Paragraph(
        text(
            "Parameters, and what is computed from parameters alone, are the same at all points: "
            "each point adds to their cotangents, and nothing else is kept of it. Points are "
            "taken in tiles, forwards and backwards, so that memory does not grow with the batch; "
            "each thread adds up its own tiles, and the threads' sums are added in a fixed "
            "order. With ", POINT, " for the number of a point:",
        )
    )  # fmt: skip
    rows = [
        Equation(same("L"), _sum_of_terms(names, total, graph.outputs)) for total in totals[:cut]
    ]
    shared = derivation.parameter_graph
    met = {getattr(shared[node].op, "name", ""): node for node in shared.parameters}
    known = Names(shared, function)
    for name, total in zip(derivation.adjoint.names, totals[cut:], strict=True):
        left = known.value(met[name]) if name in met else same(name)
        rows.append(Equation(left, _sum_of_terms(names, total, graph.outputs)))
    yield Equations(tuple(rows[:MOST_EQUATIONS]))
    if len(rows) > MOST_EQUATIONS:
        yield Paragraph(text(f"and {len(rows) - MOST_EQUATIONS} more."))


def _sum_of_terms(names: Names, total: Total, outputs: Sequence[int]) -> Formula:
    """What a point adds, written out, under a sum over the points."""
    parts = [
        _summed(names.graph, outputs[term], total.type, _term(names, outputs[term]))
        for term in total.terms
    ]
    latex = " + ".join(part.latex for part in parts)
    plain = " + ".join(part.plain for part in parts)
    if len(parts) > 1:
        latex = rf"\left({latex}\right)"
    return Formula(rf"\sum_p {latex}", f"sum_p({plain})")


def _term(names: Names, node: int) -> Formula:
    """What a point adds: by its name where that is the cotangent of another value."""
    role = names.graph[node].role
    named = role is not None and not getattr(role, "leaf", "")
    return names.value(node) if named else names.formula(node)


def _once(derivation: AdjointDerivation) -> Iterator[Block]:
    graph = derivation.parameter_graph
    if len(graph) == len(graph.leaves):
        return
    yield Heading(text("Once per call"))
    yield Paragraph(
        text(
            "What was computed from parameters alone hands its cotangent on to these once, when "
            "the sums over the points are known:"
        )
    )
    yield from listing(graph, derivation.function_graph)


# Rewriting ----------------------------------------------------------------------------------------


def _moved(
    derivation: AdjointDerivation, rewriting: Rewriting, title: str, why: str
) -> Iterator[Block]:
    kinds = kinds_of_steps(rewriting, derivation.function_graph)
    telling = [kind for kind in kinds if not kind.rule.routine]
    if not telling:
        return
    yield Heading(text(title))
    yield Paragraph(text(f"{why}, in ", times(len(rewriting.steps), "step"), ":"))
    yield Equations(_examples(derivation, telling))


def _cleaned(derivation: AdjointDerivation) -> Iterator[Block]:
    steps = len(derivation.cleaned.steps)
    if not steps:
        return
    kinds = kinds_of_steps(derivation.cleaned, derivation.function_graph)
    telling = [kind for kind in kinds if not kind.rule.routine]
    yield Heading(text("Clean-up"))
    yield Paragraph(
        text(
            "What is known already is put in, in ",
            times(steps, "step"),
            "; for example" if telling else ".",
        )
    )
    if telling:
        yield Equations(_examples(derivation, telling))


def _examples(derivation: AdjointDerivation, kinds: Sequence[Kind]) -> tuple[Equation, ...]:
    names = Names(derivation.function_graph, derivation.function_graph)
    return tuple(
        Equation(kind.example.left, kind.example.right,
                 text("and so at ", *names.listed(kind.others)) if kind.others else ())
        for kind in kinds[:MOST_KINDS]
    )  # fmt: skip


# Costs, and what runs -----------------------------------------------------------------------------


def _costs(derivation: AdjointDerivation) -> Iterator[Block]:
    alone, both = operations(derivation.function_graph), operations(derivation.final_graph)
    yield Heading(text("What it costs"))
    yield counts(derivation)
    if not alone:
        return
    found = f"The function alone takes {alone:,} operations at a point; with its "
    graph = derivation.final_graph
    axes = [axis for output in graph.outputs for axis in graph[output].type.directions]
    rows = [axis.size for axis in axes if axis.name == ROWS]
    if rows:
        found += f"Jacobian of {rows[0]} rows it takes {both:,}, "
        found += f"{both / alone / rows[0]:.1f} times as many for each row."
    else:
        found += f"gradient it takes {both:,}, {both / alone:.1f} times as many, however many "
        found += "numbers it is differentiated by."
    yield Paragraph(text(found))


def _runs(derivation: AdjointDerivation) -> Iterator[Block]:
    graph, function = derivation.final_graph, derivation.function_graph
    yield Heading(text("What runs"))
    if len(graph) > len(graph.leaves):
        yield Paragraph(text("This is what is compiled for a point, line by line:"))
    yield from listing(graph, function)
    names = Names(graph, function)
    used = {term for total in derivation.totals for term in total.terms}
    here = [text(names.value(o)) for i, o in enumerate(graph.outputs) if i not in used]
    summed = [text(names.value(o)) for i, o in enumerate(graph.outputs) if i in used]
    said = []
    if here:
        said.append(
            text("wanted at every point ", "are " if len(here) > 1 else "is ", *listed(here))
        )
    if summed:
        said.append(text("summed over the points ", "are " if len(summed) > 1 else "is ",
                         *listed(summed)))  # fmt: skip
    first, *rest = joined(said, last="; ")
    assert isinstance(first, str)
    yield Paragraph(text(first[0].upper() + first[1:], *rest, "."))
