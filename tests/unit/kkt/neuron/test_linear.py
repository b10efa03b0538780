"""KKT points of neurons of power 1 and of two-layer neurons, against the definition.

The oracle knows nothing of faces: it takes every projection of every sum of sides as a candidate, and asks of
each whether 0 is in the convex hull of the gradients of the cells around it, by brute force in rationals.
"""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import numpy as np
import pytest
from brute_hulls import dot, in_cone, project, regions, signs_at, zero_in_hull_by_force
from hypothesis import example, given
from hypothesis import strategies as st
from neuron_cells import cell_gradient

from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.linear import face_findings, piecewise_linear_kkt, planar_findings, two_layer_kkt
from certflow.networks.activation import Activation
from certflow.outcome import BadInput, Inconclusive

DIGITS = 20
ALPHAS = [Fraction(0), Fraction(1, 2), Fraction(-1), Fraction(1), Fraction(-1, 3)]


def neuron_of(X, z, alpha=Fraction(0)):
    return Neuron.of(X, z, Activation(Fraction(alpha), 1))


def neurons():
    def of(d):
        sample = st.tuples(st.tuples(*[st.integers(-2, 2)] * d), st.integers(-2, 2))
        data = st.lists(sample, min_size=1, max_size=4 if d == 3 else 5)
        return st.builds(
            lambda rows, alpha: neuron_of(*zip(*rows, strict=True), alpha), data, st.sampled_from(ALPHAS)
        )

    return st.integers(1, 3).flatmap(of)


CROSS = neuron_of([(1, 0), (0, 1)], [1, -1], -1)  # |u1| - |u2|
DEAD = neuron_of([(1, 0), (1, 1), (2, 1)], [1, -2, 1])
LINE = neuron_of([(1, 2, 0), (1, 2, 0), (-1, -2, 0), (2, 4, 0)], [1, 1, -1, 3])  # all samples on one line
PLANE = neuron_of(
    [(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, -1, 0)], [1, 1, -1, 2]
)  # four hyperplanes through one line
LINEAR = neuron_of([(1, 2, 2), (0, 1, 1)], [3, -1], 1)
CANCEL = neuron_of([(1, 0), (0, 1), (1, 1)], [1, 1, -1], 1)  # zero, although no hinge is
ABSOLUTE = neuron_of([(1, 0, 0), (0, 1, 0), (0, 0, 1)], [1, 1, 1], -1)
MIXED = neuron_of([(1, 0, 1), (0, 1, 1), (-1, 0, 1), (0, -1, 1)], [1, -1, 1, -1], -1)
HALF = neuron_of(
    [(1, 0), (-1, 0), (0, 1)], [1, -1, 1]
)  # u1 + max(0, u2): (1, 0) is a saddle that falls on one side
EDGE = neuron_of([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, 0, 1)], [1, -1, 1, -1])
SPECIAL = [HALF, EDGE, CROSS, DEAD, LINE, PLANE, LINEAR, CANCEL, ABSOLUTE, MIXED]


def examples(test):
    for neuron in SPECIAL:
        test = example(neuron)(test)
    return test


# -- the oracle ----------------------------------------------------------------------------------------------


