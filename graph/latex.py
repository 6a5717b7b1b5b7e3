"""Expressions as LaTeX, in what amsmath and MathML converters understand alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter, accepted_latex_functions
from sympy.printing.precedence import precedence_traditional

from jetfold.graph.formula import (
    ATOM,
    LOOSE,
    POWER,
    PRODUCT,
    SUM,
    Written,
    binding,
    decimals,
    loose,
    spelled_out,
)
from jetfold.graph.functions import hypot
from jetfold.graph.numbers import name_of
from jetfold.graph.ops import operand_symbol

_SPECIAL = {
    **{character: "\\" + character for character in "_%#&${}"},
    "\\": r"\backslash ",
    "^": r"\wedge ",
    "~": r"\sim ",
    " ": r"\ ",
}
_GREEK = {
    chr(code): "\\" + name
    for first, names in (
        (0x3B1, "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu"),
        (0x3BD, "nu xi o pi rho varsigma sigma tau upsilon phi chi psi omega"),
    )
    for code, name in enumerate(names.split(), first)
    if len(name) > 1
} | {
    chr(code): "\\" + name
    for code, name in {
        **{0x393: "Gamma", 0x394: "Delta", 0x398: "Theta", 0x39B: "Lambda", 0x39E: "Xi"},
        **{0x3A0: "Pi", 0x3A3: "Sigma", 0x3A6: "Phi", 0x3A8: "Psi", 0x3A9: "Omega"},
    }.items()
}
_WORDS = frozenset(name.removeprefix("\\") for name in _GREEK.values())
_NUMBERED = re.compile(r"([^\W\d_]+)(_?)(\d+)")
_APART = re.compile(
    r"(?:(?<=[\d)}])(?<!\{cases\})(?<!\{if \})|(?<=\b[A-Za-z])(?<!\\[A-Za-z])) "
    r"(?=\\(?:arc)?(?:sin|cos|tan|log|max|min))"
)
"""Where the name of a function follows a factor: LaTeX knows the space, MathML does not."""


def letter(name: str) -> str:
    """A user's name in a formula: letters in italics, words upright, numbers below.

    x_1 and x1 are x with an index, lambda and its Greek letter are the same, x_max is x with a
    word below it; what has other signs in it is written as it is.
    """
    numbered = _NUMBERED.fullmatch(name)
    if numbered and (len(numbered[1]) == 1 or numbered[1] in _WORDS or numbered[2]):
        return f"{letter(numbered[1])}_{{{numbered[3]}}}"
    stem, _, below = name.partition("_")
    if below.isalpha() and (len(stem) == 1 or stem in _WORDS):
        return f"{letter(stem)}_{{{letter(below)}}}"
    if name in _WORDS:
        return "\\" + name
    return _GREEK.get(name, name) if len(name) == 1 and name.isalpha() else upright(name)


def upright(name: str) -> str:
    """A name of several letters, with whatever characters are in it."""
    text = "".join(_SPECIAL.get(c, _GREEK.get(c, "") + " " if c in _GREEK else c) for c in name)
    return rf"\mathrm{{{text}}}"


def function_name(name: str) -> str:
    """The name of a function, with the spaces of one where there is a command for that."""
    if name in accepted_latex_functions:
        return "\\" + name
    return rf"\operatorname{{{name}}}" if name.isalpha() and name.isascii() else upright(name)


def number(value: float) -> Written:
    """A number as precise as it is, with a power of ten where Python writes an exponent."""
    if value != value:
        return Written(r"\mathrm{nan}")
    if abs(value) == float("inf"):
        return Written(r"\infty") if value > 0 else Written(r"-\infty", SUM)
    digits, _, exponent = repr(float(value)).removesuffix(".0").partition("e")
    text = digits.removesuffix(".0")
    if exponent:
        text = f"10^{{{int(exponent)}}}" if text == "1" else rf"{text} \cdot 10^{{{int(exponent)}}}"
    return Written(text, SUM if value < 0 else PRODUCT if exponent else ATOM)


def bracketed(text: str) -> str:
    return rf"\left({text}\right)"


class _Printer(LatexPrinter):
    """SymPy's printer with NumPy's names of functions; operands may be formulas themselves."""

    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self.names = names

    def _operand(self, expr: Any) -> str | None:
        return self.names.get(expr.name) if expr.is_Symbol else None

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        text = self._operand(expr)
        return letter(expr.name) if text is None else text

    def _print_Float(self, expr: Any) -> str:
        return number(float(expr))

    def _print_Indexed(self, expr: Any) -> str:
        name, _, below = str(self._print(expr.base)).removesuffix("}").partition("_{")
        places = [*([below] if below else []), *map(self._print, expr.indices)]
        return f"{name}_{{{','.join(places)}}}"

    # Brackets.

    def parenthesize(
        self, item: Any, level: int, is_neg: bool = False, strict: bool = False
    ) -> str:
        text = self._operand(item)
        if text is None:
            return str(super().parenthesize(item, level, is_neg, strict))
        return bracketed(text) if loose(text, level) else text

    def _needs_mul_brackets(self, expr: Any, first: bool = False, last: bool = False) -> bool:
        text = self._operand(expr)
        if text is None:
            return bool(super()._needs_mul_brackets(expr, first, last))
        return binding(text) < PRODUCT

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        text = ""
        for term in self._as_ordered_terms(expr, order=order):
            minus = bool(text) and term.could_extract_minus_sign()
            part = -term if minus else term
            shown, operand = self._print(part), self._operand(part)
            if operand is None:
                brackets = self._needs_add_brackets(part)
            else:
                brackets = binding(operand) <= SUM and (minus or (bool(text) and shown[0] == "-"))
            sign = (" - " if minus else " + ") if text else ""
            text += sign + (bracketed(shown) if brackets else shown)
        return text

    def _print_Mul(self, expr: Any) -> str:
        text = self._operand(-expr)
        if text is not None:
            return "- " + (bracketed(text) if binding(text) < PRODUCT else text)
        numbers = [factor for factor in expr.args if self._is_number(factor)]
        if numbers:
            return self._multiple(numbers, sp.Mul(*(f for f in expr.args if f not in numbers)))
        return _APART.sub(r" \\, ", super()._print_Mul(expr))

    def _is_number(self, factor: Any) -> bool:
        """Whether a factor is an operand, or a power of one, that begins with a digit."""
        base, exponent = factor.as_base_exp()
        text = self._operand(base)
        return text is not None and exponent.is_positive is True and text.lstrip("-")[:1].isdigit()

    def _multiple(self, numbers: Sequence[Any], rest: Any) -> str:
        """A product with numbers in front: one that follows a letter would look like an index."""
        coefficient, rest = rest.as_coeff_Mul()
        parts = [self._print(abs(coefficient))] if abs(coefficient) != 1 else []
        parts += [self.parenthesize(factor, PRODUCT) for factor in numbers]
        if rest != 1:
            text = self._print(rest)
            parts.append(bracketed(text) if self._needs_mul_brackets(rest, last=True) else text)
        return ("- " if coefficient < 0 else "") + r" \cdot ".join(parts)

    def _helper_print_standard_power(self, expr: Any, template: str) -> str:
        if self._operand(expr.base) is None:
            return str(super()._helper_print_standard_power(expr, template))
        return str(template % (self.parenthesize(expr.base, POWER), self._print(expr.exp)))

    def _print_Piecewise(self, expr: Any) -> str:
        branches = [
            rf"{self._print(value)} & "
            + (r"\text{otherwise}" if where == sp.true else rf"\text{{if }} {self._print(where)}")
            for value, where in expr.args
        ]
        return r"\begin{cases} " + r" \\ ".join(branches) + r" \end{cases}"

    # Functions. ``exp`` is the power to which a function is raised.

    def _print_Function(self, expr: Any, exp: str | None = None) -> str:
        own = getattr(self, f"_write_{name_of(expr)}", None)
        if own is None:
            return self._call(function_name(name_of(expr)), expr.args, exp)
        written = own(*expr.args)
        if exp is None:
            return str(written)
        return (bracketed(written) if binding(written) <= POWER else written) + f"^{{{exp}}}"

    def _call(self, name: str, arguments: Sequence[Any], exp: str | None) -> str:
        power = "" if exp is None else f"^{{{exp}}}"
        return f"{name}{power}{bracketed(', '.join(map(self._print, arguments)))}"

    _print_log = _print_floor = _print_Abs = _print_gamma = _print_loggamma = _print_Function
    _print_polygamma = _print_besselj = _print_Max = _print_Min = _print_Function

    def _write_absolute(self, x: Any) -> Written:
        return Written(rf"\left|{self._print(x)}\right|")

    def _write_floor(self, x: Any) -> Written:
        return Written(rf"\left\lfloor {self._print(x)}\right\rfloor")

    def _write_ceil(self, x: Any) -> Written:
        return Written(rf"\left\lceil {self._print(x)}\right\rceil")

    def _write_cbrt(self, x: Any) -> Written:
        return Written(rf"\sqrt[3]{{{self._print(x)}}}")

    def _write_exp2(self, x: Any) -> Written:
        return Written(f"2^{{{self._print(x)}}}", POWER)

    def _write_log2(self, x: Any) -> Written:
        return Written(self._call(r"\log_{2}", [x], None), POWER)

    def _write_log10(self, x: Any) -> Written:
        return Written(self._call(r"\log_{10}", [x], None), POWER)

    def _write_gamma(self, x: Any) -> Written:
        return Written(self._call(r"\Gamma", [x], None), POWER)

    def _write_gammaln(self, x: Any) -> Written:
        return Written(self._call(r"\log\,\Gamma", [x], None), POWER)

    def _write_maximum(self, x: Any, y: Any) -> Written:
        return Written(self._call(r"\max", [x, y], None), POWER)

    def _write_minimum(self, x: Any, y: Any) -> Written:
        return Written(self._call(r"\min", [x, y], None), POWER)

    def _write_polygamma(self, n: Any, x: Any) -> Written:
        return Written(self._call(r"\psi" + _derivatives(n), [x], None), POWER)

    def _write_besselj(self, n: Any, x: Any) -> Written:
        return Written(self._call(f"J_{{{self._print(n)}}}", [x], None), POWER)

    def _write_sinc(self, n: Any, x: Any) -> Written:
        return Written(self._call(r"\operatorname{sinc}" + _derivatives(n), [x], None), POWER)

    def _write_power(self, x: Any, p: Any, n: Any) -> Written:
        falling = sp.Mul(*(p - i for i in range(int(n))))
        text = self._print(falling * sp.Pow(x, p - n, evaluate=False))
        return Written(text, POWER if n == 0 else PRODUCT)


def _derivatives(n: Any) -> str:
    return "" if n == 0 else f"^{{({n})}}"


def to_latex(expr: Any, operands: Sequence[str] = ()) -> Written:
    """An expression with the operands' names in it, as one writes it by hand.

    Functions have NumPy's and SciPy's names where mathematics has no sign for them; what jetfold
    has for its own use, such as a product that does not overflow, is spelled out. Operands may be
    formulas, `Written`: they get brackets where they need them.
    """
    plain = spelled_out(expr).replace(hypot, lambda x, y: sp.sqrt(x**2 + y**2))
    shown = decimals(plain, exactly=True)
    names = {operand_symbol(i).name: name for i, name in enumerate(operands)}
    printer = _Printer(names)
    text = str(printer.doprint(shown))
    operand = printer._operand(shown) if isinstance(shown, sp.Basic) else None
    return Written(text, _binds(shown, text) if operand is None else binding(operand))


def _binds(expr: Any, text: str) -> int:
    if text.startswith("-"):
        return SUM
    if isinstance(expr, sp.Piecewise):
        return LOOSE
    if isinstance(expr, sp.Function):
        return POWER
    return min(ATOM, int(precedence_traditional(expr)))
