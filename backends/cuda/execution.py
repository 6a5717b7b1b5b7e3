"""Carrying out launches: what a device must be able to do, and how numba.cuda does it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.launches import Gemm, Launch, Outer, Plan, Size
from jetfold.backends.cuda.options import Cuda


class Device(Protocol):
    """A GPU with a stream on which everything happens in order; arrays are flat and contiguous."""

    key: Hashable
    """Devices of one key can use each other's arrays."""

    def empty(self, size: int, dtype: np.dtype[Any]) -> Any:
        """A new array with any values, for the length of a call."""

    def upload(self, array: NDArray[Any]) -> Any:
        """A new array with these values, which may be kept."""

    def launch(self, kernel: Any, launch: Launch, arrays: Sequence[Any]) -> None:
        """Begin a kernel of numba's on these arrays and the launch's integers."""

    def multiply(self, gemm: Gemm, shared: Any, workspace: Any) -> None:
        """Begin matrix products."""

    def add_products(self, outer: Outer, workspace: Any, sums: Any) -> None:
        """Begin to add outer products to sums."""


@dataclass(frozen=True)
class Prepared:
    """A plan on a device: the kernels it launches, and its table there."""

    plan: Plan
    module: ModuleType
    table: Any

    def run(
        self,
        device: Device,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        workspace: Any,
        shared: Any,
        sums: Any = None,
    ) -> None:
        """Begin all launches. Inputs and outputs hold the tile's points, flat."""
        arrays = {"ws": workspace, "sh": shared, "table": self.table, "sums": sums}
        arrays |= {f"x{number}": array for number, array in enumerate(inputs)}
        arrays |= {f"y{number}": array for number, array in enumerate(outputs)}
        for step in self.plan.steps:
            if isinstance(step, Gemm):
                device.multiply(step, shared, workspace)
            elif isinstance(step, Outer):
                device.add_products(step, workspace, sums)
            else:
                kernel = getattr(self.module, step.kernel)
                device.launch(kernel, step, [arrays[name] for name in step.arrays])


class NumbaDevice:
    """The current device of numba.cuda, or its simulator; products run in kernels of our own."""

    def __init__(self, options: Cuda, stream: Any = 0) -> None:
        from numba import cuda

        self.cuda = cuda
        self.options = options
        self.stream = stream
        self.key: Hashable = cuda.get_current_device().uuid

    def empty(self, size: int, dtype: np.dtype[Any]) -> Any:
        return self.cuda.device_array(max(size, 1), dtype, stream=self.stream)[:size]

    def upload(self, array: NDArray[Any]) -> Any:
        place = self.cuda.device_array(max(array.size, 1), array.dtype)[: array.size]
        if array.size:
            place.copy_to_device(array)  # done when it returns: any stream may read it
        return place

    def launch(self, kernel: Any, launch: Launch, arrays: Sequence[Any]) -> None:
        grid, block = launch.geometry(self.options.threads)
        self.configured(kernel, grid, block)(*arrays, launch.integers)

    def multiply(self, gemm: Gemm, shared: Any, workspace: Any) -> None:
        from jetfold.backends.cuda.product import geometry, integers, product_kernel

        dtype = workspace.dtype.name
        grid, block = geometry(gemm, dtype)
        kernel = product_kernel(dtype)
        self.configured(kernel, grid, block)(shared, workspace, integers(gemm))

    def add_products(self, outer: Outer, workspace: Any, sums: Any) -> None:
        from jetfold.backends.cuda.outer import geometry, integers, outer_kernel

        dtype = workspace.dtype.name
        grid, block = geometry(outer, dtype)
        kernel = outer_kernel(dtype)
        self.configured(kernel, grid, block)(workspace, sums, integers(outer))

    def configured(self, kernel: Any, grid: Size, block: Size) -> Any:
        """A kernel that can be called, on our stream."""
        return kernel[grid, block, self.stream]
