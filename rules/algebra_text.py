"""A jet algebra in words and formulas."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice

import sympy as sp

from jetfold.graph.latex import to_latex
from jetfold.rules.jet_algebra import JetAlgebra
from jetfold.rules.polynomial import Monomial, Polynomial, degree, to_sympy

Symbols = Sequence[sp.Symbol]

SHOWN = 8
"""How many monomials of a degree, relations, terms or symbols are written out."""

WIDTH = 92
DOTS = r"\dots"


def title(algebra: JetAlgebra, symbols: Symbols) -> str:
    """Which quotient it is, and its dimension."""
    ring = _listed(map(str, symbols), len(symbols))
    operators = ", ".join(_written(p, symbols) for p in algebra.polynomials)
    return f"R[{ring}] / Ann({operators}): dimension {algebra.dimension}"


def latex(algebra: JetAlgebra, symbols: Symbols) -> str:
    """The algebra, its dimension by degree, its basis and its relations."""
    ring = _listed(map(to_latex, symbols), len(symbols), DOTS)
    operators = ", ".join(_written(p, symbols, to_latex, DOTS) for p in algebra.polynomials)
    basis = _listed((to_latex(_power(a, symbols)) for a in algebra.basis), algebra.dimension, DOTS)
    corners = algebra.corners()
    lines = [
        rf"A &= \mathbb{{R}}[{ring}] / \operatorname{{Ann}}({operators})",
        rf"\dim A &= {' + '.join(map(str, _sizes(algebra)))} = {algebra.dimension}",
        rf"\text{{basis}} &\colon {basis}",
    ]
    for monomial in corners[:SHOWN]:
        reduced = _written(algebra.reduce_plain(monomial), symbols, to_latex, DOTS)
        lines.append(f"{to_latex(_power(monomial, symbols))} &= {reduced}")
    if len(corners) > SHOWN:
        lines.append(r"&\;\;\vdots")
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def explain(algebra: JetAlgebra, symbols: Symbols) -> str:
    """What the operators are, what is carried for them, and why that is enough."""
    paragraphs = [
        title(algebra, symbols),
        textwrap.fill(" ".join(_meaning(algebra, symbols)), WIDTH),
        "\n".join(_basis(algebra, symbols)),
        "\n".join(_relations(algebra, symbols)),
        textwrap.fill(" ".join(_reasons(algebra)), WIDTH),
    ]
    return "\n\n".join(paragraphs)


def _meaning(algebra: JetAlgebra, symbols: Symbols) -> Iterator[str]:
    n, order = len(symbols), algebra.order
    yield "In an operator P each symbol stands for the derivative along it."
    yield "The quotient is what the operators need of a function's Taylor polynomial, and no"
    yield "smaller one carries them through products: its dimension is the rank of the Hankel"
    yield "matrix lambda(t^a t^b), where lambda(t^a) = a! p_a is what P makes of t^a."
    yield f"All derivatives up to order {order} would be"
    yield f"C({n}+{order}, {order}) = {math.comb(n + order, order)} numbers."


def _basis(algebra: JetAlgebra, symbols: Symbols) -> Iterator[str]:
    yield f"Hilbert function (basis elements by degree): {', '.join(map(str, _sizes(algebra)))}"
    yield "Basis t^a, and what, divided by a!, is the coordinate of a function:"
    blocks = [algebra.basis[:1], *algebra.blocks.values()]
    width = max(len(str(_power(a, symbols))) for block in blocks for a in block[:SHOWN])
    for size, block in enumerate(blocks):
        for a in block[:SHOWN]:
            yield f"  {_power(a, symbols)!s:<{width}} : {_written(algebra.rows[a], symbols)}"
        yield from _more(len(block), f" of degree {size}")


def _relations(algebra: JetAlgebra, symbols: Symbols) -> Iterator[str]:
    corners = algebra.corners()
    yield f"Whatever has a degree above {algebra.order} is 0. Other relations:"
    for monomial in corners[:SHOWN]:
        reduced = _written(algebra.reduce_plain(monomial), symbols)
        note = " (this derivative is not carried by itself)" if len(monomial) == 1 else ""
        yield f"  {_power(monomial, symbols)} = {reduced}{note}"
    yield from _more(len(corners))
    if not corners:
        yield "  none"


def _reasons(algebra: JetAlgebra) -> Iterator[str]:
    operators = [p for p in algebra.polynomials if degree(p) > 0]
    if not operators:
        yield "No derivative is needed: only the value is carried."
    elif len(operators) == 1:
        yield from _one_operator(algebra, operators[0])
    else:
        alone = (str(JetAlgebra([p], algebra.count).dimension) for p in operators)
        yield "Several operators share one propagation: the dimension is that of the span of them"
        yield "and all their derivatives with respect to the symbols."
        yield f"One by one they would need {_listed(alone, len(operators), sign=' + ')}."


def _one_operator(algebra: JetAlgebra, operator: Polynomial) -> Iterator[str]:
    """Which known scheme the algebra of one operator is."""
    order, rank = degree(operator), len(algebra.blocks[1])
    if rank == 1:
        yield f"This is the jet of order {order} along one direction: {order} + 1 numbers."
    elif order == 2:
        yield "This is the forward Laplacian. Of all second derivatives an operator of order 2"
        yield "needs one combination, so there is one basis element of degree 2, and the operator"
        yield "itself travels there: for g(f) it is g' times that of f, plus g'' times a quadratic"
        yield "form of the first derivatives of f (|grad f|^2 for the Laplacian). With the value"
        yield f"and {rank} first derivatives that is {rank} + 2 numbers; separate jets along {rank}"
        yield f"directions have 2*{rank} + 1."
    elif all(len(set(monomial)) == 1 and len(monomial) == order for monomial in operator):
        yield f"These are collapsed {order}-jets. Products of different symbols are 0, so each of"
        yield f"the {rank} directions has its own jet. But all highest powers are multiples of one,"
        yield "so only the sum of the highest coefficients is carried: that is"
        yield f"{order - 1}*{rank} + 2 numbers; separate jets have {order}*{rank} + 1."
    else:
        yield "What is carried is the operator and all its derivatives with respect to the symbols,"
        yield "as far as they are independent."
        if all(len(monomial) == order for monomial in operator):
            yield "The operator is homogeneous, so the Hilbert function reads the same backwards:"
            yield f"each element of degree k has a partner of degree {order} - k, and their product"
            yield "is not 0 (the algebra is Gorenstein)."


def _sizes(algebra: JetAlgebra) -> list[int]:
    return [1, *map(len, algebra.blocks.values())]


def _power(monomial: Monomial, symbols: Symbols) -> sp.Expr:
    return to_sympy({monomial: Fraction(1)}, symbols)


def _written(
    polynomial: Polynomial,
    symbols: Symbols,
    form: Callable[[sp.Expr], str] = str,
    dots: str = "..",
) -> str:
    """The polynomial, or the beginning of a long one."""
    shown = form(to_sympy(dict(islice(polynomial.items(), SHOWN)), symbols))
    return shown if len(polynomial) <= SHOWN else f"{shown} + {dots}"


def _listed(items: Iterable[str], count: int, dots: str = "..", sign: str = ", ") -> str:
    """The items, or the first ones and the last of many."""
    shown = list(items)
    return sign.join(shown if count <= SHOWN else [*shown[: SHOWN - 1], dots, shown[-1]])


def _more(count: int, what: str = "") -> Iterator[str]:
    if count > SHOWN:
        yield f"  .. and {count - SHOWN} more{what}"
