"""What a module to take away computes: an elementwise jet, in terms of its coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import sympy as sp

from jetfold.backends.nests import NestNode, Source, build_kernel
from jetfold.backends.program import Accumulate, Compute, NestKernel, Operand, Phase, Rows
from jetfold.graph import operand_symbol

EVERY = 0
"""The direction axis of the kernel."""

DIGITS = 25
"""To which products of numbers are computed that are printed with 17."""


@dataclass(frozen=True)
class Argument:
    """A coefficient or a parameter; ``varies``: it has a value for each direction."""

    name: str
    varies: bool = False

    @property
    def symbol(self) -> sp.Symbol:
        """What stands for it in expressions."""
        return sp.Symbol(self.name, real=True)


@dataclass(frozen=True)
class Result:
    """A coefficient of the result: an expression in arguments, in results before it, and in sums.

    ``varies``: it has a value for each direction.
    """

    name: str
    expr: sp.Expr
    varies: bool = False

    @property
    def symbol(self) -> sp.Symbol:
        """What stands for it in expressions."""
        return sp.Symbol(self.name, real=True)


@dataclass(frozen=True)
class Jet:
    """An elementwise function of coefficients.

    name       : what the functions of the module are called after.
    about      : paragraphs of the module's docstring, a title first.
    formulas   : what is computed, as text.
    arguments  : in the order in which they are given.
    results    : in the order in which they are returned; two at least do not vary.
    sums       : symbols in results, each with the expression that is summed over all directions.
    directions : how many there are, or None if that is told by the arrays.
    """

    name: str
    about: tuple[str, ...]
    formulas: tuple[str, ...]
    arguments: tuple[Argument, ...]
    results: tuple[Result, ...]
    sums: tuple[tuple[sp.Symbol, sp.Expr], ...] = ()
    directions: int | None = None

    @property
    def values(self) -> tuple[Argument | Result, ...]:
        """Arguments and results."""
        return (*self.arguments, *self.results)

    @property
    def varying(self) -> list[str]:
        """What has a value for each direction."""
        return [value.name for value in self.values if value.varies]

    @property
    def written(self) -> list[str]:
        """The results that have a value for each direction."""
        return [result.name for result in self.results if result.varies]

    @property
    def returned(self) -> list[str]:
        """The results that have one value."""
        return [result.name for result in self.results if not result.varies]

    @property
    def count(self) -> str:
        """The number of directions as source."""
        return f"len({self.varying[0]})" if self.directions is None else "R"


@dataclass(frozen=True)
class Block:
    """Statements one after the other, once or for each direction. A target may be a sum."""

    varies: bool
    statements: tuple[tuple[str, sp.Basic], ...]
    sums: tuple[tuple[str, sp.Expr], ...]


def blocks(jet: Jet) -> list[Block]:
    """The computation: what occurs twice is computed once, what can be is done before the loop."""
    kernel = _kernel(jet)
    names = _Names(jet, kernel)
    return [_block(phase, names) for phase in kernel.phases]


def _kernel(jet: Jet) -> NestKernel:
    known = {a.symbol: Source(True, i) for i, a in enumerate(jet.arguments)}
    nodes: list[NestNode] = []

    def add(expr: sp.Expr, varies: bool, phase: int, output: int | None) -> Source:
        used = [symbol for symbol in known if expr.has(symbol)]
        local = expr.xreplace({symbol: operand_symbol(i) for i, symbol in enumerate(used)})
        axes = (EVERY,) if varies else ()
        sources = tuple(known[symbol] for symbol in used)
        nodes.append(NestNode(local, sources, axes, (), phase, output))
        return Source(False, len(nodes) - 1)

    def output(number: int, phase: int) -> None:
        result = jet.results[number]
        known[result.symbol] = add(result.expr, result.varies, phase, number)

    summed = {symbol for symbol, _ in jet.sums}
    later = [i for i, result in enumerate(jet.results) if result.expr.free_symbols & summed]
    for number in range(len(jet.results)):
        if number not in later:
            output(number, 0)
    for symbol, expr in jet.sums:
        term = add(expr, True, 0, None)
        nodes.append(NestNode(None, (term,), (), (EVERY,), 1, None))
        known[symbol] = Source(False, len(nodes) - 1)
    for number in later:
        output(number, 1)
    operands = tuple(
        Operand(False, Rows.AFFINE, (EVERY,) if argument.varies else ())
        for argument in jet.arguments
    )
    return build_kernel(1, tuple(nodes), operands)


def _decimal(expr: sp.Basic) -> sp.Basic:
    """With numbers that are multiplied as one number, if it is not rational."""
    if not expr.args or expr.is_number:
        return expr
    parts = [_decimal(part) for part in expr.args]
    numbers = [part for part in parts if part.is_number]
    if not expr.is_Mul or all(number.is_Rational for number in numbers):
        return expr.func(*parts)
    others = [part for part in parts if not part.is_number]
    return sp.Mul(sp.N(sp.Mul(*numbers), DIGITS), *others)


class _Names:
    """Names of a kernel's symbols: those of the jet, and letters for what is computed between."""

    def __init__(self, jet: Jet, kernel: NestKernel) -> None:
        self.known: dict[sp.Symbol, sp.Expr] = {}
        for i, argument in enumerate(jet.arguments):
            self.known[sp.Symbol(f"u{i}", real=True)] = _place(argument.name, argument.varies)
        for phase in kernel.phases:
            for number, symbol in phase.stores:
                result = jet.results[number]
                self.known[symbol] = _place(result.name, result.varies)
        self.taken = {value.name for value in jet.values}
        self.arguments = [argument.name for argument in jet.arguments]

    def one(self, symbol: sp.Symbol, argument: int) -> str:
        """The name of an argument's value for one direction."""
        name = f"{self.arguments[argument]}_r"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        self.known[symbol] = sp.Symbol(name, real=True)
        return name

    def new(self, symbol: sp.Symbol, letter: str) -> str:
        """The name of what is computed now."""
        if symbol not in self.known:
            name = next(n for i in count() if (n := f"{letter}{i}") not in self.taken)
            self.taken.add(name)
            self.known[symbol] = sp.Symbol(name, real=True)
        return str(self.known[symbol].name)

    def put(self, expr: sp.Basic) -> sp.Basic:
        """An expression in these names."""
        return _decimal(expr.xreplace(self.known))

    def inline(self, symbol: sp.Symbol, expr: sp.Basic) -> bool:
        """Whether it needs no name: a number, something known, or a number times that."""
        bare = expr.is_number or expr.is_Symbol
        multiple = expr.is_Mul and expr.args[0].is_number and expr.args[1:] == expr.args[1:2]
        if symbol in self.known:
            return bool(self.known[symbol] == expr)
        if not (bare or (multiple and expr.args[1].is_Symbol)):
            return False
        self.known[symbol] = expr
        return True


def _place(name: str, varies: bool) -> sp.Symbol:
    return sp.Symbol(f"{name}[r]" if varies else name, real=True)


def _block(phase: Phase, names: _Names) -> Block:
    sums = {s.term: s.target for s in phase.statements if isinstance(s, Accumulate)}
    statements, added = [], []
    computed = [s for s in phase.statements if isinstance(s, Compute)]
    targets = {statement.target for statement in computed}
    for symbol, number in phase.loads:  # what is stored between two uses could be the same memory
        if phase.axes and sum(s.expr.has(symbol) for s in computed) > 1:
            place = names.known.pop(symbol)
            statements.append((names.one(symbol, number), place))
    for statement in reversed(computed):  # what is a result as it is has the name of the result
        if statement.target in names.known and statement.expr in targets:
            names.known.setdefault(statement.expr, names.put(statement.target))
    for statement in computed:
        expr = names.put(statement.expr)
        if names.inline(statement.target, expr):
            continue
        if statement.target in sums:
            added.append((names.new(sums[statement.target], "s"), expr))
        else:
            statements.append((names.new(statement.target, "c"), expr))
    return Block(bool(phase.axes), tuple(statements), tuple(added))
