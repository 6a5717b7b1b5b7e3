"""The messages of errors, as a user reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jetfold as jf


def message_of(kind: type[Exception], call: Callable[..., Any], *args: Any, **options: Any) -> str:
    """The message, with its notes, of the error that a call raises."""
    with pytest.raises(jf.JetfoldError) as caught:
        call(*args, **options)
    error = caught.value
    assert isinstance(error, kind)
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


def check_place(message: str, file: str) -> None:
    """A line of the message names a line of this file, which ends in a comment "here"."""
    places = re.findall(r'File "(.*)", line (\d+): (.*)', message)
    assert len(places) == 1, message
    found, line, text = places[0]
    assert found == file
    assert Path(file).read_text().splitlines()[int(line) - 1].strip() == text
    assert text.endswith("# here")
