"""What kernels become: PTX, and the registers and memory that they take; no GPU is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jetfold.backends.cuda.device import require_package
from jetfold.backends.cuda.emit import FLOAT64, emit
from jetfold.backends.cuda.launches import Launch, adding_up, clearing, plan
from jetfold.backends.cuda.modules import load_source
from jetfold.backends.program import Program

Capability = tuple[int, int]
"""A compute capability, as (9, 0) for sm_90."""


@dataclass(frozen=True)
class Assembled:
    """A kernel as PTX, and what a thread of it takes once it is assembled.

    registers    : of 32 bits; a thread may have 255 of them.
    stack        : bytes of local memory, which lies in the device's memory.
    spill_stores : bytes that are written there because registers ran out, and
    spill_loads  : bytes that are read back.
    shared       : bytes of shared memory of a block.
    """

    name: str
    ptx: str
    registers: int
    stack: int
    spill_stores: int
    spill_loads: int
    shared: int

    @property
    def spills(self) -> bool:
        """Whether registers ran out."""
        return self.spill_stores + self.spill_loads > 0

    @property
    def double(self) -> bool:
        """Whether anything is computed in double precision."""
        return ".f64" in self.ptx

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.registers} registers, {self.stack} bytes of stack, "
            f"{self.spill_stores + self.spill_loads} bytes spilled, {self.shared} bytes shared"
        )


def compile_ptx(
    function: Callable[..., Any], signature: Any, cc: Capability, device: bool = False
) -> str:
    """The PTX of a plain Python function for types of numba's: a kernel, or a device function."""
    require_package()
    from numba import cuda

    ptx: str
    ptx, _ = cuda.compile(function, signature, cc=cc, device=device, abi="numba")
    return ptx


def assemble(name: str, ptx: str, cc: Capability) -> Assembled:
    """Assemble the PTX of one kernel with CUDA's linker and read its report."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    options = LinkerOptions(arch=f"sm_{cc[0]}{cc[1]}", verbose=True)
    linker = Linker(ObjectCode.from_ptx(ptx.encode()), options=options)
    linker.link("cubin")
    log = linker.get_info_log()
    stack, stores, loads = _numbers(
        r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", log
    )
    (registers,) = _numbers(r"Used (\d+) registers", log)
    shared = re.search(r"(\d+) bytes smem", log)
    return Assembled(
        name, ptx, registers, stack, stores, loads, int(shared.group(1)) if shared else 0
    )


def _numbers(pattern: str, log: str) -> list[int]:
    found = re.search(pattern, log)
    if found is None:
        raise RuntimeError(f"CUDA's linker reported something unknown: {log!r}")
    return [int(number) for number in found.groups()]


def kernels(
    program: Program, dtype: np.dtype[Any] = FLOAT64
) -> dict[str, tuple[Callable[..., Any], Any]]:
    """The kernels that a program launches, as plain functions with signatures of numba's."""
    module = load_source(emit(program, dtype))
    launches = [step for step in plan(program, 2, 1).steps if isinstance(step, Launch)]
    if program.totals:
        launches += [clearing(program), *adding_up(program)]
    return {
        launch.kernel: (getattr(module, launch.kernel).py_func, _signature(launch, dtype))
        for launch in launches
    }


def _signature(launch: Launch, dtype: np.dtype[Any]) -> Any:
    from numba import from_dtype, types

    def flat(element: np.dtype[Any]) -> Any:
        return types.Array(from_dtype(element), 1, "C")

    arrays = [flat(np.dtype(np.int32) if name == "table" else dtype) for name in launch.arrays]
    return types.void(*arrays, types.UniTuple(types.int64, len(launch.integers)))


def assembled(
    program: Program, dtype: np.dtype[Any] = FLOAT64, cc: Capability = (9, 0)
) -> list[Assembled]:
    """All kernels of a program, compiled and assembled."""
    return [
        assemble(name, compile_ptx(function, signature, cc), cc)
        for name, (function, signature) in kernels(program, dtype).items()
    ]


def assembled_product(dtype: np.dtype[Any] = FLOAT64, cc: Capability = (9, 0)) -> Assembled:
    """The kernel for matrix products (see `product`), compiled and assembled."""
    from jetfold.backends.cuda.product import INTEGERS, product_kernel

    return _assembled("multiply", product_kernel(dtype.name), INTEGERS, dtype, cc)


def assembled_outer(dtype: np.dtype[Any] = FLOAT64, cc: Capability = (9, 0)) -> Assembled:
    """The kernel for sums of outer products (see `outer`), compiled and assembled."""
    from jetfold.backends.cuda.outer import INTEGERS, outer_kernel

    return _assembled("add_products", outer_kernel(dtype.name), INTEGERS, dtype, cc)


def _assembled(
    name: str, kernel: Any, integers: int, dtype: np.dtype[Any], cc: Capability
) -> Assembled:
    """A kernel of two arrays and so many integers."""
    from numba import from_dtype, types

    numbers = types.Array(from_dtype(dtype), 1, "C")
    signature = types.void(numbers, numbers, types.UniTuple(types.int64, integers))
    return assemble(name, compile_ptx(kernel.py_func, signature, cc), cc)
