"""The text of a module."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from jetfold.backends.scalar import ScalarPrinter, library, source_of
from jetfold.backends.standalone import cpu, cuda
from jetfold.backends.standalone.device import Device
from jetfold.backends.standalone.jet import Argument, Block, Jet, Result, blocks
from jetfold.backends.standalone.known import Known, Numbers

WIDTH = 100
TOLERANCES = {"float32": 1e-4, "float64": 1e-11}
"""Largest error of a coefficient in a check, over the largest known value."""

DEVICES: Mapping[str, Device] = {"cpu": cpu.DEVICE, "cuda": cuda.DEVICE}


def module_source(jet: Jet, known: Known, device: str, dtype: np.dtype[Any]) -> str:
    """The text of a module with the jet for a device, ``"cpu"`` or ``"cuda"``.

    The module has the functions ``NAME_jet_at``, of one point, for use in compiled code;
    ``NAME_jet``, of arrays; and ``check``, which is called when the module is run: it raises an
    error unless the known values come out.
    """
    chosen = DEVICES[device]
    printer = ScalarPrinter("{}" if dtype == np.float64 else "real({})")
    at_point = "\n".join([chosen.decorator, *_at_point(jet, printer)])
    constants = [f"real = np.{dtype.name}"]
    if jet.directions is not None:
        constants.append(f"R = {jet.directions}")
    head = "\n\n".join([_docstring(jet, chosen), chosen.imports, "\n".join(constants)])
    parts = _parts(jet)
    definitions = [
        source_of(printer.functions, chosen.decorator),
        at_point,
        _narrow(chosen.loop.format(**parts)),
        _narrow((chosen.of_directions if jet.varying else chosen.of_arrays).format(**parts)),
        "\n".join(_known(known, TOLERANCES[dtype.name])) + "\n\n\n" + "\n".join(_check(jet, known)),
        'if __name__ == "__main__":\n    check()',
    ]
    return "\n\n\n".join([head, *filter(None, definitions)]) + "\n"


@cache
def reserved_names() -> frozenset[str]:
    """Names that mean something else in modules, so that no argument can have them."""
    results = (Result("_", sp.S.Zero), Result("__", sp.S.Zero, True))
    parts = _parts(Jet("_", (), (), (Argument("___", True),), results))
    found = {"r", "R", "real", "math", "len", "range", *library.names(), *library.CONSTANTS}
    for device in DEVICES.values():
        for text in (device.imports, device.loop, device.of_arrays, device.of_directions):
            for statement in ast.parse(text.format(**parts)).body:
                named = getattr(statement, "name", "")
                private = named.startswith("_") and not named.startswith("__")  # others' arguments
                found.update([named] if private else _names(statement))
    return frozenset(found)


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(name) | ast.arg(name) | ast.FunctionDef(name) | ast.alias(name):
                yield name


def _docstring(jet: Jet, device: Device) -> str:
    about = [textwrap.fill(paragraph, WIDTH) for paragraph in jet.about]
    about[0] = textwrap.fill('"""' + jet.about[0], WIDTH)
    usage = (
        f"`{jet.name}_jet` is for arrays, `{jet.name}_jet_at` for one point in compiled code of "
        f"your own. Run this file to check it. It needs {device.needs}, nothing else."
    )
    formulas = "\n".join(map(_formula, jet.formulas))
    paragraphs = [*about, formulas, textwrap.fill(usage, WIDTH)]
    return "\n\n".join(paragraphs) + '\n"""'


def _formula(text: str) -> str:
    first, *others = _cut(text, WIDTH - 8)
    return "\n".join([" " * 4 + first, *(" " * 8 + line for line in others)])


def _parts(jet: Jet) -> dict[str, object]:
    arguments = [argument.name for argument in jet.arguments]
    results = [result.name for result in jet.results]
    varying = [i for i, argument in enumerate(jet.arguments) if argument.varies]
    rows = f"arguments[{varying[0]}].shape[:1]" if varying else "()"
    elements = [f"{n}[:, i]" if n in jet.varying else f"{n}[i]" for n in (*arguments, *jet.written)]
    returned = ", ".join(f"{name}[i]" for name in jet.returned)
    call = _wrapped(f"        {returned} = {jet.name}_jet_at(", ", ".join(elements), ")")
    return {
        "name": jet.name,
        "first": arguments[0],
        "arguments": ", ".join(arguments),
        "results": ", ".join(results),
        "arrays": ", ".join([*arguments, *results]),
        "count": len(results),
        "element": "\n".join(call),
        "axes": tuple(int(name in jet.varying) for name in (*arguments, *results)),
        "rows": rows if jet.directions is None else "(R,)",
    }


# At a point ---------------------------------------------------------------------------------------


def _at_point(jet: Jet, printer: ScalarPrinter) -> Iterator[str]:
    arguments = ", ".join([argument.name for argument in jet.arguments] + jet.written)
    returned, written = ", ".join(jet.returned), ", ".join(jet.written)
    yield f"def {jet.name}_jet_at({arguments}):"
    filled = f"; fills in {written} for all directions" if written else ""
    yield f'    """{returned} at one point{filled}."""'
    for block in blocks(jet):
        yield from ("    " + line for line in _block(block, printer, jet))
    yield f"    return {returned}"


