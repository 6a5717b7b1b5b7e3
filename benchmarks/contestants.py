"""Who takes part: a name, the code that prepares a call, and what must be installed for it.

The code is in the modules `with_<library>`, each imported only in the process that runs it, so
that a missing library leaves out its own contestants and nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

from .cases import Case, Problem, Result
from .operators import BIHARMONIC, LAPLACIAN, TRAINING, Operator, estimate

Call: TypeAlias = Callable[[], Result]


@dataclass(frozen=True)
class Contestant:
    """`module.function(*arguments, problem)` gives a call that returns the operator's result.

    The call has no arguments. It takes its data in the library's own arrays, made beforehand, and
    returns only when the result is there in NumPy arrays. `needs` are the modules to import before
    any clock runs, `environment` holds variables for its process.
    """

    name: str
    operator: Operator
    module: str
    function: str
    arguments: tuple[str | int, ...]
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
        call: Call = getattr(module, self.function)(*self.arguments, problem)
        return call


_JETFOLD = ("jetfold", "numpy", "scipy", "sympy", "networkx", "numba")


def _jetfold(name: str, operator: Operator, function: str, *arguments: str | int) -> Contestant:
    return Contestant(f"jetfold {name}", operator, "with_jetfold", function, arguments, _JETFOLD)


def _jax(name: str, operator: Operator, function: str, *arguments: str | int) -> Contestant:
    return Contestant(f"JAX {name}", operator, "with_jax", function, arguments, ("jax",))


def _folx(operator: Operator, function: str) -> Contestant:
    return Contestant("folx", operator, "with_folx", function, (), ("folx", "jax"))


def _torch(
    name: str, operator: Operator, function: str, *environment: tuple[str, str]
) -> Contestant:
    return Contestant(name, operator, "with_torch", function, (), ("torch",), environment)


# OpenMP threads that do not spin while they wait. Spinning is good on an idle machine, but where
# another program takes one of the cores every small operation waits for the scheduler, up to 30
# times longer: for the biharmonic a minute in place of a second and a half.
_PASSIVE = ("OMP_WAIT_POLICY", "PASSIVE")

# In each, the first is the one with which the others are compared.
FOR_LAPLACIAN = (
    _jetfold("collapsed", LAPLACIAN, "laplacian", "collapsed"),
    _jetfold("standard", LAPLACIAN, "laplacian", "standard"),
    _folx(LAPLACIAN, "laplacian"),
    _jax("jvp of jvp", LAPLACIAN, "laplacian", "jvp of jvp"),
    _jax("jvp of grad", LAPLACIAN, "laplacian", "jvp of grad"),
    _jax("hessian", LAPLACIAN, "laplacian", "hessian"),
    _jax("jet", LAPLACIAN, "laplacian", "jet"),
    _torch("PyTorch autograd", LAPLACIAN, "laplacian"),
    _torch("PyTorch, passive wait", LAPLACIAN, "laplacian", _PASSIVE),
)
FOR_BIHARMONIC = (
    _jetfold("minimal", BIHARMONIC, "biharmonic", "minimal"),
    _jetfold("collapsed", BIHARMONIC, "biharmonic", "collapsed"),
    _jetfold("nested", BIHARMONIC, "biharmonic", "nested"),
    _folx(BIHARMONIC, "biharmonic"),
    _jax("jvp of jvp", BIHARMONIC, "biharmonic", "jvp of jvp"),
    _jax("hessian", BIHARMONIC, "biharmonic", "hessian"),
    _jax("jet", BIHARMONIC, "biharmonic_by_jet"),
    _torch("PyTorch, passive wait", BIHARMONIC, "biharmonic", _PASSIVE),
)
FOR_TRAINING = (
    Contestant("jetfold", TRAINING, "with_jetfold", "training", (), _JETFOLD),
    _folx(TRAINING, "training"),
    _jax("jvp of grad", TRAINING, "training", "jvp of grad"),
    _jax("hessian", TRAINING, "training", "hessian"),
    _torch("PyTorch, passive wait", TRAINING, "training", _PASSIVE),
)
SAMPLES = (1, 4, 16, 32)
FOR_STOCHASTIC = (
    _jetfold("exact", LAPLACIAN, "laplacian", "collapsed"),
    *(_jetfold(f"S = {count}", estimate(count), "estimate", count) for count in SAMPLES),
)


def contestants_of(
    names: Iterable[str], known: Sequence[Contestant] = FOR_LAPLACIAN
) -> tuple[Contestant, ...]:
    """The contestants whose names start with one of the given texts, in any case; all for none."""
    wanted = tuple(name.lower() for name in names)
    chosen = tuple(c for c in known if not wanted or c.name.lower().startswith(wanted))
    if not chosen:
        raise ValueError(
            f"no contestant is called {', '.join(wanted)}: there are "
            + ", ".join(contestant.name for contestant in known)
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
