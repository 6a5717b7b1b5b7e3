"""Running tiles in parallel: a pool of threads over compiled code that holds no lock.

A pool of Python threads is safe where the alternatives are not: two callers at once (numba's
workqueue layer aborts), and a forked child (OpenMP hangs or is killed).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from jetfold.graph import ArgumentError

_pool: ThreadPoolExecutor | None = None
_pool_size = 0


def _forget_pool() -> None:
    """A forked child has the object but not its threads."""
    global _pool, _pool_size
    _pool, _pool_size = None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def thread_count() -> int:
    """``JETFOLD_NUM_THREADS``, else the number of processors this process may use."""
    chosen = os.environ.get("JETFOLD_NUM_THREADS")
    if chosen:
        try:
            count = int(chosen)
        except ValueError:
            count = 0
        if count < 1:
            raise ArgumentError(
                f"JETFOLD_NUM_THREADS is {chosen!r}; give the number of threads, 1 or more"
            )
        return count
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _executor(size: int) -> ThreadPoolExecutor:
    global _pool, _pool_size
    pool = _pool
    if pool is None or _pool_size < size:
        pool = ThreadPoolExecutor(size, thread_name_prefix="jetfold")
        _pool, _pool_size = pool, size
    return pool


def run_chunks(work: Callable[[int, int], None], total: int, chunk: int, threads: int) -> None:
    """Call ``work(first, last)`` for consecutive chunks of ``range(total)`` on several threads.

    Each thread takes the next chunk when it is done with one. The calling thread takes part.
    """
    numbers = itertools.count()

    def take() -> None:
        while (first := next(numbers) * chunk) < total:
            work(first, min(first + chunk, total))

    helpers = min(threads, -(-total // chunk)) - 1
    futures = [_executor(threads - 1).submit(take) for _ in range(helpers)]
    try:
        take()
    finally:
        # A helper that has not begun has nothing left to do. Nothing runs on when this is over,
        # also if something failed: the arrays that are worked on belong to the caller.
        begun = [future for future in futures if not future.cancel()]
        wait(begun)
    for future in begun:
        future.result()
