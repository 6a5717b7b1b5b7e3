"""Golden text: what a graph or a generated source looked like when somebody last read it."""

import difflib
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Golden:
    """Compares text with the files of one folder, or writes them when `update` is set."""

    folder: Path
    update: bool

    def __call__(self, name: str, text: str) -> None:
        """Fail unless `text` is what the file `name` (a path below the folder) holds."""
        path = self.folder / name
        text = text.rstrip("\n") + "\n"
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        if not path.is_file():
            pytest.fail(f"no golden file {name}; write it with --update-golden", pytrace=False)
        expected = path.read_text(encoding="utf-8")
        if text != expected:
            diff = difflib.unified_diff(
                expected.splitlines(),
                text.splitlines(),
                fromfile=f"{name} (golden)",
                tofile=f"{name} (now)",
                lineterm="",
            )
            message = "\n".join([*diff, "if this is right: --update-golden, and read the diff"])
            pytest.fail(message, pytrace=False)
