"""What PyTorch itself computes for a module: values at points, Laplacians, with their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf
import jetfold.torch

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

Module: Any = torch.nn.Module

torch.set_num_threads(1)  # more only wait for each other at the sizes of tests


class Applied(Module):
    """A function of a batch, with parameters and buffers to use, as a module."""

    def __init__(self, function: Callable[..., Any], **tensors: Any) -> None:
        super().__init__()
        self.function = function
        self.names = list(tensors)
        for name, tensor in tensors.items():
            self.register_parameter(name, torch.nn.Parameter(tensor))

    def forward(self, x: Any) -> Any:
        return self.function(x, *(getattr(self, name) for name in self.names))


def batch(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Any:
    """Points of float64, uniform between two bounds."""
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)


def assert_same(module: Any, points: Any, oracle: Any = None, rtol: float = 1e-11) -> None:
    """Check u(x, params) against the module, and its second derivative along random directions.

    ``oracle`` is the same module in functions whose derivatives PyTorch has.
    """
    u, params = jetfold.torch.from_module(module)
    assert_same_values(u, params, module, points)
    directions = batch(*points.shape, seed=1)
    straight = (directions.numpy(), 0 * directions.numpy())
    jet = jf.jet(u, 2, backend="reference", point_ndim=points.ndim - 1)
    found = leaves(jet(points.numpy(), straight, params)[-1][-1])
    expected = second_derivatives(oracle or module, points, directions)
    for array, tensor in zip(found, expected, strict=True):
        assert_allclose(array, tensor.detach().numpy(), rtol=rtol, atol=1e-11)


def second_derivatives(module: Any, points: Any, directions: Any) -> list[Any]:
    """Along one direction for each point, by reverse mode only, which all functions have."""

    def along(function: Callable[..., Any], x: Any) -> Any:
        return torch.autograd.functional.jvp(function, x, directions, create_graph=True)[1]

    return leaves(along(lambda x: along(module, x), points))


def assert_same_values(u: Any, params: Any, module: Any, points: Any, rtol: float = 1e-12) -> None:
    """Check u(x, params) against the module at every point of the batch."""
    expected = module(points)
    for i, point in enumerate(points.detach().numpy()):
        found = u(point, params)
        for array, tensor in zip(leaves(found), leaves(expected), strict=True):
            row = tensor[i].detach().numpy()
            assert np.shape(array) == row.shape
            assert_allclose(array, row, rtol=rtol, atol=1e-14)


def leaves(tree: Any) -> list[Any]:
    """The arrays or tensors of a result."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves(item)]
    return [tree]


def laplacian(module: Any, points: Any) -> Any:
    """The Laplacian as it is written in PyTorch: second derivatives by autograd, one by one."""
    points = points if points.requires_grad else points.detach().requires_grad_()
    outputs = module(points)
    columns = []
    for output in outputs.reshape(len(points), -1).unbind(1):
        total = torch.zeros(len(points), dtype=points.dtype)
        (slope,) = torch.autograd.grad(output.sum(), points, create_graph=True)
        for i in range(points.shape[1]):
            if slope.requires_grad:
                (second,) = torch.autograd.grad(
                    slope[:, i].sum(), points, create_graph=True, materialize_grads=True
                )
                total = total + second[:, i]
        columns.append(total)
    return torch.stack(columns, 1).reshape(outputs.shape)
