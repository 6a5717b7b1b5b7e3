"""Groups of graphs that run in numba's simulator of CUDA and are compared with interpretation.

The simulator is chosen before numba is imported (NUMBA_ENABLE_CUDASIM=1), so a process of its own
runs each group with `main`. A thread of the device is a thread of Python: tiles and blocks are
small.
"""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import sympy as sp
from hypothesis import Phase, given, settings

import jetfold as jf
from cuda_programs import collapsed_rule
from graphs import A, B, C, corner_cases, laplacian, network
from jetfold.backends.cuda import compiled, sessions
from jetfold.backends.cuda.compiled import CudaGraph
from jetfold.backends.cuda.launches import LONG
from jetfold.backends.cuda.options import Cuda
from jetfold.backends.cuda.product import TILINGS, Tiling
from jetfold.backends.cuda.sessions import SimulatedSession
from jetfold.graph import (
    Array,
    Collect,
    Concatenate,
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
    Reshape,
    Slice,
    Sum,
    Transpose,
    Type,
)
from jetfold.graph.ops import MatrixFunctionName
from jetfold.rules.operators import jet
from jetfold.rules.primitives import PRIMITIVES
from programs import FLOAT32, FLOAT64, FLOATS, TOLERANCE, assert_close, interpreted, sample
from random_graphs import graphs

Case = Callable[[], object]

OPTIONS = Cuda(threads=32)
TINY = Tiling(tall=2, wide=3, each=2, depth=6)
"""A depth that is a multiple of threads over rows (3/2) and of threads over columns (1)."""

EVERY_TIME = settings(derandomize=True, deadline=None, database=None, phases=[Phase.generate])

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, np.nan)
M, P, Q = DirectionAxis("m", 3), DirectionAxis("p", 5), DirectionAxis("q", 2)


def check(
    graph: Graph,
    points: int = 3,
    tolerance: float = 1.0,
    dtypes: Sequence[np.dtype[Any]] = FLOATS,
    **interval: float,
) -> None:
    """Compare all outputs of a graph with its interpretation."""
    compiled_graph = CudaGraph(graph, OPTIONS)
    for dtype in dtypes:
        inputs, parameters = sample(graph, points, dtype, **interval)
        expected = interpreted(graph, points, inputs, parameters)
        found = compiled_graph(points, dtype, inputs, parameters)
        assert [array.dtype for array in found] == [dtype] * len(expected)
        assert_close(found, expected, tolerance * TOLERANCE[dtype])


# Primitives ---------------------------------------------------------------------------------------


def jets(name: str, order: int) -> Graph:
    """The coefficients of the jet of a primitive along paths of its operands."""
    editor = Editor()
    point = Input("x", Type((3,)))
    x = editor.add(point)
    arity = PRIMITIVES[name].arity
    parts = [editor.add(Slice((i,), (1,), (1,)), x) for i in range(arity)]
    return jet(editor.freeze([editor.add(Map(PRIMITIVES[name].expr), *parts)]), point, order)


def several(names: list[str], order: int) -> Graph:
    """The jets of several primitives along the same paths."""
    editor = Editor()
    outputs = []
    for name in names:
        pushed = jets(name, order)
        where = editor.insert(pushed, {})
        outputs += [where[output] for output in pushed.outputs]
    return editor.freeze(outputs)


def primitives(names: list[str]) -> None:
    """Orders 0 to 2 at random points and where something is special."""
    order = 2
    graph = several(names, order)
    compiled_graph = CudaGraph(graph, OPTIONS)
    random = np.random.default_rng(1)
    grid = np.array(np.meshgrid(SPECIAL, SPECIAL, [1.0, 0.0])).reshape(3, -1).T
    for dtype in FLOATS:
        x = np.concatenate([random.uniform(-2, 2, (10, 3)), grid[::5]]).astype(dtype)
        path = random.uniform(-1, 1, (order, len(x), 3)).astype(dtype)
        inputs = {"x": x} | {f"x_{k}": path[k - 1] for k in range(1, order + 1)}
        expected = interpreted(graph, len(x), inputs, {})
        found = compiled_graph(len(x), dtype, inputs, {})
        tolerance = 1e-4 if dtype == np.float32 else 1e-10
        for i, name in enumerate(name for name in names for _ in range(order + 1)):
            right = expected[i].astype(dtype)
            # SciPy, which the interpreter asks, knows polygamma of positive numbers only.
            where = x[:, 0] > 0 if name == "psi" else np.full(len(x), True)
            close = np.isclose(found[i], right, tolerance, tolerance, equal_nan=True)[:, 0]
            wrong = np.flatnonzero(~close & where)[:3]
            message = f"{name}, order {i % (order + 1)}, {dtype}"
            assert not wrong.size, f"{message}: {x[wrong]} {found[i][wrong]} {right[wrong]}"


