"""A jaxpr evaluated with NumPy's functions, on plain arrays or on values that jetfold traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal

from jetfold.graph import TraceError
from jetfold.graph.hints import FOURIER, MATRIX, ORDER
from jetfold.graph.ops import SourceLine
from jetfold.graph.source import at_line, located
from jetfold.graph.tracer import Tracer
from jetfold.jax import arrays, control, elementwise, indexing
from jetfold.jax.equation import Equation, Rules

RULES: Rules = {**elementwise.RULES, **arrays.RULES, **indexing.RULES, **control.RULES}
"""What is made of each primitive."""

_RANDOM = "Draw random numbers outside, and hand them over as parameters or in the closure."
_EFFECT = "A traced function is called once; leave out printing, callbacks and checks."
_OTHER = "Write it with other functions of jax.numpy; docs/jax.md lists the primitives with a rule."
_HINTS = {
    "fft": FOURIER,
    **dict.fromkeys(("sort", "top_k", "approx_top_k"), ORDER),
    **dict.fromkeys(("cholesky", "eigh", "householder_product", "lu", "qr", "svd"), MATRIX),
    **dict.fromkeys(("pure_callback", "io_callback", "buffer_callback", "ffi_call"), _EFFECT),
}


def evaluate(jaxpr: Any, values: Sequence[Any], line: SourceLine | None = None) -> list[Any]:
    """The results of a jaxpr, closed or not, for these arguments; ``line`` is where it is called.

    Raises `TraceError` for what cannot be traced.
    """
    constants = getattr(jaxpr, "consts", ())
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    known = dict(zip(jaxpr.invars, values, strict=True))
    known |= zip(jaxpr.constvars, map(_constant, constants), strict=True)

    def read(atom: Any) -> Any:
        return _number(atom.val) if isinstance(atom, Literal) else known[atom]

    for eqn in _needed(jaxpr):
        results = _apply(Equation(eqn, evaluate, line), [read(atom) for atom in eqn.invars])
        known |= zip(eqn.outvars, results, strict=True)
    return [read(atom) for atom in jaxpr.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """The equations on which the results depend, and those with side effects, in order."""
    wanted = {atom for atom in jaxpr.outvars if not isinstance(atom, Literal)}
    found = []
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or wanted.intersection(eqn.outvars):
            found.append(eqn)
            wanted |= {atom for atom in eqn.invars if not isinstance(atom, Literal)}
    return found[::-1]


def _apply(equation: Equation, values: list[Any]) -> list[Any]:
    name = equation.name
    if name.startswith(("random_", "threefry", "rng_")):
        what = (
            f"random numbers (the JAX primitive {name!r}): a traced function has to be a function"
        )
        raise equation.refused(what, _RANDOM)
    if equation.eqn.effects and name not in control.RULES:
        raise equation.refused(f"a side effect (the JAX primitive {name!r})", _EFFECT)
    rule = RULES.get(name)
    if rule is None:
        if any(isinstance(value, Tracer) for value in values):
            do = _HINTS.get(name, _OTHER)
            raise equation.refused(f"the JAX primitive {name!r} cannot be traced", do)
        result = indexing.ask_jax(equation, *values)
    else:
        with at_line(equation.line):
            result = rule(equation, *values)
    return list(result) if equation.eqn.primitive.multiple_results else [result]


def _constant(value: Any) -> Any:
    """A constant of a jaxpr: an array in the function's closure, or one that it made."""
    if isinstance(value, jax.core.Tracer):
        raise located(
            TraceError,
            "the JAX function has a value in its closure that JAX is tracing (jit, grad or vmap)",
            "Hand it over as a parameter.",
        )
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        raise located(TraceError, "the JAX function has a random key in its closure", _RANDOM)
    return _number(np.asarray(value))


def _number(value: Any) -> Any:
    """Scalars as Python's numbers, which take on the precision of what they meet."""
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
