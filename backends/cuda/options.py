"""What may be chosen about the CUDA backend."""

from __future__ import annotations

import operator
from dataclasses import dataclass, fields
from typing import SupportsIndex

from jetfold.graph import ArgumentError

WARP = 32
MOST_THREADS = 256
"""Threads may need 255 registers each, and there are 65536 for the threads of a block."""


@dataclass(frozen=True, repr=False)
class Cuda:
    """Options of the backend "cuda": ``jf.laplacian(u, backend=jf.Cuda(tf32=True))``.

    Parameters
    ----------
    tf32 : let matrix products of float32 run on tensor cores, which keep 10 bits of each factor's
        mantissa: faster, with relative errors about 1e-3. Needs CuPy. Products are never rounded so
        unless this is asked for.
    memory : bytes that the workspace of a call may take; None for most of what is free on the card.
        Larger batches go through in tiles.
    graphs : record the launches of a call that comes again, with as many points on the same stream,
        and replay them as CUDA graphs: small networks take less time than their launches. An
        operator keeps up to 2 GB of the GPU's memory for that; it is given back when it is needed.
    threads : of a block in elementwise kernels, a multiple of 32 up to 256.

    Raises
    ------
    ArgumentError for a value that cannot be.
    """

    tf32: bool = False
    memory: int | None = None
    graphs: bool = True
    threads: int = 256

    def __post_init__(self) -> None:
        for name in ("tf32", "graphs"):
            if not isinstance(getattr(self, name), bool):
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; it must be True or False")
        if self.memory is not None and _whole(self.memory) < 1:
            raise ArgumentError(
                f"memory is {self.memory!r}; it must be a whole number of bytes, as in 2 * 10**9, "
                "or None for most of what is free"
            )
        if _whole(self.threads) % WARP or not WARP <= self.threads <= MOST_THREADS:
            raise ArgumentError(
                f"threads is {self.threads!r}; it must be a multiple of {WARP} from {WARP} to "
                f"{MOST_THREADS}"
            )

    def __repr__(self) -> str:
        """As it was made; options that have their defaults are left out."""
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"Cuda({', '.join(given)})"


def _whole(value: object) -> int:
    """The value as an integer; -1 for what is none."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return -1
    return operator.index(value)
