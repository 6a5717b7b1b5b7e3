"""Loops over vectorised functions stay in full vector registers: no scalar arithmetic, no libm.

A loop that calls `math.tanh` is put to the same question, to see that it is noticed.
"""

import math
import platform
import re
from typing import Any

import numpy as np
import pytest
from numba import njit, types

from jetfold.backends.cpu import CompiledGraph
from jetfold.backends.cpu.cache import load_source
from jetfold.backends.cpu.simd import FUNCTIONS
from jetfold.backends.cpu.simd.host import HAS_FMA, VECTOR_BYTES
from jetfold.graph import Editor, Input, Map, Type
from jetfold.rules.operators import jet
from jetfold.rules.primitives import PRIMITIVES
from vector_loops import binary_loop, unary_loop

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or VECTOR_BYTES < 32 or not HAS_FMA,
    reason="looks for AVX instructions",
)

DTYPES = [np.float32, np.float64]
REGISTER = "%zmm" if VECTOR_BYTES == 64 else "%ymm"

VECTORISED = sorted(set(FUNCTIONS) - {"gamma", "gammaln", "digamma", "polygamma", "besselj"})
BINARY = {"arctan2", "hypot", "logaddexp", "power", "maximum", "minimum"}
# Large arguments take a branch to the C library.
CALLS = {"sin": {"sin"}, "cos": {"cos"}, "tan": {"tan"}, "sinc": {"sin", "cos", "sincos"}}

_sinc = FUNCTIONS["sinc"]


def second_sinc(x: Any) -> Any:
    """A function of one argument, for a loop."""
    return _sinc(2, x)


def body(dispatcher: Any, dtype: Any, arguments: int) -> str:
    """The assembly of a function of arrays, without what numba puts around it."""
    array = types.Array(getattr(types, np.dtype(dtype).name), 1, "C")
    return function_body(dispatcher, (array,) * arguments)


def function_body(dispatcher: Any, signature: tuple[Any, ...]) -> str:
    """The assembly of one compiled function."""
    dispatcher.compile(signature)
    name = dispatcher.overloads[signature].fndesc.mangled_name
    assembly: str = dispatcher.inspect_asm(signature)
    return assembly.split(f"\n{name}:")[1].split(".Lfunc_end", maxsplit=1)[0]


def arithmetic(assembly: str, kind: str) -> list[str]:
    """The lines with floating-point arithmetic on one number (kind "s") or on packed ones ("p")."""
    operations = "add|sub|mul|div|sqrt|max|min|fn?m(?:add|sub)(?:132|213|231)"
    found = re.compile(rf"^\s+v(?:{operations}){kind}[sd]\s")
    return [line for line in assembly.splitlines() if found.match(line)]


def calls(assembly: str) -> set[str]:
    """The C functions whose addresses are taken, or that are called by name."""
    names = re.findall(r"(?:movabsq\s+\$|callq?\s+)([A-Za-z]\w*)", assembly)
    return {name for name in names if not name.startswith("_ZN08NumbaEnv")}


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, DTYPES[i % 2]) for i, name in enumerate(VECTORISED)]
)
def test_loops_stay_in_full_vectors(name: str, dtype: Any) -> None:
    check_loop(name, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["exp", "tanh", "expit"])
def test_the_most_common_in_both_precisions(name: str, dtype: Any) -> None:
    check_loop(name, dtype)


def check_loop(name: str, dtype: Any) -> None:
    """One loop over a function."""
    function = second_sinc if name == "sinc" else FUNCTIONS[name]
    operands = 2 if name in BINARY else 1
    loop = (binary_loop if operands == 2 else unary_loop)(function)
    assembly = body(loop, dtype, operands + 1)
    assert not arithmetic(assembly, "s")
    packed = arithmetic(assembly, "p")
    # The simplest functions are selections and roundings.
    assert packed or name in ("absolute", "floor", "ceil", "rint", "sign")
    assert all(REGISTER in line for line in packed)
    assert REGISTER in assembly
    assert calls(assembly) <= CALLS.get(name, set())


def test_a_loop_over_the_c_library_is_noticed() -> None:
    @njit(error_model="numpy")
    def loop(x: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = math.tanh(x[i]) + math.sqrt(x[i])

    assembly = body(loop, np.float64, 2)
    assert calls(assembly) == {"tanh"}
    assert arithmetic(assembly, "s")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_jet_of_tanh_computes_one_exponential(dtype: Any) -> None:
    """In a generated kernel, tanh(x) and sech_squared(x) share all but a division."""
    editor = Editor()
    point = Input("x", Type((4,)))
    graph = editor.freeze([editor.add(Map(PRIMITIVES["tanh"].expr), editor.add(point))])
    source = CompiledGraph(jet(graph, point, 2)).source
    assert "sech_squared(u0)" in source
    assert "tanh(u0)" in source
    kernel = load_source(source, np.dtype(dtype)).kernel_0
    array = types.Array(getattr(types, np.dtype(dtype).name), 1, "C")
    integers = types.Array(types.int64, 1, "C")
    assembly = function_body(kernel, (array, array, integers, types.int64, types.int64))
    assert not calls(assembly)
    # Two divisions in each copy of the loop's body, and as many products as one tanh has and a few.
    divisions, products = counts(assembly)
    assert divisions % 2 == 0
    of_tanh = counts(body(unary_loop(FUNCTIONS["tanh"]), dtype, 2))
    assert products / (divisions / 2) < 1.5 * of_tanh[1] / of_tanh[0]


def counts(assembly: str) -> tuple[int, int]:
    """Packed divisions and fused multiply-adds."""
    names = [line.split()[0] for line in arithmetic(assembly, "p")]
    return sum("div" in name for name in names), sum(name.startswith("vf") for name in names)
