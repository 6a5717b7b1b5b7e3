"""Time of a loss with a Laplacian, mean((Lap u - f)^2), and of its gradient, in one run with peers.

python -m benchmarks.training [--cases 2-64 50-768 ...] [--dtype float64] ...
"""

from __future__ import annotations

from .cases import Case, case_of
from .comparison import Comparison, main
from .contestants import FOR_TRAINING
from .report import Goal

SMALL = tuple(case_of(name) for name in ("2-64", "10-64", "3-128"))
WIDE = Case("50-768", (50, 768, 768, 768, 1), 64)


def goals(case: Case) -> tuple[Goal, ...]:
    """What one pass, forward and back tile by tile, should be worth in float32."""
    if case in SMALL:
        return (Goal("folx", "jetfold", least=4), Goal("JAX hessian", "jetfold", least=12))
    return (Goal("folx", "jetfold", least=1.5),) if case == WIDE else ()


TRAINING = Comparison(
    "training", "Loss with a Laplacian, and its gradient", FOR_TRAINING, (*SMALL, WIDE), goals
)

if __name__ == "__main__":
    main(TRAINING)
