"""Run the checks of a module in numba's CUDA simulator, which is switched on for a whole process.

A check is a function ``check_..`` without arguments of a module in tests/support. All of a module
run in one process, and each is a test of its own that tells what was raised.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from pathlib import Path
from types import ModuleType

from processes import run


def names(module: ModuleType) -> list[str]:
    """The checks of a module, in their order."""
    return [name for name in vars(module) if name.startswith("check_")]


def outcomes(module: ModuleType, cache: Path) -> dict[str, str]:
    """What each check of a module raised in the simulator; nothing, if it is empty."""
    code = f"import simulation; simulation.report({module.__name__!r})"
    output = run(code, cache, NUMBA_ENABLE_CUDASIM="1")
    found: dict[str, str] = json.loads(output.splitlines()[-1])
    return found


def report(name: str) -> None:
    """In the simulator's process: run all checks and print what they raised."""
    module = importlib.import_module(name)
    found = {}
    for check in names(module):
        try:
            getattr(module, check)()
            found[check] = ""
        except Exception:
            found[check] = traceback.format_exc()
    json.dump(found, sys.stdout)
    print()
