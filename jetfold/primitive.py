"""Custom primitives: elementwise functions that a user writes down in SymPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from jetfold.arrays import as_array
from jetfold.graph import ArgumentError
from jetfold.graph.custom import Definition, custom_function, traced
from jetfold.graph.latex import function_name, to_latex
from jetfold.graph.numbers import FLOAT
from jetfold.graph.ops import operand_symbol
from jetfold.graph.tracer import Tracer
from jetfold.graph.ufuncs import UFUNCS
from jetfold.linear import LINEAR
from jetfold.primitive_doc import documentation
from jetfold.rules.definition import define
from jetfold.rules.primitives import Default, Primitive, custom_primitive, register
from jetfold.rules.primitives import primitive as named_primitive
from jetfold.rules.taylor_rule import TaylorRule, derive_rule

EXPRESSION = "expression"
"""The name of the primitive of a bare expression."""


class CustomPrimitive:
    """An elementwise function that was defined by `jetfold.primitive`.

    It is called with its arguments, then its parameters, by position or by name: on arrays, which
    broadcast as in NumPy, inside a traced function, and on SymPy expressions. Single precision is
    kept, integers become double precision.

    Attributes: ``name``; ``expr``, ``arguments`` and ``parameters`` in SymPy; ``defaults``, the
    values of parameters that may be left out; ``primitive``, what rules and kernels are derived
    from. Notebooks show the formula.
    """

    def __init__(self, definition: Definition, defaults: Sequence[Default], doc: str) -> None:
        self.definition = definition
        self.primitive = custom_primitive(definition, doc, tuple(defaults))
        self.defaults = dict(zip(definition.parameters, defaults, strict=True))
        self.__name__ = self.__qualname__ = definition.name
        self.__doc__ = doc
        self.__signature__ = inspect.Signature(
            [
                *(_argument(name) for name in definition.arguments),
                *(parameter(name, default) for name, default in self.defaults.items()),
            ]
        )

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def arguments(self) -> tuple[sp.Symbol, ...]:
        return tuple(sp.Symbol(name, real=True) for name in self.definition.arguments)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        return tuple(sp.Symbol(name, real=True) for name in self.definition.parameters)

    @property
    def expr(self) -> sp.Expr:
        """The expression in `arguments` and `parameters`."""
        symbols = (*self.arguments, *self.parameters)
        return self.definition.written.xreplace(
            {operand_symbol(i): symbol for i, symbol in enumerate(symbols)}
        )

    def rule(self, order: int = 2, collapsed: bool = False) -> TaylorRule:
        """The Taylor rule: see `jetfold.rule`."""
        return derive_rule(self.primitive, order, collapsed)

    def __call__(self, *arguments: Any, **parameters: Any) -> Any:
        values = self._bind(arguments, parameters)
        if any(isinstance(value, Tracer) for value in values):
            return traced(self.definition, values)
        if any(isinstance(value, sp.Basic) for value in values):
            return custom_function(self.definition)(*map(sp.sympify, values))
        return self._computed(values)

    def _bind(self, arguments: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
        """The operands' values in order."""
        definition = self.definition
        takes = f"{self.name}{self.__signature__}"
        most, least = len(definition.operands), len(definition.arguments)
        if not least <= len(arguments) <= most:
            count = f"{least} to {most}" if most > least else str(least)
            raise ArgumentError(f"{takes} takes {count} values by position, not {len(arguments)}")
        values = dict(zip(definition.operands, arguments, strict=False))
        for name, value in parameters.items():
            if name not in definition.parameters:
                has = f"its parameters are {', '.join(definition.parameters)}"
                hint = has if definition.parameters else "it has no parameters"
                raise ArgumentError(f"{takes} has no parameter {name!r}; {hint}")
            if name in values:
                raise ArgumentError(f"{takes} is given its parameter {name!r} twice")
            values[name] = value
        for name, default in self.defaults.items():
            if values.setdefault(name, default) is None:
                raise ArgumentError(f"{takes} needs a value of its parameter {name!r}")
        return tuple(values[name] for name in definition.operands)

    def _computed(self, values: tuple[Any, ...]) -> Any:
        """The value for arrays and numbers, in the precision that a ufunc would choose."""
        arrays = [
            as_array(value, f"{name} of {self.name}")
            for name, value in zip(self.definition.operands, values, strict=True)
        ]
        strong = [
            array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
            for array, value in zip(arrays, values, strict=True)
            if type(value) not in (bool, int, float)
        ]
        dtype = np.result_type(*strong) if strong else np.dtype(np.float64)
        inside = np.result_type(dtype, np.float32)  # half precision is computed in single
        try:
            np.broadcast_shapes(*(array.shape for array in arrays))
        except ValueError:
            pairs = zip(self.definition.operands, arrays, strict=True)
            shapes = ", ".join(f"{name} {array.shape}" for name, array in pairs)
            raise ArgumentError(
                f"the operands of {self.name} do not broadcast: {shapes}; as in NumPy, sizes along "
                "an axis must be equal or 1"
            ) from None
        operands = [array.astype(inside, copy=False) for array in arrays]
        result = FLOAT.evaluate(self.primitive.expr, operands).astype(dtype)
        return result[()]

    def __repr__(self) -> str:
        return f"<primitive {self.name}{self.__signature__} = {self.expr}>"

    def _repr_latex_(self) -> str:
        operands = ", ".join(map(to_latex, (*self.arguments, *self.parameters)))
        left = rf"{function_name(self.name)}\left({operands}\right)"
        return rf"$\displaystyle {left} = {to_latex(self.expr)}$"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CustomPrimitive)
            and self.definition == other.definition
            and all(map(_same, self.defaults.values(), other.defaults.values()))
        )

    def __hash__(self) -> int:
        return hash(self.definition)

    def __reduce__(self) -> Any:
        return CustomPrimitive, (self.definition, tuple(self.defaults.values()), self.__doc__)


