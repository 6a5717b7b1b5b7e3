"""The Taylor rule of a function, standard and collapsed, checked against numerical derivatives.

    python examples/inspect_rule.py tanh --order 3
    python examples/inspect_rule.py arccosh --at 1.5 --latex

Any elementwise function of docs/numpy.md will do. The rule is derived by SymPy. For the check the
NumPy or SciPy function itself is approximated by a polynomial along a path, and that is
differentiated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np
import scipy.special
import sympy as sp
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray

import jetfold as jf
from jetfold.graph import operand_symbol
from jetfold.graph.numbers import FLOAT

OPERANDS = ("x", "z", "w")
"""What rules call the operands: x_1 is coefficient 1 of the first one's path."""
RADIUS = 0.2
"""The polynomial approximates the function for times up to this."""
TOLERANCE = 1e-6

Paths = list[NDArray[np.float64]]


def paths(start: Sequence[float], order: int) -> Paths:
    """Coefficients 0..order of each operand's path: derivatives at time 0."""
    return [np.array([x, *(0.9 / k for k in range(1, order + 1))]) for x in start]


def function_of(name: str) -> tuple[Callable[..., Any], int]:
    """A function of NumPy or SciPy, and how many operands it has."""
    if name == "where":
        return np.where, 3
    function = getattr(np, name, None) or getattr(scipy.special, name)
    return function, getattr(function, "nin", 1)


def numerical(function: Callable[..., Any], operands: Paths) -> NDArray[np.float64]:
    """The coefficients of the result's path, from values of the function alone."""
    orders = range(len(operands[0]))

    def along(time: Any) -> Any:
        powers = np.stack([time**k / factorial(k) for k in orders])
        return np.asarray(function(*(path @ powers for path in operands)), dtype=np.float64)

    fitted = Chebyshev.interpolate(along, len(orders) + 9, domain=[-RADIUS, RADIUS])
    return np.array([fitted.deriv(k)(0.0) for k in orders])


def from_rule(rule: Any, operands: Paths) -> NDArray[np.float64]:
    """The same coefficients, from the equations of the rule one after the other."""
    known = {
        sp.Symbol(f"{name}_{k}", real=True): value
        for name, path in zip(OPERANDS, operands, strict=False)
        for k, value in enumerate(path)
    }
    for equation in rule.equations:
        used = sorted(equation.rhs.free_symbols, key=str)
        expr = equation.rhs.xreplace({symbol: operand_symbol(i) for i, symbol in enumerate(used)})
        known[equation.lhs] = FLOAT.evaluate(expr, [np.asarray(known[symbol]) for symbol in used])
    return np.array([known[equation.lhs] for equation in rule.equations])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the rules; the exit status is 1 if the derivatives differ."""
    parser = argparse.ArgumentParser(description="The Taylor rule of an elementwise function.")
    parser.add_argument("name", help="tanh, multiply, expit, ...")
    parser.add_argument("--order", type=int, default=2, help="(default 2)")
    parser.add_argument("--at", type=float, nargs="+", default=[0.6, 0.7, -0.4], help="the point")
    parser.add_argument("--latex", action="store_true", help="print formulas in LaTeX")
    chosen = parser.parse_args(arguments)

    rule = jf.rule(chosen.name, chosen.order)
    collapsed = jf.rule(chosen.name, chosen.order, collapsed=True)
    print(rule.latex() if chosen.latex else rule, end="\n\n")
    print(collapsed.latex() if chosen.latex else collapsed, end="\n\n")
    function, count = function_of(chosen.name)
    operands = paths(chosen.at[:count], chosen.order)
    expected, found = numerical(function, operands), from_rule(rule, operands)
    error = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"relative difference to numerical derivatives: {error:.0e}")
    return 0 if error <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
