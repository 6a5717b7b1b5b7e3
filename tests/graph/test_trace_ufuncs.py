"""Every entry of the table of elementwise functions does what NumPy does with any operand."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import functions as fn
from jetfold.graph.ops import Constant, Map, operand_symbol
from jetfold.graph.powers import power
from jetfold.graph.ufuncs import EXPRESSIONS, ON_BITS, TRUTH, UFUNCS
from tracing import batch, check, trace_at

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

Array = NDArray[Any]
TABLE = sorted(UFUNCS, key=repr)
UNARY = [ufunc for ufunc in TABLE if ufunc.nin == 1]
BINARY = [ufunc for ufunc in TABLE if ufunc.nin == 2]
SCALARS = [0, 1, -1, 2, 3, -2, 0.5, 1.5, 0.1, -0.3, 0.0, -0.0, 1e300, np.inf, -np.inf, np.nan]
# x - y * floor(x / y): the quotient is rounded first, and an infinite x or y gives 0 or NaN.
QUOTIENTS = {"remainder", "fmod", "floor_divide"}
a0, a1 = operand_symbol(0), operand_symbol(1)


def expression(function: Callable[..., Any], operands: int = 1) -> sp.Expr:
    """The expression of the only `Map` of a function of scalars."""
    graph = trace_at(function, *[()] * operands).graph
    (op,) = [graph[node].op for node in graph if isinstance(graph[node].op, Map)]
    assert isinstance(op, Map)
    return op.expr


def test_every_entry_is_a_ufunc_or_known_not_to_be() -> None:
    # softplus is a ufunc of SciPy from 1.18 on
    assert set(EXPRESSIONS) - set(UFUNCS.values()) <= {"where", "sinc", "softplus"}


@pytest.mark.parametrize("ufunc", UNARY, ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("interval", [(-3.0, 3.0), (0.0, 1.0), (1.0, 4.0)], ids=str)
def test_unary(ufunc: np.ufunc, interval: tuple[float, float]) -> None:
    check(ufunc, batch((2, 3), low=interval[0], high=interval[1]), rtol=1e-12)


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
def test_binary(ufunc: np.ufunc) -> None:
    constant = np.array([0.0, -1.0, 2.5])
    check(ufunc, batch((2, 3), (3,)), rtol=1e-12)
    check(ufunc, batch((2, 1, 3), (4, 1)), rtol=1e-12)
    check(lambda x: ufunc(x, constant), batch((2, 3)), rtol=1e-12)
    check(lambda x: ufunc(constant, x), batch((2, 3)), rtol=1e-12)
    check(lambda x: ufunc(x, x), batch((2, 3)), rtol=1e-12)


@pytest.mark.parametrize(
    ("ufunc", "scalar"),
    [
        pytest.param(ufunc, scalar, id=f"{ufunc.__name__}-{scalar!r}")
        for ufunc in BINARY
        for scalar in SCALARS
        if ufunc.__name__ not in QUOTIENTS or abs(scalar) < 10
    ],
)
def test_binary_with_a_number(ufunc: np.ufunc, scalar: float) -> None:
    points = batch((4,))
    check(lambda x: ufunc(x, scalar), points, rtol=1e-12)
    check(lambda x: ufunc(scalar, x), points, rtol=1e-12)
    check(lambda x: ufunc(x, np.float64(scalar)), points, rtol=1e-12)
    check(lambda x: ufunc(np.array(scalar), x), points, rtol=1e-12)


@pytest.mark.parametrize("ufunc", TABLE, ids=lambda ufunc: ufunc.__name__)
def test_special_values_go_where_numpy_sends_them(ufunc: np.ufunc) -> None:
    special = np.array([0.0, 1.0, -1.0, 0.5, -2.5, 1e300, np.inf, -np.inf, np.nan])
    if ufunc.__name__ in QUOTIENTS:
        special = special[:5]
    operands = np.meshgrid(*[special] * ufunc.nin)
    check(ufunc, [operand.reshape(-1, 1) for operand in operands], rtol=1e-12)


OPERATORS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]


@pytest.mark.parametrize("operation", OPERATORS, ids=lambda operation: operation.__name__)
def test_operators(operation: Callable[[Any, Any], Any]) -> None:
    row = np.array([1.0, 2.0, -0.5])
    check(operation, batch((2, 3), (3,), low=0.1))
    for other in (2, 2.0, -1, 0.5, np.float32(0.25), np.int64(3), row, [1.0, 2.0, 3.0]):
        check(lambda x, other=other: operation(x, other), batch((2, 3), low=0.1))
        check(lambda x, other=other: operation(other, x), batch((2, 3), low=0.1))


@pytest.mark.parametrize("operation", [operator.neg, operator.pos, abs])
def test_unary_operators(operation: Callable[[Any], Any]) -> None:
    check(operation, batch((2, 3)))


@pytest.mark.parametrize("ufunc", ON_BITS, ids=lambda ufunc: ufunc.__name__)
def test_operations_on_bits_are_logical_on_truth_values(ufunc: np.ufunc) -> None:
    mask = np.array([True, False, True])
    if ufunc.nin == 1:
        check(lambda x: ufunc(x > 0), batch((3,)))
    else:
        check(lambda x: ufunc(x > 0, x < 1), batch((3,)))
        check(lambda x: ufunc(mask, x < 1), batch((3,)))


def test_operators_on_truth_values() -> None:
    check(lambda x: ~(x > 0) & (x < 1) | (x == 0) ^ (x > 1), batch((6,)))
    check(lambda x: np.array([True, False]) & (x < 1), batch((2,)))


def test_arithmetic_of_truth_values_is_logical_as_in_numpy() -> None:
    points = batch((6,), (6,))
    for combine in (np.add, np.multiply, np.maximum, np.minimum):
        graph = check(lambda x, y, f=combine: f(x > 0, y > 0), points)
        (op,) = [graph[node].op for node in graph.outputs]
        assert isinstance(op, Map)
        assert op.expr.atoms(sp.And, sp.Or)
    check(lambda x, y: ((x > 0)[::-1] + (y > 0)).reshape(2, 3), points)
    check(lambda x, y: np.concatenate([x > 0, y > 0]) + np.True_, points)


def test_truth_values_that_became_numbers_are_numbers() -> None:
    points = batch((6,), (6,))
    check(lambda x, y: (x > 0) * 1.0 + (y > 0) * 1.0, points)
    check(lambda x, y: np.where(x > 0, 1.0, 0.0) + np.where(y > 0, 1.0, 0.0), points)
    check(lambda x, y: (x > 0).astype(float) + (y > 0).astype(float), points)
    check(lambda x, y: (x > 0).sum() + (y > 0).sum() + (x > 0), points)
    check(lambda x, y: 1 - (x > 0) + (y > 0) / 2, points)


def test_where() -> None:
    rows = np.array([[1.0], [2.0]])
    check(lambda x: np.where(x > 0, x, -x), batch((2, 3)))
    check(lambda x: np.where(x > 0, rows, 0), batch((2, 3)))
    check(lambda x: np.where(x > 0, 2.0, 2.0), batch((2, 3)))
    check(lambda x: np.where(rows > 1, x, x**2), batch((2, 3)))
    check(lambda x: np.where(True, x, rows), batch((3,)))
    check(lambda x: np.where(np.False_, x, rows), batch((3,)))
    check(lambda x: np.where(x[0], x, 7), batch((3,)))
    check(lambda x: np.where(x < 0, np.nan, np.sqrt(np.where(x < 0, 1.0, x))), batch((5,)))


def test_numbers_are_exact_parts_of_the_expression() -> None:
    assert expression(lambda x: x * 0.1) == a0 / 10
    assert expression(lambda x: x + np.float64(2.5)) == a0 + sp.Rational(5, 2)
    assert expression(lambda x: 1 - x) == 1 - a0
    assert expression(lambda x: x / 3) == a0 / 3
    assert expression(lambda x: x * 10**20) == a0 * 10**20
    assert expression(lambda x: np.maximum(0, x)) == fn.maximum(0, a0)
    assert expression(lambda x: x > 0.5) == sp.Piecewise((1, a0 > sp.Rational(1, 2)), (0, True))


def test_powers() -> None:
    assert expression(lambda x: x**2) == a0**2
    assert expression(lambda x: x**3.0) == a0**3
    assert expression(lambda x: np.power(x, -1)) == 1 / a0
    assert expression(lambda x: x**0.5) == sp.sqrt(a0)
    assert expression(lambda x: x**-1.5) == a0 ** sp.Rational(-3, 2)
    assert expression(lambda x: x**0.3) == a0 ** sp.Rational(3, 10)
    assert expression(lambda x: 2**x) == sp.Integer(2) ** a0
    assert expression(lambda x: (-2.0) ** x) == power(a0, a1, 0)
    assert expression(lambda x, y: x**y, 2) == power(a0, a1, 0)
    assert expression(lambda x: x**2000) == power(a0, a1, 0)
    check(lambda x: x**0, batch((3,)))
    check(lambda x: x**2, [np.zeros((2, 3))])


def test_what_does_nothing_leaves_no_trace() -> None:
    for function in (
        lambda x: x + 0,
        lambda x: 1 * x,
        lambda x: x / 1.0,
        lambda x: x**1,
        lambda x: +x,
        np.conjugate,
    ):
        assert len(trace_at(function, (3,)).graph) == 1


def test_a_number_that_sympy_would_make_disappear_stays_an_operand() -> None:
    graph = check(lambda x: 0 * x, [np.array([[np.inf, np.nan, 1.0]])])
    assert any(isinstance(graph[node].op, Constant) for node in graph)


def test_every_comparison_gives_truth_values() -> None:
    for name in TRUTH:
        ufunc = getattr(np, name)
        traced = trace_at(lambda *x, f=ufunc: np.size(f(*x).dtype == bool), *[()] * ufunc.nin)
        assert len(traced.graph) == 1
