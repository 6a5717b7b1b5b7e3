"""What each chapter is about, in a paragraph with the numbers of the function at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape

from jetfold.chapters import Chapter
from jetfold.derivation import Derivation
from jetfold.graph import Contract, Graph, Map, MatrixFunction, Replicate, Sum, Type

Counts = Mapping[str, int]


def title(derivation: Derivation) -> str:
    """What is derived: the operator as it was made."""
    return "Derivation" if derivation.about is None else repr(derivation.about.operator)


def subtitle(derivation: Derivation) -> str:
    """The shape of a point, and the method that runs."""
    runs = f"method {derivation.chosen} runs"
    if derivation.about is None:
        return runs
    point = derivation.about.point
    return f"{point.name}: {point.type.shape}, {runs}"


def about(chapter: Chapter, derivation: Derivation, first: Counts, last: Counts) -> str:
    """A paragraph about a chapter, as HTML; the counts are those at its beginning and end."""
    match chapter.key:
        case "function":
            text = _function(chapter.graph, derivation)
        case "taylor":
            text = _taylor(chapter.graph, first)
        case "push":
            text = _push(chapter, first, last)
        case "pull":
            text = _pull(chapter, first, last)
        case "nested":
            text = _nested(derivation, first)
        case "minimal":
            text = _minimal(derivation, first)
        case _:
            text = _clean_up(chapter, first, last)
    return escape(text)


def _function(graph: Graph, derivation: Derivation) -> str:
    kinds = {Map: "elementwise function", Contract: "contraction", Sum: "sum"}
    kinds |= {MatrixFunction: "function of matrices"}
    found = Counter(type(graph[node].op) for node in graph)
    parts = [_many(found[kind], word) for kind, word in kinds.items() if found[kind]]
    inputs = [f"{_point(graph[node].type)} {escape(_name(graph, node))}" for node in graph.inputs]
    outputs = _listed(_point(graph[output].type) for output in graph.outputs)
    wanted = f" Wanted is {title(derivation)}." if derivation.about is not None else ""
    return (
        f"The function was called once with placeholders, and each operation on them became a "
        f"node: {_many(len(graph), 'node')} lead from {_listed(inputs) or 'no input'} to {outputs}"
        + (f", {_listed(parts)} among them" if parts else "")
        + f".{wanted} Arrows run from an operand to those who use it; every node knows the line of "
        "the code in which it was written."
    )


def _taylor(graph: Graph, counts: Counts) -> str:
    order = max((role.order for n in graph if (role := graph[n].role) is not None), default=0)
    axes = sorted({axis for node in graph for axis in graph[node].type.directions})
    copies = any(isinstance(graph[node].op, Replicate) for node in graph)
    paths = {role.along for n in graph if (role := graph[n].role) is not None and role.along}
    pushed = [f"{_many(axis.size, 'direction')} {axis.name}" for axis in axes]
    pushed += [f"the direction {_listed(names)}" for names in sorted(paths)]
    lines = f"along {_listed(pushed)}" if pushed else "along one path"
    return (
        f"The point moves {lines}, and every value of the function moves with it. In place of a "
        "value there are its coefficients now: the value itself and its derivatives with respect "
        f"to the time of the path at its beginning, up to order {order}, not divided by "
        "factorials. How the coefficients of a node follow from those of its operands is its "
        "Taylor rule; each step shows the rule of one node."
        + (" Every direction has a copy of everything, of the values, too." if copies else "")
        + f" A node of the function has become up to {_many(counts['vectors'], 'vector')}."
    )


def _push(chapter: Chapter, first: Counts, last: Counts) -> str:
    if not _steps(chapter):
        return "Nothing is there in copies, so that there is no replication to be pushed down."
    return (
        "What does not depend on the direction is the same in all copies. A function of copies is "
        "a copy of the function, so that replication moves from the point down to where "
        f"directions come in, and all above it is computed once. {_many(_steps(chapter), 'step')} "
        f"leave {last['vectors']} of {_many(first['vectors'], 'vector')} per node, and "
        f"{last['operations']:,} of {first['operations']:,} operations."
    )


def _pull(chapter: Chapter, first: Counts, last: Counts) -> str:
    if not _steps(chapter):
        return "There is no sum over directions that could move up through anything linear."
    return (
        "In the end sums over directions are wanted. The highest coefficients enter everything "
        "linearly, and the sum of a linear function's values is the function of the sum: so the "
        "sum climbs up, and what was summed at the end is propagated as a sum from the beginning. "
        "A term that is not linear, such as the square of a first coefficient, is summed where it "
        f"is. {_many(_steps(chapter), 'step')} leave {last['vectors']} of "
        f"{_many(first['vectors'], 'vector')} per node, and {last['operations']:,} of "
        f"{first['operations']:,} operations."
    )


def _nested(derivation: Derivation, counts: Counts) -> str:
    return (
        "The operator is a product of simpler ones. Another way to compute it is to apply them one "
        "after the other: the collapsed graph of the first factor is the function of the second, "
        f"and so on. That takes {_many(counts['vectors'], 'vector')} per node and "
        f"{counts['operations']:,} operations" + _instead(derivation, counts)
    )


def _minimal(derivation: Derivation, counts: Counts) -> str:
    return (
        "Which combinations of derivatives of a node have to be known, so that the operator of "
        "every function that is built on it can be found? They form an algebra, and its "
        "coordinates are propagated here, with rules that follow from its multiplication table: "
        f"{_many(counts['vectors'], 'vector')} per node, which no method can undercut, and "
        f"{counts['operations']:,} operations" + _instead(derivation, counts)
    )


def _instead(derivation: Derivation, counts: Counts) -> str:
    other = derivation.cost.operations["collapsed"]
    return f", where collapsing ends with {other:,}." if derivation.chosen != "standard" else "."


def _clean_up(chapter: Chapter, first: Counts, last: Counts) -> str:
    runs = " This is the graph that runs." if chapter.runs else ""
    if not _steps(chapter):
        return f"Equal nodes have been merged; there is nothing else to clean up.{runs}"
    return (
        "The rewriting has left sums of zeros, products with ones and moves that cancel. They are "
        f"removed by rules that hold for any graph: {_many(_steps(chapter), 'step')} leave "
        f"{last['nodes']} of {_many(first['nodes'], 'node')} and {last['operations']:,} of "
        f"{first['operations']:,} operations.{runs}"
    )


def _steps(chapter: Chapter) -> int:
    return 0 if chapter.rewriting is None else len(chapter.rewriting.steps)


def _name(graph: Graph, node: int) -> str:
    return getattr(graph[node].op, "name", "")


def _point(kind: Type) -> str:
    return f"an array of shape {kind.shape}" if kind.shape else "a number"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _listed(words: Iterable[str]) -> str:
    *first, last = [*words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
