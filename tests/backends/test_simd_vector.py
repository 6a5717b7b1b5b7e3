"""Vectors in compiled code mean what NumPy arrays mean."""

import operator
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

from jetfold.backends.cpu.simd import (
    FUNCTIONS,
    aligned_empty,
    bits,
    broadcast,
    copysign,
    fma,
    from_bits,
    isnan,
    lanes,
    load,
    pack,
    powi,
    reduce_add,
    select,
    splat,
    store,
    zero,
)
from jetfold.backends.cpu.simd.host import HAS_FMA, VECTOR_BYTES
from vector_loops import evaluate, whole_vectors

DTYPES = [np.float32, np.float64]
maximum, minimum = FUNCTIONS["maximum"], FUNCTIONS["minimum"]
rint, floor, ceil = FUNCTIONS["rint"], FUNCTIONS["floor"], FUNCTIONS["ceil"]
sqrt, absolute, sign = FUNCTIONS["sqrt"], FUNCTIONS["absolute"], FUNCTIONS["sign"]

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, np.inf, -np.inf, np.nan, 1e-30, -3e30]


def pairs(dtype: Any) -> tuple[Any, Any]:
    """All pairs of special values, and random ones."""
    x, y = np.meshgrid(SPECIAL, SPECIAL)
    random = np.random.default_rng(0).normal(size=(2, 87))
    return (
        whole_vectors(np.concatenate([x.ravel(), random[0]]), dtype),
        whole_vectors(np.concatenate([y.ravel(), random[1]]), dtype),
    )


def _xor(x: Any, y: Any) -> Any:
    integer = np.int32 if x.dtype == np.float32 else np.int64
    return (x.view(integer) ^ y.view(integer)).view(x.dtype)


