"""Modules for NVIDIA GPUs: numba.cuda, a thread for each point."""

from __future__ import annotations

from jetfold.backends.standalone.device import Device

_DOC = '''\
    Arrays on the GPU (of CuPy, PyTorch, ...) are read where they are; they have the dtype above and
    the shape of all points. Then the results are numba's arrays on the GPU, which others make their
    own without a copy: cupy.asarray(y), torch.as_tensor(y, device="cuda").
    """
    given = ({arguments})
    on_gpu = any(hasattr(array, "__cuda_array_interface__") for array in given)
    arguments = [_array(array) for array in given]
'''

_RUN = """\
    if size:
        blocks = min(-(-size // 256), 65_535)
        {name}_kernel[blocks, 256, stream](*arrays, *results)
    if not on_gpu:
        cuda.synchronize()
        results = [array.copy_to_host() for array in results]
"""

_ARRAY = """\


def _array(array):
    if hasattr(array, "__cuda_array_interface__"):
        return cuda.as_cuda_array(array)
    return np.asarray(array, real)


"""

_CHECK = """\
    if array.shape != SHAPE or array.dtype != real or not array.is_c_contiguous():
        wanted = f"contiguous, {{real.__name__}} and of shape {{SHAPE}}"
        raise ValueError(f"an array on the GPU is {{array.dtype}} {{array.shape}}, not {{wanted}}")
"""

DEVICE = Device(
    needs="numba-cuda, NumPy and a GPU (or NUMBA_ENABLE_CUDASIM=1)",
    imports="""\
import math

import numpy as np
from numba import cuda""",
    decorator='@cuda.jit(device=True, inline="always")',
    loop='''\
@cuda.jit
def {name}_kernel({arrays}):
    """A point for each thread, and further ones until all are done."""
    for i in range(cuda.grid(1), {first}.size, cuda.gridsize(1)):
{element}''',
    of_arrays='''\
def {name}_jet({arguments}, stream=0):
    """{results} for numbers or NumPy arrays, which are broadcast.

'''
    + _DOC
    + """\
    shape = np.broadcast_shapes(*(array.shape for array in arguments))
    size = int(np.prod(shape))
    arrays = [_flat(array, shape) for array in arguments]
    results = [cuda.device_array(size, real) for _ in range({count})]
"""
    + _RUN
    + """\
    return tuple(array.reshape(shape) for array in results)
"""
    + _ARRAY
    + '''\
def _flat(array, shape):
    """The array, broadcast to this shape, with one axis, on the GPU."""
    if isinstance(array, np.ndarray):
        return cuda.to_device(np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1))
'''
    + _CHECK.replace("SHAPE", "shape")
    + """\
    return array.reshape(array.size)""",
    of_directions='''\
AXES = {axes}
"""How many axes each argument and each result has for directions, before those for points."""


def {name}_jet({arguments}, stream=0):
    """{results} for numbers or NumPy arrays; at the points they are broadcast.

'''
    + _DOC
    + """\
    shape = np.broadcast_shapes(*(array.shape[lead:] for array, lead in zip(arguments, AXES)))
    size, rows = int(np.prod(shape)), {rows}
    arrays = [_flat(array, rows[:lead], shape) for array, lead in zip(arguments, AXES)]
    results = [cuda.device_array((*rows[:lead], size), real) for lead in AXES[-{count}:]]
"""
    + _RUN
    + """\
    return tuple(array.reshape(array.shape[:-1] + shape) for array in results)
"""
    + _ARRAY
    + '''\
def _flat(array, rows, shape):
    """The array, broadcast to the shape (*rows, *shape), with one axis for the points."""
    n, flat = len(rows), (*rows, int(np.prod(shape)))
    if isinstance(array, np.ndarray):
        before = array.shape[:n] + (1,) * (n + len(shape) - array.ndim)
        array = np.broadcast_to(array.reshape(before + array.shape[n:]), rows + shape)
        return cuda.to_device(np.ascontiguousarray(array).reshape(flat))
'''
    + _CHECK.replace("SHAPE", "rows + shape")
    + """\
    return array.reshape(flat)""",
)
