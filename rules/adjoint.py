"""The adjoint of a graph: from the cotangents of its outputs to those of its leaves.

The cotangent of a value v is the derivative of a number with respect to v, an array like v. Going
through the graph from its outputs, each node hands its own cotangent on to its operands, through
the transpose of its first derivative: of an elementwise function that is the coefficient of order
1 of its Taylor rule, with the cotangent in place of the path's velocity; of what is linear it is
the transpose (`jetfold.rules.transpose`); of a function of matrices it is the transpose of its
Taylor rule of order 1. So it goes for any graph, that of an operator too, collapsed or minimal.

Points and what they share are treated apart. A value that is the same at every point gets the sum
over all points of what each hands to it: that is a `Total`, which backends form while they go
through the points. What the totals hand on to the parameters is a graph of its own, run once.

Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import sympy as sp

from jetfold.graph import (
    LEAVES,
    Array,
    Coefficient,
    Constant,
    Cotangent,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Parameter,
    Total,
    Type,
    add_map,
    constant,
    fit,
    operand_symbol,
    simplify,
)
from jetfold.graph.notation import PLAIN
from jetfold.rules.derive import OUTPUT, path_symbol, taylor_rule
from jetfold.rules.matrix import matrix_coefficients
from jetfold.rules.transpose import summed_to, summed_to_shape, transposed

Leaf = Input | Parameter

Values = Literal["none", "points", "summed"]
"""What is wanted of the outputs themselves."""

Cotangents = dict[int, list[int]]
"""For each node what its users hand to it, one node from each."""

ROWS = "o"
"""The direction axis that counts the rows of a Jacobian."""

POINTS = "p"
"""What totals are summed over, in roles: it counts the points of a batch."""


class Handed(NamedTuple):
    """What a node of the function hands on: to each of these operands a part of its cotangent.

    A part may have direction axes that the operand lacks, over which it is still to be summed.
    """

    node: int
    cotangent: int
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Adjoint:
    """The graphs of an adjoint; see `adjoint`.

    ``graph`` runs at every point. Its outputs are first those of the function, if they are wanted
    there, then the cotangents of the leaves that differ from point to point, in the order in which
    they were asked for; then the terms of ``totals``. The first totals are the sums of the
    function's outputs, if these are wanted; the others are leaves `Parameter` of ``shared``, called
    as in ``names``, whose outputs are the cotangents of the parameters. ``handed`` tells what the
    function's nodes hand on, in the order in which they do.
    """

    graph: Graph
    totals: tuple[Total, ...]
    shared: Graph
    names: tuple[str, ...]
    handed: tuple[Handed, ...]
    editor: Editor

    @cached_property
    def complete(self) -> Graph:
        """``graph`` with everything that is handed on, whether the outputs need it or not."""
        parts = [part for one in self.handed for _, part in one.parts]
        cotangents = [one.cotangent for one in self.handed]
        return self.editor.freeze([*self.graph.outputs, *cotangents, *parts])


# What hands on ------------------------------------------------------------------------------------


class Reverse:
    """Goes through nodes from users to operands and hands cotangents on.

    ``active`` are the nodes that get a cotangent. Direction axes in ``kept`` count copies of
    cotangents, which are never summed. Nodes in ``shared`` collect what they get and hand nothing
    on; direction axes that they lack are not summed, which is left to a total. With ``names`` it
    is written down in roles whose cotangents the new nodes are.
    """

    def __init__(
        self,
        editor: Editor,
        active: Collection[int],
        kept: Collection[str] = (),
        shared: Collection[int] = (),
        names: bool = True,
    ) -> None:
        self.editor = editor
        self.active = active
        self.kept = kept
        self.shared = shared
        self.found: Cotangents = {}
        self.handed: list[Handed] = []
        self._first = editor.next_node if names else math.inf

    def give(self, node: int, cotangent: int) -> int:
        """Add to the cotangent of a node what one of its users, or a seed, has for it.

        That is summed over axes that the node lacks, and returned.
        """
        kind = self.editor[node].type
        if node in self.shared:
            cotangent = summed_to_shape(self.editor, cotangent, kind.shape)
        else:
            cotangent = summed_to(self.editor, cotangent, kind, self.kept)
        self.found.setdefault(node, []).append(cotangent)
        return cotangent

    def cotangent(self, node: int) -> int | None:
        """The sum of what a node has got; None if that is nothing."""
        given = self.found.get(node)
        if not given:
            return None
        symbols = {sp.Symbol(f"t{i}", real=True): part for i, part in enumerate(given)}
        return self.named(node, add_map(self.editor, sp.Add(*symbols), symbols))

    def named(self, node: int, cotangent: int) -> int:
        """The cotangent of a node, said to be that if it is no node of the function itself."""
        if cotangent >= self._first and not isinstance(self.editor[cotangent].op, LEAVES):
            self.editor.annotate(cotangent, None, self.role(node))
        return cotangent

    def role(self, node: int) -> Cotangent:
        """What the cotangent of a node is."""
        op = self.editor[node].op
        return Cotangent(node, 0, leaf=op.name if isinstance(op, (Input, Parameter)) else "")

    def run(self, nodes: Sequence[int]) -> None:
        """Hand on the cotangents of these nodes, which are in the order of a graph."""
        for node in reversed(nodes):
            if node in self.shared or isinstance(self.editor[node].op, LEAVES):
                continue
            cotangent = self.cotangent(node)
            if cotangent is not None:
                self._hand_on(node, cotangent)

    def _hand_on(self, node: int, cotangent: int) -> None:
        editor = self.editor
        op, operands = editor[node].op, editor.operands(node)
        source = editor[node].source
        parts = []
        for position, operand in enumerate(operands):
            if operand not in self.active:
                continue
            match op:
                case Map(expr):
                    part = self._through_map(expr, node, position, cotangent)
                case MatrixFunction():
                    part = self._through_matrix(op, operand, cotangent)
                case _:
                    part = transposed(editor, op, operands, position, cotangent, self.kept)
            if part is not None:
                editor.annotate(part, source, None)
                parts.append((operand, self.give(operand, part)))
        self.handed.append(Handed(node, cotangent, tuple(parts)))

    def _through_map(self, expr: sp.Expr, node: int, position: int, cotangent: int) -> int | None:
        """The coefficient of order 1 along this operand's path, its velocity the cotangent."""
        _, slope = taylor_rule(expr, 1, (position,))
        if slope == 0:
            return None
        operands = self.editor.operands(node)
        nodes = {path_symbol(i, 0): operand for i, operand in enumerate(operands)}
        nodes |= {OUTPUT: node, path_symbol(position, 1): cotangent}
        return add_map(self.editor, self._known(slope, nodes), nodes)

    def _known(self, expr: sp.Expr, nodes: dict[sp.Symbol, int]) -> sp.Expr:
        """The expression with symbols for functions of one operand that a node has already."""
        for part in expr.atoms(sp.Function):
            (operand, *others) = part.args
            known = None
            if operand in nodes and not others:
                known = self.editor.find(Map(part.func(operand_symbol(0))), nodes[operand])
            if known is not None:
                symbol = sp.Symbol(f"v{known}", real=True)
                expr, nodes[symbol] = expr.xreplace({part: symbol}), known
        return expr

    def _through_matrix(self, op: MatrixFunction, matrix: int, cotangent: int) -> int | None:
        """The transpose of the Taylor rule of order 1, which is linear in the path's velocity."""
        editor = self.editor
        velocity = editor.add(Input(f"velocity of %{matrix}", editor[matrix].type))
        jet = matrix_coefficients(editor, op, [matrix, velocity], 1)
        if len(jet) == 1:
            return None
        rule = editor.freeze([jet[1]])
        active = dependent(rule, [velocity])
        inner = Reverse(editor, active, self.kept, names=False)
        inner.give(jet[1], cotangent)
        inner.run([node for node in rule.order if node in active])
        return inner.cotangent(velocity)


