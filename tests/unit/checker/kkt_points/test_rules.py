"""The rules R10 to R12 of the checker, each against exact arithmetic, brute force, or a certificate that must
be refused.
"""

import itertools
import random
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.checker.kernel.numbers import BITS, ONE, fraction
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.kkt_points.cover import DeadCone, _only_near, _undecided
from certflow.checker.kkt_points.planar import Surd, _counterclockwise, kkt_points
from certflow.checker.kkt_points.points import (
    HINT,
    ListedFunction,
    Point,
    _distinct,
    applied,
    chart,
    inverse,
    preconditioned,
    square,
)
from certflow.kkt.neuron.circle import planar_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.quadratic import piecewise_quadratic_kkt
from certflow.networks.activation import Activation

CLOCK = Clock(None)
NOWHERE = Node(None, "claim.points")
small = st.integers(-4, 4)


def checked(X, y, alpha="0", power=2, network=None):
    """The checker's problem of one neuron (mean loss), or of a given network."""
    content = {
        "network": network
        or {
            "inputs": len(X[0]),
            "kind": "one-layer",
            "width": 1,
            "activation": {"alpha": alpha, "power": power},
        },
        "data": {"X": [[str(Fraction(v)) for v in row] for row in X], "y": [str(Fraction(v)) for v in y]},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * (len(X[0]) if network is None else network["size"]),
    }
    if network is not None:
        content["network"] = {key: value for key, value in network.items() if key != "size"}
    return Problem(content, CLOCK)


# -- R10 -----------------------------------------------------------------------------------------------------


@given(st.fractions(-3, 3), st.sampled_from([1, -1]), st.fractions(0, 9), st.fractions(-7, 7))
def test_a_surd_is_compared_exactly(a, s, q, x):
    surd = Surd(a, s, q)
    # Enclosures of sqrt(q) that are far closer than two numbers of this size can be without being equal.
    n = q.numerator * q.denominator
    root = Fraction(isqrt(n * 10**80), 10**40 * q.denominator)
    exact = root * root == q
    low, high = (root, root) if exact else (root, root + Fraction(1, 10**40))
    ends = sorted([a + s * low, a + s * high])
    assert surd.reaches(x) == (x <= ends[0])
    assert surd.within(x, x + 1) == (x <= ends[0] and ends[1] <= x + 1)


def test_directions_are_sorted_by_their_angles():
    directions = [
        (x, y)
        for x in range(-3, 4)
        for y in range(-3, 4)
        if (x, y) in {(3, 1), (-1, 0), (0, -1), (1, 0), (2, -3), (-3, -1)}
    ]
    assert _counterclockwise(directions, CLOCK) == [(-3, -1), (0, -1), (2, -3), (1, 0), (3, 1), (-1, 0)]


@given(
    st.lists(st.tuples(small, small), min_size=1, max_size=6),
    st.data(),
    st.sampled_from(["0", "1/2", "-1/3", "1"]),
)
def test_the_planar_enumeration_agrees_with_that_of_the_prover(X, data, alpha):
    z = [Fraction(data.draw(small), 3) for _ in X]
    found = kkt_points([[Fraction(v) for v in row] for row in X], z, Fraction(alpha) ** 2, CLOCK)
    known = planar_kkt(X, z, Fraction(alpha), digits=20)
    assert [each.kind for each in found] == [p.kind for p in known.points]
    assert [each.where == "inside" for each in found] == [p.inertia is not None for p in known.points]
    for each, p in zip(found, known.points, strict=True):
        assert each.value.within(p.value.lower(), p.value.upper()) and each.gap.within(
            p.gap.lower(), p.gap.upper()
        )


# -- R11 -----------------------------------------------------------------------------------------------------

DEEP = {
    "inputs": 2,
    "kind": "feed-forward",
    "widths": [2, 2, 1, 1],
    "activation": {"alpha": "1/3", "power": 2},
    "size": 7,
}


def exact_gradient(problem, w):
    """grad N at a rational point, exactly."""
    return [_dual(problem, w, k) for k in range(len(w))]


