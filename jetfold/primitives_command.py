"""`python -m jetfold primitives`: what is registered, and the rules that are derived from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.special
import sympy as sp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jetfold.graph import ArgumentError
from jetfold.graph.formula import spelled_out, to_formula
from jetfold.importing import import_modules
from jetfold.linear import LINEAR, MultilinearPrimitive
from jetfold.rules.derive import taylor_rule
from jetfold.rules.primitives import CUSTOM, PRIMITIVES, Primitive, primitive
from jetfold.rules.taylor_rule import derive_rule

ORDERS = 3
"""Rules up to this order are counted in the table."""


def run(name: str | None, custom: bool = False, modules: Sequence[str] = (), order: int = 2) -> int:
    """Show all primitives, or the custom ones, or everything about one.

    ``modules`` are imported first, so that what they register is known. Raises `ArgumentError` for
    a module or a name that is not there.
    """
    console = Console(highlight=False)
    import_modules(modules)
    if name is not None:
        if name in LINEAR:
            console.print(Text(f"{LINEAR[name]}\n{LINEAR[name].__doc__ or ''}".rstrip()))
        else:
            _show_one(console, primitive(name), order)
        return 0
    chosen = CUSTOM if custom else {**PRIMITIVES, **CUSTOM}
    if chosen:
        console.print(table(chosen))
    if LINEAR:
        console.print(linear_table(LINEAR))
    if not chosen and not LINEAR:
        console.print(
            "No custom primitives are registered here. --import MODULE imports a module of yours "
            "that registers some with jetfold.primitive."
        )
    return 0


def table(primitives: Mapping[str, Primitive]) -> Table:
    """One row for each primitive."""
    shown = Table(title=f"{len(primitives)} primitives", caption=_CAPTION)
    for column in ("name", "operands", "definition", "terms", "about"):
        shown.add_column(column, overflow="fold")
    for known in primitives.values():
        shown.add_row(*map(Text, _row(known)))
    return shown


def linear_table(primitives: Mapping[str, MultilinearPrimitive]) -> Table:
    """One row for each primitive that was declared linear."""
    shown = Table(title=f"{len(primitives)} linear primitives")
    for column in ("name", "linear in", "adjoints", "about"):
        shown.add_column(column, overflow="fold")
    for name, known in primitives.items():
        arguments = ", ".join(f"argument {i}" for i in known.linear_in)
        adjoints = zip(known.linear_in, known.adjoints, strict=True)
        declared = ", ".join(f"argument {i}" for i, adjoint in adjoints if adjoint is not None)
        about = (known.__doc__ or "").strip().partition("\n")[0]
        shown.add_row(*map(Text, (name, arguments, declared or "-", about)))
    return shown


_CAPTION = (
    "Operands: arguments; parameters. Terms: how many the coefficients 1 to "
    f"{ORDERS} of the Taylor rule have, - where there is no derivative. "
    "About: documentation, or the first coefficient."
)


def _row(known: Primitive) -> tuple[str, ...]:
    operands = "; ".join(", ".join(names) for names in (known.arguments, known.parameters) if names)
    counts = term_counts(known)
    terms = " ".join("-" if count is None else str(count) for count in counts)
    text = documented(known)
    if not text and counts[0] is not None:
        first = derive_rule(known, 1, False).equations[1]
        text = f"{first.lhs} = {to_formula(first.rhs, ())}"
    return known.name, operands, definition(known), terms, text


def definition(known: Primitive) -> str:
    """The expression of a primitive as text, in NumPy's words."""
    return to_formula(spelled_out(known.expr), known.operands)


def documented(known: Primitive) -> str:
    """The first line that a user has written about a custom primitive."""
    line = known.doc.partition("\n")[0]
    return "" if line.startswith(f"{known.name}(") else line


def traced_from(name: str) -> str:
    """Where NumPy or SciPy has a function that is traced as a built-in primitive."""
    modules = {"np": np, "scipy.special": scipy.special}
    return ", ".join(f"{m}.{name}" for m, module in modules.items() if hasattr(module, name))


def term_counts(known: Primitive) -> list[int | None]:
    """How many terms the coefficients 1, 2, .. have; None where one has no derivative."""
    active = tuple(range(known.arity))
    counts: list[int | None] = []
    for order in range(1, ORDERS + 1):
        try:
            coefficient = taylor_rule(known.expr, order, active)[order]
        except ArgumentError:
            counts.append(None)
        else:
            counts.append(len(sp.Add.make_args(coefficient)) if coefficient != 0 else 0)
    return counts


def _show_one(console: Console, known: Primitive, order: int) -> None:
    if known.name in CUSTOM:
        lines = [known.doc, ""]
    else:
        lines = [f"{known.name}({', '.join(known.operands)}) = {definition(known)}"]
        lines += [f"Traced from {traced_from(known.name)}.", ""]
    for collapsed, title in (
        (False, "Taylor rule (unscaled derivatives along a path):"),
        (True, "Collapsed, summed over directions:"),
    ):
        lines += [
            title,
            *(f"    {line}" for line in str(derive_rule(known, order, collapsed)).splitlines()),
            "",
        ]
    console.print(Text("\n".join(lines).rstrip()), soft_wrap=True)
