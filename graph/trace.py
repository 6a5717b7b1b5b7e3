"""From a function in plain NumPy to a graph: the function is called once, with tracers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jetfold.graph.errors import TraceError
from jetfold.graph.graph import Editor, Graph
from jetfold.graph.ops import LEAVES, SourceLine
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, lift, wrap
from jetfold.graph.tree import Structure, flatten, unflatten

__all__ = ["Traced", "Tracer", "lift", "trace", "wrap"]


@dataclass(frozen=True, slots=True)
class Traced:
    """What a function does, and the tree in which it returned the graph's outputs."""

    graph: Graph
    outputs: Structure


def trace(
    function: Callable[..., Any], arguments: tuple[Any, ...], editor: Editor | None = None
) -> Traced:
    """Call a function with traced values and return what it did as a graph.

    Each argument is a tree (see `jetfold.graph.tree`). Its leaves `Input`, `Parameter` and
    `Constant` become nodes; all other leaves are handed to the function as they are. Whatever the
    function returns, a tree of traced values, arrays and numbers, becomes the graph's outputs.
    The nodes are added to ``editor`` where one is given.

    Raises `TraceError` or `ShapeError`, with the user's line, for what cannot be recorded.
    """
    editor = Editor() if editor is None else editor
    leaves, structure = flatten(arguments)
    values = [wrap(editor, editor.add(x)) if isinstance(x, LEAVES) else x for x in leaves]
    try:
        results, outputs = flatten(function(*unflatten(structure, values)))
    except (TypeError, ValueError) as error:
        if isinstance(error.__cause__, TraceError):  # NumPy hides it: array[0] = traced value
            raise error.__cause__ from None
        raise
    if not results:
        raise _no_array(
            function, f"returns {outputs}, which holds no array", "Is a return missing?"
        )
    nodes = [_output(function, editor, result) for result in results]
    return Traced(editor.freeze(nodes), outputs)


def _output(function: Callable[..., Any], editor: Editor, result: Any) -> int:
    if isinstance(result, Tracer):
        return lift(editor, result)
    what = f"{result!r} ({type(result).__name__})"
    if isinstance(result, (np.ndarray, np.generic, int, float, complex)):
        dtype = np.asarray(result).dtype
        if dtype.kind in "buif":
            return lift(editor, result)
        what = f"values of dtype {dtype}"
    do = "Return arrays of real numbers, or trees of arrays."
    raise _no_array(function, f"returns {what}", do)


def _no_array(function: Callable[..., Any], what: str, do: str) -> TraceError:
    name = getattr(function, "__qualname__", repr(function))
    code = getattr(inspect.unwrap(function), "__code__", None)
    line = SourceLine(code.co_filename, code.co_firstlineno, f"def {name}") if code else None
    return located(TraceError, f"the traced function {name} {what}", do, line)
