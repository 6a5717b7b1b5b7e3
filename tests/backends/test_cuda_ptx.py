"""Kernels are compiled to PTX and assembled, without a GPU: registers, spills, precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

import numpy as np
import pytest

import jetfold as jf
from cuda_programs import collapsed_program
from graphs import laplacian
from jetfold.backends.cuda.assembly import (
    Assembled,
    Capability,
    assemble,
    assembled,
    assembled_outer,
    assembled_product,
    compile_ptx,
    kernels,
)
from jetfold.backends.cuda.emit import emit
from jetfold.backends.lower import lower
from jetfold.backends.program import Program
from jetfold.graph import Contract, Editor, Graph, Input, MatrixFunction, Sum, Total, Type
from jetfold.graph.ops import MatrixFunctionName
from jetfold.rules.primitives import PRIMITIVES
from programs import FLOAT32, FLOAT64, FLOATS
from simulated import final_graph, net
from totals_cases import a_graph

SM_80, SM_90 = (8, 0), (9, 0)
MOST_REGISTERS = 255
ORDER = 4

COVERING = (
    *("absolute", "arctan2", "cbrt", "divide", "erf", "exp", "hypot", "log1p", "maximum", "power"),
    *("remainder", "rint", "sin", "softplus", "sqrt", "tanh", "where"),
)
"""Primitives that use between them every kind of expression and most functions of libdevice."""

LONG = ("gamma", "gammaln", "j0", "j1", "psi")
"""Primitives whose kernels take seconds to compile, and have their functions in common."""

TRIGONOMETRY = ("math.sin(", "math.cos(", "math.tan(")
"""libdevice computes these in double precision for angles beyond 10**5, also in single."""


def check(program: Program, dtype: np.dtype[Any], found: Iterable[Assembled]) -> None:
    """No spills, and nothing in double precision that is not asked for."""
    trigonometric = any(name in emit(program, dtype) for name in TRIGONOMETRY)
    for kernel in found:
        assert 0 < kernel.registers <= MOST_REGISTERS, kernel
        assert not kernel.spills, kernel
        assert trigonometric or kernel.stack == 0, kernel
        assert kernel.double == (dtype == FLOAT64) or (kernel.double and trigonometric), kernel


def computing(program: Program, dtype: np.dtype[Any], cc: Capability) -> Iterator[Assembled]:
    """The kernels of a program that do not merely move values; `test_networks` has all kinds."""
    for name, (function, signature) in kernels(program, dtype).items():
        if not name.startswith(("load_", "store_")):
            yield assemble(name, compile_ptx(function, signature, cc), cc)


@pytest.mark.parametrize("name", COVERING)
def test_primitives(name: str) -> None:
    """Collapsed rules of order 4; dtypes and devices take turns."""
    program = collapsed_program(name, ORDER)
    turn = COVERING.index(name) % 2
    dtype, cc = FLOATS[turn], (SM_90, SM_80)[turn]
    check(program, dtype, computing(program, dtype, cc))


DISTINCT = sorted({known.expr: name for name, known in PRIMITIVES.items()}.values())
"""Primitives, one for each expression: radians and deg2rad have the same kernels."""


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DISTINCT if name not in LONG])
def test_all_primitives(name: str) -> None:
    """Collapsed rules of order 4, each for both devices, which take turns with dtypes."""
    program = collapsed_program(name, ORDER)
    devices = (SM_80, SM_90)[:: (1, -1)[DISTINCT.index(name) % 2]]
    for dtype, cc in zip(FLOATS, devices, strict=True):
        check(program, dtype, computing(program, dtype, cc))


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_long_primitives(name: str) -> None:
    """Order 4 and order 2; dtypes and devices take turns among those with the same functions."""
    turn = LONG.index(name) % 2
    for order, here in ((ORDER, turn), (2, 1 - turn)):
        program = collapsed_program(name, order)
        dtype = FLOATS[here]
        check(program, dtype, computing(program, dtype, (SM_90, SM_80)[here]))


@pytest.mark.parametrize(("dtype", "cc"), [(FLOAT32, SM_80), (FLOAT64, SM_90)], ids=str)
def test_networks(dtype: np.dtype[Any], cc: Capability) -> None:
    """All that a Laplacian launches; threads few in registers, so that many are under way."""
    for collapsed in (True, False):
        program = lower(laplacian(collapsed))
        found = assembled(program, dtype, cc)
        check(program, dtype, found)
        assert [kernel.name for kernel in found] == list(kernels(program, dtype))
        assert max(kernel.registers for kernel in found) <= 64


def matrix_functions() -> Graph:
    editor = Editor()
    x = editor.add(Input("x", Type((2, 3, 3))))
    return editor.freeze(
        [editor.add(MatrixFunction(name), x) for name in get_args(MatrixFunctionName)]
    )


def sums() -> Graph:
    editor = Editor()
    x = editor.add(Input("x", Type((40, 3))))
    return editor.freeze([editor.add(Contract("ab,cb->ac"), x, x), editor.add(Sum((0,), ()), x)])


OTHERS: dict[str, Callable[[], Graph]] = {
    "biharmonic": lambda: final_graph(jf.biharmonic(net, method="minimal")),
    "matrix functions": matrix_functions,
    "sums": sums,
}


@pytest.mark.parametrize("name", OTHERS)
def test_single_precision_stays_single(name: str) -> None:
    """Tables, segments, elimination, sums that threads share."""
    program = lower(OTHERS[name]())
    check(program, FLOAT32, assembled(program, FLOAT32, SM_90))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_product(dtype: np.dtype[Any]) -> None:
    """Its results stay in registers, and tiles of both factors fit shared memory."""
    for cc in (SM_80, SM_90):
        found = assembled_product(dtype, cc)
        assert not found.spills
        assert found.stack == 0
        assert found.double == (dtype == FLOAT64)
        assert 64 < found.registers < 200
        assert 4096 < found.shared < 48 * 1024
        assert "fma.rn.f32" in found.ptx or dtype == FLOAT64
        assert str(found) == (
            f"multiply: {found.registers} registers, 0 bytes of stack, 0 bytes spilled, "
            f"{found.shared} bytes shared"
        )


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_outer_products(dtype: np.dtype[Any]) -> None:
    """As for products: results in registers, tiles of both factors in shared memory."""
    for cc in (SM_80, SM_90):
        found = assembled_outer(dtype, cc)
        assert not found.spills, found
        assert found.stack == 0
        assert found.double == (dtype == FLOAT64)
        assert 64 < found.registers < 200, found
        assert 4096 < found.shared < 48 * 1024
        assert "fma.rn.f32" in found.ptx or dtype == FLOAT64
        assert "atom" not in found.ptx


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_sums_over_the_batch(dtype: np.dtype[Any]) -> None:
    """What gradients launch beside outer products; additions in the order of memory, not atomic."""
    program = lower(a_graph(), [Total((0, 1, 2), Type((2,))), Total((3,), Type((2, 2)))])
    found = assembled(program, dtype, SM_90)
    check(program, dtype, [kernel for kernel in found if kernel.name not in MOVING])
    names = {kernel.name for kernel in found}
    assert {"trim", "clear", "sum_samples", "add_up"} <= names
    assert not any("atom" in kernel.ptx for kernel in found)


MOVING = ("trim", "clear")
"""Kernels that write zeros: nothing in them is of any precision."""


def test_spills_are_seen() -> None:
    """The assembler reports them: more numbers at the same time than there are registers."""
    from numba import types

    count = MOST_REGISTERS + 45
    lines = [f"    v{i} = x[{i}]" for i in range(count)]
    lines += [f"    x[{count - 1 - i}] = v{i}" for i in range(count)]
    names: dict[str, Any] = {}
    exec("\n".join(["def reverse(x):", *lines]), names)
    signature = types.void(types.Array(types.float32, 1, "C"))
    found = assemble("reverse", compile_ptx(names["reverse"], signature, SM_90), SM_90)
    assert found.registers == MOST_REGISTERS
    assert found.spills
    assert found.stack > 0
    assert not found.double
