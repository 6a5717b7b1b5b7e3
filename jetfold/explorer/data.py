"""Everything that the page of a derivation shows, as data."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from typing import Any

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.backends.cpu import listing
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.explorer.about import about, subtitle, title
from jetfold.explorer.certificates import Certificates
from jetfold.explorer.layers import Layers
from jetfold.explorer.records import Records
from jetfold.explorer.scene import Scene
from jetfold.explorer.steps import Steps
from jetfold.graph import Graph, Total
from jetfold.graph.notation import LATEX
from jetfold.graph.style import KINDS
from jetfold.mathml import mathml
from jetfold.rules.blocked import blocked


def page_data(derivation: Derivation) -> dict[str, Any]:
    """The data of a derivation's page, ready for JSON; see `jetfold.explorer` for its form."""
    found = chapters(derivation)
    records, layers = Records(derivation.function_graph), Layers(derivation.function_graph)
    certificates = Certificates(derivation, records)
    steps = Steps(records, certificates, derivation)
    told = [
        _chapter(
            chapter,
            derivation,
            Scene(_first(chapter), records, layers, chapter.method == "minimal"),
            steps,
        )
        | {"certificate": certificates.of(chapter.key, None)}
        for chapter in found
    ]
    totals = derivation.totals if isinstance(derivation, AdjointDerivation) else ()
    return {
        "title": title(derivation),
        "subtitle": subtitle(derivation),
        "version": version("jetfold"),
        "chapters": told,
        "kinds": [{"key": key, "words": kind.words} for key, kind in KINDS.items()],
        "records": records.records,
        "rules": steps.rules,
        "formulas": records.formulas,
        "source": _source(found, totals),
        "blocked": _blocked(derivation) if derivation.chosen != "standard" else [],
    }


def _chapter(
    chapter: Chapter, derivation: Derivation, scene: Scene, steps: Steps
) -> dict[str, Any]:
    shown, counts = dict(scene.shown), scene.counts
    told = list(steps.of(chapter, scene))
    return {
        "key": chapter.key,
        "title": chapter.title,
        "about": about(chapter, derivation, counts, scene.counts),
        "runs": chapter.runs,
        "graph": {"nodes": shown, "outputs": _first(chapter).outputs},
        "counts": counts,
        "steps": told,
    }


def _first(chapter: Chapter) -> Graph:
    """The graph with which a chapter begins."""
    return chapter.graph if chapter.rewriting is None else chapter.rewriting.initial


def _blocked(derivation: Derivation) -> list[dict[str, Any]]:
    """The sums that stopped, at the end of the chapter that pulls them up."""
    found = blocked(derivation.collapsed_graph, derivation.function_graph, LATEX, _inline, escape)
    return [
        {"chapter": "pull", "node": sum.node, "below": sum.below, "reason": sum.reason}
        for sum in found
    ]


def _inline(latex: str) -> str:
    """A formula in a sentence, which the page breaks where it is too wide."""
    return f'<span class="formula">{mathml(latex)}</span>'


def _source(found: list[Chapter], totals: Sequence[Total]) -> dict[str, Any]:
    """The generated code of the graph that runs, with the nodes that each line is about."""
    chapter = next(chapter for chapter in found if chapter.runs)
    made = listing(chapter.graph, totals)
    return {
        "chapter": chapter.key,
        "lines": made.source.splitlines(),
        "nodes": made.nodes,
        "elsewhere": made.elsewhere,
    }
