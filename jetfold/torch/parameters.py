"""Tensors of a module as NumPy arrays in the same memory, by the names that it has for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from jetfold.graph import ArgumentError

_DTYPES = (torch.float32, torch.float64)


def check(tensor: Any, name: str) -> None:
    """Raise `ArgumentError` for a tensor that is not a plain one of real numbers on the CPU."""
    if not isinstance(tensor, torch.Tensor):
        raise ArgumentError(f"{name} is a {type(tensor).__name__}, not a torch.Tensor")
    if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
        raise ArgumentError(
            f"{name} has no shape yet: run a lazy module once on a batch before it is imported"
        )
    if tensor.device.type != "cpu":
        raise ArgumentError(
            f"{name} is on the device {tensor.device}; operators for PyTorch run on the CPU: move "
            'the module and its points there with .to("cpu")'
        )
    if tensor.layout != torch.strided or tensor.is_quantized:
        raise ArgumentError(f"{name} is a sparse or quantised tensor; only dense ones are read")
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise ArgumentError(
            f"{name} is seen by torch.func (vmap, grad, jvp), which cannot look into operators of "
            "jetfold; they take whole batches, and loss.backward() or torch.autograd.grad "
            "differentiates them"
        )
    if tensor.dtype.is_floating_point and tensor.dtype not in _DTYPES:
        do = "convert it to float32 or float64, as with module.float()"
    elif tensor.is_complex():
        do = "complex numbers are not supported: keep the real and the imaginary part"
    else:
        return
    raise ArgumentError(f"{name} has dtype {tensor.dtype}; {do}")


def array_of(tensor: Any, name: str) -> NDArray[Any]:
    """A tensor's numbers, in its own memory. Raises `ArgumentError`."""
    check(tensor, name)
    array: NDArray[Any] = tensor.detach().resolve_neg().numpy()
    return array


def is_floating(tensor: Any) -> bool:
    """Whether a tensor can be differentiated; others are constants, by which one can index."""
    return bool(tensor.dtype.is_floating_point)


def names_of(module: Any) -> list[str]:
    """The names of a module's parameters and of its buffers of floating-point numbers."""
    buffers = [name for name, tensor in module.named_buffers() if is_floating(tensor)]
    return [name for name, _ in module.named_parameters()] + buffers


def nested(arrays: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Values by names with dots as nested dicts: ``{"net": {"0": {"weight": ...}}}``."""
    tree: dict[str, Any] = {}
    for name, array in arrays:
        *path, last = name.split(".")
        level = tree
        for step in path:
            level = level.setdefault(step, {})
        level[last] = array
    return tree


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The inverse of `nested`."""
    found: dict[str, Any] = {}
    for key, item in tree.items():
        name = f"{prefix}{key}"
        found |= flat(item, f"{name}.") if isinstance(item, Mapping) else {name: item}
    return found
