"""What cannot be imported is an error with the line of the module, and says what to do."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jetfold as jf

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

from jetfold.torch import from_module, operator  # noqa: E402
from torch_oracle import Applied  # noqa: E402

nn = torch.nn
Module: Any = nn.Module
Linear: Any = nn.Linear
F = torch.nn.functional


def message(module: Any, *shape: int) -> str:
    """The error of an import and, with a shape, of a call for a point of this shape."""

    def imported() -> None:
        u, params = from_module(module)
        if shape:
            u(np.ones(shape), params)

    with pytest.raises(jf.JetfoldError) as caught:
        imported()
    return "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])


# Points of a batch --------------------------------------------------------------------------------


def _sum(x: Any) -> Any:
    a, b = x
    return a + b


MIXING: dict[str, Callable[[Any], Any]] = {
    "sum over all": lambda x: x / x.sum(),
    "mean over dim 0": lambda x: x - x.mean(dim=0),
    "x[0]": lambda x: x - x[0],
    "x[1:]": lambda x: x[1:],
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "x @ x.T": lambda x: x @ x.T,
    "x.T @ x": lambda x: x.T @ x,
    "cat of points": lambda x: torch.cat([x, x]),
    "softmax over points": lambda x: torch.softmax(x, dim=0),
    "all pairs": lambda x: (x[:, None] - x[None]).sum((1, 2)),
    "flat": lambda x: x.flatten(),
    "reshaped": lambda x: x.reshape(3, -1),
    "flip": lambda x: x.flip(0),
    "cumsum": lambda x: torch.cumsum(x, 0),
    "number of elements": lambda x: x / x.numel(),
    "einsum": lambda x: torch.einsum("ni,nj->ij", x, x),
    "einsum of pairs": lambda x: torch.einsum("ni,mi->nm", x, x),
    "repeated": lambda x: x.repeat(2, 1),
    "split": lambda x: x.split(2)[0],
    "unpacked": _sum,
    "norm": lambda x: x / x.norm(),
    "outer": lambda x: torch.outer(x[:, 0], x[:, 1]),
}


@pytest.mark.parametrize("name", MIXING)
def test_points_of_a_batch_must_not_mix(name: str) -> None:
    text = message(Applied(MIXING[name]), 3)
    assert "would depend on the other points of the batch" in text
    assert "test_import_errors.py" in text
    assert "leave the batch axis 0 alone" in text


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.T, "(3, batch) that has its batch axis at 1"),
        (lambda x: torch.ones_like(x)[0:0].shape, "returns"),
        (lambda x: x + torch.ones(4, 3), "one has 4 in place of the number of points"),
        (lambda x: x @ torch.ones(4, 2), "matrix product"),
        (lambda x: x / x.shape[0], "arithmetic"),
        (lambda x: x / math.sqrt(x.shape[0]), "math.sqrt of a tensor or of the number of points"),
        (lambda x: x * math.exp(x), "such as torch.exp, take tensors"),
        (lambda x: x.unsqueeze(5), "dim=5 is out of range"),
        (lambda x: x.view(x.shape[0], 2, 2), "reshape to (batch, 2, 2)"),
        (lambda x: x[:, torch.where(x > 0, 1, 0)], "an index or a mask that depends on the point"),
        (lambda x: x[:, [0]][:, 3], "index 3"),
        (lambda x: torch.linalg.norm(x, ord="nuc"), "ord='nuc'"),
        (lambda x: torch.rms_norm(x, (3,)), "rms_norm without eps"),
        (lambda x: x.to(torch.int64), "not floating"),
        (lambda x: x.sum(-1, dtype=torch.int32), "torch.int32"),
    ],
)
def test_shapes_and_arguments(function: Any, words: str) -> None:
    text = message(Applied(function), 3)
    assert words in text
    assert "test_import_errors.py" in text


def test_a_result_that_is_the_same_everywhere() -> None:
    module = Applied(lambda x, w: w, w=torch.ones(3))
    assert "(3,) that does not depend on the input" in message(module, 3)


# Operations ---------------------------------------------------------------------------------------


def _assigned(x: Any) -> Any:
    y = x * 2
    y[:, 0] = 0
    return y


def _without_gradient(x: Any) -> Any:
    with torch.no_grad():
        r = torch.linalg.norm(x, dim=-1, keepdim=True)
    return x * r


class Sorting(Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Applied(lambda x: torch.sort(x)[0])

    def forward(self, x: Any) -> Any:
        return self.inner(x)


def test_operations_are_named_with_their_line_and_module() -> None:
    assert message(Sorting()).splitlines()[0] == (
        "the function torch.sort cannot be imported, in module inner (Applied)"
    )
    line = "self.inner = Applied(lambda x: torch.sort(x)[0])"
    assert line in message(Sorting()).splitlines()[1]
    assert "An order of values differs from point to point." in message(Sorting())


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: torch.argmax(x, -1), "Positions have no derivatives"),
        (lambda x: x.detach() + 1, "the method .detach of a tensor"),
        (lambda x: x.sinn(), "Near by are: sin"),
        (lambda x: x.grad, "the attribute .grad of a tensor"),
        (lambda x: x.requires_grad_(), "Derivatives with respect to the points are what operators"),
        (_without_gradient, "a part that is held fixed by torch.no_grad()"),
        (lambda x: x * torch.zeros(x.shape[0], 1), "Use x.new_zeros(x.shape[0], 1)"),
        (_assigned, "Build the tensor from its parts with torch.stack or torch.cat"),
        (lambda x: 1 + np.sin(x), "torch.fx cannot follow the module (Applied): TypeError"),
        (lambda x: torch.fft.fft(x).real, "the function torch.fft.fft cannot be imported"),
        (lambda x: F.conv1d(x[:, None], torch.ones(1, 1, 2)), "conv1d"),
        (lambda x: torch.sin(x, out=x), "sin with out="),
        (lambda x: torch.sum(x, dim=-1, wrong=3), "wrong"),
        (lambda x: x if x.sum() > 0 else -x, "a branch or a loop that depends on a tensor"),
        (lambda x: [p for p in x.unbind(-1)][0], "a loop over a tensor"),  # noqa: C416, RUF015
        (lambda x: x * len(x), "the length of a tensor"),
        (lambda x: x * torch.randn(3), "draws random numbers"),
        (lambda x: torch.tensor(np.asarray(x.numpy())), "torch.fx cannot follow the module"),
        (lambda x: torch.autograd.grad(x.sum(), x), "torch.fx cannot follow the module"),
        (lambda x: 1 / 0 * x, "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_imported(function: Any, words: str) -> None:
    text = message(Applied(function))
    assert words in text
    assert "test_import_errors.py" in text


def test_modules_of_pytorch_are_named() -> None:
    text = message(nn.Sequential(nn.Linear(3, 4), nn.LSTM(4, 2)))
    assert "module 1 (LSTM), which is PyTorch's own, looks at its input in ways" in text
    assert "Write it in functions that can be imported" in text
    text = message(nn.Sequential(nn.Linear(3, 4), nn.GroupNorm(2, 4)))
    assert "torch.nn.functional.group_norm cannot be imported, in module 1 (GroupNorm)" in text


def test_parameters_that_torch_fx_does_not_see() -> None:
    class Hidden(Linear):
        def forward(self, x: Any) -> Any:
            return x * sum(p.sum() for p in self.parameters())

    assert "computed from parameters without being seen" in message(Hidden(3, 3))


def test_two_inputs() -> None:
    class Two(Module):
        def forward(self, x: Any, t: Any) -> Any:
            return x + t

    text = message(Two())
    assert "missing 1 required positional argument: 't'" in text
    assert "one tensor x" in text


# In place -----------------------------------------------------------------------------------------


class InPlace(Module):
    """Changes of tensors that have no views."""

    def forward(self, x: Any) -> Any:
        y = x * 2
        z = torch.sin(y)
        y += 1
        y.mul_(z).clamp_(-1, 1)
        width = x.shape[1]
        width += 1
        return F.relu(y, inplace=True) + width * z + y


def test_changes_in_place() -> None:
    u, params = from_module(InPlace())
    point = np.array([0.1, -0.4, 3.0])
    assert np.allclose(
        u(point, params), InPlace()(torch.tensor(point)[None])[0].numpy(), rtol=1e-12
    )


def _changed_view(x: Any) -> Any:
    y = x * 2
    z = y[:, :1]
    y += 1
    return y * z


def _changed_input(x: Any) -> Any:
    x *= 2
    return x


def _changed_through_view(x: Any) -> Any:
    y = x * 2
    z = y.view(-1, 3)
    z += 1
    return y


@pytest.mark.parametrize(
    "function",
    [_changed_view, _changed_input, _changed_through_view],
)
def test_changes_in_place_that_would_be_lost(function: Any) -> None:
    text = message(Applied(function))
    assert "changes a tensor in place, and others may share its memory" in text
    assert "Write y = x + 1 in place of x += 1" in text


# Modes, precision, devices ------------------------------------------------------------------------


def test_training_mode() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.BatchNorm1d(4))
    text = message(net, 3)
    assert "dropout (p=0.2) of a module in training mode" in text
    assert "Call module.eval() first" in text
    assert "In module 1 (Dropout)." in text
    net[1].eval()
    text = message(net, 3)
    assert "batch normalisation by the statistics of the batch" in text
    assert "Call module.eval() first" in text
    net.eval()
    u, params = from_module(net)
    assert u(np.ones(3), params).shape == (4,)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Linear(3, 2).half(), "0.weight has dtype torch.float16; convert it to float32"),
        (nn.Linear(3, 2).bfloat16(), "has dtype torch.bfloat16"),
        (nn.Linear(3, 2, dtype=torch.complex64), "complex numbers are not supported"),
        (nn.Linear(3, 2, device="meta"), "is on the device meta; operators for PyTorch run on the"),
        (nn.LazyLinear(3), "run a lazy module once on a batch"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors(module: Any, words: str) -> None:
    assert words in message(nn.Sequential(module))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.sin, "a builtin_function_or_method is given, not a torch.nn.Module"),
        (nn.Linear, "a type is given, not a torch.nn.Module"),
    ],
)
def test_what_is_no_module(module: Any, words: str) -> None:
    assert words in message(module)
    with pytest.raises(jf.ArgumentError, match=r"not a torch\.nn\.Module"):
        operator(jf.laplacian, module)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_script_modules() -> None:
    assert "give the module itself" in message(torch.jit.script(nn.Linear(3, 2)))


def test_parameters_of_another_structure() -> None:
    u, _ = from_module(nn.Linear(3, 2))
    with pytest.raises(jf.ArgumentError, match=r"no parameter 'bias'"):
        u(np.ones(3), {"weight": np.ones((2, 3))})


# Without PyTorch ----------------------------------------------------------------------------------


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_pytorch_is_imported_by_this_package_alone() -> None:
    assert _python("import sys, jetfold; print('torch' in sys.modules)").strip() == "False"


def test_without_pytorch_the_extra_is_named() -> None:
    text = _python("import sys; sys.modules['torch'] = None; import jetfold.torch")
    assert "ModuleNotFoundError: jetfold.torch needs PyTorch: pip install 'jetfold[torch]'" in text
