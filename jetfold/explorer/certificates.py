"""The certificates of a derivation's steps and chapters, as the page shows them."""

from __future__ import annotations

import math
from typing import Any

from jetfold.derivation import Derivation
from jetfold.explorer.records import Records
from jetfold.graph import Step
from jetfold.graph.certificate import Certificate

Data = dict[str, Any]


class Certificates:
    """Found again by the chapter's key and the step."""

    def __init__(self, derivation: Derivation, records: Records) -> None:
        self._of: dict[tuple[str, int | None], Data] = {}
        for chapter, step, certificate in derivation.certificates:
            place = step if step is None else step.index if isinstance(step, Step) else step.node
            self._of[chapter.key, place] = _data(certificate, records)

    def of(self, key: str, place: int | None) -> Data | None:
        """The certificate of a chapter as a whole, or of a step.

        A step has its index in a rewriting, and in "taylor" and "adjoint" its function's node.
        """
        return self._of.get((key, place))


def _data(certificate: Certificate, records: Records) -> Data:
    measured = certificate.roundoff is not None and math.isfinite(certificate.roundoff)
    return {
        "exact": certificate.exact,
        "symbolic": certificate.symbolic,
        "identity": records.formula(certificate.identity) if certificate.identity else None,
        "roundoff": certificate.roundoff if measured else None,
        "remarks": certificate.remarks,
        "holds": certificate.holds,
    }
