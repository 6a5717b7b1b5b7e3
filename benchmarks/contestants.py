"""Who takes part: a name, the code that prepares a call, and what must be installed for it.

The code is in the modules `with_<library>`, each imported only in the process that runs it, so
that a missing library leaves out its own contestants and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

from .cases import Array, Case, Problem

Call: TypeAlias = Callable[[], Array]


@dataclass(frozen=True)
class Contestant:
    """`module.function(problem)` gives a call without arguments that returns the Laplacian (N,).

    The call takes its data in the library's own arrays, made beforehand, and returns only when
    the result is there as a NumPy array. `needs` are the modules to import before any clock runs,
    `environment` holds variables for its process.
    """

    name: str
    module: str
    function: str
    needs: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()

    def missing(self) -> str | None:
        """Why this contestant cannot take part, or None."""
        absent = [need for need in self.needs if find_spec(need) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def make(self, case: Case, dtype: str) -> Call:
        """Import, make the data, prepare; to be run in a process of its own."""
        self.load()
        return self.prepare(case.problem(dtype))

    def load(self) -> None:
        """Import what is needed, so that imports are not counted as compile time."""
        for need in (*self.needs, f"{__package__}.{self.module}"):
            importlib.import_module(need)

    def prepare(self, problem: Problem) -> Call:
        """The call to time; it may still compile when it is called for the first time."""
        module = importlib.import_module(f"{__package__}.{self.module}")
        call: Call = getattr(module, self.function)(problem)
        return call


BASELINE = "jetfold collapsed"
_JETFOLD = ("jetfold", "numpy", "scipy", "sympy", "networkx", "numba")
CONTESTANTS = (
    Contestant(BASELINE, "with_jetfold", "collapsed", _JETFOLD),
    Contestant("jetfold standard", "with_jetfold", "standard", _JETFOLD),
    Contestant("folx", "with_folx", "forward_laplacian", ("folx", "jax")),
    Contestant("JAX jvp of jvp", "with_jax", "jvp_of_jvp", ("jax",)),
    Contestant("JAX jvp of grad", "with_jax", "jvp_of_grad", ("jax",)),
    Contestant("JAX hessian", "with_jax", "hessian_trace", ("jax",)),
    Contestant("JAX jet", "with_jax", "jet_second_order", ("jax",)),
    Contestant("PyTorch autograd", "with_torch", "autograd_twice", ("torch",)),
    # Its OpenMP threads spin while they wait: good on an idle machine, but where another program
    # takes one of the cores every small operation waits for the scheduler, up to 30 times longer.
    Contestant(
        "PyTorch, passive wait",
        "with_torch",
        "autograd_twice",
        ("torch",),
        (("OMP_WAIT_POLICY", "PASSIVE"),),
    ),
)


def contestants_of(names: Iterable[str]) -> tuple[Contestant, ...]:
    """The contestants whose names start with one of the given texts, in any case; all for none."""
    wanted = tuple(name.lower() for name in names)
    chosen = tuple(c for c in CONTESTANTS if not wanted or c.name.lower().startswith(wanted))
    if not chosen:
        raise ValueError(
            f"no contestant is called {', '.join(wanted)}: there are "
            + ", ".join(contestant.name for contestant in CONTESTANTS)
        )
    return chosen


def cache_variables(folder: str) -> dict[str, str]:
    """Environment that puts the compiled code of jetfold and of JAX into a folder."""
    return {
        "JETFOLD_CACHE_DIR": folder,
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
