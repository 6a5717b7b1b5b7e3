"""Run-time arguments: layout of the shared numbers, addresses inside the arrays, tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

import jetfold as jf
from graphs import A, B, laplacian, network
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.cpu.arguments import Arguments, arguments, shared_sizes
from jetfold.backends.cpu.compiled import LEAST_SAMPLES, MOST_SAMPLES, TARGET_COLUMNS, TILE_BYTES
from jetfold.backends.cpu.emit import PRODUCT, first_load, first_store
from jetfold.backends.cpu.prelude import Prelude
from jetfold.backends.cpu.simd import lanes, pack, packed_size
from jetfold.backends.lower import lower
from jetfold.backends.program import Load, Place, Program, Run
from jetfold.graph import (
    Array,
    Concatenate,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Parameter,
    Sum,
    Type,
)
from programs import FLOAT64, FLOATS, sample
from random_graphs import graphs


def arguments_of(program: Program, made: Arguments, number: int) -> list[int]:
    """The integers of one instruction."""
    starts = [*made.code[:, 1].tolist(), len(made.args)]
    return made.args[starts[number] : starts[number + 1]].tolist()  # type: ignore[no-any-return]


def test_every_instruction_is_listed_in_order() -> None:
    program = lower(laplacian(collapsed=True))
    made = arguments(program, 16, 8)
    kinds = [type(instruction).__name__ for instruction in program.instructions]
    names = {PRODUCT: "Product", first_load(): "Load"}
    names |= {first_store(program) + i: "Store" for i in range(2)}
    assert [names.get(op, "Run") for op in made.code[:, 0].tolist()] == kinds
    assert (np.diff(made.code[:, 1]) > 0).all()
    assert made.args.dtype == made.code.dtype == np.int64


def test_a_load_and_a_product_by_hand() -> None:
    program = lower(network(dim=3, width=8))
    samples, width = 32, 8
    made = arguments(program, samples, width)
    load = program.instructions[0]
    assert isinstance(load, Load)
    x, h = program.buffers[0], program.buffers[1]
    assert (x.rows, x.slots, h.rows, h.slots) == (3, 1, 8, 1)
    assert arguments_of(program, made, 0) == [3, x.offset * samples, samples]
    _, starts = shared_sizes(program)
    expected = [starts[0], packed_size(8, 3), 1, 1, 8, 3, samples // width]
    expected += [x.offset * samples, 0, 0, samples]  # batch, group, inner step
    expected += [h.offset * samples, 0, 0, samples]
    assert arguments_of(program, made, 1) == expected


@pytest.mark.parametrize("samples", [16, 48, 256])
def test_addresses_scale_with_the_samples(samples: int) -> None:
    program = lower(laplacian(collapsed=True))
    (number, run) = next(
        (i, run) for i, run in enumerate(program.instructions) if isinstance(run, Run)
    )
    made = arguments_of(program, arguments(program, samples, 8), number)
    rows, reduced, *rest = made
    assert (rows, reduced, rest[: len(run.sizes)]) == (run.rows, 1, list(run.sizes))
    values = np.array(rest[len(run.sizes) :]).reshape(-1, 2 + len(run.sizes))
    for access, (start, step, *strides) in zip(
        (*run.operands, *run.outputs), values.tolist(), strict=True
    ):
        if isinstance(access.place, Place):
            buffer = program.buffers[access.place.buffer]
            assert start == (buffer.offset + access.place.slot) * samples
            assert step == buffer.slots * samples
            assert strides == [stride * samples for stride in access.strides]
        else:
            assert (start, step) == (access.place.offset, 1)
            assert strides == list(access.strides)


def test_tables_hold_addresses_and_keep_zeros() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    picked = editor.add(Gather(Array(np.array([3, -1, 0]))), x)
    program = lower(editor.freeze([picked]))
    made = arguments(program, 16, 8)
    rows, shared, table = made.args[made.code[1, 1] :][:3].tolist()
    assert (rows, shared) == (3, 0)
    slots = program.buffers[0].slots
    assert made.args[table : table + 3].tolist() == [3 * slots * 16, -1, 0]


# Shared numbers -----------------------------------------------------------------------------------


def test_layout_of_the_shared_numbers() -> None:
    """Values in their order, then the packed matrices."""
    axis = DirectionAxis("r", 2)
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    v = editor.add(Parameter("v", Type((3,), (axis,))))
    weights = editor.add(Parameter("W", Type((3, 4))))
    total = editor.add(Sum((), ("r",)), editor.add(Map(A * B), x, v))
    product = editor.add(Contract("a,ab->b"), total, weights)
    graph = editor.freeze([product])
    program = lower(graph)
    size, (start,) = shared_sizes(program)
    assert (start, size) == (6, 6 + packed_size(4, 3))
    _, values = sample(graph, 1)
    shared = Prelude(program)(values, FLOAT64, 1)
    np.testing.assert_array_equal(shared[:6], values["v"].reshape(-1))
    np.testing.assert_array_equal(shared[6:], pack(values["W"].T))


def test_what_is_shared_is_computed_from_the_parameters() -> None:
    """Also through constants, moves and axes that a value lacks; in the dtype of the call."""
    axis = DirectionAxis("r", 2)
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    p = editor.add(Parameter("p", Type((1,))))
    c = editor.add(Constant(Array(np.array([[1.0], [2.0]])), (axis,)))
    joined = editor.add(Concatenate(0), p, c)  # [r][2]
    total = editor.add(Sum((), ("r",)), editor.add(Map(A * B), x, joined))
    program = lower(editor.freeze([total]))
    for dtype in FLOATS:
        shared = Prelude(program)({"p": np.array([0.1])}, dtype, 1)
        assert shared.dtype == dtype
        np.testing.assert_array_equal(shared, np.array([0.1, 1.0, 0.1, 2.0], dtype))


def test_large_matrices_are_packed_in_parallel_and_alike() -> None:
    def deep(x: Any, params: Any) -> Any:
        for w in params:
            x = np.tanh(x @ w)
        return x.sum()

    random = np.random.default_rng(0)
    weights = [random.normal(size=shape) for shape in [(3, 400), (400, 400), (400, 400)]]
    program = lower(jf.laplacian(deep).derivation(np.zeros((1, 3)), weights).final_graph)
    nodes = [program.graph[node].op for node in program.graph.parameters]
    values = {op.name: weights[int(op.name[7])] for op in nodes if isinstance(op, Parameter)}
    prelude = Prelude(program)
    np.testing.assert_array_equal(prelude(values, FLOAT64, 1), prelude(values, FLOAT64, 4))


@given(graphs(least=4))
def test_all_addresses_are_inside(graph: Graph) -> None:
    """Of every row that an instruction reads or writes, at both ends of all its axes."""
    program = lower(graph)
    samples = 16
    size, _ = shared_sizes(program)
    made = arguments(program, samples, 8)
    for number, instruction in enumerate(program.instructions):
        if not isinstance(instruction, Run):
            continue
        rest = made.args[made.code[number, 1] + 2 + len(instruction.sizes) :]
        accesses = (*instruction.operands, *instruction.outputs)
        for i, access in enumerate(accesses):
            start, step, *strides = rest[i * (2 + len(instruction.sizes)) :][
                : 2 + len(instruction.sizes)
            ].tolist()
            count = instruction.rows * (instruction.reduced if i < len(instruction.operands) else 1)
            rows = start + step * np.arange(count)
            if access.table is not None:
                rows = made.args[start : start + count]
                rows = rows[rows >= 0]
            if not rows.size:
                continue
            lists = [made.args[s : s + n] for s, n in zip(strides, instruction.sizes, strict=True)]
            offsets = [
                stride * np.arange(n) if isinstance(known, int) else listed
                for known, stride, listed, n in zip(
                    access.strides, strides, lists, instruction.sizes, strict=True
                )
            ]
            reach = sum(int(offset.max(initial=0)) for offset in offsets)
            inside = program.workspace * samples if isinstance(access.place, Place) else size
            width = samples if isinstance(access.place, Place) else 1
            assert rows.min() + sum(int(offset.min(initial=0)) for offset in offsets) >= 0
            assert rows.max() + reach + width <= inside


# Tiles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("points", [1, 15, 16, 17, 1000, 10**6])
def test_samples_of_a_tile(points: int, dtype: np.dtype[Any]) -> None:
    """Whole vectors, never more columns than a product is best with, and enough tiles for all."""
    operator = CompiledGraph(laplacian(collapsed=True))
    samples = operator._samples(points, 4, dtype)
    assert samples % lanes(dtype) == 0
    assert LEAST_SAMPLES <= samples <= MOST_SAMPLES
    assert samples == LEAST_SAMPLES or samples * operator.program.slots <= TARGET_COLUMNS
    assert samples == LEAST_SAMPLES or samples * 16 <= points + 16 * LEAST_SAMPLES


def test_a_tiles_workspace_stays_in_the_cache() -> None:
    """Unless that would leave fewer samples than fill a few vectors."""
    small = CompiledGraph(network(width=8))
    assert small._samples(10**6, 1, FLOAT64) * small.program.workspace * 8 <= TILE_BYTES
    large = CompiledGraph(laplacian(collapsed=True, width=4000))
    assert large._samples(10**6, 1, FLOAT64) == LEAST_SAMPLES
