"""What each method costs, and why one was chosen."""

from __future__ import annotations

from collections.abc import Iterator

from jetfold.account.document import Block, Code, Heading, Paragraph, Table, Text, text
from jetfold.account.rewriting import times
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.jet import Jet
from jetfold.rules.cost import operations, vectors


def saved(derivation: Derivation) -> Iterator[Block]:
    """Nodes, vectors and operations by chapter, and why the method was chosen."""
    jet = derivation.about is not None and isinstance(derivation.about.operator, Jet)
    yield Heading(text("What it costs" if jet else "What it saves"))
    yield counts(derivation)
    cost, chosen = derivation.cost, derivation.chosen
    if jet:
        yield Paragraph(text("A jet goes along one path: there is nothing to sum or to collapse."))
        return
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
            f" carries {times(vectors_after, 'vector')} in place of {vectors_before}, and takes "
            f"{after:,} operations at a point where standard Taylor mode, cleaned up in the same "
            f"way, takes {before:,}",
            f", {before / after:.1f} times as many." if before > 1.05 * after > 0 else ".",
        )
    )  # fmt: skip
    yield from _predicted(derivation)


def _nothing_saved(derivation: Derivation) -> Text:
    """What is said where the method that runs carries as much as standard Taylor mode."""
    counts, operations = derivation.cost.vectors, derivation.cost.operations
    least = min(counts, key=counts.__getitem__)
    if counts[least] == counts["standard"]:
        return text("Here no method needs fewer vectors than standard Taylor mode.")
    return text(
        "The method ", Code(least), f" would carry {times(counts[least], 'vector')} in place of "
        f"{counts['standard']}, and take {operations[least]:,} operations in place of "
        f"{operations[derivation.chosen]:,}.",
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
    title = chapter.title + (" (this runs)" if chapter.runs else "")
    return text(title), text(str(len(graph))), text(str(count)), text(f"{operations(graph):,}")
