"""Which symmetries are proposed of a neuron's quadratic form."""

import numpy as np
import pytest

from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.symmetries import Commuting, Turns
from certflow.flow.propose.equal_eigenvalues import nearest_eigenvalue, symmetry_of
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem


def quadratic(y, X=None, power=2):
    d = len(y)
    X = X or [[str(int(a == b)) for b in range(d)] for a in range(d)]
    problem = Problem(OneLayer(d, 1, Activation(1, power)), X, y, direction=["1"] * d)
    return parts_of(problem, (tuple(range(d)),))


def grid(*values):
    size = sum(v * v for v in values) ** 0.5
    return (tuple(round(v / size * 2**48) for v in values),)


@pytest.mark.parametrize(
    ("y", "centre", "count"),
    [
        (["2", "2", "1"], (3, 4, 0), 1),
        (["2", "1", "2"], (3, 0, 4), 1),
        (["2", "2", "2", "1"], (1, 2, 3, 0), 2),
        (["2", "2", "2", "2"], (1, 2, 3, 4), 3),
        (["3", "2", "2"], (0, 3, 4), 1),
    ],
)
def test_all_directions_of_an_eigenspace_are_turned(y, centre, count):
    found = symmetry_of(quadratic(y), grid(*centre))
    assert isinstance(found, Commuting) and len(found.matrices) == count
    c = np.array(centre) / np.linalg.norm(centre)
    turned = np.array([xi.astype(float) @ c for xi in found.matrices])
    assert np.linalg.matrix_rank(turned, tol=0.5) == count


def test_an_eigenspace_may_lie_anywhere_if_it_is_rational():
    # (3, 4)/5 and the third axis.
    X = [["3/5", "4/5", "0"], ["0", "0", "1"], ["-4/5", "3/5", "0"]]
    found = symmetry_of(quadratic(["2", "2", "1"], X), grid(3, 4, 5))
    assert isinstance(found, Commuting)
    (xi,) = found.matrices
    assert xi[0, 2] * 4 == xi[1, 2] * 3 != 0 and xi[0, 1] == 0


def test_nothing_is_proposed_where_eigenvalues_differ_or_the_form_is_not_quadratic():
    assert symmetry_of(quadratic(["3", "2", "1"]), grid(1, 0, 0)) is None
    assert symmetry_of(quadratic(["3", "2", "2"]), grid(1, 0, 0)) is None
    # Equal to 9 digits, but not equal.
    assert symmetry_of(quadratic(["2", "2000000001/1000000000", "1"]), grid(3, 4, 0)) is None
    assert symmetry_of(quadratic(["2", "2"], power=3), grid(3, 4)) is None


def test_linear_layers_have_their_rotations():
    network = FeedForward([2, 2, 2, 1], Activation(1, 1))
    problem = Problem(network, [["1", "2"]], ["1"], seed=1)
    found = symmetry_of(parts_of(problem, (tuple(range(network.size)),)), ((0,) * network.size,))
    assert isinstance(found, Turns) and sorted(found.layers) == [1, 2]


def test_the_nearest_eigenvalue_is_that_of_the_quotient():
    value, space = nearest_eigenvalue(np.diag([3.0, 3.0, 1.0]), np.array([1.0, 1.0, 0.5]))
    assert abs(value - 3) < 1e-14 and space.shape == (3, 2)
    value, space = nearest_eigenvalue(np.diag([3.0, 3.0, 1.0]), np.array([0.1, 0.1, 1.0]))
    assert abs(value - 1) < 1e-14 and space.shape == (3, 1)
