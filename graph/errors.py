"""Errors of jetfold: each says what is wrong, where, and what to do about it."""

from __future__ import annotations


class JetfoldError(Exception):
    """Base class of every error that jetfold raises on purpose."""


class TraceError(JetfoldError, TypeError):
    """The user's function does something that cannot be recorded as a graph."""


class ShapeError(JetfoldError, ValueError):
    """Operands whose shapes or direction axes do not fit together."""


class GraphError(JetfoldError, ValueError):
    """A graph that breaks one of the validity rules."""


class RewriteLoopError(JetfoldError, RuntimeError):
    """A list of rewrite rules that undo each other and never reach a fixed point."""


class UnsupportedError(JetfoldError, NotImplementedError):
    """A graph that is valid, but for which a rule, a function or a backend is missing."""


class BackendError(JetfoldError, RuntimeError):
    """What a backend needs is missing or used up: a package, a driver, a device, its memory."""


class NotFiniteError(JetfoldError, ArithmeticError):
    """A result that is NaN or infinite, where the caller asked to be told."""


class NotDifferentiableWarning(UserWarning):
    """A gradient goes through a function without a derivative, for which a value is taken."""


class ArgumentError(JetfoldError, ValueError):
    """An argument of a public function with a wrong value, shape, structure or dtype."""
