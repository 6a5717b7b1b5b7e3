"""Derivations that are told as texts: one for each kind of operator, and what is special."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

import jetfold as jf
from jetfold.account import account
from jetfold.account.document import Document
from jetfold.derivation import Derivation

x, y, t, nu, Re = sp.symbols("x y t nu Re")
w = sp.Function("w")(x, t)
BURGERS = w.diff(t) + w * w.diff(x) - nu * w.diff(x, 2)


def v(x: Any) -> Any:
    return np.sum(np.exp(np.sin(x)))


def net(x: Any, params: Any) -> Any:
    for weights, bias in params[:-1]:
        x = np.tanh(x @ weights + bias)
    return x @ params[-1]


def layers(*widths: int) -> list[Any]:
    """Parameters of ``net`` with these widths; the numbers do not matter."""
    return [*((np.ones((n, m)), np.ones(m)) for n, m in pairwise(widths)), np.ones(widths[-1])]


def wave(point: Any, speed: Any, nu: Any) -> Any:
    x, t = point
    return speed - np.tanh((x - speed * t) / (2 * nu))


def bump(point: Any) -> Any:
    return np.exp(-point @ point / 2)


def columns(point: Any) -> Any:
    x, y = point
    return np.stack([np.stack([np.ones_like(x), x * y]), np.stack([y, np.zeros_like(x)])], axis=-1)


def flow(point: Any) -> Any:
    x, y, t = point
    return np.sin(x) * y, np.cos(y) * t, x * y * t


def of_matrices(x: Any) -> Any:
    return np.linalg.slogdet(x)[1] + np.linalg.inv(x)[0, 0]


def several(x: Any) -> Any:
    return {"value": np.maximum(x, 0.0) * x, "norm": np.sqrt(x @ x)}


def determinant(x: Any) -> Any:
    return x[0] * np.linalg.slogdet(np.outer(x, x) + np.eye(3))[1]


def loss(x: Any, params: Any) -> Any:
    return (jf.laplacian(net)(x, params) - np.sin(x[0])) ** 2


def hidden(x: Any, params: Any) -> Any:
    return np.tanh(x @ params[0][0] + params[0][1]) @ params[1][0]


def _navier_stokes() -> Derivation:
    u1, u2, q = (sp.Function(name)(x, y, t) for name in ("u", "v", "q"))
    momentum = [
        a.diff(t) + u1 * a.diff(x) + u2 * a.diff(y) + q.diff(s) - (a.diff(x, 2) + a.diff(y, 2)) / Re
        for a, s in ((u1, x), (u2, y))
    ]
    equations = [*momentum, sp.Eq(u1.diff(x), -u2.diff(y))]
    operator = jf.operator(equations, flow, (x, y, t), fields=(u1, u2, q))
    return operator.derivation(np.zeros(3), Re=3.0)


def _fixed_burgers() -> Derivation:
    fixed = BURGERS.subs(nu, sp.Rational(1, 10))
    return jf.operator(fixed, net, (x, t), method="minimal").derivation(np.zeros(2), layers(2, 8))


CASES: Mapping[str, Callable[[], Derivation]] = {
    "sum_exp_sin": lambda: jf.laplacian(v).derivation(np.zeros(3)),
    "network": lambda: jf.laplacian(net).derivation(np.zeros(3), layers(3, 20, 20)),
    "biharmonic": lambda: jf.biharmonic(net).derivation(np.zeros(3), layers(3, 20, 20)),
    "burgers": lambda: jf.operator(BURGERS, wave, (x, t)).derivation(
        np.zeros((5, 2)), 0.5, 0.3, nu=0.3
    ),
    "weighted": lambda: jf.weighted_laplacian(bump, columns).derivation(np.zeros(2)),
    "jet": lambda: jf.jet(v, 4).derivation(np.zeros(3)),
    "collapsed_biharmonic": lambda: jf.biharmonic(net, method="collapsed").derivation(
        np.zeros(3), layers(3, 20, 20)
    ),
    "nested_biharmonic": lambda: jf.biharmonic(v, method="nested").derivation(np.zeros(3)),
    "minimal_burgers": _fixed_burgers,
    "navier_stokes": _navier_stokes,
    "indefinite": lambda: jf.weighted_laplacian(
        bump, np.diag([1.0, 1.0, -4.0]), matrix=True
    ).derivation(np.zeros(3)),
    "random": lambda: jf.laplacian(net, samples=16, distribution="rademacher").derivation(
        np.zeros(50), layers(50, 20)
    ),
    "random_biharmonic": lambda: jf.biharmonic(v, samples=6).derivation(np.zeros(3)),
    "random_weighted": lambda: jf.weighted_laplacian(
        bump, (np.eye(3), np.ones((3, 1))), samples=4, per_point=True
    ).derivation(np.zeros(3)),
    "random_expression": lambda: jf.operator(
        w * w.diff(x, 2) + w.diff(t), bump, (x, t), samples=4
    ).derivation(np.zeros(2)),
    "partial": lambda: jf.derivatives(bump, ["", "x", "xx", "xyy"], ["x", "y"]).derivation(
        np.zeros(2)
    ),
    "matrix_functions": lambda: jf.laplacian(of_matrices, point_ndim=2).derivation(np.eye(3)),
    "standard": lambda: jf.laplacian(v, method="standard").derivation(np.zeros(3)),
    "operator_of_operator": lambda: jf.laplacian(jf.laplacian(v)).derivation(np.zeros(3)),
    "outputs": lambda: jf.laplacian(several).derivation(np.zeros(4)),
    "one_coordinate": lambda: jf.laplacian(np.sin, point_ndim=0).derivation(0.0),
    "gradient": lambda: jf.grad(determinant).derivation(np.zeros(3)),
    "loss": lambda: jf.value_and_grad(loss).derivation(np.zeros(2), layers(2, 5)),
    "pulled_back": lambda: jf.vjp(jf.laplacian(net)).derivation(np.zeros(2), layers(2, 5)),
    "jacobian": lambda: jf.residual_and_jacobian(hidden, argnums=(0, 1)).derivation(
        np.zeros(2), layers(2, 3, 3)
    ),
    "gradient_of_nothing": lambda: jf.grad(lambda x: 2.0).derivation(np.zeros(2)),
    "no_derivative": lambda: jf.laplacian(lambda x: 1.0).derivation(np.zeros(2)),
}


@cache
def derived(name: str) -> Derivation:
    return CASES[name]()


@cache
def told(name: str) -> Document:
    return account(derived(name))
