"""Number systems in which a graph can be computed, and how they evaluate an expression.

`FLOAT` is NumPy in single, double or complex precision. `EXACT` computes in rationals; a
transcendental function of rationals is an opaque rational there (the same one for the same
arguments), so that two graphs that agree are equal as algebraic identities, not up to round-off.
`MPMATH` is arbitrary precision.
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache, partial, reduce
from typing import Any, Protocol

import mpmath
import numpy as np
import scipy.special
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph import special
from jetfold.graph.elementary import Shorthand
from jetfold.graph.errors import UnsupportedError
from jetfold.graph.functions import HALF
from jetfold.graph.ops import operand_symbol

COMPARISONS: Mapping[type, Callable[[Any, Any], Any]] = {
    sp.StrictLessThan: operator.lt,
    sp.LessThan: operator.le,
    sp.StrictGreaterThan: operator.gt,
    sp.GreaterThan: operator.ge,
    sp.Equality: operator.eq,
    sp.Unequality: operator.ne,
}

LITERAL_FIRST = frozenset({"polygamma", "sinc", "besselj"})
"""Functions whose first argument is a literal integer: an order, or a number of derivatives."""


class NumberSystem(Protocol):
    """What an interpreter needs to know of a number system."""

    def array(self, value: NDArray[Any]) -> NDArray[Any]:
        """An array of this system's numbers."""
        ...

    def evaluate(self, expr: sp.Expr, operands: list[NDArray[Any]]) -> NDArray[Any]:
        """The expression in a0, a1, ... elementwise, with broadcasting."""
        ...


def name_of(function: Any) -> str:
    """The name under which a SymPy function is known to number systems and backends."""
    name = type(function).__name__
    return _SYMPY_NAMES.get(name, name)


_SYMPY_NAMES = {
    "Abs": "absolute",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "loggamma": "gammaln",
    "Max": "maximum",
    "Min": "minimum",
}


class _Evaluator:
    """Walks an expression; what a number is and how functions are computed is given."""

    def __init__(
        self,
        symbols: Mapping[sp.Expr, Any],
        number: Callable[[sp.Expr], Any],
        call: Callable[[str, list[Any]], Any],
        select: Callable[[list[tuple[Any, Callable[[], Any]]]], Any],
    ) -> None:
        self.known = dict(symbols)
        self.number = number
        self.call = call
        self.select = select

    def __call__(self, expr: Any) -> Any:
        if expr not in self.known:
            self.known[expr] = self._compute(expr)
        return self.known[expr]

    def _compute(self, expr: Any) -> Any:
        if isinstance(expr, sp.Piecewise):
            return self.select([(self._condition(c), partial(self, e)) for e, c in expr.args])
        if expr.is_number:
            return self.number(expr)
        if isinstance(expr, sp.Add):
            return reduce(operator.add, map(self, expr.args))
        if isinstance(expr, sp.Mul):
            above, below = _quotient(expr)
            product = reduce(operator.mul, map(self, above), self.number(sp.S.One))
            return product / reduce(operator.mul, map(self, below)) if below else product
        if isinstance(expr, sp.Pow):
            return self._power(expr)
        if isinstance(expr, sp.exp):
            return self.call("exp", [self(expr.args[0])])
        if isinstance(expr, Shorthand):
            return self(expr.meaning())
        if isinstance(expr, sp.Function):
            return self.call(name_of(expr), [self(argument) for argument in expr.args])
        raise UnsupportedError(f"no number system can compute {expr} ({type(expr).__name__})")

    def _power(self, expr: sp.Pow) -> Any:
        base, exponent = expr.args
        if exponent.is_Integer:
            n = int(exponent)
            value = self(base)
            return value**n if n >= 0 else self.number(sp.S.One) / value ** (-n)
        if exponent == HALF:
            return self.call("sqrt", [self(base)])
        if exponent == -HALF:
            return self.number(sp.S.One) / self.call("sqrt", [self(base)])
        if base == sp.E:
            return self.call("exp", [self(exponent)])
        return self.call("pow", [self(base), self(exponent)])

    def _condition(self, condition: Any) -> Any:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, sp.And):
            return reduce(operator.and_, map(self._condition, condition.args))
        if isinstance(condition, sp.Or):
            return reduce(operator.or_, map(self._condition, condition.args))
        if isinstance(condition, sp.Not):
            return np.logical_not(self._condition(condition.args[0]))
        return COMPARISONS[type(condition)](self(condition.args[0]), self(condition.args[1]))


def _quotient(product: sp.Mul) -> tuple[list[sp.Expr], list[sp.Expr]]:
    """The factors above and below the line; what is inside of a factor is left as it is."""
    above, below = [], []
    for factor in product.args:
        if isinstance(factor, sp.Pow) and factor.exp.is_Integer and factor.exp < 0:
            below.append(factor.base**-factor.exp)
        else:
            above.append(factor)
    return above, below


