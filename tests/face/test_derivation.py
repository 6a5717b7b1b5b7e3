"""Derivations: the graphs of every stage, their counts, the steps, pictures, generated code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

import jetfold as jf
from jetfold.backends.reference import ReferenceGraph
from jetfold.chapters import chapters
from jetfold.derivation import WHERE_MISSING, Derivation
from jetfold.graph import Contract, Graph, Input, Map, Parameter, Step
from jetfold.graph.validate import validate
from known_answers import points
from messages import message_of

STAGES = ("function_graph", "taylor_graph", "shared_graph", "collapsed_graph", "final_graph")


def network(x: Any, params: Any) -> Any:
    """Two hidden layers."""
    h = np.tanh(x @ params["W1"] + params["b1"])
    h = np.tanh(h @ params["W2"] + params["b2"])
    return h @ params["w"]


def weights(dimension: int, width: int = 8) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(0)
    first, square, vector = (dimension, width), (width, width), (width,)
    shapes = {"W1": first, "W2": square, "b1": vector, "b2": vector, "w": vector}
    return {name: random.normal(size=shape) for name, shape in shapes.items()}


def wave(x: Any) -> Any:
    return np.sin(x[0]) * np.exp(-x @ x / 2)


def derive(dimension: int, **options: Any) -> Derivation:
    op = jf.laplacian(network, **options)
    return op.derivation(points(dimension, 2), weights(dimension))


def run(graph: Graph, x: NDArray[Any], params: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The outputs of a graph of `network`, or of its Laplacian, by interpretation."""
    values = {f'params["{name}"]': array for name, array in params.items()}
    return ReferenceGraph(graph)(len(x), np.dtype(np.float64), {"x": x}, values)


# Counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [2, 3, 5, 6, 50])
def test_vectors_of_a_laplacian(dimension: int) -> None:
    cost = derive(dimension).cost
    fewest = 2 + dimension
    assert cost.vectors == {"standard": 1 + 2 * dimension, "collapsed": fewest, "minimal": fewest}
    assert cost.operations["collapsed"] < cost.operations["standard"]


@pytest.mark.parametrize("function", [wave, np.prod, lambda x: np.tanh(np.outer(x, x) @ x)])
def test_vectors_do_not_depend_on_the_function(function: Callable[..., Any]) -> None:
    cost = jf.laplacian(function).derivation(points(5)).cost
    assert cost.vectors == {"standard": 11, "collapsed": 7, "minimal": 7}


@pytest.mark.parametrize("samples", [1, 4, 16])
def test_vectors_of_a_randomised_laplacian(samples: int) -> None:
    cost = derive(50, samples=samples).cost
    fewest = 2 + samples
    assert cost.vectors == {"standard": 1 + 2 * samples, "collapsed": fewest, "minimal": fewest}


@pytest.mark.parametrize("dimension", [2, 3, 5])
def test_vectors_of_nested_collapsed_laplacians(dimension: int) -> None:
    op = jf.laplacian(jf.laplacian(network))
    cost = op.derivation(points(dimension), weights(dimension)).cost
    assert cost.vectors["collapsed"] == (2 + dimension) ** 2
    assert cost.vectors["standard"] == (1 + 2 * dimension) * (2 + dimension)


def test_vectors_where_operators_meet() -> None:
    """Each node of each function counts for itself; the most that one has is what counts."""

    def residual(x: Any, params: Any) -> Any:
        inner = jf.laplacian(network)
        return inner(x, params) * inner(2 * x, params) + network(x, params) * np.sum(x)

    cost = jf.laplacian(residual).derivation(points(3), weights(3)).cost
    assert cost.vectors["collapsed"] == (2 + 3) ** 2


@pytest.mark.parametrize("order", [1, 3, 6])
def test_vectors_of_a_jet(order: int) -> None:
    derivation = jf.jet(network, order).derivation(points(4), weights(4))
    assert derivation.cost.vectors["standard"] == order + 1
    assert derivation.chosen == "standard"


def test_operations_of_a_matrix_product() -> None:
    """2 (D + 2) operations for each weight: the product with every vector of the layer."""
    dimension, width = 50, 64

    def products(graph: Graph) -> int:
        """Multiplications and additions with the second matrix."""
        count = 0
        for node in graph:
            if isinstance(graph[node].op, Contract):
                operands = [graph[o] for o in graph.operands(node)]
                square = [o for o in operands if isinstance(o.op, Parameter)]
                if any(o.type.shape == (width, width) for o in square):
                    count += 2 * width * width * graph[node].type.copies
        return count

    op = jf.laplacian(network)
    derivation = op.derivation(points(dimension), weights(dimension, width))
    # The value itself is not needed behind the last nonlinearity, but the second layer is not last.
    assert products(derivation.final_graph) == 2 * (dimension + 2) * width * width
    operations = derivation.cost.operations["collapsed"]
    assert derivation.cost.flops == operations
    assert 2 * (dimension + 2) * width**2 < operations < 3 * (dimension + 2) * width**2


