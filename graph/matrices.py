"""Matrix functions of stacks of square matrices in every number system.

NumPy's own functions serve single, double and complex precision. In all other numbers (rationals,
mpmath's, NumPy's long double) it is elimination with the largest pivot, one matrix after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from jetfold.graph.numbers import NumberSystem
from jetfold.graph.ops import MatrixFunctionName, operand_symbol


def matrix_function(
    name: MatrixFunctionName, matrices: NDArray[Any], numbers: NumberSystem
) -> NDArray[Any]:
    """The function of each matrix on the last two axes.

    A singular matrix of floating-point numbers has an inverse of NaN or infinities, and a
    determinant with the logarithm -inf and the sign 0; in rationals and mpmath's numbers both are
    errors, as 1 / 0 is.
    """
    if matrices.dtype in (np.float32, np.float64, np.complex64, np.complex128):
        return _by_numpy(name, matrices)
    shape = matrices.shape if name == "inverse" else matrices.shape[:-2]
    found = np.empty(shape, matrices.dtype)
    for place in np.ndindex(matrices.shape[:-2]):
        found[place] = _eliminate(name, matrices[place], numbers)
    match name:
        case "log_abs_det":
            return numbers.evaluate(sp.log(operand_symbol(0)), [np.abs(found)])
        case "sign_det":
            signs = np.asarray(np.sign(found), dtype=float)
            return numbers.array(signs).astype(found.dtype)
    return found


def _by_numpy(name: MatrixFunctionName, matrices: NDArray[Any]) -> NDArray[Any]:
    if name == "inverse":
        try:
            return np.asarray(np.linalg.inv(matrices))
        except np.linalg.LinAlgError:  # some are singular, but NumPy gives up on all
            regular = np.linalg.slogdet(matrices).sign != 0
            result = np.full_like(matrices, np.nan)
            result[regular] = np.linalg.inv(matrices[regular])
            return result
    sign, log = np.linalg.slogdet(matrices)
    return np.asarray(log if name == "log_abs_det" else sign).astype(matrices.dtype, copy=False)


def _eliminate(name: MatrixFunctionName, matrix: NDArray[Any], numbers: NumberSystem) -> Any:
    """The inverse, or the determinant for the other functions: by Gauss and Jordan."""
    size = len(matrix)
    one = matrix.dtype.type(1) if matrix.dtype != object else 1
    rows = np.concatenate([matrix, np.eye(size, dtype=int) * one], axis=1)
    determinant = one
    for k in range(size):
        pivot = k + int(np.argmax(np.abs(rows[k:, k])))
        if pivot != k:
            rows[[k, pivot]] = rows[[pivot, k]]
            determinant = -determinant
        determinant = determinant * rows[k, k]
        if determinant == 0 and name != "inverse":
            break
        rows[k] = rows[k] * numbers.evaluate(1 / operand_symbol(0), [rows[k : k + 1, k]])
        for i in range(size):
            if i != k:
                rows[i] = rows[i] - rows[i, k] * rows[k]
    return rows[:, size:] if name == "inverse" else determinant
