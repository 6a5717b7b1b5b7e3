"""Whole modules as functions: u(x, params) is module(X)[i], its derivatives are PyTorch's."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import jetfold as jf

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

from jetfold.torch import from_module  # noqa: E402
from torch_oracle import assert_same_values, batch, laplacian  # noqa: E402

nn = torch.nn
Module: Any = nn.Module
F = torch.nn.functional


class Sine(Module):
    """An activation with a frequency that is learnt (SIREN)."""

    def __init__(self, frequency: float) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.tensor(frequency))

    def forward(self, x: Any) -> Any:
        return torch.sin(self.frequency * x)


class Fourier(Module):
    """Features of random frequencies, which are a buffer, and of powers of two, which are not."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(3, count))
        self.octaves = 2.0 ** torch.arange(3)

    def forward(self, x: Any) -> Any:
        angles = x @ self.frequencies
        high = (x.unsqueeze(-1) * self.octaves).flatten(1)
        return torch.cat([angles.sin(), angles.cos(), high], dim=-1)


class Residual(Module):
    """Blocks in a ModuleList, with connections past them."""

    def __init__(self, width: int, activation: Any) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), activation, nn.Linear(width, width))
            for _ in range(2)
        )
        self.last = nn.Linear(width, 1, bias=False)
        self.scale = nn.Parameter(torch.tensor(0.3))

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        for block in self.blocks:
            h = h + self.scale * block(h)
        return self.last(h)


class HardBoundary(Module):
    """A network times a function that is zero at the edges, with the coordinates by name."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, x: Any) -> Any:
        assert x.shape[-1] == 3
        a, b, t = x[:, 0:1], x[:, 1:2], x[:, 2:]
        inside = a * (1 - a) * b * (1 - b) * torch.exp(-(t**2))
        return {"u": inside * self.net(x)[:, :1], "p": self.net(x)[..., 1]}


class Gated(Module):
    """Two encoders that gate every layer (modified MLP), parameters in a list and a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([torch.randn(3, 8), torch.randn(8, 8)])
        self.shifts = nn.ParameterDict({"first": torch.randn(8), "second": torch.randn(8)})
        self.u, self.v = nn.Linear(3, 8), nn.Linear(3, 8)
        self.norm = nn.LayerNorm(8)
        self.last = nn.Linear(8, 1)

    def forward(self, x: Any, shift: float = 0.5, mask: Any = None) -> Any:
        u, v = torch.tanh(self.u(x)), torch.tanh(self.v(x))
        h = torch.tanh(x @ self.weights[0] + self.shifts["first"])
        h = h * u + (1 - h) * v
        h += shift
        if mask is not None:
            h = h * mask
        return self.last(self.norm(h @ self.weights[1] + self.shifts["second"])).squeeze(-1)


