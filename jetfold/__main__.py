"""The command line: `python -m jetfold` explain, verify, demo, info, primitives and kernel."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jetfold import (
    demo,
    explain_command,
    info,
    kernel_command,
    primitives_command,
    verify_command,
)
from jetfold.graph import JetfoldError, RewriteLoopError
from jetfold.importing import add_import_option


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status: 0, 1 if a check has failed, 2 for errors."""
    chosen = parser().parse_args(arguments)
    try:
        return _run(chosen)
    except JetfoldError as error:
        print("\n".join([f"error: {error}", *getattr(error, "__notes__", ())]), file=sys.stderr)
        return 1 if isinstance(error, RewriteLoopError) else 2


def _run(chosen: argparse.Namespace) -> int:
    match chosen.command:
        case "info":
            print(info.report())
            return 0
        case "primitives":
            return primitives_command.run(chosen.name, chosen.custom, chosen.modules, chosen.order)
        case "kernel":
            return kernel_command.run(chosen)
        case "explain":
            return explain_command.run(chosen)
        case "verify":
            return verify_command.run(chosen)
    return demo.run(chosen.points, chosen.runs, chosen.output)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    commands = argparse.ArgumentParser(
        prog="python -m jetfold",
        description="PDE operators of plain NumPy functions: derived, collapsed, compiled.",
    )
    sub = commands.add_subparsers(dest="command", required=True)
    shown = sub.add_parser(
        "demo",
        help="compute, check and time two Laplacians, and draw a graph",
        description=demo.__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    shown.add_argument("--points", type=_positive, default=512, help="points for the network")
    shown.add_argument("--runs", type=_positive, default=9, help="timed runs of each method")
    shown.add_argument(
        "--output", type=_svg, default=Path("jetfold-demo.svg"), help="where the picture goes"
    )
    sub.add_parser("info", help="versions, machine, cache: for a report of a problem")
    listed = sub.add_parser(
        "primitives",
        help="list the primitives, or show the rules of one",
        description=primitives_command.__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    listed.add_argument("name", nargs="?", help="show everything about this one")
    listed.add_argument("--custom", action="store_true", help="list only registered ones")
    add_import_option(listed)
    listed.add_argument("--order", type=_positive, default=2, help="order of the rules shown")
    kernel_command.add_options(
        sub.add_parser(
            "kernel",
            help="write the compiled jets of a function as a module or as PTX",
            description=kernel_command.__doc__,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
    )
    for name, module, purpose in (
        ("explain", explain_command, "show how an operator of a function, or a rule, is derived"),
        ("verify", verify_command, "prove every step of a derivation"),
    ):
        module.add_options(
            sub.add_parser(
                name,
                help=purpose,
                description=module.__doc__,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        )
    return commands


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def _svg(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".svg":
        raise argparse.ArgumentTypeError(f"{text} does not end in .svg")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


if __name__ == "__main__":
    sys.exit(main())
