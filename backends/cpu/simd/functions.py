"""`FUNCTIONS`: elementary and special functions by their NumPy or SciPy names."""

from collections.abc import Callable
from typing import Any

from jetfold.backends.cpu.simd import elementary, primitives

FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(elementary.exp, elementary.expm1, elementary.log, elementary.log1p),
        *(elementary.tanh, elementary.expit, elementary.log_expit, elementary.softplus),
        *(elementary.logaddexp, elementary.sign),
        *(primitives.sqrt, primitives.floor, primitives.ceil, primitives.rint),
        *(primitives.absolute, primitives.maximum, primitives.minimum),
    )
}
