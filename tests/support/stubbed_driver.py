"""Checks of the calls of the CUDA driver, with one that does nothing; see stub_driver.c.

numba-cuda, cuda.core and cuda.bindings are those of a GPU. Kernels do not run, so that results are
any numbers; what was called, in what order and on which streams, is in a diary.
"""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import jetfold as jf
from gpu_arrays import Described, Exported, Plain
from jetfold.backends.cuda.device import OutOfMemory, facts
from messages import message_of

X = np.arange(15.0).reshape(5, 3)
W = np.arange(3.0)
THREAD, DEFAULT, OWN = "0x2", "(nil)", "0x77"
"""The streams of a thread and of all threads, and one that an array names."""


def u(x: Any, w: Any) -> Any:
    return np.sum(np.sin(w * x))


def calls(work: Callable[[], object]) -> list[str]:
    """What the driver was asked for meanwhile."""
    path = Path(os.environ["STUB_LOG"])
    path.write_text("")
    work()
    return path.read_text().splitlines()


def short(lines: list[str]) -> list[str]:
    """The first words of lines, equal ones in a row once."""
    words = [line.split()[0] for line in lines]
    return [word for i, word in enumerate(words) if i == 0 or word != words[i - 1]]


def balanced(lines: list[str]) -> bool:
    """Whether memory that was taken is given back on the same stream, and events destroyed."""
    taken = re.findall(r"^take \d+ (\w+) on (\w+)$", "\n".join(lines), re.M)
    given = re.findall(r"^give (\w+) on (\w+)$", "\n".join(lines), re.M)
    return sorted(taken) == sorted(given)


def check_the_card_is_described() -> None:
    assert facts()["GPU 0"] == "Stub, compute capability 9.0, 80 GB"
    assert facts()["CUDA driver"] == "13.4"


def check_a_call_with_arrays_of_the_host() -> None:
    op = jf.laplacian(u, backend=jf.Cuda(graphs=False))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numba's, of small grids
        op(X, W)
    lines = calls(lambda: op(X, W))
    assert balanced(lines), lines
    assert {line.split()[-1] for line in lines if " on " in line} == {THREAD}
    assert short([line for line in lines if line.split()[0] not in ("take", "event")]) == [
        *("upload", "launch", "download", "synchronize", "give", "synchronize", "destroy")
    ], lines
    assert f"upload {X.nbytes} on {THREAD}" in lines
    assert f"upload {W.nbytes} on {THREAD}" in lines
    assert f"download {len(X) * 8} on {THREAD}" in lines


def check_a_call_that_comes_again_is_one_graph() -> None:
    op = jf.laplacian(u, backend="cuda")
    op(X, W)
    second = calls(lambda: op(X, W))
    begin, end = second.index("begin"), next(i for i, x in enumerate(second) if "end of" in x)
    assert set(short(second[begin + 1 : end])) == {"take"}, "nothing is launched outside the graph"
    assert int(second[end].split()[2]) > 3
    third = calls(lambda: op(X, W))
    assert third.count(f"graph on {THREAD}") == 1
    assert not any(line.startswith(("launch", "begin")) for line in third)
    assert balanced(third)
    waiting = [i for i, line in enumerate(third) if "waits for event" in line]
    assert waiting
    assert waiting[0] < third.index(f"graph on {THREAD}")
    last = calls(vars(op)["_known"].clear)
    assert last.count("destroy graph") == 1
    assert sum(line.startswith("free") for line in last) > 4
    done = next(i for i, line in enumerate(last) if line.startswith("synchronize event"))
    assert done < last.index("destroy graph")


def layer(x: Any, w: Any) -> Any:
    return np.sum(np.tanh(w.reshape(1, 3) @ x))


def check_gradients_of_parameters() -> None:
    """Sums over the batch come to the host, in a recording, too, and gradients to the GPU."""
    op = jf.value_and_grad(layer, backend="cuda")
    gradients = [op(X, W)[1] for _ in range(3)]
    assert [(type(found), found.shape) for found in gradients] == [(np.ndarray, (3,))] * 3
    third = calls(lambda: op(X, W))
    assert third.count(f"graph on {THREAD}") == 1
    assert not any(line.startswith(("launch", "begin")) for line in third)
    assert sum(line.startswith("download") for line in third) == 1
    assert balanced(third)
    lines = calls(lambda: gradients.append(op(X, Plain(W))[1]))
    assert balanced(lines), lines
    assert type(gradients[-1]).__name__ == "DeviceNDArray"
    assert f"upload {W.nbytes} on {DEFAULT}" in lines


def check_arrays_on_the_gpu_are_not_copied() -> None:
    op = jf.laplacian(u, backend=jf.Cuda(graphs=False))
    w = Plain(W)
    for kind in (Described, Plain, Exported):
        x = kind(X)
        found = op(x, w)
        assert type(found).__name__ == "DeviceNDArray"
        assert found.shape == (5,)
        assert found.dtype == np.float64
        lines = calls(partial(op, x, w))
        assert set(short(lines)) <= {"take", "launch", "give", "synchronize", "free"}, lines
        assert {line.split()[-1] for line in lines if line.startswith("launch")} == {DEFAULT}
    strided = Plain(np.arange(60.0).reshape(10, 6)[::2, ::2])
    lines = calls(lambda: op(strided, w))
    assert any(line.startswith(f"take {X.nbytes} ") for line in lines), "packed there"
    assert not any(line.startswith(("upload", "copy")) for line in lines)


def check_streams_wait_for_each_other() -> None:
    op = jf.laplacian(u, backend=jf.Cuda(graphs=False))
    given = Described(X, stream=0x77)
    op(given, W)
    lines = calls(lambda: op(given, W))
    first = next(i for i, line in enumerate(lines) if line.endswith(f"on {OWN}"))
    event = lines[first].split()[1]
    assert lines[first + 1] == f"{DEFAULT} waits for event {event}"
    launches = [i for i, line in enumerate(lines) if line.startswith("launch")]
    after = next(i for i, line in enumerate(lines) if line.startswith(f"{OWN} waits for event"))
    assert first < launches[0] < launches[-1] < after
    assert not any(line == f"synchronize {OWN}" for line in lines)


def check_owners_by_dlpack_are_waited_for() -> None:
    op = jf.laplacian(u, backend=jf.Cuda(graphs=False))
    given = Exported(X)
    op(given, W)
    lines = calls(lambda: op(given, W))
    assert given.streams == [-1, 1, -1, 1]
    assert f"synchronize {DEFAULT}" in lines, "DLPack has no other way to keep it"


@contextmanager
def most(size: int) -> Iterator[None]:
    """No allocation may be larger."""
    os.environ["STUB_MOST"] = str(size)
    try:
        yield
    finally:
        del os.environ["STUB_MOST"]


def check_memory_that_runs_out() -> None:
    op = jf.laplacian(u, backend=jf.Cuda(graphs=False))
    x = np.ones((100, 3))
    op(x, W)
    kept = jf.laplacian(u, backend="cuda")
    kept(X, W)
    kept(X, W)
    with most(100):
        lines = calls(lambda: message_of(OutOfMemory, op, x, W))
        message = message_of(OutOfMemory, op, x, W)
    assert "destroy graph" in lines, "recordings are given back first"
    assert "pool keeps nothing" in lines
    assert balanced(lines)
    assert re.search(
        r"GPU 0 has too little memory: \d+ bytes are needed at least, and 7\d+ of", message
    )
    op(x, W)


def check_threads() -> None:
    op = jf.laplacian(u, backend="cuda")
    op(X, W)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                assert op(X, W).shape == (5,)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
