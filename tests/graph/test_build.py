"""Maps in normal form: each operand once and in order, a bare symbol is its node."""

from __future__ import annotations

import numpy as np
import sympy as sp

from jetfold.graph import Constant, Editor, Input, Map, Type, add_map, operand_symbol

A, B, C = map(operand_symbol, range(3))
P, Q, R = sp.symbols("p q r", real=True)


def leaves(editor: Editor) -> tuple[int, int, int]:
    x, y, z = (editor.add(Input(name, Type((2,)))) for name in "xyz")
    return x, y, z


def test_operands_are_sorted_and_occur_once() -> None:
    editor = Editor()
    x, y, _ = leaves(editor)
    node = add_map(editor, P - 2 * Q + R, {P: y, Q: x, R: x})
    assert editor[node].op == Map(B - A)
    assert editor.operands(node) == (x, y)
    assert add_map(editor, Q - P, {P: x, Q: y}) == node


def test_a_symbol_is_its_node() -> None:
    editor = Editor()
    x, y, z = leaves(editor)
    assert add_map(editor, Q, {P: x, Q: y}) == y
    # Merging equal operands can make a symbol of what was none, and not of the first operand.
    choice = sp.Piecewise((Q, P > 0), (R, True))
    assert add_map(editor, choice, {P: x, Q: z, R: z}) == z
    assert add_map(editor, choice + P - R, {P: y, Q: z, R: z}) == y


def test_operands_that_vanish() -> None:
    editor = Editor()
    x, y, z = leaves(editor)
    node = add_map(editor, sp.sin(P) * (Q - R) + sp.cos(R), {P: x, Q: z, R: z})
    assert editor[node].op == Map(sp.cos(A))
    assert editor.operands(node) == (z,)
    zero = add_map(editor, P - Q, {P: y, Q: y})
    constant = editor[zero].op
    assert isinstance(constant, Constant)
    np.testing.assert_array_equal(constant.value.value, 0.0)
