"""An imported module as a list of instructions, run on NumPy arrays or on traced values."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from jetfold.graph import JetfoldError, ShapeError, SourceLine, TraceError
from jetfold.graph.source import located
from jetfold.torch.table import RULES
from jetfold.torch.values import BatchSize, Value


@dataclass(frozen=True, slots=True)
class Ref:
    """The result of an earlier instruction, among the arguments of a later one."""

    name: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """A call of one rule: its key in `RULES`, the line of the module's source, and the module."""

    result: str
    key: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    line: SourceLine
    module: str


@dataclass(frozen=True, slots=True)
class Program:
    """What a module does with its input and its tensors.

    ``tensors`` gives for a name in the program that of a parameter or buffer of the module;
    ``constants`` are arrays that are no parameters.
    """

    input: str
    tensors: Mapping[str, str]
    constants: Mapping[str, Any]
    instructions: tuple[Instruction, ...]
    output: Any

    def run(self, point: Any, arrays: Mapping[str, Any]) -> Any:
        """What the module returns for a batch of one point, without the batch axis.

        ``arrays`` has the parameters and buffers by their names in the module. The result is a
        tree as the module returned it, of arrays or traced values.
        """
        known: dict[str, Any] = {self.input: Value(point, 0)}
        known |= {name: Value(arrays[tensor]) for name, tensor in self.tensors.items()}
        known |= {name: Value(array) for name, array in self.constants.items()}
        for instruction in self.instructions:
            known[instruction.result] = _execute(instruction, known)
        return mapped(self.output, lambda leaf: _returned(_looked_up(leaf, known)))


def mapped(tree: Any, function: Callable[[Any], Any]) -> Any:
    """A tree of arguments with a function applied to its leaves."""
    if isinstance(tree, dict):
        return {key: mapped(item, function) for key, item in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(mapped(item, function) for item in tree))
    if isinstance(tree, (list, tuple)):
        plain = list if isinstance(tree, list) else tuple  # torch.fx has its own
        return plain(mapped(item, function) for item in tree)
    if isinstance(tree, slice):
        return slice(*(mapped(part, function) for part in (tree.start, tree.stop, tree.step)))
    return function(tree)


def _looked_up(leaf: Any, known: Mapping[str, Any]) -> Any:
    return known[leaf.name] if isinstance(leaf, Ref) else leaf


def _execute(instruction: Instruction, known: Mapping[str, Any]) -> Any:
    args = mapped(instruction.args, lambda leaf: _looked_up(leaf, known))
    kwargs = mapped(dict(instruction.kwargs), lambda leaf: _looked_up(leaf, known))
    try:
        return _standing_at(instruction.line)(_call, instruction.key, args, kwargs)
    except JetfoldError as error:
        error.add_note(f"In {instruction.module}.")
        raise


def _call(key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if key.startswith("operator.") and not any(isinstance(argument, Value) for argument in args):
        return _of_numbers(key, args)
    rule = RULES[key]
    try:
        inspect.signature(rule).bind(*args, **kwargs)
    except TypeError as error:
        raise located(
            TraceError, f"{key} with these arguments cannot be imported: {error}"
        ) from None
    try:
        return rule(*args, **kwargs)
    except JetfoldError:
        raise
    except (ValueError, IndexError) as error:  # NumPy's words on shapes
        raise located(ShapeError, f"{key}: {error}") from None
    except (TypeError, AttributeError) as error:
        if isinstance(error.__cause__, JetfoldError):
            raise error.__cause__ from None
        raise located(
            TraceError, f"{key} with these arguments cannot be imported: {error}"
        ) from error


def _of_numbers(key: str, args: tuple[Any, ...]) -> Any:
    """An operator on numbers and shapes of tensors."""
    if any(isinstance(argument, BatchSize) for argument in args):
        raise located(
            TraceError,
            f"arithmetic ({key}) with the number of points of a batch, which may be any",
            "Hand x.shape[0] to view, reshape or expand as it is.",
        )
    return getattr(operator, key.removeprefix("operator."))(*args)


def _returned(value: Any) -> Any:
    """A tensor that the module returns, at one point."""
    if value is None:
        return None
    if not isinstance(value, Value):
        raise located(
            TraceError,
            f"the module returns {value!r} ({type(value).__name__})",
            "Return tensors, or tuples, lists and dicts of tensors.",
        )
    if value.batch != 0:
        what = "does not depend on the input" if value.batch is None else "has its batch axis"
        where = "" if value.batch is None else f" at {value.batch} and not at 0"
        raise located(
            TraceError,
            f"the module returns a tensor of shape {value.shape} that {what}{where}",
            "Return tensors with one row for each row of the input.",
        )
    return value.array


# The line at which an instruction stands ----------------------------------------------------------


def _called(function: Any, *args: Any) -> Any:
    return function(*args)


_CODE: CodeType = _called.__code__


def _standing_at(line: SourceLine) -> Callable[..., Any]:
    """A function that calls its first argument, seemingly from a line of the module's source.

    So nodes of graphs, errors and tracebacks show the line of the module that they come from.
    """
    code = _CODE.replace(co_filename=line.file, co_firstlineno=line.line - _BODY, co_name="forward")
    return FunctionType(code, {"__name__": "__imported__"})


_BODY = max(number for *_, number in _CODE.co_lines() if number) - _CODE.co_firstlineno
