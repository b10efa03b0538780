"""The planar KKT set against known cases, exact rational sign tests, dense scans, rotations and the
residual.
"""

from __future__ import annotations

import json
import random
from fractions import Fraction as F
from itertools import pairwise

import numpy as np
import pytest
from exact_ends import alike
from hypothesis import example, given
from hypothesis import strategies as st
from kkt_residual import kkt_residual

from certflow.arithmetic.ball import Ball
from certflow.kkt.neuron.circle import PlanarKKT, PlanarPoint, kkt_of_problem, planar_kkt, why_not_enumerated
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem

Data = tuple[list[tuple[F, F]], list[F]]
E1, E2 = (F(1), F(0)), (F(0), F(1))


def one_neuron(X, z, alpha) -> Correlation:
    return Correlation(OneLayer(2, 1, Activation(F(alpha), 2)), X, z)


def kinds(result: PlanarKKT) -> list[str]:
    return [point.kind for point in result.points]


# -- known cases ---------------------------------------------------------------------------------------------


def test_figure1() -> None:
    result = kkt_of_problem(Problem.figure1())
    assert result is not None and result.complete and result.status == "complete"
    expected = [
        ("minimum", -94.682, 0.2488, None),
        ("maximum", 14.463, 0.8489, 0.925),
        ("minimum", 98.979, 0.3795, None),
        ("maximum", 175.079, 0.8694, 1.283),
    ]
    assert kinds(result) == [kind for kind, *_ in expected]
    for point, (_, angle, value, gap) in zip(result.points, expected, strict=True):
        assert abs(point.angle_deg.mid() - F(angle)) < F(1, 1000) and abs(point.value.mid() - F(value)) < F(
            1, 10**4
        )
        assert (point.gap < 0) if gap is None else abs(point.gap.mid() - F(gap)) < F(1, 1000)
        assert point.neuron_signs == (1,)
    assert alike(result.n_max, result.points[3].value) and alike(result.n_min, result.points[0].value)


@pytest.mark.parametrize(
    "data",
    [([], []), ([E1, (F(2), F(3))], [F(0), F(0)]), ([(F(0), F(0))], [F(5)]), ([E1, E1], [F(2), F(-2)])],
)
def test_nothing_to_learn_makes_every_direction_kkt(data: Data) -> None:
    result = planar_kkt(*data)
    (arc,) = result.points
    assert (
        arc.kind == "arc"
        and arc.value == 0
        and arc.gap == 0
        and arc.sides == (0, 0)
        and arc.neuron_signs == (1, -1)
    )
    assert arc.start_deg == -180 and arc.end_deg == 180 and arc.exact_point == (1, 0)
    assert result.n_max == 0 and result.n_min == 0


@pytest.mark.parametrize(
    "data",
    [
        ([E1, E2, (F(-1), F(0)), (F(0), F(-1))], [F(3)] * 4),
        ([(F(3, 5), F(4, 5)), (F(-4, 5), F(3, 5))], [F(3)] * 2),
    ],
)
def test_a_multiple_of_the_identity_is_one_arc(data: Data) -> None:
    result = planar_kkt(*data, alpha=F(1) if len(data[0]) == 2 else F(0))
    (arc,) = result.points
    assert arc.kind == "arc" and arc.value == 3 and arc.gap == 0


@pytest.mark.parametrize(("z", "kind"), [(F(2), "maximum"), (F(-2), "minimum")])
def test_one_sample(z: F, kind: str) -> None:
    """A maximum (minimum) along the sample, and the closed dead half circle on the other side."""
    result = planar_kkt([(F(3), F(4))], [z])
    point, arc = result.points  # the arc begins at 143°, the point is at 53°
    assert (arc.kind, point.kind) == ("arc", kind) and arc.value == 0 and arc.gap == 0
    assert point.value.contains(25 * z) and point.gap.contains(50 * z)
    assert point.point[0].contains(F(3, 5)) and point.point[1].contains(F(4, 5))
    assert arc.start is not None and arc.end is not None
    assert arc.start.overlaps(Ball(3, 200).atan2(-4)) and arc.end.overlaps(Ball(-3, 200).atan2(4))
    assert arc.start_deg is not None and arc.start_deg > 143 and arc.angle_deg < -126  # it crosses 180°
    assert arc.sides == ((-1, 1) if z > 0 else (1, -1))


