"""Elimination for every sample by itself, and loop programs with matrix functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.linalg
from numpy.typing import NDArray

from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.lower import lower
from jetfold.backends.program import MatrixKernel, Program, Run
from jetfold.backends.scalar.linear_algebra import eliminate, source
from jetfold.graph import (
    Array,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Parameter,
    Pick,
    Replicate,
    Sum,
    Type,
    operand_symbol,
    simplify,
)
from programs import FLOAT32, FLOAT64, FLOATS, check, sample
from tracing import trace_at

Function = Callable[..., Any]
A, B = map(operand_symbol, range(2))
NAMES = ("inverse", "log_abs_det", "sign_det")


# Elimination ------------------------------------------------------------------------------------


def eliminated(
    matrices: NDArray[Any], inverse: bool = True, step: int = 0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Inverses, logarithms and signs of matrices (samples, n, n); everything around is NaN."""
    samples, size, _ = matrices.shape
    step = step or samples
    log, sign = 3, 3 + samples
    matrix = sign + samples + 2
    work = matrix + size * size * step + 1
    ws = np.full(work + (size + 1) * step + 4, np.nan, matrices.dtype)
    rows = matrix + step * np.arange(size * size)[:, None] + np.arange(samples)
    ws[rows] = matrices.reshape(samples, -1).T
    with np.errstate(all="ignore"):
        eliminate(ws, matrix, step, work, step, size, samples, inverse, log, sign)
    touched = np.zeros(ws.size, dtype=bool)
    scratch = work + step * np.arange(size + 1)[:, None] + np.arange(samples)
    for places in (rows, scratch, log + np.arange(2 * samples)):
        touched[places] = True
    assert np.isnan(ws[~touched]).all(), "written elsewhere"
    found = ws[rows].T.reshape(matrices.shape)
    return found, ws[log : log + samples].copy(), ws[sign : sign + samples].copy()


@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 6])
def test_elimination(size: int, inverse: bool) -> None:
    """Every sample needs other pivots; a step wider than the samples leaves gaps."""
    matrices = np.random.default_rng(size).integers(-3, 4, (5, size, size)) + 0.0
    matrices[0] = np.eye(size)[::-1]
    inverses, log, sign = eliminated(matrices, inverse, step=7)
    expected = np.linalg.slogdet(matrices)
    np.testing.assert_array_equal(sign, expected.sign)
    np.testing.assert_allclose(log, expected.logabsdet, 1e-12, 1e-14)
    regular = sign != 0
    if inverse:
        right = np.linalg.inv(matrices[regular])
        np.testing.assert_allclose(inverses[regular], right, 1e-11, 1e-13)


def test_accuracy_of_inverses() -> None:
    """Hilbert matrices: the error is the condition number times rounding, as that of LAPACK."""
    for size in (3, 6, 9):
        hilbert = scipy.linalg.hilbert(size)
        with mpmath.workdps(60):
            exact = np.array((mpmath.matrix(hilbert) ** -1).tolist(), dtype=object)
        inverses, _, _ = eliminated(np.stack([hilbert, hilbert.T[::-1]]))
        size_of = float(np.abs(exact).max())
        for found in (inverses[0], inverses[1][:, ::-1]):
            error = float(np.abs(found - exact).max()) / size_of
            assert error < 2 * np.linalg.cond(hilbert) * np.finfo(float).eps


def test_accuracy_of_logarithms() -> None:
    """They neither overflow nor lose small determinants."""
    scale = np.array([1e-200, 1.0, 1e200])[:, None, None]
    _, log, sign = eliminated(scale * scipy.linalg.hilbert(4), inverse=False)
    expected = np.linalg.slogdet(scipy.linalg.hilbert(4)).logabsdet
    np.testing.assert_allclose(log, expected + 4 * np.log(scale).ravel(), 1e-14)
    np.testing.assert_array_equal(sign, 1)


@pytest.mark.parametrize("dtype", FLOATS)
def test_singular_matrices_spoil_no_other(dtype: Any) -> None:
    matrices = np.stack([np.ones((2, 2)), 2 * np.eye(2), np.zeros((2, 2)), np.full((2, 2), np.nan)])
    inverses, log, sign = eliminated(matrices.astype(dtype))
    assert not np.isfinite(inverses[[0, 2, 3]]).any()
    np.testing.assert_array_equal(inverses[1], np.eye(2) / 2)
    np.testing.assert_allclose(log, [-np.inf, math.log(4), -np.inf, np.nan], 1e-6)
    np.testing.assert_array_equal(sign, [0, 1, 0, np.nan])


