"""Certificates of gradients: every one holds, and a rule that is wrong is found and named."""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings

import jetfold as jf
from jetfold import verify_command
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import chapters
from jetfold.graph import Array, Constant, Editor, Graph, Map, Op, operand_symbol
from jetfold.proof import NodeStep, Proved
from jetfold.rules import adjoint, adjoint_certificate
from jetfold.rules.derive import taylor_rule
from jetfold.rules.transpose import transposed
from random_functions import RandomFunction, functions

PARAMS = {"W": np.ones((2, 3)), "b": np.ones(3), "w": np.ones(3)}


def net(x: Any, p: Any) -> Any:
    return np.tanh(x @ p["W"] + p["b"]) @ p["w"]


def loss(x: Any, p: Any) -> Any:
    return (jf.laplacian(net)(x, p) - np.sin(x[0])) ** 2


def several(x: Any, p: Any) -> Any:
    matrix = np.outer(x, x) + p["b"][0] * np.eye(2)
    return jf.laplacian(net)(x, p), np.linalg.inv(matrix) @ x, np.where(x > 0, x**2, 3 * x)


def derived(operator: Any) -> AdjointDerivation:
    found: AdjointDerivation = operator.derivation(np.ones(2), PARAMS)
    return found


DERIVATIONS: dict[str, Callable[[], AdjointDerivation]] = {
    "grad": lambda: derived(jf.grad(net)),
    "loss": lambda: derived(jf.value_and_grad(loss)),
    "points and parameters": lambda: derived(jf.value_and_grad(loss, argnums=(0, 1))),
    "pulled back": lambda: derived(jf.vjp(several)),
    "operator": lambda: derived(jf.vjp(jf.biharmonic(net))),
    "jacobian": lambda: derived(jf.residual_and_jacobian(loss)),
    "jacobian of an array": lambda: derived(
        jf.residual_and_jacobian(lambda x, p: np.tanh(x @ p["W"]) * p["w"], argnums=(0, 1))
    ),
    "random directions": lambda: derived(
        jf.value_and_grad(lambda x, p: jf.laplacian(net, samples=2, seed=0)(x, p) ** 2)
    ),
    "gradient in a loss": lambda: derived(
        jf.value_and_grad(lambda x, p: (jf.grad(net)(x, p) @ x - 1) ** 2)
    ),
    "nothing": lambda: derived(jf.value_and_grad(lambda x, p: x[0] ** 2)),
}


def where(proved: Proved) -> tuple[str, int | None]:
    node = proved.step.node if isinstance(proved.step, NodeStep) else None
    return proved.chapter.key, node


def failures(derivation: AdjointDerivation) -> list[Proved]:
    return [proved for proved in derivation.certificates if not proved.certificate.holds]


@pytest.fixture
def broken() -> Iterator[pytest.MonkeyPatch]:
    """Rules that are wrong: proofs are kept, and must not outlive them."""
    adjoint_certificate._proved.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    adjoint_certificate._proved.cache_clear()


@pytest.mark.parametrize("name", DERIVATIONS)
def test_everything_is_certified(name: str) -> None:
    """A step for each node that hands something on, and both sides of the inner product."""
    derivation = DERIVATIONS[name]()
    found = derivation.certificates
    for _, step, certificate in found:
        assert certificate.holds, step
        assert certificate.exact is True
        assert certificate.symbolic is True or step is None
    handing = [one.node for one in derivation.adjoint.handed if one.parts]
    assert [node for key, node in map(where, found) if key == "adjoint"] == [*handing, None]
    keys = [chapter.key for chapter in chapters(derivation)]
    assert ("call" in keys) == bool(derivation.parameter_graph.outputs)
    assert [where(each) for each in found if each.chapter.key == "call"] == [("call", None)] * (
        "call" in keys
    )


@given(functions(smooth=True))
@settings(max_examples=15, deadline=None)
def test_random_functions(function: RandomFunction) -> None:
    x, params = function.values(2)
    derivation = jf.vjp(function.function, point_ndim=len(function.shape)).derivation(x, params)
    for _, step, certificate in derivation.certificates:
        assert certificate.holds, step
        assert certificate.symbolic or step is None


def test_the_identity_is_in_the_names_of_the_function() -> None:
    found = DERIVATIONS["grad"]().certificates
    (tanh,) = [c for _, s, c in found if isinstance(s, NodeStep) and "tanh" in s.title]
    assert tanh.identity == (
        r"\left\langle \bar v_{5}, v_{5}^{(1)} \right\rangle = \left\langle \bar v_{5} "
        r"\left(1 - \tanh^{2}\left(v_{4}\right)\right), v_{4}^{(1)} \right\rangle"
    )


def test_large_networks_are_checked_numerically() -> None:
    wide = {"W": np.ones((50, 768)), "b": np.ones(768), "w": np.ones(768)}
    found = jf.value_and_grad(loss).derivation(np.ones(50), wide).certificates
    for _, step, certificate in found:
        assert certificate.holds
        assert certificate.exact is None
        assert certificate.roundoff is not None
        assert certificate.symbolic or step is None


