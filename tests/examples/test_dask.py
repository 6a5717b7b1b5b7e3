"""Operators on a Dask cluster of two processes, and the example that trains there."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import sympy
from distributed import Client

import jetfold as jf
from example_programs import COMMANDS, EXAMPLES, load

REDUCED = [*COMMANDS["dask_training"].split(), "--quiet"]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        load("dask_training").local_cluster(workers=2, threads=2) as address,
        Client(address) as client,
    ):
        yield client


def points(count: int, blocks: int) -> da.Array:
    """Blocks of different lengths, none a multiple of a tile."""
    values = np.random.default_rng(1).normal(size=(count, 3))
    ends = np.linspace(0, count, blocks + 1).astype(int)
    return da.from_array(values, chunks=(tuple(int(n) for n in np.diff(ends)), 3))


def mapped(operator: Any, x: da.Array, *params: Any) -> Any:
    return x.map_blocks(operator, *params, drop_axis=1, dtype=float, meta=np.empty(0)).compute()


def test_workers_are_processes_with_threads_of_their_own(client: Client) -> None:
    found = client.run(lambda: (os.getpid(), os.environ["JETFOLD_NUM_THREADS"]))
    processes = {process for process, _ in found.values()}
    assert len(processes | {os.getpid()}) == 3
    assert {threads for _, threads in found.values()} == {"2"}


@pytest.mark.usefixtures("client")
def test_operators_run_as_they_are() -> None:
    """Their functions are found under no name: one is local, one a lambda that holds an array."""
    scales = np.array([0.5, 1.5, 2.5])

    def wave(x: Any, a: Any) -> Any:
        return np.sin(a @ x) * np.tanh(x[0])

    t, s = sympy.symbols("t s")
    w = sympy.Function("w")(t, s)
    x = points(1003, 3)
    values, a = x.compute(), np.array([1.0, -2.0, 0.5])
    # Calls in this process come first, so that the workers find compiled code in the cache.
    laplacian = jf.laplacian(wave)
    expected = laplacian(values, a)
    assert np.array_equal(mapped(laplacian, x, a), expected)
    expression = jf.operator(w.diff(t) - w.diff(s, 2) * w, lambda y: np.exp(y[0] * y[1]), [t, s])
    expected = expression(values[:, :2])
    assert np.array_equal(mapped(expression, x[:, :2]), expected)
    gradient = jf.grad(lambda x: np.prod(np.cos(scales * x)))
    expected = gradient(values)
    found = x.map_blocks(gradient, dtype=float, meta=np.empty((0, 0))).compute()
    assert np.array_equal(found, expected)


def test_gradients_of_blocks_add_up(client: Client) -> None:
    """Up to the order of additions; and the order, with it every bit, is the same each time."""
    example = load("dask_training")
    x = points(1009, 7)[:, :2]
    params = example.first_guess(seed=2)
    value_and_grad = jf.value_and_grad(example.loss)
    value, gradient = value_and_grad(x.compute(), params)
    on_cluster = example.OnCluster(client, value_and_grad, x)
    value_there, gradient_there = on_cluster(params)
    assert value_there == pytest.approx(value, rel=1e-13)
    expected = jf.ravel(gradient)[0]
    assert np.abs(gradient_there - expected).max() < 1e-13 * np.abs(expected).max()
    for _ in range(3):
        value_again, gradient_again = on_cluster(params)
        assert value_again == value_there
        assert np.array_equal(gradient_again, gradient_there)


def test_parts_are_added_few_at_a_time() -> None:
    tree_sum = load("dask_training").tree_sum
    parts = [dask.delayed(np.array)([1.0, 10.0**k]) for k in range(11)]
    total = tree_sum(parts)
    assert total.compute().tolist() == [11, 11111111111]
    assert max(len(task.dependencies) for task in dict(total.dask).values()) == 4


def test_the_example_runs_from_the_command_line(client: Client, tmp_path: Path) -> None:
    address = client.scheduler_info()["address"]
    command = [sys.executable, str(EXAMPLES / "dask_training.py"), *REDUCED, "--scheduler", address]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(" ok\n") == 3
    assert list(tmp_path.iterdir()) == []


def test_the_example_notices_wrong_results(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    example = load("dask_training")
    example.tree_sum = lambda parts: parts[0]
    arguments = [*REDUCED, "--scheduler", client.scheduler_info()["address"], "--steps", "1"]
    assert example.main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("WRONG") for line in lines] == [True, False, True]
