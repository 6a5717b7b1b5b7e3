"""The rewrite driver: fixed points, order, records, replays, and rules that are wrong."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sympy as sp

import exact
from jetfold.graph import (
    Array,
    Coefficient,
    Constant,
    Contract,
    Editor,
    Graph,
    Input,
    Map,
    RewriteLoopError,
    Rule,
    SourceLine,
    Sum,
    Type,
    add_map,
    operand_symbol,
    rewrite,
)

A, B = map(operand_symbol, range(2))
X = Input("x", Type((3,)))


def swap(name: str, old: sp.Expr, new: sp.Expr) -> Rule:
    """A rule that puts one elementwise function of one operand in place of another."""

    def match(editor: Editor, node: int) -> bool | None:
        return editor[node].op == Map(old) or None

    def replace(editor: Editor, node: int, _: Any) -> int:
        return add_map(editor, new, {A: editor.operands(node)[0]})

    return Rule(name, f"{old} = {new}", (Map,), match, replace)


def _negated_twice(editor: Editor, node: int) -> int | None:
    if editor[node].op != Map(-A):
        return None
    (below,) = editor.operands(node)
    return editor.operands(below)[0] if editor[below].op == Map(-A) else None


DOUBLE_NEGATION = Rule(
    "double negation",
    "-(-x) = x",
    (Map,),
    _negated_twice,
    lambda editor, node, found: found,
)


def chain(*expressions: sp.Expr) -> Graph:
    """Functions of one operand, one on top of the other."""
    editor = Editor()
    node = editor.add(X)
    for expr in expressions:
        node = editor.add(Map(expr), node)
    return editor.freeze([node])


def test_rules_are_applied_until_none_matches() -> None:
    rewriting = exact.check(rewrite(chain(*[-A] * 7), [DOUBLE_NEGATION]))
    assert len(rewriting.steps) == 3
    assert rewriting.graph.counts() == {"Input": 1, "Map": 1}
    assert exact.check(rewrite(chain(*[-A] * 6), [DOUBLE_NEGATION])).graph.counts() == {"Input": 1}


def test_a_rule_that_matches_what_another_one_made() -> None:
    rules = [swap("late", A**3, A**4), swap("middle", A**2, A**3), swap("early", sp.sin(A), A**2)]
    rewriting = rewrite(chain(sp.sin(A)), rules)
    assert [step.rule.name for step in rewriting.steps] == ["early", "middle", "late"]
    (output,) = rewriting.graph.outputs
    assert rewriting.graph[output].op == Map(A**4)


def test_the_first_rule_of_the_list_goes_first() -> None:
    first, second = swap("one", sp.sin(A), A**2), swap("two", sp.sin(A), A**3)
    for rules in ([first, second], [second, first]):
        (step,) = rewrite(chain(sp.sin(A)), rules).steps
        assert step.rule is rules[0]


def test_rules_are_asked_about_nodes_of_their_kinds_only() -> None:
    asked = []

    def match(editor: Editor, node: int) -> None:
        asked.append(type(editor[node].op))

    rule = Rule("curious", "", (Sum, Contract), match, lambda editor, node, found: node)
    editor = Editor()
    x = editor.add(X)
    total = editor.add(Map(sp.sin(A)), editor.add(Sum((0,)), x))
    assert not rewrite(editor.freeze([total, editor.add(Contract("a,a->"), x, x)]), [rule]).steps
    assert sorted(asked, key=str) == [Contract, Sum]


def test_nothing_to_do() -> None:
    graph = chain(sp.sin(A))
    rewriting = rewrite(graph, [DOUBLE_NEGATION], "nothing")
    assert rewriting.steps == []
    assert rewriting.name == "nothing"
    assert str(rewriting.graph) == str(graph)
    assert list(rewriting.replay()) == []
    assert rewriting.graph_after(-1) is graph


# Records ------------------------------------------------------------------------------------------


def test_steps_tell_the_whole_story() -> None:
    graph = chain(-A, -A, sp.sin(A), -A, -A)
    rewriting = rewrite(graph, [DOUBLE_NEGATION])
    assert len(rewriting.steps) == 2
    before = graph
    for index, (step, (replayed, earlier, later)) in enumerate(
        zip(rewriting.steps, rewriting.replay(), strict=True)
    ):
        assert (step.index, step.stage, step.rule) == (index, rewriting, DOUBLE_NEGATION)
        assert replayed is step
        assert str(earlier) == str(step.previous) == str(before)
        assert str(later) == str(step.graph) == str(rewriting.graph_after(index))
        assert step.before in earlier
        assert step.before not in later
        assert step.after in later
        assert len(later) == len(earlier) - 2
        before = later
    assert str(before) == str(rewriting.graph)
    assert str(rewriting.steps[0]) == "double negation: %2 -> %0   (-(-x) = x)"


def test_a_record_does_not_change_the_graph_it_began_with() -> None:
    graph = chain(*[-A] * 4)
    text = str(graph)
    rewriting = rewrite(graph, [DOUBLE_NEGATION])
    assert str(graph) == text
    assert rewriting.initial is graph
    list(rewriting.replay())
    assert str(graph) == text


def test_replaying_is_deterministic() -> None:
    graph = chain(*[-A] * 9, sp.sin(A), *[-A] * 8)
    graph = pickle.loads(pickle.dumps(graph))
    stories = [
        [(step.before, step.after, str(step.graph)) for step in rewrite(graph, [rule]).steps]
        for rule in (DOUBLE_NEGATION, DOUBLE_NEGATION)
    ]
    assert stories[0] == stories[1]


def test_numbers_of_nodes_are_never_used_again() -> None:
    rules = [swap("a", A**2, A**3), swap("b", A**3, A**4), swap("c", A**4, A**5)]
    rewriting = rewrite(chain(A**2, sp.sin(A), A**2), rules)
    made = [step.after for step in rewriting.steps]
    assert len(set(made)) == len(made) == 6
    assert min(made) > max(rewriting.initial)


# What becomes of other nodes ---------------------------------------------------------------------


def test_users_that_become_equal_are_merged() -> None:
    """sin(-(-x)) + sin(x): both sines are one in the end."""
    editor = Editor()
    x = editor.add(X)
    twice = editor.add(Map(-A), editor.add(Map(-A), x))
    sines = [editor.add(Map(sp.sin(A)), value) for value in (twice, x)]
    rewriting = exact.check(
        rewrite(editor.freeze([editor.add(Map(A + B), *sines)]), [DOUBLE_NEGATION])
    )
    assert rewriting.graph.counts() == {"Input": 1, "Map": 2}


def test_a_user_may_become_equal_to_what_the_replaced_node_was_made_of() -> None:
    """y = -(-f) with f = sin(x) of its own: sin(y') merges into a node that only y had used."""
    editor = Editor()
    x = editor.add(X)
    sine = editor.add(Map(sp.sin(A)), x)
    rule = Rule(
        "a sine is its argument",
        "sin(x) = x",
        (Map,),
        lambda editor, node: editor[node].op == Map(sp.sin(A)) or None,
        lambda editor, node, _: editor.operands(node)[0],
    )
    graph = editor.freeze([editor.add(Map(sp.sin(A)), sine)])
    assert rewrite(graph, [rule]).graph.counts() == {"Input": 1}


def test_what_nobody_uses_any_more_is_dropped() -> None:
    editor = Editor()
    x = editor.add(X)
    big = editor.add(Contract("a,b->ab"), x, editor.add(Map(sp.exp(A)), x))
    rule = Rule(
        "a product of zero",
        "",
        (Contract,),
        lambda editor, node: True,
        lambda editor, node, _: editor.add(Constant(Array(np.zeros((3, 3))))),
    )
    assert rewrite(editor.freeze([big]), [rule]).graph.counts() == {"Constant": 1}


def test_what_a_replacement_built_in_vain_is_dropped_before_rules_see_it() -> None:
    seen = []

    def replace(editor: Editor, node: int, _: Any) -> int:
        editor.add(Map(sp.cos(A)), editor.add(Map(sp.cosh(A)), editor.operands(node)[0]))
        return editor.operands(node)[0]

    def watch(editor: Editor, node: int) -> None:
        seen.append(editor[node].op)

    rules = [
        Rule("watch", "", (Map,), watch, lambda editor, node, found: node),
        Rule("waste", "", (Map,), lambda e, n: e[n].op == Map(-A) or None, replace),
    ]
    rewriting = rewrite(chain(-A, sp.sin(A)), rules)
    assert len(rewriting.steps) == 1
    assert set(seen) == {Map(-A), Map(sp.sin(A))}


def test_what_is_known_of_a_node_passes_to_its_replacement() -> None:
    editor = Editor()
    source, role = SourceLine("f.py", 5, "sin(x)"), Coefficient(3, 1)
    sine = editor.add(Map(sp.sin(A)), editor.add(X), source=source, role=role)
    graph = rewrite(editor.freeze([sine]), [swap("swap", sp.sin(A), A**2)]).graph
    (output,) = graph.outputs
    assert (graph[output].source, graph[output].role) == (source, role)


def test_an_output_may_be_replaced_and_used_at_the_same_time() -> None:
    editor = Editor()
    twice = editor.add(Map(-A), editor.add(Map(-A), editor.add(X)))
    graph = editor.freeze([twice, editor.add(Map(sp.sin(A)), twice), twice])
    rewritten = exact.check(rewrite(graph, [DOUBLE_NEGATION])).graph
    assert rewritten.outputs[0] == rewritten.outputs[2] == rewritten.inputs[0]
    assert rewritten.operands(rewritten.outputs[1]) == rewritten.inputs


# Wrong rules --------------------------------------------------------------------------------------


def test_rules_that_undo_each_other() -> None:
    rules = [swap("there", sp.sin(A), sp.cos(A)), swap("back", sp.cos(A), sp.sin(A))]
    with pytest.raises(RewriteLoopError, match="the rules back, there undo each other at %") as e:
        rewrite(chain(sp.sin(A)), rules)
    assert "decrease a measure" in str(e.value)


def test_a_rule_that_undoes_itself() -> None:
    with pytest.raises(RewriteLoopError, match="the rules grow undo each other"):
        rewrite(chain(sp.sin(A)), [swap("grow", sp.sin(A), sp.sin(A) + 1), *_peel()])


def _peel() -> list[Rule]:
    """Takes sin(x) + 1 apart, so that there is a sine to grow again."""

    def replace(editor: Editor, node: int, _: Any) -> int:
        sine = add_map(editor, sp.sin(A), {A: editor.operands(node)[0]})
        return add_map(editor, A + 1, {A: sine})

    return [Rule("grow", "", (Map,), lambda e, n: e[n].op == Map(sp.sin(A) + 1) or None, replace)]


def test_a_rule_that_changes_the_type_is_refused() -> None:
    wrong = Rule(
        "sum everything",
        "x = sum x",
        (Map,),
        lambda editor, node: True,
        lambda editor, node, _: editor.add(Sum((0,)), editor.operands(node)[0]),
    )
    with pytest.raises(TypeError, match=r"'sum everything'.*of type 3 by one of type scalar"):
        rewrite(chain(sp.sin(A)), [wrong])


def test_a_rule_that_changes_the_value_is_found_out() -> None:
    """The check that all tests of rewritings rely on."""
    with pytest.raises(AssertionError, match="wrong"):
        exact.check(rewrite(chain(sp.sin(A), -A), [swap("wrong", sp.sin(A), sp.cos(A))]))
