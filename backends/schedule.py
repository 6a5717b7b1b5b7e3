"""Which nodes run together: nests, products, reductions, matrix functions, level by level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import sympy as sp

from jetfold.backends.outer import outer_products
from jetfold.backends.views import (
    Index,
    Picks,
    Turns,
    affine,
    axes_of,
    broadcast,
    is_view,
    pick,
    turns_evenly,
    views,
)
from jetfold.graph import (
    Array,
    Collect,
    Concatenate,
    Contract,
    Direct,
    DirectionAxis,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Sum,
    Total,
    operand_symbol,
)
from jetfold.graph.ops import Shape, Type, split_spec


class Read(NamedTuple):
    """An operand as a loop reads it: row f of the loop is row ``rows[f]`` of ``node``."""

    node: int
    rows: Index
    turns: Turns = ()
    picks: Picks = ()


@dataclass(frozen=True)
class ProductShape:
    """A contraction with one matrix that does not vary, as batches of products of one matrix."""

    matrix: int
    spec: str
    batches: int
    groups: int
    rows: int
    inner: int
    operand_rows: tuple[int, tuple[int, ...]]
    result_rows: tuple[int, tuple[int, ...]]


@dataclass
class Nest:
    """Elementwise nodes of one shape that share a loop; ``phase`` orders them (see `Scheduler`)."""

    level: int
    shape: Shape
    nodes: list[int] = field(default_factory=list)
    phase: dict[int, int] = field(default_factory=dict)


@dataclass
class ProductGroup:
    """Products of one matrix with several values of one level: pairs (operand, result)."""

    level: int
    shape: ProductShape
    pairs: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Reduction:
    """A sum of products over rows or over direction axes, one node."""

    level: int
    node: int


@dataclass
class MatrixGroup:
    """Functions of the same matrices: they share one elimination."""

    level: int
    operand: int
    nodes: list[int] = field(default_factory=list)


Item = Nest | ProductGroup | Reduction | MatrixGroup


class Scheduler:
    """Assigns every varying node of a graph to an item at the earliest level possible.

    Inside a nest, values without direction axes live in even phases, values with direction axes in
    the odd phases between them, and a sum over all its direction axes is finished in the phase
    after the one that runs over its terms. What is collected is summed in its own phase, together
    with the function that gives its terms where nothing else uses these (``terms``). A value with
    direction axes exists only in its own phase: who needs it later, or along other axes, reads it
    from memory, in a later nest.

    Outer products of which only totals are wanted (``outer``) have no item and are not computed.
    """

    def __init__(self, graph: Graph, totals: Sequence[Total] = ()) -> None:
        self.graph = graph
        varying = [node for node in graph.order if node in graph.varying]
        self.copied = self._awkward(varying)
        self.views, self.origins = views(graph, varying, self.copied)
        self.terms = {node for node in varying if self._is_term(node)}
        self.level: dict[int, int] = {}
        self.item: dict[int, Item] = {}
        self.nests: dict[tuple[int, Shape], Nest] = {}
        self.products: dict[tuple[int, ProductShape], ProductGroup] = {}
        self.reductions: list[Reduction] = []
        self.matrices: dict[int, MatrixGroup] = {}
        self.outer = outer_products(graph, totals, self.views)
        for node in varying:
            if isinstance(graph[node].op, Input):
                self.level[node] = 0
            elif node in self.copied or not (
                is_view(graph[node].op) or node in self.terms or node in self.outer
            ):
                self._place(node)

    @property
    def items(self) -> list[Item]:
        """All items in an order in which they can run."""
        products, nests = self.products.values(), self.nests.values()
        everything: list[Item] = [*products, *self.reductions, *self.matrices.values(), *nests]
        return sorted(everything, key=lambda item: item.level)

    # What a node reads -------------------------------------------------------------------------

    def expression(self, node: int) -> sp.Expr | None:
        """The elementwise expression of a node, of the terms it collects; None for a sum."""
        op = self.graph[node].op
        if node in self.copied:
            return operand_symbol(0)
        if isinstance(op, Map):
            return op.expr
        if isinstance(op, Concatenate):  # each row comes from one operand, the others give zero
            return sp.Add(*map(operand_symbol, range(len(self.graph.operands(node)))))
        if isinstance(op, Collect):
            (operand,) = self.graph.operands(node)
            return self.expression(operand) if operand in self.terms else operand_symbol(0)
        return None

    def summed(self, node: int) -> Type:
        """For a sum over directions the type of what is summed, otherwise a scalar."""
        if self.expression(node) is not None:
            return Type(())
        return self.graph[self.graph.operands(node)[0]].type

    def reads(self, node: int) -> list[Read]:
        """How a node of a nest reads its operands."""
        if node in self.copied:
            origin = self.origins[node]
            return [Read(origin.node, origin.rows, origin.turns, origin.picks)]
        shape = self.graph[node].type.shape
        operands = self.graph.operands(node)
        op = self.graph[node].op
        if isinstance(op, Collect):
            (operand,) = operands
            whole = np.arange(math.prod(shape))
            terms = self.reads(operand) if operand in self.terms else [self.read(operand, whole)]
            return [self._in_segments(node, read) for read in terms]
        if isinstance(op, Concatenate):
            return self._concatenated(op.axis, operands)
        return [self.read(o, broadcast(self.graph[o].type, shape)) for o in operands]

    def read(self, operand: int, rows: Index) -> Read:
        """The operand's rows as rows of the value that is in memory."""
        view = self.views.get(operand)
        flat = rows.reshape(-1)
        if view is None:
            return Read(operand, flat)
        return Read(view.node, view.take(flat).rows, view.turns, view.picks)

    def axes(self, read: Read) -> tuple[DirectionAxis, ...]:
        """The direction axes along which what is read moves."""
        return axes_of(self.graph[read.node].type, read.turns, read.picks)

    def _is_term(self, node: int) -> bool:
        """Whether a node is a function that gives the terms of something collected, only."""
        users = self.graph.users(node)
        return (
            isinstance(self.graph[node].op, Map)
            and node not in self.graph.outputs
            and bool(users)
            and all(isinstance(self.graph[user].op, Collect) for user in users)
        )

    def term_axes(self, node: int) -> tuple[DirectionAxis, DirectionAxis]:
        """The axis of what is collected, and another one for the loop over sorted terms."""
        op = self.graph[node].op
        assert isinstance(op, Collect)
        (kind,) = (self.graph[operand].type for operand in self.graph.operands(node))
        (axis,) = (axis for axis in kind.directions if axis.name == op.old)
        return axis, DirectionAxis(f"{axis.name} in {op.new.name}", axis.size)

    def _in_segments(self, node: int, read: Read) -> Read:
        """A read in which the terms that go to the same place lie one after the other."""
        op = self.graph[node].op
        assert isinstance(op, Collect)
        axis, sorted_axis = self.term_axes(node)
        if axis not in self.axes(read):
            return read
        order = Array(np.argsort(op.index.value, kind="stable"))
        turns, picks = pick(read.turns, read.picks, axis, sorted_axis, order)
        return read._replace(turns=turns, picks=picks)

    def _concatenated(self, axis: int, operands: Sequence[int]) -> list[Read]:
        numbered = []
        for i, operand in enumerate(operands):
            shape = self.graph[operand].type.shape
            own = np.arange(math.prod(shape)).reshape(shape)
            numbered.append((np.full(shape, i), own))
        which = np.concatenate([which for which, _ in numbered], axis).reshape(-1)
        rows = np.concatenate([own for _, own in numbered], axis).reshape(-1)
        return [self.read(o, np.where(which == i, rows, -1)) for i, o in enumerate(operands)]

    # Levels ------------------------------------------------------------------------------------

    def _place(self, node: int) -> None:
        op = self.graph[node].op
        if isinstance(op, Contract):
            found = self._product_shape(node)
            if found is not None:
                self._place_product(node, *found)
                return
        if isinstance(op, Contract) or (isinstance(op, Sum) and not self._is_full_sum(node)):
            level = 1 + max(self.level[source] for source in self._sources(node))
            reduction = Reduction(level, node)
            self.reductions.append(reduction)
            self.level[node], self.item[node] = level, reduction
            return
        if isinstance(op, MatrixFunction):
            (operand,) = self.graph.operands(node)
            level = 1 + self.level[self.views[operand].node]
            group = self.matrices.setdefault(operand, MatrixGroup(level, operand))
            group.nodes.append(node)
            self.level[node], self.item[node] = level, group
            return
        self._place_in_nest(node)

    def _is_full_sum(self, node: int) -> bool:
        op = self.graph[node].op
        over_all = isinstance(op, Sum) and bool(op.directions) and not op.axes
        return over_all and not self.graph[node].type.directions

    def _sources(self, node: int) -> list[int]:
        operands = self.graph.operands(node)
        return [self.views[operand].node for operand in operands if operand in self.views]

    def _place_product(self, node: int, operand: int, shape: ProductShape) -> None:
        level = self.level[operand] + 1
        group = self.products.setdefault((level, shape), ProductGroup(level, shape))
        group.pairs.append((operand, node))
        self.level[node], self.item[node] = level, group

    def _place_in_nest(self, node: int) -> None:
        shape = self.graph[node].type.shape
        reads = [read for read in self.reads(node) if read.node in self.level]
        level = max(self.level[read.node] for read in reads)
        while True:
            nest = self.nests.get((level, shape)) or Nest(level, shape)
            phase = self._phase(node, nest, reads) if level > 0 else None
            if phase is not None:
                break
            level += 1
        self.nests[level, shape] = nest
        nest.nodes.append(node)
        nest.phase[node] = phase
        self.level[node], self.item[node] = level, nest

    def _phase(self, node: int, nest: Nest, reads: Sequence[Read]) -> int | None:
        """The phase in which a node can join a nest, or None if it cannot."""
        directions = self.graph[node].type.directions
        is_sum = self._is_full_sum(node)
        phase = 2 if is_sum else 1 if directions else 0
        together = []
        for read in reads:
            if self.level[read.node] < nest.level:
                continue
            moved = read.turns or read.picks or (read.rows != np.arange(read.rows.size)).any()
            if read.node not in nest.phase or moved:
                return None
            before = nest.phase[read.node]
            other = self.graph[read.node].type.directions
            if is_sum:
                if other != self.summed(node).directions:
                    return None
                phase = max(phase, before + 1)
            elif not other:
                phase = max(phase, before + 1 if directions else before)
            elif isinstance(self.graph[node].op, Collect):
                return None
            elif other == directions:
                phase = max(phase, before)
                together.append(before)
            else:
                return None
        return phase if all(before == phase for before in together) else None

    # Matrix products ---------------------------------------------------------------------------

    def _awkward(self, varying: Sequence[int]) -> frozenset[int]:
        """Moved values that are copied, because their users need rows that are evenly spaced."""
        found: set[int] = set()
        for node in varying:
            op = self.graph[node].op
            if isinstance(op, Direct):
                (operand,) = self.graph.operands(node)
                known, _ = views(self.graph, varying[: varying.index(node)], frozenset(found))
                if not turns_evenly(op, known[operand].rows, self.graph[operand].type.shape):
                    found.add(operand)
        self.views, _ = views(self.graph, varying, frozenset(found))
        for node in varying:
            if isinstance(self.graph[node].op, Contract):
                letters = self._product_letters(node)
                if letters is not None and self._product_shape(node) is None:
                    operand = self.graph.operands(node)[letters[0]]
                    if is_view(self.graph[operand].op):
                        found.add(operand)
        return frozenset(found)

    def _product_letters(self, node: int) -> tuple[int, str, str, str, str] | None:
        """Position of the varying operand and the letters of batches, groups, rows, inner axes."""
        op, operands = self.graph[node].op, self.graph.operands(node)
        assert isinstance(op, Contract)
        varying = [i for i, operand in enumerate(operands) if operand in self.graph.varying]
        if len(operands) != 2 or len(varying) != 1:
            return None
        (position,) = varying
        letters, result = split_spec(op.spec)
        vector, matrix = letters[position], letters[1 - position]
        distinct = all(len(set(part)) == len(part) for part in (vector, matrix))
        if self.graph[operands[1 - position]].type.directions or not distinct:
            return None
        batch = "".join(c for c in result if c in matrix and c in vector)
        group = "".join(c for c in result if c not in matrix)
        rows = "".join(c for c in result if c not in vector)
        inner = "".join(c for c in matrix if c in vector and c not in result)
        whole = set(vector) == set(batch + group + inner)
        if not whole or set(matrix) != set(batch + rows + inner) or not inner:
            return None
        return position, batch, group, rows, inner

    def _product_shape(self, node: int) -> tuple[int, ProductShape] | None:
        """The value that is multiplied and the shape of the product, where it is one."""
        found = self._product_letters(node)
        if found is None:
            return None
        position, batch, group, rows, inner = found
        op, operands = self.graph[node].op, self.graph.operands(node)
        assert isinstance(op, Contract)
        letters, result = split_spec(op.spec)
        operand, matrix = operands[position], operands[1 - position]
        sizes = dict(zip(letters[position], self.graph[operand].type.shape, strict=True))
        sizes |= dict(zip(letters[1 - position], self.graph[matrix].type.shape, strict=True))
        many = [math.prod(sizes[c] for c in part) for part in (batch, group, rows, inner)]
        if 0 in many:
            return None

        def spaced(
            rows: Index, have: str, parts: Sequence[str]
        ) -> tuple[int, tuple[int, ...]] | None:
            cube = rows.reshape([sizes[c] for c in have])
            cube = cube.transpose([have.index(c) for c in "".join(parts)])
            return affine(cube.reshape([math.prod(sizes[c] for c in part) for part in parts]))

        view = self.views[operand]
        if view.picks or self.graph[view.node].type.directions != self.graph[node].type.directions:
            return None  # copies that are not in memory, or axes that are others there
        operand_rows = spaced(view.rows, letters[position], (batch, group, inner))
        out = np.arange(math.prod(self.graph[node].type.shape))
        result_rows = spaced(out, result, (batch, group, rows))
        if operand_rows is None or result_rows is None:
            return None
        spec = f"{letters[1 - position]}->{batch}{rows}{inner}"
        batches, groups, count, length = many
        return view.node, ProductShape(
            matrix, spec, batches, groups, count, length, operand_rows, result_rows
        )
