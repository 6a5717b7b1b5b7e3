"""Vectors that operators propagate, counted in their graphs, and what "auto" makes of them."""

from __future__ import annotations

from itertools import combinations_with_replacement, pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.derivation import Derivation
from jetfold.rules.polynomial import from_sympy
from jetfold.rules.prediction import minimal_jets, straight_jets
from jetfold.rules.problem import Functional, Problem

DIMENSIONS = [2, 3, 5, 6]
METHODS = ("standard", "collapsed", "minimal")


def net(x: Any) -> Any:
    """Two hidden layers, so that a value in the middle has all of the coefficients."""
    return np.tanh(np.tanh(x @ np.ones((x.shape[0], 7)) / 5) @ np.ones((7, 7)) / 5) @ np.ones(7)


def field(size: int) -> tuple[tuple[sp.Symbol, ...], sp.Expr]:
    coords = sp.symbols(f"x0:{size}")
    return coords, sp.Function("w")(*coords)


def lap(function: sp.Expr, coords: tuple[sp.Symbol, ...]) -> sp.Expr:
    return sp.Add(*(function.diff(coordinate, 2) for coordinate in coords))


def derivation(expressions: Any, coords: tuple[sp.Symbol, ...], **values: float) -> Derivation:
    return jf.operator(expressions, net, coords).derivation(np.zeros(len(coords)), **values)


def counts(d: Derivation) -> tuple[int, ...]:
    return tuple(d.cost.vectors[method] for method in METHODS)


@pytest.mark.parametrize("size", DIMENSIONS)
def test_laplacian(size: int) -> None:
    coords, w = field(size)
    expected = (1 + 2 * size, 2 + size, 2 + size)
    assert counts(derivation(lap(w, coords), coords)) == expected
    assert counts(jf.laplacian(net).derivation(np.zeros(size))) == expected


@pytest.mark.parametrize("size", DIMENSIONS)
def test_value_gradient_and_laplacian_cost_no_more(size: int) -> None:
    coords, w = field(size)
    together = [w, *(w.diff(coordinate) for coordinate in coords), lap(w, coords)]
    assert counts(derivation(together, coords)) == (1 + 2 * size, 2 + size, 2 + size)


@pytest.mark.parametrize("size", DIMENSIONS)
def test_biharmonic(size: int) -> None:
    coords, w = field(size)
    standard = 6 * size**2 - 2 * size + 1
    collapsed = (9 * size**2 - 3 * size + 8) // 2
    minimal = (size**2 + 5 * size + 4) // 2
    for d in (
        derivation(lap(lap(w, coords), coords), coords),
        jf.biharmonic(net).derivation(np.zeros(size)),
    ):
        assert counts(d) == (standard, collapsed, minimal)
        assert d.cost.vectors["nested"] == (2 + size) ** 2
        assert d.methods == ("standard", "collapsed", "nested", "minimal")


@pytest.mark.parametrize("size", [2, 3])
def test_heat(size: int) -> None:
    """The time derivative is free: d space dimensions need 2 + d vectors."""
    coords, w = field(size + 1)
    *space, time = coords
    d = derivation(w.diff(time) - lap(w, tuple(space)), coords)
    assert d.cost.vectors["minimal"] == 2 + size


