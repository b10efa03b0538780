"""Which samples a neuron never sees, on data of which every number is known."""

from fractions import Fraction as F

import pytest

from certflow.flow.enclose.silent import silent_samples, without
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem


def silent(X, w, angle=0, network=None):
    network = network or OneLayer(len(X[0]), 1, Activation(0, 2))
    problem = Problem(network, X, [1] * len(X), direction=w)
    return silent_samples(problem, (tuple(range(len(w))),), F(angle))


@pytest.mark.parametrize(
    ("X", "w", "found"),
    [
        ([[1, 0], [0, 1]], [1, 1], ()),
        ([[1, 0], [0, 1]], [1, -1], (1,)),
        ([[1, 0], [0, 1]], [1, 0], (1,)),
        ([[1, 0], [0, 1]], [-1, -1], (0, 1)),
        # The samples on its line may be on either side, and active.
        ([[1, 0], [0, 1], [0, 3], [0, -2]], [1, -1], (1, 2)),
        # (1, 1) is active, and moves the neuron towards (0, 1) or away from it.
        ([[1, 0], [0, 1], [1, 1]], [2, -1], ()),
        # (1, 1) is orthogonal to what is heard, but for (0, 1), which is not silent because of (1, -2).
        ([[1, 1], [1, -1], [0, 1], [1, -2]], [-1, -2], ()),
        # Two silent samples need not be orthogonal to each other.
        ([[0, 0, 1], [1, 1, 0], [1, 0, 0]], [-1, -1, 1], (1, 2)),
        # What is zero is not counted and hinders nobody.
        ([[0, 0], [0, 1], [1, 0]], [1, -1], (1,)),
    ],
)
def test_samples_are_silent_that_nothing_moves_the_neuron_to(X, w, found):
    assert silent(X, w) == found


def test_from_every_start_of_a_ball():
    X = [[1, 0], [0, 5]]
    # sin of the angle between (3, -4) and the edge is 4/5.
    assert silent(X, [3, -4], F(4, 5) - F(1, 10**9)) == (1,)
    assert silent(X, [3, -4], F(4, 5)) == silent(X, [1, 0], F(1, 10**9)) == ()


@pytest.mark.parametrize(
    "network",
    [
        OneLayer(2, 1, Activation(F(1, 10), 2)),
        TwoLayer(2, 1, Activation(0, 1)),
        FeedForward([2, 1, 1, 1], Activation(0, 2)),
    ],
)
def test_other_networks_have_no_silent_samples(network):
    assert silent([[1, 0], [0, 1]], [1, -1, 1, 1][: network.size], network=network) == ()


def test_an_output_weight_may_be_trained_and_features_count():
    assert silent([[1, 0], [0, 1]], [1, -1, 7], network=TwoLayer(2, 1, Activation(0, 2))) == (1,)
    # The features are (1, 0) and (1, 1).
    given = FeedForward([2, 2, 1], Activation(0, 2), [2], {1: [[1, 0], [1, 1]]})
    assert given.size == 2
    deep = FeedForward([2, 2, 1, 1], Activation(0, 2), [2, 3], {1: [[1, 1], [0, 1]]})
    # (1, 0), (1, 1), (0, 0): the second is not orthogonal to the first.
    assert silent([[1, 0], [0, 1], [-1, 0]], [1, -2, 1], network=deep) == ()
    assert silent([[1, 0], [-1, 1], [-1, 0]], [1, -2, 1], network=deep) == (1,)


def test_samples_that_are_left_out_are_zero():
    problem = Problem(OneLayer(2, 1, Activation(0, 2)), [[1, 2], [3, 4], [5, 6]], [7, 8, 9], direction=[1, 1])
    rest = without(problem, (0, 2))
    assert rest.X.tolist() == [[0, 0], [3, 4], [0, 0]] and rest.y.tolist() == [7, 8, 9]
    assert problem.X.tolist() == [[1, 2], [3, 4], [5, 6]]