# Exact operations: compiled, un-jitted and NumPy agree to the bit.
EXACT: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "add": (lambda x, y: x + y, np.add),
    "subtract": (lambda x, y: x - y, np.subtract),
    "multiply": (lambda x, y: x * y, np.multiply),
    "divide": (lambda x, y: x / y, np.divide),
    "negate": (lambda x, y: -x, lambda x, y: -x),
    "plus": (lambda x, y: +x, lambda x, y: x),
    "abs": (lambda x, y: abs(x), lambda x, y: np.abs(x)),
    "absolute": (lambda x, y: absolute(x), lambda x, y: np.abs(x)),
    "number on the left": (lambda x, y: 2 - x, lambda x, y: 2 - x),
    "number on the right": (lambda x, y: x / 3.0, lambda x, y: x / 3.0),
    "less": (lambda x, y: select(x < y, x, 7.0), lambda x, y: np.where(x < y, x, 7.0)),
    "at most": (lambda x, y: select(x <= y, 1.5, y), lambda x, y: np.where(x <= y, 1.5, y)),
    "greater": (lambda x, y: select(x > 0.25, x, y), lambda x, y: np.where(x > 0.25, x, y)),
    "at least": (lambda x, y: select(x >= y, x, y), lambda x, y: np.where(x >= y, x, y)),
    "equal": (lambda x, y: select(x == y, x, 7), lambda x, y: np.where(x == y, x, 7)),
    "not equal": (lambda x, y: select(x != y, x, 7), lambda x, y: np.where(x != y, x, 7)),
    "and": (
        lambda x, y: select((x < y) & (x > 0), x, y),
        lambda x, y: np.where((x < y) & (x > 0), x, y),
    ),
    "or, not": (
        lambda x, y: select((x < y) | ~(x > 0), x, y),
        lambda x, y: np.where((x < y) | ~(x > 0), x, y),
    ),
    "isnan": (lambda x, y: select(isnan(x), y, x), lambda x, y: np.where(np.isnan(x), y, x)),
    "maximum": (maximum, np.maximum),
    "minimum": (minimum, np.minimum),
    "clip": (lambda x, y: minimum(maximum(x, -1), 1.0), lambda x, y: np.clip(x, -1, 1)),
    "copysign": (copysign, np.copysign),
    "sqrt": (lambda x, y: sqrt(x), lambda x, y: np.sqrt(x)),
    "rint": (lambda x, y: rint(x), lambda x, y: np.rint(x)),
    "floor": (lambda x, y: floor(x), lambda x, y: np.floor(x)),
    "ceil": (lambda x, y: ceil(x), lambda x, y: np.ceil(x)),
    "sign": (lambda x, y: sign(x), lambda x, y: np.sign(x)),
    "bits": (lambda x, y: from_bits(bits(x) ^ bits(y)), _xor),
    "first power": (lambda x, y: powi(x, 1), lambda x, y: x),
    "power 0": (lambda x, y: powi(x, 0), lambda x, y: np.ones_like(x)),
    "square": (lambda x, y: powi(x, 2), lambda x, y: x * x),
    "power -4": (lambda x, y: powi(x, -4), lambda x, y: 1 / (x * x * (x * x))),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_exact_operations_agree_with_numpy(name: str, dtype: Any) -> None:
    function, expected = EXACT[name]
    x, y = pairs(dtype)
    with np.errstate(all="ignore"):
        wanted = expected(x, y)
    assert wanted.dtype == dtype
    for jit in (True, False):
        got = evaluate(function, x, y, jit=jit)
        np.testing.assert_array_equal(got, wanted)
        if name not in ("maximum", "minimum", "clip"):  # NumPy leaves their zero's sign open
            numbers = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(wanted[numbers]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("jit", [True, False])
def test_fma_rounds_once(dtype: Any, jit: bool) -> None:
    if not HAS_FMA and jit:
        pytest.skip("no fused multiply-add on this host")
    eps = np.finfo(dtype).eps
    x = whole_vectors([1 + eps, 1 - eps, 3.0, np.inf, np.nan, 1e30], dtype)
    y = -whole_vectors([1 + 2 * eps, 1 - 2 * eps, 9.0, 1.0, 1.0, 1.0], dtype)
    got = evaluate(lambda a, b: fma(a, a, b), x, y, jit=jit)
    wanted = [eps**2, eps**2, 0.0, np.inf, np.nan]
    np.testing.assert_array_equal(got[:5], np.array(wanted, dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory(dtype: Any) -> None:
    count = lanes(dtype)
    assert count * np.dtype(dtype).itemsize == VECTOR_BYTES

    def shuffle(source: Any, out: Any, start: int) -> Any:
        store(out, 0, load(source, start))
        store(out, lanes(out), broadcast(source, start + 1))
        store(out, 2 * lanes(out), splat(0.1, out))
        store(out, 3 * lanes(out), zero(load(source, 0)))
        store(out, 4 * lanes(out), 3)
        return reduce_add(load(source, start)), lanes(source)

    source = np.arange(3.0 * count).astype(dtype)
    for function in (njit(shuffle), shuffle):
        out = np.full(5 * count + 1, -1.0, dtype)
        total, found = function(source, out, 3)  # not aligned to a vector
        wanted = [source[3 : 3 + count], *np.outer([4.0, dtype(0.1), 0.0, 3.0], np.ones(count))]
        np.testing.assert_array_equal(out[:-1], np.concatenate(wanted))
        assert out[-1] == -1.0
        assert found == count
        assert total == source[3 : 3 + count].sum()


@pytest.mark.parametrize("dtype", DTYPES)
def test_aligned_arrays(dtype: Any) -> None:
    for size in (0, 1, 1000):
        array = aligned_empty(size, dtype)
        assert array.shape == (size,)
        assert array.dtype == dtype
        assert array.flags.writeable
        assert size == 0 or array.ctypes.data % 64 == 0


def test_numbers_take_the_dtype_of_the_vector() -> None:
    def scale(x: Any, out: Any, factor: float) -> None:
        store(out, 0, factor * load(x, 0) + 1)

    x, out = np.ones((2, lanes(np.float32)), np.float32)
    compiled = njit(scale)
    compiled(x, out, 1e-9)
    assert out[0] == 1.0  # rounded in float32
    compiled(x, out, 3)
    assert out[0] == 4.0
    x64 = np.ones(lanes(np.float64))
    with pytest.raises(Exception, match="No implementation"):
        njit(lambda a, b: load(a, 0) + load(b, 0))(x, x64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_accumulation_in_a_loop(dtype: Any) -> None:
    def norms(x: Any, out: Any, rows: int) -> None:
        for s in range(0, out.size, lanes(x)):
            acc = zero(x)
            for r in range(rows):
                h = load(x, r * out.size + s)
                acc += h * h
            store(out, s, acc)

    x = np.random.default_rng(1).normal(size=(7, 4 * lanes(dtype))).astype(dtype)
    for function in (njit(norms), norms):
        out = np.empty(x.shape[1], dtype)
        function(x.ravel(), out, len(x))
        np.testing.assert_allclose(out, (x * x).sum(0), rtol=4 * np.finfo(dtype).eps)


def test_in_place_operators() -> None:
    def chain(x: Any) -> Any:
        x += 1.0
        x *= x
        x -= 0.5
        x /= 2.0
        mask = x > 1.0
        mask &= x < 4.0
        mask |= x > 5.0
        mask ^= x > 6.0
        return select(mask, x, 0.0)

    x = whole_vectors(np.arange(-32, 32) / 8, np.float64)  # exact, fused or not
    np.testing.assert_array_equal(evaluate(chain, x), evaluate(chain, x.copy(), jit=False))


def test_vectors_pass_between_compiled_functions() -> None:
    @njit
    def helper(x: Any, y: Any) -> Any:
        return x * y, x > y

    def use(x: Any) -> Any:
        product, larger = helper(x, x + 1.0)
        return select(larger, 0.0, product)

    x = whole_vectors(np.arange(32), np.float32)
    np.testing.assert_array_equal(evaluate(use, x), x * (x + 1))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_stays_nan(name: str, dtype: Any) -> None:
    function = FUNCTIONS[name]
    one = 0.5 if name in BINARY else 1.0  # in every domain, and no special case of pow
    x = whole_vectors([np.nan, one, np.nan, -np.nan], dtype)
    if name in ("polygamma", "sinc", "besselj"):
        got = evaluate(lambda v: function(2, v), x)
    elif name in BINARY:
        y = whole_vectors([0.5, 0.5, np.nan, np.inf], dtype)
        if name == "hypot":  # by IEEE 754 infinite if one argument is, whatever the other
            y[3:] = 1.0
        got = evaluate(function, x, y)
        np.testing.assert_array_equal(np.isnan(evaluate(function, y, x)), np.isnan(x))
    else:
        got = evaluate(function, x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(x))


BINARY = {"arctan2", "hypot", "logaddexp", "power", "maximum", "minimum"}


WORKER = """
from numba import njit
from jetfold.backends.cpu.simd import FUNCTIONS, gemm, lanes, load, store

tanh = FUNCTIONS["tanh"]


@njit(nogil=True, error_model="numpy", cache=True)
def worker(a, b, c, M, K):
    V = lanes(b)
    gemm(a, 0, b, 0, V, V, c, 0, V, V, M, K, 1)
    for m in range(M):
        store(c, m * V, tanh(load(c, m * V)))
"""


def test_compiled_code_is_cached(tmp_path: Path) -> None:
    path = tmp_path / "generated_worker.py"
    path.write_text(WORKER)
    matrix = np.random.default_rng(0).normal(size=(7, 3))
    b = np.random.default_rng(1).normal(size=3 * lanes(np.float64))
    hits = []
    for _ in range(2):
        names: dict[str, Any] = {"__name__": "generated_worker", "__file__": str(path)}
        exec(compile(WORKER, str(path), "exec"), names)
        c = np.zeros(7 * lanes(np.float64))
        names["worker"](pack(matrix), b, c, 7, 3)
        np.testing.assert_allclose(c.reshape(7, -1), np.tanh(matrix @ b.reshape(3, -1)), rtol=1e-14)
        hits.append(sum(names["worker"].stats.cache_hits.values()))
    assert hits == [0, 1]


def test_numba_can_be_switched_off() -> None:
    check = """
import numpy as np
from jetfold.backends.cpu.simd import pack
b = np.linspace(-1.0, 1.0, 3 * lanes(np.float64))
matrix, c = np.arange(6.0).reshape(2, 3) / 7, np.zeros(2 * lanes(np.float64))
worker(pack(matrix), b, c, 2, 3)
np.testing.assert_allclose(c.reshape(2, -1), np.tanh(matrix @ b.reshape(3, -1)), rtol=1e-14)
print(type(worker).__name__)
"""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    source = WORKER.replace(", cache=True", "") + check
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "function"


def test_operators_are_those_of_numpy() -> None:
    """Outside of compiled code nothing is special: vectors are arrays."""
    x = load(np.arange(32.0), 1)
    assert isinstance(x, np.ndarray)
    assert operator.add(x, 1.0)[0] == 2.0
    x[:] = 0.0  # a copy: the source does not change
    assert load(np.arange(32.0), 1)[0] == 1.0
