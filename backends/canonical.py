"""The nodes of a nest in an order that depends on nothing but what they compute.

A graph lists the nodes of equal layers in different orders, and the operands of a sum as well. Here
they are in order of depth, and then of a digest of all that is computed up to there; operands
likewise. So equal layers have the same kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

import sympy as sp

from jetfold.backends.schedule import Nest, Read, Scheduler
from jetfold.graph import DirectionAxis, Type, operand_symbol


class Member(NamedTuple):
    """A node of a nest: its expression (None for a sum) and what that reads."""

    node: int
    expr: sp.Expr | None
    reads: tuple[Read, ...]


def members(
    nest: Nest,
    schedule: Scheduler,
    axes: Sequence[DirectionAxis],
    describe: Callable[[Read], str],
) -> list[Member]:
    """The nodes in this order. ``describe`` says how a value is read along the nest's axes."""

    def along(kind: Type) -> list[int]:
        return [axes.index(axis) for axis in kind.directions]

    depths: dict[int, int] = {}
    digests: dict[int, str] = {}
    found = []
    for node in nest.nodes:  # operands first
        reads = schedule.reads(node)
        inside = [depths[read.node] for read in reads if read.node in nest.phase]
        depths[node] = 1 + max(inside, default=0)
        known = [
            digests[read.node] if read.node in nest.phase else describe(read) for read in reads
        ]
        order = sorted(range(len(reads)), key=lambda i: known[i])
        expr = schedule.expression(node)
        if expr is not None:
            expr = _renamed(expr, [order.index(i) for i in range(len(reads))])
        own, summed = along(schedule.graph[node].type), along(schedule.summed(node))
        what = (nest.phase[node], str(expr), [known[i] for i in order], own, summed)
        digests[node] = sha256(repr(what).encode()).hexdigest()
        found.append(Member(node, expr, tuple(reads[i] for i in order)))
    return sorted(found, key=lambda member: (depths[member.node], digests[member.node]))


def _renamed(expr: sp.Expr, places: Sequence[int]) -> sp.Expr:
    """The expression with operand i in place ``places[i]``."""
    names = {operand_symbol(i): operand_symbol(place) for i, place in enumerate(places)}
    return expr.xreplace(names)
