"""The rules that fire in a derivation."""

from __future__ import annotations

from typing import Any

from jetfold.explorer.records import Records
from jetfold.explorer.table import Table
from jetfold.graph import Rule


class Rules:
    """The rules of a page, each stored once."""

    def __init__(self) -> None:
        self._table: Table[Rule] = Table()

    def place(self, rule: Rule) -> int:
        """The place of a rule."""
        return self._table.place(rule, rule.name)

    def data(self, records: Records) -> list[dict[str, Any]]:
        """Name, algebra as a formula, file and line of each."""
        return [
            {
                "name": rule.name,
                "algebra": records.formula(rf"\text{{{rule.algebra}}}"),
                "file": "",
                "line": 0,
            }
            for rule in self._table.values
        ]
