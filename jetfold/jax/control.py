"""Primitives of JAX that call functions: inlined, unrolled, or taken for a function of NumPy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jetfold.graph.tracer import Tracer
from jetfold.jax.equation import Equation, Rule, Rules

_JAX = str(Path(jax.__file__).parent)

WHOLE: Mapping[str, Callable[..., Any]] = {
    "det": np.linalg.det,
    "hypot": np.hypot,
    "inv": np.linalg.inv,
    "logaddexp": np.logaddexp,
    "logaddexp2": np.logaddexp2,
    "relu": lambda x: np.where(x <= 0, 0.0, x),  # JAX's derivative at 0 is 0
    "remainder": np.remainder,
    "sinc": np.sinc,
    "slogdet": np.linalg.slogdet,
    "solve": np.linalg.solve,
}
"""Functions of JAX's library that are taken as a whole.

What they are made of has no rule here (an LU decomposition), or worse derivatives.
"""


def _inlined(*keys: str) -> Rule:
    """A call of the jaxpr that is called one of these among the parameters."""

    def rule(equation: Equation, *values: Any) -> Any:
        jaxpr = next(equation.params[key] for key in keys if key in equation.params)
        whole = library_function(jaxpr)
        if whole is not None and any(isinstance(value, Tracer) for value in values):
            result = whole(*values)
            return list(result) if isinstance(result, tuple) else [result]
        return equation.run(jaxpr, *values)

    return rule


def library_function(jaxpr: Any) -> Callable[..., Any] | None:
    """NumPy's function for a jaxpr of a function of JAX's library."""
    name, _, place = getattr(jaxpr, "jaxpr", jaxpr).debug_info.func_src_info.partition(" at ")
    return WHOLE.get(name) if place.startswith(_JAX) else None


def _scan(equation: Equation, *values: Any) -> Any:
    """A loop of known length, written out."""
    options = equation.params
    fixed, changing = options["num_consts"], options["num_consts"] + options["num_carry"]
    constants, carry, rows = values[:fixed], list(values[fixed:changing]), values[changing:]
    steps = range(options["length"])
    results = []
    for i in reversed(steps) if options["reverse"] else steps:
        found = equation.run(options["jaxpr"], *constants, *carry, *(row[i] for row in rows))
        carry = found[: len(carry)]
        results.append(found[len(carry) :])
    ordered = results[::-1] if options["reverse"] else results
    if not ordered:
        shapes = [variable.aval.shape for variable in equation.eqn.outvars[len(carry) :]]
        return [*carry, *map(np.zeros, shapes)]
    return [*carry, *(np.stack(parts) for parts in zip(*ordered, strict=True))]


def _while(equation: Equation, *values: Any) -> Any:
    """A loop whose end does not depend on traced values, written out."""
    options = equation.params
    first = options["cond_nconsts"]
    second = first + options["body_nconsts"]
    test, body, carry = values[:first], values[first:second], list(values[second:])

    def goes_on() -> bool:
        (condition,) = equation.run(options["cond_jaxpr"], *test, *carry)
        return bool(equation.known(condition, "the condition"))

    while goes_on():
        carry = equation.run(options["body_jaxpr"], *body, *carry)
    return carry


def _cond(equation: Equation, which: Any, *values: Any) -> Any:
    """The branch that is known, or a selection from the results of all."""
    branches = equation.params["branches"]
    if not isinstance(which, Tracer):
        return equation.run(branches[min(max(0, int(which)), len(branches) - 1)], *values)
    *others, chosen = (equation.run(branch, *values) for branch in branches)
    for number, results in reversed(list(enumerate(others))):
        pairs = zip(results, chosen, strict=True)
        chosen = [np.where(which <= number, one, other) for one, other in pairs]
    return chosen


def _platform(equation: Equation) -> Any:
    """Which of several implementations is for this platform: the one for all others."""
    platforms = equation.params["platforms"]
    return np.int32(platforms.index(None) if None in platforms else 0)


RULES: Rules = {
    **{
        name: _inlined("jaxpr", "call_jaxpr")
        for name in ("custom_jvp_call", "custom_vjp_call", "jit", "remat2")
    },
    "cond": _cond,
    "platform_index": _platform,
    "scan": _scan,
    "while": _while,
}
