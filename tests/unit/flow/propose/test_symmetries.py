"""Symmetries of a problem and its start, found exactly."""

import random
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.within import Generator, Orthogonal
from certflow.flow.propose.centres import groups_of
from certflow.flow.propose.symmetries import (
    equal_neurons,
    invariant_of,
    moved,
    orthogonal,
    pushed,
    reflections,
)
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

SQUARE = Activation(F(0), 2)
MIRROR = ((F(1), F(0)), (F(0), F(-1)))
PLANE, LABELS = [[1, F(1, 2)], [1, F(-1, 2)], [-2, 3], [-2, -3]], [1, 1, F(1, 3), F(1, 3)]


def posed(network, X, y, direction):
    return Problem(network, X, y, "square", direction)


def spaces(problem):
    return [invariant_of(parts_of(problem, group)) for group in groups_of(problem)]


TWINS = posed(TwoLayer(2, 3, SQUARE), [[1, 2], [3, -1]], [1, 2], [1, 2, 1, 2, 3, 1, 3, 3, 1])
PAIR = posed(TwoLayer(2, 2, SQUARE), PLANE, LABELS, [1, 2, 1, -2, 3, 3])
AXIS = posed(OneLayer(2, 2, SQUARE, [1, -1]), PLANE, LABELS, [1, 0, -2, 0])
ROOF = posed(OneLayer(2, 1, Activation(F(0), 3)), [[3, 4], [2, 1], [5, 0]], [1, 2, 1], [2, 1])
BESIDE = posed(OneLayer(2, 3, SQUARE), [[1, -1], [2, 2], [F(1, 2), F(1, 2)]], [1, 2, 3], [1, 1, 2, 3, -1, 1])
DEEP = posed(FeedForward([2, 2, 2, 1], SQUARE), [[1, 2], [3, -1]], [1, 2], [1, 2, 1, 2, 3, 3, 4, 4, 1, -1])


def test_equal_neurons_are_a_cycle():
    assert list(equal_neurons(TWINS.network, TWINS.direction)) == [Generator(None, None, ((1, (1, 0, 2)),))]
    three = posed(TwoLayer(1, 4, SQUARE), [[1]], [1], [1, 2, 1, 1, 3, 3, 3, 3])
    assert list(equal_neurons(three.network, three.direction)) == [
        Generator(None, None, ((1, (2, 1, 3, 0)),))
    ]
    assert list(equal_neurons(DEEP.network, DEEP.direction)) == [Generator(None, None, ((1, (1, 0)),))]
    assert list(equal_neurons(PAIR.network, PAIR.direction)) == []


@pytest.mark.parametrize("direction", [[1, 2, 1, 2, 3, 4], [1, 2, 1, 3, 3, 3]])
def test_neurons_that_differ_in_one_weight_are_not_equal(direction):
    different = posed(TwoLayer(2, 2, SQUARE), [[1, 2]], [1], direction)
    assert list(equal_neurons(different.network, different.direction)) == []


def test_signs_are_weights_that_leave():
    for signs, count in (([1, 1], 1), ([1, -1], 0)):
        network = OneLayer(1, 2, Activation(F(0), 3), signs)
        assert len(list(equal_neurons(network, np.array([F(1), F(1)], dtype=object)))) == count


def test_reflections_permute_samples_and_neurons():
    (found,) = reflections(parts_of(PAIR, groups_of(PAIR)[0]))
    assert found == Generator(MIRROR, (1, 0, 3, 2), ((1, (1, 0)),))
    (found,) = reflections(parts_of(ROOF, groups_of(ROOF)[0]))
    assert found.inputs == ((F(3, 5), F(4, 5)), (F(4, 5), F(-3, 5))) and found.samples == (2, 1, 0)


@pytest.mark.parametrize(
    ("y", "direction"),
    [([1, 2, 1, 1], [1, 2, 1, -2, 3, 3]), (LABELS, [1, 2, 1, -2, 3, 4]), (LABELS, [1, 2, 1, -3, 3, 3])],
)
def test_what_is_not_mirrored_has_no_reflection(y, direction):
    problem = posed(TwoLayer(2, 2, SQUARE), PLANE, y, direction)
    assert list(reflections(parts_of(problem, groups_of(problem)[0]))) == []


def test_neurons_stay_orthogonal_to_samples_that_are_to_all_others():
    (group, *_) = groups_of(BESIDE)
    found = list(orthogonal(parts_of(BESIDE, group)))
    assert found == [Orthogonal(((F(1), F(-1)),), (0,)), Orthogonal(((F(1), F(1)),), (2,))]
    linear = posed(TwoLayer(2, 1, Activation(F(1), 1)), [[1, -1], [1, 1]], [1, 2], [1, 1, 1])
    assert list(orthogonal(parts_of(linear, groups_of(linear)[0]))) == []


def test_of_several_groups_each_has_its_own():
    assert [space and space.dimension for space in spaces(BESIDE)] == [1, None, 1]
    assert [space and space.dimension for space in spaces(AXIS)] == [1, 1]
    equal = posed(OneLayer(2, 2, SQUARE), [[1, 2], [3, -1]], [1, 2], [1, 2, 1, 2])
    assert spaces(equal) == [None, None]


@pytest.mark.parametrize("problem", [TWINS, PAIR, AXIS, ROOF, BESIDE, DEEP])
def test_what_is_found_is_exact(problem):
    """The start and the gradients of N and of the loss at random points lie in the subspaces."""
    rng, groups = random.Random(1), groups_of(problem)
    assert any(space is not None for space in spaces(problem))
    w = np.array([F(0)] * len(problem.direction), dtype=object)
    for group, space in zip(groups, spaces(problem), strict=True):
        order = [i for part in group for i in part]
        if space is None:
            w[order] = problem.direction[order]
            continue
        assert not (space.normals @ problem.direction[order]).any()
        w[order] = np.array([rng.randint(-5, 5) for _ in range(space.dimension)], dtype=object) @ space.basis
    for weights in (w, problem.direction):
        gradient = problem.correlation.gradient(EXACT, weights)
        for group, space in zip(groups, spaces(problem), strict=True):
            order = [i for part in group for i in part]
            assert space is None or not (space.normals @ gradient[order]).any()


def test_normals_are_what_moves():
    (generator,) = equal_neurons(TWINS.network, TWINS.direction)
    rows = list(moved(TWINS.network, generator))
    assert {0: F(-1), 2: F(1)} in rows and {6: F(-1), 7: F(1)} in rows and len(rows) == 6
    assert not any(8 in row or 4 in row for row in rows)
    assert list(pushed(BESIDE.network, Orthogonal(((F(1), F(-1)),), (1,)))) == [{2: F(1), 3: F(-1)}]


def test_large_groups_are_not_joined():
    wide = posed(TwoLayer(2, 43, SQUARE), [[1, 2]], [1], [1] * 129)
    assert spaces(wide) == [None]
    assert spaces(posed(TwoLayer(2, 42, SQUARE), [[1, 2]], [1], [1] * 126))[0].dimension == 3
