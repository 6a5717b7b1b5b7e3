"""JAX is an extra: nothing else of jetfold needs it, and where it is missing the error says so."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


def test_jetfold_does_not_import_it() -> None:
    code = "import jetfold, sys; print('jax' in sys.modules or 'jetfold.jax' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_without_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if f"{name}.".startswith("jetfold.jax.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jetfold\[jax\]'"):
        importlib.import_module("jetfold.jax")
