"""Every NumPy function that can be traced does what it does on arrays, in several variants."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from jetfold.graph.calls import FUNCTIONS
from jetfold.graph.ops import Broadcast, Gather, Slice
from tracing import batch, check, trace_at

Function = Callable[..., Any]

A = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
V = np.array([1.0, -2.0, 0.5])
MASK = np.array([True, False, True])

# Functions of one traced matrix (2, 3).
MATRIX: Mapping[Function, list[Function]] = {
    np.all: [np.all, lambda x: np.all(x > -1, axis=0), lambda x: np.all(x[:1] > 0, axis=0)],
    np.amax: [np.amax, lambda x: np.amax(x, axis=0)],
    np.amin: [np.amin, lambda x: np.amin(x, axis=1, keepdims=True)],
    np.any: [np.any, lambda x: np.any(x > 1, axis=1), lambda x: np.any(x[:, :0])],
    np.append: [lambda x: np.append(x, A), lambda x: np.append(A, x, axis=1)],
    np.around: [np.around, lambda x: np.around(x, 1)],
    np.array_split: [lambda x: np.array_split(x, 2, axis=1), lambda x: np.array_split(x, 4)],
    np.atleast_1d: [lambda x: np.atleast_1d(x[0, 0]), lambda x: np.atleast_1d(x, 2.0)],
    np.atleast_2d: [lambda x: np.atleast_2d(x[0]), np.atleast_2d],
    np.atleast_3d: [lambda x: np.atleast_3d(x[0]), np.atleast_3d],
    np.block: [lambda x: np.block([[x, A], [A, x]]), lambda x: np.block([x[0], 1.0, V])],
    np.broadcast_arrays: [lambda x: np.broadcast_arrays(x, V, x[:, :1])],
    np.broadcast_to: [
        lambda x: np.broadcast_to(x, (4, 2, 3)),
        lambda x: np.broadcast_to(x[0, 0], 3),
        lambda x: np.broadcast_to(x, x.shape),
    ],
    np.clip: [
        lambda x: np.clip(x, -0.5, 0.5),
        lambda x: np.clip(x, None, V),
        lambda x: np.clip(x, x[0], None),
        lambda x: np.clip(0.3, x, x + 1),
    ],
    np.column_stack: [
        lambda x: np.column_stack([x[0], x[1], V]),
        lambda x: np.column_stack([x, A]),
    ],
    np.concatenate: [
        lambda x: np.concatenate([x, A]),
        lambda x: np.concatenate([x, A, x], axis=-1),
        lambda x: np.concatenate((V, x), axis=None),
        np.concatenate,
    ],
    np.convolve: [
        lambda x: np.convolve(x[0], [1.0, 2.0]),
        lambda x: np.convolve(x[0], x.ravel()),
        lambda x: np.convolve(x.ravel(), V, "same"),
        lambda x: np.convolve([1.0, 2.0], x.ravel(), mode="same"),
        lambda x: np.convolve(x.ravel(), V, mode="valid"),
        lambda x: np.convolve(V, x.ravel(), mode="valid"),
    ],
    np.copy: [np.copy],
    np.cross: [
        lambda x: np.cross(x, A),
        lambda x: np.cross(V, x),
        lambda x: np.cross(x.T, A, axisa=0, axisc=0),
        lambda x: np.cross(x.T, A.T, axis=0),
    ],
    np.cumprod: [np.cumprod, lambda x: np.cumprod(x, axis=1), lambda x: np.cumprod(x, axis=0)],
    np.cumsum: [np.cumsum, lambda x: np.cumsum(x, axis=1), lambda x: np.cumsum(x, axis=0)],
    np.delete: [lambda x: np.delete(x, 1), lambda x: np.delete(x, [0, 2], axis=1)],
    np.diag: [
        np.diag,
        lambda x: np.diag(x[0]),
        lambda x: np.diag(x, 1),
        lambda x: np.diag(x[0], -1),
    ],
    np.diagflat: [np.diagflat],
    np.diagonal: [np.diagonal, lambda x: np.diagonal(x, 1), lambda x: np.diagonal(x, -1, 1, 0)],
    np.diff: [np.diff, lambda x: np.diff(x, axis=0), lambda x: np.diff(x, n=2)],
    np.dot: [
        lambda x: np.dot(x, V),
        lambda x: np.dot(A, x.T),
        lambda x: np.dot(x[0], x[1]),
        lambda x: np.dot(2, x),
        lambda x: np.dot(x, x[0, 0]),
        lambda x: np.dot(np.ones((4, 2, 3)), np.stack([x.T, x.T])),
    ],
    np.dstack: [lambda x: np.dstack([x, A]), lambda x: np.dstack([x[0], V])],
    np.einsum: [
        lambda x: np.einsum("ij,j->i", x, V),
        lambda x: np.einsum("ij, kj -> ik", x, A),
        lambda x: np.einsum("ji", x),
        lambda x: np.einsum("ij->", x),
        lambda x: np.einsum("ij,ij", x, A),
        lambda x: np.einsum("...j,...j", x, V),
        lambda x: np.einsum("i...,i...->...", x, A),
        lambda x: np.einsum("ii->i", x[:, :2]),
        lambda x: np.einsum("ii", x[:, 1:]),
        lambda x: np.einsum("iij,k->kj", x[:, :2, None] * x[:, None], V),
        lambda x: np.einsum("ij,kj,kl,l->i", x, A, A, V, optimize=True),
        lambda x: np.einsum("Ij,Ij->Ij", x, x),
        lambda x: np.einsum("i,j,k->kij", x[0], V, x[1]),
        lambda x: np.einsum("i,i,i->i", x[0], V, x[1]),
        lambda x: np.einsum(",ij", 2.0, x),
    ],
    np.expand_dims: [lambda x: np.expand_dims(x, 1), lambda x: np.expand_dims(x, (0, -1))],
    np.flip: [np.flip, lambda x: np.flip(x, 1), lambda x: np.flip(x, (0, -1))],
    np.fliplr: [np.fliplr],
    np.flipud: [np.flipud],
    np.hsplit: [lambda x: np.hsplit(x, 3), lambda x: np.hsplit(x[0], [1])],
    np.hstack: [lambda x: np.hstack([x, A]), lambda x: np.hstack([x[0], 1.0, V])],
    np.inner: [lambda x: np.inner(x, A), lambda x: np.inner(x[0], V), lambda x: np.inner(3, x)],
    np.kron: [lambda x: np.kron(x, A), lambda x: np.kron(V, x), lambda x: np.kron(x[0], x[1])],
    np.linalg.cross: [lambda x: np.linalg.cross(x, A)],
    np.linalg.det: [
        lambda x: np.linalg.det(x @ A.T),
        lambda x: np.linalg.det(np.stack([x.T @ A + 1, A.T @ x - np.eye(3)])),
        lambda x: np.linalg.det(np.pad(x, ((0, 3), (0, 2))) + np.eye(5)[::-1]),
        lambda x: np.linalg.det(x[:1, :1]),
        lambda x: x[0] * np.linalg.det(x[:0, :0]),
    ],
    np.linalg.diagonal: [np.linalg.diagonal, lambda x: np.linalg.diagonal(x, offset=1)],
    np.linalg.inv: [
        lambda x: np.linalg.inv(x @ x.T + np.eye(2)),
        lambda x: np.linalg.inv(np.stack([x[:, :2], x[:, 1:]])[None]),
        lambda x: np.linalg.inv(x[:0, :0]),
    ],
    np.linalg.matmul: [lambda x: np.linalg.matmul(x, A.T)],
    np.linalg.matrix_norm: [
        np.linalg.matrix_norm,
        lambda x: np.linalg.matrix_norm(x, keepdims=True),
    ],
    np.linalg.matrix_transpose: [np.linalg.matrix_transpose],
    np.linalg.multi_dot: [
        lambda x: np.linalg.multi_dot([x, A.T, x]),
        lambda x: np.linalg.multi_dot([x[0], A.T, x, V]),
        lambda x: np.linalg.multi_dot([x, V]),
    ],
    np.linalg.norm: [
        np.linalg.norm,
        lambda x: np.linalg.norm(x[0]),
        lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.linalg.norm(x, 2, 0, True),
        lambda x: np.linalg.norm(x, "fro"),
        lambda x: np.linalg.norm(x, axis=(0, 1), keepdims=True),
        lambda x: np.linalg.norm(x[0], 1),
        lambda x: np.linalg.norm(x, 3, axis=1),
        lambda x: np.linalg.norm(x[0], np.inf),
        lambda x: np.linalg.norm(x[0], -np.inf),
        lambda x: np.linalg.norm(x[0], 0),
        lambda x: np.linalg.norm(np.stack([x, x])),
    ],
    np.linalg.outer: [lambda x: np.linalg.outer(x[0], V)],
    np.linalg.slogdet: [
        lambda x: tuple(np.linalg.slogdet(x[:, :2])),
        lambda x: np.linalg.slogdet(np.stack([x[:, 1:], x[:, :2]])).logabsdet,
        lambda x: np.linalg.slogdet(np.stack([x[:, 1:], x[:, :2]])).sign * x[0, 0],
    ],
    np.linalg.solve: [
        lambda x: np.linalg.solve(x[:, :2], x[:, 2]),
        lambda x: np.linalg.solve(np.eye(2) + 1, x),
        lambda x: np.linalg.solve(x @ x.T + np.eye(2), A),
        lambda x: np.linalg.solve(np.stack([x[:, :2], x[:, 1:]]), x[:, 0]),
        lambda x: np.linalg.solve(np.stack([x[:, :2], x[:, 1:]]), x),
        lambda x: np.linalg.solve(x[None, :, :2], np.stack([x, A, x - A])),
        lambda x: np.linalg.solve(x[:, :2], x[None]),
    ],
    np.linalg.tensordot: [lambda x: np.linalg.tensordot(x, A, axes=2)],
    np.linalg.trace: [np.linalg.trace, lambda x: np.linalg.trace(np.stack([x, x]), offset=1)],
    np.linalg.vecdot: [lambda x: np.linalg.vecdot(x, A)],
    np.linalg.vector_norm: [
        np.linalg.vector_norm,
        lambda x: np.linalg.vector_norm(x, axis=0, ord=4),
        lambda x: np.linalg.vector_norm(x, axis=1, keepdims=True),
    ],
    np.matrix_transpose: [np.matrix_transpose],
    np.max: [np.max, lambda x: np.max(x, axis=(0, 1), keepdims=True), lambda x: np.max(x, 1)],
    np.mean: [np.mean, lambda x: np.mean(x, axis=0), lambda x: np.mean(x, (0, 1), keepdims=True)],
    np.meshgrid: [
        lambda x: np.meshgrid(x[0], x[1, :2]),
        lambda x: np.meshgrid(x[0], V, indexing="ij"),
        lambda x: np.meshgrid(x[0], x[1], V[:2], sparse=True),
        lambda x: np.meshgrid(x[0]),
    ],
    np.min: [np.min, lambda x: np.min(x, axis=-1)],
    np.moveaxis: [lambda x: np.moveaxis(x[None], 0, 2), lambda x: np.moveaxis(x, [0, 1], [1, 0])],
    np.outer: [lambda x: np.outer(x, V), lambda x: np.outer(2, x)],
    np.pad: [
        lambda x: np.pad(x, 1),
        lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=3.5),
        lambda x: np.pad(x, ((1, 1), (1, 0)), "constant", constant_values=((1, 2), (3, 4))),
        lambda x: np.pad(x, 1, mode="edge"),
        lambda x: np.pad(x, (0, 1), mode="reflect"),
        lambda x: np.pad(x, 2, mode="symmetric"),
        lambda x: np.pad(x, 2, mode="wrap"),
    ],
    np.polyval: [lambda x: np.polyval([2.0, -1.0, 0.5], x), lambda x: np.polyval(x[0], x[1])],
    np.sinc: [np.sinc, lambda x: np.sinc(np.sinc(x) - x)],
    np.prod: [
        np.prod,
        lambda x: np.prod(x, axis=1),
        lambda x: np.prod(x, axis=(1, 0), keepdims=True),
        lambda x: np.prod(x[:, :0], axis=1),
        lambda x: np.prod(x, axis=()),
    ],
    np.ptp: [np.ptp, lambda x: np.ptp(x, axis=1, keepdims=True)],
    np.ravel: [np.ravel, lambda x: np.ravel(x, "F"), lambda x: np.ravel(x.T)],
    np.real: [np.real],
    np.repeat: [
        lambda x: np.repeat(x, 2),
        lambda x: np.repeat(x, 3, axis=0),
        lambda x: np.repeat(x, [2], axis=-1),
        lambda x: np.repeat(x, [1, 0, 2], axis=1),
    ],
    np.reshape: [
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.reshape(x, -1),
        lambda x: np.reshape(x, (1, -1, 2)),
        lambda x: np.reshape(x, (3, -1), order="F"),
        lambda x: np.reshape(x[:, :0], (0, 5)),
    ],
    np.roll: [lambda x: np.roll(x, 1), lambda x: np.roll(x, (1, -1), axis=(0, 1))],
    np.rollaxis: [lambda x: np.rollaxis(x, 1)],
    np.rot90: [np.rot90, lambda x: np.rot90(x, 3)],
    np.round: [np.round, lambda x: np.round(x, decimals=2)],
    np.select: [lambda x: np.select([x > 1, x > 0], [x, x**2], -1.0)],
    np.split: [lambda x: np.split(x, 2), lambda x: np.split(x, [1, 1, 2], axis=1)],
    np.squeeze: [lambda x: np.squeeze(x[None, :, None]), lambda x: np.squeeze(x[:, :1], axis=1)],
    np.stack: [
        lambda x: np.stack([x, A]),
        lambda x: np.stack((x, A, x), axis=-1),
        lambda x: np.stack([x[0, 0], 2.0]),
        lambda x: np.stack(x, axis=1),
    ],
    np.std: [np.std, lambda x: np.std(x, axis=1, ddof=1)],
    np.sum: [
        np.sum,
        lambda x: np.sum(x, axis=0),
        lambda x: np.sum(x, axis=(-1, 0)),
        lambda x: np.sum(x, axis=1, keepdims=True),
        lambda x: np.sum(x, axis=()),
        lambda x: np.sum(x > 0),
        lambda x: np.sum(x, 0, float, None, True),
        lambda x: np.sum(x[:, :0]),
    ],
    np.swapaxes: [lambda x: np.swapaxes(x, 0, -1)],
    np.take: [
        lambda x: np.take(x, [0, 5, 2]),
        lambda x: np.take(x, 1, axis=1),
        lambda x: np.take(x, [3, -1], axis=1, mode="wrap"),
    ],
    np.take_along_axis: [lambda x: np.take_along_axis(x, np.array([[0], [2]]), axis=1)],
    np.tensordot: [
        lambda x: np.tensordot(x, A),
        lambda x: np.tensordot(x, A, axes=([0, 1], [0, 1])),
        lambda x: np.tensordot(x, A, axes=(0, 0)),
        lambda x: np.tensordot(V, x, axes=([0], [-1])),
        lambda x: np.tensordot(x, V, axes=0),
    ],
    np.tile: [
        lambda x: np.tile(x, 2),
        lambda x: np.tile(x, (2, 1, 3)),
        lambda x: np.tile(x[0, 0], (2, 2)),
    ],
    np.trace: [np.trace, lambda x: np.trace(x, offset=1), lambda x: np.trace(x[None], 0, 1, 2)],
    np.transpose: [np.transpose, lambda x: np.transpose(x[None], (2, 0, 1))],
    np.tril: [np.tril, lambda x: np.tril(x, 1)],
    np.triu: [np.triu, lambda x: np.triu(x, k=-1)],
    np.var: [
        np.var,
        lambda x: np.var(x, axis=0, keepdims=True),
        lambda x: np.var(x, ddof=1),
        lambda x: np.var(x, axis=1, correction=1),
    ],
    np.vdot: [lambda x: np.vdot(x, A), lambda x: np.vdot(V, x[0])],
    np.vsplit: [lambda x: np.vsplit(x, 2)],
    np.vstack: [lambda x: np.vstack([x, A]), lambda x: np.vstack([x[0], V, x])],
    np.where: [lambda x: np.where(MASK, x, 0.0), lambda x: np.where(x > 0, x, V)],
}

# Functions that ask something about a traced value and give a plain value.
QUESTIONS: Mapping[Function, list[Function]] = {
    np.empty_like: [lambda x: np.empty_like(x).shape[0]],
    np.full_like: [lambda x: np.full_like(x, 2.5) + x, lambda x: np.full_like(x, x[0, 0])],
    np.iscomplexobj: [lambda x: x if np.iscomplexobj(x) else -x],
    np.isrealobj: [lambda x: x if np.isrealobj(x) else -x],
    np.ndim: [lambda x: x * np.ndim(x)],
    np.ones_like: [lambda x: np.ones_like(x) * x, lambda x: np.ones_like(x, shape=(2, 2))],
    np.result_type: [lambda x: np.zeros(2, np.result_type(x, np.float32))],
    np.shape: [lambda x: np.zeros(np.shape(x)) + x],
    np.size: [lambda x: x / np.size(x), lambda x: x / np.size(x, 1)],
    np.zeros_like: [lambda x: np.zeros_like(x) - x, lambda x: np.zeros_like(x, dtype=int)],
}

CASES = {**MATRIX, **QUESTIONS}


def cases(table: Mapping[Any, list[Function]]) -> list[Any]:
    return [
        pytest.param(variant, id=f"{function.__name__}-{i}")
        for function, variants in table.items()
        for i, variant in enumerate(variants)
    ]


def test_every_function_in_the_table_has_a_case() -> None:
    assert {f.__name__ for f in set(FUNCTIONS) ^ set(CASES)} == set()


@pytest.mark.parametrize("function", cases(CASES))
def test_function(function: Function) -> None:
    check(function, batch((2, 3)), rtol=1e-12)


def test_products_of_many_factors_are_halved() -> None:
    traced = trace_at(np.prod, (64,))
    counts = traced.graph.counts()
    assert counts["Map"] == 6


def test_copies_are_broadcasts_and_reversals_are_slices() -> None:
    for function, kind in (
        (lambda x: np.tile(x, (3, 1)), Broadcast),
        (lambda x: np.repeat(x, 3, 1), Broadcast),
        (np.flip, Slice),
        (lambda x: np.split(x, 3, axis=1), Slice),
        (np.triu, Gather),
    ):
        graph = trace_at(function, (2, 3)).graph
        assert any(isinstance(graph[node].op, kind) for node in graph)