# Stages and steps -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["standard", "collapsed", "auto"])
def test_every_stage_is_a_graph_that_can_be_run(method: str) -> None:
    x, params = points(3, 4), weights(3)
    derivation = jf.laplacian(network, method=method).derivation(x, params)
    assert derivation.chosen == derivation.cost.chosen
    assert derivation.chosen == ("standard" if method == "standard" else "collapsed")
    expected = jf.laplacian(network, backend="reference")(x, params)
    for stage in STAGES:
        graph = getattr(derivation, stage)
        assert isinstance(graph, Graph)
        validate(graph)
        (found,) = run(graph, x, params)
        if stage == "function_graph":
            assert_allclose(found, network(x, params), rtol=1e-13)
        else:
            assert_allclose(found, expected, rtol=1e-11, err_msg=stage)


@pytest.mark.parametrize("method", ["nested", "minimal"])
def test_graphs_of_the_other_methods(method: str, tmp_path: Path) -> None:
    """They are made by clean-up alone, and compute the same."""
    x, params = points(2, 4), weights(2)
    derivation = jf.biharmonic(network, method=method).derivation(x, params)
    assert derivation.chosen == method
    assert [stage.graph for stage in derivation.stages] == [derivation.final_graph]
    expected = jf.laplacian(jf.laplacian(network), backend="reference")(x, params)
    for graph in (getattr(derivation, f"{method}_graph"), derivation.final_graph):
        validate(graph)
        (found,) = run(graph, x, params)
        assert_allclose(found, expected, rtol=1e-11)
    derivation.draw(tmp_path / "biharmonic.svg")
    text = " ".join(ET.parse(tmp_path / "biharmonic.svg").getroot().itertext())
    assert "standard Taylor mode: 21 vectors per node" in text
    assert f"{method}: {derivation.cost.vectors[method]} vectors per node" in text


class Counted:
    """Builders that count how often each of them is called."""

    def __init__(self, *methods: str) -> None:
        self.graph = jf.laplacian(wave).derivation(points(3)).taylor_graph
        self.calls: list[str] = []
        self.builders = {method: partial(self.build, method) for method in methods}

    def build(self, method: str) -> Graph:
        self.calls.append(method)
        return self.graph

    def derivation(self, method: str = "auto", predict: Any = None) -> Derivation:
        return Derivation(self.graph, self.builders, method, predict)


def test_graphs_are_made_when_asked_for() -> None:
    counted = Counted("standard", "minimal", "nested")
    derivation = counted.derivation("minimal", lambda: pytest.fail("nothing to choose from"))
    assert derivation.methods == ("standard", "collapsed", "nested", "minimal")
    assert derivation.chosen == "minimal"
    assert counted.calls == []
    assert len(derivation.steps) > 0
    assert derivation.final_graph is derivation.final_graph
    assert counted.calls == ["minimal"]
    counted = Counted("standard", "minimal", "nested")
    cost = counted.derivation().cost
    assert list(cost.vectors) == list(cost.operations) == list(derivation.methods)
    assert counted.calls == []
    assert cost.vectors["nested"] == cost.vectors["minimal"] > 0
    assert cost.flops == cost.operations["collapsed"] < cost.operations["standard"]
    assert sorted(counted.calls) == ["minimal", "nested", "standard"]
    with pytest.raises(KeyError):
        cost.vectors["fastest"]
    assert repr(cost.vectors) == str(dict(cost.vectors))


@pytest.mark.parametrize(
    ("predicted", "chosen"),
    [
        ({}, "collapsed"),
        ({"standard": 3, "collapsed": 2, "minimal": 1}, "minimal"),
        ({"standard": 3, "collapsed": 2, "minimal": 2.5}, "collapsed"),
        ({"standard": 1, "collapsed": 2, "minimal": 2}, "standard"),
        ({"standard": 9, "nested": 5, "minimal": 5, "collapsed": 5}, "collapsed"),
        ({"standard": 9, "nested": 5, "minimal": 5, "collapsed": 6}, "minimal"),
        ({"standard": 5, "nested": 5, "minimal": 6, "collapsed": 6}, "nested"),
        ({"nested": 1}, "nested"),
    ],
)
def test_the_cheapest_by_prediction(predicted: dict[str, float], chosen: str) -> None:
    """Of equal ones the first in the order collapsed, minimal, nested, standard."""
    counted = Counted("standard", "minimal", "nested")
    calls = []

    def predict() -> dict[str, float]:
        calls.append(1)
        return predicted

    derivation = counted.derivation(predict=predict)
    assert derivation.chosen == derivation.cost.chosen == chosen
    assert derivation.cost.predicted == predicted
    assert len(calls) == 1
    assert counted.derivation("standard", lambda: predicted).chosen == "standard"
    assert counted.derivation("standard", lambda: predicted).cost.predicted == predicted


