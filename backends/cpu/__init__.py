"""The CPU backend: a loop program as numba source, compiled once and run on tiles in parallel.

Read in this order: `emit` with `printer` (source from a program), `kernels` (the instructions that
are always the same), `arguments` (sizes and offsets at run time), `cache` (sources on disk),
`threads`, `totals` (sums over the batch), `compiled` (all of it behind one call), `listing` (which
line computes what), and the folder `simd` (vectors, elementary functions, products of matrices).
"""

from jetfold.backends.cpu.compiled import CompiledGraph
from jetfold.backends.cpu.listing import Listing, listing

__all__ = ["CompiledGraph", "Listing", "listing"]
