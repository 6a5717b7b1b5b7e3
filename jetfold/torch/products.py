"""Products of matrices and tensors, around the batch axis.

Every product is written as a sum over indices, one letter for each axis. The batch axis has a
letter of its own, which is left out of the arrays: it must not be summed over or stand twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from jetfold.graph import ShapeError, TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule, add, mul
from jetfold.torch.reductions import reduced
from jetfold.torch.values import Value, mixed


def _contracted(what: str, values: Sequence[Value], terms: Sequence[str], result: str) -> Value:
    """The sum of products in which each axis of a value has a letter."""
    pairs = list(zip(values, terms, strict=True))
    letters = {term[value.batch] for value, term in pairs if value.batch is not None}
    shapes = " and ".join(str(value.shape) for value in values)
    if len(letters) > 1 or not letters <= set(result):
        raise mixed(f"{what} of tensors of shapes {shapes}")
    arrays = []
    (batch,) = letters or {""}
    for value, term in pairs:
        array = value.array
        if value.batch is None and batch and batch in term:
            at = term.index(batch)
            if array.shape[at] != 1:
                raise located(
                    ShapeError,
                    f"{what} of tensors of shapes {shapes}: one has {array.shape[at]} in place of "
                    "the number of points, which may be any",
                )
            array = array.squeeze(at)
        elif value.batch is not None and term.count(batch) > 1:
            raise mixed(f"{what} of tensors of shapes {shapes}")
        arrays.append(array)
    inside = _without_ones(arrays, [term.replace(batch, "") if batch else term for term in terms])
    subscripts = f"{inside}->{result.replace(batch, '') if batch else result}"
    return Value(np.einsum(subscripts, *arrays), result.index(batch) if batch else None)


def _without_ones(arrays: list[Any], terms: list[str]) -> str:
    """The terms of a sum in which axes of size 1 that others have longer are left out."""
    pairs = zip(arrays, terms, strict=True)
    longer = {c for array, term in pairs for c, n in zip(term, array.shape, strict=True) if n != 1}
    for i, term in enumerate(terms):
        sizes = list(zip(term, arrays[i].shape, strict=True))
        ones = tuple(at for at, (c, n) in enumerate(sizes) if n == 1 and c in longer)
        if ones:
            arrays[i] = arrays[i].squeeze(ones)
            terms[i] = "".join(c for at, c in enumerate(term) if at not in ones)
    return ",".join(terms)


def einsum(equation: Any, *operands: Any) -> Value:
    if not isinstance(equation, str):
        raise located(TraceError, "einsum with lists of numbers", "Write the sum as a string.")
    values = list(operands[0]) if len(operands) == 1 and _is_list(operands[0]) else list(operands)
    inside, arrow, result = equation.replace(" ", "").partition("->")
    terms = inside.split(",")
    if len(terms) != len(values):
        raise located(ShapeError, f"einsum {equation!r} of {len(values)} tensors")
    unused = [letter for letter in ascii_letters if letter not in equation]
    most = 0
    for i, (value, term) in enumerate(zip(values, terms, strict=True)):
        count = value.ndim - len(term.replace("...", ""))
        if count < 0 or (count > 0 and "..." not in term):
            raise located(ShapeError, f"einsum {equation!r}: a tensor has shape {value.shape}")
        if "..." in term:
            most = max(most, count)
            terms[i] = term.replace("...", _last(unused, count))
    if not arrow:
        once = sorted({c for c in inside if c.isalpha() and inside.count(c) == 1})
        result = ("..." if most else "") + "".join(once)
    result = result.replace("...", _last(unused, most))
    return _contracted(f"einsum {equation!r}", values, terms, result)


def _last(letters: list[str], count: int) -> str:
    """So many letters for axes that are aligned from the right."""
    return "".join(reversed(letters[:count]))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


_STACKED = ascii_letters[3:]
"""Letters for axes in front of matrices, from the right; a, b and c are the matrices' own."""


def matmul(input: Any, other: Any) -> Value:
    if input.ndim == 0 or other.ndim == 0:
        raise located(ShapeError, f"a matrix product of {input.shape} and {other.shape}")
    first = "b" if input.ndim == 1 else _last(list(_STACKED), input.ndim - 2) + "ab"
    second = "b" if other.ndim == 1 else _last(list(_STACKED), other.ndim - 2) + "bc"
    stacked = max(first[:-2], second[:-2], key=len)
    result = stacked + ("a" if input.ndim > 1 else "") + ("c" if other.ndim > 1 else "")
    return _contracted("a matrix product", [input, other], [first, second], result)


def linear(input: Any, weight: Any, bias: Any = None) -> Value:
    letters = _last(list(_STACKED), input.ndim - 1)
    product = _contracted("linear", [input, weight], [letters + "b", "ab"], letters + "a")
    return product if bias is None else add(product, bias)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Value:
    letters = _last(list(_STACKED), input1.ndim - 1)
    terms = [letters + "a", "cab", letters + "b"]
    product = _contracted("bilinear", [input1, weight, input2], terms, letters + "c")
    return product if bias is None else add(product, bias)


def outer(input: Any, vec2: Any) -> Value:
    return _contracted("outer", [input, vec2], ["a", "b"], "ab")


def dot(input: Any, other: Any) -> Value:
    return _contracted("dot", [input, other], ["a", "a"], "")


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Value:
    return reduced("vecdot", np.sum, mul(x, y), dim)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Value:
    return add(mul(input, beta), matmul(mat1, mat2), alpha=alpha)


def tensordot(a: Any, b: Any, dims: Any = 2) -> Value:
    if isinstance(dims, int):
        dims = (list(range(a.ndim - dims, a.ndim)), list(range(dims)))
    first, second = list(ascii_letters[: a.ndim]), list(ascii_letters[26 : 26 + b.ndim])
    summed = []
    for i, j in zip(*dims, strict=True):
        second[j] = first[i]
        summed.append(first[i])
    result = "".join(letter for letter in (*first, *second) if letter not in summed)
    return _contracted("tensordot", [a, b], ["".join(first), "".join(second)], result)


FUNCTIONS: Mapping[str, Rule] = {
    "addmm": addmm,
    "baddbmm": addmm,
    "bmm": matmul,
    "dot": dot,
    "einsum": einsum,
    "matmul": matmul,
    "mm": matmul,
    "mv": matmul,
    "outer": outer,
    "tensordot": tensordot,
}
"""Functions of `torch`, and methods of tensors."""

FUNCTIONAL: Mapping[str, Rule] = {"bilinear": bilinear, "linear": linear}
"""Functions of `torch.nn.functional`."""

LINALG: Mapping[str, Rule] = {"matmul": matmul, "vecdot": vecdot}
"""Functions of `torch.linalg`."""
