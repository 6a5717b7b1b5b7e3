"""Generated sources as modules whose kernels can be launched."""

from __future__ import annotations

import hashlib
import linecache
from functools import lru_cache
from types import ModuleType

from jetfold.backends.cuda.device import require_package, simulated


@lru_cache(maxsize=256)
def load_source(source: str) -> ModuleType:
    """The module with this source; its kernels are compiled when they are first launched.

    In numba's simulator `math` follows IEEE, as it does on a device (see `simulator`).
    """
    require_package()
    name = f"jetfold_cuda_{hashlib.sha256(source.encode()).hexdigest()[:24]}"
    module = ModuleType(name)
    path = f"<{name}>"
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(source, path, "exec"), module.__dict__)
    if simulated():
        from jetfold.backends.cuda.simulator import IeeeMath, share_safely

        share_safely()
        module.math = IeeeMath(module.real)  # type: ignore[attr-defined]
    return module
