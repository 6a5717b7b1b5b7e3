"""The matrix product of packed rows and vectors against NumPy's."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

from jetfold.backends.cpu.simd import ROWS, VECTORS, gemm, lanes, pack, packed_size

DTYPES = [np.float32, np.float64]


@njit(nogil=True)
def product(
    a: Any, b: Any, bks: int, bvs: int, c: Any, cms: int, cvs: int, M: int, K: int, NV: int
) -> None:
    """Overwrites C; the arrays start at 3, 5 and 7."""
    gemm(a, 3, b, 5, bks, bvs, c, 7, cms, cvs, M, K, NV)


@njit(nogil=True)
def added_product(
    a: Any, b: Any, bks: int, bvs: int, c: Any, cms: int, cvs: int, M: int, K: int, NV: int
) -> None:
    """Adds to C."""
    gemm(a, 3, b, 5, bks, bvs, c, 7, cms, cvs, M, K, NV, True)


class Layout(NamedTuple):
    """Strides, in vectors, of the rows and the columns of a (rows, vectors, lanes) array."""

    row: int
    vector: int
    size: int

    def place(self, values: Any, start: int) -> Any:
        """A flat array that holds `values` from `start` on, and -1 elsewhere."""
        rows, vectors, count = values.shape
        flat = np.full(start + (self.size + 1) * count, -1.0, values.dtype)
        for m in range(rows):
            for v in range(vectors):
                at = start + (m * self.row + v * self.vector) * count
                flat[at : at + count] = values[m, v]
        return flat


def layouts(rows: int, vectors: int) -> dict[str, Layout]:
    """Rows outside or vectors outside, without and with a gap between the outer ones."""
    return {
        "row by row": Layout(vectors, 1, rows * vectors),
        "row by row, padded": Layout(vectors + 1, 1, rows * (vectors + 1)),
        "vector by vector": Layout(1, rows, rows * vectors),
        "vector by vector, padded": Layout(1, rows + 1, (rows + 1) * vectors),
    }


SHAPES = [
    (1, 1, 1),
    (ROWS, 4, VECTORS),
    (ROWS + 1, 1, VECTORS + 1),
    (2 * ROWS - 1, 7, 2 * VECTORS - 1),
    (3, 50, 2 * VECTORS + 2),
    (20, 20, 17),
    (64, 3, 3),
    (7, 0, 2),
    (7, 5, 0),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", layouts(1, 1))
@pytest.mark.parametrize(("M", "K", "NV"), SHAPES)
@pytest.mark.parametrize("function", [product, added_product])
def test_product(function: Any, M: int, K: int, NV: int, layout: str, dtype: Any) -> None:
    rng = np.random.default_rng(M + 100 * K)
    count = lanes(dtype)
    matrix = rng.normal(size=(M, K)).astype(dtype)
    operand = rng.normal(size=(K, NV, count)).astype(dtype)
    before = rng.normal(size=(M, NV, count)).astype(dtype)
    a = np.concatenate([np.full(3, np.nan, dtype), pack(matrix)])
    b_layout, c_layout = layouts(K, NV)[layout], layouts(M, NV)[layout]
    b = b_layout.place(operand, 5)

    wanted = np.tensordot(matrix.astype(np.float64), operand.astype(np.float64), 1)
    if function is added_product:
        wanted = wanted + before
    wanted = c_layout.place(wanted.astype(dtype), 7)
    for run in (function, function.py_func):
        c = c_layout.place(before, 7)
        run(
            *(a, b, b_layout.row * count, b_layout.vector * count),
            *(c, c_layout.row * count, c_layout.vector * count, M, K, NV),
        )
        # gaps keep their -1: nothing is written outside of C
        np.testing.assert_allclose(c, wanted, atol=20 * (K + 1) * np.finfo(dtype).eps)
        np.testing.assert_array_equal(c[wanted == -1.0], -1.0)


@pytest.mark.parametrize(("M", "K"), [(1, 1), (ROWS, 3), (2 * ROWS + 1, 2)])
def test_packed_panels(M: int, K: int) -> None:
    matrix = np.arange(1.0, M * K + 1).reshape(M, K)
    packed = pack(matrix)
    assert packed.shape == (packed_size(M, K),)
    panels = packed.reshape(-1, K, ROWS)
    for m in range(M):
        for k in range(K):
            assert panels[m // ROWS, k, m % ROWS] == matrix[m, k]
    assert packed.sum() == matrix.sum()  # the rest is zero


def test_products_of_a_module_share_their_code() -> None:
    def one(a: Any, b: Any, c: Any, n: int) -> None:
        gemm(a, 0, b, 0, n, n, c, 0, n, n, n, n, n)

    def two(a: Any, b: Any, c: Any, n: int) -> None:
        gemm(a, 0, b, 0, n, n, c, 0, n, n, n, n, n)
        gemm(a, 0, c, 0, n, n, b, 0, n, n, n, n, n)

    sizes = []
    for function in (one, two):
        compiled = njit(function)
        compiled.compile("void(float32[::1], float32[::1], float32[::1], int64)")
        sizes.append(len(next(iter(compiled.inspect_asm().values()))))
    assert sizes[1] < 1.2 * sizes[0]


def test_sums_stay_in_registers() -> None:
    """The innermost loops multiply and add without touching the stack."""

    def one(a: Any, b: Any, c: Any, n: int) -> None:
        gemm(a, 0, b, 0, n, n, c, 0, n, n, n, n, n)

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
        gemm(a, 0, b, 0, n, n, b, 0, n, n, n, n, n)

    with pytest.raises(Exception, match="gemm"):
        njit(mixed)(np.ones(8, np.float32), np.ones(8), 1)
