"""What the page shows of a node: its box, its formula, and what it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jetfold.explorer.meaning import Meanings
from jetfold.explorer.table import Table
from jetfold.graph import LEAVES, Graph
from jetfold.graph.figure import box_size
from jetfold.graph.labels import label
from jetfold.graph.notation import LATEX
from jetfold.graph.ops import SourceLine
from jetfold.mathml import mathml

Record = dict[str, Any]


class _OwnNumbers(dict[int, str]):
    """Names by the graph's own numbers, for all nodes that are asked for."""

    def __missing__(self, node: int) -> str:
        return f"%{node}"


NAMES: Mapping[int, str] = _OwnNumbers()


class Records:
    """The records of a page, each stored once."""

    def __init__(self, function: Graph) -> None:
        self._table: Table[Record] = Table()
        self._formulas: Table[str] = Table()
        self.notation = LATEX.of(function)
        self.meanings = Meanings(function, self.notation)

    @property
    def records(self) -> list[Record]:
        return self._table.values

    @property
    def formulas(self) -> list[str]:
        """MathML; records and steps name formulas by their places here."""
        return self._formulas.values

    def formula(self, latex: str) -> int:
        """The place of a formula."""
        drawn = mathml(latex)
        return self._formulas.place(drawn, drawn)

    def place(self, graph: Graph, node: int, meaning: str, shared: bool, layer: int) -> int:
        """The place of a node's record."""
        data = graph[node]
        about = label(graph, node, NAMES)
        leaf = isinstance(data.op, LEAVES)
        width, height = box_size(about, leaf)
        record = {
            "kind": about.kind,
            "title": about.title,
            "number": about.number,
            "shape": about.shape,
            "note": about.note,
            "badges": about.badges,
            "operands": graph.operands(node),
            "letters": about.operands,
            "leaf": leaf,
            "shared": shared,
            "width": round(width, 1),
            "height": round(height, 1),
            "meaning": meaning,
            "formula": self.formula(self.notation.equation(graph, node)),
            "type": str(data.type),
            "source": _source(data.source),
            "layer": layer,
        }
        return self._table.place(record, json.dumps(record))


def _source(line: SourceLine | None) -> dict[str, Any] | None:
    """The user's line; of the file its name only, as pages are passed on."""
    if line is None:
        return None
    return {"file": Path(line.file).name, "line": line.line, "text": line.text}
