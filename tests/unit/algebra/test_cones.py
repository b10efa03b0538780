"""Generators of cones and zero in a hull, against brute force over subsets of generators."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

from brute_hulls import dot, in_cone, rank, zero_in_hull_by_force
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.algebra.cones import generators, zero_combination, zero_in_hull


def matrices(most_rows, most_columns=4, least_rows=0):
    def of(d):
        return st.lists(st.tuples(*[st.integers(-2, 2)] * d), min_size=least_rows, max_size=most_rows)

    return st.integers(1, most_columns).flatmap(lambda d: st.tuples(st.just(d), of(d)))


@given(matrices(7), st.integers(0, 2))
@example(
    (3, [(1, 0, 1), (-1, 0, 1), (0, 1, 1), (0, -1, 1)]), 0
)  # a pyramid: more facets than dimensions meet in no ray
@example(
    (3, [(1, 0, 1), (-1, 0, 1), (0, 1, 1), (0, -1, 1), (1, 1, 0)]), 0
)  # cut along a diagonal of the pyramid
@example((3, [(1, 0, 0), (-1, 0, 0), (0, 1, 0)]), 0)  # two inequalities are an equality; a line stays
@example((2, [(1, 0), (-1, 0), (0, 1), (0, -1)]), 0)  # only the origin
@example(
    (4, [(1, 0, 1, 0), (-1, 0, 1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 0, 1, 0)]), 0
)  # a line, and a redundant row
def test_generators(matrix, equalities):
    d, rows = matrix
    equal, more = rows[:equalities], rows[equalities:]
    rays, lines = generators(more, equal, d)
    assert all(dot(e, u) == 0 for e in equal for u in rays + lines)
    assert all(dot(a, line) == 0 for a in more for line in lines)
    assert all(dot(a, ray) >= 0 for a in more for ray in rays)
    assert all(math.gcd(*u) == 1 for u in rays + lines)
    assert len(lines) == rank(lines) == d - rank(rows)
    # A ray is extreme modulo the lines iff its tight rows leave one dimension more than the lines.
    tight = [frozenset(k for k, a in enumerate(rows) if dot(a, ray) == 0) for ray in rays]
    assert len(set(tight)) == len(tight)
    assert all(rank([rows[k] for k in some]) == d - len(lines) - 1 for some in tight)
    # And there are no others: every point of the cone is a combination.
    both = rays + lines + [tuple(-c for c in line) for line in lines]
    for u in itertools.product((-2, -1, 0, 1, 2) if d < 4 else (-1, 0, 1), repeat=d):
        if all(dot(a, u) >= 0 for a in more) and all(dot(e, u) == 0 for e in equal):
            assert in_cone(u, both)


@given(matrices(7, most_columns=3, least_rows=1))
@example((1, [(0,)]))
@example((2, [(1, 1), (1, 1)]))
@example((2, [(1, 0), (-1, 0)]))
@example((3, [(1, 1, 1), (-1, 1, 1), (0, -1, 1), (0, 0, -1), (2, 0, -2)]))
def test_zero_in_hull(matrix):
    d, points = matrix
    coefficients = zero_combination(points)
    assert zero_in_hull(points) == (coefficients is not None) == zero_in_hull_by_force(points)
    if coefficients is not None:
        assert sum(coefficients) == 1 and min(coefficients) >= 0
        assert all(dot(coefficients, column) == 0 for column in zip(*points, strict=True))


def test_zero_on_the_border_of_a_hull():
    slope = Fraction(1, 3)
    assert zero_in_hull([(1, slope), (-3, -1), (0, 5)])
    assert not zero_in_hull([(1, slope), (-3, -1 + Fraction(1, 10**30)), (0, 5)])


def test_many_points():
    circle = [(1000 - k, k) for k in range(1000)]
    assert not zero_in_hull(circle)
    assert zero_in_hull([*circle, (-1, 0), (500, -1)])
