"""Methods of tracers, methods of ufuncs and generalised ufuncs: all do what they do on arrays."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from jetfold.graph import contractions, reductions
from jetfold.graph.tracer import Tracer
from tracing import batch, check

Function = Callable[..., Any]

A = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
V = np.array([1.0, -2.0, 0.5])


GENERALISED: Mapping[str, list[Function]] = {
    "matmul": [
        lambda x: x @ V,
        lambda x: V[:2] @ x,
        lambda x: x @ A.T,
        lambda x: A @ x.T,
        lambda x: x[0] @ x[1],
        lambda x: np.stack([x, x]) @ x.T,
        lambda x: np.ones((4, 1, 3, 2)) @ np.stack([x, x]),
        lambda x: x[None] @ np.ones((5, 3, 1)),
        lambda x: V @ np.stack([x.T, x.T]),
        lambda x: np.ones((2, 1, 1)) @ x[:1],
    ],
    "vecdot": [lambda x: np.vecdot(x, A), lambda x: np.vecdot(x[:, None], x)],
    "matvec": [lambda x: np.matvec(x, V), lambda x: np.matvec(A, x)],
    "vecmat": [lambda x: np.vecmat(V[:2], x), lambda x: np.vecmat(x, A.T)],
}


def test_every_generalised_ufunc_has_a_case() -> None:
    assert {ufunc.__name__ for ufunc in contractions.UFUNCS} <= set(GENERALISED)


@pytest.mark.parametrize(
    "function", [f for u in contractions.UFUNCS for f in GENERALISED[u.__name__]]
)
def test_generalised_ufunc(function: Function) -> None:
    check(function, batch((2, 3)), rtol=1e-12)


UFUNC_METHODS: Mapping[str, list[Function]] = {
    "reduce": [
        np.add.reduce,
        lambda x: np.add.reduce(x, axis=None),
        lambda x: np.multiply.reduce(x, axis=1),
        lambda x: np.multiply.reduce(x, axis=(0, 1), keepdims=True),
        np.maximum.reduce,
        lambda x: np.minimum.reduce(x, axis=1),
        lambda x: np.logaddexp.reduce(x, axis=1),
        lambda x: np.logaddexp.reduce(x[:, :0], axis=1),
        np.hypot.reduce,
        lambda x: np.logical_and.reduce(x > 0),
        lambda x: np.logical_or.reduce(x > 1, axis=1),
        lambda x: np.logical_or.reduce(x[:1]),
        lambda x: np.multiply.reduce(x > -1) + np.multiply.reduce(x > -2),
        lambda x: np.maximum.reduce(x > 0) + np.maximum.reduce(x > -1),
    ],
    "accumulate": [
        np.add.accumulate,
        lambda x: np.add.accumulate(x, axis=1),
        lambda x: np.multiply.accumulate(x, axis=1),
        lambda x: np.maximum.accumulate(np.tile(x, 3), axis=1),
        lambda x: np.logaddexp.accumulate(x, 1),
        lambda x: np.logical_or.accumulate(x * (x > 0), axis=1),
        lambda x: np.cumsum(x > 0) + np.cumprod(x > -1),
    ],
    "outer": [
        lambda x: np.multiply.outer(x, A),
        lambda x: np.subtract.outer(V, x),
        lambda x: np.maximum.outer(x[0], x[1]),
    ],
}


def test_every_method_of_ufuncs_has_a_case() -> None:
    assert set(UFUNC_METHODS) == set(reductions.UFUNC_METHODS)


@pytest.mark.parametrize("function", [f for group in UFUNC_METHODS.values() for f in group])
def test_methods_of_ufuncs(function: Function) -> None:
    check(function, batch((2, 3)), rtol=1e-12)


METHODS: Mapping[str, Function] = {
    "T": lambda x: x.T,
    "all": lambda x: (x > -1).all(),
    "any": lambda x: (x > 1).any(axis=0),
    "astype": lambda x: x.astype(np.float64, copy=False),
    "clip": lambda x: x.clip(-1, max=1),
    "conj": lambda x: x.conj(),
    "copy": lambda x: x.copy(),
    "cumprod": lambda x: x.cumprod(axis=0),
    "cumsum": lambda x: x.cumsum(1),
    "diagonal": lambda x: x.diagonal(),
    "dot": lambda x: x.dot(V),
    "dtype": lambda x: np.zeros(2, x.dtype),
    "flatten": lambda x: x.flatten(),
    "mT": lambda x: x.mT,
    "max": lambda x: x.max(axis=1),
    "mean": lambda x: x.mean(0),
    "min": lambda x: x.min(),
    "ndim": lambda x: x + x.ndim,
    "prod": lambda x: x.prod(axis=0, keepdims=True),
    "ravel": lambda x: x.ravel(),
    "real": lambda x: x.real,
    "repeat": lambda x: x.repeat(2, axis=1),
    "reshape": lambda x: (x.reshape(3, 2), x.reshape((6,)), x.reshape(-1, order="F")),
    "round": lambda x: x.round(1),
    "shape": lambda x: np.ones(x.shape) * x,
    "size": lambda x: x * x.size,
    "squeeze": lambda x: x[:, :1].squeeze(),
    "std": lambda x: x.std(axis=1),
    "sum": lambda x: x.sum(axis=(0, 1)),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "take": lambda x: x.take([1, 2], axis=1),
    "trace": lambda x: x.trace(),
    "transpose": lambda x: (x.transpose(), x.transpose(1, 0), x.transpose((0, 1))),
    "var": lambda x: x.var(ddof=1),
}


def test_every_method_has_a_case() -> None:
    public = {name for name in vars(Tracer) if not name.startswith("_")}
    assert public - {"editor", "node", "truth", "type", "move"} == set(METHODS)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_method(method: Function) -> None:
    check(method, batch((2, 3)), rtol=1e-12)


def test_a_tracer_is_a_sequence_of_rows() -> None:
    check(lambda x: [row * len(x) for row in x], batch((2, 3)))
    check(sum, batch((2, 3)))
    check(lambda x: [a + b for a, b in zip(*x, strict=True)], batch((2, 3)))
