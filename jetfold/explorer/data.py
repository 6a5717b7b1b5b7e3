"""Everything that the page of a derivation shows, as data."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from jetfold.backends.cpu import listing
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.explorer.about import about, subtitle, title
from jetfold.explorer.layers import Layers
from jetfold.explorer.records import Records
from jetfold.explorer.scene import Scene
from jetfold.explorer.steps import Steps


def page_data(derivation: Derivation) -> dict[str, Any]:
    """The data of a derivation's page, ready for JSON; see `jetfold.explorer` for its form."""
    found = chapters(derivation)
    records, layers = Records(derivation.function_graph), Layers(derivation.function_graph)
    steps = Steps(records)
    return {
        "title": title(derivation),
        "subtitle": subtitle(derivation),
        "version": version("jetfold"),
        "chapters": [_chapter(chapter, derivation, records, layers, steps) for chapter in found],
        "records": records.records,
        "rules": steps.rules,
        "formulas": records.formulas,
        "source": _source(found),
        "blocked": [],
    }


def _chapter(
    chapter: Chapter, derivation: Derivation, records: Records, layers: Layers, steps: Steps
) -> dict[str, Any]:
    graph = chapter.graph if chapter.rewriting is None else chapter.rewriting.initial
    scene = Scene(graph, records, layers)
    shown, counts = dict(scene.shown), scene.counts
    told = list(steps.of(chapter, scene))
    return {
        "key": chapter.key,
        "title": chapter.title,
        "about": about(chapter, derivation, counts, scene.counts),
        "runs": chapter.runs,
        "graph": {"nodes": shown, "outputs": graph.outputs},
        "counts": counts,
        "certificate": None,
        "steps": told,
    }


def _source(found: list[Chapter]) -> dict[str, Any]:
    """The generated code of the graph that runs, with the nodes that each line is about."""
    chapter = next(chapter for chapter in found if chapter.runs)
    made = listing(chapter.graph)
    return {
        "chapter": chapter.key,
        "lines": made.source.splitlines(),
        "nodes": made.nodes,
        "elsewhere": made.elsewhere,
    }
