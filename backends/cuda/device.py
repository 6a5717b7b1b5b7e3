"""What the CUDA backend needs, and what is there: numba-cuda, a driver, a GPU, CuPy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from jetfold.graph import BackendError

INSTALL = 'pip install "jetfold[cuda]"'
INSTALL_12 = 'pip install "jetfold[cuda12]"'
LEAST_CAPABILITY: Mapping[int, tuple[int, int]] = {12: (5, 0), 13: (7, 5)}
"""The oldest cards that each release of CUDA compiles for."""


class OutOfMemory(BackendError):
    """A GPU has not as much memory left as is needed."""


def simulated() -> bool:
    """Whether kernels run in numba's simulator, on the host (NUMBA_ENABLE_CUDASIM=1)."""
    from numba.core import config

    return bool(config.ENABLE_CUDASIM)


@cache
def require_package() -> None:
    """Raise `BackendError` unless numba-cuda can compile kernels; that takes no GPU."""
    if find_spec("numba_cuda") is None:
        own = (
            " (the numba.cuda built into numba is an old one that jetfold cannot use)"
            if find_spec("numba.cuda") is not None
            else ""
        )
        raise BackendError(
            f'the backend "cuda" needs the package numba-cuda, which is not installed{own}: '
            f"{INSTALL} with a driver for CUDA 13, {INSTALL_12} with one for CUDA 12"
        )
    try:
        from numba import cuda
    except ImportError as error:
        raise BackendError(
            f"numba-cuda is installed, but cannot be imported ({_first_line(error)}): {INSTALL}"
        ) from error
    if getattr(cuda, "implementation", None) != "NVIDIA":
        raise BackendError(
            "the old numba.cuda built into numba was imported in place of numba-cuda, which is "
            "installed: its start-up file _numba_cuda_redirector.pth was not read; start Python "
            f"without -S, and in the environment of numba-cuda, or install it anew: {INSTALL}"
        )
    if not simulated():
        from numba.cuda.cudadrv import nvvm

        if not nvvm.is_available():
            raise BackendError(
                "numba-cuda is installed without the compiler libNVVM and CUDA's other libraries: "
                f"{INSTALL} with a driver for CUDA 13, {INSTALL_12} with one for CUDA 12"
            )


@cache
def require_gpu() -> None:
    """Raise `BackendError` unless there is a GPU that kernels can run on."""
    require_package()
    if simulated():
        return
    from numba.cuda.cudadrv.driver import driver
    from numba.cuda.cudadrv.error import CudaSupportError

    try:
        problem = None if driver.is_available else str(driver.initialization_error)
    except CudaSupportError as error:
        problem = str(error)
    if problem is not None:
        raise BackendError(driver_message(problem))
    release, offered = _toolkit(), driver.get_version()
    if offered[0] < release:
        raise BackendError(
            f"the NVIDIA driver is for CUDA {offered[0]}.{offered[1]}, but numba-cuda is installed "
            f"for CUDA {release}: install a newer driver (https://www.nvidia.com/drivers)"
            + (f", or {INSTALL_12}" if offered[0] == 12 else "")
        )
    found = cards()
    if not found:
        raise BackendError(driver_message("CUDA_ERROR_NO_DEVICE"))
    least = LEAST_CAPABILITY.get(release, (7, 5))
    if all(card.capability < least for card in found):
        raise BackendError(
            f"{found[0]} is too old for CUDA {release}, which needs compute capability "
            f"{least[0]}.{least[1]}" + (f": {INSTALL_12}" if release > 12 else "")
        )


def driver_message(problem: str) -> str:
    """What to say when the driver does not start, given its own words."""
    if "NUMBA_DISABLE_CUDA" in problem:
        return "CUDA is switched off by the environment variable NUMBA_DISABLE_CUDA: unset it"
    if "cannot be found" in problem:
        return (
            'the backend "cuda" needs an NVIDIA driver, and there is none (no libcuda.so.1): '
            "install one (https://www.nvidia.com/drivers; in a container, start it with "
            '--gpus all), or use backend="cpu"'
        )
    if "CUDA_ERROR_NO_DEVICE" in problem:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = f"; CUDA_VISIBLE_DEVICES is {visible!r}, unset it to see all" if visible else ""
        return (
            f"an NVIDIA driver is installed, but it finds no GPU{hidden}; nvidia-smi -L lists them;"
            ' use backend="cpu" without one'
        )
    return (
        f"the NVIDIA driver does not start: {' '.join(problem.split())}; see whether nvidia-smi "
        "works, and reboot after an update of the driver"
    )


@dataclass(frozen=True)
class Card:
    """A GPU: its name, compute capability, and bytes of memory."""

    name: str
    capability: tuple[int, int]
    memory: int

    def __str__(self) -> str:
        major, minor = self.capability
        gigabytes = f"{self.memory / 1e9:.0f} GB"
        return f"{self.name}, compute capability {major}.{minor}, {gigabytes}"


def cards() -> list[Card]:
    """The GPUs that the driver shows, in its order. There must be a driver."""
    from numba import cuda
    from numba.cuda.cudadrv.driver import driver

    return [
        Card(gpu.name, tuple(gpu.compute_capability), int(driver.cuDeviceTotalMem(gpu.id)))
        for gpu in cuda.gpus
    ]


@cache
def has_cupy() -> bool:
    """Whether matrix products can go to cuBLAS. Raises `BackendError` for a broken CuPy."""
    if simulated() or find_spec("cupy") is None:
        return False
    try:
        for name in ("cupy", "cupy_backends.cuda.libs.cublas"):
            import_module(name)
    except ImportError as error:
        raise BackendError(
            f"CuPy is installed, but cannot be imported ({_first_line(error)}): {INSTALL}, or "
            "remove it, and matrix products run in kernels of jetfold's own"
        ) from error
    return True


def facts() -> dict[str, str]:
    """What a report of a problem should say of GPUs, by name; never an error."""
    found = {name: known for name in ("numba-cuda", "cuda-bindings") if (known := _version(name))}
    try:
        require_gpu()
    except BackendError as error:
        return found | {"GPU": f"none can be used: {error}"}
    if simulated():
        return found | {"GPU": "numba's simulator on the host (NUMBA_ENABLE_CUDASIM)"}
    from numba.cuda.cudadrv.driver import driver

    found["CUDA driver"] = "{}.{}".format(*driver.get_version())
    found |= {f"GPU {number}": str(card) for number, card in enumerate(cards())}
    try:
        found["CuPy"] = _cupy_version() if has_cupy() else f"not installed: {INSTALL}"
    except BackendError as error:
        found["CuPy"] = str(error)
    return found


def _cupy_version() -> str:
    import cupy

    return str(cupy.__version__)


def _toolkit() -> int:
    """The release of CUDA that numba-cuda is installed for."""
    return int((_version("cuda-bindings") or "13").partition(".")[0])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
