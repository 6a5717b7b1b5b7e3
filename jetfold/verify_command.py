"""Prove every step of a derivation: exit status 0 if all hold, 1 at the first that does not.

Each rewriting step is computed before and after in exact fractions, proved by SymPy where that is
possible, and measured in floating point; each Taylor rule is compared with SymPy's derivatives, and
what each node of a gradient hands on, by inner products.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import Chapter, chapters
from jetfold.derivation import Derivation
from jetfold.graph import Graph, Step
from jetfold.graph.certificate import Certificate
from jetfold.graph.change import sides
from jetfold.graph.notation import PLAIN
from jetfold.proof import NodeStep, Proved, certificates
from jetfold.target import add_options as add_target_options
from jetfold.target import read


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `python -m jetfold verify`."""
    add_target_options(command)
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--all", action="store_true", help="a line for each step")
    shown.add_argument("--quiet", action="store_true", help="print nothing but a failure")


def run(chosen: argparse.Namespace) -> int:
    """Print what has been proved; 0, or 1 if a step does not hold.

    Raises `RewriteLoopError` if the rules do not come to an end, and another `JetfoldError` for
    what cannot be derived.
    """
    derivation = read(chosen).derivation
    console = Console(highlight=False, markup=False, soft_wrap=True)
    width = max(len(chapter.title) for chapter in chapters(derivation))
    total = 0
    for chapter, proved in _chapter_by_chapter(derivation, console):
        count = Count()
        for one in proved:
            count.add(one.certificate)
            if not one.certificate.holds:
                console.print("\n".join(_failure(one, derivation)))
                return 1
            if chosen.all:
                console.print("\n".join(_step(one)))
        total += count.all
        if not chosen.quiet:
            console.print(f"{chapter.title:<{width}}  {count}")
    if not chosen.quiet:
        console.print(f"All {total} certificates hold.")
    return 0


def _chapter_by_chapter(
    derivation: Derivation, console: Console
) -> Iterator[tuple[Chapter, Iterator[Proved]]]:
    """The certificates of each chapter, with a bar on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

    def counted(proved: Iterator[Proved]) -> Iterator[Proved]:
        for one in proved:
            yield one
            progress.advance(task, one.step is not None)

    with progress:
        task = progress.add_task("")
        for chapter, proved in groupby(certificates(derivation), lambda one: one.chapter):
            steps = len(chapter.rewriting.steps) if chapter.rewriting else None
            progress.reset(task, total=steps, description=chapter.title)
            yield chapter, counted(proved)


@dataclass
class Count:
    """How many certificates a chapter has, and what they say."""

    all: int = 0
    exact: int = 0
    symbolic: int = 0
    roundoffs: list[float] = field(default_factory=list)

    def add(self, certificate: Certificate) -> None:
        self.all += 1
        self.exact += certificate.exact is True
        self.symbolic += certificate.symbolic is True
        if certificate.roundoff is not None:
            self.roundoffs.append(certificate.roundoff)

    def __str__(self) -> str:
        named = "certificate: " if self.all == 1 else "certificates:"
        shown = f"{self.all:4} {named} {self.exact:4} exact, {self.symbolic:4} symbolic"
        if self.roundoffs:
            shown += f", largest round-off {max(self.roundoffs):.3g} eps"
        return shown


def _step(proved: Proved) -> Iterator[str]:
    """What has been found out about a step, in a line, with remarks below."""
    certificate = proved.certificate
    found = {"exact": certificate.exact, "symbolic": certificate.symbolic}
    words = [word for word, holds in found.items() if holds]
    words += [f"not {word}" for word, holds in found.items() if holds is False]
    if certificate.roundoff is not None:
        words.append(f"round-off {certificate.roundoff:.3g} eps")
    yield f"  {_named(proved)}: {', '.join(words)}"
    for remark in certificate.remarks:
        yield f"      {remark}"


def _named(proved: Proved) -> str:
    match proved.step:
        case Step(index=index, rule=rule, before=before, after=after):
            return f"{index + 1:4} {rule.name}: %{before} -> %{after}"
        case NodeStep(index=index, title=title):
            return f"{index + 1:4} {title}"
    if proved.chapter.key in ("adjoint", "call"):
        return "   0 <g, J v> = <J^T g, v> at two points, J v by Taylor mode"
    merged = "equal nodes of the graph before merged"
    return f"   0 {merged if proved.chapter.rewriting else 'results, against standard Taylor mode'}"


def _failure(proved: Proved, derivation: Derivation) -> Iterator[str]:
    """Where a proof failed: the rule and its line, the node, both sides, the user's line."""
    step, chapter = proved.step, proved.chapter
    yield f"FAILED {chapter.title}"
    yield from _step(proved)
    function = derivation.function_graph
    notation = PLAIN.of(function)
    if isinstance(step, Step):
        before, after = step.previous, step.graph
        left, right = sides(step, before, after, notation)
        yield f"  rule    {step.rule.name}: {step.rule.algebra}"
        yield f"          {step.rule.where}"
        yield f"  node    {notation.value(before, step.before)}{_line(before, step.before)}"
        yield f"  before  {left}"
        yield f"  after   {right}"
    elif isinstance(step, NodeStep):
        yield f"  node    {notation.equation(function, step.node)}{_line(function, step.node)}"
        if isinstance(derivation, AdjointDerivation):
            yield from _handed(derivation, step.node)
            return
        for node in chapter.graph:
            role = chapter.graph[node].role
            if role is not None and role.of == step.node:
                yield f"  rule    {notation.equation(chapter.graph, node)}"


def _handed(derivation: AdjointDerivation, node: int) -> Iterator[str]:
    """What a node hands on to its operands."""
    function, adjoint = derivation.function_graph, derivation.adjoint
    notation = PLAIN.of(function)
    for handed in adjoint.handed:
        for operand, part in handed.parts if handed.node == node else ():
            formula = notation.formula(adjoint.complete, part)
            yield f"  rule    to {notation.cotangent(function, operand)}: {formula}"


def _line(graph: Graph, node: int) -> str:
    """The user's line in which a node was written, or else one of its operands."""
    sources = (graph[known].source for known in (node, *graph.operands(node)))
    source = next((source for source in sources if source is not None), None)
    return f"   {source}" if source else ""
