"""What each method costs, and why one was chosen."""

from __future__ import annotations

from collections.abc import Iterator

from jetfold.account.document import Block, Code, Heading, Paragraph, Table, Text, text
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.rules.cost import operations, vectors


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
