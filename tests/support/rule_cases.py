"""Small graphs for single rewrite rules, and the story of what a rule does to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

import exact
from jetfold.graph import (
    Array,
    Collect,
    DirectionAxis,
    Editor,
    Input,
    Parameter,
    Pick,
    Rule,
    Type,
    rewrite,
)

Build = Callable[[Editor], int | tuple[int, ...]]
"""Adds nodes to an editor and answers the outputs."""

R, R1, S = DirectionAxis("r", 2), DirectionAxis("r1", 3), DirectionAxis("s", 3)
X, M = Input("x", Type((3,))), Input("m", Type((2, 3)))
V, U = Parameter("v", Type((3,), (R,))), Parameter("u", Type((3,), (R, S)))
W, T = Parameter("w", Type((3, 4))), Parameter("t", Type((2, 3, 4)))


def pick(e: Editor, node: int, index: Sequence[int], old: str, new: str) -> int:
    """The elements with these numbers along an axis, along an axis with a new name."""
    numbers = np.array(index, dtype=np.int64)
    return e.add(Pick(Array(numbers), old, DirectionAxis(new, len(index))), node)


def collect(e: Editor, node: int, index: Sequence[int], old: str, new: DirectionAxis) -> int:
    """The elements along an axis, each added to the one with this number along a new axis."""
    return e.add(Collect(Array(np.array(index, dtype=np.int64)), old, new), node)


def story(rule: Rule, cases: Mapping[str, Build]) -> str:
    """What the rule alone makes of each graph, as text; every step is re-checked exactly."""
    lines = [f"{rule.name}: {rule.algebra}"]
    for title, build in cases.items():
        editor = Editor()
        outputs = build(editor)
        graph = editor.freeze(outputs if isinstance(outputs, tuple) else (outputs,))
        rewriting = exact.check(rewrite(graph, [rule]))
        assert rewriting.steps, f"{rule.name!r} does not fire on {title}"
        assert not rewrite(rewriting.graph, [rule]).steps
        lines += ["", f"# {title}", str(graph), "  becomes", str(rewriting.graph)]
    return "\n".join(lines)


def file_name(rule: Rule) -> str:
    """Where the golden story of a rule is."""
    return f"rules/{rule.name.replace(' ', '_')}.txt"


def leaves_alone(rules: Sequence[Rule], build: Build) -> bool:
    """Whether no rule fires on a graph."""
    editor = Editor()
    outputs = build(editor)
    graph = editor.freeze(outputs if isinstance(outputs, tuple) else (outputs,))
    return not rewrite(graph, rules).steps
