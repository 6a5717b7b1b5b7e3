"""A function written for JAX as one that jetfold traces, through its jaxpr."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import jax
import numpy as np

from jetfold.graph import ArgumentError
from jetfold.graph.tracer import Tracer
from jetfold.jax.jaxpr import evaluate


class Imported:
    """``u(x, *params)``: a JAX function, computed by NumPy's functions; see `from_jax`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise ArgumentError(
                f"an object of type {type(function).__name__} cannot be called; pass the function "
                "f(x, params) itself, not its value"
            )
        update_wrapper(self, function)
        self.function = function
        self._known: dict[Any, Any] = {}
        self._making = threading.Lock()

    def __call__(self, x: Any, /, *params: Any) -> Any:
        leaves, structure = jax.tree.flatten((x, *params))
        values = [leaf if isinstance(leaf, Tracer) else _read(leaf) for leaf in leaves]
        with jax.enable_x64(True):
            jaxpr, outputs = self._jaxpr(structure, values)
            arrays = [value for value in values if _is_array(value)]
            results = evaluate(jaxpr, arrays)
        if not any(isinstance(value, Tracer) for value in arrays):
            results = [_in_precision_of(arrays, result) for result in results]
        return jax.tree.unflatten(outputs, results)

    def _jaxpr(self, structure: Any, values: list[Any]) -> tuple[Any, Any]:
        """The jaxpr for arguments of this structure and shapes, and the results' structure."""
        stands_for = [_abstract(value) if _is_array(value) else value for value in values]
        shapes = [
            (s.shape, s.dtype) if _is_array(v) else (type(v), v)
            for v, s in zip(values, stands_for, strict=True)
        ]
        key = (structure, tuple(shapes))
        with self._making:
            if key not in self._known:
                self._known[key] = self._made(structure, stands_for)
            known: tuple[Any, Any] = self._known[key]
            return known

    def _made(self, structure: Any, stands_for: list[Any]) -> tuple[Any, Any]:
        """Arrays are arguments of the jaxpr; everything else is part of the function."""
        where = [i for i, value in enumerate(stands_for) if isinstance(value, jax.ShapeDtypeStruct)]

        def flat(*arrays: Any) -> Any:
            complete = list(stands_for)
            for i, array in zip(where, arrays, strict=True):
                complete[i] = array
            return self.function(*jax.tree.unflatten(structure, complete))

        jaxpr, shape = jax.make_jaxpr(flat, return_shape=True)(*(stands_for[i] for i in where))
        return jaxpr, jax.tree.structure(shape)

    def __reduce__(self) -> tuple[type[Imported], tuple[Callable[..., Any]]]:
        """Pickled by its function; what was made of that is made anew."""
        return Imported, (self.function,)

    def __repr__(self) -> str:
        return f"from_jax({getattr(self, '__qualname__', self.function)})"


def _is_array(value: Any) -> bool:
    return isinstance(value, (Tracer, np.ndarray, np.generic, float))


def _read(leaf: Any) -> Any:
    """An argument that is not traced: arrays as NumPy's, anything else as it is."""
    if isinstance(leaf, jax.core.Tracer):
        raise ArgumentError(
            "a function of from_jax is called on a value that JAX is tracing; inside jit, grad and "
            "vmap call the JAX function itself, or an operator made by jetfold.jax.operator"
        )
    return np.asarray(leaf) if hasattr(leaf, "__array__") else leaf


def _abstract(value: Any) -> jax.ShapeDtypeStruct:
    """What stands for a value in JAX's trace; floating ones stand for any precision."""
    dtype = np.asarray(value).dtype if not isinstance(value, Tracer) else value.dtype
    return jax.ShapeDtypeStruct(np.shape(value), np.float64 if dtype.kind == "f" else dtype)


def _in_precision_of(arrays: list[Any], result: Any) -> Any:
    """A result of plain arrays in the precision that NumPy would choose for them."""
    found = np.asarray(result)
    floating = [
        a.dtype for a in arrays if isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind == "f"
    ]
    if found.dtype.kind != "f" or not floating:
        return found
    return found.astype(np.result_type(*floating), copy=False)


def from_jax(function: Callable[..., Any]) -> Imported:
    """A function written for JAX as a plain NumPy function that jetfold can trace.

        def f(x, params):                                   # jax.numpy, x is one point
            return jnp.sum(jax.nn.gelu(x @ params["W"] + params["b"]))

        u = jetfold.jax.from_jax(f)
        jf.laplacian(u)(X, params)

    Parameters
    ----------
    function : ``f(x, *params)`` for one point, as operators of jetfold take it: x of shape (D,), or
        with more axes. ``params`` are nested dicts, lists and tuples of arrays; the result is an
        array or a tree of arrays. It may be jitted, and made of any functions whose jaxpr consists
        of primitives with a rule.

    Returns
    -------
    ``u(x, *params)``, which takes arrays of NumPy or of JAX and gives arrays of NumPy; given to an
    operator or called in a function that jetfold traces, it adds what f does to the graph. When
    first called for some shapes it makes f's jaxpr at one point; f is not called again for those.

    Precision. The jaxpr is made for 64 bits, whatever JAX is set to: numbers in f are those of its
    source, 0.1 and not float32(0.1), and the dtype that f sees is float64. What is computed in is
    the precision of points and parameters, as everywhere in jetfold; conversions between floating
    types, bfloat16 too, are left out. An array that f finds in its closure keeps its values.

    Derivatives are those of what f computes. The derivative of ``jax.lax.stop_gradient`` is 0, as
    in JAX; rules of ``jax.custom_jvp`` and ``jax.custom_vjp`` are not read.

    Raises
    ------
    TraceError, when called, for a primitive without a rule, random numbers, side effects, and for
    an index or the end of a loop that depends on the point or on parameters; it names f's line.
    JAX's own errors for what JAX cannot trace.
    """
    return Imported(function)
