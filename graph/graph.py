"""`Graph`, an immutable value around a networkx DAG, and `Editor`, with which graphs are built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import networkx as nx

from jetfold.graph.errors import GraphError
from jetfold.graph.ops import LEAVES, Input, Op, Parameter, SourceLine, Type, infer

MOST_DRAWN = 200
"""Nodes of the largest graph that notebooks show as a drawing."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What a node of a Taylor graph is: the coefficient of some order of a function's node.

    ``summed`` names the direction axes over which the coefficient has been summed, ``along`` the
    directions of paths that have no axis, where there are several such paths.
    """

    of: int
    order: int
    summed: tuple[str, ...] = ()
    along: tuple[str, ...] = ()

    def sum_over(self, directions: tuple[str, ...]) -> Coefficient:
        return replace(self, summed=tuple(sorted((*self.summed, *directions))))

    def moved(self, numbers: int) -> Coefficient:
        """The same where the function's nodes have numbers that are so much higher."""
        return replace(self, of=self.of + numbers)

    def __str__(self) -> str:
        sums = "".join(f"sum_{name} " for name in self.summed)
        return f"{sums}%{self.of}_{self.order}" + "".join(f" along {name}" for name in self.along)


@dataclass(frozen=True, slots=True)
class Cotangent(Coefficient):
    """What a node of an adjoint is: the cotangent of a function's node, or a coefficient of that.

    ``leaf`` is the name of the function's node if it is an input or a parameter.
    """

    leaf: str = ""

    def moved(self, numbers: int) -> Cotangent:
        leaf = "" if numbers else self.leaf  # another graph has other inputs
        return replace(self, of=self.of + numbers, leaf=leaf)

    def __str__(self) -> str:
        return f"cotangent {super(Cotangent, self).__str__()}"


@dataclass(frozen=True, slots=True)
class Node:
    """One value: the operation that gives it, its type, and what is known of its origin."""

    op: Op
    type: Type
    source: SourceLine | None = None
    role: Coefficient | None = None


