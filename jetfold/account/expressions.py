"""Expressions in derivatives of fields, and partial derivatives, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef

from jetfold.account.document import (
    Block,
    Code,
    Equation,
    Equations,
    Formula,
    Paragraph,
    Text,
    joined,
    text,
)
from jetfold.account.naming import in_names
from jetfold.account.wanted import Wanted, name_of, same
from jetfold.graph.latex import letter
from jetfold.pde import PDE, Derivatives

MOST = 8
"""Formulas of one kind that are written out."""


def of_expressions(operator: PDE) -> Wanted:
    coords = operator.coords
    fields = operator.residual.fields
    given = operator.expressions
    several = isinstance(given, (list, tuple, sp.Tuple))
    expressions = list(given) if several else [given]
    names = [same(f"E_{i + 1}") for i in range(len(expressions))] if several else [same("E")]
    rows = [
        Equation(name, _formula(_difference(expr), coords))
        for name, expr in zip(names, expressions, strict=True)
    ]
    who = joined([text(_formula(field, coords)) for field in fields])
    is_are = "is" if len(fields) == 1 else "are"
    blocks: list[Block] = [
        Paragraph(
            text(
                "Wanted is the expression" if not several else "Wanted are the expressions",
                " below at a point with the coordinates ",
                *joined([text(_symbol(c)) for c in coords]), "; ", *who,
                f" {is_are} given by the function ", Code(name_of(operator)),
                ". Indices stand for derivatives.",
            )
        ),
        Equations(tuple(rows[:MOST])),
        *_more(len(rows) - MOST),
    ]  # fmt: skip
    found = operator.functionals
    blocks += _functionals(operator, found)
    result = names[0] if not several else Formula("E", "E")
    title = text("A differential expression of ", Code(name_of(operator)))
    return Wanted(
        title,
        tuple(blocks),
        result,
        text("the unit vectors ", Formula("e_i", "e_i")),
        _of_coordinates(coords),
        same("e"),
        parts=tuple(names) if several else (),
    )


def _functionals(operator: PDE, found: dict[sp.Symbol, sp.Expr]) -> list[Block]:
    """What the expressions depend on, unless that is said by the expression itself."""
    coords = operator.coords
    if len(found) == 1 and operator.residual.expressions == operator.residual.symbols:
        return []
    shown = list(found.items())[:MOST]
    rows = [Equation(_symbol(symbol), _formula(expr, coords)) for symbol, expr in shown]
    numbers = "one number" if len(found) == 1 else f"{len(found)} numbers"
    blocks: list[Block] = [
        Paragraph(
            text(
                f"Of all derivatives, it depends on {numbers}, each a linear operator with "
                "constant coefficients:"
            )
        ),
        Equations(tuple(rows)),
        *_more(len(found) - MOST),
    ]
    exprs = operator.residual.expressions[:MOST]
    left = [Formula("E", "E")] if len(exprs) == 1 else [same(f"E_{i + 1}") for i in range(MOST)]
    rows = [Equation(name, _formula(e, coords)) for name, e in zip(left, exprs, strict=False)]
    return [*blocks, Paragraph(text("With these")), Equations(tuple(rows))]


def _more(count: int) -> list[Block]:
    return [Paragraph(text(f"and {count} more."))] if count > 0 else []


def of_derivatives(operator: Derivatives, where: Text) -> Wanted:
    names = [tuple(name) for name in operator.names][:MOST]
    more = len(operator.names) - len(names)
    parts = [_derivative("u", [str(part) for part in name]) for name in names]
    listed = Formula(
        ", ".join(part.latex for part in parts) + (r", \dots" if more else ""),
        ", ".join(part.plain for part in parts) + (", .." if more else ""),
    )
    return Wanted(
        text("Partial derivatives of ", Code(name_of(operator))),
        (
            Paragraph(
                text(
                    f"Wanted are {len(operator.names)} partial derivatives of the function ",
                    Code(name_of(operator)), ", here called ", same("u"), ", ", *where,
                    ", stacked along a last axis:",
                )
            ),
            Equations((Equation(None, listed),)),
        ),
        Formula("D u", "D u"),
        text("the unit vectors ", Formula("e_i", "e_i")),
        _of_coordinates(operator.coords),
        same("e"),
        parts=tuple(parts),
    )  # fmt: skip


def _derivative(field: str, variables: Sequence[str]) -> Formula:
    if not variables:
        return _symbol(field)
    between = "" if all(len(name) == 1 for name in variables) else ","
    latex = between.join(map(letter, variables))
    # In braces, as a field's name may have an index already.
    return Formula(f"{{{letter(field)}}}_{{{latex}}}", f"{field}_{between.join(variables)}")


def _difference(expr: sp.Basic) -> sp.Expr:
    return expr.lhs - expr.rhs if isinstance(expr, sp.Eq) else expr


def _formula(expr: sp.Expr, coords: Sequence[sp.Symbol]) -> Formula:
    """A SymPy expression with derivatives of fields as indices: w_xx."""
    expr = sp.sympify(expr).doit()
    names = {symbol: _symbol(symbol) for symbol in expr.free_symbols}
    for part in expr.atoms(sp.Derivative, AppliedUndef):
        field = part.expr if isinstance(part, sp.Derivative) else part
        variables = part.variables if isinstance(part, sp.Derivative) else ()
        ordered = sorted((str(v) for v in variables), key=[str(c) for c in coords].index)
        names[part] = _derivative(str(field.func), ordered)
    parts = sorted(names, key=lambda part: names[part].plain)  # the order of printed factors
    return in_names(expr, parts, [names[part] for part in parts])


def _symbol(symbol: sp.Symbol | str) -> Formula:
    return Formula(letter(str(symbol)), str(symbol))


def _of_coordinates(coords: Sequence[str | sp.Symbol]) -> Callable[[int], Formula]:
    """The unit vector of each coordinate, by its name."""

    def name(i: int) -> Formula:
        if i >= len(coords):
            return Formula(f"z_{{{i + 1 - len(coords)}}}", f"z{i + 1 - len(coords)}")
        coordinate = _symbol(coords[i])
        return Formula(f"e_{{{coordinate.latex}}}", f"e_{coordinate.plain}")

    return name
