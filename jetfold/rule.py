"""Taylor rules of primitives, to look at."""

from __future__ import annotations

import numpy as np
import sympy as sp

from jetfold.checks import whole
from jetfold.primitive import CustomPrimitive, as_primitive
from jetfold.rules.taylor_rule import TaylorRule, derive_rule


def rule(
    what: str | np.ufunc | CustomPrimitive | sp.Expr, order: int = 2, collapsed: bool = False
) -> TaylorRule:
    """The Taylor rule of a primitive, derived by SymPy from its defining expression.

    Parameters
    ----------
    what : a primitive, by its NumPy or SciPy name ("tanh", "multiply", "expit", ...) or as that
        ufunc (np.tanh), by the name with which it was registered, or as `jetfold.primitive` gave
        it; or any expression in SymPy, whose symbols are the arguments, sorted by name.
    order : the highest coefficient, 1 or more.
    collapsed : give the sum over directions in place of the highest coefficient.

    Returns
    -------
    An object with ``equations`` (SymPy, one for each order) and ``latex()``; notebooks display it
    as formulas. Coefficients are unscaled derivatives.

    Raises
    ------
    ArgumentError for an unknown name (with the nearest ones), an expression that cannot be
    computed, an order below 1, or an order for which there is no derivative.
    """
    highest = whole(order, "the order of a Taylor rule", 1)
    return derive_rule(as_primitive(what), highest, collapsed)
