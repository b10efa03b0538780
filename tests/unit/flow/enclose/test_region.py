"""Quadratic forms above all generalised Hessians of neurons of power 2 whose kinks are met."""

import itertools

import numpy as np
import pytest

from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.region import enclose_regions, point
from certflow.flow.propose.centres import groups_of
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem

GRID = 20


def neuron(sign, X, y, alpha=0):
    network = OneLayer(len(X[0]), 1, Activation(alpha, 2), [sign])
    problem = Problem(network, X, y, direction=[1] * len(X[0]), reduction="sum")
    return parts_of(problem, groups_of(problem)[0])


def regions(parts, centre, radius):
    at, eta = point(parts, (tuple(v << GRID for v in centre),), GRID)
    return enclose_regions(parts, at, np.array([radius]), False, eta)


def hessian(sign, X, y, alpha, w):
    """The second derivative of N at a point on no kink."""
    cells = [1 if np.dot(x, w) > 0 else alpha**2 for x in X]
    return sum(2 * sign * v * c * np.outer(x, x) for x, v, c in zip(X, y, cells, strict=True))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("alpha", [0, 0.5])
@pytest.mark.parametrize(
    ("X", "y"),
    [
        # One sample on its kink, which pushes or pulls.
        ([[1, 0], [0, 1]], [2, 3]),
        ([[1, 0], [0, 1]], [-2, 3]),
        # The same sample twice, with labels that cancel or do not, its opposite, and multiples.
        ([[1, 0], [1, 0], [0, 1]], [1, -1, 3]),
        ([[1, 0], [2, 0], [0, 1]], [3, -1, 3]),
        ([[1, 0], [-1, 0], [0, 1]], [1, 1, 3]),
        ([[1, 0], [-1, 0], [0, 1]], [2, -1, 3]),
        ([[1, 0], [-2, 0], [3, 0], [0, 1]], [-2, -1, 1, 3]),
        ([[0, 0], [1, 0], [-1, 0], [0, 1]], [5, -1, -2, 3]),
    ],
)
def test_the_form_above_is_the_hessian_on_the_steeper_side(sign, alpha, X, y):
    parts = neuron(sign, X, y, alpha)
    found = regions(parts, (0, 1), 0.1)
    sides = [hessian(sign, X, y, alpha, w) for w in ((0.05, 1.0), (-0.05, 1.0))]
    # Both are diagonal and differ in one entry.
    assert (found.above[0, 0] == np.maximum(*sides)).all()
    assert 0 < found.A_rad[0, 0] < 1e-12


@pytest.mark.parametrize("sign", [1, -1])
def test_it_is_above_the_hessians_of_all_cells_that_a_region_meets(sign):
    rng = np.random.default_rng(5)
    for _ in range(20):
        X = rng.integers(-2, 3, (6, 3)).tolist()
        y = rng.integers(-3, 4, 6).tolist()
        parts = neuron(sign, X, y)
        found = regions(parts, (1, 1, 0), 0.2)
        top = found.above[0, 0] + found.A_rad[0, 0] * np.eye(3)
        for turn in itertools.product((-0.1, -0.03, 0.01, 0.07), repeat=3):
            w = np.array([1, 1, 0]) + turn
            rest = top - hessian(sign, X, y, 0, w)
            assert np.linalg.eigvalsh(rest)[0] >= -1e-14


def test_without_a_kink_it_is_the_middle():
    parts = neuron(1, [[1, 0], [1, 2]], [1, 2])
    found = regions(parts, (1, 1), 0.1)
    assert (found.above == found.A.mid).all()
    cubic = Problem(OneLayer(2, 1, Activation(0, 3)), [[1, 0]], [1], direction=[1, 1])
    third = regions(parts_of(cubic, groups_of(cubic)[0]), (0, 1), 0.1)
    assert (third.above == third.A.mid).all() and third.A_rad[0, 0] > 0.05


def test_only_some_of_several_neurons_meet_a_kink():
    network = OneLayer(2, 2, Activation(0, 2), [1, -1])
    problem = Problem(network, [[1, 0], [0, 1]], [-1, 1], direction=[0, 1, 1, 1], reduction="sum")
    group = ((0, 1), (2, 3))
    parts = parts_of(problem, group)
    at, eta = point(parts, ((0, 1 << GRID), (1 << GRID, 1 << GRID)), GRID)
    found = enclose_regions(parts, at, np.array([0.1]), False, eta)
    # The first neuron is pushed by the sample on its kink, whose inactive side is the steeper one.
    assert found.above[0, 0].tolist() == [[0, 0], [0, 2]]
    assert found.above[0, 1].tolist() == [[2, 0], [0, -2]] == found.A.mid[0, 1].tolist()
