"""Fair timing: every runner in a process of its own, in turns, in an order that changes.

Thread pools of different libraries (OpenMP, OpenBLAS, XLA) spin for milliseconds after their work
and slow down whoever comes next. So each runner has its own process with all cores to itself, a
pause before its turn lets the others fall asleep, and the first call of a turn wakes up its own:
it counts only where it is longer than a turn anyway.

The allocator matters as much. glibc hands large blocks back to the system as they are freed, and a
library that allocates its intermediate arrays anew in every call then waits for the kernel to
clear their pages: up to half of the time of some JAX contestants. `KEEP_MEMORY` stops that; it is
set for everybody, so that methods are compared and not page faults.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from typing import Any, TypeVar

from .cases import Result
from .contestants import Call

Turn = Callable[[float], list[float]]
Returned = TypeVar("Returned")

SETTLE_SECONDS = 0.05
TURN_SECONDS = 0.1
# One heap that only grows: no mapped blocks, no trimming, no arenas of limited size.
KEEP_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_ARENA_MAX": "1",
}


def time_calls(call: Callable[[], object], seconds: float) -> list[float]:
    """The seconds of each call in a turn: as many as fit into `seconds`, and at least one.

    The first is left out unless it took longer than `seconds`.
    """
    first = _seconds_of(call)
    if first > seconds:
        return [first]
    times: list[float] = []
    while not times or sum(times) < seconds:
        times.append(_seconds_of(call))
    return times


def _seconds_of(call: Callable[[], object]) -> float:
    before = time.perf_counter()
    call()
    return time.perf_counter() - before


def rotated(names: list[str], repetition: int) -> list[str]:
    """The order of a repetition: shifted each time, and backwards every other time.

    Shifting alone would leave everybody with the same predecessor.
    """
    shift = repetition % len(names)
    order = names[shift:] + names[:shift]
    return order[::-1] if repetition % 2 else order


def interleave(
    turns: Mapping[str, Turn],
    repetitions: int,
    budget: float,
    settle: float = SETTLE_SECONDS,
    turn_seconds: float = TURN_SECONDS,
) -> dict[str, list[float]]:
    """All times of each runner; no new round of turns after `budget` seconds.

    Everybody has one turn; who has spent a quarter of the budget has no more, so that one runner
    that is slow or stuck (OpenMP on a busy machine) leaves time for the others.
    """
    times: dict[str, list[float]] = {name: [] for name in turns}
    spent = dict.fromkeys(turns, 0.0)
    end = time.perf_counter() + budget
    for repetition in range(repetitions if turns else 0):
        for name in rotated(list(turns), repetition):
            if spent[name] <= budget / 4:
                time.sleep(settle)
                before = time.perf_counter()
                times[name] += turns[name](turn_seconds)
                spent[name] += time.perf_counter() - before
        if time.perf_counter() > end:
            break
    return times


_prepared: list[Call] = []  # in a runner's process: its call


def _prepare(make: Callable[[], Call]) -> Result:
    """Runs in the runner's process: keep the call, return its first result."""
    _prepared.clear()
    gc.collect()
    _prepared.append(make())
    return _prepared[0]()


def _turn(seconds: float) -> list[float]:
    """Runs in the runner's process."""
    return time_calls(_prepared[0], seconds)


class Failed(Exception):
    """A runner raised an error or died; the text says how."""


def _guarded(function: Callable[..., Returned], *arguments: Any) -> Returned | Failed:
    """Errors travel as text: not every exception survives pickling."""
    try:
        return function(*arguments)
    except Exception as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        return Failed(f"{type(error).__name__}: {first_line}")


class Runner:
    """A fresh process with all cores that prepares one call at a time and times it in turns."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it with these environment variables beside those of this process."""
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            self._pool.submit(gc.collect)  # the first task starts the process
        finally:
            os.environ.clear()
            os.environ.update(before)

    def submit(
        self, function: Callable[..., Returned], *arguments: Any
    ) -> Future[Returned | Failed]:
        """Start a function of this package in the runner's process."""
        return self._pool.submit(_guarded, function, *arguments)

    def run(self, function: Callable[..., Returned], *arguments: Any) -> Returned:
        """The function's result; raises Failed for its errors."""
        return result_of(self.submit(function, *arguments))

    def prepare(self, make: Callable[[], Call]) -> Future[Any]:
        """Start preparing a call; its first result follows, from `result_of`."""
        return self.submit(_prepare, make)

    def turn(self, seconds: float) -> list[float]:
        """Seconds of each call in one turn."""
        return self.run(_turn, seconds)

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def on_one_thread(function: Callable[..., Returned], *arguments: Any) -> Returned:
    """The result of a function in a process of its own, in which NumPy's BLAS has one thread.

    For references: several threads wait for each other at each product, on a busy machine for long.
    """
    with closing(Runner({"OPENBLAS_NUM_THREADS": "1"})) as runner:
        return runner.run(function, *arguments)


def result_of(future: Future[Returned | Failed]) -> Returned:
    """Wait for a result; raises Failed for an error, and also when the process died."""
    try:
        result = future.result()
    except Exception as error:
        raise Failed(f"the process ended: {error}") from error
    if isinstance(result, Failed):
        raise result
    return result