def collapsed(names: list[str]) -> None:
    """Rules of order 4."""
    for name in names:
        low = 1.2 if name == "arccosh" else 0.2
        check(collapsed_rule(name, 4), tolerance=5, low=low, high=low + 0.7)


# Operators ----------------------------------------------------------------------------------------


def net(x: Any, params: Any) -> Any:
    w1, b1, w2 = params
    return np.tanh(np.tanh(x @ w1 + b1) @ w2).sum()


def final_graph(operator: Any) -> Graph:
    shapes = [(2, 5), (5,), (5, 4)]
    derivation = operator.derivation(np.zeros((1, 2)), [np.ones(shape) for shape in shapes])
    graph = derivation.final_graph
    assert isinstance(graph, Graph)
    return graph


def nested() -> None:
    def function(x: Any, w: Any) -> Any:
        return np.sin(np.tanh(x @ w)).sum() * x[0]

    twice = jf.laplacian(jf.laplacian(function, method="collapsed"), method="collapsed")
    graph = twice.derivation(np.zeros((1, 2)), np.ones((2, 3))).final_graph
    check(graph, points=2, tolerance=20)


def jet_of_inputs() -> None:
    """Coefficients of the path that are inputs, several outputs that are vectors."""

    def function(x: Any, w: Any) -> Any:
        return np.tanh(x @ w) / (1 + x @ x), x[0] * np.exp(-x)

    graph = jf.jet(function, 4).derivation(np.zeros(3), np.ones((3, 5))).final_graph
    check(graph, points=2, tolerance=5)


# Programs -----------------------------------------------------------------------------------------


def tables_and_masks() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    mixed = editor.add(Gather(Array(np.array([2, 0, 1, 1]))), x)
    padded = editor.add(Gather(Array(np.array([-1, 0, 1, 2]))), x)
    chosen = editor.add(Map(sp.Piecewise((sp.exp(A), A > B), (B**2, True))), mixed, padded)
    shifted = editor.add(Gather(Array(np.array([3, -1, 0]))), x)
    joined = editor.add(Concatenate(0), chosen, shifted)
    check(editor.freeze([joined, editor.add(Sum((0,), ()), joined), padded]))


def picked_and_collected() -> None:
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    v = editor.add(Parameter("v", Type((4,), (M,))))
    left = editor.add(Map(A * sp.sin(B)), x, v)
    numbers = editor.add(Constant(Array(np.array([1.0, -2.0, 0.5, 3.0, -1.0])), (P,)))
    one = editor.add(Pick(Array(np.array([2, 0, 1, 1, 2])), "m", P), left)
    two = editor.add(Pick(Array(np.array([0, 0, 2, 1, 2])), "m", P), left)
    outputs = []
    for index in ([0, 0, 2, 2, 2], [2, 0, 2, 0, 0]):
        terms = editor.add(Map(A * B * C), numbers, one, two)
        found = editor.add(Collect(Array(np.array(index)), "p", M), terms)
        outputs.append(editor.add(Sum((), ("m",)), editor.add(Map(A**2 + B), found, v)))
    check(editor.freeze(outputs))


