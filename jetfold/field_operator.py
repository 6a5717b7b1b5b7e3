"""Expressions in derivatives of fields, the fields being what a function gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from jetfold.arrays import Backend, as_operand
from jetfold.directions import LEAF, Sampling
from jetfold.graph import (
    ArgumentError,
    Array,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Editor,
    Gather,
    Graph,
    Input,
    Reshape,
    ShapeError,
    Type,
    add_map,
    fit,
    tree,
)
from jetfold.graph.ops import Shape
from jetfold.graph.trace import Tracer
from jetfold.graph.tree import Structure, flatten
from jetfold.operator import Companion
from jetfold.point_operator import PointOperator
from jetfold.rules.estimate import CannotEstimate, Estimate, estimate
from jetfold.rules.factors import factored
from jetfold.rules.form import Form, Split, split_form
from jetfold.rules.from_sympy import from_sympy
from jetfold.rules.operators import exact_directions
from jetfold.rules.pde import Residual
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.problem import Functional, Problem

MakeDirections = Callable[[Editor, DirectionAxis], int]

VALUE: Polynomial = {(): Fraction(1)}
"""The operator that leaves a function as it is."""


class FieldOperator(PointOperator):
    """``op(X, params, nu=..)``: the expressions of a `Residual` at every point.

    With one field every output of the function, whatever its shape, is the field. Several fields
    are the function's outputs, in a dict by their names, or the last axis of its only output. A
    list of expressions is stacked along a last axis.
    """

    def __init__(
        self, function: Callable[..., Any], wanted: Residual, stacked: bool, **options: Any
    ) -> None:
        super().__init__(function, **options)
        self._stacked = stacked
        self._field_names = tuple(field.func.__name__ for field in wanted.fields)
        self._functionals = wanted.functionals
        self._names = tuple(symbol.name for symbol in wanted.parameters)
        real = {s: _real(s.name) for s in (*wanted.coords, *wanted.parameters)}
        self._coords = tuple(real[symbol] for symbol in wanted.coords)
        self._symbols = wanted.symbols
        self._expressions = tuple(from_sympy(expr.xreplace(real)) for expr in wanted.expressions)

    # Values of symbols ----------------------------------------------------------------------------

    def _with_values(self, parameters: tuple[Any, ...], values: dict[str, Any]) -> tuple[Any, ...]:
        """The values of the expressions' symbols as one more parameter, if there are any."""
        if set(values) != set(self._names):
            wanted, given = (
                ", ".join(f"{name}=.." for name in names) or "no values"
                for names in (self._names, values)
            )
            raise ArgumentError(
                f"{self!r} is called with the values of the symbols in it that are neither fields "
                f"nor coordinates, by name: {wanted}; got {given}"
            )
        known = {name: _number(values[name], name, self.backend) for name in self._names}
        return (*parameters, known) if known else parameters

    def _check_signature(self, count: int) -> None:
        super()._check_signature(count - bool(self._names))

    def _companions(self, count: int) -> Sequence[Companion]:
        if not self._names:
            return ()
        return [Companion("values", lambda _, *p: [p[-1][name] for name in self._names])]

    def _check_value(self, name: str, shape: Shape, fields: Sequence[Shape]) -> None:
        """The value of a symbol is a number, or has a shape that goes with all of the fields."""
        for field in fields:
            if not _fits(shape, field):
                raise ArgumentError(
                    f"the value of {name} has shape {shape}, which does not go with that of the "
                    f"function, {field}, at one point: pass a number; what differs from point to "
                    "point is a function of the coordinates or a field"
                )

    # Fields ---------------------------------------------------------------------------------------

    def _evaluated(self, point: Any, *parameters: Any) -> Any:
        shape = np.shape(point)
        if math.prod(shape) != len(self._coords):
            raise ArgumentError(
                f"{self!r} has {len(self._coords)} coordinates "
                f"({', '.join(map(str, self._coords))}), but a point of shape {shape} has "
                f"{math.prod(shape)}"
            )
        given = self.function(point, *(parameters[:-1] if self._names else parameters))
        if len(self._field_names) == 1:
            return given
        names = self._field_names
        if isinstance(given, dict):
            if set(given) != set(names):
                raise ArgumentError(
                    f"{self!r} has the fields {', '.join(names)}, but its function gives a dict of "
                    f"{', '.join(map(str, given))}: its keys must be the fields' names"
                )
            given = tuple(given[name] for name in names)
        outputs, _ = flatten(given)
        shapes = [np.shape(output) for output in outputs]
        if len(outputs) == 1 and shapes[0][-1:] == (len(names),):
            return tuple(outputs[0][..., i] for i in range(len(names)))
        if len(outputs) == len(names) and len(set(shapes)) == 1:
            return tuple(outputs)
        raise ShapeError(
            f"{self!r} has {len(names)} fields, but its function gives values of shape "
            f"{', '.join(map(str, shapes))}: let it give one value for each field, all of one "
            f"shape, or one array (.., {len(names)})"
        )

    def _outputs(self, outputs: Structure) -> Structure:
        return outputs if len(self._field_names) == 1 else tree.LEAF

    # The problem ----------------------------------------------------------------------------------

    def _problem(self, graph: Graph, point: Input) -> Problem:
        count, directions, own = self._directions(point.type.shape)
        asked = _Asked(self._expressions, self._symbols, own)
        found = self._posed(graph, point, count, directions, asked)
        found = replace(found, factors=self._factors(own))
        return replace(found, at_points=self._at_points(graph, point, found))

    def _posed(
        self, graph: Graph, point: Input, count: int, directions: MakeDirections, asked: _Asked
    ) -> Problem:
        """What is asked, of all outputs that are the field, as a problem."""
        outputs = len(graph.outputs) - len(self._names)
        places = range(outputs) if len(self._field_names) == 1 else range(1)  # where field 0 is
        functionals = [
            Functional(place + wanted.output, wanted.polynomial)
            for place in places
            for wanted in asked.functionals
        ]
        functionals += [Functional(outputs + i, VALUE) for i in range(len(self._names))]
        shapes = [graph[graph.outputs[place]].type.shape for place in places]
        for name, node in zip(self._names, graph.outputs[outputs:], strict=True):
            self._check_value(name, graph[node].type.shape, shapes)

        def finish(editor: Editor, nodes: Sequence[int]) -> list[int]:
            width, many = len(asked.functionals), len(functionals)
            known = self._at_hand(editor, point, nodes[len(places) * width : many])
            found = []
            for i, shape in enumerate(shapes):
                own = (*nodes[i * width : (i + 1) * width], *nodes[many + i : many + i + 1])
                symbols = dict(zip(asked.symbols, own, strict=True))
                found.append(self._combine(editor, asked.expressions, known | symbols, shape))
            return found

        form = None
        if asked.split is not None:
            coefficients = self._coefficients(point, asked.split)
            polynomials = tuple(self._functionals[q].polynomial for q in asked.split.chosen)
            form = Form(tuple(places), polynomials, coefficients)
        return Problem(count, directions, tuple(functionals), finish, form=form)

    def _at_hand(self, editor: Editor, point: Input, values: Sequence[int]) -> dict[sp.Symbol, int]:
        """The nodes of the coordinates and of the values of symbols."""
        known = dict(zip(map(_real, self._names), values, strict=True))
        start = editor.add(point)
        for i, coordinate in enumerate(self._coords):
            known[coordinate] = editor.add(Gather(Array(np.array(i))), start)
        return known

    def _at_points(self, graph: Graph, point: Input, plain: Problem) -> Problem | None:
        """The problem with what is linear as one form, if that needs fewer vectors."""
        scalars = all(
            graph[node].type.shape == ()
            for node in graph.outputs[len(graph.outputs) - len(self._names) :]
        )
        if len(self._field_names) > 1 or self._stacked or self.sampling is not None or not scalars:
            return None
        polynomials = [functional.polynomial for functional in self._functionals]
        split = split_form(self._expressions[0], self._symbols, polynomials)
        if split is None:
            return None
        others = [self._functionals[q] for q in split.others]
        symbols = (*(self._symbols[q] for q in split.others), split.symbol)
        asked = _Asked((split.expression,), symbols, others, split)
        found = self._posed(graph, point, plain.count, plain.directions, asked)
        return found if found.algebra.dimension < plain.algebra.dimension else None

    def _coefficients(
        self, point: Input, split: Split
    ) -> Callable[[Editor, Sequence[int]], list[int]]:
        def coefficients(editor: Editor, nodes: Sequence[int]) -> list[int]:
            known = self._at_hand(editor, point, nodes[len(nodes) - len(self._names) :])
            return [add_map(editor, coefficient, known) for coefficient in split.coefficients]

        return coefficients

    def _factors(self, own: Sequence[Functional]) -> tuple[Polynomial, ...]:
        """The factors of an operator that is linear and a product of simpler ones."""
        exact = self.sampling is None and not self._names
        alone = exact and len(own) == 1 and self._expressions == self._symbols
        return factored(own[0].polynomial, len(self._coords)) if alone else ()

    def _directions(self, shape: Shape) -> tuple[int, MakeDirections, Sequence[Functional]]:
        """How many directions there are, their node, and the functionals in terms of them."""
        size = math.prod(shape)
        exact = exact_directions(shape)
        if self.sampling is None:
            return size, exact, self._functionals
        sampling = self.sampling
        found = self._estimate(sampling, size)
        leaves = [sampling.leaf(f"{LEAF}{i}", (len(base),)) for i, base in enumerate(found.bases)]
        count = size + sampling.samples * len(leaves)

        def directions(editor: Editor, axis: DirectionAxis) -> int:
            parts = [editor.add(Constant(Array(np.eye(size))))]
            for leaf, base in zip(leaves, found.bases, strict=True):
                vectors = editor.add(Constant(Array(base)))
                parts.append(editor.add(Contract("sr,rd->sd"), editor.add(leaf), vectors))
            rows = editor.add(Concatenate(0), *parts)
            return editor.add(Direct(0, axis), editor.add(Reshape((count, *shape)), rows))

        return count, directions, found.functionals

    def _estimate(self, sampling: Sampling, size: int) -> Estimate:
        """The functionals as means; raises `ArgumentError` where these would be wrong."""
        fourth = sampling.distribution.fourth
        try:
            found = estimate(self._functionals, size, sampling.samples, fourth)
        except CannotEstimate as error:
            term = " ".join(f"d/d{self._coords[i]}" for i in error.term)
            raise ArgumentError(
                f"{self!r} cannot be estimated with distribution {sampling.name!r}: of the term "
                f"{term}, {error}; leave samples out"
            ) from None
        random = {self._symbols[q] for q in found.random}
        for expr in self._expressions:
            for symbol in random & expr.free_symbols:
                if sp.diff(expr, symbol).free_symbols & random:
                    raise ArgumentError(
                        f"{self!r} is not linear in its derivatives of order 2 and above, so that "
                        "estimates of these would give it a wrong mean; leave samples out"
                    )
        return found

    def _combine(
        self,
        editor: Editor,
        expressions: Sequence[sp.Expr],
        known: dict[sp.Symbol, int],
        shape: Shape,
    ) -> int:
        """The expressions for an output of this shape."""
        found = [fit(editor, add_map(editor, expr, known), Type(shape)) for expr in expressions]
        if not self._stacked:
            return found[0]
        columns = [editor.add(Reshape((*shape, 1)), node) for node in found]
        return editor.add(Concatenate(len(shape)), *columns)


@dataclass(frozen=True)
class _Asked:
    """Expressions in symbols: one for each functional, and one for a form if there is one."""

    expressions: Sequence[sp.Expr]
    symbols: Sequence[sp.Symbol]
    functionals: Sequence[Functional]
    split: Split | None = None


def _number(value: Any, name: str, backend: Backend) -> Any:
    """The value of a symbol: whole numbers are arrays, too, and change without a new trace."""
    return value if isinstance(value, (Tracer, float)) else as_operand(value, name, backend)


def _fits(shape: Shape, target: Shape) -> bool:
    """Whether an array of a shape can be broadcast to another one."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def _real(name: str) -> sp.Symbol:
    return sp.Symbol(name, real=True)
