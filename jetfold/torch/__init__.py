"""PyTorch: modules as functions that jetfold differentiates.

    import jetfold.torch

    u, params = jetfold.torch.from_module(module)       # jf.laplacian(u)(X, params), in NumPy
    lap = jetfold.torch.operator(jf.laplacian, module)  # lap(X).mean().backward(), in PyTorch

Read in this order: `values` (arrays that know where the batch axis would be); what PyTorch's
functions mean, in `elementwise`, `activations`, `moves`, `parts`, `indexing`, `reductions`,
`products`, `matrices`, `normalization` and `attention`; `table` (all of them by name); `tracing`,
`recorded` and `in_place` (what torch.fx records); `program` (how that runs); `parameters`,
`importing`, and `function` (what PyTorch differentiates).
"""

try:
    import torch as _torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "jetfold.torch needs PyTorch: pip install 'jetfold[torch]'", name=error.name
    ) from error

from jetfold.torch.function import ModuleOperator, operator
from jetfold.torch.importing import ImportedModule, from_module

__all__ = ["ImportedModule", "ModuleOperator", "from_module", "operator"]
