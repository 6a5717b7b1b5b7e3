"""Speed of elementary functions on one core: jetfold's vectors, C library, NumPy, JAX.

python -m benchmarks.functions [--functions exp tanh] [--dtypes float32] [--repetitions 5] ...
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from . import machine
from .cases import Array
from .contestants import Call
from .racing import KEEP_MEMORY, Failed, Runner, interleave, result_of
from .report import (
    Goal,
    Row,
    add_ratios,
    goal_table,
    markdown,
    met,
    number,
    output_path,
    summary,
    write_json,
)

ELEMENTS = 1 << 14  # operands and results of a call stay in a core's cache
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}  # relative, of each element


@dataclass(frozen=True)
class Function:
    """An elementary function: where it is evaluated, and its names elsewhere.

    `scalar` is what numba compiles to a call of the C library, for a number at a time; `numpy` and
    `jax` are a module and a function in it.
    """

    low: float
    high: float
    scalar: Callable[..., float]
    numpy: str
    jax: str
    arguments: int = 1


def _math(name: str, scalar: Callable[..., float], low: float, high: float, n: int = 1) -> Function:
    return Function(low, high, scalar, f"numpy:{name}", f"jax.numpy:{name}", n)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _softplus(x: float) -> float:
    return max(x, 0 * x) + math.log1p(math.exp(-abs(x)))


FUNCTIONS = {
    "exp": _math("exp", math.exp, -10, 10),
    "exp2": _math("exp2", np.exp2, -10, 10),
    "expm1": _math("expm1", math.expm1, -4, 4),
    "log": _math("log", math.log, 0.01, 100),
    "log2": _math("log2", math.log2, 0.01, 100),
    "log10": _math("log10", math.log10, 0.01, 100),
    "log1p": _math("log1p", math.log1p, -0.9, 10),
    "sin": _math("sin", math.sin, -10, 10),
    "cos": _math("cos", math.cos, -10, 10),
    "tan": _math("tan", math.tan, -10, 10),
    "arcsin": _math("arcsin", math.asin, -1, 1),
    "arccos": _math("arccos", math.acos, -1, 1),
    "arctan": _math("arctan", math.atan, -5, 5),
    "arctan2": _math("arctan2", math.atan2, -5, 5, 2),
    "sinh": _math("sinh", math.sinh, -4, 4),
    "cosh": _math("cosh", math.cosh, -4, 4),
    "tanh": _math("tanh", math.tanh, -4, 4),
    "arcsinh": _math("arcsinh", math.asinh, -5, 5),
    "arccosh": _math("arccosh", math.acosh, 1, 10),
    "arctanh": _math("arctanh", math.atanh, -0.99, 0.99),
    "cbrt": _math("cbrt", np.cbrt, -10, 10),
    "hypot": _math("hypot", math.hypot, -5, 5, 2),
    "power": _math("power", math.pow, 0.1, 5, 2),
    "erf": Function(-3, 3, math.erf, "scipy.special:erf", "jax.scipy.special:erf"),
    "erfc": Function(-3, 5, math.erfc, "scipy.special:erfc", "jax.scipy.special:erfc"),
    "expit": Function(-8, 8, _expit, "scipy.special:expit", "jax.scipy.special:expit"),
    "softplus": Function(-8, 8, _softplus, "benchmarks.functions:softplus", "jax.nn:softplus"),
}
CONTESTANTS = ("jetfold", "C library", "NumPy", "JAX")
GOALS = {name: (Goal("C library", "jetfold", least=4),) for name in ("exp", "tanh")}


def softplus(x: Array) -> Array:
    """NumPy's way to log(1 + exp(x))."""
    return np.asarray(np.logaddexp(x, np.zeros((), x.dtype)))


def operands(name: str, dtype: str) -> list[Array]:
    """Numbers in the function's range, the same for everybody."""
    function = FUNCTIONS[name]
    random = np.random.default_rng(0)
    shape = function.arguments, ELEMENTS
    return list(random.uniform(function.low, function.high, shape).astype(dtype))


