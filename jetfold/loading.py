"""Objects that commands are given by name: ``module:object`` or ``path/to/file.py:object``."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import sys
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from jetfold.graph import ArgumentError
from jetfold.importing import import_modules, its_own_errors

_REFERENCE = re.compile(r"(?P<module>.*\.py|[^\s()\[\]{},*+]*):(?P<name>[^\s()\[\]{},*+]*)")


def is_reference(text: str) -> bool:
    """Whether a text names an object in a module, and is not an expression."""
    return _REFERENCE.fullmatch(text) is not None


def load(text: str) -> Any:
    """The object with this name; its module is imported, also from the current folder.

    Raises `ArgumentError` for a name that leads nowhere, and whatever goes wrong inside the module.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None or not found["module"] or not found["name"]:
        raise ArgumentError(
            f"{text!r} does not name an object in a module; write module:function, as in "
            "package.module:function or folder/file.py:function"
        )
    place = found["module"]
    from_file = place.endswith(".py") or os.sep in place
    module = _from_file(Path(place).absolute()) if from_file else _imported(place)
    return _attribute(module, place, found["name"])


def value(text: str) -> Any:
    """A number, an object, or what a function without arguments returns: a parameter's value.

    Raises `ArgumentError` as `load` does, and for a function that needs arguments.
    """
    try:
        return float(text)
    except ValueError:
        found = load(text)
    if not callable(found):
        return found
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ArgumentError(
            f"{text} cannot be called without arguments ({error}); name the object itself, or a "
            "function without arguments that makes it"
        ) from None
    with its_own_errors(text):
        return found()


def _imported(name: str) -> ModuleType:
    _search(Path.cwd())
    import_modules([name])
    return sys.modules[name]


@cache
def _from_file(path: Path) -> ModuleType:
    """The module in a file; it is imported under the file's name, once."""
    if not path.is_file():
        raise ArgumentError(f"there is no file {os.path.relpath(path)}")
    name = path.stem
    while name in sys.modules:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"{os.path.relpath(path)} is no file of Python; its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    _search(path.parent)
    sys.modules[name] = module
    try:
        with its_own_errors(name):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _search(folder: Path) -> None:
    """Look for modules in a folder, too, as Python does for the folder of a program."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _attribute(module: ModuleType, place: str, name: str) -> Any:
    found: Any = module
    owner = place
    for part in name.split("."):
        if not hasattr(found, part):
            near = get_close_matches(part, dir(found), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ArgumentError(f"there is no {part!r} in {owner}{hint}")
        found = getattr(found, part)
        owner = f"{owner}:{part}" if owner == place else f"{owner}.{part}"
    return found
