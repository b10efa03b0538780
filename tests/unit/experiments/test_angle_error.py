"""Fits of the two laws on made-up power laws, their windows and floors; the limits of blocks against
enclosures.
"""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from certflow.arithmetic.base import FLOAT, mp_arithmetic
from certflow.experiments.angle_error import FEWEST_POINTS, ErrorRow, Fit, Law, fixed_radius, fixed_time
from certflow.experiments.angle_tables import conclusion, doubts, errors_table, fits_table, rows_table
from certflow.experiments.limit_points import (
    CONVERGES,
    DEAD,
    EDGE,
    NOT_STRICT,
    SHRINKS,
    UNKNOWN,
    ZERO,
    BlockLimit,
    distance,
    limit_points,
)
from certflow.experiments.measurement import Measurement
from certflow.kkt.neuron.circle import kkt_of_problem
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

AR = mp_arithmetic(45)
CTX = AR.context
RESOLUTION = CTX.mpf(10) ** -30
SQUARED_RELU = Activation(Fraction(0), 2)
RADIUS = Fraction(1, 100)


def at_angle(angle):
    return [str(CTX.cos(angle)), str(CTX.sin(angle))]


def start(angle=0):
    return [CTX.cos(angle), CTX.sin(angle)]


def strict(exponent=0.6, floor=0.0):
    return BlockLimit(CONVERGES, "", start(), 3, 1.0, 1.2, exponent, floor)


# -- law (i) -------------------------------------------------------------------------------------------------


def time_law(errors: dict[str, object], sizes: dict[str, float], limits=None) -> Law:
    """Law (i) for blocks whose errors are given, from measurements whose a = ‖w‖² is 10^size."""
    limits = limits or [strict()]
    found = [
        Measurement(
            delta,
            at_time=[at_angle(error)] * len(limits),
            log_norm_at_time=str(CTX.log(10) * sizes[delta] / 2),
        )
        for delta, error in errors.items()
    ]
    return fixed_time(2, Fraction(6), found, [start()] * len(limits), limits, AR, RESOLUTION, 30)


def test_the_slope_is_fitted_where_a_is_small_and_the_error_is_above_the_resolution():
    deltas = [f"1e-{k}" for k in (2, 3, 4, 6, 9, 13, 20, 1000)]
    exact = {delta: 3 * CTX.mpf(delta) ** 2 for delta in deltas}
    # Where a is not small the error is something else; it must not be fitted.
    errors = {**exact, "1e-2": CTX.mpf("0.3"), "1e-3": CTX.mpf("0.2")}
    law = time_law(errors, {delta: 4 - 2 * float(delta[3:]) for delta in deltas})
    (fit,) = law.fits
    assert fit.slope == pytest.approx(2, abs=1e-12)
    assert (fit.window, fit.points, fit.predicted) == (("1e-13", "1e-4"), 4, 2.0)
    assert [(row.delta, row.in_window) for row in law.rows] == [
        (d, d in ("1e-4", "1e-6", "1e-9", "1e-13")) for d in deltas
    ]
    assert [row.delta for row in law.rows if row.error is None] == ["1e-20", "1e-1000"]


def test_rows_come_in_the_order_of_delta_and_noise_is_named_as_such():
    deltas = ["1e-20", "1e-4", "1e-9"]
    law = time_law({delta: CTX.mpf(delta) ** 2 for delta in deltas}, dict.fromkeys(deltas, -9.0))
    record = law.to_json(added=["1e-9"])
    assert [row["delta"] for row in record["rows"]] == ["1e-4", "1e-9", "1e-20"]
    assert [row["added"] for row in record["rows"]] == [False, True, False]
    assert record["rows"][-1] == {
        "delta": "1e-20", "neuron": 1, "error": None, "below": "1e-30", "in_window": False, "added": False,
    }  # fmt: skip
    assert (record["time"], record["fits"][0]["neuron"]) == ("6", 1)
    assert json.loads(json.dumps(record), parse_float=lambda text: pytest.fail(text)) == record
    assert Fraction(record["rows"][0]["error"]) == pytest.approx(1e-8)


def test_no_slope_from_too_few_points():
    deltas = ["1e-2", "1e-4", "1e-5"]
    law = time_law({d: CTX.mpf(d) ** 2 for d in deltas}, {"1e-2": 0.0, "1e-4": -5.0, "1e-5": -7.0})
    (fit,) = law.fits
    assert (fit.slope, fit.window, fit.points) == (None, None, FEWEST_POINTS - 1)
    assert fit.reason.startswith("2 of 3 values of δ inside the window")
    assert law.to_json([])["fits"][0]["slope"] is None
    assert any("2 of 3 values" in note for note in fits_table(law).notes)


