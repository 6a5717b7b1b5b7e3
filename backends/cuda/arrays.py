"""Arrays on GPUs that belong to other libraries, as views without a copy.

CuPy, PyTorch, JAX, numba and others offer their memory by two protocols: the CUDA array interface
(https://nvidia.github.io/numba-cuda/user/cuda_array_interface.html), in which a stream is named
on which the data will be ready, and DLPack (https://dmlc.github.io/dlpack/latest), in which the
owner is told the stream on which it must be. A `GpuArray` holds what both say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.device import simulated
from jetfold.graph import ArgumentError
from jetfold.graph.ops import Shape

DLPACK_CUDA = (2, 13)
"""DLPack's numbers of the memory of CUDA devices, and of memory that they share with the host."""

DEFAULT_STREAM = 0
"""The default stream, for all threads. The array interface, where 0 is not allowed, calls it 1."""

LIBRARIES: Mapping[str, str] = {"cupy": "CuPy", "torch": "PyTorch", "jax": "JAX", "numba": "numba"}

TO_HOST: Mapping[str, str] = {
    "cupy": "{}.get()",
    "torch": "{}.cpu().numpy()",
    "jax": "numpy.asarray({})",
    "numba": "{}.copy_to_host()",
}


class Layout(NamedTuple):
    """Where the elements of an array lie: a stride in bytes for each axis."""

    shape: Shape
    strides: tuple[int, ...]

    def contiguous(self, itemsize: int) -> bool:
        """Whether the elements lie one after the other in row-major order."""
        for size, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and stride != itemsize:
                return False
            itemsize *= size
        return True


