"""Calls that torch.fx has recorded, and which rule each stands for."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Mapping
from typing import Any

import torch

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.table import ATTRIBUTES, KEYS, METHODS, RULES

_ALIASES = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's names of arguments, which PyTorch takes as well."""

_WITHOUT_MEANING = frozenset(
    {"copy", "device", "dtype", "inplace", "layout", "memory_format", "non_blocking", "out"}
    | {"pin_memory", "requires_grad", "_stacklevel"}
)
"""Arguments about memory and precision, which a graph has none of."""

_ADVICE: Mapping[str, str] = {
    "detach": "A part that is held fixed cannot be expressed; compute it beforehand.",
    "requires_grad": "Derivatives with respect to the points are what operators give.",
    "item": "A value is not known yet; use functions of torch.",
    "numpy": "Use functions of torch in place of NumPy's.",
    "argmax": "Positions have no derivatives.",
    "argmin": "Positions have no derivatives.",
    "sort": "An order of values differs from point to point.",
    "setitem": "Build the tensor from its parts with torch.stack or torch.cat, or use torch.where.",
}

IN_PLACE = (
    *("iadd", "iand", "ifloordiv", "imatmul", "imod", "imul", "ior", "ipow", "isub", "itruediv"),
    "ixor",
)
"""Python's operators that change their first operand."""

_IN_PLACE_OPERATORS = {
    getattr(operator, name): getattr(operator, name[1:] + "_" * (name in ("iand", "ior")))
    for name in IN_PLACE
}

ANYTHING = "Write it in functions that can be imported: docs/torch.md has a table of them."


def out_of_place_name(name: str) -> str:
    """The method that does what one with an underscore does in place."""
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def out_of_place(function: Any) -> Any:
    """The function that does what an in-place one does: torch.relu for torch.relu_.

    None for one that does not work in place.
    """
    if function in _IN_PLACE_OPERATORS:
        return _IN_PLACE_OPERATORS[function]
    name = getattr(function, "__name__", "")
    for module in (torch, torch.nn.functional):
        if name.endswith("_") and getattr(module, name, None) is function:
            return getattr(module, name[:-1], None)
    return None


def key_of(node: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """The rule that a recorded call stands for, and its arguments. Raises `TraceError`."""
    target, args = node.target, node.args
    if node.op == "call_method":
        key = f".{target if target in METHODS else out_of_place_name(target)}"
    elif target is getattr:
        attribute, args = args[1], args[:1]
        key = f"attribute {attribute}"
    else:
        key = KEYS.get(target, "") or KEYS.get(out_of_place(target), "")
    if key not in RULES:
        raise _unsupported(node)
    return key, args, _options(node, key)


def _options(node: Any, key: str) -> dict[str, Any]:
    """The arguments by name that a rule takes."""
    taken = {}
    for name, value in node.kwargs.items():
        if name == "out" and value is not None:
            raise refused(node, f"{key.lstrip('.')} with out=", "Use the result itself.")
        if isinstance(value, torch.dtype) and not value.is_floating_point:
            raise refused(node, f"{key.lstrip('.')} to {value}", "Values are real numbers.")
        if name not in _WITHOUT_MEANING:
            taken[_ALIASES.get(name, name)] = value
    return taken


def last(node: Any) -> str:
    """The name of a call without its namespace."""
    if node.op == "call_method":
        return str(node.target)
    if node.target is getattr:
        return str(node.args[1])
    return str(getattr(node.target, "__name__", node.target))


def described(node: Any) -> str:
    """A recorded call in words."""
    if node.op == "call_method":
        return f"the method .{node.target} of a tensor"
    if node.target is getattr:
        return f"the attribute .{node.args[1]} of a tensor"
    module = (getattr(node.target, "__module__", None) or "torch").lstrip("_")
    name = f"{module}.{last(node)}".replace("torch._C._nn", "torch.nn.functional")
    public = re.sub(r"(fft|linalg|special)_(?=[a-z])", r"\1.", name)
    return f"the function {public}"


def refused(node: Any, what: str, do: str) -> TraceError:
    """The error for a recorded call."""
    return located(TraceError, f"{what}, in {node.meta['module']}", do, node.meta["line"])


def _unsupported(node: Any) -> TraceError:
    name = last(node).strip("_")
    near = difflib.get_close_matches(name, sorted({*METHODS, *ATTRIBUTES}), n=3, cutoff=0.6)
    do = _ADVICE.get(name) or (f"Near by are: {', '.join(near)}." if near else ANYTHING)
    return refused(node, f"{described(node)} cannot be imported", do)
