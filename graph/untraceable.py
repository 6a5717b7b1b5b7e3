"""What traced values cannot do: errors that say what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from jetfold.graph.errors import TraceError
from jetfold.graph.source import located


def _refusal(what: str, do: str) -> Callable[..., NoReturn]:
    """A method that cannot be traced."""

    def refuse(self: object, *args: Any, **kwargs: Any) -> NoReturn:
        raise located(TraceError, what, do)

    return refuse


def _number_refused(kind: str) -> Callable[..., NoReturn]:
    return _refusal(
        f"a traced value has no number yet, so it cannot be converted to {kind}",
        "Use np.sin and not math.sin, and np.stack([...]) in place of assignments into an array.",
    )


class Untraceable:
    """The methods of arrays and numbers that need values where there are none yet."""

    __slots__ = ()

    __array__ = _refusal(
        "a traced value has no numbers yet, so it cannot be converted to a plain array",
        "NumPy's functions take it as it is: leave out np.asarray, write np.stack([...]) for "
        "np.array([...]), np.where(mask, array, 0) for array[mask], and np.logaddexp.reduce for "
        "scipy.special.logsumexp.",
    )
    __float__ = _number_refused("a float")
    __int__ = _number_refused("an int")
    __complex__ = _number_refused("a complex number")
    __index__ = _refusal(
        "a traced value cannot be an index, a size or a count: it has no number yet",
        "Select with np.where(condition, a, b), or with a contraction with one-hot rows.",
    )
    __bool__ = _refusal(
        "a branch on a traced value: its truth differs from point to point and is not known yet",
        "Use np.where(condition, a, b), np.maximum or np.minimum; & and | in place of and and or.",
    )
    __contains__ = _refusal(
        "`in` on a traced value: its truth is not known yet",
        "Use np.where(x == value, a, b).",
    )
    __setitem__ = _refusal(
        "an assignment into a traced array, which cannot be changed in place",
        "Build a new one: np.where(mask, new, old), np.stack([...]) or np.concatenate([...]).",
    )
    __delitem__ = __setitem__
