"""What can be imported: functions of PyTorch, methods of tensors, operators, and their rules.

The keys are names such as "torch.sin", "torch.nn.functional.gelu", ".sum" (a method),
"attribute shape", "operator.add" and "math.sqrt", so that an import can be pickled.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.graph.tree import flatten
from jetfold.torch import (
    activations,
    attention,
    elementwise,
    matrices,
    moves,
    normalization,
    parts,
    products,
    reductions,
)
from jetfold.torch.elementwise import Rule
from jetfold.torch.indexing import getitem

_TORCH: Mapping[str, Rule] = {
    **elementwise.FUNCTIONS,
    **matrices.FUNCTIONS,
    **moves.FUNCTIONS,
    **moves.VIEWS,
    **parts.FUNCTIONS,
    **parts.VIEWS,
    **normalization.FUNCTIONS,
    **products.FUNCTIONS,
    **reductions.FUNCTIONS,
    **{
        name: activations.FUNCTIONS[name] for name in ("relu", "selu", "celu", "prelu", "threshold")
    },
    **{name: normalization.FUNCTIONAL[name] for name in ("layer_norm", "rms_norm")},
    "numel": parts.numel,
}

_FUNCTIONAL: Mapping[str, Rule] = {
    **activations.FUNCTIONS,
    **attention.FUNCTIONAL,
    **normalization.FUNCTIONAL,
    **normalization.VIEWS,
    **products.FUNCTIONAL,
    **reductions.FUNCTIONAL,
}

_NAMESPACES: Mapping[str, tuple[Any, Mapping[str, Rule]]] = {
    "torch": (torch, _TORCH),
    "torch.nn.functional": (torch.nn.functional, _FUNCTIONAL),
    "torch.special": (
        torch.special,
        {**elementwise.SPECIAL, "logsumexp": reductions.logsumexp, "softmax": reductions.softmax},
    ),
    "torch.linalg": (torch.linalg, {**matrices.LINALG, **products.LINALG, **reductions.LINALG}),
}

_OPERATORS: Mapping[str, Rule] = {
    "abs": elementwise.FUNCTIONS["abs"],
    "add": elementwise.add,
    "and_": elementwise.FUNCTIONS["bitwise_and"],
    "eq": elementwise.FUNCTIONS["eq"],
    "floordiv": elementwise.FUNCTIONS["floor_divide"],
    "ge": elementwise.FUNCTIONS["ge"],
    "getitem": getitem,
    "gt": elementwise.FUNCTIONS["gt"],
    "inv": elementwise.FUNCTIONS["bitwise_not"],
    "invert": elementwise.FUNCTIONS["bitwise_not"],
    "le": elementwise.FUNCTIONS["le"],
    "lt": elementwise.FUNCTIONS["lt"],
    "matmul": products.matmul,
    "mod": elementwise.FUNCTIONS["remainder"],
    "mul": elementwise.mul,
    "ne": elementwise.FUNCTIONS["ne"],
    "neg": elementwise.FUNCTIONS["neg"],
    "or_": elementwise.FUNCTIONS["bitwise_or"],
    "pos": elementwise.FUNCTIONS["positive"],
    "pow": elementwise.pow,
    "sub": elementwise.sub,
    "truediv": elementwise.div,
    "xor": elementwise.FUNCTIONS["bitwise_xor"],
}


def _of_number(name: str) -> Rule:
    """A function of `math`, for sizes of tensors."""

    def rule(*arguments: Any) -> Any:
        if not all(isinstance(leaf, (int, float)) for leaf in flatten(arguments)[0]):
            raise located(
                TraceError,
                f"math.{name} of a tensor or of the number of points",
                f"Functions of torch, such as torch.{name}, take tensors.",
            )
        return getattr(math, name)(*arguments)

    return rule


_MATH = {name: _of_number(name) for name in ("ceil", "exp", "floor", "log", "pow", "prod", "sqrt")}

ATTRIBUTES: Mapping[str, Rule] = {
    **matrices.ATTRIBUTES,
    **parts.ATTRIBUTES,
    "T": moves.t,
    "mT": moves.mT,
    "values": reductions.values,
}
"""Attributes of tensors, and of what max, min and slogdet give."""

METHODS: Mapping[str, Rule] = {**_TORCH, **parts.ABOUT, **parts.METHODS, **elementwise.METHODS}
"""Methods of tensors; an underscore behind the name makes one that works in place."""

RULES: Mapping[str, Rule] = {
    **{
        f"{space}.{name}": rule
        for space, (_, rules) in _NAMESPACES.items()
        for name, rule in rules.items()
    },
    **{f".{name}": rule for name, rule in METHODS.items()},
    **{f"operator.{name}": rule for name, rule in _OPERATORS.items()},
    **{f"math.{name}": rule for name, rule in _MATH.items()},
    **{f"attribute {name}": rule for name, rule in ATTRIBUTES.items()},
}
"""All rules by the keys of instructions."""

VIEWS = frozenset(
    {*moves.VIEWS, *normalization.VIEWS, *parts.VIEWS, "diagonal", "getitem", "pos", "positive"}
)
"""Last parts of the names of what may share the memory of its operand."""


def _functions() -> dict[Callable[..., Any], str]:
    found: dict[Callable[..., Any], str] = {}
    for space, (module, rules) in _NAMESPACES.items():
        for name in rules:
            function = getattr(module, name, None)  # a release of PyTorch may lack it
            if callable(function):
                found.setdefault(function, f"{space}.{name}")
    for name in _OPERATORS:
        found[getattr(operator, name)] = f"operator.{name}"
    for name in _MATH:
        found[getattr(math, name)] = f"math.{name}"
    return found


KEYS: Mapping[Callable[..., Any], str] = _functions()
"""The key of each function, as torch.fx records it."""
