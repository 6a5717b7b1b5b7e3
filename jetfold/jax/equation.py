"""One equation of a jaxpr: what it applies, to what, and where in the user's code it stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from linecache import getline
from pathlib import Path
from typing import Any

import numpy as np
from jax.extend import source_info_util

from jetfold.graph import TraceError
from jetfold.graph.ops import SourceLine
from jetfold.graph.source import located
from jetfold.graph.tracer import Tracer

Rule = Callable[..., Any]
"""Called with an `Equation` and the values of its operands; gives the result, or a list of them."""

Rules = Mapping[str, Rule]

_OURS = str(Path(sys.modules["jetfold.jax"].__file__ or "").parent)
_SUMMARY = re.compile(r"(?P<file>.*?):(?P<line>\d+)(:\d+)? \(.*\)")


class Equation:
    """An equation of a jaxpr.

    ``params`` are its options, by name. ``line`` is the line of the user's code that it comes from,
    or that of the call inside of which it is, if it is part of JAX's own functions.
    """

    def __init__(self, eqn: Any, evaluate: Callable[..., list[Any]], outer: SourceLine | None):
        self.eqn = eqn
        self.name: str = eqn.primitive.name
        self.params: Mapping[str, Any] = eqn.params
        self.line = _line(eqn.source_info) or outer
        self._evaluate = evaluate

    def run(self, jaxpr: Any, *values: Any) -> list[Any]:
        """The results of a jaxpr among the options."""
        return self._evaluate(jaxpr, values, self.line)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the first result, as JAX sees it."""
        dtype: np.dtype[Any] = np.dtype(self.eqn.outvars[0].aval.dtype)
        return dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first result."""
        return tuple(self.eqn.outvars[0].aval.shape)

    def refused(self, what: str, do: str) -> TraceError:
        """The error that says what cannot be traced, where, and what to do."""
        return located(TraceError, what, do, self.line)

    def known(self, value: Any, what: str) -> Any:
        """A value that must not depend on the point or on parameters, as a NumPy array."""
        if isinstance(value, Tracer):
            raise self.refused(
                f"{what} of the JAX primitive {self.name!r} depends on the point or on parameters",
                "It has to be known when the function is traced; select with jnp.where(condition, "
                "a, b), or take integers into the function's closure.",
            )
        return np.asarray(value)


def _line(source: Any) -> SourceLine | None:
    found = _SUMMARY.fullmatch(source_info_util.summarize(source))
    if found is None or found["file"].startswith(_OURS):
        return None
    file, number = found["file"], int(found["line"])
    return SourceLine(file, number, getline(file, number).strip())
