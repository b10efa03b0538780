"""Q1: the canonical form of a neuron of power 1 and the largest values of G, against their definitions."""

import math
import random
from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.verdicts import Clock
from certflow.checker.polygon.neuron import Neuron, inverse, lowest, vector


def neuron(x, z, alpha=0):
    return Neuron(
        SimpleNamespace(features=[[F(v) for v in row] for row in x], z=[F(v) for v in z], alpha=F(alpha)),
        Clock(None),
    )


def correlation(x, z, alpha, w):
    """sum_i z_i max(x_i.w, alpha x_i.w)."""
    heights = [sum(F(a) * b for a, b in zip(row, w, strict=True)) for row in x]
    return sum(F(c) * max(h, F(alpha) * h) for c, h in zip(z, heights, strict=True))


def data(rng, d, n):
    """Samples of which some are parallel, opposite or zero."""
    x = [[F(rng.randint(-4, 4), rng.choice((1, 2, 3))) for _ in range(d)] for _ in range(n)]
    x += [[F(-3, 2) * v for v in x[0]], [2 * v for v in x[1]], [F(0)] * d]
    return x, [F(rng.randint(-5, 5), 2) for _ in x]


@pytest.mark.parametrize("seed", range(20))
def test_the_canonical_form_is_the_same_function(seed):
    rng = random.Random(seed)
    d, alpha = rng.randint(1, 4), rng.choice((F(0), F(-1), F(1, 3), F(-1, 2)))
    x, z = data(rng, d, 4)
    G = neuron(x, z, alpha)
    for _ in range(20):
        w = [rng.randint(-6, 6) for _ in range(d)]
        assert F(G.value(w), G.unit) == correlation(x, z, alpha, w)


def test_lines_have_primitive_vectors_in_the_direction_of_their_first_samples():
    G = neuron([["-1/2", "1"], ["0", "0"], ["1", "-2"], ["-3", "6"], ["1", "1"]], [1, 5, 2, 0, 0], "1/2")
    assert [(line.first, line.x, line.members) for line in G.lines] == [
        (0, [-1, 2], {0: F(1, 2), 2: F(-1), 3: F(3)}),
        (4, [1, 1], {4: F(1)}),
    ]
    assert G.kinks == [0] and G.names == {0: 0} and sorted(G.samples) == [0, 2, 3, 4]
    # (1 - alpha) sum z |c| = (1/2)(1/2 + 2) and alpha sum z x - (1 - alpha) 2 |-1| x_C.
    assert F(G.lines[0].jump, G.unit) == F(5, 4)
    assert [F(v, G.unit) for v in G.b] == [F(1, 2) * F(3, 2) + 1, F(1, 2) * -3 - 2]


def test_equal_samples_with_opposite_labels_have_no_kink():
    G = neuron([[1, 2], [1, 2], [2, 4]], [1, -3, 1])
    assert G.kinks == [] and len(G.lines) == 1


@pytest.mark.parametrize("seed", range(10))
def test_adjugates_invert(seed):
    rng = random.Random(seed)
    rows = [[rng.randint(-9, 9) for _ in range(5)] for _ in range(rng.randint(1, 4))]
    gram = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in rows] for p in rows]
    adjugate, det = inverse(gram)
    product = [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*adjugate, strict=True)]
        for row in gram
    ]
    assert product == [[det if i == k else 0 for k in range(len(gram))] for i in range(len(gram))]
    assert det > 0
    dependent = [*rows, [2 * v for v in rows[0]]]
    assert (
        inverse([[sum(a * b for a, b in zip(p, q, strict=True)) for q in dependent] for p in dependent])[1]
        == 0
    )
    assert inverse([]) == ([], 1)


def test_vectors_are_in_lowest_terms():
    assert vector([F(1, 2), F(-2, 3)]) == ([3, -4], 6) == lowest([6, -8], 12)
    assert vector([F(1, 2), F(-2, 3)]).times([2, 3]) == -1
    assert vector([F(1), F(2)]).inner(vector([F(1, 3), F(1, 6)])) == F(2, 3)


@pytest.mark.parametrize("seed", range(12))
def test_the_largest_value_is_that_of_the_circle(seed):
    rng = random.Random(seed)
    x, z = data(rng, 2, 4)
    G = neuron(x, z)
    largest = float(G.largest(F(10**6)))
    angles = [2 * math.pi * k / 4000 for k in range(4000)]
    seen = max(abs(float(correlation(x, z, 0, [F(math.cos(t)), F(math.sin(t))]))) for t in angles)
    assert seen <= largest <= seen * (1 + 2e-3)


