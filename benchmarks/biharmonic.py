"""Time of the batched biharmonic operator, the Laplacian of the Laplacian, in one run with peers.

python -m benchmarks.biharmonic [--cases paper 2-64-64-1:4096 ...] [--dtype float64] ...
"""

from __future__ import annotations

from .cases import Case
from .comparison import Comparison, main
from .contestants import FOR_BIHARMONIC
from .report import Goal

PAPER = Case("paper", (5, 768, 768, 512, 512, 1), 256)


def goals(case: Case) -> tuple[Goal, ...]:
    """What minimal jets should be worth; known for the network of the paper only."""
    if case != PAPER:
        return ()
    return (
        Goal("jetfold minimal", "jetfold collapsed", most=0.33),
        Goal("folx", "jetfold minimal", least=2),
        Goal("JAX hessian", "jetfold minimal", least=8),
    )


BIHARMONICS = Comparison("biharmonic", "Batched biharmonic", FOR_BIHARMONIC, (PAPER,), goals)

if __name__ == "__main__":
    main(BIHARMONICS)
