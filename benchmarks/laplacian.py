"""Time of the batched Laplacian: jetfold and its peers, and the matrix-product peak, in one run.

python -m benchmarks.laplacian [--cases paper 2-64 ...] [--dtype float64] ...
"""

from __future__ import annotations

from .cases import CASES
from .comparison import Comparison, main
from .contestants import FOR_LAPLACIAN

LAPLACIANS = Comparison("laplacian", "Batched Laplacian", FOR_LAPLACIAN, CASES)

if __name__ == "__main__":
    main(LAPLACIANS)
