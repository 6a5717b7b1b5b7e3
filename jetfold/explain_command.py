"""Show how an operator of a function is derived, or the rule of a primitive.

As text on the terminal, as LaTeX, and as a page to walk through in a browser. Nothing is compiled
and no numbers are needed.

    python -m jetfold explain module:function --operator laplacian --dim 3 --html derivation.html
    python -m jetfold explain "sin(x)*exp(y)"
    python -m jetfold explain tanh --order 4 --collapsed
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from jetfold.account.plain import to_text
from jetfold.account.primitive_rule import rule_account
from jetfold.account.tex import to_latex
from jetfold.explorer import page
from jetfold.graph import ArgumentError
from jetfold.kernel import write
from jetfold.target import Target, read
from jetfold.target import add_options as add_target_options

TERMINAL = "-"
"""The name of a file that stands for the terminal."""


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `python -m jetfold explain`."""
    add_target_options(command)
    command.add_argument("--text", action="store_true", help="print it (the default)")
    command.add_argument(
        "--html", metavar="FILE", help="write a page to walk through, step by step, in a browser"
    )
    command.add_argument("--latex", metavar="FILE", help="write LaTeX; - prints it")
    command.add_argument("--overwrite", action="store_true", help="replace existing files")


def run(chosen: argparse.Namespace) -> int:
    """Write what is wanted. Raises `JetfoldError` for what cannot be explained or written."""
    for text in _outputs(chosen):
        print(text, end="")
    return 0


def _outputs(chosen: argparse.Namespace) -> Iterator[str]:
    """Writes files; what belongs on the terminal."""
    wanted = {"html": chosen.html, "latex": chosen.latex}
    files = {kind: name for kind, name in wanted.items() if name is not None}
    printed = [f"--{kind}" for kind, name in files.items() if name == TERMINAL]
    printed += ["--text"] * chosen.text
    if len(printed) > 1:
        raise ArgumentError(f"{' and '.join(printed)} cannot both be printed; name a file")
    if chosen.html not in (None, TERMINAL) and Path(chosen.html).suffix != ".html":
        raise ArgumentError(
            f"--html {chosen.html} does not end in .html, by which browsers know it"
        )
    target = read(chosen)
    if chosen.text or not files:
        yield _text(target)
    for kind, name in files.items():
        text = WRITERS[kind](target)
        yield text if name == TERMINAL else f"{write(name, text, chosen.overwrite)}\n"


def _text(target: Target) -> str:
    if target.rule is not None:
        return to_text(rule_account(target.rule))
    return target.derivation.explain()


def _latex(target: Target) -> str:
    if target.rule is not None:
        return to_latex(rule_account(target.rule), True)
    return target.derivation.latex(document=True)


def _html(target: Target) -> str:
    return page(target.derivation)


WRITERS: Mapping[str, Callable[[Target], str]] = {"html": _html, "latex": _latex}