def primitive_direction(u):
    common = math.lcm(*(Fraction(c).denominator for c in u))
    whole = [int(c * common) for c in u]
    return tuple(c // math.gcd(*whole) for c in whole)


class Oracle:
    def __init__(self, neuron):
        self.neuron, self.d = neuron, neuron.inputs
        self.normals = [h.normal for h in neuron.kinked]
        self.cells, size = set(), 2
        while len(self.cells) < regions(self.normals):  # the cells, from a grid that is fine enough
            size += 2
            grid = itertools.product(range(-size, size + 1), repeat=self.d)
            self.cells = {signs for u in grid if 0 not in (signs := signs_at(self.normals, u))}
        self.gradient = {signs: cell_gradient(neuron, signs) for signs in self.cells}

    def gradients(self, u):
        """The gradients of the cells around u."""
        here = signs_at(self.normals, u)
        return [
            g
            for signs, g in self.gradient.items()
            if all(s in (0, t) for s, t in zip(here, signs, strict=True))
        ]

    def is_kkt(self, u):
        factor = self.neuron.value(u) / dot(u, u)
        return zero_in_hull_by_force(
            [[a - factor * b for a, b in zip(g, u, strict=True)] for g in self.gradients(u)]
        )

    def candidates(self):
        """All directions that can be KKT with a value other than 0, and more."""
        found = set()
        for signs in itertools.product((1, -1), repeat=len(self.normals)):
            g = cell_gradient(self.neuron, signs)
            for size in range(min(self.d, len(self.normals) + 1)):
                for through in itertools.combinations(self.normals, size):
                    u = project(g, through)
                    if any(u):
                        found |= {primitive_direction(u), primitive_direction([-c for c in u])}
        return found

    def is_kkt_of_two_layers(self, w, v_square, v):
        """0 in ∂N - μ (w, v) at a point with the given v²; v itself may be irrational, then only its sign
        counts.
        """
        value = self.neuron.value(w)
        if not any(w):
            return zero_in_hull_by_force(list(self.gradient.values()))
        if v == 0:
            return value == 0
        # n(w) = μ v gives μ, and then v times the other components is v² ∂n(w) - n(w) w.
        return zero_in_hull_by_force(
            [[v_square * a - value * b for a, b in zip(g, w, strict=True)] for g in self.gradients(w)]
        )


def holds(continuum, u):
    return in_cone(u, [*continuum.rays, *continuum.lines, *([-c for c in line] for line in continuum.lines)])


def grid(d, size):
    return [u for u in itertools.product(range(-size, size + 1), repeat=d) if any(u)]


def assert_encloses(point, direction):
    """The point contains direction/|direction|, and is sharp."""
    square = dot(direction, direction)
    for ball, c in zip(point, direction, strict=True):
        assert ball.radius() <= Fraction(1, 10**DIGITS)
        assert ball.sign() == (c > 0) - (c < 0)
        assert ball.square().contains(Fraction(c) ** 2 / square)


@given(neurons().filter(lambda neuron: neuron.inputs == 2 and neuron.kinked))
@example(CROSS)
@example(DEAD)
@example(HALF)
@example(neuron_of([(1, 2)], [1]))
@example(neuron_of([(1, 2), (2, 4)], [1, -1], -1))
def test_the_sweep_of_the_plane_finds_what_the_faces_give(neuron):
    swept, general = planar_findings(neuron), face_findings(neuron, 100)
    assert (
        swept.counts == general.counts or len(neuron.kinked) == 1
    )  # one line is one face, of two opposite directions
    assert sorted(map(tuple, swept.gradients.tolist())) == sorted(map(tuple, general.gradients.tolist()))

    def facts(found):
        ends = [
            e
            for f in found.found
            for e in f.rays + tuple((*line, "line") for line in f.lines if f.dimension == 2)
        ]
        known = [(f.direction, f.dimension, f.slopes, f.sign, f.square) for f in found.found if f.sign]
        return sorted(map(str, ends)), sorted(map(str, known))

    if len(neuron.kinked) > 1:
        assert facts(swept) == facts(general)


# -- one neuron ----------------------------------------------------------------------------------------------


@given(neurons())
@examples
def test_every_kkt_point_of_a_neuron_is_listed_and_no_other(neuron):
    oracle, found = Oracle(neuron), piecewise_linear_kkt(neuron, DIGITS)
    assert found.complete
    isolated = [p for p in found.points if p.continuum is None]
    cones = [p for p in found.points if p.continuum is not None]
    assert len({p.direction for p in isolated}) == len(isolated)
    for p in found.points:
        assert oracle.is_kkt(p.direction)
        value = neuron.value(p.direction)
        assert p.value.sign() == (value > 0) - (value < 0)
        assert p.value.square().contains(value**2 / dot(p.direction, p.direction))
        assert_encloses(p.point, p.direction)
    expected = {u for u in oracle.candidates() if neuron.value(u) and oracle.is_kkt(u)}
    assert {p.direction for p in isolated if p.value.sign()} == expected
    zeros = {p.direction for p in isolated if not p.value.sign()}
    for u in grid(neuron.inputs, 2):
        listed = primitive_direction(u) in zeros or any(holds(p.continuum, u) for p in cones)
        assert listed == (neuron.value(u) == 0 and oracle.is_kkt(u))
    largest = max(p.value.mid() for p in found.points)
    assert found.n_max.mid() == largest and found.n_min.mid() == min(p.value.mid() for p in found.points)


@given(neurons())
@examples
def test_kinds_of_a_neuron(neuron):
    d = neuron.inputs
    for p in piecewise_linear_kkt(neuron, DIGITS).points:
        u, value = p.direction, neuron.value(p.direction)
        signs = set()
        for step in grid(d, 1) + [project(e, [u]) for e in grid(d, 2)]:
            near = [a + Fraction(b, 10**6) for a, b in zip(u, step, strict=True)]
            # Compare n(near)/|near| with n(u)/|u|, exactly.
            there, here = neuron.value(near), value
            left = (there > 0) - (there < 0), there**2 * dot(u, u)
            right = (here > 0) - (here < 0), here**2 * dot(near, near)
            difference = left[0] * left[1] - right[0] * right[1]
            if primitive_direction(near) != u:
                signs.add((difference > 0) - (difference < 0))
        if p.kind == "maximum":
            assert signs <= {-1}
        elif p.kind == "minimum":
            assert signs <= {1}
        elif p.kind == "saddle":
            assert d > 1
        else:
            assert p.continuum is not None and p.kind == ("arc" if d == 2 else "degenerate") and p.reason
        # And conversely, what the neighbours show is a saddle is called one.
        if {1, -1} <= signs and p.continuum is None:
            assert p.kind == "saddle"
        if p.gap is not None and p.kind == "maximum":
            assert p.gap.sign() == 1 and p.gap.overlaps(p.value)


@pytest.mark.parametrize(
    ("d", "n", "alpha"), [(2, 12, 0), (3, 15, 0), (3, 15, Fraction(-1, 2)), (4, 9, Fraction(1, 5))]
)
def test_ascent_ends_at_listed_points(d, n, alpha):
    """Projected subgradient ascent in floats with shrinking steps, from many starts: only listed maxima, or
    dead cells.
    """
    source = random.Random(d + n)
    X = [[Fraction(source.randint(-9, 9)) for _ in range(d)] for _ in range(n)]
    z = [Fraction(source.choice((-2, -1, 1, 2))) for _ in range(n)]
    found = piecewise_linear_kkt(neuron_of(X, z, alpha), DIGITS)
    maxima = np.array([[float(c.mid()) for c in p.point] for p in found.points if p.kind == "maximum"])
    rows, weights = np.array(X, dtype=float) / 9, np.array(z, dtype=float)
    w = np.random.default_rng(0).normal(size=(200, d))
    for k in range(3000):
        w /= np.linalg.norm(w, axis=1)[:, None]
        gradients = (np.where(w @ rows.T > 0, 1.0, float(alpha)) * weights) @ rows
        w = w + gradients * 0.1 / (1 + k / 100) ** 2
    w /= np.linalg.norm(w, axis=1)[:, None]
    arrived = np.min(np.linalg.norm(w[:, None] - maxima[None], axis=2), axis=1) < 0.01
    assert np.all(arrived | ~np.any(gradients, axis=1))
    assert arrived.mean() > 0.5


def test_hull_of_adjacent_cells_is_smaller_than_the_sum_of_segments():
    """Four kinks through one ray: the sum of the segments of sides contains 0, the hull of the adjacent
    gradients does not.
    """
    found = [
        (z, c)
        for z in itertools.product((1, -1), repeat=4)
        for c in itertools.product((-2, -1, 0, 1, 2), repeat=2)
        if _zonotope_differs(z, c)
    ]
    assert found
    for z, c in found[:6]:
        neuron = _pencil(z, c)
        listed = {p.direction for p in piecewise_linear_kkt(neuron, DIGITS).points}
        assert (0, 0, 1) not in listed and not Oracle(neuron).is_kkt((0, 0, 1))


PENCIL = [(1, 0), (0, 1), (1, 1), (1, -1)]


def _pencil(z, c):
    """Σ z_i |x_i·(u1, u2)| + c·(u1, u2) + u3, of which (0, 0, 1) is KKT iff 0 is in the hull of the gradients
    in the plane.
    """
    rows = [(*x, 0) for x in PENCIL]
    up, down = [(*c, 1)], [tuple(-v for v in (*c, 1))]  # σ(t) - σ(-t) = t for every slope but -1
    return neuron_of(rows + [tuple(-v for v in row) for row in rows] + up + down, [*z, *z, 1, -1])


def _zonotope_differs(z, c):
    sums = [
        [c[k] + sum(w * s * x[k] for w, s, x in zip(z, signs, PENCIL, strict=True)) for k in range(2)]
        for signs in itertools.product((1, -1), repeat=4)
    ]
    cells = {signs_at(PENCIL, u) for u in grid(2, 5)}
    adjacent = [
        [c[k] + sum(w * s * x[k] for w, s, x in zip(z, signs, PENCIL, strict=True)) for k in range(2)]
        for signs in cells
        if 0 not in signs
    ]
    return zero_in_hull_by_force(sums) and not zero_in_hull_by_force(adjacent)


# -- two layers ----------------------------------------------------------------------------------------------


@given(neurons())
@examples
def test_every_kkt_point_of_two_layers_is_listed_and_no_other(neuron):
    oracle, found = Oracle(neuron), two_layer_kkt(neuron, DIGITS)
    assert found.complete and found.of == "one neuron"
    expected = set()
    for u in oracle.candidates():
        if neuron.value(u) and oracle.is_kkt_of_two_layers(u, dot(u, u), 1):
            expected |= {(u, 1), (u, -1)}
    listed = set()
    for p in found.points:
        if p.value.sign():
            assert p.continuum is None
            w, v = p.point[:-1], p.point[-1]
            u = next(u for u, side in expected if side == v.sign() and _is_half_of(w, u))
            listed.add((u, v.sign()))
            assert p.value.sign() == v.sign() * ((neuron.value(u) > 0) - (neuron.value(u) < 0))
            assert p.value.square().contains(neuron.value(u) ** 2 / dot(u, u) / 4)
            assert v.square().contains(Fraction(1, 2)) and max(c.radius() for c in p.point) <= Fraction(
                1, 10**DIGITS
            )
    assert listed == expected and len(expected) == sum(p.value.sign() != 0 for p in found.points)


def _is_half_of(w, u):
    """Whether w may be u/(sqrt(2) |u|)."""
    square = 2 * dot(u, u)
    signs = all(ball.sign() == (c > 0) - (c < 0) for ball, c in zip(w, u, strict=True))
    return signs and all(
        ball.square().contains(Fraction(c * c) / square) for ball, c in zip(w, u, strict=True)
    )


@given(neurons())
@examples
def test_zeros_of_two_layers(neuron):
    oracle, d = Oracle(neuron), neuron.inputs
    zeros = [p for p in two_layer_kkt(neuron, DIGITS).points if p.value.sign() == 0]
    balanced = any(p.continuum is not None and p.continuum.equation == "v = 0, n(w) = 0" for p in zeros)
    alone = {p.direction for p in zeros if p.continuum is None}
    cones = [p.continuum for p in zeros if p.continuum is not None and not p.continuum.equation]
    assert alone <= {(*[0] * d, 1), (*[0] * d, -1)}
    for *w, v in grid(d + 1, 1 if d == 3 else 2):
        point = (*w, v)
        listed = primitive_direction(point) in alone or any(holds(cone, point) for cone in cones)
        if balanced and v == 0:
            listed = listed or neuron.value(w) == 0
        kkt = oracle.is_kkt_of_two_layers(w, v * v, v) and v * neuron.value(w) == 0
        assert listed == kkt, point
    # One point of every entry is enclosed.
    for p in zeros:
        assert sum((c.square() for c in p.point[1:]), p.point[0].square()).contains(1)
        if p.continuum is not None and p.continuum.equation:
            assert p.point[-1].sign() == 0 and abs(neuron.value([c.mid() for c in p.point[:-1]])) < Fraction(
                1, 10**15
            )


@given(neurons())
@examples
def test_a_zero_between_two_signs(neuron):
    found = findings_of(neuron)
    zero, signs = found.zero(), {f.sign for f in found.found}
    assert (zero is not None) == ({1, -1} <= signs and neuron.inputs > 1)
    assert zero is None or (any(zero) and neuron.value(zero) == 0)


def findings_of(neuron):
    return planar_findings(neuron) if neuron.inputs == 2 and neuron.kinked else face_findings(neuron, 1000)


def test_kinds_and_gaps_of_two_layers():
    """n = 3 |u1| - |u2|: a convex kink at (0, ±1), a concave one at (±1, 0)."""
    points = {
        tuple(c.sign() for c in p.point): p
        for p in two_layer_kkt(neuron_of([(1, 0), (0, 1)], [3, -1], -1)).points
    }
    top = points[1, 0, 1]
    assert top.kind == "maximum" and top.value.contains(Fraction(3, 2)) and top.gap.contains(3)
    bottom = points[1, 0, -1]
    assert bottom.kind == "minimum" and bottom.value.contains(Fraction(-3, 2))
    # At (0, 1) the value of n is -1, and it rises like 3 |u1| across the kink: a strict minimum of n.
    assert points[0, 1, 1].kind == "minimum" and points[0, 1, -1].kind == "maximum"
    assert points[0, 1, -1].value.contains(Fraction(1, 2))
    linear = {tuple(c.sign() for c in p.point): p for p in two_layer_kkt(LINEAR).points}
    assert linear[1, 1, 1, 1].inertia == (0, 0, 3) and linear[1, 1, 1, -1].inertia == (3, 0, 0)
    assert linear[1, 1, 1, 1].gap.equal(linear[1, 1, 1, 1].value * 2) is not False


def test_families_with_value_zero():
    dead = two_layer_kkt(neuron_of([(1, 0), (0, 1)], [1, 1]))
    assert [p.reason for p in dead.points if p.continuum] == [
        "N = 0: the neuron and its gradient vanish, any v"
    ]
    # n > 0 everywhere and 0 is no combination of gradients of |u1| + |u2| other than all four: (0, ±1) is
    # KKT.
    corner = [p for p in two_layer_kkt(ABSOLUTE).points if p.value.sign() == 0]
    assert {p.direction for p in corner} == {(0, 0, 0, 1), (0, 0, 0, -1)} and {p.kind for p in corner} == {
        "minimum",
        "maximum",
    }
    # n is linear, and not zero: the origin has one gradient.
    assert not any(p.direction and not any(p.direction[:-1]) for p in two_layer_kkt(LINEAR).points)
    everything = two_layer_kkt(CANCEL)
    assert [p.continuum.dimension for p in everything.points] == [2]


# -- input ---------------------------------------------------------------------------------------------------


def test_refusals():
    with pytest.raises(BadInput, match="power 1"):
        piecewise_linear_kkt(Neuron.of([(1, 0)], [1], Activation(Fraction(0), 2)))
    with pytest.raises(BadInput, match="digits"):
        two_layer_kkt(CROSS, 0)
    with pytest.raises(Inconclusive, match="more than 3 cells"):
        piecewise_linear_kkt(ABSOLUTE, most_cells=3)


@pytest.mark.parametrize(
    "neuron", [neuron_of(np.zeros((0, 3)), []), neuron_of([(0, 0, 0)], [1]), neuron_of([(1, 2, 3)], [0])]
)
def test_no_data_is_every_direction(neuron):
    (entry,) = piecewise_linear_kkt(neuron).points
    assert (
        entry.continuum.dimension == 2
        and len(entry.continuum.lines) == 3
        and "every direction" in entry.reason
    )


def test_progress_ends():
    calls = []
    piecewise_linear_kkt(PLANE, progress=lambda *call: calls.append(call))
    assert calls[-1][1] == calls[-1][2] and all(done <= total for _, done, total in calls)


def test_more_digits_for_large_values():
    neuron = neuron_of([(10**30, 1), (3, 10**29)], [7, -5])
    for p in piecewise_linear_kkt(neuron, 25).points:
        assert p.value.radius() <= Fraction(1, 10**25)
