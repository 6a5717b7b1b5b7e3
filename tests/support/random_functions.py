"""Hypothesis strategy: random functions in plain NumPy, as source that can be read and run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.special
from hypothesis import strategies as st

from jetfold.graph import Graph, Input, Parameter, Type, simplify
from jetfold.graph.trace import trace

Shape = tuple[int, ...]
MOST = 12
"""Elements that a value may have."""

SMOOTH_UNARY = [
    *("np.tanh({a})", "np.sin({a})", "np.exp(-{a} ** 2)", "{a} ** 2", "{a} ** 3 / 4"),
    *("1 / (1 + {a} ** 2)", "np.sqrt(1 + {a} ** 2)", "expit({a})", "np.logaddexp({a}, 0)"),
    *("np.arctan({a})", "0.5 * {a} - 1", "-{a}", "np.cosh({a}) / 2", "2.0 ** {a}"),
]
SMOOTH_BINARY = [
    *("{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (2 + {b} ** 2)", "np.hypot({a}, 1 + {b} ** 2)"),
    *("{a} * np.sin({b})", "np.arctan2({a}, 2 + {b} ** 2)", "(1 + {a} ** 2) ** (0.5 * {b})"),
]
KINKED_UNARY = [
    *("abs({a})", "np.maximum({a}, 0.3)", "np.clip({a}, -0.7, 0.6)"),
    *("np.where({a} > 0.1, {a} ** 2, np.sin({a}))", "np.sign({a}) * {a}"),
]
KINKED_BINARY = [
    "np.maximum({a}, {b})",
    "np.minimum({a}, 2 * {b})",
    "np.where({a} > {b}, {a} * {b}, {b})",
]
WHOLE = ["{a}.sum()", "{a}.mean()", "np.prod({a})", "np.linalg.norm({a} + 3)", "{a}.reshape(-1)"]
AXES = [
    *("{a}.sum(axis=0)", "{a}.sum(axis=-1, keepdims=True)", "np.cumsum({a}, axis=0)", "{a}[::-1]"),
    *("{a}[1:]", "{a}[..., None]", "{a}[[0, -1, 0]]", "np.roll({a}, 1)", "{a}.T", "{a}[0]"),
    *("np.concatenate([{a}, {a} * {a}])", "np.stack([{a}, -{a}], axis=-1)", "np.pad({a}, 1)"),
    *("np.broadcast_to({a}, (2, *{a}.shape))", "np.repeat({a}, 2, axis=0)", "np.flip({a})"),
]
PAIRS = [
    *("{a} @ {b}", "np.outer({a}, {b})", "np.concatenate([{a}, {b}])", "np.stack([{a}, {b}])"),
    *("np.einsum('...i,...i->...', {a}, {b})", "np.tensordot({a}, {b}, 1)", "np.dot({b}, {a})"),
]


@dataclass(frozen=True)
class RandomFunction:
    """``u(x, p)`` as source, with the shape of its point and those of its parameters."""

    source: str
    shape: Shape
    parameters: tuple[tuple[str, Shape], ...]

    def __repr__(self) -> str:
        return f"\n{self.source}\n# x: {self.shape}, p: {dict(self.parameters)}"

    @cached_property
    def function(self) -> Callable[..., Any]:
        names: dict[str, Any] = {"np": np, "expit": scipy.special.expit}
        exec(compile(self.source, "<random function>", "exec"), names)
        function: Callable[..., Any] = names["u"]
        return function

    @property
    def point(self) -> Input:
        return Input("x", Type(self.shape))

    def graph(self) -> Graph:
        """The function's graph, cleaned up."""
        leaves = {name: Parameter(name, Type(shape)) for name, shape in self.parameters}
        return simplify(trace(self.function, (self.point, leaves)).graph).graph

    def values(self, points: int, seed: int = 0) -> tuple[Any, dict[str, Any]]:
        """Points and parameters at which the function is harmless."""
        random = np.random.default_rng(seed)
        parameters = {name: random.uniform(-1, 1, shape) for name, shape in self.parameters}
        return random.uniform(-1, 1, (points, *self.shape)), parameters


@st.composite
def functions(draw: st.DrawFn, smooth: bool = False, most: int = 8) -> RandomFunction:
    """A function of up to ``most`` steps; without kinks and jumps if ``smooth``."""
    shape = draw(st.sampled_from([(2,), (3,), (2, 2), (1,), ()]))
    random = np.random.default_rng(0)
    parameters: dict[str, Shape] = {}
    known = {"x": random.uniform(-1, 1, shape)}
    lines = []
    for number in range(draw(st.integers(1, most))):
        text = draw(_expressions(smooth, known, parameters))
        scope = {"np": np, "expit": scipy.special.expit, **known}
        scope["p"] = {name: random.uniform(-1, 1, size) for name, size in parameters.items()}
        try:
            with np.errstate(all="ignore"):
                value = np.asarray(eval(text, scope))
        except (ValueError, IndexError):  # operands that do not fit
            continue
        if 0 < value.size <= MOST and np.abs(value).max() < 20:
            lines.append(f"    v{number} = {text}")
            known[f"v{number}"] = value
    outputs = list(known)[-draw(st.integers(1, 2)) :]
    used = tuple((name, size) for name, size in parameters.items() if f"'{name}'" in "".join(lines))
    source = "\n".join(["def u(x, p):", *lines, f"    return {', '.join(outputs)}"])
    return RandomFunction(source, shape, used)


@st.composite
def _expressions(
    draw: st.DrawFn, smooth: bool, known: dict[str, Any], parameters: dict[str, Shape]
) -> str:
    """One operation on values, of which the latest are the likeliest."""
    recent = st.sampled_from(list(known)[::-1][:4])
    a, b = draw(recent), draw(st.one_of(recent, st.sampled_from(sorted(known))))
    unary = SMOOTH_UNARY if smooth else SMOOTH_UNARY + KINKED_UNARY
    binary = SMOOTH_BINARY if smooth else SMOOTH_BINARY + KINKED_BINARY
    kinds = [unary, unary, binary, binary, WHOLE, PAIRS]
    if known[a].ndim:
        kinds += [AXES, AXES, []]
    templates = draw(st.sampled_from(kinds))
    if templates:
        return str(draw(st.sampled_from(templates))).format(a=a, b=b)
    rows, columns = known[a].shape[-1], draw(st.integers(1, 3))
    name = f"W{rows}{columns}"
    parameters[name] = (rows, columns)
    return f"{a} @ p['{name}']"


def size(function: RandomFunction) -> int:
    """How many coordinates a point has."""
    return math.prod(function.shape)
