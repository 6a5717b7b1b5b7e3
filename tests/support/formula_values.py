"""What formulas are worth: plain ones as Python, LaTeX by a small parser of its own."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jetfold.graph import Gather, Graph, Op
from jetfold.graph.interpret import Value
from jetfold.graph.notation import PLAIN, Notation
from jetfold.graph.numbers import FLOAT_FUNCTIONS


class Family:
    """An array for each index along named axes; operations meet along equal names."""

    __array_ufunc__ = None  # NumPy's arrays leave operators to this class

    def __init__(self, lead: tuple[str, ...], array: Any) -> None:
        self.lead, self.array = lead, np.asarray(array)

    def at(self, index: Mapping[str, int]) -> Any:
        return self.array[tuple(index[name] for name in self.lead)]

    def __getitem__(self, key: Any) -> Family:
        if isinstance(key, str) or (isinstance(key, tuple) and isinstance(key[0], str)):
            return self  # v4[r]: the directions are in its name
        return each(lambda x: x[key], self)

    @property
    def T(self) -> Family:
        return each(np.transpose, self)

    def __matmul__(self, other: Any) -> Family:
        return each(operator.matmul, self, other)

    def __rmatmul__(self, number: float) -> Family:  # the name of zeros is 0
        return each(lambda x: np.full(len(x), number) @ x, self)

    def __neg__(self) -> Family:
        return each(operator.neg, self)

    def __invert__(self) -> Family:
        return each(np.logical_not, self)


def _install(name: str, function: Callable[..., Any]) -> None:
    setattr(Family, f"__{name}__", lambda self, other: each(function, self, other))
    setattr(Family, f"__r{name}__", lambda self, other: each(function, other, self))


for _name in ("add", "sub", "mul", "truediv", "pow", "and", "or"):
    _install(_name, getattr(operator, _name + "_" * (_name in ("and", "or"))))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _install(_name, getattr(operator, _name))


def each(function: Callable[..., Any], *operands: Any) -> Family:
    """A function of arrays applied for each index."""
    families = [x if isinstance(x, Family) else Family((), x) for x in operands]
    sizes = {n: k for f in families for n, k in zip(f.lead, f.array.shape, strict=False)}
    lead = tuple(sorted(sizes))
    found = [
        function(*(family.at(dict(zip(lead, index, strict=True))) for family in families))
        for index in np.ndindex(*(sizes[name] for name in lead))
    ]
    return Family(lead, np.reshape(found, [sizes[n] for n in lead] + list(np.shape(found[0]))))


# Plain --------------------------------------------------------------------------------------------


def plain_value(
    text: str, graph: Graph, values: Mapping[int, Value], op: Op, notation: Notation = PLAIN
) -> Family:
    """The value of a formula of this graph, where ``op`` is the operation of the outermost node."""
    known: dict[str, Any] = {}
    names: dict[str, str] = {}
    for node in graph:
        name = notation.value(graph, node)
        if not re.match(r"-?\d|-?inf|nan", name):
            known[f"N{node}_"] = Family(values[node].lead, values[node].array)
            names.setdefault(name, f"N{node}_")
    sizes = {a.name: a.size for node in graph for a in graph[node].type.directions}
    known |= {name: name for name in sizes} | _sums(sizes) | _FUNCTIONS | _moves(sizes, op)
    return each(lambda x: x, eval(_renamed(text, names), {"__builtins__": {}}, known))


def _renamed(text: str, names: Mapping[str, str]) -> str:
    longest = sorted(map(re.escape, names), key=len, reverse=True)
    pattern = rf"(?<![\w'.])(?:{'|'.join(longest)})(?![\w'])"
    return re.sub(pattern, lambda found: names[found[0]], text)


def _sums(sizes: Mapping[str, int]) -> dict[str, Any]:
    def total(names: tuple[str, ...], value: Any) -> Any:
        for name in names:
            if isinstance(value, Family) and name in value.lead:
                at = value.lead.index(name)
                lead = value.lead[:at] + value.lead[at + 1 :]
                value = Family(lead, value.array.sum(axis=at))
            else:
                value = sizes[name] * value
        return value

    pairs = [(a, b) for a in sizes for b in sizes]
    groups = [(a,) for a in sizes] + [pair for pair in pairs if pair[0] != pair[1]]
    return {f"sum_{'_'.join(g)}": lambda x, g=g: total(g, x) for g in groups}


def _moves(sizes: Mapping[str, int], op: Op) -> dict[str, Any]:
    found: dict[str, Any] = {f"replicate_{name}": lambda x: x for name in sizes}
    for name, size in sizes.items():

        def direct(x: Family, axis: int, name: str = name, size: int = size) -> Family:
            copies = Family((name,), np.arange(size))
            return each(lambda array, i: array.take(i, axis), x, copies)

        found[f"direct_{name}"] = direct
    if isinstance(op, Gather):
        flat = op.index.value
        found["gather"] = lambda x, _: each(lambda a: np.append(a.ravel(), 0)[flat], x)
    return found


def _einsum(spec: str, *operands: Any) -> Family:
    return each(lambda *arrays: np.einsum(spec, *arrays), *operands)


_FUNCTIONS: dict[str, Any] = {
    **{n: lambda *x, f=f: each(f, *x) for n, f in FLOAT_FUNCTIONS.items()},
    "pi": math.pi,
    "nan": math.nan,
    "where": lambda *x: each(np.where, *x),
    "einsum": _einsum,
    "sum": lambda x, axes: each(lambda a: a.sum(axis=axes), x),
    "reshape": lambda x, shape: each(lambda a: a.reshape(shape), x),
    "broadcast": lambda x, shape: each(lambda a: np.broadcast_to(a, shape), x),
    "transpose": lambda x, order: each(lambda a: a.transpose(order), x),
    "concatenate": lambda *x, axis: each(lambda *a: np.concatenate(a, axis), *x),
    "inverse": lambda x: each(np.linalg.inv, x),
    "log_abs_det": lambda x: each(lambda a: np.linalg.slogdet(a)[1], x),
    "sign_det": lambda x: each(lambda a: np.linalg.slogdet(a)[0], x),
}


# LaTeX --------------------------------------------------------------------------------------------

_CALLS = {
    rf"\{name}": getattr(np, name)
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "arcsin", "arccos", "arctan")
} | {
    r"\operatorname{erf}": FLOAT_FUNCTIONS["erf"],
    r"\operatorname{expit}": FLOAT_FUNCTIONS["expit"],
}
_RELATIONS = {"<": operator.lt, ">": operator.gt, r"\leq": operator.le, r"\geq": operator.ge}
_RELATIONS |= {"=": operator.eq, r"\neq": operator.ne}
_SIGNS = [r"\left(", r"\right)", r"\left|", r"\right|", r"\begin{cases}", r"\end{cases}", r"\\"]
_SIGNS += [r"\text{if }", r"\text{otherwise}", r"\frac", r"\sqrt", r"\cdot", r"\,", r"\pi"]


class LatexValue:
    """Evaluates scalar LaTeX in known names."""

    def __init__(self, names: Mapping[str, float]) -> None:
        self.names = names
        words = sorted([*names, *_SIGNS, *_CALLS, *_RELATIONS], key=len, reverse=True)
        self.pattern = re.compile(
            rf"\s*({'|'.join(map(re.escape, words))}|\d+(?:\.\d+)?|[-+^{{}}\[\],&e])"
        )

    def __call__(self, text: str) -> float:
        self.tokens: list[str] = []
        at, text = 0, text.rstrip()
        while at < len(text):
            found = self.pattern.match(text, at)
            assert found, f"{text[at:]!r} in {text!r}"
            self.tokens.append(found[1])
            at = found.end()
        self.tokens.append("")
        value = self._sum()
        assert self.tokens == [""], self.tokens
        return float(value)

    def _next(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        assert not expected or token in expected, (token, expected, self.tokens)
        return token

    def _sum(self) -> float:
        total = 0.0
        sign = self._next() if self.tokens[0] == "-" else "+"
        while True:
            term = self._product()
            total = total - term if sign == "-" else total + term
            if self.tokens[0] not in ("+", "-"):
                return total
            sign = self._next()

    def _product(self) -> float:
        value = self._power()
        while self.tokens[0] not in (*_ENDS, *_RELATIONS):
            if self.tokens[0] in (r"\cdot", r"\,"):
                self._next()
            value *= self._power()
        return value

    def _power(self) -> float:
        value = self._atom()
        if self.tokens[0] == "^":
            self._next()
            value = value ** self._group()
            assert self.tokens[0] != "^", "a double superscript"
        return value

    def _group(self) -> float:
        self._next("{")
        value = self._sum()
        self._next("}")
        return value

    def _atom(self) -> float:
        token = self._next()
        if token in self.names:
            return self.names[token]
        if token in _CALLS:
            return self._call(_CALLS[token])
        match token:
            case r"\pi":
                return math.pi
            case "e":
                return math.e
            case r"\frac":
                return self._group() / self._group()
            case r"\sqrt":
                return math.sqrt(self._group())
            case r"\left(":
                value = self._sum()
                self._next(r"\right)")
                return value
            case r"\left|":
                value = abs(self._sum())
                self._next(r"\right|")
                return value
            case r"\begin{cases}":
                return self._cases()
        return float(token)

    def _call(self, function: Callable[[float], float]) -> float:
        exponent = 1.0
        if self.tokens[0] == "^":
            self._next()
            exponent = self._group()
        self._next(r"\left(")
        value = function(self._sum())
        self._next(r"\right)")
        return float(value**exponent)

    def _cases(self) -> float:
        branches: list[tuple[bool, float]] = []
        end = r"\\"
        while end == r"\\":
            value = self._sum()
            self._next("&")
            holds = True
            if self._next(r"\text{if }", r"\text{otherwise}") == r"\text{if }":
                left = self._sum()
                holds = _RELATIONS[self._next(*_RELATIONS)](left, self._sum())
            branches.append((holds, value))
            end = self._next(r"\\", r"\end{cases}")
        return next(value for holds, value in branches if holds)


_ENDS = ("", "+", "-", "}", r"\right)", r"\right|", "&", r"\\", r"\end{cases}")
