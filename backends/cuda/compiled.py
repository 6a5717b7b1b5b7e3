"""A graph compiled for a CUDA device: callable on arrays of points and parameter values."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetfold.backends.cuda.arrays import AnyArray
from jetfold.backends.cuda.calls import Calls
from jetfold.backends.cuda.emit import FLOAT64, emit
from jetfold.backends.cuda.execution import Device, Prepared
from jetfold.backends.cuda.launches import MOST_ELEMENTS, adding_up, clearing, plan
from jetfold.backends.cuda.modules import load_source
from jetfold.backends.cuda.options import Cuda
from jetfold.backends.cuda.prelude import Prelude
from jetfold.backends.cuda.sums import layout
from jetfold.backends.lower import lower
from jetfold.backends.totals import Finish
from jetfold.graph import Graph, Input, Total

ALIGNMENT = 32
"""Tiles are multiples of so many samples: the threads of a warp, and whole lines of memory."""

MOST_TILES = 16
"""Tiles of different sizes whose launches are kept."""


class CudaGraph:
    """A graph as CUDA kernels.

    Call it with the number of points, the dtype (float32 or float64), and the values of inputs,
    arrays (points, *point shape), and of parameters by name; the result is one array
    (points, *shape) for each output that no total uses, and then the totals. Arrays may be those of
    the host or views of arrays on a GPU; the results are where the points are (see `calls`), totals
    on the host. Results are the same bit for bit as often as they are computed on the same device
    in tiles of the same size.
    """

    def __init__(
        self, graph: Graph, options: Cuda | None = None, totals: Sequence[Total] = ()
    ) -> None:
        self.graph = graph
        self.options = options or Cuda()
        self.program = lower(graph, totals)
        self.sums = layout(self.program)
        self.finish = Finish(self.program)
        self.prelude = Prelude(self.program)
        ops = [graph[node].op for node in self.program.inputs]
        self.input_names = [op.name for op in ops if isinstance(op, Input)]
        self.input_rows = [math.prod(op.type.shape) for op in ops if isinstance(op, Input)]
        self.output_rows = [math.prod(shape) for shape in self.program.outputs]
        self._calls = Calls(self)
        self._preludes: dict[Hashable, tuple[Prepared, Any]] = {}
        self._tiles: dict[Hashable, Prepared] = {}

    @property
    def source(self) -> str:
        """The kernels for float64; those for float32 differ in one line."""
        return emit(self.program, FLOAT64)

    def __call__(
        self,
        points: int,
        dtype: np.dtype[Any],
        inputs: Mapping[str, AnyArray],
        parameters: Mapping[str, AnyArray],
    ) -> list[Any]:
        return self._calls(points, dtype, inputs, parameters)

    def run(
        self,
        device: Device,
        points: int,
        dtype: np.dtype[Any],
        inputs: Sequence[Any],
        parameters: Sequence[Any],
        outputs: Sequence[Any],
        samples: int,
    ) -> None:
        """Begin to fill the outputs, in tiles of so many samples; all arrays are flat.

        Parameters are in the order of ``prelude.parameters``, outputs as `output_sizes` has them.
        """
        shared = self._shared(device, dtype, parameters)
        workspace = device.empty(self.program.workspace * samples, dtype)
        sums = self._cleared(device, dtype) if self.program.totals else None
        at_points = outputs[: len(self.output_rows)]
        for first in range(0, points, samples):
            last = min(first + samples, points)
            tile = self._tile(device, dtype, samples, last - first)
            tile.run(
                device,
                [x[first * n : last * n] for x, n in zip(inputs, self.input_rows, strict=True)],
                [y[first * n : last * n] for y, n in zip(at_points, self.output_rows, strict=True)],
                workspace,
                shared,
                sums,
            )
        if sums is not None:
            arrays = {"totals": outputs[-1], "sums": sums, "sh": shared}
            kernel = load_source(emit(self.program, dtype)).add_up
            for launch in adding_up(self.program):
                device.launch(kernel, launch, [arrays[name] for name in launch.arrays])

    def output_sizes(self, points: int) -> list[int]:
        """The sizes of all outputs: those at points, then what totals are made of, if there are."""
        sums = [self.sums.results] if self.program.totals else []
        return [*(points * rows for rows in self.output_rows), *sums]

    def totals(self, results: NDArray[Any], points: int) -> list[NDArray[Any]]:
        """The totals, from the last one of the outputs."""
        sums = [results[part.result : part.result + part.size] for part in self.sums.regions]
        return self.finish(sums, results[results.size - self.sums.copied :], points)

    def _cleared(self, device: Device, dtype: np.dtype[Any]) -> Any:
        """Sums over the batch that are zero."""
        sums = device.empty(self.sums.size, dtype)
        launch = clearing(self.program)
        if launch.samples:
            device.launch(load_source(emit(self.program, dtype)).clear, launch, [sums])
        return sums

    def _shared(self, device: Device, dtype: np.dtype[Any], parameters: Sequence[Any]) -> Any:
        """The shared numbers and matrices, for these parameters."""
        prelude = self.prelude
        prepared, constants = self._prepared_prelude(device, dtype)
        shared = device.empty(prelude.size, dtype)
        workspace = device.empty(prelude.program.workspace, dtype)
        prepared.run(device, parameters, [shared], workspace, constants)
        return shared

    def _prepared_prelude(self, device: Device, dtype: np.dtype[Any]) -> tuple[Prepared, Any]:
        """The prelude on a device, and its own shared numbers there."""
        key = (device.key, dtype)
        if key not in self._preludes:
            module = load_source(emit(self.prelude.program, dtype))
            table = device.upload(self.prelude.plan.table)
            constants = device.upload(self.prelude.constants(dtype))
            self._preludes[key] = Prepared(self.prelude.plan, module, table), constants
        return self._preludes[key]

    def _tile(self, device: Device, dtype: np.dtype[Any], samples: int, points: int) -> Prepared:
        """The program on a device, for a tile with so many points."""
        key = (device.key, dtype, samples, points)
        found = self._tiles.get(key)
        if found is None:
            while len(self._tiles) >= MOST_TILES:
                self._tiles.pop(next(iter(self._tiles)), None)  # another thread may be as quick
            known = plan(self.program, samples, points)
            module = load_source(emit(self.program, dtype))
            found = Prepared(known, module, device.upload(known.table))
            self._tiles[key] = found
        return found

    def samples(self, points: int, most: int = MOST_ELEMENTS) -> int:
        """Samples of a tile: a multiple of `ALIGNMENT`, all tiles about equal.

        ``most`` is how many elements the workspace may have; it has those of the least tile anyway.
        """
        each = max(1, self.program.workspace)
        samples = max(ALIGNMENT, min(most, MOST_ELEMENTS) // each // ALIGNMENT * ALIGNMENT)
        tiles = -(-points // samples)
        return -(-points // (tiles * ALIGNMENT)) * ALIGNMENT
