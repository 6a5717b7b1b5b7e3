"""`jf.primitive`: jets against mpmath, operators against JAX, arrays, parameters, rules."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import sympy as sp
from mpmath import mpf
from numpy.testing import assert_allclose, assert_array_equal

import jetfold as jf
import oracle
import processes
from custom_examples import EXAMPLES, TRUTHS, x, y, z
from jetfold.graph.labels import label
from jetfold.graph.ops import Map

jax = pytest.importorskip("jax", reason="JAX, the second oracle, is not installed (extra: test)")

ORDERS = {"reference": 4, "cpu": 2}
SLOW_TO_COMPILE = {"lambert", "mish", "lennard_jones", "morse"}


def path_from(point: tuple[float, ...], order: int) -> np.ndarray[Any, Any]:
    """Coefficients (order, operand) of a path: every operand moves."""
    random = np.random.default_rng(len(point))
    moves = random.uniform(0.5, 2.0, (order, len(point))) * random.choice([-1.0, 1.0])
    return np.array([point, *moves])


@pytest.mark.parametrize("backend", ORDERS)
def test_jets(backend: str) -> None:
    """Relative to the terms of Faa di Bruno's formula, as for built-in primitives."""
    order, left_out = ORDERS[backend], SLOW_TO_COMPILE if backend == "cpu" else ()
    truths = {name: truth for name, truth in TRUTHS.items() if name not in left_out}
    longest = max(len(truth.points) for truth in truths.values())
    columns: dict[str, slice] = {}
    paths: list[np.ndarray[Any, Any]] = []  # each (order, point, operand)
    for name, truth in truths.items():
        points = [*truth.points, *[truth.points[-1]] * (longest - len(truth.points))]
        start = sum(path.shape[2] for path in paths)
        paths.append(np.stack([path_from(point, order) for point in points], axis=1))
        columns[name] = slice(start, start + len(points[0]))
    coefficients = np.concatenate(paths, axis=2)

    def everything(v: Any) -> Any:
        return {name: EXAMPLES[name](*v[where]) for name, where in columns.items()}

    first, rest = jf.jet(everything, order, backend=backend)(
        coefficients[0], list(coefficients[1:])
    )
    wrong = []
    for name, truth in truths.items():
        for i, point in enumerate(truth.points):
            path = coefficients[:, i, columns[name]].T.tolist()
            expected = oracle.jet(oracle.partials(truth.function, point, order), path)
            for k, result in enumerate((first, *rest)):
                found = float(result[name][i])
                allowed = mpf("1e-12") * expected.scales[k] + mpf("1e-300")
                if not abs(mpf(found) - expected.values[k]) <= allowed:
                    truth_ = mpmath.nstr(expected.values[k], 17)
                    wrong.append(f"{name} at {point}, order {k}: {found!r}, not {truth_}")
    assert not wrong, "\n".join(wrong)


# Operators, against JAX ---------------------------------------------------------------------------


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
    return np.asarray(jax.jit(jax.vmap(operator, in_axes=(0, None)))(POINTS, {"beta": BETA}))


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


# Arrays -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        *(np.linspace(-2, 2, 6, dtype=kind).reshape(2, 3) for kind in ("f2", "f4", "f8", ">f4")),
        np.float32(0.5),
        np.array(0.5, np.float32),
        0.5,
        [0.5, 1.0],
        np.zeros((0, 3)),
    ],
    ids=str,
)
def test_types_and_shapes_of_results_are_those_of_a_ufunc(value: Any) -> None:
    found, expected = EXAMPLES["squash"](value), np.tanh(np.asarray(value) / 2)[()]
    ufunc: Any = np.tanh(value)
    assert type(found) is type(ufunc)
    assert found.dtype == ufunc.dtype
    assert found.shape == ufunc.shape
    assert_allclose(found, expected, rtol=4 * np.finfo(found.dtype).eps, atol=1e-16)


