"""Derivations of every kind of operator, and the data of their pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

import jetfold as jf
from custom_examples import EXAMPLES
from jetfold.derivation import Derivation
from jetfold.explorer.data import page_data
from linear_functions import five_points

Data = dict[str, Any]

t, x, y, nu = sp.symbols("t x y nu")
w = sp.Function("w")(x, t)
BURGERS = w.diff(t) + w * w.diff(x) - nu * w.diff(x, 2)


def wave(x: Any) -> Any:
    return np.sin(x[0]) * np.exp(-x @ x / 2)


def sines(x: Any) -> Any:
    return np.prod(np.sin(x))


def layers(x: Any, p: Any) -> Any:
    return np.tanh(np.tanh(x @ p["V"] + p["b"]) @ p["W"]) @ p["w"]


def local_energy(x: Any) -> Any:
    return -jf.laplacian(wave)(x) / (2 * wave(x)) - 1 / np.linalg.norm(x)


def determinants(x: Any) -> Any:
    _, log = np.linalg.slogdet(np.outer(x, x) + np.eye(2))
    return {"log": log, "solution": np.linalg.solve(np.outer(x, x) + np.eye(2), x)}


def selected(x: Any) -> Any:
    return np.where(x > 0, np.maximum(x**2, 3 - x), np.log1p(np.exp(x))).sum()


def squared(x: Any, p: Any) -> Any:
    return (jf.laplacian(layers)(x, p) - np.sin(x[0])) ** 2


def hidden(x: Any, p: Any) -> Any:
    return np.tanh(x @ p["V"] + p["b"]) @ p["W"]


SHAPES = {"V": (2, 3), "b": (3,), "W": (3, 2), "w": (2,)}
PARAMETERS = {name: np.ones(shape) for name, shape in SHAPES.items()}
SIGMA = np.array([[1.0, 0.0], [0.5, 2.0]])
DERIVATIONS: dict[str, Callable[[], Derivation]] = {
    "standard": lambda: jf.laplacian(layers, method="standard").derivation(np.ones(2), PARAMETERS),
    "collapsed": lambda: jf.laplacian(layers).derivation(np.ones(2), PARAMETERS),
    "minimal": lambda: jf.laplacian(wave, method="minimal").derivation(np.ones(2)),
    "one direction": lambda: jf.laplacian(lambda x: np.sin(x).sum()).derivation(np.ones(1)),
    "weighted": lambda: jf.weighted_laplacian(wave, sigma=SIGMA).derivation(np.ones(2)),
    "randomised": lambda: jf.laplacian(wave, samples=3, seed=0).derivation(np.ones(2)),
    "biharmonic": lambda: jf.biharmonic(sines, method="nested").derivation(np.ones(2)),
    "equation": lambda: jf.operator(BURGERS, wave, coords=(x, t)).derivation(np.ones(2), nu=0.1),
    "jet": lambda: jf.jet(wave, 3).derivation(np.ones(2)),
    "vectors": lambda: jf.laplacian(lambda x: (np.outer(x, x), np.cos(x))).derivation(np.ones(2)),
    "pairs": lambda: jf.laplacian(
        lambda x: np.exp(-np.linalg.norm(x[0] - x[1])), point_ndim=2
    ).derivation(np.ones((2, 2))),
    "matrices": lambda: jf.laplacian(determinants).derivation(np.ones(2)),
    "primitives": lambda: jf.laplacian(
        lambda x: EXAMPLES["swish"](EXAMPLES["gelu"](x), 2.0).sum()
    ).derivation(np.ones(2)),
    "linear": lambda: jf.laplacian(
        lambda u: (jf.linear_primitive("five_points", five_points)(u) ** 2).sum(), point_ndim=2
    ).derivation(np.ones((2, 3))),
    "selections": lambda: jf.laplacian(selected).derivation(np.ones(2)),
    "nested": lambda: jf.laplacian(jf.laplacian(sines)).derivation(np.ones(2)),
    "jet of an operator": lambda: jf.jet(local_energy, 1).derivation(np.ones(3)),
    "constant": lambda: jf.laplacian(lambda x: 3 * np.ones(2)).derivation(np.ones(2)),
    "gradient": lambda: jf.grad(wave).derivation(np.ones(2)),
    "loss": lambda: jf.value_and_grad(squared).derivation(np.ones(2), PARAMETERS),
    "pulled back": lambda: jf.vjp(jf.laplacian(layers)).derivation(np.ones(2), PARAMETERS),
    "jacobian": lambda: jf.residual_and_jacobian(hidden).derivation(np.ones(2), PARAMETERS),
    "the point itself": lambda: jf.laplacian(lambda x: x).derivation(np.ones(2)),
}


@cache
def derivation(name: str) -> Derivation:
    return DERIVATIONS[name]()


@cache
def data_of(name: str) -> Data:
    return parsed(json.dumps(page_data(derivation(name))))


def parsed(text: str) -> Data:
    found: Data = json.loads(text)
    return found
