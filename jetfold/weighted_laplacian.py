"""Second derivatives weighted by a matrix, which is given by factors of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import wraps
from string import ascii_lowercase
from typing import Any

import numpy as np

from jetfold.arrays import Backend, FloatArray, as_array
from jetfold.directions import LEAF, Seed
from jetfold.graph import (
    ArgumentError,
    Array,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Graph,
    Input,
)
from jetfold.graph.ops import Shape
from jetfold.graph.trace import Tracer
from jetfold.graph.tree import LEAF as ONE_ARRAY
from jetfold.graph.tree import flatten
from jetfold.operator import Companion
from jetfold.point_operator import PointOperator, of_every_output
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.problem import Problem
from jetfold.rules.quadratic import factors_of


@dataclass(frozen=True)
class Factor:
    """A matrix of columns (*point, R), or a function that gives it; ``sign`` times it counts."""

    name: str
    sign: int
    columns: FloatArray | Callable[..., Any]


class Columns:
    """The columns of a factor for one shape of points, as a node (*point, R)."""

    def __init__(self, factor: Factor, graph: Graph | None, shape: Shape) -> None:
        self.name = factor.name
        self.sign = factor.sign
        self.graph = graph
        self.constant: FloatArray | None = None
        if graph is None:
            self.constant = np.asarray(factor.columns, np.float64)
            what, have = self.name, self.constant.shape
        else:
            what, have = f"{self.name}(x)", graph[graph.outputs[0]].type.shape
        if have[:-1] != shape or not have:
            raise _wrong_shape(what, have, f"for a point x of shape {shape}", shape)
        self.size = have[-1]

    def node(self, editor: Editor) -> int:
        if self.graph is None:
            assert self.constant is not None
            return editor.add(Constant(Array(self.constant)))
        return editor.insert(self.graph, {})[self.graph.outputs[0]]


class WeightedLaplacian(PointOperator):
    """``op(X, params)``: second derivatives weighted by a matrix; see `weighted_laplacian`."""

    def __init__(
        self, function: Callable[..., Any], sigma: Any, *, matrix: bool = False, **options: Any
    ) -> None:
        super().__init__(function, **options)
        self.factors = _factors(sigma, matrix, self.point_ndim)
        self.matrix = matrix
        columns = tuple(factor.columns for factor in self.factors)
        self.sigma = np.array(sigma) if matrix else columns if len(columns) > 1 else columns[0]

    def _companions(self, count: int) -> Sequence[Companion]:
        return [
            Companion(factor.name, _of_point_and_parameters(factor, count))
            for factor in self.factors
            if callable(factor.columns)
        ]

    def _problem(self, graph: Graph, point: Input) -> Problem:
        shape = point.type.shape
        traced = [callable(factor.columns) for factor in self.factors]
        own = len(graph.outputs) - sum(traced)
        outputs = iter(graph.outputs[own:])
        parts = [
            Columns(f, Editor(graph).freeze([next(outputs)]) if known else None, shape)
            for f, known in zip(self.factors, traced, strict=True)
        ]
        parts = [part for part in parts if part.size]
        if self.sampling is None:
            weights = [Fraction(part.sign) for part in parts for _ in range(part.size)]
            directions = _all_columns(parts, len(shape))
        else:
            samples = self.sampling.samples
            weights = [Fraction(part.sign, samples) for part in parts for _ in range(samples)]
            directions = self._combined_columns(parts, len(shape))
        squares: Polynomial = {(i, i): weight for i, weight in enumerate(weights)}
        functions = Editor(graph).freeze(graph.outputs[:own])
        return of_every_output(functions, len(weights), directions, squares)

    def _combined_columns(
        self, parts: Sequence[Columns], ndim: int
    ) -> Callable[[Editor, DirectionAxis], int]:
        """Random combinations of the columns, of each factor as many as there are samples."""
        assert self.sampling is not None
        leaves = [self.sampling.leaf(f"{LEAF} in {part.name}", (part.size,)) for part in parts]
        axes = ascii_lowercase[:ndim]
        combine = Contract(f"{axes}y,zy->{axes}z")

        def directions(editor: Editor, axis: DirectionAxis) -> int:
            nodes = [
                editor.add(combine, part.node(editor), editor.add(leaf))
                for part, leaf in zip(parts, leaves, strict=True)
            ]
            return editor.add(Direct(ndim, axis), _side_by_side(editor, nodes, ndim))

        return directions


def _all_columns(parts: Sequence[Columns], ndim: int) -> Callable[[Editor, DirectionAxis], int]:
    """The columns of all factors as directions."""
    constants = [part.constant for part in parts if part.constant is not None]

    def directions(editor: Editor, axis: DirectionAxis) -> int:
        if len(constants) == len(parts):
            value = np.moveaxis(np.concatenate(constants, axis=-1), -1, 0)
            return editor.add(Constant(Array(value), (axis,)))
        nodes = [part.node(editor) for part in parts]
        return editor.add(Direct(ndim, axis), _side_by_side(editor, nodes, ndim))

    return directions


def _side_by_side(editor: Editor, nodes: Sequence[int], axis: int) -> int:
    return nodes[0] if len(nodes) == 1 else editor.add(Concatenate(axis), *nodes)


# What is given as sigma ---------------------------------------------------------------------------


def _factors(sigma: Any, matrix: bool, ndim: int) -> list[Factor]:
    """The factors with their signs. Raises `ArgumentError` for what cannot be one."""
    if not isinstance(matrix, (bool, np.bool_)):
        raise ArgumentError(f"matrix is {matrix!r}; it must be True or False")
    if matrix:
        plus, minus = _eigen_split(sigma, ndim)
        return [Factor("sigma", 1, plus), Factor("-sigma", -1, minus)]
    if not isinstance(sigma, tuple):
        return [_factor("sigma", 1, sigma, ndim)]
    if len(sigma) != 2:
        raise ArgumentError(
            f"sigma is a tuple of {len(sigma)}; a tuple is a pair of factors (plus, minus); write "
            "an array or a list for one factor"
        )
    return [_factor("sigma[0]", 1, sigma[0], ndim), _factor("sigma[1]", -1, sigma[1], ndim)]


def _factor(name: str, sign: int, value: Any, ndim: int) -> Factor:
    if callable(value):
        return Factor(name, sign, value)
    if isinstance(value, Tracer):
        return Factor(name, sign, lambda x, *_: value)
    columns = _finite(value, name)
    if columns.ndim != ndim + 1:
        raise _wrong_shape(name, columns.shape, f"with point_ndim={ndim}", ndim * ("D",))
    return Factor(name, sign, columns)


def _finite(value: Any, name: str) -> FloatArray:
    """A copy of an array of finite numbers."""
    array = np.array(as_array(value, name))
    if not np.isfinite(array).all():
        where = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
        raise ArgumentError(f"{name} holds {array[where]} at {list(where)}; it must be finite")
    return array


def _wrong_shape(what: str, shape: Shape, where: str, point: tuple[Any, ...]) -> ArgumentError:
    wanted = ", ".join(map(str, (*point, "R")))
    return ArgumentError(
        f"{what} has shape {shape}; {where} it has to be ({wanted}), one column for each "
        "direction (np.diag(w) has one for each coordinate, v[..., None] is a single one; a "
        "symmetric matrix of weights is given with matrix=True)"
    )


def _eigen_split(sigma: Any, ndim: int) -> tuple[FloatArray, FloatArray]:
    """Factors with sigma = plus plus^T - minus minus^T, without eigenvalues that are round-off."""
    if callable(sigma) or isinstance(sigma, (tuple, Tracer)):
        kind = "a tuple" if isinstance(sigma, tuple) else "not known before the call"
        raise ArgumentError(
            f"sigma is {kind}, but matrix=True splits one constant symmetric matrix by its "
            "eigenvalues; give factors of the matrix instead: sigma, or a pair (plus, minus)"
        )
    array = _finite(sigma, "sigma")
    shape = array.shape[:ndim]
    if array.ndim != 2 * ndim or array.shape[ndim:] != shape:
        axes = ["D"] if ndim == 1 else [f"D{i}" for i in range(1, ndim + 1)]
        raise ArgumentError(
            f"sigma has shape {array.shape}; with matrix=True and point_ndim={ndim} it has to be "
            f"({', '.join(axes * 2)}), a symmetric matrix"
        )
    n = int(np.prod(shape))
    square = array.reshape(n, n).astype(np.float64)
    precision = np.finfo(array.dtype if array.dtype.kind == "f" else np.float64).eps
    tolerance = n * float(precision) * np.abs(square).max(initial=0.0)
    skew = np.abs(square - square.T)
    if (skew > tolerance).any():
        i, j = map(int, np.unravel_index(skew.argmax(), skew.shape))
        raise ArgumentError(
            f"sigma is not symmetric: entries [{i}, {j}] and [{j}, {i}] are {square[i, j]:g} and "
            f"{square[j, i]:g}; the operator sees the symmetric part only, (A + A.T) / 2: pass that"
        )
    plus, minus = factors_of((square + square.T) / 2, float(precision))
    return plus.T.reshape(*shape, -1), minus.T.reshape(*shape, -1)


def _of_point_and_parameters(factor: Factor, count: int) -> Callable[..., Any]:
    """The factor as a function of a point and ``count`` parameters, which it may not want."""
    function = factor.columns
    assert callable(function)
    taken = _taken(factor.name, function, count)

    @wraps(function, assigned=("__qualname__",), updated=())
    def columns(x: Any, *parameters: Any) -> Any:
        value = function(x, *parameters[:taken])
        _, structure = flatten(value)
        if structure != ONE_ARRAY:
            raise ArgumentError(
                f"{factor.name}(x) returns {structure}; it has to be one array, for example "
                "np.stack([..], axis=-1) of the columns"
            )
        return value

    return columns


def _taken(name: str, function: Callable[..., Any], count: int) -> int:
    """How many of the parameters a function takes behind the point: all or none of them."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Python does not know it
        return 0
    for taken in (count, 0):
        try:
            signature.bind(None, *[None] * taken)
        except TypeError:
            continue
        return taken
    raise ArgumentError(
        f"{name}{signature} cannot be called with a point, or a point and {count} parameters; it "
        "depends on them and on nothing else: weights that depend on u or its derivatives make a "
        "nonlinear operator, which jf.operator takes"
    )


