"""Functions of a point in plain NumPy, of every kind that users write, with small parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special

from jetfold.graph import Graph, Input, Parameter, Type, simplify
from jetfold.graph.trace import trace
from jetfold.graph.tracer import elementwise

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sample:
    """A function ``u(x, p)``, the shape of its point and those of its parameters."""

    function: Callable[..., Any]
    shape: Shape
    parameters: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def point(self) -> Input:
        return Input("x", Type(self.shape))

    def graph(self) -> Graph:
        """The function's graph, cleaned up as operators do it."""
        parameters = {name: Parameter(name, Type(shape)) for name, shape in self.parameters.items()}
        return simplify(trace(self.function, (self.point, parameters)).graph).graph


def _network(activation: Callable[[Any], Any]) -> Sample:
    def network(x: Any, p: Any) -> Any:
        hidden = activation(x @ p["V"] + p["b"])
        return activation(hidden @ p["W"]) @ p["w"]

    return Sample(network, (2,), {"V": (2, 3), "b": (3,), "W": (3, 2), "w": (2,)})


def _attention(x: Any, p: Any) -> Any:
    queries, keys = x @ p["Q"], x @ p["K"]
    weights = np.exp(queries @ keys.T)
    return ((weights / weights.sum(axis=-1, keepdims=True)) @ x).sum(axis=0)


def _where(x: Any, p: Any) -> Any:
    return np.where(x > 2 * p["a"], np.log(x) * x[::-1], np.maximum(x**2, 3 - x)).sum()


def _stacked(x: Any, p: Any) -> Any:
    rows = np.stack([x, x[::-1] ** 2, np.sin(x)])
    return np.concatenate([rows, rows[:1] * rows[1:2]]).T @ p["a"]


def _indexed(x: Any, p: Any) -> Any:
    table = np.outer(x, x) / (1 + x)
    return table[[0, 1], [1, 0]] * table.diagonal()[1] + np.tril(table)[1] - table[-1, ::-1]


def _physics(x: Any, p: Any) -> Any:
    r = np.linalg.norm(x, axis=-1)
    distance = np.sqrt(((x[0] - x[1]) ** 2).sum())
    return np.exp(-p["Z"] * r.sum() + distance / (2 + distance))


def _inverse(x: Any, p: Any) -> Any:
    return np.linalg.inv(np.stack([np.outer(x, x) + p["A"], p["A"] * x])) * x[0]


def _determinants(x: Any, p: Any) -> Any:
    orbitals = x.reshape(-1, 1) ** 2 * p["A"]
    sign, log = np.linalg.slogdet(orbitals + 1)
    return sign * log**2 + np.linalg.det(x) * np.linalg.det(orbitals)


SAMPLES: Mapping[str, Sample] = {
    "network of tanh": _network(np.tanh),
    "network of sin": _network(np.sin),
    "network of softplus": _network(lambda x: elementwise("softplus", x)),
    "network of expit": _network(scipy.special.expit),
    "silu": Sample(lambda x, p: (x * scipy.special.expit(x @ p["A"])).sum(), (2,), {"A": (2, 2)}),
    "quadratic form": Sample(lambda x, p: x @ p["A"] @ x, (3,), {"A": (3, 3)}),
    "attention": Sample(_attention, (2, 2), {"Q": (2, 2), "K": (2, 2)}),
    "norm": Sample(lambda x, p: np.linalg.norm(x) ** 3, (3,)),
    "physics": Sample(_physics, (2, 2), {"Z": ()}),
    "products": Sample(lambda x, p: x[0] * x[1] * x[2] + x[0] ** 3 * p["a"], (3,), {"a": ()}),
    "prod": Sample(lambda x, p: np.prod(x), (4,)),
    "division": Sample(lambda x, p: (x / (1 + x.sum())) / x[0] - 1 / x, (2,)),
    "where": Sample(_where, (2,), {"a": (2,)}),
    "clip and extrema": Sample(lambda x, p: np.clip(x, 1, 3) * x.max() + abs(x).min(), (3,)),
    "einsum": Sample(
        lambda x, p: np.einsum("ij,jk,k->i", np.outer(x, x), p["A"], x), (2,), {"A": (2, 2)}
    ),
    "stacked": Sample(_stacked, (2,), {"a": (4,)}),
    "indexed": Sample(_indexed, (2,)),
    "powers": Sample(lambda x, p: (x ** p["n"]).sum() + x**-2, (2,), {"n": (2,)}),
    "normalised": Sample(lambda x, p: (x - x.mean()) / np.sqrt(x.var() + 1), (3,)),
    "scan": Sample(lambda x, p: np.cumsum(x) * np.cumprod(x) + np.roll(x, 1) ** 2, (3,)),
    "logsumexp": Sample(lambda x, p: np.logaddexp.reduce(x * p["a"]), (3,), {"a": (3,)}),
    "inverse": Sample(_inverse, (2,), {"A": (2, 2)}),
    "determinants": Sample(_determinants, (2, 2), {"A": (4, 4)}),
    "solution": Sample(lambda x, p: x @ np.linalg.solve(p["A"] + x * x, x), (2,), {"A": (2, 2)}),
    "constant": Sample(lambda x, p: p["a"] * 3, (2,), {"a": (2,)}),
    "linear": Sample(lambda x, p: x @ p["A"], (3,), {"A": (3, 2)}),
    "image": Sample(lambda x, p: np.tanh(np.pad(x, 1)[1:3, :2] * x.T).mean(axis=0), (2, 2)),
    "tree": Sample(lambda x, p: {"a": x**2, "b": [x.sum() ** 4, np.ones(2)]}, (2,)),
}
