"""Graphviz text: golden files, completeness, quoting."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from golden import Golden
from graphs import EXAMPLES, laplacian, network
from jetfold.graph.draw import to_dot
from jetfold.graph.graph import Editor
from jetfold.graph.ops import Input, Type

VECTOR = Type((3,))


def test_dot_of_network(golden: Golden) -> None:
    golden("graph/network.dot", to_dot(network()))


def test_dot_of_laplacian(golden: Golden) -> None:
    golden("graph/laplacian_standard.dot", to_dot(laplacian(collapsed=False)))


@pytest.mark.parametrize("name", EXAMPLES)
def test_dot_has_every_node_and_edge(name: str) -> None:
    graph = EXAMPLES[name]
    lines = to_dot(graph, renumber=False).splitlines()
    nodes = {int(found[1]) for line in lines if (found := re.match(r"  n(\d+) \[label=", line))}
    assert nodes == set(graph)
    ends = [re.match(r"  n(\d+) -> n(\d+)", line) for line in lines]
    edges = Counter((int(found[1]), int(found[2])) for found in ends if found)
    assert edges == Counter((a, b) for a, b, _ in graph.nx.edges(keys=True))
    targets = [re.match(r"  n(\d+) -> output(\d+)$", line) for line in lines]
    assert [int(found[1]) for found in targets if found] == list(graph.outputs)


def test_dot_quotes() -> None:
    editor = Editor()
    graph = editor.freeze([editor.add(Input('a"b\\c\nd', VECTOR))])
    assert r'n0 [label="a\"b\\c\nd\n%0 3" tooltip="%0 = input a\"b\\c\nd\ntype 3" ' in to_dot(graph)
