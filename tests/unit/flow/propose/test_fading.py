"""The directions that are proposed to neurons that fade."""

import math
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.algebra.directions import dot
from certflow.flow.enclose.fading import FadingNeuron, Ray
from certflow.flow.propose.fading import FadingSearch

GRID = 2.0**48


def search(rays, off=0):
    own = tuple(Ray(ray, F(push), F(1)) for ray, push in rays)
    return FadingSearch(FadingNeuron(own, F(off), F(1)))


def near(found, u, angle=0.01):
    return found.near(tuple(round(v * GRID) for v in u), angle)


def test_the_direction_is_the_projection_on_what_is_orthogonal():
    rays = [((1, 2, 0, -1), -1), ((3, 0, 1, 1), -2), ((0, 1, 1, 1), 5)]
    plane = np.array([[1, 2, 0, -1], [3, 0, 1, 1]], dtype=float)
    v = np.array([1.0, -1.0, -2.0, -1.0])
    assert not (plane @ v).any() and v @ rays[2][0] < 0
    u = v + 1e-3 * plane[0] + 2e-3 * plane[1]
    found = near(search(rays), u)
    assert dot(found.direction, rays[0][0]) == dot(found.direction, rays[1][0]) == 0
    direction = np.array(found.direction, dtype=float)
    assert np.allclose(direction / np.linalg.norm(direction), v / np.linalg.norm(v), atol=1e-14)


def test_dependent_samples_have_one_plane():
    rays = [((1, 0, 0), -1), ((2, 1, 0), -1), ((0, 1, 0), -1), ((1, 1, 0), -1)]
    assert near(search(rays, off=F(1, 4)), (1e-4, -1e-4, -1)).direction == (0, 0, -1)
    assert near(search([*rays, ((0, 0, 1), -1)], off=F(1, 4)), (1e-4, 1e-4, -1)) is None


@pytest.mark.parametrize(("turned", "found"), [(0.0074, True), (0.0076, False)])
def test_the_flow_is_followed_until_it_is_within_three_quarters_of_the_angle(turned, found):
    u = math.sin(turned), -math.cos(turned)
    assert (near(search([((1, 0), -1)]), u) is not None) == found


@pytest.mark.parametrize(("push", "kept"), [(-1, True), (1, False)])
def test_a_sample_that_is_hardly_inactive_counts_as_active_if_it_pushes_away(push, kept):
    rays = [((1, 0, 0), -1), ((0, 1_000_000, 3), push)]
    found = near(search(rays), (1e-3, -1e-6, -1))
    assert (found is not None) == kept
    if found is not None:
        assert dot(found.direction, rays[1][0]) == 0
    # Clear of it, it may push as it likes.
    assert near(search([rays[0], ((0, 1, 3), push)]), (1e-3, 0, -1)).direction[1] == 0


def test_a_neuron_without_active_samples_or_samples_does_not_fade():
    assert near(search([((1, 0), -1)]), (-1e-4, -1)) is None
    assert (
        near(search([((1, 0), -1)]), (-1e-9, -1)).direction == near(search([((1, 0), -1)]), (0, -1)).direction
    )
    assert near(search([]), (0, -1)) is None


def test_long_numbers_are_not_proposed():
    long = search([((3**6_000, 1), -1)])
    assert near(long, (1.0, 0.0)) is None
    assert near(long, (1e-4, -1.0)) is None


def test_a_sample_on_the_line_of_one_that_pushes_may_pull_on_the_other_side():
    both = search([((1, 0), -1), ((-1, 0), 2)])
    found = near(both, (1e-3, -1))
    assert found.direction == (0, -1) and 0.99e-3 < found.aside < 1e-3
    assert near(both, (-1e-3, -1)) is None
    # On neither side clearly.
    assert near(both, (1e-6, -1)) is None
    # Beside the line it is near, but not orthogonal.
    assert near(search([((1, 0), -1), ((-100_000, 1), 2)]), (1e-3, -1)) is None
