"""Operators of jetfold for programs in JAX: under jit, grad and vmap, by callbacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.custom_derivatives import SymbolicZero
from numpy.typing import NDArray

from jetfold.graph import ArgumentError
from jetfold.graph.tree import Structure, flatten, unflatten
from jetfold.jax.callback import call
from jetfold.jax.imported import from_jax
from jetfold.point_operator import PointOperator
from jetfold.vjp import VectorJacobianProduct, vjp

POINTS, PARAMETERS = 0, 1
"""Numbers of the arguments of an operator for one structure of parameters."""


class JaxOperator:
    """``op(X, *params)`` on arrays of JAX; see `operator`."""

    def __init__(
        self, make: Callable[..., Any], function: Callable[..., Any], options: dict[str, Any]
    ) -> None:
        if not callable(function):
            raise ArgumentError(
                f"an object of type {type(function).__name__} cannot be called; pass the function "
                "f(x, params) itself, not its value"
            )
        self.make = make
        self.function = function
        self.options = options
        self._known: dict[Any, _WithStructure] = {}
        self._made(lambda x, *_: function(x))  # wrong options are errors now

    def __call__(self, points: Any, /, *params: Any) -> Any:
        leaves, structure = jax.tree.flatten(params)
        arrays = [jax.numpy.asarray(leaf) for leaf in leaves]
        floating = tuple(jax.numpy.issubdtype(a.dtype, np.floating) for a in arrays)
        key = (structure, floating)
        if key not in self._known:
            flat = _flat(self.function, structure, floating)
            self._known[key] = _WithStructure(self._made(flat))
        first, second = _separated(arrays, floating)
        return self._known[key].differentiable(jax.numpy.asarray(points), first, second)

    def _made(self, function: Callable[..., Any]) -> PointOperator:
        made = self.make(from_jax(function), **self.options)
        if not isinstance(made, PointOperator):
            raise ArgumentError(
                f"{self.make!r} makes a {type(made).__name__} of a function, which is no operator "
                "that is called on points and parameters; pass jf.laplacian, jf.biharmonic or a "
                "function such as lambda u: jf.operator(expression, u, coords)"
            )
        if made.sampling is not None:
            raise ArgumentError(
                "a randomised operator is no pure function, as JAX needs it: the directions of its "
                "value and of its gradient would differ; leave samples out"
            )
        return made

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_known": {}}

    def __repr__(self) -> str:
        names = [getattr(f, "__qualname__", repr(f)) for f in (self.make, self.function)]
        given = [f"{name}={value!r}" for name, value in self.options.items()]
        return f"jetfold.jax.operator({', '.join([*names, *given])})"


def _separated(leaves: list[Any], floating: tuple[bool, ...]) -> tuple[list[Any], list[Any]]:
    """The floating-point leaves, which have derivatives, and the others."""
    pairs = list(zip(leaves, floating, strict=True))
    return [leaf for leaf, yes in pairs if yes], [leaf for leaf, yes in pairs if not yes]


def _flat(
    function: Callable[..., Any], structure: Any, floating: tuple[bool, ...]
) -> Callable[..., Any]:
    """``g(x, floats, others)``: a function of trees that JAX knows, in lists of their leaves."""

    def flat(x: Any, floats: list[Any], others: list[Any]) -> Any:
        remaining = iter(floats), iter(others)
        leaves = [next(remaining[0 if yes else 1]) for yes in floating]
        return function(x, *jax.tree.unflatten(structure, leaves))

    flat.__qualname__ = getattr(function, "__qualname__", type(function).__qualname__)
    return flat


class _WithStructure:
    """An operator for parameters of one structure; ``differentiable(X, floats, others)``."""

    def __init__(self, operator: PointOperator) -> None:
        self.operator = operator
        self._products: dict[tuple[int, ...], VectorJacobianProduct] = {}
        self.differentiable = jax.custom_vjp(self._values)
        self.differentiable.defvjp(self._forward, self._backward, symbolic_zeros=True)

    def product(self, argnums: tuple[int, ...]) -> VectorJacobianProduct:
        """What pulls cotangents back to these arguments."""
        if argnums not in self._products:
            op = self.operator
            self._products[argnums] = vjp(
                op, argnums=argnums, backend=op.backend, point_ndim=op.point_ndim
            )
        return self._products[argnums]

    def _values(self, points: Any, floats: list[Any], others: list[Any]) -> Any:
        """The values; what they look like is found with a batch of no points.

        So the function is traced here and not in the callback, where JAX must not be called.
        """
        none = self.operator(*self._without_points(points, floats, others))
        leaves, structure = flatten(none)
        batch = points.shape[: points.ndim - self.operator.point_ndim]
        shapes = [jax.ShapeDtypeStruct(batch + leaf.shape[1:], leaf.dtype) for leaf in leaves]
        function = _Values(self, points.ndim, len(floats))
        return unflatten(structure, call(function, shapes, points, *floats, *others))

    def _forward(self, points: Any, floats: list[Any], others: list[Any]) -> Any:
        values = (points.value, [x.value for x in floats], [x.value for x in others])
        perturbed = (points.perturbed, any(leaf.perturbed for leaf in floats))
        wanted = tuple(i for i in (POINTS, PARAMETERS) if perturbed[i])
        return self.differentiable(*values), (values, _Wanted(wanted))

    def _backward(self, kept: Any, cotangents: Any) -> Any:
        (points, floats, others), wanted = kept
        self.product(wanted.argnums)(*self._without_points(points, floats, others))  # see _values
        leaves, outputs = flatten(cotangents)
        given = [_instantiated(leaf) for leaf in leaves]
        arrays = {POINTS: [points], PARAMETERS: floats}
        shapes = [
            jax.ShapeDtypeStruct(array.shape, array.dtype)
            for number in wanted.argnums
            for array in arrays[number]
        ]
        function = _Gradients(self, points.ndim, len(floats), len(others), wanted.argnums, outputs)
        found = iter(call(function, shapes, points, *floats, *others, *given))
        gradients = {number: [next(found) for _ in arrays[number]] for number in wanted.argnums}
        (at_points,) = gradients.get(POINTS, [None])
        return at_points, gradients.get(PARAMETERS), None

    def _without_points(self, points: Any, *leaves: list[Any]) -> list[Any]:
        """Arrays of these shapes for a batch of no points."""
        ndim = self.operator.point_ndim
        shape = points.shape
        if points.ndim >= ndim:
            shape = (0, *shape[points.ndim - ndim :])
        none = np.empty(shape, points.dtype)
        return [none, *([np.zeros(leaf.shape, leaf.dtype) for leaf in part] for part in leaves)]


@jax.tree_util.register_static
@dataclass(frozen=True)
class _Wanted:
    """Of which arguments gradients are wanted, which is known when JAX traces."""

    argnums: tuple[int, ...]


def _instantiated(cotangent: Any) -> Any:
    if isinstance(cotangent, SymbolicZero):
        return jax.numpy.zeros(cotangent.shape, cotangent.dtype)
    return cotangent


# Callbacks ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Values:
    """The operator on arrays; under vmap all of them have axes in front.

    ``ndim`` is that of the points without these axes, ``floats`` the number of such parameters.
    """

    of: _WithStructure
    ndim: int
    floats: int

    def __call__(self, points: NDArray[Any], *leaves: NDArray[Any]) -> list[NDArray[Any]]:
        lanes = points.ndim - self.ndim
        if any(math.prod(leaf.shape[:lanes]) > 1 for leaf in leaves):
            return _for_each(lanes, self, points, *leaves)
        # Points with more axes in front are a larger batch.
        shared = [leaf.reshape(leaf.shape[lanes:]) for leaf in leaves]
        values = self.of.operator(points, shared[: self.floats], shared[self.floats :])
        return [np.asarray(leaf) for leaf in flatten(values)[0]]


@dataclass(frozen=True)
class _Gradients:
    """Gradients of the operator; operands are points, parameters, others and cotangents."""

    of: _WithStructure
    ndim: int
    floats: int
    others: int
    argnums: tuple[int, ...]
    outputs: Structure

    def __call__(self, points: NDArray[Any], *rest: NDArray[Any]) -> list[NDArray[Any]]:
        lanes = points.ndim - self.ndim
        if lanes:
            return _for_each(lanes, self, points, *rest)
        floats, others = list(rest[: self.floats]), list(rest[self.floats :][: self.others])
        given = rest[self.floats + self.others :]
        product = self.of.product(self.argnums)
        gradients = product.pull(unflatten(self.outputs, given), points, floats, others)
        return [np.asarray(leaf) for leaf in flatten(gradients)[0]]


def _for_each(
    lanes: int, function: Callable[..., list[NDArray[Any]]], *operands: NDArray[Any]
) -> list[NDArray[Any]]:
    """A function for each place along the first axes, along which operands of size 1 repeat."""
    shape = np.broadcast_shapes(*(operand.shape[:lanes] for operand in operands))
    every = [np.broadcast_to(x, shape + x.shape[lanes:]) for x in operands]
    results = [function(*(x[place] for x in every)) for place in np.ndindex(shape)]
    stacked = [np.stack(parts) for parts in zip(*results, strict=True)]
    return [array.reshape(shape + array.shape[1:]) for array in stacked]


def operator(make: Callable[..., Any], function: Callable[..., Any], **options: Any) -> JaxOperator:
    """An operator of jetfold of a JAX function, to be called in programs written in JAX.

        lap = jetfold.jax.operator(jf.laplacian, f)

        @jax.jit
        def loss(params, X):                                # X: (N, D)
            return jnp.mean((lap(X, params) - g(X)) ** 2)

        value, gradient = jax.value_and_grad(loss)(params, X)

    Parameters
    ----------
    make : what makes the operator of a function: ``jf.laplacian``, ``jf.biharmonic``, or, for one
        that takes more, ``lambda u: jf.operator(expression, u, coords)``.
    function : ``f(x, *params)`` in JAX for one point; see `from_jax` for what it may be made of.
        ``params`` may be any pytrees, so dictionaries of layers as those of flax.
    options : of ``make``, such as ``method="minimal"`` or ``point_ndim=2``.

    Returns
    -------
    ``op(X, *params)`` on arrays of JAX (or NumPy): X of shape (..., D), the axes in front being a
    batch; the result has shape (..., *shape of f). It can be used under ``jax.jit``, and
    differentiated once, in reverse mode, with respect to the points and to all parameters that are
    floating-point numbers. Under ``jax.vmap`` over points alone the value is computed in one call;
    otherwise there is a call for each place along the mapped axis. Since a batch needs no vmap,
    leave it out.

    The call computes on the CPU in Python, by a callback that JAX makes: arrays are read where they
    are, and results are copied once. On a GPU JAX copies all arrays to the host and back. float32
    gives float32; where ``jax_enable_x64`` is on, float64 gives float64.

    Raises
    ------
    ArgumentError for a randomised operator; when called, while JAX traces, what ``make`` raises.
    """
    return JaxOperator(make, function, options)
