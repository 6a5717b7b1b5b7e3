"""PDE expressions and derivatives by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from jetfold.arrays import Backend
from jetfold.directions import Seed
from jetfold.field_operator import FieldOperator
from jetfold.rules.pde import Residual, derivative_functionals, residual
from jetfold.rules.polynomial import Polynomial


class PDE(FieldOperator):
    """``op(X, params)``: PDE expressions of a net at every point; see `operator`."""

    def __init__(
        self,
        function: Callable[..., Any],
        expressions: sp.Expr | Sequence[sp.Expr],
        coords: Sequence[sp.Symbol],
        fields: Sequence[AppliedUndef] | None = None,
        **options: Any,
    ) -> None:
        stacked = isinstance(expressions, (list, tuple, sp.Tuple))
        found = residual(expressions, coords, fields)
        super().__init__(function, found, stacked, **options)
        self.residual = found
        self.expressions = expressions
        self.coords = tuple(coords)
        self.fields = fields

    @property
    def functionals(self) -> dict[sp.Symbol, sp.Expr]:
        """The fewest linear operators on fields through which the expressions can be written.

        Each under the symbol that stands for it in ``residual.expressions``.
        """
        return {
            symbol: _applied(
                functional.polynomial, self.residual.fields[functional.output], self.coords
            )
            for symbol, functional in zip(
                self.residual.symbols, self.residual.functionals, strict=True
            )
        }


def _applied(polynomial: Polynomial, field: AppliedUndef, coords: Sequence[sp.Symbol]) -> sp.Expr:
    """An operator applied to a field."""
    return sp.Add(
        *(
            sp.Rational(number.numerator, number.denominator)
            * (field.diff(*(coords[i] for i in monomial)) if monomial else field)
            for monomial, number in polynomial.items()
        )
    )


class Derivatives(FieldOperator):
    """``op(X, params)``: derivatives of a function at every point; see `derivatives`."""

    def __init__(
        self,
        function: Callable[..., Any],
        names: Sequence[str | Sequence[str | sp.Symbol]],
        coords: Sequence[str | sp.Symbol],
        **options: Any,
    ) -> None:
        functionals = derivative_functionals(names, coords)
        symbols = tuple(sp.Symbol(f"d{i}", real=True) for i in range(len(functionals)))
        points = tuple(sp.Symbol(str(coordinate), real=True) for coordinate in coords)
        field = sp.Function("u")(*points)
        wanted = Residual(functionals, symbols, symbols, points, (), (field,))
        super().__init__(function, wanted, True, **options)
        self.names = names
        self.coords = tuple(coords)


def operator(
    expressions: sp.Expr | Sequence[sp.Expr],
    net: Callable[..., Any],
    coords: Sequence[sp.Symbol],
    fields: Sequence[AppliedUndef] | None = None,
    *,
    method: str = "auto",
    backend: Backend = "cpu",
    point_ndim: int = 1,
    samples: int | None = None,
    distribution: str | None = None,
    seed: Seed = None,
    per_point: bool = False,
) -> PDE:
    """Any PDE expression, linear or not, of the fields that a function gives.

        x, t = sympy.symbols("x t")
        w = sympy.Function("w")(x, t)
        burgers = jf.operator(w.diff(t) + w * w.diff(x) - nu * w.diff(x, 2), u, coords=(x, t))
        burgers(X, params)

    The fewest linear functionals of the fields' derivatives through which the expressions can be
    written are computed together, in one propagation; value, gradient and Laplacian together cost
    no more vectors than the Laplacian.

    Parameters
    ----------
    expressions : a SymPy expression in fields, their derivatives of any order, coordinates and
        further symbols; an equation ``sympy.Eq``; or a list of these, whose results are stacked
        along a last axis.
    net : ``u(x, params)`` in plain NumPy for one point, as for `laplacian`. If there is one field,
        every output of the function, of any shape, is that field. Several fields are the outputs
        (in a dict by the fields' names), or the last axis of the only output.
    coords : the SymPy symbols of the point's components, in their order.
    fields : the fields, such as ``sympy.Function("w")(x, t)``, in the order of the function's
        outputs; not needed if there is one.
    method : "standard" (jets along straight lines, mixed derivatives by interpolation), "collapsed"
        (the same with sums of highest coefficients propagated), "nested" (for an operator that is a
        product of simpler ones), "minimal" (the smallest algebra of jets) or "auto", which takes
        the cheapest by prediction. All give the same numbers.
    backend, point_ndim : as for `laplacian`.
    samples, distribution, seed, per_point : estimate derivatives along random directions, as for
        `laplacian`: the terms of order 2, whatever the coefficients between them, and those of
        order 4 that are a multiple of the square of such a form. First derivatives and values are
        exact. The expression must be linear in what is estimated, so that the mean is right.

    Returns
    -------
    An operator: call it on X of shape (..., D), the leading axes being a batch, on the parameters,
    and, by name, on values for the expressions' further symbols: ``op(X, params, nu=0.1)``. The
    result has shape (..., *shape of u), for a list of expressions with one more axis at the end. It
    can be called inside a traced function. It offers ``derivation`` and ``source``, and
    ``functionals``: a dictionary of the linear functionals in SymPy, by the symbols that stand for
    them in ``residual.expressions``.

    Raises
    ------
    ArgumentError, which names the term, for what is no smooth expression in fields and coordinates;
    for a number of coordinates that is not the point's; for missing or unknown values of symbols.
    TraceError and ShapeError at the first call, with the line of the function, for what cannot be
    traced.

    Source: "Collapsing Taylor Mode Automatic Differentiation" (NeurIPS 2025, arXiv 2505.13644);
    Iarrobino and Kanev, Power Sums, Gorenstein Algebras, and Determinantal Loci (1999).
    """
    return PDE(
        net,
        expressions,
        coords,
        fields,
        method=method,
        backend=backend,
        point_ndim=point_ndim,
        samples=samples,
        distribution=distribution,
        seed=seed,
        per_point=per_point,
    )


def derivatives(
    function: Callable[..., Any],
    names: Sequence[str | Sequence[str | sp.Symbol]],
    coords: Sequence[str | sp.Symbol],
    *,
    method: str = "auto",
    backend: Backend = "cpu",
    point_ndim: int = 1,
) -> Derivatives:
    """Several partial derivatives of a function, in one propagation.

        jf.derivatives(u, ["", "t", "xx", "xyy"], coords=("x", "y", "t"))(X, params)

    Parameters
    ----------
    function : ``u(x, params)`` in plain NumPy for one point, as for `laplacian`.
    names : the derivatives, each as the names of coordinates in a row, in any order; "" is the
        function itself. A tuple of names says it where a string could be read in two ways.
    coords : names or SymPy symbols for the point's components, in their order.
    method, backend, point_ndim : as for `operator`.

    Returns
    -------
    An operator: ``op(X, params)`` has shape (..., *shape of u, number of names).

    Raises
    ------
    ArgumentError for a name that is not made of coordinates, or a wrong number of coordinates.
    """
    return Derivatives(
        function, names, coords, method=method, backend=backend, point_ndim=point_ndim
    )
