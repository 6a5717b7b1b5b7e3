"""The data of the derivation explorer against the graphs and counts that they show."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import explorer_cases
import jetfold as jf
from explorer_cases import (
    DERIVATIONS,
    PARAMETERS,
    Data,
    data_of,
    derivation,
    layers,
    parsed,
)
from jetfold.chapters import chapters
from jetfold.demo_functions import network, random_layers
from jetfold.derivation import Derivation
from jetfold.explorer.data import page_data
from jetfold.explorer.layers import Layers
from jetfold.explorer.records import Records
from jetfold.explorer.scene import Scene
from jetfold.graph import Graph, Step
from jetfold.rules.cost import operations, vectors
from linear_functions import forgotten_names

every = pytest.mark.parametrize("name", DERIVATIONS)
forgotten = pytest.fixture(autouse=True)(forgotten_names)


class Shown:
    """What a page shows: it knows nothing but the data, and does what the page does with them."""

    def __init__(self, data: Data, chapter: Data) -> None:
        self.records = data["records"]
        self.nodes = {int(node): place for node, place in chapter["graph"]["nodes"].items()}
        self.outputs = chapter["graph"]["outputs"]

    def advance(self, step: Data) -> None:
        for node, place in step["nodes"].items():
            if place is None:
                del self.nodes[int(node)]
            else:
                self.nodes[int(node)] = place
        self.outputs = step.get("outputs", self.outputs)

    def __getitem__(self, node: int) -> Data:
        found: Data = self.records[self.nodes[node]]
        return found

    def check(self, graph: Graph) -> None:
        assert set(self.nodes) == set(graph)
        assert self.outputs == list(graph.outputs)
        for node in graph:
            assert self[node]["operands"] == list(graph.operands(node))
            assert self[node]["number"] == f"%{node}"
            assert self[node]["type"] == str(graph[node].type)
            assert self[node]["shared"] == (node not in graph.varying)


def counted(graph: Graph) -> dict[str, int]:
    return {"nodes": len(graph), "vectors": vectors(graph), "operations": operations(graph)}


# Graphs and counts ----------------------------------------------------------------------------


@every
def test_steps_lead_through_the_graphs_of_the_chapters(name: str) -> None:
    data = data_of(name)
    found = chapters(derivation(name))
    assert [c["key"] for c in data["chapters"]] == [chapter.key for chapter in found]
    assert sum(c["runs"] for c in data["chapters"]) == 1
    for told, chapter in zip(data["chapters"], found, strict=True):
        shown = Shown(data, told)
        if chapter.rewriting is None:
            shown.check(chapter.graph)
            assert told["counts"] == counted(chapter.graph)
            for step in told["steps"]:
                assert (step["nodes"], step["counts"]) == ({}, told["counts"])
            continue
        shown.check(chapter.rewriting.initial)
        assert told["counts"] == counted(chapter.rewriting.initial)
        replayed = chapter.rewriting.replay()
        for step, (real, before, after) in zip(told["steps"], replayed, strict=True):
            shown.advance(step)
            shown.check(after)
            assert step["counts"] == counted(after)
            assert data["rules"][step["rule"]]["name"] == real.rule.name
            assert (step["before"], step["after"]) == (real.before, real.after)
            check_marks(step["marks"], before, after)


def check_marks(marks: Data, before: Graph, after: Graph) -> None:
    old, new = set(before), set(after)
    assert marks["removed"] == sorted(old - new)
    assert marks["added"] == sorted(new - old)
    rewired = {node for node in old & new if before.operands(node) != after.operands(node)}
    assert marks["rewired"] == sorted(rewired)


@every
def test_records_are_those_of_the_graph_as_it_is(name: str) -> None:
    """Followed from step to step they are the same as those of the last graph, made at once."""
    data = data_of(name)
    function = derivation(name).function_graph
    for told, chapter in zip(data["chapters"], chapters(derivation(name)), strict=True):
        shown = Shown(data, told)
        for step in told["steps"]:
            shown.advance(step)
        records = Records(function)
        scene = Scene(chapter.graph, records, Layers(function), chapter.method == "minimal")
        for node, place in scene.shown.items():
            fresh = parsed(json.dumps(records.records[place]))
            formulas = records.formulas[fresh.pop("formula")]
            known = dict(shown[node])
            assert formulas == data["formulas"][known.pop("formula")]
            assert fresh | {"layer": 0} == known | {"layer": 0}


@every
def test_what_is_equal_is_stored_once(name: str) -> None:
    data = data_of(name)
    for table in ("records", "formulas", "rules"):
        texts = [json.dumps(entry) for entry in data[table]]
        assert len(set(texts)) == len(texts)
    used = {place for told in data["chapters"] for place in told["graph"]["nodes"].values()}
    steps = [step for told in data["chapters"] for step in told["steps"]]
    used |= {place for step in steps for place in step["nodes"].values() if place is not None}
    assert used == set(range(len(data["records"])))


@every
def test_formulas_can_be_drawn(name: str) -> None:
    for formula in data_of(name)["formulas"]:
        root = ET.fromstring(formula)
        assert root.tag == "math"
        text = "".join(root.itertext())
        assert text.strip()
        assert "\\" not in text


# What is said ---------------------------------------------------------------------------------


def test_taylor_rules_of_the_nodes() -> None:
    """Each node of the function that varies has a step, which marks all its coefficients.

    Some of them are those of another node, too.
    """
    data, found = data_of("standard"), derivation("standard")
    told = data["chapters"][1]
    assert told["key"] == "taylor"
    graph, function = found.taylor_graph, found.function_graph
    *steps, last = told["steps"]
    varying = [node for node in function.order if node in function.varying]
    assert [step["before"] for step in steps] == varying
    assert (last["before"], last["marks"]["about"]) == (None, list(graph.outputs))
    for step in steps:
        roles = [graph[node].role for node in step["marks"]["about"]]
        assert step["before"] in {role.of for role in roles if role is not None}
    marked = {node for step in steps for node in step["marks"]["about"]}
    assert marked == {node for node in graph if graph[node].role is not None}


@every
def test_certificates(name: str) -> None:
    """Each step has its own; so have chapters whose graph is made directly."""
    data = data_of(name)
    told: dict[tuple[str, int | None], Any] = {}
    for chapter in data["chapters"]:
        told[chapter["key"], None] = chapter["certificate"]
        for i, step in enumerate(chapter["steps"]):
            by_node = chapter["key"] in ("taylor", "adjoint")
            place = step["before"] if by_node else i
            if place is not None:  # the last step tells what is wanted
                told[chapter["key"], place] = step["certificate"]
        if chapter["key"] in ("minimal", "nested"):
            assert chapter["steps"][0]["certificate"] == chapter["certificate"] is not None
            del told[chapter["key"], 0]
    known = {place: found for place, found in told.items() if found is not None}
    proved = {}
    for found in derivation(name).certificates:
        of = found.step
        index = of if of is None else of.index if isinstance(of, Step) else of.node
        proved[found.chapter.key, index] = found.certificate
    assert known.keys() == proved.keys()
    for key, certificate in proved.items():
        assert known[key]["exact"] == certificate.exact
        assert known[key]["symbolic"] == certificate.symbolic
        assert known[key]["roundoff"] == certificate.roundoff
        assert known[key]["remarks"] == list(certificate.remarks)
        assert known[key]["holds"] == certificate.holds is True
        assert (known[key]["identity"] is None) == (certificate.identity == "")
    rewritten = [c for c in data["chapters"] if c["key"] in ("push", "pull", "clean-up")]
    assert all(step["certificate"] for c in rewritten for step in c["steps"])


def test_sums_that_stopped() -> None:
    found = derivation("biharmonic")
    blocked = data_of("biharmonic")["blocked"]
    assert [sum["node"] for sum in blocked] == [sum.node for sum in found.blocked]
    assert len(blocked) > 0
    for told, sum in zip(blocked, found.blocked, strict=True):
        assert told["chapter"] == "pull"
        assert found.collapsed_graph.operands(told["node"]) == (told["below"],)
        words = html.unescape(told["reason"])
        assert words.startswith(f"The sum over {' and '.join(sum.directions)} of <span")
        assert words.partition("(line ")[2] == sum.reason.partition("(line ")[2]
        assert told["reason"].count("<math") > len(set(sum.operands))
    assert data_of("standard")["blocked"] == []


def test_layers_are_those_of_the_function() -> None:
    """A network's are its contractions; what belongs to a layer's coefficients is in it, too."""
    op = jf.laplacian(network)
    found = op.derivation(np.ones(2), random_layers([2, 4, 4, 4, 1], "float64"))
    data = parsed(json.dumps(page_data(found)))
    for told, chapter in zip(data["chapters"], chapters(found), strict=True):
        shown = Shown(data, told)
        for step in told["steps"]:
            shown.advance(step)
        places = {node: shown[node]["layer"] for node in chapter.graph}
        assert set(places.values()) == {0, 1, 2, 3, 4}
        for node in chapter.graph:
            for operand in chapter.graph.operands(node):
                assert places[operand] <= places[node]


def test_layers_of_a_function_without_contractions() -> None:
    def deep(x: Any) -> Any:
        for _ in range(60):
            x = np.sin(x)
        return x.sum()

    graph = jf.laplacian(deep).derivation(np.ones(2)).function_graph
    found: dict[int, int] = {}
    Layers(graph).extend(graph, graph.order, found)
    assert 10 < len(set(found.values())) < 30
    assert found[graph.inputs[0]] == 0


def test_source_lines() -> None:
    """The code that runs; its lines name nodes of the graph that runs."""
    data, found = data_of("collapsed"), derivation("collapsed")
    op = jf.laplacian(layers)
    source = data["source"]
    assert source["lines"] == op.source(np.ones(2), PARAMETERS).splitlines()
    assert len(source["nodes"]) == len(source["lines"])
    nodes = {node for line in source["nodes"] for node in line}
    assert nodes | set(map(int, source["elsewhere"])) == set(found.final_graph)
    (running,) = [told for told in data["chapters"] if told["runs"]]
    assert source["chapter"] == running["key"] == "clean-up"


def test_the_users_lines() -> None:
    """The file's name without its folder, the number and the text."""
    sources = [record["source"] for record in data_of("collapsed")["records"]]
    known = [source for source in sources if source is not None]
    assert {source["file"] for source in known} == {Path(explorer_cases.__file__).name}
    text = 'return np.tanh(np.tanh(x @ p["V"] + p["b"]) @ p["W"]) @ p["w"]'
    lines = Path(explorer_cases.__file__).read_text().splitlines()
    line = next(number for number, found in enumerate(lines, 1) if text in found)
    assert {(source["line"], source["text"]) for source in known} == {(line, text)}