def prepare(contestant: str, name: str, dtype: str) -> Call:
    """The call to time; to be run in a process of its own, which then stays on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return PREPARE[contestant](FUNCTIONS[name], name, operands(name, dtype))


def _jetfold(function: Function, name: str, values: list[Array]) -> Call:
    from numba import njit

    from jetfold.backends.cpu.simd import FUNCTIONS as VECTORISED
    from jetfold.backends.cpu.simd import lanes, load, store

    vectorised = VECTORISED[name]

    def unary(x: Any, out: Any) -> None:
        for i in range(0, x.size, lanes(x)):
            store(out, i, vectorised(load(x, i)))

    def binary(x: Any, y: Any, out: Any) -> None:
        for i in range(0, x.size, lanes(x)):
            store(out, i, vectorised(load(x, i), load(y, i)))

    return _filling(njit(unary if function.arguments == 1 else binary), values)


def _c_library(function: Function, name: str, values: list[Array]) -> Call:
    from numba import njit

    own = hasattr(function.scalar, "__code__")
    scalar = njit(function.scalar) if own else function.scalar

    def unary(x: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = scalar(x[i])

    def binary(x: Any, y: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = scalar(x[i], y[i])

    return _filling(njit(unary if function.arguments == 1 else binary, error_model="numpy"), values)


def _numpy(function: Function, name: str, values: list[Array]) -> Call:
    found = _named(function.numpy)
    if not isinstance(found, np.ufunc):
        return lambda: np.asarray(found(*values))
    out = np.empty_like(values[0])
    return lambda: np.asarray(found(*values, out=out))


def _jax(function: Function, name: str, values: list[Array]) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    compiled = jax.jit(_named(function.jax))
    arrays = [jax.device_put(value) for value in values]
    return lambda: np.asarray(compiled(*arrays))


PREPARE = dict(zip(CONTESTANTS, (_jetfold, _c_library, _numpy, _jax), strict=True))


def _filling(loop: Callable[..., None], values: list[Array]) -> Call:
    """A call of a loop that writes its results to an array."""
    out = np.empty_like(values[0])

    def call() -> Array:
        loop(*values, out)
        return out

    return call


def _named(path: str) -> Callable[..., Any]:
    module, name = path.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def judged(contestant: str, first_result: Callable[[], Array], name: str, dtype: str) -> Row:
    """A row that says whether the contestant's first result is right."""
    try:
        result = first_result()
    except Failed as failure:
        return {"name": contestant, "status": "failed", "reason": str(failure)}
    wide = [value.astype(np.float64) for value in operands(name, dtype)]
    reference = _named(FUNCTIONS[name].numpy)(*wide)
    error = float(np.max(np.abs(result - reference) / np.maximum(np.abs(reference), 1e-6)))
    status = "ok" if result.dtype == dtype and error <= TOLERANCE[dtype] else "wrong"
    return {"name": contestant, "status": status, "relative_error": error}


def run_case(
    name: str, dtype: str, runners: dict[str, Runner], repetitions: int, seconds: float
) -> Row:
    """Check every contestant, then time the right ones in turns."""
    started = {
        contestant: runner.prepare(partial(prepare, contestant, name, dtype))
        for contestant, runner in runners.items()
    }
    rows = [
        judged(contestant, partial(result_of, future), name, dtype)
        for contestant, future in started.items()
    ]
    turns = {row["name"]: runners[row["name"]].turn for row in rows if row["status"] == "ok"}
    times = interleave(turns, repetitions, seconds, settle=0.002, turn_seconds=0.01)
    for row in rows:
        if row["status"] == "ok":
            row |= summary(times[row["name"]])
            row["min_ns_per_element"] = 1e6 * row["min_ms"] / ELEMENTS
    return {
        "name": name,
        "dtype": dtype,
        "baseline": add_ratios(rows, CONTESTANTS[0]),
        "rows": rows,
        "goals": met(GOALS.get(name, ()), rows),
    }


