"""Modules to take away: elementwise jets as source that needs numba and NumPy alone.

Read in this order: `jet` (what is computed, and in which order), `known` (values to check it with),
`module` (the text that all devices share), `cpu` and `cuda` (what is theirs).
"""

from jetfold.backends.standalone.jet import Argument, Jet, Result
from jetfold.backends.standalone.known import Known, Path, known_values
from jetfold.backends.standalone.module import module_source, reserved_names

__all__ = ["Argument", "Jet", "Known", "Path", "Result"]
__all__ += ["known_values", "module_source", "reserved_names"]
