"""Weights in a fixed order of the hidden neurons: the same for every order they came in, and a permutation of
them.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.base import FLOAT
from certflow.kkt.permutations import in_order
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward


@pytest.mark.parametrize(
    ("widths", "trained"), [([3, 4, 1], None), ([2, 3, 4, 1], None), ([2, 3, 3, 1], [1, 3])]
)
def test_every_order_of_the_neurons_gives_the_same_weights(widths, trained):
    rng = np.random.default_rng(7)
    given = {2: [[F(i - j) for j in range(3)] for i in range(3)]} if trained else {}
    network = FeedForward(widths, Activation(F(0), 2), trained, given)
    w = rng.normal(size=network.size)
    expected = in_order(network, w)
    assert sorted(expected) == sorted(w)
    X = FLOAT.array(rng.normal(size=(5, widths[0])))
    assert np.allclose(network.outputs(FLOAT, expected, X), network.outputs(FLOAT, w, X), rtol=1e-12, atol=0)
    if trained is None:
        matrices = network.matrices(FLOAT, w)
        for layer in range(1, network.depth):
            order = rng.permutation(widths[layer])
            matrices[layer - 1], matrices[layer] = matrices[layer - 1][order], matrices[layer][:, order]
        shuffled = np.concatenate([m.reshape(-1) for m in matrices])
        assert not np.array_equal(shuffled, w) and np.array_equal(in_order(network, shuffled), expected)


def test_neurons_at_zero_come_last():
    network = FeedForward([2, 3, 1], Activation(F(0), 2))
    ordered = in_order(network, np.array([0.0, 0.0, 1.0, 2.0, -1.0, 3.0, 0.0, 5.0, -4.0]))
    assert ordered[4:6].tolist() == [0.0, 0.0] and ordered[8] == 0.0


def test_expressions_are_left_as_they_are():
    w = np.array([2.0, 1.0])
    assert in_order(Expression(["a", "b"], ["x"], "a*b*x"), w) is w
