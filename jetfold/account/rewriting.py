"""Replication and sums: what moves where, why, and what stops; each kind of step told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from jetfold.account.document import (
    Block,
    Equation,
    Equations,
    Heading,
    Paragraph,
    text,
)
from jetfold.account.naming import Names, step_equation
from jetfold.derivation import Derivation
from jetfold.graph import Graph, Rewriting, Rule, Step, Sum
from jetfold.rules.cost import vectors

WHY = {
    "sum of copies": "A sum of R copies is R times the value",
    "sum of an axis": "Directions that are an axis of a value are summed over that axis",
    "sum of what is collected": "What is collected adds up to the sum of all that was there",
    "pull a sum through a linear map": "Sums, matrix products with what is the same for all "
    "directions, and moves of elements are linear: the sum of the results is the result for the "
    "sum, one vector in place of many",
    "pull a sum through a function": "In a Taylor rule the highest coefficient of an operand "
    "occurs only linearly, with a factor that is the same for all directions: this factor comes "
    "in front of the sum. A product of lower coefficients keeps a sum of its own",
    "linear of zero": "What is linear gives zero for zero",
}
"""Why a rule holds, in words; its algebra says what it states."""

MOST_KINDS = 6
MOST_EXAMPLES = 4
MOST_STEPS = 400


@dataclass
class Kind:
    """Steps that are the same but for where they happen."""

    rule: Rule
    place: int | None
    example: Equation
    others: list[int] = field(default_factory=list)
    """Further nodes of the function at which it happens."""


def kinds_of_steps(rewriting: Rewriting, function: Graph) -> list[Kind]:
    """The steps of a rewriting, those of one rule on one operation of the function together.

    Of a long one the first `MOST_STEPS` are looked at: a deep network repeats itself.
    """
    found: dict[Hashable, Kind] = {}
    for step, before, after in islice(rewriting.replay(), MOST_STEPS):
        place = _place(step, before)
        known = place if place is not None and place in function.nx else None
        key = step.rule.name, None if known is None else function[known].op
        if key not in found:
            found[key] = Kind(step.rule, place, step_equation(step, before, after, function))
        elif known is not None and known not in (found[key].place, *found[key].others):
            found[key].others.append(known)
    return list(found.values())


def _place(step: Step, before: Graph) -> int | None:
    """The function's node that a step is about: of a sum over directions, what is summed."""
    node, op = step.before, before[step.before].op
    if isinstance(op, Sum) and op.directions:
        (node,) = before.operands(node)
    role = before[node].role
    return None if role is None else role.of


def replication(derivation: Derivation) -> Iterator[Block]:
    """What is the same for all directions is computed once."""
    steps = len(derivation.pushed.steps)
    if not steps:
        return
    step, before, after = next(derivation.pushed.replay())
    yield Heading(text("What does not depend on the direction"))
    yield Paragraph(
        text(
            "All lines start at the same point: the values of order 0 are copies of one another. "
            "A function of copies is computed once, and the result copied, in ",
            times(steps, "step"), ". For instance",
        )
    )  # fmt: skip
    yield Equations((step_equation(step, before, after, derivation.function_graph),))
    graph = derivation.shared_graph
    held = [node for node in graph if graph[node].role is not None]
    shared = sum(1 for node in held if not graph[node].type.directions)
    yield Paragraph(
        text(
            f"Now {shared} of {len(held)} coefficients are the same for all directions, and a node "
            f"has at most {vectors(graph)} vectors instead of {vectors(derivation.taylor_graph)}."
        )
    )


def sums(derivation: Derivation, single: bool) -> Iterator[Block]:
    """The sum over directions, from the end of the function towards its beginning.

    ``single``: every family of directions is a single line.
    """
    kinds = kinds_of_steps(derivation.pulled, derivation.function_graph)
    yield Heading(text("The sum moves in"))
    if single:
        yield Paragraph(
            text(
                "Every family of directions is a single line here, so that there is no sum over "
                "directions: collapsing leaves all as it is."
            )
        )
        return
    yield Paragraph(
        text(
            "The sum over the directions stands at the end, where each direction has brought its "
            "own highest coefficient. It moves towards the input as far as what it meets is "
            "linear, in ",
            times(len(derivation.pulled.steps), "step"), ".",
        )
    )  # fmt: skip
    counts = Counter(step.rule.name for step in derivation.pulled.steps)
    for name in (*WHY, *(counts.keys() - WHY.keys())):
        some = [kind for kind in kinds if kind.rule.name == name]
        if some:
            yield from _rule(name, some, counts[name], derivation.function_graph)


def _rule(name: str, kinds: Sequence[Kind], steps: int, function: Graph) -> Iterator[Block]:
    why = WHY.get(name, name.capitalize())
    yield Paragraph(text(f"{why} (", times(steps, "step"), "):"))
    yield Equations(tuple(_example(kind, function) for kind in kinds[:MOST_KINDS]))
    if len(kinds) > MOST_KINDS:
        yield Paragraph(text(f"and the same with {len(kinds) - MOST_KINDS} more operations."))


def _example(kind: Kind, function: Graph) -> Equation:
    names = Names(function, function)
    note = text("and so at ", *names.listed(kind.others)) if kind.others else ()
    return Equation(kind.example.left, kind.example.right, note)


def clean_up(derivation: Derivation) -> Iterator[Block]:
    """What is known already is put in; only the steps that say something are shown."""
    kinds = kinds_of_steps(derivation.cleaned, derivation.function_graph)
    if not kinds:
        return
    telling = [kind for kind in kinds if not kind.rule.routine]
    steps = len(derivation.cleaned.steps)
    yield Heading(text("Clean-up"))
    yield Paragraph(
        text(
            "What is known already is put in: zeros, ones, constants, unit vectors, operations "
            f"that do nothing, in {times(steps, 'step')}" + ("; for example" if telling else ".")
        )
    )
    if telling:
        yield Equations(tuple(kind.example for kind in telling[:MOST_EXAMPLES]))


def times(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")
