"""What may not stand in a PDE expression, in words that name the term and say what to do."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.core.relational import Relational
from sympy.integrals.transforms import IntegralTransform

from jetfold.graph import ArgumentError

UNEVALUATED = (ExprWithLimits, sp.Limit, sp.Order, IntegralTransform)
JUMPS = (
    *(sp.Abs, sp.sign, sp.arg, sp.Heaviside, sp.DiracDelta),
    *(sp.floor, sp.ceiling, sp.frac, sp.Mod, sp.Max, sp.Min, Relational),
)
"""What may have a kink or a jump where its arguments are smooth."""
LARGEST_NUMBER = sys.float_info.max
LONGEST_TEXT = 200
ELSEWHERE = (
    "values elsewhere than at the point, as on a boundary, are not supported: "
    "apply the operator at points there"
)


def check_coordinates(coords: Sequence[sp.Symbol]) -> None:
    """Coordinates are different SymPy symbols, at least one."""
    if isinstance(coords, str) or not isinstance(coords, (list, tuple, sp.Tuple)):
        raise ArgumentError(
            f"coords are the point's coordinates in their order, such as (x, t); got {coords!r}"
        )
    if not coords:
        raise ArgumentError(
            "coords is empty: give the point's coordinates in their order, such as (x, t)"
        )
    for coordinate in coords:
        if not isinstance(coordinate, sp.Symbol):
            raise ArgumentError(
                f"{coordinate!r} in coords is no SymPy symbol: make them by "
                'x, t = sympy.symbols("x t", real=True)'
            )
    check_repeated([coordinate.name for coordinate in coords], "coords")


def check_fields(fields: Sequence[sp.Expr]) -> None:
    """Fields are different undefined functions, at least one."""
    if not isinstance(fields, (list, tuple, sp.Tuple)) or not fields:
        raise ArgumentError(
            "fields are functions in the order of the net's outputs, such as fields=(w, p) with "
            f'w = sympy.Function("w")(x, t); got {fields!r}'
        )
    for field in fields:
        if isinstance(field, UndefinedFunction):
            raise ArgumentError(
                f"{field} in fields has no arguments: apply it to the coordinates, {field}(x, t)"
            )
        if not isinstance(field, AppliedUndef):
            raise ArgumentError(
                f"{field!r} in fields is no undefined function: make it by "
                'sympy.Function("w")(x, t)'
            )
    check_repeated([field.func.__name__ for field in fields], "fields")


def check_repeated(names: Sequence[str], where: str) -> None:
    """No name stands twice in an argument."""
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError(f"{name} is in {where} {names.count(name)} times: give it once")


def check_names(expressions: Sequence[sp.Expr], coords: Sequence[sp.Symbol]) -> None:
    """Two symbols or functions of one name would not be told apart by anyone who reads them."""
    symbols = {coordinate.name: coordinate for coordinate in coords}
    for symbol in [*coords, *union(expr.free_symbols for expr in expressions)]:
        if not isinstance(symbol, sp.Symbol):
            raise ArgumentError(f"{symbol} is no plain symbol: use sympy.Symbol for parameters")
        other = symbols.setdefault(symbol.name, symbol)
        if other != symbol:
            what = "a coordinate" if other in coords else "another symbol"
            raise ArgumentError(
                f"the symbol {symbol} is not the same as {what} of its name, because it was made "
                "with other assumptions, such as real=True: make it once and use it everywhere"
            )
        if symbol.is_real is False:
            raise ArgumentError(f"the symbol {symbol} is not real; only real ones are supported")
    functions: dict[str, sp.Basic] = {}
    for applied in union(expr.atoms(AppliedUndef) for expr in expressions):
        if functions.setdefault(applied.func.__name__, applied.func) != applied.func:
            raise ArgumentError(
                f"the function {applied} is not the same as another one of its name, because it "
                "was made with other assumptions, such as real=True: make it once and use it "
                "everywhere"
            )
        if applied.is_real is False:
            raise ArgumentError(f"the function {applied} is not real; only real ones are supported")


def check_written(expr: sp.Expr, coords: Sequence[sp.Symbol]) -> None:
    """What can only be seen before derivatives are carried out."""
    for found in union([expr.atoms(*UNEVALUATED)]):
        raise ArgumentError(
            f"{found} is not evaluated: only values and derivatives of the fields at the point are "
            "supported; call .doit() if it has a closed form"
        )
    for found in union([expr.atoms(sp.Subs)]):
        if found.has(AppliedUndef):
            raise ArgumentError(
                f"{found} takes a function at {listed(found.point)} and not at the coordinates; "
                + ELSEWHERE
            )
    for found in union([expr.atoms(sp.Derivative)]):
        for variable, order in found.variable_count:
            if found.has(AppliedUndef) and variable.is_Symbol and variable not in coords:
                raise ArgumentError(
                    f"{found} is a derivative with respect to {variable}, which is not a "
                    f"coordinate; the coordinates are {listed(coords)}"
                )
            if not order.is_Integer:
                raise ArgumentError(
                    f"{found} is of order {order} in {variable}: orders must be integers; "
                    "fractional and symbolic ones are not supported"
                )


def check_numbers(expr: sp.Expr) -> None:
    """Every number is real and fits into double precision."""
    for term in sp.Add.make_args(expr):
        for number in sp.preorder_traversal(term):
            if not (isinstance(number, sp.Expr) and number.is_number):
                continue
            if number in (sp.nan, sp.zoo) or (number.is_Number and abs(number) > LARGEST_NUMBER):
                raise ArgumentError(
                    f"the number {short(number)} in the term {short(term)} is not a finite one in "
                    "double precision"
                )
            if number.is_real is False:
                raise ArgumentError(
                    f"the number {number} in the term {short(term)} is complex, and only real ones "
                    "are supported: write real and imaginary part as two fields"
                )


def check_arguments(field: AppliedUndef, point: Collection[sp.Symbol]) -> None:
    """A field depends on coordinates and on nothing else."""
    wrong = off_point(field, point)
    if wrong is not None:
        why = "stands there twice" if wrong in point else "is not a coordinate"
        raise ArgumentError(
            f"the field {field} must have coordinates as arguments, and {wrong} {why}; the "
            f"coordinates are {listed(point)}; {ELSEWHERE}"
        )


def off_point(function: AppliedUndef, point: Collection[sp.Symbol]) -> sp.Expr | None:
    """The first argument that is no coordinate, or is one that stands there twice."""
    for position, argument in enumerate(function.args):
        if argument not in point or argument in function.args[:position]:
            return argument
    return None


def check_functions(expr: sp.Expr, fields: Sequence[AppliedUndef]) -> None:
    """Every undefined function is a field at the point."""
    names = {field.func.__name__: field for field in fields}
    for function in union([expr.atoms(AppliedUndef)]):
        if function in fields:
            continue
        if function.func.__name__ in names:
            raise ArgumentError(
                f"{function} is the field {names[function.func.__name__]} with other arguments; "
                + ELSEWHERE
            )
        derivatives = [d for d in union([expr.atoms(sp.Derivative)]) if d.expr == function]
        what = f"{derivatives[0]} is a derivative of {function}, which" if derivatives else function
        raise ArgumentError(
            f"{what} is not known; the fields are {listed(fields)}: add it to fields= if it is an "
            "output of the net, else write it out in the coordinates"
        )


def check_smooth(expr: sp.Expr, derivatives: Mapping[sp.Symbol, sp.Expr]) -> None:
    """The expression is smooth in the derivatives of fields, for which symbols stand in it.

    In the value of a field it may have kinks and jumps, but not where it was differentiated.
    """
    for node in sp.preorder_traversal(expr):
        if isinstance(node, sp.Derivative):
            raise ArgumentError(
                f"{short(node.xreplace(derivatives))} cannot be carried out, as what stands in it "
                "is not smooth or has no known derivative"
            )
        if not isinstance(node, (sp.DiracDelta, sp.Piecewise, *JUMPS)):
            continue
        occurring = node.free_symbols & derivatives.keys()
        if isinstance(node, sp.DiracDelta) and occurring:
            raise ArgumentError(
                f"{short(node.xreplace(derivatives))} is not a function: it arises where a jump is "
                "differentiated, such as that in the derivative of |..|; use a smooth function, "
                "such as sqrt(..**2 + epsilon**2) for |..|"
            )
        inside = [derivatives[s] for s in occurring if isinstance(derivatives[s], sp.Derivative)]
        selects = isinstance(node, sp.Piecewise) and any(
            condition.free_symbols & derivatives.keys() for _, condition in node.args
        )
        if inside and (isinstance(node, JUMPS) or selects):
            raise ArgumentError(
                f"the derivative {min(map(str, inside))} stands inside a function that is not "
                f"smooth, {short(node.xreplace(derivatives))}: use a smooth one, such as "
                "sqrt(..**2 + epsilon**2) for |..|, or ask for the derivatives themselves and "
                "combine them in NumPy"
            )


def jumps(expr: sp.Expr) -> Iterator[sp.Basic]:
    """The parts of an expression that need not be smooth in what occurs in them."""
    for node in sp.preorder_traversal(expr):
        if isinstance(node, JUMPS):
            yield node


def no_field(expr: sp.Expr) -> str:
    """What to say of an expression that depends on no field."""
    return (
        f"the expression {short(expr)} contains no field (or all cancel): it needs an "
        'undefined function such as sympy.Function("w")(x, t), or a derivative of it'
    )


def listed(items: Iterable[object]) -> str:
    """Items in a row: x, t."""
    return ", ".join(map(str, items))


def union(sets: Iterable[Iterable[sp.Basic]]) -> list[sp.Basic]:
    """All that is in one of the sets, in an order that does not change from run to run."""
    return sorted({item for items in sets for item in items}, key=sp.default_sort_key)


def short(expr: sp.Basic) -> str:
    """An expression as text, without its middle if that is long."""
    text = str(expr)
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[: LONGEST_TEXT // 2]} ... {text[-LONGEST_TEXT // 2 :]}"
