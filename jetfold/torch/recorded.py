"""Calls that torch.fx has recorded: which rule each stands for, and whether it may be imported."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Mapping
from typing import Any

import torch

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.table import ATTRIBUTES, KEYS, METHODS, RULES, VIEWS

_ALIASES = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's names of arguments, which PyTorch takes as well."""

_WITHOUT_MEANING = frozenset(
    {"copy", "device", "dtype", "inplace", "layout", "memory_format", "non_blocking", "out"}
    | {"pin_memory", "requires_grad", "_stacklevel"}
)
"""Arguments about memory and precision, which a graph has none of."""

_ADVICE: Mapping[str, str] = {
    "detach": "A part that is held fixed cannot be expressed; compute it beforehand.",
    "item": "A value is not known yet; use functions of torch.",
    "numpy": "Use functions of torch in place of NumPy's.",
    "argmax": "Positions have no derivatives.",
    "argmin": "Positions have no derivatives.",
    "sort": "An order of values differs from point to point.",
    "setitem": "Build the tensor from its parts with torch.stack or torch.cat.",
}

_ANYTHING = "Write it in functions that can be imported: docs/torch.md has a table of them."


def key_of(node: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """The rule that a recorded call stands for, and its arguments. Raises `TraceError`."""
    target, args = node.target, node.args
    if node.op == "call_method":
        key = f".{target if target in METHODS else _without_underscore(target)}"
    elif target is getattr:
        attribute, args = args[1], args[:1]
        key = f"attribute {attribute}"
    else:
        key = KEYS.get(target, "") or KEYS.get(_out_of_place(target), "")
    if key not in RULES:
        raise _unsupported(node)
    return key, args, _options(node, key)


def _without_underscore(name: str) -> str:
    """The method that does what one with an underscore does in place."""
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def _out_of_place(function: Any) -> Any:
    """The function that does what an in-place one does: operator.add for operator.iadd."""
    name = getattr(function, "__name__", "")
    if getattr(operator, name, None) is function and name.startswith("i"):
        return getattr(operator, name[1:], None) or getattr(operator, f"{name[1:]}_", None)
    for module in (torch, torch.nn.functional):
        if name.endswith("_") and getattr(module, name, None) is function:
            return getattr(module, name[:-1], None)
    return None


def _options(node: Any, key: str) -> dict[str, Any]:
    """The arguments by name that a rule takes."""
    taken = {}
    for name, value in node.kwargs.items():
        if name == "out" and value is not None:
            raise _refused(node, f"{key.lstrip('.')} with out=", "Use the result itself.")
        if isinstance(value, torch.dtype) and not value.is_floating_point:
            raise _refused(node, f"{key.lstrip('.')} to {value}", "Values are real numbers.")
        if name not in _WITHOUT_MEANING:
            taken[_ALIASES.get(name, name)] = value
    return taken


def check_in_place(node: Any) -> None:
    """Raise `TraceError` for a call that changes a tensor in place, if that has other users.

    A result that nothing else shares may be overwritten: the new value takes its place.
    """
    if not _is_in_place(node):
        return
    operand = node.args[0]
    fresh = operand.op.startswith("call") and _last(operand) not in VIEWS
    others = [user for user in operand.users if user is not node]
    if fresh and all(user < node and _last(user) not in VIEWS for user in others):
        return
    raise _refused(
        node,
        f"{_text(node)} changes a tensor in place that is used elsewhere, too",
        "Write y = x + 1 in place of x += 1, and build tensors with torch.stack or torch.cat.",
    )


def _is_in_place(node: Any) -> bool:
    if node.kwargs.get("inplace") or _last(node) == "setitem":
        return True
    if node.op == "call_method":
        return bool(_without_underscore(node.target) != node.target)
    return _out_of_place(node.target) is not None and node.target not in KEYS


def _last(node: Any) -> str:
    """The name of a call without its namespace."""
    if node.op == "call_method":
        return str(node.target)
    if node.target is getattr:
        return str(node.args[1])
    return str(getattr(node.target, "__name__", node.target))


def _text(node: Any) -> str:
    if node.op == "call_method":
        return f"the method .{node.target} of a tensor"
    if node.target is getattr:
        return f"the attribute .{node.args[1]} of a tensor"
    module = (getattr(node.target, "__module__", None) or "torch").lstrip("_")
    return f"the function {module}.{_last(node)}".replace("torch._C._nn", "torch.nn.functional")


def _refused(node: Any, what: str, do: str) -> TraceError:
    return located(TraceError, f"{what}, in {node.meta['module']}", do, node.meta["line"])


def _unsupported(node: Any) -> TraceError:
    name = _last(node).strip("_")
    near = difflib.get_close_matches(name, sorted({*METHODS, *ATTRIBUTES}), n=3, cutoff=0.6)
    do = _ADVICE.get(name) or (f"Near by are: {', '.join(near)}." if near else _ANYTHING)
    return _refused(node, f"{_text(node)} cannot be imported", do)
