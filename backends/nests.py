"""From the nodes of a nest to its kernel: symbols, phases, common subexpressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import sympy as sp

from jetfold.backends.program import (
    Accumulate,
    Collected,
    Compute,
    NestKernel,
    Operand,
    Phase,
    Statement,
)
from jetfold.graph import operand_symbol
from jetfold.graph.elementary import Shorthand
from jetfold.graph.powers import power

Axes = tuple[int, ...]


class Source(NamedTuple):
    """Where a node's operand comes from: an operand of the kernel, or a node of the nest."""

    loaded: bool
    number: int


class NestNode(NamedTuple):
    """A node of a nest with everything local: no sizes, no names of the graph.

    ``expr`` is None for a sum of its only operand over the direction axes ``summed``. ``output`` is
    the kernel's output it is stored to, or None. For a node that sums ``expr`` over segments,
    ``collected`` holds the axis of the segments, the axis of the terms and the segments' number.
    """

    expr: sp.Expr | None
    sources: tuple[Source, ...]
    axes: Axes
    summed: Axes
    phase: int
    output: int | None
    collected: tuple[int, int, int] | None = None


@lru_cache(maxsize=1024)
def build_kernel(
    axes: int, nodes: tuple[NestNode, ...], operands: tuple[Operand, ...]
) -> NestKernel:
    """The kernel of a nest; equal nests give the same kernel, which is compiled once."""
    return _Builder(axes, nodes, operands).kernel


class _Builder:
    def __init__(
        self, axes: int, nodes: tuple[NestNode, ...], operands: tuple[Operand, ...]
    ) -> None:
        self.nodes = nodes
        self.operands = operands
        self.where: dict[sp.Symbol, tuple[int, Axes]] = {}
        for i in range(len(operands)):
            self.where[_load(i)] = (0, operands[i].axes)
        self.work: dict[tuple[int, Axes], list[Statement]] = {}
        self.names = sp.numbered_symbols("w", real=True)
        self.spelled_out: dict[tuple[sp.Expr, tuple[int, Axes]], sp.Symbol] = {}
        self._translate()
        self._share()
        outputs = sorted((n.output, n.axes) for n in nodes if n.output is not None)
        segments = sum(node.collected is not None for node in nodes)
        stored = tuple(axes for _, axes in outputs)
        self.kernel = NestKernel(axes, operands, stored, self._phases(), segments)

    def _translate(self) -> None:
        """Each node as a statement in its phase, over the symbols of this kernel."""
        for number, node in enumerate(self.nodes):
            target = _value(number)
            symbols = [_load(s.number) if s.loaded else _value(s.number) for s in node.sources]
            self.where[target] = (node.phase, node.axes)
            if node.expr is None:
                source = node.sources[0]
                phase = node.phase - 1 if source.loaded else self.nodes[source.number].phase
                key = (phase, node.summed)
                self.work.setdefault(key, []).append(Accumulate(target, symbols[0]))
            else:
                names = map(operand_symbol, range(len(symbols)))
                expr = computable(node.expr).xreplace(dict(zip(names, symbols, strict=True)))
                work = self.work.setdefault((node.phase, node.axes), [])
                if node.collected is None:
                    work.append(Compute(target, self._spell_out(expr, node.phase, node.axes)))
                else:
                    used = sorted(expr.free_symbols, key=str)
                    loads = tuple((s, int(s.name[1:])) for s in used if self._moves(s))
                    work.append(Collected(target, expr, loads, *node.collected))

    def _spell_out(self, expr: sp.Expr, phase: int, axes: Axes) -> sp.Expr:
        """The expression with a symbol for each shorthand, which is computed once.

        A shorthand is not put into the expression, as SymPy would take it apart: the square of
        x / hypot(x, y) is not the quotient of two squares, which overflow.
        """
        if not expr.has(Shorthand):
            return expr
        expr = expr.func(*(self._spell_out(part, phase, axes) for part in expr.args))
        if not isinstance(expr, Shorthand):
            return expr
        moves = any(self.where[symbol][1] for symbol in expr.free_symbols)
        key = (expr, (phase, axes) if moves else (0, ()))
        if key not in self.spelled_out:
            symbol = self.spelled_out[key] = next(self.names)
            statement = Compute(symbol, self._spell_out(expr.meaning(), phase, axes))
            if moves:
                self.where[symbol] = key[1]
                self.work[key[1]].append(statement)
            else:
                self._add_scalar(statement)
        return self.spelled_out[key]

    def _moves(self, symbol: sp.Symbol) -> bool:
        """Whether a symbol is loaded, and in another place for each element of some axis."""
        return symbol.name[0] == "u" and bool(self.where[symbol][1])

    # Sharing ------------------------------------------------------------------------------------

    def _share(self) -> None:
        """Compute once what occurs twice, and outside the direction loops what needs none."""
        names = self.names
        hoisted: dict[sp.Expr, sp.Symbol] = {}
        for key, statements in self.work.items():
            if key[1]:
                self.work[key] = [
                    s
                    if isinstance(s, Accumulate)
                    else replace(s, expr=self._hoist(s.expr, hoisted, names))
                    for s in statements
                ]
        for expr, symbol in hoisted.items():
            self._add_scalar(Compute(symbol, expr))
        scalars = [key for key in self.work if not key[1]]
        computes = [s for key in scalars for s in self.work[key] if isinstance(s, Compute)]
        self.work = {key: value for key, value in self.work.items() if key[1]}
        for statement in _common(computes, names):
            self._add_scalar(statement)
        for key, statements in self.work.items():
            if key[1]:
                sums = [s for s in statements if not isinstance(s, Compute)]
                common = _common([s for s in statements if isinstance(s, Compute)], names)
                self.work[key] = [*common, *sums]

    def _add_scalar(self, statement: Compute) -> None:
        """Put a statement without direction axes in the first phase in which it can run."""
        phase = max((self.where[s][0] for s in statement.expr.free_symbols), default=0)
        self.where[statement.target] = (phase, ())
        self.work.setdefault((phase, ()), []).append(statement)

    def _hoist(self, expr: sp.Expr, hoisted: dict[sp.Expr, sp.Symbol], names: object) -> sp.Expr:
        """Replace the parts of an expression that have no direction axes by symbols."""

        def moves(part: sp.Basic) -> bool:
            return any(self.where[symbol][1] for symbol in part.free_symbols)

        def outside(part: sp.Expr) -> sp.Expr:
            if part.is_Symbol or not part.free_symbols:
                return part
            return hoisted.setdefault(part, next(names))  # type: ignore[call-overload]

        if not moves(expr):
            return outside(expr)
        if expr.is_Symbol:
            return expr
        still: list[sp.Expr] = []
        if isinstance(expr, (sp.Add, sp.Mul)):
            still = [part for part in expr.args if part.free_symbols and not moves(part)]
        rest = [self._part(part, hoisted, names) for part in expr.args if part not in still]
        return expr.func(outside(expr.func(*still)), *rest) if still else expr.func(*rest)

    def _part(self, part: sp.Basic, hoisted: dict[sp.Expr, sp.Symbol], names: object) -> sp.Basic:
        if isinstance(part, sp.Expr):
            return self._hoist(part, hoisted, names)
        if part.args:  # a branch of a Piecewise, or a condition
            return part.func(*(self._part(p, hoisted, names) for p in part.args))
        return part

    # Phases -------------------------------------------------------------------------------------

    def _phases(self) -> tuple[Phase, ...]:
        phases = []
        for node in self.nodes:  # a node that is only stored still needs its phase
            self.work.setdefault((node.phase, node.axes), [])
        loaded: set[sp.Symbol] = set()
        for key in sorted(self.work):
            statements = _ordered(self.work[key])
            used = {symbol for statement in statements for symbol in _uses(statement)}
            loads = [s for s in sorted(used, key=str) if s.name[0] == "u" and s not in loaded]
            loaded.update(s for s in loads if not self.where[s][1])
            stores = tuple(
                (node.output, _value(i))
                for i, node in enumerate(self.nodes)
                if node.output is not None and (node.phase, node.axes) == key
            )
            if statements or stores:
                numbers = tuple((s, int(s.name[1:])) for s in loads)
                phases.append(Phase(key[1], numbers, tuple(statements), stores))
        return tuple(phases)


