"""Contestants and yardsticks of `gpu`: what runs in their processes, each with one library.

Everybody's data lies on the GPU before any clock runs, and results stay there. A call only begins
the work; several of them are begun, then waited for, so that what a host does beside the GPU counts
as far as the GPU has to wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import numpy as np

from .cases import Array, Case, Problem

WAITED_SECONDS = 0.005
"""Calls that are begun before they are waited for take about as long."""


@dataclass(frozen=True)
class Prepared:
    """Work on a GPU: ``call`` begins it, ``wait`` waits for a result, ``host`` copies it."""

    call: Callable[[], Any]
    wait: Callable[[Any], object]
    host: Callable[[Any], Array]


_prepared: list[Prepared] = []  # in a process: what it times


def start(make: Callable[[], Prepared]) -> Array:
    """Prepare; the first result. To be run in a contestant's process."""
    _prepared.clear()
    _prepared.append(make())
    result = _prepared[0].call()
    _prepared[0].wait(result)
    return _prepared[0].host(result)


def turn(seconds: float) -> list[float]:
    """Seconds of a call, measured again and again for so long."""
    return time_calls(_prepared[0], seconds)


def time_calls(prepared: Prepared, seconds: float) -> list[float]:
    """Seconds of a call, each measured over as many as take `WAITED_SECONDS`."""
    once = _seconds(prepared, 1)
    count = max(1, round(WAITED_SECONDS / max(_seconds(prepared, 1), 1e-9)))
    if once > seconds:
        return [once]
    times: list[float] = []
    while not times or sum(times) * count < seconds:
        times.append(_seconds(prepared, count))
    return times


def _seconds(prepared: Prepared, count: int) -> float:
    before = time.perf_counter()
    for _ in range(count):
        result = prepared.call()
    prepared.wait(result)
    return (time.perf_counter() - before) / count


# Contestants --------------------------------------------------------------------------------------


def jetfold(case: Case, precision: str) -> Prepared:
    """jf.laplacian on arrays of CuPy."""
    import cupy

    import jetfold as jf

    from .with_jetfold import network

    problem = case.problem("float32")
    points = cupy.asarray(problem.points)
    params = [tuple(map(cupy.asarray, layer)) for layer in problem.params]
    operator = jf.laplacian(network, backend=jf.Cuda(tf32=precision == "tf32"))
    return Prepared(
        lambda: operator(points, params),
        lambda result: cupy.cuda.get_current_stream().synchronize(),
        lambda result: np.asarray(result.get()),
    )


def jax(way: str, case: Case, precision: str, platform: str = "gpu") -> Prepared:
    """JAX: a Laplacian nested by hand, or folx's, under jit(vmap)."""
    import jax

    from .with_jax import LAPLACIANS, network

    if jax.default_backend() != platform:
        raise RuntimeError(f"this JAX runs on the {jax.default_backend()}")
    wanted = {"float32": "highest", "tf32": "tensorfloat32"}[precision]
    jax.config.update("jax_default_matmul_precision", wanted)

    def at_point(params: Any, x: Any) -> Any:
        function = partial(network, params)
        if way == "folx":
            import folx

            return folx.forward_laplacian(function)(x).laplacian
        return LAPLACIANS[way](function)(x)

    function = jax.jit(jax.vmap(at_point, in_axes=(None, 0)))
    problem = case.problem("float32")
    params, points = jax.device_put((problem.params, problem.points))
    return Prepared(
        lambda: function(params, points), lambda result: result.block_until_ready(), np.asarray
    )


def torch(compiled: bool, case: Case, precision: str, device: str = "cuda") -> Prepared:
    """PyTorch: jvp of grad by torch.func under vmap, as it is or through torch.compile."""
    import torch

    torch.set_float32_matmul_precision({"float32": "highest", "tf32": "high"}[precision])
    problem = case.problem("float32")
    on_device = partial(torch.tensor, device=device)
    points = on_device(problem.points)
    params = [tuple(map(on_device, layer)) for layer in problem.params]
    axes = torch.eye(points.shape[1], device=device)

    def network(x: Any) -> Any:
        *hidden, (weights, bias) = params
        for matrix, offset in hidden:
            x = torch.tanh(x @ matrix + offset)
        return (x @ weights + bias)[0]

    def at_point(x: Any) -> Any:
        def along(axis: Any) -> Any:
            return torch.func.jvp(torch.func.grad(network), (x,), (axis,))[1] @ axis

        return torch.func.vmap(along)(axes).sum()

    function: Any = torch.func.vmap(at_point)
    if compiled:
        function = torch.compile(function, mode="reduce-overhead")
    return Prepared(
        lambda: function(points),
        lambda result: torch.cuda.current_stream().synchronize() if device == "cuda" else None,
        lambda result: np.asarray(result.detach().cpu().numpy()),
    )


# Yardsticks ---------------------------------------------------------------------------------------

