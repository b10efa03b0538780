"""Whole directions and lines in lowest terms, and the exact order of directions of the plane by angle."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tied_directions import COUNTERCLOCKWISE

from certflow.algebra.directions import (
    angular_order,
    coprime,
    counterclockwise,
    cross,
    degrees,
    dot,
    parallel,
    primitive,
    reduced,
)

integers = st.integers(-6, 6)
pairs = st.tuples(integers, integers).filter(any)
huge = st.tuples(st.integers(-(10**400), 10**400), st.integers(-(10**400), 10**400)).filter(any)
rows = st.lists(st.integers(-30, 30), min_size=1, max_size=5).filter(any)


@given(rows, st.fractions(F(1, 100), 100))
def test_lowest_terms_keep_the_direction_and_the_scale(row: list[int], scale: F) -> None:
    given_row = [c * scale for c in row]
    direction, s = reduced(given_row)
    assert s > 0 and [c * s for c in direction] == given_row and math.gcd(*direction) == 1
    assert direction == coprime(row)
    normal, t = primitive(given_row)
    assert [c * t for c in normal] == given_row and next(c for c in normal if c) > 0
    assert normal == primitive([-c for c in given_row])[0]


@given(st.lists(st.one_of(pairs, huge), max_size=20))
def test_directions_come_in_exact_order(raw: list[tuple[int, int]]) -> None:
    directions = sorted({coprime(d) for d in raw})
    places = counterclockwise(directions)
    assert sorted(places) == list(range(len(directions)))
    ordered = [directions[i] for i in places]
    halves = [0 if y < 0 else 1 if y == 0 < x else 2 if y > 0 else 3 for x, y in ordered]
    assert halves == sorted(halves)
    for (h, u), (k, v) in itertools.pairwise(zip(halves, ordered, strict=True)):
        assert h < k or u[0] * v[1] - u[1] * v[0] > 0


def test_neighbours_that_doubles_confuse() -> None:
    """Fractions near 1/3 whose angles are 10^-40 apart, in any order."""
    near = [(-(3 * 10**20) - k, -(10**20)) for k in range(50)]
    assert len({math.atan2(y, x) for x, y in near}) == 1
    random.Random(0).shuffle(near)
    assert [near[i][0] for i in counterclockwise(near)] == sorted(x for x, _ in near)


def test_angular_order_decides_where_doubles_tie() -> None:
    for u, v in itertools.combinations(COUNTERCLOCKWISE, 2):
        assert (angular_order(u, v), angular_order(v, u), angular_order(u, u)) == (-1, 1, 0)
    assert counterclockwise(COUNTERCLOCKWISE[::-1]) == list(range(len(COUNTERCLOCKWISE)))[::-1]


@given(
    st.lists(st.fractions(-5, 5, max_denominator=4), min_size=2, max_size=4),
    st.fractions(-3, 3, max_denominator=5),
)
def test_products_and_parallels(x: list[F], scale: F) -> None:
    multiple = [scale * c for c in x]
    assert dot(x, multiple) == scale * sum(c * c for c in x)
    assert parallel(x, multiple) and parallel(multiple, x)
    turned = [*x[:-1], x[-1] + 1]
    assert parallel(x, turned) == (not any(x[:-1]))


def test_cross_is_positive_counterclockwise() -> None:
    assert cross((1, 0), (0, 1)) == 1 and cross((0, 1), (1, 0)) == -1 and cross((2, 4), (-1, -2)) == 0


def test_angles_of_directions_with_thousands_of_digits() -> None:
    assert degrees((10**4000, 10**4000)) == pytest.approx(45)
    assert degrees((-(10**400), 0)) == 180.0
