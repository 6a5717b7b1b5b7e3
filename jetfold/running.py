"""What runs a graph: the backends, by name or with options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jetfold.arrays import Backend
from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.cuda.compiled import CudaGraph
from jetfold.backends.cuda.options import Cuda
from jetfold.backends.reference import ReferenceGraph
from jetfold.checks import choose
from jetfold.graph import ArgumentError, Graph, Total

Run = Callable[[int, np.dtype[Any], Mapping[str, Any], Mapping[str, Any]], list[Any]]
"""Takes the number of points, the dtype, and arrays of points and parameters by name.

The arrays are such as `jetfold.arrays.as_operand` gives for the backend.
"""

BACKENDS = ("cpu", "cuda", "reference")


def choose_backend(value: object) -> Backend:
    """A backend's name, or options of the backend "cuda". Raises `ArgumentError`."""
    if isinstance(value, Cuda):
        return value
    return choose(value, BACKENDS, "backend", {"gpu": "cuda"})


def compiled(backend: Backend, graph: Graph, totals: Sequence[Total] = ()) -> Run:
    """What runs a graph on a backend: the outputs that no total uses, and then the totals."""
    match backend:
        case "cpu":
            return CompiledGraph(graph, totals)
        case "reference":
            return ReferenceGraph(graph, totals=totals)
        case _:
            return CudaGraph(graph, backend if isinstance(backend, Cuda) else Cuda(), totals)


def source(backend: Backend, graph: Graph, totals: Sequence[Total] = ()) -> str:
    """The code that a backend generates for a graph; nothing is compiled.

    Raises `ArgumentError` for the backend "reference", which generates none.
    """
    match backend:
        case "cpu":
            return CompiledGraph(graph, totals).source
        case "reference":
            raise ArgumentError('the backend "reference" interprets the graph; it has no source')
        case _:
            return CudaGraph(graph, totals=totals).source
