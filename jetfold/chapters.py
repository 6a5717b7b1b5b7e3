"""A derivation as chapters: from the function to each method's graph, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.derivation import Derivation
from jetfold.graph import Graph, Rewriting


@dataclass(frozen=True, eq=False)
class Chapter:
    """A stage of a derivation: the graph that it ends with, and the rewriting that led there.

    Without a ``rewriting`` the graph is made directly: ``made_from`` is the graph whose nodes its
    coefficients belong to, or None for the function itself, which is traced. ``method`` is the
    method that the graph computes, None for what every method begins with; ``runs`` says that the
    graph is the one that runs.
    """

    key: str
    title: str
    graph: Graph
    rewriting: Rewriting | None = None
    made_from: Graph | None = None
    method: str | None = None
    runs: bool = False


def chapters(derivation: Derivation) -> list[Chapter]:
    """The chapters of a derivation, in order.

    First the function, standard Taylor mode, replication pushed down, sums pulled up, clean-up.
    Then, where the operator has them, the other methods that make a graph of their own, each with
    its clean-up. With method "standard" there is no collapsing, and nothing after it.

    Those of a gradient are the function, its adjoint, the same three rewritings, and what runs once
    per call, if there are gradients of parameters.
    """
    if isinstance(derivation, AdjointDerivation):
        return list(_chapters_of_adjoint(derivation))
    return list(_chapters(derivation))


def _chapters_of_adjoint(derivation: AdjointDerivation) -> Iterator[Chapter]:
    function, method = derivation.function_graph, derivation.chosen
    yield Chapter("function", "The function", function)
    yield Chapter("adjoint", "The adjoint", derivation.adjoint_graph, made_from=function)
    push, pull = derivation.pushed, derivation.pulled
    yield Chapter("push", "Replication pushed down", push.graph, push, method=method)
    yield Chapter("pull", "Sums pulled up", pull.graph, pull, method=method)
    done = derivation.cleaned
    yield Chapter("clean-up", "Clean-up", done.graph, done, method=method, runs=True)
    if derivation.parameter_graph.outputs:
        shared = derivation.parameter_graph
        yield Chapter("call", "Once per call", shared, made_from=function, method=method)


def _chapters(derivation: Derivation) -> Iterator[Chapter]:
    function = derivation.function_graph
    yield Chapter("function", "The function", function)
    yield Chapter("taylor", "Standard Taylor mode", derivation.taylor_graph, made_from=function)
    push = derivation.pushed
    yield Chapter("push", "Replication pushed down", push.graph, push, method="standard")
    if derivation.chosen == "standard":
        yield _clean_up(derivation, "standard")
        return
    pull = derivation.pulled
    yield Chapter("pull", "Sums pulled up", pull.graph, pull, method="collapsed")
    yield _clean_up(derivation, "collapsed")
    for method in ("nested", "minimal"):
        if method in derivation.methods:
            graph = derivation.graph_of(method)
            yield Chapter(method, TITLES[method], graph, made_from=function, method=method)
            yield _clean_up(derivation, method)


TITLES = {"nested": "Factor after factor", "minimal": "Minimal jets"}


def _clean_up(derivation: Derivation, method: str) -> Chapter:
    done, runs = derivation.cleaned_up(method), method == derivation.chosen
    key = "clean-up" if method in ("standard", "collapsed") else f"{method}-clean-up"
    return Chapter(key, f"Clean-up: {method}", done.graph, done, method=method, runs=runs)
