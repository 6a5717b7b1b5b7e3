"""`jf.primitive`: jets against mpmath, calls on arrays, parameters, safe values, copies."""

from __future__ import annotations

import copy
import pickle
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
from custom_examples import EXAMPLES, TRUTHS, path_from, x, z

ORDERS = {"reference": 4, "cpu": 2}
SLOW_TO_COMPILE = {"lambert", "mish", "lennard_jones", "morse"}


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


# SymPy, registration, other processes -------------------------------------------------------------


def test_called_on_symbols_it_is_a_function_of_sympy() -> None:
    gelu = EXAMPLES["gelu"]
    outer = jf.primitive("outer", gelu(x) * z, (x, z))
    points = np.linspace(-1.0, 2.0, 6).reshape(3, 2)
    found = jf.laplacian(lambda p: outer(p[0], p[1]), backend="reference")(points)
    expected = jf.laplacian(lambda p: gelu(p[0]) * p[1], backend="reference")(points)
    assert_allclose(found, expected, rtol=1e-13)
    assert sp.latex(gelu(x)) == r"\operatorname{gelu}\left(x\right)"
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
