"""Jet algebras: dimensions, relations and products, against Hankel matrices and derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.polys.matrices import DomainMatrix

from jetfold.rules.jet_algebra import JetAlgebra, ProductTable
from jetfold.rules.polynomial import (
    Monomial,
    Polynomial,
    degree,
    divisors,
    factorial,
    from_sympy,
    to_sympy,
)
from jetfold.rules.symbolic_algebra import SymbolicJetAlgebra

COUNT = 3
T = sp.symbols(f"t0:{COUNT}")
ORDER = 4


def algebra(operators: Any, symbols: Sequence[sp.Symbol]) -> SymbolicJetAlgebra:
    several = operators if isinstance(operators, list) else [operators]
    return SymbolicJetAlgebra([from_sympy(sp.sympify(p), symbols) for p in several], symbols)


def squares(symbols: Sequence[sp.Symbol]) -> sp.Expr:
    return sp.Add(*(symbol**2 for symbol in symbols))


def monomials(count: int, order: int) -> list[Monomial]:
    """All of them up to an order, in the order of a basis."""
    sizes = range(order + 1)
    return [a for size in sizes for a in combinations_with_replacement(range(count), size)]


def power(monomial: Monomial, symbols: Sequence[sp.Symbol] = T) -> sp.Expr:
    return sp.Mul(*(symbols[i] for i in monomial))


def applied(operator: sp.Expr, to: sp.Expr) -> sp.Expr:
    """operator(d/dt) of a polynomial in t, by SymPy."""
    total = sp.S.Zero
    for powers, number in sp.Poly(operator, *T).terms():
        derivative = to
        for t, order in zip(T, powers, strict=True):
            derivative = sp.diff(derivative, t, order)
        total += number * derivative
    return total


# Random operators -------------------------------------------------------------------------------

numbers = st.integers(-3, 3).map(Fraction) | st.fractions(-2, 2, max_denominator=3)
variables = st.integers(0, COUNT - 1)


def sparse(order: int = ORDER) -> st.SearchStrategy[Polynomial]:
    """A few random terms."""
    powers = st.lists(variables, max_size=order).map(lambda indices: tuple(sorted(indices)))
    terms = st.dictionaries(powers, numbers, max_size=6)
    return terms.map(lambda found: {key: value for key, value in found.items() if value})


@st.composite
def sums_of_powers(draw: st.DrawFn) -> Polynomial:
    """Powers of a few linear forms, whose algebras are small for their number of terms."""
    total = sp.S.Zero
    for _ in range(draw(st.integers(1, 3))):
        form = sp.Add(*(draw(st.integers(-1, 2)) * t for t in T))
        total += draw(st.integers(1, 2)) * form ** draw(st.integers(1, ORDER))
    return from_sympy(sp.expand(total), T)


operators = st.lists(sparse() | sums_of_powers(), min_size=1, max_size=3)


def hankel_rank(polynomials: Sequence[Polynomial]) -> int:
    """The rank of lambda_q(t^(a + b)), rows (q, b) and columns a, by SymPy."""
    known = monomials(COUNT, max(map(degree, polynomials)))

    def entry(p: Polynomial, a: Monomial, b: Monomial) -> sp.Rational:
        both = tuple(sorted(a + b))
        return sp.Rational(p.get(both, 0)) * factorial(both)

    matrix = [[entry(p, a, b) for a in known] for p in polynomials for b in known]
    return int(DomainMatrix.from_list_sympy(len(matrix), len(known), matrix).to_field().rank())


@given(operators)
def test_dimension_is_the_rank_of_the_hankel_matrix(polynomials: list[Polynomial]) -> None:
    # Of operators that are all zero nothing is needed, but 1 is in every algebra.
    assert JetAlgebra(polynomials, COUNT).dimension == max(1, hankel_rank(polynomials))


@settings(max_examples=40)
@given(operators)
def test_a_monomial_and_what_it_reduces_to_are_the_same_to_every_operator(
    polynomials: list[Polynomial],
) -> None:
    found = JetAlgebra(polynomials, COUNT)
    assert found.polynomials == tuple(polynomials)
    for monomial in monomials(COUNT, found.order + 1):
        reduced = found.reduce_plain(monomial)
        assert set(reduced) <= set(found.basis)
        assert all(len(a) >= len(monomial) for a in reduced)  # products never lose degree
        difference = power(monomial) - to_sympy(reduced, T)
        for p in polynomials:  # it annihilates P: even times anything, P does not see it
            assert sp.expand(applied(difference, to_sympy(p, T))) == 0
        divided = {a: x * factorial(a) / factorial(monomial) for a, x in reduced.items()}
        assert found.reduce(monomial) == divided


@given(operators)
def test_basis(polynomials: list[Polynomial]) -> None:
    found = JetAlgebra(polynomials, COUNT)
    assert found.basis[0] == ()
    assert list(found.basis) == [a for a in monomials(COUNT, ORDER) if a in found.basis]
    assert found.basis[1:] == tuple(a for block in found.blocks.values() for a in block)
    assert all(block and {len(a) for a in block} == {d} for d, block in found.blocks.items())
    assert found.order == max(map(degree, polynomials)) == max(found.blocks, default=0)
    for a in found.basis:
        assert found.reduce(a) == {a: 1}
        assert found.rows[a] == {c: x for c in monomials(COUNT, ORDER)
                                 if (x := found.reduce(c).get(a))}  # fmt: skip
        assert all(part in found.basis for k in range(len(a)) for part, _ in divisors(a, k))


@given(operators)
def test_corners_generate_everything_outside_the_basis(polynomials: list[Polynomial]) -> None:
    found = JetAlgebra(polynomials, COUNT)
    corners = found.corners()
    outside = [a for a in monomials(COUNT, found.order) if a not in found.basis]
    assert [a for a in outside if a in corners] == corners
    for a in outside:
        factors = {part for k in range(len(a) + 1) for part, _ in divisors(a, k)}
        assert factors & set(corners)
        if a in corners:
            assert factors - {a} <= set(found.basis)


# Products ---------------------------------------------------------------------------------------


def coordinates(found: SymbolicJetAlgebra, polynomial: Polynomial) -> list[Fraction]:
    """A polynomial's coordinates on the plain basis."""
    total = dict.fromkeys(found.algebra.basis, Fraction(0))
    for monomial, number in polynomial.items():
        for a, coordinate in found.algebra.reduce_plain(monomial).items():
            total[a] += number * coordinate
    return list(total.values())


