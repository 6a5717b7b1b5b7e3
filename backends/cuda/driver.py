"""The calls of the CUDA driver that are made here and not by numba: memory, streams, events.

Handles and pointers are integers. Every call acts on the device that is current in this thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from cuda.bindings import driver

from jetfold.backends.cuda.device import OutOfMemory
from jetfold.graph import BackendError

KEPT_BYTES = 1 << 30
"""Memory that stays with our pool when it is not in use, so that the next call has it at once."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a call of the driver. Raises `BackendError` with the driver's own words."""
    code, *results = function(*arguments)
    if code != SUCCESS:
        _, words = driver.cuGetErrorString(code)
        message = f"{function.__name__} failed: {words.decode()} ({code.name})"
        if code == driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
            raise OutOfMemory(message)
        raise BackendError(message)
    return results[0] if len(results) == 1 else tuple(results)


SUCCESS = driver.CUresult.CUDA_SUCCESS


# Memory -------------------------------------------------------------------------------------------


def device_of(pointer: int) -> int:
    """The number of the device whose memory a pointer is to."""
    attribute = driver.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    return int(call(driver.cuPointerGetAttribute, attribute, pointer))


def memory() -> tuple[int, int]:
    """Bytes of the device that are free, and all of them."""
    free, total = call(driver.cuMemGetInfo)
    return int(free), int(total)


@cache
def _pool(device: int) -> Any:
    """A pool of memory, of which each stream gets some in order with its work."""
    wanted = driver.CUmemPoolProps()
    wanted.allocType = driver.CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED
    wanted.location.type = driver.CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE
    wanted.location.id = device
    pool = call(driver.cuMemPoolCreate, wanted)
    kept = driver.CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
    call(driver.cuMemPoolSetAttribute, pool, kept, driver.cuuint64_t(KEPT_BYTES))
    return pool


def allocate(size: int, device: int, stream: int) -> int:
    """Memory that work on the stream may use from here on. Raises `OutOfMemory`."""
    return int(call(driver.cuMemAllocFromPoolAsync, size, _pool(device), stream))


def free(pointer: int, stream: int) -> None:
    """Give memory back when the work on the stream is done that was begun before."""
    call(driver.cuMemFreeAsync, pointer, stream)


def free_now(pointer: int) -> None:
    """Give back memory that no work uses any more."""
    call(driver.cuMemFree, pointer)


def give_back(device: int) -> None:
    """Give what our pool and the pools of other libraries hold unused back to the device."""
    import sys

    call(driver.cuMemPoolTrimTo, _pool(device), 0)
    if (cupy := sys.modules.get("cupy")) is not None:
        cupy.get_default_memory_pool().free_all_blocks()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def upload(target: int, source: int, size: int, stream: int) -> None:
    """Copy bytes from the host, in order with the stream."""
    call(driver.cuMemcpyHtoDAsync, target, source, size, stream)


def download(target: int, source: int, size: int, stream: int) -> None:
    """Copy bytes to the host, in order with the stream."""
    call(driver.cuMemcpyDtoHAsync, target, source, size, stream)


def copy(target: int, source: int, size: int, stream: int) -> None:
    """Copy bytes within the device, in order with the stream."""
    call(driver.cuMemcpyDtoDAsync, target, source, size, stream)


# Streams and events -------------------------------------------------------------------------------


def synchronize(stream: int) -> None:
    """Wait until everything on a stream is done."""
    call(driver.cuStreamSynchronize, stream)


def order(first: int, then: int) -> None:
    """What is begun on stream ``then`` from here on waits for all that is on ``first`` now."""
    event = Event()
    event.record(first)
    event.wait(then)
    event.close()  # the driver keeps it until the wait is over


class Event:
    """A point in the work on a stream."""

    def __init__(self) -> None:
        flags = driver.CUevent_flags.CU_EVENT_DISABLE_TIMING.value
        self._handle = call(driver.cuEventCreate, flags)

    def record(self, stream: int) -> None:
        call(driver.cuEventRecord, self._handle, stream)

    def wait(self, stream: int) -> None:
        """Let a stream wait for it."""
        call(driver.cuStreamWaitEvent, stream, self._handle, 0)

    def synchronize(self) -> None:
        """Wait for it on the host."""
        call(driver.cuEventSynchronize, self._handle)

    def close(self) -> None:
        call(driver.cuEventDestroy, self._handle)


# Graphs -------------------------------------------------------------------------------------------


@contextmanager
def private_stream() -> Iterator[int]:
    """A stream that waits for no other, to capture on."""
    stream = call(driver.cuStreamCreate, driver.CUstream_flags.CU_STREAM_NON_BLOCKING.value)
    try:
        yield int(stream)
    finally:
        call(driver.cuStreamDestroy, stream)


def begin_capture(stream: int) -> None:
    """From here on work on the stream is recorded and not done.

    The mode is relaxed: meanwhile garbage collection may free memory, which other modes forbid.
    """
    mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
    call(driver.cuStreamBeginCapture, stream, mode)


def end_capture(stream: int) -> Any:
    """What was recorded, as a graph that can be launched."""
    graph = call(driver.cuStreamEndCapture, stream)
    try:
        return call(driver.cuGraphInstantiate, graph, 0)
    finally:
        call(driver.cuGraphDestroy, graph)


def abandon_capture(stream: int) -> None:
    """End a recording that went wrong; what was recorded is lost."""
    code, graph = driver.cuStreamEndCapture(stream)
    if code == driver.CUresult.CUDA_SUCCESS:
        call(driver.cuGraphDestroy, graph)


def launch_graph(executable: Any, stream: int) -> None:
    call(driver.cuGraphLaunch, executable, stream)


def destroy_graph(executable: Any) -> None:
    call(driver.cuGraphExecDestroy, executable)
