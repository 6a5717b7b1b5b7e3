"""Arrays of CuPy, PyTorch, JAX and numba on a GPU: no copies, results of the same library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf
from gpu_arrays import layouts
from jetfold.backends.cuda.arrays import view
from jetfold.backends.cuda.sessions import GpuSession
from messages import message_of

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1237, 3))
PARAMS = {"W": RANDOM.normal(size=(3, 8)), "b": RANDOM.normal(size=8)}
DIRECT = jf.Cuda(graphs=False)


def u(x: Any, params: Any) -> Any:
    return np.tanh(x @ params["W"] + params["b"]).sum()


@cache
def expected() -> Any:
    return jf.laplacian(u)(X, PARAMS)


class Library:
    """How to bring arrays to the GPU and back by a library."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = pytest.importorskip("numba.cuda" if name == "numba" else name)
        if name == "torch" and not self.module.cuda.is_available():
            pytest.skip("this PyTorch is for the CPU")
        if name == "jax":
            self.module.config.update("jax_enable_x64", True)
            try:
                self.gpu = self.module.devices("gpu")[0]
            except RuntimeError as error:
                pytest.skip(f"this JAX is for the CPU: {error}")

    def put(self, array: Any) -> Any:
        match self.name:
            case "cupy":
                return self.module.asarray(array)
            case "torch":
                return self.module.as_tensor(np.array(array), device="cuda")
            case "jax":
                return self.module.device_put(array, self.gpu)
            case _:
                return self.module.to_device(np.ascontiguousarray(array))

    def get(self, array: Any) -> Any:
        match self.name:
            case "torch":
                return array.cpu().numpy()
            case "jax":
                return as_numpy(array)
            case "numba":
                return array.copy_to_host()
            case _:
                return array.get()

    @property
    def kind(self) -> Any:
        """The type of results: JAX's arrays cannot be written to, so it gets CuPy's."""
        return type(self.put(np.ones(1)))


def as_numpy(array: Any) -> Any:
    return array.get() if hasattr(array, "get") else array.copy_to_host()


@pytest.fixture(params=["cupy", "torch", "jax", "numba"])
def library(request: pytest.FixtureRequest) -> Library:
    return Library(request.param)


@contextmanager
def taken() -> Iterator[list[int]]:
    """The sizes of the arrays that calls take from the GPU's memory."""
    sizes: list[int] = []
    empty = GpuSession.empty

    def noted(self: GpuSession, size: int, dtype: Any) -> Any:
        sizes.append(size)
        return empty(self, size, dtype)

    with mock.patch.object(GpuSession, "empty", noted):
        yield sizes


def test_results_are_arrays_of_the_library(library: Library) -> None:
    x, params = library.put(X), {name: library.put(value) for name, value in PARAMS.items()}
    for backend in ("cuda", DIRECT):
        op = jf.laplacian(u, backend=backend)
        for given in (params, PARAMS, {"W": params["W"], "b": PARAMS["b"]}):
            for _ in range(3):
                found = op(x, given)
                if library.name != "jax":
                    assert type(found) is library.kind
                assert found.dtype == x.dtype or library.name == "numba"
                assert_allclose(library.get(found), expected(), rtol=1e-12)
        below = op(X, params)
        assert isinstance(below, np.ndarray)
        assert_allclose(below, expected(), rtol=1e-12)


def test_nothing_is_copied(library: Library) -> None:
    x, params = library.put(X), {name: library.put(value) for name, value in PARAMS.items()}
    op = jf.laplacian(u, backend=DIRECT)
    op(x, params)
    with taken() as sizes:
        found = op(x, params)
    assert X.size not in sizes
    assert PARAMS["W"].size not in sizes
    if library.name != "jax":
        assert len(X) not in sizes, "the result is written where it stays"
    assert_allclose(library.get(found), expected(), rtol=1e-12)
    with taken() as sizes:
        op(X, PARAMS)
    assert X.size in sizes, "the test above can fail"


def test_views_are_where_the_array_is() -> None:
    cupy = pytest.importorskip("cupy")
    x = cupy.asarray(X)
    assert view(x, "x").pointer == x.data.ptr
    assert view(x[::2, 1:], "x").layout.strides == x[::2, 1:].strides
    assert view(x, "x").device == x.device.id