# NumPy ----------------------------------------------------------------------------------------


FLOAT_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{
        name: getattr(np, name)
        for name in (
            *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10"),
            *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
            *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
            *("sqrt", "cbrt", "hypot", "logaddexp", "absolute", "sign"),
            *("floor", "ceil", "rint", "maximum", "minimum"),
        )
    },
    **{
        name: getattr(scipy.special, name)
        for name in ("erf", "erfc", "expit", "log_expit", "gammaln", "gamma")
    },
    "softplus": lambda x: np.logaddexp(x, np.zeros_like(x)),
    "sech_squared": special.sech_squared,
    "sinc": special.sinc,
    "polygamma": special.polygamma,
    "besselj": special.besselj,
    "pow": np.power,
    "power": special.power,
}


class FloatNumbers:
    """NumPy's floating point (and complex) numbers, in the precision of the operands."""

    def array(self, value: NDArray[Any]) -> NDArray[Any]:
        return value

    def evaluate(self, expr: sp.Expr, operands: list[NDArray[Any]]) -> NDArray[Any]:
        dtype = np.result_type(*operands) if operands else np.dtype(np.float64)
        symbols = {operand_symbol(i): operand for i, operand in enumerate(operands)}

        def select(branches: list[tuple[Any, Callable[[], Any]]]) -> Any:
            value: Any = dtype.type(np.nan)
            for condition, branch in reversed(branches):
                value = branch() if condition is True else np.where(condition, branch(), value)
            return value

        def call(name: str, arguments: list[Any]) -> Any:
            function = FLOAT_FUNCTIONS.get(name)
            if function is None:
                raise UnsupportedError(f"NumPy has no function for {name}")
            return np.asarray(function(*arguments)).astype(dtype, copy=False)

        evaluator = _Evaluator(symbols, lambda number: dtype.type(sp.N(number, 20)), call, select)
        with np.errstate(all="ignore"):
            value = np.asarray(evaluator(expr), dtype=dtype)
        return np.broadcast_to(value, np.broadcast_shapes(*(o.shape for o in operands)))


# Scalars of any kind ------------------------------------------------------------------------------


class ScalarNumbers:
    """A number system whose elements are Python objects, computed one element at a time."""

    def __init__(
        self,
        number: Callable[[Any], Any],
        call: Callable[[str, list[Any]], Any],
    ) -> None:
        self.number = number
        self.call = call

    def array(self, value: NDArray[Any]) -> NDArray[Any]:
        if value.dtype == object:
            return value
        converted = np.empty(value.shape, dtype=object)
        converted.reshape(-1)[:] = [self.number(element.item()) for element in value.reshape(-1)]
        return converted

    def evaluate(self, expr: sp.Expr, operands: list[NDArray[Any]]) -> NDArray[Any]:
        symbols = [operand_symbol(i) for i in range(len(operands))]

        def select(branches: list[tuple[Any, Callable[[], Any]]]) -> Any:
            chosen = next((branch for condition, branch in branches if condition), None)
            return self.number(math.nan) if chosen is None else chosen()

        def one(*values: Any) -> Any:
            known = dict(zip(symbols, values, strict=True))
            return _Evaluator(known, self.number, self.call, select)(expr)

        if not operands:
            return np.asarray(one(), dtype=object)
        result = np.empty(np.broadcast_shapes(*map(np.shape, operands)), dtype=object)
        columns = [array.reshape(-1) for array in np.broadcast_arrays(*operands)]
        if _selects(expr):  # a branch that is not taken is not computed
            found: Any = [one(*values) for values in zip(*columns, strict=True)]
        else:
            known = dict(zip(symbols, columns, strict=True))
            found = _Evaluator(known, self.number, self._call_each, select)(expr)
        result.reshape(-1)[:] = found
        return result

    def _call_each(self, name: str, arguments: list[Any]) -> Any:
        columns = np.broadcast_arrays(*(np.asarray(a, dtype=object) for a in arguments))
        rows = zip(*(column.flat for column in columns), strict=True)
        found = [self.call(name, list(values)) for values in rows]
        return np.array(found, dtype=object) if columns[0].ndim else found[0]


@lru_cache(maxsize=4096)
def _selects(expr: sp.Expr) -> bool:
    return expr.has(sp.Piecewise) or any(_selects(f.meaning()) for f in expr.atoms(Shorthand))


_SYMPY_FUNCTIONS: Mapping[str, Any] = {
    name_of(function(sp.Symbol("x"))): function
    for function in (
        [sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos]
        + [sp.sinh, sp.cosh, sp.tanh, sp.atanh, sp.loggamma, sp.gamma]
    )
} | {"sqrt": sp.sqrt, "pow": sp.Pow, "polygamma": sp.polygamma, "besselj": sp.besselj}
"""Functions that SymPy may simplify where an integer is put in."""

