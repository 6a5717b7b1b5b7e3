"""A headless Chromium for pages that jetfold writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any


class Missing(Exception):
    """What a browser needs is not there; the message names it."""


@contextmanager
def browser() -> Iterator[Any]:
    """A browser that Playwright drives. Raises `Missing`."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if path is None:
        raise Missing("Chromium is not there")
    if find_spec("playwright") is None:
        raise Missing("playwright is not there")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as programs:
        opened = programs.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()
