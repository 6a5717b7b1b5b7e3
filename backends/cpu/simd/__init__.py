"""Vectors of the host's width in numba code, functions on them, and the matrix product.

In compiled code a vector is a value in a register; un-jitted, the same code runs on NumPy arrays
of `lanes(dtype)` elements (there `x += y` changes x in place: write x = x + y where another name
shares x). All arguments are positional. `ws` is a 1-D contiguous array of float32
or float64, `i` an index in elements, non-negative and unchecked.

    aligned_empty(n, dtype)  a flat array that begins at a cache line: use it for ws (not in numba)
    lanes(ws_or_dtype)       elements per vector; a constant in compiled code
    load(ws, i)              the vector at ws[i : i + lanes]
    store(ws, i, x)          write a vector (or a number to every lane)
    broadcast(ws, i)         ws[i] in every lane
    splat(number, like)      a number in every lane; like: an array or a vector
    zero(like)               a vector of zeros
    + - * / abs < <= > >= == != & | ~ ; numbers in operators take the vector's dtype
    fma(a, b, c)             a*b + c;   select(mask, a, b);   powi(x, 3) with a literal exponent
    copysign, isnan, bits, from_bits
    reduce_add(x)            the sum of the lanes, one number
    FUNCTIONS[name]          exp, tanh, ... by name
    pack(matrix), packed_size(M, K), gemm(...)   see matrix_product.py
    accumulator_size(..), unpacked(..), add_outer_product(..)   see outer_product.py

Read host.py, emit.py (how one definition serves both uses), vector.py, primitives.py, then the
functions, exponential.py (their scheme) and its neighbours, with formats.py and pairs.py;
functions.py, matrix_product.py, outer_product.py.
"""

from jetfold.backends.cpu.simd.functions import FUNCTIONS
from jetfold.backends.cpu.simd.host import aligned_empty, lanes
from jetfold.backends.cpu.simd.matrix_product import (
    ROWS,
    VECTORS,
    gemm,
    pack,
    pack_into,
    packed_size,
)
from jetfold.backends.cpu.simd.outer_product import (
    accumulator_size,
    add_outer_product,
    block_size,
    unpacked,
)
from jetfold.backends.cpu.simd.primitives import (
    bits,
    copysign,
    fma,
    from_bits,
    isnan,
    powi,
    reduce_add,
    select,
)
from jetfold.backends.cpu.simd.vector import Vec, broadcast, load, splat, store, zero

__all__ = [
    "FUNCTIONS",
    "ROWS",
    "VECTORS",
    "Vec",
    "accumulator_size",
    "add_outer_product",
    "aligned_empty",
    "bits",
    "block_size",
    "broadcast",
    "copysign",
    "fma",
    "from_bits",
    "gemm",
    "isnan",
    "lanes",
    "load",
    "pack",
    "pack_into",
    "packed_size",
    "powi",
    "reduce_add",
    "select",
    "splat",
    "store",
    "unpacked",
    "zero",
]
