"""What differs between devices in the text of a module."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """Pieces of text.

    In those of the second half, parts in braces are put in: ``{name}`` of the jet; ``{arguments}``,
    ``{results}`` and ``{arrays}`` (both), and how many ``{count}`` results there are; ``{element}``
    (what computes element i); ``{axes}`` (for each array, how many axes of directions it has), and
    ``{rows}``, their length as a tuple.
    """

    needs: str
    imports: str
    decorator: str
    """Stands above the functions that the loop calls."""
    loop: str
    of_arrays: str
    """For jets without directions."""
    of_directions: str
    """For jets with directions."""
