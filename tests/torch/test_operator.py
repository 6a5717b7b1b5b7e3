"""Operators of modules, differentiated by PyTorch: gradients are those of its own Laplacian."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.testing import assert_allclose

import jetfold as jf

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")

from jetfold.torch import operator  # noqa: E402
from torch_oracle import batch, laplacian  # noqa: E402

nn = torch.nn
Module: Any = nn.Module


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


class Network(Module):
    """With a parameter of its own, a buffer, and a layer that Laplacians do not need."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.SiLU())
        self.last = nn.Linear(8, outputs)
        self.scale = nn.Parameter(torch.tensor(1.3))
        self.register_buffer("shift", torch.tensor([0.1, -0.2]))
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        return self.last(self.net(self.scale * (x - self.shift)))


def reference(make: Callable[..., Any], module: Any, **options: Any) -> Any:
    return operator(make, module, backend="reference", **options)


def gradients(module: Any, op: Callable[[Any], Any], points: Any) -> dict[str, Any]:
    """Of a loss in the operator, with respect to all that requires them."""
    module.zero_grad()
    points.grad = None
    ((op(points) - torch.sin(points[..., :1])) ** 2).mean().backward()
    found = {name: p.grad for name, p in module.named_parameters()}
    found["X"] = points.grad
    return {name: None if g is None else g.detach().clone() for name, g in found.items()}


@pytest.mark.parametrize("outputs", [1, 3])
def test_gradients_are_those_of_autograd(outputs: int) -> None:
    module = Network(outputs).double()
    points = batch(6, 2).requires_grad_()
    lap = reference(jf.laplacian, module)
    assert lap(points).shape == (6, outputs)
    assert_allclose(lap(points).detach(), laplacian(module, points).detach(), rtol=1e-11)
    found = gradients(module, lap, points)
    expected = gradients(module, lambda x: laplacian(module, x), points)
    assert found.pop("unused.weight") is found.pop("unused.bias") is None
    for name, gradient in found.items():
        known = torch.zeros_like(gradient) if expected[name] is None else expected[name]
        assert_allclose(gradient, known, rtol=1e-9, atol=1e-12, err_msg=name)


def test_gradcheck() -> None:
    module = Network().double()
    lap = reference(jf.laplacian, module)
    tensors = [module.scale, module.net[0].weight, module.last.weight]
    assert torch.autograd.gradcheck(
        lambda *tensors: lap(tensors[0]), (batch(2, 2).requires_grad_(), *tensors)
    )


def test_biharmonic_operators_of_the_module() -> None:
    module = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    points = batch(3, 2)
    found = reference(jf.biharmonic, module)(points)
    expected = laplacian(lambda x: laplacian(module, x), points)
    assert_allclose(found.detach(), expected.detach(), rtol=1e-10)


def test_equations_and_functions_of_operators() -> None:
    """An expression in SymPy, and a residual with a coefficient that is learnt."""
    module = Network().double()
    points = batch(5, 2).requires_grad_()
    x, y = sp.symbols("x y")
    w = sp.Function("w")(x, y)

    def residual(u: Any, backend: str) -> Any:
        assert backend == "reference"
        return lambda x, params: params["gain"] * jf.laplacian(u)(x, params) - u(x, params)

    def by_torch(x: Any) -> Any:
        return module.gain * laplacian(module, x) - module(x)

    wave = operator(
        lambda u: jf.operator(w.diff(x, 2) + w.diff(y, 2), u, (x, y), backend="reference"),
        nn.Sequential(module, nn.Flatten(0)),
    )
    assert_allclose(wave(points).detach(), laplacian(module, points)[:, 0].detach(), rtol=1e-10)
    module.gain = nn.Parameter(torch.tensor(0.7, dtype=torch.float64))
    op = reference(residual, module)
    found, expected = gradients(module, op, points), gradients(module, by_torch, points)
    for name in ("gain", "scale", "X"):
        assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-12)
    assert found["unused.weight"].abs().max() == 0  # the function might have used it
    with torch.no_grad():
        assert_allclose(op(points), by_torch_values(by_torch, points), rtol=1e-9)


