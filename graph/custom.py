"""Functions that users define: SymPy functions made from a definition, one class for each.

A custom function is a `Shorthand`: calculus takes it as it is, by the derivatives that its
definition holds, and it is spelled out when it is computed or shown. Its class is made when it is
needed. Equal definitions give the same class in a process, so that equal expressions stay equal,
and expressions are pickled with the definitions of the functions in them, so that they can be read
where nobody has defined these.
"""

from __future__ import annotations

import copyreg
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import sympy as sp

from jetfold.graph.elementary import Shorthand
from jetfold.graph.errors import ArgumentError
from jetfold.graph.latex import function_name
from jetfold.graph.ops import Map, operand_symbol
from jetfold.graph.tracer import Tracer, mapped
from jetfold.graph.ufuncs import exact


@dataclass(frozen=True)
class Definition:
    """What a custom function is.

    Its operands, a0, a1, .. in the expressions, are its arguments and then its parameters.
    ``partials`` may also contain `output`, the function's own value; an entry is None where there
    is no derivative that can be computed.
    """

    name: str
    arguments: tuple[str, ...]
    parameters: tuple[str, ...]
    written: sp.Expr
    """As the user wrote it."""
    meaning: sp.Expr
    """As it is computed."""
    partials: tuple[sp.Expr | None, ...]
    """The derivative with respect to each operand."""

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of all operands."""
        return self.arguments + self.parameters

    @property
    def output(self) -> sp.Symbol:
        """What stands for the function's own value in a derivative."""
        return operand_symbol(len(self.operands))


class Custom(Shorthand):
    """A function with a `Definition`; each definition has a class of its own."""

    definition: ClassVar[Definition]

    @classmethod
    def eval(cls, *args: Any) -> Any:
        """NaN where the value for these numbers is not real and finite; otherwise as it is."""
        if any(argument.is_number for argument in args):
            value = _put(cls.definition.meaning, args)
            if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
                return sp.nan
        return None

    def meaning(self) -> Any:
        return _put(self.definition.meaning, self.args)

    def written(self) -> Any:
        return _put(self.definition.written, self.args)

    def partial(self, position: int) -> Any:
        derivative = self.definition.partials[position]
        if derivative is None:
            raise ArgumentError(
                f"the primitive {self.definition.name!r} has no derivative of order 1 with respect "
                f"to {self.definition.operands[position]} that can be computed; give it one with "
                "derivative=..., or do without this order"
            )
        return _put(derivative, (*self.args, self))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _applied, (self.definition, self.args)

    # SymPy's printers go by the name of the class, which may be that of a function of SymPy.

    def _sympystr(self, printer: Any) -> str:
        return f"{self.definition.name}({printer.stringify(self.args, ', ')})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        arguments = ", ".join(map(printer.doprint, self.args))
        return rf"{function_name(self.definition.name)}{power}\left({arguments}\right)"


def _put(expr: sp.Expr, values: tuple[Any, ...]) -> Any:
    return expr.xreplace({operand_symbol(i): value for i, value in enumerate(values)})


def _applied(definition: Definition, operands: tuple[Any, ...]) -> Any:
    return custom_function(definition)(*operands)


_classes: dict[Definition, type[Custom]] = {}
_making = threading.Lock()


def custom_function(definition: Definition) -> type[Custom]:
    """The SymPy function with this definition: the same class for equal definitions."""
    with _making:
        known = _classes.get(definition)
        if known is None:
            content = {
                "definition": definition,
                "nargs": len(definition.operands),
                "__module__": __name__,
                "__doc__": f"The custom function {definition.name}.",
            }
            known = _classes[definition] = _CustomClass(definition.name, (Custom,), content)
        return known


class _CustomClass(type(Custom)):  # type: ignore[misc]
    """The class of the classes, by which pickle and copy know them."""


def _reduced(made: Any) -> Any:
    return custom_function, (made.definition,)


copyreg.pickle(_CustomClass, _reduced)


# Tracing ------------------------------------------------------------------------------------------


def traced(definition: Definition, values: tuple[Any, ...]) -> Tracer:
    """The function applied to tracers, arrays and numbers, as one `Map`.

    Numbers become part of its expression where that does not change what is computed.
    """
    general = _with_numbers(definition, (None,) * len(values))
    assert general is not None
    return mapped(values, lambda scalars: _with_numbers(definition, scalars), general)


@lru_cache(maxsize=4096)
def _with_numbers(definition: Definition, scalars: tuple[float | None, ...]) -> Map | None:
    """The function with numbers for some operands; None where one has to stay an operand."""
    symbols = [operand_symbol(i) for i in range(scalars.count(None))]
    remaining = iter(symbols)
    operands = [next(remaining) if scalar is None else exact(scalar) for scalar in scalars]
    function = custom_function(definition)
    value = function(*operands)
    if not isinstance(value, function):
        return None
    kept = value.meaning().free_symbols == set(symbols)  # 0 * x is not 0 if x is infinite
    kept &= _functions(value.meaning()) <= _functions(definition.meaning)
    return Map(value) if kept else None


def _functions(expr: sp.Expr) -> set[type]:
    return {type(function) for function in expr.atoms(sp.Function)}
