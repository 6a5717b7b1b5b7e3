"""From an nn.Module to a `Program`: torch.fx calls its forward once and records what it does."""

from __future__ import annotations

import linecache
import operator
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import torch
import torch.fx

from jetfold.graph import ArgumentError, JetfoldError, SourceLine, TraceError
from jetfold.graph.source import located, user_line
from jetfold.torch.in_place import IN_PLACE, take_over
from jetfold.torch.parameters import array_of, check, is_floating
from jetfold.torch.program import Instruction, Program, Ref, mapped
from jetfold.torch.recorded import ANYTHING, key_of


class _Caller(torch.nn.Module):
    """Calls a module: so its own hooks run, and its further arguments have their defaults."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Any) -> Any:
        """What the module returns."""
        return self.module(x)


class _Proxy(torch.fx.Proxy):
    """A recorded value that notes when it is changed in place, which torch.fx's own does not."""

    __array_ufunc__ = None  # NumPy's numbers let the value do the arithmetic

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    def change(self: Any, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return change


for _name in IN_PLACE:
    setattr(_Proxy, f"__{_name}__", _in_place(getattr(operator, _name)))


class _Tracer(torch.fx.Tracer):
    """torch.fx's tracer, which also looks into the modules of torch.nn and notes source lines."""

    proxy_buffer_attributes = True

    def __init__(self, line: SourceLine) -> None:
        super().__init__()
        self.line = line
        self.path: list[Any] = []

    def is_leaf_module(self, m: Any, module_qualified_name: str) -> bool:
        """No module is one: the rules are those of functions."""
        return False

    def proxy(self, node: Any) -> Any:
        """The value that a node stands for."""
        return _Proxy(node, self)

    def call_module(self, m: Any, forward: Any, args: Any, kwargs: Any) -> Any:
        """What the module's forward does."""
        self.path.append(m)
        if isinstance(m, torch.nn.modules.batchnorm._BatchNorm):  # looks at its input's shape
            forward = _batch_norm(m)
        result = super().call_module(m, forward, args, kwargs)
        self.path.pop()  # not after an error: the path tells where it was
        return result

    def create_node(self, *args: Any, **kwargs: Any) -> Any:
        """A node that knows its line and its module."""
        line = _line(sys._getframe(1)) or self.line
        if args[0].startswith("call") and not torch.is_grad_enabled():
            raise located(
                TraceError,
                f"a part that is held fixed by torch.no_grad(), in {self.where}",
                "Such a part cannot be expressed; compute what does not depend on x beforehand.",
                line,
            )
        node = super().create_node(*args, **kwargs)
        node.meta["line"] = line
        node.meta["module"] = self.where
        return node

    def create_arg(self, a: Any) -> Any:
        """A number of NumPy is as good as one of Python."""
        return super().create_arg(a.item() if isinstance(a, np.generic) else a)

    def to_bool(self, obj: Any) -> bool:
        """The truth of a recorded value: an assertion is taken to hold, nothing else is known."""
        line = _line(sys._getframe(1))
        if line is not None and line.text.startswith("assert "):
            return True
        return bool(super().to_bool(obj))

    @property
    def where(self) -> str:
        """The module that is being called, in words."""
        if not self.path:
            return "the module"
        names = {module: name for name, module in self.root.named_modules()}
        inside = names[self.path[-1]].removeprefix("module").removeprefix(".")
        kind = type(self.path[-1]).__name__
        return f"module {inside} ({kind})" if inside else f"the module ({kind})"


def _batch_norm(module: Any) -> Any:
    def forward(input: Any) -> Any:
        statistics = (module.running_mean, module.running_var)
        training = module.training or statistics[0] is None
        return torch.nn.functional.batch_norm(
            input, *statistics, module.weight, module.bias, training, 0.0, module.eps
        )

    return forward


def _line(frame: FrameType | None) -> SourceLine | None:
    """The innermost line of the user's module, up to where the trace began."""
    while frame is not None and frame.f_code is not _Caller.forward.__code__:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("torch", "jetfold"):
            return _source(frame, frame.f_lineno)
        frame = frame.f_back
    return None


def _source(frame: FrameType, number: int) -> SourceLine:
    file = frame.f_code.co_filename
    return SourceLine(file, number, linecache.getline(file, number, frame.f_globals).strip())


def _line_of(error: BaseException) -> SourceLine | None:
    """The innermost line of the user's module in a traceback."""
    frames = list(traceback.walk_tb(error.__traceback__))
    began = [i for i, (frame, _) in enumerate(frames) if frame.f_code is _Caller.forward.__code__]
    for frame, number in reversed(frames[began[0] + 1 :] if began else []):
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("torch", "jetfold"):
            return _source(frame, number)
    return None


def as_module(module: Any) -> Any:
    """The module, without what torch.compile puts around it. Raises `ArgumentError`."""
    if not isinstance(module, torch.nn.Module):
        raise ArgumentError(f"a {type(module).__name__} is given, not a torch.nn.Module")
    if isinstance(module, torch.jit.ScriptModule):
        raise ArgumentError("a compiled ScriptModule cannot be imported: give the module itself")
    return getattr(module, "_orig_mod", module)


def program_of(module: Any) -> Program:
    """What a module does, and which of its parameters and buffers it uses.

    Raises `TraceError`, with the line of the module's source, for what cannot be imported.
    """
    for name, tensor in module.named_parameters():
        check(tensor, name)
    line = user_line() or SourceLine("<unknown>", 1, "")
    tracer = _Tracer(line)
    random = torch.get_rng_state()
    caller = _Caller(module)
    try:
        with torch.enable_grad():
            graph = tracer.trace(caller)
    except JetfoldError:
        raise
    except Exception as error:
        raise _untraceable(error, tracer) from error
    if not torch.equal(random, torch.get_rng_state()):
        raise located(
            TraceError,
            "the module draws random numbers in its forward, which would be the same at all calls",
            "Draw them beforehand, and keep them in a buffer.",
            line,
        )
    return _Reader(caller, graph).program()


_ADVICE = {
    "control flow": (
        "a branch or a loop that depends on a tensor or its shape",
        "Use torch.where for a choice by values, and numbers that the module keeps (self.width) "
        "in place of shapes of its input.",
    ),
    "cannot be iterated": (
        "a loop over a tensor or over its parts, whose number is not known",
        "Give each part a name, a, b = x.unbind(-1), or take them by index.",
    ),
    "'len' is not supported": (
        "the length of a tensor",
        "Use numbers that the module keeps (self.width) in place of shapes of its input.",
    ),
    "must be tuple of ints": (
        "a new tensor whose size depends on that of another",
        "Use x.new_zeros(x.shape[0], 1) or torch.zeros_like(x[:, :1]).",
    ),
}
"""What torch.fx says of what it cannot trace, and what it means for a module."""


def _untraceable(error: Exception, tracer: _Tracer) -> TraceError:
    """An error that forward raised under torch.fx."""
    line = _line_of(error) or tracer.line
    if tracer.path and type(tracer.path[-1]).__module__.startswith("torch.nn."):
        what = f"{tracer.where}, which is PyTorch's own, looks at its input in ways that torch.fx "
        return located(TraceError, f"{what}cannot follow", ANYTHING, line)
    for words, (what, do) in _ADVICE.items():
        if words in str(error):
            return located(TraceError, f"{what}, in {tracer.where}", do, line)
    text = str(error).partition("\n")[0]
    return located(
        TraceError,
        f"torch.fx cannot follow {tracer.where}: {type(error).__name__}: {text}",
        "Write forward(x) in functions of torch, with one tensor x; what does not depend on x may "
        "be anything.",
        line,
    )


class _Reader:
    """A graph of torch.fx as instructions."""

    def __init__(self, caller: Any, graph: Any) -> None:
        self.caller = caller
        self.nodes = list(graph.nodes)
        self.named = {id(t): n for n, t in caller.module.named_parameters()}
        self.named |= {id(t): n for n, t in caller.module.named_buffers() if is_floating(t)}
        self.tensors: dict[str, str] = {}
        self.constants: dict[str, Any] = {}

    def program(self) -> Program:
        """All that the result needs."""
        instructions: list[Instruction] = []
        for node in self.nodes:
            if node.op == "get_attr":
                self._read(node)
            elif node.op.startswith("call") and node.target is not torch._assert:
                instruction = self._instruction(node)  # its arguments are those before the change
                take_over(node)
                instructions.append(instruction)
        needed = self._needed()
        return Program(
            next(node.name for node in self.nodes if node.op == "placeholder"),
            {name: tensor for name, tensor in self.tensors.items() if name in needed},
            {name: array for name, array in self.constants.items() if name in needed},
            tuple(instruction for instruction in instructions if instruction.result in needed),
            _argument(self.nodes[-1].args[0]),
        )

    def _needed(self) -> set[str]:
        """The names of nodes on which the result depends."""
        needed: set[str] = set()
        pending = [self.nodes[-1]]
        while pending:
            node = pending.pop()
            if node.name not in needed:
                needed.add(node.name)
                pending += node.all_input_nodes
        return needed

    def _read(self, node: Any) -> None:
        value: Any = self.caller
        for part in node.target.split("."):
            value = getattr(value, part)
        if id(value) in self.named:
            self.tensors[node.name] = self.named[id(value)]
        elif isinstance(value, torch.Tensor) and value.requires_grad:
            raise located(
                TraceError,
                f"a tensor that was computed from parameters without being seen, in "
                f"{node.meta['module']}",
                "Take parameters from the module by their names (self.weight) inside of forward; "
                "self.parameters() and values computed before hide where they come from.",
                node.meta["line"],
            )
        elif isinstance(value, torch.Tensor):
            name = node.target.removeprefix("module.")
            self.constants[node.name] = array_of(value, f"the tensor {name}").copy()
        else:
            raise located(
                TraceError,
                f"a {type(value).__name__} among the arguments, in {node.meta['module']}",
                line=node.meta["line"],
            )

    def _instruction(self, node: Any) -> Instruction:
        key, args, kwargs = key_of(node)
        return Instruction(
            node.name,
            key,
            tuple(_argument(argument) for argument in args),
            {name: _argument(argument) for name, argument in kwargs.items()},
            node.meta["line"],
            node.meta["module"],
        )


def _argument(tree: Any) -> Any:
    """An argument of torch.fx with references in place of nodes."""
    return mapped(tree, lambda leaf: Ref(leaf.name) if isinstance(leaf, torch.fx.Node) else leaf)
