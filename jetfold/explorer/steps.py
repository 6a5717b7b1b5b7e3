"""The steps of a chapter: what each one changes, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jetfold.chapters import Chapter
from jetfold.explorer.coefficients import coefficients_of
from jetfold.explorer.names import equation, value
from jetfold.explorer.records import Records
from jetfold.explorer.rules import Rules
from jetfold.explorer.scene import Scene
from jetfold.graph import Graph, Step

Data = dict[str, Any]


def rewrite_steps(chapter: Chapter, scene: Scene, records: Records, rules: Rules) -> Iterator[Data]:
    """The steps of a chapter that is a rewriting."""
    assert chapter.rewriting is not None
    for step, before, after in chapter.rewriting.replay():
        delta = scene.advance(before, after)
        left, right = _sides(step, before, after)
        data: Data = {
            "rule": rules.place(step.rule),
            "title": step.rule.name,
            "before": step.before,
            "after": step.after,
            "nodes": delta.nodes,
            "marks": _marks(before, after),
            "lhs": records.formula(left),
            "rhs": records.formula(right),
            "counts": scene.counts,
            "certificate": None,
            "routine": False,
        }
        if delta.outputs is not None:
            data["outputs"] = delta.outputs
        yield data


def _sides(step: Step, before: Graph, after: Graph) -> tuple[str, str]:
    return equation(before, step.before), equation(after, step.after)


def _marks(before: Graph, after: Graph) -> dict[str, list[int]]:
    removed = sorted(set(before) - set(after))
    rewired = {user for node in removed for user in before.users(node) if user in after.nx}
    return {
        "removed": removed,
        "added": sorted(set(after) - set(before)),
        "rewired": sorted(rewired),
        "about": [],
    }


def taylor_steps(chapter: Chapter, scene: Scene, records: Records) -> Iterator[Data]:
    """One step for each node of the function that varies: its Taylor rule."""
    function, graph = chapter.made_from, chapter.graph
    assert function is not None
    found = coefficients_of(function, graph)
    for node in function.order:
        if node in function.varying:
            coefficients = found.get(node, [])
            rows = [
                equation(graph, coefficient).replace("=", "&=", 1) for coefficient in coefficients
            ]
            yield {
                "rule": None,
                "title": f"Taylor rule of node {node}",
                "before": node,
                "after": None,
                "nodes": {},
                "marks": {"removed": [], "added": [], "rewired": [], "about": coefficients},
                "lhs": records.formula(equation(function, node)),
                "rhs": records.formula(r"\begin{aligned}" + r"\\".join(rows) + r"\end{aligned}"),
                "counts": scene.counts,
                "certificate": None,
                "routine": False,
            }


def summary_step(chapter: Chapter, scene: Scene, records: Records) -> Data:
    """The one step of a chapter whose graph is made directly."""
    graph = chapter.graph
    output = graph.outputs[0]
    return {
        "rule": None,
        "title": chapter.title,
        "before": None,
        "after": None,
        "nodes": {},
        "marks": {"removed": [], "added": [], "rewired": [], "about": list(graph.outputs)},
        "lhs": records.formula(value(graph, output)),
        "rhs": records.formula(equation(graph, output)),
        "counts": scene.counts,
        "certificate": None,
        "routine": False,
    }
