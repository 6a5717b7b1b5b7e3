"""Operators of functions with primitives, against JAX and the same functions in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special
import sympy as sp
from numpy.testing import assert_allclose

import jetfold as jf
from custom_examples import EXAMPLES
from jax_once import evaluate
from jetfold.graph.labels import label
from jetfold.graph.ops import Map

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")


@pytest.fixture
def double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


random = np.random.default_rng(0)
W, V = random.normal(size=(3, 4)), random.normal(size=4)
POINTS = random.uniform(0.2, 1.0, (5, 3))
BETA = np.array([0.5, 1.0, 1.5, 2.0])


def ours(point: Any, params: Any) -> Any:
    """A learnable activation for each unit, and an energy of two arguments."""
    hidden = EXAMPLES["swish"](point @ W, params["beta"])
    radius = np.sqrt(point @ point)
    return EXAMPLES["gelu"](hidden) @ V + EXAMPLES["decay"](
        hidden[0], EXAMPLES["yukawa"](radius, 2)
    )


def in_numpy(point: Any, params: Any) -> Any:
    """The same in functions that jetfold knows."""
    inner = point @ W
    hidden = inner * scipy.special.expit(params["beta"] * inner)
    radius = np.sqrt(point @ point)
    decay = hidden[0] * np.exp(-hidden[0] * np.exp(-2 * radius) / radius)
    return (hidden * (1 + scipy.special.erf(hidden / np.sqrt(2))) / 2) @ V + decay


def theirs(point: Any, params: Any) -> Any:
    inner = point @ W
    hidden = inner * jax.nn.sigmoid(params["beta"] * inner)
    radius = jax.numpy.sqrt(point @ point)
    decay = hidden[0] * jax.numpy.exp(-hidden[0] * jax.numpy.exp(-2 * radius) / radius)
    return jax.nn.gelu(hidden, approximate=False) @ V + decay


def of_theirs(operator: Any) -> Any:
    return np.asarray(evaluate(jax.vmap(operator, in_axes=(0, None)), POINTS, {"beta": BETA}))


def hessian(point: Any, params: Any) -> Any:
    return jax.hessian(theirs)(point, params)


def laplacian(point: Any, params: Any) -> Any:
    return jax.numpy.trace(hessian(point, params))


@pytest.mark.usefixtures("double_precision")
def test_laplacian_of_every_method_and_backend() -> None:
    expected = of_theirs(laplacian)
    chosen: list[dict[str, Any]] = [{"backend": "cpu"}]
    chosen += [{"method": m, "backend": "reference"} for m in ("standard", "collapsed", "minimal")]
    for options in chosen:
        found = jf.laplacian(ours, **options)(POINTS, {"beta": BETA})
        assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.usefixtures("double_precision")
def test_other_operators() -> None:
    params: dict[str, Any] = {"beta": BETA}
    options: dict[str, Any] = {"backend": "reference"}
    root = np.array([[1.0, 0.5], [0.0, 2.0], [-1.0, 0.25]])
    weighted = jf.weighted_laplacian(ours, root, **options)(POINTS, params)
    assert_allclose(
        weighted, of_theirs(lambda x, p: jax.numpy.trace(root.T @ hessian(x, p) @ root)), rtol=1e-10
    )
    drawn = {"samples": 2, "seed": 0, **options}
    known = jf.laplacian(in_numpy, **drawn)(POINTS, params)
    assert_allclose(jf.laplacian(ours, **drawn)(POINTS, params), known, rtol=1e-10)
    a, b, c = sp.symbols("a b c")
    u = sp.Function("u")(a, b, c)
    expr = u * u.diff(a, b) + EXAMPLES["gelu"](u.diff(c))
    found = jf.operator(expr, ours, (a, b, c), **options)(POINTS, params)

    def mixed(x: Any, p: Any) -> Any:
        slope = jax.grad(theirs)(x, p)[2]
        return theirs(x, p) * hessian(x, p)[0, 1] + jax.nn.gelu(slope, approximate=False)

    assert_allclose(found, of_theirs(mixed), rtol=1e-10)


def test_nested_operators() -> None:
    """Of fourth order in all: the same as of the function written out in NumPy."""
    params: dict[str, Any] = {"beta": BETA}
    expected = jf.biharmonic(in_numpy, method="standard", backend="reference")(POINTS, params)
    for operator in (jf.biharmonic(ours, backend="reference"),
                     jf.laplacian(jf.laplacian(ours), backend="reference")):  # fmt: skip
        assert_allclose(operator(POINTS, params), expected, rtol=1e-9)


def test_a_primitive_is_one_node_with_its_name() -> None:
    op = jf.laplacian(ours, backend="reference")
    graph = op.derivation(POINTS, {"beta": BETA}).function_graph
    names = {node: f"%{node}" for node in graph}
    titles = [label(graph, n, names).title for n in graph if isinstance(graph[n].op, Map)]
    assert ("gelu",) in titles
    assert ("swish(a, b)",) in titles
    assert ("yukawa(a, 2)",) in titles
    assert "gelu(%" in str(graph)
