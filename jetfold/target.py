"""What `explain` and `verify` are asked about: a function or an expression with an operator, or a
primitive with its rule. Everything is found from names and options, and nothing is compiled.
"""

from __future__ import annotations

import argparse
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from jetfold.biharmonic import biharmonic
from jetfold.checks import whole
from jetfold.derivation import METHODS, Derivation
from jetfold.directions import DISTRIBUTIONS
from jetfold.expression import SYNONYMS, parse_expression
from jetfold.grad import grad
from jetfold.graph import ArgumentError, JetfoldError, operand_symbol
from jetfold.graph.source import line_of
from jetfold.importing import add_import_option, import_modules
from jetfold.jet import jet
from jetfold.laplacian import laplacian
from jetfold.loading import is_reference, load, value
from jetfold.operator import Operator
from jetfold.pde import operator as pde_operator
from jetfold.primitive import CustomPrimitive, as_primitive
from jetfold.rules.primitives import CUSTOM, PRIMITIVES, Primitive
from jetfold.rules.taylor_rule import TaylorRule, derive_rule
from jetfold.summed_jet import SummedJet
from jetfold.value_and_grad import value_and_grad
from jetfold.written_function import WrittenFunction

Shape = tuple[int, ...]

DIRECTIONS = 3
"""How many directions the derivation of a collapsed rule has."""

MOST_COORDINATES = 4096
"""An identity matrix of more directions does not go well into memory."""

OPERATORS = ("laplacian", "biharmonic", "jet", "gradient")

WHAT = (
    'module:function or file.py:function; an expression, "sin(x)*exp(y)"; or the name of a '
    "primitive, tanh. What begins with a minus sign comes last, after --"
)


def add_options(command: argparse.ArgumentParser) -> None:
    """The options that say what is meant."""
    command.add_argument("what", help=WHAT)
    meant = command.add_argument_group("what is derived")
    meant.add_argument(
        "--operator",
        help="laplacian (the default), biharmonic, jet, gradient (by the parameters, or the point "
        "where there are none), or a polynomial in the coordinates, in which x**2 means d^2/dx^2; "
        "the coordinates of a function are x0, x1, ..",
    )
    point = meant.add_mutually_exclusive_group()
    point.add_argument("--dim", type=int, help="how many coordinates a point of a function has")
    point.add_argument("--shape", type=_shape, help="the shape of a point: 2,3, or () for a number")
    meant.add_argument(
        "--params",
        action="append",
        default=[],
        help="what a function takes behind the point: a number, or module:object, where a function "
        "without arguments is called (several times for several parameters)",
    )
    meant.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="the value of a symbol in an operator that the module has made with jf.operator",
    )
    meant.add_argument("--method", choices=METHODS, help="of the operator (default: auto)")
    meant.add_argument("--order", type=int, help="of a jet or of a primitive's rule (default: 2)")
    meant.add_argument(
        "--collapsed", action="store_true", help="a primitive's rule, summed over directions"
    )
    meant.add_argument("--samples", type=int, help="estimate along this many random directions")
    meant.add_argument("--distribution", choices=DISTRIBUTIONS, help="of random directions")
    meant.add_argument("--seed", type=int, help="of the generator of random directions")
    add_import_option(command)


def _shape(text: str) -> Shape:
    sizes = [size.strip() for size in text.strip("() ").split(",") if size.strip()]
    if not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise argparse.ArgumentTypeError(f"{text} is no shape; write it as in 2,3")
    return tuple(map(int, sizes))


