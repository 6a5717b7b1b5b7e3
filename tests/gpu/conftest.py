"""Tests on a real GPU: skipped without one, or an error if one is required (make test-gpu)."""

from __future__ import annotations

from pathlib import Path

import pytest

from jetfold.backends.cuda.device import require_gpu, simulated
from jetfold.graph import BackendError

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-gpu", action="store_true", help="fail where there is no GPU, and say why"
    )


def pytest_configure(config: pytest.Config) -> None:
    missing = reason()
    if missing and config.getoption("require_gpu", default=False):
        raise pytest.UsageError(f"there is no GPU to test on: {missing}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    own = [item for item in items if HERE in item.path.parents]
    missing = reason() if own else ""
    for item in own:
        item.add_marker(pytest.mark.cuda)
        if missing:
            item.add_marker(pytest.mark.skip(reason=missing))


def reason() -> str:
    """Why nothing can run on a GPU here; empty if it can."""
    if simulated():
        return "numba's simulator is switched on (NUMBA_ENABLE_CUDASIM)"
    try:
        require_gpu()
    except BackendError as error:
        return str(error)
    return ""
