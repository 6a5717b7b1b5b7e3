"""Run the Python in a Markdown file, and write the file again with what it printed.

A file is one session: its ```python blocks run one after the other in one namespace. What a block
prints stands in the ```text block that follows it; a block that raises an error shows the error
there. A block without a ```text block after it must print nothing and raise nothing.
"""

from __future__ import annotations

import io
import linecache
import re
import traceback
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

FILE = "example.py"
"""What the code calls its own file in messages; lines count from the beginning of the block."""

_BLOCK = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text begins and ends in the file."""

    language: str
    text: str
    start: int
    end: int


def blocks(markdown: str) -> list[Block]:
    """The fenced blocks of a file, in order."""
    return [Block(m[1], m[2], m.start(2), m.end(2)) for m in _BLOCK.finditer(markdown)]


def rerun(markdown: str) -> str:
    """The file with every block of output replaced by what the code before it prints now."""
    namespace: dict[str, Any] = {"__name__": "example"}
    parts = []
    done = 0
    for block, output in _with_output(blocks(markdown)):
        printed = run(block.text, namespace, may_fail=output is not None)
        if output is None:
            assert not printed, f"this block prints, and no block of text follows:\n{block.text}"
            continue
        parts += [markdown[done : output.start], printed]
        done = output.end
    return "".join([*parts, markdown[done:]])


def _with_output(found: list[Block]) -> Iterator[tuple[Block, Block | None]]:
    for i, block in enumerate(found):
        if block.language == "python":
            after = next(iter(found[i + 1 :]), None)
            yield block, after if after is not None and after.language == "text" else None


def run(code: str, namespace: dict[str, Any], may_fail: bool) -> str:
    """What a block prints, and the error in which it ends, as Python shows it below a traceback."""
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            exec(compile(code, FILE, "exec"), namespace)
    except Exception as error:
        if not may_fail:
            raise
        error_text = "".join(traceback.format_exception_only(error))
        printed.write(error_text.removeprefix(type(error).__module__ + "."))
    lines = printed.getvalue().splitlines()
    return "".join(line.rstrip() + "\n" for line in lines)
