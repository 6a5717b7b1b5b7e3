"""A derivation: every stage from the function to the graph that runs, and what each costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from jetfold.graph import ArgumentError, Graph, Input, Rewriting, Step, rewrite, simplify
from jetfold.graph.draw import to_dot, to_svg_pair
from jetfold.rules.blocked import Blocked, blocked
from jetfold.rules.collapse import PULL_SUM, PUSH_REPLICATE
from jetfold.rules.cost import operations, vectors
from jetfold.rules.operators import Pushed, Standard
from jetfold.rules.problem import Problem

if TYPE_CHECKING:
    from jetfold.operator import Operator
    from jetfold.proof import Proved

METHODS = ("auto", "standard", "collapsed", "nested", "minimal")
PREFERRED = ("collapsed", "minimal", "nested", "standard")
"""The order in which "auto" takes methods of equal predicted cost."""

WHERE_MISSING = {
    "nested": "needs an operator that is a product of simpler ones, as Lap Lap is",
    "minimal": "needs an operator that is given by polynomials in directions",
    "adjoint": "goes forwards through the function",
}

Build = Callable[[], Graph]


class PerMethod(Mapping[str, int]):
    """A number for each method, counted in its graph when first asked for."""

    def __init__(self, methods: tuple[str, ...], count: Callable[[str], int]) -> None:
        self._methods = methods
        self._count = count
        self._known: dict[str, int] = {}

    def __getitem__(self, method: str) -> int:
        if method not in self._methods:
            raise KeyError(method)
        if method not in self._known:
            self._known[method] = self._count(method)
        return self._known[method]

    def __iter__(self) -> Iterator[str]:
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True)
class Cost:
    """What an operator costs.

    ``vectors``: for each method, the vectors that a node of the function turns into (the counts of
    the paper's table); ``operations``: floating-point operations for one point, by method;
    ``predicted``: what "auto" compares, by method, before any graph is made; empty where there is
    nothing to compare; ``chosen``: the method that runs.
    """

    vectors: Mapping[str, int]
    operations: Mapping[str, int]
    predicted: Mapping[str, float]
    chosen: str

    @property
    def flops(self) -> int:
        """Operations for one point with the chosen method."""
        return self.operations[self.chosen]


@dataclass(frozen=True, eq=False)
class About:
    """What a derivation is about: the operator, and its point in the function's graph.

    ``problem`` is what the operator asks of the function; a jet asks for no such thing.
    """

    operator: Operator
    point: Input
    problem: Problem | None = None


class Derivation:
    """The graphs of an operator for one shape of points and parameters; nothing is compiled.

    Each graph is made when it is first asked for. ``methods`` names the methods that this operator
    has; the graph of another one raises `ArgumentError`.

    Attributes
    ----------
    function_graph : the traced function.
    taylor_graph : standard Taylor mode, one jet for each direction, one node per coefficient.
    shared_graph : the same with everything that does not depend on the direction computed once.
    collapsed_graph : sums over directions pulled up as far as linearity allows.
    minimal_graph : the coefficients of the operator's jet algebra, not more.
    nested_graph : the operator's factors one after the other, each collapsed.
    final_graph : the chosen method's graph after clean-up; it is what runs.
    """

    def __init__(
        self,
        function_graph: Graph,
        builders: Mapping[str, Build],
        method: str,
        predict: Callable[[], Mapping[str, float]] | None = None,
        about: About | None = None,
    ) -> None:
        """``builders`` has what makes the graph of "standard" and of each further method.

        "collapsed" follows from "standard". ``predict`` gives the cost of methods, for "auto".
        ``about`` says what the derivation is of, for who tells it in words. Raises
        `ArgumentError` for a method that is neither "auto" nor among them.
        """
        self.function_graph = function_graph
        self.method = method
        self.about = about
        self._builders = dict(builders)
        self._cleaned: dict[str, Rewriting] = {}
        self._predict = predict
        if method != "auto":
            self._require(method)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that this operator has."""
        return tuple(name for name in METHODS if name in {"collapsed", *self._builders})

    @cached_property
    def taylor_graph(self) -> Graph:
        return self._builders["standard"]()

    @cached_property
    def pushed(self) -> Rewriting:
        """Replication pushed down, from ``taylor_graph`` to ``shared_graph``."""
        return rewrite(self.taylor_graph, PUSH_REPLICATE, "push replicate")

    @cached_property
    def pulled(self) -> Rewriting:
        """Sums pulled up, from ``shared_graph`` to ``collapsed_graph``."""
        return rewrite(self.pushed.graph, PULL_SUM, "pull sums")

    @property
    def cleaned(self) -> Rewriting:
        """The chosen method's graph cleaned up, which gives ``final_graph``."""
        return self.cleaned_up(self.chosen)

    @property
    def shared_graph(self) -> Graph:
        return self.pushed.graph

    @property
    def collapsed_graph(self) -> Graph:
        return self.pulled.graph

    @cached_property
    def minimal_graph(self) -> Graph:
        self._require("minimal")
        return self._builders["minimal"]()

    @cached_property
    def nested_graph(self) -> Graph:
        self._require("nested")
        return self._builders["nested"]()

    @property
    def final_graph(self) -> Graph:
        return self.cleaned.graph

    @cached_property
    def _predicted(self) -> dict[str, float]:
        return {} if self._predict is None else dict(self._predict())

    @property
    def chosen(self) -> str:
        """The method that runs.

        "auto" takes the one of least predicted cost, or else collapsing, which never needs more
        than standard Taylor mode.
        """
        if self.method != "auto":
            return self.method
        known = [m for m in PREFERRED if m in self._predicted and m in self.methods]
        return min(known, key=self._predicted.__getitem__, default="collapsed")

    @property
    def stages(self) -> tuple[Rewriting, ...]:
        """The rewritings on the way to the final graph, in order."""
        match self.chosen:
            case "standard":
                return self.pushed, self.cleaned
            case "collapsed":
                return self.pushed, self.pulled, self.cleaned
        return (self.cleaned,)

    @property
    def steps(self) -> list[Step]:
        """Every rewrite step, in order."""
        return [step for stage in self.stages for step in stage.steps]

    @cached_property
    def cost(self) -> Cost:
        return Cost(
            PerMethod(self.methods, lambda method: vectors(self.graph_of(method))),
            PerMethod(self.methods, lambda method: operations(self.cleaned_up(method).graph)),
            self._predicted,
            self.chosen,
        )

    def draw(self, path: str | PathLike[str]) -> None:
        """Write a picture: ``.svg`` shows standard Taylor mode beside the final graph.

        A path ending in ``.dot`` gets the final graph as Graphviz text. Raises `ArgumentError`
        for any other ending.
        """
        captions = (
            f"standard Taylor mode: {self.cost.vectors['standard']} vectors per node",
            f"{self.chosen}: {self.cost.vectors[self.chosen]} vectors per node",
        )
        write_picture(path, self.shared_graph, self.final_graph, captions)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write one page to walk through the derivation, step by step, in a browser.

        The page needs no other file and no network. Raises `ArgumentError` for a path that does not
        end in .html or cannot be written.
        """
        from jetfold.explorer import write_page  # which walks through derivations

        write_page(self, path)

    def pushed_jets(self) -> Pushed | None:
        """How the graph of standard Taylor mode is made, if who makes it tells."""
        builder = self._builders["standard"]
        return builder.push() if isinstance(builder, Standard) else None

    @cached_property
    def certificates(self) -> list[Proved]:
        """What is proved, checked and measured of every step: see `jetfold.graph.certificate`."""
        from jetfold.proof import certificates  # which walks through derivations

        return list(certificates(self))

    @cached_property
    def blocked(self) -> list[Blocked]:
        """The sums over directions that ``collapsed_graph`` still has, and what stops each."""
        return blocked(self.collapsed_graph, self.function_graph)

    def explain(self) -> str:
        """The derivation as a text, with the formulas and the numbers of this function.

        What is wanted, which jets, each Taylor rule that is used, where linearity lets a sum move
        and where not, what that saves, and what runs.
        """
        from jetfold.account import account  # which walks through derivations
        from jetfold.account.plain import to_text

        return to_text(account(self))

    def latex(self, document: bool = False) -> str:
        """The same text in LaTeX, as sections that need amsmath and amssymb.

        With ``document`` it is a complete file for pdflatex.
        """
        from jetfold.account import account
        from jetfold.account.tex import to_latex

        return to_latex(account(self), document)

    def __repr__(self) -> str:
        what = self.function_graph if self.about is None else self.about.operator
        return f"<Derivation of {what!r}: {self.chosen}>"

    def _repr_html_(self) -> str:
        from jetfold.account.summary import summary

        return summary(self)

    def graph_of(self, method: str) -> Graph:
        """The graph of one of the ``methods``, before clean-up."""
        match method:
            case "standard":
                return self.shared_graph
            case "collapsed":
                return self.collapsed_graph
            case "nested":
                return self.nested_graph
        return self.minimal_graph

    def cleaned_up(self, method: str) -> Rewriting:
        """The graph of one of the ``methods`` cleaned up."""
        if method not in self._cleaned:
            self._cleaned[method] = simplify(self.graph_of(method))
        return self._cleaned[method]

    def _require(self, method: str) -> None:
        if method not in self.methods:
            raise ArgumentError(
                f"there is no method {method!r} for this operator: it "
                f"{WHERE_MISSING.get(method, 'goes backwards through the function')}; "
                f"choose from auto, {', '.join(self.methods)}"
            )


def write_picture(
    path: str | PathLike[str], before: Graph, after: Graph, captions: tuple[str, str]
) -> None:
    """Two graphs side by side as ``.svg``, or the second one as Graphviz text, ``.dot``."""
    path = Path(path)
    if path.suffix not in (".svg", ".dot"):
        raise ArgumentError(f"cannot draw {str(path)!r}: the path has to end in .svg or .dot")
    text = to_dot(after) if path.suffix == ".dot" else to_svg_pair(before, after, captions)
    path.write_text(text, encoding="utf-8")
