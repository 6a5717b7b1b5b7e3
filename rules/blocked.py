"""Sums over directions that collapsing could not move, and what stands in their way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["nonlinear", "product", "condition", "matrix", "data", "order", "pick", "several"]


@dataclass(frozen=True)
class Blocked:
    """A sum over directions that stays where it is.

    node, below : the sum and the value that it is a sum of.
    directions : the axes over which it sums.
    reason : a sentence with the names of values, and the user's line where it is known.
    kind : what it is that no rule passes: a nonlinear function, a product of two values that depend
        on the direction, a condition, a matrix function, data (nothing is below), an order of
        nested sums, picked elements, or a sum over several axes at once.
    operands : the operands of ``below`` that would have to be the same in all directions for the
        sum to move on.
    """

    node: int
    below: int
    directions: tuple[str, ...]
    reason: str
    kind: Kind
    operands: tuple[int, ...] = ()