def _load(number: int) -> sp.Symbol:
    return sp.Symbol(f"u{number}", real=True)


def _value(number: int) -> sp.Symbol:
    return sp.Symbol(f"v{number}", real=True)


def _uses(statement: Statement) -> set[sp.Symbol]:
    """What has to be known before a statement."""
    match statement:
        case Accumulate():
            return {statement.term}
        case Collected():
            return set(statement.expr.free_symbols) - {symbol for symbol, _ in statement.loads}
    return set(statement.expr.free_symbols)


def _common(computes: Sequence[Compute], names: object) -> list[Compute]:
    """The statements with common subexpressions computed once."""
    shared, exprs = sp.cse([s.expr for s in computes], symbols=names, order="none")
    first = [Compute(symbol, expr) for symbol, expr in shared]
    return first + [Compute(s.target, e) for s, e in zip(computes, exprs, strict=True)]


def _ordered(statements: Sequence[Statement]) -> list[Statement]:
    """Statements after those that give what they use, otherwise in the given order."""
    pending = list(statements)
    computed = {s.target for s in statements if not isinstance(s, Accumulate)}
    done: set[sp.Symbol] = set()
    ordered: list[Statement] = []
    while pending:
        ready = next(s for s in pending if not (_uses(s) & computed - done))
        pending.remove(ready)
        ordered.append(ready)
        done.add(ready.target)
    return ordered


@lru_cache(maxsize=10_000)
def computable(expr: sp.Expr) -> sp.Expr:
    """The expression without derivatives of powers, which backends need not know.

    ``power(x, p, n)`` with n > 0 is the falling factorial of p times a power, and zero wherever the
    factor is, also at x = 0.
    """

    def unfold(x: sp.Expr, p: sp.Expr, n: sp.Expr) -> sp.Expr:
        if n == 0:
            return power(x, p, n)
        factor = sp.Mul(*(p - i for i in range(int(n))))
        return sp.Piecewise((0, sp.Eq(factor, 0)), (factor * power(x, p - n, sp.S.Zero), True))

    return expr.replace(power, unfold)
