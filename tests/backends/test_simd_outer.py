"""Sums of outer products against NumPy's."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from jetfold.backends.cpu.simd import (
    ROWS,
    VECTORS,
    accumulator_size,
    add_outer_product,
    lanes,
    unpacked,
)

DTYPES = [np.float32, np.float64]


@njit(nogil=True)
def added(c: Any, a: Any, ars: int, b: Any, brs: int, M: int, N: int, NV: int) -> None:
    """The arrays start at 3, 5 and 7."""
    add_outer_product(c, 3, a, 5, ars, b, 7, brs, M, N, NV)


def unpack(numbers: Any, left: int, right: int) -> Any:
    matrix = np.full((-(-left // ROWS) * ROWS, right), np.nan, numbers.dtype)
    for target, source in unpacked(numbers, matrix):
        target[...] = source
    return matrix[:left]


def rows(values: Any, start: int, gap: int) -> Any:
    """A flat array with the rows from `start` on, NaN between them and around them."""
    count, width = values.shape
    flat = np.full(start + count * (width + gap) + 3, np.nan, values.dtype)
    for m in range(count):
        at = start + m * (width + gap)
        flat[at : at + width] = values[m]
    return flat


AROUND_A_BLOCK = [
    (m, n, 2) for m in (1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS) for n in range(1, 2 * VECTORS + 2)
]
SHAPES = [(64, 64, 4), (50, 20, 3), (20, 2, 16), (128, 1, 5), (768, 3, 2), (2, 50, 7)]
NONE = [(7, 5, 0)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("M", "N", "NV"), [*AROUND_A_BLOCK, *SHAPES, *NONE])
def test_outer_product(M: int, N: int, NV: int, dtype: Any) -> None:
    rng = np.random.default_rng(M + 100 * N)
    count = lanes(dtype)
    left, right = (rng.normal(size=(k, NV * count)).astype(dtype) for k in (M, N))
    gap = 3
    a, b = rows(left, 5, gap), rows(right, 7, gap)
    size = accumulator_size(M, N, count)
    before = rng.normal(size=size).astype(dtype)
    expected = left.astype(np.float64) @ right.T.astype(np.float64) + unpack(before, M, N)
    for run in (added, added.py_func):
        c = np.full(3 + size + 3, -1.0, dtype)
        c[3 : 3 + size] = before
        run(c, a, NV * count + gap, b, NV * count + gap, M, N, NV)
        found = unpack(c[3 : 3 + size], M, N)
        np.testing.assert_allclose(found, expected, atol=4 * (NV * count + 1) * np.finfo(dtype).eps)
        np.testing.assert_array_equal(c[:3], -1.0)  # nothing is written outside
        np.testing.assert_array_equal(c[-3:], -1.0)


def test_panels_in_groups() -> None:
    """More rows than a group of panels has, which are so long that one panel fills it."""
    dtype, M, N, NV = np.dtype(np.float64), 6 * ROWS + 2, 2 * VECTORS + 1, 260
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=(k, NV * lanes(dtype))) for k in (M, N))
    c = np.zeros(3 + accumulator_size(M, N, lanes(dtype)))
    width = NV * lanes(dtype)
    added(c, rows(left, 5, 0), width, rows(right, 7, 0), width, M, N, NV)
    np.testing.assert_allclose(unpack(c[3:], M, N), left @ right.T, atol=1e-10)


def test_every_element_has_a_place_of_its_own() -> None:
    for left in (1, ROWS, 2 * ROWS + 1):
        for right in range(1, 3 * VECTORS):
            numbers = np.arange(float(accumulator_size(left, right, 8)))
            found = unpack(numbers, left, right)
            assert len(np.unique(found)) == left * right


def test_outer_products_of_a_module_share_their_code() -> None:
    def one(a: Any, b: Any, c: Any, n: int) -> None:
        add_outer_product(c, 0, a, 0, n, b, 0, n, n, n, n)

    def two(a: Any, b: Any, c: Any, n: int) -> None:
        add_outer_product(c, 0, a, 0, n, b, 0, n, n, n, n)
        add_outer_product(b, 0, a, 0, n, c, 0, n, n, n, n)

    sizes = []
    for function in (one, two):
        compiled = njit(function)
        compiled.compile("void(float32[::1], float32[::1], float32[::1], int64)")
        sizes.append(len(next(iter(compiled.inspect_asm().values()))))
    assert sizes[1] < 1.2 * sizes[0]


def test_sums_stay_in_registers() -> None:
    """The innermost loops multiply and add without touching the stack."""

    def one(a: Any, b: Any, c: Any, n: int) -> None:
        add_outer_product(c, 0, a, 0, n, b, 0, n, n, n, n)

    compiled = njit(one)
    compiled.compile("void(float32[::1], float32[::1], float32[::1], int64)")
    lines = next(iter(compiled.inspect_asm().values())).splitlines()
    products = [line for line in lines if "vfmadd" in line or "fmla" in line]
    if not products:
        pytest.skip("no fused multiply-add on this host")
    assert len(products) >= ROWS * VECTORS
    assert not any("(%rsp)" in line or "[sp" in line for line in products)


def test_other_arguments_are_refused() -> None:
    def mixed(a: Any, b: Any, n: int) -> None:
        add_outer_product(a, 0, a, 0, n, b, 0, n, n, n, n)

    with pytest.raises(Exception, match="add_outer_product"):
        njit(mixed)(np.ones(8, np.float32), np.ones(8), 1)