@settings(max_examples=60)
@given(operators, sparse(), sparse())
def test_functionals_of_a_product(
    polynomials: list[Polynomial], f: Polynomial, g: Polynomial
) -> None:
    found = SymbolicJetAlgebra(polynomials, T)
    both = found.multiply(coordinates(found, f), coordinates(found, g))
    expanded = sp.expand(to_sympy(f, T) * to_sympy(g, T))
    for p, functional in zip(polynomials, found.functionals, strict=True):
        expected = applied(to_sympy(p, T), expanded).subs(dict.fromkeys(T, 0))
        assert sum(x * y for x, y in zip(functional, both, strict=True)) == expected


@given(operators, st.data())
def test_multiplication_is_that_of_a_commutative_algebra(
    polynomials: list[Polynomial], data: st.DataObject
) -> None:
    found = SymbolicJetAlgebra(polynomials, T)
    n = found.dimension
    a, b, c = (data.draw(st.lists(numbers, min_size=n, max_size=n)) for _ in range(3))
    ab = found.multiply(a, b)
    assert ab == found.multiply(b, a)
    assert found.multiply(ab, c) == found.multiply(a, found.multiply(b, c))
    assert found.multiply([1, *[0] * (n - 1)], c) == c
    sums = [x + 2 * y for x, y in zip(a, b, strict=True)]
    ac, bc = found.multiply(a, c), found.multiply(b, c)
    assert found.multiply(sums, c) == [x + 2 * y for x, y in zip(ac, bc, strict=True)]


@settings(max_examples=60)
@given(operators)
def test_table_holds_the_products_of_the_basis(polynomials: list[Polynomial]) -> None:
    found = SymbolicJetAlgebra(polynomials, T)
    basis = found.algebra.basis
    assert all(i <= j for i, j in found.table)
    assert list(found.table) == sorted(found.table)
    for (i, a), (j, b) in combinations_with_replacement(enumerate(basis), 2):
        reduced = found.algebra.reduce_plain(tuple(sorted(a + b)))
        entry = found.table.get((i, j), {})
        assert {basis[k]: number for k, number in entry.items()} == reduced
        assert ((i, j) in found.table) == bool(reduced)


def by_table(table: ProductTable, factors: Sequence[Sequence[Fraction]]) -> dict[int, Fraction]:
    """The block that a table gives for the factors' blocks."""
    total: dict[int, Fraction] = {}
    for indices, target, number in zip(*table, strict=True):
        values = [factor[i] for factor, i in zip(factors, indices, strict=True)]
        total[target] = total.get(target, Fraction(0)) + number * math.prod(values)
    return total


