"""Subspaces of symmetric starts, and eigenvalue bounds within them."""

import itertools
import random
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.within import Generator, Orthogonal, independent, invariant

TWINS = [{i: F(1), 3 + i: F(-1)} for i in range(3)]
SLANTED = [{0: F(4), 1: F(-3)}, {3: F(4, 7), 4: F(-3, 7)}]
EQUAL = Generator(None, None, ((1, (1, 0)),))


def exact(vector):
    return [F(int(v)) for v in vector]


def form(matrix, v):
    return sum(F(float(matrix[i, j])) * v[i] * v[j] for i, j in itertools.product(range(len(v)), repeat=2))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("normals", [TWINS, SLANTED, TWINS + SLANTED[:1]])
def test_the_bound_is_one_of_the_form_within(normals, seed):
    rng = random.Random(seed)
    space = invariant((), normals, 2, 3)
    A = np.array(
        [[[[rng.randint(-9, 9) for _ in range(3)] for _ in range(3)] for _ in range(2)] for _ in range(3)]
    )
    A = (A + A.transpose(0, 1, 3, 2)).astype(float)
    loss = np.array([[rng.choice([0.0, 1.0, 0.1]), rng.choice([0.0, 3.0, 0.7])] for _ in range(3)])
    found, worst = space.restricted(MidRad.exact(A), loss)
    assert found.mid.shape == (3, 1, 6, 6) and worst.shape == (3, 1)
    for place, _ in itertools.product(range(3), range(5)):
        y = [rng.randint(-9, 9) for _ in range(space.dimension)]
        v = exact(np.array(y) @ space.basis)
        parts = v[:3], v[3:]
        largest = sum(
            form(A[place, j], own) + F(float(loss[place, j])) * sum(c * c for c in own)
            for j, own in enumerate(parts)
        )
        bound = form(found.mid[place, 0], v) + F(float(worst[place, 0])) * sum(c * c for c in v)
        assert largest <= bound <= largest + F(1, 10**9) * sum(c * c for c in v)


def test_directions_off_the_subspace_do_not_count():
    space = invariant((), TWINS, 2, 3)
    A = np.array([[np.diag([5.0, 1.0, 2.0]), np.diag([5.0, 1.0, 2.0])]])
    A[0, 0, 0, 1] = A[0, 0, 1, 0] = 30.0
    A[0, 1, 0, 1] = A[0, 1, 1, 0] = -30.0
    found, _ = space.restricted(MidRad.exact(A), np.zeros((1, 2)))
    assert np.linalg.eigvalsh(A[0, 0])[-1] > 30
    inside = space.basis.T / np.linalg.norm(space.basis, axis=1)
    within = np.linalg.eigvalsh(inside.T @ found.mid[0, 0] @ inside)
    assert np.allclose(within, [1.0, 2.0, 5.0])


def test_gaps_are_bounded_from_above_by_hessians_that_are_no_larger():
    """What is subtracted from the diagonal makes no lower bound of a form larger."""
    space = invariant((), TWINS, 2, 3)
    A = MidRad(np.ones((1, 2, 3, 3)), np.full((1, 2, 3, 3), 0.25))
    found, _ = space.restricted(A, np.array([[0.5, 3.0]]))
    v = exact([1, 2, -1, 1, 2, -1])
    low = form(found.mid[0, 0] - found.rad[0, 0], [abs(c) for c in v])
    assert low <= form(A.lower()[0, 0], [abs(c) for c in v[:3]]) * 2


def test_basis_and_normals_are_whole_and_orthogonal():
    for normals, dimension in ((TWINS, 3), (SLANTED, 4), (TWINS + SLANTED, 2)):
        space = invariant((), normals, 2, 3)
        assert space.dimension == dimension and len(space.normals) == 6 - dimension
        assert not (space.normals @ space.basis.T).any()
        # What the weight of the normals rests on.
        pivots = [np.flatnonzero(row)[0] for row in space.normals]
        assert all(
            abs(row[k]) >= 1 and np.count_nonzero(space.normals[:, k]) == 1
            for row, k in zip(space.normals, pivots, strict=True)
        )


def test_nothing_is_made_of_no_normals_all_normals_or_large_numbers():
    assert invariant((), [], 1, 2) is None and invariant((), [{}], 1, 2) is None
    assert invariant((), [{0: F(1)}, {1: F(1)}], 1, 2) is None
    assert invariant((), [{0: F(1), 1: F(1, 1025)}], 1, 2) is None
    assert invariant((), [{0: F(1), 1: F(1, 1024)}], 1, 2) is not None


def test_independent_rows_have_the_same_span():
    rows = independent(np.array(row, dtype=object) for row in [[F(1), 2, 3], [2, 4, 6], [1, 2, 4]])
    assert [row.tolist() for row in rows] == [[1, 2, 0], [0, 0, 1]]


def test_entries_of_a_certificate():
    turned = Generator(((F(3, 5), F(4, 5)), (F(4, 5), F(-3, 5))), (1, 0), ((2, (1, 0)),))
    assert turned.to_json() == {
        "inputs": [["3/5", "4/5"], ["4/5", "-3/5"]],
        "samples": [1, 0],
        "neurons": {"2": [1, 0]},
    }
    assert EQUAL.to_json() == {"inputs": None, "samples": None, "neurons": {"1": [1, 0]}}
    assert Orthogonal(((F(1), F(-1, 2)),), (0, 2)).to_json() == {
        "orthogonal": [["1", "-1/2"]],
        "neurons": [0, 2],
    }