COPIED_BYTES = 1 << 30
MATRIX_SIDE = 8192


def copy() -> Prepared:
    """A copy of a gibibyte within the GPU's memory."""
    import cupy

    source = cupy.zeros(COPIED_BYTES // 4, cupy.float32)
    target = cupy.empty_like(source)
    return _on_stream(lambda: cupy.copyto(target, source), lambda: target[:8])


def product(precision: str) -> Prepared:
    """A product of square matrices by cuBLAS."""
    import cupy

    from jetfold.backends.cuda import cublas
    from jetfold.backends.cuda.launches import Gemm, Repeat

    n, once = MATRIX_SIDE, Repeat(1, 0, 0, 0)
    left = cupy.random.standard_normal((n, n), cupy.float32)
    both = cupy.random.standard_normal((2 * n, n), cupy.float32)  # operand, then result
    gemm = Gemm(0, 0, n * n, n, n, n, n, n, once, once)
    places = left.data.ptr, both.data.ptr
    products = cublas.Products(cupy.cuda.get_current_stream().ptr, precision == "tf32")
    dtype = np.dtype(np.float32)

    def call() -> None:
        with products:
            products.multiply(gemm, *places, dtype)

    return _on_stream(call, lambda: both[n, :8])


def _on_stream(call: Callable[[], object], look: Callable[[], Any]) -> Prepared:
    import cupy

    return Prepared(
        call,
        lambda _: cupy.cuda.get_current_stream().synchronize(),
        lambda _: np.asarray(look().get()),
    )


# Elementwise kernels ------------------------------------------------------------------------------


def elementwise(case: Case, repetitions: int = 5) -> list[tuple[str, float, int]]:
    """For each elementwise kernel of jetfold's Laplacian: name, least seconds, bytes it must move.

    Times are those of events around each launch, behind work that keeps the GPU busy until all are
    queued.
    """
    import cupy

    import jetfold as jf
    from jetfold.backends.cuda.arrays import view
    from jetfold.backends.cuda.compiled import CudaGraph
    from jetfold.backends.cuda.sessions import GpuSession

    from .with_jetfold import network

    problem: Problem = case.problem("float32")
    operator = jf.laplacian(network, backend="cuda")
    graph = CudaGraph(
        operator.derivation(problem.points, problem.params).final_graph, jf.Cuda(graphs=False)
    )
    names = [name for i in range(len(problem.params)) for name in (f"[{i}][0]", f"[{i}][1]")]
    arrays = [array for layer in problem.params for array in layer]
    inputs = {"x": view(cupy.asarray(problem.points), "x")}
    params = {
        f"params{name}": view(cupy.asarray(array), name)
        for name, array in zip(names, arrays, strict=True)
    }
    samples = graph.samples(case.points)
    if samples < case.points:
        raise RuntimeError("the case takes several tiles; choose one with fewer points")
    moved = bytes_moved(graph.program, samples, 4)
    busy = cupy.ones((MATRIX_SIDE, MATRIX_SIDE), cupy.float32)
    least = [float("inf")] * len(moved)
    launch = GpuSession.launch
    events: list[tuple[str, Any, Any]] = []

    def timed(self: GpuSession, kernel: Any, wanted: Any, given: Any) -> None:
        before, after = cupy.cuda.Event(), cupy.cuda.Event()  # on CuPy's stream, which ours is
        before.record()
        launch(self, kernel, wanted, given)
        after.record()
        events.append((wanted.kernel, before, after))

    with mock.patch.object(GpuSession, "launch", timed):
        for _ in range(repetitions + 1):  # the first one compiles
            events.clear()
            for _ in range(20):
                busy @ busy
            graph(case.points, np.dtype(np.float32), inputs, params)
            cupy.cuda.Device().synchronize()
            own = [event for event in events if event[0] in dict(moved)][-len(moved) :]
            for i, (_, before, after) in enumerate(own):
                seconds = cupy.cuda.get_elapsed_time(before, after) / 1e3
                least[i] = min(least[i], seconds)
    return [(name, best, size) for (name, size), best in zip(moved, least, strict=True)]


def bytes_moved(program: Any, samples: int, itemsize: int) -> list[tuple[str, int]]:
    """For each elementwise instruction its kernel's name and what it must read and write.

    Every value is counted once; numbers that do not vary between points are not counted.
    """
    from jetfold.backends.program import NestKernel, Place, Run

    found = []
    for run in program.instructions:
        if not isinstance(run, Run) or not isinstance(run.kernel, NestKernel):
            continue
        axes = [operand.axes for operand in run.kernel.operands] + list(run.kernel.outputs)
        total = 0
        for access, moving in zip((*run.operands, *run.outputs), axes, strict=True):
            if isinstance(access.place, Place):
                total += run.rows * int(np.prod([run.sizes[axis] for axis in moving], dtype=int))
        number = program.kernels.index(run.kernel)
        found.append((f"kernel_{number}", total * samples * itemsize))
    return found
