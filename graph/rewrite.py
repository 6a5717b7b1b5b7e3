"""Rewrite rules as data, and the one driver that applies a list of them to a fixed point."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jetfold.graph.errors import RewriteLoopError
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.ops import Op, SourceLine


@dataclass(frozen=True, slots=True)
class Rule:
    """A local rewrite.

    ``match(editor, node)`` is asked about nodes of the given kinds and answers what it found, or
    None; ``replace(editor, node, found)`` builds the replacement and returns its node. Both
    sides must have the same type and the same value, which is what ``algebra`` states in plain
    text and ``latex`` as a formula. ``routine`` says that the rule keeps house: what it does is
    seldom what a reader looks for. ``where`` is the line of the rule's definition; files of jetfold
    are named as they lie in the package.
    """

    name: str
    algebra: str
    kinds: tuple[type[Op], ...]
    match: Callable[[Editor, int], Any]
    replace: Callable[[Editor, int, Any], int]
    latex: str = ""
    routine: bool = False
    where: SourceLine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        frame = sys._getframe(2)  # below it are this method and the generated __init__
        module = frame.f_globals["__name__"].removeprefix("jetfold.").replace(".", "/")
        where = SourceLine(f"{module}.py", frame.f_lineno)
        object.__setattr__(self, "where", where)


@dataclass(frozen=True)
class Step:
    """One firing of a rule: node ``before`` was replaced by node ``after``."""

    stage: Rewriting
    index: int
    rule: Rule
    before: int
    after: int

    @cached_property
    def graph(self) -> Graph:
        """The whole graph after this step."""
        return self.stage.graph_after(self.index)

    @property
    def previous(self) -> Graph:
        """The whole graph before this step."""
        return self.stage.graph_after(self.index - 1)

    def __str__(self) -> str:
        return f"{self.rule.name}: %{self.before} -> %{self.after}   ({self.rule.algebra})"

    def _repr_latex_(self) -> str:
        """What the step replaced and by what, for notebooks."""
        from jetfold.graph.change import sides  # which looks at steps
        from jetfold.graph.notation import LATEX

        left, right = sides(self, self.previous, self.graph, LATEX)
        return rf"$\displaystyle {left} = {right}$"


class Rewriting:
    """The record of one list of rules applied to one graph until none matches.

    Only the firings are stored; the graph at any step is found again by replaying them, which
    is deterministic, so that a derivation of a deep network costs no memory.
    """

    def __init__(self, name: str, initial: Graph, rules: Sequence[Rule]) -> None:
        self.name = name
        self.initial = initial
        self.rules = tuple(rules)
        editor = Editor(initial)
        self.steps = [
            Step(self, index, rule, before, after)
            for index, (rule, before, after) in enumerate(_fire(editor, self.rules))
        ]
        self.graph = editor.freeze()

    def graph_after(self, index: int) -> Graph:
        """The graph after step ``index``; -1 is the initial graph."""
        if index < 0:
            return self.initial
        return next(graph for i, graph in enumerate(self._replay()) if i == index)

    def replay(self) -> Iterator[tuple[Step, Graph, Graph]]:
        """Every step with the graph before and after it, in one pass."""
        before = self.initial
        for step, after in zip(self.steps, self._replay(), strict=True):
            yield step, before, after
            before = after

    def _replay(self) -> Iterator[Graph]:
        editor = Editor(self.initial)
        for _ in _fire(editor, self.rules):
            yield editor.freeze()


def rewrite(graph: Graph, rules: Sequence[Rule], name: str = "rewrite") -> Rewriting:
    """Apply the rules, in their order at each node, until none matches anywhere.

    Raises `RewriteLoopError` if they undo each other.
    """
    return Rewriting(name, graph, rules)


def _fire(editor: Editor, rules: Sequence[Rule]) -> Iterator[tuple[Rule, int, int]]:
    """Apply the rules to the editor's graph; yields after each firing (rule, old, new)."""
    by_kind: dict[type[Op], list[Rule]] = {}
    for rule in rules:
        for kind in rule.kinds:
            by_kind.setdefault(kind, []).append(rule)
    pending = deque(editor.freeze().order)
    waiting = set(pending)
    fired: deque[str] = deque(maxlen=6)
    budget = 100 * (len(pending) + 10)

    def push(nodes: Sequence[int]) -> None:
        for node in nodes:
            if node not in waiting:
                waiting.add(node)
                pending.append(node)

    while pending:
        node = pending.popleft()
        waiting.discard(node)
        if node not in editor:
            continue
        for rule in by_kind.get(type(editor[node].op), ()):
            found = rule.match(editor, node)
            if found is None:
                continue
            fired.append(rule.name)
            if (budget := budget - 1) < 0:
                raise RewriteLoopError(
                    f"the rules {', '.join(sorted(set(fired)))} undo each other at %{node}; "
                    "make one of them decrease a measure that the others do not increase"
                )
            marker = editor.next_node
            old = editor[node]
            new = rule.replace(editor, node, found)
            if editor[new].type != old.type:
                raise TypeError(
                    f"rule {rule.name!r} replaced a value of type {old.type} by one of type "
                    f"{editor[new].type}; both sides of a rule must have the same type"
                )
            users = editor.replace(node, new)
            fresh = range(marker, editor.next_node)
            for unused in reversed(fresh):  # what a replacement built and then did not need
                editor.prune(unused)
            push([built for built in fresh if built in editor])
            push([new, *users])
            yield rule, node, new
            break
