"""A NumPy function of numbers as one SymPy expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from jetfold.graph import (
    ArgumentError,
    Broadcast,
    Constant,
    Graph,
    Input,
    JetfoldError,
    Map,
    Reshape,
    Type,
    operand_symbol,
    simplify,
)
from jetfold.graph.trace import trace
from jetfold.graph.ufuncs import exact

MOST_PARTS = 10_000
"""A value that is used many times is written out as often; longer expressions than this are not."""


def one_expression(name: str, value: Callable[..., Any], operands: Sequence[str]) -> sp.Expr:
    """What ``value`` computes from numbers, in a0, a1, ..., for the primitive ``name``.

    The function is traced, and its elementwise functions are put into each other. SymPy simplifies
    as it does so: ``(x + 1) - 1`` becomes x. Raises `ArgumentError` for a function that does
    anything else than that, or that takes other arguments.
    """
    where = f"value of the primitive {name!r}"
    if not callable(value):
        raise ArgumentError(
            f"{where} is a {type(value).__name__}; give a NumPy function of {', '.join(operands)}"
        )
    try:
        graph = simplify(trace(value, tuple(Input(n, Type(())) for n in operands)).graph).graph
    except JetfoldError as error:
        error.add_note(f"While tracing {where}, called with numbers {', '.join(operands)}.")
        raise
    except TypeError as error:
        raise ArgumentError(
            f"{where} cannot be called with the numbers {', '.join(operands)}: {error}"
        ) from error
    if [graph[output].type for output in graph.outputs] != [Type(())]:
        kinds = ", ".join(f"shape {graph[output].type.shape}" for output in graph.outputs)
        raise ArgumentError(f"{where} gives, for numbers, {kinds}; it must give one number")
    return _expression(graph, where, operands)


def _expression(graph: Graph, where: str, operands: Sequence[str]) -> sp.Expr:
    found: dict[int, sp.Expr] = {}
    parts: dict[int, int] = {}
    for node in graph.order:
        op, below = graph[node].op, graph.operands(node)
        match op:
            case Input(name):
                found[node] = operand_symbol(operands.index(name))
            case Constant(number) if number.value.size == 1:
                found[node] = exact(number.value.item())
            case Map(expr):
                put = {operand_symbol(i): operand for i, operand in enumerate(below)}
                sizes = [parts[put[e]] if e in put else 1 for e in sp.preorder_traversal(expr)]
                parts[node] = sum(sizes)
                if parts[node] > MOST_PARTS:
                    raise ArgumentError(
                        f"{where}, written out as one expression, has more than {MOST_PARTS} "
                        "parts; use intermediate values less often, for example in fewer "
                        "iterations"
                    )
                found[node] = expr.xreplace({symbol: found[o] for symbol, o in put.items()})
            case Broadcast() | Reshape() if graph[node].type.elements == 1:
                found[node] = found[below[0]]
            case _:
                line = f"\n{graph[node].source}" if graph[node].source else ""
                raise ArgumentError(
                    f"{where} is more than elementwise functions of numbers: it uses "
                    f"{type(op).__name__.lower()}{line}\nWrite it in arithmetic, np.where and "
                    "elementwise functions."
                )
        parts.setdefault(node, 1)
    return found[graph.outputs[0]]