def test_the_largest_value_on_a_face_whose_kinks_are_dependent():
    # |G|^2 is 2 at (-1, -1, t, t) for large t, where none of the last three is active.
    x = [[0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]]
    G = neuron(x, [1, "-1/9", "-1/9", "-1/9"])
    assert G.largest(F(100)) ** 2 >= 2


def test_too_many_kinks_leave_the_rough_bound():
    rng = random.Random(1)
    G = neuron([[rng.randint(-9, 9) for _ in range(9)] for _ in range(30)], [1] * 30)
    assert G.rays() is None and G.largest(F(7, 2)) == F(7, 2) and G.fall(-1) is None


def test_no_more_than_the_rough_bound_is_said():
    assert neuron([[3, 4]], [1]).largest(F(4)) == 4
    assert 5 <= neuron([[3, 4]], [1]).largest(F(6)) < F(5000001, 1000000)


def test_a_fall_is_that_of_the_slowest_ray():
    square = [[1, 0], [-1, 0], [0, 1], [0, -1]]
    # G = -|w_1| - 2 |w_2|: least in absolute value at (1, 0).
    G = neuron(square, [-1, -1, -2, -2])
    assert G.fall(1) == 1 and G.fall(-1) is None
    assert neuron(square, [-2, -2, -1, -1]).fall(1) == 1
    assert neuron([[1, 0], [-1, 0]], [-1, -1]).fall(1) is None  # 0 at (0, 1)
    assert neuron([["2"]], ["-1/2"], -1).fall(1) == 1


def test_rays_are_those_in_which_kinks_meet_and_coordinate_planes_where_they_do_not_span():
    assert list(neuron([[1, 1]], [1]).rays()) == [[1, -1], [-1, 1], [0, 1], [0, -1]]
    assert list(neuron([[1, 1]], [1], 1).rays()) == [[0, 1], [0, -1], [1, 0], [-1, 0]]
    # e_1 + e_2 and e_3 are kinks; with e_1 they span the space. The second pair of planes meets in e_2.
    G = neuron([[1, 1, 0], [0, 0, 2]], [1, 1])
    assert list(G.rays()) == [[1, -1, 0], [-1, 1, 0], [0, 0, 1], [0, 0, -1], [0, 1, 0], [0, -1, 0]]
    # Planes that are dependent meet in no line.
    flat = neuron([[1, 0, 0], [0, 1, 0], [1, 1, 0]], [1, 1, 1])
    lines = [tuple(ray) for ray in flat.rays()]
    assert lines.count((0, 0, 1)) == 3 and set(lines) == {
        (s * a, s * b, s * c) for a, b, c in [(0, 0, 1), (0, 1, 0), (1, 0, 0), (1, -1, 0)] for s in (1, -1)
    }


@pytest.mark.parametrize(("x", "work"), [([[1, 0], [0, 1], [1, 1]], 300), ([[1, 2, 3]], 1296)])
def test_the_sphere_is_searched_up_to_a_certain_work(monkeypatch, x, work):
    # 2 C(n, d - 1) 3^(d - 1) n d, with n kinks and coordinate planes.
    G = neuron(x, [1] * len(x))
    monkeypatch.setattr("certflow.checker.polygon.neuron.MAX_WORK", work)
    assert G.rays() is not None and G.largest(F(100)) < 100
    monkeypatch.setattr("certflow.checker.polygon.neuron.MAX_WORK", work - 1)
    assert G.rays() is None and G.largest(F(100)) == 100


def test_as_many_kinks_as_are_allowed_meet_in_one_ray(monkeypatch):
    G = neuron([[1, 0, 0], [0, 1, 0], [1, 1, 0]], [1, 1, 1])
    monkeypatch.setattr("certflow.checker.polygon.neuron.MAX_SPAN", 3)
    assert G.largest(F(100)) < 100
    monkeypatch.setattr("certflow.checker.polygon.neuron.MAX_SPAN", 2)
    assert G.largest(F(100)) == 100


def test_a_fall_is_per_length_and_in_the_units_of_the_problem():
    # -|w|/3, and in the plane -|w_1 + w_2| - |w_1 - w_2|, 2 and 2 sqrt 2 at the rays (1, 1) and (1, 0).
    assert neuron([[1], [-1]], ["-1/3", "-1/3"]).fall(1) == F(1, 9)
    turned = [[1, 1], [-1, -1], [1, -1], [-1, 1]]
    assert neuron(turned, [-1] * 4).fall(1) == 2
    assert neuron(turned, [1] * 4).fall(-1) == 2 and neuron(turned, [1] * 4).fall(1) is None