def test_tensors_are_where_they_are() -> None:
    torch = Library("torch").module
    x = torch.as_tensor(X, device="cuda")
    assert view(x, "x").pointer == x.data_ptr()
    assert view(x.T, "x").layout.strides == (8, 24)
    assert view(x, "x").device == x.device.index
    message = message_of(jf.ArgumentError, view, x.clone().requires_grad_(), "X")
    assert "pass X.detach()" in message
    op = jf.laplacian(u, backend="cuda")
    assert "bfloat16" in message_of(jf.ArgumentError, op, x.to(torch.bfloat16), PARAMS)


def test_layouts_and_dtypes(library: Library) -> None:
    if library.name == "numba":
        pytest.skip("numba's arrays are always contiguous here")
    op, cpu = jf.laplacian(u, backend="cuda"), jf.laplacian(u)
    base = RANDOM.normal(size=(10, 6))
    whole = library.put(base)
    for cut in [np.s_[:5, :3], np.s_[::2, ::2], np.s_[1:2, 3:], np.s_[:0, :3]]:
        assert_allclose(library.get(op(whole[cut], PARAMS)), cpu(base[cut], PARAMS), rtol=1e-12)
    turned = library.put(base.T.copy()).T[:, :3]
    assert_allclose(library.get(op(turned, PARAMS)), cpu(base[:, :3], PARAMS), rtol=1e-12)
    for dtype in ("int8", "int64", "float16", "float32", "bool"):
        small = np.ascontiguousarray(layouts(np.dtype(dtype).type)["row by row"])
        found = op(library.put(small), PARAMS)
        assert_allclose(library.get(found), cpu(small, PARAMS), rtol=1e-12)


def test_single_precision_stays(library: Library) -> None:
    x = library.put(X.astype(np.float32))
    params = {name: library.put(value.astype(np.float32)) for name, value in PARAMS.items()}
    found = library.get(jf.laplacian(u, backend="cuda")(x, params))
    assert found.dtype == np.float32
    assert_allclose(found, expected(), rtol=1e-3, atol=1e-4)


def test_arrays_of_two_libraries() -> None:
    cupy, torch = Library("cupy"), Library("torch")
    op = jf.laplacian(u, backend="cuda")
    for points, others in [(cupy, torch), (torch, cupy)]:
        params = {name: others.put(value) for name, value in PARAMS.items()}
        found = op(points.put(X), params)
        assert type(found) is points.kind
        assert_allclose(points.get(found), expected(), rtol=1e-12)


def test_other_operators(library: Library) -> None:
    def cubes(x: Any) -> Any:
        return np.sum(x**3)

    f0, (f1, f2) = jf.jet(cubes, 2, backend="cuda")(library.put(X), (library.put(X[0]), 0))
    g0, (g1, g2) = jf.jet(cubes, 2)(X, (X[0], 0))
    for one, other in [(f0, g0), (f1, g1), (f2, g2)]:
        assert_allclose(library.get(one), other, rtol=1e-12)
    found = jf.laplacian(cubes, samples=4, seed=1, backend="cuda")(library.put(X))
    assert_allclose(library.get(found), jf.laplacian(cubes, samples=4, seed=1)(X), rtol=1e-12)
    kernel = jf.kernel("tanh", order=2, backend="cuda")
    found = kernel(*(library.put(X[:, k]) for k in range(3)))
    for one, other in zip(found, jf.kernel("tanh", order=2)(*X.T), strict=True):
        assert_allclose(np.asarray(as_host(one)), other, rtol=1e-12, atol=1e-13)


def as_host(array: Any) -> Any:
    """A copy on the host of an array of any library."""
    if hasattr(array, "cpu"):
        return array.cpu().numpy()
    return as_numpy(array) if hasattr(array, "__cuda_array_interface__") else array


def test_several_gpus() -> None:
    cupy = pytest.importorskip("cupy")
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU")
    op = jf.laplacian(u, backend="cuda")
    with cupy.cuda.Device(1):
        x = cupy.asarray(X)
        found = op(x, PARAMS)
        assert found.device.id == 1
        assert_allclose(found.get(), expected(), rtol=1e-12)
    with cupy.cuda.Device(0):
        params = {name: cupy.asarray(value) for name, value in PARAMS.items()}
    assert "x is on GPU 1, but params" in message_of(jf.ArgumentError, op, x, params)
