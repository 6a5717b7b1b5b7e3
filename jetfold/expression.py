"""Expressions as text, such as ``x*exp(-x**2)``, in SymPy; nothing in the text is ever evaluated.

The text is read by Python's parser, and each node of the syntax tree that is on a short list is
translated. Everything else is an error that points at its column.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

import sympy as sp

from jetfold.graph import ArgumentError, operand_symbol
from jetfold.graph.ufuncs import EXPRESSIONS, exact
from jetfold.rules.primitives import CUSTOM, PRIMITIVES

MOST_CHARACTERS = 2000
MOST_LEVELS = 60
LARGEST_EXPONENT = 64
LARGEST_NUMBER = 10**40
DIGITS = 30

CONSTANTS: Mapping[str, sp.Expr] = {"pi": sp.pi, "e": sp.E}

SYNONYMS: Mapping[str, str] = {
    "abs": "absolute",
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "digamma": "psi",
    "lgamma": "gammaln",
    "max": "maximum",
    "min": "minimum",
    "pow": "power",
}
"""Other names of functions, as in `math` and Python."""

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}

_COMPARISONS: Mapping[type[ast.cmpop], Any] = {
    ast.Lt: sp.Lt,
    ast.LtE: sp.Le,
    ast.Gt: sp.Gt,
    ast.GtE: sp.Ge,
    ast.Eq: sp.Eq,
    ast.NotEq: sp.Ne,
}


def parse_expression(text: str) -> sp.Expr:
    """The expression that a text denotes, in real symbols.

    It may contain numbers, names of arguments, ``pi`` and ``e``, ``+ - * / **``, and calls of the
    elementwise functions of NumPy and SciPy by their names, without a prefix; ``where(c, a, b)``
    with comparisons joined by ``and``, ``or``, ``not``; and registered primitives.

    Raises `ArgumentError`, which shows the place, for anything else, and for what is too long, too
    deep or too large.
    """
    return _Reader(re.sub(r"\s", " ", text).strip()).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def read(self) -> sp.Expr:
        if len(self.text) > MOST_CHARACTERS:
            raise ArgumentError(
                f"the expression has {len(self.text)} characters, more than {MOST_CHARACTERS}"
            )
        odd = next(
            (i for i, c in enumerate(self.text) if not (c.isascii() and c.isprintable())), -1
        )
        if odd >= 0:
            self._fail(odd, f"the character {self.text[odd]!r} has no meaning here")
        if not self.text:
            raise ArgumentError("the expression is empty; write it as in 'x*exp(-x**2)'")
        try:
            tree = ast.parse(self.text, mode="eval")
        except SyntaxError as error:
            column = (error.offset or len(self.text) + 1) - 1
            self._fail(column, f"this is no expression ({error.msg})")
        except (MemoryError, RecursionError, ValueError) as error:
            raise ArgumentError(f"the expression cannot be read: {error}") from None
        return self._number(tree.body, 0)

    def _fail(self, column: int, why: str) -> NoReturn:
        raise ArgumentError(
            f"in the expression, column {column + 1}: {why}\n    {self.text}\n    {' ' * column}^"
        )

    def _number(self, node: ast.expr, level: int) -> sp.Expr:
        """A number: what is no condition."""
        value = self._value(node, level)
        if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
            self._fail(node.col_offset, "this is no finite real number")
        if value.is_number and abs(sp.N(value, 20)) > LARGEST_NUMBER:
            self._fail(node.col_offset, "this number is too large")
        return value

    def _value(self, node: ast.expr, level: int) -> sp.Expr:
        if level > MOST_LEVELS:
            self._fail(node.col_offset, f"there are more than {MOST_LEVELS} levels")
        match node:
            case ast.Constant(int() | float() as value) if not isinstance(value, bool):
                if not math.isfinite(value) or abs(value) > LARGEST_NUMBER:
                    self._fail(node.col_offset, "this number is too large")
                return exact(value)
            case ast.Name(name):
                return self._named(node, name)
            case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
                value = self._number(operand, level + 1)
                return -value if isinstance(sign, ast.USub) else value
            case ast.BinOp(left, ast.Pow(), right):
                return self._power(node, self._number(left, level + 1), right, level)
            case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
                parts = self._number(left, level + 1), self._number(right, level + 1)
                return _OPERATORS[type(operator)](*parts)
            case ast.Call(ast.Name(name), arguments, []):
                return self._call(node, name, arguments, level)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(ast.Not()):
                self._fail(node.col_offset, "a condition belongs into where(condition, a, b)")
            case ast.IfExp():
                self._fail(node.col_offset, "write where(condition, a, b)")
            case ast.Attribute() | ast.Call(ast.Attribute()):
                self._fail(node.col_offset, "write functions without a prefix, as in sin(x)")
            case ast.BinOp(_, ast.BitXor()):
                self._fail(node.col_offset, "write powers as in x**2")
        self._fail(
            node.col_offset,
            f"{ast.get_source_segment(self.text, node)} has no meaning here; there are numbers, "
            "names, + - * / ** and calls of functions, as in sin(x)",
        )

    def _named(self, node: ast.Name, name: str) -> sp.Expr:
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name.startswith("_"):
            self._fail(node.col_offset, f"a name cannot begin with an underscore, as {name} does")
        if SYNONYMS.get(name, name) in PRIMITIVES or name in CUSTOM:
            self._fail(node.col_offset, f"{name} is a function; give it arguments, as in {name}(x)")
        return sp.Symbol(name, real=True)

    def _power(self, node: ast.BinOp, base: sp.Expr, exponent: ast.expr, level: int) -> sp.Expr:
        value = self._number(exponent, level + 1)
        if not value.is_number:
            return EXPRESSIONS["power"](base, value)
        if abs(value) > LARGEST_EXPONENT:
            self._fail(exponent.col_offset, f"the exponent is larger than {LARGEST_EXPONENT}")
        return base**value

    def _call(self, node: ast.Call, name: str, given: list[ast.expr], level: int) -> sp.Expr:
        known = SYNONYMS.get(name, name)
        if known not in PRIMITIVES and known not in CUSTOM:
            near = get_close_matches(name, [*PRIMITIVES, *CUSTOM, *SYNONYMS], n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            self._fail(node.col_offset, f"there is no function {name}{hint}")
        primitive = PRIMITIVES.get(known) or CUSTOM[known]
        count = len(primitive.operands)
        if len(given) != count:
            wanted = f"{count} argument{'s' * (count > 1)}"
            self._fail(node.col_offset, f"{name} takes {wanted}, not {len(given)}")
        if known == "where":
            condition = self._condition(given[0], level + 1)
            a, b = (self._number(part, level + 1) for part in given[1:])
            return sp.Piecewise((a, condition), (b, True))
        arguments = [_bounded(self._number(part, level + 1)) for part in given]
        if known in PRIMITIVES:
            return EXPRESSIONS[known](*arguments)
        return primitive.expr.xreplace({operand_symbol(i): a for i, a in enumerate(arguments)})

    def _condition(self, node: ast.expr, level: int) -> Any:
        if level > MOST_LEVELS:
            self._fail(node.col_offset, f"there are more than {MOST_LEVELS} levels")
        match node:
            case ast.Compare(left, operators, rights) if all(
                type(operator) in _COMPARISONS for operator in operators
            ):
                sides = [self._number(side, level + 1) for side in (left, *rights)]
                tests = [
                    _COMPARISONS[type(operator)](a, b)
                    for a, operator, b in zip(sides, operators, sides[1:], strict=False)
                ]
                return sp.And(*tests)
            case ast.BoolOp(operator, parts):
                found = [self._condition(part, level + 1) for part in parts]
                return sp.And(*found) if isinstance(operator, ast.And) else sp.Or(*found)
            case ast.UnaryOp(ast.Not(), operand):
                return sp.Not(self._condition(operand, level + 1))
        self._fail(node.col_offset, "this is no condition; write comparisons, as in x > 0")


def _bounded(argument: sp.Expr) -> sp.Expr:
    """A large number in floating point, so that nothing like gamma(10**6) is computed exactly."""
    large = argument.is_number and abs(sp.N(argument)) > LARGEST_EXPONENT
    return sp.N(argument, DIGITS) if large else argument