@pytest.mark.parametrize(
    ("wanted", "residual", "vectors"),
    [
        (lambda w, x, y, t: [w.diff(t, 2) - lap(w, (x, y))], lambda *_: 0, (5, 5)),
        (lambda w, x, y, t: [w.diff(x, y)], lambda *_: 0, (4, 4)),
        (lambda w, x, y, t: [w.diff(x, 2, y, 2)], lambda *_: 0, (9, 9)),
        (
            lambda w, x, y, t: [w, w.diff(t), w.diff(x), w.diff(x, 3)],
            lambda w, x, y, t: w.diff(t) + 6 * w * w.diff(x) + w.diff(x, 3),
            (5, 4),
        ),
        (
            lambda w, x, y, t: [w, w.diff(t), w.diff(x), w.diff(x, 2), w.diff(x, 4)],
            lambda w, x, y, t: w.diff(t) + w * w.diff(x) + w.diff(x, 2) + w.diff(x, 4),
            (6, 5),
        ),
        (
            lambda w, x, y, t: [
                *(w, w.diff(t), w.diff(x), w.diff(y)),
                *(lap(w, (x, y)), lap(lap(w, (x, y)), (x, y))),
            ],
            lambda w, x, y, t: w.diff(t) - lap(w**3 - w - lap(w, (x, y)), (x, y)),
            (10, 9),
        ),
    ],
    ids=["wave", "u_xy", "u_xxyy", "KdV", "Kuramoto-Sivashinsky", "Cahn-Hilliard"],
)
def test_equations(wanted: Any, residual: Any, vectors: tuple[int, int]) -> None:
    """The table's operators one by one; where only their sum counts, one vector less."""
    coords, w = field(3)
    expressions = wanted(w, *coords)
    assert derivation(expressions, coords).cost.vectors["minimal"] == vectors[0]
    expr = residual(w, *coords) or expressions[0]
    assert derivation(expr, coords).cost.vectors["minimal"] == vectors[1]


@pytest.mark.parametrize("size", DIMENSIONS)
def test_coefficients_that_differ_from_point_to_point(size: int) -> None:
    """Any operator of order 2 is one form at each point: the Laplacian's vectors are enough."""
    coords, w = field(size)
    nu = sp.Symbol("nu")
    pairs = combinations_with_replacement(coords, 2)
    form = sp.Add(*(sp.sin(a + i * nu * b) * w.diff(a, b) for i, (a, b) in enumerate(pairs, 1)))
    expr = form + w * w.diff(coords[0]) ** 2 - coords[1] * w.diff(coords[1])
    assert derivation(expr, coords, nu=0.5).cost.vectors["minimal"] == size + 2
    d = derivation([expr, w], coords, nu=0.5)  # a list needs all second derivatives by themselves
    assert d.cost.vectors["minimal"] == 1 + size + size * (size + 1) // 2


@pytest.mark.parametrize("samples", [1, 4])
def test_estimates(samples: int) -> None:
    coords, w = field(5)
    laplacian = jf.laplacian(net, samples=samples).derivation(np.zeros(5))
    assert counts(laplacian) == (1 + 2 * samples, 2 + samples, 2 + samples)
    biharmonic = jf.biharmonic(net, samples=samples).derivation(np.zeros(5))
    assert counts(biharmonic) == (1 + 4 * samples, 2 + 3 * samples, 2 + 3 * samples)
    for expr, order in ((lap(w, coords), 2), (lap(lap(w, coords), coords), 4)):
        d = jf.operator(expr, net, coords, samples=samples).derivation(np.zeros(5))
        collapsed = 2 + (order - 1) * samples
        assert counts(d) == (1 + order * samples, collapsed, collapsed)


# Predictions --------------------------------------------------------------------------------------

