"""Where formulas can be broken, and about how wide they are in LaTeX."""

from __future__ import annotations

import re
from itertools import pairwise

_BREAK = re.compile(r" [+-] | = |(?<=,) ")
_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|.", re.DOTALL)
_BRACKET = re.compile(r"(\\left\(|\\right\))")
_NOTHING = frozenset({"left", "right", "operatorname", "mathrm", "mathbf", "begin", "end", "big"})
_GAP = {r"\,": 0.17, r"\;": 0.28, r"\quad": 1.0, r"\qquad": 2.0, "~": 0.33, r"\ ": 0.33}
_WIDE = {r"\sum": 1.5, r"\int": 1.0, r"\approx": 1.35, r"\leq": 1.35, r"\colon": 0.5}

DEEPEST = 6
"""So many brackets, one in another, can be broken."""
WIDEST_BRACKET = 12.0
"""In em: what stands in wider brackets may be broken."""


def pieces(plain: str, room: int) -> list[str]:
    """A formula in plain text, cut before signs and behind commas; joined, the pieces are it.

    Cuts are outside brackets, or as far inside as it takes for the pieces to have ``room``.
    """
    found = [plain]
    for depth in range(DEEPEST):
        starts = [cut.start() for cut in _BREAK.finditer(plain) if _depth(plain, cut) <= depth]
        found = [plain[i:j] for i, j in pairwise([0, *starts, len(plain)])]
        if max(map(len, found)) <= room:
            break
    return found


def _depth(plain: str, cut: re.Match[str]) -> int:
    """How many brackets are open at a place, and one more at a comma."""
    before = plain[: cut.start()]
    opened = sum(before.count(a) - before.count(b) for a, b in ("()", "[]"))
    return opened + (cut[0] == " ")


def width(latex: str) -> float:
    """About how wide a formula is, in em; more rather than less."""
    total, scale = 0.0, [1.0]
    script = False
    for token in _TOKEN.findall(latex):
        if token in "_^":
            script = True
            continue
        if token == "{":
            scale.append(scale[-1] * (0.7 if script else 1.0))
        elif token == "}":
            scale.pop()
        else:
            total += _token(token) * scale[-1] * (0.7 if script else 1.0)
        script = False
    return total


def _token(token: str) -> float:
    if token in _GAP or token in _WIDE:
        return _GAP.get(token, 0.0) + _WIDE.get(token, 0.0)
    if token.startswith("\\"):
        name = token[1:]
        return 0.0 if name in _NOTHING else 0.55 if len(name) > 6 else 0.6 + 0.2 * (len(name) < 5)
    if token.isspace():
        return 0.0
    if token in "+-=<>":
        return 1.35
    return 0.28 if token in ",.|!':;()[]" else 0.6


def breakable(latex: str) -> str:
    """The same with wide brackets of one size, inside of which TeX breaks lines, too."""
    opened = [""]
    for part in _BRACKET.split(latex):
        if part == r"\left(":
            opened.append("")
        elif part == r"\right)" and len(opened) > 1:
            inside = opened.pop()
            wide = width(inside) > WIDEST_BRACKET
            left, right = (r"\bigl(", r"\bigr)") if wide else (r"\left(", r"\right)")
            opened[-1] += left + inside + right
        else:
            opened[-1] += part
    return r"\left(".join(opened)
