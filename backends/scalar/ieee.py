"""`math` with infinities and NaN instead of exceptions."""

from types import SimpleNamespace

import numpy as np
import scipy.special

from jetfold.backends.scalar.printer import MATH
from jetfold.graph.numbers import FLOAT_FUNCTIONS

IEEE = SimpleNamespace(
    **{name: FLOAT_FUNCTIONS[ours] for ours, name in MATH.items() if ours != "power"},
    pow=np.power,
    gamma=scipy.special.gamma,
    lgamma=scipy.special.gammaln,
    floor=np.floor,
    copysign=np.copysign,
    isfinite=np.isfinite,
    inf=np.inf,
    nan=np.nan,
    pi=np.pi,
)
"""To stand for ``math`` in generated scalar code that is run un-jitted or in the CUDA simulator."""
