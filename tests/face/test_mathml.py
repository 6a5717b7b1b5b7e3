"""Formulas for browsers: signs, words, and names that are no markup."""

from xml.etree import ElementTree as ET

import pytest

from jetfold.mathml import mathml


def parts(latex: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(mathml(latex)).iter(tag))


@pytest.mark.parametrize(
    ("latex", "signs"),
    [
        (r"a - b", ["infix"]),
        (r"(0, -1)", ["prefix"]),
        (r"\left(-1, -2\right)", ["prefix", "prefix"]),
        (r"\frac{-1}{2}", ["infix"]),  # first in its row, which browsers see
        (r"y = -2 v - 3", ["prefix", "infix"]),
        (r"f(-x) - 1", ["prefix", "infix"]),
        (r"a \cdot -b", ["prefix"]),
        (r"|a| - b", ["infix"]),
        (r"\operatorname{id} - b", ["infix"]),
    ],
)
def test_a_sign_belongs_to_the_number_behind_it(latex: str, signs: list[str]) -> None:
    found = [mo.get("form", "infix") for mo in parts(latex, "mo") if mo.text == "−"]
    assert found == signs


def test_an_upright_word_is_one_element() -> None:
    words = parts(r"\mathrm{rep}_{r} a", "mi")
    assert [word.text for word in words] == ["rep", "r", "a"]
    (operator,) = parts(r"\operatorname{erf} x", "mo")
    assert operator.text == "erf"


def test_a_line_above_a_name_is_as_wide_as_the_name() -> None:
    (name,) = parts(r"\overline{\mathrm{rate}}_{r}", "mpadded")
    assert "".join(name.itertext()) == "rate"
    assert "border-top" in name.get("style", "")
    assert parts(r"\overline{\mathrm{rate}}", "mover") == []


def test_adding_to_a_value_is_one_operator() -> None:
    assert [mo.text for mo in parts(r"a \mathrel{+}= -b", "mo")] == ["+=", "−"]
    assert [mo.get("form") for mo in parts(r"a \mathrel{+}= -b", "mo")] == [None, "prefix"]


def test_text_is_no_markup() -> None:
    (text,) = parts(r"\text{<b>\_\&\%}", "mtext")
    assert text.text == "<b>_&%"
    assert "<b>" not in mathml(r"\text{<b>}")


def test_a_block_is_displayed() -> None:
    assert 'display="block"' in mathml("x", "block")
    assert 'display="inline"' in mathml("x")
