"""Attention of `torch.nn.functional`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jetfold.graph import TraceError
from jetfold.graph.source import located
from jetfold.torch.elementwise import Rule, add, mul
from jetfold.torch.moves import mT
from jetfold.torch.products import matmul
from jetfold.torch.reductions import softmax
from jetfold.torch.values import Value


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Value:
    """Vaswani et al., "Attention Is All You Need" (arXiv 1706.03762)."""
    masked = attn_mask is not None and attn_mask.array.dtype.kind == "b"
    if dropout_p > 0 or is_causal or masked:
        raise located(
            TraceError,
            "attention with dropout, is_causal or a mask of truth values",
            "Give a mask that is added to the scores, and dropout_p=0 outside of training.",
        )
    factor = 1 / math.sqrt(query.array.shape[-1]) if scale is None else scale
    scores = mul(matmul(query, mT(key)), factor)
    return matmul(softmax(scores if attn_mask is None else add(scores, attn_mask), -1), value)


FUNCTIONAL: Mapping[str, Rule] = {"scaled_dot_product_attention": scaled_dot_product_attention}
"""Functions of `torch.nn.functional`."""