def by_torch_values(function: Any, points: Any) -> Any:
    with torch.enable_grad():
        return function(points).detach()


class WrittenOut(Module):
    """Layer normalisation as its formula."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Any) -> Any:
        centred = x - x.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        return centred / torch.sqrt(variance + self.norm.eps) * self.norm.weight + self.norm.bias


def test_layer_normalisation() -> None:
    """Against the formula: third derivatives of PyTorch's own function are wrong (2.13)."""
    norm = nn.LayerNorm(4)
    before, behind = nn.Linear(2, 4), nn.Linear(4, 1)
    module = nn.Sequential(before, norm, nn.Tanh(), behind).double()
    formula = nn.Sequential(before, WrittenOut(norm), nn.Tanh(), behind)
    points = batch(5, 2).requires_grad_()
    found = gradients(module, reference(jf.laplacian, module), points)
    gradients(formula, lambda x: laplacian(formula, x), points)
    for name, parameter in module.named_parameters():
        known = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert_allclose(found[name], known, rtol=1e-9, atol=1e-12, err_msg=name)
    assert_allclose(found["X"], points.grad, rtol=1e-9)


class Train:
    """A loop as people have it; only the Laplacian is given."""

    def __init__(self, dtype: Any, optimiser: Any) -> None:
        torch.manual_seed(3)
        self.module = nn.Sequential(
            nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 1)
        ).to(dtype)
        self.points = batch(40, 2, low=0, high=1).to(dtype)
        self.load = -2 * np.pi**2 * torch.sin(np.pi * self.points).prod(1, keepdim=True)
        self.optimiser = optimiser(self.module.parameters())

    def losses(self, lap: Callable[[Any], Any], steps: int) -> list[float]:
        found = []

        def closure() -> Any:
            self.optimiser.zero_grad()
            loss = (lap(self.points) - self.load).square().mean()
            loss = loss + self.module(self.points).square().mean()
            loss.backward()
            return loss

        for _ in range(steps):
            found.append(self.optimiser.step(closure).item())
        return found


@pytest.mark.parametrize(
    ("backend", "dtype", "optimiser", "rtol"),
    [
        ("cpu", torch.float64, lambda p: torch.optim.Adam(p, lr=0.01), 1e-7),
        (
            "cpu",
            torch.float64,
            lambda p: torch.optim.LBFGS(p, max_iter=3, line_search_fn="strong_wolfe"),
            1e-6,
        ),
        ("reference", torch.float32, lambda p: torch.optim.SGD(p, lr=1e-3), 1e-3),
    ],
)
def test_a_training_loop_with_its_laplacian_swapped(
    backend: str, dtype: Any, optimiser: Any, rtol: float
) -> None:
    ours, theirs = Train(dtype, optimiser), Train(dtype, optimiser)
    found = ours.losses(operator(jf.laplacian, ours.module, backend=backend), 8)
    expected = theirs.losses(lambda x: laplacian(theirs.module, x), 8)
    assert_allclose(found, expected, rtol=rtol)
    assert found[-1] < found[0]


# What is computed, and what is not ----------------------------------------------------------------


def test_no_gradient_where_none_is_needed() -> None:
    module = Network().double()
    lap = reference(jf.laplacian, module)
    points = batch(3, 2).requires_grad_()
    with torch.no_grad():
        values = lap(points)
    assert not values.requires_grad
    assert_allclose(values, lap(points).detach(), rtol=1e-12)
    module.requires_grad_(False)
    assert not lap(points.detach()).requires_grad
    assert lap(points).requires_grad


