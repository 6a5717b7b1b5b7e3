"""Arrays that say that they are on a GPU, with memory of the host: what the simulator can read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Described:
    """An array that offers the CUDA array interface."""

    def __init__(self, array: NDArray[Any], device: int = 0, **entries: Any) -> None:
        self.array = array
        self.device = device
        self.entries = entries

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        known = self.array.__array_interface__
        interface = {name: known[name] for name in ("shape", "strides", "typestr", "data")}
        return interface | {"version": 3} | self.entries

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device


class Plain:
    """An array that offers the CUDA array interface and nothing else."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.__cuda_array_interface__ = Described(array).__cuda_array_interface__
        self.array = array


class Exported:
    """An array that offers DLPack, and notes on which streams it had to be ready."""

    def __init__(self, array: NDArray[Any], device: int = 0) -> None:
        self.array = array
        self.device = device
        self.streams: list[int | None] = []

    def __dlpack__(self, *, stream: int | None = None, **options: Any) -> Any:
        self.streams.append(stream)
        return self.array.__dlpack__(max_version=options.get("max_version"))

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device


def layouts(dtype: type[np.generic] = np.float64) -> dict[str, NDArray[Any]]:
    """Arrays (5, 3) of small numbers that lie in memory in different ways, by name."""
    large = np.random.default_rng(5).uniform(0, 3, size=(10, 6)).astype(dtype)
    return {
        "row by row": np.ascontiguousarray(large[:5, :3]),
        "column by column": np.asfortranarray(large[:5, :3]),
        "every other": large[::2, ::2],
        "backwards": large[:5, :3][::-1, ::-1],
        "repeated": np.broadcast_to(large[0, :3], (5, 3)),
        "crossed": large[:3, :5].T,
    }
