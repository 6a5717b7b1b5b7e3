"""Calls of NumPy functions with tracers among their arguments: what is supported, what is not."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from jetfold.graph import composites, contractions, linalg, moves, reductions
from jetfold.graph.errors import JetfoldError, ShapeError, TraceError
from jetfold.graph.hints import hint
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, check_dtype, elementwise
from jetfold.graph.ufuncs import ON_BITS, UFUNCS

FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    **moves.FUNCTIONS,
    **reductions.FUNCTIONS,
    **contractions.FUNCTIONS,
    **linalg.FUNCTIONS,
    **composites.FUNCTIONS,
}

# Keywords about memory and casting, which a graph has none of.
_WITHOUT_MEANING = frozenset({"casting", "subok", "copy", "like", "optimize"})


def call_ufunc(ufunc: np.ufunc, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The value of a ufunc, or of one of its methods, where an argument is a tracer."""
    name = UFUNCS.get(ufunc) or ON_BITS.get(ufunc)
    if method == "__call__":
        options = _options(ufunc.__name__, options, {}, {})
        if name is not None:
            return elementwise(name, *args)
        if ufunc in contractions.UFUNCS:
            return _run(ufunc.__name__, contractions.UFUNCS[ufunc], args, options)
    elif name is not None and method in reductions.UFUNC_METHODS:
        implementation = reductions.UFUNC_METHODS[method]
        options = _options(f"{ufunc.__name__}.{method}", options, _signature(implementation)[0], {})
        return _run(f"{ufunc.__name__}.{method}", implementation, (name, *args), options)
    module = "np" if getattr(np, ufunc.__name__, None) is ufunc else "scipy.special"
    raise _unsupported(f"{module}.{ufunc.__name__}" + f".{method}" * (method != "__call__"))


def call_function(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """The value of a NumPy function where an argument is, or contains, a tracer."""
    name = function.__name__
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        raise _unsupported(f"{function.__module__.replace('numpy', 'np')}.{name}")
    theirs, many = _signature(function)
    ours, asks = _signature(implementation)
    if not many:
        options = {**dict(zip(theirs, args, strict=False)), **options}
        args = ()
        if asks:  # NumPy's function itself, which knows its own keywords
            args = (options.pop(next(iter(theirs))),)
            ours = dict.fromkeys(options.keys() - {"out", "dtype"})
    return _run(name, implementation, args, _options(name, options, ours, theirs))


def _run(
    name: str, implementation: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    try:
        return implementation(*args, **options)
    except JetfoldError:
        raise
    except (ValueError, IndexError) as error:  # NumPy's own words on axes, shapes and indices
        raise located(ShapeError, f"np.{name}: {error}") from None
    except TypeError as error:
        raise located(TraceError, f"np.{name}: {error}") from None


def _options(
    name: str, options: dict[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """The keywords that an implementation takes; what else was given must be without effect."""
    taken = {}
    for key, value in options.items():
        if value is np._NoValue:
            continue
        if key in ours:
            taken[key] = value
        elif key == "dtype":
            check_dtype(name, value)
        elif not (key in _WITHOUT_MEANING or _is_default(value, key, theirs)):
            advice = {
                "out": "A traced value cannot be written into an array: use the result itself.",
                "where": "Use np.where(mask, result, other).",
            }
            raise located(
                TraceError,
                f"np.{name} cannot be traced with {key}=...",
                advice.get(key, "Leave it out."),
            )
    return taken


def _is_default(value: Any, key: str, theirs: Mapping[str, Any]) -> bool:
    if key == "out":
        return not any(x is not None for x in (value if isinstance(value, tuple) else (value,)))
    if isinstance(value, (Tracer, np.ndarray)):
        return False
    usual = {"order": ("C", "K", "A"), "where": (True,)}
    return value is None or value is theirs.get(key) or value in usual.get(key, ())


@cache
def _signature(function: Callable[..., Any]) -> tuple[Mapping[str, Any], bool]:
    """The parameters that have names, with their defaults, and whether there are others."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return {}, True
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return {p.name: p.default for p in named}, many


def _unsupported(name: str) -> TraceError:
    supported = [*(function.__name__ for function in FUNCTIONS), *UFUNCS.values()]
    do = hint(name.rpartition(".")[2], supported)
    return located(TraceError, f"the function {name} cannot be traced", do)