def test_text_of_the_function() -> None:
    names: dict[str, Any] = {"math": math, "uint64": np.uint64, "same": lambda f: f}
    exec(source("@same"), names)
    ws = np.array([2.0, 0.0, 0.0, 4.0, np.nan, np.nan, np.nan])
    names["eliminate"](ws, 0, 1, 4, 1, 2, 1, True, -1, -1)
    assert ws[:4].tolist() == [0.5, 0, 0, 0.25]


# Programs ---------------------------------------------------------------------------------------


def graph_of(function: Function, *shapes: tuple[int, ...]) -> Graph:
    return simplify(trace_at(function, *shapes).graph).graph


def heavy(x: Any) -> Any:
    """A matrix that is far from singular: its points have elements up to 2."""
    return x + 5 * np.eye(x.shape[-1])


FUNCTIONS: dict[str, tuple[Function, tuple[int, ...]]] = {
    "inverse": (lambda x: np.linalg.inv(heavy(x)), (3, 3)),
    "determinant": (lambda x: np.linalg.det(heavy(x)), (4, 4)),
    "logarithm": (lambda x: np.linalg.slogdet(heavy(x)).logabsdet, (4, 4)),
    "sign": (lambda x: np.linalg.slogdet(heavy(x)).sign * x[0, 0], (2, 2)),
    "all of them": (lambda x: [*np.linalg.slogdet(heavy(x)), np.linalg.inv(heavy(x))], (3, 3)),
    "solution": (lambda x: np.linalg.solve(heavy(x), x[0]) @ x[1], (3, 3)),
    "stacks": (lambda x: [np.linalg.inv(heavy(x)), *np.linalg.slogdet(heavy(x))], (2, 2, 3, 3)),
    "a number": (lambda x: np.linalg.inv(x[:1, :1] + 9), (2, 2)),
    "nothing": (lambda x: [*np.linalg.slogdet(x[:0, :0]), x.sum()], (2, 2)),
    "no matrices": (lambda x: [np.linalg.inv(x[:0]), x.sum()], (2, 2, 2)),
    "turned": (lambda x: np.linalg.inv(heavy(x).T[::-1]), (3, 3)),
    "every other row": (lambda x: np.linalg.inv(heavy(x)[::2, ::2]), (4, 4)),
    "rows picked": (lambda x: np.linalg.inv(heavy(x)[[2, 0, 1]]), (3, 3)),
    "zeros put in": (lambda x: np.linalg.inv(np.tril(heavy(x))), (3, 3)),
    "twice": (lambda x: np.linalg.inv(heavy(np.linalg.inv(heavy(x)))), (3, 3)),
    "of the input itself": (lambda x: np.linalg.inv(x) * np.linalg.det(x), (2, 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_functions(name: str) -> None:
    function, shape = FUNCTIONS[name]
    check(graph_of(function, shape), tolerance=20)


@pytest.mark.parametrize("size", [4, 17])
def test_jitted(size: int) -> None:
    """More than one tile, in both dtypes, against LAPACK."""
    graph = graph_of(lambda x: [*np.linalg.slogdet(x), np.linalg.inv(x)], (size, size))
    operator = CompiledGraph(graph)
    for dtype, tolerance in ((FLOAT64, 1e-10), (FLOAT32, 1e-2)):
        matrices = np.random.default_rng(1).normal(size=(300, size, size))
        sign, log, inverse = operator(300, dtype, {"x0": matrices.astype(dtype)}, {})
        expected = np.linalg.slogdet(matrices)
        np.testing.assert_array_equal(sign, expected.sign)
        np.testing.assert_allclose(log, expected.logabsdet, tolerance, tolerance)
        worst = np.linalg.cond(matrices)[:, None, None]
        right = np.linalg.inv(matrices)
        scale = np.abs(right).max(axis=(1, 2), keepdims=True)
        assert (np.abs(inverse - right) / (worst * scale)).max() < 10 * np.finfo(dtype).eps


def with_directions(build: Callable[[Editor, int], int]) -> Graph:
    """All functions of matrices 3 x 3 with direction axes, which are summed at the end."""
    editor = Editor()
    matrices = build(editor, editor.add(Input("x", Type((2, 3, 3)))))
    outputs = []
    for name in NAMES:
        node = editor.add(MatrixFunction(name), matrices)  # type: ignore[arg-type]
        weights = Constant(Array(np.arange(1.0, 3.0)), (R,))
        node = editor.add(Map(A * B), node, editor.add(weights))
        outputs.append(
            editor.add(Sum((), tuple(a.name for a in editor[node].type.directions)), node)
        )
    return editor.freeze(outputs)


R, Q = DirectionAxis("r", 2), DirectionAxis("q", 3)
HEAVY = Constant(Array(5 * np.eye(3)))


def several(editor: Editor, x: int) -> int:
    """A parameter with directions makes matrices differ."""
    shift = editor.add(Parameter("p", Type((3, 3), (Q, R))))
    first = editor.add(Gather(Array(np.arange(9).reshape(3, 3))), x)
    return editor.add(Map(A + B / 4 + operand_symbol(2)), first, shift, editor.add(HEAVY))


def copies(editor: Editor, x: int) -> int:
    return editor.add(Replicate(R), editor.add(Map(A + B), x, editor.add(HEAVY)))


def axis_of_the_point(editor: Editor, x: int) -> int:
    return editor.add(Direct(0, R), editor.add(Map(A + B), x, editor.add(HEAVY)))


def picked(editor: Editor, x: int) -> int:
    return editor.add(Pick(Array(np.array([2, 0])), "q", R), _single(editor, x))


def _single(editor: Editor, x: int) -> int:
    shift = editor.add(Parameter("p", Type((3, 3), (Q,))))
    first = editor.add(Gather(Array(np.arange(9).reshape(3, 3))), x)
    return editor.add(Map(A + B / 4 + operand_symbol(2)), first, shift, editor.add(HEAVY))


@pytest.mark.parametrize("build", [several, copies, axis_of_the_point, picked])
def test_matrices_with_directions(build: Callable[[Editor, int], int]) -> None:
    check(with_directions(build), tolerance=20)


def test_singular_at_some_points() -> None:
    """Jitted: they get numbers that are not finite, the others of the tile stay as they are."""
    operator = CompiledGraph(graph_of(lambda x: [*np.linalg.slogdet(x), np.linalg.inv(x)], (2, 2)))
    matrices = np.broadcast_to(2 * np.eye(2), (40, 2, 2)).copy()
    matrices[[3, 17]] = 1
    sign, log, inverse = operator(40, FLOAT64, {"x0": matrices}, {})
    bad = np.isin(np.arange(40), [3, 17])
    assert not np.isfinite(inverse[bad]).any()
    np.testing.assert_array_equal(inverse[~bad], matrices[~bad] / 4)
    np.testing.assert_array_equal(sign, np.where(bad, 0, 1))
    np.testing.assert_allclose(log, np.where(bad, -np.inf, math.log(4)))


def test_what_all_points_share_is_computed_once() -> None:
    editor = Editor()
    x, p = editor.add(Input("x", Type((3,)))), editor.add(Parameter("p", Type((3, 3))))
    solution = editor.add(Contract("ab,b->a"), editor.add(MatrixFunction("inverse"), p), x)
    operator = check(editor.freeze([solution]), tolerance=1000)
    assert eliminations(operator.program) == []
    assert operator.program.counts()["Product"] == 1


# Structure --------------------------------------------------------------------------------------


def eliminations(program: Program) -> list[Run]:
    runs = [i for i in program.instructions if isinstance(i, Run)]
    return [run for run in runs if isinstance(run.kernel, MatrixKernel)]


def test_functions_of_the_same_matrix_share_an_elimination() -> None:
    function, shape = FUNCTIONS["all of them"]
    (run,) = eliminations(lower(graph_of(function, shape)))
    assert run.kernel.functions == NAMES  # type: ignore[union-attr]
    assert (run.rows, run.reduced, run.sizes) == (1, 3, ())
    assert len(run.nodes) == 3
    scratch, matrix, *numbers = (access.place for access in run.outputs)
    assert [place.type.shape for place in (scratch, matrix)] == [(1, 4), (3, 3)]
    assert [place.type.shape for place in numbers] == [(), ()]


def test_kernels_do_not_depend_on_sizes() -> None:
    def kernels(size: int) -> tuple[Any, ...]:
        return lower(graph_of(np.linalg.inv, (size, size))).kernels

    assert kernels(2) == kernels(30)


def test_memory() -> None:
    """Input and inverse side by side; scratch memory of n + 1 rows."""
    program = lower(graph_of(np.linalg.inv, (6, 6)))
    assert program.workspace == 2 * 36 + 7


def test_sample_values_are_regular() -> None:
    """The sampled points are not singular by accident, which would make tests void."""
    inputs, _ = sample(graph_of(lambda x: np.linalg.inv(heavy(x)), (3, 3)), 19)
    assert np.linalg.cond(inputs["x0"] + 5 * np.eye(3)).max() < 100
