"""Trees: taken apart and put back, compared, named and printed."""

import pickle
from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetfold.graph.errors import ArgumentError
from jetfold.graph.tree import flatten, paths, unflatten

Layer = namedtuple("Layer", ["W", "b"])

keys = st.text(max_size=3)
trees: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.builds(Layer, inner, inner)
    ),
    max_leaves=12,
)


@given(trees)
def test_unflatten_undoes_flatten(tree: Any) -> None:
    leaves, structure = flatten(tree)
    assert unflatten(structure, leaves) == tree
    assert structure.leaves == len(leaves)


@given(trees)
def test_a_path_is_the_expression_that_gives_the_leaf(tree: Any) -> None:
    found = [eval(path, {"params": tree}) for path in paths(tree, "params")]
    assert found == flatten(tree)[0]


@given(trees, trees)
def test_structures_are_equal_when_trees_with_equal_leaves_are(one: Any, other: Any) -> None:
    structures = [flatten(tree)[1] for tree in (one, other)]
    # repr tells a Layer from a tuple; equality does not
    built = [repr(unflatten(s, ["leaf"] * s.leaves)) for s in structures]
    assert (structures[0] == structures[1]) == (built[0] == built[1])
    if structures[0] == structures[1]:
        assert hash(structures[0]) == hash(structures[1])


@given(trees)
def test_structures_can_be_pickled(tree: Any) -> None:
    structure = flatten(tree)[1]
    assert pickle.loads(pickle.dumps(structure)) == structure


def test_dicts_are_sorted_and_none_has_no_leaves() -> None:
    leaves, structure = flatten({"b": 2, "a": [1, None], "c": None})
    assert leaves == [1, 2]
    assert str(structure) == "{'a': [*, None], 'b': *, 'c': None}"


def test_names() -> None:
    params = {"layers": [{"W": 1, "b": 2}, Layer(3, (4, 5))]}
    assert paths(params, "params") == [
        'params["layers"][0]["W"]',
        'params["layers"][0]["b"]',
        'params["layers"][1].W',
        'params["layers"][1].b[0]',
        'params["layers"][1].b[1]',
    ]
    assert str(flatten(params)[1]) == "{'layers': [{'W': *, 'b': *}, Layer(W=*, b=(*, *))]}"


def test_a_single_leaf_is_called_like_its_root() -> None:
    assert paths(1.0, "x") == ["x"]
    assert paths({1: "a", 2: "b"}, "p") == ["p[1]", "p[2]"]
    assert str(flatten((1,))[1]) == "(*,)"


def test_wrong_number_of_leaves() -> None:
    _, structure = flatten([1, 2])
    with pytest.raises(ArgumentError, match=r"\[\*, \*\] has 2 leaves, but 3 were given"):
        unflatten(structure, [1, 2, 3])


def test_keys_that_cannot_be_sorted() -> None:
    with pytest.raises(ArgumentError, match="cannot be sorted \\(they are int, str\\)"):
        flatten({1: 0, "a": 0})
