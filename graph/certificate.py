"""Certificates of rewriting steps: checked exactly, proved by SymPy, measured in floating point.

A step replaces one node by another. What is done about it:

Exactly. The graphs before and after are computed in rational arithmetic at random whole numbers for
inputs and parameters, where functions such as tanh are arbitrary functions (but for a few laws, see
`jetfold.graph.whole`). Both nodes and all outputs must have equal values, to the last digit. This
*tests* the step at one point: a rule whose sides differ as rational functions of the leaves passes
with no more than a tiny probability, but branches that the point does not take are not seen.

Symbolically. SymPy *proves* for arrays of symbols that both sides are equal, for all values of what
they stand on. Where the arrays are too large it proves it for the same rule applied to the same
operations on short axes (and at other positions, where elements are picked): then it is the rule
that is proved, not the step.

In floating point. Both sides are computed from the same values in float64; the difference is
round-off if the step is right. Where exact arithmetic would take too long this is the test.

Once the sides of a step are known to be equal, what stands on them is not computed again: the
outputs are equal because equal operations on equal values are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from jetfold.graph.change import sides
from jetfold.graph.graph import Graph
from jetfold.graph.identity import Proof, prove
from jetfold.graph.interpret import Value
from jetfold.graph.notation import LATEX, Notation
from jetfold.graph.rewrite import Rewriting, Step
from jetfold.graph.values import Values

MOST_ROUNDOFF = 1e6
"""Units of round-off, relative to the largest number in a step, that are no error of a rule."""

EPS = float(np.finfo(np.float64).eps)

OF_FUNCTIONS = (
    "the exact check says nothing: the step uses what is known of a function (such as "
    "exp(a) exp(b) = exp(a + b)), which an arbitrary one does not obey"
)
UNDEFINED = "a value is not defined at the points that were tried"


@dataclass(frozen=True)
class Certificate:
    """What has been found out about one step.

    exact : whether both sides have the same value in exact rational arithmetic at random whole
        numbers, functions such as tanh being arbitrary functions; None where that says nothing
        (too much work, say), and ``remarks`` say why.
    symbolic : whether SymPy proves the identity of the two sides; None where it could not, or
        where there is nothing that it could prove.
    identity : what SymPy proved, as LaTeX, or "".
    roundoff : the largest difference of the two sides in float64, relative to the size of the
        numbers in them, in units of eps; None if there is nothing to compare that is finite.
    remarks : what was left out, and why; what was found wrong.
    """

    exact: bool | None
    symbolic: bool | None
    identity: str = ""
    roundoff: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is false, and something has been proved, or the numbers agree."""
        if self.exact is False or self.symbolic is False:
            return False
        if self.roundoff is None:
            return True in (self.exact, self.symbolic)
        return self.exact is True or _small(self.roundoff)