def test_frozen_parameters() -> None:
    module = Network().double()
    module.net.requires_grad_(False)
    lap = reference(jf.laplacian, module)
    lap(batch(3, 2)).sum().backward()
    assert module.net[0].weight.grad is None
    first = module.last.weight.grad.clone()
    module.net.requires_grad_(True)
    module.zero_grad()
    lap(batch(3, 2)).sum().backward()
    assert module.net[0].weight.grad is not None
    assert_allclose(module.last.weight.grad, first, rtol=1e-12)


def test_the_module_is_read_at_every_call() -> None:
    module = Network().double()
    lap = reference(jf.laplacian, module)
    points = batch(3, 2)
    before = lap(points)
    with torch.no_grad():
        module.scale.mul_(2)
    module.shift.add_(0.3)
    module.last.weight = nn.Parameter(module.last.weight.detach() * 3)
    after = lap(points)
    assert not torch.allclose(before, after)
    assert_allclose(after.detach(), laplacian(module, points).detach(), rtol=1e-11)


def test_results_of_any_tree_and_batches_of_any_shape() -> None:
    class Fields(Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            h = torch.sin(self.net(x))
            return {"u": h[:, 0], "v": (h[:, 1:], h)}

    module = Fields().double()
    found = reference(jf.laplacian, module)(batch(2, 3, 2))
    assert found["u"].shape == (2, 3)
    assert [value.shape for value in found["v"]] == [(2, 3, 2), (2, 3, 3)]
    found["v"][0].sum().backward()
    weight = module.net.weight.grad.clone()
    module.zero_grad()
    laplacian(lambda x: module(x)["v"][0], batch(2, 3, 2).reshape(6, 2)).sum().backward()
    assert_allclose(weight, module.net.weight.grad, rtol=1e-10)


def test_a_module_without_parameters() -> None:
    class Gauss(Module):
        def forward(self, x: Any) -> Any:
            return torch.exp(-(x**2).sum(-1))

    points = batch(3, 2).requires_grad_()
    values = reference(jf.laplacian, Gauss())(points)
    expected = laplacian(Gauss(), points)
    assert_allclose(values.detach(), expected.detach(), rtol=1e-11)
    (found,) = torch.autograd.grad(values.sum(), points)
    assert_allclose(found, torch.autograd.grad(expected.sum(), points)[0], rtol=1e-10)
    assert not reference(jf.laplacian, Gauss())(points.detach()).requires_grad


def test_randomised_laplacians() -> None:
    """All directions at once are exact, forwards and backwards."""
    module = Network().double()
    points = batch(4, 2).requires_grad_()
    some = reference(jf.laplacian, module, samples=2, distribution="coordinates", seed=0)
    found = gradients(module, some, points)
    expected = gradients(module, lambda x: laplacian(module, x), points)
    assert_allclose(found["scale"], expected["scale"], rtol=1e-9)
    assert_allclose(found["X"], expected["X"], rtol=1e-9)


def test_numbers_are_not_copied_on_the_way_in() -> None:
    seen = []
    module = nn.Linear(2, 1).double()

    class Spy(jf.laplacian(np.sum).__class__):  # type: ignore[misc]
        def __call__(self, points: Any, /, *parameters: Any, **values: Any) -> Any:
            seen.extend([points, parameters[0]["weight"]])
            return super().__call__(points, *parameters, **values)

    points = batch(3, 2)
    with torch.no_grad():
        operator(lambda u: Spy(u, backend="reference"), module)(points)
    assert np.shares_memory(seen[0], points.numpy())
    assert np.shares_memory(seen[1], module.weight.detach().numpy())


def test_modes_of_the_module() -> None:
    net = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 1)).double()
    lap = reference(jf.laplacian, net.eval())
    points = batch(3, 2)
    before = lap(points)
    net.train()
    with pytest.raises(jf.TraceError, match=r"dropout \(p=0\.5\) of a module in training mode"):
        lap(points)
    net.eval()
    assert torch.equal(lap(points), before)


