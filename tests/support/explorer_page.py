"""An explorer page in a browser: what it shows, and what it must not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page

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


class Explorer:
    """A page that is open, and what it said and asked for meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme not in ("file", "data", "blob"):
            self.complaints.append(f"request of {url}")

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
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if calm else "no-preference",
        offline=True,
    )
    try:
        explorer = Explorer(context.new_page())
        yield explorer.open(path, place)
        assert explorer.complaints == []
    finally:
        context.close()
