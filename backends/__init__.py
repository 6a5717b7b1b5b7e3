"""How a graph runs.

`reference` interprets a graph with NumPy, in floating point, exact rationals or any precision.
`lower` turns a graph into a loop program (`program`), by way of `views` (moves as row indices),
`schedule` (what runs together), `canonical` and `nests` (kernels), `outer` and `sums` (what is
summed over a batch), `memory` (what shares memory). `emit` prints kernels in the dialect of a
device: `cpu` compiles loop programs with numba, `cuda` with numba.cuda. `scalar` has code on single
numbers, `standalone` the modules that run without jetfold.
"""
