"""Calls of cuBLAS through CuPy, checked against a cuBLAS in NumPy that reads the same pointers."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from jetfold.backends.cuda import cublas
from jetfold.backends.cuda.launches import Factor, Gemm, Outer, Repeat


class HostBlas:
    """The part of ``cupy_backends.cuda.libs.cublas`` that is used, column by column as BLAS is."""

    def __init__(self) -> None:
        self.mode = 7
        self.stream: int | None = None
        self.calls: list[tuple[int | None, int]] = []

    def getMathMode(self, handle: int) -> int:
        return self.mode

    def setMathMode(self, handle: int, mode: int) -> None:
        self.mode = mode

    @contextmanager
    def from_external(self, stream: Any) -> Iterator[None]:
        before, (version, self.stream) = self.stream, stream.__cuda_stream__()
        assert version == 0
        yield
        self.stream = before

    def sgemmStridedBatched(self, *arguments: int) -> None:
        self._multiply(np.dtype(np.float32), *arguments)

    def dgemmStridedBatched(self, *arguments: int) -> None:
        self._multiply(np.dtype(np.float64), *arguments)

    def _multiply(
        self,
        dtype: np.dtype[Any],
        handle: int,
        transa: int,
        transb: int,
        m: int,
        n: int,
        k: int,
        alpha: int,
        a: int,
        lda: int,
        stride_a: int,
        b: int,
        ldb: int,
        stride_b: int,
        beta: int,
        c: int,
        ldc: int,
        stride_c: int,
        count: int,
    ) -> None:
        assert (handle, transb) == (99, 0)
        assert lda >= max(1, k if transa else m)
        assert ldb >= max(1, k)
        assert ldc >= max(1, m)
        assert min(stride_a, stride_b, stride_c) >= 0
        self.calls.append((self.stream, self.mode))

        def matrix(pointer: int, rows: int, columns: int, leading: int) -> NDArray[Any]:
            """Columns lie ``leading`` numbers apart."""
            size = leading * (columns - 1) + rows
            memory = (ctypes.c_byte * (size * dtype.itemsize)).from_address(pointer)
            flat = np.ctypeslib.as_array(memory).view(dtype)
            strides = (dtype.itemsize, leading * dtype.itemsize)
            return np.lib.stride_tricks.as_strided(flat, (rows, columns), strides)

        one, zero = matrix(alpha, 1, 1, 1)[0, 0], matrix(beta, 1, 1, 1)[0, 0]
        for i in range(count):
            start = a + i * stride_a * dtype.itemsize
            left = matrix(start, k, m, lda).T if transa else matrix(start, m, k, lda)
            right = matrix(b + i * stride_b * dtype.itemsize, k, n, ldb)
            result = matrix(c + i * stride_c * dtype.itemsize, m, n, ldc)
            result[...] = one * (left @ right) + (zero * result if zero else 0)


@pytest.fixture
def blas(monkeypatch: pytest.MonkeyPatch) -> HostBlas:
    """CuPy's modules, with BLAS on the host."""
    found = HostBlas()
    device = SimpleNamespace(get_cublas_handle=lambda: 99)
    cupy = ModuleType("cupy")
    cupy.cuda = SimpleNamespace(  # type: ignore[attr-defined]
        device=device, Stream=SimpleNamespace(from_external=found.from_external)
    )
    libs = ModuleType("cupy_backends.cuda.libs")
    libs.cublas = found  # type: ignore[attr-defined]
    for name in ("cupy_backends", "cupy_backends.cuda"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "cupy_backends.cuda.libs", libs)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return found


