"""Sums and other reductions of PyTorch over axes of a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule, applied, div, sub
from jetfold.torch.values import Value, axes, place


def reduced(
    name: str, function: Callable[..., Any], input: Value, dim: Any, keepdim: bool = False
) -> Value:
    """A reduction of NumPy over dims of PyTorch."""
    over = axes(input, dim, name)
    array = function(input.array, axis=over, keepdims=keepdim)
    batch = input.batch
    if batch is not None and not keepdim:
        batch -= sum(a < batch for a in over)
    return Value(array, batch)


def _reduction(name: str, function: Callable[..., Any]) -> Rule:
    def rule(input: Any, dim: Any = None, keepdim: bool = False) -> Value:
        return reduced(name, function, input, dim, keepdim)

    return rule


class Extremum(NamedTuple):
    """What max and min along a dim return."""

    values: Value
    indices: Any


class _NoIndices:
    """In place of positions of extrema, which cannot be differentiated."""

    def __repr__(self) -> str:
        return "positions of an extremum"


def _extremum(name: str, function: Callable[..., Any], pairwise: Callable[..., Any]) -> Rule:
    def rule(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Value):  # torch.max(a, b)
            return applied(name, pairwise, input, dim)
        values = reduced(name, function, input, dim, keepdim)
        return values if dim is None else Extremum(values, _NoIndices())

    return rule


def values(input: Any) -> Value:
    """What ``torch.max(x, dim).values`` names."""
    if not isinstance(input, Extremum):
        raise located(TraceError, "the attribute .values of a tensor")
    return input.values


def _spread(name: str, function: Callable[..., Any]) -> Rule:
    """Variances, by default with the divisor n - 1."""

    def rule(
        input: Any,
        dim: Any = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Value:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = float(unbiased) if correction is None else correction

        def spread(array: Any, **options: Any) -> Any:
            return function(array, ddof=ddof, **options)

        return reduced(name, spread, input, dim, keepdim)

    return rule


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Value:
    return reduced("logsumexp", np.logaddexp.reduce, input, dim, keepdim)


def log_softmax(input: Any, dim: int | None = None) -> Value:
    if dim is None:
        raise located(TraceError, "softmax without dim", "Say dim=-1.")
    return sub(input, logsumexp(input, dim, keepdim=True))


def softmax(input: Any, dim: int | None = None) -> Value:
    return applied("softmax", np.exp, log_softmax(input, dim))


def softmin(input: Any, dim: int | None = None) -> Value:
    return softmax(applied("softmin", np.negative, input), dim)


def _scan(name: str, function: Callable[..., Any]) -> Rule:
    def rule(input: Any, dim: int) -> Value:
        (over,) = axes(input, dim, name)
        return Value(function(input.array, axis=over), input.batch)

    return rule


def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Value:
    """The p-norm of the elements over one dim, several, or all of them."""
    order = 2 if p in (None, "fro") else p
    if isinstance(order, str):
        raise located(TraceError, f"norm with p={p!r}", "Norms of vectors can be imported.")

    def vector_norm(array: Any, **options: Any) -> Any:
        return np.linalg.vector_norm(array, ord=order, **options)

    return reduced("norm", vector_norm, input, dim, keepdim)


def vector_norm(input: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Value:
    return norm(input, ord, dim, keepdim)


def linalg_norm(input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Value:
    axes_used = input.ndim if dim is None else np.size(dim)
    if ord not in (None, 2, "fro") or (ord == 2 and axes_used != 1):
        raise located(
            TraceError,
            f"torch.linalg.norm with ord={ord!r} over {axes_used} axes",
            "torch.linalg.vector_norm has vector norms of any order.",
        )
    return norm(input, 2, dim, keepdim)


def normalize(input: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Value:
    size = norm(input, p, dim, keepdim=True)
    return div(input, applied("normalize", np.maximum, size, eps))


def trace(input: Any) -> Value:
    first, second = axes(input, (-2, -1), "trace")
    return Value(np.trace(input.array, axis1=first, axis2=second), input.batch)


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    first, second = axes(input, (dim1, dim2), "diagonal")
    batch = input.batch
    if batch is not None:
        batch -= sum(place(dim, input.ndim) < batch for dim in (dim1, dim2))
    return Value(np.diagonal(input.array, offset, first, second), batch)


FUNCTIONS: Mapping[str, Rule] = {
    "all": _reduction("all", np.all),
    "amax": _reduction("amax", np.max),
    "amin": _reduction("amin", np.min),
    "any": _reduction("any", np.any),
    "cumprod": _scan("cumprod", np.cumprod),
    "cumsum": _scan("cumsum", np.cumsum),
    "diagonal": diagonal,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "max": _extremum("max", np.max, np.maximum),
    "mean": _reduction("mean", np.mean),
    "min": _extremum("min", np.min, np.minimum),
    "norm": norm,
    "prod": _reduction("prod", np.prod),
    "softmax": softmax,
    "std": _spread("std", np.std),
    "sum": _reduction("sum", np.sum),
    "trace": trace,
    "var": _spread("var", np.var),
}
"""Functions of `torch`, and methods of tensors."""

FUNCTIONAL: Mapping[str, Rule] = {
    "log_softmax": log_softmax,
    "normalize": normalize,
    "softmax": softmax,
    "softmin": softmin,
}
"""Functions of `torch.nn.functional`."""

LINALG: Mapping[str, Rule] = {"norm": linalg_norm, "vector_norm": vector_norm}
"""Functions of `torch.linalg`."""
