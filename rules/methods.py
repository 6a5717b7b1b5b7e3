"""The methods by which a problem's graph is made from that of a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jetfold.graph import Editor, Graph, Input, rewrite, simplify
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.minimal import minimal
from jetfold.rules.operators import Standard, interpolated, push_families
from jetfold.rules.problem import Functional, Problem


def methods(graph: Graph, point: Input, problem: Problem) -> dict[str, Callable[[], Graph]]:
    """What builds each method's graph of a problem about the function ``graph`` at ``point``.

    "standard" is Taylor mode, one jet for each direction; "collapsed" follows from it by rewriting
    and is not listed. "minimal" are jets in the problem's algebra. "nested" is there where the
    problem has factors.
    """
    found: dict[str, Callable[[], Graph]] = {
        "standard": Standard(lambda: push_families(graph, point, problem)),
        "minimal": lambda: minimal(graph, point, problem.at_points or problem),
    }
    if problem.factors:
        found["nested"] = lambda: nested(graph, point, problem)
    return found


def wanted_part(graph: Graph, problem: Problem) -> tuple[Graph, Problem]:
    """The part of a function graph that a problem asks for, and the problem about that.

    What no functional asks for is not differentiated; the problem's directions may use it.
    """
    outputs = sorted({functional.output for functional in problem.functionals})
    part = Editor(graph).freeze([graph.outputs[output] for output in outputs])
    functionals = tuple(
        replace(functional, output=outputs.index(functional.output))
        for functional in problem.functionals
    )
    return part, replace(problem, functionals=functionals)


def nested(graph: Graph, point: Input, problem: Problem) -> Graph:
    """The factors applied one after the other, each collapsed, to the graph of those before."""
    outputs = [functional.output for functional in problem.functionals]
    for i, factor in enumerate(problem.factors):
        last = i == len(problem.factors) - 1
        step = replace(
            problem,
            functionals=tuple(Functional(output, factor) for output in outputs),
            finish=problem.finish if last else lambda _, nodes: list(nodes),
            factors=(),
        )
        pushed = rewrite(interpolated(graph, point, step), PUSH_REPLICATE).graph
        graph = simplify(rewrite(pushed, PULL_SUM).graph).graph
        outputs = list(range(len(outputs)))
    return graph
