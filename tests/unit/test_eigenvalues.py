"""Verified definiteness against exact rational arithmetic and dense eigenvalues."""

from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.eigenvalues import (
    block_definite_off_direction,
    is_positive_semidefinite,
    smallest_shift,
    symmetric_norm_upper,
)


def exact_semidefinite(matrix):
    """Whether a matrix of floats is positive semidefinite, by elimination in rationals (strictly positive pivots)."""
    rows = [[Fraction(float(v)) for v in row] for row in matrix]
    for k in range(len(rows)):
        if rows[k][k] < 0:
            return False
        if rows[k][k] == 0:
            if any(rows[k][k:]):
                return False
            continue
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return True


def symmetric(rng, k):
    A = rng.standard_normal((k, k))
    return A + A.T


@pytest.mark.parametrize("seed", range(20))
def test_what_is_accepted_is_semidefinite(seed):
    rng = np.random.default_rng(seed)
    A = symmetric(rng, 6)
    least = np.linalg.eigvalsh(A)[0]
    for excess in (-1e-3, -1e-12, 0.0, 1e-12, 1e-9, 1e-3):
        M = A - (least - excess) * np.eye(6)
        if is_positive_semidefinite(M):
            assert exact_semidefinite(M)
    assert is_positive_semidefinite(A - (least - 1e-9) * np.eye(6))
    assert not is_positive_semidefinite(A - (least + 1e-12) * np.eye(6))


def test_not_a_number_is_not_definite():
    assert not is_positive_semidefinite(np.full((2, 2), np.nan))
    assert not is_positive_semidefinite(np.diag([np.inf, 1.0]))


def dense(blocks):
    size = sum(len(b) for b in blocks)
    whole, at = np.zeros((size, size)), 0
    for b in blocks:
        whole[at : at + len(b), at : at + len(b)] = b
        at += len(b)
    return whole


@pytest.mark.parametrize("seed", range(30))
def test_blocks_off_a_direction(seed):
    rng = np.random.default_rng(seed)
    blocks = [symmetric(rng, 3) for _ in range(4)]
    W = [rng.standard_normal(3) * scale for scale in (1.0, 0.3, 0.1, 0.0)]
    order = int(rng.integers(4))
    blocks[order] = blocks[order] + 8 * np.outer(W[order], W[order])
    losses, offset, ell = [0.01, 0.0, 0.02, 0.0], 1e-3, 0.3
    mu, s = smallest_shift(blocks, W, losses, offset, ell)
    shifted = [(mu + ell - t - s * offset**2) * np.eye(3) - A for A, t in zip(blocks, losses, strict=True)]
    assert block_definite_off_direction(shifted, W, s)
    w = np.concatenate(W)
    whole = dense(shifted) + s * np.outer(w, w)
    assert np.linalg.eigvalsh(whole)[0] >= -1e-9
    # No smaller than the true tangential eigenvalue, and not far above it where the losses are small.
    Q = np.linalg.svd(w[None])[2][1:].T
    true = np.linalg.eigvalsh(Q.T @ dense(blocks) @ Q)[-1]
    assert true - 1e-9 <= mu + ell <= true + 0.1


def test_the_split_that_looks_right_is_refused():
    # M_b >= -s W W^T and M_j >= s W W^T are not enough: v = (-2, 1) gives -2.
    blocks, W = [np.array([[-1.0]]), np.array([[1.0]])], [np.array([1.0]), np.array([1.0])]
    assert not block_definite_off_direction(blocks, W, 1.0)


def test_norms():
    rng = np.random.default_rng(3)
    A = np.array([symmetric(rng, 5) for _ in range(50)])
    assert (symmetric_norm_upper(np.abs(A)) >= np.abs(np.linalg.eigvalsh(A)).max(axis=1)).all()
