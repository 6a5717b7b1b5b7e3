"""The CUDA backend: a loop program as numba.cuda kernels, on NVIDIA GPUs.

Read in this order: `options`, `device` (what must be installed), `launches` (a program as a list of
launches), `emit` with `kernels` and `modules` (their source), `prelude` (what does not vary),
`product` and `cublas` (matrix products), `execution` and `compiled` (a graph in tiles). Then what
surrounds a call: `arrays`, `libraries` and `packing` (arrays in and out), `driver`, `sessions` and
`capture` (streams, memory, recordings), `calls`. `assembly` and `simulator` need no GPU.
"""