def _block(block: Block, printer: ScalarPrinter, jet: Jet) -> Iterator[str]:
    indent = ""
    if block.varies:
        yield from (f"{name} = {printer.literal.format('0.0')}" for name, _ in block.sums)
        yield f"for r in range({jet.count}):"
        indent = "    "
    for name, expr in block.statements:
        test = expr.is_Boolean or expr.is_Relational
        text = printer.condition(expr) if test else printer(expr)
        yield from _wrapped(f"{indent}{name} = ", _bare(text))
    for name, expr in block.sums:
        yield from _wrapped(f"{indent}{name} += ", _bare(printer(expr)))


def _bare(text: str) -> str:
    """Without parentheses around the whole."""
    level = 0
    for i, character in enumerate(text):
        level += (character == "(") - (character == ")")
        if level == 0:
            return text[1:-1] if text[0] == "(" and i == len(text) - 1 else text
    return text


def _wrapped(start: str, text: str, end: str = "") -> Iterator[str]:
    """A statement, over several lines if it is long."""
    room = WIDTH - 4  # it will be indented
    if len(start + text + end) <= room:
        yield start + text + end
        return
    indent = " " * (len(start) - len(start.lstrip()))
    yield start if end else f"{start}("
    yield from (f"{indent}    {line}" for line in _cut(text, room - len(indent) - 4))
    yield f"{indent}{end or ')'}"


def _narrow(text: str) -> str:
    """With long lists of arguments on lines of their own."""
    lines: list[str] = []
    for line in text.splitlines():
        lists = re.finditer(r"\(([^()]*)\)", line)
        longest = max(lists, key=lambda found: len(found.group()), default=None)
        if len(line) <= WIDTH or longest is None:
            lines.append(line)
        else:
            start, end = longest.span(1)
            lines += _wrapped(line[:start], line[start:end], line[end:])
    return "\n".join(lines)


def _cut(text: str, width: int) -> Iterator[str]:
    """Lines, cut behind commas and before operators; inside of parentheses only if need be."""
    line = ""
    for piece in _pieces(text, width, _CUTS):
        if line and len((line + piece).strip()) > width:
            yield line.strip()
            line = ""
        line += piece
    yield line.strip()


_CUTS = (
    (0, re.compile(r" [-+] |(?<=,) ")),
    (0, re.compile(r" [*/] ")),
    (WIDTH, re.compile(r" [-+*/] | if | else |(?<=,) ")),
)
"""Where to cut, the best first: how deep in parentheses at most, and at which space."""


def _pieces(text: str, width: int, cuts: Sequence[tuple[int, re.Pattern[str]]]) -> Iterator[str]:
    if len(text) <= width or not cuts:
        yield text
        return
    (depth, pattern), *others = cuts
    places = {match.start() for match in pattern.finditer(text)}
    start = level = 0
    for i, character in enumerate(text):
        level += (character in "([") - (character in ")]")
        if i in places and level <= depth:
            yield from _pieces(text[start:i], width, others)
            start = i
    yield from _pieces(text[start:], width, others)


# The check ----------------------------------------------------------------------------------------


def _known(known: Known, tolerance: float) -> Iterator[str]:
    yield from _table("ARGUMENTS", known.arguments)
    yield "# By mpmath with 40 digits, from values of the function along the path alone."
    yield from _table("RESULTS", known.results)
    yield f"TOLERANCE = {tolerance!r}"


def _table(name: str, values: Mapping[str, Numbers]) -> Iterator[str]:
    yield f"{name} = {{"
    for key, numbers in values.items():
        if isinstance(numbers[0], list):
            yield f'    "{key}": ['
            yield from (f"        {row!r}," for row in numbers)
            yield "    ],"
        else:
            yield f'    "{key}": {numbers!r},'
    yield "}"


def _check(jet: Jet, known: Known) -> Iterator[str]:
    used = max((len(known.arguments[a.name]) for a in jet.arguments if a.varies), default=0)
    padded = jet.directions is not None and 0 < used < jet.directions
    yield "def check():"
    yield '    """Compare with the known results; an error if a coefficient differs."""'
    yield "    arguments = [np.array(a) for a in ARGUMENTS.values()]"
    if padded:
        yield "    # The other directions are zero."
        yield (
            f"    arguments = [np.pad(a, [(0, R - {used}), (0, 0)]) if a.ndim == 2 else a "
            "for a in arguments]"
        )
    yield f"    results = {jet.name}_jet(*arguments)"
    yield "    for (name, known), result in zip(RESULTS.items(), results):"
    found = "result[: len(known)]" if padded else "result"
    yield f"        error = np.max(np.abs({found} - known)) / (np.max(np.abs(known)) or 1.0)"
    yield '        print(f"{name}: relative error {error:.1e}")'
    yield "        if not error <= TOLERANCE:  # a NaN is an error, too"
    yield '            raise SystemExit(f"{name} is wrong: {result}, not {known}")'
