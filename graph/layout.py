"""Where to draw the nodes and edges of a DAG: layers from top to bottom (Sugiyama's method).

Three stages: layers such that edges point down and are short (here), an order and a place in each
layer (`jetfold.graph.rows`), and routes for the edges (here). Edges with one source share their
way until they part. Source: Sugiyama, Tagawa, Toda, *Methods for visual understanding of
hierarchical system structures* (1981).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jetfold.graph.rows import Bend, Rows, Vertex, arrange, centres, spread

Point = tuple[float, float]
Edge = tuple[Vertex, Vertex]

LAYER_GAP = 34.0
"""Between layers; more where an edge has far to go sideways."""
PORT_GAP = 24.0
"""Between the arrows that enter a box, if it is wide enough."""
CORNER = 12.0
"""No arrow is nearer than this to the corner of a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Layout:
    """Boxes of the vertices, and one route per edge, in the order of the edges.

    A route goes straight down from its 1st point to its 2nd, curves to the 3rd, and so on.
    """

    boxes: dict[Vertex, Box]
    routes: list[list[Point]]
    width: float
    height: float


def lay_out(sizes: Mapping[Vertex, tuple[float, float]], edges: Sequence[Edge]) -> Layout:
    """A layout of the DAG whose vertices have these sizes (width, height).

    The vertices come in topological order; there may be parallel edges.
    """
    layers = assign_layers(list(sizes), edges)
    rows = _bend_long_edges(layers, edges)
    arrange(rows, list(sizes))
    x = centres(rows, {vertex: size[0] for vertex, size in sizes.items()})
    bands = _bands(sizes, rows, x)
    boxes = {
        vertex: Box(x[vertex] - width / 2, _top(rows, vertex, bands[layer], height), width, height)
        for layer, row in enumerate(rows.rows)
        for vertex in row
        if not isinstance(vertex, Bend)
        for width, height in [sizes[vertex]]
    }
    width = max((box.x + box.width for box in boxes.values()), default=0.0)
    return Layout(
        boxes, _routes(edges, layers, boxes, x, bands), width, bands[-1][1] if bands else 0
    )


# Layers -----------------------------------------------------------------------------------------


def assign_layers(vertices: Sequence[Vertex], edges: Iterable[Edge]) -> dict[Vertex, int]:
    """A layer for each vertex, below those of its predecessors and near those of its successors."""
    before: dict[Vertex, set[Vertex]] = {vertex: set() for vertex in vertices}
    after: dict[Vertex, set[Vertex]] = {vertex: set() for vertex in vertices}
    for source, target in edges:
        before[target].add(source)
        after[source].add(target)
    layers: dict[Vertex, int] = {}
    for vertex in vertices:
        layers[vertex] = max((layers[source] + 1 for source in before[vertex]), default=0)
    for _ in range(4):
        for vertex in reversed(vertices):
            if after[vertex]:
                _move(vertex, layers, before, after)
    top = min(layers.values(), default=0)
    return {vertex: layer - top for vertex, layer in layers.items()}


def _move(
    vertex: Vertex,
    layers: dict[Vertex, int],
    before: Mapping[Vertex, set[Vertex]],
    after: Mapping[Vertex, set[Vertex]],
) -> None:
    """Move a vertex to the lowest layer at which the edges to and from it are shortest in all."""
    lowest = min(layers[target] for target in after[vertex]) - 1
    highest = max((layers[source] + 1 for source in before[vertex]), default=lowest)
    reached = [
        max((layers[user] for user in after[source] if user != vertex), default=layers[source])
        for source in before[vertex]
        if before[source]  # a leaf will follow by itself
    ]

    def length(layer: int) -> int:
        return sum(max(layer, other) for other in reached) - layer

    layers[vertex] = min(range(lowest, highest - 1, -1), key=length)


