"""The table of what can be imported, in docs/torch.md, is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

from jetfold.torch.table import RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "torch.md"


def test_table_is_complete() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## What can be imported\n")[1]
    rows = [
        line.split("|")[2] for line in section.split("\n## ")[0].splitlines() if line[:1] == "|"
    ]
    documented = {name for row in rows[1:] for name in re.findall(r"`(\w+)`", row)}
    named = {
        key.rpartition(".")[2] for key in RULES if not key.startswith(("operator", "attribute"))
    }
    assert documented == {name for name in named if not name.startswith("_")}
