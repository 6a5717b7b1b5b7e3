"""Laplacians and biharmonics with known answers, in every dimension, method and precision."""

from __future__ import annotations

import numpy as np
import pytest

import jetfold as jf
from known_answers import DIMENSIONS, check_known, points, together

LAPLACIAN, BIHARMONIC = 2, 4  # orders


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("method", ["standard", "collapsed", "minimal"])
def test_laplacian_interpreted(dimension: int, method: str) -> None:
    op = jf.laplacian(together(dimension), method=method, backend="reference")
    x = points(dimension, 20)
    check_known(op(x), x, LAPLACIAN, 1e-12)
    check_known(op(x.astype(np.float32)), x.astype(np.float32), LAPLACIAN, 1e-5)


@pytest.mark.parametrize("dimension", [1, 3, 6])  # each compiles for seconds
def test_laplacian_compiled(dimension: int) -> None:
    x = points(dimension, 100)
    check_known(jf.laplacian(together(dimension))(x), x, LAPLACIAN, 1e-12)


def test_laplacian_compiled_in_single_precision() -> None:
    x = points(3, 100).astype(np.float32)
    check_known(jf.laplacian(together(3))(x), x, LAPLACIAN, 1e-5)


def test_laplacian_compiled_by_standard_taylor_mode() -> None:
    x = points(2, 100)
    op = jf.laplacian(together(2), method="standard")
    check_known(op(x), x, LAPLACIAN, 1e-12)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("outer", ["standard", "collapsed", "minimal"])
def test_biharmonic_by_nesting_interpreted(dimension: int, outer: str) -> None:
    inner = jf.laplacian(together(dimension))
    x = points(dimension, 20)
    op = jf.laplacian(inner, method=outer, backend="reference")
    check_known(op(x), x, BIHARMONIC, 1e-12)


def test_biharmonic_by_nesting_compiled() -> None:
    x = points(2, 100)
    check_known(jf.laplacian(jf.laplacian(together(2)))(x), x, BIHARMONIC, 1e-12)