def _argument(name: str) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY)


def parameter(name: str, default: Default) -> inspect.Parameter:
    """A parameter in a signature; a default that is None is none."""
    shown = inspect.Parameter.empty if default is None else default
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=shown)


def _same(one: Default, other: Default) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def primitive(
    name: str,
    expr: sp.Expr,
    args: sp.Symbol | Sequence[sp.Symbol],
    *,
    parameters: Sequence[sp.Symbol] | Mapping[sp.Symbol, Any] | None = None,
    derivative: sp.Expr | Sequence[sp.Expr] | None = None,
    output: sp.Symbol = sp.Symbol("y"),  # noqa: B008  (symbols are immutable)
    value: Callable[..., Any] | None = None,
    doc: str | None = None,
    overwrite: bool = False,
) -> CustomPrimitive:
    """Define an elementwise function by an expression; everything else is derived from that.

    The result can be called on arrays and in any function that jetfold traces; every operator,
    method and backend takes it as it takes ``np.tanh``.

        x, beta = sp.symbols("x beta")
        swish = jf.primitive("swish", x / (1 + sp.exp(-beta * x)), x, parameters={beta: 1.0})
        swish(X, beta=1.5)
        jf.laplacian(lambda x, params: np.sum(swish(x, params["beta"])))(X, {"beta": 1.5})

    Parameters
    ----------
    name : what it is called in drawings, tables and kernels: a Python name that is not taken.
    expr : an expression of ``args`` and ``parameters`` in SymPy's functions of real numbers,
        Piecewise, erf, gamma and Bessel functions among them. Forms that overflow or cancel,
        such as log(1 + exp(x)), are computed in a stable way.
    args : the symbol of its argument, or a tuple of the symbols of several.
    parameters : symbols of parameters, or a dictionary of such symbols and their defaults (None:
        there is none). They are numbers or arrays, given behind the arguments or by name.
    derivative : the derivative with respect to the argument, or a tuple of those with respect to
        all arguments, and to the parameters if you like. It may contain ``output``, so that one
        evaluation serves all orders: ``1 - y**2`` for tanh. Higher derivatives come from it.
        By default SymPy derives it.
    output : the symbol of the function's own value in ``derivative`` (where an argument is called
        y, name another one).
    value : a NumPy function of the arguments and parameters that computes the value, order 0, more
        safely than the expression, or where the expression has functions that jetfold cannot
        compute. It is traced once, and has to be elementwise.
    doc : the beginning of its documentation.
    overwrite : give the name to this definition if it stands for another one.

    Where a derivative has no limit it is, for abs and sign, 0 at the kink; for Max and Min the
    mean of both sides at a tie; in a Piecewise that of the piece that holds; for floor, ceiling
    and steps 0.

    Raises
    ------
    ArgumentError for symbols that ``args`` and ``parameters`` do not name, a name that is taken,
    functions that cannot be computed, and a derivative or value that is not the expression's (at
    points drawn where that is real).
    """
    arguments = _symbols(args)
    defaults = dict(parameters) if isinstance(parameters, Mapping) else None
    symbols = tuple(defaults) if defaults is not None else _symbols(parameters or ())
    definition = define(name, expr, arguments, symbols, derivative, output, value)
    values = [
        _default(name, symbol, default)
        for symbol, default in (defaults or dict.fromkeys(symbols)).items()
    ]
    for (first, default), (second, missing) in pairwise(zip(symbols, values, strict=True)):
        if default is not None and missing is None:
            raise ArgumentError(
                f"the parameter {second} of the primitive {name!r} has no default, but stands "
                f"behind {first}, which has one; put it in front, as in a Python function"
            )
    if doc is not None and not isinstance(doc, str):
        raise ArgumentError(f"doc of the primitive {name!r} is {doc!r}; it must be a string")
    made = CustomPrimitive(definition, values, documentation(definition, values, doc))
    if name in LINEAR:
        raise ArgumentError(f"there is a linear primitive {name!r}; choose another name")
    register(made.primitive, overwrite)
    return made


def _symbols(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def _default(name: str, symbol: sp.Symbol, value: Any) -> Default:
    if value is None or type(value) is float:
        return value
    array = as_array(value, f"the default of {symbol} of the primitive {name!r}")
    return float(array) if array.ndim == 0 and type(value) in (int, bool) else array


def as_primitive(what: object) -> Primitive:
    """A primitive by its name, as a `CustomPrimitive` or NumPy ufunc, or as an expression.

    The arguments of an expression are its symbols, sorted by name. Raises `ArgumentError`.
    """
    if isinstance(what, CustomPrimitive):
        return what.primitive
    if isinstance(what, np.ufunc):
        return named_primitive(UFUNCS.get(what, what.__name__))
    if isinstance(what, sp.Expr):
        arguments = sorted(what.free_symbols, key=lambda symbol: symbol.name)
        return custom_primitive(define(EXPRESSION, what, arguments))
    if isinstance(what, str):
        return named_primitive(what)
    raise ArgumentError(
        f"{what!r} is a {type(what).__name__}; give the name of a primitive or its NumPy ufunc, "
        "what jf.primitive returned, or an expression in SymPy"
    )
