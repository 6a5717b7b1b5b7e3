"""Taylor rules of matrix functions, exactly: as power series, by every method, their cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

import exact
from jetfold.graph import (
    BATCH,
    Contract,
    DirectionAxis,
    Editor,
    Graph,
    Input,
    MatrixFunction,
    Parameter,
    Replicate,
    Sum,
    Type,
    Value,
    interpret,
    rewrite,
    simplify,
)
from jetfold.graph.numbers import EXACT
from jetfold.graph.trace import trace
from jetfold.graph.validate import validate
from jetfold.rules.collapse import COLLAPSE
from jetfold.rules.cost import operations, vectors
from jetfold.rules.matrix import solved_terms
from jetfold.rules.methods import methods
from jetfold.rules.operators import exact_directions, jet, path_inputs
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.prediction import predict
from jetfold.rules.problem import Functional, Problem
from problems import X, as_they_are, derivative, outputs_at, problem, stage

Function = Callable[..., Any]
T = sp.Symbol("t")
x, y, z = X[:3]


# Power series -----------------------------------------------------------------------------------


def coefficients(function: Function, path: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The coefficients of a function of a matrix along a path of rationals."""
    point, order = Input("x", Type(path[0].shape)), len(path) - 1
    graph = jet(trace(function, (point,)).graph, point, order)
    validate(graph)
    inputs = [point, *path_inputs(point, order)]
    known = {graph[node].op: node for node in graph.inputs}
    leaves = {known[op]: Value(c) for op, c in zip(inputs, path, strict=True) if op in known}
    found = interpret(graph, leaves, EXACT)
    return [found[output].array for output in graph.outputs]


def path_of(order: int, *shape: int) -> list[NDArray[Any]]:
    random = np.random.default_rng(order)
    return [EXACT.array(random.integers(-9, 9, shape) / 4) for _ in range(order + 1)]


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 2, 2)])
def test_inverse_times_matrix(shape: tuple[int, ...]) -> None:
    """Leibniz' rule: the coefficients of A Y are those of the identity, 1, 0, 0, .."""
    path = path_of(5, *shape)
    inverses = coefficients(np.linalg.inv, path)
    for order in range(6):
        terms = [math.comb(order, k) * path[k] @ inverses[order - k] for k in range(order + 1)]
        identity = np.broadcast_to(np.eye(shape[-1], dtype=int), shape)
        assert (sum(terms) == (identity if order == 0 else 0 * identity)).all()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_logarithm_of_determinant(size: int) -> None:
    """Leibniz' rule for D = exp(L): D_(k+1) is the sum of the products of D_j with L_(k+1-j)."""
    path = path_of(5, size, size)
    found = coefficients(lambda a: np.linalg.slogdet(a).logabsdet, path)
    rational = np.vectorize(lambda v: sp.Rational(v.numerator, v.denominator), otypes="O")
    moved = sum(rational(c) * T**k / math.factorial(k) for k, c in enumerate(path))
    polynomial = sp.Poly(sp.Matrix(moved).det(method="berkowitz"), T)
    determinants = [polynomial.coeff_monomial(T**k) * math.factorial(k) for k in range(6)]
    logarithms = [rational(value).item() for value in found]
    for k in range(5):
        terms = [math.comb(k, j) * determinants[j] * logarithms[k + 1 - j] for j in range(k + 1)]
        assert sum(terms) == determinants[k + 1]


def test_sign_of_determinant_does_not_change() -> None:
    found = coefficients(lambda a: np.linalg.slogdet(a).sign, path_of(3, 3, 3))
    assert abs(found[0].item()) == 1
    assert not any(value.any() for value in found[1:])


def test_small_determinants_are_smooth_at_singular_matrices() -> None:
    path = [np.zeros((3, 3), dtype=object), EXACT.array(np.eye(3)), *path_of(1, 3, 3) * 2]
    found = coefficients(np.linalg.det, path[:4])
    assert [value.item() for value in found] == [0, 0, 0, 6]


def test_terms_of_a_solution() -> None:
    """A X = B: X_3 = Y B_3 - 3 W_1 X_2 - 3 W_2 X_1 - W_3 X_0."""
    assert set(solved_terms(3)) == {(-3, (1, 2)), (-3, (2, 1)), (-1, (3, 0))}
    assert solved_terms(0) == ()


