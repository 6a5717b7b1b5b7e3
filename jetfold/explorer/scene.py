"""The graph of a chapter as the page shows it, followed from step to step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jetfold.explorer.counts import Counts
from jetfold.explorer.layers import Layers
from jetfold.explorer.records import Records
from jetfold.graph import Graph, Input


@dataclass(frozen=True)
class Delta:
    """What a step changed: nodes by their new records, None for those that are gone.

    ``rewired`` nodes are there before and after with other operands. ``outputs`` is None where they
    are the same as before.
    """

    removed: list[int]
    added: list[int]
    rewired: list[int]
    nodes: dict[int, int | None]
    outputs: tuple[int, ...] | None


class Scene:
    """What is shown of each node, and the counts; a step costs what it changes."""

    def __init__(
        self, graph: Graph, records: Records, layers: Layers, minimal: bool = False
    ) -> None:
        """``minimal``: the coefficients are those of minimal jets."""
        self._records = records
        self._layers = layers
        self._layer: dict[int, int] = {}
        self._varying: set[int] = set()
        self._counts = Counts()
        self._minimal = minimal
        axes = (axis for node in graph for axis in graph[node].type.directions)
        self._sizes = {axis.name: axis.size for axis in axes}
        self.shown: dict[int, int] = {}
        """The record of each node."""
        self._update(graph, graph.order, graph.order)

    @property
    def counts(self) -> dict[str, int]:
        """Nodes, vectors and operations of the graph."""
        return self._counts.read()

    def advance(self, before: Graph, after: Graph) -> Delta:
        """Go on to the graph after a step."""
        old, new = before.nx.nodes, after.nx.nodes
        gone = sorted(node for node in old if node not in new)
        fresh = sorted(node for node in new if node not in old)
        for node in gone:
            self._counts.drop(node)
            self._varying.discard(node)
            del self.shown[node], self._layer[node]
        renamed = [n for n in new if n in old and new[n]["node"] is not old[n]["node"]]
        rewired = sorted({user for n in gone for user in before.users(n) if user in new})
        touched = {*fresh, *renamed, *rewired, *(u for node in renamed for u in after.users(node))}
        nodes: dict[int, int | None] = dict.fromkeys(gone)
        nodes |= self._update(after, fresh, touched)
        outputs = after.outputs if after.outputs != before.outputs else None
        return Delta(gone, fresh, rewired, nodes, outputs)

    def _update(self, graph: Graph, fresh: Sequence[int], touched: Iterable[int]) -> dict[int, int]:
        """See to the nodes that are new or may have changed; the records that are other ones.

        The new ones come with operands before users.
        """
        self._layers.extend(graph, fresh, self._layer)
        changed: dict[int, int] = {}
        for node in sorted({*touched, *self._now_varying(graph, [*fresh, *touched])}):
            varies = node in self._varying
            self._counts.put(graph, node, varies)
            meaning = self._records.meanings.of(graph, node, self._sizes, self._minimal)
            layer = self._layer[node]
            record = self._records.place(graph, node, meaning, not varies, layer)
            if self.shown.get(node) != record:
                self.shown[node] = changed[node] = record
        return changed

    def _now_varying(self, graph: Graph, touched: Iterable[int]) -> set[int]:
        """The nodes that begin to depend on the point, or do no longer."""
        found: set[int] = set()
        pending = deque(touched)
        while pending:
            node = pending.popleft()
            varies = isinstance(graph[node].op, Input) or any(
                operand in self._varying for operand in graph.operands(node)
            )
            if varies != (node in self._varying):
                (self._varying.add if varies else self._varying.remove)(node)
                found.add(node)
                pending.extend(graph.users(node))
        return found
