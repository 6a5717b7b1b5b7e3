"""The mathematics as data: how coefficients propagate, and what may be collapsed.

Read in this order: `primitives` (the table), `derive` (Taylor rules from one expression) with
`stable` and `factoring` (forms that keep their digits), `matrix` (rules of matrix functions),
`taylor` (a function graph becomes a Taylor graph), `collapse` (the rewrites that move sums),
`blocked` (why sums stay), `taylor_rule` (rules to look at), `taylor_certificate` with
`path_derivatives` (what is proved of Taylor rules). `definition` with `one_expression` and
`definition_checks` makes primitives of what users write.

Then operators: `polynomial` (their notation), `problem` (what one asks of a function),
`interpolation` and `operators` (jets along straight lines), `jet_algebra`, `tables`, `directions`
and `minimal` (the fewest coefficients), `form` (coefficients that differ from point to point),
`methods`, `prediction` and `cost` (the choice), `symbolic_algebra` and `algebra_text` (algebras to
look at).

Gradients: `transpose` (linear operations backwards), `adjoint` (graphs backwards) and `kinks`
(where there is no derivative).

Last PDE expressions: `pde` with `pde_reading`, `pde_gradient` and `pde_checks` (what an expression
asks), `factors` (products of operators), `from_sympy` (expressions for graphs), `estimate` and
`quadratic` (means over random directions).
"""
