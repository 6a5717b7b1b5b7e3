"""What an operator wants of a function: the words and formulas that every account begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jetfold.account.document import Block, Code, Formula, Text, text
from jetfold.derivation import About
from jetfold.operator import Operator


@dataclass(frozen=True)
class Wanted:
    """An operator in words: the title of its account, its formula, its directions."""

    title: Text
    blocks: tuple[Block, ...]
    result: Formula
    """What stands on the left of an equation whose right side is the operator's result."""
    directions: Text
    """What the directions of the problem are."""
    direction: Callable[[int], Formula]
    """The name of direction number i, from 0 on."""
    vector: Formula
    """What all directions are called but for their index."""
    parts: tuple[Formula, ...] = ()
    """The names of several results, one after the other."""

    def left_sides(self, count: int) -> Iterator[Formula]:
        """The names of so many results."""
        if len(self.parts) == count:
            yield from self.parts
        elif count == 1:
            yield self.result
        else:
            for i in range(1, count + 1):
                yield Formula(rf"{self.result.latex}\,[{i}]", f"{self.result.plain} [{i}]")


def letter(operator: Operator) -> Formula:
    """The letter for the operator's function: its own name if that is one, else u."""
    name = name_of(operator)
    single = len(name) == 1 and name.isascii() and name.isalpha() and name != "x"
    return same(name if single else "u")


def name_of(operator: Operator) -> str:
    """The name of the operator's function, without the function in which it was defined."""
    if isinstance(operator.function, Operator):
        return repr(operator.function)
    given = getattr(operator.function, "__name__", type(operator.function).__name__)
    return "lambda" if given == "<lambda>" else str(given)


def same(plain: str) -> Formula:
    return Formula(plain, plain)


def place_words(about: About) -> Text:
    shape = about.point.type.shape
    if not shape:
        return text("at a point ", same("x"), ", a number")
    return text("at a point ", same("x"), " of shape ", same(str(shape)))


def function_words(operator: Operator, u: Formula) -> Text:
    """The function, and the letter that stands for it where it has a longer name."""
    name = name_of(operator)
    if name == u.plain:
        return text(Code(name))
    return text("the function ", Code(name), ", here called ", u)


def indexed(latex: str, plain: str = "") -> Callable[[int], Formula]:
    return lambda i: Formula(f"{latex}_{{{i + 1}}}", f"{plain or latex}{i + 1}")
