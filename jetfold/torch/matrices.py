"""Functions of square matrices, which are the last two axes of a tensor: determinants, inverses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule
from jetfold.torch.moves import squeeze, unsqueeze
from jetfold.torch.values import Value, aligned, axes


class LogDeterminant(NamedTuple):
    """What slogdet gives."""

    sign: Value
    logabsdet: Value


def slogdet(A: Any) -> LogDeterminant:
    axes(A, (-2, -1), "slogdet")
    sign, logabsdet = np.linalg.slogdet(A.array)
    return LogDeterminant(Value(sign, A.batch), Value(logabsdet, A.batch))


def det(A: Any) -> Value:
    axes(A, (-2, -1), "det")
    return Value(np.linalg.det(A.array), A.batch)


def inv(A: Any) -> Value:
    axes(A, (-2, -1), "inv")
    return Value(np.linalg.inv(A.array), A.batch)


def solve(A: Any, B: Any) -> Value:
    if B.ndim == A.ndim - 1 or B.ndim == 1:  # a stack of vectors
        return squeeze(solve(A, unsqueeze(B, -1)), -1)
    axes(A, (-2, -1), "solve")
    axes(B, (-2, -1), "solve")
    (matrices, right), batch = aligned([A, B], "solve")
    return Value(np.linalg.solve(matrices, right), batch)


def cross(input: Any, other: Any, *, dim: int = -1) -> Value:
    (first, second), batch = aligned([input, other], "cross")
    (over,) = axes(input, dim, "cross")
    return Value(np.cross(first, second, axis=over), batch)


def sign(input: Any) -> Value:
    """The part of the result of slogdet."""
    return _part(input, "sign")


def logabsdet(input: Any) -> Value:
    """The part of the result of slogdet."""
    return _part(input, "logabsdet")


def _part(input: Any, name: str) -> Value:
    if not isinstance(input, LogDeterminant):
        raise located(TraceError, f"the attribute .{name} of a tensor")
    part: Value = getattr(input, name)
    return part


FUNCTIONS: Mapping[str, Rule] = {
    "cross": cross,
    "det": det,
    "inverse": inv,
    "slogdet": slogdet,
}
"""Functions of `torch`, and methods of tensors."""

LINALG: Mapping[str, Rule] = {
    "cross": cross,
    "det": det,
    "inv": inv,
    "slogdet": slogdet,
    "solve": solve,
}
"""Functions of `torch.linalg`."""

ATTRIBUTES: Mapping[str, Rule] = {"logabsdet": logabsdet, "sign": sign}
"""Parts of results by their names."""
