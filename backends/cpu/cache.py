"""Generated sources on disk, loaded as modules, so that numba finds its compiled code again."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path
from types import ModuleType

import llvmlite
import numba

_loading = threading.Lock()


def _new_lock() -> None:
    global _loading  # noqa: PLW0603 (a forked child must not inherit a held lock)
    _loading = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


def cache_directory() -> Path:
    """Where generated sources are kept: ``JETFOLD_CACHE_DIR``, else the user's cache folder.

    If that cannot be written to, a folder of the user's among the temporary files.
    """
    chosen = os.environ.get("JETFOLD_CACHE_DIR")
    if chosen:
        wanted = Path(chosen)
    elif sys.platform == "darwin":
        wanted = Path.home() / "Library" / "Caches" / "jetfold"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        wanted = Path(base) / "jetfold"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        if chosen:
            raise
        fallback = Path(tempfile.gettempdir()) / f"jetfold-{os.getuid()}"
        fallback.mkdir(mode=0o700, exist_ok=True)
        return fallback


@cache
def generator_version() -> str:
    """A hash of everything a compiled worker is made from besides its own source.

    numba does not notice a change in what a cached function calls; the file's name must.
    """
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    folder = Path(__file__).parent
    for path in [folder / "kernels.py", *sorted((folder / "simd").glob("*.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_source(source: str) -> ModuleType:
    """The module with this source, from a file named after its hash.

    Threads and processes may ask for it at the same time: the file appears complete and once.
    """
    key = hashlib.sha256((generator_version() + source).encode()).hexdigest()[:24]
    name = f"jetfold_program_{key}"
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        path = _publish(cache_directory() / f"{name}.py", source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # noqa: PT018 (a path always has them)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[name] = module
        return module


def _publish(path: Path, source: str) -> Path:
    if path.exists():
        return path
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(source)
    try:
        os.link(temporary, path)  # fails if another process was first, and then its file stays
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        os.replace(temporary, path)
        return path
    os.unlink(temporary)
    return path
