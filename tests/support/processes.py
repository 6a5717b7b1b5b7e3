"""Run Python code in processes of its own, with a cache folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
PATIENCE = 120
"""Seconds after which a process counts as hanging."""


def start(code: str, cache: Path, **variables: str) -> subprocess.Popen[str]:
    """A process that runs the code, modules of tests/support included, with this cache folder."""
    environment = os.environ | {
        "PYTHONPATH": str(SUPPORT),
        "JETFOLD_CACHE_DIR": str(cache),
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        cwd=cache.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What the process printed; it must end well."""
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"the process hangs\n{output}\n{errors}") from None
    assert process.returncode == 0, f"exit status {process.returncode}\n{output}\n{errors}"
    return output


def run(code: str, cache: Path, **variables: str) -> str:
    """What a process with this code prints."""
    return finish(start(code, cache, **variables))