@dataclass(slots=True)
class GpuArray:
    """A view of an array on a GPU, which its owner keeps; never changed.

    ``pointer`` is where its first element lies, ``layout`` how it lies in memory; ``shape`` is how
    it is read, in row-major order. It is on GPU number ``device``. Its data is ready on ``stream``,
    or at once if that is None; or, where ``exported`` is true, once its owner has exported it to
    the stream that reads it.
    """

    owner: Any
    library: str
    pointer: int
    shape: Shape
    layout: Layout
    dtype: np.dtype[Any]
    device: int
    stream: int | None = None
    exported: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie one after the other."""
        return self.size == 0 or self.layout.contiguous(self.dtype.itemsize)

    def reshape(self, shape: Shape) -> GpuArray:
        """The same elements in row-major order, read as another shape; nothing is copied."""
        assert math.prod(shape) == self.size
        return replace(self, shape=tuple(shape))

    def broadcast_to(self, shape: Shape) -> GpuArray:
        """Repeated along new axes and along those of length 1, as NumPy does; nothing is copied."""
        assert self.shape == self.layout.shape, "broadcast before it is reshaped"
        fill = len(shape) - self.ndim
        strides = [0] * fill + [
            0 if size == 1 else stride
            for size, stride in zip(self.shape, self.layout.strides, strict=True)
        ]
        return replace(self, shape=tuple(shape), layout=Layout(tuple(shape), tuple(strides)))


AnyArray = NDArray[Any] | GpuArray
"""An array on the host, or a view of one on a GPU."""


def on_gpu(value: object) -> bool:
    """Whether a value is an array on a CUDA device, of whatever library; nothing is imported."""
    if isinstance(value, (np.ndarray, np.generic, float, int, GpuArray)):
        return isinstance(value, GpuArray)
    device = getattr(value, "__dlpack_device__", None)
    if device is not None:
        return device()[0] in DLPACK_CUDA
    return hasattr(value, "__cuda_array_interface__")


def library_of(value: object) -> str:
    """The package whose array it is: "cupy", "torch", "jax", "numba" or another."""
    if isinstance(value, GpuArray):
        return value.library
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        if package in ("jaxlib", "numba_cuda"):
            return {"jaxlib": "jax", "numba_cuda": "numba"}[package]
        if package in LIBRARIES:
            return package
    return type(value).__module__.partition(".")[0]


def described(value: object, name: str) -> tuple[str, str]:
    """What to call an array in a message, and what gives a copy on the host."""
    library = library_of(value)
    copied = TO_HOST.get(library, "a copy of {} on the host").format(name)
    kind = type(value)
    what = LIBRARIES.get(library, f"{kind.__module__}.{kind.__qualname__}")
    return f"{name} is an array of {what} on a GPU", copied


def view(value: Any, name: str) -> GpuArray:
    """A view of an array on a GPU. Raises `ArgumentError` for one that cannot be read."""
    if isinstance(value, GpuArray):
        return value
    if getattr(value, "requires_grad", False):
        raise ArgumentError(
            f"{name} is a PyTorch tensor that requires a gradient, and jetfold's results have none "
            f"for autograd: pass {name}.detach()"
        )
    library = library_of(value)
    # CuPy, PyTorch and numba say by the interface on which stream they work, or have one that can
    # be asked for; other owners are left to order their streams themselves, where they can.
    if library not in ("cupy", "torch", "numba") and hasattr(value, "__dlpack__"):
        return _by_dlpack(value, library, name)
    try:
        interface = value.__cuda_array_interface__
    except (AttributeError, RuntimeError, TypeError, KeyError, BufferError) as error:
        raise _unreadable(name, str(error)) from error
    return _by_interface(value, library, interface, name)


def _by_interface(value: Any, library: str, interface: Mapping[str, Any], name: str) -> GpuArray:
    if interface.get("mask") is not None:
        raise _unreadable(name, "it has a mask")
    try:
        dtype = np.dtype(interface["typestr"])
    except TypeError as error:
        raise _unreadable(name, str(error)) from error
    shape = tuple(map(int, interface["shape"]))
    strides = interface.get("strides")
    if strides is None:
        strides = _row_major(shape, dtype.itemsize)
    elif any(stride % dtype.itemsize for stride in strides):
        raise _unreadable(name, "its elements do not lie at multiples of their size")
    device = _device(value, interface)
    stream = interface.get("stream")
    if library == "torch":  # has no entry for it
        import torch

        stream = torch.cuda.current_stream(device).cuda_stream or 1
    if stream == 0:
        raise _unreadable(name, "it names stream 0, which the CUDA array interface does not allow")
    return GpuArray(
        owner=value,
        library=library,
        pointer=int(interface["data"][0] or 0),
        shape=shape,
        layout=Layout(shape, tuple(map(int, strides))),
        dtype=dtype,
        device=device,
        stream=DEFAULT_STREAM if stream == 1 else stream,
    )


def export(owner: Any, stream: int) -> Any:
    """What an array tells by DLPack; its owner lets the stream wait until it is ready.

    A stream of -1 is for looking only; the default stream is number 1 in DLPack.
    """
    from cuda.core.utils import StridedMemoryView

    return StridedMemoryView.from_dlpack(owner, stream_ptr=stream or 1)


def _by_dlpack(value: Any, library: str, name: str) -> GpuArray:
    try:
        seen = export(value, -1)
    except (AttributeError, RuntimeError, TypeError, ValueError, BufferError) as error:
        raise _unreadable(name, str(error)) from error
    if not isinstance(seen.dtype, np.dtype):
        raise _unreadable(name, "NumPy has no dtype like that of its elements")
    shape = tuple(map(int, seen.shape))
    steps = seen.strides
    itemsize = seen.dtype.itemsize
    return GpuArray(
        owner=value,
        library=library,
        pointer=int(seen.ptr),
        shape=shape,
        layout=Layout(
            shape,
            _row_major(shape, itemsize)
            if steps is None
            else tuple(int(step) * itemsize for step in steps),
        ),
        dtype=seen.dtype,
        device=int(value.__dlpack_device__()[1]),
        exported=True,
    )


def _device(value: Any, interface: Mapping[str, Any]) -> int:
    known = getattr(value, "__dlpack_device__", None)
    if known is not None:
        return int(known()[1])
    if simulated():
        return 0
    from jetfold.backends.cuda.driver import device_of

    return device_of(int(interface["data"][0] or 0))


def _row_major(shape: Shape, itemsize: int) -> tuple[int, ...]:
    strides = [itemsize]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * size)
    return tuple(reversed(strides))[-len(shape) :] if shape else ()


def _unreadable(name: str, why: str) -> ArgumentError:
    return ArgumentError(f"{name} is an array on a GPU that cannot be read: {why}")
