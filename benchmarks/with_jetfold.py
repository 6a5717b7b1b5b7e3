"""jetfold: the network in plain NumPy for one point, the Laplacian over the batch."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

import jetfold as jf

from .cases import Array, Params, Problem
from .contestants import Call


def network(x: Array, params: Params) -> Array:
    """u(x) for one point x (D,)."""
    *hidden, (weights, bias) = params
    for matrix, offset in hidden:
        x = np.tanh(x @ matrix + offset)
    output: Array = (x @ weights + bias)[0]
    return output


def _laplacian(method: Literal["collapsed", "standard"], problem: Problem) -> Call:
    operator = jf.laplacian(network, method=method)
    return lambda: np.asarray(operator(problem.points, problem.params))


collapsed = partial(_laplacian, "collapsed")
standard = partial(_laplacian, "standard")
