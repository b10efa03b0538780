"""Cells and faces of arrangements: counts in general and degenerate position, and every face that a grid of
points meets.
"""

from __future__ import annotations

import itertools
import random
from math import comb

import pytest
from brute_hulls import dot, rank, regions, signs_at
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.algebra.arrangement import cells, flats
from certflow.algebra.directions import primitive
from certflow.outcome import Inconclusive


def general_count(n, d):
    return 2 * sum(comb(n - 1, k) for k in range(d)) if n else 1


def distinct(rows):
    return sorted({primitive(row)[0] for row in rows if any(row)})


def random_normals(n, d, bits, seed):
    source = random.Random(seed)
    return distinct([source.randint(-(2**bits), 2**bits) for _ in range(d)] for _ in range(n))


def arrangements(most_dimensions=4, most_normals=6):
    def of(d):
        rows = st.lists(st.tuples(*[st.integers(-1, 2)] * d), max_size=most_normals)
        return st.tuples(st.just(d), rows.map(distinct))

    return st.integers(1, most_dimensions).flatmap(of)


def cells_of(normals, d, most=None):
    """(signs, interior point) of every cell."""
    signs, points = cells(normals, d, most)
    return [(tuple(s), tuple(p)) for s, p in zip(signs.tolist(), points.tolist(), strict=True)]


def faces(normals, d):
    """(signs, interior point, basis of the span) of every face but the origin."""
    for flat in flats(normals, d):
        assert flat.dimension == flat.basis.shape[1]
        for s, p in zip(flat.signs.tolist(), flat.interiors.tolist(), strict=True):
            yield tuple(s), tuple(p), flat.basis.T.tolist()


@pytest.mark.parametrize(
    ("n", "d"), [(0, 1), (1, 1), (0, 3), (1, 3), (2, 3), (7, 2), (9, 3), (50, 3), (8, 4), (9, 5)]
)
def test_counts_in_general_position(n, d):
    normals = random_normals(n, d, 40, seed=n + d)
    assert len(normals) == n
    found = cells_of(normals, d)
    assert len(found) == general_count(n, d)
    assert all(signs_at(normals, interior) == signs for signs, interior in found)
    by_dimension = dict.fromkeys(range(1, d + 1), 0)
    for flat in flats(normals, d):
        by_dimension[flat.dimension] += len(flat.signs)
    assert by_dimension == {
        k: comb(n, d - k) * general_count(n - (d - k), k) if n >= d - k else 0 for k in range(1, d + 1)
    }


def test_four_dimensions():
    assert len(cells(random_normals(30, 4, 50, seed=1), 4)[0]) == 8180


@given(arrangements())
@example(
    (3, distinct([(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0)]))
)  # a pencil: the intersection of all is a line
@example((2, []))
def test_counts_in_any_position(arrangement):
    d, normals = arrangement
    found = cells_of(normals, d)
    assert len(found) == len({signs for signs, _ in found}) == regions(normals)
    assert all(signs_at(normals, interior) == signs for signs, interior in found)


@given(arrangements(most_dimensions=3))
@example((3, distinct(itertools.product((-1, 0, 1), repeat=3))))
@example((3, distinct([(1, 1, 0), (1, -1, 0), (2, 1, 0)])))
def test_faces_are_those_that_a_grid_meets(arrangement):
    d, normals = arrangement
    found = list(faces(normals, d))
    listed = [signs for signs, _, _ in found]
    assert len(set(listed)) == len(listed)
    for signs, interior, basis in found:
        assert signs_at(normals, interior) == signs
        through = [h for h, sign in zip(normals, signs, strict=True) if sign == 0]
        assert all(dot(h, b) == 0 for h in through for b in basis)
        assert rank(basis) == len(basis) == d - rank(through)
    grid = {signs_at(normals, u) for u in itertools.product(range(-5, 6), repeat=d) if any(u)}
    origin = (0,) * len(normals)
    assert grid <= set(listed)
    # Faces are open cones: the other points of the origin's face are there iff the intersection of all is not
    # just 0.
    assert (origin in listed) == (rank(normals) < d)
    assert set(listed) == {tuple(-s for s in signs) for signs in listed}


def test_dimensions_fall_and_cells_come_first():
    normals = random_normals(6, 3, 10, seed=2)
    found = list(faces(normals, 3))
    dimensions = [len(basis) for _, _, basis in found]
    assert dimensions == sorted(dimensions, reverse=True)
    assert {signs for signs, _, basis in found if len(basis) == 3} == {
        signs for signs, _ in cells_of(normals, 3)
    }


def test_too_many_cells():
    normals = random_normals(40, 5, 10, seed=3)
    with pytest.raises(Inconclusive, match="more than 500 cells"):
        cells(normals, 5, most=500)
    with pytest.raises(Inconclusive, match="more than 500 cells"):
        next(flats(normals, 5, most=500))
    assert len(cells_of(normals[:5], 5, most=32)) == 32
