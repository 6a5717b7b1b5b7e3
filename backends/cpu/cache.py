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
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba.core import config
from numba.core.codegen import get_host_cpu_features
from numba.core.compiler_lock import global_compiler_lock

from jetfold.graph import ArgumentError

_loading = threading.Lock()


def _finish_compiling() -> None:
    """A child that is forked while another thread compiles would wait for its locks for ever."""
    _loading.acquire()
    global_compiler_lock.acquire()


def _continue_compiling() -> None:
    global_compiler_lock.release()
    _loading.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_finish_compiling,
        after_in_parent=_continue_compiling,
        after_in_child=_continue_compiling,
    )


def cache_directory() -> Path:
    """Where generated sources are kept: ``JETFOLD_CACHE_DIR``, else the user's cache folder.

    If that cannot be written to, a folder of the user's among the temporary files; an
    `ArgumentError` if it was chosen by ``JETFOLD_CACHE_DIR``.
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
    except OSError as error:
        if chosen:
            raise ArgumentError(
                f"JETFOLD_CACHE_DIR is {chosen!r}, where generated code cannot be written "
                f"({error.strerror or error}); set it to a folder of yours, or leave it unset"
            ) from error
        fallback = Path(tempfile.gettempdir()) / f"jetfold-{os.getuid()}"
        fallback.mkdir(mode=0o700, exist_ok=True)
        if fallback.stat().st_uid != os.getuid():  # they could have put code there
            raise ArgumentError(
                f"generated code cannot be written to {wanted}, and {fallback} belongs to somebody "
                "else; set JETFOLD_CACHE_DIR to a folder of yours"
            ) from error
        return fallback


@cache
def generator_version() -> str:
    """A hash of everything a compiled worker is made from besides its own source, and for what.

    numba does not notice a change in what a cached function calls; the file's name must.
    """
    name, features = config.CPU_NAME, config.CPU_FEATURES
    processor = llvmlite.binding.get_host_cpu_name() if name is None else name
    can = get_host_cpu_features() if features is None else features
    known = f"{numba.__version__} {llvmlite.__version__} {processor} {can}"
    digest = hashlib.sha256(known.encode())
    folder = Path(__file__).parent
    called = [folder / "kernels.py", *(folder / "simd").glob("*.py")]
    called += (folder.parent / "scalar").glob("*.py")
    for path in sorted(called):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_source(source: str, dtype: np.dtype[Any]) -> ModuleType:
    """The module with this source, from a file named after its hash.

    Threads and processes may ask for it at the same time: the file appears complete and once. Each
    dtype has its own file, and each kind of processor: two processes that add different code to
    one index of numba's at the same time could each be given the other's.
    """
    text = generator_version() + dtype.name + source
    key = hashlib.sha256(text.encode()).hexdigest()[:24]
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
