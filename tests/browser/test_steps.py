"""Walking through a derivation: what the page shows against the graphs in Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser

from explorer_page import Explorer, opened
from jetfold.chapters import chapters
from jetfold.derivation import Derivation
from jetfold.graph import Graph
from jetfold.rules.cost import operations, vectors


class Place(NamedTuple):
    """Where a reader can stand, the graph there, and the one before the last step."""

    hash: str
    graph: Graph
    before: Graph
    title: str
    routine: bool


def places(derivation: Derivation) -> list[Place]:
    return list(_places(derivation))


def _places(derivation: Derivation) -> Iterator[Place]:
    for chapter in chapters(derivation):
        if chapter.rewriting is None:
            yield Place(f"#{chapter.key}/0", chapter.graph, chapter.graph, chapter.title, False)
            continue
        initial = chapter.rewriting.initial
        yield Place(f"#{chapter.key}/0", initial, initial, chapter.title, False)
        for i, (step, before, after) in enumerate(chapter.rewriting.replay()):
            yield Place(f"#{chapter.key}/{i + 1}", after, before, step.rule.name, step.rule.routine)


@pytest.fixture(scope="module")
def expected(network: Derivation) -> dict[str, Place]:
    return {place.hash: place for place in places(network)}


@pytest.fixture
def explorer(browser: Browser, network_page: Path) -> Iterator[Explorer]:
    with opened(browser, network_page) as explorer:
        yield explorer


def check(shown: dict[str, Any], place: Place) -> None:
    graph, before = place.graph, place.before
    assert shown["counts"] == {
        "nodes": len(graph),
        "vectors": vectors(graph),
        "operations": operations(graph),
    }, place.hash
    assert shown["nodes"] == set(graph), place.hash
    added = {("added", node) for node in set(graph) - set(before)}
    # A parameter or constant that is gone has lost the box that it was drawn for.
    removed = {("removed", node) for node in set(before) - set(graph)}
    assert added <= shown["signs"] <= added | removed | {("rewired", node) for node in graph}
    assert shown["heading"] == place.title


def test_every_place_is_reached_by_keys(explorer: Explorer, expected: dict[str, Place]) -> None:
    total = int(explorer.page.locator("#slider").get_attribute("max") or 0) + 1
    seen = []
    for number in range(total):
        shown = explorer.shown()
        assert (shown["slider"], shown["selected"]) == (number, [number])
        if shown["hash"] in expected:
            check(shown, expected[shown["hash"]])
        seen.append(shown["hash"])
        explorer.press("ArrowRight" if number % 2 else "j")
    assert len(set(seen)) == total
    assert set(expected) <= set(seen)
    assert explorer.shown()["hash"] == seen[-1], "there is nothing after the last place"
    for earlier in reversed(seen[-4:-1]):
        explorer.press("ArrowLeft" if earlier == seen[-2] else "k")
        assert explorer.shown()["hash"] == earlier


def test_steps_of_standard_taylor_mode_change_no_graph(
    explorer: Explorer, network: Derivation, expected: dict[str, Place]
) -> None:
    explorer.press("PageDown", "ArrowRight")
    shown = explorer.shown()
    assert shown["hash"] == "#taylor/1"
    assert shown["nodes"] == set(network.taylor_graph)
    assert explorer.page.locator("#graph .halo").count() > 0
    assert explorer.page.locator("#side button:disabled").count() == 2


def test_every_place_is_reached_by_the_slider(
    explorer: Explorer, expected: dict[str, Place]
) -> None:
    slider = explorer.page.locator("#slider")
    for number in range(int(slider.get_attribute("max") or 0), -1, -3):
        slider.fill(str(number))
        shown = explorer.shown()
        assert shown["selected"] == [number]
        if shown["hash"] in expected:
            check(shown, expected[shown["hash"]])
        assert (slider.get_attribute("aria-valuetext") or "").endswith(shown["heading"])


def test_chapters_and_ends_have_keys(explorer: Explorer, network: Derivation) -> None:
    keys = [chapter.key for chapter in chapters(network)]
    explorer.press("End")
    assert explorer.shown()["hash"].startswith(f"#{keys[-1]}/")
    explorer.press("Home")
    for key in keys[1:]:
        explorer.press("]")
        assert explorer.shown()["hash"] == f"#{key}/0"
    explorer.press("[", "PageUp", "ArrowRight", "ArrowRight", "[")
    assert explorer.shown()["hash"] == f"#{keys[-3]}/0", "first back to the chapter's begin"


def test_filter_hides_routine_steps(explorer: Explorer, network: Derivation) -> None:
    def walk() -> list[str]:
        explorer.press("Home")
        found = [explorer.page.evaluate("location.hash")]
        while True:
            explorer.press("j")
            if (now := explorer.page.evaluate("location.hash")) == found[-1]:
                return found
            found.append(now)

    every = walk()
    explorer.press("Home", "f")
    assert explorer.page.locator("#filter").is_checked()
    routine = {place.hash for place in places(network) if place.routine}
    assert routine
    kept = [place for place in every if place not in routine]
    assert walk() == kept
    assert explorer.page.locator("#slider").get_attribute("max") == str(len(kept) - 1)
    assert explorer.page.locator("#outline .routine:visible").count() == 0
    explorer.press("f")
    assert explorer.page.locator("#slider").get_attribute("max") == str(len(every) - 1)


def test_before_and_after(explorer: Explorer, expected: dict[str, Place]) -> None:
    place = next(
        p for p in expected.values() if set(p.before) - set(p.graph) and p.hash[1:5] == "pull"
    )
    explorer.open(Path(explorer.page.url.removeprefix("file://").split("#")[0]), place.hash)
    gone = set(place.before) - set(place.graph)
    ghosts = {
        int(g.get_attribute("data-node") or -1) for g in explorer.page.locator(".ghost").all()
    }
    assert ghosts
    assert ghosts <= gone
    explorer.press("b")
    shown = explorer.shown()
    assert shown["nodes"] == set(place.before)
    assert explorer.page.locator(".ghost").count() == 0
    assert {("removed", node) for node in gone} <= shown["signs"]
    explorer.page.click("#side [data-side=after]")
    assert explorer.shown()["nodes"] == set(place.graph)


def test_boxes_keep_their_places_between_the_sides_of_a_step(
    explorer: Explorer, network: Derivation
) -> None:
    where = """() => Object.fromEntries(
        [...document.querySelectorAll("#graph .node[data-node]:not(.leaf)")].map(
            (e) => [e.dataset.node, e.getAttribute("transform")]))"""
    explorer.press("]", "]", "]", "j", "j")
    after = explorer.page.evaluate(where)
    explorer.press("b")
    before = explorer.page.evaluate(where)
    common = after.keys() & before.keys()
    assert len(common) > 5
    assert {node: after[node] for node in common} == {node: before[node] for node in common}


def test_signs_are_told_by_pattern_and_character(explorer: Explorer) -> None:
    explorer.press("]", "]", "]", "j", "j", "j")
    look = """([name]) => { const box = document.querySelector(`#graph .${name}:not(.ghost)`);
        return [box.querySelector(".sign").textContent,
                getComputedStyle(box.querySelector(".outline")).strokeDasharray]; }"""
    added = explorer.page.evaluate(look, ["added"])
    rewired = explorer.page.evaluate(look, ["rewired"])
    explorer.press("b")
    removed = explorer.page.evaluate(look, ["removed"])
    assert [added[0], removed[0], rewired[0]] == ["+", "−", "~"]
    assert len({added[1], removed[1], rewired[1]}) == 3


def test_addresses_name_places(
    browser: Browser, network_page: Path, expected: dict[str, Place]
) -> None:
    with opened(browser, network_page, "#pull/2") as explorer:
        check(explorer.shown(), expected["#pull/2"])
        explorer.page.evaluate("() => { location.hash = '#push/1'; }")
        explorer.page.wait_for_function("() => document.querySelector('#step h2').textContent")
        check(explorer.shown(), expected["#push/1"])
        explorer.page.evaluate("() => { location.hash = '#push/100000'; }")
        explorer.page.wait_for_function("() => !location.hash.endsWith('100000')")
        assert explorer.shown()["hash"] == max(
            (h for h in expected if h.startswith("#push/")), key=lambda h: int(h.split("/")[1])
        )
    with opened(browser, network_page, "#no such/thing") as explorer:
        assert explorer.shown()["hash"] == "#function/0"
