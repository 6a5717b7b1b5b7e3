"""Inverses and determinants of small matrices, one for every sample: the text of one function.

`eliminate` is plain Python on numbers and addresses, which generated modules take in. On a
processor it runs over the samples of a tile in its innermost loops, so that compilers turn these
into vectors; in a thread of a CUDA device there is one sample.

Source: Golub and Van Loan, Matrix Computations, 4th ed. 2013, section 3.4 (partial pivoting);
Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. 2002, section 14.4 (Gauss-Jordan).
"""

from __future__ import annotations

import inspect
import math
from typing import Any

from numpy import uint64

Array = Any
"""A flat array of float32 or float64."""


def eliminate(
    ws: Array,
    matrix: int,
    step: int,
    work: int,
    work_step: int,
    size: int,
    samples: int,
    inverse: bool,
    log: int,
    sign: int,
) -> None:
    """Gauss-Jordan elimination with partial pivoting, in place, for every sample by itself.

    Element (i, j) of sample s is at ``matrix + (i * size + j) * step + s``. With ``inverse`` the
    matrix is replaced by its inverse, otherwise by numbers of no use. The logarithm of the
    determinant's absolute value goes to ``log + s``, its sign to ``sign + s``, unless these are
    negative. ``size + 1`` rows of samples from ``work`` on are scratch memory: which row was
    the pivot in each step, then factors. A singular matrix gives numbers that are not finite.

    (Indices that cannot be negative are uint64: numba would test whether they are, in every turn of
    a loop, and not make a vector of it.)
    """
    one = ws.dtype.type(1)
    infinite = ws.dtype.type(math.inf)
    factors = work + size * work_step
    for s in range(samples):
        if log >= 0:
            ws[log + s] = one - one
        if sign >= 0:
            ws[sign + s] = one
    for k in range(size):
        first = 0 if inverse else k
        pivots = work + k * work_step
        for s in range(samples):
            largest = abs(ws[matrix + (k * size + k) * step + s])
            row = k
            for i in range(k + 1, size):
                value = abs(ws[matrix + (i * size + k) * step + s])
                if value > largest:
                    largest = value
                    row = i
            ws[pivots + s] = row
            if row != k:
                for j in range(first, size):
                    here = matrix + (k * size + j) * step + s
                    there = matrix + (row * size + j) * step + s
                    value = ws[here]
                    ws[here] = ws[there]
                    ws[there] = value
            pivot = ws[matrix + (k * size + k) * step + s]
            if log >= 0 and ws[log + s] != -infinite:
                ws[log + s] += ws.dtype.type(math.log(largest)) if largest != 0 else -infinite
            if sign >= 0 and ws[sign + s] != 0:
                if row != k:
                    ws[sign + s] = -ws[sign + s]
                if pivot < 0:
                    ws[sign + s] = -ws[sign + s]
                elif not pivot > 0:
                    ws[sign + s] *= pivot
            ws[factors + s] = one / pivot if pivot != 0 else infinite
            ws[matrix + (k * size + k) * step + s] = one
        for j in range(first, size):
            here = matrix + (k * size + j) * step
            for s in range(samples):
                ws[uint64(here + s)] *= ws[uint64(factors + s)]
        for i in range(0 if inverse else k + 1, size):
            if i != k:
                here = matrix + (i * size + k) * step
                for s in range(samples):
                    ws[uint64(factors + s)] = ws[uint64(here + s)]
                    ws[uint64(here + s)] = one - one
                for j in range(first, size):
                    above = matrix + (k * size + j) * step
                    here = matrix + (i * size + j) * step
                    for s in range(samples):
                        ws[uint64(here + s)] -= ws[uint64(factors + s)] * ws[uint64(above + s)]
    for k in range(size - 1 if inverse else -1, -1, -1):  # rows were swapped: now columns
        for s in range(samples):
            column = int(ws[work + k * work_step + s])
            if column != k:
                for i in range(size):
                    here = matrix + (i * size + k) * step + s
                    there = matrix + (i * size + column) * step + s
                    value = ws[here]
                    ws[here] = ws[there]
                    ws[there] = value


def source(decorator: str) -> str:
    """The text of `eliminate` below a decorator's line, for modules with `math` and `uint64`."""
    text = inspect.getsource(eliminate)
    arguments = ", ".join(inspect.signature(eliminate).parameters)
    body = text.split(") -> None:\n", 1)[1]
    return f"{decorator}\ndef eliminate({arguments}):\n{body}"