SOLUTIONS: dict[str, tuple[Function, str, Function]] = {
    # a function of a stack (5, 3, 3), what A times X is, and B in the stack
    "vector": (lambda x: np.linalg.solve(x[0], x[1, 0]), "ij,j->i", lambda x: x[1, 0]),
    "columns": (lambda x: np.linalg.solve(x[0], x[1, :, :2]), "ij,jk->ik", lambda x: x[1, :, :2]),
    "many columns": (
        lambda x: np.linalg.solve(x[0], np.hstack([x[1], x[2]])),
        "ij,jk->ik",
        lambda x: np.hstack([x[1], x[2]]),
    ),
    "from the left": (lambda x: x[1, 0] @ np.linalg.inv(x[0]), "ji,j->i", lambda x: x[1, 0]),
    "rows": (lambda x: x[1] @ np.linalg.inv(x[0]), "ji,kj->ki", lambda x: x[1]),
    "stacks": (
        lambda x: np.linalg.solve(x[:2], x[2:4, :, :1]),
        "aij,ajk->aik",
        lambda x: x[2:4, :, :1],
    ),
    "one right-hand side": (
        lambda x: np.linalg.solve(x[:2], x[2, 0]),
        "aij,aj->ai",
        lambda x: np.stack([x[2, 0]] * 2),
    ),
    "one matrix": (
        lambda x: np.linalg.solve(x[0], x[1:4]),
        "ij,ajk->aik",
        lambda x: x[1:4],
    ),
    "fixed right-hand side": (
        lambda x: np.linalg.solve(x[0], np.arange(3.0)),
        "ij,j->i",
        lambda x: EXACT.array(np.arange(3.0)),
    ),
}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions(name: str) -> None:
    """Leibniz' rule for A X = B, from order 0 to 4."""
    function, times, right = SOLUTIONS[name]
    path = path_of(4, 5, 3, 3)
    found = coefficients(function, path)
    stacked = "a" in times.split(",")[0]
    for order in range(5):
        terms = [
            math.comb(order, k)
            * np.einsum(times, path[k][:2] if stacked else path[k][0], found[order - k])
            for k in range(order + 1)
        ]
        moves = order == 0 or not name.startswith("fixed")
        assert (sum(terms) == (right(path[order]) if moves else 0)).all()


# All methods ------------------------------------------------------------------------------------

A = np.array([[1.0, -2.0, 3.0], [2.0, 4.0, 1.0], [-1.0, 1.0, 2.0]])
POINTS = EXACT.array(np.array([[3, -2, 5]]) / 4)


def matrix(v: Any) -> Any:
    return A + v[:, None] * v + A.T * v


def inverse(v: Any) -> Any:
    return (np.linalg.inv(matrix(v)) * A).sum() * v[0]


def solution(v: Any) -> Any:
    return v @ np.linalg.solve(matrix(v), v * v)


def log_determinant(v: Any) -> Any:
    return np.linalg.slogdet(matrix(v)).logabsdet


def written(function: Function) -> sp.Expr:
    """The same functions by SymPy."""
    v = np.array(X[:3], dtype=object)
    whole = sp.Matrix(sp.nsimplify(sp.Matrix(matrix(v)), rational=True))
    if function is log_determinant:
        return sp.log(whole.det())
    adjugate = np.array((whole.adjugate()).tolist(), dtype=object)
    numbers = np.vectorize(int, otypes="O")(A)
    above = (adjugate * numbers).sum() * v[0] if function is inverse else v @ adjugate @ (v * v)
    return above / whole.det()


def at(expr: sp.Expr, point: NDArray[Any]) -> Any:
    return expr.subs({s: sp.Rational(str(value)) for s, value in zip(X, point, strict=False)})


OPERATORS: dict[str, list[Any]] = {
    "Laplacian": [x**2 + y**2 + z**2],
    "mixed": [x * y - 2 * y * z],
    "biharmonic": [(x**2 + y**2) ** 2],
    "not homogeneous": [x**3 - x * y + z],
    "several": [x**2, x * z, y],
}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("function", [inverse, solution, log_determinant])
def test_every_method(function: Function, operator: str) -> None:
    """Standard, collapsed, minimal, nested: equal rationals, and those of SymPy."""
    point, wanted = Input("x", Type((3,))), problem(OPERATORS[operator], (3,))
    graph = simplify(trace(function, (point,)).graph).graph
    built = {name: build() for name, build in methods(graph, point, wanted).items()}
    built |= {name: stage(built["standard"], name) for name in ("standard", "collapsed")}
    expr = written(function)
    expected = [[at(derivative(expr, p), v) for v in POINTS] for p in OPERATORS[operator]]
    for name, made in built.items():
        validate(made)
        final = simplify(made).graph
        found = [[sp.Rational(str(n)) for n in values] for values in outputs_at(final, POINTS)]
        assert found == expected, name


def test_functions_of_copies_are_copies_of_the_function() -> None:
    axis = DirectionAxis("r", 3)
    editor = Editor()
    copies = editor.add(Replicate(axis), editor.add(Parameter("A", Type((2, 3, 3)))))
    nodes = [editor.add(MatrixFunction(name), copies) for name in ("inverse", "log_abs_det")]
    outputs = [editor.add(Sum((), ("r",)), node) for node in nodes]
    collapsed = exact.check(rewrite(editor.freeze(outputs), COLLAPSE)).graph
    functions = [n for n in collapsed if isinstance(collapsed[n].op, MatrixFunction)]
    assert len(functions) == 2
    assert not any(collapsed[node].type.directions for node in functions)


