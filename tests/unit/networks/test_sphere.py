"""The tangent space of the sphere, against a matrix whose eigenvectors are known."""

import numpy as np

from certflow.networks.sphere import tangent_basis, tangential_top


def test_rows_are_orthonormal_and_orthogonal_to_the_vector():
    u = np.array([1.0, -2.0, 2.0, 0.5])
    basis = tangent_basis(u)
    assert basis.shape == (3, 4)
    assert np.allclose(basis @ basis.T, np.eye(3), atol=1e-14)
    assert np.allclose(basis @ u, 0.0, atol=1e-14)


def test_top_eigenvalue_leaves_out_the_radial_one():
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
    A = (Q * [9.0, 3.0, -1.0, 2.0]) @ Q.T
    assert np.isclose(tangential_top(A, Q[:, 0]), 3.0, rtol=1e-13)
    assert np.isclose(tangential_top(A, -5.0 * Q[:, 1]), 9.0, rtol=1e-13)


def test_one_weight_has_no_tangent_directions():
    assert tangential_top(np.array([[4.0]]), np.array([1.0])) == -np.inf
