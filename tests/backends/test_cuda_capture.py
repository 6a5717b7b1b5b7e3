"""Recordings: what goes into graphs, what stands between them, and the order of a replay.

The driver is one that keeps a diary. What a real one makes of it is tested in tests/gpu.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jetfold.backends.cuda import calls as calls_module
from jetfold.backends.cuda.calls import Calls
from jetfold.backends.cuda.device import OutOfMemory
from jetfold.backends.cuda.launches import Factor, Gemm, Launch, Outer, Repeat
from jetfold.backends.cuda.options import Cuda

pytest.importorskip("numba_cuda")

from jetfold.backends.cuda import capture, sessions
from jetfold.backends.cuda.execution import NumbaDevice

FLOAT = np.dtype(np.float64)
ONCE = Repeat(1, 0, 0, 0)
PRODUCT = Gemm(0, 0, 8, 2, 2, 2, 2, 2, ONCE, ONCE)
OVERLAPPING = Gemm(0, 0, 8, 2, 2, 2, 1, 2, ONCE, ONCE)
OUTER = Outer(Factor(0, 0, 0, 2), Factor(4, 0, 0, 2), 0, 2, 2, 2, 1, 1, 1, 4)
CROWDED = Outer(Factor(0, 0, 0, 1), Factor(4, 0, 0, 2), 0, 2, 2, 2, 1, 1, 1, 4)
LAUNCH = Launch("kernel", (), (), 1, 32)


class Diary:
    """A driver that writes down what it is asked for; graphs are lists of what was captured."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.captured: list[str] | None = None
        self.room = 10**6
        self.given = 0

    def write(self, line: str) -> None:
        (self.lines if self.captured is None else self.captured).append(line)

    def allocate(self, size: int, device: int, stream: int) -> int:
        assert stream != 77, "memory taken on a stream that captures would be part of the graph"
        if size > self.room:
            raise OutOfMemory("none left")
        self.given += 1
        return 1000 * self.given

    def free(self, pointer: int, stream: int) -> None:
        self.lines.append(f"free {pointer}")

    def free_now(self, pointer: int) -> None:
        self.lines.append(f"free {pointer} now")

    def give_back(self, device: int) -> None:
        self.lines.append("give back")

    def memory(self) -> tuple[int, int]:
        return self.room, 10**9

    def upload(self, target: int, source: int, size: int, stream: int) -> None:
        self.write(f"upload {size} bytes to {target} on {stream}")

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        self.write(f"copy {source} to {target} on {stream}")

    @contextmanager
    def private_stream(self) -> Iterator[int]:
        yield 77

    def begin_capture(self, stream: int) -> None:
        assert stream == 77
        assert self.captured is None
        self.captured = []

    def end_capture(self, stream: int) -> list[str]:
        found, self.captured = self.captured, None
        assert found is not None
        return found

    def abandon_capture(self, stream: int) -> None:
        self.captured = None
        self.lines.append("abandon")

    def launch_graph(self, graph: list[str], stream: int) -> None:
        self.lines.append(f"graph {', '.join(graph)} on {stream}")

    def destroy_graph(self, graph: list[str]) -> None:
        self.lines.append(f"destroy {', '.join(graph) or 'nothing'}")

    def Event(self) -> Any:
        return SimpleNamespace(
            record=lambda stream: self.lines.append(f"record on {stream}"),
            wait=lambda stream: self.lines.append(f"wait on {stream}"),
            synchronize=lambda: self.lines.append("synchronize"),
            close=lambda: self.lines.append("close"),
        )


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> Diary:
    """Sessions without a GPU, whose driver is a diary and whose arrays are pointers."""
    from numba import cuda

    found = Diary()

    def start(self: sessions.GpuSession, options: Cuda, number: int, handle: int) -> None:
        self.options, self.number, self.handle = options, number, handle
        vars(self).update(driver=found, cublas=True, taken=[], size=0, given=[], copied=None)

    def view(self: Any, pointer: int, size: int, dtype: Any, owner: Any = None) -> Any:
        place = SimpleNamespace(value=pointer)
        return SimpleNamespace(size=size, dtype=FLOAT, device_ctypes_pointer=place)

    def launch(self: Any, kernel: str, launch: Launch, arrays: Sequence[Any]) -> None:
        found.write(kernel)

    def multiply(self: Any, gemm: Gemm, shared: Any, workspace: Any) -> None:
        found.write("product")

    def add_products(self: Any, *arguments: Any) -> None:
        found.write("outer product")

    @contextmanager
    def products(self: Any) -> Iterator[Any]:
        def multiply(*given: Any) -> None:
            assert found.captured is None, "CuPy does not let cuBLAS be captured"
            found.lines.append(f"cublas on {self.handle}")

        def add(*given: Any) -> None:
            assert found.captured is None
            found.lines.append(f"cublas adds on {self.handle}")

        yield SimpleNamespace(multiply=multiply, add=add)

    monkeypatch.setattr(sessions.GpuSession, "__init__", start)
    monkeypatch.setattr(sessions.GpuSession, "view", view)
    monkeypatch.setattr(sessions.GpuSession, "products", products)
    monkeypatch.setattr(NumbaDevice, "launch", launch)
    monkeypatch.setattr(NumbaDevice, "multiply", multiply)
    monkeypatch.setattr(NumbaDevice, "add_products", add_products)
    monkeypatch.setattr(capture, "driver", found)
    monkeypatch.setattr(cuda, "gpus", [nullcontext()])
    return found