def dependent(graph: Graph, leaves: Iterable[int]) -> set[int]:
    """The nodes that depend on one of these leaves, themselves included."""
    found = set(leaves)
    for node in graph.order:
        if not found.isdisjoint(graph.operands(node)):
            found.add(node)
    return found


# Seeds --------------------------------------------------------------------------------------------

Seed = Callable[[Editor, int, Type], int]
"""Makes the cotangent of output number i of a type."""


def ones(editor: Editor, number: int, kind: Type) -> int:
    """The seed of a gradient: every output counts once."""
    return constant(editor, 1, kind)


def named(name: str) -> Seed:
    """Seeds that are inputs: output number i has the cotangent ``name{i}``."""
    return lambda editor, number, kind: editor.add(Input(f"{name}{number}", kind))


def weighted(name: str) -> Seed:
    """The seed of a weighted sum of scalars; the weights are one input."""
    return lambda editor, number, kind: editor.add(Input(name, kind))


def rows(editor: Editor, number: int, kind: Type) -> int:
    """The seeds of a Jacobian: unit vectors, one for each element of the only output."""
    if kind.shape == ():
        return constant(editor, 1, kind)
    unit = np.eye(kind.elements).reshape((kind.elements, *kind.shape))
    return editor.add(Constant(Array(unit), (DirectionAxis(ROWS, kind.elements),)))


