"""What a report of a problem should say: versions, processor, threads, cache."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import jetfold
from jetfold.backends.cpu.cache import cache_directory
from jetfold.backends.cpu.simd import lanes
from jetfold.backends.cpu.threads import thread_count
from jetfold.backends.cuda import device
from jetfold.rules.primitives import PRIMITIVES
from jetfold.running import BACKENDS

LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "sympy", "networkx", "rich")


def report() -> str:
    """One fact per line, ``name: value``. The only path in it is that of the cache."""
    facts = {
        "jetfold": jetfold.__version__,
        "Python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
        **{name: version(name) for name in LIBRARIES},
        "processor": processor(),
        "threads": f"{thread_count()} (JETFOLD_NUM_THREADS)",
        "vectors": f"{lanes('float32')} float32 or {lanes('float64')} float64",
        "backends": ", ".join(BACKENDS),
        "primitives": str(len(PRIMITIVES)),
        "cache": _cache(cache_directory()),
        **device.facts(),
    }
    width = max(map(len, facts)) + 1
    return "\n".join(f"{name + ':':<{width}} {value}" for name, value in facts.items())


def processor() -> str:
    """The processor's model, where the system tells; else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, "") or platform.processor() or platform.machine()


def _cache(folder: Path) -> str:
    programs = len(list(folder.glob("jetfold_program_*.py")))
    size = sum(map(_size, folder.rglob("*")))
    return f"{folder} ({programs} programs, {size / 1e6:.1f} MB; JETFOLD_CACHE_DIR)"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # another process was still writing it under a temporary name
        return 0
