"""How a graph runs.

`reference` interprets a graph with NumPy, in floating point, exact rationals or any precision.
`lower` turns a graph into a loop program (`program`), by way of `views` (moves as row indices),
`schedule` (what runs together) and `nests` (kernels). `cpu` compiles loop programs with numba.
"""