def test_collinear_samples() -> None:
    result = planar_kkt(
        [E1, (F(-2), F(0)), (F(3), F(0))], [F(1), F(1), F(-1)]
    )  # -8 cos² on the right, 4 cos² on the left
    assert kinds(result) == ["saddle", "minimum", "saddle", "maximum"]
    assert [p.angle_deg.mid() for p in result.points] == [-90, 0, 90, 180]
    assert [p.value.mid() for p in result.points] == [0, -8, 0, 4]
    assert [p.gap.mid() for p in result.points] == [-8, -16, -8, 8]
    assert [p.neuron_signs for p in result.points] == [(1, -1), (-1,), (1, -1), (1,)]
    assert result.n_max == 4 and result.n_min == -8 and all(p.exact_point is not None for p in result.points)


def test_a_kkt_point_exactly_on_a_critical_line() -> None:
    """At (1, 0) the sample (0, 1) switches on: N = cos² before, cos² + 2 sin² after."""
    result = planar_kkt([E1, E2], [F(1), F(2)])
    saddle = next(p for p in result.points if p.angle_deg.equal(0))
    assert saddle.kind == "saddle" and saddle.sides == (1, 1) and saddle.value == 1 and saddle.gap == -2
    assert saddle.exact_point == (1, 0)
    maximum = next(p for p in result.points if p.angle_deg.equal(90))
    assert (
        maximum.kind == "maximum" and maximum.gap == 2
    )  # 2 (2 - 1) before it; 2 (2 - 0) after, where (1, 0) is off


def test_both_curvatures_count_on_a_critical_line() -> None:
    """At (1, 0), N = 3 cos² before and 3 cos² + 2 sin² after: a maximum with the gaps 6 and 2."""
    result = planar_kkt([E1, E2], [F(3), F(2)])
    maximum = next(p for p in result.points if p.angle_deg.equal(0))
    assert maximum.kind == "maximum" and maximum.gap == 2 and maximum.sides == (1, -1)


def test_leaky_and_absolute_value() -> None:
    """|alpha| = 1 is the quadratic form: eigenvectors of [[2, 1], [1, 2]]."""
    for alpha in (F(1), F(-1)):
        result = planar_kkt([E1, E2, (F(1), F(1))], [F(1)] * 3, alpha)
        assert kinds(result) == ["minimum", "maximum"] * 2 or kinds(result) == ["maximum", "minimum"] * 2
        assert [p.angle_deg.mid() for p in result.points] == [-135, -45, 45, 135]
        assert {p.value.mid() for p in result.points} == {F(1), F(3)}
    half = planar_kkt([E1], [F(4)], F(1, 2))
    assert [(p.angle_deg.mid(), p.value.mid(), p.kind) for p in half.points] == [
        (-90, 0, "minimum"),
        (0, 4, "maximum"),
        (90, 0, "minimum"),
        (180, 1, "maximum"),
    ]


# -- exact rational oracle -----------------------------------------------------------------------------------


def slope_sign(X: list[tuple[F, F]], z: list[F], alpha: F, u: tuple[int, int]) -> int:
    """The exact sign of dN/dθ at an integer direction, straight from the definition."""
    total = F(0)
    for (x, y), weight in zip(X, z, strict=True):
        t = u[0] * x + u[1] * y
        total += weight * (1 if t > 0 else alpha**2) * t * (u[0] * y - u[1] * x)
    return (total > 0) - (total < 0)