SLOW_FUNCTIONS = frozenset({"gamma", "gammaln", "polygamma", "besselj"})
"""Those that take SymPy long where the integer is large."""


RATIONAL_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "sign": lambda x: (x > 0) - (x < 0),
    "floor": math.floor,
    "ceil": math.ceil,
    "rint": round,
}


class Opaque:
    """Rationals in which a transcendental function gives an arbitrary one: m / scale, 0 < m < 1999.

    It depends on name and arguments in no simple way. What SymPy knows of a function of an integer
    (exp(0) = 1, sin(-2) = -sin(2)), it knows when numbers are put in, and so it is known here.
    """

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.call = lru_cache(maxsize=1 << 16)(self._call)
        self.function = lambda name, arguments: self.call(name, *arguments)

    def _call(self, name: str, *arguments: Any) -> Fraction:
        if name in RATIONAL_FUNCTIONS:
            return Fraction(RATIONAL_FUNCTIONS[name](*arguments))
        if name == "hypot" and arguments[0] > arguments[1]:  # symmetric
            return self.call(name, *reversed(arguments))
        if name in _SYMPY_FUNCTIONS and Fraction(arguments[0]).denominator == 1:
            numbers = [sp.Rational(argument) for argument in arguments]
            if name not in SLOW_FUNCTIONS or abs(numbers[-1]) < 100:
                value = _SYMPY_FUNCTIONS[name](*numbers)
                if value != _SYMPY_FUNCTIONS[name](*numbers, evaluate=False):
                    return self.number(value)
        text = name + ":" + ",".join(f"{Fraction(argument)}" for argument in arguments)
        digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
        return Fraction(1 + int.from_bytes(digest, "big") % 1998, self.scale)

    def number(self, value: Any) -> Fraction:
        """The rational that a number is, or an expression of numbers."""
        if not isinstance(value, sp.Expr) or isinstance(value, sp.Float):
            number = value if isinstance(value, (int, Fraction)) else float(value)
            if number == number:
                return Fraction(number)
            raise ArithmeticError("NaN is no rational number")
        if isinstance(value, sp.Rational):
            return Fraction(int(value.p), int(value.q))
        if isinstance(value, Shorthand):
            return self.number(value.meaning())
        arguments = [self.number(argument) for argument in value.args]
        match value:
            case sp.Add():
                return sum(arguments, Fraction(0))
            case sp.Mul():
                return reduce(operator.mul, arguments)
            case sp.Pow() if value.exp.is_Integer:
                return arguments[0] ** int(value.exp)
            case sp.Pow() if value.exp == HALF:
                return self.call("sqrt", arguments[0])
            case sp.Pow():
                return self.call("pow", *arguments)
        return self.call(name_of(value) if arguments else str(value), *arguments)


MP_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "hypot": mpmath.hypot,
    "absolute": abs,
    "maximum": max,
    "minimum": min,
    "rint": mpmath.nint,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "logaddexp": lambda x, y: x + mpmath.log1p(mpmath.exp(y - x)),
    "gammaln": lambda x: mpmath.re(mpmath.loggamma(x)),
    "sech_squared": lambda x: mpmath.sech(x) ** 2,
    "sinc": special.long_sinc,
    "polygamma": lambda n, x: mpmath.polygamma(int(n), x),
    "besselj": lambda n, x: mpmath.besselj(int(n), x),
    "pow": mpmath.power,
    "power": lambda x, p, n: mpmath.ff(p, n) * mpmath.power(x, p - n) if mpmath.ff(p, n) else 0 * x,
}


def _mpmath_number(value: Any) -> Any:
    if isinstance(value, sp.Expr):
        return sp.N(value, mpmath.mp.dps + 5)._to_mpmath(mpmath.mp.prec)
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    return mpmath.mpmathify(value)


def _mpmath_call(name: str, arguments: list[Any]) -> Any:
    function = MP_FUNCTIONS.get(name) or getattr(mpmath, name, None)
    if function is None:
        raise UnsupportedError(f"mpmath has no function for {name}")
    return function(*arguments)


def value_of_constant(call: sp.Function, precision: int) -> Any:
    """A function of numbers to this many bits; NaN where it is not real."""
    with mpmath.workprec(precision + 10):
        value = _mpmath_call(name_of(call), [_mpmath_number(number) for number in call.args])
        real = not isinstance(value, mpmath.mpc)
        return sp.Float(mpmath.mpf(value), precision=precision) if real else sp.nan


FLOAT = FloatNumbers()
_OPAQUE = Opaque(scale=1000)
EXACT = ScalarNumbers(_OPAQUE.number, _OPAQUE.function)
MPMATH = ScalarNumbers(_mpmath_number, _mpmath_call)