@settings(max_examples=150)
@given(operators, st.data())
def test_product_tables_agree_with_repeated_multiplication(
    polynomials: list[Polynomial], data: st.DataObject
) -> None:
    symbolic = SymbolicJetAlgebra(polynomials, T)
    found = symbolic.algebra
    sizes = st.sampled_from([*found.blocks, 1])
    degrees = tuple(data.draw(st.lists(sizes, min_size=1, max_size=4)))
    groups = tuple(data.draw(st.integers(0, 1)) for _ in degrees)
    elements = {
        kind: [data.draw(numbers) for _ in found.blocks.get(kind[1], ())]
        for kind in zip(groups, degrees, strict=True)
    }
    factors = [elements[kind] for kind in zip(groups, degrees, strict=True)]

    total: list[Fraction] = [Fraction(1), *[Fraction(0)] * (found.dimension - 1)]
    for size, factor in zip(degrees, factors, strict=True):
        known = dict(zip(found.blocks.get(size, ()), factor, strict=True))
        plain = [known.get(a, Fraction(0)) / factorial(a) for a in found.basis]
        total = symbolic.multiply(total, plain)
    expected = {a: x * factorial(a) for a, x in zip(found.basis, total, strict=True)}

    assert all(x == 0 for a, x in expected.items() if len(a) < sum(degrees))
    for target in range(1, ORDER + 1):
        table = found.product(degrees, groups, target)
        block = found.blocks.get(target, ())
        result = by_table(table, factors)
        assert [result.get(k, 0) for k in range(len(block))] == [expected[a] for a in block]
        check_form(found, table, degrees, groups, target)


def check_form(
    found: JetAlgebra,
    table: ProductTable,
    degrees: tuple[int, ...],
    groups: tuple[int, ...],
    target: int,
) -> None:
    """Shapes, order, and only what is needed."""
    terms = len(table.coefficients)
    assert table.indices.shape == (terms, len(degrees))
    assert table.target.shape == (terms,)
    assert table.indices.dtype == table.target.dtype == "int64"
    keys = [(t, *row) for t, row in zip(table.target.tolist(), table.indices.tolist(), strict=True)]
    assert keys == sorted(set(keys))
    assert all(table.coefficients)
    kinds = list(zip(groups, degrees, strict=True))
    for i, j in product(range(len(kinds)), repeat=2):
        if i < j and kinds[i] == kinds[j]:
            assert (table.indices[:, i] <= table.indices[:, j]).all()
    if terms:
        assert table.target.max() < len(found.blocks[target])


def test_one_factor_is_the_identity() -> None:
    x, y = sp.symbols("x y")
    found = algebra((x**2 + y**2) ** 2, (x, y)).algebra
    table = found.product((2,), (0,), 2)
    assert table.indices.tolist() == [[0], [1], [2]]
    assert table.target.tolist() == [0, 1, 2]
    assert list(table.coefficients) == [1, 1, 1]
    assert found.product((2,), (0,), 3).coefficients == ()


def test_factors_of_one_group_are_listed_once() -> None:
    x, y = sp.symbols("x y")
    found = algebra((x**2 + y**2) ** 2, (x, y)).algebra
    # Lap^2 of f^4 / 4! is |grad f|^4 = f_x^4 + 2 f_x^2 f_y^2 + f_y^4 where f is 0.
    table = found.product((1,) * 4, (0,) * 4, 4)
    assert table.indices.tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]
    assert [number / 24 for number in table.coefficients] == [1, 2, 1]
    # As four different ones: the 2 comes from 4! / (2! 2!) = 6 orders.
    apart = found.product((1,) * 4, (0, 1, 2, 3), 4)
    assert len(apart.coefficients) == 1 + 6 + 1
    assert {number / 24 for number in apart.coefficients} == {1, Fraction(2, 6)}


def test_heat() -> None:
    t, x = sp.symbols("t x")
    found = algebra(t - x**2, (t, x)).algebra
    assert found.basis == ((), (1,), (1, 1))
    assert found.rows == {(): {(): 1}, (1,): {(1,): 1}, (1, 1): {(1, 1): 1, (0,): -1}}
    assert found.reduce((0,)) == {(1, 1): -1}
    assert found.reduce_plain((0,)) == {(1, 1): Fraction(-1, 2)}
    assert found.reduce((0, 1)) == {}
    assert found.blocks == {1: ((1,),), 2: ((1, 1),)}


