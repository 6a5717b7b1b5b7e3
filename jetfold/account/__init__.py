"""A derivation told as a text with formulas, with the numbers of its own function.

`account` writes it once, as a `Document` (document.py); plain.py, tex.py and html.py show it, and
breaking.py says where lines end. In the order of the text it is told by operators.py (what is
wanted: wanted.py, laplacians.py, expressions.py), jets.py, rules_used.py (with one_node.py),
rewriting.py (what collapses), stopped.py (what does not), methods.py (the others), costs.py,
programs.py (what runs) and checks.py; a gradient by sought.py and gradients.py. naming.py has the
formulas of graphs, summary.py is the short form for notebooks, primitive_rule.py the account of a
single Taylor rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from jetfold.account.checks import checks
from jetfold.account.costs import saved
from jetfold.account.document import Block, Document, Heading, Paragraph, text
from jetfold.account.gradients import gradient
from jetfold.account.jets import Jets
from jetfold.account.methods import minimal, nested
from jetfold.account.operators import wanted_of
from jetfold.account.programs import the_function, what_runs
from jetfold.account.rewriting import clean_up, replication, sums
from jetfold.account.rules_used import rules_used
from jetfold.account.stopped import stops
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.derivation import Derivation
from jetfold.graph import ArgumentError
from jetfold.jet import Jet


def account(derivation: Derivation) -> Document:
    """The derivation from what is wanted to what runs.

    Raises `ArgumentError` for a derivation that does not know what it is about.
    """
    return Document(tuple(_blocks(derivation)))


def _blocks(derivation: Derivation) -> Iterator[Block]:
    about = derivation.about
    if about is None:
        raise ArgumentError("this derivation was made without an operator to tell about")
    if isinstance(derivation, AdjointDerivation):
        yield from gradient(derivation)
        yield from checks(derivation)
        return
    asked = wanted_of(about)
    function = derivation.function_graph
    yield Heading(asked.title, 1)
    yield from asked.blocks
    yield from the_function(function)
    if function.varying.isdisjoint(function.outputs):
        yield Paragraph(text("It does not depend on the point: every derivative is zero."))
        yield from what_runs(derivation, asked)
        return
    if isinstance(about.operator, Jet):
        yield from rules_used(function, about.operator.order, directions=False)
    else:
        jets = Jets(derivation, about, asked)
        yield from jets.tell()
        if jets.order:
            yield from rules_used(function, jets.order, directions=True)
            yield from replication(derivation)
        if jets.order and derivation.chosen != "standard":
            yield from sums(derivation, jets.single)
            yield from stops(derivation)
    if derivation.chosen == "minimal":
        yield from minimal(derivation, about)
    if derivation.chosen == "nested":
        yield from nested(derivation, about)
    yield from clean_up(derivation)
    yield from saved(derivation)
    yield from what_runs(derivation, asked)
    yield from checks(derivation)
