"""Exact rules of limit flows of power 1: what every polygon must keep, and what leaves it as it is."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lone_neurons import HABITS, LoneNeuron, lone_neurons, random_neuron, small
from polygon_faults import faults
from rational_rotations import rotation

from certflow.algebra.directions import dot, parallel
from certflow.flow.polygon.polygon import Edge, End, Polygon
from certflow.flow.polygon.sphere import falling, largest_square, rising_rays

HALF = Fraction(1, 2)


def written(x, z, w, v) -> LoneNeuron:
    """A ReLU neuron of whole numbers."""
    rows = tuple(tuple(Fraction(value) for value in row) for row in x)
    return LoneNeuron(Fraction(0), rows, tuple(map(Fraction, z)), tuple(map(Fraction, w)), Fraction(v))


INACTIVE_ON_A_CONVEX_KINK = written([(1, 0)], [1], [0, 1], 1)
WHERE_V_ONLY_TOUCHES_0 = written([(1, 0), (-1, 0)], [1, -1], [3, 4], -3)


@given(lone_neurons())
@example(INACTIVE_ON_A_CONVEX_KINK)
@example(WHERE_V_ONLY_TOUCHES_0)
def test_every_polygon_keeps_the_rules(neuron):
    assert faults(neuron, neuron.polygon()) == []


@pytest.mark.parametrize("habit", HABITS)
def test_polygons_in_many_dimensions_keep_the_rules(habit):
    for seed in range(12):
        rng = random.Random(f"{habit} {seed}")
        neuron = random_neuron(rng, rng.choice((5, 10)), rng.choice((5, 12)), habit, balanced=seed % 2 == 0)
        assert faults(neuron, neuron.polygon()) == []


# -- what does not change a polygon --------------------------------------------------------------------------


def shape(polygon: Polygon, turn=None, size: Fraction = Fraction(1), sign: int = 1) -> tuple:
    """All of a polygon that does not name lines: how it ends, and its edges, turned, scaled, and with the
    other sign of v.
    """

    def moved(vector) -> list:
        values = np.array(vector.exact(), dtype=object)
        return list(size * (values if turn is None else turn @ values))

    edges = [
        (moved(e.start), moved(e.velocity), sign * e.sign, e.length, e.flips, e.returns, len(e.slides))
        for e in polygon.edges
    ]
    return polygon.ending, polygon.reason, size**2 * polygon.c, edges


def slower(polygon: Polygon, pace: Fraction, size: Fraction = Fraction(1)) -> Polygon:
    """The same path at `pace` times the speed, after scaling it by `size`."""

    def scaled(vector, factor):
        return type(vector).of([factor * value for value in vector.exact()])

    def changed(e: Edge) -> Edge:
        return replace(
            e,
            start=scaled(e.start, size),
            velocity=scaled(e.velocity, pace),
            length=None if e.length is None else e.length * size / pace,
        )

    return replace(polygon, c=size**2 * polygon.c, edges=tuple(changed(e) for e in polygon.edges))


@given(lone_neurons(), st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(neuron, rng):
    order = rng.sample(range(len(neuron.x)), len(neuron.x))
    mixed = replace(neuron, x=tuple(neuron.x[i] for i in order), z=tuple(neuron.z[i] for i in order))
    assert shape(mixed.polygon()) == shape(neuron.polygon())


@given(lone_neurons(), st.randoms(use_true_random=False))
def test_the_order_of_inputs_does_not_matter(neuron, rng):
    d = len(neuron.w)
    order = rng.sample(range(d), d)
    turn = np.array([[int(order[i] == k) for k in range(d)] for i in range(d)], dtype=object)
    assert shape(turned(neuron, turn).polygon()) == shape(neuron.polygon(), turn)


@given(lone_neurons(most_inputs=3), st.integers(0, 9))
def test_rotations_turn_the_polygon(neuron, seed):
    turn = rotation(len(neuron.w), seed)
    assert shape(turned(neuron, turn).polygon()) == shape(neuron.polygon(), turn)


def turned(neuron: LoneNeuron, turn) -> LoneNeuron:
    x = [tuple(turn @ np.array(row, dtype=object)) for row in neuron.x]
    return replace(neuron, x=tuple(x), w=tuple(turn @ np.array(neuron.w, dtype=object)))


@given(lone_neurons())
def test_the_mirror_image_of_everything_is_a_mirror_image(neuron):
    turn = -np.array(
        [[int(i == k) for k in range(len(neuron.w))] for i in range(len(neuron.w))], dtype=object
    )
    assert shape(turned(neuron, turn).polygon()) == shape(neuron.polygon(), turn)


@given(lone_neurons(slopes=(Fraction(-1),)), st.randoms(use_true_random=False))
def test_an_even_activation_does_not_see_the_signs_of_samples(neuron, rng):
    x = tuple(row if rng.random() < 0.5 else tuple(-value for value in row) for row in neuron.x)
    assert shape(replace(neuron, x=x).polygon()) == shape(neuron.polygon())


@given(lone_neurons(), st.sampled_from((HALF, Fraction(3), Fraction(2, 7))))
def test_a_larger_start_gives_a_larger_polygon(neuron, size):
    larger = replace(neuron, w=tuple(size * value for value in neuron.w), v=size * neuron.v)
    assert shape(larger.polygon()) == shape(slower(neuron.polygon(), Fraction(1), size))


@given(lone_neurons(), st.sampled_from((HALF, Fraction(3), Fraction(2, 7))))
def test_larger_weights_of_the_samples_make_it_faster(neuron, pace):
    faster = replace(neuron, z=tuple(pace * value for value in neuron.z))
    assert shape(faster.polygon()) == shape(slower(neuron.polygon(), pace))


@given(lone_neurons())
def test_opposite_labels_and_the_opposite_v_are_the_same_flow(neuron):
    opposite = replace(neuron, z=tuple(-value for value in neuron.z), v=-neuron.v)
    assert shape(opposite.polygon()) == shape(neuron.polygon(), sign=-1)


@given(lone_neurons(), st.data())
def test_a_sample_may_be_split_or_scaled_on_its_line(neuron, data):
    i = data.draw(st.integers(0, len(neuron.x) - 1))
    share, factor = data.draw(st.sampled_from((HALF, Fraction(-2), Fraction(1, 3)))), Fraction(3, 5)
    x = [*neuron.x, tuple(value * factor for value in neuron.x[i])]
    z = [*neuron.z, (1 - share) * neuron.z[i] / factor]
    z[i] *= share
    assert shape(replace(neuron, x=tuple(x), z=tuple(z)).polygon()) == shape(neuron.polygon())


@given(lone_neurons(), st.data())
def test_samples_0_and_two_samples_that_cancel_change_nothing(neuron, data):
    row = data.draw(st.tuples(*[small()] * len(neuron.w)))
    added = [tuple([Fraction(0)] * len(row))]
    weights = [data.draw(small())]
    # A sample that no other keeps company would matter for what is dead or at rest.
    if any(any(other) and parallel(row, other) and dot(row, other) > 0 for other in neuron.x):
        added, weights = [*added, row, row], [*weights, Fraction(2, 3), Fraction(-2, 3)]
    more = replace(neuron, x=(*neuron.x, *added), z=(*neuron.z, *weights))
    assert shape(more.polygon()) == shape(neuron.polygon())


@given(lone_neurons(most_inputs=3))
def test_an_input_that_is_always_0_changes_nothing(neuron):
    zero = (Fraction(0),)
    wider = replace(neuron, x=tuple(row + zero for row in neuron.x), w=neuron.w + zero)
    found, expected = wider.polygon(), neuron.polygon()
    # What follows at w = 0 is not always known: along the new input G is 0.
    assert found.ending == expected.ending or (found.ending is End.OPEN and "w = 0" in found.reason)
    assert [e.velocity.exact() for e in found.edges] == [e.velocity.exact() + zero for e in expected.edges]


@given(lone_neurons(), st.integers(0, 30), st.integers(0, 6))
def test_a_flow_that_starts_on_the_way_goes_on_the_same_way(neuron, which, part):
    """Once more from a point of an edge, or from a vertex: with a v that never vanishes only w matters."""
    polygon = replace(neuron, v=(1 if neuron.v >= 0 else -1) * (abs(neuron.v) + 20)).polygon()
    if polygon.c <= 0 or not polygon.edges:
        return
    i = which % len(polygon.edges)
    edge = polygon.edges[i]
    time = Fraction(part, 6) * (1 if edge.length is None else edge.length)
    if i == 0 and time == 0 or edge.length == time:
        return
    middle = [a + time * b for a, b in zip(edge.start.exact(), edge.velocity.exact(), strict=True)]
    # A number whose square is above c + |w|^2: v^2 - |w|^2 must not be 0.
    v = edge.sign * (abs(neuron.v) + 50 + sum(abs(value) for value in middle))
    again = replace(neuron, w=tuple(middle), v=v).polygon()
    before = [*polygon.edges[i:]]
    if time == 0 and again.ending in (End.OPEN, End.BRANCHES) and not again.edges:
        return  # on a kink that was crossed, from where it may also go back
    assert (again.ending, again.reason) == (polygon.ending, polygon.reason)
    assert [e.velocity for e in again.edges] == [e.velocity for e in before]
    assert [e.start for e in again.edges[1:]] == [e.start for e in before[1:]]


# -- G and its gradients -------------------------------------------------------------------------------------


def value(neuron: LoneNeuron, w) -> Fraction:
    """G, from the samples."""
    heights = [dot(row, w) for row in neuron.x]
    return sum((z * max(h, neuron.alpha * h) for z, h in zip(neuron.z, heights, strict=True)), Fraction(0))


def points(neuron: LoneNeuron):
    return st.tuples(*[st.integers(-5, 5).map(Fraction)] * len(neuron.w))


@given(lone_neurons(), st.data())
def test_the_reduced_form_is_the_sum_over_the_samples(neuron, data):
    G, w = neuron.reduced, data.draw(points(neuron))
    found = dot(G.b, w) + sum(line.jump * max(Fraction(0), dot(line.x, w)) for line in G.lines)
    assert found == value(neuron, w)
    assert len({line.x for line in G.lines} | {tuple(-v for v in line.x) for line in G.lines}) == 2 * len(
        G.lines
    )


@given(lone_neurons(), st.data())
def test_the_inclusion_is_one_sided_lipschitz(neuron, data):
    """(w - w~).(s g - s g~) <= |w - w~| times the sum of |j||x| over the convex kinks with w and w~ on
    different sides, whatever the multipliers on kinks are.
    """
    G = neuron.reduced
    (w, other), s = [data.draw(points(neuron)) for _ in range(2)], data.draw(st.sampled_from((1, -1)))
    share = st.fractions(0, 1, max_denominator=5)

    def element(p):
        chi = [Fraction(int(dot(line.x, p) > 0)) if dot(line.x, p) else data.draw(share) for line in G.lines]
        g = list(G.b)
        for multiplier, line in zip(chi, G.lines, strict=True):
            g = [a + multiplier * line.jump * b for a, b in zip(g, line.x, strict=True)]
        return g, chi

    (g, chi), (h, psi) = element(w), element(other)
    e = [a - b for a, b in zip(w, other, strict=True)]
    rate = s * dot(e, [a - b for a, b in zip(g, h, strict=True)])
    parted = [
        line
        for line, a, b in zip(G.lines, chi, psi, strict=True)
        if s * line.jump > 0 and a != b and dot(line.x, w) * dot(line.x, other) <= 0
    ]
    assert rate <= 0 or _at_most(rate, [line.jump**2 * dot(line.x, line.x) * dot(e, e) for line in parted])
    if not any(s * line.jump > 0 for line in G.lines):
        assert rate <= 0


def _at_most(number: Fraction, squares: list[Fraction]) -> bool:
    """Whether a positive number is at most the sum of these square roots: exact for none and one of them, and
    from below for more.
    """
    if len(squares) <= 1:
        return number**2 <= sum(squares)
    scale = 10**12
    roots = [Fraction(_whole_root(square * scale**2), scale) for square in squares]
    return number <= sum(roots) + Fraction(len(roots), scale)


def _whole_root(number: Fraction) -> int:
    return isqrt(number.numerator // number.denominator)


# -- G on the sphere -----------------------------------------------------------------------------------------


@given(lone_neurons(), st.data())
def test_the_largest_value_on_the_sphere_bounds_all_values(neuron, data):
    w = data.draw(points(neuron))
    largest = largest_square(neuron.reduced)
    if largest is not None:
        assert value(neuron, w) ** 2 <= largest * dot(w, w)


def grid(d: int) -> tuple[np.ndarray, float]:
    """Unit vectors, and how far a unit vector is from the next of them at most."""
    if d == 1:
        return np.array([[1.0], [-1.0]]), 0.0
    if d == 2:
        angle = np.linspace(0, 2 * np.pi, 4001)
        return np.column_stack([np.cos(angle), np.sin(angle)]), np.pi / 4000
    side = np.linspace(-1, 1, 81)
    a, b = (each.ravel() for each in np.meshgrid(side, side))
    faces = [np.insert(np.column_stack([a, b]), k, s, axis=1) for k in range(3) for s in (1.0, -1.0)]
    points = np.vstack(faces)
    return points / np.linalg.norm(points, axis=1)[:, None], np.sqrt(2) / 80


@given(lone_neurons(most_inputs=3))
def test_the_largest_value_on_the_sphere_is_found_by_dense_sampling(neuron):
    G = neuron.reduced
    largest = largest_square(G)
    assert largest is not None
    u, mesh = grid(len(neuron.w))
    rows, z = np.array(neuron.x, dtype=float), np.array(neuron.z, dtype=float)
    heights = u @ rows.T
    values = np.maximum(heights, float(neuron.alpha) * heights) @ z
    slope = np.abs(z) @ np.linalg.norm(rows, axis=1)
    assert float(largest) ** 0.5 <= np.abs(values).max() + slope * mesh + 1e-9
    for sign in (1, -1):
        bound = falling(G, sign)
        if bound is None:
            assert (sign * values).max() >= -slope * mesh - 1e-9
        else:
            assert (sign * values).max() <= -(float(bound) ** 0.5) + 1e-9


@given(lone_neurons(), st.data(), st.sampled_from((1, -1)))
def test_a_falling_function_falls_everywhere(neuron, data, sign):
    G = neuron.reduced
    bound, w = falling(G, sign), data.draw(points(neuron))
    if bound is not None and any(w):
        assert sign * value(neuron, w) < 0
        assert value(neuron, w) ** 2 >= bound * dot(w, w)
        assert rising_rays(G, sign) == []


ORTHOGONAL = written([(0, 1), (1, 0)], [1, -1], [0, 0], 1)
"""G = (w_2)_+ - (w_1)_+ rises along w_2 alone, with the multiplier 0."""


@given(lone_neurons(), st.data())
@example(ORTHOGONAL, None)
def test_w_at_0_ends_there_only_where_nothing_leads_away(neuron, data):
    start = replace(neuron, w=tuple([Fraction(0)] * len(neuron.w)), v=Fraction(1))
    if start.polygon().ending is End.ORIGIN:
        assert data is not None, "it may leave"
        assert value(neuron, data.draw(points(neuron))) <= 0


def test_the_largest_value_may_lie_where_dependent_kinks_meet():
    rows = [(0, 0, 1, 1), (1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0)]
    neuron = written(rows, [9, -1, -1, -1], rows[0], 1)
    assert largest_square(neuron.reduced) == 2 * 9**2
