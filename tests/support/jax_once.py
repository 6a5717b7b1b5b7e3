"""Functions of JAX that are called once: little is worth optimizing in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

OPTIONS = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""They save nearly half of the time that XLA takes to compile."""


def evaluate(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, compiled as fast as JAX compiles."""
    import jax

    return jax.jit(function).lower(*arguments).compile(compiler_options=OPTIONS)(*arguments)


def nested_jet(function: Callable[[Any], Any], x0: Any, higher: Sequence[Any]) -> list[Any]:
    """Value and derivatives of ``function`` along a path, by forward mode of forward mode.

    The point x0 and the derivatives of the path, ``higher``, are batches.
    """
    import jax

    def along(t: Any, *path: Any) -> Any:
        return function(sum(c * t**k / math.factorial(k) for k, c in enumerate(path)))

    nested: list[Callable[..., Any]] = [along]
    for _ in higher:
        nested.append(jax.jacfwd(nested[-1]))
    every = jax.vmap(lambda *path: [f(*path) for f in nested], (None, *[0] * (len(higher) + 1)))
    return list(evaluate(every, 0.0, x0, *higher))
