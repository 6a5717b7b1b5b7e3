"""The methods beside collapsing, what each costs, and what runs in the end."""

from __future__ import annotations

from collections.abc import Iterator

from jetfold.account.document import (
    Block,
    Code,
    Equation,
    Equations,
    Formula,
    Heading,
    Paragraph,
    Table,
    Text,
    text,
)
from jetfold.account.moves import kinds_of_steps, times
from jetfold.account.naming import Names, listed
from jetfold.account.wanted import Wanted
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.graph import LEAVES, Graph
from jetfold.graph.text import program_order
from jetfold.rules.cost import operations, vectors

MOST_EQUATIONS = 24
"""Lines of a graph that are written out."""
MOST_KINDS = 4
LONGEST = 240
"""Characters of the longest formula that is shown of a graph."""


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
            f"that do nothing, in {times(steps, 'step')}" + ("; for example" if telling else ".")
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
        yield Paragraph(
            text("Standard Taylor mode was asked for: what is summed stays at the end.")
        )
        return
    before, after = cost.operations["standard"], cost.operations[chosen]
    vectors_before, vectors_after = cost.vectors["standard"], cost.vectors[chosen]
    if vectors_before == vectors_after:
        yield Paragraph(_nothing_saved(derivation))
        yield from _predicted(derivation)
        return
    yield Paragraph(
        text(
            "So the method ",
            Code(chosen),
            f" carries {vectors_after} vectors in place of "
            f"{vectors_before}, and takes {after:,} operations at a point where standard Taylor "
            f"mode takes {before:,}" + (f", {before / after:.1f} times as many." if after else "."),
        )
    )  # fmt: skip
    yield from _predicted(derivation)


def _nothing_saved(derivation: Derivation) -> Text:
    """What is said where the method that runs carries as much as standard Taylor mode."""
    counts = derivation.cost.vectors
    least = min(counts, key=counts.__getitem__)
    if counts[least] == counts["standard"]:
        return text("Here no method needs fewer vectors than standard Taylor mode.")
    return text(
        "The method ", Code(least), f" would carry {counts[least]} vectors in place of "
        f"{counts['standard']}, but has more to do for each.",
    )  # fmt: skip


def _predicted(derivation: Derivation) -> Iterator[Block]:
    cost = derivation.cost
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
    if len(graph) > len(graph.leaves):
        yield Paragraph(text("This is what is compiled, line by line:"))
    yield from listing(graph, derivation.function_graph)
    names = Names(graph, derivation.function_graph)
    results = listed([text(names.value(output)) for output in graph.outputs])
    yield Paragraph(text("The result ", wanted.result, " is ", *results, "." if results else ""))


def listing(graph: Graph, function: Graph) -> Iterator[Block]:
    """The equations of a graph's nodes in order; of a large one the first and the last."""
    names = Names(graph, function)
    nodes = [n for n in program_order(graph) if not isinstance(graph[n].op, LEAVES)]
    if not nodes:
        return
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