def _dual(problem, w, k):
    """dN/dw_k in dual numbers (value, derivative)."""
    total = Fraction(0)
    for x, z in zip(problem.features, problem.z, strict=True):
        values = [(v, Fraction(0)) for v in x]
        matrices = (
            problem.layers[0].matrices if not problem.shallow else [[list(range(len(x)))], [[Fraction(1)]]]
        )
        for l, matrix in enumerate(matrices):
            new = []
            for row in matrix:
                entries = [
                    (w[e], Fraction(int(e == k))) if type(e) is int else (Fraction(e), Fraction(0))
                    for e in row
                ]
                t = sum((a * v for (a, _), (v, _) in zip(entries, values, strict=True)), Fraction(0))
                d = sum(
                    (da * v + a * dv for (a, da), (v, dv) in zip(entries, values, strict=True)), Fraction(0)
                )
                if l < len(matrices) - 1:
                    c = Fraction(1) if t > 0 else problem.alpha**problem.p
                    t, d = c * t**problem.p, c * problem.p * t ** (problem.p - 1) * d
                new.append((t, d))
            values = new
        total += z * values[0][1]
    return total


PROBLEMS = [
    checked([[1, 2, 0], [-1, 1, 1], [0, 1, -2]], [1, -2, 1], "1/2"),
    checked([[1, 2], [-1, 1], [3, 1]], [1, -2, 1], "0", 3),
    checked([[1, 2], [-1, 1]], [1, -2], network=DEEP),
]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_gradients_and_charts_contain_the_exact_ones(problem):
    rng, field = random.Random(1), ListedFunction(problem, NOWHERE)
    for _ in range(10):
        c = [Fraction(rng.randint(-60, 60), 64) for _ in range(field.size)]
        reach = Fraction(1, 2 ** rng.randint(1, 30))
        c[1] = Fraction(-1)
        box = [
            (int(v * ONE), int(v * ONE)) if i == 1 else (int((v - reach) * ONE), int((v + reach) * ONE))
            for i, v in enumerate(c)
        ]
        local = field.on(box)
        F, middle, radius = chart(local, 1, -1)
        points = [
            [v if i == 1 else v + reach * Fraction(rng.randint(-8, 8), 8) for i, v in enumerate(c)]
            for _ in range(2)
        ]
        gradients = [exact_gradient(problem, w) for w in points]
        values = []
        for w, g in zip(points, gradients, strict=True):
            assert all(fraction(a) <= v <= fraction(b) for (a, b), v in zip(local.gradient, g, strict=True))
            # s = -1: F = (g + g_1 w) without coordinate 1; it vanishes iff g is a multiple of w.
            values.append([g[i] + g[1] * w[i] for i in range(field.size) if i != 1])
            assert all(fraction(a) <= v <= fraction(b) for (a, b), v in zip(F, values[-1], strict=True))
        # Mean value: F(p) - F(q) = J (p - q) with J of the interval matrix.
        step = [a - b for i, (a, b) in enumerate(zip(*points, strict=True)) if i != 1]
        for i, (row, spread) in enumerate(zip(middle, radius, strict=True)):
            about = sum(fraction(m) * d for m, d in zip(row, step, strict=True))
            slack = sum(fraction(r) * abs(d) for r, d in zip(spread, step, strict=True))
            assert abs(values[0][i] - values[1][i] - about) <= slack


