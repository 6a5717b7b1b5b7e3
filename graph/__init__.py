"""What a computation is.

Read in this order: `ops` (the node kinds and their types), `graph` (`Graph` and `Editor`),
`functions`, `custom` and `numbers` (what may stand in an elementwise expression, and in which
number systems it is computed), `interpret` (what each operation means), `build` (nodes in normal
form), `trace` (from a NumPy function to a graph), `rewrite` (rules and the driver), `simplify`
(clean-up rules), `total` (sums over a batch), `validate`, `text` and `draw`, `notation` (values and
what they are computed from as formulas), `change` (what a step changed) and `certificate` (what is
proved of it, with `values`, `whole`, `identity` and `zero`).
"""

from jetfold.graph.build import add_map, constant, fit
from jetfold.graph.errors import (
    ArgumentError,
    BackendError,
    GraphError,
    JetfoldError,
    NotDifferentiableWarning,
    NotFiniteError,
    RewriteLoopError,
    ShapeError,
    TraceError,
    UnsupportedError,
)
from jetfold.graph.graph import Coefficient, Cotangent, Editor, Graph, Node, without_roles
from jetfold.graph.interpret import BATCH, Value, interpret
from jetfold.graph.ops import (
    LEAVES,
    MOVES,
    Array,
    Broadcast,
    Collect,
    Concatenate,
    Constant,
    Contract,
    Direct,
    DirectionAxis,
    Gather,
    Input,
    Map,
    MatrixFunction,
    Op,
    Parameter,
    Pick,
    Replicate,
    Reshape,
    Slice,
    SourceLine,
    Sum,
    Transpose,
    Type,
    operand_symbol,
)
from jetfold.graph.rewrite import Rewriting, Rule, Step, rewrite
from jetfold.graph.simplify import merge_equal, simplify
from jetfold.graph.total import Total

__all__ = [
    "BATCH",
    "LEAVES",
    "MOVES",
    "ArgumentError",
    "Array",
    "BackendError",
    "Broadcast",
    "Coefficient",
    "Collect",
    "Concatenate",
    "Constant",
    "Contract",
    "Cotangent",
    "Direct",
    "DirectionAxis",
    "Editor",
    "Gather",
    "Graph",
    "GraphError",
    "Input",
    "JetfoldError",
    "Map",
    "MatrixFunction",
    "Node",
    "NotDifferentiableWarning",
    "NotFiniteError",
    "Op",
    "Parameter",
    "Pick",
    "Replicate",
    "Reshape",
    "RewriteLoopError",
    "Rewriting",
    "Rule",
    "ShapeError",
    "Slice",
    "SourceLine",
    "Step",
    "Sum",
    "Total",
    "TraceError",
    "Transpose",
    "Type",
    "UnsupportedError",
    "Value",
    "add_map",
    "constant",
    "fit",
    "interpret",
    "merge_equal",
    "operand_symbol",
    "rewrite",
    "simplify",
    "without_roles",
]
