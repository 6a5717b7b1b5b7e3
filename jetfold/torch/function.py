"""`operator`: an operator of a module as a function of tensors that PyTorch differentiates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from jetfold.graph import ArgumentError, UnsupportedError
from jetfold.graph.tree import Structure, flatten, unflatten
from jetfold.operator import Operator
from jetfold.torch.importing import ImportedModule
from jetfold.torch.parameters import array_of, names_of, nested
from jetfold.torch.tracing import as_module, program_of
from jetfold.vjp import VectorJacobianProduct


class _Imported:
    """What is made of a module in one of its modes, training or evaluation."""

    def __init__(self, make: Callable[..., Any], module: Any, options: dict[str, Any]) -> None:
        program = program_of(module)
        self.function = make(ImportedModule(type(module).__name__, program, {}), **options)
        if not callable(self.function):
            raise ArgumentError(
                f"{make!r} made a {type(self.function).__name__} of u; give what makes an operator "
                "or a function of (x, params) of it, such as jf.laplacian"
            )
        self.names = sorted(set(program.tensors.values()))
        if not isinstance(self.function, Operator):  # may use others than the module's forward does
            self.names = sorted(names_of(module))
        self.backend = getattr(self.function, "backend", options.get("backend", "cpu"))
        self.point_ndim = getattr(self.function, "point_ndim", options.get("point_ndim", 1))
        self._products: dict[tuple[bool, frozenset[str]], VectorJacobianProduct] = {}

    def product(self, points: bool, trained: frozenset[str]) -> VectorJacobianProduct:
        """The values, and what pulls cotangents back to the points and to these parameters."""
        known = self._products.get((points, trained))
        if known is None:
            known = VectorJacobianProduct(
                self._of_two_trees(),
                argnums=(0,) * points + (1,) * bool(trained),
                backend=self.backend,
                point_ndim=self.point_ndim,
            )
            self._products[points, trained] = known
        return known

    def _of_two_trees(self) -> Callable[..., Any]:
        """The function of a point, parameters that are trained, and all others."""
        function: Any = self.function

        def split(x: Any, trained: Mapping[str, Any], fixed: Mapping[str, Any]) -> Any:
            return function(x, nested({**trained, **fixed}.items()))

        split.__qualname__ = getattr(function, "__qualname__", repr(function))
        return split

    def values(self, points: Any, arrays: Mapping[str, Any]) -> Any:
        """The values alone."""
        if isinstance(self.function, Operator):
            call: Any = self.function
            return call(points, nested(arrays.items()))
        return self.product(True, frozenset())(points, {}, arrays)[0]


class ModuleOperator:
    """``op(X)``: an operator of a module at a batch of points, differentiable; see `operator`."""

    def __init__(self, make: Callable[..., Any], module: Any, options: dict[str, Any]) -> None:
        self.make = make
        self.module = as_module(module)
        self.options = options
        self._modes: dict[tuple[bool, ...], _Imported] = {}
        self._imported()

    def __call__(self, points: Any) -> Any:
        """The operator at points (..., *point); the batch axes come first in every result."""
        array = array_of(points, "X")
        if array.dtype.kind != "f":
            raise ArgumentError(f"X has dtype {points.dtype}; convert it to float32 or float64")
        imported = self._imported()
        tensors = self._tensors(imported.names)
        if torch.is_grad_enabled() and any(t.requires_grad for t in (points, *tensors)):
            structures: list[Structure] = []
            results = _Differentiated.apply(imported, structures, points, *tensors)
            return unflatten(structures[0], results)
        arrays = {
            name: array_of(tensor, f"the parameter {name}")
            for name, tensor in zip(imported.names, tensors, strict=True)
        }
        results, structure = flatten(imported.values(array, arrays))
        return unflatten(structure, list(map(_tensor, results)))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_modes": {}}  # compiled code is found in the cache again

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        made = getattr(self.make, "__qualname__", repr(self.make))
        return f"jetfold.torch.operator({made}, {type(self.module).__name__}{options})"

    def _imported(self) -> _Imported:
        """The import for the module's mode now: forward may do other things in training."""
        mode = tuple(module.training for module in self.module.modules())
        known = self._modes.get(mode)
        if known is None:
            known = self._modes[mode] = _Imported(self.make, self.module, self.options)
        return known

    def _tensors(self, names: Sequence[str]) -> list[Any]:
        """The module's parameters and buffers as they are now."""
        found = dict(self.module.named_parameters()) | dict(self.module.named_buffers())
        missing = [name for name in names if name not in found]
        if missing:
            raise ArgumentError(
                f"the module has no parameter {missing[0]} any more; make a new operator of it"
            )
        return [found[name] for name in names]


