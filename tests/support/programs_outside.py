"""Programs that some tests need and that are no Python packages: a browser and LaTeX.

A test asks for one by the fixture `chromium` or `pdflatex` (tests/conftest.py) and is skipped
where the program is missing, or refused with --require-browser or --require-latex.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program: its names on several systems, the option that requires it, Debian's packages."""

    names: tuple[str, ...]
    option: str
    packages: str
    styles: tuple[str, ...] = ()  # files that LaTeX must find

    @property
    def path(self) -> str | None:
        return next((path for path in map(shutil.which, self.names) if path), None)

    def missing(self) -> str:
        """What is not there and how to get it; empty if all is."""
        lacking = "" if self.path else self.names[0]
        lacking = lacking or ", ".join(file for file in self.styles if not _found_by_tex(file))
        return lacking and f"{lacking} is not there (Debian: apt-get install {self.packages})"


BROWSER = Program(
    ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "--require-browser",
    "chromium",
)
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""For a headless browser that asks nothing of the network, in a container, too."""
LATEX = Program(
    ("pdflatex",),
    "--require-latex",
    "texlive-latex-base",
    styles=("amsmath.sty", "amssymb.sty"),
)


@functools.cache
def _found_by_tex(file: str) -> bool:
    run = subprocess.run(["kpsewhich", file], stdout=subprocess.DEVNULL, check=False)
    return run.returncode == 0
