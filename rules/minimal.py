"""Minimal jets as a graph-to-graph transform: every value becomes its coordinates in an algebra.

The algebra of the wanted functionals (`jetfold.rules.jet_algebra`) is the smallest one in which
they can be computed. A function acts on it by Taylor's formula: with f = f_0 + n, n nilpotent,

    g(f) = g(f_0) + g'(f_0) n + g''(f_0) n^2 / 2! + ..,

where n = n_1 + n_2 + .. by degree, so that the terms are those of Faa di Bruno's formula with
products in the algebra. A product is a sparse table, a list of index tuples with coefficients: it
is computed by `Pick`, `Map` and `Collect`, so that the graph does not grow with the table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import sympy as sp

from jetfold.graph import (
    LEAVES,
    Concatenate,
    Contract,
    Direct,
    Editor,
    Graph,
    Input,
    Map,
    MatrixFunction,
    Op,
    Reshape,
    Sum,
    Type,
    add_map,
    constant,
    fit,
    operand_symbol,
)
from jetfold.rules.derive import OUTPUT, branches, taylor_terms
from jetfold.rules.directions import Directions, fresh_axes
from jetfold.rules.form import Form, FormAlgebra, FormTable
from jetfold.rules.jet_algebra import JetAlgebra, ProductTable
from jetfold.rules.matrix import (
    matrix_product,
    solution,
    solved,
    solved_terms,
    trace_of_product,
)
from jetfold.rules.polynomial import Polynomial
from jetfold.rules.problem import Problem
from jetfold.rules.tables import Axis, TableProducts
from jetfold.rules.taylor import roles

Element = dict[int, int]
"""A value in the algebra: the node of order 0, and by degree the nodes of the blocks not zero."""


def minimal(graph: Graph, point: Input, problem: Problem) -> Graph:
    """The graph of a problem's functionals with the fewest coefficients for every value.

    A value has one node for each block of the algebra's basis, with a direction axis along which
    its coordinates in that block lie; blocks of one element need no axis.
    """
    editor = Editor()
    pusher = _Pusher(editor, graph, problem.algebra)
    elements = pusher.push(point, problem)
    outputs = [elements[node] for node in graph.outputs]
    found = [
        (functional.output, pusher.read_off(outputs[functional.output], functional.polynomial))
        for functional in problem.functionals
    ]
    if problem.form is not None:
        found += [(i, pusher.read_off_form(outputs[i], problem.form)) for i in problem.form.outputs]
    fitted = [fit(editor, node, Type(graph[graph.outputs[i]].type.shape)) for i, node in found]
    return editor.freeze(problem.finish(editor, fitted))


class _Pusher:
    def __init__(self, editor: Editor, graph: Graph, algebra: JetAlgebra | FormAlgebra) -> None:
        self.editor = editor
        self.graph = graph
        self.algebra = algebra
        fresh = fresh_axes(graph)
        self.axes: dict[int, Axis] = {
            degree: fresh(len(block)) if len(block) > 1 else None
            for degree, block in algebra.blocks.items()
        }
        self.products = TableProducts(editor, fresh)
        self.tables: dict[
            tuple[tuple[int, ...], tuple[int, ...], int], ProductTable | FormTable
        ] = {}

    def push(self, point: Input, problem: Problem) -> dict[int, Element]:
        """The elements of all nodes of the graph."""
        graph, editor = self.graph, self.editor
        if problem.form is not None:
            self.products.form = self._coefficients(problem.form)
        role_of = roles(graph)
        elements: dict[int, Element] = {}
        for node in graph.order:
            op = graph[node].op
            if isinstance(op, LEAVES):
                found = {0: editor.add(op)}
                if op == point:
                    found |= self._path(problem)
            else:
                found = self._solution(node, elements) or self._push(
                    op, [elements[operand] for operand in graph.operands(node)]
                )
            # A coefficient may lack axes: the derivative of a0 + a1 has no a1 in it, say.
            for degree, coefficient in found.items():
                found[degree] = fit(editor, coefficient, self._type(graph[node].type, degree))
                role = role_of(node, degree) if len(found) > 1 else None
                editor.annotate(found[degree], graph[node].source, role)
            elements[node] = found
        return elements

    def read_off(self, element: Element, polynomial: Polynomial) -> int:
        """P(d/dx) f: a combination of f's coordinates on the basis monomials that P has."""
        editor = self.editor
        total = sp.S.Zero
        symbols: dict[sp.Symbol, int] = {}
        blocks = {0: ((),), **self.algebra.blocks}
        for degree, node in element.items():
            wanted = [(i, polynomial.get(b, Fraction(0))) for i, b in enumerate(blocks[degree])]
            wanted = [(i, number) for i, number in wanted if number]
            table = ProductTable(
                np.array([[i] for i, _ in wanted], np.int64).reshape(-1, 1),
                np.zeros(len(wanted), np.int64),
                tuple(number for _, number in wanted),
            )
            found = self.products.product(table, [node], [self._axis(degree)], None)
            if found is not None:
                symbol = sp.Symbol(f"t{found[1]}", real=True)
                symbols[symbol] = found[1]
                total += found[0] * symbol
        return add_map(editor, total, symbols)

    def read_off_form(self, element: Element, form: Form) -> int:
        """The value of a form: the coordinate of degree 2, and the term of order 0."""
        nodes = [element[2]] if 2 in element else []
        numbers = form.numbers(())
        if numbers:
            nodes.append(self._times(self.products.combined([numbers], None), element[0]))
        symbols = {sp.Symbol(f"t{node}", real=True): node for node in nodes}
        return add_map(self.editor, sp.Add(*symbols), symbols)

    def _times(self, left: int, right: int) -> int:
        a, b = operand_symbol(0), operand_symbol(1)
        return add_map(self.editor, a * b, {a: left, b: right})

    def _coefficients(self, form: Form) -> tuple[int, Axis]:
        """The coefficients of a form as one node along an axis."""
        editor = self.editor
        where = editor.insert(self.graph, {})
        nodes = form.coefficients(editor, [where[output] for output in self.graph.outputs])
        if len(nodes) == 1:
            return nodes[0], None
        axis = self.products.fresh(len(nodes))
        column = editor.add(Concatenate(0), *(editor.add(Reshape((1,)), node) for node in nodes))
        return editor.add(Direct(0, axis), column), axis

    def _axis(self, degree: int) -> Axis:
        return self.axes[degree] if degree else None

    def _type(self, kind: Type, degree: int) -> Type:
        """The type of a block of a value of this type."""
        axis = self._axis(degree)
        return Type(kind.shape, tuple(sorted((*kind.directions, *([axis] if axis else ())))))

    def _path(self, problem: Problem) -> Element:
        """The point's own coordinates: direction i times those of t_i, block by block."""
        images = [self.algebra.reduce((i,)) for i in range(problem.count)]
        directions = Directions(self.products, problem)
        found: Element = {}
        for degree, block in self.algebra.blocks.items():
            rows = [{i: image[b] for i, image in enumerate(images) if b in image} for b in block]
            if any(rows):
                found[degree] = directions.combined(rows, self.axes[degree])
        if problem.form is not None:
            numbers = [problem.form.numbers((i,)) for i in range(problem.count)]
            if any(numbers):
                node, own = directions.all
                along = self._times(self.products.combined(numbers, own), node)
                found[2] = self.editor.add(Sum((), (own.name,)), along)
        return found

    # One operation ------------------------------------------------------------------------------

    def _push(self, op: Op, operands: Sequence[Element]) -> Element:
        editor = self.editor
        degrees = sorted({degree for operand in operands for degree in operand})
        match op:
            case Map(expr):
                return self._map(expr, operands)
            case Contract():
                return self._contract(op, operands)
            case Concatenate():
                return {degree: self._concatenate(op, operands, degree) for degree in degrees}
            case MatrixFunction():
                return self._matrix_function(op, operands[0])
        (operand,) = operands
        return {degree: editor.add(op, operand[degree]) for degree in degrees}

    def _map(self, expr: sp.Expr, operands: Sequence[Element]) -> Element:
        nodes = {operand_symbol(i): operand[0] for i, operand in enumerate(operands)}
        nodes[OUTPUT] = add_map(self.editor, expr, nodes)
        sums = self._taylor_sums(expr, operands, nodes)
        higher = {target: add_map(self.editor, total, nodes) for target, total in sums.items()}
        return {0: nodes[OUTPUT], **higher}

    def _taylor_sums(
        self, expr: sp.Expr, operands: Sequence[Element], nodes: dict[sp.Symbol, int]
    ) -> dict[int, sp.Expr]:
        """Taylor's formula for every block; symbols for products are added to ``nodes``.

        A selection is taken branch by branch, so that what is infinite in a branch not taken is
        never multiplied by zero.
        """
        selection = branches(expr)
        if selection is not None:
            rules = [(self._taylor_sums(branch, operands, nodes), branch, where)
                     for branch, where in selection]  # fmt: skip
            return {
                target: sp.Piecewise(*(
                    (rule.get(target, sp.S.Zero).subs(OUTPUT, branch), where)
                    for rule, branch, where in rules
                ))
                for target in self.axes if any(target in rule for rule, _, _ in rules)
            }  # fmt: skip
        active = tuple(i for i, operand in enumerate(operands) if len(operand) > 1)
        orders = taylor_terms(expr, max(self.axes, default=0), active) if active else []
        sums: dict[int, sp.Expr] = {}
        for order, terms in enumerate(orders[1:], 1):
            for monomial, factor in terms.items():
                if not all(degree in operands[i] for i, degree in monomial):
                    continue
                groups, degrees = zip(*monomial, strict=True)
                factors = [operands[i][degree] for i, degree in monomial]
                # x_p = p! n_p, and y_k is k! times what the term adds to g(f)
                scale = sp.Rational(math.prod(map(math.factorial, degrees)), math.factorial(order))
                for target in self.axes:
                    times = self._product(factors, degrees, groups, target)
                    if times is not None:
                        symbol = sp.Symbol(f"t{times[1]}", real=True)
                        nodes[symbol] = times[1]
                        added = scale * times[0] * factor * symbol
                        sums[target] = sums.get(target, sp.S.Zero) + added
        return sums

    def _contract(
        self, op: Contract, operands: Sequence[Element], only: int | None = None
    ) -> Element:
        """The blocks of a contraction in the algebra, or ``only`` one of them."""
        terms: dict[int, list[sp.Expr]] = {}
        symbols: dict[sp.Symbol, int] = {}
        for degrees in product(*operands):
            nodes = [operand[degree] for operand, degree in zip(operands, degrees, strict=True)]
            for target in (0, *self.axes) if only is None else (only,):
                times = self._contraction(op, nodes, degrees, target)
                if times is not None:
                    symbol = sp.Symbol(f"t{times[1]}", real=True)
                    symbols[symbol] = times[1]
                    terms.setdefault(target, []).append(times[0] * symbol)
        return {target: add_map(self.editor, sp.Add(*t), symbols) for target, t in terms.items()}

    def _matrix_function(self, op: MatrixFunction, matrix: Element) -> Element:
        """A function of A_0 + N; the rules are those of `jetfold.rules.matrix`."""
        editor = self.editor
        found = {0: editor.add(op, matrix[0])}
        nilpotent = {degree: node for degree, node in matrix.items() if degree}
        if op.name == "sign_det" or not nilpotent:
            return found
        inverse = {0: editor.add(MatrixFunction("inverse"), matrix[0])}
        product = matrix_product(len(editor[matrix[0]].type.shape))
        scaled = self._contract(product, (inverse, nilpotent))
        if op.name == "inverse":
            return self._inverse(product, inverse, scaled)
        return found | self._log_abs_det(inverse, nilpotent, scaled)

    def _inverse(self, product: Contract, inverse: Element, scaled: Element) -> Element:
        """Y = Y_0 - W Y, degree by degree, since W has no part of degree 0."""
        editor, found = self.editor, dict(inverse)
        for target in self.axes:
            part = self._contract(product, (scaled, found), only=target)
            if target in part:
                negative = self.products.times(sp.S.NegativeOne, part[target])
                kind = self._type(editor[inverse[0]].type, target)
                found[target] = fit(editor, negative, kind)
        return found

    def _solution(self, node: int, elements: Mapping[int, Element]) -> Element | None:
        """X = Y_0 (B - N X), degree by degree, where a product is the solution of A X = B."""
        editor, found = self.editor, solution(self.graph, node)
        if found is None or len(elements[found.matrix]) == 1:
            return None
        matrix, right = elements[found.matrix], elements[found.right]
        inverse = editor.add(MatrixFunction("inverse"), matrix[0])
        nilpotent = {degree: part for degree, part in matrix.items() if degree}
        result = {0: editor.add(found.solve, inverse, right[0])}
        for target in self.axes:
            products = self._contract(found.times, (nilpotent, result), only=target)
            if products or target in right:
                terms = [(-1, products[target])] if products else []
                part = solved(editor, found, inverse, terms, right.get(target))
                result[target] = fit(editor, part, self._type(self.graph[node].type, target))
        return result

    def _log_abs_det(self, inverse: Element, nilpotent: Element, scaled: Element) -> Element:
        """Taylor's formula: the coefficients f_m / m! along the straight path A_0 + t N.

        There A_1 = N and all higher coefficients of the path are 0.
        """
        editor = self.editor
        rank = len(editor[inverse[0]].type.shape)
        product, trace = matrix_product(rank), trace_of_product(rank)
        terms = {t: [(sp.S.One, n)] for t, n in self._contract(trace, (inverse, nilpotent)).items()}
        logarithmic = scaled
        for order in range(2, max(self.axes) + 1):
            (factor,) = (factor for factor, (i, _) in solved_terms(order - 1) if i == 1)
            for target, node in self._contract(trace, (scaled, logarithmic)).items():
                number = sp.Rational(factor, math.factorial(order))
                terms.setdefault(target, []).append((number, node))
            power = self._contract(product, (scaled, logarithmic))
            logarithmic = {
                target: fit(editor, self.products.times(sp.Integer(factor), node),
                            self._type(editor[inverse[0]].type, target))
                for target, node in power.items()
            }  # fmt: skip
        return {target: self._combination(found) for target, found in terms.items()}

    def _combination(self, terms: Sequence[tuple[sp.Rational, int]]) -> int:
        """The node of a sum of numbers times nodes."""
        symbols = {sp.Symbol(f"t{node}", real=True): node for _, node in terms}
        total = sp.Add(*(number * sp.Symbol(f"t{node}", real=True) for number, node in terms))
        return add_map(self.editor, total, symbols)

    def _concatenate(self, op: Concatenate, operands: Sequence[Element], degree: int) -> int:
        parts = []
        for operand in operands:
            kind = self._type(self.editor[operand[0]].type, degree)
            known = operand.get(degree)
            parts.append(constant(self.editor, 0, kind) if known is None else known)
        return self.editor.add(op, *parts)

    # Products -------------------------------------------------------------------------------------

    def _table(
        self, degrees: tuple[int, ...], groups: tuple[int, ...], target: int
    ) -> ProductTable | FormTable:
        key = (degrees, tuple(groups.index(group) for group in groups), target)
        if key not in self.tables:
            self.tables[key] = self.algebra.product(*key)
        return self.tables[key]

    def _product(
        self, factors: Sequence[int], degrees: tuple[int, ...], groups: tuple[int, ...], target: int
    ) -> tuple[sp.Expr, int] | None:
        """A product of blocks, as far as it lies in the target block: a number times a node."""
        if len(factors) == 1:
            return (sp.S.One, factors[0]) if degrees == (target,) else None
        table = self._table(degrees, groups, target)
        axes = [self._axis(degree) for degree in degrees]
        return self.products.product(table, factors, axes, self._axis(target))

    def _contraction(
        self, op: Contract, nodes: Sequence[int], degrees: tuple[int, ...], target: int
    ) -> tuple[sp.Expr, int] | None:
        """The contraction of one block of each operand, as far as it lies in the target block."""
        above = [i for i, degree in enumerate(degrees) if degree]
        if len(above) < 2:
            return (sp.S.One, self.editor.add(op, *nodes)) if max(degrees) == target else None
        if target == 0:
            return None
        found = self._table(tuple(degrees[i] for i in above), tuple(above), target)
        indices = np.zeros((len(found.target), len(degrees)), np.int64)
        indices[:, above] = found.indices
        axes = [self._axis(degree) for degree in degrees]
        table = found._replace(indices=indices)
        return self.products.product(table, nodes, axes, self._axis(target), op)
