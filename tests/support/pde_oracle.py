"""PDE expressions by JAX: every derivative by nested forward mode, then SymPy's own evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import scipy.special
import sympy as sp
from numpy.typing import NDArray
from sympy.core.function import AppliedUndef

from jax_once import evaluate
from oracle_functions import DIMENSION, FUNCTIONS, Function, Modules
from oracle_functions import parameters as oracle_parameters

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")

NUMPY = Modules(np, scipy.special)
JAX = Modules(jax.numpy, jax.scipy.special)


@contextmanager
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def embedded(name: str, size: int) -> Function:
    """A function of `oracle_functions` on a plane in its six dimensions, as one of ``size``."""
    random = np.random.default_rng(size)
    slopes = random.uniform(0.2, 0.6, (size, DIMENSION)) * random.choice([-1, 1], (size, DIMENSION))
    start = random.uniform(0.5, 0.8, DIMENSION)
    return lambda m, x, p: FUNCTIONS[name](m, start + x @ slopes, p)


def parameters() -> Any:
    return oracle_parameters(width=5)


def partials(
    function: Callable[..., Any], orders: Sequence[tuple[int, ...]], x: NDArray[Any], p: Any
) -> list[NDArray[Any]]:
    """The derivatives by these coordinates at points (count, D)."""

    def by(orders: Sequence[int]) -> Callable[..., Any]:
        if not orders:
            return function
        inner, unit = by(orders[1:]), np.eye(x.shape[-1])[orders[0]]
        return lambda y, p: jax.jvp(lambda z: inner(z, p), (y,), (unit,))[1]

    with double_precision():
        every = jax.vmap(lambda y, p: [by(order)(y, p) for order in orders], in_axes=(0, None))
        return [np.asarray(found) for found in evaluate(every, x, p)]


def by_jax(
    expressions: Sequence[sp.Expr],
    fields: Sequence[sp.Expr],
    coords: Sequence[sp.Symbol],
    functions: Sequence[Callable[..., Any]],
    x: NDArray[Any],
    p: Any,
    **values: float,
) -> list[NDArray[Any]]:
    """Expressions at points (count, D); the fields are these functions of a point, of any shape."""
    written = [expr.doit() for expr in expressions]
    known: dict[sp.Expr, NDArray[Any]] = {}
    for field, function in zip(fields, functions, strict=True):
        atoms = {atom for expr in written for atom in expr.atoms(sp.Derivative, AppliedUndef)}
        own = [a for a in atoms if a == field or (a.is_Derivative and a.expr == field)]
        orders = [
            tuple(coords.index(v) for v in a.variables) if a.is_Derivative else () for a in own
        ]
        known |= dict(zip(own, partials(function, orders, x, p), strict=True))
    ndim = max(array.ndim for array in known.values()) - 1
    symbols = {atom: sp.Symbol(f"known{i}") for i, atom in enumerate(known)}
    names = [*symbols.values(), *coords, *(sp.Symbol(name) for name in values)]
    columns = [x[:, i].reshape(-1, *[1] * ndim) for i in range(len(coords))]
    found = []
    for expr in written:
        evaluate = sp.lambdify(names, expr.xreplace(symbols), "numpy")
        result = evaluate(*known.values(), *columns, *values.values())
        found.append(np.broadcast_to(result, next(iter(known.values())).shape))
    return found