@dataclass(frozen=True, eq=False)
class Target:
    """An operator, with a point and parameters at which its derivation is made.

    ``rule`` is that of the primitive, where one was asked for; ``operator`` then computes it.
    """

    operator: Operator
    shape: Shape
    parameters: tuple[Any, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    rule: TaylorRule | None = None

    @cached_property
    def derivation(self) -> Derivation:
        """The derivation; nothing is compiled.

        Raises `JetfoldError` for what cannot be derived, and `ArgumentError`, with the line, for an
        error in the user's function. An error of our own stays what it is.
        """
        points = np.broadcast_to(0.0, self.shape)
        try:
            return self.operator.derivation(points, *self.parameters, **self.values)
        except JetfoldError:
            raise
        except Exception as error:
            line = line_of(error)
            if line is None:
                raise
            raise ArgumentError(
                f"{type(error).__name__}: {error}\n{line}\n"
                f"While tracing {self.operator!r} for one point x of shape {self.shape}."
            ) from error


def read(chosen: argparse.Namespace) -> Target:
    """What the options mean. Raises `ArgumentError` for what they cannot mean."""
    import_modules(chosen.modules)
    found = _found(chosen.what.strip())
    if isinstance(found, Primitive):
        return _of_primitive(found, chosen)
    if chosen.collapsed:
        raise ArgumentError("--collapsed is for a primitive's rule; write --method collapsed")
    if isinstance(found, sp.Expr):
        return _of_expression(found, chosen)
    return _of_function(found, chosen)


def _found(text: str) -> Any:
    """The object, the primitive or the expression that a text names."""
    if is_reference(text):
        found = load(text)
        if isinstance(found, (CustomPrimitive, np.ufunc)):
            return as_primitive(found)
        if not callable(found):
            raise ArgumentError(
                f"{text} is an object of type {type(found).__name__}, which cannot be called; name "
                "a function u(x) or u(x, params) of one point"
            )
        return found
    if text.endswith(".py"):
        raise ArgumentError(f"which function in {text}? Write {text}:function")
    name = SYNONYMS.get(text, text)
    if name in PRIMITIVES or name in CUSTOM:
        return as_primitive(name)
    if all(part.isidentifier() for part in text.split(".")):
        near = get_close_matches(name, [*PRIMITIVES, *CUSTOM, *SYNONYMS], n=3)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        module, _, function = text.rpartition(".")
        raise ArgumentError(
            f"there is no primitive called {text!r}{hint}; write a function of yours as "
            f"{module or 'module'}:{function}, and an expression as in 'sin(x)*exp(y)'"
        )
    return parse_expression(text)


# Kinds --------------------------------------------------------------------------------------------


def _of_primitive(known: Primitive, chosen: argparse.Namespace) -> Target:
    text = f"{known.name}({', '.join(known.operands)})"
    _refuse(
        chosen,
        f"is not for a primitive's rule; for an operator write an expression, {text}",
        *("operator", "dim", "shape", "params", "value"),
        *("method", "samples", "distribution", "seed"),
    )
    order = whole(2 if chosen.order is None else chosen.order, "--order", 1)
    rule = derive_rule(known, order, chosen.collapsed)
    symbols = [sp.Symbol(name, real=True) for name in known.operands]
    operands = {operand_symbol(i): symbol for i, symbol in enumerate(symbols)}
    arguments, parameters = symbols[: known.arity], symbols[known.arity :]
    expr = known.expr.xreplace(operands)
    function = WrittenFunction(text, expr, arguments, parameters, whole=True)
    shape = _point(arguments)
    made = (
        SummedJet(function, order, DIRECTIONS, point_ndim=len(shape))
        if chosen.collapsed
        else jet(function, order, point_ndim=len(shape))
    )
    values = {name: np.zeros(()) for name in known.parameters}
    return Target(made, shape, (values,) if values else (), rule=rule)


def _of_expression(expr: sp.Expr, chosen: argparse.Namespace) -> Target:
    _refuse(chosen, "is for functions; an expression has only coordinates", "params", "shape")
    coordinates = sorted(expr.free_symbols, key=lambda symbol: symbol.name)
    if not coordinates:
        raise ArgumentError(f"the expression {chosen.what} has no coordinates to differentiate by")
    if chosen.dim not in (None, len(coordinates)):
        names = ", ".join(map(str, coordinates))
        raise ArgumentError(
            f"--dim is {chosen.dim}, but the coordinates in the expression are {names}: "
            "leave --dim out"
        )
    function = WrittenFunction(chosen.what.strip(), expr, coordinates)
    return _target(function, _point(coordinates), coordinates, chosen)


def _of_function(function: Callable[..., Any], chosen: argparse.Namespace) -> Target:
    if chosen.dim is None and chosen.shape is None:
        raise ArgumentError(
            "how many coordinates has a point? Give --dim 3, or --shape 2,3 for points of more axes"
        )
    shape = chosen.shape if chosen.dim is None else (whole(chosen.dim, "--dim", 1),)
    parameters = tuple(value(text) for text in chosen.params)
    if isinstance(function, Operator) and chosen.operator is None:
        _refuse(
            chosen,
            "is not for what is an operator already",
            *("method", "order", "samples", "distribution", "seed"),
        )
        if function.point_ndim != len(shape):
            raise ArgumentError(
                f"{function!r} is for points of {function.point_ndim} axes, not of shape {shape}"
            )
        return Target(function, shape, parameters, _values(chosen))
    _check_parameters(function, len(parameters))
    coordinates = [sp.Symbol(f"x{i}", real=True) for i in range(math.prod(shape))]
    return _target(function, shape, coordinates, chosen, parameters)


def _point(coordinates: Sequence[sp.Symbol]) -> Shape:
    """The shape of the point of an expression: a number if it has one coordinate."""
    return (len(coordinates),) if len(coordinates) > 1 else ()


def _refuse(chosen: argparse.Namespace, why: str, *names: str) -> None:
    """Raise `ArgumentError` if one of these options is given."""
    for name in names:
        if getattr(chosen, name) not in (None, []):
            raise ArgumentError(f"--{name} {why}")


# Operators ----------------------------------------------------------------------------------------


def _target(
    function: Callable[..., Any],
    shape: Shape,
    coordinates: Sequence[sp.Symbol],
    chosen: argparse.Namespace,
    parameters: tuple[Any, ...] = (),
) -> Target:
    if math.prod(shape) > MOST_COORDINATES:
        raise ArgumentError(
            f"a point of shape {shape} has {math.prod(shape)} coordinates, more than "
            f"{MOST_COORDINATES}: a derivation looks the same for fewer"
        )
    names = "method", "samples", "distribution", "seed"
    given = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
    options = {**given, "point_ndim": len(shape)}
    made: Operator
    if chosen.operator == "jet":
        _refuse(chosen, "is not for jets", *names)
        made = jet(function, 2 if chosen.order is None else chosen.order, point_ndim=len(shape))
        return Target(made, shape, parameters, _values(chosen))
    if chosen.operator == "gradient":
        _refuse(chosen, "is not for gradients", *names, "order")
        return _gradient(function, shape, parameters, _values(chosen))
    _refuse(chosen, "is for --operator jet, or for the rule of a primitive", "order")
    if chosen.operator in (None, "laplacian"):
        made = laplacian(function, **options)
    elif chosen.operator == "biharmonic":
        made = biharmonic(function, **options)
    else:
        expr = _differential(chosen.operator.strip(), coordinates)
        made = pde_operator(expr, function, coordinates, **options)
    return Target(made, shape, parameters, _values(chosen))


def _gradient(
    function: Callable[..., Any],
    shape: Shape,
    parameters: tuple[Any, ...],
    values: Mapping[str, float],
) -> Target:
    made: Operator
    if parameters:
        numbers = tuple(range(1, len(parameters) + 1))
        argnums = numbers if len(numbers) > 1 else 1
        made = value_and_grad(function, argnums=argnums, point_ndim=len(shape))
    else:
        made = grad(function, point_ndim=len(shape))
    return Target(made, shape, parameters, values)


def _differential(text: str, coordinates: Sequence[sp.Symbol]) -> sp.Expr:
    """The operator that a polynomial denotes, applied to a field of the coordinates."""
    names = [symbol.name for symbol in coordinates]
    shown = ", ".join(names if len(names) < 6 else [*names[:2], "..", names[-1]])
    means = f"a polynomial in the coordinates {shown}, where {names[0]}**2 means d^2/d{names[0]}^2"
    if text.isidentifier() and text not in names:
        near = get_close_matches(text.lower(), OPERATORS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ArgumentError(
            f"unknown operator {text!r}: choose from {', '.join(OPERATORS)}, or write {means}{hint}"
        )
    try:
        expr = parse_expression(text)
    except ArgumentError as error:
        raise ArgumentError(f"--operator: {error}") from None
    strange = sorted(symbol.name for symbol in expr.free_symbols if symbol.name not in names)
    try:
        polynomial = sp.Poly(expr, *coordinates)
    except sp.PolynomialError:
        polynomial = None
    if strange or polynomial is None:
        because = f"has {', '.join(strange)} in it" if strange else "is no polynomial"
        raise ArgumentError(f"the operator {text} {because}; write {means}, with numbers in front")
    function = sp.Function("u" if "u" not in names else "field", real=True)(*coordinates)
    return sp.Add(
        *(
            number * _derivative(function, dict(zip(coordinates, powers, strict=True)))
            for powers, number in polynomial.terms()
        )
    )


def _derivative(function: sp.Expr, powers: Mapping[sp.Symbol, int]) -> sp.Expr:
    by = [(symbol, power) for symbol, power in powers.items() if power]
    return function.diff(*by) if by else function


# Parameters ---------------------------------------------------------------------------------------


def _values(chosen: argparse.Namespace) -> dict[str, float]:
    """The values of symbols."""
    found = {}
    for text in chosen.value:
        name, _, number = text.partition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise ArgumentError(f"--value {text} gives no number; write --value nu=0.1") from None
    return found


def _check_parameters(function: Callable[..., Any], count: int) -> None:
    """Raise `ArgumentError` if a function does not take a point and so many parameters."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # Python does not know it
        return
    names = [known.replace(annotation=known.empty) for known in signature.parameters.values()]
    signature = signature.replace(parameters=names, return_annotation=signature.empty)
    try:
        signature.bind(None, *[None] * count)
    except TypeError as error:
        name = getattr(function, "__qualname__", type(function).__qualname__)
        raise ArgumentError(
            f"{name}{signature} cannot be called with a point and {count} "
            f"parameter{'' if count == 1 else 's'} ({error}); "
            "give what it takes behind the point with --params, once for each"
        ) from None