def test_what_is_not_there_is_not_chosen() -> None:
    counted = Counted("standard")
    derivation = counted.derivation(predict=lambda: {"minimal": 1, "nested": 1, "standard": 2})
    assert derivation.chosen == "standard"


def test_operators_say_what_they_predict() -> None:
    """The comparison of the methods that an operator has, by which the cheapest runs."""
    for make in (jf.laplacian, jf.biharmonic, partial(jf.weighted_laplacian, sigma=np.eye(3))):
        derivation = make(network).derivation(points(3), weights(3, width=64))
        assert set(derivation.cost.predicted) == set(derivation.methods)
        least = min(derivation.cost.predicted.values())
        assert derivation.cost.predicted[derivation.chosen] == least
    assert jf.biharmonic(network).derivation(points(3), weights(3, 64)).chosen == "minimal"


@pytest.mark.parametrize("method", ["nested", "minimal"])
def test_methods_that_are_not_there(method: str) -> None:
    counted = Counted("standard")
    expected = (
        f"there is no method {method!r} for this operator: it {WHERE_MISSING[method]}; "
        "choose from auto, standard, collapsed"
    )
    assert message_of(jf.ArgumentError, counted.derivation, method) == expected
    assert counted.derivation().methods == ("standard", "collapsed")
    message = message_of(jf.ArgumentError, getattr, counted.derivation(), f"{method}_graph")
    assert message == expected


def test_a_laplacian_is_no_product() -> None:
    op = jf.laplacian(wave, method="nested")
    for call in (op, op.derivation, op.source):
        message = message_of(jf.ArgumentError, call, points(3))
        assert "needs an operator that is a product of simpler ones" in message
        assert message.endswith("choose from auto, standard, collapsed, minimal")


def test_stages_follow_one_another() -> None:
    derivation = derive(4)
    directions = {
        axis for n in derivation.taylor_graph for axis in axes(derivation.taylor_graph, n)
    }
    assert {axis.size for axis in directions} == {4}
    assert not any(axes(derivation.function_graph, n) for n in derivation.function_graph)
    # Standard Taylor mode has the value once for each direction, sharing has it once.
    values = {stage: first_layer(getattr(derivation, stage)) for stage in STAGES[1:3]}
    assert values == {"taylor_graph": 4, "shared_graph": 1}
    # The sum over directions comes last before collapsing, and nothing but sums of it after.
    operands = derivation.shared_graph.operands(derivation.shared_graph.outputs[0])
    assert derivation.shared_graph[operands[0]].type.copies == 4
    final = derivation.final_graph
    assert all(final[o].type.copies == 1 for o in final.operands(final.outputs[0]))


def axes(graph: Graph, node: int) -> tuple[Any, ...]:
    return graph[node].type.directions


def first_layer(graph: Graph) -> int:
    """How many copies there are of the value of the first tanh."""
    nodes = [graph[n] for n in graph if isinstance(graph[n].op, Map)]
    roles = [(n.role.of, n.type.copies) for n in nodes if n.role is not None and n.role.order == 0]
    return min(roles)[1]


def test_steps_lead_from_stage_to_stage() -> None:
    derivation = derive(3)
    steps = derivation.steps
    assert steps
    assert all(isinstance(step, Step) for step in steps)
    assert [step for stage in derivation.stages for step in stage.steps] == steps
    names = [step.rule.name for step in steps]
    pull = [i for i, name in enumerate(names) if name.startswith("pull a sum")]
    push = [i for i, name in enumerate(names) if "replicat" in name or "copies" in name]
    assert pull
    assert push
    assert min(push) < min(pull)
    x, params = points(3, 2), weights(3)
    expected = jf.laplacian(network, backend="reference")(x, params)
    for step in steps:  # each step keeps what the graph computes
        assert isinstance(step.graph, Graph)
        (found,) = run(step.graph, x, params)
        assert_allclose(found, expected, rtol=1e-11, err_msg=step.rule.name)


def test_standard_taylor_mode_pulls_no_sums() -> None:
    names = {step.rule.name for step in derive(3, method="standard").steps}
    assert not any(name.startswith("pull a sum") for name in names)


def test_a_derivation_is_about_shapes_alone() -> None:
    op = jf.laplacian(network)
    x, params = points(3, 2, 5), weights(3)
    graphs = []
    for scale, dtype in [(1.0, np.float64), (-7.0, np.float32), (np.nan, np.float64)]:
        scaled = {name: (scale * array).astype(dtype) for name, array in params.items()}
        derivation = op.derivation((scale * x).astype(dtype), scaled)
        graphs.append(str(derivation.final_graph))
        assert {name for name, _ in leaves(derivation.final_graph)} <= {
            "x",
            *(f'params["{name}"]' for name in params),
        }
    assert len(set(graphs)) == 1


