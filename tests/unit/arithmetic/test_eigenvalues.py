"""Verified definiteness: everything said to be semidefinite is so in exact arithmetic, and near the edge the
answer is found.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic import eigenvalues
from certflow.arithmetic.eigenvalues import (
    block_definite_off_direction,
    is_positive_semidefinite,
    largest_eigenvalue,
    smallest_shift,
    symmetric_norm_upper,
)
from certflow.arithmetic.midpoint_radius import MidRad

seeds = st.integers(0, 2**32 - 1)


def exactly_semidefinite(matrix):
    """Whether a symmetric matrix of rationals is positive semidefinite, by elimination in exact
    arithmetic.
    """
    rows = [list(row) for row in matrix]
    for i in range(len(rows)):
        pivot = rows[i][i]
        if pivot < 0 or (pivot == 0 and any(rows[i][i:])):
            return False
        for k in range(i + 1, len(rows)):
            if pivot:
                factor = rows[k][i] / pivot
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return True


def exact(matrix):
    return np.array(
        [Fraction(v) for v in np.asarray(matrix, dtype=float).ravel().tolist()], dtype=object
    ).reshape(np.shape(matrix))


def off_direction(blocks, directions, s):
    """The exact matrix of sum_j v_j^T M_j v_j + s (sum_j <v_j, W_j>)^2."""
    W = exact(np.concatenate(directions))
    total = Fraction(s) * W[:, None] * W[None, :]
    start = 0
    for block in blocks:
        end = start + len(block)
        total[start:end, start:end] += exact(block)
        start = end
    return total


def symmetric(rng, k, scale=1.0):
    matrix = rng.normal(size=(k, k)) * scale
    return matrix + matrix.T


def a_case(seed):
    """Blocks of several sizes, of which some are large along the direction, and the direction; now and then
    with zeros.
    """
    rng = np.random.default_rng(seed)
    blocks, directions = [], []
    for _ in range(rng.integers(1, 4)):
        k = int(rng.integers(1, 4))
        W = rng.normal(size=k) * (rng.random() > 0.2)
        blocks.append(symmetric(rng, k, 0.1) + rng.choice([0.0, 1.0]) * np.outer(W, W))
        directions.append(W)
    losses = rng.choice([0.0, 1e-3], size=len(blocks))
    return blocks, directions, losses, float(10.0 ** rng.uniform(-6, 0)), float(rng.normal())


def shifted(blocks, losses, offset, ell, mu, s):
    return [
        np.diag(np.full(len(A), mu + ell - t - s * offset**2)) - A
        for A, t in zip(blocks, losses, strict=True)
    ]


@given(seeds, st.sampled_from([-1e-3, -1e-9, 0.0, 1e-13, 1e-9, 1e-3]))
def test_semidefinite_matrices_are_exactly_so(seed, lift):
    rng = np.random.default_rng(seed)
    stack = []
    for _ in range(3):
        factor = rng.normal(size=(4, int(rng.integers(1, 5))))
        gram = factor @ factor.T
        stack.append((gram + gram.T) / 2 + lift * np.eye(4))
    answers = is_positive_semidefinite(np.array(stack))
    assert answers.shape == (3,)
    for answer, matrix in zip(answers, stack, strict=True):
        assert not answer or exactly_semidefinite(exact(matrix))
        assert answer or lift < 1e-9
        assert answer == is_positive_semidefinite(matrix)


@given(seeds)
def test_a_radius_is_subtracted(seed):
    rng = np.random.default_rng(seed)
    matrix = symmetric(rng, 4)
    least = np.linalg.eigvalsh(matrix)[0]
    definite = matrix + (1.0 - least) * np.eye(4)
    noise = rng.random((4, 4))
    noise = (noise + noise.T) / 2
    width = np.abs(noise).sum(axis=1).max()
    assert is_positive_semidefinite(definite, noise / width * 0.99)
    assert not is_positive_semidefinite(np.eye(4), np.ones((4, 4)) * 0.3)


@given(seeds, st.sampled_from([1e-100, 1.0, 1e100]))
def test_the_largest_eigenvalue_is_bounded_exactly_and_closely(seed, scale):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 5))
    mid, rad = symmetric(rng, k) * scale, np.full((k, k), 1e-9 * scale)
    bound = largest_eigenvalue(MidRad(mid, rad))
    shaken = exact(mid) + exact(rad) * exact(np.ones((k, k)))
    assert exactly_semidefinite(np.diag([Fraction(bound)] * k) - shaken)
    assert bound <= max(0.0, np.linalg.eigvalsh(mid)[-1]) + 1e-5 * np.linalg.norm(mid)


def test_what_is_no_symmetric_finite_matrix_is_refused_or_unproved():
    with pytest.raises(ValueError, match="symmetric"):
        is_positive_semidefinite(np.array([[1.0, 0.5], [0.4, 1.0]]))
    with pytest.raises(ValueError, match="shape"):
        is_positive_semidefinite(np.empty((0, 2)))
    assert not is_positive_semidefinite(np.array([[np.inf, 0.0], [0.0, 1.0]]))
    assert not is_positive_semidefinite(np.full((2, 2), np.nan))
    assert not is_positive_semidefinite(np.array([[-1e-30]]))
    assert is_positive_semidefinite(np.empty((0, 0)))


@pytest.mark.parametrize("scale", [2.0**-400, 2.0**-40, 1.0, 2.0**400])
def test_definiteness_does_not_depend_on_the_size(scale):
    matrix, low = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([[1.0, 1.0 + 2.0**-20], [1.0 + 2.0**-20, 1.0]])
    assert is_positive_semidefinite(matrix * scale) and not is_positive_semidefinite(low * scale)
    mu, s = smallest_shift([matrix * scale], [np.array([1.0, 1.0])], [0.0], 0.0, 3 * scale)
    # Off (1, 1) the eigenvalue is 1, which is 2 below that of (1, 1).
    assert -2 <= mu / scale < -1.999999 and 2 / 2 <= s / scale < 1e9


@given(seeds, st.sampled_from([1.0, 1e-200, 1e200]))
def test_the_norm_bound_holds(seed, scale):
    rng = np.random.default_rng(seed)
    matrices = np.array([symmetric(rng, 3, scale) for _ in range(4)])
    bounds = symmetric_norm_upper(np.abs(matrices))
    for matrix, bound in zip(matrices, bounds, strict=True):
        # |bound| I -+ M is semidefinite, exactly.
        unit = exact(np.eye(3)) * Fraction(float(bound))
        assert exactly_semidefinite(unit - exact(matrix)) and exactly_semidefinite(unit + exact(matrix))
    if scale > 1e-100:
        assert (bounds <= 2 * np.abs(matrices).sum(axis=2).max(axis=1)).all()
    assert symmetric_norm_upper(np.zeros((2, 2))) < 1e-100


@given(seeds, st.sampled_from([-1e-2, -1e-5, 0.0, 1e-5]))
def test_forms_said_to_be_definite_off_a_direction_are_exactly_so(seed, more):
    blocks, directions, losses, offset, ell = a_case(seed)
    mu, s = smallest_shift(blocks, directions, losses, offset, ell)
    matrices = shifted(blocks, losses, offset, ell, mu + more, s)
    if block_definite_off_direction(matrices, directions, s):
        assert exactly_semidefinite(off_direction(matrices, directions, s))


@given(seeds)
def test_the_proposed_shift_is_proved_and_nearly_smallest(seed):
    blocks, directions, losses, offset, ell = a_case(seed)
    mu, s = smallest_shift(blocks, directions, losses, offset, ell)
    assert s >= 0
    assert block_definite_off_direction(shifted(blocks, losses, offset, ell, mu, s), directions, s)
    dimension = sum(len(block) for block in blocks)
    if dimension == 1:
        return
    for other in [0.0, *np.geomspace(1e-3, 1e6, 60)]:
        # No other s allows a much smaller shift; the margins are relative to the sizes.
        size = 1.0 + abs(ell) + other * (1 + offset**2)
        smaller = mu - 1e-6 * size - 1e-3 * abs(mu)
        matrices = shifted(blocks, losses, offset, ell, smaller, other)
        full = np.zeros((dimension, dimension))
        start = 0
        for block in matrices:
            full[start : start + len(block), start : start + len(block)] = block
            start += len(block)
        W = np.concatenate(directions)
        assert np.linalg.eigvalsh(full + other * np.outer(W, W))[0] < 1e-9 * size


def test_two_blocks_share_the_direction_and_neither_has_all_of_it():
    """The square helps by s x^2 only where the other block gives nothing back: at v = (-2, 1) this form is
    -2.
    """
    blocks, directions = [np.array([[-1.0]]), np.array([[1.0]])], [np.array([1.0]), np.array([1.0])]
    assert not block_definite_off_direction(blocks, directions, 1.0)
    assert not block_definite_off_direction(blocks, directions, 1e12)
    assert block_definite_off_direction([np.array([[-0.5]]), np.array([[1.5]])], directions, 1.0)
    assert not block_definite_off_direction([np.array([[-0.61]]), np.array([[1.5]])], directions, 1.0)


def test_a_wrong_factor_or_a_wrong_share_proves_nothing(monkeypatch):
    """What floating-point algorithms propose is checked; here they claim too much."""
    monkeypatch.setattr(eigenvalues, "_shares", lambda M, W, definite: np.full(len(M), 0.75 / 1.5))
    directions = [np.array([1.0]), np.array([1.0])]
    assert not block_definite_off_direction([np.array([[-0.61]]), np.array([[1.5]])], directions, 1.0)
    monkeypatch.setattr(
        eigenvalues, "_cholesky", lambda M: (np.broadcast_to(np.eye(2), M.shape), np.ones(len(M), dtype=bool))
    )
    assert not is_positive_semidefinite(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert is_positive_semidefinite(np.eye(2) * (1 + 2.0**-39))


def test_more_than_one_bad_block_or_no_direction_proves_nothing():
    bad, good, W = np.array([[-1.0]]), np.array([[1.0]]), np.array([1.0])
    assert not block_definite_off_direction([bad, bad], [W, W], 100.0)
    assert not block_definite_off_direction([bad, good], [0 * W, W], 100.0)
    assert not block_definite_off_direction([bad, good], [W, 0 * W], 0.0)
    # Without s the direction does not matter, whatever its size.
    assert not block_definite_off_direction([bad], [1e152 * W], 0.0)
    assert not block_definite_off_direction([bad, good], [W, 0 * W], float("inf"))
    assert block_definite_off_direction([bad, good], [W, 0 * W], 1.5)
    assert block_definite_off_direction([good, good], [W, W], 0.0)
