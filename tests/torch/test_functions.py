"""Every function, method and operator that can be imported gives what PyTorch gives."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

from jetfold.torch import from_module  # noqa: E402
from jetfold.torch.table import RULES  # noqa: E402
from torch_oracle import Applied, assert_same, assert_same_values, batch  # noqa: E402

F = torch.nn.functional
Function = Callable[[Any], Any]


def words(text: str) -> list[str]:
    return text.split()


# Elementwise, on points in (-2, 2), in (0.1, 0.9) or above 1.1.
EVERYWHERE = words(
    "abs absolute arcsinh arctan asinh atan ceil cos cosh deg2rad erf erfc exp exp2 expm1 fix "
    "floor frac neg negative positive rad2deg reciprocal sgn sigmoid sign sin sinc sinh square tan "
    "tanh trunc relu selu celu round"
)
INSIDE = words("acos arccos arcsin arctanh asin atanh logit log log10 log1p log2 rsqrt sqrt")
ABOVE = words("acosh arccosh digamma lgamma")
SPECIAL = words("bessel_j0 bessel_j1 digamma erf erfc exp2 expit expm1 gammaln log1p psi sinc")
ACTIVATIONS = words(
    "celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu relu6 "
    "selu sigmoid silu softplus softshrink softsign tanh tanhshrink"
)
LOGICAL = words("logical_and logical_or logical_xor")
COMPARISONS = words("eq ge greater greater_equal gt le less less_equal lt ne not_equal")
BINARY = words(
    "add arctan2 atan2 div divide float_power floor_divide fmod hypot logaddexp logaddexp2 maximum "
    "minimum mul multiply pow remainder rsub sub subtract true_divide heaviside"
)
PYTHON = words("add floordiv mod mul pow sub truediv")


def named(space: Any, name: str, *more: Any, **options: Any) -> Function:
    function = getattr(space, name)
    return lambda x: function(x, *more, **options)


def pair(function: Callable[..., Any]) -> Function:
    return lambda x: function(x, x.flip(1))


def truth(function: Callable[..., Any]) -> Function:
    return lambda x: torch.where(function(x, x.flip(1)), x, 2 * x)


def of_truths(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: function(x > 0, y > 0)


ELEMENTWISE: dict[str, tuple[Function, float, float]] = {
    **{f"torch.{name}": (named(torch, name), -2, 2) for name in EVERYWHERE},
    **{f"torch.{name}": (named(torch, name), 0.1, 0.9) for name in INSIDE},
    **{f"torch.{name}": (named(torch, name), 1.1, 3) for name in ABOVE},
    **{f"torch.special.{name}": (named(torch.special, name), 0.1, 2) for name in SPECIAL},
    "torch.special.logit": (named(torch.special, "logit"), 0.1, 0.9),
    **{f"torch.nn.functional.{name}": (named(F, name), -4, 4) for name in ACTIVATIONS},
    "torch.nn.functional.threshold": (named(F, "threshold", 0.3, -1.0), -2, 2),
    "torch.threshold": (named(torch, "threshold", 0.3, -1.0), -2, 2),
    "gelu, tanh": (named(F, "gelu", approximate="tanh"), -4, 4),
    "softplus, beta and threshold": (named(F, "softplus", beta=3.0, threshold=2.0), -4, 4),
    "elu, alpha": (named(F, "elu", alpha=0.7), -4, 4),
    "celu, alpha": (named(F, "celu", alpha=0.7), -4, 4),
    "hardtanh, bounds": (named(F, "hardtanh", min_val=-0.5, max_val=0.7), -4, 4),
    "leaky_relu, slope": (named(F, "leaky_relu", negative_slope=0.3), -4, 4),
    **{f"torch.{name}": (pair(getattr(torch, name)), 0.1, 2) for name in BINARY},
    **{f"operator.{name}": (pair(getattr(operator, name)), 0.1, 2) for name in PYTHON},
    **{f"torch.{name}": (truth(getattr(torch, name)), -2, 2) for name in COMPARISONS},
    **{
        f"torch.{name}": (truth(of_truths(getattr(torch, name))), -2, 2)
        for name in (*LOGICAL, "bitwise_and", "bitwise_or", "bitwise_xor")
    },
    **{
        f"operator.{name}": (truth(of_truths(getattr(operator, name))), -2, 2)
        for name in ("and_", "or_", "xor")
    },
    **{
        f"operator.{name}": (truth(getattr(operator, name)), -2, 2)
        for name in ("eq", "ge", "gt", "le", "lt", "ne")
    },
    "torch.logical_not": (lambda x: torch.where(torch.logical_not(x > 0), x, 2 * x), -2, 2),
    "torch.bitwise_not": (lambda x: torch.where(torch.bitwise_not(x > 0), x, 2 * x), -2, 2),
    "operator.invert": (lambda x: torch.where(~(x > 0), x, 2 * x), -2, 2),
    "operator.abs": (abs, -2, 2),
    "operator.neg": (lambda x: -x, -2, 2),
    "operator.pos": (lambda x: +x, -2, 2),
    "numbers of NumPy": (lambda x: np.float32(0.5) * x / np.float64(3) + np.int64(2), -2, 2),
    "numbers": (lambda x: 2.0 / (3 - 2 * x) ** 2 + 2**x - 1, -1, 1),
    "torch.clamp": (named(torch, "clamp", -0.5, 1.5), -2, 2),
    "torch.clip": (named(torch, "clip", max=0.5), -2, 2),
    "torch.clamp_min": (named(torch, "clamp_min", 0.5), -2, 2),
    "torch.clamp_max": (named(torch, "clamp_max", 0.5), -2, 2),
    "torch.where": (lambda x: torch.where(x > 0.3, x**3, torch.sin(x)), -2, 2),
    ".where": (lambda x: torch.sin(x).where(x > 0.3, x**3), -2, 2),
    "torch.masked_fill": (lambda x: torch.masked_fill(x * x, x > 1, 2.0), -2, 2),
    "torch.lerp": (lambda x: torch.lerp(x, x.flip(1), 0.3), -2, 2),
    "torch.addcmul": (lambda x: torch.addcmul(x, x, x.flip(1), value=0.5), -2, 2),
    "torch.addcdiv": (lambda x: torch.addcdiv(x, x, 3 + x.flip(1), value=0.5), -2, 2),
    "torch.nan_to_num": (lambda x: torch.nan_to_num(x * x), -2, 2),
    "add, alpha": (lambda x: torch.add(x, x * x, alpha=2.5), -2, 2),
    "sub, alpha": (lambda x: x.sub(x * x, alpha=2.5), -2, 2),
    "div, floor": (lambda x: torch.div(x, 0.7, rounding_mode="floor") * x, -2, 2),
    "div, trunc": (lambda x: torch.div(x, 0.7, rounding_mode="trunc") * x, -2, 2),
    "round, decimals": (lambda x: torch.round(x, decimals=1) * x, -2, 2),
    "logit, eps": (lambda x: torch.logit(x, eps=0.2), 0.1, 0.9),
}
"""Elementwise functions, and the interval to try them on."""

SQUARE = torch.arange(16, dtype=torch.float64).reshape(4, 4) / 7 - 1

OTHERS: dict[str, Function] = {
    # shapes
    "reshape": lambda x: torch.reshape(x, (-1, 3, 4)),
    "view": lambda x: x.view(x.shape[0], 2, -1),
    "view_as": lambda x: x.view(-1, 12).view_as(x),
    "reshape_as": lambda x: x.view(-1, 12).reshape_as(x),
    "flatten": lambda x: torch.flatten(x, 1),
    "flatten, a part": lambda x: x.unsqueeze(1).flatten(1, -2),
    "unflatten": lambda x: torch.unflatten(x, 2, (2, 2)),
    "unsqueeze": lambda x: torch.unsqueeze(x, -2),
    "squeeze": lambda x: torch.squeeze(x.unsqueeze(1).unsqueeze(-1)),
    "squeeze, dim": lambda x: x.unsqueeze(1).unsqueeze(-1).squeeze(1),
    "expand": lambda x: x[:, :1].expand(-1, 5, 4),
    "expand_as": lambda x: x[:, :1].expand_as(x),
    "repeat": lambda x: x.repeat(1, 2, 3),
    "tile": lambda x: torch.tile(x, (2, 1)),
    "repeat_interleave": lambda x: torch.repeat_interleave(x, 2, dim=1),
    # order
    "permute": lambda x: torch.permute(x, (0, 2, 1)),
    "permute, back": lambda x: x.permute(2, 0, 1).sin().permute(1, 2, 0),
    "transpose": lambda x: torch.transpose(x, 1, 2),
    "swapaxes": lambda x: torch.swapaxes(x, 1, 2),
    "swapdims": lambda x: torch.swapdims(x, -1, -2),
    "movedim": lambda x: torch.movedim(x, 1, 2),
    "moveaxis": lambda x: torch.moveaxis(x, (1, 2), (2, 1)),
    "t": lambda x: torch.t(torch.t(x[:, 0]).sin()),
    "T": lambda x: (x[..., 0].T * x[:, 0, 0]).T,
    "mT": lambda x: x.mT,
    "flip": lambda x: torch.flip(x, (1, 2)),
    "roll": lambda x: torch.roll(x, 1, 2),
    "roll, several": lambda x: torch.roll(x, (1, -1), (1, 2)),
    # several tensors
    "cat": lambda x: torch.cat([x, x * x], dim=-1),
    "concat": lambda x: torch.concat([x, x * x], dim=1),
    "concatenate": lambda x: torch.concatenate([x, x * x], axis=1),
    "stack": lambda x: torch.stack([x, x * x], dim=-1),
    "stack, in front": lambda x: torch.stack([x, x * x], dim=1),
    "hstack": lambda x: torch.hstack([x, x * x]),
    "column_stack": lambda x: torch.column_stack([x[:, 0, 0], x[:, 0]]),
    "split": lambda x: torch.split(x, 3, dim=2)[1],
    "split, sizes": lambda x: x.split([1, 3], -1)[1],
    "chunk": lambda x: torch.chunk(x, 3, 2)[1],
    "tensor_split": lambda x: torch.tensor_split(x, 3, 2)[0],
    "unbind": lambda x: torch.unbind(x, -1)[2],
    "select": lambda x: torch.select(x, 1, -1),
    "narrow": lambda x: torch.narrow(x, 2, 1, 2),
    "index_select": lambda x: torch.index_select(x, 2, torch.tensor([3, 0, 0])),
    # indexing
    "x[..., 0]": lambda x: x[..., 0],
    "x[:, 0]": lambda x: x[:, 0],
    "x[:, -1, 1:3]": lambda x: x[:, -1, 1:3],
    "x[:, ::2]": lambda x: x[:, ::2],
    "x[:, None]": lambda x: x[:, None],
    "x[None]": lambda x: x[None].sin()[0],
    "x[..., None, :]": lambda x: x[..., None, :],
    "x[:, :, [2, 0]]": lambda x: x[:, :, [2, 0]],
    "x[:, tensor]": lambda x: x[:, torch.tensor([2, 0])],
    "x[..., table]": lambda x: x[..., torch.tensor([[2, 0], [1, 1]])],
    "x[:, mask]": lambda x: x[:, torch.tensor([True, False, True])],
    "x[:, 1, [0, 3]]": lambda x: x[:, 1, [0, 3]],
    "x[:]": lambda x: x[:].sin(),
    # about a tensor
    "shape": lambda x: x * x.shape[-1] / x.size(1) + x.dim() + x.ndim + x.ndimension(),
    "math": lambda x: x * math.sqrt(x.shape[-1]) + math.pow(x.size(1), 2) / math.log(x.dim()),
    "math, more": lambda x: x * math.exp(-x.shape[1]) + math.ceil(x.ndim) + math.floor(x.ndim),
    "math.prod": lambda x: x.reshape(-1, math.prod(x.shape[1:])),
    "device and dtype": lambda x: x.to(x.device).to(x.dtype) * 2,
    "size": lambda x: x.reshape(x.size()[0], x.size(1) * x.size(-1)),
    "new_zeros": lambda x: torch.cat([x, x.new_zeros(x.shape[0], 3, 1)], -1),
    "new_ones": lambda x: x * x.new_ones((3, 1)),
    "new_full": lambda x: x + x.new_full((x.shape[0], 1, 4), 0.5),
    "zeros_like": lambda x: torch.zeros_like(x) + x,
    "ones_like": lambda x: torch.ones_like(x) * x,
    "full_like": lambda x: torch.full_like(x, 2.5) * x,
    "clone": torch.clone,
    "contiguous": lambda x: x.mT.contiguous(),
    "cpu": lambda x: x.cpu(),
    "double": lambda x: x.double(),
    "float": lambda x: x * x.float().double().shape[1],
    "float of truth values": lambda x: (x > 0).float() + (x > -1).double() + x,
    "to numbers": lambda x: (x > 0).to(torch.float64) + (x > -1).to(x) * x,
    "to": lambda x: x.to(torch.float64),
    "type_as": lambda x: x.type_as(x),
    "tril": lambda x: torch.tril(x, 1),
    "triu": torch.triu,
    # reductions
    **{
        f"{name}{dim}": named(torch, name, dim=dim)
        for name in ("sum", "mean", "amax", "amin", "std", "var", "norm", "logsumexp")
        for dim in (1, -1)
    },
    "sum, dims": lambda x: x.sum((1, 2)),
    "mean, keepdim": lambda x: x.mean(dim=(-2, -1), keepdim=True),
    "sum, names of NumPy": lambda x: torch.sum(x, axis=1, keepdims=True),
    "prod": lambda x: torch.prod(x, 1),
    "max": lambda x: torch.max(x, dim=2).values,
    "min": lambda x: torch.min(x, 2)[0],
    "max of two": lambda x: torch.max(x, x.flip(1)),
    "min of two": lambda x: torch.min(x, x.flip(1)),
    "var, biased": lambda x: torch.var(x, 2, False),
    "std, correction": lambda x: torch.std(x, dim=2, correction=0),
    "cumsum": lambda x: torch.cumsum(x, 2),
    "cumprod": lambda x: torch.cumprod(x, dim=1),
    "all": lambda x: torch.where(torch.all(x > -1, 2), x[..., 0], x[..., 1]),
    "any": lambda x: torch.where(torch.any(x > 1, 2), x[..., 0], x[..., 1]),
    "norm, 1": lambda x: torch.norm(x, 1, 2),
    "norm, method": lambda x: x.norm(dim=-1, keepdim=True),
    "linalg.norm": lambda x: torch.linalg.norm(x, dim=-1),
    "linalg.vector_norm": lambda x: torch.linalg.vector_norm(x, 3, dim=(1, 2)),
    "softmax": lambda x: torch.softmax(x, -1),
    "log_softmax": lambda x: torch.log_softmax(x, 1),
    "F.softmax": lambda x: F.softmax(x, dim=-1),
    "F.log_softmax": lambda x: F.log_softmax(x, dim=-1),
    "F.softmin": lambda x: F.softmin(x, dim=-1),
    "special.softmax": lambda x: torch.special.softmax(x, -1),
    "special.logsumexp": lambda x: torch.special.logsumexp(x, -1),
    "F.normalize": lambda x: F.normalize(x, dim=-1),
    "diagonal": lambda x: torch.diagonal(x, 0, 1, 2),
    "diagonal, offset": lambda x: x.diagonal(1, -2, -1),
    # products
    "x @ W": lambda x: x @ SQUARE,
    "matmul": lambda x: torch.matmul(x[:, 0], SQUARE),
    "matmul, vector": lambda x: torch.matmul(x, SQUARE[0]),
    "W @ x.T": lambda x: (SQUARE @ x[:, 0].T).T,
    "W @ x": lambda x: SQUARE[:2, :3] @ x,
    "x @ x.mT": lambda x: x @ x.mT,
    "bmm": lambda x: torch.bmm(x, x.transpose(1, 2)),
    "matmul, ones": lambda x: x[:, None, :1] @ torch.stack([SQUARE, SQUARE.T])[None],
    "bmm, ones": lambda x: x[:, None] @ torch.stack([x, x * x], 1).mT,
    "einsum, ones": lambda x: torch.einsum("nij,nij->nij", x, x[:, :, :1]),
    "mm": lambda x: torch.mm(x[:, 1], SQUARE),
    "mv": lambda x: torch.mv(x[:, 1], SQUARE[1]),
    "linalg.matmul": lambda x: torch.linalg.matmul(x, SQUARE),
    "addmm": lambda x: torch.addmm(SQUARE[0], x[:, 1], SQUARE, beta=2, alpha=0.5),
    "baddbmm": lambda x: torch.baddbmm(x @ x.mT, x, x.mT, alpha=0.5),
    "outer": lambda x: torch.outer(x[:, 0, 0], SQUARE[0]),
    "linalg.vecdot": lambda x: torch.linalg.vecdot(x, x + 1),
    "tensordot": lambda x: torch.tensordot(x, SQUARE, dims=1),
    "tensordot, dims": lambda x: torch.tensordot(x, SQUARE[:3], dims=([1, 2], [0, 1])),
    "einsum": lambda x: torch.einsum("nij,jk->nik", x, SQUARE),
    "einsum, list": lambda x: torch.einsum("bi,bj->bij", [x[:, 0], x[:, 1]]),
    "einsum, dots": lambda x: torch.einsum("...i,...i->...", x, x + 1),
    "einsum, implicit": lambda x: torch.einsum("bij,j", x, SQUARE[0]),
    "linear": lambda x: F.linear(x, SQUARE, SQUARE[0]),
    "linear, no bias": lambda x: F.linear(x, SQUARE[:2]),
    "bilinear": lambda x: F.bilinear(x, x + 1, torch.stack([SQUARE, SQUARE.T]), SQUARE[0, :2]),
    # matrices
    "det": lambda x: torch.det(x @ x.mT + 2 * torch.eye(3)),
    "inverse": lambda x: torch.inverse(x @ x.mT + 2 * torch.eye(3)),
    "slogdet": lambda x: torch.slogdet(x[:, :, :3])[1],
    "slogdet, names": lambda x: torch.linalg.slogdet(x[:, :, :3]).logabsdet,
    "slogdet, sign": lambda x: x * torch.linalg.slogdet(x[:, :, :3]).sign[:, None, None],
    "linalg.solve": lambda x: torch.linalg.solve(x @ x.mT + torch.eye(3), x),
    "linalg.solve, vectors": lambda x: torch.linalg.solve(x @ x.mT + torch.eye(3), x[..., 0]),
    "linalg.solve, one matrix": lambda x: torch.linalg.solve(SQUARE[:3, :3] + torch.eye(3), x),
    "cross": lambda x: torch.cross(x[..., :3], x[..., 1:] ** 2, dim=-1),
    # normalisations
    "layer_norm": lambda x: F.layer_norm(x, (4,), SQUARE[0], SQUARE[1]),
    "layer_norm, two axes": lambda x: F.layer_norm(x, (3, 4), eps=0.1),
    "rms_norm": lambda x: F.rms_norm(x, (4,), SQUARE[0], eps=1e-3),
    "torch.layer_norm": lambda x: torch.layer_norm(x, (4,)),
    "torch.rms_norm": lambda x: torch.rms_norm(x, (4,), eps=1e-3),
    "batch_norm": lambda x: F.batch_norm(x, SQUARE[0, :3], SQUARE[3, :3] + 2, eps=1e-3),
    "attention": lambda x: F.scaled_dot_product_attention(x, x + 1, x * x),
    "attention, mask": lambda x: F.scaled_dot_product_attention(x, x, x, SQUARE[:3, :3], scale=2.0),
    "dropout": lambda x: F.dropout(x, 0.5, training=False),
    "alpha_dropout": lambda x: F.alpha_dropout(x, 0.5, training=False),
    "feature_alpha_dropout": lambda x: F.feature_alpha_dropout(x, 0.5),
    "glu": lambda x: F.glu(x, -1),
    "prelu": lambda x: F.prelu(x, torch.tensor([0.25], dtype=torch.float64)),
    "prelu, channels": lambda x: torch.prelu(x, SQUARE[0, :3]),
}
"""Functions of a batch of points with the axes (3, 4)."""


WITH_PARAMETER: dict[str, Callable[..., Any]] = {
    "numel": lambda x, w: x * torch.numel(w) + w.numel(),
    "trace": lambda x, w: x * torch.trace(w),
    "_weight_norm": lambda x, w: x @ torch._weight_norm(w, w[:, :1], 0),
    "dot": lambda x, w: x * torch.dot(w[0], w[1]),
    "a tensor of its own": lambda x, w: x * w.sum() + w.mean() + w.max() + w.reshape(-1)[3],
    "a parameter in every product": lambda x, w: x @ w.T @ torch.linalg.vector_norm(w, dim=0),
    "rows for all points": lambda x, w: x + w[:3].expand_as(x) + w[0].repeat(x.shape[0], 3, 1),
}
"""Functions of points and of one parameter with the axes (4, 4)."""


VALUES_ALONE = words(
    "torch.special.bessel_j0 torch.special.bessel_j1 torch.nn.functional.hardsigmoid "
    "torch.floor_divide torch.heaviside operator.floordiv"
)
"""Functions that PyTorch does not differentiate twice."""

INACCURATE = {"torch.lgamma": 1e-8, "torch.special.gammaln": 1e-8, "celu, alpha": 1e-6}
"""How exact the second derivatives of PyTorch are, where this is less than usual."""


def _layer_norm(x: Any, dims: Any, eps: float = 1e-5) -> Any:
    centred = x - x.mean(dims, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(dims, keepdim=True) + eps)


ORACLES: dict[str, Function] = {
    "layer_norm": lambda x: _layer_norm(x, -1) * SQUARE[0] + SQUARE[1],
    "layer_norm, two axes": lambda x: _layer_norm(x, (1, 2), 0.1),
    "torch.layer_norm": lambda x: _layer_norm(x, -1),
}
"""The same as PyTorch's own, whose derivatives of its derivatives are wrong (2.13)."""


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_functions(name: str) -> None:
    function, low, high = ELEMENTWISE[name]
    points = batch(3, 4, low=low, high=high)
    if name in VALUES_ALONE:
        assert_same_values(*from_module(Applied(function)), function, points)
    else:
        assert_same(Applied(function), points, rtol=INACCURATE.get(name, 1e-11))


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name: str) -> None:
    assert_same(Applied(OTHERS[name]), batch(2, 3, 4), ORACLES.get(name))


