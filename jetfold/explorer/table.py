"""Values that occur many times on a page, each stored once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Table(Generic[T]):
    """A list of different values, found again by their keys."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._places: dict[Hashable, int] = {}

    def place(self, value: T, key: Hashable) -> int:
        """The place of a value in the list, where it is put if it is new."""
        found = self._places.setdefault(key, len(self.values))
        if found == len(self.values):
            self.values.append(value)
        return found
