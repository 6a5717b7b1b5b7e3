"""`jf.operator` and `jf.derivatives` against nested differentiation in JAX, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from known_answers import points
from oracle_functions import Modules
from pde_oracle import JAX, NUMPY, by_jax, embedded, parameters

RTOL = 1e-10
METHODS = ("standard", "collapsed", "minimal", "auto")

x, y, t = sp.symbols("x y t")
nu, beta = sp.symbols("nu beta")
line = sp.Function("w")(x, t)
plate = sp.Function("w")(x, y)
flow = sp.Function("w")(x, y, t)


def lap(function: sp.Expr) -> sp.Expr:
    return function.diff(x, 2) + function.diff(y, 2)


@dataclass(frozen=True)
class Equation:
    """One expression or a list, in one field."""

    expressions: sp.Expr | list[sp.Expr]
    coords: tuple[sp.Symbol, ...]
    values: dict[str, float] = field(default_factory=dict)
    factors: bool = False

    @property
    def field(self) -> sp.Expr:
        return sp.Function("w")(*self.coords)

    @property
    def listed(self) -> list[sp.Expr]:
        listed = isinstance(self.expressions, list)
        return list(self.expressions) if listed else [self.expressions]


EQUATIONS = {
    "the function": Equation(plate, (x, y)),
    "function of the function": Equation(x * plate**2 - sp.exp(plate), (x, y)),
    "Burgers": Equation(
        line.diff(t) + line * line.diff(x) - nu * line.diff(x, 2), (x, t), {"nu": 0.3}
    ),
    "Korteweg-de Vries": Equation(
        sp.Eq(line.diff(t) + 6 * line * line.diff(x), -line.diff(x, 3)), (x, t)
    ),
    "Kuramoto-Sivashinsky": Equation(
        line.diff(t) + line * line.diff(x) + line.diff(x, 2) + line.diff(x, 4), (x, t)
    ),
    "Cahn-Hilliard": Equation(
        flow.diff(t) - lap(flow**3 - flow - nu * lap(flow)), (x, y, t), {"nu": 0.1}
    ),
    "Fokker-Planck": Equation(
        line.diff(t)
        + (line * (x * sp.cos(t) + beta)).diff(x)
        - ((1 + x**2) * line).diff(x, 2) / 2,
        (x, t),
        {"beta": -0.4},
    ),
    "anisotropic diffusion": Equation(
        ((1 + x**2) * flow.diff(x) + nu * sp.sin(y) * flow.diff(y)).diff(x)
        + sp.exp(x) * flow.diff(y, t)
        - beta * sp.Heaviside(x) * t * flow.diff(t, 2)
        + flow * flow.diff(x) ** 2,
        (x, y, t),
        {"nu": 0.7, "beta": -1.5},
    ),
    "plate": Equation(
        plate.diff(x, 4)
        + 2 * plate.diff(x, 2, y, 2)
        + plate.diff(y, 4)
        + sp.Rational(1, 3) * plate.diff(x, 3, y)
        - plate.diff(x, y),
        (x, y),
    ),
    "biharmonic": Equation(lap(lap(plate)), (x, y), factors=True),
    "order 3": Equation(
        flow.diff(x, 2, y) - 2 * flow.diff(x, y, t) + 3 * flow.diff(t, 3) + flow.diff(y), (x, y, t)
    ),
    "product": Equation(
        plate.diff(x, 2) - 2 * plate.diff(y, 2) - plate.diff(x, y) + plate.diff(x) + plate.diff(y),
        (x, y),
        factors=True,
    ),
    "square of a product": Equation(plate.diff(x, y) ** 2, (x, y)),
    "minimal surface": Equation(
        (1 + plate.diff(y) ** 2) * plate.diff(x, 2)
        - 2 * plate.diff(x) * plate.diff(y) * plate.diff(x, y)
        + (1 + plate.diff(x) ** 2) * plate.diff(y, 2),
        (x, y),
    ),
    "smooth functions": Equation(
        sp.exp(-(plate.diff(x) ** 2)) * plate.diff(x, y) / (1 + plate**2)
        + sp.sqrt(1 + lap(plate) ** 2),
        (x, y),
    ),
    "value, gradient, Laplacian": Equation(
        [flow, flow.diff(x), flow.diff(y), flow.diff(t), lap(flow) + flow.diff(t, 2)], (x, y, t)
    ),
    "list": Equation([plate.diff(x) * nu - y, sp.Eq(plate.diff(x, y), plate)], (x, y), {"nu": 2.0}),
}  # fmt: skip


def plain(function: Any) -> Callable[..., Any]:
    return lambda x, p: function(NUMPY, x, p)


def theirs(function: Any) -> Callable[..., Any]:
    return lambda x, p: function(JAX, x, p)


def check(found: NDArray[Any], expected: NDArray[Any]) -> None:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == np.float64
    assert np.abs(expected).max() > 0
    assert_allclose(found, expected, rtol=RTOL, atol=RTOL * np.abs(expected).max())


def expected_of(equation: Equation, function: Any, at: NDArray[Any], p: Any) -> NDArray[Any]:
    written = [e.lhs - e.rhs if isinstance(e, sp.Eq) else e for e in equation.listed]
    found = by_jax(
        written, [equation.field], equation.coords, [theirs(function)], at, p, **equation.values
    )
    return np.stack(found, axis=-1) if isinstance(equation.expressions, list) else found[0]


@pytest.mark.parametrize("name", EQUATIONS)
def test_equations_by_every_method(name: str) -> None:
    equation, p = EQUATIONS[name], parameters()
    function = embedded("tanh network", len(equation.coords))
    at = points(len(equation.coords), 3)
    expected = expected_of(equation, function, at, p)
    for method in (*METHODS, *["nested"] * equation.factors):
        op = jf.operator(
            equation.expressions,
            plain(function),
            equation.coords,
            method=method,
            backend="reference",
        )
        check(op(at, p, **equation.values), expected)


def test_methods_that_there_are() -> None:
    p = parameters()
    for equation in EQUATIONS.values():
        size = len(equation.coords)
        op = jf.operator(
            equation.expressions, plain(embedded("tanh network", size)), equation.coords
        )
        methods = op.derivation(points(size), p, **equation.values).methods
        nested = ("nested",) * equation.factors
        assert methods == ("standard", "collapsed", *nested, "minimal")


WITH = {
    "Burgers": [
        "sine network",
        "softplus network",
        "gelu network",
        "silu network",
        "attention",
        "contractions",
        "layer norm",
        "oscillator",
        "guarded",
        "pendulum",
        "elementary",
    ],
    "Kuramoto-Sivashinsky": ["gelu network", "attention", "contractions", "helium"],
    "plate": ["softplus network", "layer norm"],
    "anisotropic diffusion": ["attention", "oscillator"],
    "order 3": ["silu network", "entropy"],
    "list": ["residual network", "oscillator", "shifts"],
}


@pytest.mark.parametrize(
    ("name", "function"), [(name, function) for name in WITH for function in WITH[name]]
)
def test_functions_of_every_kind(name: str, function: str) -> None:
    equation, p = EQUATIONS[name], parameters()
    written = embedded(function, len(equation.coords))
    at = points(len(equation.coords), 2)
    expected = expected_of(equation, written, at, p)
    for method in ("collapsed", "minimal"):
        op = jf.operator(
            equation.expressions, plain(written), equation.coords, method=method,
            backend="reference",
        )  # fmt: skip
        check(op(at, p, **equation.values), expected)


def shallow(m: Modules, x: Any, p: Any) -> Any:
    """One hidden layer, as compiling takes seconds."""
    return m.np.tanh(x @ p["first"][0][: x.shape[0]] + p["first"][1]) @ p["last"]


@pytest.mark.parametrize("name", ["Burgers", "plate"])
def test_compiled(name: str) -> None:
    equation, p = EQUATIONS[name], parameters()
    at = points(len(equation.coords), 2, 3)
    op = jf.operator(equation.expressions, plain(shallow), equation.coords)
    expected = expected_of(equation, shallow, at.reshape(6, -1), p)
    check(op(at, p, **equation.values), expected.reshape(2, 3))


# Several fields -----------------------------------------------------------------------------------

u, v, pressure = FIELDS = [sp.Function(name)(x, y, t) for name in ("u", "v", "p")]


def momentum(component: sp.Expr, coordinate: sp.Symbol) -> sp.Expr:
    convection = u * component.diff(x) + v * component.diff(y)
    return component.diff(t) + convection + pressure.diff(coordinate) - nu * lap(component)


NAVIER_STOKES = [momentum(u, x), momentum(v, y), u.diff(x) + v.diff(y)]


def velocities(m: Any, x: Any, p: Any) -> list[Any]:
    weights, bias = p["first"]
    h = m.np.tanh(m.np.sin(x @ weights[:3] + bias) @ p["layers"][0][0])
    return [h @ p["last"], h @ m.np.sin(p["last"]), m.np.exp(h @ m.np.cos(p["last"]) / 3)]


SYSTEMS: dict[str, Callable[..., Any]] = {
    "one array": lambda x, p: np.stack(velocities(NUMPY, x, p)),
    "a tuple": lambda x, p: tuple(velocities(NUMPY, x, p)),
    "a dict": lambda x, p: dict(zip("uvp", velocities(NUMPY, x, p), strict=True)),
}


@pytest.mark.parametrize("outputs", SYSTEMS)
@pytest.mark.parametrize("method", METHODS)
def test_navier_stokes(outputs: str, method: str) -> None:
    at, p = points(3, 4), parameters()
    nets = [lambda x, p, i=i: velocities(JAX, x, p)[i] for i in range(3)]
    expected = np.stack(by_jax(NAVIER_STOKES, FIELDS, (x, y, t), nets, at, p, nu=0.2), axis=-1)
    op = jf.operator(
        NAVIER_STOKES, SYSTEMS[outputs], (x, y, t), FIELDS, method=method, backend="reference"
    )
    check(op(at, p, nu=0.2), expected)


def test_fields_that_are_vectors() -> None:
    """Each field has the shape (2,), and so has the result; the last axis counts the fields."""
    f, g = sp.Function("f")(x, y), sp.Function("g")(x, y)
    expressions = [f.diff(x) * g + f.diff(y, 2), g.diff(x, y)]

    def both(x: Any) -> Any:
        return np.stack([np.outer([1.0, 2.0], np.sin(x) * x[0] * x[1])[:, 0],
                         np.stack([x[0] ** 3 * x[1], x[1] ** 2 * x[0]])], axis=-1)  # fmt: skip

    at = points(2, 5)
    a, b = at.T
    by_x = np.stack([1.0 * (np.cos(a) * a * b + np.sin(a) * b),
                     2.0 * (np.cos(a) * a * b + np.sin(a) * b)], axis=-1)  # fmt: skip
    first = by_x * np.stack([a**3 * b, b**2 * a], axis=-1)
    second = np.stack([3 * a**2, 2 * b], axis=-1)
    op = jf.operator(expressions, both, (x, y), (f, g), backend="reference")
    check(op(at), np.stack([first, second], axis=-1))


# Derivatives by name ------------------------------------------------------------------------------

NAMES = ["", "t", "x", "xx", "xt", "txx", "xtx", "tttt", "xxtt", "xxxt"]


@pytest.mark.parametrize("function", ["tanh network", "attention"])
def test_derivatives(function: str) -> None:
    at, p = points(2, 3), parameters()
    written = embedded(function, 2)
    wanted = [line.diff(*name) if name else line for name in NAMES]
    expected = np.stack(by_jax(wanted, [line], (x, t), [theirs(written)], at, p), axis=-1)
    for method in METHODS if function == "tanh network" else ("collapsed", "minimal"):
        op = jf.derivatives(plain(written), NAMES, (x, t), method=method, backend="reference")
        check(op(at, p), expected)


def test_derivatives_by_tuples_and_names() -> None:
    def cubic(x: Any) -> Any:
        return x[0] ** 3 * x[1]

    at = points(2, 4)
    a, b = at.T
    names = [("x1", "x1", "x11"), "x1x11", ()]
    op = jf.derivatives(cubic, names, ("x1", "x11"), backend="reference")
    check(op(at), np.stack([6 * a, 3 * a**2, a**3 * b], axis=-1))
    factor = jf.derivatives(cubic, ["xx"], ("x", "y"), method="nested", backend="reference")
    check(factor(at), (6 * a * b)[:, None])
