"""Sums over directions that become equal, and cancel, while they are pulled up."""

from typing import Any

import numpy as np
import pytest

import jetfold as jf
from jetfold.graph.validate import validate


@pytest.mark.parametrize("power", [1, 2, 3])
@pytest.mark.parametrize("method", ["standard", "collapsed"])
def test_difference_of_two_parts_of_a_point(power: int, method: str) -> None:
    """The second coefficients of both parts are zeros: their difference is 0, without a shape."""

    def function(x: Any) -> Any:
        return (x[:3] - x[3:]) ** power

    points = np.random.default_rng(0).normal(size=(4, 6))
    operator = jf.laplacian(function, method=method, backend="reference")
    validate(operator.derivation(points).final_graph)
    base = points[:, :3] - points[:, 3:]
    second = {1: np.zeros_like(base), 2: np.full_like(base, 2.0), 3: 6 * base}[power]
    np.testing.assert_allclose(operator(points), 2 * second, rtol=1e-14)
