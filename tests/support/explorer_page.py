"""An explorer page in a browser: what it shows, and what it must not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request

from jetfold.derivation import Derivation

MakePage = Callable[[Derivation], Path]

PROJECTOR = (1280, 800)
PHONE = (390, 844)
SHOWN = """() => ({
  hash: location.hash,
  counts: [...document.querySelectorAll("[data-count]")].map(
    (e) => [e.dataset.count, Number(e.textContent.replaceAll(",", ""))]),
  nodes: [...document.querySelectorAll("#graph .node[data-node]:not(.ghost)")].map(
    (e) => Number(e.dataset.node)),
  signs: [...document.querySelectorAll("#graph .node[data-sign]:not([data-sign=''])")].map(
    (e) => [e.dataset.sign, Number(e.dataset.node)]),
  groups: [...document.querySelectorAll("#graph .node[data-group]")].map((e) => e.dataset.group),
  selected: [...document.querySelectorAll("#outline [aria-selected=true]")].map(
    (e) => Number(e.dataset.place)),
  slider: Number(document.getElementById("slider").value),
  heading: document.querySelector("#step h2").textContent,
})"""

EMPTY: WeakKeyDictionary[Browser, dict[tuple[tuple[int, int], bool, bool], list[Page]]] = (
    WeakKeyDictionary()
)
"""Pages that earlier tests have left: a new one takes longer than to fill one again."""


class Explorer:
    """A page that is open, and what it said and asked for meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", self._broke)
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _broke(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("file", "data", "blob", "about"):
            self.complaints.append(f"request of {request.url}")

    def leave(self) -> None:
        """Empty the page, and listen to it no more."""
        self.page.mouse.move(0, 0)
        self.page.goto("about:blank")
        self.page.remove_listener("console", self._said)
        self.page.remove_listener("pageerror", self._broke)
        self.page.remove_listener("request", self._asked)

    def open(self, path: Path, place: str = "") -> Explorer:
        self.page.goto(path.as_uri() + place)
        self.page.wait_for_selector("html[data-ready]", state="attached")
        return self

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(SHOWN)
        found["counts"] = dict(found["counts"])
        found["nodes"] = set(found["nodes"])
        found["signs"] = {(sign, node) for sign, node in found["signs"]}
        return found

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def box_of(self, node: int) -> str:
        """A selector of the first box of a node."""
        return f'#graph .node[data-node="{node}"] >> nth=0'


@contextmanager
def opened(
    browser: Browser,
    path: Path,
    place: str = "",
    size: tuple[int, int] = PROJECTOR,
    dark: bool = False,
    calm: bool = True,
) -> Iterator[Explorer]:
    """A page without a network; errors and requests fail when it is closed.

    ``calm`` asks for no motion, so that what is shown is where it belongs at once.
    """
    empty = EMPTY.setdefault(browser, {}).setdefault((size, dark, calm), [])
    explorer = Explorer(empty.pop() if empty else _new_page(browser, size, dark, calm))
    yield explorer.open(path, place)
    explorer.leave()
    assert explorer.complaints == []
    empty.append(explorer.page)


def _new_page(browser: Browser, size: tuple[int, int], dark: bool, calm: bool) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if calm else "no-preference",
        offline=True,
    )
    return context.new_page()