# The adjoint --------------------------------------------------------------------------------------


def adjoint(
    graph: Graph,
    leaves: Sequence[Leaf],
    seed: Seed,
    values: Values = "none",
    per_point: bool = False,
) -> Adjoint:
    """The cotangents of some leaves of a graph, given those of its outputs.

    ``seed`` makes the outputs' cotangents. ``values`` says whether the outputs themselves are
    wanted: at all points, or their sum over the points, weighted by the cotangents, where they are
    scalars. With ``per_point`` parameters get cotangents at every point, like inputs: nothing is
    summed, and axis `ROWS` counts copies if there are several seeds.
    """
    editor = Editor(graph)
    _name_values(editor, graph)
    known = {graph[node].op: node for node in graph.leaves}
    wanted = [known[leaf] for leaf in leaves if leaf in known]
    active = dependent(graph, wanted)
    shared = set() if per_point else active - graph.varying
    reverse = Reverse(editor, active, (ROWS,) if per_point else (), shared)
    sums = []
    extra: tuple[DirectionAxis, ...] = ()
    for i, output in enumerate(graph.outputs):
        cotangent = seed(editor, i, graph[output].type)
        extra = editor[cotangent].type.directions
        if values != "summed" and isinstance(editor[cotangent].op, Input):
            editor.annotate(cotangent, None, reverse.role(output))
        if values == "summed":
            a, b = sp.symbols("a b", real=True)
            sums.append(add_map(editor, a * b, {a: output, b: cotangent}))
        if output in active:
            reverse.give(output, cotangent)
    reverse.run([node for node in graph.order if node in active])
    direct = [leaf for leaf in leaves if per_point or isinstance(leaf, Input)]
    outputs = list(graph.outputs) if values == "points" else []
    for leaf in direct:
        found = _cotangent(reverse, known.get(leaf), leaf.type)
        outputs.append(fit(editor, found, Type(leaf.type.shape, extra)))
    totals = []
    met = [node for node in graph.order if node in shared and reverse.found.get(node)]
    for node in met:
        if len(reverse.found[node]) == 1:
            reverse.named(node, *reverse.found[node])
    for terms, kind in [([node], Type(())) for node in sums] + [
        (reverse.found[node], graph[node].type) for node in met
    ]:
        totals.append(Total(tuple(range(len(outputs), len(outputs) + len(terms))), kind))
        outputs += terms
    names = tuple(f"sum of {PLAIN.cotangent(graph, node)}" for node in met)
    points = editor.freeze(outputs)
    rest = [leaf for leaf in leaves if leaf not in direct]
    parameters = _shared(graph, met, names, rest, active)
    return Adjoint(points, tuple(totals), parameters, names, tuple(reverse.handed), editor)


def _name_values(editor: Editor, graph: Graph) -> None:
    """The function's values keep their names in the adjoint, as they do in a Taylor graph."""
    for node in graph:
        if not isinstance(graph[node].op, LEAVES):
            editor.annotate(node, None, Coefficient(node, 0))


def _cotangent(reverse: Reverse, node: int | None, kind: Type) -> int:
    found = None if node is None else reverse.cotangent(node)
    return constant(reverse.editor, 0, kind) if found is None else found


def _shared(
    graph: Graph,
    met: Sequence[int],
    names: Sequence[str],
    leaves: Sequence[Leaf],
    active: Collection[int],
) -> Graph:
    """From the totals of what points share to the cotangents of parameters."""
    editor = Editor(graph)
    _name_values(editor, graph)
    reverse = Reverse(editor, active)
    for node, name in zip(met, names, strict=True):
        total = editor.add(Parameter(name, graph[node].type))
        editor.annotate(total, None, replace(reverse.role(node), summed=(POINTS,)))
        reverse.give(node, total)
    reverse.run([node for node in graph.order if node in active and node not in graph.varying])
    known = {graph[node].op: node for node in graph.leaves}
    outputs = [_cotangent(reverse, known.get(leaf), leaf.type) for leaf in leaves]
    return simplify(editor.freeze(outputs)).graph
