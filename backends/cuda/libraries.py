"""The libraries that arrays on a GPU come from, and that results are given back in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from jetfold.backends.cuda.arrays import DEFAULT_STREAM, GpuArray, view
from jetfold.backends.cuda.device import has_cupy
from jetfold.backends.cuda.sessions import Session
from jetfold.graph.ops import Shape


class Library(ABC):
    """A library with arrays on GPUs, and a stream on which it works now."""

    @abstractmethod
    def stream(self, device: int) -> int:
        """The handle of the stream on which the library works in this thread."""

    @abstractmethod
    def empty(self, shape: Shape, dtype: np.dtype[Any], device: int) -> Any:
        """A new array of the library on its current stream."""

    def flat(self, array: Any, session: Session) -> Any:
        """An array made by ``empty`` as one that kernels write to."""
        seen = view(array, "the result")
        return session.view(seen.pointer, seen.size, seen.dtype, array)


class CupyArrays(Library):
    def stream(self, device: int) -> int:
        import cupy

        return int(cupy.cuda.get_current_stream(device).ptr)

    def empty(self, shape: Shape, dtype: np.dtype[Any], device: int) -> Any:
        import cupy

        with cupy.cuda.Device(device):
            return cupy.empty(shape, dtype)


class TorchArrays(Library):
    def stream(self, device: int) -> int:
        import torch

        return int(torch.cuda.current_stream(device).cuda_stream)

    def empty(self, shape: Shape, dtype: np.dtype[Any], device: int) -> Any:
        import torch

        return torch.empty(shape, dtype=getattr(torch, dtype.name), device=f"cuda:{device}")


class NumbaArrays(Library):
    """numba works on the default stream, but for what it is told."""

    def stream(self, device: int) -> int:
        return DEFAULT_STREAM

    def empty(self, shape: Shape, dtype: np.dtype[Any], device: int) -> Any:
        from numba import cuda

        return cuda.device_array(shape, dtype)

    def flat(self, array: Any, session: Session) -> Any:
        return array.reshape(array.size)


def library_for(array: GpuArray) -> Library:
    """The library in which results go back to the owner of an array: its own, else CuPy's."""
    match array.library:
        case "torch":
            return TorchArrays()
        case "cupy":
            return CupyArrays()
        case "numba":
            return NumbaArrays()
        case _:
            return CupyArrays() if has_cupy() else NumbaArrays()
