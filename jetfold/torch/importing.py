"""`from_module`: an nn.Module as a NumPy function and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jetfold.graph import ArgumentError
from jetfold.torch.parameters import array_of, flat, is_floating, nested
from jetfold.torch.program import Program
from jetfold.torch.tracing import as_module, program_of


class ImportedModule:
    """``u(x, params)``: what a module gives for one point, in NumPy operations that are traced.

    ``fixed`` are the values of the buffers.
    """

    def __init__(self, name: str, program: Program, fixed: Mapping[str, Any]) -> None:
        self.__qualname__ = self.__name__ = name
        self.program = program
        self.fixed = fixed

    def __call__(self, x: Any, params: Any) -> Any:
        """The module's result at one point x, of the shape of the input without the batch axis."""
        arrays = {**self.fixed, **flat(params)}
        missing = set(self.program.tensors.values()) - arrays.keys()
        if missing:
            raise ArgumentError(
                f"params have no parameter {min(missing)!r} of {self.__name__}: it takes nested "
                'dicts as from_module gives them, params["net"]["0"]["weight"] for net.0.weight'
            )
        return self.program.run(x, arrays)

    def __repr__(self) -> str:
        return f"<{self.__name__}, imported from PyTorch>"


def from_module(module: Any) -> tuple[ImportedModule, dict[str, Any]]:
    """A PyTorch module as a NumPy function ``u(x, params)`` of one point, and its parameters.

    Parameters
    ----------
    module : a torch.nn.Module that maps a batch (batch, D) to (batch, *shape), each row on its
        own; D may be several axes. Its result may be a tensor, or a tree of tensors.

    Returns
    -------
    ``u``: u(x, params) is ``module(X)[i]`` for ``x = X[i]``, with NumPy arrays. Give it to
    `jetfold.laplacian` and all others.

    ``params``: the module's parameters as nested dicts by their names,
    ``params["net"]["0"]["weight"]``. The arrays share the memory of the tensors: what changes one
    changes the other. Buffers, other tensors and Python numbers that the module uses are those of
    the moment of the import.

    Raises
    ------
    ArgumentError for tensors that are not of float32 or float64, or not on the CPU. TraceError,
    with the line of the module's source, for operations that are not supported, for control flow
    that depends on tensors, for dropout and batch normalisation in training mode, and (when u is
    called) for operations that mix the points of a batch.
    """
    module = as_module(module)
    program = program_of(module)
    named = dict(module.named_parameters())
    buffers = {name: tensor for name, tensor in module.named_buffers() if is_floating(tensor)}
    used = set(program.tensors.values())
    fixed = {name: array_of(buffers[name], name).copy() for name in buffers.keys() & used}
    params = nested((name, array_of(tensor, name)) for name, tensor in named.items())
    return ImportedModule(type(module).__name__, program, fixed), params
