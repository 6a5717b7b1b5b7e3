"""Modules for the CPU: numba, with pieces of large arrays on threads."""

from __future__ import annotations

from jetfold.backends.standalone.device import Device

_RUN = """\
    piece = max(10_000, -(-size // threads))  # less is not worth a thread
    if size <= piece:
        {name}_loop(0, size, *arrays)
    else:
        with ThreadPoolExecutor(threads) as pool:
            starts = range(0, size, piece)
            list(pool.map(lambda i: {name}_loop(i, min(i + piece, size), *arrays), starts))
    return tuple(results)
"""

DEVICE = Device(
    needs="numba and NumPy",
    imports="""\
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import config, njit""",
    decorator='@njit(error_model="numpy")',
    loop='''\
@njit(error_model="numpy", nogil=True, cache=True)
def {name}_loop(first, last, {arrays}):
    """Points first to last - 1."""
    for i in range(first, last):
{element}''',
    of_arrays='''\
def {name}_jet({arguments}, threads=config.NUMBA_NUM_THREADS):
    """{results} for numbers or arrays, which are broadcast."""
    arguments = [np.asarray(array, real) for array in ({arguments})]
    shape = np.broadcast_shapes(*(array.shape for array in arguments))
    size = math.prod(shape)
    results = [np.empty(shape, real) for _ in range({count})]
    arrays = [_flat(array, shape) for array in (*arguments, *results)]
'''
    + _RUN
    + '''

def _flat(array, shape):
    """The array, broadcast to this shape, with one axis."""
    if array.shape != shape:
        array = np.array(np.broadcast_to(array, shape))
    return np.ascontiguousarray(array).reshape(-1)''',
    of_directions='''\
AXES = {axes}
"""How many axes each argument and each result has for directions, before those for points."""


def {name}_jet({arguments}, threads=config.NUMBA_NUM_THREADS):
    """{results} for numbers or arrays; at the points they are broadcast."""
    arguments = [np.asarray(array, real) for array in ({arguments})]
    shape = np.broadcast_shapes(*(array.shape[lead:] for array, lead in zip(arguments, AXES)))
    size, rows = math.prod(shape), {rows}
    results = [np.empty(rows[:lead] + shape, real) for lead in AXES[-{count}:]]
    arrays = [_flat(array, rows[:lead], shape) for array, lead in zip((*arguments, *results), AXES)]
'''
    + _RUN
    + '''

def _flat(array, rows, shape):
    """The array, broadcast to the shape (*rows, *shape), with one axis for the points."""
    n = len(rows)
    array = array.reshape(array.shape[:n] + (1,) * (n + len(shape) - array.ndim) + array.shape[n:])
    if array.shape != rows + shape:
        array = np.array(np.broadcast_to(array, rows + shape))
    return np.ascontiguousarray(array).reshape(*rows, math.prod(shape))''',
)
