"""Time of the Laplacian's estimate from S random directions, beside the exact Laplacian.

python -m benchmarks.stochastic [--cases paper 10-64-64-1:4096 ...] [--contestants "jetfold S"] ...
"""

from __future__ import annotations

from .cases import PAPER, Case
from .comparison import Comparison, main
from .contestants import FOR_STOCHASTIC
from .operators import LAPLACIAN
from .report import Goal

MARGIN = 0.15


def goals(case: Case) -> tuple[Goal, ...]:
    """Times as the numbers of vectors: (S + 2) / (D + 2) of the exact one's, give or take 15 %.

    On small networks other things than matrix products take the time.
    """
    if case != PAPER:
        return ()
    exact, *estimates = FOR_STOCHASTIC
    dimension = case.widths[0]
    shares = {
        c.name: c.operator.vectors(dimension) / LAPLACIAN.vectors(dimension) for c in estimates
    }
    return tuple(
        Goal(name, exact.name, (1 - MARGIN) * share, (1 + MARGIN) * share)
        for name, share in shares.items()
    )


ESTIMATES = Comparison("stochastic", "Stochastic Laplacian", FOR_STOCHASTIC, (PAPER,), goals)

if __name__ == "__main__":
    main(ESTIMATES)
