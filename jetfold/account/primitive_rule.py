"""The Taylor rule of a primitive, told as a text with formulas."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from jetfold.account.document import (
    Block,
    Code,
    Document,
    Equation,
    Equations,
    Formula,
    Heading,
    Inline,
    Paragraph,
    joined,
    text,
)
from jetfold.graph.formula import spelled_out
from jetfold.graph.latex import letter, to_latex
from jetfold.graph.notation import LATEX, PLAIN
from jetfold.rules.taylor_rule import TaylorRule


def rule_account(rule: TaylorRule) -> Document:
    """What the rule says, and what its symbols are."""
    return Document(tuple(_blocks(rule)))


def _blocks(rule: TaylorRule) -> Iterator[Block]:
    known = rule.primitive
    kind = "collapsed Taylor rule" if rule.collapsed else "Taylor rule"
    yield Heading(text(f"The {kind} of ", Code(known.name), f" to order {rule.order}"), 1)
    yield Equations((_definition(rule),))
    yield Paragraph(text(*_path(rule)))
    yield Equations(tuple(_equation(equation) for equation in rule.equations))
    if rule.collapsed and rule.equations[-1].rhs != 0:
        yield Paragraph(text(*_collapsing(rule)))


def _definition(rule: TaylorRule) -> Equation:
    known = rule.primitive
    expr, names = spelled_out(known.expr), known.operands
    letters = [letter(name) for name in names]
    value = Formula(LATEX.expression(expr, letters), PLAIN.expression(expr, names))
    parameters = [text(Formula(*pair)) for pair in zip(letters, names, strict=True)][known.arity :]
    note = text("with ", *joined(parameters), " the same for all t") if parameters else ()
    return Equation(Formula(known.result, known.result), value, note)


def _path(rule: TaylorRule) -> Iterator[Inline]:
    known, paths = rule.primitive, "each of R paths" if rule.collapsed else "a path"
    many = known.arity > 1
    yield f"The argument{'s move' if many else ' moves'} along {paths}: "
    yield from joined([text(_coefficient(name, rule)) for name in known.arguments])
    yield f" {'are' if many else 'is'} the k-th derivative{'s' if many else ''} with respect to t "
    yield "at t = 0, not divided by k!. The result moves along, too, with the coefficients"
    if rule.collapsed:
        yield ", of which the highest ones are summed over all paths"
    yield ":"


def _collapsing(rule: TaylorRule) -> Iterator[Inline]:
    order, count = rule.order, rule.direction[1]
    highest = [text(_coefficient(name, rule, order)) for name in rule.primitive.arguments]
    many = "" if len(highest) == 1 else "s"
    yield f"The highest coefficient{many} "
    yield from joined(highest)
    yield f" enter{'' if many else 's'} linearly, so that the sum over the paths is all that has "
    yield f"to be known of {'them' if many else 'it'}: for each value "
    yield _formula(2 + (order - 1) * count)
    yield " numbers are propagated in place of "
    yield _formula(1 + order * count)
    yield "."


def _coefficient(name: str, rule: TaylorRule, order: int | None = None) -> Formula:
    """A coefficient of an argument, of the order k if none is given."""
    symbol = f"{name}_{'k' if order is None else order}"
    index = rule.direction[0]
    return _formula(sp.IndexedBase(symbol)[index] if rule.collapsed else sp.Symbol(symbol))


def _equation(equation: sp.Eq) -> Equation:
    return Equation(_formula(equation.lhs), _formula(equation.rhs))


def _formula(expr: sp.Expr) -> Formula:
    return Formula(to_latex(expr), str(expr))
