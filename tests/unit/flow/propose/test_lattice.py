"""Numbers of the grid in a subspace of symmetric starts."""

from fractions import Fraction as F

import numpy as np

from certflow.flow.enclose.within import Generator, Orthogonal, invariant
from certflow.flow.propose.lattice import Lattice

TWINS = [{i: F(1), 3 + i: F(-1)} for i in range(3)]
SLANTED = [{0: F(4), 1: F(-3)}, {3: F(4, 7), 4: F(-3, 7)}]
EQUAL = Generator(None, None, ((1, (1, 0)),))


def test_parts_that_normals_join_are_followed_as_one():
    assert Lattice(invariant((EQUAL,), TWINS, 2, 3)).components == [[0, 1]]
    assert Lattice(invariant((), SLANTED, 2, 3)).components == [[0], [1]]
    three = invariant((), [{0: F(1), 4: F(-1)}, {1: F(1), 5: F(-1)}], 3, 2)
    assert Lattice(three).components == [[0, 2], [1]]
    chain = [{0: F(1), 2: F(-1)}, {4: F(1), 6: F(-1)}, {2: F(1), 4: F(-1)}]
    assert Lattice(invariant((), chain, 4, 2)).components == [[0, 1, 2, 3]]


def test_kinks_of_a_mirror_image_are_those_of_the_mirrored_samples():
    flip = Generator(((F(1), F(0)), (F(0), F(-1))), (1, 0, 2), ((1, (1, 0)),))
    space = invariant((flip,), [{0: F(1), 2: F(-1)}, {1: F(1), 3: F(1)}], 2, 2)
    assert {j: order.tolist() for j, order in Lattice(space).orders(3).items()} == {
        0: [0, 1, 2],
        1: [1, 0, 2],
    }
    beside = Orthogonal(((F(1), F(0)),), (0,))
    assert set(Lattice(invariant((beside, EQUAL), TWINS, 2, 3)).orders(2)) == {0, 1}


def test_rounded_points_lie_in_the_subspace():
    rng = np.random.default_rng(1)
    for normals in (TWINS, SLANTED, TWINS + SLANTED[:1]):
        space = invariant((EQUAL,), normals, 2, 3)
        values = rng.normal(size=(2, 3)) * 2.0**40
        near = Lattice(space).nearest(values)
        assert not (space.normals @ near.reshape(-1)).any()
        inside = (Lattice(space).orthonormal @ (Lattice(space).orthonormal.T @ values.reshape(-1))).reshape(
            2, 3
        )
        assert np.abs(near - inside).max() < 8 * np.abs(space.basis).max()


def test_the_coefficients_of_a_neuron_are_those_of_its_mirror_image():
    space = invariant((), [{0: F(1), 2: F(-1)}, {1: F(1), 3: F(1)}], 2, 2)
    own, other = Lattice(space).spread(0, np.array([[3.2, 4.7], [-1.4, 0.2], [0.0, 0.0]]))
    assert own.tolist() == [[3, 5], [-1, 0], [0, 0]] and other.tolist() == [[3, -5], [-1, 0], [0, 0]]
    alone = invariant((), SLANTED, 2, 3)
    (only,) = Lattice(alone).spread(1, np.array([[3.1, 3.9, 8.0]]))
    assert only.tolist() == [[3, 4, 8]]


def test_the_orthonormal_basis_is_one():
    for normals, dimension in ((TWINS, 3), (SLANTED, 4), (TWINS + SLANTED, 2)):
        lattice = Lattice(invariant((), normals, 2, 3))
        assert np.allclose(lattice.orthonormal.T @ lattice.orthonormal, np.eye(dimension))
        assert np.allclose(lattice.space.normals @ lattice.orthonormal, 0)
