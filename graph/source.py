"""Where in the user's code a value comes from, for nodes and for error messages."""

from __future__ import annotations

import linecache
import sys
import traceback
from types import FrameType
from typing import TypeVar

from jetfold.graph.errors import JetfoldError
from jetfold.graph.ops import SourceLine

E = TypeVar("E", bound=JetfoldError)

_LIBRARIES = frozenset({"jetfold", "numpy", "scipy"})
_EXAMPLES = frozenset({"jetfold.demo_functions"})
"""Modules of ours with functions as a user would write them."""


def user_line() -> SourceLine | None:
    """The innermost line that is being run and is neither ours nor NumPy's nor SciPy's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_users(frame):
            return _line(frame, frame.f_lineno)
        frame = frame.f_back
    return None


def line_of(error: BaseException) -> SourceLine | None:
    """The innermost such line in the traceback of an error."""
    found = [
        (frame, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if _is_users(frame)
    ]
    return _line(*found[-1]) if found else None


def _is_users(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__", "")
    return module.partition(".")[0] not in _LIBRARIES or module in _EXAMPLES


def _line(frame: FrameType, number: int) -> SourceLine:
    file = frame.f_code.co_filename
    return SourceLine(file, number, linecache.getline(file, number, frame.f_globals).strip())


def located(kind: type[E], what: str, do: str = "", line: SourceLine | None = None) -> E:
    """An error that says what is wrong, on which line of the user's code, and what to do."""
    return kind("\n".join(str(part) for part in (what, line or user_line(), do) if part))
