"""Operators with gradients can be pickled: before and after use, into other processes too."""

import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import jetfold as jf
from known_answers import points

X = points(3, 5)
PARAMS = {"k": np.array([0.5, -1.0, 2.0]), "shift": (np.array(0.25), np.array([1.5]))}


def wave(x: Any, params: Any) -> Any:
    first, second = params["shift"]
    return np.sin(params["k"] @ x + first) * second[0]


LAPLACIAN = jf.laplacian(wave)


def loss(x: Any, params: Any) -> Any:
    return (LAPLACIAN(x, params) - x[0]) ** 2


def residual(x: Any, params: Any) -> Any:
    return np.stack([LAPLACIAN(x, params), wave(x, params)])


def values_and_pulled(operator: Any, x: Any, params: Any) -> Any:
    values, pull = operator(x, params)
    return values, pull(np.ones_like(values))


OPERATORS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "grad": (partial(jf.grad, wave), lambda op, *arguments: op(*arguments)),
    "value_and_grad": (
        partial(jf.value_and_grad, loss, argnums=(0, 1)),
        lambda op, *arguments: op(*arguments, weights=np.arange(5.0)),
    ),
    "vjp": (partial(jf.vjp, LAPLACIAN), values_and_pulled),
    "residual_and_jacobian": (
        partial(jf.residual_and_jacobian, residual),
        lambda op, *arguments: op(*arguments),
    ),
}
EVERY = pytest.mark.parametrize("name", OPERATORS)


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def assert_same(found: Any, expected: Any) -> None:
    pairs = list(zip(leaves(found), leaves(expected), strict=True))
    assert len(pairs) > 0
    for one, other in pairs:
        assert_array_equal(one, other)


@EVERY
@pytest.mark.parametrize("used", [False, True])
def test_a_copy_gives_the_same(name: str, used: bool) -> None:
    make, call = OPERATORS[name]
    op = make(backend="reference")
    if used:
        call(op, X, PARAMS)
    copy = pickle.loads(pickle.dumps(op))
    assert repr(copy) == repr(op)
    assert_same(call(copy, X, PARAMS), call(op, X, PARAMS))


@EVERY
def test_what_was_compiled_does_not_travel(name: str) -> None:
    make, call = OPERATORS[name]
    op = make(backend="reference")
    before = pickle.dumps(op)
    call(op, X, PARAMS)
    assert len(pickle.dumps(op)) < len(before) + 300  # the structure of the parameters


MODULE = """
import numpy as np
import jetfold as jf

def wave(x, params):
    return np.sin(params["k"] @ x)

laplacian = jf.laplacian(wave)

def loss(x, params):
    return (laplacian(x, params) - x[0]) ** 2
"""


def test_another_process_finds_the_compiled_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("JETFOLD_CACHE_DIR", str(cache))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "module_of_a_loss.py").write_text(MODULE)
    op = jf.value_and_grad(importlib.import_module("module_of_a_loss").loss)
    expected = op(X, PARAMS)
    program = (
        "import pickle, sys; op, x, params = pickle.loads(sys.stdin.buffer.read()); "
        "sys.stdout.buffer.write(pickle.dumps(op(x, params)))"
    )
    files = {file: file.stat().st_mtime_ns for file in cache.rglob("*.nb?")}
    assert files
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((op, X, PARAMS)),
        capture_output=True,
        check=True,
    )
    assert_same(pickle.loads(done.stdout), expected)
    assert {file: file.stat().st_mtime_ns for file in cache.rglob("*.nb?")} == files


def test_random_directions_go_on_in_a_copy() -> None:
    estimate = jf.laplacian(wave, samples=2, seed=3, backend="reference")
    op = jf.value_and_grad(lambda x, params: estimate(x, params) ** 2, backend="reference")
    op(X, PARAMS)
    cloudpickle = pytest.importorskip("cloudpickle")
    copy = pickle.loads(cloudpickle.dumps(op))
    first, second = op(X, PARAMS), op(X, PARAMS)
    assert first[0] != second[0]
    assert_same((copy(X, PARAMS), copy(X, PARAMS)), (first, second))