Step = str | Gemm | Outer | Callable[[], None]


class Network:
    """What a recording asks of a graph: to run, with some launches and products."""

    input_rows = (1,)
    options = Cuda()
    program = SimpleNamespace(workspace=4, outputs=((),))

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.runs = 0

    def samples(self, points: int, most: int = 0) -> int:
        return 32

    def output_sizes(self, points: int) -> list[int]:
        return [points]

    def run(self, device: Any, points: int, *rest: Any) -> None:
        self.runs += 1
        workspace = device.empty(4, FLOAT)
        for step in self.steps:
            if isinstance(step, Gemm):
                device.multiply(step, workspace, workspace)
            elif isinstance(step, Outer):
                device.add_products(step, workspace, workspace)
            elif isinstance(step, str):
                device.launch(step, LAUNCH, [workspace])
            else:
                step()


def session(stream: int = 5) -> sessions.GpuSession:
    return sessions.GpuSession(Cuda(), 0, stream)


def recording(*steps: Step) -> capture.Recording:
    network: Any = Network(*steps)
    return capture.Recording(network, session(), 3, FLOAT, [3, 2], 32)


def array(pointer: int) -> Any:
    return SimpleNamespace(
        size=3, dtype=FLOAT, device_ctypes_pointer=SimpleNamespace(value=pointer)
    )


def on_gpu(pointer: int, size: int) -> Any:
    from jetfold.backends.cuda.arrays import GpuArray, Layout

    return GpuArray(None, "cupy", pointer, (size,), Layout((size,), (8,)), FLOAT, 0)


def test_launches_between_products_are_one_graph(diary: Diary) -> None:
    found = recording(
        "a", "b", PRODUCT, "c", PRODUCT, PRODUCT, OVERLAPPING, "d", PRODUCT, OUTER, CROWDED
    )
    assert diary.lines == ["destroy nothing", "destroy nothing", "record on 5"]
    diary.lines.clear()
    found.replay(session(6), [on_gpu(10, 3), on_gpu(20, 2)], [array(30)])
    assert diary.lines == [
        "wait on 6",
        "copy 10 to 1000 on 6",
        "copy 20 to 2000 on 6",
        "graph a, b on 6",
        "cublas on 6",
        "graph c on 6",
        "cublas on 6",
        "cublas on 6",
        "graph product, d on 6",
        "cublas on 6",
        "cublas adds on 6",
        "graph outer product on 6",
        "copy 3000 to 30 on 6",
        "record on 6",
    ]


def test_a_recording_gives_everything_back_when_it_is_done(diary: Diary) -> None:
    found = recording("a")
    diary.lines.clear()
    del found
    assert diary.lines[:2] == ["synchronize", "destroy a"]
    assert sorted(diary.lines[2:-1]) == [f"free {1000 * i} now" for i in (1, 2, 3, 4)]
    assert diary.lines[-1] == "close"


def test_a_recording_that_fails_gives_everything_back(diary: Diary) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        recording("a", PRODUCT, "b", fail)
    assert diary.captured is None
    assert diary.lines[:2] == ["abandon", "destroy a"]
    assert sorted(diary.lines[2:]) == [f"free {1000 * i}" for i in (1, 2, 3, 4)]


