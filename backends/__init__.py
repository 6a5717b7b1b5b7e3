"""How a graph runs.

`reference` interprets a graph with NumPy, in floating point, exact rationals or any precision.
`lower` turns a graph into a loop program (`program`), by way of `views` (moves as row indices),
`schedule` (what runs together) and `nests` (kernels). `emit` prints kernels in the dialect of a
device: `cpu` compiles loop programs with numba, `cuda` with numba.cuda. `scalar` has code on single
numbers, `standalone` the modules that run without jetfold.
"""
