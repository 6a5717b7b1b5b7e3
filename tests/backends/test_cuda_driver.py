"""What is asked of the CUDA driver, by numba-cuda and by ourselves: of one that does nothing.

This finds calls with wrong arguments or in a wrong order, without a GPU.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

import stubbed_driver
from simulation import names, outcomes

SOURCE = Path(stubbed_driver.__file__).with_name("stub_driver.c")

pytest.importorskip("numba_cuda")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or platform.system() != "Linux":
        pytest.skip("a C compiler on Linux builds the driver")
    folder = Path(tmp_path_factory.mktemp("driver"))
    library = folder / "libcuda.so.1"
    options = ["-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run([compiler, *options], check=True)
    (folder / "libcuda.so").symlink_to(library.name)
    paths = os.pathsep.join(filter(None, [str(folder), os.environ.get("LD_LIBRARY_PATH")]))
    variables = {"LD_LIBRARY_PATH": paths, "STUB_LOG": str(folder / "calls")}
    return outcomes(stubbed_driver, folder / "cache", **variables)


@pytest.mark.parametrize("name", names(stubbed_driver))
def test_calls_of_the_driver(name: str, found: dict[str, str]) -> None:
    assert not found[name], found[name]
