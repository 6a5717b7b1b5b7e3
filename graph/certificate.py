"""What is known about a step of a derivation: proved, checked exactly, measured."""

from __future__ import annotations

from dataclasses import dataclass

MOST_ROUNDOFF = 1e6
"""Units of round-off, relative to the largest number in a step, that are no error of a rule."""


@dataclass(frozen=True)
class Certificate:
    """What has been found out about one step.

    exact : whether both sides have the same value in exact rational arithmetic at random rational
        leaves, functions such as tanh being arbitrary functions; None where that says nothing (too
        much work, say), and ``remarks`` say why.
    symbolic : whether SymPy proves the identity of the two sides; None where it could not, or
        where there is nothing that it could prove.
    identity : what SymPy proved, as LaTeX, or "".
    roundoff : the largest difference of the two sides in float64, relative to the size of the
        numbers in them, in units of eps; None if nothing is finite.
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
        return self.exact is True or self.roundoff <= MOST_ROUNDOFF
