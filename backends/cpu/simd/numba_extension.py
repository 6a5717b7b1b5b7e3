"""The parts of numba that define new types and functions, as `Any`: numba is only partly typed."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from numba import extending as _extending
from numba.core import cgutils as _cgutils
from numba.core import imputils as _imputils
from numba.core import types as _types
from numba.core.typing import templates as _templates

types: Any = _types
cgutils: Any = _cgutils
models: Any = _extending.models
register_model: Any = _extending.register_model
lower_builtin: Any = _imputils.lower_builtin
AbstractTemplate: Any = _templates.AbstractTemplate
infer_global: Any = _templates.infer_global
signature: Any = _templates.signature

NumbaType: TypeAlias = Any
"""A numba type, such as `types.float32`."""

F = TypeVar("F", bound=Callable[..., Any])


def jitable(function: F) -> F:
    """Let compiled code call `function`, which numba compiles when that happens."""
    registered: F = _extending.register_jitable(function)
    return registered
