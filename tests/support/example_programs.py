"""The programs in examples: how tests run them, in a reduced size, and load them as modules."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"

COMMANDS: dict[str, str] = {
    "burgers": "--points 700 --adam 400 --steps 80 --tolerance 2e-3",
    "dask_training": "--points 1001 --steps 30 --tolerance 0.01",
    "fokker_planck": "--points 512 --steps 150 --tolerance 0.05",
    "heat": "--dimension 20 --steps 400 --tolerance 0.08",
    "helium": "--walkers 500 --steps 60 --rounds 100",
    "hydrogen": "--points 100",
    "inspect_rule": "arctan2 --order 3",
    "oscillator": "--points 400 --steps 200",
    "own_primitive": "H2 --levels 3 --points 100",
    "paper_network": "--widths 5 20 20 1 --points 10",
    "plate": "--points 100",
    "plate_collocation": "",
    "poisson": "--points 800 --adam 200 --steps 500 --tolerance 1e-2",
}
"""The arguments with which each example is run; those of all examples, as a test checks."""


def load(name: str) -> Any:
    """The example as a module; a new one each time."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look up their annotations
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]  # other processes could not import it
    return module


def run(name: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The example run from the command line in a folder."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *COMMANDS[name].split(), *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