def expected(gemm: Gemm, shared: NDArray[Any], workspace: NDArray[Any]) -> NDArray[Any]:
    """The workspace behind the products, by what `Gemm` says."""
    after = workspace.copy()
    for i in range(gemm.batches.count):
        for j in range(gemm.groups.count):
            at, x, y = (
                getattr(gemm, name)
                + i * getattr(gemm.batches, name)
                + j * getattr(gemm.groups, name)
                for name in ("matrix", "operand", "result")
            )
            matrix = shared[at : at + gemm.rows * gemm.inner].reshape(gemm.rows, gemm.inner)
            rows = [x + k * gemm.operand_step + np.arange(gemm.columns) for k in range(gemm.inner)]
            product = matrix @ workspace[np.array(rows)]
            for m in range(gemm.rows):
                start = y + m * gemm.result_step
                after[start : start + gemm.columns] = product[m]
    return after


ONCE = Repeat(1, 0, 0, 0)
GEMMS = {
    "one": Gemm(2, 0, 100, 3, 4, 5, 4, 4, ONCE, ONCE),
    "gaps": Gemm(2, 3, 100, 3, 4, 5, 7, 9, ONCE, ONCE),
    "batches": Gemm(0, 0, 200, 2, 3, 4, 6, 5, Repeat(3, 8, 24, 10), ONCE),
    "groups share the matrix": Gemm(1, 0, 200, 2, 3, 4, 12, 9, ONCE, Repeat(4, 0, 3, 20)),
    "both": Gemm(0, 0, 200, 2, 3, 2, 6, 3, Repeat(2, 4, 12, 24), Repeat(3, 0, 24, 6)),
    "backwards": Gemm(0, 48, 200, 2, 3, 4, 6, 3, Repeat(3, 8, -24, 6), ONCE),
    "both, one backwards": Gemm(
        0, 48, 200, 2, 3, 2, 6, 3, Repeat(3, 4, -12, 24), Repeat(2, 0, 0, 6)
    ),
    "one row": Gemm(0, 0, 200, 1, 3, 4, 6, 1, ONCE, ONCE),
    "one inner": Gemm(0, 0, 200, 2, 3, 1, 0, 3, ONCE, ONCE),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(GEMMS))
def test_products(name: str, dtype: type[np.floating[Any]], blas: HostBlas) -> None:
    gemm = GEMMS[name]
    assert gemm.regular
    random = np.random.default_rng(1)
    shared = random.normal(size=100).astype(dtype)
    workspace = random.normal(size=400).astype(dtype)
    wanted = expected(gemm, shared, workspace)
    pointers = shared.ctypes.data, workspace.ctypes.data
    with cublas.Products(stream=5, tf32=False) as products:
        products.multiply(gemm, *pointers, np.dtype(dtype))
    assert_allclose(workspace, wanted, rtol=1e-5 if dtype == np.float32 else 1e-12)
    assert len(blas.calls) == min(gemm.batches.count, gemm.groups.count) or "backwards" in name


@pytest.mark.parametrize(
    ("tf32", "exact", "mode"), [(False, False, 0), (True, False, 3), (True, True, 0)]
)
def test_float32_is_rounded_to_tf32_only_when_asked_for(
    tf32: bool, exact: bool, mode: int, blas: HostBlas
) -> None:
    gemm = Gemm(0, 0, 100, 3, 4, 5, 4, 4, ONCE, ONCE, exact=exact)
    shared, workspace = np.ones(20, np.float32), np.ones(200, np.float32)
    pointers = shared.ctypes.data, workspace.ctypes.data
    with cublas.Products(stream=5, tf32=tf32) as products:
        products.multiply(gemm, *pointers, np.dtype(np.float32))
    assert blas.calls == [(5, mode)]
    assert (blas.mode, blas.stream) == (7, None), "CuPy's handle is left as it was"


def test_the_longer_axis_is_repeated_by_one_call() -> None:
    strided, starts = cublas.calls(GEMMS["both"])
    assert strided == GEMMS["both"].groups
    assert starts == [(0, 0, 200), (4, 12, 224)]
    strided, starts = cublas.calls(GEMMS["both, one backwards"])
    assert strided == GEMMS["both, one backwards"].groups
    assert [operand for _, operand, _ in starts] == [48, 36, 24]
    strided, starts = cublas.calls(GEMMS["backwards"])
    assert strided == ONCE
    assert len(starts) == 3


