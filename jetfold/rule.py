"""Taylor rules of primitives, to look at."""

from __future__ import annotations

from jetfold.operator import whole
from jetfold.rules.primitives import primitive
from jetfold.rules.taylor_rule import TaylorRule, derive_rule


def rule(name: str, order: int = 2, collapsed: bool = False) -> TaylorRule:
    """The Taylor rule of a primitive, derived by SymPy from its defining expression.

    Parameters
    ----------
    name : a primitive, by its NumPy or SciPy name: "tanh", "multiply", "expit", ...
    order : the highest coefficient, 1 or more.
    collapsed : give the sum over directions in place of the highest coefficient.

    Returns
    -------
    An object with ``equations`` (SymPy, one for each order) and ``latex()``; notebooks display it
    as formulas. Coefficients are unscaled derivatives.

    Raises
    ------
    ArgumentError for an unknown name (with the nearest ones) or an order below 1.
    """
    return derive_rule(primitive(name), whole(order, "the order of a Taylor rule", 1), collapsed)