def test_steps_that_rewrite_nothing() -> None:
    """They have no node before, but for the rules of the function's nodes, and say what they do."""
    found = {told["key"]: told["steps"] for told in data_of("biharmonic")["chapters"]}
    for key, steps in found.items():
        for step in steps:
            wanted = key in ("nested", "minimal") or step["title"] == "What is wanted"
            assert (step["before"] is None) == wanted == ("about" in step)
    assert "made directly" in found["nested"][0]["about"]
    assert "put together" in found["taylor"][-1]["about"]


def test_chapters_have_this_functions_numbers() -> None:
    data = data_of("collapsed")
    about = {told["key"]: told["about"] for told in data["chapters"]}
    first = {told["key"]: told["counts"] for told in data["chapters"]}
    assert f"{len(derivation('collapsed').function_graph)} nodes" in about["function"]
    assert "From x, an array of shape (2,), to the result, a number, the graph" in about["function"]
    assert "along 2 directions r" in about["taylor"]
    assert "up to 6 vectors" in about["taylor"]
    assert "6 vectors per node have become 5" in about["push"]
    assert "5 vectors per node have become 4" in about["pull"]
    assert f"{first['clean-up']['nodes']} nodes have become" in about["clean-up"]
    assert "This is the graph that runs" in about["clean-up"]
    assert "4 vectors per node" in about["minimal"]
    assert (data["title"], data["subtitle"]) == (
        "Laplacian(layers)",
        "x of shape (2,), method collapsed",
    )


def test_a_derivation_of_which_nothing_is_known() -> None:
    """Made of graphs alone: there is no operator, and nobody tells which jets were pushed."""
    known = derivation("collapsed")
    graph = known.taylor_graph
    found = Derivation(known.function_graph, {"standard": lambda: graph}, "auto")
    data = parsed(json.dumps(page_data(found)))
    assert (data["title"], data["subtitle"]) == ("Derivation", "method collapsed")
    told = {chapter["key"]: chapter for chapter in data["chapters"]}
    assert told["taylor"]["steps"] == []
    assert "was given" in told["taylor"]["about"]
    assert len(told["pull"]["steps"]) == len(known.pulled.steps)
