"""Differential operators (Laplacian, Hessian and the like) of a function given as a graph."""
