"""Operators of second order as quadratic forms, and those of fourth order as squares of these."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetfold.rules.polynomial import Monomial, Polynomial, variables

FloatArray = NDArray[np.float64]


class Factors(NamedTuple):
    """A symmetric matrix as ``plus.T @ plus - minus.T @ minus``: directions are rows."""

    plus: FloatArray
    minus: FloatArray


def matrix_of(form: Polynomial, count: int) -> FloatArray:
    """The symmetric matrix A of a homogeneous polynomial x.T A x of degree 2."""
    matrix = np.zeros((count, count))
    for (i, j), number in form.items():
        matrix[i, j] += float(number) / 2
        matrix[j, i] += float(number) / 2
    return matrix


def factors_of(matrix: FloatArray, precision: float = float(np.finfo(np.float64).eps)) -> Factors:
    """The fewest directions whose squares add up to a symmetric matrix, by its eigenvectors.

    Eigenvalues that are not larger than rounding errors of the largest one, with entries of this
    precision, count as zero. A diagonal matrix keeps its axes.
    """
    if (matrix == np.diag(np.diag(matrix))).all():
        values, vectors = np.diag(matrix), np.eye(len(matrix))
    else:
        values, vectors = np.linalg.eigh(matrix)
    least = len(matrix) * precision * np.abs(values).max(initial=0.0)
    directions = (vectors * np.sqrt(np.abs(values))).T
    return Factors(directions[values > least], directions[values < -least])


def square_root(polynomial: Polynomial) -> tuple[Fraction, Polynomial] | None:
    """c and a form q of degree 2 with c q^2 equal to a homogeneous polynomial of degree 4.

    None where there is no such form, or none in which some variable has a square.
    """
    first = next((i for i in variables(polynomial) if (i,) * 4 in polynomial), None)
    if first is None:
        return None
    factor = polynomial[(first,) * 4]

    def number(*powers: int) -> Fraction:
        return polynomial.get(tuple(sorted(powers)), Fraction(0)) / factor

    # With q = x^2 + x (sum of b_j y_j) + sum of c_jk y_j y_k:
    # q^2 = x^4 + 2 x^3 (sum of b_j y_j) + x^2 ((sum of b_j y_j)^2 + 2 sum of c_jk y_j y_k) + ..
    others = [i for i in variables(polynomial) if i != first]
    mixed = {j: number(first, first, first, j) / 2 for j in others}
    form: Polynomial = {(first, first): Fraction(1)}
    for at, j in enumerate(others):
        form[_sorted(first, j)] = mixed[j]
        form[j, j] = (number(first, first, j, j) - mixed[j] ** 2) / 2
        for k in others[at + 1 :]:
            form[j, k] = (number(first, first, j, k) - 2 * mixed[j] * mixed[k]) / 2
    form = {monomial: value for monomial, value in form.items() if value}
    return (factor, form) if times(form, form, factor) == polynomial else None


def times(left: Polynomial, right: Polynomial, factor: Fraction = Fraction(1)) -> Polynomial:
    """The product of two polynomials and a number."""
    found: Polynomial = {}
    for a, x in left.items():
        for b, y in right.items():
            key = _sorted(*a, *b)
            found[key] = found.get(key, Fraction(0)) + factor * x * y
    return {monomial: value for monomial, value in found.items() if value}


def _sorted(*monomial: int) -> Monomial:
    return tuple(sorted(monomial))
