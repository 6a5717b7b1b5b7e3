"""What a gradient is asked for: the words and formulas that its account begins with."""

from __future__ import annotations

from dataclasses import dataclass

from jetfold.account.document import (
    Block,
    Code,
    Equation,
    Equations,
    Formula,
    Paragraph,
    Text,
    text,
)
from jetfold.account.naming import Names, listed
from jetfold.account.wanted import name_of, place_words, same
from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.grad import Grad
from jetfold.jacobian import ResidualAndJacobian
from jetfold.value_and_grad import ValueAndGrad

F, N, L, ROW = map(same, "fNLo")


@dataclass(frozen=True)
class Sought:
    """A gradient in words: the title of its account, and its formulas."""

    title: Text
    blocks: tuple[Block, ...]


def sought(derivation: AdjointDerivation) -> Sought:
    """What an operator gives beside, or instead of, the values of its function."""
    about = derivation.about
    assert about is not None
    operator, place = about.operator, place_words(about)
    name = Code(name_of(operator))
    called = text("the function ", name, ", here called ", F)
    by = _leaves(derivation)
    match operator:
        case Grad():
            return Sought(
                text("The gradient of ", name),
                (
                    Paragraph(text("Wanted is the gradient of ", *called, ", ", *place, ":")),
                    _shown((r"\bar x", "bar(x)"), (r"\frac{\partial f(x)}{\partial x}", "df/dx")),
                ),
            )
        case ValueAndGrad():
            return Sought(
                text("The mean of ", name, " and its gradient"),
                (
                    Paragraph(
                        text("Wanted is the sum, over the points of a batch, of ", *called,
                             ", with a weight for each point, and the derivatives of the sum with "
                             "respect to ", *by, ":")
                    ),
                    _shown((r"L", "L"), (r"\sum_p \mathrm{weight}_p \, f(x_p)",
                                         "sum_p weight[p]*f(x[p])")),
                    Paragraph(
                        text("Without ", Code("weights="), " each of ", N, " points has the "
                             "weight 1/", N, ": the mean. A bar stands for the derivative of ",
                             L, " with respect to what is below it.")
                    ),
                ),
            )  # fmt: skip
        case ResidualAndJacobian():
            return Sought(
                text("The residual ", name, " and its Jacobian"),
                (
                    Paragraph(
                        text("Wanted are the values of ", *called, ", ", *place, ", and the "
                             "derivatives of each with respect to ", *by, ". They are "
                             "counted by ", ROW, ", the rows of the Jacobian; a bar stands for the "
                             "derivative of value number ", ROW, ":")
                    ),
                    _shown((r"\bar\theta_{o}", "bar(theta)[o]"),
                           (r"\frac{\partial f(x)_o}{\partial \theta}", "d f(x)[o] / d theta")),
                ),
            )  # fmt: skip
    return Sought(
        text("What ", name, " pulls back"),
        (
            Paragraph(
                text("Wanted are the products of cotangents with the Jacobians of ", *called,
                     ". The cotangent of a value is the derivative of some number with respect to "
                     "it, and is written with a bar. Given are the cotangents of the results ",
                     Formula("y", "y"), "; wanted are those of ", *by, ":")
            ),
            _shown((r"\bar\theta", "bar(theta)"),
                   (r"\sum_p \bar y_p^{\top} \, \frac{\partial f(x_p)}{\partial \theta}",
                    "sum_p bar(y)[p] . d f(x[p]) / d theta")),
            Paragraph(text("The sum is for parameters, which all points share; a point has a "
                           "cotangent of its own.")),
        ),
    )  # fmt: skip


def _shown(left: tuple[str, str], right: tuple[str, str]) -> Equations:
    return Equations((Equation(Formula(*left), Formula(*right)),))


def _leaves(derivation: AdjointDerivation) -> Text:
    """The names of what is differentiated by."""
    graph = derivation.function_graph
    names = Names(graph, graph)
    known = {graph[node].op: node for node in graph.leaves}
    found = [text(names.value(known[leaf])) for leaf in derivation.leaves if leaf in known]
    return listed(found) if found else text("nothing that it depends on")
