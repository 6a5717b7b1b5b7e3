"""Certificates of Taylor rules: right ones are proved, and wrong ones are found at their node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

import jetfold as jf
from jetfold.derivation import Derivation
from jetfold.graph import Concatenate, Contract, Editor, Graph, Map, MatrixFunction, Op, Sum
from jetfold.graph.certificate import OF_FUNCTIONS, Certificate
from jetfold.graph.identity import SHORTENED
from jetfold.proof import NodeStep, certificates
from jetfold.rules import derive as derive_rules
from jetfold.rules import matrix, taylor, taylor_certificate
from jetfold.rules.derive import path_symbol
from known_answers import points
from sample_functions import SAMPLES


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    """What has been proved of a right rule is not known of a wrong one."""
    taylor_certificate._proved.cache_clear()
    yield
    taylor_certificate._proved.cache_clear()


def taylor_steps(derivation: Derivation) -> list[tuple[Op, Certificate]]:
    """The operation and the certificate of each node of the function."""
    found = []
    for chapter, step, certificate in certificates(derivation):
        if chapter.key == "taylor":
            assert isinstance(step, NodeStep)
            found.append((derivation.function_graph[step.node].op, certificate))
        elif found:
            break
    return found


def derive(name: str, make: Callable[..., Any] = jf.laplacian) -> Derivation:
    sample = SAMPLES[name]
    random = np.random.default_rng(0)
    parameters = {key: random.uniform(1, 2, shape) for key, shape in sample.parameters.items()}
    op = make(sample.function, point_ndim=len(sample.shape), method="standard")
    found: Derivation = op.derivation(random.uniform(1, 2, (1, *sample.shape)), parameters)
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_right_rules_are_proved(name: str) -> None:
    """Exactly, too, but for roots, whose rules use that the square of a root is its argument."""
    for op, certificate in taylor_steps(derive(name)):
        assert certificate.holds, f"{op}\n{certificate}"
        assert certificate.symbolic
        assert certificate.identity.startswith(r"\left.\frac{\mathrm{d}^{2}}{\mathrm{d}t^{2}}")
        powers = op.expr.atoms(sp.Pow) if isinstance(op, Map) else set()
        root = any(not power.exp.is_Integer for power in powers)
        assert certificate.exact or (root and OF_FUNCTIONS in certificate.remarks)
        assert certificate.roundoff is not None
        assert certificate.roundoff < 100


@pytest.mark.parametrize("name", ["network of expit", "products", "where", "stacked", "solution"])
def test_right_rules_of_order_4_are_proved(name: str) -> None:
    for _, certificate in taylor_steps(derive(name, jf.biharmonic)):
        assert certificate.holds
        assert certificate.exact
        assert certificate.symbolic


def test_nodes_that_have_a_rule() -> None:
    """Each node that varies with the point, but the point itself; with index, node and title."""
    derivation = derive("network of tanh")
    function = derivation.function_graph
    steps = [step for _, step, _ in certificates(derivation) if isinstance(step, NodeStep)]
    varying = [node for node in function.order if node in function.varying - set(function.inputs)]
    assert [(step.index, step.node) for step in steps] == list(enumerate(varying))
    assert "Taylor rule of v5 = tanh(v4)" in {step.title for step in steps}


def test_what_a_derivation_does_not_tell() -> None:
    """A graph of standard Taylor mode that was given as it is: its rewritings are certified."""
    given = derive("network of tanh")
    derivation = Derivation(given.function_graph, {"standard": lambda: given.taylor_graph}, "auto")
    keys = {chapter.key for chapter, _, _ in certificates(derivation)}
    assert keys == {"push", "pull", "clean-up"}
    assert all(certificate.holds for _, _, certificate in certificates(derivation))


def test_large_nodes_are_proved_on_short_axes() -> None:
    op = jf.laplacian(lambda x, w: np.tanh(x @ w))
    found = taylor_steps(op.derivation(points(40), np.ones((40, 300))))
    assert [certificate.symbolic for _, certificate in found] == [True, True]
    assert SHORTENED in found[0][1].remarks
    assert SHORTENED not in found[1][1].remarks  # one element is enough


# Rules made wrong -----------------------------------------------------------------------------


def wrong_rule(order: int, change: Callable[[sp.Expr], sp.Expr]) -> Callable[..., Any]:
    """Taylor rules of elementwise functions with another coefficient of one order."""
    right = derive_rules.taylor_rule

    def rule(expr: sp.Expr, highest: int, active: tuple[int, ...]) -> tuple[sp.Expr, ...]:
        found = list(right(expr, highest, active))
        if len(found) > order:
            found[order] = change(found[order])
        return tuple(found)

    return rule


X1, X2 = path_symbol(0, 1), path_symbol(0, 2)


@pytest.mark.parametrize(
    ("order", "change"),
    [
        (1, lambda c: -c),
        (1, lambda c: 2 * c),
        (2, lambda c: c.subs(X1, 0)),
        (2, lambda c: c.subs(X2, 0)),
        (2, lambda c: c + X1**2),
        (2, lambda c: c.subs(X1**2, X1)),
    ],
    ids=["sign", "factor", "no square", "no second coefficient", "a square more", "no power"],
)
def test_wrong_rules_of_functions(
    monkeypatch: pytest.MonkeyPatch, order: int, change: Callable[[sp.Expr], sp.Expr]
) -> None:
    """Both tanh are found, and no contraction."""
    monkeypatch.setattr(taylor, "taylor_rule", wrong_rule(order, change))
    for op, certificate in taylor_steps(derive("silu")):
        function = isinstance(op, Map) and op.expr.has(sp.Function)
        if function:
            assert not certificate.holds
            assert certificate.symbolic is False
            assert certificate.identity == ""
            assert f"order {order}" in " ".join(certificate.remarks)
        elif isinstance(op, Contract):
            assert certificate.holds
    assert any(not certificate.holds for _, certificate in taylor_steps(derive("silu")))


def test_a_term_that_is_seen_with_two_operands_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mixed term 2 a_1 b_1 of a product, halved: a square has none.

    No number shows it: along a coordinate, one of two coordinates stands still.
    """
    mixed = X1 * path_symbol(1, 1)
    monkeypatch.setattr(
        taylor, "taylor_rule", wrong_rule(2, lambda c: c - mixed * c.coeff(mixed) / 2)
    )
    found = taylor_steps(derive("products"))
    assert {certificate.holds for _, certificate in found} == {True, False}
    for op, certificate in found:
        product = isinstance(op, Map) and op.expr.is_Mul and len(op.expr.free_symbols) > 1
        assert certificate.holds or product