def value_at(X: list[tuple[F, F]], z: list[F], alpha: F, u: tuple[F, F]) -> F:
    return sum(
        (
            w * max(u[0] * x + u[1] * y, alpha * (u[0] * x + u[1] * y)) ** 2
            for (x, y), w in zip(X, z, strict=True)
        ),
        F(0),
    )


def predicted_sign(result: PlanarKKT, angle: Ball) -> int | None:
    """The sign of dN/dθ at an angle according to the reported set; None where an isolated point may sit on
    it.
    """
    last = result.points[-1].sides[1]
    for point in result.points:
        if point.start is None or point.end is None:
            if angle.overlaps(point.angle):
                return None
            if angle > point.angle:
                last = point.sides[1]
            continue
        crossing = point.start.greater(point.end)
        inside = [angle.greater_equal(point.start), angle.less_equal(point.end)]
        if None in inside:
            return 0  # an end of the closed arc
        if all(inside) or (crossing and any(inside)):
            return 0
        if (angle > point.end) if not crossing else False:
            last = point.sides[1]
    return last


SCAN = sorted({(a, b) for a in range(-9, 10) for b in range(-9, 10) if np.gcd(a, b) == 1})

coordinates = st.sampled_from([F(p, q) for p in range(-2, 3) for q in (1, 2, 3)])
small_data = st.lists(st.tuples(st.tuples(coordinates, coordinates), coordinates), max_size=6).map(
    lambda rows: ([x for x, _ in rows], [w for _, w in rows])
)
alphas = st.sampled_from([F(0), F(0), F(1, 2), F(-1, 3), F(1), F(-1)])


@given(small_data, alphas)
@example(([E1, E2], [F(1), F(2)]), F(0))
@example(([(F(-1), F(0)), (F(-1), F(1))], [F(1), F(1)]), F(0))
@example(([(F(-1), F(1)), (F(-1), F(-1))], [F(1), F(-1)]), F(0))
def test_signs_of_the_slope_agree_everywhere(data: Data, alpha: F) -> None:
    """The reported set predicts the exact sign of dN/dθ in every direction of a grid and on every critical
    line.
    """
    X, z = data
    result = planar_kkt(X, z, alpha, digits=20)
    lines = {(int(6 * s * y), int(-6 * s * x)) for x, y in X for s in (1, -1)} - {(0, 0)}
    for u in [*SCAN, *lines]:
        predicted = predicted_sign(result, Ball(u[1], 128).atan2(u[0]))
        assert slope_sign(X, z, alpha, u) == (0 if predicted is None else predicted), u


@given(small_data, alphas)
def test_values_gaps_and_order(data: Data, alpha: F) -> None:
    X, z = data
    result = planar_kkt(X, z, alpha, digits=20)
    for point in result.points:
        assert max(b.radius() for b in (point.angle_deg, point.value, point.gap, *point.point)) <= F(
            1, 10**20
        )
        assert (point.point[0].square() + point.point[1].square()).contains(1)
        assert -180 <= point.angle_deg.mid() <= 180
        value = sum(
            (
                w * (point.point[0] * x + point.point[1] * y).relu_power(alpha, 2)
                for (x, y), w in zip(X, z, strict=True)
            ),
            Ball(0, 128),
        )
        assert point.value.overlaps(value)
        if point.exact_point:
            assert point.value.contains(value_at(X, z, alpha, point.exact_point))
            gap = min(one_sided_gap(X, z, alpha, point.exact_point, side) for side in (1, -1))
            assert point.gap.contains(gap if point.kind != "arc" else 0)
        assert {"maximum": 1, "minimum": -1, "saddle": -1, "arc": 0}[point.kind] == point.gap.sign()
        if X:
            residual = kkt_residual(one_neuron(X, z, alpha), point.point)
            assert all(entry.contains(0) and entry.radius() <= F(1, 10**20) for entry in residual)
    starts = [p.start_deg if p.start_deg is not None else p.angle_deg for p in result.points]
    assert all(a < b for a, b in pairwise(starts))
    for u in SCAN[::7]:
        norm = u[0] ** 2 + u[1] ** 2
        value = value_at(X, z, alpha, (F(u[0]), F(u[1]))) / norm
        assert result.n_min.lower() <= value <= result.n_max.upper()