@dataclass(frozen=True)
class Witness:
    """A point at which the graphs of a derivation are computed, exactly and in float64.

    ``exact`` is None where that takes too long, which ``remark`` says. ``notation`` has the names
    of values.
    """

    exact: Values | None
    floats: Values
    remark: str = ""
    notation: Notation = LATEX

    def certify(self, rewriting: Rewriting) -> Iterator[tuple[Step, Certificate]]:
        """Every step with its certificate, in one pass."""
        for step, before, after in rewriting.replay():
            yield step, self._certificate(step, before, after)

    def compare(self, first: Graph, second: Graph) -> Certificate:
        """Whether two graphs of the same leaves have the same outputs."""
        return self._equal(first, second, list(zip(first.outputs, second.outputs, strict=True)))

    def agree(self, graph: Graph, pairs: list[tuple[int, int]]) -> Certificate:
        """Whether the nodes of each pair have the same value."""
        return self._equal(graph, graph, pairs)

    def _equal(self, first: Graph, second: Graph, pairs: list[tuple[int, int]]) -> Certificate:
        exact, remarks = self._exactly(first, second, pairs)
        roundoff = self._measured(first, second, pairs)
        return judged(Certificate(exact, None, "", roundoff, remarks))

    def _certificate(self, step: Step, before: Graph, after: Graph) -> Certificate:
        pair = (step.before, step.after)
        exact, remarks = self._exactly(before, after, [pair])
        roundoff = self._measured(before, after, [pair])
        proof = prove(step, before, after)
        if proof.holds is False and (exact or _small(roundoff)):
            proof = Proof(None, "SymPy knows too little of what the step stands on")
        identity = ""
        if proof.holds:
            identity = " = ".join(sides(step, before, after, self.notation))
        remarks = (*remarks, *([proof.remark] if proof.remark else []))
        found = judged(Certificate(exact, proof.holds, identity, roundoff, remarks))
        return self._outputs(found, pair, before, after)

    def _exactly(
        self, first: Graph, second: Graph, pairs: list[tuple[int, int]]
    ) -> tuple[bool | None, tuple[str, ...]]:
        if self.exact is None:
            return None, (self.remark,)
        left, right = self.exact.of(first), self.exact.of(second)
        numbers = [(left[a], right[b]) for a, b in pairs]
        if any(self.exact[n] is None for pair in numbers for n in pair):
            return None, (UNDEFINED,)
        return all(a == b for a, b in numbers), ()

    def _measured(self, first: Graph, second: Graph, pairs: list[tuple[int, int]]) -> float | None:
        left, right = self.floats.of(first), self.floats.of(second)
        found = []
        for a, b in pairs:
            near = [self.floats[left[o]] for o in (a, *first.operands(a))]
            one, other = self.floats[left[a]], self.floats[right[b]]
            scale = max(size(value) for value in near if value is not None)
            if one is not None and other is not None:
                found.append(difference(one, other, scale))
        return max((f for f in found if f is not None), default=None)

    def _outputs(
        self, found: Certificate, pair: tuple[int, int], before: Graph, after: Graph
    ) -> Certificate:
        """With the outputs of the graphs: the value of the one node may stand for the other."""
        for values in [v for v in (self.exact, self.floats) if v is not None]:
            left, right = values.of(before)[pair[0]], values.of(after)[pair[1]]
            if found.holds:
                values.equate(left, right)
            first, second = values.of(before), values.of(after)
            same = [first[o] for o in before.outputs] == [second[o] for o in after.outputs]
            if not same and found.holds and values[left] is not None:
                remark = "the outputs of the graph have changed"
                exact = False if values is self.exact else found.exact
                return replace(found, exact=exact, remarks=(*found.remarks, remark))
        return found


def judged(found: Certificate) -> Certificate:
    """Exact values that differ count only if the numbers differ, too, and nothing was proved.

    Arbitrary functions differ where the laws of a function were used.
    """
    if found.exact is False and (found.symbolic or _small(found.roundoff)):
        return replace(found, exact=None, remarks=(*found.remarks, OF_FUNCTIONS))
    return found


def _small(roundoff: float | None) -> bool:
    return roundoff is not None and roundoff <= MOST_ROUNDOFF


def size(value: Value) -> float:
    finite = np.abs(value.array[np.isfinite(value.array)])
    return float(finite.max(initial=0))


def difference(left: Value, right: Value, scale: float) -> float | None:
    """The largest difference of two values in units of eps times their size, or this scale.

    What is NaN in both, or the same infinity, is left out; None if nothing remains. Where only one
    of them is finite the difference is infinite.
    """
    if left.lead != right.lead or left.array.shape != right.array.shape:
        return float("inf")
    a, b = left.array, right.array
    finite = np.isfinite(a) & np.isfinite(b)
    alike = np.isnan(a) & np.isnan(b) | (a == b)
    if not (finite | alike).all():
        return float("inf")
    if not finite.any():
        return None
    largest = float(np.abs(a[finite] - b[finite]).max())
    if largest == 0:
        return 0.0
    return largest / (EPS * max(scale, size(left), size(right)))
