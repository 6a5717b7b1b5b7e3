"""Derivatives of any order of plain NumPy functions: traced, derived, collapsed, compiled.

    import jetfold as jf

    jf.laplacian(u)(X, params)              # sum of second derivatives at every point
    jf.weighted_laplacian(u, sigma)(X)      # second derivatives weighted by sigma sigma^T
    jf.biharmonic(u)(X, params)             # the Laplacian of the Laplacian
    jf.operator(expr, u, coords)(X, params) # any PDE expression in SymPy
    jf.derivatives(u, ["", "xx"], ["x"])(X) # partial derivatives by name
    jf.jet(u, K)(x0, (x1, .., xK), params)  # unscaled derivatives along a path
    jf.value_and_grad(loss)(X, params)      # a loss over a batch and its gradient, in one pass
    jf.grad(f)(X, params)                   # the gradient with respect to the point
    jf.vjp(f)(X, params)                    # values, and what pulls cotangents back
    jf.residual_and_jacobian(r)(X, params)  # for least squares; jf.ravel makes vectors of params
    jf.primitive("gelu", expr, x)           # your own elementwise function, from SymPy
    jf.linear_primitive("slope", function)  # a NumPy function that need not be traceable
    jf.rule("tanh", order=4)                # the Taylor rule, derived by SymPy
    jf.kernel("gelu", order=2)              # a compiled function for its jets, and its source
    jf.jet_algebra(x**2 + y**2, [x, y])     # the fewest numbers that carry an operator

`jetfold.graph` holds what a computation is, `jetfold.rules` the mathematics, and
`jetfold.backends` how a graph runs.
"""

from importlib.metadata import PackageNotFoundError, version

from jetfold.backends.cuda.options import Cuda
from jetfold.biharmonic import biharmonic
from jetfold.grad import grad
from jetfold.graph import (
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
from jetfold.jacobian import residual_and_jacobian
from jetfold.jet import jet
from jetfold.jet_algebra import jet_algebra
from jetfold.kernel import Kernel, kernel
from jetfold.laplacian import laplacian
from jetfold.linear import MultilinearPrimitive, linear_primitive, multilinear_primitive
from jetfold.pde import derivatives, operator
from jetfold.primitive import CustomPrimitive, primitive
from jetfold.ravel import ravel
from jetfold.rule import rule
from jetfold.value_and_grad import value_and_grad
from jetfold.vjp import vjp
from jetfold.weighted_laplacian import weighted_laplacian

try:
    __version__ = version("jetfold")
except PackageNotFoundError:  # a checkout that has not been installed
    __version__ = "0+unknown"

__all__ = [
    "ArgumentError",
    "BackendError",
    "Cuda",
    "CustomPrimitive",
    "GraphError",
    "JetfoldError",
    "Kernel",
    "MultilinearPrimitive",
    "NotDifferentiableWarning",
    "NotFiniteError",
    "RewriteLoopError",
    "ShapeError",
    "TraceError",
    "UnsupportedError",
    "biharmonic",
    "derivatives",
    "grad",
    "jet",
    "jet_algebra",
    "kernel",
    "laplacian",
    "linear_primitive",
    "multilinear_primitive",
    "operator",
    "primitive",
    "ravel",
    "residual_and_jacobian",
    "rule",
    "value_and_grad",
    "vjp",
    "weighted_laplacian",
]
