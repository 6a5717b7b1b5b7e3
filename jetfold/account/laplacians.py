"""Laplacians, their squares and weighted ones in words."""

from __future__ import annotations

import sympy as sp

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
from jetfold.account.wanted import Wanted, function_words, indexed, name_of, same
from jetfold.biharmonic import Biharmonic
from jetfold.directions import Sampling
from jetfold.graph.latex import to_latex
from jetfold.laplacian import Laplacian
from jetfold.weighted_laplacian import WeightedLaplacian

# The Laplacian and its square ---------------------------------------------------------------------


def of_laplacian(operator: Laplacian | Biharmonic, u: Formula, size: int, where: Text) -> Wanted:
    square = isinstance(operator, Biharmonic)
    name = "biharmonic" if square else "Laplacian"
    f = u.plain
    if square:
        result = Formula(rf"\Delta^2 {f}(x)", f"Lap Lap {f}(x)")
        sums = Formula(
            rf"\sum_{{i=1}}^{{{size}}} \sum_{{j=1}}^{{{size}}} "
            rf"\frac{{\partial^4 {f}}}{{\partial x_i^2\, \partial x_j^2}}",
            f"sum_i sum_j d^4 {f}/(dx_i^2 dx_j^2),  i, j = 1 .. {size}",
        )
    else:
        result = Formula(rf"\Delta {f}(x)", f"Lap {f}(x)")
        sums = Formula(
            rf"\sum_{{i=1}}^{{{size}}} \frac{{\partial^2 {f}}}{{\partial x_i^2}}",
            f"sum_i d^2 {f}/dx_i^2,  i = 1 .. {size}",
        )
    blocks: list[Block] = [
        Paragraph(
            text("Wanted is the ", name, " of ", *function_words(operator, u), ", ", *where, ":")
        ),
        Equations((Equation(result, sums),)),
    ]
    if operator.sampling is None:
        return Wanted(
            text(f"The {name} of ", Code(name_of(operator))),
            tuple(blocks),
            result,
            text("the unit vectors ", Formula("e_i", "e_i")),
            indexed("e"),
            same("e"),
        )
    order = 4 if square else 2
    factor = operator.sampling.fourth_moment(size) if square else 1
    total = sp.Rational(factor) * operator.sampling.samples
    plain = str(total) if total.is_Integer else f"({total})"
    blocks += _estimated(
        operator.sampling,
        Equation(
            result,
            Formula(
                rf"\frac{{1}}{{{to_latex(total)}}} \sum_{{s=1}}^{{{operator.sampling.samples}}} "
                + _along(f, order, "z_s").latex,
                f"1/{plain} sum_s {_along(f, order, 'z_s').plain},  "
                f"s = 1 .. {operator.sampling.samples}",
            ),
            relation=Formula(r"\approx", "~"),
        ),
        operator.sampling.name,
    )
    return Wanted(
        text(f"The {name} of ", Code(name_of(operator)), " along random directions"),
        tuple(blocks),
        result,
        text("the random vectors ", Formula("z_s", "z_s")),
        indexed("z"),
        same("z"),
    )


def _along(f: str, order: int, direction: str) -> Formula:
    """A derivative along a direction."""
    return Formula(
        rf"\frac{{d^{order}}}{{dt^{order}}} {f}(x + t\,{direction}) \Big|_{{t=0}}",
        f"d^{order}/dt^{order} {f}(x + t {direction}) at t = 0",
    )


def _estimated(sampling: Sampling, equation: Equation, distribution: str) -> list[Block]:
    where = "for each point" if sampling.per_point else "for each call"
    return [
        Paragraph(
            text(
                f"It is estimated without bias along {sampling.samples} random directions of the "
                "distribution ",
                Code(distribution),
                f", drawn anew {where}:",
            )
        ),
        Equations((equation,)),
    ]


# Weighted -----------------------------------------------------------------------------------------


def of_weighted(operator: WeightedLaplacian, u: Formula, where: Text) -> Wanted:
    f = u.plain
    result = Formula(rf"\mathcal{{L}} {f}(x)", f"L {f}(x)")
    pair = len(operator.factors) > 1
    moving = "(x)" if any(callable(factor.columns) for factor in operator.factors) else ""
    plus, minus = Formula(r"\sigma_+", "sigma_plus"), Formula(r"\sigma_-", "sigma_minus")
    sigma = (plus, minus) if pair else (Formula(r"\sigma", "sigma"),)
    weights = Formula(
        " - ".join(f"{s.latex}{moving}\\, {s.latex}{moving}^{{T}}" for s in sigma),
        " - ".join(f"{s.plain}{moving} {s.plain}{moving}^T" for s in sigma),
    )
    matrix = (
        text(
            "The matrix of weights A was given; its eigenvalues split it into two factors, one for "
            "those above zero and one for those below. "
        )
        if operator.matrix
        else ()
    )
    blocks: list[Block] = [
        Paragraph(
            text(
                "Wanted are the second derivatives of ", *function_words(operator, u),
                ", weighted by a matrix, ", *where, ":",
            )
        ),
        Equations(
            (
                Equation(
                    result,
                    Formula(
                        rf"\sum_{{i,j}} A_{{ij}}{moving}\, "
                        rf"\frac{{\partial^2 {f}}}{{\partial x_i\, \partial x_j}}",
                        f"sum_ij A_ij{moving} d^2 {f}/(dx_i dx_j)",
                    ),
                ),
                Equation(Formula(f"A{moving}", f"A{moving}"), weights),
            )
        ),
        Paragraph(
            text(
                *matrix,
                "Each column of a factor is a direction: the sum of the second derivatives along "
                "the columns is the operator, whatever the number of coordinates",
                *(text(", those of ", minus, " counting negatively") if pair else ()),
                ".",
            )
        ),
    ]  # fmt: skip
    sampling = operator.sampling
    if sampling is not None:
        kinds = joined((s,) for s in sigma)
        combined = Formula(r"\sigma z_s", "sigma z_s")
        blocks.append(
            Paragraph(
                text(
                    f"They are estimated without bias along {sampling.samples} random combinations "
                    "of the columns of ", *kinds, ", such as ", combined,
                    ", with numbers of the distribution ", Code(sampling.name), ".",
                )
            )
        )  # fmt: skip
    directions = (
        text("the columns ", Formula(r"\sigma_i", "sigma_i"))
        if sampling is None
        else text("the random combinations ", Formula("z_s", "z_s"))
    )
    return Wanted(
        text("Weighted second derivatives of ", Code(name_of(operator))),
        tuple(blocks),
        result,
        directions,
        indexed(r"\sigma", "sigma") if sampling is None else indexed("z"),
        Formula(r"\sigma", "sigma") if sampling is None else same("z"),
    )
