"""Which jets are pushed through the function, and why those."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from jetfold.account.document import (
    Block,
    Equation,
    Equations,
    Formula,
    Heading,
    Paragraph,
    Table,
    Text,
    joined,
    text,
)
from jetfold.account.naming import Names, coefficient
from jetfold.account.wanted import Wanted
from jetfold.derivation import About, Derivation
from jetfold.graph import Concatenate, DirectionAxis, Graph, Reshape
from jetfold.graph.notation import LATEX, PLAIN
from jetfold.rules.directions import fresh_axes
from jetfold.rules.interpolation import Direction, Family, families
from jetfold.rules.operators import direction_name

MOST_RESULTS = 8
MOST_FAMILIES = 12
SHOWN = 4
"""Directions of a family that are written out."""


class Jets:
    """The jets of standard Taylor mode: families of directions, each with its axis."""

    def __init__(self, derivation: Derivation, about: About, wanted: Wanted) -> None:
        self.derivation = derivation
        self.wanted = wanted
        problem = about.problem
        assert problem is not None
        self.polynomials = [functional.polynomial for functional in problem.functionals]
        self.families = families(self.polynomials)
        fresh = fresh_axes(derivation.function_graph)
        self.axes: list[DirectionAxis | None] = [
            fresh(len(family.directions)) if len(family.directions) > 1 else None
            for family in self.families
        ]

    @property
    def single(self) -> bool:
        """Whether every family is a single line, so that there is nothing to sum."""
        return all(axis is None for axis in self.axes)

    @property
    def order(self) -> int:
        return max((family.order for family in self.families), default=0)

    def tell(self) -> Iterator[Block]:
        yield Heading(text("Jets along straight lines"))
        if not self.families:
            yield Paragraph(text("No derivative is wanted: the function's value is enough."))
            return
        yield from self._idea()
        simple = len(self.families) == 1 and self._unmixed(self.families[0])
        yield from self._one_family() if simple else self._several_families()
        yield from self._count()

    def _idea(self) -> Iterator[Block]:
        line = Formula("x(t) = x + t\\,e", "x(t) = x + t e")
        t, k, v = Formula("t", "t"), Formula("k", "k"), Formula("v_n", "vn")
        yield Paragraph(
            text(
                "A derivative along a direction is an ordinary derivative with respect to ", t,
                " on the straight line ", line, ". On it every value ", v, " of the function "
                "becomes a path, too; ", coefficient(v, "k"), " is its derivative of order ", k,
                " at ", Formula("t = 0", "t = 0"), ", the coefficient of order ", k, " of its jet "
                "(not divided by ", Formula("k!", "k!"), "). Standard Taylor mode carries the "
                "coefficients of all orders from node to node, for each direction by itself.",
            )
        )  # fmt: skip

    def _unmixed(self, family: Family) -> bool:
        return all(len(direction) == 1 for direction in family.directions) and not family.lower

    def _one_family(self) -> Iterator[Block]:
        family, axis = self.families[0], self.axes[0]
        count = len(family.directions)
        if axis is None:
            yield Paragraph(
                text("Here one line is enough, along ", self._direction(family.directions[0]), ":")
            )
        else:
            yield Paragraph(
                text(
                    f"Here {count} lines are enough, one along each of ", *self.wanted.directions,
                    ", since no mixed derivative is wanted. They are pushed at once: ",
                    Formula(axis.name, axis.name), f" numbers the {count} directions, and a value "
                    "with this index has a copy for each of them:",
                )
            )  # fmt: skip
        zero = "x^{(2)}" if family.order == 2 else rf"x^{{(2)}} = \dots = x^{{({family.order})}}"
        plain = "x''" if family.order == 2 else f"x'' = .. = x^({family.order})"
        yield Equations(
            (
                Equation(self._velocity(family, axis), self._vector(family, axis)),
                *([Equation(Formula(zero, plain), Formula("0", "0"))] if family.order > 1 else []),
                *self._combined(),
            )
        )

    def _velocity(self, family: Family, axis: DirectionAxis | None) -> Formula:
        """The name of the first coefficient of the lines of a family."""
        names = (_index(family, axis),)
        latex, plain = LATEX.words, PLAIN.words
        return Formula(
            str(latex.indexed("x", 1, names)),
            str(plain.indexed("x", 1, names)),
        )

    def _vector(self, family: Family, axis: DirectionAxis | None) -> Formula:
        """The directions of a family as one value."""
        if axis is None:
            return self._direction(family.directions[0])
        stem = self.wanted.vector
        return Formula(
            str(LATEX.words.indexed(stem.latex, 0, (axis.name,))),
            str(PLAIN.words.indexed(stem.plain, 0, (axis.name,))),
        )

    def _several_families(self) -> Iterator[Block]:
        mixed = any(len(d) > 1 for family in self.families for d in family.directions)
        if mixed:
            yield Paragraph(
                text(
                    "Mixed derivatives are not derivatives along one line, but combinations of "
                    "such along several: a homogeneous polynomial of degree k is a combination of "
                    "k-th powers of linear forms, with fractions that are known exactly. "
                    "Directions whose highest coefficients are wanted only as one sum form a "
                    "family and are numbered by an index of their own:"
                )
            )
        else:
            yield Paragraph(
                text(
                    "Directions of one order whose highest coefficients are wanted with one weight "
                    "form a family and are numbered by an index of their own:"
                )
            )
        rows = [
            (
                text(_letter(_index(family, axis))),
                text(str(len(family.directions))),
                self._directions(family),
                text(str(family.order)),
            )
            for family, axis in zip(self.families, self.axes, strict=True)
        ]
        header = (text("index"), text("lines"), text("along"), text("order"))
        yield Table(header, tuple(rows[:MOST_FAMILIES]), (False, True, False, True))
        if len(rows) > MOST_FAMILIES:
            yield Paragraph(text(f"and {len(rows) - MOST_FAMILIES} more families."))
        combined = tuple(self._combined())
        picks = any("pick" in equation.right.plain for equation in combined)
        numbers = " (picked are the lines with these numbers, counted from 0)" if picks else ""
        yield Paragraph(
            text(f"From their coefficients at the end of the function follows{numbers}")
        )
        yield Equations(combined)

    def _combined(self) -> Iterator[Equation]:
        """The operator's outputs in terms of coefficients, from the graph itself."""
        graph = self.derivation.taylor_graph
        names = Names(graph, self.derivation.function_graph)
        stacked = [part for output in graph.outputs for part in _unstacked(graph, output)]
        lefts = self.wanted.left_sides(len(stacked))
        for left, node in islice(zip(lefts, stacked, strict=True), MOST_RESULTS):
            yield Equation(left, names.shown(node))

    def _directions(self, family: Family) -> Text:
        found = [text(self._direction(direction)) for direction in family.directions]
        if len(found) <= SHOWN:
            return joined(found, last=", ")
        return (*joined(found[: SHOWN - 1], last=", "), ", .., ", *found[-1])

    def _direction(self, direction: Direction) -> Formula:
        parts = [self._times(times, self.wanted.direction(i)) for i, times in direction]
        return Formula(
            " + ".join(part.latex for part in parts), " + ".join(part.plain for part in parts)
        )

    def _times(self, number: int, vector: Formula) -> Formula:
        if number == 1:
            return vector
        return Formula(f"{number}{vector.latex}", f"{number} {vector.plain}")

    def _count(self) -> Iterator[Block]:
        total = self.derivation.cost.vectors["standard"]
        all_of_them = 1 + sum(f.order * len(f.directions) for f in self.families)
        parts = " + ".join(f"{f.order} x {len(f.directions)}" for f in self.families)
        latex = " + ".join(rf"{f.order} \cdot {len(f.directions)}" for f in self.families)
        number = Formula(f"1 + {latex} = {all_of_them}", f"1 + {parts} = {all_of_them}")
        yield Paragraph(
            text(
                "So a node of the function turns into ", number,
                " vectors: its value, which all lines share, and the coefficients of each line.",
                f" Here not all of them are needed: no node has more than {total}."
                * (total < all_of_them),
                f" A node with directions of its own has as many for each of these, up to {total}."
                * (total > all_of_them),
            )
        )  # fmt: skip


def _index(family: Family, axis: DirectionAxis | None) -> str:
    """The index of a family's coefficients: its axis, or the name of its only direction."""
    return direction_name(family.directions[0]) if axis is None else axis.name


def _letter(name: str) -> Formula:
    return Formula(LATEX.words.letter(name), PLAIN.words.letter(name))


def _unstacked(graph: Graph, output: int) -> list[int]:
    """The values that an output stacks along a last axis, or the output itself."""
    op, operands = graph[output].op, graph.operands(output)
    if isinstance(op, Concatenate) and all(isinstance(graph[o].op, Reshape) for o in operands):
        return [graph.operands(operand)[0] for operand in operands]
    return [output]
