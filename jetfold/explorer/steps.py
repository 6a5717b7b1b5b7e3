"""The steps of a chapter: what each one changes, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from jetfold.adjoint_derivation import AdjointDerivation
from jetfold.chapters import Chapter
from jetfold.derivation import Derivation
from jetfold.explorer.certificates import Certificates
from jetfold.explorer.records import NAMES, Records
from jetfold.explorer.scene import Scene
from jetfold.explorer.table import Table
from jetfold.graph import LEAVES, Graph, Input, Rule
from jetfold.graph.change import sides
from jetfold.graph.formula import LOOSE, Written
from jetfold.graph.labels import label
from jetfold.graph.notation import PLAIN
from jetfold.rules.adjoint import ROWS, Adjoint, Handed
from jetfold.rules.taylor import Jet

Data = dict[str, Any]

WANTED = "The outputs of the operator are put together from coefficients of the function's outputs."
DIRECT = (
    "No rewriting leads here: the graph is made directly. Its outputs are compared with those of "
    "standard Taylor mode."
)
GRADIENTS = (
    "Cotangents of what differs from point to point are wanted at every point; those of what all "
    "points share are summed over the points while these run, and so is the value of a loss."
)
ONCE = (
    "The sums over the points are handed on to the parameters, once for each call. Inner products "
    "with velocities, found by Taylor mode of order 1, prove this graph together with the one that "
    "runs at every point."
)
ADDS = r"\mathrel{+}="
MOST = 12
"""Nodes without a name of their own that are written out in one formula."""


class Steps:
    """Tells the steps of chapters; the rules that fire in them are stored once."""

    def __init__(
        self, records: Records, certificates: Certificates, derivation: Derivation
    ) -> None:
        self._records = records
        self._derivation = derivation
        self._pushed = derivation.pushed_jets()
        self._certificates = certificates
        self._notation = records.notation
        self._rules: Table[Rule] = Table()

    @property
    def rules(self) -> list[Data]:
        """Name, algebra, and where the rule is defined."""
        return [
            {
                "name": rule.name,
                "algebra": self._records.formula(rule.latex),
                "file": rule.where.file,
                "line": rule.where.line,
            }
            for rule in self._rules.values
        ]

    def of(self, chapter: Chapter, scene: Scene) -> Iterator[Data]:
        """The steps of a chapter; the scene shows its first graph, and its last one at the end."""
        if chapter.rewriting is not None:
            yield from self._rewriting(chapter, scene)
        elif chapter.key == "taylor":
            yield from self._taylor(chapter, scene)
        elif chapter.key == "adjoint":
            yield from self._adjoint(chapter, scene)
        elif chapter.key == "call":
            told = self._wanted(scene, chapter.title, chapter.graph)
            yield told | {"about": escape(ONCE)}
        elif chapter.made_from is not None:
            told = self._wanted(scene, chapter.title, chapter.graph)
            certificate = self._certificates.of(chapter.key, None)
            yield told | {"about": escape(DIRECT), "certificate": certificate}

    def _rewriting(self, chapter: Chapter, scene: Scene) -> Iterator[Data]:
        assert chapter.rewriting is not None
        for step, before, after in chapter.rewriting.replay():
            delta = scene.advance(before, after)
            left, right = sides(step, before, after, self._notation)
            told = self._step(scene, step.rule.name, left, right)
            told |= {
                "rule": self._rules.place(step.rule, step.rule.name),
                "before": step.before,
                "after": step.after,
                "nodes": delta.nodes,
                "certificate": self._certificates.of(chapter.key, step.index),
                "routine": step.rule.routine,
            }
            told["marks"] |= {
                "removed": delta.removed,
                "added": delta.added,
                "rewired": delta.rewired,
            }
            if delta.outputs is not None:
                told["outputs"] = delta.outputs
            yield told

    def _taylor(self, chapter: Chapter, scene: Scene) -> Iterator[Data]:
        """One step for each node of the function that varies, and one for what is wanted."""
        pushed, graph = self._pushed, chapter.graph
        if pushed is None:  # made by who does not tell how
            return
        for node in pushed.function.order:
            jets = [family[node] for family in pushed.jets if len(family[node]) > 1]
            if jets:
                told = self._rule(pushed.function, node, graph, jets, scene)
                yield told | {"certificate": self._certificates.of(chapter.key, node)}
        if any(graph[output].role is None for output in graph.outputs):
            yield self._wanted(scene, "What is wanted", graph) | {"about": escape(WANTED)}

    def _adjoint(self, chapter: Chapter, scene: Scene) -> Iterator[Data]:
        """One step for each node of the function that hands its cotangent on, from the results."""
        assert isinstance(self._derivation, AdjointDerivation)
        function, adjoint = self._derivation.function_graph, self._derivation.adjoint
        users = Counter(operand for handed in adjoint.handed for operand, _ in handed.parts)
        for handed in adjoint.handed:
            if not handed.parts:
                continue
            rows = []
            for operand, part in handed.parts:
                left = self._cotangent(adjoint, operand, part)
                right = self._part(adjoint, handed, operand, part)
                relation = ADDS if users[operand] > 1 else "="
                rows.append(f"{left} &{relation} {right}")
            known = (handed.cotangent, *(part for _, part in handed.parts))
            about = [node for node in dict.fromkeys(known) if node in chapter.graph.nx]
            left = self._notation.equation(function, handed.node)
            title = _title(function, handed.node, "Transpose")
            told = self._step(scene, title, left, _aligned(rows), about)
            certificate = self._certificates.of(chapter.key, handed.node)
            yield told | {"before": handed.node, "certificate": certificate}
        yield self._wanted(scene, "What is wanted", chapter.graph) | {"about": escape(GRADIENTS)}

    def _cotangent(self, adjoint: Adjoint, operand: int, part: int) -> str:
        axes = adjoint.complete[part].type.directions
        rows = [axis.name for axis in axes if axis.name == ROWS]
        return self._notation.cotangent(self._derivation.function_graph, operand, rows)

    def _part(self, adjoint: Adjoint, handed: Handed, operand: int, part: int) -> str:
        """What is handed on, under a sum over the direction axes that only it has."""
        graph, notation = adjoint.complete, self._notation
        known = self._derivation.function_graph[operand].type.directions
        over = [a.name for a in graph[part].type.directions if a not in known and a.name != ROWS]
        if part == handed.cotangent:
            found = notation.value(graph, part)
        else:
            found = self._written_out(graph, part)
        return str(notation.words.sum_over(over, Written(found, LOOSE))) if over else found

    def _rule(
        self, function: Graph, node: int, graph: Graph, jets: Sequence[Jet], scene: Scene
    ) -> Data:
        """The Taylor rule of a node of the function; what no output needs is left out.

        It is the same rule for all families of jets, so that it is shown for the longest of them.
        """
        needed = [[(k, n) for k, n in enumerate(jet) if n in graph.nx] for jet in jets]
        shown = needed if isinstance(function[node].op, Input) else [max(needed, key=len)]
        rows = [self._row(function, node, graph, k, n) for jet in shown for k, n in jet]
        others = [self._along(function, graph, jet) for jet in needed if jet and jet not in shown]
        if others:
            rows.append(rf"&\text{{likewise along }} {', '.join(others)}")
        left = self._notation.equation(function, node)
        right = _aligned(rows) if rows else r"\text{no coefficient is needed}"
        about = dict.fromkeys(n for jet in needed for _, n in jet)
        told = self._step(scene, _title(function, node), left, right, about)
        return told | {"before": node}

    def _along(self, function: Graph, graph: Graph, jet: Sequence[tuple[int, int]]) -> str:
        """The direction of a jet."""
        known = {axis.name for node in function for axis in function[node].type.directions}
        data = [graph[node] for _, node in jet]
        names = [axis.name for found in data for axis in found.type.directions]
        names += [name for found in data if found.role is not None for name in found.role.along]
        new = dict.fromkeys(name for name in names if name not in known)
        return ", ".join(map(self._notation.words.letter, new))

    def _step(
        self, scene: Scene, title: str, left: str, right: str, about: Iterable[int] = ()
    ) -> Data:
        return {
            "rule": None,
            "title": title,
            "before": None,
            "after": None,
            "nodes": {},
            "marks": {"removed": [], "added": [], "rewired": [], "about": list(about)},
            "lhs": self._records.formula(left),
            "rhs": self._records.formula(right),
            "counts": scene.counts,
            "certificate": None,
            "routine": False,
        }

    # Formulas ---------------------------------------------------------------------------------

    def _row(self, function: Graph, node: int, graph: Graph, order: int, coefficient: int) -> str:
        """The equation of a coefficient of a function's node."""
        data = graph[coefficient]
        name = self._notation.value(graph, coefficient)
        own = data.role is None or (data.role.of, data.role.order) == (node, order)
        if function[node].role is not None or (own and not isinstance(data.op, LEAVES)):
            return f"{name} &= {self._written_out(graph, coefficient)}"
        # It is known by its value, or by the name of a node that it belongs to, too.
        along = () if data.role is None else data.role.along
        names = (*(axis.name for axis in data.type.directions), *along)
        value = self._notation.value(function, node)
        return f"{self._notation.words.indexed(value, order, names)} &= {name}"

    def _written_out(self, graph: Graph, node: int) -> str:
        """What a node computes from coefficients and leaves."""
        found: dict[int, None] = {}
        pending = [node]
        for current in pending:
            for operand in graph.operands(current):
                data = graph[operand]
                nameless = data.role is None and not isinstance(data.op, LEAVES)
                if nameless and operand not in found and len(found) < MOST:
                    found[operand] = None
                    pending.append(operand)
        return self._notation.formula(graph, node, tuple(found))

    def _wanted(self, scene: Scene, title: str, graph: Graph) -> Data:
        """A step that tells what the outputs are computed from."""
        names = [self._notation.value(graph, output) for output in graph.outputs]
        written = [self._written_out(graph, output) for output in graph.outputs]
        pairs = list(dict.fromkeys(zip(names, written, strict=True)))
        telling = [(name, formula) for name, formula in pairs if name != formula]
        rows = [f"{name} &= {formula}" for name, formula in telling or pairs]
        return self._step(scene, title, ", ".join(names), _aligned(rows), graph.outputs)


def _aligned(rows: Iterable[str]) -> str:
    return r"\begin{align*}" + r" \\ ".join(rows) + r"\end{align*}"


def _title(function: Graph, node: int, what: str = "Taylor rule") -> str:
    name = PLAIN.value(function, node)
    if isinstance(function[node].op, Input):
        return f"The path of {name}"
    return f"{what} of {name} ({' '.join(label(function, node, NAMES).title)})"