def test_dead_and_zero_blocks_have_no_rows_but_shrinking_ones_do():
    limits = [
        BlockLimit(DEAD, "it does not move"),
        BlockLimit(ZERO, "zero"),
        BlockLimit(SHRINKS, "shrinks"),
        strict(),
    ]
    deltas = ["1e-4", "1e-5", "1e-6"]
    law = time_law({d: CTX.mpf(d) ** 2 for d in deltas}, dict.fromkeys(deltas, -9.0), limits)
    assert {row.block for row in law.rows} == {2, 3}
    assert [(fit.reason, fit.slope is None) for fit in law.fits] == [
        ("it does not move", True),
        ("zero", True),
        ("", False),
        ("", False),
    ]
    assert "slopes for 2 of 4 neurons, measured 2.0000; the law says 2" in conclusion(law, 2)


# -- law (ii) ------------------------------------------------------------------------------------------------


def radius_law(errors: dict[str, object], limit: BlockLimit) -> Law:
    found = [Measurement(delta, at_radius=[at_angle(error)]) for delta, error in errors.items()]
    return fixed_radius(RADIUS, found, [limit], AR, RESOLUTION, 30)


def power_law(deltas, floor, kappa=0.6):
    """Errors (δ/R)^κ + floor, bent above a tenth of a radian."""
    errors = {delta: (CTX.mpf(delta) * 100) ** kappa + floor for delta in deltas}
    return {delta: error if error < 0.1 else CTX.sqrt(error / 10) for delta, error in errors.items()}


@pytest.mark.parametrize(
    "known", [True, False], ids=["floor from the linearised flow", "floor from the smallest deltas"]
)
def test_the_exponent_is_fitted_between_large_angles_and_the_floor(known):
    # Where the floor is known, nothing so small that it can be seen is needed.
    deltas = [f"1e-{k}" for k in range(2, 12)] + ([] if known else ["1e-50", "1e-100"])
    floor = CTX.mpf(10) ** -6
    law = radius_law(power_law(deltas, floor), strict(0.6, 1e-6 if known else 0.0))
    (fit,) = law.fits
    assert fit.window == ("1e-9", "1e-4")
    assert float(fit.floor) == pytest.approx(1e-6, rel=1e-6)
    assert fit.slope == pytest.approx(0.6, rel=0.02)
    assert fit.slope != pytest.approx(0.6, rel=1e-4), (
        "the floor is inside the measured error and pulls the slope a little"
    )
    assert (fit.predicted, fit.kkt_index, fit.limit_deg) == (0.6, 3, 0.0)
    record = law.to_json([])
    assert (record["radius"], record["fits"][0]["limit_deg"], record["fits"][0]["kkt_index"]) == (
        "1/100",
        "0",
        3,
    )


def test_errors_that_still_fall_at_the_smallest_delta_are_not_taken_for_a_floor():
    deltas = [f"1e-{k}" for k in range(4, 9)]
    (fit,) = radius_law(power_law(deltas, 0), strict()).fits
    assert (fit.floor, fit.points) == (0, 5)
    assert fit.slope == pytest.approx(0.6, abs=1e-9)


def test_only_one_unbroken_run_of_deltas_is_fitted():
    deltas = [f"1e-{k}" for k in range(4, 14)]
    errors = power_law(deltas, 0)
    errors["1e-7"] = CTX.mpf(1)
    (fit,) = radius_law(errors, strict()).fits
    assert (fit.window, fit.points) == (("1e-13", "1e-8"), 6)


@pytest.mark.parametrize("outcome", [SHRINKS, DEAD, ZERO, EDGE, NOT_STRICT, UNKNOWN])
def test_blocks_without_a_strict_limit_are_left_out_with_the_reason(outcome):
    law = radius_law(power_law(["1e-4", "1e-5", "1e-6"], 0), BlockLimit(outcome, "because"))
    assert law.rows == []
    assert (law.fits[0].reason, law.fits[0].slope) == ("because", None)
    assert law.series() == []
    assert "not measured" in conclusion(law, 2)
    assert errors_table(law, []).rows == []


# -- tables and figures --------------------------------------------------------------------------------------