class Attention(Module):
    """Particles, rows of a point, that look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(3, 4) for _ in range(3))

    def forward(self, x: Any) -> Any:
        count = x.shape[0]
        scores = self.query(x) @ self.key(x).transpose(-1, -2) / self.key.out_features**0.5
        attended = torch.einsum("bij,bjk->bik", scores.softmax(-1), self.value(x))
        distances = torch.linalg.vector_norm(
            x[:, :, None] - x[:, None] + torch.eye(2)[..., None], dim=-1
        )
        return attended.reshape(count, -1).sum(-1) + distances.log().sum((1, 2))


def normalised() -> Any:
    """Batch normalisation with statistics, and dropout, in evaluation mode."""
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.3))
    net.append(nn.Linear(8, 1))
    net(torch.randn(50, 3))
    return net.eval()


def tied() -> Any:
    """One layer in two places, and a weight that two layers share."""
    layer = nn.Linear(3, 3)
    other = nn.Linear(3, 3)
    other.weight = layer.weight
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), other)


def reparametrised() -> Any:
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    nn.utils.parametrizations.weight_norm(net[0])
    nn.utils.parametrize.register_parametrization(net[2], "weight", nn.Softplus())
    return net


def mlp(activation: Any, width: int = 8) -> Any:
    return nn.Sequential(nn.Linear(3, width), activation, nn.Linear(width, 2))


ACTIVATIONS = (
    nn.Tanh(), nn.Sigmoid(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Softplus(),
    nn.Softplus(2.0, 1.0), nn.ELU(0.7), nn.ReLU(), nn.LeakyReLU(0.2), nn.Mish(), nn.SELU(),
    nn.CELU(0.5), nn.Softsign(), nn.Tanhshrink(), nn.LogSigmoid(), nn.Hardtanh(), nn.Softmax(-1),
    nn.LayerNorm(8), nn.Identity(), nn.PReLU(), nn.Hardswish(), nn.RMSNorm(8, eps=1e-6),
    nn.Sequential(nn.Unflatten(1, (2, 4)), nn.Flatten()), nn.Dropout(0.5).eval(),
    nn.Sequential(nn.Linear(8, 16), nn.GLU()),
)  # fmt: skip

MODULES: dict[str, Any] = {
    **{str(activation): lambda made=activation: mlp(made) for activation in ACTIVATIONS},
    "linear": lambda: nn.Linear(3, 2),
    "siren": lambda: nn.Sequential(nn.Linear(3, 8), Sine(3.0), nn.Linear(8, 8), Sine(1.5)),
    "fourier": lambda: nn.Sequential(Fourier(4), nn.Linear(17, 1)),
    "residual": lambda: Residual(8, nn.Tanh()),
    "hard boundary": HardBoundary,
    "gated": Gated,
    "normalised": normalised,
    "tied": tied,
    "reparametrised": reparametrised,
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", MODULES)
def test_values_are_those_of_the_module(name: str) -> None:
    module = MODULES[name]().double()
    assert_same_values(*from_module(module), module, batch(4, 3))


@pytest.mark.parametrize(
    "name", ["siren", "fourier", "residual", "gated", "tied", "reparametrised"]
)
def test_laplacians_are_those_of_autograd(name: str) -> None:
    module = MODULES[name]().double()
    points = batch(4, 3)
    u, params = from_module(module)
    found = jf.laplacian(u, backend="reference")(points.numpy(), params)
    assert_allclose(found, laplacian(module, points).detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_points_may_have_several_axes() -> None:
    module, points = Attention().double(), batch(3, 2, 3)
    u, params = from_module(module)
    assert_same_values(u, params, module, points)
    hessians = torch.func.vmap(torch.func.hessian(lambda x: module(x[None])[0]))(points)
    expected = torch.einsum("nijij->n", hessians).detach().numpy()
    found = jf.laplacian(u, point_ndim=2, backend="reference")(points.numpy(), params)
    assert_allclose(found, expected, rtol=1e-10)


def test_compiled_in_float32() -> None:
    module = mlp(nn.Tanh())
    points = batch(20, 3).float()
    u, params = from_module(module)
    found = jf.laplacian(u)(points.numpy(), params)
    assert found.dtype == np.float32
    assert_allclose(found, laplacian(module, points).detach().numpy(), rtol=1e-3, atol=1e-5)


def test_parameters_are_views_by_the_names_of_the_module() -> None:
    module = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Sequential(nn.Linear(2, 1, bias=False)))
    u, params = from_module(module)
    assert list(params) == ["0", "2"]
    assert list(params["0"]) == ["weight", "bias"]
    assert list(params["2"]["0"]) == ["weight"]
    with torch.no_grad():
        module[0].bias.fill_(7.0)
    assert params["0"]["bias"].tolist() == [7, 7]
    params["2"]["0"]["weight"][:] = 0
    assert module(torch.ones(1, 3)).item() == 0
    assert u(np.ones(3), params) == 0


def test_tied_weights_are_one_parameter() -> None:
    _, params = from_module(tied())
    assert {name: sorted(layer) for name, layer in params.items()} == {
        "0": ["bias", "weight"],
        "4": ["bias"],
    }


def test_buffers_keep_the_values_of_the_import() -> None:
    module = Fourier(2).double()
    u, params = from_module(module)
    assert params == {}
    before = u(np.ones(3), params)
    module.frequencies.zero_()
    module.octaves.zero_()
    assert_allclose(u(np.ones(3), params), before, rtol=0)


def test_no_trace_is_left_in_the_module() -> None:
    class Literal(Module):
        def forward(self, x: Any) -> Any:
            return x * torch.tensor([1.0, 2.0, 3.0])

    module = Literal()
    before = dict(vars(module))
    u, params = from_module(module)
    assert u(np.ones(3), params).tolist() == [1, 2, 3]
    assert vars(module) == before


def test_pickled() -> None:
    module = Residual(8, nn.GELU()).double()
    u, params = from_module(module)
    again, same = pickle.loads(pickle.dumps((jf.laplacian(u, backend="reference"), params)))
    points = batch(4, 3)
    expected = laplacian(module, points).detach().numpy()
    assert_allclose(again(points.numpy(), same), expected, rtol=1e-10)


def test_nodes_know_the_lines_of_the_module() -> None:
    u, params = from_module(Residual(8, nn.Tanh()))
    graph = jf.laplacian(u).derivation(np.ones((1, 3)), params).function_graph
    sources = [graph[node].source for node in graph]
    lines = {source.text for source in sources if source is not None}
    assert lines == {
        "h = self.first(x)",
        "h = h + self.scale * block(h)",
        "return self.last(h)",
    }


def test_hooks_run() -> None:
    module = nn.Linear(3, 1).double()
    module.register_forward_hook(lambda module, inputs, output: output**2)
    assert_same_values(*from_module(module), module, batch(2, 3))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiled_modules_are_imported_as_what_they_are_made_of() -> None:
    module = mlp(nn.Tanh()).double()
    assert_same_values(*from_module(torch.compile(module)), module, batch(2, 3))


def test_called_in_other_functions() -> None:
    """Values of u, and of another module, in an operator of both."""
    first, second = mlp(nn.Tanh()).double(), mlp(nn.SiLU()).double()
    (u, p), (v, q) = from_module(first), from_module(second)
    points = batch(4, 3)
    both = jf.laplacian(lambda x, p, q: u(x, p) * v(x, q), backend="reference")
    expected = laplacian(lambda x: first(x) * second(x), points).detach().numpy()
    assert_allclose(both(points.numpy(), p, q), expected, rtol=1e-10)
