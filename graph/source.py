"""Where in the user's code a value comes from, for nodes and for error messages."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import TypeVar

from jetfold.graph.errors import JetfoldError
from jetfold.graph.ops import SourceLine

E = TypeVar("E", bound=JetfoldError)

_LIBRARIES = frozenset(
    {"jetfold", "numpy", "scipy", "sympy", "mpmath", "networkx", "jax", "jaxlib", "torch"}
)
_EXAMPLES = frozenset({"jetfold.demo_functions"})
"""Modules of ours with functions as a user would write them."""


_noted: ContextVar[SourceLine | None] = ContextVar("noted", default=None)


@contextmanager
def at_line(line: SourceLine | None) -> Iterator[None]:
    """What happens inside comes from this line, though another is being run.

    So it is where a program is evaluated that some other library has made of the user's code.
    """
    before = _noted.set(line)
    try:
        yield
    finally:
        _noted.reset(before)


def user_line() -> SourceLine | None:
    """The innermost line that is being run and is neither ours nor that of a library of ours."""
    noted = _noted.get()
    if noted is not None:
        return noted
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_users(frame):
            return _line(frame, frame.f_lineno)
        frame = frame.f_back
    return None


def line_of(error: BaseException) -> SourceLine | None:
    """The line of the user's code at which an error arose.

    None if it arose in our code, however that was called: it is our fault then.
    """
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        if _is_users(frame):
            return _line(frame, number)
        if _is_ours(frame):
            return None
    return None


def _is_users(frame: FrameType) -> bool:
    return _package(frame) not in _LIBRARIES


def _is_ours(frame: FrameType) -> bool:
    return _package(frame) == "jetfold"


def _package(frame: FrameType) -> str:
    """The package of the code that is run; examples of ours are none of ours."""
    module: str = frame.f_globals.get("__name__", "")
    return module if module in _EXAMPLES else module.partition(".")[0]


def _line(frame: FrameType, number: int) -> SourceLine:
    file = frame.f_code.co_filename
    return SourceLine(file, number, linecache.getline(file, number, frame.f_globals).strip())


def located(kind: type[E], what: str, do: str = "", line: SourceLine | None = None) -> E:
    """An error that says what is wrong, on which line of the user's code, and what to do."""
    return kind("\n".join(str(part) for part in (what, line or user_line(), do) if part))