# Wrong rules --------------------------------------------------------------------------------------


def is_tanh(expr: sp.Expr) -> bool:
    return bool(expr.func.__name__ == "tanh")


def test_a_wrong_slope_is_found_where_it_is_used(broken: pytest.MonkeyPatch) -> None:
    def wrong(expr: sp.Expr, order: int, active: tuple[int, ...]) -> Any:
        value, slope = taylor_rule(expr, order, active)
        return value, -slope if is_tanh(expr) else slope

    broken.setattr(adjoint, "taylor_rule", wrong)
    derivation = derived(jf.grad(net))
    graph = derivation.function_graph
    (tanh,) = [n for n in graph if isinstance(op := graph[n].op, Map) and is_tanh(op.expr)]
    assert [where(each) for each in failures(derivation)] == [("adjoint", tanh), ("adjoint", None)]


def test_a_slope_that_is_left_out_is_found(broken: pytest.MonkeyPatch) -> None:
    """Nothing is handed on, where something is due."""

    def flat(expr: sp.Expr, order: int, active: tuple[int, ...]) -> Any:
        value, slope = taylor_rule(expr, order, active)
        return value, sp.S.Zero if expr.is_Function else slope

    broken.setattr(adjoint, "taylor_rule", flat)
    first, *_ = failures(derived(jf.grad(lambda x, p: np.sin(x[0] * x[1]))))
    assert isinstance(first.step, NodeStep)
    assert "sin" in first.step.title
    assert first.certificate.exact is False
    assert first.certificate.symbolic is False


def doubled(editor: Editor, op: Op, operands: list[int], position: int, *rest: Any) -> int:
    found = transposed(editor, op, operands, position, *rest)
    two = editor.add(Constant(Array(np.array(2.0))))
    return editor.add(Map(operand_symbol(0) * operand_symbol(1)), found, two)


def test_a_wrong_transpose_is_found(broken: pytest.MonkeyPatch) -> None:
    broken.setattr(adjoint, "transposed", doubled)
    derivation = derived(jf.grad(lambda x, p: np.exp(x @ p["W"]) @ p["w"]))
    graph = derivation.function_graph
    linear = [
        node for node in graph if graph.operands(node) and not isinstance(graph[node].op, Map)
    ]
    found = [where(each) for each in failures(derivation)]
    assert found == [*(("adjoint", node) for node in reversed(linear)), ("adjoint", None)]


def test_a_total_without_one_of_its_terms_is_found() -> None:
    derivation = derived(jf.value_and_grad(lambda x, p: net(x, p) * net(x + 1, p)))
    totals = [
        dataclasses.replace(total, terms=total.terms[:1] if len(total.terms) > 1 else total.terms)
        for total in derivation.totals
    ]
    assert totals != list(derivation.totals)
    derivation.adjoint = dataclasses.replace(derivation.adjoint, totals=tuple(totals))
    assert [where(each) for each in failures(derivation)] == [("adjoint", None), ("call", None)]


def test_a_wrong_graph_of_parameters_is_found() -> None:
    derivation = DERIVATIONS["loss"]()
    wrong = opposite(derivation.parameter_graph)
    derivation.adjoint = dataclasses.replace(derivation.adjoint, shared=wrong)
    assert [where(each) for each in failures(derivation)] == [("adjoint", None), ("call", None)]


def opposite(graph: Graph) -> Graph:
    """With the opposite of the first output."""
    editor = Editor(graph)
    first, *others = graph.outputs
    return editor.freeze([editor.add(Map(-operand_symbol(0)), first), *others])


# The command --------------------------------------------------------------------------------------


def verified(tmp_path: Any, *options: str) -> int:
    file = tmp_path / "net.py"
    file.write_text(
        "import numpy as np\n\n"
        "def params():\n    return {'W': np.ones((2, 3)), 'w': np.ones(3)}\n\n"
        "def net(x, p):\n    return np.tanh(x @ p['W']) @ p['w']\n",
        encoding="utf-8",
    )
    parser = ArgumentParser()
    verify_command.add_options(parser)
    given = [f"{file}:net", "--dim", "2", "--params", f"{file}:params", "--operator", "gradient"]
    return verify_command.run(parser.parse_args([*given, *options]))


def test_verify(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(tmp_path, "--all") == 0
    printed = capsys.readouterr().out
    assert "1 Transpose of v5 = v3 @ params[" in printed
    assert "<g, J v> = <J^T g, v> at two points" in printed
    assert "Once per call" in printed
    assert printed.splitlines()[-1].endswith("certificates hold.")


def test_verify_names_the_rule_that_is_wrong(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], broken: pytest.MonkeyPatch
) -> None:
    broken.setattr(adjoint, "transposed", doubled)
    assert verified(tmp_path) == 1
    printed = capsys.readouterr().out
    assert "FAILED The adjoint" in printed
    assert 'node    v5 = v3 @ params["w"]' in printed
    assert "line 7" in printed
    assert "  rule    to bar(v3): " in printed