def one_sided_gap(X: list[tuple[F, F]], z: list[F], alpha: F, u: tuple[F, F], side: int) -> F:
    """2 (uᵀMu - eᵀMe) with the cell just after (1) or just before (-1) the exact unit vector u; e is u turned
    by 90°.
    """
    total = F(0)
    for (x, y), w in zip(X, z, strict=True):
        t, turn = u[0] * x + u[1] * y, u[0] * y - u[1] * x
        on = t > 0 or (t == 0 and side * turn > 0)
        total += 2 * w * (1 if on else alpha**2) * (t * t - turn * turn)
    return total


# -- dense scan ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "n", "alpha"), [(1, 3, 0.0), (2, 12, 0.0), (3, 40, 0.25), (4, 40, 0.0), (5, 7, -0.5)]
)
def test_against_a_dense_scan(seed: int, n: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    X, z = rng.normal(size=(n, 2)), rng.normal(size=n)
    angles = np.linspace(-np.pi, np.pi, 100_001)
    slope, value = np.zeros_like(angles), np.zeros_like(angles)
    for (x, y), w in zip(X, z, strict=True):
        t = np.cos(angles) * x + np.sin(angles) * y
        c = np.where(t > 0, 1.0, alpha**2)
        slope += 2 * w * c * t * (np.cos(angles) * y - np.sin(angles) * x)
        value += w * c * t * t
    result = planar_kkt(X, z, F(alpha), digits=15)
    live = np.abs(slope) > 1e-9
    changes = np.flatnonzero((slope[:-1] * slope[1:] < 0) & live[:-1] & live[1:])
    isolated = [p for p in result.points if p.kind != "arc"]
    assert len(changes) == len(isolated)
    for k, point in zip(changes, isolated, strict=True):
        angle = point.angle.midpoint_float()
        assert angles[k] - 1e-9 <= angle <= angles[k + 1] + 1e-9
        assert point.kind == ("maximum" if slope[k] > 0 else "minimum")
        assert abs(point.value.midpoint_float() - value[k]) < 1e-6
    step = angles[1] - angles[0]
    arcs = sum(
        ((p.end - p.start).midpoint_float() % (2 * np.pi) for p in result.points if p.start is not None), 0.0
    )
    assert abs(np.count_nonzero(~live) * step - arcs) < 3 * step * (1 + len(result.points)) + 1e-6
    assert (
        abs(value.max() - result.n_max.midpoint_float()) < 1e-6
        and abs(value.min() - result.n_min.midpoint_float()) < 1e-6
    )


# -- metamorphic ---------------------------------------------------------------------------------------------


def assert_same(left: list[PlanarPoint], right: list[PlanarPoint], turn: Ball, factor: F = F(1)) -> None:
    """`left` turned by an angle, with values times a factor, is `right`, up to where the circle is cut
    open.
    """
    assert len(left) == len(right)
    two_pi = Ball.pi(turn.bits) * 2
    for point in left:
        start = point.start if point.start is not None else point.angle
        images = [start + turn + two_pi * k for k in (-1, 0, 1)]
        matches = [
            other
            for other in right
            if any(
                image.overlaps(other.start if other.start is not None else other.angle) for image in images
            )
        ]
        if point.sides == (0, 0):
            matches = right
        (other,) = matches
        assert (other.kind, other.sides) == (point.kind, point.sides)
        assert (point.value * factor).overlaps(other.value) and (point.gap * factor).overlaps(other.gap)


@given(small_data, alphas, st.sampled_from([(3, 4, 5), (-5, 12, 13), (0, 1, 1), (-1, 0, 1), (8, -15, 17)]))
def test_rotating_the_data_rotates_the_set(data: Data, alpha: F, triple: tuple[int, int, int]) -> None:
    X, z = data
    c, s = F(triple[0], triple[2]), F(triple[1], triple[2])
    turned = [(c * x - s * y, s * x + c * y) for x, y in X]
    left, right = planar_kkt(X, z, alpha), planar_kkt(turned, z, alpha)
    assert_same(left.points, right.points, Ball(triple[1], 128).atan2(triple[0]))


@given(small_data, alphas, st.sampled_from([F(1, 7), F(10) ** 50, F(1, 10**50)]))
def test_scaling_inputs_scales_values(data: Data, alpha: F, scale: F) -> None:
    X, z = data
    left, right = planar_kkt(X, z, alpha), planar_kkt([(x * scale, y * scale) for x, y in X], z, alpha)
    assert_same(left.points, right.points, Ball(0, 128), scale**2)
    for point in right.points:  # relative accuracy when N is tiny
        largest = max(abs(right.n_max.upper()), abs(right.n_min.lower()))
        assert point.value.radius() <= F(1, 10**30) * min(F(1), largest)


def test_negating_labels_swaps_maxima_and_minima() -> None:
    p = Problem.figure1()
    up, down = planar_kkt(p.X, p.z), planar_kkt(p.X, -p.z)
    swap = {"maximum": "minimum", "minimum": "maximum"}
    assert [swap[k] for k in kinds(up)] == kinds(down)
    assert all(
        a.angle.overlaps(b.angle) and (-a.value).overlaps(b.value)
        for a, b in zip(up.points, down.points, strict=True)
    )
    assert all(b.neuron_signs == (-1,) for b in down.points)


# -- precision, size, hostile numbers ------------------------------------------------------------------------


@pytest.mark.parametrize("digits", [1, 30, 200])
def test_residuals_and_radii_on_figure1(digits: int) -> None:
    p = Problem.figure1()
    result = planar_kkt(p.X, p.z, digits=digits)
    for point in result.points:
        assert max(
            b.radius() for b in (point.angle, point.angle_deg, point.value, point.gap, *point.point)
        ) <= F(1, 10**digits)
        residual = kkt_residual(one_neuron(p.X, p.z, F(0)), point.point)
        assert all(entry.contains(0) and entry.radius() <= F(1, 10**digits) for entry in residual)
    other = kkt_residual(one_neuron(p.X, p.z, F(0)), [Ball(F(3, 5), 128), Ball(F(4, 5), 128)])
    assert not all(entry.contains(0) for entry in other)


def test_a_thousand_samples_with_unrelated_denominators() -> None:
    rng = random.Random(7)
    n = 1000
    X = [
        (F(rng.randrange(-(10**17), 10**17), rng.randrange(1, 10**17)), F(rng.randrange(-(10**9), 10**9)))
        for _ in range(n)
    ]
    X[-1] = (X[0][0] * 3, X[0][1] * 3)  # a tie
    z = [F(rng.randrange(-(10**17), 10**17), rng.randrange(1, 10**17)) for _ in range(n)]
    mirrored = planar_kkt([*X, *((x, -y) for x, y in X)], z + z)  # the slope at 0° and 180° is exactly zero
    assert {0, 180} <= {p.angle_deg.mid() for p in mirrored.points if p.angle_deg.is_exact()}
    assert all(p.angle_deg.radius() <= F(1, 10**30) for p in mirrored.points)
    signs = [p.sides for p in mirrored.points]
    assert all(a[1] == b[0] for a, b in zip(signs, signs[1:] + signs[:1], strict=True))


def test_directions_that_doubles_cannot_tell_apart() -> None:
    """Between the critical lines of (1, 0) and (1, 10^-300) lies an arc of 10^-300 rad with its own minimum
    or none.
    """
    tiny = F(1, 10**300)
    X = [E1, (F(1), tiny), (F(1), -tiny), (F(10) ** 400, F(10) ** 400)]
    result = planar_kkt(X, [F(1), F(-2), F(1), F(1, 10**800)])
    assert all(p.angle_deg.radius() <= F(1, 10**30) for p in result.points)
    for u in [*SCAN, (1, 10**300), (-1, 10**300), (10**299, 10**600), (-1, -(10**301))]:
        predicted = predicted_sign(
            planar_kkt(X, [F(1), F(-2), F(1), F(1, 10**800)], digits=700), Ball(u[1], 4000).atan2(u[0])
        )
        assert slope_sign(X, [F(1), F(-2), F(1), F(1, 10**800)], F(0), u) == (
            0 if predicted is None else predicted
        )


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (([(F(1), F(2), F(3))], [F(1)]), "X"),
        (([E1], [F(1), F(2)]), "z"),
        (([(float("nan"), 1.0)], [1.0]), "X"),
        (([E1], [F(1)], F(2)), "alpha"),
        (([E1], [F(1)], F(0), 0), "digits"),
        (([E1], [F(1)], F(0), 10**9), "digits"),
    ],
)
def test_bad_input(arguments: tuple, place: str) -> None:
    with pytest.raises(BadInput, match=place):
        planar_kkt(*arguments)