def test_tables_say_what_is_below_the_resolution_and_what_was_added():
    deltas = ["1e-4", "1e-6", "1e-9", "1e-20"]
    law = time_law(
        {d: CTX.mpf(d) ** 2 for d in deltas}, {d: -2 * float(d[3:]) for d in deltas}, [strict(), strict()]
    )
    table = errors_table(law, ["1e-6"])
    assert [row[0].text for row in table.rows] == ["1e-4", "1e-6*", "1e-9", "1e-20"]
    assert [cell.text for cell in table.rows[-1]] == [
        "1e-20",
        "1e-40",
        "< 1e-30",
        "< 1e-30",
        "< 1e-30",
        "0 of 2",
    ]
    assert [cell.text for cell in table.rows[0][2:]] == ["1e-8", "1e-8", "1e-8", "2 of 2"]
    assert [row[0].for_csv() for row in table.rows] == deltas
    assert len(rows_table(law).rows) == 8
    series = law.series()[1]
    assert (series.label, series.window, series.predicted) == (
        "neuron 2",
        (pytest.approx(-9), pytest.approx(-4)),
        2.0,
    )
    assert series.log10_error == pytest.approx([-8, -12, -18])


def test_one_block_is_called_the_direction_of_all_weights():
    deltas = ["1e-4", "1e-6", "1e-9"]
    law = time_law({d: CTX.mpf(d) ** 2 for d in deltas}, dict.fromkeys(deltas, -9.0))
    assert "the direction of all weights" in conclusion(law, 2)
    assert law.series()[0].label == "all weights"
    assert [column.name for column in errors_table(law, []).columns] == ["δ", "a = ‖w‖ᴸ", "error", "fitted"]


@pytest.mark.parametrize("angle", ["1e-40", "0.3", "3.1415926535897932384626433832795028841971"])
def test_distances_keep_their_digits_at_zero_and_at_a_straight_angle(angle):
    exact = CTX.mpf(angle)
    assert abs(distance(CTX, start(), start(exact)) - exact) <= CTX.mpf(10) ** -43 * (1 + exact)
    assert distance(CTX, start(1), start(1)) == 0


# -- limits of blocks ----------------------------------------------------------------------------------------