X = sp.symbols("x0:4")
x, y, z, t = X
PLANE = x**2 + y**2
PROBLEMS: dict[str, list[sp.Expr]] = {
    "gradient": [x, y, z],
    "Laplacian": [PLANE + z**2 + t**2],
    "all together": [sp.S.One, x, y, z, t, PLANE + z**2 + t**2],
    "wave": [t**2 - PLANE],
    "Korteweg-de Vries": [sp.S.One, t, x, x**3],
    "Cahn-Hilliard": [sp.S.One, t, x, y, PLANE, sp.expand(PLANE**2)],
    "biharmonic": [sp.expand((PLANE + z**2 + t**2) ** 2)],
    "mixed": [x * y, x**2 * y * z - 3 * t**3 * x],
    "every derivative": [
        sp.Mul(*by) for order in range(5) for by in combinations_with_replacement((x, y), order)
    ],
    "orders together": [x**4 + y**2 - t, x**2 - z * t, y],
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_predicted_vectors_are_those_of_the_graphs(name: str) -> None:
    polynomials = [from_sympy(operator, X) for operator in PROBLEMS[name]]
    names = sp.symbols("x y z t")
    written = [_derivative(operator, names) for operator in PROBLEMS[name]]
    d = derivation(written, names)
    assert straight_jets(polynomials, collapsed=False).vectors == d.cost.vectors["standard"]
    assert straight_jets(polynomials, collapsed=True).vectors == d.cost.vectors["collapsed"]
    functionals = tuple(Functional(0, polynomial) for polynomial in polynomials)
    algebra = Problem(4, lambda *_: 0, functionals, lambda _, nodes: list(nodes)).algebra
    assert minimal_jets(algebra).vectors == d.cost.vectors["minimal"]


def _derivative(operator: sp.Expr, coords: tuple[sp.Symbol, ...]) -> sp.Expr:
    w = sp.Function("w")(*coords)
    terms = []
    for powers, number in sp.Poly(operator, *X).terms():
        by = [(c, n) for c, n in zip(coords, powers, strict=True) if n]
        terms.append(number * (w.diff(*by) if by else w))
    return sp.Add(*terms)


def test_the_least_prediction_is_chosen() -> None:
    coords, w = field(3)
    u, v = coords[:2]
    chosen = set()
    for expr in (
        lap(lap(w, coords), coords),
        lap(w, coords),
        w.diff(u, 2, v, 2),
        w.diff(u, 2) - 2 * w.diff(v, 2) - w.diff(u, v),
        w.diff(u, 4),
        [w, w.diff(u, 3, v), w.diff(v)],
    ):
        d = derivation(expr, coords)
        assert set(d.cost.predicted) == set(d.methods)
        assert d.cost.predicted[d.cost.chosen] == min(d.cost.predicted.values())
        assert d.chosen == d.cost.chosen
        chosen.add(d.chosen)
    assert {"collapsed", "minimal"} <= chosen


def test_predictions_rank_as_operations_do() -> None:
    """For a network, whose products cost most, the least predicted has the fewest operations."""
    coords, w = field(4)
    for expr in (lap(lap(w, coords), coords), lap(w, coords) * w.diff(*coords)):
        d = derivation(expr, coords)
        assert d.cost.operations[d.chosen] == min(d.cost.operations.values())
        assert d.cost.flops == d.cost.operations[d.chosen]


# Plans --------------------------------------------------------------------------------------------

COORDS = sp.symbols("x y z t")
W = sp.Function("w")(*COORDS)
EVERY = [
    W.diff(*by) if by else W
    for order in range(5)
    for by in combinations_with_replacement(COORDS, order)
]


@pytest.mark.parametrize(
    "expr",
    [
        lap(W, COORDS) ** 2 + sp.Add(*(a * b for a, b in pairwise(EVERY))),
        sp.Add(*(s**2 for s in EVERY)),
        sp.exp(sp.Add(*EVERY)) + sp.sin(EVERY[-1]) * EVERY[3],
        lap(lap(W**3, COORDS), COORDS),
        sp.hessian(W, COORDS).det(method="berkowitz"),
    ],
    ids=["square and products", "squares", "functions", "biharmonic of a cube", "determinant"],
)
def test_a_plan_takes_no_graph(expr: sp.Expr, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: Any) -> Any:
        raise AssertionError("a graph is built")

    for method in ("interpolated", "push_families", "minimal", "nested"):
        monkeypatch.setattr(f"jetfold.rules.methods.{method}", build)
    d = derivation(expr, COORDS)
    assert set(d.cost.predicted) == set(d.methods)
    assert d.cost.predicted[d.chosen] == min(d.cost.predicted.values())
    with pytest.raises(AssertionError, match="a graph is built"):
        _ = d.final_graph


def test_biharmonic_in_fifty_dimensions() -> None:
    random = np.random.default_rng(0)
    first, second, last = (random.normal(size=s) for s in ((50, 64), (64, 64), 64))

    def wide(x: Any) -> Any:
        return np.tanh(np.tanh(x @ first) @ second) @ last

    d = jf.biharmonic(wide, method="auto").derivation(np.zeros(50))
    assert d.chosen == "minimal"
    assert d.cost.vectors["minimal"] == (50**2 + 5 * 50 + 4) // 2
    assert len(d.final_graph.order) < 100
