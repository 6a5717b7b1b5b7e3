"""Run Python code in processes of its own, with a cache folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
PATIENCE = 120
"""Seconds after which a process counts as hanging."""


def start(code: str, cache: Path, **variables: str) -> subprocess.Popen[str]:
    """A process that runs the code, modules of tests/support included, with this cache folder."""
    paths = [str(SUPPORT), os.environ.get("PYTHONPATH")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
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


def wait_for(condition: Callable[[], bool], processes: Sequence[subprocess.Popen[str]]) -> None:
    """Until these processes have brought something about."""
    end = time.monotonic() + PATIENCE
    while not condition():
        for process in processes:
            if process.poll() not in (None, 0) or time.monotonic() > end:
                finish(process)
        time.sleep(0.01)


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