def test_terms_that_are_zero_are_left_out() -> None:
    zero, one = Fraction(0), Fraction(1)
    found = JetAlgebra([{(0, 0): zero, (1,): one}, {(0,): zero}], 2)
    assert found.polynomials == ({(1,): one}, {})
    assert found.basis == ((), (1,))


# Dimensions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 2, 3, 5, 6])
def test_laplacian(dimension: int) -> None:
    x = sp.symbols(f"x0:{dimension}")
    found = algebra(squares(x), x)
    assert found.dimension == dimension + 2
    assert found.basis == (1, *x, x[0] ** 2)
    mixed = [sp.Eq(x[i] * x[j], 0) for i in range(dimension) for j in range(i + 1, dimension)]
    same = [sp.Eq(t**2, x[0] ** 2) for t in x[1:]]
    assert set(found.relations) == {*mixed, *same}


@pytest.mark.parametrize("dimension", [2, 3, 5, 6])
def test_biharmonic(dimension: int) -> None:
    x = sp.symbols(f"x0:{dimension}")
    found = algebra(squares(x) ** 2, x)
    pairs = dimension * (dimension + 1) // 2
    assert found.hilbert == [1, dimension, pairs, dimension, 1]
    assert found.dimension == (dimension**2 + 5 * dimension + 4) // 2


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("directions", [1, 2, 5])
def test_sum_of_powers_is_collapsed_jets(order: int, directions: int) -> None:
    x = sp.symbols(f"x0:{directions}")
    found = algebra(sp.Add(*(t**order for t in x)), x)
    assert found.dimension == (order - 1) * directions + 2
    jets = [t**k for k in range(1, order) for t in x]
    assert list(found.basis) == [1, *jets, x[0] ** order]


def pde_cases() -> list[Any]:
    t, x, y, z = sp.symbols("t x y z")
    laplacian = x**2 + y**2
    cases = [
        ("heat, 1 space dimension", t - x**2, (t, x), 3),
        ("heat, 2 space dimensions", t - laplacian, (t, x, y), 4),
        ("heat, 3 space dimensions", t - squares((x, y, z)), (t, x, y, z), 5),
        ("wave", t**2 - laplacian, (t, x, y), 5),
        ("u_xy", x * y, (x, y), 4),
        ("u_xxyy", x**2 * y**2, (x, y), 9),
        ("Korteweg-de Vries", [1, t, x, x**3], (t, x), 5),
        ("Kuramoto-Sivashinsky", [1, t, x, x**2, x**4], (t, x), 6),
        ("Cahn-Hilliard", [1, t, x, y, laplacian, laplacian**2], (t, x, y), 10),
        ("the value", 1, (x,), 1),
        ("nothing", 0, (x,), 1),
        ("u and its gradient and Laplacian", [1, x, y, laplacian], (x, y), 4),
        ("rank 1", (x + 2 * y - z) ** 2, (x, y, z), 3),
    ]
    return [pytest.param(*case[1:], id=str(case[0])) for case in cases]


@pytest.mark.parametrize(("operators", "symbols", "dimension"), pde_cases())
def test_operators_of_equations(
    operators: Any, symbols: tuple[sp.Symbol, ...], dimension: int
) -> None:
    found = algebra(operators, symbols)
    assert found.dimension == len(found.basis) == sum(found.hilbert) == dimension


def test_biharmonic_in_50_dimensions_is_sparse() -> None:
    size = 50
    pairs = combinations_with_replacement(range(size), 2)
    square: Polynomial = {(i, i, j, j): Fraction(1 if i == j else 2) for i, j in pairs}
    found = JetAlgebra([square], size)
    halves = found.product((2, 2), (0, 0), 4)
    assert found.dimension == 1377
    assert [len(block) for block in found.blocks.values()] == [50, 1275, 50, 1]
    assert sum(len(row) for row in found.rows.values()) == 1 + 50 + 1275 + 50 * 50 + 1275
    # Lap^2 (f^2 / 2) has 4 sum f_ij^2 + 2 (Lap f)^2 / 2 in it: f_ij^2, and f_ii f_jj.
    assert len(halves.coefficients) == 1275 + 1225


def test_thousands_of_directions() -> None:
    found = JetAlgebra([{(i, i): Fraction(1) for i in range(1000)}], 1000)
    assert found.dimension == 1002