def reductions() -> None:
    """Axes of the result beside those that are summed, with rows and without."""
    editor = Editor()
    x = editor.add(Input("x", Type((4,))))
    moving = editor.add(Map(A * B), x, editor.add(Parameter("v", Type((4,), (M, Q)))))
    along = editor.add(Sum((), ("m",)), moving)
    product = editor.add(Contract("a,a->"), x, along)
    outer = editor.add(Contract("a,b->ab"), x, along)
    outputs = [editor.add(Sum((), ("q",)), node) for node in (product, outer, along)]
    long = editor.add(Input("long", Type((LONG + 5, 2))))  # threads share these sums
    turned = editor.add(Direct(1, Q), editor.add(Map(sp.sin(A)), long))
    outputs += [
        editor.add(Sum((0,), ()), long),
        editor.add(Sum((), ("q",)), editor.add(Contract("a,a->"), turned, turned)),
    ]
    check(editor.freeze([*outputs, editor.add(Sum((0,), ()), outputs[1])]))


def shared_values() -> None:
    """What is computed once per call: with axes, moved, multiplied; outputs that do not vary."""
    editor = Editor()
    x = editor.add(Input("x", Type((3,))))
    v = editor.add(Parameter("v", Type((3,), (M, Q))))
    w = editor.add(Parameter("w", Type((3, 2))))
    square = editor.add(Parameter("square", Type((3, 3))))
    constant = editor.add(Constant(Array(np.arange(12.0).reshape(4, 3) / 7)))
    flipped = editor.add(Gather(Array(np.array([2, 1, -1]))), v)
    squared = editor.add(Map(sp.sin(A) + B), flipped, editor.add(Sum((1,), ()), w))
    wide = editor.add(Contract("ab,bc->ca"), constant, w)
    turned = editor.add(Direct(1, DirectionAxis("m", 3)), editor.add(Transpose((1, 0)), w))
    values = [
        editor.add(Map(A * B), x, squared),
        editor.add(Contract("a,ba->b"), x, editor.add(Contract("ab,cb->ac"), constant, square)),
    ]
    summed = editor.add(Sum((), ("m", "q")), values[0])
    moved = editor.add(Sum((), ("m",)), editor.add(Map(A * B), turned, editor.add(Sum((0,)), x)))
    half = editor.add(Map(sp.pi / 2))
    check(editor.freeze([summed, values[1], wide, w, constant, half, moved]))


def products() -> None:
    """Batches, groups, sizes that are no multiple of a tile, rows in steps or from the end."""
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3, 4))))
    matrices = [editor.add(Parameter(name, Type(shape))) for name, shape in SHAPES.items()]
    specs = ("abc,cd->abd", "abc,db->adc", "abc,acd->abd", "abc,bcd->adb")
    outputs = [
        editor.add(Contract(spec), x, matrix) for spec, matrix in zip(specs, matrices, strict=True)
    ]
    backwards = editor.add(Slice((1, 2, 3), (-1, -2, -1), (2, 2, 4)), x)
    outputs.append(editor.add(Contract("abc,cd->abd"), backwards, matrices[0]))
    flat = editor.add(Reshape((24,)), x)
    outputs.append(editor.add(Contract("a,a->"), flat, editor.add(Parameter("f", Type((24,))))))
    check(editor.freeze(outputs), tolerance=5, dtypes=[FLOAT32])


SHAPES = {"k": (4, 5), "l": (7, 3), "m": (2, 4, 3), "n": (3, 4, 2)}


def matrix_functions() -> None:
    """Of matrices that vary, with copies, and of those that do not."""
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3, 3))))
    v = editor.add(Parameter("v", Type((3, 3), (Q,))))
    moving = editor.add(Map(A + 5 * B), x, v)
    found = [editor.add(MatrixFunction(name), moving) for name in MATRIX_FUNCTIONS]
    outputs = [editor.add(Sum((), ("q",)), node) for node in found]
    outputs += [editor.add(MatrixFunction(name), v) for name in ("inverse", "log_abs_det")]
    outputs[3:] = [editor.add(Sum((), ("q",)), node) for node in outputs[3:]]
    check(editor.freeze(outputs), tolerance=50)


MATRIX_FUNCTIONS: tuple[MatrixFunctionName, ...] = ("inverse", "log_abs_det", "sign_det")


