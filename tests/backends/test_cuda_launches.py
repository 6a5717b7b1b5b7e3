"""Launches are pure data: which threads there are, which products, where outputs come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from graphs import A, B, laplacian, network
from jetfold.backends.cuda.launches import (
    LONG,
    MOST_BLOCKS,
    MOST_ELEMENTS,
    MOST_INPUTS,
    PARTS,
    Gemm,
    Launch,
    Repeat,
    loads_of,
    plan,
    shared_sizes,
    stored_addresses,
)
from jetfold.backends.cuda.prelude import Prelude
from jetfold.backends.cuda.sums import layout
from jetfold.backends.lower import lower
from jetfold.backends.program import Program, Store
from jetfold.graph import (
    Array,
    BackendError,
    Constant,
    Contract,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    Parameter,
    Reshape,
    Sum,
    Total,
    Type,
)
from totals_cases import SPECS, contraction

MOST_ACROSS = 2**31 - 1
"""The most blocks that CUDA allows along the first axis of a grid."""


def launch(rows: int, samples: int) -> Launch:
    return Launch("kernel_0", ("ws", "sh", "table"), (), rows, samples)


@given(
    st.integers(1, 5 * 10**9),
    st.integers(1, 10**6).map(lambda n: 32 * n) | st.just(1),
    st.sampled_from([32, 96, 128, 256]),
)
def test_there_is_a_thread_for_each_sample_and_row(rows: int, samples: int, threads: int) -> None:
    grid, block = launch(rows, samples).geometry(threads)
    assert block[0] * block[1] * block[2] <= threads
    assert grid[0] * block[0] == samples  # exactly: kernels do not ask
    assert grid[1] * grid[2] * block[1] >= rows
    assert grid[0] <= MOST_ACROSS
    assert max(grid[1:]) <= MOST_BLOCKS
    assert block[1] < 2 * rows  # no rows of threads without work, but for rounding
    assert (grid[2] - 1) * grid[1] * block[1] < rows  # nor layers of blocks


def test_warps_take_samples_side_by_side() -> None:
    assert launch(7, 2048).geometry(256) == ((8, 7, 1), (256, 1, 1))
    assert launch(7, 32).geometry(256) == ((1, 1, 1), (32, 8, 1))
    assert launch(1000, 1).geometry(256) == ((1, 4, 1), (1, 256, 1))
    assert launch(200_000, 256).geometry(256) == ((1, 50_000, 4), (256, 1, 1))


def test_threads_share_long_sums() -> None:
    """Each takes every eighth row; for points side by side there are still 32 threads."""
    for rows, parts in ((LONG - 1, 1), (LONG, PARTS)):
        editor = Editor()
        x = editor.add(Input("x", Type((rows, 3))))
        steps = plan(lower(editor.freeze([editor.add(Sum((0,), ()), x)])), 64, 64).steps
        (found,) = (s for s in steps if isinstance(s, Launch) and s.kernel == "kernel_0")
        assert found.parts == parts
        grid, block = found.geometry(256)
        assert block == (64 if parts == 1 else 32, 4 if parts == 1 else 1, parts)
        assert grid == (64 // block[0], -(-3 // block[1]), 1)


def gemms(program: Program, samples: int) -> list[Gemm]:
    return [step for step in plan(program, samples, samples).steps if isinstance(step, Gemm)]


def contracted(spec: str, point: tuple[int, ...], weights: tuple[int, ...], *moves: Any) -> Gemm:
    """The product of a contraction of an input, moved, with a parameter, for 32 samples."""
    editor = Editor()
    x = editor.add(Input("x", Type(point)))
    for move in moves:
        x = editor.add(move, x)
    product = editor.add(Contract(spec), x, editor.add(Parameter("w", Type(weights))))
    (gemm,) = gemms(lower(editor.freeze([product])), 32)
    return gemm


def test_a_layer_is_one_product() -> None:
    gemm = contracted("a,ab->b", (5,), (5, 7))
    assert (gemm.rows, gemm.columns, gemm.inner) == (7, 32, 5)
    assert (gemm.operand_step, gemm.result_step) == (32, 32)
    assert gemm.batches.count == gemm.groups.count == 1
    assert gemm.regular
    assert not gemm.exact


def test_groups_side_by_side_are_one_product() -> None:
    """Vectors along an axis of the point, where memory allows it."""
    gemm = contracted("ka,kb->ab", (5, 3), (5, 7))
    assert (gemm.rows, gemm.columns, gemm.inner) == (7, 32, 5)
    assert gemm.groups.count == 3  # the results lie 7 rows apart
    gemm = contracted("ka,kb->ba", (5, 3), (5, 7))
    assert (gemm.rows, gemm.columns, gemm.inner) == (7, 3 * 32, 5)
    assert gemm.operand_step == gemm.result_step == 3 * 32
    assert gemm.groups.count == 1


def test_batches_of_matrices() -> None:
    gemm = contracted("ia,iab->ib", (4, 5), (4, 5, 7))
    assert gemm.batches == Repeat(4, 35, 5 * 32, 7 * 32)
    assert (gemm.rows, gemm.columns, gemm.inner) == (7, 32, 5)


@pytest.mark.parametrize(("start", "step"), [(4, -1), (0, 0)])
def test_operands_that_blas_does_not_take(start: int, step: int) -> None:
    index = Array(start + step * np.arange(5))
    gemm = contracted("a,ab->b", (5,), (5, 7), Gather(index))
    assert gemm.operand_step == 32 * step
    assert not gemm.regular


def test_all_coefficients_meet_a_matrix_in_one_product() -> None:
    """Value, three directions and the sum of the second coefficients: five slots."""
    wide = [gemm for gemm in gemms(lower(laplacian(collapsed=True)), 64) if gemm.inner == 8]
    assert [gemm.columns for gemm in wide if gemm.rows == 8] == [5 * 64]


@pytest.mark.parametrize("samples", [1, 32, 96])
def test_integers_and_tables_stay_inside(samples: int) -> None:
    for graph in (network(), laplacian(True), laplacian(False)):
        program = lower(graph)
        found = plan(program, samples, samples)
        total, starts = shared_sizes(program)
        assert total == Prelude(program).size
        for step in found.steps:
            if isinstance(step, Gemm):
                assert step.matrix in starts
                last = step.operand + (step.inner - 1) * step.operand_step + step.columns
                assert last <= program.workspace * samples
                last = step.result + (step.rows - 1) * step.result_step + step.columns
                assert last <= program.workspace * samples
            else:
                assert isinstance(step, Launch)
                assert step.samples == samples
                assert all(isinstance(integer, int) for integer in step.integers)
        assert found.table.dtype == np.int32
        assert found.table.max(initial=0) < max(program.workspace * samples, total)


def test_sums_over_the_batch_have_parts_of_their_own() -> None:
    """No two threads or blocks add to the same number, and all of them lie inside."""
    for spec in SPECS:
        graph, wanted = contraction(spec, direction=True)
        program = lower(graph, [*wanted, Total((0,), wanted[0].type)])
        known = layout(program)
        found = []
        for region in known.regions:
            parts = np.arange(region.parts)[:, None] * region.part_step
            found.append(region.start + parts + np.arange(region.size) * region.step)
        every = np.concatenate([part.reshape(-1) for part in found])
        assert sorted(every) == list(range(known.size))
        assert known.results == sum(region.size for region in known.regions)


def test_few_sums_have_many_parts_and_many_have_few() -> None:
    def parts(rows: int, columns: int) -> int:
        editor = Editor()
        x = editor.add(Input("x", Type((rows,))))
        y = editor.add(Input("y", Type((columns,))))
        outer = editor.add(Contract("i,j->ij"), x, y)
        program = lower(editor.freeze([outer]), [Total((0,), Type((rows, columns)))])
        (region,) = layout(program).regions
        return region.parts

    assert parts(64, 64) == 512
    assert parts(65, 128) == 128
    assert parts(2000, 2000) == 1

    def lanes(size: int) -> int:
        editor = Editor()
        x = editor.add(Input("x", Type((size,))))
        (region,) = layout(lower(editor.freeze([x]), [Total((0,), Type((size,)))])).regions
        return region.parts

    assert [lanes(size) for size in (1, 64, 100, 10**5)] == [1024, 1024, 640, 32]


def test_inputs_are_loaded_by_few_kernels() -> None:
    editor = Editor()
    count = MOST_INPUTS + 3
    nodes = [editor.add(Input(f"x{i:02}", Type((i % 3,)))) for i in range(count)]
    outputs = [editor.add(Map(sp.sin(A)), node) for node in nodes]
    program = lower(editor.freeze(outputs))
    groups = loads_of(program)
    full = [i for i in range(count) if i % 3]
    assert [number for group in groups for number in group] == full
    assert max(map(len, groups)) <= MOST_INPUTS
    steps = plan(program, 32, 20).steps
    loads = [s for s in steps if isinstance(s, Launch) and s.kernel.startswith("load")]
    assert [step.integers[0] for step in loads] == [20] * len(groups)
    assert [step.rows for step in loads] == [
        sum(number % 3 for number in group) for group in groups
    ]


def test_rows_of_inputs_are_numbered_one_after_the_other() -> None:
    editor = Editor()
    x, y = (editor.add(Input(name, Type(shape))) for name, shape in (("x", (3,)), ("y", (2, 2))))
    program = lower(editor.freeze([editor.add(Map(A * B), x, editor.add(Sum((0, 1), ()), y))]))
    first = plan(program, 32, 7).steps[0]
    assert isinstance(first, Launch)
    assert first.arrays == ("x0", "x1", "ws")
    points, *integers = first.integers
    assert points == 7
    assert [integers[:2], integers[4:6]] == [[0, 3], [3, 7]]
    assert first.rows == 7


def stores(graph: Graph, samples: int) -> list[list[int]]:
    program = lower(graph)
    found = [i for i in program.instructions if isinstance(i, Store)]
    return [stored_addresses(program, store, samples).tolist() for store in found]


def test_where_outputs_come_from() -> None:
    """Rows of the workspace, zero (-1), and shared numbers (from -2 down)."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    moved = editor.add(Gather(Array(np.array([2, -1, 0]))), x)
    w = editor.add(Parameter("w", Type((2,))))
    flipped = editor.add(Gather(Array(np.array([1, 0]))), w)
    assert stores(editor.freeze([moved, w, flipped]), 32) == [[64, -1, 0], [-2, -3], [-4, -5]]