class Graph:
    """An immutable computation. Nodes are integers; `nx` is a frozen `networkx.MultiDiGraph`.

    An edge runs from operand to user and its key is the operand's position, so that ``x * x``
    has two parallel edges. The node attribute ``"node"`` holds the `Node`. Everything that no
    output depends on has been left out.
    """

    def __init__(self, digraph: nx.MultiDiGraph, outputs: Sequence[int]) -> None:
        self.nx: nx.MultiDiGraph = nx.freeze(digraph)
        self.outputs = tuple(outputs)

    def __getitem__(self, node: int) -> Node:
        found: Node = self.nx.nodes[node]["node"]
        return found

    def __len__(self) -> int:
        return len(self.nx)

    def __iter__(self) -> Iterator[int]:
        return iter(self.order)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The nodes, operands before users."""
        return tuple(nx.topological_sort(self.nx))

    def operands(self, node: int) -> tuple[int, ...]:
        """The operands of a node, in order."""
        return _operands(self.nx, node)

    def users(self, node: int) -> tuple[int, ...]:
        """The nodes that have this node as an operand, each once."""
        return tuple(self.nx.successors(node))

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        return tuple(node for node in self.order if isinstance(self[node].op, LEAVES))

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        return tuple(node for node in self.order if isinstance(self[node].op, Input))

    @cached_property
    def parameters(self) -> tuple[int, ...]:
        return tuple(node for node in self.order if isinstance(self[node].op, Parameter))

    @cached_property
    def varying(self) -> frozenset[int]:
        """The nodes that depend on an `Input`; all others are the same at every point."""
        found: set[int] = set()
        for node in self.order:
            if isinstance(self[node].op, Input) or not found.isdisjoint(self.operands(node)):
                found.add(node)
        return frozenset(found)

    def counts(self) -> Counter[str]:
        """How many nodes of each kind there are."""
        return Counter(type(self[node].op).__name__ for node in self.order)

    def __str__(self) -> str:
        from jetfold.graph.text import to_text  # text needs Graph

        return to_text(self)

    def __repr__(self) -> str:
        return f"<Graph of {len(self)} nodes>"

    def _repr_svg_(self) -> str | None:
        """A drawing, for notebooks; a large graph is shown as text."""
        from jetfold.graph.draw import to_svg  # drawings need Graph

        return to_svg(self) if len(self) <= MOST_DRAWN else None

    def __reduce__(self) -> tuple[type[Graph], tuple[nx.MultiDiGraph, tuple[int, ...]]]:
        return Graph, (nx.MultiDiGraph(self.nx), self.outputs)


class Editor:
    """A graph under construction. Equal operations on equal operands give the same node.

    Node numbers are never reused, so that a record of rewrites can name them.
    """

    def __init__(self, graph: Graph | None = None) -> None:
        self.nx = nx.MultiDiGraph()
        self.outputs: list[int] = []
        self.next_node = 0
        self._known: dict[tuple[Op, tuple[int, ...]], int] = {}
        if graph is not None:
            self.nx = nx.MultiDiGraph(graph.nx)
            self.outputs = list(graph.outputs)
            self.next_node = max(graph.nx, default=-1) + 1
            for node in graph.order:
                self._known.setdefault((graph[node].op, graph.operands(node)), node)

    def __getitem__(self, node: int) -> Node:
        found: Node = self.nx.nodes[node]["node"]
        return found

    def __contains__(self, node: int) -> bool:
        return node in self.nx

    def operands(self, node: int) -> tuple[int, ...]:
        return _operands(self.nx, node)

    def users(self, node: int) -> tuple[int, ...]:
        return tuple(self.nx.successors(node))

    def add(
        self,
        op: Op,
        *operands: int,
        source: SourceLine | None = None,
        role: Coefficient | None = None,
    ) -> int:
        """The node for this operation, new or already there. Raises `ShapeError`."""
        key = (op, operands)
        known = self._known.get(key)
        if known is not None:
            return known
        kind = infer(op, [self[operand].type for operand in operands])
        node, self.next_node = self.next_node, self.next_node + 1
        self.nx.add_node(node, node=Node(op, kind, source, role))
        self.nx.add_edges_from((operand, node, i) for i, operand in enumerate(operands))
        self._known[key] = node
        return node

    def find(self, op: Op, *operands: int) -> int | None:
        """The node for this operation, if there is one."""
        return self._known.get((op, operands))

    def annotate(self, node: int, source: SourceLine | None, role: Coefficient | None) -> None:
        """Give a node an origin and a role where it has none."""
        old = self[node]
        if (old.source is None and source is not None) or (old.role is None and role is not None):
            new = Node(old.op, old.type, old.source or source, old.role or role)
            self.nx.nodes[node]["node"] = new

    def replace(self, old: int, new: int) -> tuple[int, ...]:
        """Let every user of ``old`` use ``new``, drop what became dead, return the users changed.

        A user that becomes equal to an existing node is merged into it.
        """
        users: list[int] = []
        replaced: list[int] = []
        pending = [(old, new)]
        while pending:
            gone, kept = pending.pop()
            if gone == kept or gone not in self.nx:
                continue
            self.annotate(kept, self[gone].source, self[gone].role)
            self.outputs = [kept if output == gone else output for output in self.outputs]
            for user in self.users(gone):
                operands = self.operands(user)
                self._forget(user, operands)
                changed = tuple(kept if operand == gone else operand for operand in operands)
                self.nx.remove_edges_from([(gone, user, i) for i in self.nx[gone][user]])
                self.nx.add_edges_from(
                    (kept, user, i) for i, operand in enumerate(operands) if operand == gone
                )
                twin = self._known.setdefault((self[user].op, changed), user)
                if twin != user:
                    pending.append((user, twin))
                users.append(twin)
            replaced.append(gone)
        for gone in replaced:  # last, as a twin may have been used by nothing but a replaced node
            self.prune(gone)
        return tuple(dict.fromkeys(user for user in users if user in self.nx))

    def prune(self, node: int) -> None:
        """Drop a node that nobody uses, and what only it used."""
        pending = [node]
        while pending:
            dead = pending.pop()
            if dead in self.nx and not self.nx.succ[dead] and dead not in self.outputs:
                operands = self.operands(dead)
                self._forget(dead, operands)
                self.nx.remove_node(dead)
                pending.extend(operands)

    def _forget(self, node: int, operands: tuple[int, ...]) -> None:
        if self._known.get((self[node].op, operands)) == node:
            del self._known[self[node].op, operands]

    def insert(
        self, graph: Graph, replacements: dict[int, int], first_number: int = 0
    ) -> dict[int, int]:
        """Copy a graph's nodes in; ``replacements`` gives the nodes here that stand for its leaves.

        Returns where each node of the graph went. The numbers of functions' nodes in roles begin
        with ``first_number``, so that those of two graphs can be told apart.
        """
        where: dict[int, int] = dict(replacements)
        for node in graph.order:
            if node not in where:
                operands = [where[operand] for operand in graph.operands(node)]
                where[node] = self.add(graph[node].op, *operands)
                role = graph[node].role
                moved = None if role is None else role.moved(first_number)
                self.annotate(where[node], graph[node].source, moved)
        return where

    def freeze(self, outputs: Iterable[int] | None = None) -> Graph:
        """The part of the graph that these outputs depend on, as an immutable `Graph`."""
        wanted = list(self.outputs if outputs is None else outputs)
        alive: set[int] = set()
        pending = list(wanted)
        while pending:
            node = pending.pop()
            if node not in self.nx:
                raise GraphError(f"output %{node} is not in the graph")
            if node not in alive:
                alive.add(node)
                pending.extend(self.nx.predecessors(node))
        part = self.nx.copy()
        part.remove_nodes_from([node for node in self.nx if node not in alive])
        return Graph(part, wanted)


def without_roles(graph: Graph) -> Graph:
    """The graph as a function of its own: its nodes are no coefficients of another one's."""
    editor = Editor(graph)
    for node in graph:
        editor.nx.nodes[node]["node"] = replace(graph[node], role=None)
    return editor.freeze()


def _operands(digraph: nx.MultiDiGraph, node: int) -> tuple[int, ...]:
    edges = [(i, operand) for operand, keys in digraph.pred[node].items() for i in keys]
    return tuple(operand for _, operand in sorted(edges))
