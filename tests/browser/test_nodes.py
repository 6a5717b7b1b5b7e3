"""Nodes, formulas and lines of the generated source, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from explorer_page import Explorer, opened
from jetfold.backends.cpu import listing
from jetfold.derivation import Derivation
from jetfold.graph import LEAVES

CHOSEN = "() => [...document.querySelectorAll('#graph .kept[data-node]')].map(e => e.dataset.node)"
OF_LINE = """() => [...document.querySelectorAll('#graph .of-line[data-node]')].map(
    (e) => Number(e.dataset.node))"""
OWN_LINES = """() => [...document.querySelectorAll('#lines .line')].flatMap(
    (e, i) => e.classList.contains('own') ? [i] : [])"""
IN_VIEW = """(i) => {
  const list = document.getElementById('lines').getBoundingClientRect();
  const line = document.getElementById(`line-${i}`).getBoundingClientRect();
  return list.top <= line.top && line.bottom <= list.bottom;
}"""


@pytest.fixture
def final(browser: Browser, network_page: Path) -> Iterator[Explorer]:
    """The page at the graph that runs."""
    with opened(browser, network_page, "#clean-up/1000") as explorer:
        yield explorer


def inner_node(derivation: Derivation) -> int:
    graph = derivation.final_graph
    lines = listing(graph).nodes
    linked = {node for nodes in lines for node in nodes}
    return next(n for n in graph.order if n in linked and not isinstance(graph[n].op, LEAVES))


def test_pointing_at_a_box_shows_what_it_is(final: Explorer, network: Derivation) -> None:
    node = inner_node(network)
    assert not final.page.locator("#node").is_visible()
    final.page.hover(final.box_of(node))
    details = final.text("#node")
    kind = network.final_graph[node]
    assert f"%{node}" in details
    assert str(kind.type) in details
    assert kind.source is not None
    assert kind.source.text.strip() in details
    assert f":{kind.source.line}" in details
    assert final.page.locator("#node .formula math").count() == 1
    assert final.page.locator("#graph .edge.near").count() >= 1
    final.page.hover("h1")
    assert not final.page.locator("#node").is_visible()


def test_boxes_are_reached_and_chosen_by_keys(final: Explorer) -> None:
    final.page.focus("#graph")
    final.press("Tab")
    focused = "() => document.activeElement.dataset.node"
    first = final.page.evaluate(focused)
    assert f"%{first}" in final.text("#node")
    final.press("ArrowDown")
    second = final.page.evaluate(focused)
    if second == first:
        final.press("ArrowUp")
        second = final.page.evaluate(focused)
    assert second != first
    assert f"%{second}" in final.text("#node")
    assert final.page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    final.press("Enter")
    assert set(final.page.evaluate(CHOSEN)) == {second}
    final.press("j")
    assert final.shown()["hash"].startswith("#minimal"), "steps go on while a box has the focus"
    final.press("k")
    final.press("Escape")
    assert final.page.evaluate(CHOSEN) == []


def test_arrows_move_the_graph_that_has_the_focus(final: Explorer) -> None:
    place = final.shown()["hash"]
    transform = "() => document.getElementById('world').getAttribute('transform')"
    before = final.page.evaluate(transform)
    final.page.focus("#graph")
    final.press("ArrowRight", "ArrowDown")
    moved = final.page.evaluate(transform)
    final.press("+")
    larger = final.page.evaluate(transform)
    assert len({before, moved, larger}) == 3
    assert final.shown()["hash"] == place
    final.press("0")
    assert final.page.get_attribute("#whole", "aria-pressed") == "true"
    final.press("c")
    assert final.page.get_attribute("#follow", "aria-pressed") == "true"
    assert final.page.evaluate(transform).split("scale")[1] == before.split("scale")[1]


def test_wheel_and_dragging_move_the_view(final: Explorer) -> None:
    transform = "() => document.getElementById('world').getAttribute('transform')"
    stage = final.page.locator("#graph").bounding_box()
    assert stage is not None
    x, y = stage["x"] + 30, stage["y"] + stage["height"] - 30
    views = [final.page.evaluate(transform)]
    final.page.mouse.move(x, y)
    final.page.mouse.wheel(0, -240)
    final.page.wait_for_function(f"(old) => ({transform})() !== old", arg=views[-1])
    views.append(final.page.evaluate(transform))
    final.page.mouse.down()
    final.page.mouse.move(x + 50, y - 70, steps=3)
    final.page.mouse.up()
    views.append(final.page.evaluate(transform))
    assert len(set(views)) == 3
    assert views[1].split("scale")[1] == views[2].split("scale")[1]
    assert final.page.evaluate(CHOSEN) == [], "dragging chooses nothing"


def test_lines_and_nodes_are_linked_both_ways(final: Explorer, network: Derivation) -> None:
    final.press("s")
    made = listing(network.final_graph)
    assert final.page.locator("#lines .line").count() == len(made.source.splitlines())
    node = inner_node(network)
    final.page.click(final.box_of(node))
    own = [i for i, nodes in enumerate(made.nodes) if node in nodes]
    assert final.page.evaluate(OWN_LINES) == own
    closest = min(own, key=lambda i: len(made.nodes[i]))
    assert final.page.evaluate(IN_VIEW, closest), "behind the head of its kernel"
    shown = final.shown()["nodes"]
    line = final.page.locator("#lines .line").nth(own[-1])
    final.press("Escape")
    line.hover()
    assert set(final.page.evaluate(OF_LINE)) == set(made.nodes[own[-1]]) & shown
    final.page.hover("h1")
    assert final.page.evaluate(OF_LINE) == []
    line.click()
    final.page.hover("h1")
    assert set(final.page.evaluate(OF_LINE)) == set(made.nodes[own[-1]]) & shown
    final.press("Escape")
    assert final.page.evaluate(OF_LINE) == []


def test_lines_are_reached_by_keys(final: Explorer, network: Derivation) -> None:
    final.press("s")
    made = listing(network.final_graph)
    wanted = next(i for i, nodes in enumerate(made.nodes) if nodes)
    final.page.focus("#lines")
    final.press("Home", *["ArrowDown"] * wanted)
    chosen = final.page.locator("#lines [aria-selected=true]")
    assert chosen.get_attribute("id") == f"line-{wanted}"
    assert final.page.get_attribute("#lines", "aria-activedescendant") == f"line-{wanted}"
    assert set(final.page.evaluate(OF_LINE)) == set(made.nodes[wanted]) & final.shown()["nodes"]


def test_source_leads_to_its_graph(
    browser: Browser, network_page: Path, network: Derivation
) -> None:
    with opened(browser, network_page) as explorer:
        explorer.press("s")
        explorer.page.click("#source-go")
        assert explorer.shown()["nodes"] == set(network.final_graph)
        assert not explorer.page.locator("#source-go").is_visible()
        explorer.page.click("#hide-source")
        assert not explorer.page.locator("#source").is_visible()


def test_sums_that_stopped_lead_to_their_nodes(
    browser: Browser, network_page: Path, network: Derivation
) -> None:
    with opened(browser, network_page) as explorer:
        rows = explorer.page.locator("#blocked li")
        assert rows.count() == len(network.blocked) > 0
        rows.first.locator("button").click()
        assert explorer.shown()["nodes"] == set(network.collapsed_graph)
        assert explorer.page.evaluate(CHOSEN) == [str(network.blocked[0].node)]
        reason = rows.first.locator("> span").text_content()
        assert reason
        assert reason in (explorer.page.locator("#node").text_content() or "")


def test_a_step_shows_its_rule_formulas_and_certificate(
    browser: Browser, network_page: Path, network: Derivation
) -> None:
    step = network.pulled.steps[0]
    with opened(browser, network_page, "#pull/1") as explorer:
        rule = step.rule
        assert explorer.text("#step h2") == rule.name
        assert f"{rule.where.file}:{rule.where.line}" in explorer.text("#step .rule")
        assert explorer.page.locator("#step .rule math").count() >= 1
        assert explorer.page.locator("#step .expression math").count() >= 2
        assert "Exact:" in explorer.text("#step .certificate")
        assert rule.name in explorer.text("#live")
        assert "operations" in explorer.text("#live")


def test_what_keys_do_is_said(final: Explorer, network: Derivation) -> None:
    said = {"f": "routine steps hidden", "s": "generated source shown", "0": "whole graph"}
    for key, words in said.items():
        final.press(key)
        assert final.text("#live") == words
    final.page.focus("#graph")
    final.press("Tab", "Enter")
    (chosen,) = set(final.page.evaluate(CHOSEN))
    assert final.text("#live").startswith(f"details of %{chosen} stay: ")