def calls(network: Network, options: Cuda = Network.options) -> Calls:
    network.options = options
    stand_in: Any = network
    found = Calls(stand_in)
    vars(found)["owner"] = network  # calls are their graph's, which must live on
    return found


def run(found: Calls, points: int = 3, stream: int = 5) -> None:
    used: Any = session(stream)
    found._run(used, points, FLOAT, [on_gpu(10, points)], [on_gpu(20, 2)], [array(30)])


def test_a_call_is_recorded_when_it_comes_again(diary: Diary) -> None:
    network = Network("a")
    found = calls(network)
    run(found)
    assert diary.lines == ["a"]
    run(found)
    assert network.runs == 2
    assert "graph a on 5" in diary.lines
    run(found)
    run(found)
    assert network.runs == 2
    assert diary.lines.count("graph a on 5") == 3
    run(found, stream=6)  # another stream has memory of its own
    run(found, points=4)
    assert network.runs == 4


def test_few_calls_are_remembered(diary: Diary) -> None:
    network = Network("a")
    found = calls(network)
    for _ in range(3):
        for points in range(1, calls_module.MOST_RECORDINGS + 2):
            run(found, points)
    assert network.runs == 3 * (calls_module.MOST_RECORDINGS + 1), (
        "forgotten before they came again"
    )


def test_recordings_keep_little_memory(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    each = 8 * (3 + 2 + 3 + 4)  # inputs, parameters, outputs, workspace
    monkeypatch.setattr(calls_module, "KEPT_BYTES", 2 * each)
    found = calls(Network("a"))
    for stream in (5, 6, 7):
        run(found, stream=stream)
        run(found, stream=stream)
    kept = [key for key, known in found._recordings.items() if known is not None]
    assert [key[2] for key in kept] == [6, 7]  # type: ignore[index]
    assert "destroy a" in diary.lines
    diary.lines.clear()
    used = session()
    diary.room = 7
    with pytest.raises(OutOfMemory):
        used.empty(1, FLOAT)
    assert diary.lines.count("destroy a") == 2, "others need the memory more"
    assert not any(known for known in found._recordings.values())


def test_a_call_without_room_for_a_recording_is_run_directly(diary: Diary) -> None:
    network = Network("a")
    found = calls(network)
    run(found)
    diary.room = 7
    network.run = lambda *given: diary.write("run")  # type: ignore[method-assign]
    run(found)
    assert diary.lines[-1] == "run"


@pytest.mark.parametrize(
    ("options", "points", "workspace"),
    [
        (Cuda(graphs=False), 3, 4),
        (Cuda(), 40, 4),  # two tiles
        (Cuda(), 3, calls_module.RECORDED_BYTES // 32),
    ],
)
def test_calls_that_are_not_recorded(
    diary: Diary, options: Cuda, points: int, workspace: int
) -> None:
    network = Network("a")
    network.program = SimpleNamespace(workspace=workspace, outputs=((),))
    found = calls(network, options)
    for _ in range(3):
        run(found, points)
    assert network.runs == 3
    assert diary.lines == ["a"] * 3


def test_memory_is_asked_for_again_when_others_have_given_theirs_back(diary: Diary) -> None:
    used = session()
    diary.room = 7
    with pytest.raises(OutOfMemory, match="GPU 0 has too little memory: 8 bytes are needed"):
        used.empty(1, FLOAT)
    assert diary.lines == ["give back"]
    diary.give_back = lambda device: setattr(diary, "room", 8)  # type: ignore[method-assign]
    used.empty(1, FLOAT)
    used.release()
    assert diary.lines == ["give back", "free 1000"]


def test_arrays_of_the_host_are_copied_when_a_call_is_over(diary: Diary) -> None:
    used = session()
    for pointer in (40, 50):
        used.fill(array(pointer), np.ones(3))
    copies = [f"upload 24 bytes to {pointer} on 5" for pointer in (40, 50)]
    assert diary.lines == [copies[0], "record on 5", copies[1], "record on 5"]
    used.release()
    assert diary.lines[4:] == ["synchronize", "close"]
    used.release()
    assert len(diary.lines) == 6
