"""Write the jets of a function as a module to take away, or as PTX.

The function is given by name (tanh) or as an expression ("x*exp(-x**2)"). The module needs numba
and NumPy alone; run it, and it checks itself.
"""

from __future__ import annotations

import argparse

from jetfold.expression import parse_expression
from jetfold.importing import add_import_option, import_modules
from jetfold.kernel import DTYPES, Kernel, kernel, write

PTX = "ptx"

FUNCTION = "a name, or an expression; one that begins with a minus sign comes last, after --"


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of `python -m jetfold kernel`."""
    command.add_argument("function", help=FUNCTION)
    command.add_argument("--order", type=int, default=2, help="the highest coefficient")
    command.add_argument(
        "--backend", choices=("cpu", "cuda", PTX), default="cpu", help="what the code is for"
    )
    command.add_argument(
        "--collapsed", action="store_true", help="sum the highest coefficients over directions"
    )
    command.add_argument("--directions", type=int, help="how many there are, if that is fixed")
    command.add_argument("--dtype", choices=DTYPES, default="float64", help="of all numbers")
    command.add_argument("--cc", type=_capability, default="9.0", help="compute capability for PTX")
    command.add_argument("-o", "--output", help="a file; otherwise the terminal")
    command.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_import_option(command)


def _capability(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text} is no compute capability; write it as in 9.0")
    return int(major), int(minor)


def run(chosen: argparse.Namespace) -> int:
    """Write the code to a file or to the terminal. Raises `JetfoldError` if it cannot be made."""
    import_modules(chosen.modules)
    made = _made(chosen)
    text = made.ptx(chosen.cc) if chosen.backend == PTX else made.source
    if chosen.output is None:
        print(text, end="")
    else:
        print(f"{made!r} is in {write(chosen.output, text, chosen.overwrite)}")
    return 0


def _made(chosen: argparse.Namespace) -> Kernel:
    text = chosen.function.strip()
    return kernel(
        text if text.isidentifier() else parse_expression(text),
        chosen.order,
        backend="cpu" if chosen.backend == "cpu" else "cuda",
        collapsed=chosen.collapsed,
        directions=chosen.directions,
        dtype=chosen.dtype,
    )