@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_functions_of_parameters(name: str) -> None:
    assert_same(Applied(WITH_PARAMETER[name], w=SQUARE), batch(5, 3, 4))


KINKS: dict[str, tuple[Function, list[float]]] = {
    "relu": (F.relu, [0]),
    "relu6": (F.relu6, [0, 6]),
    "leaky_relu": (F.leaky_relu, [0]),
    "prelu": (lambda x: F.prelu(x, torch.tensor([0.25], dtype=torch.float64)), [0]),
    "elu": (lambda x: F.elu(x, 0.7), [0]),
    "celu": (lambda x: F.celu(x, 0.7), [0]),
    "selu": (F.selu, [0]),
    "threshold": (lambda x: F.threshold(x, 0.5, 1.0), [0.5]),
    "hardtanh": (F.hardtanh, [-1, 1]),
    "hardshrink": (F.hardshrink, [-0.5, 0.5]),
    "softshrink": (F.softshrink, [-0.5, 0.5]),
    "hardsigmoid": (F.hardsigmoid, [-3, 3]),
    "hardswish": (F.hardswish, [-3, 3]),
    "softplus": (lambda x: F.softplus(x, 1.0, 2.0), [2]),
    "abs": (torch.abs, [0]),
    "clamp": (lambda x: x.clamp(-1, 1), [-1, 1]),
    "maximum": (lambda x: torch.maximum(x, 3 * x), [0]),
}


@pytest.mark.filterwarnings("ignore:a gradient goes through")
@pytest.mark.parametrize("name", KINKS)
def test_derivatives_at_kinks(name: str) -> None:
    function, places = KINKS[name]
    points = torch.tensor(places, dtype=torch.float64)[:, None].requires_grad_()
    u, params = from_module(Applied(function))
    values, pull = jf.vjp(u, argnums=0, backend="reference")(points.detach().numpy(), params)
    (expected,) = torch.autograd.grad(function(points).sum(), points)
    assert_allclose(pull(np.ones_like(values)), expected, rtol=1e-7)  # PyTorch: celu


def test_every_rule_is_tested() -> None:
    modules = [Applied(function) for function, *_ in ELEMENTWISE.values()]
    modules += map(Applied, OTHERS.values())
    modules += [Applied(function, w=SQUARE) for function in WITH_PARAMETER.values()]
    programs = [from_module(module)[0].program for module in modules]
    keys = {instruction.key for program in programs for instruction in program.instructions}
    tested = {RULES[key] for key in keys}
    assert [key for key, rule in RULES.items() if rule not in tested] == []