def weighted_laplacian(
    function: Callable[..., Any],
    sigma: Any,
    *,
    matrix: bool = False,
    method: str = "auto",
    backend: Backend = "cpu",
    point_ndim: int = 1,
    samples: int | None = None,
    distribution: str | None = None,
    seed: Seed = None,
    per_point: bool = False,
) -> WeightedLaplacian:
    """Second derivatives weighted by a matrix, sum over i, j of A_ij d^2 u / dx_i dx_j.

    A is sigma sigma^T. There is no factor 1/2 (the generator of a diffusion process has one), and
    u alone is differentiated, not sigma: this is A : grad grad u and not div(A grad u).

    Parameters
    ----------
    function, backend, point_ndim : as for `laplacian`.
    sigma : an array (D, R), whose R columns are directions; R may be less than D (or more). Or a
        function of a point in plain NumPy, ``sigma(x)`` or ``sigma(x, params)``, which gives such
        an array. For an indefinite A, a pair (plus, minus) of these: A is then
        plus plus^T - minus minus^T. Points with several axes have them in place of D.
    matrix : sigma is A itself, a symmetric array (D, D); it is split by the signs of its
        eigenvalues, and eigenvalues that are mere round-off of the largest one are left out.
    method : as for `laplacian`, with R in place of D: "standard" has 1 + 2R vectors per node,
        "collapsed" 2 + R (one more for an indefinite A), "minimal" 2 + R.
    samples : if given, the operator is estimated by derivatives along this many random combinations
        of the columns, sum over r of z_r sigma_r; for an indefinite A so many for each part.
    distribution, seed, per_point : as for `laplacian`, with R in place of D: the variance is that
        for H = sigma^T (d^2 u / dx_i dx_j) sigma. "coordinates" draws columns.

    Returns
    -------
    An operator: call it on X of shape (..., D) and on the parameters; the result has shape
    (..., *shape of u). It can be called inside a traced function, and offers ``derivation`` and
    ``source``.

    Raises
    ------
    ArgumentError for a sigma that is complex, not finite or not symmetric, and at the first call
    for one that does not fit the point or wants arguments that there are not: sigma cannot depend
    on u. TraceError and ShapeError at the first call for what cannot be traced.

    Source: Dangel et al., "Collapsing Taylor Mode Automatic Differentiation" (arXiv 2505.13644),
    section 3.2.
    """
    return WeightedLaplacian(
        function,
        sigma,
        matrix=matrix,
        method=method,
        backend=backend,
        point_ndim=point_ndim,
        samples=samples,
        distribution=distribution,
        seed=seed,
        per_point=per_point,
    )
