"""Code on single numbers, for CUDA kernels and for modules to take away.

`printer` (expressions), `library` (functions that `math` lacks, and their text), `coefficients`
with the script that derives them.
"""

from jetfold.backends.scalar.library import source_of
from jetfold.backends.scalar.printer import ScalarPrinter

__all__ = ["ScalarPrinter", "source_of"]