def test_matrices_that_differ_between_directions() -> None:
    """As an inner operator hands them to an outer one: every direction has its own inverse."""
    axis = DirectionAxis("r", 2)
    editor = Editor()
    several = editor.add(Parameter("A", Type((3, 3), (axis,))))
    graph = editor.freeze([editor.add(MatrixFunction("inverse"), several)])
    stack = np.random.default_rng(0).normal(size=(4, 2, 3, 3))
    found = interpret(graph, {several: Value(stack, (BATCH, "r"))})[graph.outputs[0]]
    np.testing.assert_allclose(found.array, np.linalg.inv(stack), 1e-12)


# Costs ------------------------------------------------------------------------------------------


def laplacian(shape: tuple[int, ...]) -> Problem:
    count = math.prod(shape)
    polynomial: Polynomial = {(i, i): Fraction(1) for i in range(count)}
    functionals = (Functional(0, polynomial),)
    return Problem(count, exact_directions(shape), functionals, as_they_are)


def slater(size: int) -> tuple[Graph, Input]:
    """log|det| of orbitals, one row for each of so many electrons in space."""

    def log_slater(r: Any, p: Any) -> Any:
        return np.linalg.slogdet(np.tanh(r @ p)).logabsdet

    point = Input("r", Type((size, 3)))
    weights = Parameter("p", Type((3, size)))
    return simplify(trace(log_slater, (point, weights)).graph).graph, point


@pytest.mark.parametrize("size", [2, 5])
def test_slater_determinants_collapse(size: int) -> None:
    """D + 2 vectors, and per direction one product of matrices, Y A_1."""
    graph, point = slater(size)
    count = 3 * size
    wanted = laplacian((size, 3))
    standard = methods(graph, point, wanted)["standard"]()
    collapsed = stage(standard, "collapsed")
    assert vectors(collapsed) == count + 2
    assert vectors(stage(standard, "standard")) == 2 * count + 1
    products = [
        node for node in collapsed
        if isinstance(collapsed[node].op, Contract)
        and collapsed[node].type == Type((size, size), (DirectionAxis("r", count),))
    ]  # fmt: skip
    inverse_products = [
        node for node in products
        if isinstance(collapsed[collapsed.operands(node)[0]].op, MatrixFunction)
    ]  # fmt: skip
    assert len(inverse_products) == 1
    assert collapsed.counts()["MatrixFunction"] == 1


@pytest.mark.parametrize("size", [4, 8])
def test_predicted_costs(size: int) -> None:
    """The order of the methods is predicted, and their size within a factor of 3."""
    graph, point = slater(size)
    wanted = laplacian((size, 3))
    predicted = predict(graph, wanted)
    standard = methods(graph, point, wanted)["standard"]()
    for method in ("standard", "collapsed"):
        counted = operations(stage(standard, method))
        assert counted / 3 < predicted[method] < 3 * counted
    assert predicted["collapsed"] < predicted["standard"]


def test_solutions_take_products_with_vectors() -> None:
    """No coefficient of the inverse is computed for one right-hand side; for many it is."""

    def along(columns: int) -> set[tuple[int, ...]]:
        """The shapes of products along the directions."""
        point = Input("x", Type((4,)))

        def solved(x: Any) -> Any:
            matrix = np.tanh(x[:, None] * x) + 3 * np.eye(4)
            return np.linalg.solve(matrix, np.sin(x[:, None] * np.arange(1, columns + 1))).sum()

        graph = simplify(trace(solved, (point,)).graph).graph
        standard = methods(graph, point, laplacian((4,)))["standard"]()
        final = stage(standard, "collapsed")
        assert vectors(final) == 6
        predicted = predict(graph, laplacian((4,)))["collapsed"]
        assert operations(final) / 3 < predicted < 3 * operations(final)
        products = [n for n in final if isinstance(final[n].op, Contract)]
        return {final[n].type.shape for n in products if final[n].type.directions}

    assert along(1) == {(4, 1)}
    assert along(2) == {(4, 2)}
    assert (4, 4) in along(5)


def test_operations_are_counted() -> None:
    """Elimination: 2 n^3 for an inverse, 2 n^3 / 3 for a determinant, for each matrix."""
    point = Input("x", Type((5, 6, 6)))
    inverse = trace(np.linalg.inv, (point,)).graph
    assert operations(inverse) == 5 * 2 * 6**3
    logarithm = trace(lambda a: np.linalg.slogdet(a).logabsdet, (point,)).graph
    assert 5 * 2 * 6**3 // 3 <= operations(logarithm) <= 5 * 6**3
