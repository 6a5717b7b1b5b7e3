"""Threads: the pool, callers at once, and a child that is forked in the middle of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from graphs import A, laplacian
from jetfold.backends.cpu import CompiledGraph, compiled
from jetfold.backends.cpu.threads import run_chunks, thread_count
from jetfold.graph import ArgumentError, Editor, Graph, Input, Map, Type
from processes import run
from programs import FLOAT64, FLOATS, sample

OPERATOR = CompiledGraph(laplacian(collapsed=True, width=20))

# The number of threads ----------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["1", "2", "17"])
def test_the_number_of_threads_can_be_chosen(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETFOLD_NUM_THREADS", chosen)
    assert thread_count() == int(chosen)


@pytest.mark.parametrize("chosen", ["0", "-2", "two", "1.5", " "])
def test_a_bad_number_of_threads_is_an_error(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETFOLD_NUM_THREADS", chosen)
    with pytest.raises(ArgumentError, match=r"JETFOLD_NUM_THREADS is .* give the number"):
        thread_count()
    with pytest.raises(ArgumentError, match="JETFOLD_NUM_THREADS"):  # also for a single point
        OPERATOR(1, FLOAT64, *sample(OPERATOR.graph, 1))


@pytest.mark.parametrize("unset", [True, False])
def test_otherwise_it_is_that_of_our_processors(
    unset: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JETFOLD_NUM_THREADS", "")
    if unset:
        monkeypatch.delenv("JETFOLD_NUM_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert thread_count() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert thread_count() == 1


# Chunks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("total", "chunk"), [(0, 1), (1, 1), (7, 3), (100, 1), (100, 33), (5, 9)])
def test_every_number_belongs_to_one_chunk(total: int, chunk: int, threads: int) -> None:
    done: list[tuple[int, int]] = []
    run_chunks(lambda first, last: done.append((first, last)), total, chunk, threads)
    assert sorted(done) == [(i, min(i + chunk, total)) for i in range(0, total, chunk)]


def test_several_threads_and_the_caller_take_part() -> None:
    """Each waits for the others, so all must be there at once."""
    together = threading.Barrier(4, timeout=20)
    who: set[str] = set()

    def work(first: int, last: int) -> None:
        who.add(threading.current_thread().name)
        together.wait()

    run_chunks(work, 4, 1, 4)
    assert len(who) == 4
    assert threading.current_thread().name in who


def test_one_thread_is_the_callers() -> None:
    who: set[str] = set()
    run_chunks(lambda *_: who.add(threading.current_thread().name), 9, 2, 1)
    assert who == {threading.current_thread().name}


@pytest.mark.parametrize("bad", [0, 5, 9])
def test_an_error_in_any_thread_reaches_the_caller_when_all_have_ended(bad: int) -> None:
    """What a call allocated must not be written to when it is over."""
    running: list[int] = []

    def work(first: int, last: int) -> None:
        running.append(first)
        time.sleep(0.01)
        running.remove(first)
        if first == bad:
            raise ValueError(f"chunk {first}")

    with pytest.raises(ValueError, match=f"chunk {bad}"):
        run_chunks(work, 10, 1, 3)
    assert not running


def test_a_call_does_not_wait_for_the_helpers_of_another() -> None:
    """Helpers that have not begun when the work is done are not needed any more."""
    release, busy = threading.Event(), threading.Barrier(4, timeout=20)

    def block(first: int, last: int) -> None:
        busy.wait()
        release.wait(20)

    blocked = threading.Thread(target=run_chunks, args=(block, 3, 1, 3))
    blocked.start()
    busy.wait()  # the three threads of the other call, two of them from the pool, are inside it
    done: list[int] = []
    other = threading.Thread(target=run_chunks, args=(lambda i, _: done.append(i), 6, 1, 3))
    other.start()
    other.join(10)
    finished = not other.is_alive()
    release.set()
    blocked.join()
    other.join()
    assert finished
    assert sorted(done) == list(range(6))


# Callers at once ----------------------------------------------------------------------------------


@pytest.fixture
def parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call uses the pool, however small it is."""
    monkeypatch.setattr(compiled, "SERIAL_WORK", 0)
    monkeypatch.setenv("JETFOLD_NUM_THREADS", "3")


def at_once(callers: int, call: Callable[[int], Any]) -> list[Any]:
    """What ``call(i)`` gives in so many threads that begin together."""
    together = threading.Barrier(callers, timeout=60)

    def wait_and_call(number: int) -> Any:
        together.wait()
        return call(number)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(wait_and_call, range(callers)))


@pytest.mark.usefixtures("parallel")
@pytest.mark.parametrize("callers", [2, 8])
def test_one_operator_called_at_once(callers: int) -> None:
    """Each caller with its own points, parameters, batch size and dtype, many times over."""
    cases = []
    for i in range(callers):
        points, dtype = 60 + 37 * i, FLOATS[i % 2]
        inputs, parameters = sample(OPERATOR.graph, points, dtype)
        parameters = {name: value * (1 + i / 8) for name, value in parameters.items()}
        cases.append((points, dtype, inputs, parameters))
    expected = [OPERATOR(*case) for case in cases]

    def call(number: int) -> int:
        wrong = 0
        for _ in range(100):
            found = OPERATOR(*cases[number])
            pairs = zip(found, expected[number], strict=True)
            wrong += not all(np.array_equal(a, b) for a, b in pairs)
        return wrong

    assert at_once(callers, call) == [0] * callers


