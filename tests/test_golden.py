"""The golden-text fixture itself."""

from pathlib import Path

import pytest

from golden import Golden


def test_update_writes_what_is_then_accepted(tmp_path: Path) -> None:
    Golden(tmp_path, update=True)("kernels/tanh.txt", "y = tanh(x)\ny1 = (1 - y²)·x1")
    Golden(tmp_path, update=False)("kernels/tanh.txt", "y = tanh(x)\ny1 = (1 - y²)·x1\n")


def test_difference_fails_and_shows_both_sides(tmp_path: Path) -> None:
    (tmp_path / "tanh.txt").write_text("same\nbefore\n", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception) as failure:
        Golden(tmp_path, update=False)("tanh.txt", "same\nafter\n")
    lines = str(failure.value).splitlines()
    assert {"-before", "+after", " same"} <= set(lines)
    assert (tmp_path / "tanh.txt").read_text(encoding="utf-8") == "same\nbefore\n"


def test_missing_file_fails_and_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"tanh\.txt.*--update-golden"):
        Golden(tmp_path, update=False)("tanh.txt", "y = tanh(x)")
