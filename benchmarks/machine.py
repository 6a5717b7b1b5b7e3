"""The machine and the libraries, as far as a reader needs them to compare numbers."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_LIBRARIES = ("jetfold", "numpy", "numba", "llvmlite", "jax", "jaxlib", "folx", "torch")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "XLA_FLAGS",
)


def describe() -> dict[str, Any]:
    """Processor, cores, load before the run, versions; no host name and no path."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": _cpuinfo().get("model name", platform.processor() or platform.machine()),
        "vectors": vector_extension(),
        "cores": _cores(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
        "thread_variables": {
            name: os.environ[name] for name in _THREAD_VARIABLES if name in os.environ
        },
    }


def one_line(described: Mapping[str, Any]) -> str:
    """Processor, cores, load; says so where others were using the machine."""
    text = "{processor} ({vectors}), {cores} cores, load before {load_before}".format(**described)
    busy = described["load_before"] > 0.25 * described["cores"]
    return text + (": the machine was in use, trust the least times only" if busy else "")


def vector_extension() -> str | None:
    """The widest vectors of an x86 processor, where the system tells."""
    flags = _cpuinfo().get("flags", "").split()
    return next((name for name in ("avx512f", "avx2") if name in flags), None)


def _cpuinfo() -> dict[str, str]:
    """The fields of the last processor in /proc/cpuinfo; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
