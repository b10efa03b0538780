"""Proved eigenvalues and norms of float matrices, and one eigenvalue in balls, against exact ones."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.kkt.single.spectrum import norm_bound, spectrum
from certflow.kkt.single.top_eigenvalue import sharpened
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.one_hidden_layer import OneLayer


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=6), st.integers(0, 2**30))
def test_spectra_hold_the_exact_eigenvalues(values: list[int], seed: int) -> None:
    # Reflections with rational entries of few bits: the matrix is exact in doubles once it is scaled.
    k = len(values)
    v = np.random.default_rng(seed).integers(-3, 4, k)
    square = int(v @ v) or 1
    reflection = np.array(
        [[F(int(i == j)) - F(2 * int(v[i] * v[j]), square) for j in range(k)] for i in range(k)]
    )
    matrix = reflection @ np.diag([F(x) for x in values]) @ reflection * square**2
    found = spectrum(matrix.astype(float))
    expected = sorted(x * square**2 for x in values)
    for value, exact_value in zip(found.values.tolist(), expected, strict=True):
        assert abs(F(value) - exact_value) <= F(found.error)
    assert F(found.smallest) <= min(abs(x) for x in expected)
    if found.smallest > 0:
        assert found.inertia == (sum(x > 0 for x in values), sum(x < 0 for x in values))


def test_an_eigenvalue_that_may_have_neighbours_is_not_sharpened() -> None:
    # The form 5 a² + 3 b² - c² at e1, τ = -30: eigenvalues 6 - 10, -2 - 10 and τ, the first at the place 2.
    X, z = np.array([[F(int(i == j)) for j in range(3)] for i in range(3)]), np.array([F(5), F(3), F(-1)])
    coarse = spectrum(np.diag([-30.0, -4.0, -12.0]))
    point = [Ball(int(i == 0), 160) for i in range(3)]

    def run(spread: F) -> Ball | None:
        N, tolerance = Correlation(OneLayer(3, 1, Activation(F(-1), 2)), X, z), F(1, 10**33)
        return sharpened(N, point, coarse, spread, 2, F(-30), tolerance, BallArithmetic(160))

    sharp = run(F(1))
    assert sharp is not None and sharp.contains(-4) and sharp.radius() < F(1, 10**30)
    assert run(F(9)) is None  # the one at -12 is then only known to be below -3


def test_a_matrix_that_is_not_symmetric_has_no_spectrum() -> None:
    with pytest.raises(ValueError, match="only symmetric"):
        spectrum(np.array([[1.0, 2.0], [0.0, 1.0]]))


@given(st.integers(1, 5), st.integers(0, 2**30))
def test_norm_bounds(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((k, k)) * rng.integers(0, 2, (k, k))
    A = (A + A.T) / 2
    assert norm_bound(np.abs(A)) >= np.linalg.norm(A, 2) * (1 - 1e-12)
    rank_one = np.outer(np.arange(1, k + 1), np.arange(1, k + 1)).astype(float)
    assert F(norm_bound(rank_one)) >= sum(i * i for i in range(1, k + 1))
    assert norm_bound(rank_one) <= np.linalg.norm(rank_one, 2) * 1.001
    assert norm_bound(np.zeros((k, k))) < 1e-200
