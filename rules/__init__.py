"""The mathematics as data: how coefficients propagate, and what may be collapsed.

Read in this order: `primitives` (the table), `derive` (Taylor rules from one expression), `taylor`
(a function graph becomes a Taylor graph), `collapse` (the rewrites that move sums), `operators`
(which jets an operator needs), `cost` (what a graph costs), `taylor_rule` (rules to look at).
"""
