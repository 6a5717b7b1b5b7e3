"""Functions of JAX that are called once: little is worth optimizing in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OPTIONS = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""They save nearly half of the time that XLA takes to compile."""


def evaluate(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, compiled as fast as JAX compiles."""
    import jax

    return jax.jit(function).lower(*arguments).compile(compiler_options=OPTIONS)(*arguments)
