"""The documentation of custom primitives, made from their definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from jetfold.graph import functions as fn
from jetfold.graph.custom import Definition, custom_function
from jetfold.graph.formula import spelled_out
from jetfold.graph.ops import operand_symbol
from jetfold.rules.primitives import custom_primitive

_AT_KINKS: tuple[tuple[Callable[[sp.Expr], bool], str], ...] = (
    (lambda e: e.has(fn.absolute), "the derivative of an absolute value at 0 is taken as 0"),
    (
        lambda e: e.has(fn.maximum, fn.minimum),
        "where the two values of a maximum or minimum are equal, the mean of both derivatives is "
        "taken",
    ),
    (
        lambda e: e.has(sp.Piecewise),
        "where pieces meet, the derivative of the piece that holds there is taken",
    ),
    (
        lambda e: e.has(fn.sign, fn.floor, fn.ceil, fn.rint),
        "the derivative of a step is taken as 0",
    ),
)


def documentation(definition: Definition, defaults: Sequence[Any], doc: str | None) -> str:
    """What ``help`` shows: the user's text, the formula, the operands, the first derivatives."""
    symbols = [sp.Symbol(name, real=True) for name in definition.operands]
    own = custom_function(definition)(*symbols)
    result = sp.Symbol(custom_primitive(definition).result, real=True)

    def text(expr: sp.Expr) -> str:
        put = dict(enumerate([*symbols, result]))
        named = expr.xreplace({operand_symbol(i): symbol for i, symbol in put.items()})
        return str(spelled_out(named))

    lines = [f"{own} = {text(definition.written)}", ""]
    if doc:
        lines = [doc.strip(), "", *lines]
    lines.append(f"Arguments: {', '.join(definition.arguments)}; arrays broadcast.")
    if definition.parameters:
        pairs = zip(definition.parameters, defaults, strict=True)
        shown = [n if d is None else f"{n} (default {d})" for n, d in pairs]
        lines.append(f"Parameters: {', '.join(shown)}.")
    lines += ["", "Derivatives:"]
    for name, partial in zip(definition.operands, definition.partials, strict=True):
        slope = "none that can be computed" if partial is None else text(partial)
        lines.append(f"    d{result}/d{name} = {slope}")
    known = [definition.meaning, *(partial for partial in definition.partials if partial)]
    kinks = [sentence for holds, sentence in _AT_KINKS if any(map(holds, known))]
    if kinks:
        lines += ["", f"At kinks: {'; '.join(kinks)}."]
    return "\n".join(lines)
