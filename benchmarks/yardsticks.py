"""The machine's matrix-product peak, timed in the same interleaved run as the contestants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from .cases import Array, Case
from .machine import vector_extension

# Environment of the process that multiplies. OpenBLAS chooses its kernels by a table of processor
# models; on one that it does not know it takes AVX2 kernels, which is half of what AVX-512 gives.
KERNELS: dict[str, dict[str, str]] = {"as installed": {}}
if vector_extension() == "avx512f":
    KERNELS["AVX-512"] = {"OPENBLAS_CORETYPE": "SkylakeX"}


@dataclass(frozen=True)
class MatrixProduct:
    """A product (rows, inner) @ (inner, columns) by NumPy's threaded BLAS with some kernels."""

    rows: int
    inner: int
    columns: int
    kernels: str

    @property
    def name(self) -> str:
        """Shape and kernels, as in `2048 x 2048 x 2048 (as installed)`."""
        return f"{self.rows} x {self.inner} x {self.columns} ({self.kernels})"

    @property
    def flops(self) -> int:
        """Multiplications and additions of one call."""
        return 2 * self.rows * self.inner * self.columns

    def prepare(self, dtype: str) -> Callable[[], Array]:
        """A call that multiplies into a buffer made beforehand and returns its first row."""
        random = np.random.default_rng(1)
        left = random.normal(size=(self.rows, self.inner)).astype(dtype)
        right = random.normal(size=(self.inner, self.columns)).astype(dtype)
        out = np.empty((self.rows, self.columns), dtype)
        return lambda: np.asarray(np.matmul(left, right, out=out)[0])


def products_of(case: Case, vectors: int) -> tuple[MatrixProduct, ...]:
    """Two square products, and the case's own hidden layers with so many vectors per point.

    Which shape and kernels are best differs between machines; the peak is the best rate of all.
    """
    rows = case.points * vectors
    layers = {(rows, inner, columns) for inner, columns in pairwise(case.widths[1:-1])}
    shapes = [(1024, 1024, 1024), (2048, 2048, 2048), *sorted(layers)]
    return tuple(MatrixProduct(*shape, kernels) for shape, kernels in product(shapes, KERNELS))