def wave(number: int) -> Graph:
    """sin(number * x)**2 + number: a program of its own for every number."""
    editor = Editor()
    x = editor.add(Input("x", Type((2,))))
    return editor.freeze([editor.add(Map(sp.sin(number * A) ** 2 + number), x)])


@pytest.mark.usefixtures("parallel")
def test_different_operators_at_once_from_the_first_call_on() -> None:
    """Compiling is part of the first call; half of the callers share an operator."""
    points = np.random.default_rng(0).normal(size=(500, 2))
    operators = [CompiledGraph(wave(number)) for number in (2, 3, 5)]

    def call(number: int) -> float:
        operator = operators[number % 3]
        worst = 0.0
        for _ in range(30):
            (found,) = operator(len(points), FLOAT64, {"x": points}, {})
            factor = (2, 3, 5)[number % 3]
            worst = max(worst, np.abs(found - np.sin(factor * points) ** 2 - factor).max())
        return float(worst)

    assert max(at_once(6, call)) < 1e-14


@pytest.mark.usefixtures("parallel")
def test_public_operators_are_traced_and_called_at_once() -> None:
    def u(x: Any, a: Any) -> Any:
        return np.exp(-a * (x**2).sum())

    operator = jf.laplacian(u)
    points = np.random.default_rng(0).normal(size=(50, 3))
    square = (points**2).sum(1)

    def call(number: int) -> float:
        a = 0.5 + number
        expected = (4 * a**2 * square - 6 * a) * np.exp(-a * square)
        return float(np.abs(operator(points, a) - expected).max())

    assert max(at_once(4, call)) < 1e-12


# Forks --------------------------------------------------------------------------------------------

FORKS = """
import os, signal, sys, threading
import numpy as np
from graphs import laplacian
from jetfold.backends.cpu import CompiledGraph, compiled, threads
from programs import FLOAT64, sample

compiled.SERIAL_WORK = 0
operator = CompiledGraph(laplacian(collapsed=True))
inputs, parameters = sample(operator.graph, 400)
call = lambda: operator(400, FLOAT64, inputs, parameters)
expected = call()
right = lambda: all(np.array_equal(a, b) for a, b in zip(call(), expected, strict=True))

def child(work):
    pid = os.fork()
    if not pid:
        signal.alarm(60)  # a child that hangs is killed
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""

HELPED = """
def helped():
    together = threading.Barrier(3, timeout=30)
    threads.run_chunks(lambda first, last: together.wait(), 3, 1, 3)
    return True
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@needs_fork
def test_a_forked_child_calls_the_operator(tmp_path: Path) -> None:
    """After its parent did, while another thread of the parent does, and its own children."""
    code = f"""{FORKS}
statuses = [child(right)]
stop = threading.Event()
wrong = []
def keep_calling():
    while not stop.is_set():
        wrong.extend([] if right() else [1])
callers = [threading.Thread(target=keep_calling) for _ in range(2)]
for caller in callers: caller.start()
statuses += [child(right) for _ in range(25)]
statuses.append(child(lambda: right() and child(right) == 0))
stop.set()
for caller in callers: caller.join()
print(set(statuses), len(wrong), right())
"""
    assert run(code, tmp_path / "cache", JETFOLD_NUM_THREADS="3").split() == ["{0}", "0", "True"]


@needs_fork
def test_a_child_has_helpers_of_its_own(tmp_path: Path) -> None:
    """It inherits the pool, but not the threads."""
    code = f"{FORKS}{HELPED}print(helped(), child(helped), helped())"
    assert run(code, tmp_path / "cache").split() == ["True", "0", "True"]


@needs_fork
def test_a_child_compiles_although_a_thread_of_its_parent_was_compiling(tmp_path: Path) -> None:
    code = f"""{FORKS}
import sympy as sp
from graphs import A
from jetfold.graph import Editor, Input, Map, Type

def new(number):
    editor = Editor()
    x = editor.add(Input("x", Type(())))
    graph = CompiledGraph(editor.freeze([editor.add(Map(sp.tanh(number * A)), x)]))
    x = np.linspace(-1, 1, 50)
    (found,) = graph(50, FLOAT64, {{"x": x}}, {{}})
    return bool(np.allclose(found, np.tanh(number * x), rtol=1e-12))

results = []
def keep_compiling():
    results.extend(new(number) for number in range(2, 7))
compiling = threading.Thread(target=keep_compiling)
compiling.start()
statuses, number = [], 100
while compiling.is_alive():
    number += 1
    statuses.append(child(lambda: right() and new(number)))
compiling.join()
print(set(statuses), len(statuses) > 1, set(results))
"""
    assert run(code, tmp_path / "cache").split() == ["{0}", "True", "{True}"]


@needs_fork
def test_a_pool_of_processes(tmp_path: Path) -> None:
    """multiprocessing's own fork, with an operator that the parent has used."""
    code = f"""{FORKS}
import multiprocessing

def work(scale):
    scaled = {{name: scale * value for name, value in parameters.items()}}
    return operator(400, FLOAT64, inputs, scaled)[0]

ours = [work(scale) for scale in range(6)]
with multiprocessing.get_context("fork").Pool(3) as pool:
    theirs = pool.map(work, range(6))
print(all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)))
"""
    assert run(code, tmp_path / "cache", JETFOLD_NUM_THREADS="2").strip() == "True"
