"""Activations of `torch.nn.functional`.

Where PyTorch says which derivative it takes at a kink, the same is taken here: relu has the
derivative 0 at 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.special

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule, add, applied, div, mul, sub, where
from jetfold.torch.parts import chunk
from jetfold.torch.values import Value


def _above(name: str, input: Any, bound: Any, inside: Any, outside: Any) -> Value:
    """``inside`` where input > bound, and for NaN, else ``outside``."""
    return where(applied(name, np.less_equal, input, bound), outside, inside)


def sigmoid(input: Any) -> Value:
    return applied("sigmoid", scipy.special.expit, input)


def tanh(input: Any) -> Value:
    return applied("tanh", np.tanh, input)


def relu(input: Any) -> Value:
    return _above("relu", input, 0, input, 0)


def relu6(input: Any) -> Value:
    return hardtanh(input, 0, 6)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Value:
    """Between two bounds; at a bound the derivative is 0, as in PyTorch."""
    above = _above("hardtanh", input, min_val, input, min_val)
    return where(applied("hardtanh", np.greater_equal, input, max_val), max_val, above)


def threshold(input: Any, threshold: float, value: float) -> Value:
    return _above("threshold", input, threshold, input, value)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Value:
    return _above("leaky_relu", input, 0, input, mul(input, negative_slope))


def prelu(input: Any, weight: Any) -> Value:
    """A slope for all, or one for each channel, which is axis 1 of a batch."""
    if weight.array.size > 1 and input.ndim > 2:
        slopes = weight.array.reshape(weight.array.shape + (1,) * (input.ndim - 2))
        weight = Value(slopes)
    return _above("prelu", input, 0, input, mul(input, weight))


def elu(input: Any, alpha: float = 1.0) -> Value:
    return _above("elu", input, 0, input, mul(applied("elu", np.expm1, input), alpha))


def selu(input: Any) -> Value:
    """Klambauer et al., "Self-Normalizing Neural Networks" (arXiv 1706.02515)."""
    return mul(elu(input, 1.6732632423543772), 1.0507009873554805)


def celu(input: Any, alpha: float = 1.0) -> Value:
    bent = mul(applied("celu", np.expm1, div(input, alpha)), alpha)
    return _above("celu", input, 0, input, bent)


def gelu(input: Any, approximate: str = "none") -> Value:
    """x times the normal distribution function, or its approximation by tanh.

    Hendrycks and Gimpel, "Gaussian Error Linear Units" (arXiv 1606.08415).
    """
    if approximate == "none":
        gate = applied("gelu", lambda x: scipy.special.erf(x * math.sqrt(0.5)), input)
    elif approximate == "tanh":
        scale = math.sqrt(2 / math.pi)
        gate = applied("gelu", lambda x: np.tanh(scale * (x + 0.044715 * x**3)), input)
    else:
        raise located(TraceError, f"gelu with approximate={approximate!r}")
    return mul(mul(input, 0.5), add(gate, 1))


def silu(input: Any) -> Value:
    return mul(input, sigmoid(input))


def softplus(input: Any, beta: float = 1, threshold: float = 20) -> Value:
    """log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold."""
    inside = mul(input, beta)
    smooth = div(applied("softplus", lambda x: np.logaddexp(x, 0), inside), beta)
    return where(applied("softplus", np.greater, inside, threshold), input, smooth)


def mish(input: Any) -> Value:
    return mul(input, tanh(applied("mish", lambda x: np.logaddexp(x, 0), input)))


def softsign(input: Any) -> Value:
    return div(input, add(applied("softsign", np.abs, input), 1))


def tanhshrink(input: Any) -> Value:
    return sub(input, tanh(input))


def hardshrink(input: Any, lambd: float = 0.5) -> Value:
    size = applied("hardshrink", np.abs, input)
    return _above("hardshrink", size, lambd, input, 0)


def softshrink(input: Any, lambd: float = 0.5) -> Value:
    size = applied("softshrink", np.abs, input)
    shrunk = sub(input, mul(applied("softshrink", np.sign, input), lambd))
    return _above("softshrink", size, lambd, shrunk, 0)


def hardsigmoid(input: Any) -> Value:
    return div(hardtanh(add(input, 3), 0, 6), 6)


def hardswish(input: Any) -> Value:
    bent = mul(input, div(add(input, 3), 6))
    above = _above("hardswish", input, -3, bent, 0)
    return where(applied("hardswish", np.greater_equal, input, 3), input, above)


def glu(input: Any, dim: int = -1) -> Value:
    first, second = chunk(input, 2, dim)
    return mul(first, sigmoid(second))


def logsigmoid(input: Any) -> Value:
    return applied("logsigmoid", scipy.special.log_expit, input)


FUNCTIONS: Mapping[str, Rule] = {
    "celu": celu,
    "elu": elu,
    "gelu": gelu,
    "glu": glu,
    "hardshrink": hardshrink,
    "hardsigmoid": hardsigmoid,
    "hardswish": hardswish,
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "logsigmoid": logsigmoid,
    "mish": mish,
    "prelu": prelu,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "silu": silu,
    "softplus": softplus,
    "softshrink": softshrink,
    "softsign": softsign,
    "tanhshrink": tanhshrink,
    "threshold": threshold,
}
"""Functions of `torch.nn.functional`; `torch` has some of them, too."""
