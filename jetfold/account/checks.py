"""What the certificates of a derivation say, all in all."""

from __future__ import annotations

import math
from collections.abc import Iterator

from jetfold.account.document import Block, Code, Heading, Paragraph, text
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import chapters
from jetfold.derivation import Derivation

MOST_CHECKED = 60
"""Steps that are checked while the account is written; it takes a second or two."""


def checks(derivation: Derivation) -> Iterator[Block]:
    """What the certificates of all steps say, where it does not take long to get them."""
    rewritings = [chapter.rewriting for chapter in chapters(derivation)]
    steps = sum(len(rewriting.steps) for rewriting in rewritings if rewriting is not None)
    yield Heading(text("How it was checked"))
    if steps > MOST_CHECKED:
        yield Paragraph(
            text(
                f"Each of the {steps} steps states an identity that can be checked; ",
                Code("d.certificates"),
                " does so, one step after the other, and takes its time.",
            )
        )
        return
    found = [proved.certificate for proved in derivation.certificates]
    exact = sum(1 for certificate in found if certificate.exact)
    proved = sum(1 for certificate in found if certificate.symbolic)
    roundoff = max((c.roundoff for c in found if c.roundoff is not None), default=0.0)
    if math.isfinite(roundoff):
        units = 10 ** max(1, math.floor(math.log10(roundoff or 1)) + 1)
        measured = f"both sides differ by less than {units:,} units of round-off"
    else:
        measured = "not all values are finite"
    whole = "all" if exact == len(found) else str(exact)
    compared = "the values before and after"
    if isinstance(derivation, AdjointDerivation):
        compared += ", or the inner products with random velocities on both sides,"
    holds = all(certificate.holds for certificate in found)
    yield Paragraph(
        text(
            f"Each step and each stage has a certificate, {len(found)} in all: {whole} compare "
            f"{compared} in exact fractions, with functions such as sin as arbitrary "
            f"functions; for {proved} SymPy proves the identity; and in double precision "
            f"{measured}. " + ("All hold." if holds else "NOT ALL HOLD: this derivation is wrong.")
        )
    )