def test_precision_of_several_operands() -> None:
    swish, single = EXAMPLES["swish"], np.ones(3, np.float32)
    assert swish(single, 2).dtype == swish(single, beta=2.5).dtype == np.float32
    assert swish(single, np.float64(2.5)).dtype == np.float64
    assert swish(single, np.ones(3)).dtype == np.float64
    assert swish(np.ones(3, np.int8)).dtype == swish(1).dtype == np.float64
    assert swish(single, np.ones(3, np.int64)).dtype == np.float64


def test_arrays_broadcast_and_defaults_count() -> None:
    swish, at = EXAMPLES["swish"], np.linspace(-1, 1, 3)
    betas = np.array([[1.0], [2.0]])
    assert_allclose(swish(at, betas), at * scipy.special.expit(betas * at), rtol=1e-15)
    assert_array_equal(swish(at, beta=betas), swish(at, betas))
    assert_array_equal(swish(at), swish(at, 1.0))
    twice = jf.primitive("with_table", x * z, x, parameters={z: np.array([1.0, 2.0])})
    assert_array_equal(twice(np.ones(2)), [1.0, 2.0])
    assert_array_equal(
        jf.jet(twice, 1, backend="reference")(np.ones(2), (np.ones(2),))[1], [[1, 2]]
    )


def test_nan_and_infinity_pass_through() -> None:
    with np.errstate(all="raise"):
        found = EXAMPLES["yukawa"](np.array([0.0, np.inf, np.nan]), mu=1.0)
    assert_array_equal(found, [np.inf, 0.0, np.nan])


def test_a_parameter_may_vary_with_the_point() -> None:
    """beta = x: the rule has derivatives with respect to it."""

    def varying(p: Any) -> Any:
        return EXAMPLES["swish"](p[0], beta=p[0])

    points = np.array([[0.5], [-1.25]])
    t = sp.Symbol("t")
    expected = [
        float((t / (1 + sp.exp(-(t**2)))).diff(t, 2).subs(t, p).evalf()) for p in points[:, 0]
    ]
    assert_allclose(jf.laplacian(varying, backend="reference")(points), expected, rtol=1e-13)


def test_a_primitive_as_the_whole_function() -> None:
    points = np.linspace(-1, 1, 5)
    op = jf.laplacian(EXAMPLES["squash"], point_ndim=0, backend="reference")
    half = np.tanh(points / 2)
    assert_allclose(op(points), -half * (1 - half**2) / 2, atol=1e-16)
    with_beta = jf.laplacian(EXAMPLES["swish"], point_ndim=0, backend="reference")
    assert with_beta(points, np.float64(2.0)).shape == (5,)


# What a safe value is for -------------------------------------------------------------------------


def test_value_computes_order_0() -> None:
    """Where the expression has infinite digits lost, and where jetfold has no function at all."""
    soft = EXAMPLES["soft"]
    assert soft(800.0) == 800.0
    assert soft(-800.0) == 0.0
    assert soft(-40.0) == np.log1p(np.exp(-40.0))
    lambert = EXAMPLES["lambert"]
    expected = [float(mpmath.lambertw(at).real) for at in (0.1, 2.0)]
    assert_allclose(lambert([0.1, 2.0]), expected, rtol=1e-15)
    assert "dy/dx = y/(x*(y + 1))" in (lambert.__doc__ or "")


# What a user sees ---------------------------------------------------------------------------------


def test_it_is_like_a_function() -> None:
    morse = EXAMPLES["morse"]
    assert morse.__name__ == morse.name == "morse"
    assert str(inspect.signature(EXAMPLES["swish"])) == "(x, /, beta=1.0)"
    assert str(inspect.signature(morse)) == "(r, /, depth, width, place)"
    assert repr(morse) == (
        "<primitive morse(r, /, depth, width, place) = depth*(1 - exp(-width*(-place + r)))**2>"
    )
    assert morse._repr_latex_().startswith(r"$\displaystyle \operatorname{morse}{\left(r, depth, ")
    assert [str(symbol) for symbol in morse.parameters] == ["depth", "width", "place"]


