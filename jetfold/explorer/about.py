"""What each chapter is about, in a paragraph with the numbers of the function at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import Chapter
from jetfold.derivation import Derivation
from jetfold.explorer.meaning import listed
from jetfold.graph import Contract, Graph, Map, MatrixFunction, Replicate, Sum, Type
from jetfold.point_operator import PointOperator
from jetfold.rules.cost import operations
from jetfold.rules.operators import Pushed
from jetfold.rules.taylor import Jet

Counts = Mapping[str, int]


def title(derivation: Derivation) -> str:
    """What is derived: the operator as it was made."""
    return "Derivation" if derivation.about is None else repr(derivation.about.operator)


def subtitle(derivation: Derivation) -> str:
    """The shape of a point, and the method that runs."""
    runs = f"method {derivation.chosen}"
    if derivation.about is None:
        return runs
    point = derivation.about.point
    return f"{point.name} of shape {point.type.shape}, {runs}"


def about(chapter: Chapter, derivation: Derivation, first: Counts, last: Counts) -> str:
    """A paragraph about a chapter, as HTML; the counts are those at its beginning and end."""
    match chapter.key:
        case "function":
            text = _function(chapter.graph, derivation)
        case "taylor":
            text = _taylor(chapter.graph, derivation, first)
        case "adjoint" if isinstance(derivation, AdjointDerivation):
            text = _adjoint(derivation, first)
        case "call" if isinstance(derivation, AdjointDerivation):
            text = _call(derivation)
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
    inputs = [f"{_name(graph, node)}, {_array(graph[node].type)}," for node in graph.inputs]
    outputs = listed(_array(graph[output].type) for output in graph.outputs)
    wanted = f" Wanted is {title(derivation)}." if derivation.about is not None else ""
    return (
        "The function was called once with placeholders, and each operation on them became a node. "
        f"From {listed(inputs) if inputs else 'no input'} to the result, {outputs}, the "
        f"graph has {_many(len(graph), 'node')}"
        + (f", {listed(parts)} among them" if parts else "")
        + f".{wanted} Arrows run from an operand to those who use it; every node knows the line of "
        "the code in which it was written."
    )


def _taylor(graph: Graph, derivation: Derivation, counts: Counts) -> str:
    pushed = derivation.pushed_jets()
    if pushed is None:
        return (
            "The coefficients of the function's nodes, in the graph that the derivation was given."
        )
    order = max(map(_order, pushed.jets), default=0)
    if order == 0:
        return "No value of the function depends on the point, so that nothing moves with it."
    lines = listed(_line(pushed, family) for family in pushed.jets)
    operator = derivation.about and derivation.about.operator
    random = isinstance(operator, PointOperator) and operator.sampling is not None
    copies = any(isinstance(graph[node].op, Replicate) for node in graph)
    return (
        f"The point moves along {lines}{', drawn anew at each call' if random else ''}, and every "
        "value of the function moves with it. In place of a value there are its coefficients now: "
        "the value itself and its derivatives with respect to the time t of the path at t = 0, up "
        f"to order {order}, not divided by factorials. How the coefficients of a node follow from "
        "those of its operands is its Taylor rule; each step shows the rule of one node."
        + (" Every direction has a copy of everything, of the values, too." if copies else "")
        + f" One node of the function has become up to {_many(counts['vectors'], 'vector')}."
    )


def _adjoint(derivation: AdjointDerivation, counts: Counts) -> str:
    adjoint = derivation.adjoint
    alone = operations(derivation.function_graph)
    times = f", {counts['operations'] / alone:.1f} times as many as the function" if alone else ""
    shared = len(adjoint.names)
    return (
        "The cotangent of a value, written with a bar, is the derivative of the result with "
        "respect to it. From the results to the leaves each node hands its cotangent on to its "
        "operands: through the transpose of its first derivative, which is a slope for an "
        "elementwise function, and for a contraction the same contraction with an operand and the "
        "result in each other's places. Each step shows what one node hands on; a value with "
        "several users "
        f"adds up what it gets. That takes {_many(counts['operations'], 'operation')} at a point"
        f"{times}, however many numbers it is differentiated by."
        + (f" {_many(shared, 'value')} that all points share "
           f"{'get sums' if shared > 1 else 'gets a sum'} over the points." if shared else "")
    )  # fmt: skip


def _call(derivation: AdjointDerivation) -> str:
    graph = derivation.parameter_graph
    if len(graph) == len(graph.leaves):
        return "The sums over the points are the gradients of the parameters already."
    return (
        "Some values are computed from parameters alone. They are the same at all points, so that "
        "the sums of their cotangents are handed on to the parameters once for each call, when "
        "all points have been run."
    )


def _order(family: Mapping[int, Jet]) -> int:
    return max((len(jet) for jet in family.values()), default=1) - 1


def _line(pushed: Pushed, family: Mapping[int, Jet]) -> str:
    """The straight lines, or the path, of a family of jets."""
    function = pushed.function
    known = {axis for node in function for axis in function[node].type.directions}
    for jet in family.values():
        for data in (pushed.coefficients[node] for node in jet):
            for axis in data.type.directions:
                if axis not in known:
                    return f"{_many(axis.size, 'direction')} {axis.name}"
            if data.role is not None and data.role.along:
                return f"the direction {data.role.along[-1]}"
    return "a path with coefficients of its own"


def _push(chapter: Chapter, first: Counts, last: Counts) -> str:
    if not _steps(chapter):
        return "Nothing is there in copies, so that there is no replication to be pushed down."
    return (
        "What does not depend on the direction is the same in all copies. A function of copies is "
        "a copy of the function, so that replication moves from the point down to where "
        "directions come in, and all above it is computed once. "
        + _result(chapter, first, last, "vectors")
    )


def _pull(chapter: Chapter, first: Counts, last: Counts) -> str:
    assert chapter.rewriting is not None
    graph = chapter.rewriting.initial
    sums = [op for node in graph if isinstance(op := graph[node].op, Sum) and op.directions]
    if not sums:
        told = "There are no sums over directions that could move up."
        return told + (" Only zeros are put in." if _steps(chapter) else "")
    if not _steps(chapter):
        return "There is nothing linear through which the sums over directions could move up."
    return (
        "In the end sums over directions are wanted. The highest coefficients enter everything "
        "linearly, and the sum of a linear function's values is the function of the sum: so the "
        "sum climbs up, and what was summed at the end is propagated as a sum from the beginning. "
        "A term that is not linear, such as the square of a first coefficient, is summed where it "
        "is. " + _result(chapter, first, last, "vectors")
    )


def _nested(derivation: Derivation, counts: Counts) -> str:
    return (
        "The operator is a product of simpler ones. Another way to compute it is to apply them one "
        "after the other: the collapsed graph of the first factor is the function of the second, "
        f"and so on. That takes {_many(counts['vectors'], 'vector')} per node and "
        f"{_many(counts['operations'], 'operation')}; collapsing as a whole comes to "
        f"{derivation.cost.operations['collapsed']:,}."
    )


def _minimal(derivation: Derivation, counts: Counts) -> str:
    return (
        "Which combinations of derivatives of a node have to be known, so that the operator of "
        "every function that is built on it can be found? They form an algebra, and its "
        "coordinates are propagated here, with rules that follow from its multiplication table. "
        f"These are the fewest that are enough: {_many(counts['vectors'], 'vector')} per node, and "
        f"{_many(counts['operations'], 'operation')}; collapsing comes to "
        f"{derivation.cost.operations['collapsed']:,} in the end."
    )


def _clean_up(chapter: Chapter, first: Counts, last: Counts) -> str:
    runs = " This is the graph that runs." if chapter.runs else ""
    if not _steps(chapter):
        return f"Equal nodes have been merged; there is nothing else to clean up.{runs}"
    return (
        "What came before has left sums of zeros, products with ones and moves that cancel. They "
        "are removed by rules that hold for any graph. "
        + _result(chapter, first, last, "nodes")
        + runs
    )


def _result(chapter: Chapter, first: Counts, last: Counts, key: str) -> str:
    """What the steps of a chapter have changed in the counts."""
    words = {"vectors": "vectors per node", "nodes": "nodes", "operations": "operations"}
    parts = [
        f"{first[k]:,} {words[k]} have become {last[k]:,}"
        if first[k] != last[k]
        else f"there are {last[k]:,} {words[k]} as before"
        for k in (key, "operations")
    ]
    return f"After {_many(_steps(chapter), 'step')}, {' and '.join(parts)}."


def _steps(chapter: Chapter) -> int:
    return 0 if chapter.rewriting is None else len(chapter.rewriting.steps)


def _name(graph: Graph, node: int) -> str:
    return getattr(graph[node].op, "name", "")


def _array(kind: Type) -> str:
    return f"an array of shape {kind.shape}" if kind.shape else "a number"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