def tiles() -> None:
    """Batches in one tile and in several, of no points, of one, of a multiple of tiles."""
    graph = laplacian(collapsed=True, dim=2, width=2)
    compiled_graph = CudaGraph(graph, OPTIONS)
    limit = 6 * compiled_graph.program.workspace
    for points in (0, 1, 6, 13):
        with mock.patch.object(compiled, "MOST_ELEMENTS", limit):
            assert compiled_graph.samples(max(points, 1)) <= 6
            inputs, parameters = sample(graph, points)
            expected = interpreted(graph, points, inputs, parameters)
            found = compiled_graph(points, FLOAT64, inputs, parameters)
            assert_close(found, expected, 5 * TOLERANCE[FLOAT64])


def nothing() -> None:
    """No inputs, no outputs, rows or points that are not there."""
    check(Editor().freeze([]))
    editor = Editor()
    x = editor.add(Input("x", Type((0, 3))))
    y = editor.add(Input("y", Type(())))
    empty = editor.add(Map(sp.exp(A)), x)
    summed = editor.add(Sum((0, 1), ()), empty)
    check(editor.freeze([empty, editor.add(Map(A + B), summed, y)]))
    only = Editor()
    check(only.freeze([only.add(Map(2 * A), only.add(Parameter("w", Type((2,)))))]))


@settings(EVERY_TIME, max_examples=20)
@given(graphs())
def random_graphs(graph: Graph) -> None:
    check(graph, points=2, tolerance=10)


class Poisoned(SimulatedSession):
    """New memory holds NaN, so that reading what was never written shows up in the result."""

    def empty(self, size: int, dtype: np.dtype[Any]) -> Any:
        array = super().empty(size, dtype)
        if size:
            array.copy_to_device(np.full(size, np.nan, dtype))
        return array


# Groups -------------------------------------------------------------------------------------------


def _primitive_cases(part: int) -> Iterator[tuple[str, Case]]:
    names = sorted(PRIMITIVES)[part::2]
    for i in range(3):
        yield f"primitives {i}", partial(primitives, names[i::3])


GROUPS: Mapping[str, Mapping[str, Case]] = {
    "primitives, first half": dict(_primitive_cases(0)),
    "primitives, second half": dict(_primitive_cases(1)),
    "collapsed rules": {"all": partial(collapsed, sorted(PRIMITIVES))},
    "operators": {
        "network": lambda: check(network(dim=2, width=5), dtypes=[FLOAT64]),
        "standard": lambda: check(laplacian(False, 7, 3), tolerance=5, dtypes=[FLOAT32]),
        "collapsed": lambda: check(laplacian(True, 7, 3), tolerance=5, dtypes=[FLOAT64]),
        "biharmonic": lambda: check(
            final_graph(jf.biharmonic(net, method="minimal")), tolerance=20, dtypes=[FLOAT64]
        ),
        "weighted": lambda: check(
            final_graph(jf.weighted_laplacian(net, np.array([[1.0, 0.5], [0.0, 2.0]]))),
            tolerance=5,
            dtypes=[FLOAT32],
        ),
        "stochastic": lambda: check(
            final_graph(jf.laplacian(net, samples=3, distribution="normal", seed=0)),
            tolerance=5,
        ),
        "nested": nested,
        "jet": jet_of_inputs,
    },
    "programs": {
        case.__name__: case
        for case in (
            *(tables_and_masks, picked_and_collected, reductions, shared_values, products),
            *(matrix_functions, tiles, nothing, random_graphs),
        )
    }
    | {"corner cases": lambda: check(corner_cases())},
}


def main(group: str) -> None:
    """Run a group, and exit with what fails."""
    warnings.simplefilter("ignore", RuntimeWarning)  # NaN and infinity are numbers here
    sys.setswitchinterval(1e-4)  # the simulator polls its threads, which have to get on
    sessions.SimulatedSession = Poisoned  # type: ignore[misc]
    compiled.ALIGNMENT = 2
    TILINGS.update(float32=TINY, float64=TINY)
    failed = ""
    for name, case in GROUPS[group].items():
        try:
            case()
        except Exception:
            failed += f"{name}:\n{traceback.format_exc()}\n"
    sys.exit(failed or None)
