"""NumPy's products of arrays as contractions of two operands at a time.

Axes are labelled; operands meet along equal labels, a label that is not in the result is summed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from jetfold.graph.errors import ShapeError, TraceError
from jetfold.graph.indexing import flat_index, gather
from jetfold.graph.moves import as_tracers
from jetfold.graph.ops import Contract, Reshape, Sum, Transpose
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer, elementwise, record

Labels = Sequence[Hashable]


def contract(x: Tracer, x_labels: Labels, y: Tracer, y_labels: Labels, result: Labels) -> Tracer:
    """The sum over all labels that are not in the result of the product of two arrays."""
    (x, x_labels), (y, y_labels) = (
        _squeeze(x, x_labels, _sizes(y, y_labels)),
        _squeeze(y, y_labels, _sizes(x, x_labels)),
    )
    x, x_labels = _alone(x, x_labels, {*y_labels, *result})
    y, y_labels = _alone(y, y_labels, {*x_labels, *result})
    if not x_labels or not y_labels:
        labels = [*x_labels, *y_labels]
        order = tuple(labels.index(label) for label in result)
        return elementwise("multiply", x, y).move(Transpose(order))
    letters: dict[Hashable, str] = {}
    for label in (*x_labels, *y_labels):
        letters.setdefault(label, chr(ord("a") + len(letters)))
    names = ["".join(letters[label] for label in part) for part in (x_labels, y_labels, result)]
    return record(x.editor, Contract(f"{names[0]},{names[1]}->{names[2]}"), x.node, y.node)


def _alone(x: Tracer, labels: Labels, needed: set[Hashable]) -> tuple[Tracer, Labels]:
    """The array with the diagonal of repeated labels taken and labels summed that nobody needs."""
    distinct = list(dict.fromkeys(labels))
    if len(distinct) < len(labels):
        where = {label: i for i, label in enumerate(distinct)}
        numbers = [where[label] for label in labels]
        index = np.einsum(flat_index(x.shape), numbers, list(range(len(distinct))))
        x, labels = x.move(gather(index)), distinct
    lonely = tuple(i for i, label in enumerate(labels) if label not in needed)
    if lonely:
        x = record(x.editor, Sum(lonely), x.node)
    return x, [label for label in labels if label in needed]


def _sizes(x: Tracer, labels: Labels) -> dict[Hashable, int]:
    return dict(zip(labels, x.shape, strict=True))


def _squeeze(x: Tracer, labels: Labels, other: dict[Hashable, int]) -> tuple[Tracer, Labels]:
    """The array without those axes of size 1 that the other operand has in another size."""
    pairs = zip(labels, x.shape, strict=True)
    kept = [i for i, (label, size) in enumerate(pairs) if size != 1 or other.get(label, 1) == 1]
    if len(kept) < x.ndim:
        x = x.move(Reshape(tuple(x.shape[i] for i in kept)))
    return x, [labels[i] for i in kept]


# Products -------------------------------------------------------------------------------------


def _scalar(*arrays: Tracer) -> bool:
    return any(array.ndim == 0 for array in arrays)


def _batched(x: Tracer, x_core: Labels, y: Tracer, y_core: Labels, result: Labels) -> Tracer:
    """A contraction of the last axes; the axes before them are broadcast, as in a gufunc."""
    if x.ndim < len(x_core) or y.ndim < len(y_core):
        raise _mismatch(x, y)
    common = set(x_core) & set(y_core)
    for label in common:
        i, j = x_core.index(label) - len(x_core), y_core.index(label) - len(y_core)
        if x.shape[i] != y.shape[j]:
            raise _mismatch(x, y)
    x_lead, y_lead = (list(range(len(core) - a.ndim, 0)) for a, core in ((x, x_core), (y, y_core)))
    lead = x_lead if len(x_lead) > len(y_lead) else y_lead
    return contract(x, [*x_lead, *x_core], y, [*y_lead, *y_core], [*lead, *result])


def _mismatch(x: Tracer, y: Tracer) -> ShapeError:
    what = f"a product of arrays of shapes {x.shape} and {y.shape}, which do not fit together"
    return located(ShapeError, what)


def matmul(x1: Any, x2: Any) -> Tracer:
    x, y = as_tracers(x1, x2)
    if _scalar(x, y):
        raise located(ShapeError, "a product @ with a number", "Use * to scale an array.")
    rows, columns = ["i"] * (x.ndim > 1), ["k"] * (y.ndim > 1)
    return _batched(x, [*rows, "j"], y, ["j", *columns], [*rows, *columns])


def vecdot(x1: Any, x2: Any) -> Tracer:
    x, y = as_tracers(x1, x2)
    return _batched(x, ["j"], y, ["j"], [])


def matvec(x1: Any, x2: Any) -> Tracer:
    x, y = as_tracers(x1, x2)
    return _batched(x, ["i", "j"], y, ["j"], ["i"])


def vecmat(x1: Any, x2: Any) -> Tracer:
    x, y = as_tracers(x1, x2)
    return _batched(x, ["j"], y, ["j", "k"], ["k"])


def tensordot(a: Any, b: Any, axes: Any = 2) -> Tracer:
    x, y = as_tracers(a, b)
    if np.iterable(axes):
        first, second = axes
    else:
        first, second = range(x.ndim - axes, x.ndim), range(axes)
    x_axes, y_axes = normalize_axis_tuple(first, x.ndim), normalize_axis_tuple(second, y.ndim)
    if [x.shape[i] for i in x_axes] != [y.shape[i] for i in y_axes]:
        raise _mismatch(x, y)
    x_labels: list[Hashable] = [("x", i) for i in range(x.ndim)]
    y_labels: list[Hashable] = [("y", i) for i in range(y.ndim)]
    for i, j in zip(x_axes, y_axes, strict=True):
        y_labels[j] = x_labels[i]
    result = [
        label for label in (*x_labels, *y_labels) if (label in x_labels) ^ (label in y_labels)
    ]
    return contract(x, x_labels, y, y_labels, result)


def dot(a: Any, b: Any) -> Tracer:
    x, y = as_tracers(a, b)
    if _scalar(x, y):
        return elementwise("multiply", a, b)
    return tensordot(x, y, ([-1], [-2 if y.ndim > 1 else -1]))


def inner(a: Any, b: Any) -> Tracer:
    x, y = as_tracers(a, b)
    return elementwise("multiply", a, b) if _scalar(x, y) else tensordot(x, y, ([-1], [-1]))


def outer(a: Any, b: Any) -> Tracer:
    x, y = as_tracers(a, b)
    return tensordot(x.reshape(-1), y.reshape(-1), 0)


def vdot(a: Any, b: Any) -> Tracer:
    x, y = as_tracers(a, b)
    return tensordot(x.reshape(-1), y.reshape(-1), 1)


def kron(a: Any, b: Any) -> Tracer:
    x, y = as_tracers(a, b)
    rank = max(x.ndim, y.ndim)
    shapes = [(1,) * (rank - array.ndim) + array.shape for array in (x, y)]
    product = tensordot(x.reshape(shapes[0]), y.reshape(shapes[1]), 0)
    order = [axis for i in range(rank) for axis in (i, rank + i)]
    shape = [m * n for m, n in zip(*shapes, strict=True)]
    result: Tracer = product.transpose(order).reshape(shape)
    return result


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


def multi_dot(arrays: Any) -> Any:
    parts: list[Any] = as_tracers(*arrays)
    rows, columns = "i" * (parts[0].ndim > 1), "k" * (parts[-1].ndim > 1)
    letters = [chr(ord("A") + i) for i in range(len(parts) - 1)]
    names = [
        first + last for first, last in zip([rows, *letters], [*letters, columns], strict=True)
    ]
    return np.einsum(",".join(names) + "->" + rows + columns, *parts)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    x, y = as_tracers(a, v)
    m, n = x.size, y.size
    reach = {"full": (0, m + n - 1), "same": ((min(m, n) - 1) // 2, max(m, n))}
    reach["valid"] = (min(m, n) - 1, max(m, n) - min(m, n) + 1)
    if mode not in reach or not m or not n:
        raise located(ShapeError, f"np.convolve of shapes {x.shape} and {y.shape}, mode={mode!r}")
    start, length = reach[mode]
    index = np.arange(start, start + length)[:, None] - np.arange(n)
    return x.move(gather(np.where((index >= 0) & (index < m), index, -1))) @ y


# einsum ---------------------------------------------------------------------------------------


def einsum(*operands: Any, optimize: Any = None) -> Tracer:
    if not operands or not isinstance(operands[0], str):
        raise located(
            TraceError,
            "np.einsum without a specification in letters cannot be traced",
            'Write it as np.einsum("ij,j->i", a, b).',
        )
    arrays = as_tracers(*operands[1:])
    labels, result = parse(operands[0], [array.ndim for array in arrays])
    _check_sizes(operands[0], arrays, labels)
    pending = list(zip(arrays, labels, strict=True))
    for step in _path(arrays, labels, result):
        chosen = [pending[i] for i in step]
        pending = [pair for i, pair in enumerate(pending) if i not in step]
        for i, (y, y_labels) in enumerate(chosen[1:], 1):
            x, x_labels = chosen[0]
            rest = (*pending, *chosen[i + 1 :])
            needed = {*result, *(label for _, part in rest for label in part)}
            kept = [label for label in dict.fromkeys((*x_labels, *y_labels)) if label in needed]
            kept = list(result) if not rest else kept
            chosen[0] = contract(x, x_labels, y, y_labels, kept), kept
        pending.append(chosen[0])
    x, x_labels = _alone(*pending[0], set(result))
    return x.move(Transpose(tuple(x_labels.index(label) for label in result)))


def parse(spec: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """The labels of the operands and of the result; axes under an ellipsis count from the end."""
    left, arrow, right = spec.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise located(
            ShapeError, f"einsum {spec!r} names {len(parts)} operands, but there are {len(ranks)}"
        )
    labels = [_labels(spec, part, rank) for part, rank in zip(parts, ranks, strict=True)]
    hidden = max((sum(isinstance(label, int) for label in part) for part in labels), default=0)
    if arrow:
        result = _labels(spec, right, len(right.replace("...", "")) + hidden * ("..." in right))
    else:
        counts = Counter(left.replace(",", "").replace(".", ""))
        result = [*range(-hidden, 0), *sorted(c for c, count in counts.items() if count == 1)]
    unknown = set(result) - {label for part in labels for label in part}
    if unknown or len(set(result)) < len(result):
        raise located(ShapeError, f"einsum {spec!r}: the result has to name axes of operands, once")
    return labels, result


def _labels(spec: str, part: str, rank: int) -> Labels:
    before, dots, after = part.partition("...")
    hidden = rank - len(before) - len(after)
    named = before + after
    if (named and not named.isalpha()) or hidden < 0 or (hidden and not dots):
        raise located(ShapeError, f"einsum {spec!r}: {part!r} does not fit an array of rank {rank}")
    return [*before, *range(-hidden, 0), *after]


def _check_sizes(spec: str, arrays: Sequence[Tracer], labels: Sequence[Labels]) -> None:
    for label in dict.fromkeys(label for part in labels for label in part):
        pairs = [(array, part) for array, part in zip(arrays, labels, strict=True) if label in part]
        sizes = {
            n for x, part in pairs for n, other in zip(x.shape, part, strict=True) if other == label
        }
        if len(sizes - {1}) > 1:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise located(
                ShapeError, f"einsum {spec!r}: axis {label!r} has sizes {sorted(sizes)} ({shapes})"
            )


def _path(
    arrays: Sequence[Tracer], labels: Sequence[Labels], result: Labels
) -> list[tuple[int, ...]]:
    """Which operands to contract at each step, by NumPy's search for a cheap order."""
    if len(arrays) <= 2:
        return [tuple(range(len(arrays)))]
    number = {label: i for i, label in enumerate(dict.fromkeys(x for part in labels for x in part))}
    arguments: list[Any] = []
    for array, part in zip(arrays, labels, strict=True):
        arguments += [np.broadcast_to(0.0, array.shape), [number[label] for label in part]]
    limit = ("optimal" if len(arrays) <= 4 else "greedy", 2**62)
    path, _ = np.einsum_path(*arguments, [number[label] for label in result], optimize=limit)
    return [tuple(step) for step in path[1:]]


FUNCTIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    np.convolve: convolve,
    np.dot: dot,
    np.einsum: einsum,
    np.inner: inner,
    np.kron: kron,
    np.linalg.matmul: matmul,
    np.linalg.multi_dot: multi_dot,
    np.linalg.outer: lambda x1, x2: outer(a=x1, b=x2),
    np.linalg.tensordot: lambda x1, x2, axes=2: tensordot(x1, x2, axes),
    np.linalg.trace: lambda x, offset=0: trace(x, offset, -2, -1),
    np.linalg.vecdot: vecdot,
    np.outer: outer,
    np.tensordot: tensordot,
    np.trace: trace,
    np.vdot: vdot,
}

# Generalised ufuncs. NumPy 2.0 lacks some of them.
UFUNCS: Mapping[np.ufunc, Callable[..., Any]] = {
    getattr(np, name): function
    for name, function in {
        "matmul": matmul,
        "matvec": matvec,
        "vecdot": vecdot,
        "vecmat": vecmat,
    }.items()
    if hasattr(np, name)
}
