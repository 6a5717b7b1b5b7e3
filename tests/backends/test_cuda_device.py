"""What the CUDA backend needs: options, and errors that say what is missing and how to get it."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import jetfold as jf
from jetfold.backends.cuda import device
from jetfold.backends.cuda.device import Card, driver_message
from messages import message_of
from processes import run

pytest.importorskip("numba_cuda")

CALL = """
import numpy as np
import jetfold as jf

op = jf.laplacian(np.sum, backend="cuda")
x = np.ones((4, 3))
assert op.derivation(x).final_graph.outputs
assert "from numba import cuda" in op.source(x)
try:
    op(x)
except jf.BackendError as error:
    print(error)
"""

require_package = device.require_package.__wrapped__
require_gpu = device.require_gpu.__wrapped__
has_cupy = device.has_cupy.__wrapped__


def test_the_package_is_missing(tmp_path: Path) -> None:
    message = run("import sys; sys.modules['numba_cuda'] = None" + CALL, tmp_path / "cache")
    assert "needs the package numba-cuda, which is not installed" in message
    assert 'pip install "jetfold[cuda]"' in message
    assert 'pip install "jetfold[cuda12]"' in message


def test_the_old_backend_of_numba_is_found_in_its_place(tmp_path: Path) -> None:
    numba = pytest.importorskip("numba")
    if not (Path(numba.__file__).parent / "cuda" / "__init__.py").exists():
        pytest.skip("this numba has no backend of its own")
    without = "import sys\nkinds = sys.meta_path\n"
    without += "kinds[:] = [k for k in kinds if type(k).__name__ != 'NumbaCudaFinder']\n"
    message = run(without + CALL, tmp_path / "cache")
    assert message.startswith("the old numba.cuda built into numba was imported")
    assert 'pip install "jetfold[cuda]"' in message


def test_the_package_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba.cuda

    monkeypatch.setitem(sys.modules, "numba.cuda", None)
    monkeypatch.delattr(numba, "cuda")
    message = message_of(jf.BackendError, require_package)
    assert message.startswith("numba-cuda is installed, but cannot be imported (")
    assert message.strip().endswith('pip install "jetfold[cuda]"')


def test_the_compiler_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.cuda.cudadrv.nvvm.is_available", lambda: False)
    message = message_of(jf.BackendError, require_package)
    assert message.startswith("numba-cuda is installed without the compiler libNVVM")


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        (
            "\nCUDA driver library cannot be found.\nEnsure that",
            "an NVIDIA driver, and there is no",
        ),
        ("Call to cuInit results in CUDA_ERROR_NO_DEVICE (100)", "it finds no GPU"),
        ("CUDA is disabled due to setting NUMBA_DISABLE_CUDA=1", "NUMBA_DISABLE_CUDA: unset it"),
        ("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)", "MISMATCH (803); see whether nvidia-smi"),
    ],
)
def test_the_driver_does_not_start(problem: str, wanted: str) -> None:
    assert wanted in driver_message(problem)


def test_gpus_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    message = driver_message("CUDA_ERROR_NO_DEVICE")
    assert "CUDA_VISIBLE_DEVICES is '7', unset it to see all" in message
    assert 'backend="cpu"' in message


def pretend(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], *cards: Card) -> None:
    """A driver of this version that shows these cards."""
    from numba.cuda.cudadrv import driver

    found = SimpleNamespace(
        is_available=True, initialization_error=None, get_version=lambda: version
    )
    monkeypatch.setattr(driver, "driver", found)
    monkeypatch.setattr(device, "cards", lambda: list(cards))


NEW = Card("NVIDIA H100 80GB HBM3", (9, 0), 85_000_000_000)
OLD = Card("GeForce GTX 1080", (6, 1), 8_500_000_000)


def test_the_driver_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_toolkit", lambda: 13)
    pretend(monkeypatch, (12, 8), NEW)
    message = message_of(jf.BackendError, require_gpu)
    assert "driver is for CUDA 12.8, but numba-cuda is installed for CUDA 13" in message
    assert message.endswith('or pip install "jetfold[cuda12]"')
    pretend(monkeypatch, (11, 8), NEW)
    assert "cuda12" not in message_of(jf.BackendError, require_gpu)


def test_the_card_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_toolkit", lambda: 13)
    pretend(monkeypatch, (13, 0), OLD)
    message = message_of(jf.BackendError, require_gpu)
    assert message.startswith("GeForce GTX 1080, compute capability 6.1, 8 GB is too old")
    assert "compute capability 7.5" in message
    pretend(monkeypatch, (13, 0))
    assert "finds no GPU" in message_of(jf.BackendError, require_gpu)


def test_cards_that_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_toolkit", lambda: 13)
    monkeypatch.setattr(device, "require_gpu", require_gpu)  # it remembers what is here otherwise
    pretend(monkeypatch, (13, 1), OLD, NEW)
    facts = device.facts()
    assert facts["GPU 1"] == "NVIDIA H100 80GB HBM3, compute capability 9.0, 85 GB"
    assert facts["CUDA driver"] == "13.1"


def test_a_broken_cupy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cupy").mkdir()
    (tmp_path / "cupy" / "__init__.py").write_text("raise ImportError('no libcublas.so.13')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    message = message_of(jf.BackendError, has_cupy)
    assert message.startswith("CuPy is installed, but cannot be imported (no libcublas.so.13)")
    assert 'pip install "jetfold[cuda]", or remove it' in message


# Options ------------------------------------------------------------------------------------------


def test_options_are_values() -> None:
    options = jf.Cuda(tf32=True, memory=10**9)
    assert options == pickle.loads(pickle.dumps(options))
    assert hash(options) == hash(jf.Cuda(tf32=True, memory=10**9))
    assert repr(options) == "Cuda(tf32=True, memory=1000000000)"
    assert repr(jf.Cuda()) == "Cuda()"
    with pytest.raises(AttributeError):
        options.tf32 = False  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"tf32": 1}, "tf32 is 1; it must be True or False"),
        ({"graphs": None}, "graphs is None"),
        ({"memory": 0}, "memory is 0; it must be a whole number of bytes"),
        ({"memory": 1e9}, "memory is 1000000000.0"),
        ({"memory": True}, "memory is True"),
        ({"threads": 100}, "threads is 100; it must be a multiple of 32 from 32 to 256"),
        ({"threads": 2048}, "threads is 2048"),
        ({"threads": "all"}, "threads is 'all'"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], wanted: str) -> None:
    assert wanted in message_of(jf.ArgumentError, jf.Cuda, **options)


def test_an_operator_shows_its_options() -> None:
    assert repr(jf.laplacian(np.sum, backend="cuda")) == "Laplacian(sum, backend='cuda')"
    shown = repr(jf.laplacian(np.sum, backend=jf.Cuda(threads=64)))
    assert shown == "Laplacian(sum, backend=Cuda(threads=64))"
