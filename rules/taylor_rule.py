"""The derived Taylor rule of a primitive as equations to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from jetfold.graph import ArgumentError
from jetfold.graph.formula import spelled_out
from jetfold.graph.latex import to_latex
from jetfold.rules.collapse import split
from jetfold.rules.derive import OUTPUT, path_symbol, taylor_rule
from jetfold.rules.primitives import Primitive

_COUNTS = {"integer": True, "positive": True}
DIRECTION, DIRECTIONS = sp.symbols("r R", **_COUNTS)
NO_SUMS: Mapping[sp.Symbol, sp.Expr] = {}
_OTHER_LETTERS = (("d", "D"), ("i", "N"), ("j", "M"), ("k", "K"))


@dataclass(frozen=True)
class TaylorRule:
    """How the coefficients of a primitive's arguments give those of its result.

    Coefficients are unscaled derivatives: ``x_k`` is d^k/dt^k x(t) at t = 0 (not divided by k!),
    and ``y_k`` is the same for the result. ``y_0`` on the right is the result's own value. Custom
    primitives have arguments of their own names, and parameters, which have no coefficients.
    (Where an operand has the name of the result, y, or of a direction, r, these have another one.)
    A collapsed rule gives, in place of the highest coefficient, its sum over R directions r: the
    coefficients with an index r depend on the direction, those of order 0 do not.

    Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 13, for the Taylor rule;
    "Collapsing Taylor Mode Automatic Differentiation" (arXiv 2505.13644) for the collapsed one.
    """

    primitive: Primitive
    order: int
    collapsed: bool

    @cached_property
    def equations(self) -> list[sp.Eq]:
        """One SymPy equation for each order, from 0 on."""
        active = tuple(range(self.primitive.arity))
        rule = taylor_rule(self.primitive.expr, self.order, active)
        equations = [
            sp.Eq(self._result(k), self._named(coefficient, k), evaluate=False)
            for k, coefficient in enumerate(rule)
        ]
        if self.collapsed:
            equations[-1] = self._collapsed(rule[-1])
        return equations

    def latex(self) -> str:
        """The equations as a LaTeX ``align*`` environment."""
        lines = [f"{to_latex(eq.lhs)} &= {to_latex(eq.rhs)}" for eq in self.equations]
        return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"

    def _repr_latex_(self) -> str:
        return self.latex()

    def __str__(self) -> str:
        return "\n".join(f"{eq.lhs} = {eq.rhs}" for eq in self.equations)

    @property
    def direction(self) -> tuple[sp.Symbol, sp.Symbol]:
        """The index of a direction in a collapsed rule, and how many directions there are."""
        taken = set(self.primitive.operands)
        letters = (pair for pair in (("r", "R"), *_OTHER_LETTERS) if not taken & set(pair))
        index, count = sp.symbols(next(letters, ("direction", "DIRECTIONS")), **_COUNTS)
        return index, count

    def _symbols(self) -> dict[sp.Symbol, sp.Expr]:
        symbols = {OUTPUT: self._result(0)}
        for i, name in enumerate(self.primitive.arguments):
            for k in range(self.order + 1):
                symbols[path_symbol(i, k)] = self._coefficient(name, k)
        for i, name in enumerate(self.primitive.parameters, self.primitive.arity):
            symbols[path_symbol(i, 0)] = sp.Symbol(name, real=True)
        return symbols

    def _coefficient(self, name: str, order: int) -> sp.Expr:
        if self.collapsed and order > 0:
            return sp.IndexedBase(f"{name}_{order}", real=True)[self.direction[0]]
        return sp.Symbol(f"{name}_{order}", real=True)

    def _result(self, order: int) -> sp.Expr:
        return self._coefficient(self.primitive.result, order)

    def _named(
        self, expr: sp.Expr, order: int, sums: Mapping[sp.Symbol, sp.Expr] = NO_SUMS
    ) -> sp.Expr:
        """A coefficient, or a part of one, as it is shown: in the names of this rule."""
        found, own = spelled_out(expr), spelled_out(self.primitive.expr)
        if order > 0 and isinstance(own, (sp.Function, sp.exp)):
            found = found.xreplace({own: OUTPUT})
        return found.xreplace({**self._symbols(), **sums})  # at once: a parameter may be called s0

    def _collapsed(self, top: sp.Expr) -> sp.Eq:
        dependent = frozenset(
            path_symbol(i, k) for i in range(self.primitive.arity) for k in range(1, self.order + 1)
        )
        outer, inner = split(top, dependent, self.direction[1])
        sums = {
            sp.Symbol(f"s{j}", real=True): self._sum(self._named(term, self.order))
            for j, term in enumerate(inner)
        }
        right = self._named(outer, self.order, sums)
        return sp.Eq(self._sum(self._result(self.order)), right, evaluate=False)

    def _sum(self, term: sp.Expr) -> sp.Sum:
        index, count = self.direction
        return sp.Sum(term, (index, 1, count))


def derive_rule(primitive: Primitive, order: int, collapsed: bool) -> TaylorRule:
    """The Taylor rule of a primitive.

    Raises `ArgumentError` for an order below 1, or one for which there is no derivative.
    """
    if order < 1:
        raise ArgumentError(f"the order of a Taylor rule is {order}; it must be 1 or more")
    try:
        taylor_rule(primitive.expr, order, tuple(range(primitive.arity)))
    except ArgumentError as error:
        error.add_note(f"While deriving the Taylor rule of {primitive.name!r} to order {order}.")
        raise
    return TaylorRule(primitive, order, collapsed)
