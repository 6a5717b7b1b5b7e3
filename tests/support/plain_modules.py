"""Modules to take away as plain Python: what is compiled otherwise is run step by step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch


def _undecorated(*functions: Any, **_: Any) -> Any:
    return functions[0] if functions else _undecorated


NUMBA = SimpleNamespace(njit=_undecorated, config=SimpleNamespace(NUMBA_NUM_THREADS=2))


def plain_module(source: str) -> ModuleType:
    """The module with this source for the CPU, without numba."""
    module = ModuleType("plain")
    with patch.dict(sys.modules, numba=NUMBA):
        exec(compile(source, "<plain>", "exec"), module.__dict__)
    return module


def refuses(source: str) -> bool:
    """Whether the module's own check fails."""
    check: Callable[[], None] = plain_module(source).check
    try:
        check()
    except SystemExit as error:
        return bool(error.code)
    return False
