"""Speed, memory and compile time of jetfold beside its peers, on the CPU.

Run from the repository root: `python -m benchmarks.laplacian`, `python -m benchmarks.memory`,
`python -m benchmarks.compile`; README.md says what they measure. Reading order: `cases` (networks,
points, reference), `contestants` (who takes part; the `with_*` modules are their code), `racing`
(processes and interleaved timing), `report` and `plot` (what is written down).
"""
