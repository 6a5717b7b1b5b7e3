"""Launches that are recorded once and replayed: CUDA graphs.

numba takes tens of microseconds to launch a kernel, more than small networks take to compute. So a
call that comes again with as many points on the same stream is recorded, on memory of its own:
then its inputs are copied there, few graphs are launched, and its outputs are copied out. CuPy lets
nobody record cuBLAS (https://github.com/cupy/cupy/issues/6290), so that products by cuBLAS stand
between the graphs; products in kernels of our own are recorded like any launch.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from jetfold.backends.cuda import driver
from jetfold.backends.cuda.arrays import AnyArray
from jetfold.backends.cuda.cublas import Products
from jetfold.backends.cuda.launches import Gemm, Launch, Outer
from jetfold.backends.cuda.sessions import GpuSession, pointer

if TYPE_CHECKING:
    from jetfold.backends.cuda.compiled import CudaGraph


@dataclass(frozen=True)
class Product:
    """Matrix products by cuBLAS, of numbers that begin at pointers."""

    gemm: Gemm
    shared: int
    workspace: int
    dtype: np.dtype[Any]

    def begin(self, products: Products) -> None:
        products.multiply(self.gemm, self.shared, self.workspace, self.dtype)


@dataclass(frozen=True)
class AddedProduct:
    """Outer products that cuBLAS adds to sums; numbers begin at pointers."""

    outer: Outer
    workspace: int
    sums: int
    dtype: np.dtype[Any]

    def begin(self, products: Products) -> None:
        products.add(self.outer, self.workspace, self.sums, self.dtype)


Step = Product | AddedProduct | Any
"""Products, or a graph of launches."""


class Recording:
    """The launches of a call for so many points, in one tile.

    It may be replayed on any stream; a replay waits for the one before.
    """

    def __init__(
        self,
        graph: CudaGraph,
        used: GpuSession,
        points: int,
        dtype: np.dtype[Any],
        sizes: Sequence[int],
        samples: int,
    ) -> None:
        """``sizes`` are how many numbers inputs, then parameters have."""
        own = GpuSession(used.options, used.number, used.handle)
        try:
            self.inputs = [own.empty(size, dtype) for size in sizes]
            self.outputs = [own.empty(size, dtype) for size in graph.output_sizes(points)]
            count = len(graph.input_rows)
            with driver.private_stream() as stream, Recorder(own, stream) as recorder:
                arrays = self.inputs[:count], self.inputs[count:], self.outputs
                graph.run(recorder, points, dtype, *arrays, samples)
        except BaseException:
            own.release()
            raise
        self.steps = recorder.steps
        self.multiplies = any(isinstance(step, (Product, AddedProduct)) for step in self.steps)
        self.kept = recorder.kept
        self.size = own.size
        self.event = driver.Event()
        self.event.record(used.handle)
        weakref.finalize(
            self, _close, used.number, self.event, recorder.graphs, own.taken
        ).atexit = False

    def replay(self, used: GpuSession, arrays: Sequence[AnyArray], outputs: Sequence[Any]) -> None:
        """Begin it all on a session's stream: inputs and parameters, launches, outputs."""
        self.event.wait(used.handle)
        for target, array in zip(self.inputs, arrays, strict=True):
            used.fill(target, array)
        with used.products() if self.multiplies else nullcontext() as products:
            for step in self.steps:
                if isinstance(step, (Product, AddedProduct)):
                    assert products is not None
                    step.begin(products)
                else:
                    driver.launch_graph(step, used.handle)
        for target, source in zip(outputs, self.outputs, strict=True):
            used.copy(target, pointer(source))
        self.event.record(used.handle)


def _close(device: int, event: driver.Event, graphs: list[Any], memory: list[int]) -> None:
    from numba import cuda

    with cuda.gpus[device]:
        event.synchronize()
        for graph in graphs:
            driver.destroy_graph(graph)
        for block in memory:
            driver.free_now(block)
        event.close()


class Recorder(GpuSession):
    """A session that notes what it is asked to do: ``steps``, for any stream.

    Its memory is taken by another session, and is in use for as long as the steps are.
    """

    def __init__(self, own: GpuSession, stream: int) -> None:
        super().__init__(own.options, own.number, stream)
        self.own = own
        self.steps: list[Step] = []
        self.graphs: list[Any] = []
        self.kept: list[Sequence[Any]] = []
        self.launches = 0

    def __enter__(self) -> Recorder:
        driver.begin_capture(self.handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            driver.abandon_capture(self.handle)
            for graph in self.graphs:
                driver.destroy_graph(graph)
        else:
            self._cut()

    def empty(self, size: int, dtype: np.dtype[Any]) -> Any:
        return self.own.empty(size, dtype)

    def launch(self, kernel: Any, launch: Launch, arrays: Sequence[Any]) -> None:
        self.kept.append(arrays)
        self.launches += 1
        super().launch(kernel, launch, arrays)

    def multiply(self, gemm: Gemm, shared: Any, workspace: Any) -> None:
        if self.by_cublas(gemm):
            self._cut()
            self.steps.append(Product(gemm, pointer(shared), pointer(workspace), workspace.dtype))
            driver.begin_capture(self.handle)
        else:
            self.launches += 1
            super().multiply(gemm, shared, workspace)

    def add_products(self, outer: Outer, workspace: Any, sums: Any) -> None:
        if self.by_cublas(outer):
            self._cut()
            dtype = workspace.dtype
            self.steps.append(AddedProduct(outer, pointer(workspace), pointer(sums), dtype))
            driver.begin_capture(self.handle)
        else:
            self.launches += 1
            super().add_products(outer, workspace, sums)

    def _cut(self) -> None:
        """End a graph, and go on without it if it is empty."""
        graph = driver.end_capture(self.handle)
        if self.launches:
            self.graphs.append(graph)
            self.steps.append(graph)
        else:
            driver.destroy_graph(graph)
        self.launches = 0
