"""The vector unit that numba compiles for: register width, register count, fused multiply-add.

That is the host's, unless NUMBA_CPU_FEATURES (with NUMBA_CPU_NAME) or NUMBA_ENABLE_AVX say less.
"""

from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt
from numba.core import config
from numba.core.codegen import get_host_cpu_features


def _target_features() -> set[str]:
    chosen = config.CPU_FEATURES
    text = get_host_cpu_features() if chosen is None else chosen
    return {feature[1:] for feature in text.split(",") if feature.startswith("+")}


_FEATURES = _target_features()
_IS_ARM = llvm.get_default_triple().startswith(("aarch64", "arm64"))

if "avx512f" in _FEATURES:
    VECTOR_BYTES = 64
elif "avx" in _FEATURES:
    VECTOR_BYTES = 32
else:
    VECTOR_BYTES = 16
"""Bytes in one vector register."""

VECTOR_REGISTERS = 32 if VECTOR_BYTES == 64 or _IS_ARM else 16
"""Vector registers that a kernel may fill."""

HAS_FMA = _IS_ARM or "fma" in _FEATURES
"""Whether a fused multiply-add is one instruction."""


def lanes(dtype: Any) -> int:
    """Elements of `dtype` (anything NumPy accepts, or an array) in one vector register.

    In compiled code the argument is an array or a vector, and the result is a constant.
    """
    element = dtype.dtype if isinstance(dtype, np.ndarray) else np.dtype(dtype)
    return VECTOR_BYTES // int(element.itemsize)


def aligned_empty(size: int, dtype: Any) -> npt.NDArray[Any]:
    """A flat array that begins at a multiple of a cache line.

    NumPy's own arrays begin anywhere. Vectors that straddle two cache lines cost a matrix product
    of long rows up to a quarter of its speed.
    """
    line = max(64, VECTOR_BYTES)
    count = size * np.dtype(dtype).itemsize
    raw = np.empty(count + line, np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + count].view(dtype)
