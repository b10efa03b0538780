"""Symmetries of N near a point: what is one, up to where, and the form that lifts along them."""

import math
import random
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.symmetries import Commuting, Turns, commuting, quadratic_form, square_of
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem


def exact(*rows):
    return np.array([[F(v) for v in row] for row in rows], dtype=object)


def neuron(X, y, alpha="0", two=False):
    network = (TwoLayer if two else OneLayer)(len(X[0]), 1, Activation(alpha, 2))
    problem = Problem(network, X, y, direction=["1"] * network.size)
    return parts_of(problem, (tuple(range(network.size)),))


TURN = exact((0, 1, 0), (-1, 0, 0), (0, 0, 0))
UNITS = [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]]


def test_only_what_commutes_exactly_is_a_symmetry():
    parts, centre = neuron(UNITS, ["2", "2", "1"], "1"), ((3, 4, 0),)
    found = commuting(parts, centre, [TURN])
    assert isinstance(found, Commuting) and (found.matrices[0] == TURN).all() and found.room == math.inf
    other = exact((0, 1, F(1, 10**30)), (-1, 0, 0), (F(-1, 10**30), 0, 0))
    assert commuting(parts, centre, [other]) is None
    assert commuting(parts, centre, [0 * TURN]) is None
    assert commuting(parts, centre, [TURN + exact((1, 0, 0), (0, 0, 0), (0, 0, 0))]) is None
    assert len(commuting(parts, centre, [other, TURN]).matrices) == 1
    nearly = neuron(UNITS, ["2", "2000000000000001/1000000000000000", "1"], "1")
    assert commuting(nearly, centre, [TURN]) is None


def test_a_symmetry_holds_as_far_as_all_samples_keep_their_branches():
    X = [["1", "0"], ["0", "1"], ["-1", "-1"], ["-4", "2"]]
    turn = exact((0, 1), (-1, 0))
    M, room = quadratic_form(neuron(X, ["1", "1", "0", "5"]), ((3, 4),))
    # z = y/n.
    assert (exact((1, 0), (0, 1)) == 4 * M).all()
    # (-4, 2) is the nearest to a right angle: 4/(5 sqrt 20).
    assert 4 / (5 * math.sqrt(20)) - 1e-12 < room <= 4 / (5 * math.sqrt(20))
    assert commuting(neuron(X, ["1", "1", "0", "5"]), ((3, 4),), [turn]).room == room
    # A sample whose kink goes through the centre.
    through = [*X[:3], ["-4", "3"]]
    assert commuting(neuron(through, ["1", "1", "0", "5"]), ((3, 4),), [turn]) is None
    assert commuting(neuron(through, ["1", "1", "3", "0"]), ((3, 4),), [turn]) is not None
    # What leaks through breaks the symmetry.
    assert commuting(neuron(X, ["1", "1", "0", "5"], "1/8"), ((3, 4),), [turn]) is None


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_the_form_contains_what_the_matrices_do(two, seed):
    draw = random.Random(seed)
    entries = [[F(draw.randint(-9, 9), 7) for _ in range(3)] for _ in range(3)]
    xi = np.array([[entries[a][b] - entries[b][a] for b in range(3)] for a in range(3)], dtype=object)
    found = Commuting((xi, TURN), math.inf)
    size = 3 + two
    w, v = ([F(draw.randint(-64, 64), 64) for _ in range(size)] for _ in range(2))
    form = found.form(MidRad.exact(np.array([float(x) for x in w])))
    value = F(0)
    for matrix in found.matrices:
        turned = [*(matrix @ np.array(w[:3], dtype=object)), *[F(0)] * two]
        outer = np.array([[p * q for q in turned] for p in turned])
        value += sum(a * b for a, b in zip(v, turned, strict=True)) ** 2
        if matrix is xi:
            first = outer
    total = first + outer
    for a in range(size):
        for b in range(size):
            assert abs(total[a][b] - F(float(form.mid[a, b]))) <= F(float(form.rad[a, b]))
    assert value <= F(found.cost) * sum(a * a for a in v) * sum(a * a for a in w)


def test_the_square_of_a_matrix_is_bounded_by_rows_and_by_pairs():
    assert square_of(TURN) == 1
    assert square_of(exact((0, 1, 1), (-1, 0, 1), (-1, -1, 0))) == 3
    both = exact((0, 1, 0, 0), (-1, 0, 0, 0), (0, 0, 0, 1), (0, 0, -1, 0))
    assert square_of(both) == 1


def test_rotations_of_layers_cost_one_each_and_hold_everywhere():
    turns = Turns({1: np.array([[0, 1], [2, 3]])})
    assert (turns.cost, turns.room) == (1.0, math.inf)
    assert (turns.form(MidRad.exact(np.arange(4.0))).mid != 0).any()
