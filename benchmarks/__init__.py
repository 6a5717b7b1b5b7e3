"""Speed, memory and compile time of jetfold beside its peers.

Run from the repository root: `python -m benchmarks.laplacian`, `.biharmonic`, `.stochastic`,
`.training`, `.memory` and `.compile` on the CPU, `.gpu` on an NVIDIA card; README.md says what they
measure. Reading order: `cases` (networks, points), `operators` and `losses` (what is computed, with
references), `contestants` (who takes part; the `with_*` modules are their code), `racing`
(processes and interleaved timing), `comparison` (one run), `report` and `plot` (what is written
down), `pictures` (those of the README, `make pictures`).
"""
