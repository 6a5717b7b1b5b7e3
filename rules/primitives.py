"""The table of primitives: a name and the expression that defines it.

Built-in ones are the elementwise NumPy functions that can be traced (`jetfold.graph.ufuncs`),
custom ones are registered by users. Taylor rules, collapsed rules and kernels are all derived from
the expression.
"""

from __future__ import annotations

import inspect
import keyword
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph import functions as fn
from jetfold.graph.custom import Definition, custom_function
from jetfold.graph.formula import spelled_out
from jetfold.graph.numbers import FLOAT_FUNCTIONS
from jetfold.graph.ufuncs import EXPRESSIONS, UFUNCS

Default = float | NDArray[Any] | None
"""The default value of a parameter; None: it has none."""


@dataclass(frozen=True)
class Primitive:
    """An elementwise function: its name and its expression in a0, a1, ...

    The operands are its arguments and then its parameters, which are the same all along a path in
    the rules that are shown, and in kernels. ``doc`` documents a custom one, ``defaults`` are the
    values of its parameters where none are given.
    """

    name: str
    expr: sp.Expr
    arguments: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    doc: str = field(default="", compare=False)
    defaults: tuple[Default, ...] = field(default=(), compare=False)

    @property
    def arity(self) -> int:
        """The number of arguments."""
        return len(self.arguments)

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of all operands."""
        return self.arguments + self.parameters

    @property
    def result(self) -> str:
        """The name of the result in rules and kernels."""
        return next((name for name in RESULTS if name not in self.operands), "result")


RESULTS = ("y", "f", "g", "h", "u", "v")
"""Names of a result, in the order of preference."""


# Built-in -----------------------------------------------------------------------------------------

_NAMES = ("x", "z", "w")


def _arity(name: str) -> int:
    ufunc = next((ufunc for ufunc, known in UFUNCS.items() if known == name), None)
    if ufunc is not None:
        return ufunc.nin
    definition = EXPRESSIONS[name]
    if isinstance(definition, sp.FunctionClass):
        (count,) = definition.nargs
        return int(count)
    return len(inspect.signature(definition).parameters)


def _primitive(name: str) -> Primitive:
    arity = _arity(name)
    return Primitive(name, EXPRESSIONS[name](*map(operand_symbol, range(arity))), _NAMES[:arity])


PRIMITIVES: Mapping[str, Primitive] = {name: _primitive(name) for name in EXPRESSIONS}

_FUNCTIONS = {name for name, known in vars(fn).items() if isinstance(known, sp.FunctionClass)}
_RESERVED = frozenset({*PRIMITIVES, *FLOAT_FUNCTIONS, *_FUNCTIONS})


# Custom -------------------------------------------------------------------------------------------

_custom: dict[str, Primitive] = {}

CUSTOM: Mapping[str, Primitive] = MappingProxyType(_custom)
"""The primitives that users have registered."""


def custom_primitive(
    definition: Definition, doc: str = "", defaults: tuple[Default, ...] = ()
) -> Primitive:
    """The primitive with a definition."""
    symbols = map(operand_symbol, range(len(definition.operands)))
    expr = custom_function(definition)(*symbols)
    operands = definition.arguments, definition.parameters
    return Primitive(definition.name, expr, *operands, doc, defaults)


def register(made: Primitive, overwrite: bool = False) -> None:
    """Make a custom primitive known by its name.

    Raises `ArgumentError` if the name stands for something else, unless ``overwrite``: then it is
    given to this one. Built-in functions keep their names.
    """
    check_name_is_free(made.name)
    if not overwrite and _custom.setdefault(made.name, made) != made:
        raise ArgumentError(
            f"there is a primitive {made.name!r} with another definition, {shown(made.name)}; "
            "choose another name, or give overwrite=True to replace it"
        )
    _custom[made.name] = made


def is_name(text: str) -> bool:
    """Whether a text can be a name in Python, and stays as it is when Python reads it.

    Python takes a few letters for others: a micro sign for a Greek mu.
    """
    plain = unicodedata.normalize("NFKC", text) == text
    return plain and text.isidentifier() and not keyword.iskeyword(text)


def check_name(name: object) -> None:
    """Raise `ArgumentError` if a custom primitive cannot be called this."""
    if not isinstance(name, str) or not is_name(name):
        raise ArgumentError(
            f"the name of a primitive is {name!r}; it must be a name as of a Python function, "
            "such as 'gelu', as a string"
        )
    check_name_is_free(name)


def check_name_is_free(name: str) -> None:
    """Raise `ArgumentError` if a function of jetfold has this name."""
    if name in _RESERVED:
        raise ArgumentError(f"{name!r} is a built-in function of jetfold; choose another name")


def shown(name: str) -> str:
    """The definition of a primitive as text."""
    found = primitive(name)
    symbols = {operand_symbol(i): sp.Symbol(n) for i, n in enumerate(found.operands)}
    return str(spelled_out(found.expr).xreplace(symbols))


def primitive(name: str) -> Primitive:
    """The primitive of this name. Raises `ArgumentError`, with the nearest names, for none."""
    found = PRIMITIVES.get(name) or CUSTOM.get(name)
    if found is None:
        near = get_close_matches(str(name), [*PRIMITIVES, *CUSTOM], n=3)
        names = "give its NumPy or SciPy name as a string, such as 'tanh', 'multiply' or 'erf'"
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else names
        raise ArgumentError(f"there is no primitive called {name!r}; {hint}")
    return found
