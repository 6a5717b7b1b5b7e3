"""Calls of a compiled graph: where the arrays are, on which stream, in tiles of what size.

Results are where the points are: NumPy arrays for points on the host, else arrays on their GPU, of
the library that they came from. Totals are NumPy arrays always. Parameters may be on the host or on
the same GPU. Arrays on the GPU are not copied, but for those whose elements do not lie in row-major
order or have another dtype; what is on the host is copied once. Work is begun on the stream on
which the library of the points works now, and nobody waits for it but who gets numbers on the host,
or gives some there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Hashable, Iterable, Mapping, Sequence
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any, cast
from weakref import proxy

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.arrays import AnyArray, GpuArray
from jetfold.backends.cuda.device import OutOfMemory, has_cupy, require_gpu, simulated
from jetfold.backends.cuda.libraries import Library, library_for
from jetfold.backends.cuda.sessions import RESERVES, GpuSession, Session, session
from jetfold.graph import ArgumentError, BackendError

if TYPE_CHECKING:
    from jetfold.backends.cuda.capture import Recording
    from jetfold.backends.cuda.compiled import CudaGraph

FREE_SHARE = 0.8
"""How much of the memory that is free a call may take: the rest is for those beside it."""

PER_THREAD_STREAM = 2
"""The handle of a stream that each thread has for itself (CU_STREAM_PER_THREAD)."""


RECORDED_BYTES = 1 << 30
"""Calls whose workspace is larger are not recorded: launching them takes no time that counts."""

KEPT_BYTES = 1 << 31
"""Memory that the recordings of a graph may keep; the least recently used ones go first."""

MOST_RECORDINGS = 8
"""Calls of a graph that are remembered, to be recorded when they come again."""


class Calls:
    """The calls of one graph."""

    def __init__(self, graph: CudaGraph) -> None:
        # These are the graph's own calls. Without a cycle of references memory of the GPU is given
        # back at once when the graph goes, and not by the garbage collector some day.
        self.graph = cast("CudaGraph", proxy(graph))
        self.options = graph.options
        self._lock = Lock()
        self._recordings: dict[Hashable, Recording | None] = {}
        RESERVES.add(self)

    def __call__(
        self,
        points: int,
        dtype: np.dtype[Any],
        inputs: Mapping[str, AnyArray],
        parameters: Mapping[str, AnyArray],
    ) -> list[Any]:
        """The outputs (points, *shape), where the first input is, and totals; see `CudaGraph`."""
        require_gpu()
        if self.options.tf32 and not has_cupy():
            raise BackendError(
                "tf32=True needs cuBLAS, which is reached through CuPy: "
                'pip install "jetfold[cuda]", or leave tf32 out'
            )
        graph = self.graph
        arrays = [inputs[name] for name in graph.input_names]
        values = [parameters[name] for name in graph.prelude.parameters]
        on_gpu = {
            name: array
            for name, array in {**inputs, **parameters}.items()
            if isinstance(array, GpuArray)
        }
        lead = next(iter(inputs.values()), None)
        library = library_for(lead) if isinstance(lead, GpuArray) else None
        device = device_of_all(on_gpu)
        stream = PER_THREAD_STREAM
        if on_gpu:
            stream = (library or library_for(next(iter(on_gpu.values())))).stream(device)
        with session(self.options, device, stream) as used:
            used.follow(list(on_gpu.values()))
            shapes = [(points, *shape) for shape in graph.program.outputs]
            results = _Results(used, library, shapes, dtype)
            sizes = graph.output_sizes(points)
            sums = [used.empty(size, dtype) for size in sizes[len(shapes) :]]
            if points and any(sizes):
                self._run(used, points, dtype, arrays, values, [*results.flat, *sums])
            used.precede(list(on_gpu.values()))
            return [*results.given(), *self._totals(used, points, dtype, sums)]

    def _totals(
        self, used: Session, points: int, dtype: np.dtype[Any], sums: Sequence[Any]
    ) -> list[NDArray[Any]]:
        """The totals on the host, when all work is done."""
        if not points:
            return self.graph.finish.zeros(dtype)
        found: list[NDArray[Any]] = []
        for source in sums:
            values = np.empty(source.size, dtype)
            used.read(source, values)
            found += self.graph.totals(values, points)
        return found

    def _run(
        self,
        used: Session,
        points: int,
        dtype: np.dtype[Any],
        arrays: list[AnyArray],
        values: list[AnyArray],
        outputs: list[Any],
    ) -> None:
        """Replay what was recorded; else run in tiles as large as memory allows.

        They become half as large when it turns out to be too much.
        """
        samples = self._samples(used, points, dtype)
        if isinstance(used, GpuSession):
            given = [*arrays, *values]
            try:
                recording = self._recording(used, points, dtype, given, samples)
            except OutOfMemory:
                recording = None  # it would need memory of its own
            if recording is not None:
                recording.replay(used, given, outputs)
                return
        inputs = [flat(used, array, dtype) for array in arrays]
        parameters = [flat(used, value, dtype) for value in values]
        while True:
            try:
                self.graph.run(used, points, dtype, inputs, parameters, outputs, samples)
                return
            except OutOfMemory:
                smaller = self.graph.samples(points, self.graph.program.workspace * samples // 2)
                if smaller == samples:
                    raise
                samples = smaller

    def _recording(
        self,
        used: GpuSession,
        points: int,
        dtype: np.dtype[Any],
        given: Sequence[AnyArray],
        samples: int,
    ) -> Recording | None:
        """The recording of such a call: made when it comes again, if it fits one small tile.

        Every thread has its own, so that nobody else uses its memory between two steps.
        """
        large = self._bytes(samples, dtype) > RECORDED_BYTES
        if not self.options.graphs or samples < points or large:
            return None
        key = (get_ident(), used.number, used.handle, points, dtype)
        with self._lock:
            seen = key in self._recordings
            known = self._recordings.pop(key, None)
            self._recordings[key] = known  # the last one used is last
            while len(self._recordings) > MOST_RECORDINGS:
                del self._recordings[next(iter(self._recordings))]
        if known is None and seen:
            from jetfold.backends.cuda.capture import Recording

            sizes = [array.size for array in given]
            known = Recording(self.graph, used, points, dtype, sizes, samples)
            with self._lock:
                self._recordings[key] = known
                self._forget(KEPT_BYTES)
        return known

    def _forget(self, most: int) -> None:
        """Drop recordings until the others keep no more bytes than this, the last one used last."""
        kept = [(key, found.size) for key, found in self._recordings.items() if found is not None]
        total = sum(size for _, size in kept)
        for key, size in kept:
            if total <= most:
                break
            del self._recordings[key]
            total -= size

    def give_back(self) -> None:
        """Give the memory of all recordings back."""
        with self._lock:
            self._forget(0)

    def _samples(self, used: Session, points: int, dtype: np.dtype[Any]) -> int:
        """Samples of a tile that the options allow and that should fit."""
        limit = self.options.memory
        if limit is None:
            samples = self.graph.samples(points)
            if self._bytes(samples, dtype) <= RECORDED_BYTES:
                return samples  # that little need not be asked for
            free, _ = used.memory()
            limit = int(FREE_SHARE * free) if math.isfinite(free) else sys.maxsize
            return self.graph.samples(points, limit // dtype.itemsize)
        samples = self.graph.samples(points, limit // dtype.itemsize)
        least = self._bytes(samples, dtype)
        if least > limit:
            raise BackendError(
                f"memory={limit} is too little: the smallest tile, {samples} points, takes {least} "
                "bytes; allow more, or leave memory out"
            )
        return samples

    def _bytes(self, samples: int, dtype: np.dtype[Any]) -> int:
        """The size of the workspace of a tile."""
        return self.graph.program.workspace * samples * dtype.itemsize


class _Results:
    """The outputs of a call: flat arrays of the device that kernels write, and what is given."""

    def __init__(
        self,
        used: Session,
        library: Library | None,
        shapes: Iterable[tuple[int, ...]],
        dtype: np.dtype[Any],
    ) -> None:
        self.used = used
        self.shapes = list(shapes)
        self.dtype = dtype
        self.arrays: list[Any] | None = None
        if library is None:
            self.flat = [used.empty(math.prod(shape), dtype) for shape in self.shapes]
        else:
            self.arrays = [library.empty(shape, dtype, used.number) for shape in self.shapes]
            self.flat = [library.flat(array, used) for array in self.arrays]

    def given(self) -> list[Any]:
        """The arrays of the library; or those of NumPy, when all work is done."""
        if self.arrays is not None:
            return self.arrays
        values = [np.empty(shape, self.dtype) for shape in self.shapes]
        for value, source in zip(values, self.flat, strict=True):
            self.used.read(source, value.reshape(-1))
        return values


def flat(used: Session, array: AnyArray, dtype: np.dtype[Any]) -> Any:
    """An array as a flat one of the device: as it is, or a copy."""
    if isinstance(array, GpuArray) and array.contiguous and array.dtype == dtype:
        return used.view(array.pointer, array.size, dtype, array.owner)
    target = used.empty(array.size, dtype)
    used.fill(target, array)
    return target


def device_of_all(arrays: Mapping[str, GpuArray]) -> int:
    """The number of the GPU on which all arrays are; the current one, if there are none."""
    if not arrays:
        from numba import cuda

        return 0 if simulated() else int(cuda.get_current_device().id)
    (first, lead), *others = arrays.items()
    for name, array in others:
        if array.device != lead.device:
            raise ArgumentError(
                f"{first} is on GPU {lead.device}, but {name} is on GPU {array.device}: copy "
                "everything to one of them"
            )
    return lead.device