def test_documentation() -> None:
    lines = (EXAMPLES["morse"].__doc__ or "").splitlines()
    assert lines[0] == "The Morse potential of a diatomic molecule."
    assert "Parameters: depth, width, place." in lines
    assert "Parameters: beta (default 1.0)." in (EXAMPLES["swish"].__doc__ or "").splitlines()
    assert "    dy/dx = 1/2 - y**2/2" in (EXAMPLES["squash"].__doc__ or "").splitlines()
    kinks = (EXAMPLES["huber"].__doc__ or "").splitlines()[-1]
    assert "where pieces meet, the derivative of the piece that holds there" in kinks
    assert "At kinks" not in (EXAMPLES["gelu"].__doc__ or "")


@pytest.mark.parametrize(
    ("expr", "points", "slopes", "sentence"),
    [
        (sp.Abs(x), [-2, 0, 2], [-1, 0, 1], "absolute value at 0 is taken as 0"),
        (sp.sign(x), [-2, 0, 2], [0, 0, 0], "a step is taken as 0"),
        (sp.Max(x, 0), [-2, 0, 2], [0, 0.5, 1], "the mean of both"),
        (sp.Min(x, 1), [-2, 1, 2], [1, 0.5, 0], "the mean of both"),
        (sp.Piecewise((x, x < 0), (3 * x, True)), [-2, 0, 2], [1, 3, 3], "the piece that holds"),
        (sp.Heaviside(x), [-2, 0, 2], [0, 0, 0], "the piece that holds"),
        (sp.floor(x), [-2, 0, 0.5], [0, 0, 0], "a step is taken as 0"),
    ],
    ids=str,
)
def test_kinks(expr: Any, points: list[float], slopes: list[float], sentence: str) -> None:
    kinked = jf.primitive("kinked", expr, x, overwrite=True)
    assert sentence in (kinked.__doc__ or "").splitlines()[-1]
    at = np.array(points, float)
    _, (first, second) = jf.jet(kinked, 2, point_ndim=0, backend="reference")(
        at, (np.ones(3), np.zeros(3))
    )
    assert_array_equal(first, slopes)
    assert_array_equal(second, np.zeros(3))


def test_rules_in_the_users_names() -> None:
    assert str(jf.rule("squash")).splitlines() == [
        "y_0 = -1 + 2/(1 + exp(-x_0))",
        "y_1 = x_1*(1/2 - y_0**2/2)",
        "y_2 = -x_1**2*y_0*(1/2 - y_0**2/2) + x_2*(1/2 - y_0**2/2)",
    ]
    yukawa = EXAMPLES["yukawa"].rule(1, collapsed=True)
    assert str(yukawa) == (
        "y_0 = exp(-mu*r_0)/r_0\nSum(y_1[d], (d, 1, D)) = y_0*(-mu - 1/r_0)*Sum(r_1[d], (d, 1, D))"
    )
    taken = jf.primitive("taken", (y - sp.Symbol("r")) * sp.Symbol("s0"), (y, sp.Symbol("r")),
                         parameters=[sp.Symbol("s0")])  # fmt: skip
    assert str(jf.rule(taken, 1, collapsed=True)) == (
        "f_0 = s0*(-r_0 + y_0)\n"
        "Sum(f_1[d], (d, 1, D)) = -s0*Sum(r_1[d], (d, 1, D)) + s0*Sum(y_1[d], (d, 1, D))"
    )


def test_rules_of_expressions() -> None:
    assert str(jf.rule(x * sp.exp(-z), 1)) == ("y_0 = x_0*exp(-z_0)\ny_1 = x_1*exp(-z_0) - y_0*z_1")
    values = zip(sp.symbols("x_0 x_1 x_2 y_0", real=True), (0, 3, 5, 0), strict=True)
    second = jf.rule(x / (1 + sp.exp(-x)), 2).equations[2]
    assert float(second.rhs.subs(dict(values))) == (3**2 + 5) / 2  # y/x would be 0/0


