"""Modules to take away: what is computed in which order, known values, and that checks can fail."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from golden import Golden
from graphs import A, B
from jetfold.backends.standalone import (
    Argument,
    Jet,
    Path,
    Result,
    known_values,
    module_source,
    reserved_names,
)
from jetfold.backends.standalone.jet import blocks
from jetfold.graph.functions import erf
from plain_modules import plain_module, refuses

X, Z, BETA = sp.symbols("x z beta")
X_0, X_1, X_2, Y_0, S = sp.symbols("x_0 x_1 x_2 y_0 sum", real=True)


def order_of_two(y_1: Any, y_2: Any, y_0: Any = X_0, varies: bool = False, sums: Any = ()) -> Jet:
    """A jet of order 2 in one argument."""
    arguments = (Argument("x_0"), Argument("x_1", varies), Argument("x_2"))
    results = (Result("y_0", y_0), Result("y_1", y_1, varies), Result("y_2", y_2))
    return Jet("f", ("Title.",), ("formula",), arguments, results, sums)


def lines(jet: Jet) -> list[str]:
    """The computation, with the loop over directions indented."""
    found = []
    for block in blocks(jet):
        indent = "  " * block.varies
        found += [f"{indent}{name} = {expr}" for name, expr in block.statements]
        found += [f"{indent}{name} += {expr}" for name, expr in block.sums]
    return found


# What is computed ---------------------------------------------------------------------------------


def test_what_occurs_twice_is_computed_once() -> None:
    found = lines(order_of_two(sp.cos(X_0) * X_1, sp.cos(X_0) * X_2 - Y_0 * X_1**2, sp.sin(X_0)))
    assert found == [
        "c0 = cos(x_0)",
        "y_0 = sin(x_0)",
        "y_1 = c0*x_1",
        "y_2 = c0*x_2 - x_1**2*y_0",
    ]


def test_a_shared_part_that_is_a_result_has_its_name() -> None:
    found = lines(order_of_two(X_1 * sp.exp(X_0), X_1 * sp.exp(X_0) + 1))
    assert found == ["y_1 = x_1*exp(x_0)", "y_0 = x_0", "y_2 = y_1 + 1"]


def test_multiples_and_numbers_have_no_names() -> None:
    found = lines(order_of_two(sp.sqrt(2) * X_1 / 2, sp.sin(2 * X_0) + sp.cos(2 * X_0)))
    assert found[0] == "y_0 = x_0"
    assert re.fullmatch(r"y_1 = 0\.7071067811865475\d*\*x_1", found[1])
    assert found[2] == "y_2 = sin(2*x_0) + cos(2*x_0)"


def test_what_is_the_same_for_all_directions_is_computed_before_the_loop() -> None:
    jet = order_of_two(
        sp.exp(-X_0) * X_1, sp.exp(-X_0) * X_2 + sp.tan(X_0) * S, varies=True, sums=((S, X_1**2),)
    )
    assert lines(jet) == [
        "c0 = exp(-x_0)",
        "y_0 = x_0",
        "  x_1_r = x_1[r]",
        "  y_1[r] = c0*x_1_r",
        "  s0 += x_1_r**2",
        "y_2 = c0*x_2 + s0*tan(x_0)",
    ]


def test_new_names_are_free() -> None:
    c0, s0 = sp.symbols("c0 s0", real=True)
    jet = order_of_two(sp.exp(c0) * X_1, sp.exp(c0) * s0)
    arguments = (*jet.arguments, Argument("c0"), Argument("s0"))
    named = Jet(jet.name, jet.about, jet.formulas, arguments, jet.results)
    assert lines(named) == ["c1 = exp(c0)", "y_0 = x_0", "y_1 = c1*x_1", "y_2 = c1*s0"]


def test_shorthands_are_spelled_out() -> None:
    assert not any("cut" in line for line in lines(order_of_two(X_1 * erf(X_0).diff(X_0), X_2)))


# Known values -------------------------------------------------------------------------------------


def test_known_values() -> None:
    x, b = Path(("x_0", "x_1", "x_2", "x_3")), Path(("b",))
    result = Path(("y_0", "y_1", "y_2", "y_3"))
    found = known_values(sp.exp(B * A), [x, b], result, None)
    for point in range(3):
        x_0, x_1, x_2, x_3, beta = (values[point] for values in found.arguments.values())
        y_0 = mpmath.exp(beta * x_0)
        u_1, u_2, u_3 = beta * x_1, beta * x_2, beta * x_3
        expected = [y_0, y_0 * u_1, y_0 * (u_2 + u_1**2), y_0 * (u_3 + 3 * u_1 * u_2 + u_1**3)]
        values = [numbers[point] for numbers in found.results.values()]
        np.testing.assert_allclose(values, np.array(expected, float), rtol=1e-14)
        assert 0 not in (x_0, x_1, x_2, x_3, beta)


def test_known_values_of_directions() -> None:
    x, y = Path(("x_0", "x_1", "x_2")), Path(("y_0", "y_1", "y_2"))
    found = known_values(A**2, [x], y, 3)
    x_0, x_1, x_2 = (np.array(values) for values in found.arguments.values())
    assert x_1.shape == (3, 3)
    assert len({tuple(row) for row in x_1}) == 3
    y_0, y_1, y_2 = found.results.values()
    np.testing.assert_allclose(y_0, x_0**2)
    np.testing.assert_allclose(y_1, 2 * x_0 * x_1)
    np.testing.assert_allclose(y_2, 2 * x_0 * x_2 + 2 * np.sum(x_1**2, axis=0))


def test_points_are_where_the_function_is_finite() -> None:
    x, y = Path(("x_0", "x_1")), Path(("y_0", "y_1"))
    assert all(v > 1 for v in known_values(sp.acosh(A), [x], y, None).arguments["x_0"])
    assert all(abs(v) < 1 for v in known_values(sp.asin(A), [x], y, None).arguments["x_0"])
    with pytest.raises(jf.ArgumentError, match="not finite at any of the points tried"):
        known_values(sp.log(-1 - A**2), [x], y, None)


def test_arguments_are_exact_in_single_precision() -> None:
    x, y = Path(("x_0", "x_1", "x_2")), Path(("y_0", "y_1", "y_2"))
    for values in known_values(sp.sin(A), [x], y, 2).arguments.values():
        np.testing.assert_array_equal(np.array(values, np.float32), values)


# Text ---------------------------------------------------------------------------------------------

GELU = X * (1 + sp.erf(X / sp.sqrt(2))) / 2
MANY: list[dict[str, Any]] = [
    {"what": GELU, "order": 4},
    {"what": GELU, "order": 3, "collapsed": True, "dtype": "float32"},
    {"what": sp.Piecewise((X * Z, X > 0), (sp.sin(X) - Z, True)), "order": 3, "collapsed": True},
    {"what": X * Z, "order": 3, "collapsed": True, "directions": 5, "backend": "cuda"},
    {"what": sp.besselj(1, X) * BETA, "order": 2, "backend": "cuda", "dtype": "float32"},
    {"what": "arctan2", "order": 5, "collapsed": True},
]


@pytest.mark.parametrize("options", MANY, ids=str)
def test_modules_are_readable(options: dict[str, Any]) -> None:
    source = jf.kernel(**options).source
    assert max(map(len, source.splitlines())) <= 100
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name
    assert "jetfold" not in source


def test_a_whole_module_for_the_cpu(golden: Golden) -> None:
    golden("kernels/multiply_cpu.txt", jf.kernel("multiply", 2).source)


def test_a_whole_module_for_cuda(golden: Golden) -> None:
    options: dict[str, Any] = {"collapsed": True, "directions": 3, "dtype": "float32"}
    golden("kernels/multiply_cuda.txt", jf.kernel("multiply", 2, backend="cuda", **options).source)


def test_the_formulas_are_in_the_docstring() -> None:
    text = ast.get_docstring(ast.parse(jf.kernel("multiply", 2, collapsed=True).source)) or ""
    assert "    y_1[r] = x_0*z_1[r] + z_0*x_1[r]\n" in text
    assert (
        "    sum_r(y_2[r]) = x_0*sum_r(z_2[r]) + z_0*sum_r(x_2[r]) + 2*sum_r(x_1[r]*z_1[r])\n"
        in text
    )


def test_numbers_of_single_precision_have_its_type() -> None:
    tree = ast.parse(jf.kernel(GELU, 3, dtype="float32").source)
    at = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and "_at" in n.name)
    exponents = [
        n.right for n in ast.walk(at) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)
    ]
    typed = [
        argument
        for call in ast.walk(at)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "real"
        for argument in call.args
    ]
    bare = [
        n
        for n in ast.walk(at)
        if isinstance(n, ast.Constant)
        and not isinstance(n.value, str)
        and n not in exponents
        and not any(n in ast.walk(argument) for argument in typed)
    ]
    assert typed
    assert not bare


def test_reserved_names_are_all_that_a_module_uses() -> None:
    assert {"a", "b", "c", "k", "n", "x", "y", "z", "alpha"}.isdisjoint(reserved_names())
    for options in MANY:
        jet = jf.kernel(**options).jet
        own = {value.name for value in jet.values}
        tree = ast.parse(jf.kernel(**options).source)
        for function in (n for n in tree.body if isinstance(n, ast.FunctionDef)):
            if function.name == "check":
                continue
            names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
            used = names if function.name.startswith(jet.name) else {function.name}
            between = {n for n in used if re.fullmatch(r"[cs]\d+|\w+_r", n)}
            mine = {n for n in used if n.startswith(f"{jet.name}_")}
            assert used - own - between - mine - {"len", "range"} <= reserved_names(), function.name


# Checks -------------------------------------------------------------------------------------------


def corrupted(source: str) -> Iterator[tuple[str, str]]:
    """Modules with one operation of the formulas replaced, and what was replaced."""
    start = source.index("_jet_at(")
    end = source.index("    return y_0", start)
    for old, new in [
        (" + ", " - "),
        (" - ", " + "),
        (" * ", " + "),
        ("**2", "**3"),
        ("**3", "**2"),
    ]:
        for match in re.finditer(re.escape(old), source[start:end]):
            at = start + match.start()
            yield source[:at] + new + source[at + len(old) :], source[at - 30 : at + 30]
    for match in re.finditer(r"(?<![\w.])\d+(\.\d+)?(?![\w.\]])", source[start:end]):
        at = start + match.start()
        if source[at - 2 : at] not in ("**", "> ", "< ") and float(match.group()) not in (
            0.0,
            2.0**20,
        ):
            yield source[:at] + "1.00001 * " + source[at:], source[at - 30 : at + 30]


@pytest.mark.parametrize(
    ("what", "collapsed"), [(GELU, False), (X * sp.exp(-(X**2)), True), ("tanh", True)]
)
def test_the_check_finds_every_wrong_operation(what: Any, collapsed: bool) -> None:
    source = jf.kernel(what, 3, collapsed=collapsed).source
    assert not refuses(source)
    changed = list(corrupted(source))
    assert len(changed) > 15
    assert [place for text, place in changed if not refuses(text)] == []


def test_the_check_finds_nan() -> None:
    source = jf.kernel("sin", 2).source
    assert refuses(source.replace("y_0 = math.sin(x_0)", "y_0 = math.nan * x_0"))


def test_a_kernel_for_many_directions_is_checked_with_a_few() -> None:
    source = jf.kernel("tanh", 2, collapsed=True, directions=40).source
    assert not refuses(source)
    assert refuses(source.replace("s0 += x_1_r**2", "s0 += x_1_r"))
    module = plain_module(source)
    rows = np.linspace(-1, 1, 40)
    _, y_1, y_2 = module.tanh_jet(0.5, rows, 0.25)
    slope = 1 - np.tanh(0.5) ** 2
    np.testing.assert_allclose(y_1, slope * rows)
    np.testing.assert_allclose(y_2, slope * 0.25 - 2 * np.tanh(0.5) * slope * np.sum(rows**2))


def test_threads_share_the_points() -> None:
    """Pieces of any size give what one piece gives."""
    module = plain_module(jf.kernel("square", 1).source)
    x = np.arange(20_001.0)
    for threads in (1, 2, 3, 7):
        y_0, y_1 = module.square_jet(x, 1.0, threads=threads)
        np.testing.assert_array_equal(y_0, x**2)
        np.testing.assert_array_equal(y_1, 2 * x)


def test_a_device_for_every_backend() -> None:
    jet = order_of_two(X_1, X_2)
    x, y = Path(("x_0", "x_1", "x_2")), Path(("y_0", "y_1", "y_2"))
    known = known_values(A, [x], y, None)
    for device in ("cpu", "cuda"):
        text = module_source(jet, known, device, np.dtype(np.float32))
        assert "real = np.float32" in text
        assert ("from numba import cuda" in text) == (device == "cuda")