def test_direction_axes_of_what_is_computed_once() -> None:
    """They come first, in the order of their names, as shared numbers lie."""
    q, r = DirectionAxis("q", 2), DirectionAxis("r", 3)
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    v = editor.add(Constant(Array(np.ones((2, 3, 2))), (q, r)))
    product = editor.add(Map(A * B), x, v)
    turned = editor.add(Gather(Array(np.array([1, -1]))), product)
    (found,) = stores(editor.freeze([turned]), 1)
    program = lower(editor.freeze([product]))
    (start,) = (b.offset for b in program.buffers if b.slots == 6)
    expected = [[start + 6 + slot, -1] for slot in range(6)]
    assert found == [address for pair in expected for address in pair]


def test_the_prelude_lays_out_matrices_as_products_read_them() -> None:
    """[row][inner] of the transposed weights: one load, one store, no arithmetic."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    w = editor.add(Parameter("w", Type((6,))))
    matrix = editor.add(Reshape((2, 3)), w)
    prelude = Prelude(lower(editor.freeze([editor.add(Contract("a,ab->b"), x, matrix)])))
    assert prelude.parameters == ["w"]
    assert [getattr(step, "kernel", None) for step in prelude.plan.steps] == [
        "load_0",
        "store_points",
    ]
    assert prelude.plan.table.tolist() == [0, 3, 1, 4, 2, 5]
    assert prelude.size == 6


def test_addresses_have_32_bits() -> None:
    """What does not fit is an error, and not a wrong row."""
    program = lower(laplacian(collapsed=True))
    most = MOST_ELEMENTS // program.workspace
    assert plan(program, most, 1).samples == most
    with pytest.raises(BackendError, match=r'which are more than the 2147483647 .* backend="cpu"'):
        plan(program, most + 1, 1)


def test_products_of_parameters_are_exact() -> None:
    """Whatever the options allow for the products of points."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    constant = editor.add(Constant(Array(np.ones((4, 3)))))
    weights = editor.add(Contract("ab,bc->ac"), constant, editor.add(Parameter("w", Type((3, 2)))))
    prelude = Prelude(lower(editor.freeze([editor.add(Contract("a,ba->b"), x, weights)])))
    exact = [step.exact for step in prelude.plan.steps if isinstance(step, Gemm)]
    assert exact == [True]
    constants = prelude.constants(np.dtype(np.float32))
    assert constants.dtype == np.float32
    np.testing.assert_array_equal(constants, np.ones(12))
