"""From a graph to its loop program: places in memory, instructions and their arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from jetfold.backends.canonical import members
from jetfold.backends.memory import overlay
from jetfold.backends.nests import NestNode, Source, build_kernel
from jetfold.backends.program import (
    Access,
    Buffer,
    Instruction,
    Load,
    Matrix,
    MatrixKernel,
    Operand,
    Place,
    Product,
    Program,
    ReductionKernel,
    Run,
    SharedPlace,
    Store,
)
from jetfold.backends.schedule import (
    Item,
    MatrixGroup,
    Nest,
    ProductGroup,
    Read,
    Reduction,
    Scheduler,
)
from jetfold.backends.sums import Sums
from jetfold.backends.views import Index, Picks, Turns, affine
from jetfold.graph import Collect, Contract, DirectionAxis, Graph, MatrixFunction, Sum, Total
from jetfold.graph.ops import MatrixFunctionName, Type, split_spec
from jetfold.graph.total import check_totals, outputs_at_points

Axes = tuple[DirectionAxis, ...]


def lower(graph: Graph, totals: Sequence[Total] = ()) -> Program:
    """The loop program of a graph, and of sums of its outputs over the batch.

    Raises `GraphError` where a total does not fit its terms.
    """
    check_totals(graph, totals)
    return _Lowering(graph, totals).program()


class _Lowering:
    def __init__(self, graph: Graph, totals: Sequence[Total]) -> None:
        self.graph = graph
        self.totals = tuple(totals)
        self.schedule = Scheduler(graph, totals)
        self.sums = Sums(graph, totals, self.schedule)
        self.buffers: list[Buffer] = []
        self.places: dict[int, Place] = {}
        self.shared: dict[int, SharedPlace] = {}
        self.matrices: dict[Matrix, int] = {}
        self.in_memory = self._find_in_memory()
        self._pack()
        for node in sorted(self.in_memory):
            if node not in self.places:
                self._allocate([node])

    def program(self) -> Program:
        instructions: list[Instruction] = [
            Load(i, self.places[node], (node,)) for i, node in enumerate(self.graph.inputs)
        ]
        sums = self.sums.instructions(self.places, self._access)
        for _, node in self.sums.everywhere:
            self._shared_place(node)
        instructions += sums.pop(0, [])
        for level, items in groupby(self.schedule.items, lambda item: item.level):
            for item in items:
                instructions += self._instructions(item)
            instructions += sums.pop(level, [])
        outputs = []
        at_points = outputs_at_points(self.graph, self.totals)
        output_nodes = tuple(self.graph.outputs[position] for position in at_points)
        for i, node in enumerate(output_nodes):
            rows = math.prod(self.graph[node].type.shape)
            read = self.schedule.read(node, np.arange(rows))
            axes = self.graph[node].type.directions
            sizes = tuple(axis.size for axis in axes)
            instructions.append(Store(i, self._access(read, axes), rows, (node,), sizes))
            outputs.append(sizes + self.graph[node].type.shape)
        buffers, workspace = overlay(self.buffers, instructions)
        kernels = dict.fromkeys(i.kernel for i in instructions if isinstance(i, Run))
        products = [i.slots for i in instructions if isinstance(i, Product)]
        return Program(
            graph=self.graph,
            inputs=self.graph.inputs,
            outputs=tuple(outputs),
            output_nodes=output_nodes,
            shared=tuple(self.shared),
            matrices=tuple(self.matrices),
            buffers=buffers,
            instructions=tuple(instructions),
            workspace=workspace,
            slots=max(products, default=1),
            kernels=tuple(kernels),
            places={**self.places, **self.shared},
            totals=tuple(total.type for total in self.totals),
            accumulators=tuple(self.sums.accumulators),
            everywhere=self.sums.everywhere,
        )

    # Memory --------------------------------------------------------------------------------------

    def _find_in_memory(self) -> set[int]:
        """The varying values that leave the registers of their nest."""
        schedule, found = self.schedule, set(self.graph.inputs)
        for item in schedule.items:
            match item:
                case Nest():
                    reads = [read for node in item.nodes for read in schedule.reads(node)]
                    inside = item.phase
                    found.update(read.node for read in reads if read.node not in inside)
                case ProductGroup():
                    for operand, result in item.pairs:
                        found.update((operand, result))
                case Reduction(_, node):
                    found.add(node)
                    found.update(read.node for read in self._factors(node)[0])
                case MatrixGroup():
                    found.update((schedule.views[item.operand].node, *item.nodes))
        for position in outputs_at_points(self.graph, self.totals):
            found.add(schedule.read(self.graph.outputs[position], np.arange(0)).node)
        found |= self.sums.in_memory()
        return found & schedule.level.keys()

    def _allocate(self, nodes: Sequence[int]) -> None:
        """One buffer for these values, side by side; they have the same number of rows."""
        found = self._buffer([self.graph[node].type for node in nodes])
        self.places.update(zip(nodes, found, strict=True))

    def _buffer(self, kinds: Sequence[Type]) -> list[Place]:
        """The places of values of these types in a buffer of their own."""
        slot, places = 0, []
        for kind in kinds:
            places.append(Place(len(self.buffers), slot, kind))
            slot += kind.copies
        self.buffers.append(Buffer(max(place.rows for place in places), slot))
        return places

    def _pack(self) -> None:
        """Values that meet the same matrix share a buffer, and so do their products.

        Values that meet others in outer products lie in the order of these.
        """
        partners = self.sums.partners()
        for group in self.schedule.products.values():
            fresh = list(dict.fromkeys(o for o, _ in group.pairs if o not in self.places))
            partner = {node: partners.get(node, node) for node in fresh}
            fresh.sort(key=lambda node: self._position(partner[node]))
            for rows in dict.fromkeys(math.prod(self.graph[o].type.shape) for o in fresh):
                self._allocate([o for o in fresh if math.prod(self.graph[o].type.shape) == rows])
            group.pairs.sort(key=lambda pair: self._position(pair[0]))
            self._allocate([result for _, result in group.pairs])

    def _position(self, node: int) -> tuple[int, int]:
        place = self.places.get(node)
        return (place.buffer, place.slot) if place is not None else (len(self.buffers), 0)

    def _shared_place(self, node: int) -> SharedPlace:
        if node not in self.shared:
            kinds = [self.graph[other].type for other in self.shared]
            offset = sum(kind.elements for kind in kinds)
            self.shared[node] = SharedPlace(offset, self.graph[node].type)
        return self.shared[node]

    def _access(self, read: Read, axes: Axes) -> Access:
        place = self.places.get(read.node) or self._shared_place(read.node)
        spaced = affine(read.rows)
        start, step = (spaced[0], spaced[1][0]) if spaced is not None else (0, 1)
        table = None if spaced is not None else read.rows
        unit, own = self._row_step(place), place.type.directions
        steps = dict(zip(own, place.strides(own), strict=True))
        lists = {
            picked.new: picked.index.value
            * (steps.pop(picked.old) if picked.step is None else picked.step * unit)
            for picked in read.picks
        }
        steps |= {axis: rows * unit for axis, rows in read.turns}
        strides = tuple(lists.get(axis, steps.get(axis, 0)) for axis in axes)
        return Access(place, start, step, table, strides)

    def _row_step(self, place: Place | SharedPlace) -> int:
        return 1 if isinstance(place, SharedPlace) else self.buffers[place.buffer].slots

    def _operand(self, read: Read, axes: Axes) -> tuple[Operand, Access]:
        """How a kernel with these axes reads an operand, and with which arguments."""
        access = self._access(read, axes)
        have = self.schedule.axes(read)
        moving = tuple(i for i, axis in enumerate(axes) if axis in have)
        listed = tuple(i for i, step in enumerate(access.strides) if not isinstance(step, int))
        shared = isinstance(access.place, SharedPlace)
        return Operand(shared, access.rows, moving, listed), access

    # Instructions ---------------------------------------------------------------------------------

    def _instructions(self, item: Item) -> Iterable[Instruction]:
        match item:
            case Nest():
                return [self._nest(item)]
            case ProductGroup():
                return self._products(item)
            case Reduction(_, node):
                return [self._reduction(node)]
            case MatrixGroup():
                return [self._matrix_functions(item)]

    def _products(self, group: ProductGroup) -> list[Instruction]:
        shape = group.shape
        dims = (shape.batches, shape.rows, shape.inner)
        matrix = Matrix(shape.matrix, shape.spec, dims)
        number = self.matrices.setdefault(matrix, len(self.matrices))
        runs: list[list[tuple[int, int]]] = []
        for operand, result in group.pairs:
            if runs and self._adjacent(runs[-1][-1], (operand, result)):
                runs[-1].append((operand, result))
            else:
                runs.append([(operand, result)])
        products: list[Instruction] = []
        for run in runs:
            start, (batch, step, inner) = shape.operand_rows
            _, (out_batch, out_step, out_row) = shape.result_rows
            products.append(
                Product(
                    matrix=number,
                    operand=self.places[run[0][0]],
                    result=self.places[run[0][1]],
                    slots=sum(self.graph[result].type.copies for _, result in run),
                    batches=shape.batches,
                    groups=shape.groups,
                    rows=shape.rows,
                    inner=shape.inner,
                    operand_start=start,
                    operand_steps=(batch, step, inner),
                    result_steps=(out_batch, out_step, out_row),
                    nodes=tuple(result for _, result in run),
                )
            )
        return products

    def _adjacent(self, left: tuple[int, int], right: tuple[int, int]) -> bool:
        def follows(a: Place, b: Place) -> bool:
            return a.buffer == b.buffer and a.slot + a.type.copies == b.slot

        return all(
            follows(self.places[a], self.places[b]) for a, b in zip(left, right, strict=True)
        )

    def _nest(self, nest: Nest) -> Run:
        graph, schedule = self.graph, self.schedule
        # Values that never meet may have axes of one name and different sizes: two loops.
        found: set[DirectionAxis] = set()
        for node in nest.nodes:
            found.update(graph[node].type.directions)
            if isinstance(graph[node].op, Collect):
                found.add(schedule.term_axes(node)[1])
            else:
                found.update(a for o in graph.operands(node) for a in graph[o].type.directions)
        axes = tuple(sorted(found))
        known: dict[tuple[int, bytes, Turns, Picks], tuple[Operand, Access]] = {}

        def found_at(read: Read) -> tuple[tuple[int, bytes, Turns, Picks], Operand]:
            key = (read.node, read.rows.tobytes(), read.turns, read.picks)
            if key not in known:
                known[key] = self._operand(read, axes)
            return key, known[key][0]

        nodes = members(nest, schedule, axes, lambda read: repr(found_at(read)[1]))
        numbers: dict[tuple[int, bytes, Turns, Picks], int] = {}
        outputs: list[int] = []
        local = {member.node: i for i, member in enumerate(nodes)}
        described = []
        segments: list[Index] = []
        for node, expr, reads in nodes:
            sources = []
            for read in reads:
                if read.node in local:
                    sources.append(Source(False, local[read.node]))
                else:
                    key, _ = found_at(read)
                    sources.append(Source(True, numbers.setdefault(key, len(numbers))))
            output = None
            if node in self.in_memory:
                output = len(outputs)
                outputs.append(node)
            own, summed = (
                tuple(axes.index(axis) for axis in kind.directions)
                for kind in (graph[node].type, schedule.summed(node))
            )
            op, collected = graph[node].op, None
            if isinstance(op, Collect):
                inner = schedule.term_axes(node)[1]
                collected = (axes.index(op.new), axes.index(inner), len(segments))
                counts = np.bincount(op.index.value, minlength=op.new.size)
                segments.append(np.concatenate([[0], np.cumsum(counts)]))
            phase = nest.phase[node]
            described.append(NestNode(expr, tuple(sources), own, summed, phase, output, collected))
        operands, accesses = zip(*(known[key] for key in numbers), strict=True)
        kernel = build_kernel(len(axes), tuple(described), operands)
        rows = math.prod(nest.shape)
        stores = [self._access(Read(node, np.arange(rows)), axes) for node in outputs]
        sizes = tuple(axis.size for axis in axes)
        return Run(
            kernel,
            rows,
            sizes,
            1,
            accesses,
            tuple(stores),
            tuple(local),
            tuple(segments),
        )

    def _reduction(self, node: int) -> Run:
        reads, rows, reduced = self._factors(node)
        graph = self.graph
        outer = graph[node].type.directions
        every = {axis for o in graph.operands(node) for axis in graph[o].type.directions}
        axes = (*outer, *sorted(every.difference(outer)))
        operands, accesses = [], []
        for read in reads:
            operand, access = self._operand(read, axes)
            operands.append(operand)
            accesses.append(access)
        kernel = ReductionKernel(len(axes), len(outer), tuple(operands))
        store = self._access(Read(node, np.arange(rows)), axes)
        sizes = tuple(axis.size for axis in axes)
        return Run(kernel, rows, sizes, reduced, tuple(accesses), (store,), (node,))

    def _matrix_functions(self, group: MatrixGroup) -> Run:
        kind = self.graph[group.operand].type
        size, matrices = kind.shape[-1], math.prod(kind.shape[:-2])
        named: dict[MatrixFunctionName, int] = {}
        for node in group.nodes:
            op = self.graph[node].op
            assert isinstance(op, MatrixFunction)
            named[op.name] = node
        read = self.schedule.read(group.operand, np.arange(matrices * size * size))
        operand, access = self._operand(read, kind.directions)
        (scratch,) = self._buffer([Type((matrices, size + 1), kind.directions)])
        places = [scratch]
        if "inverse" not in named:
            places += self._buffer([kind])
        else:
            places.append(self.places[named["inverse"]])
        functions = tuple(sorted(named))
        places += [self.places[named[name]] for name in functions if name != "inverse"]
        stores = [Access(place, 0, 1, None, place.strides(kind.directions)) for place in places]
        kernel = MatrixKernel(len(kind.directions), (operand,), functions)
        sizes = tuple(axis.size for axis in kind.directions)
        return Run(kernel, matrices, sizes, size, (access,), tuple(stores), tuple(group.nodes))

    def _factors(self, node: int) -> tuple[list[Read], int, int]:
        """The operands of a reduction, row [f, k] of each, and how many f and k there are."""
        graph, op = self.graph, self.graph[node].op
        operands = graph.operands(node)
        if isinstance(op, Contract):
            letters, result = split_spec(op.spec)
        else:
            assert isinstance(op, Sum)
            rank = len(graph[operands[0]].type.shape)
            letters = ["".join(chr(ord("a") + i) for i in range(rank))]
            result = "".join(c for i, c in enumerate(letters[0]) if i not in op.axes)
        sizes: dict[str, int] = {}
        for part, operand in zip(letters, operands, strict=True):
            sizes.update(zip(part, graph[operand].type.shape, strict=True))
        inner = "".join(sorted(set(sizes) - set(result)))
        order = result + inner
        grid = dict(zip(order, np.indices([sizes[c] for c in order]), strict=True))
        reads = []
        for part, operand in zip(letters, operands, strict=True):
            shape = graph[operand].type.shape
            index: Index = np.zeros([sizes[c] for c in order], dtype=np.int64)
            for c, n in zip(part, shape, strict=True):
                index = index * n + grid[c]
            reads.append(self.schedule.read(operand, index))
        reduced = math.prod(sizes[c] for c in inner)
        return reads, math.prod(sizes[c] for c in result), reduced
