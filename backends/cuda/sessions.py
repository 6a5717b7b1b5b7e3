"""A GPU for the length of one call: a stream, the memory it takes, copies in and out.

Everything is begun on one stream and done there in order; nobody waits for it but who asks for
numbers on the host, or gives some, until they are copied. Memory is taken from a pool in the order
of the stream, so that calls on different streams never share any. In numba's simulator the host
stands for the GPU.
"""

from __future__ import annotations

import ctypes
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.arrays import DEFAULT_STREAM, AnyArray, GpuArray, export
from jetfold.backends.cuda.cublas import Products
from jetfold.backends.cuda.device import OutOfMemory, has_cupy, simulated
from jetfold.backends.cuda.execution import Device, NumbaDevice
from jetfold.backends.cuda.launches import Gemm, Outer, Size
from jetfold.backends.cuda.options import Cuda

MOST_BLOCKS = 4096
"""Blocks that copy an array; its elements are shared among them."""


MOST_CALLS = 4
"""Batches times groups up to which outer products go to cuBLAS."""


class Reserve(Protocol):
    """Who keeps memory of GPUs that can be had back."""

    def give_back(self) -> None:
        """Give back what is not in use."""


RESERVES: WeakSet[Reserve] = WeakSet()
"""Who is asked for memory when none is left."""


class Session(Device, Protocol):
    """What a call needs of a GPU beside launches."""

    number: int
    handle: int

    @abstractmethod
    def view(self, pointer: int, size: int, dtype: np.dtype[Any], owner: Any = None) -> Any:
        """Memory of the device as an array; nothing is copied."""

    @abstractmethod
    def fill(self, target: Any, source: AnyArray) -> None:
        """Begin to copy the elements of an array, in row-major order."""

    @abstractmethod
    def copy(self, target: Any, source: int) -> None:
        """Begin to copy as much as an array holds from elsewhere on the device."""

    @abstractmethod
    def read(self, source: Any, values: NDArray[Any]) -> None:
        """Copy to the host, when all that was begun before is done."""

    @abstractmethod
    def follow(self, arrays: Sequence[GpuArray]) -> None:
        """Let what is begun from here on wait until the arrays are ready."""

    @abstractmethod
    def precede(self, arrays: Sequence[GpuArray]) -> None:
        """Let the streams of the arrays wait until all is done, before anything changes them."""

    @abstractmethod
    def memory(self) -> tuple[float, float]:
        """Bytes that are free, and all of them."""


@contextmanager
def session(options: Cuda, device: int, stream: int) -> Iterator[Session]:
    """Use a GPU: it is current meanwhile, and in the end all memory is given back."""
    from numba import cuda

    with cuda.gpus[device]:
        kind = SimulatedSession if simulated() else GpuSession
        used = kind(options, device, stream)
        try:
            yield used
        finally:
            used.release()


