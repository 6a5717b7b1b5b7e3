"""Checks of options that many public functions share."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import numpy as np

from jetfold.graph import ArgumentError


def choose(
    value: object,
    choices: Mapping[str, Any] | tuple[str, ...],
    what: str,
    meant: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A name from a list of choices. Raises `ArgumentError` naming them.

    ``meant`` says which one is meant by other words; otherwise it is the one spelled alike.
    """
    names = list(choices)
    if isinstance(value, str) and value in names:
        return value
    given = str(value).lower()
    near = [meant[given]] if given in meant else get_close_matches(given, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ArgumentError(f"unknown {what} {value!r}: choose from {', '.join(names)}{hint}")


def whole(value: object, name: str, least: int) -> int:
    """An integer of at least ``least``. Raises `ArgumentError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"{name} is {value!r}; it must be an integer of {least} or more")
    return int(value)
