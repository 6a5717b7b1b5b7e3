"""Modules that commands import: those of the option --import, which register primitives."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jetfold.graph import ArgumentError, JetfoldError


def add_import_option(command: argparse.ArgumentParser) -> None:
    """Let a command take ``--import MODULE``, several times, as ``modules``."""
    command.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="import a module first, which registers primitives (can be given several times)",
    )


def import_modules(names: Sequence[str]) -> None:
    """Import modules. Raises `ArgumentError` for one that is not there.

    What goes wrong inside a module is raised as it is, see `its_own_errors`.
    """
    for name in names:
        _import(name)


def _import(module: str) -> None:
    if not all(part.isidentifier() for part in module.split(".")):
        raise ArgumentError(
            f"{module!r} is no name of a module; write it as in an import statement, as in a.b"
        )
    try:
        with its_own_errors(module):
            importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ArgumentError(
            f"there is no module {error.name!r} to import; give its name as in an import "
            "statement, in the folder where it is or with its folder in PYTHONPATH"
        ) from None


@contextmanager
def its_own_errors(module: str) -> Iterator[None]:
    """Errors of jetfold inside a module become the cause of an `ImportError`.

    Commands show errors of jetfold as one message, for who typed the command. These are for who
    wrote the module, and come with a traceback.
    """
    try:
        yield
    except JetfoldError as error:
        raise ImportError(f"{module} cannot be imported") from error