def _tensor(array: Any) -> Any:
    """An array, or a number of NumPy, as a tensor in the same memory."""
    return torch.from_numpy(np.asarray(array))


class _Differentiated(torch.autograd.Function):
    """The values of an operator, which remember what pulls cotangents back."""

    @staticmethod
    def forward(ctx: Any, imported: Any, structures: Any, points: Any, *tensors: Any) -> Any:
        """The values as flat tensors; their tree is put into ``structures``."""
        needed = ctx.needs_input_grad[2:]
        trained: dict[str, Any] = {}
        fixed: dict[str, Any] = {}
        for name, tensor, wanted in zip(imported.names, tensors, needed[1:], strict=True):
            (trained if wanted else fixed)[name] = array_of(tensor, f"the parameter {name}")
        product = imported.product(needed[0], frozenset(trained))
        values, ctx.pull = product(array_of(points, "X"), trained, fixed)
        results, structure = flatten(values)
        structures.append(structure)
        ctx.structure, ctx.names = structure, imported.names
        ctx.save_for_backward(points, *tensors)
        return tuple(map(_tensor, results))

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        """The gradients of points and parameters; they themselves have none."""
        inputs = ctx.saved_tensors  # checks that nothing has changed since
        with torch.no_grad():
            given = [array_of(cotangent, "a cotangent") for cotangent in cotangents]
            found = list(ctx.pull(unflatten(ctx.structure, given)))
        needed = ctx.needs_input_grad[2:]
        at_points = found.pop(0) if needed[0] else None
        of_names = found.pop(0) if found else {}
        arrays = [at_points, *(of_names.get(name) for name in ctx.names)]
        gradients = [None if array is None else _tensor(array) for array in arrays]
        if torch.is_grad_enabled():  # create_graph=True
            gradients = _refuse_twice(gradients, [*inputs, *cotangents])
        return None, None, *gradients


def _refuse_twice(gradients: list[Any], origins: list[Any]) -> list[Any]:
    """The gradients, as results of the tensors they come from that cannot be differentiated."""
    given = [gradient for gradient in gradients if gradient is not None]
    guarded = iter(_OnlyOnce.apply(len(given), *given, *origins))
    return [None if gradient is None else next(guarded) for gradient in gradients]


class _OnlyOnce(torch.autograd.Function):
    """Gradients whose own derivatives are an error, not zero."""

    @staticmethod
    def forward(ctx: Any, count: int, *tensors: Any) -> Any:
        """The first so many tensors."""
        return tuple(tensor.view_as(tensor) for tensor in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        """Raises `UnsupportedError`."""
        raise UnsupportedError(
            "second derivatives through an operator of jetfold: its gradients cannot be "
            "differentiated by PyTorch again\n"
            "Put all derivatives with respect to the points into the operator, which can be of any "
            "order (jf.grad, jf.laplacian, jf.operator), and differentiate its result once."
        )


def operator(make: Callable[..., Any], module: Any, **options: Any) -> ModuleOperator:
    """An operator of a PyTorch module as a function of tensors that PyTorch differentiates.

        lap = jetfold.torch.operator(jf.laplacian, module)
        loss = (lap(X) + f(X)).square().mean()
        loss.backward()                         # X.grad, and grad of the module's parameters

    Parameters
    ----------
    make : what makes an operator of a function u(x, params), such as `jetfold.laplacian`,
        ``lambda u: jf.operator(expression, u, coords)``, or what makes of it any function of
        ``(x, params)``, one point and all parameters and buffers that the module uses, as nested
        dicts by their names.
    module : a torch.nn.Module, as for `from_module`. Its parameters and buffers are read at every
        call, so that it can be trained by any optimiser.
    options : what ``make`` takes beside u, such as ``samples=8``. ``backend`` and ``point_ndim``
        are also those of the gradients, where ``make`` gives a function.

    Returns
    -------
    A function: called on a tensor X (..., D), the axes in front being a batch, it gives what the
    operator gives, as tensors; for the Laplacian (..., *shape of the module's output). Gradients
    are computed for X and those parameters that require them, once: gradients of gradients are
    an `UnsupportedError`. Where nothing requires a gradient, or under torch.no_grad(), only the
    values are computed. float32 and float64 tensors on the CPU; no numbers are copied on the way.

    Raises
    ------
    ArgumentError for other tensors; TraceError for what `from_module` cannot import.
    """
    return ModuleOperator(make, module, options)