def test_pickled() -> None:
    lap = reference(jf.laplacian, nn.Sequential(nn.Linear(2, 4), nn.Tanh()).double())
    again = pickle.loads(pickle.dumps(lap))
    assert torch.equal(again(batch(3, 2)), lap(batch(3, 2)))
    again(batch(3, 2)).sum().backward()
    assert again.module[0].weight.grad is not None
    assert lap.module[0].weight.grad is None


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_results_stay_as_they_are_when_more_are_computed(backend: str) -> None:
    module = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    lap = operator(jf.laplacian, module, backend=backend)
    points = batch(5, 2).requires_grad_()
    inputs = [points, *module.parameters()]
    values = lap(points)
    found = torch.autograd.grad(values.sum(), inputs, retain_graph=True)
    kept = [tensor.detach().clone() for tensor in (values, *found)]
    torch.autograd.grad(3 * lap(2 * points).sum(), inputs)
    assert all(map(torch.equal, kept, (values, *found)))
    assert all(map(torch.equal, kept[1:], torch.autograd.grad(values.sum(), inputs)))


@pytest.mark.parametrize("shape", [(2,), (0, 2), (1, 2)])
def test_one_point_and_none(shape: tuple[int, ...]) -> None:
    module = Network().double()
    lap = reference(jf.laplacian, module)
    values = lap(batch(*shape).requires_grad_())
    assert values.shape == (*shape[:-1], 1)
    values.sum().backward()
    assert (module.last.weight.grad == 0).all() == (shape == (0, 2))


# Errors -------------------------------------------------------------------------------------------


def test_second_derivatives_by_pytorch_are_refused() -> None:
    module = Network().double()
    points = batch(3, 2).requires_grad_()
    lap = reference(jf.laplacian, module)
    (gradient,) = torch.autograd.grad(lap(points).sum(), points, create_graph=True)
    assert gradient.requires_grad
    with pytest.raises(jf.UnsupportedError, match="Put all derivatives with respect to the points"):
        gradient.square().sum().backward()


def test_a_parameter_that_changes_before_backward() -> None:
    module = Network().double()
    values = reference(jf.laplacian, module)(batch(3, 2))
    with torch.no_grad():
        module.scale.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.ones((3, 2)), "X is a ndarray, not a torch.Tensor"),
        (torch.ones(3, 2, dtype=torch.float16), "X has dtype torch.float16; convert it to float32"),
        (torch.ones(3, 2, dtype=torch.complex64), "complex numbers are not supported"),
        (torch.ones(3, 2, dtype=torch.int64), "X has dtype torch.int64; convert it to float32"),
        (torch.ones(3, 2, device="meta"), "X is on the device meta"),
        (torch.ones(3, 2).to_sparse(), "X is a sparse"),
    ],
)
def test_points_that_cannot_be_read(points: Any, words: str) -> None:
    with pytest.raises(jf.ArgumentError, match=words.replace("(", r"\(")):
        reference(jf.laplacian, Network())(points)


def test_transforms_of_torch_func() -> None:
    lap = reference(jf.laplacian, Network())
    with pytest.raises((jf.ArgumentError, RuntimeError), match=r"torch\.func|vmap"):
        torch.func.vmap(lap)(torch.ones(3, 2))


def test_what_makes_no_operator() -> None:
    with pytest.raises(jf.ArgumentError, match="made a float of u; give what makes an operator"):
        operator(lambda u: 1.0, Network())


def test_a_parameter_that_is_gone() -> None:
    module = Network()
    lap = reference(jf.laplacian, module)
    del module.scale
    with pytest.raises(jf.ArgumentError, match="no parameter scale any more"):
        lap(torch.ones(3, 2))


def test_described() -> None:
    lap = reference(jf.laplacian, Network(), samples=3)
    text = "jetfold.torch.operator(laplacian, Network, backend='reference', samples=3)"
    assert repr(lap) == text
