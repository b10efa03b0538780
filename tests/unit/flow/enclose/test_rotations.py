"""The form of rotations between linear layers, against its definition, and what it does to regions."""

import itertools
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.region import Regions
from certflow.flow.enclose.rotations import lifted, rotation_form
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.problem import Problem

LINEAR = Activation(1, 1)


def test_rotations_are_those_of_hidden_layers_between_trained_ones():
    deep = FeedForward([2, 3, 2, 1], LINEAR)
    assert {layer: rows.tolist() for layer, rows in deep.rotations.items()} == {
        1: [[0, 1, 6, 9], [2, 3, 7, 10], [4, 5, 8, 11]],
        2: [[6, 7, 8, 12], [9, 10, 11, 13]],
    }
    given = {1: [["1", "2"], ["0", "1"]]}
    assert list(FeedForward([2, 2, 3, 1], LINEAR, [2, 3], given).rotations) == [2]
    assert FeedForward([2, 1, 1, 1], LINEAR).rotations == {}
    assert FeedForward([2, 2, 2, 1], Activation(1, 2)).rotations == {}
    assert FeedForward([2, 2, 2, 1], Activation(0, 2)).rotations == {}
    shallow = Problem(TwoLayer(2, 2, LINEAR), [["1", "0"]], ["1"], seed=1)
    assert parts_of(shallow, ((0, 1, 4),)).rotations == {}


@pytest.mark.parametrize("widths", [[2, 3, 2, 1], [1, 2, 2, 2, 1]])
def test_the_form_contains_the_sum_over_all_rotations(widths):
    network, rng = FeedForward(widths, LINEAR), np.random.default_rng(1)
    w, v = ([F(int(k), 64) for k in rng.integers(-64, 64, network.size)] for _ in range(2))
    form = rotation_form(MidRad.exact(np.array([float(x) for x in w])), network.rotations.values())
    assert (form.mid == form.mid.T).all()
    exact, X = np.zeros((network.size, network.size), dtype=object), np.array(w, dtype=object)
    for rows in network.rotations.values():
        for a, b in itertools.combinations(range(len(rows)), 2):
            turned = np.zeros(network.size, dtype=object)
            turned[rows[a]], turned[rows[b]] = X[rows[b]], -X[rows[a]]
            exact = exact + np.outer(turned, turned)
    assert all(
        abs(F(float(form.mid[i, j])) - exact[i, j]) <= F(float(form.rad[i, j]))
        for i in range(network.size)
        for j in range(network.size)
    )


def test_a_lift_costs_its_weight_times_the_square_of_the_distance():
    A = MidRad(np.full((2, 1, 2, 2), 3.0), np.full((2, 1, 2, 2), 0.5))
    one = np.ones(2)
    regions = Regions(A, np.ones((2, 1)), np.array([0.25, 0.5]), one, one, one, one, one, A.mid)
    form = MidRad.exact(np.array([[2.0, 1.0], [1.0, 2.0]]))
    found = lifted(regions, form, 3, np.array([4.0, 8.0]))
    assert found.A.mid[:, 0].tolist() == [[[-5, -1], [-1, -5]], [[-13, -5], [-5, -13]]]
    assert (found.A.rad >= 0.5).all() and (found.above == found.A.mid).all()
    # 1 + 3 * 4 / 16 and 1 + 3 * 8 / 4.
    assert found.A_rad[:, 0] == pytest.approx([1.75, 7]) and (found.A_rad[:, 0] >= [1.75, 7]).all()
