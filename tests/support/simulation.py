"""Run the checks of a module in a process with other variables, as numba's simulator of CUDA needs.

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

import pytest

from processes import run


def names(module: ModuleType) -> list[str]:
    """The checks of a module, in their order."""
    return [name for name in vars(module) if name.startswith("check_")]


def outcomes(module: ModuleType, cache: Path, **variables: str) -> dict[str, str]:
    """What each check of a module raised in a process with these variables; empty if nothing."""
    code = f"import simulation; simulation.report({module.__name__!r})"
    output = run(code, cache, **variables)
    found: dict[str, str] = json.loads(output.splitlines()[-1])
    return found


def report(name: str) -> None:
    """In that process: run all checks and print what they raised."""
    module = importlib.import_module(name)
    found = {}
    for check in names(module):
        try:
            getattr(module, check)()
            found[check] = ""
        except (Exception, pytest.fail.Exception):
            found[check] = traceback.format_exc()
    json.dump(found, sys.stdout)
    print()
