"""What cannot be traced is an error that names the user's line and the way out."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special

from jetfold.graph.calls import FUNCTIONS
from jetfold.graph.errors import JetfoldError, ShapeError, TraceError
from jetfold.graph.hints import HINTS
from tracing import trace_at

Function = Callable[..., Any]
BUFFER = np.zeros(3)
AXES: Any = {"axes": [(0,), (0,), ()]}
MODE: Any = "some"


def error(function: Function, kind: type[JetfoldError], *shapes: tuple[int, ...]) -> str:
    """The message of the error, which names a line of this file that ends in a comment "here"."""
    with pytest.raises(kind) as caught:
        trace_at(function, *shapes or [(3,)])
    message = str(caught.value)
    (place,) = [line for line in message.splitlines() if line.startswith("File ")]
    file, line, text = place.split(", line ")[0], *place.split(", line ")[1].split(": ", 1)
    assert file == f'File "{__file__}"'
    assert Path(__file__).read_text().splitlines()[int(line) - 1].strip() == text
    assert text.endswith("# here")
    return message


def assign(x: Any) -> Any:
    x[0] = 1.0  # here
    return x


def assign_row_to_array(x: Any) -> Any:
    result = np.zeros((2, 3))
    result[0] = x  # here
    return result


def assign_element_to_array(x: Any) -> Any:
    result = np.zeros(3)
    result[0] = x[0]  # here
    return result


def assign_by_mask(x: Any) -> Any:
    x[x > 0] = 1.0  # here
    return x


def add_to_array(x: Any) -> Any:
    result = np.zeros(3)
    result += x  # here
    return result


def delete(x: Any) -> Any:
    del x[0]  # here
    return x


def branch(x: Any) -> Any:
    if x[0] > 0:  # here
        return x
    return -x


def loop(x: Any) -> Any:
    while np.sum(x) > 1:  # here
        x = x / 2
    return x


BRANCH = "a branch on a traced value"
NO_NUMBER = "a traced value has no number yet, so it cannot be converted to"
NOT_PLAIN = "cannot be converted to a plain array"
NO_INDEX = "a traced value cannot be an index, a size or a count"
CASES: list[tuple[Function, str, str]] = [
    # a function, what is wrong, and what to do
    (branch, BRANCH, "np.where(condition, a, b)"),
    (loop, BRANCH, "np.where(condition, a, b)"),
    (lambda x: x[0] > 0 and x[1] > 0, BRANCH, "& and |"),  # here
    (lambda x: 0 < x[0] < 1, BRANCH, "& and |"),  # here
    (lambda x: max(x[0], 0.0), BRANCH, "np.maximum"),  # here
    (lambda x: sorted(x)[0], BRANCH, "np.maximum"),  # here
    (lambda x: 1.0 in x, "`in` on a traced value", "np.where(x == value"),  # here
    (lambda x: float(x[0]), f"{NO_NUMBER} a float", "np.sin and not math.sin"),  # here
    (lambda x: math.sin(x[0]), f"{NO_NUMBER} a float", "np.sin and not math.sin"),  # here
    (lambda x: int(x[0]), f"{NO_NUMBER} an int", "np.stack"),  # here
    (lambda x: complex(x[0]), f"{NO_NUMBER} a complex number", "np.stack"),  # here
    (lambda x: [1, 2, 3][x[0]], NO_INDEX, "one-hot"),  # here
    (lambda x: range(x[0]), NO_INDEX, "one-hot"),  # here
    (lambda x: x.reshape(x[0], -1), NO_INDEX, "np.where"),  # here
    (assign, "an assignment into a traced array", "np.where(mask, new, old)"),
    (assign_by_mask, "an assignment into a traced array", "np.where(mask, new, old)"),
    (delete, "an assignment into a traced array", "np.concatenate"),
    (assign_row_to_array, NOT_PLAIN, "np.stack"),
    (assign_element_to_array, f"{NO_NUMBER} a float", "np.stack"),
    (add_to_array, "np.add cannot be traced with out=", "use the result itself"),
    (lambda x: np.add(x, 1, out=BUFFER), "np.add cannot be traced with out=", "itself"),  # here
    (lambda x: np.add(x, 1, out=x), "np.add cannot be traced with out=", "itself"),  # here
    (lambda x: np.sum(x, out=BUFFER), "np.sum cannot be traced with out=", "itself"),  # here
    (lambda x: np.asarray(x) + 1, NOT_PLAIN, "leave out np.asarray"),  # here
    (lambda x: np.array([x[0], 1.0]), NOT_PLAIN, "np.stack([...])"),  # here
    (lambda x: np.sum([x, x]), NOT_PLAIN, "np.stack([...])"),  # here
    (lambda x: np.random.default_rng(0).normal(x), NOT_PLAIN, "leave out"),  # here
    (lambda x: scipy.special.logsumexp(x) + 1, NOT_PLAIN, "np.logaddexp.reduce"),  # here
    (lambda x: np.tile(BUFFER, x), "how to arrange a plain array", "known numbers"),  # here
    (lambda x: np.delete(BUFFER, x), "how to arrange a plain array", "known numbers"),  # here
    (lambda x: BUFFER[x > 0], NOT_PLAIN, "np.stack"),  # here
    (lambda x: x[x > 0], "an index or a mask that is a traced value", "np.where(mask"),  # here
    (lambda x: x[x[0], ...], "an index or a mask that is a traced value", "np.where"),  # here
    (lambda x: np.where(x > 0), "np.where with a condition only", "np.where(cond"),  # here
    (lambda x: np.sort(x) + 1, "np.sort cannot be traced", "np.maximum"),  # here
    (lambda x: np.argmax(x) + 1, "np.argmax cannot be traced", "np.where"),  # here
    (lambda x: np.median(x) + 1, "np.median cannot be traced", "An order of values"),  # here
    (lambda x: np.linalg.pinv(x) + 1, "np.linalg.pinv cannot be traced", "np.linalg.inv"),  # here
    (lambda x: np.isnan(x) + 1, "np.isnan cannot be traced", "np.where"),  # here
    (lambda x: np.copyto(BUFFER, x), "np.copyto cannot be traced", "in place"),  # here
    (lambda x: np.nansum(x) + 1, "np.nansum cannot be traced", "Near by are: sum"),  # here
    (lambda x: np.fft.fft(x) + 1, "np.fft.fft cannot be traced", "linear_primitive"),  # here
    (lambda x: scipy.special.jv(0, x), "scipy.special.jv cannot be traced", "SymPy"),  # here
    (lambda x: np.frexp(x)[0], "np.frexp cannot be traced", "Near by are: exp"),  # here
    (lambda x: np.add.at(x, 0, 1), "np.add.at cannot be traced", "functions of NumPy"),  # here
    (lambda x: np.subtract.reduce(x) + 1, "np.subtract.reduce cannot be", "multiply"),  # here
    (lambda x: np.divide.accumulate(x) + 1, "np.divide.accumulate cannot be", "add"),  # here
    (lambda x: x.argsort(), "the method or attribute .argsort of an array", "order"),  # here
    (lambda x: x.tolist(), "the method or attribute .tolist of an array", "Write it"),  # here
    (lambda x: x.imag, "the method or attribute .imag of an array", "Write it"),  # here
    (lambda x: x.sort(), "the method or attribute .sort of an array", "order"),  # here
    (lambda x: np.sum(x, where=x > 0), "np.sum cannot be traced with where=", "mask"),  # here
    (lambda x: np.sin(x, where=x > 0), "np.sin cannot be traced with where=", "mask"),  # here
    (lambda x: np.max(x, initial=0), "np.max cannot be traced with initial=", "Leave"),  # here
    (lambda x: np.sum(x, dtype=int), "np.sum to int64", "np.floor"),  # here
    (lambda x: x.astype(np.int32), "np.astype to int32", "np.rint"),  # here
    (lambda x: x.astype(complex), "np.astype to complex128", "np.rint"),  # here
    (lambda x: np.matmul(x, x, **AXES), "np.matmul cannot be", "Leave"),  # here
    (lambda x: np.pad(x, 1, mode="mean"), "np.pad with mode='mean'", "symmetric"),  # here
    (lambda x: np.linalg.norm(x[None], 2), "np.linalg.norm of order 2", "Frobenius"),  # here
    (lambda x: np.einsum(x, [0]), "np.einsum without a specification", "ij,j->i"),  # here
    (lambda x: 1j * x, "a complex number or array cannot be part", "real"),  # here
    (lambda x: x + np.array([1j]), "a complex number or array cannot be part", "real"),  # here
    (lambda x: x + "a", "a string cannot be part of a traced computation", "real"),  # here
    (lambda x: x * None, "None (a NoneType) cannot be part", "real numbers"),  # here
    (lambda x: len(x[0]), "a traced value without axes has no len()", ""),  # here
    (lambda x: list(x[0]), "a traced value without axes cannot be iterated over", ""),  # here
    (lambda x: None, "returns None, which holds no array", "Is a return missing?"),
    (lambda x: (), "returns (), which holds no array", "Is a return missing?"),
    (lambda x: {"name": "text", "x": x}, "returns 'text' (str)", "trees of arrays"),
]

SHAPES: list[tuple[Function, str]] = [
    (lambda x: x + np.ones(4), "shapes (3,), (4,) cannot be broadcast together"),  # here
    (lambda x: x @ np.ones((2, 2)), "arrays of shapes (3,) and (2, 2)"),  # here
    (lambda x: np.dot(x, np.ones(2)), "arrays of shapes (3,) and (2,)"),  # here
    (lambda x: x @ 2, "a product @ with a number"),  # here
    (lambda x: x.reshape(2, 2), "cannot reshape array of size 3"),  # here
    (lambda x: x.reshape(2, -1), "cannot reshape array of size 3"),  # here
    (lambda x: x[5], "the index 5 is out of bounds for an axis of size 3"),  # here
    (lambda x: x[0, 0], "the index [0, 0] has too many parts for an array of shape (3,)"),  # here
    (lambda x: x[..., ...], "the index [..., ...] has too many parts"),  # here
    (lambda x: x[[0, 7]], "index 7 is out of bounds"),  # here
    (lambda x: x[np.ones(2, bool)], "boolean index did not match"),  # here
    (lambda x: x["a"], "an array of shape (3,): only integers"),  # here
    (lambda x: x.sum(axis=1), "np.sum: axis 1 is out of bounds"),  # here
    (lambda x: np.prod(x, axis=(0, 0)), "np.prod: repeated axis"),  # here
    (lambda x: np.max(x[:0]), "np.maximum over no elements"),  # here
    (lambda x: np.stack([x, x[:2]]), "cannot stack arrays of shapes (2,), (3,)"),  # here
    (lambda x: np.concatenate([x, x[None]]), "different ranks: (3,), (1, 3)"),  # here
    (lambda x: np.concatenate([x[None], np.ones((1, 2))]), "cannot concatenate"),  # here
    (lambda x: np.broadcast_to(x, (2, 2)), "shape mismatch"),  # here
    (lambda x: np.cross(x, np.ones(2)), "are not vectors of length 3"),  # here
    (lambda x: np.split(x, 2), "does not result in an equal division"),  # here
    (lambda x: np.einsum("ij->i", x), "'ij' does not fit an array of rank 1"),  # here
    (lambda x: np.einsum("i->j", x), "the result has to name axes of operands, once"),  # here
    (lambda x: np.einsum("i,i", x), "names 2 operands, but there are 1"),  # here
    (lambda x: np.einsum("i,i", x, np.ones(2)), "axis 'i' has sizes [2, 3]"),  # here
    (lambda x: np.convolve(x, x, MODE), "mode='some'"),  # here
    (lambda x: np.linalg.inv(x) + 1, "np.linalg.inv of an array of shape (3,)"),  # here
    (lambda x: np.linalg.det(x[:, None]), "(3, 1): its matrices are not square"),  # here
    (lambda x: np.linalg.solve(x, x), "np.linalg.solve of an array of shape (3,)"),  # here
    (lambda x: np.linalg.solve(np.eye(2), x), "matrices (2, 2) and right-hand sides (3,)"),  # here
    (lambda x: np.linalg.solve(np.eye(3), x[None]), "and right-hand sides (1, 3)"),  # here
    (lambda x: x + [[1.0], [2.0, 3.0]], "not an array"),  # here
]


def name_of(case: tuple[Any, ...]) -> str:
    return str(case[1])


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_what_cannot_be_traced(case: tuple[Function, str, str]) -> None:
    function, what, advice = case
    if "returns" in what:  # the error is about the function as a whole
        with pytest.raises(TraceError) as caught:
            trace_at(function, (3,))
        message = str(caught.value)
        assert f'File "{__file__}", line {function.__code__.co_firstlineno}' in message
    else:
        message = error(function, TraceError)
    assert what in message.splitlines()[0]
    assert advice in message.splitlines()[-1]


@pytest.mark.parametrize("case", SHAPES, ids=name_of)
def test_shapes_that_do_not_fit(case: tuple[Function, str]) -> None:
    function, what = case
    assert what in error(function, ShapeError)


def test_hints_are_about_functions_that_cannot_be_traced() -> None:
    traced = {function.__name__ for function in FUNCTIONS}
    for name in HINTS:
        assert name not in traced
        assert any(hasattr(place, name) for place in (np, np.fft, np.linalg, np.ndarray))


def test_errors_are_also_those_that_python_raises() -> None:
    with pytest.raises(TypeError):
        trace_at(branch, (3,))
    with pytest.raises(ValueError, match="broadcast"):
        trace_at(lambda x: x + np.ones(4), (3,))
    with pytest.raises(AttributeError):
        trace_at(lambda x: x.sort(), (3,))


def test_the_users_own_errors_are_left_alone() -> None:
    def f(x: Any) -> Any:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        trace_at(f, (3,))