def _bend_long_edges(layers: Mapping[Vertex, int], edges: Sequence[Edge]) -> Rows:
    """The layers as rows, with a `Bend` wherever edges of a source pass through one."""
    rows = Rows([[] for _ in range(max(layers.values(), default=-1) + 1)])
    for vertex, layer in layers.items():
        rows.rows[layer].append(vertex)
    last: dict[Vertex, int] = {}
    for source, target in edges:
        last[source] = max(last.get(source, 0), layers[target])
    for source, end in last.items():
        for layer in range(layers[source] + 1, end):
            bend = Bend(source, layer)
            rows.rows[layer].append(bend)
            rows.join(_entry(source, layer - 1, layers), bend)
    for source, target in dict.fromkeys(edges):
        rows.join(_entry(source, layers[target] - 1, layers), target)
    return rows


def _entry(source: Vertex, layer: int, layers: Mapping[Vertex, int]) -> Vertex:
    """Where the edges of a source leave a layer: a bend of theirs, or the source itself."""
    return source if layers[source] == layer else Bend(source, layer)


# Geometry ---------------------------------------------------------------------------------------


def _bands(
    sizes: Mapping[Vertex, tuple[float, float]], rows: Rows, x: Mapping[Vertex, float]
) -> list[tuple[float, float]]:
    """Top and bottom of each layer."""
    bands: list[tuple[float, float]] = []
    y = 0.0
    for row in rows.rows:
        reach = max((abs(x[v] - x[upper]) for v in row for upper in rows.above[v]), default=0.0)
        y += (LAYER_GAP + min(0.06 * reach, LAYER_GAP)) if bands else 0.0
        height = max(sizes[vertex][1] for vertex in row if not isinstance(vertex, Bend))
        bands.append((y, y + height))
        y += height
    return bands


def _top(rows: Rows, vertex: Vertex, band: tuple[float, float], height: float) -> float:
    """A leaf lies at the bottom of its layer, near its users; all others in the middle."""
    return band[1] - height if not rows.above[vertex] else (sum(band) - height) / 2


def _routes(
    edges: Sequence[Edge],
    layers: Mapping[Vertex, int],
    boxes: Mapping[Vertex, Box],
    x: Mapping[Vertex, float],
    bands: Sequence[tuple[float, float]],
) -> list[list[Point]]:
    ports = _ports(edges, layers, boxes, x)
    leaving: dict[Vertex, set[float]] = defaultdict(set)
    for (source, target), port in zip(edges, ports, strict=True):
        first = layers[source] + 1
        leaving[source].add(port if layers[target] == first else x[Bend(source, first)])
    routes = []
    for (source, target), port in zip(edges, ports, strict=True):
        start = _exit(boxes[source], leaving[source])
        route: list[Point] = [(start, boxes[source].bottom)]
        for layer in range(layers[source], layers[target]):
            across = start if layer == layers[source] else x[Bend(source, layer)]
            if layer > layers[source]:
                route.append((across, bands[layer][0]))
            route.append((across, bands[layer][1]))
        route += [(port, bands[layers[target]][0]), (port, boxes[target].y)]
        routes.append(route)
    return routes


def _exit(box: Box, ways: set[float]) -> float:
    """Where edges leave a box: straight down if all go one way, else from its middle."""
    if len(ways) == 1:
        (way,) = ways
        if abs(way - box.centre) <= box.width / 2 - CORNER:
            return way
    return box.centre


def _ports(
    edges: Sequence[Edge],
    layers: Mapping[Vertex, int],
    boxes: Mapping[Vertex, Box],
    x: Mapping[Vertex, float],
) -> list[float]:
    """Where each edge enters its target: below where it comes from, but apart from the others."""
    arriving: dict[Vertex, list[tuple[float, int]]] = defaultdict(list)
    for number, (source, target) in enumerate(edges):
        arriving[target].append((x[_entry(source, layers[target] - 1, layers)], number))
    ports = [0.0] * len(edges)
    for target, arrivals in arriving.items():
        arrivals.sort()
        box, last = boxes[target], len(arrivals) - 1
        room = box.width / 2 - CORNER
        gap = min(PORT_GAP, 2 * room / last) if last else 0.0
        low = box.centre - room
        wishes = []
        for place, (start, _) in enumerate(arrivals):
            wish = min(max(start, low + place * gap), box.centre + room - (last - place) * gap)
            wishes.append((wish, 1.0 / (1.0 + abs(start - wish))))
        for (_, number), port in zip(arrivals, spread(wishes, [gap] * last), strict=True):
            ports[number] = port
    return ports