def failing(name: str, make: Callable[..., Any] = jf.laplacian) -> set[str]:
    """The kinds of the nodes at which the rules are found wrong."""
    found = taylor_steps(derive(name, make))
    assert all(certificate.symbolic is False for _, certificate in found if not certificate.holds)
    return {type(op).__name__ for op, certificate in found if not certificate.holds}


def test_wrong_product_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leibniz' rule with no binomial coefficients."""
    right = derive_rules.leibniz
    monkeypatch.setattr(
        taylor, "leibniz", lambda *key: tuple((1, orders) for _, orders in right(*key))
    )
    assert failing("quadratic form") == {"Contract"}
    assert failing("linear") == set()  # a binomial coefficient of 2 takes two factors


def test_wrong_parts_of_a_concatenation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that stands still, as if it moved."""

    def wrong(editor: Editor, op: Concatenate, operands: list[list[int]], order: int) -> int:
        return editor.add(op, *(jet[min(order, len(jet) - 1)] for jet in operands))

    monkeypatch.setattr(taylor, "_push_concatenate", wrong)
    op = jf.laplacian(lambda x, p: np.concatenate([x, p]) ** 2)
    found = taylor_steps(op.derivation(points(2), np.ones(2)))
    assert [type(op) for op, c in found if not c.holds] == [Concatenate]


def test_wrong_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second coefficient of a sum, over the other axis."""
    right = taylor._push

    def wrong(editor: Editor, op: Op, operands: list[list[int]], order: int) -> list[int]:
        found = right(editor, op, operands, order)
        if op == Sum((0,)):
            found[2:] = [editor.add(Sum((1,)), jet) for jet in operands[0][2:]]
        return found

    monkeypatch.setattr(taylor, "_push", wrong)
    op = jf.laplacian(lambda x: np.sum(np.outer(x, x**2), axis=0))
    found = taylor_steps(op.derivation(points(3)))
    assert [op for op, certificate in found if not certificate.holds] == [Sum((0,))]


def test_wrong_rules_of_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terms of A Y = 1 with the wrong sign."""
    right = matrix.solved_terms
    monkeypatch.setattr(
        matrix, "solved_terms", lambda order: tuple((-c, pair) for c, pair in right(order))
    )
    assert failing("inverse") == {MatrixFunction.__name__}
    assert Contract.__name__ in failing("solution")


def test_a_graph_that_was_not_made_by_its_rules() -> None:
    """The rules are right; one node of the graph is not what they give."""
    derivation = derive("network of tanh")
    graph = derivation.taylor_graph
    (node,) = (n for n in graph if (role := graph[n].role) and (role.of, role.order) == (5, 1))
    derivation.taylor_graph = doubled(graph, node)
    found = [(op, c) for op, c in taylor_steps(derivation) if not c.holds]
    assert [op for op, _ in found] == [derivation.function_graph[5].op]
    assert found[0][1].symbolic is not False


def doubled(graph: Graph, changed: int) -> Graph:
    """The graph, with the same numbers, and a factor 2 in the expression of one node."""
    digraph = graph.nx.copy()
    data = graph[changed]
    assert isinstance(data.op, Map)
    digraph.nodes[changed]["node"] = replace(data, op=Map(2 * data.op.expr))
    return Graph(digraph, graph.outputs)