def planar(directions, signs=None, X=None, y=None) -> Problem:
    X = X or [["1", "1/2"], ["1/3", "-1"], ["-1", "1/5"], ["2/5", "1"]]
    network = OneLayer(2, len(directions) // 2, SQUARED_RELU, signs)
    return Problem(network, X, y or ["1", "-2/3", "1/2", "1/3"], direction=directions)


def path_to(angle_deg, steps=(0.5, 0.1, 1e-3, 1e-9)):
    """Directions that come to `angle_deg` from larger angles."""
    return [start(CTX.radians(angle_deg) + step) for step in steps]


def test_a_planar_limit_is_the_enclosed_point_with_its_enclosed_value_and_gap():
    problem = planar(["1", "0", "0", "1"])
    kkt = kkt_of_problem(problem, 45)
    assert kkt is not None
    tops = [(i, p) for i, p in enumerate(kkt.points) if p.kind == "maximum" and p.value.sign() > 0]
    assert tops
    for i, point in tops:
        first, second = limit_points(
            problem, [path_to(point.angle_deg.midpoint_mpf(CTX))] * 2, kkt, AR, RADIUS
        )
        assert (first.outcome, first.kkt_index) == (CONVERGES, i)
        for ball, value in zip(point.point, first.direction, strict=True):
            assert abs(ball.mid() - Fraction(str(value))) < Fraction(1, 10**40)
        assert first.value == pytest.approx(point.value.midpoint_float(), rel=1e-12)
        assert first.gap == pytest.approx(point.gap.midpoint_float(), rel=1e-6)
        assert first.exponent == pytest.approx(first.gap / (2 * first.value))
        assert (second.outcome, second.floor) == (first.outcome, first.floor)


def test_a_neuron_with_a_negative_sign_goes_to_a_minimum_and_the_fastest_sets_the_clock():
    problem = planar(["1", "0", "0", "1"], signs=[1, -1])
    kkt = kkt_of_problem(problem, 45)
    assert kkt is not None
    top = max((p for p in kkt.points if p.kind == "maximum"), key=lambda p: p.value.midpoint_float())
    low = min((p for p in kkt.points if p.kind == "minimum"), key=lambda p: p.value.midpoint_float())
    assert low.value.sign() < 0 < top.value.sign()
    paths = [path_to(p.angle_deg.midpoint_mpf(CTX)) for p in (top, low)]
    first, second = limit_points(problem, paths, kkt, AR, RADIUS)
    assert second.value == pytest.approx(-low.value.midpoint_float())
    assert second.gap == pytest.approx(-low.gap.midpoint_float(), rel=1e-6)
    fastest = max(first.value, second.value)
    assert [limit.exponent for limit in (first, second)] == [
        pytest.approx(limit.gap / (2 * fastest)) for limit in (first, second)
    ]
    shrinking, other = limit_points(problem, [paths[1], paths[0]], kkt, AR, RADIUS)
    assert (shrinking.outcome, other.outcome) == (SHRINKS, SHRINKS)
    assert "N = -" in shrinking.reason


def test_the_side_from_which_a_kink_is_approached_decides_the_gap():
    # N = u1² on one side of the axis u2 = 0 and u1² + u2²/4 on the other.
    problem = planar(["1", "0"], X=[["1", "0"], ["0", "1"]], y=["1", "1/4"])
    kkt = kkt_of_problem(problem, 45)
    above = [start(CTX.mpf(step)) for step in (0.3, 1e-3, 1e-9)]
    below = [start(CTX.mpf(-step)) for step in (0.3, 1e-3, 1e-9)]
    # The mean over two samples halves everything.
    assert limit_points(problem, [above], kkt, AR, RADIUS)[0].gap == pytest.approx(2 * (1 - 1 / 4) / 2)
    assert limit_points(problem, [below], kkt, AR, RADIUS)[0].gap == pytest.approx(2 / 2)


def test_dead_zero_and_lost_blocks_are_recognised():
    problem = planar(["1", "0"] * 3, X=[["1", "0"], ["1", "1/2"]], y=["1", "1"])
    kkt = kkt_of_problem(problem, 45)
    paths = [[start(CTX.pi)], [[CTX.zero, CTX.zero]], [start(CTX.mpf("0.9"))]]
    assert [limit.outcome for limit in limit_points(problem, paths, kkt, AR, RADIUS)] == [DEAD, ZERO, EDGE]
    single = Problem(OneLayer(1, 1, SQUARED_RELU), [[1]], [1], direction=[1])
    assert limit_points(single, [[[CTX.one]]], None, AR, RADIUS)[0].outcome == UNKNOWN


@pytest.mark.parametrize(
    "network",
    [TwoLayer(2, 2, SQUARED_RELU), FeedForward([2, 2, 2, 1], Activation(Fraction(1, 2), 2))],
    ids=["order 3", "order 7"],
)
def test_newton_finds_the_kkt_point_near_the_end_of_a_path_to_full_precision(network):
    rng = np.random.default_rng(5)
    X, y = [["1", "1/2"], ["1/3", "-1"], ["4/5", "2/5"]], ["1", "2/3", "1/2"]
    problem = Problem(network, X, y, direction=[1] * network.size)
    theta = np.abs(rng.standard_normal(network.size))
    for _ in range(4000):
        run = network.forward(FLOAT, theta / np.linalg.norm(theta), FLOAT.array(problem.X))
        theta = theta / np.linalg.norm(theta) + 0.05 * network.pullback(run, FLOAT.array(problem.z))
    theta /= np.linalg.norm(theta)
    (limit,) = limit_points(problem, [[[CTX.mpf(float(v)) for v in theta]]], None, AR, RADIUS)
    assert limit.outcome == CONVERGES
    run = network.forward(AR, np.array(limit.direction, dtype=object), AR.array(problem.X))
    gradient = network.pullback(run, AR.array(problem.z))
    value = AR.array(problem.z) @ run.outputs
    residual = [g - problem.order * value * v for g, v in zip(gradient, limit.direction, strict=True)]
    assert CTX.norm(residual) < CTX.mpf(10) ** -39
    assert limit.value == pytest.approx(float(value))
    assert limit.exponent == pytest.approx(limit.gap / (problem.order * limit.value))
    assert 0 < limit.floor < 1


def test_newton_does_not_run_to_a_kkt_point_far_away():
    network = TwoLayer(2, 1, SQUARED_RELU)
    problem = Problem(network, [["1", "1/2"], ["1/3", "-1"]], ["1", "2/3"], direction=[1, 1, 1])
    (limit,) = limit_points(problem, [[[CTX.mpf("0.6"), CTX.mpf("0.64"), CTX.mpf("0.48")]]], None, AR, RADIUS)
    assert limit.outcome == UNKNOWN


@pytest.mark.parametrize(
    ("errors", "words"),
    [(("1e-2", "1e-3", "2e-4"), "which is closer"), (("1e-2", "1e-3", "1e-4"), "no closer")],
)
def test_a_slope_that_is_not_the_predicted_one_is_doubted(errors, words):
    deltas = ("1e-4", "1e-5", "1e-6")
    rows = [ErrorRow(delta, 0, mpmath.mpf(error), True) for delta, error in zip(deltas, errors, strict=True)]
    fit = Fit(0, 0.85 if words == "which is closer" else 1.0, 0.7, ("1e-6", "1e-4"), 3, None)
    law = Law("fixed_radius", Fraction(1, 100), rows, [fit], mpmath.mpf("1e-30"), 15)
    assert [words in sentence for sentence in doubts(law)] == [True]
    assert doubts(replace(law, fits=[replace(fit, predicted=fit.slope)])) == []
    assert "cannot be relied on" in conclusion(law, 2)