def leaves(graph: Graph) -> set[tuple[str, tuple[int, ...]]]:
    nodes = (graph[node] for node in graph.leaves)
    return {(n.op.name, n.type.shape) for n in nodes if isinstance(n.op, (Input, Parameter))}


def test_nodes_know_the_users_lines() -> None:
    graph = derive(3).final_graph
    lines = {graph[node].source for node in graph} - {None}
    files = {line.file for line in lines if line is not None}
    assert files == {__file__}
    texts = " ".join(line.text for line in lines if line is not None)
    assert 'np.tanh(h @ params["W2"] + params["b2"])' in texts


# Pictures and code ----------------------------------------------------------------------------


def test_pictures(tmp_path: Path) -> None:
    derivation = derive(3)
    derivation.draw(tmp_path / "network.svg")
    root = ET.parse(tmp_path / "network.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = " ".join(root.itertext())
    assert "standard Taylor mode: 7 vectors per node" in text
    assert "collapsed: 5 vectors per node" in text
    derivation.draw(str(tmp_path / "network.dot"))
    dot = (tmp_path / "network.dot").read_text()
    assert dot.startswith("digraph")
    assert dot.count("->") >= len(derivation.final_graph)
    nested = jf.laplacian(jf.laplacian(network)).derivation(points(2), weights(2))
    nested.draw(tmp_path / "nested.svg")
    text = " ".join(ET.parse(tmp_path / "nested.svg").getroot().itertext())
    assert "collapsed: 16 vectors per node" in text
    derive(2, method="standard").draw(tmp_path / "standard.svg")
    text = " ".join(ET.parse(tmp_path / "standard.svg").getroot().itertext())
    assert "standard: 5 vectors per node" in text


def test_source() -> None:
    """Python that numba compiles: kernels, and one function that runs the program."""
    x, params = points(3, 2), weights(3)
    source = jf.laplacian(network).source(x, params)
    compile(source, "source", "exec")
    assert source.count("@njit") >= 3
    assert "def kernel_0(" in source
    assert 'tanh = FUNCTIONS["tanh"]' in source
    assert source == jf.laplacian(network).source(2 * x[0], params)
    standard = jf.laplacian(network, method="standard").source(x, params)
    assert standard != source
    assert "def kernel_0(" in jf.jet(network, 2).source(x, params)


def test_loops_are_loops() -> None:
    """The size of the code depends neither on the dimension nor on the width."""
    lengths = set()
    for dimension, width in [(3, 8), (50, 8), (7, 64)]:
        source = jf.laplacian(network).source(points(dimension), weights(dimension, width))
        lengths.add(len(source.splitlines()))
    assert len(lengths) == 1


def test_nothing_is_compiled_by_looking(tmp_path: Path) -> None:
    """In a new process, so that nothing has been compiled before."""
    program = """
import json, sys
import numpy as np
import jetfold as jf
from numba.core.dispatcher import Dispatcher
compiled = []
original = Dispatcher.compile
Dispatcher.compile = lambda self, signature: compiled.append(self) or original(self, signature)
op = jf.laplacian(lambda x: np.exp(-x @ x))
derivation = op.derivation(np.ones((4, 3)))
derivation.draw(sys.argv[1])
counts = [derivation.cost.flops, len(derivation.steps), len(op.source(np.ones(3)))]
before = len(compiled)
op(np.ones((4, 3)))
print(json.dumps([counts, before, len(compiled)]))
"""
    folder = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "graph.svg"],
        env=os.environ | {"JETFOLD_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts, before, after = json.loads(done.stdout)
    assert all(count > 0 for count in counts)
    assert before == 0
    assert after > 0
    assert list(folder.glob("*.py"))


def test_looking_leaves_the_cache_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JETFOLD_CACHE_DIR", str(tmp_path / "cache"))
    op = jf.laplacian(lambda x: np.cos(x).sum() ** 3)
    derivation = op.derivation(points(3))
    derivation.draw(tmp_path / "graph.dot")
    assert derivation.cost.flops > 0
    assert op.source(points(3))
    assert not (tmp_path / "cache").exists()
    op(points(3))
    assert list((tmp_path / "cache").glob("*.py"))


def test_each_graph_is_cleaned_up_once() -> None:
    derivation = derive(3)
    methods = [method for method in derivation.methods if method != "standard"]
    done = {method: derivation.cleaned_up(method) for method in methods}
    assert derivation.cleaned is done[derivation.chosen]
    told = {chapter.method: chapter.rewriting for chapter in chapters(derivation)}
    assert {method: told[method] for method in methods} == done