def table(cases: Sequence[Row], dtype: str) -> str:
    """Nanoseconds per element, and the others' times over jetfold's, as a Markdown table."""
    chosen = [case for case in cases if case["dtype"] == dtype]
    others = [row["name"] for row in chosen[0]["rows"][1:]]
    lines = []
    for case in chosen:
        cells = [case["name"]]
        for row in case["rows"]:
            if "min_ms" not in row:
                cells.append(row["status"])
            elif row["name"] == case["baseline"]:
                cells.append(number(row["min_ns_per_element"]))
            else:
                cells.append(f"{number(row['ratio_min'])} / {number(row['ratio_median'])}")
        lines.append(cells)
    columns = ["function", f"{CONTESTANTS[0]}, ns", *(f"{other}, ratio" for other in others)]
    return f"### {dtype}\n\n{markdown(columns, lines)}\n"


def plot(content: Row, path: Path) -> None:
    """Nanoseconds per element of everybody, a panel for each dtype."""
    if find_spec("matplotlib") is None:
        print("No plot: matplotlib is not installed.")
        return
    from matplotlib.figure import Figure

    dtypes = sorted({case["dtype"] for case in content["cases"]})
    figure = Figure(figsize=(11, 4 * len(dtypes)), layout="constrained")
    panels = figure.subplots(len(dtypes), 1, squeeze=False).flatten()
    colors = dict(zip(CONTESTANTS, ("#4a90d9", "#1c1c1c", "#7d848c", "#c9ced4"), strict=True))
    for panel, dtype in zip(panels, dtypes, strict=True):
        cases = [case for case in content["cases"] if case["dtype"] == dtype]
        for place, contestant in enumerate(CONTESTANTS):
            timed = [
                (i + 0.2 * (place - 1.5), row["min_ns_per_element"])
                for i, case in enumerate(cases)
                for row in case["rows"]
                if row["name"] == contestant and "min_ms" in row
            ]
            if timed:
                where, heights = zip(*timed, strict=True)
                panel.bar(where, heights, 0.2, label=contestant, color=colors[contestant])
        panel.set_xticks(range(len(cases)), [case["name"] for case in cases], rotation=45)
        panel.set_yscale("log")
        panel.set_ylabel(f"{dtype}: ns per element")
        panel.grid(axis="y", alpha=0.3)
        panel.legend(ncols=len(CONTESTANTS), fontsize=8)
    figure.suptitle(f"{content['title']}, least times\n{machine.one_line(content['machine'])}")
    figure.savefig(path, dpi=120)


def main(argv: Sequence[str] | None = None) -> Path:
    """Run, print the tables, write JSON and plot; returns the JSON's path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.functions", description=__doc__)
    parser.add_argument("--functions", nargs="+", choices=FUNCTIONS, default=list(FUNCTIONS))
    parser.add_argument("--dtypes", nargs="+", choices=TOLERANCE, default=list(TOLERANCE))
    parser.add_argument("--repetitions", type=int, default=7, help="turns of each contestant")
    parser.add_argument("--seconds-per-case", type=float, default=2.0)
    parser.add_argument("--output", help="name in benchmarks/results, or a path ending in .json")
    options = parser.parse_args(argv)
    described = machine.describe()
    present = [name for name in CONTESTANTS if name != "JAX" or find_spec("jax")]
    cases = []
    with ExitStack() as stack:
        runners = {
            name: stack.enter_context(closing(Runner(KEEP_MEMORY | {"JAX_PLATFORMS": "cpu"})))
            for name in present
        }
        for dtype in options.dtypes:
            for name in options.functions:
                print(f"measuring {name}, {dtype}", file=sys.stderr, flush=True)
                cases.append(
                    run_case(name, dtype, runners, options.repetitions, options.seconds_per_case)
                )
    for dtype in options.dtypes:
        print(table(cases, dtype))
    for case in cases:
        if case["goals"]:
            print(f"{case['name']}, {case['dtype']}:\n\n{goal_table(case['goals'])}\n")
    print(f"Ratios: least / median time over that of jetfold. {machine.one_line(described)}")
    path = output_path(options.output or "functions")
    content = {
        "benchmark": "functions",
        "title": f"Elementary functions on one core, {ELEMENTS} elements per call",
        "machine": described,
        "left_out": [name for name in CONTESTANTS if name not in present],
        "cases": cases,
    }
    write_json(path, content)
    plot(content, path.with_suffix(".png"))
    return path


if __name__ == "__main__":
    main()
