"""Arrays on GPUs as views: what both protocols say, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import jetfold as jf
from gpu_arrays import Described, Exported, layouts
from jetfold.backends.cuda.arrays import GpuArray, Layout, library_of, on_gpu, view
from jetfold.graph.text import to_text
from messages import message_of

pytest.importorskip("numba_cuda")


def elements(array: GpuArray, memory: np.ndarray) -> np.ndarray:
    """What a view reads, row by row, from memory of the host; see `packing.pack`."""
    from jetfold.backends.cuda.packing import layout_integers

    (count, first, *axes), start, length = layout_integers(array)
    begin = (start - memory.__array_interface__["data"][0]) // array.dtype.itemsize
    block = memory.reshape(-1)[begin : begin + length]
    found = []
    for i in range(count):
        rest, at = i, first
        for size, stride in zip(axes[::2], axes[1::2], strict=True):
            at += rest % size * stride
            rest //= size
        found.append(block[at])
    return np.array(found)


def test_what_is_on_a_gpu() -> None:
    x = np.ones(3)
    assert on_gpu(Described(x))
    assert on_gpu(Exported(x))
    others: list[Any] = [x, x[0], 1.0, 1, None, [1.0], "x", {}]
    assert not any(map(on_gpu, others))


def test_arrays_of_torch_on_the_host_are_not() -> None:
    torch = pytest.importorskip("torch")
    assert not on_gpu(torch.ones(3))


@pytest.mark.parametrize("kind", [Described, Exported])
@pytest.mark.parametrize("name", list(layouts()))
def test_a_view_shares_memory_and_layout(kind: type[Any], name: str) -> None:
    x = layouts()[name]
    found = view(kind(x), "x")
    assert found.pointer == x.__array_interface__["data"][0]
    assert found.layout == Layout(x.shape, x.strides)
    assert (found.shape, found.dtype, found.ndim, found.size, len(found)) == (
        (5, 3),
        x.dtype,
        2,
        15,
        5,
    )
    assert found.contiguous == (name == "row by row")
    owner = x if x.base is None else x.base
    memory = np.asarray(owner).reshape(-1, order="A")
    if name != "repeated":  # NumPy's base is then a view without an owner
        assert_array_equal(elements(found, memory), x.reshape(-1))
        assert_array_equal(elements(found.reshape((3, 5)), memory), x.reshape(-1))


def test_an_axis_of_one_element_may_have_any_stride() -> None:
    x = np.ones((4, 6))[:1, :3]
    assert view(Described(x), "x").contiguous
    assert not view(Described(np.ones((4, 6))[:2, :3]), "x").contiguous
    assert view(Described(np.ones((4, 6))[:0, ::2]), "x").contiguous


def test_broadcasting_repeats_without_a_copy() -> None:
    x = np.arange(3.0)
    found = view(Described(x), "x").broadcast_to((4, 3))
    assert found.pointer == x.__array_interface__["data"][0]
    assert_array_equal(elements(found, x), np.broadcast_to(x, (4, 3)).reshape(-1))
    column = np.arange(4.0)[:, None]
    wide = view(Described(column), "x").broadcast_to((2, 4, 3))
    assert_array_equal(elements(wide, column), np.broadcast_to(column, (2, 4, 3)).reshape(-1))


def test_streams_of_the_array_interface() -> None:
    x = np.ones(3)
    assert view(Described(x), "x").stream is None
    assert view(Described(x, stream=None), "x").stream is None
    assert view(Described(x, stream=1), "x").stream == 0
    assert view(Described(x, stream=2), "x").stream == 2
    assert view(Described(x, stream=1234), "x").stream == 1234
    message = message_of(jf.ArgumentError, view, Described(x, stream=0), "x")
    assert "stream 0" in message


def test_dlpack_leaves_the_order_of_streams_to_the_owner() -> None:
    x = Exported(np.ones(3), device=1)
    found = view(x, "x")
    assert found.exported
    assert found.stream is None
    assert found.device == 1
    assert x.streams == [-1]  # looked at only


@pytest.mark.parametrize(
    ("entries", "wanted"),
    [
        ({"mask": Described(np.ones(3, bool))}, "it has a mask"),
        ({"typestr": "<q9"}, "data type"),
        ({"strides": (5,)}, "multiples of their size"),
    ],
)
def test_what_cannot_be_read(entries: dict[str, Any], wanted: str) -> None:
    message = message_of(jf.ArgumentError, view, Described(np.ones(3), **entries), 'params["W"]')
    assert message.startswith('params["W"] is an array on a GPU that cannot be read: ')
    assert wanted in message


def test_numbers_of_a_kind_that_numpy_lacks() -> None:
    torch = pytest.importorskip("torch")
    x = torch.ones(3, dtype=torch.bfloat16)

    class OnGpu(Exported):
        def __dlpack__(self, **options: Any) -> Any:
            return x.__dlpack__()

    op = jf.laplacian(np.sum, backend="cuda")
    assert "bfloat16" in message_of(jf.ArgumentError, op.derivation, OnGpu(np.ones(3)))


def test_libraries() -> None:
    names = {"cupy": "cupy", "torch": "torch", "jaxlib._jax": "jax", "numba_cuda.x": "numba"}
    for module, library in names.items():
        kind = type("array", (Described,), {"__module__": module})
        assert library_of(kind(np.ones(3))) == library
    assert library_of(Described(np.ones(3))) == "gpu_arrays"


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_other_backends_refuse_arrays_on_a_gpu_and_say_what_to_do(backend: str) -> None:
    kind = type("ndarray", (Described,), {"__module__": "cupy"})
    op = jf.laplacian(np.sum, backend=backend)
    message = message_of(jf.ArgumentError, op, kind(np.ones((4, 3))))
    assert message == (
        f"X is an array of CuPy on a GPU, where the backend {backend!r} does not reach: make the "
        'operator with backend="cuda", or pass X.get()'
    )
    scaled = jf.laplacian(lambda x, w: w * np.sum(x**2), backend=backend)
    message = message_of(jf.ArgumentError, scaled, np.ones((4, 3)), Described(np.array(2.0)))
    assert message.startswith("params is an array of gpu_arrays.Described on a GPU")


def test_constants_are_needed_on_the_host() -> None:
    kind = type("Tensor", (Described,), {"__module__": "torch"})
    message = message_of(jf.ArgumentError, jf.weighted_laplacian, np.sum, kind(np.eye(3)))
    assert "is an array of PyTorch on a GPU, but is needed on the host: pass" in message
    assert ".cpu().numpy()" in message


@pytest.mark.parametrize(
    ("dtype", "wanted"), [(np.complex128, "complex numbers"), (np.dtype(">f4"), "byte order")]
)
def test_dtypes_are_those_of_arrays_on_the_host(dtype: Any, wanted: str) -> None:
    op = jf.laplacian(np.sum, backend="cuda")
    message = message_of(jf.ArgumentError, op.derivation, Described(np.ones((4, 3), dtype)))
    assert message.startswith("X has dtype")
    assert wanted in message


def test_tensors_that_require_a_gradient() -> None:
    kind = type("Tensor", (Described,), {"__module__": "torch", "requires_grad": True})
    op = jf.laplacian(np.sum, backend="cuda")
    message = message_of(jf.ArgumentError, op.derivation, kind(np.ones((4, 3))))
    assert "pass X.detach()" in message


def test_derivations_take_shapes_of_arrays_on_a_gpu() -> None:
    op = jf.laplacian(lambda x, w: np.tanh(x @ w).sum(), backend="cuda")
    x, w = np.ones((4, 3)), np.ones((3, 2))
    seen = op.derivation(Described(x), Described(w))
    assert to_text(seen.final_graph) == to_text(op.derivation(x, w).final_graph)
