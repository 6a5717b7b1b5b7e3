"""Calls that change a tensor in place: the new value takes the place of the old one.

That is right where the memory has no second name. A tensor that is a view of another, or has views,
cannot be followed.
"""

from __future__ import annotations

from typing import Any

from jetfold.torch.recorded import IN_PLACE, last, out_of_place, out_of_place_name, refused
from jetfold.torch.table import KEYS, VIEWS

__all__ = ["IN_PLACE", "take_over"]


def take_over(node: Any) -> None:
    """Let all later calls use the result of an in-place one. Raises `TraceError` for views.

    ``node`` is any recorded call of torch.fx.
    """
    if not _is_in_place(node):
        return
    operand = node.args[0]
    if _is_number(operand):
        return
    fresh = operand.op.startswith("call") and last(operand) not in VIEWS
    earlier = [user for user in operand.users if user < node]
    if not fresh or any(last(user) in VIEWS for user in earlier):
        raise refused(
            node,
            f"{last(node)} changes a tensor in place, and others may share its memory",
            "Write y = x + 1 in place of x += 1, and build tensors with torch.stack or torch.cat.",
        )
    operand.replace_all_uses_with(node, delete_user_cb=lambda user: node < user)


def _is_in_place(node: Any) -> bool:
    if node.kwargs.get("inplace"):
        return True
    if node.op == "call_method":
        return bool(out_of_place_name(node.target) != node.target)
    return out_of_place(node.target) is not None and node.target not in KEYS


def _is_number(node: Any) -> bool:
    """Whether a node is a part of a shape, or a number of axes or elements."""
    if last(node) == "getitem":
        return last(node.args[0]) in ("shape", "size")
    return last(node) in ("dim", "ndim", "ndimension", "numel", "size")