@given(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_an_inverse_is_a_hint_and_its_product_is_exact(rows):
    matrix = [[v << BITS for v in row] for row in rows]
    determinant = sum(
        (1 if p in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1) * rows[0][p[0]] * rows[1][p[1]] * rows[2][p[2]]
        for p in itertools.permutations(range(3))
    )
    found = preconditioned(matrix, [[1] * 3 for _ in range(3)], CLOCK)
    if determinant and found is not None:
        A, middle, radius = found
        for i in range(3):
            assert radius[i] == [sum(map(abs, A[i]))] * 3
            for k in range(3):
                assert middle[i][k] == sum(A[i][l] * matrix[l][k] for l in range(3))
                assert abs(Fraction(middle[i][k], 1 << (BITS + HINT)) - (i == k)) < Fraction(1, 10**9)


def test_a_singular_matrix_has_no_inverse():
    assert inverse([[0]], CLOCK) is None
    assert applied([[1 << HINT]], [[3]], [[1]], Clock(None)) == ([[3 << HINT]], [[1 << HINT]])


def test_squares_of_boxes_are_not_negative():
    assert square([(-ONE, ONE), (ONE, ONE)]) == (ONE, 2 * ONE)


def test_points_are_distinct_only_if_no_direction_is_in_both_boxes():
    half = ONE // 2
    one = Point(0, 1, [ONE, half, 0], half // 2, ONE)
    assert not _distinct(one, one)
    assert _distinct(one, Point(0, -1, [-ONE, -half, 0], half // 2, ONE))
    assert _distinct(one, Point(0, 1, [ONE, -half, 0], half // 2, ONE))
    # (1, 3/4, ...) scaled to the face w_2 = 1 is (4/3, 1, ...).
    assert not _distinct(one, Point(1, 1, [ONE, ONE, 0], half, ONE))
    assert not _distinct(Point(1, 1, [ONE, ONE, 0], half, ONE), one)
    assert _distinct(one, Point(1, 1, [half, ONE, 0], half // 2, ONE))


# -- R12 -----------------------------------------------------------------------------------------------------


def test_a_box_is_near_a_point_only_if_all_its_directions_are():
    rng = random.Random(2)
    point = Point(0, -1, [-ONE, ONE // 2, 0], 1, ONE // 4)
    seen = set()
    for _ in range(300):
        scale = Fraction(64, rng.randint(40, 90))
        near = [
            scale * v for v in (-1, Fraction(rng.randint(12, 52), 64), Fraction(rng.randint(-18, 18), 64))
        ]
        W = [(int(v * ONE), int((v + Fraction(rng.randint(0, 8), 64)) * ONE)) for v in near]
        corners = itertools.product(*W)
        inside = all(
            abs(Fraction(w[1], -w[0]) - Fraction(1, 2)) <= Fraction(1, 4) >= abs(Fraction(w[2], w[0]))
            for w in corners
        )
        assert inside or not _only_near(W, point)
        seen.add((inside, _only_near(W, point)))
    assert seen >= {(True, True), (False, False)}
    assert _only_near([(-ONE, -ONE), (ONE // 2, ONE // 2 + ONE // 8), (0, ONE // 8)], point)


@pytest.mark.parametrize("seed", range(3))
def test_no_box_around_a_kkt_point_is_given_up(seed):
    rng = random.Random(seed)
    X = [[rng.randint(-3, 3) for _ in range(3)] for _ in range(4)]
    y = [rng.choice([-2, -1, 1, 2]) for _ in X]
    problem = checked(X, y)
    field, dead = ListedFunction(problem, NOWHERE), DeadCone(problem, NOWHERE, CLOCK)
    known = piecewise_quadratic_kkt(Neuron.of(X, y, Activation(Fraction(0), 2)), 30)
    alive = [p for p in known.points if p.value.sign() != 0]
    assert alive
    for p in alive:
        u = [c.mid() for c in p.point]
        face = max(range(3), key=lambda i: abs(u[i]))
        c = [v / abs(u[face]) for v in u]
        for _ in range(12):
            reach = Fraction(1, 2 ** rng.randint(0, 60))
            below, above = (Fraction(rng.randint(1, 64), 64) * reach for _ in range(2))
            W = [(int((v - below) * ONE), int((v + above) * ONE)) for v in c]
            sign = 1 if c[face] > 0 else -1
            W[face] = (sign * ONE, sign * ONE)
            assert _undecided(field, face, sign, W) is not None
            assert not dead.holds_all(W)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_decided_where_there_is_no_kkt_point(seed):
    rng = random.Random(seed)
    problem = checked([[rng.randint(-3, 3) for _ in range(3)] for _ in range(4)], [1, -1, 2, 1])
    field = ListedFunction(problem, NOWHERE)
    decided = 0
    for _ in range(60):
        a = [Fraction(rng.randint(-64, 62), 64) for _ in range(2)]
        W = [(ONE, ONE), *((int(v * ONE), int((v + Fraction(1, 64)) * ONE)) for v in a)]
        decided += _undecided(field, 0, 1, W) is None
    assert decided > 20


def test_a_dead_box_needs_every_active_sample_to_push_the_same_way():
    near = [(ONE, ONE), (-ONE // 8, ONE // 8), (-ONE // 8, ONE // 8)]
    # Around (1, 0, 0) two samples may be active, both weak: with equal or different signs one direction
    # serves both.
    for y in ([1, 1], [1, -1]):
        assert DeadCone(checked([[0, 1, 0], [0, 0, 1]], y), NOWHERE, CLOCK).holds_all(near)
    # A sample and its double with the opposite sign: no direction serves both.
    assert not DeadCone(checked([[0, 1, 0], [0, 2, 0]], [1, -1]), NOWHERE, CLOCK).holds_all(near)
    # The sample is active in a whole neighbourhood of a KKT point: (1, 0, 0) itself.
    assert not DeadCone(checked([[1, 0, 0]], [1]), NOWHERE, CLOCK).holds_all(near)
