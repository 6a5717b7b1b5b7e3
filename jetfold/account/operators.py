"""Which operator it is, and what its account begins with."""

from __future__ import annotations

import math

from jetfold.account.document import Code, Equation, Equations, Formula, Paragraph, Text, text
from jetfold.account.expressions import of_derivatives, of_expressions
from jetfold.account.laplacians import of_laplacian, of_weighted
from jetfold.account.naming import coefficient
from jetfold.account.wanted import (
    Wanted,
    function_words,
    indexed,
    letter,
    name_of,
    place_words,
    same,
)
from jetfold.biharmonic import Biharmonic
from jetfold.derivation import About
from jetfold.jet import Jet
from jetfold.laplacian import Laplacian
from jetfold.pde import PDE, Derivatives
from jetfold.weighted_laplacian import WeightedLaplacian


def wanted_of(about: About) -> Wanted:
    """What the operator of a derivation wants."""
    operator = about.operator
    u = letter(operator)
    size = math.prod(about.point.type.shape)
    where = place_words(about)
    match operator:
        case Laplacian() | Biharmonic():
            return of_laplacian(operator, u, size, where)
        case WeightedLaplacian():
            return of_weighted(operator, u, where)
        case PDE():
            return of_expressions(operator)
        case Derivatives():
            return of_derivatives(operator, where)
        case Jet():
            return _jet(operator, u, where)
    raise AssertionError(f"an operator without a description: {operator!r}")


def _jet(operator: Jet, u: Formula, where: Text) -> Wanted:
    f, order = u.plain, operator.order
    terms = ["x"] + [rf"\frac{{t^{k}}}{{{k}!}} x_{k}" if k > 1 else "t\\,x_1" for k in
                     range(1, order + 1)]  # fmt: skip
    plain = ["x"] + [f"t^{k}/{k}! x_{k}" if k > 1 else "t x_1" for k in range(1, order + 1)]
    result = Formula("f_k", "f_k")
    return Wanted(
        text(f"The jet of order {order} of ", Code(name_of(operator))),
        (
            Paragraph(
                text(
                    "Wanted are the derivatives of ", *function_words(operator, u),
                    ", along a path that starts ", *where,
                    f", up to order {order}; they are not divided by factorials:",
                )
            ),
            Equations(
                (
                    Equation(
                        Formula("x(t)", "x(t)"), Formula(" + ".join(terms), " + ".join(plain))
                    ),
                    Equation(
                        result,
                        Formula(
                            rf"\frac{{d^k}}{{dt^k}} {f}(x(t)) \Big|_{{t=0}}",
                            f"d^k/dt^k {f}(x(t)) at t = 0",
                        ),
                        text("for ", Formula(rf"k = 0, \dots, {order}", f"k = 0 .. {order}")),
                    ),
                )
            ),
            Paragraph(
                text(
                    "In the same way every value ", Formula("v_n", "vn"),
                    " of the function is a path; ", coefficient(Formula("v_n", "vn"), "k"),
                    " is its derivative of order k at ", Formula("t = 0", "t = 0"), ", and that "
                    "of x is the given ", Formula("x_k", "x_k"), ".",
                )
            ),
        ),
        result,
        (),
        indexed("x"),
        same("x"),
    )  # fmt: skip
