"""Weights of a weighted Laplacian that cannot be used."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import jetfold as jf
from messages import check_place, message_of

X = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
ROOT = np.array([[1.0, 0.5], [0.0, -2.0], [0.25, 1.0]])
interpreted = partial(jf.weighted_laplacian, backend="reference")


def waves(x: Any) -> Any:
    return np.sum(np.sin(x))


@pytest.mark.parametrize(
    ("sigma", "options", "texts"),
    [
        (np.ones(3), {}, ["sigma has shape (3,)", "point_ndim=1", "(D, R)", "np.diag(w)"]),
        (2.0, {}, ["sigma has shape ()", "(D, R)"]),
        (np.ones((3, 1)), {"point_ndim": 2}, ["sigma has shape (3, 1)", "(D, D, R)"]),
        ((ROOT, np.ones(3)), {}, ["sigma[1] has shape (3,)"]),
        ((np.ones(3), ROOT), {}, ["sigma[0] has shape (3,)"]),
        (ROOT + 0j, {}, ["sigma has dtype complex128; complex numbers are not supported"]),
        (ROOT.astype(object), {}, ["sigma has dtype object"]),
        ([[1.0], [2.0, 3.0]], {}, ["sigma is not an array of numbers"]),
        (None, {}, ["sigma is a NoneType"]),
        (np.where(ROOT == 0.5, np.nan, ROOT), {}, ["sigma holds nan at [0, 1]", "finite"]),
        ((ROOT, [[np.inf], [0], [0]]), {}, ["sigma[1] holds inf at [0, 0]"]),
        ((ROOT,), {}, ["sigma is a tuple of 1", "(plus, minus)"]),
        ((ROOT, ROOT, ROOT), {}, ["sigma is a tuple of 3", "(plus, minus)"]),
        (ROOT, {"matrix": True}, ["sigma has shape (3, 2)", "matrix=True", "(D, D)"]),
        (np.ones((3, 3)), {"matrix": True, "point_ndim": 2}, ["(D1, D2, D1, D2)"]),
        (np.ones(3), {"matrix": True, "point_ndim": 0}, ["sigma has shape (3,)", "has to be ()"]),
        (
            np.triu(np.ones((3, 3))),
            {"matrix": True},
            ["not symmetric: entries [0, 1] and [1, 0] are 1 and 0", "(A + A.T) / 2"],
        ),
        (np.full((3, 3), np.nan), {"matrix": True}, ["sigma holds nan"]),
        (np.eye(3) * 1j, {"matrix": True}, ["complex"]),
        (lambda x: np.eye(3), {"matrix": True}, ["matrix=True", "(plus, minus)"]),
        ((ROOT, ROOT), {"matrix": True}, ["sigma is a tuple", "matrix=True"]),
        (ROOT, {"matrix": "yes"}, ["matrix is 'yes'; it must be True or False"]),
    ],
)
def test_bad_sigma(sigma: Any, options: dict[str, Any], texts: list[str]) -> None:
    message = message_of(jf.ArgumentError, jf.weighted_laplacian, waves, sigma, **options)
    for text in texts:
        assert text in message


@pytest.mark.parametrize(
    ("sigma", "texts"),
    [
        (np.ones((2, 3)), ["sigma has shape (2, 3); for a point x of shape (3,)", "(3, R)"]),
        (lambda x: x, ["sigma(x) has shape (3,); for a point x of shape (3,)", "(3, R)"]),
        (lambda x: x[0], ["sigma(x) has shape ()"]),
        (lambda x: np.ones((2, 3)), ["sigma(x) has shape (2, 3)"]),
        ((ROOT, lambda x: x), ["sigma[1](x) has shape (3,)"]),
        (lambda x: [x, x], ["sigma(x) returns [*, *]", "one array"]),
        (lambda x: None, ["sigma(x) returns None", "one array"]),
        (lambda x, u: x[:, None] * u, ["sigma(x, u) cannot be called with a point", "jf.operator"]),
        (lambda: ROOT, ["sigma() cannot be called with a point"]),
    ],
)
def test_sigma_that_does_not_fit(sigma: Any, texts: list[str]) -> None:
    op = interpreted(waves, sigma)
    for _ in range(2):
        message = message_of(jf.ArgumentError, op, X)
        for text in texts:
            assert text in message


def test_sigma_at_a_point_without_axes() -> None:
    op = interpreted(np.sin, lambda x: 2 * x, point_ndim=0)
    message = message_of(jf.ArgumentError, op, X)
    assert message.startswith("sigma(x) has shape (); for a point x of shape () it has to be (R)")


def test_sigma_cannot_be_traced() -> None:
    op = interpreted(waves, lambda x: np.sort(x)[:, None])  # here
    message = message_of(jf.TraceError, op, X)
    check_place(message, __file__)
    assert "np.sort cannot be traced" in message
    assert "While tracing sigma of WeightedLaplacian(waves, sigma=" in message
    message = message_of(jf.TraceError, interpreted(waves, lambda x: 1j * ROOT), X)
    assert "dtype complex128" in message


def test_sigma_sees_no_values_of_u() -> None:
    """What u computed is not there when sigma is evaluated."""
    kept: list[Any] = []

    def function(x: Any) -> Any:
        kept.append(np.sin(x))
        return kept[-1] @ x

    op = interpreted(function, lambda x: kept[-1][:, None] * x[:, None])  # here
    message = message_of(jf.TraceError, op, X)
    assert "a traced value is used outside of the function in which it was traced" in message
    check_place(message, __file__)


def test_there_is_no_product_of_weighted_laplacians() -> None:
    message = message_of(jf.ArgumentError, interpreted(waves, ROOT, method="nested"), X)
    assert "no method 'nested' for this operator" in message