class _NumbaSession(NumbaDevice):
    """What is the same on a GPU and in the simulator."""

    number: int

    @abstractmethod
    def view(self, pointer: int, size: int, dtype: np.dtype[Any], owner: Any = None) -> Any: ...

    @abstractmethod
    def copy(self, target: Any, source: int) -> None: ...

    @abstractmethod
    def _write(self, target: Any, values: NDArray[Any]) -> None:
        """Begin to copy from the host."""

    @abstractmethod
    def release(self) -> None:
        """Give all memory back that was taken."""

    def fill(self, target: Any, source: AnyArray) -> None:
        if not source.size:
            return
        if not isinstance(source, GpuArray):
            self._write(target, np.ascontiguousarray(source, target.dtype).reshape(-1))
        elif source.contiguous and source.dtype == target.dtype:
            self.copy(target, source.pointer)
        else:
            self._pack(target, source)

    def _pack(self, target: Any, source: GpuArray) -> None:
        from jetfold.backends.cuda.packing import layout_integers, pack

        integers, start, elements = layout_integers(source)
        block = self.view(start, elements, source.dtype, source.owner)
        threads = self.options.threads
        blocks = min(MOST_BLOCKS, -(-source.size // threads))
        self.configured(pack, (blocks, 1, 1), (threads, 1, 1))(target, block, integers)


class GpuSession(_NumbaSession):
    """A stream of a GPU, given by its handle."""

    def __init__(self, options: Cuda, number: int, handle: int) -> None:
        from numba import cuda

        from jetfold.backends.cuda import driver

        super().__init__(options, cuda.external_stream(handle) if handle else 0)
        self.driver = driver
        self.number = number
        self.handle = handle
        self.cublas = has_cupy()
        self.taken: list[int] = []
        self.size = 0
        self.given: list[NDArray[Any]] = []
        self.copied: Any = None

    def empty(self, size: int, dtype: np.dtype[Any]) -> Any:
        count = max(1, size * np.dtype(dtype).itemsize)
        try:
            pointer = self.driver.allocate(count, self.number, self.handle)
        except OutOfMemory:
            for reserve in list(RESERVES):
                reserve.give_back()
            self.driver.give_back(self.number)
            try:
                pointer = self.driver.allocate(count, self.number, self.handle)
            except OutOfMemory as error:
                raise shortage(self, count) from error
        self.taken.append(pointer)
        self.size += count
        return self.view(pointer, size, dtype)

    def upload(self, array: NDArray[Any]) -> Any:
        place = super().upload(array)
        # The driver may still be at it when it returns, and not every stream waits for that.
        self.driver.synchronize(DEFAULT_STREAM)
        return place

    def release(self) -> None:
        while self.taken:
            self.driver.free(self.taken.pop(), self.handle)
        if self.copied is not None:  # the host may change what it gave as soon as a call is over
            self.copied.synchronize()
            self.copied.close()
            self.copied = None
            self.given.clear()

    def view(self, pointer: int, size: int, dtype: np.dtype[Any], owner: Any = None) -> Any:
        interface = {
            "shape": (size,),
            "strides": None,
            "typestr": np.dtype(dtype).str,
            "data": (pointer, False),
            "version": 3,
        }
        return self.cuda.from_cuda_array_interface(interface, owner=owner, sync=False)

    def _write(self, target: Any, values: NDArray[Any]) -> None:
        self.driver.upload(pointer(target), values.ctypes.data, values.nbytes, self.handle)
        if self.copied is None:
            self.copied = self.driver.Event()
        self.copied.record(self.handle)
        self.given.append(values)

    def read(self, source: Any, values: NDArray[Any]) -> None:
        if values.size:
            self.driver.download(values.ctypes.data, pointer(source), values.nbytes, self.handle)
            self.driver.synchronize(self.handle)

    def copy(self, target: Any, source: int) -> None:
        if target.size:
            size = target.size * target.dtype.itemsize
            self.driver.copy(pointer(target), source, size, self.handle)

    def by_cublas(self, step: Gemm | Outer) -> bool:
        """Whether products go to cuBLAS: where there is CuPy, and rows do not overlap.

        It takes a call for each batch and group of outer products: a kernel does many at once.
        """
        few = isinstance(step, Gemm) or step.batches * step.groups <= MOST_CALLS
        return self.cublas and step.regular and few

    def multiply(self, gemm: Gemm, shared: Any, workspace: Any) -> None:
        if self.by_cublas(gemm):
            with self.products() as products:
                products.multiply(gemm, pointer(shared), pointer(workspace), workspace.dtype)
        else:
            super().multiply(gemm, shared, workspace)

    def add_products(self, outer: Outer, workspace: Any, sums: Any) -> None:
        if self.by_cublas(outer):
            with self.products() as products:
                products.add(outer, pointer(workspace), pointer(sums), workspace.dtype)
        else:
            super().add_products(outer, workspace, sums)

    def products(self) -> Products:
        """cuBLAS on our stream, to be entered."""
        return Products(self.handle, self.options.tf32)

    def configured(self, kernel: Any, grid: Size, block: Size) -> Any:
        from numba.cuda.core import config

        # A small grid is no mistake here, and numba warns of it when a launch is configured.
        with _configuring:
            before = config.CUDA_LOW_OCCUPANCY_WARNINGS
            config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
            try:
                return super().configured(kernel, grid, block)
            finally:
                config.CUDA_LOW_OCCUPANCY_WARNINGS = before

    def follow(self, arrays: Sequence[GpuArray]) -> None:
        for array in arrays:
            if array.exported:
                export(array.owner, self.handle)
        for stream in self._others(arrays):
            self.driver.order(stream, self.handle)

    def precede(self, arrays: Sequence[GpuArray]) -> None:
        for stream in self._others(arrays):
            self.driver.order(self.handle, stream)
        if any(array.exported for array in arrays):
            self.driver.synchronize(self.handle)  # DLPack cannot tell an owner to wait for us

    def _others(self, arrays: Sequence[GpuArray]) -> set[int]:
        return {array.stream for array in arrays if array.stream is not None} - {self.handle}

    def memory(self) -> tuple[float, float]:
        return self.driver.memory()


_configuring = Lock()


def shortage(used: Session, count: int) -> OutOfMemory:
    """What to say when so many bytes cannot be had."""
    free, total = used.memory()
    return OutOfMemory(
        f"GPU {used.number} has too little memory: {count} bytes are needed at least, and "
        f"{free:.0f} of {total:.0f} are free; free arrays that are not needed, or end other "
        "programs on this GPU (nvidia-smi lists them)"
    )


def pointer(array: Any) -> int:
    """Where an array of numba's begins."""
    return int(array.device_ctypes_pointer.value or 0)


class SimulatedSession(_NumbaSession):
    """numba's simulator: kernels run in Python, and memory is that of the host."""

    def __init__(self, options: Cuda, number: int, handle: int) -> None:
        super().__init__(options)
        self.number = number
        self.handle = handle

    def release(self) -> None:
        pass

    def view(self, pointer: int, size: int, dtype: np.dtype[Any], owner: Any = None) -> Any:
        from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

        if not size:
            return FakeCUDAArray(np.empty(0, dtype))
        memory = (ctypes.c_byte * (size * np.dtype(dtype).itemsize)).from_address(pointer)
        return FakeCUDAArray(np.ctypeslib.as_array(memory).view(dtype))

    def _write(self, target: Any, values: NDArray[Any]) -> None:
        target.copy_to_device(values)

    def read(self, source: Any, values: NDArray[Any]) -> None:
        if values.size:
            source.copy_to_host(values)

    def copy(self, target: Any, source: int) -> None:
        if target.size:
            target.copy_to_device(self.view(source, target.size, target.dtype))

    def follow(self, arrays: Sequence[GpuArray]) -> None:
        for array in arrays:
            if array.exported:
                export(array.owner, self.handle)

    def precede(self, arrays: Sequence[GpuArray]) -> None:
        pass

    def memory(self) -> tuple[float, float]:
        free, total = self.cuda.current_context().get_memory_info()
        return free, total
