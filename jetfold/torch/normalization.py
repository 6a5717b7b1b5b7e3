"""Normalisations of `torch.nn.functional`, and what is random only while a module is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule, add, applied, div, mul, sub
from jetfold.torch.moves import itself
from jetfold.torch.reductions import norm, reduced
from jetfold.torch.values import Value, place


def _over_root(input: Any, variance: Any, eps: float) -> Value:
    return applied("div", np.divide, input, applied("sqrt", np.sqrt, add(variance, eps)))


def _affine(input: Any, weight: Any, bias: Any) -> Value:
    scaled = input if weight is None else mul(input, weight)
    return scaled if bias is None else add(scaled, bias)


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Value:
    """Ba, Kiros and Hinton, "Layer Normalization" (arXiv 1607.06450)."""
    over = tuple(range(-len(normalized_shape), 0))
    centred = sub(input, reduced("layer_norm", np.mean, input, over, keepdim=True))
    variance = reduced("layer_norm", np.mean, mul(centred, centred), over, keepdim=True)
    return _affine(_over_root(centred, variance, eps), weight, bias)


def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Value:
    """Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467)."""
    if eps is None:  # the machine's, of a precision that is not known yet
        raise located(TraceError, "rms_norm without eps", "Say eps=1e-6, for instance.")
    over = tuple(range(-len(normalized_shape), 0))
    mean_square = reduced("rms_norm", np.mean, mul(input, input), over, keepdim=True)
    return _affine(_over_root(input, mean_square, eps), weight, None)


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    """With the statistics that have been gathered; those of the batch would mix its points."""
    if training or running_mean is None:
        raise located(
            TraceError,
            "batch normalisation by the statistics of the batch: the value at one point would "
            "depend on the other points",
            "Call module.eval() first, or use torch.nn.LayerNorm.",
        )
    channels = (-1,) + (1,) * (input.ndim - 2)

    def along(value: Any) -> Any:
        return None if value is None else Value(value.array.reshape(channels))

    centred = sub(input, along(running_mean))
    return _affine(_over_root(centred, along(running_var), eps), along(weight), along(bias))


def weight_norm(v: Any, g: Any, dim: int = 0) -> Value:
    """Salimans and Kingma, "Weight Normalization" (arXiv 1602.07868)."""
    others = tuple(i for i in range(v.ndim) if i != place(dim, v.ndim))
    return mul(v, div(g, norm(v, 2, others, keepdim=True)))


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Value:
    """Without effect outside of training."""
    if training and p > 0:
        raise located(
            TraceError,
            f"dropout (p={p}) of a module in training mode: its values are drawn anew at every "
            "call, and have no derivatives",
            "Call module.eval() first; in a call of F.dropout say training=self.training.",
        )
    return itself(input)


FUNCTIONS: Mapping[str, Rule] = {"_weight_norm": weight_norm}
"""Functions of `torch`."""

VIEWS: Mapping[str, Rule] = {
    "alpha_dropout": dropout,
    "dropout": dropout,
    "feature_alpha_dropout": dropout,
}
"""Functions of `torch.nn.functional` whose result may be the input itself."""

FUNCTIONAL: Mapping[str, Rule] = {
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
}
"""Functions of `torch.nn.functional`."""
