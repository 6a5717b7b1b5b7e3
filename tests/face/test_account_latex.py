"""What is written in LaTeX compiles, and nothing runs off the page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import sympy as sp

import jetfold as jf
from account_cases import CASES
from jetfold.account.tex import document_of
from jetfold.rules.primitives import PRIMITIVES

FURTHEST = 2.0
"""Points by which a line may be too long: nobody sees them."""


def compiled(pdflatex: str, folder: Path, document: str) -> str:
    """The log of a document that compiles."""
    (folder / "told.tex").write_text(document, encoding="utf-8")
    command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "told.tex"]
    run = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=False)
    log = (folder / "told.log").read_text(encoding="latin-1")
    errors = "\n".join(line for line in log.splitlines() if line.startswith(("!", "l.")))
    assert run.returncode == 0, errors or run.stdout.decode("latin-1")
    assert (folder / "told.pdf").stat().st_size > 10_000
    return log


def too_wide(log: str) -> list[str]:
    """The lines of the log about text that runs off the page."""
    found = re.findall(r"^Overfull \\hbox \(([\d.]+)pt too wide\).*$", log, re.MULTILINE)
    return [points for points in found if float(points) > FURTHEST]


def test_every_operator(pdflatex: str, tmp_path: Path) -> None:
    told = [make().latex() for make in CASES.values()]
    log = compiled(pdflatex, tmp_path, document_of("\n".join(told)))
    assert not too_wide(log)


def test_a_document_of_its_own(pdflatex: str, tmp_path: Path) -> None:
    log = compiled(pdflatex, tmp_path, CASES["biharmonic"]().latex(document=True))
    assert not too_wide(log)


@pytest.mark.parametrize("collapsed", [False, True])
def test_the_rules_of_all_primitives(pdflatex: str, tmp_path: Path, collapsed: bool) -> None:
    rules = [jf.rule(name, 2, collapsed).latex() for name in PRIMITIVES]
    compiled(pdflatex, tmp_path, document_of("\n".join(rules)))


def test_jet_algebras(pdflatex: str, tmp_path: Path) -> None:
    x, y, z = sp.symbols("x y z")
    operators = [x**2 + y**2, (x**2 + y**2 + z**2) ** 2, x**3 - y, [x, x * y], sp.Integer(1)]
    found = [jf.jet_algebra(p, [x, y, z]).latex() for p in operators]
    compiled(pdflatex, tmp_path, document_of("\n".join(found)))