@pytest.mark.parametrize("name", ["gelu", "morse", "decay", "lambert"])
def test_rules_give_derivatives(name: str) -> None:
    """The equations themselves, against mpmath."""
    truth, known = TRUTHS[name], EXAMPLES[name]
    point, arity = truth.points[1], len(known.arguments)
    path = path_from(point, 3)
    path[1:, arity:] = 0.0  # parameters do not move
    expected = oracle.jet(oracle.partials(truth.function, point, 3), path.T.tolist()).values
    numbers = {
        sp.Symbol(f"{s}_{k}", real=True): path[k, i]
        for i, s in enumerate(known.arguments)
        for k in range(4)
    } | dict(zip(known.parameters, point[arity:], strict=True))
    for k, equation in enumerate(jf.rule(name, 3).equations):
        numbers.setdefault(equation.lhs, float(expected[0]))
        assert float(equation.rhs.subs(numbers).evalf(25)) == pytest.approx(float(expected[k]))


# SymPy, registration, other processes -------------------------------------------------------------


def test_called_on_symbols_it_is_a_function_of_sympy() -> None:
    gelu = EXAMPLES["gelu"]
    outer = jf.primitive("outer", gelu(x) * z, (x, z))
    found = jf.laplacian(lambda p: outer(p[0], p[1]), backend="reference")(POINTS[:, :2])
    expected = jf.laplacian(lambda p: gelu(p[0]) * p[1], backend="reference")(POINTS[:, :2])
    assert_allclose(found, expected, rtol=1e-13)
    assert sp.latex(gelu(x)) == r"\operatorname{gelu}{\left(x \right)}"
    assert "erf" in str(outer.rule(1))


def test_the_same_definition_may_be_registered_again() -> None:
    again = jf.primitive("decay", x * sp.exp(-x * z), (x, z), doc="With a text.")
    assert again == EXAMPLES["decay"]
    other = jf.primitive("decay", x * sp.exp(-2 * x * z), (x, z), overwrite=True)
    assert other != again
    assert jf.rule("decay").primitive == other.primitive
    assert_allclose(again(1.0, 1.0), np.exp(-1))  # what was made before stays what it is
    jf.primitive("decay", x * sp.exp(-x * z), (x, z), overwrite=True)


def test_copies_are_equal() -> None:
    table = jf.primitive("table", x * z, x, parameters={z: np.array([1.0, 2.0])})
    other = jf.primitive("table", x * z, x, parameters={z: 1})
    for known in (table, other, EXAMPLES["morse"], EXAMPLES["gelu"]):
        for copied in (pickle.loads(pickle.dumps(known)), copy.deepcopy(known)):
            assert copied == known
            assert hash(copied) == hash(known)
            assert copied.__doc__ == known.__doc__
    assert table != other  # other defaults; the definition, and so the rules, are the same
    assert table.primitive == other.primitive
    assert table != jf.primitive("table", x * z, x, parameters=[z])
    assert table != "table"


SPAWNED = """
import pickle, sys
import numpy as np
from jetfold.rules.primitives import CUSTOM
with open(sys.argv[1] if len(sys.argv) > 1 else PATH, "rb") as file:
    primitive, graph, again = pickle.load(file)
assert not CUSTOM
from jetfold.backends.reference import ReferenceGraph
print(primitive.__doc__.splitlines()[0])
print(repr(float(primitive(0.5, 1.5))))
print(repr(float(ReferenceGraph(graph)(1, np.dtype(float), {"x": np.full(1, 0.5)}, {})[0][0])))
print(graph[graph.outputs[0]].op == again)
"""


def test_pickled_to_a_process_that_never_registered_it(tmp_path: Path) -> None:
    swish = EXAMPLES["swish"]
    op = jf.laplacian(lambda v: swish(v, 1.5), point_ndim=0)
    graph = op.derivation(0.5).function_graph
    content = (swish, graph, graph[graph.outputs[0]].op)
    (tmp_path / "pickled").write_bytes(pickle.dumps(content))
    code = f"PATH = {str(tmp_path / 'pickled')!r}\n" + SPAWNED
    lines = processes.run(code, tmp_path / "cache").splitlines()
    assert lines[0] == (swish.__doc__ or "").splitlines()[0]
    assert float(lines[1]) == swish(0.5, 1.5)
    assert float(lines[2]) == swish(0.5, 1.5)
    assert lines[3] == "True"
