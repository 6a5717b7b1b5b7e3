"""`python -m jetfold verify`: what it counts, and that it finds a rule that is wrong."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp

import jetfold.derivation
from jetfold.__main__ import main
from jetfold.graph import Editor, Map, Rule, Step, operand_symbol
from jetfold.proof import certificates
from jetfold.rules import taylor
from jetfold.rules.collapse import PULL_SUM
from jetfold.rules.derive import path_symbol, taylor_rule
from jetfold.target import Target, add_options, read

WAVE = "sin(x)*exp(y)"
THROUGH = "pull a sum through a function"
Replace = Callable[[Editor, int, Any], int]


def wave() -> Target:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read(parser.parse_args([WAVE]))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> str:
    """A rule whose right side is twice what it should be; the line of its definition."""

    def twice(replace: Replace) -> Replace:
        def replaced(editor: Editor, node: int, found: Any) -> int:
            right = replace(editor, node, found)
            return editor.add(Map(2 * operand_symbol(0)), right)

        return replaced

    rules = []
    for rule in PULL_SUM:
        if rule.name == THROUGH:
            rule = Rule(rule.name, rule.algebra, rule.kinds, rule.match, twice(rule.replace))
            line = str(rule.where)
        rules.append(rule)
    monkeypatch.setattr(jetfold.derivation, "PULL_SUM", rules)
    return line


def test_every_chapter_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", WAVE]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "Standard Taylor mode",
        "Replication pushed down",
        "Sums pulled up",
        "Clean-up: collapsed",
        "Minimal jets",
        "Clean-up: minimal",
    ]
    counts = [int(number) for line in lines for number in re.findall(r"(\d+) certificates?:", line)]
    assert last == f"All {sum(counts)} certificates hold."
    for line in lines:
        number, exact, symbolic = map(int, re.findall(r"(\d+) (?:cert|exact|symb)", line))
        assert 0 <= max(exact, symbolic) <= number
        assert exact + symbolic >= number


def test_a_line_for_each_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", WAVE, "--all"]) == 0
    shown = capsys.readouterr().out
    proved = list(certificates(wave().derivation))
    assert len(re.findall(r"^ +\d+ ", shown, re.MULTILINE)) == len(proved)
    for one in proved:
        if isinstance(one.step, Step):
            assert f"{one.step.rule.name}: %{one.step.before} -> %{one.step.after}: " in shown
        for remark in one.certificate.remarks:
            assert remark in shown


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "sin(x)", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", "sin(x)"]) == 0
    plain = capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert main(["verify", "sin(x)"]) == 0
    shown = capsys.readouterr().out
    assert "━" in shown
    for line in plain.splitlines():
        assert line in shown


def test_functions_primitives_and_operators(capsys: pytest.CaptureFixture[str]) -> None:
    atom = ["jetfold.demo_functions:hydrogen", "--dim", "2", "--params", "2"]
    rules = [["tanh", "--order", "3"], ["erf", "--collapsed"], ["less", "--collapsed"]]
    for arguments in (atom, *rules):
        assert main(["verify", *arguments]) == 0
        assert re.fullmatch(r"All \d+ certificates hold.", capsys.readouterr().out.splitlines()[-1])


# Failures -----------------------------------------------------------------------------------------


def test_a_wrong_rule_is_found(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", WAVE]) == 1
    shown = capsys.readouterr().out
    failure = shown[shown.index("FAILED") :].splitlines()
    assert failure[0] == "FAILED Sums pulled up"
    assert re.match(rf" +\d+ {THROUGH}: %\d+ -> %\d+: .*not", failure[1])
    text = "\n".join(failure)
    assert "  rule    pull a sum through a function: sum_r (c a_r" in text
    assert f"\n          {broken}\n" in text
    assert re.search(r'^  node    .*File "<expression>", line 1: ', text, re.MULTILINE)
    left, right = re.findall(r"^  (?:before|after)   ?(.*)", text, re.MULTILINE)
    assert left.startswith("sum_r(")
    assert right.startswith("2*(")
    assert "hold" not in text
    assert main(["verify", WAVE, "--quiet"]) == 1
    assert capsys.readouterr().out.splitlines() == failure


def test_a_wrong_taylor_rule_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(expr: sp.Expr, order: int, active: tuple[int, ...]) -> list[sp.Expr]:
        rule = taylor_rule(expr, order, active)
        return [*rule[:-1], rule[-1] + path_symbol(0, 1) * int(expr.func is sp.sin)]

    monkeypatch.setattr(taylor, "taylor_rule", wrong)
    assert main(["verify", WAVE]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("FAILED Standard Taylor mode\n")
    assert '  node    v2 = sin(v1)   File "<expression>", line 1: sin(x)*exp(y)' in shown
    assert "\n     3 Taylor rule of v2 = sin(v1): " in shown
    assert "  rule    v2''[r] = -v1'[r]**2*v2[r] + v1'[r] + v1''[r]*cos(v1[r])" in shown


def test_rules_that_undo_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def doubled(editor: Editor, node: int, found: Any) -> int:
        once = editor.add(Map(-operand_symbol(0)), *editor.operands(node))
        return editor.add(Map(-operand_symbol(0)), once)

    rule = Rule("negate twice", "f(a) = -(-f(a))", (Map,), lambda *_: True, doubled)
    monkeypatch.setattr(jetfold.derivation, "PULL_SUM", [rule])
    assert main(["verify", WAVE]) == 1
    assert "error: the rules negate twice undo each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sin(x", "--all"], "column 4"),
        (["no_such_module:u", "--dim", "2"], "there is no module 'no_such_module'"),
        ([WAVE, "--operator", "jet", "--samples", "3"], "--samples is not for jets"),
    ],
)
def test_what_cannot_be_verified(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *arguments]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""
