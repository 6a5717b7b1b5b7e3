"""NVIDIA's compute-sanitizer on small programs, and what is said of GPUs that are hidden."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from processes import run

PROGRAM = """
import numpy as np
import jetfold as jf
from jetfold.backends.cuda import sessions

if {own_products}:
    sessions.has_cupy = lambda: False
random = np.random.default_rng(0)
x = random.normal(size=(77, 3)).astype("float32")
params = [(random.normal(size=s).astype("float32"), np.ones(s[1], "float32")) for s in {shapes}]

def u(x, params):
    for w, b in params:
        x = np.tanh(x @ w + b)
    return np.where(x > 0, x, np.exp(x))[::-1].sum()

for operator in (jf.laplacian, jf.biharmonic):
    op = operator(u, backend="cuda")
    expected = operator(u, backend="reference")(x, params)
    for _ in range(3):
        found = op(x, params)
        assert np.abs(found - expected).max() < 1e-2 * np.abs(expected).max()
"""
SHAPES = "[(3, 70), (70, 9)]"


@pytest.mark.slow
@pytest.mark.parametrize("own_products", [False, True])
@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "synccheck"])
def test_sanitizer(tool: str, own_products: bool, tmp_path: Path) -> None:
    sanitizer = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not Path(sanitizer).exists():
        pytest.skip("compute-sanitizer is not installed (it comes with the CUDA toolkit)")
    if tool != "memcheck" and not own_products:
        pytest.skip("only products in kernels of our own use shared memory")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(own_products=own_products, shapes=SHAPES))
    done = subprocess.run(
        [sanitizer, "--tool", tool, "--error-exitcode", "9", sys.executable, str(program)],
        capture_output=True,
        text=True,
        env=os.environ | {"JETFOLD_CACHE_DIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_hidden_gpus_are_named(tmp_path: Path) -> None:
    code = "import numpy as np, jetfold as jf\ntry:\n    jf.laplacian(np.sum, backend='cuda')"
    code += "(np.ones((2, 3)))\nexcept jf.BackendError as error:\n    print(error)"
    message = run(code, tmp_path / "cache", CUDA_VISIBLE_DEVICES="99")
    assert "finds no GPU; CUDA_VISIBLE_DEVICES is '99'" in message


def test_info_names_the_card(tmp_path: Path) -> None:
    report = run("from jetfold import info; print(info.report())", tmp_path / "cache")
    lines = dict(line.split(":", 1) for line in report.splitlines())
    assert "compute capability" in lines["GPU 0"]
    assert "CUDA driver" in lines
