"""The page as a whole: colours, help, folding, phones, accessibility, hostile names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

import jetfold as jf
from explorer_page import PHONE, Explorer, MakePage, opened
from jetfold.derivation import Derivation

BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


# Colours and help -----------------------------------------------------------------------------


def test_colours_follow_the_reader(browser: Browser, network_page: Path) -> None:
    with opened(browser, network_page) as light, opened(browser, network_page, dark=True) as dark:
        day, night = light.page.evaluate(BACKGROUND), dark.page.evaluate(BACKGROUND)
        assert day != night
        light.press("t")
        assert light.page.evaluate(BACKGROUND) == day
        light.press("t")
        assert light.page.evaluate(BACKGROUND) == night
        fill = "() => getComputedStyle(document.querySelector('#graph .front')).fill"
        assert light.page.evaluate(fill) == dark.page.evaluate(fill)
        dark.page.click("#theme [data-theme=light]")
        assert dark.page.evaluate(BACKGROUND) == day
        dark.page.click("#theme [data-theme=auto]")
        assert dark.page.evaluate(BACKGROUND) == night


def test_help_lists_the_keys(browser: Browser, network_page: Path) -> None:
    with opened(browser, network_page) as explorer:
        explorer.press("?")
        assert explorer.page.locator("#help").is_visible()
        assert "next step" in explorer.text("#keys")
        explorer.press("j")
        assert explorer.shown()["hash"] == "#function/0", "the page waits while help is open"
        explorer.press("Escape")
        assert not explorer.page.locator("#help").is_visible()


def test_boxes_glide_unless_the_reader_wants_no_motion(
    browser: Browser, network_page: Path
) -> None:
    where = """() => [...document.querySelectorAll("#graph .node[data-node]")].map(
        (e) => `${e.dataset.node} ${e.getAttribute("transform")}`).sort()"""
    with (
        opened(browser, network_page, "#pull/2") as calm,
        opened(browser, network_page, "#pull/2", calm=False) as moving,
    ):
        for explorer in (calm, moving):
            explorer.press("j")
        end = calm.page.evaluate(where)
        moving.page.wait_for_function(f"(end) => ({where})().join() === end.join()", arg=end)


# Large graphs ---------------------------------------------------------------------------------


def test_large_graphs_are_folded_by_layer(browser: Browser, deep_page: Path) -> None:
    with opened(browser, deep_page, "#taylor/0") as explorer:
        shown = explorer.shown()
        assert 5 <= len(shown["groups"]) <= 20
        assert len(shown["nodes"]) < 20
        run = explorer.page.locator("#graph [data-group]").first
        run.focus()
        explorer.press("Enter")
        layers = explorer.shown()["groups"]
        assert len(layers) > len(shown["groups"])
        single = next(key for key in layers if len(set(key.split()[1].split("-"))) == 1)
        explorer.press("0")
        explorer.page.click(f'#graph [data-group="{single}"]')
        inside = explorer.shown()
        assert single not in inside["groups"]
        assert len(inside["nodes"]) > len(shown["nodes"])
        explorer.page.click("#refold")
        assert set(explorer.shown()["groups"]) == set(shown["groups"])


def test_what_a_step_is_about_is_unfolded(browser: Browser, deep_page: Path) -> None:
    with opened(browser, deep_page, "#taylor/60") as explorer:
        shown = explorer.shown()
        assert shown["groups"]
        assert explorer.page.locator("#graph .halo").count() == 3, "a value and two coefficients"


# Phones, accessibility ------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["#function/0", "#pull/2", "#clean-up/1"])
def test_phones_need_no_sideways_scrolling(
    browser: Browser, network_page: Path, place: str
) -> None:
    with opened(browser, network_page, place, PHONE) as explorer:
        assert explorer.page.evaluate(OVERFLOW) <= 0
        explorer.press("s")
        assert explorer.page.evaluate(OVERFLOW) <= 0
        explorer.page.click("#forward")
        assert explorer.shown()["hash"] != place


def test_formulas_stay_in_their_boxes(browser: Browser, network_page: Path) -> None:
    """Wide formulas are broken; what cannot be broken is scrolled, with keys, too."""
    unreachable = """() => [...document.querySelectorAll("#step .formula")].filter(
        (e) => e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0).length"""
    with opened(browser, network_page, "#taylor/1") as explorer:
        broken = 0
        for _ in range(12):
            explorer.press("j")
            assert explorer.page.evaluate(unreachable) == 0
            broken += explorer.page.locator("#step .broken .piece").count()
        assert broken > 0


def serious(explorer: Explorer) -> list[str]:
    found = Axe().run(explorer.page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(browser: Browser, network_page: Path, dark: bool) -> None:
    with opened(browser, network_page, "#pull/2", dark=dark) as explorer:
        explorer.press("s")
        explorer.page.locator("#graph .added").first.click()
        assert serious(explorer) == []
        explorer.press("?")
        assert serious(explorer) == []
    with opened(browser, network_page, "#taylor/2", size=PHONE, dark=dark) as explorer:
        assert serious(explorer) == []


# Hostile names --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile() -> Derivation:
    name = '</script><img src=x onerror="window.broken=1">$title&"\'<b>'

    def u(x: Any, params: Any) -> Any:
        return np.sin(x @ params[name]).sum()  # </script><script>window.broken=2</script>

    return jf.laplacian(u).derivation(np.ones(2), {name: np.eye(2)})


def test_hostile_names_are_text(browser: Browser, make_page: MakePage, hostile: Derivation) -> None:
    with opened(browser, make_page(hostile)) as explorer:
        for _ in range(6):
            explorer.press("]")
            pill = explorer.page.locator("#graph .parameter").first
            if pill.count():
                pill.click(force=True)
                assert "onerror" in explorer.text("#node")
        explorer.press("Home")
        node = explorer.page.locator("#graph .contract").first
        node.click(force=True)
        assert "window.broken=2" in explorer.text("#node pre")
        assert explorer.page.evaluate("() => window.broken") is None
        assert explorer.page.locator("img").count() == 0


# Views ----------------------------------------------------------------------------------------


ASIDE = """() => { const middle = (e) => { const b = e.getBoundingClientRect();
        return (b.left + b.right) / 2; };
    const boxes = new Map([...document.querySelectorAll("#graph .node[data-node]:not(.leaf)")].map(
        (e) => [e.dataset.node, middle(e)]));
    const edges = [...document.querySelectorAll("#graph .edge")].map((e) => e.dataset);
    const found = edges.filter(({from, to}) => boxes.has(from) && boxes.has(to)
        && edges.filter((other) => other.to === to && boxes.has(other.from)).length === 1);
    return found.map(({from, to}) => Math.abs(boxes.get(from) - boxes.get(to))); }"""


def test_boxes_stand_below_the_only_one_that_they_read(
    browser: Browser, network_page: Path
) -> None:
    with opened(browser, network_page, "#taylor/0") as explorer:
        explorer.press("0")
        aside = explorer.page.evaluate(ASIDE)
        assert len(aside) > 5
        assert sum(aside) / len(aside) < 24


def test_chapters_begin_with_the_input_in_view(browser: Browser, network_page: Path) -> None:
    inside = """() => { const box = (s) => document.querySelector(s).getBoundingClientRect();
        const [stage, point] = [box("#graph"), box("#graph .input")];
        return stage.left <= point.left && point.right <= stage.right
            && stage.top <= point.top && point.bottom <= stage.bottom; }"""
    with opened(browser, network_page, size=PHONE) as explorer:
        for _ in explorer.page.locator("#outline .chapter").all():
            assert explorer.page.evaluate(inside), explorer.shown()["hash"]
            explorer.press("]")
