"""What the host's vector unit looks like: register width, register count, fused multiply-add."""

from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

_FEATURES: dict[str, bool] = dict(llvm.get_host_cpu_features())
_IS_ARM = llvm.get_default_triple().startswith(("aarch64", "arm64"))

if _FEATURES.get("avx512f", False):
    VECTOR_BYTES = 64
elif _FEATURES.get("avx", False):
    VECTOR_BYTES = 32
else:
    VECTOR_BYTES = 16
"""Bytes in one vector register."""

VECTOR_REGISTERS = 32 if VECTOR_BYTES == 64 or _IS_ARM else 16
"""Vector registers that a kernel may fill."""

HAS_FMA = _IS_ARM or _FEATURES.get("fma", False)
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