OUTERS = {
    "one": Outer(Factor(2, 0, 0, 40), Factor(150, 0, 0, 40), 3, 3, 4, 40, 1, 1, 1, 12),
    "gaps": Outer(Factor(0, 0, 0, 35), Factor(130, 0, 0, 50), 0, 2, 3, 33, 1, 1, 1, 6),
    "parts": Outer(Factor(0, 0, 0, 100), Factor(200, 0, 0, 100), 0, 2, 3, 100, 1, 1, 3, 7),
    "full parts": Outer(Factor(0, 0, 0, 64), Factor(200, 0, 0, 64), 0, 2, 2, 64, 1, 1, 2, 4),
    "spare parts": Outer(Factor(0, 0, 0, 8), Factor(200, 0, 0, 8), 0, 2, 2, 8, 1, 1, 9, 4),
    "batches, groups": Outer(
        Factor(0, 40, 20, 80), Factor(300, 30, -15, 60), 5, 2, 3, 10, 2, 2, 2, 12
    ),
    "one row": Outer(Factor(0, 0, 0, 0), Factor(300, 0, 0, 40), 0, 1, 3, 40, 1, 1, 2, 3),
    "one column": Outer(Factor(0, 0, 0, 40), Factor(300, 0, 0, -1), 0, 3, 1, 40, 1, 1, 2, 3),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", list(OUTERS))
def test_outer_products(name: str, dtype: type[np.floating[Any]], blas: HostBlas) -> None:
    """What all parts get together; numbers beside them stay."""
    outer = OUTERS[name]
    assert outer.regular
    random = np.random.default_rng(1)
    workspace = random.normal(size=500).astype(dtype)
    sums = random.normal(size=60).astype(dtype)
    before = sums.copy()
    with cublas.Products(stream=5, tf32=False) as products:
        products.add(outer, workspace.ctypes.data, sums.ctypes.data, np.dtype(dtype))
    size = outer.batches * outer.rows * outer.columns
    parts = outer.result + np.arange(outer.parts)[:, None] * outer.part_step + np.arange(size)
    added = (sums - before)[parts].sum(0).reshape(outer.batches, outer.rows, outer.columns)

    def row(factor: Factor, batch: int, group: int, number: int) -> NDArray[Any]:
        start = factor.start + batch * factor.batch + group * factor.group + number * factor.row
        return workspace[start : start + outer.inner]

    for batch, m, n in np.ndindex(*added.shape):
        expected = sum(
            row(outer.left, batch, group, m) @ row(outer.right, batch, group, n)
            for group in range(outer.groups)
        )
        assert_allclose(added[batch, m, n], expected, rtol=1e-4 if dtype == np.float32 else 1e-11)
    others = np.delete(np.arange(len(sums)), parts.reshape(-1))
    np.testing.assert_array_equal(sums[others], before[others])
    assert len(blas.calls) == len(cublas.shares(outer))


def test_the_parts_of_outer_products_are_whole_lines() -> None:
    assert cublas.shares(OUTERS["parts"]) == [(0, 200, 0, 64, 1), (64, 264, 7, 36, 1)]
    assert cublas.shares(OUTERS["full parts"]) == [(0, 200, 0, 32, 2)]
    assert cublas.shares(OUTERS["spare parts"]) == [(0, 200, 0, 8, 1)]


@pytest.mark.parametrize(("tf32", "mode"), [(False, 0), (True, 3)])
def test_outer_products_are_rounded_only_when_asked_for(
    tf32: bool, mode: int, blas: HostBlas
) -> None:
    workspace, sums = np.ones(500, np.float32), np.zeros(60, np.float32)
    with cublas.Products(stream=5, tf32=tf32) as products:
        pointers = workspace.ctypes.data, sums.ctypes.data
        products.add(OUTERS["spare parts"], *pointers, np.dtype(np.float32))
    assert blas.calls == [(5, mode)]