# -- problems and files --------------------------------------------------------------------------------------


def test_json_is_exact_and_outward() -> None:
    result = planar_kkt([E1, E2, (F(1, 3), F(1, 5))], [F(1), F(-2), F(4, 7)])
    record = json.loads(json.dumps(result.to_json()))
    assert record["kkt_status"] == "complete" and len(record["kkt"]) == len(result.points)
    assert any(entry["kind"] == "arc" and {"from", "to"} <= entry.keys() for entry in record["kkt"])
    for entry, point in zip(record["kkt"], result.points, strict=True):
        assert {"point", "angle_deg", "value", "gap", "kind"} <= entry.keys()
        assert Ball.from_json(entry["value"], 400).contains(point.value) and Ball.from_json(
            entry["gap"], 400
        ).contains(point.gap)
        for text, ball in zip(entry["point"], point.point, strict=True):
            assert Ball.from_json(text, 400).overlaps(ball)
    assert Ball.from_json(record["n_max"], 400).contains(result.n_max)
    rational = planar_kkt([(F(3), F(4))], [F(1)], F(1, 2))  # the off-lines are at exact unit vectors
    assert {tuple(e["point"]) for e in rational.to_json()["kkt"] if e["kind"] == "minimum"} == {
        ("-4/5", "3/5"),
        ("4/5", "-3/5"),
    }


def test_problems_that_are_not_enumerated() -> None:
    X3, y = [[1, 0, 2], [0, 1, 1]], [1, 2]
    planar = OneLayer(2, 2, Activation(F(1, 10), 2), signs=[1, -1])
    cases = [
        (Problem(planar, [[1, 0], [0, 1]], y, direction=[1, 0, 0, 1]), None),
        (Problem(OneLayer(3, 1, Activation(F(0), 2)), X3, y, direction=[1, 0, 0]), "2 inputs"),
        (Problem(OneLayer(2, 1, Activation(F(0), 3)), [[1, 0], [0, 1]], y, direction=[1, 0]), "power 2"),
        (Problem(TwoLayer(2, 1, Activation(F(0), 1)), [[1, 0], [0, 1]], y, direction=[1, 0, 1]), "one-layer"),
    ]
    for problem, reason in cases:
        found, why = kkt_of_problem(problem), why_not_enumerated(problem)
        assert (found is None) == (why is not None) == (reason is not None)
        if reason is not None and why is not None:
            assert reason in why
