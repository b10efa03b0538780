"""Measured times against the bounds of L2: the comparison, the numbers that are printed, and a flow with a
closed form.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import mp_arithmetic
from certflow.experiments.measurement import Event, Job, Measurement, measure
from certflow.experiments.time_near_origin import (
    FACTOR,
    RADIUS,
    log10,
    time_conclusion,
    time_panels,
    time_row,
    time_rows,
    time_table,
)
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Experiment, Problem
from certflow.theorems.time_near_origin.times import TimeBound, near_origin

BOUND = TimeBound(Fraction(2), Fraction(1))


def logistic_problem(*deltas: str) -> Problem:
    """u' = 2 (1 - u²) u from u = delta: u² is a logistic function, and N⁺_max = 1 is attained at the
    start.
    """
    experiment = Experiment(deltas or ("1e-3",), Fraction(3), Fraction(1, 10), Fraction(1))
    return Problem(
        OneLayer(1, 1, Activation(Fraction(0), 2)),
        [[1]],
        [1],
        reduction="sum",
        direction=[1],
        experiment=experiment,
    )


def job(delta: str, digits: int = 20, **changes: object) -> Job:
    values = {
        "time": Fraction(1), "radius": Fraction(1, 10), "factor_squared": Fraction(3),
        "stop": Fraction(1, 10),
        "stop_until": Fraction(2000), "stop_last": True, "digits": digits,
    }  # fmt: skip
    return Job(delta, **{**values, **changes})  # type: ignore[arg-type]


# -- the comparison ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measured", "bound", "holds", "ratio"),
    [
        (Event("3", "1e-20"), BOUND, True, Fraction(3, 2)),
        (Event("1.999", "1e-20"), BOUND, False, Fraction(1999, 2000)),
        (Event("1.999", "1e-2"), BOUND, True, Fraction(1999, 2000)),
        (Event("3", "1e-20"), TimeBound(None, None), False, None),
        (Event("0", "0"), TimeBound(Fraction(0), Fraction(0)), True, None),
        (Event("1.5", "0"), TimeBound(Fraction(1), Fraction(2)), False, Fraction(3, 2)),
        (None, BOUND, True, None),
    ],
    ids=[
        "above",
        "below",
        "below but within its error",
        "no growth was proved",
        "at the start",
        "both bounds count",
        "not reached",
    ],
)
def test_a_bound_holds_unless_the_time_with_its_error_is_below_it(measured, bound, holds, ratio):
    row = time_row("1e-5", FACTOR, measured, bound, Fraction(10))
    assert (row.holds, row.ratio) == (holds, ratio)


def test_a_flow_that_failed_is_neither_for_nor_against_the_bound():
    row = time_row("1e-5", RADIUS, None, BOUND, Fraction(10), "the flow slides")
    assert row.holds is None
    assert row.to_json(20)["reason"] == "the flow slides"
    assert row.to_json(20)["time"] is None


# -- numbers as printed --------------------------------------------------------------------------------------


def test_bounds_are_rounded_down_and_everything_is_text():
    bound = TimeBound(Fraction(2, 3), Fraction(1, 3 * 10**9))
    entry = time_row("1e-1000", RADIUS, Event("0.7", "1e-19"), bound, Fraction(1)).to_json(10)
    assert set(entry) == {
        "delta",
        "event",
        "time",
        "bound_beta",
        "bound_nmax",
        "ratio",
        "holds",
        "time_error",
    }
    assert json.loads(json.dumps(entry), parse_float=lambda text: pytest.fail(text)) == entry
    for key, exact in (("bound_nmax", bound.bound_nmax), ("bound_beta", bound.bound_beta)):
        assert exact is not None
        assert exact * (1 - Fraction(1, 10**9)) < Fraction(entry[key]) < exact
    assert (entry["delta"], entry["event"]) == ("1e-1000", "radius")
    assert float(entry["ratio"]) == pytest.approx(1.05)


def test_bounds_in_the_table_are_lower_bounds_as_printed():
    problem = logistic_problem("1e-3", "1e-1000")
    bounds = near_origin(problem, 20)
    jobs = [job("1e-3"), job("1e-1000")]
    found = [Measurement("1e-3", Event("1", "0"), Event("3", "0")), Measurement("1e-1000", Event("1", "0"))]
    rows = time_rows(problem, bounds, jobs, found)
    table = time_table(problem, rows, 20)
    for row, cells in zip(rows, table.rows, strict=True):
        for cell, exact in zip(cells[3:5], (row.bound.bound_beta, row.bound.bound_nmax), strict=True):
            assert exact is not None
            assert Fraction(cell.text) <= exact
            assert Fraction(cell.text) == pytest.approx(float(exact), rel=1e-5)
    assert [row[1].text for row in table.rows] == ["‖w‖ = √3δ", "‖w‖ = 1/10"] * 2
    assert [row[-1].text for row in table.rows] == ["yes", "yes", "yes", "yes"]
    assert any("not reached by scaled time 2000" in note for note in table.notes)


def test_the_conclusion_counts_and_names_what_is_violated():
    good, bad = (time_row("1e-5", FACTOR, Event(t, "0"), BOUND, Fraction(1)) for t in ("3", "1"))
    assert "1 of 1 measured times are not below" in time_conclusion([good])
    assert "1.5000 (δ = 1e-5, factor)" in time_conclusion([good])
    assert "VIOLATED for δ = 1e-5 (factor)" in time_conclusion([good, bad])
    assert "no event was reached" in time_conclusion([time_row("1", FACTOR, None, BOUND, Fraction(1))])


def test_panels_hold_nan_where_there_is_no_number():
    rows = [
        time_row("1e-1000", FACTOR, None, TimeBound(None, None), Fraction(1)),
        time_row("1e-1000", RADIUS, Event("3", "0"), BOUND, Fraction(1)),
    ]
    factor, radius = time_panels(rows, logistic_problem())
    assert factor.log10_delta[0] == pytest.approx(-1000)
    assert (float(radius.time[0]), float(radius.bound_nmax[0]), float(radius.bound_beta[0])) == (
        3.0,
        2.0,
        1.0,
    )
    assert np.isnan([factor.time[0], factor.bound_nmax[0]]).all()
    assert log10("1e-100000") == pytest.approx(-100000)


# -- a flow with a closed form -------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", ["1e-2", "1e-60"])
def test_times_and_their_errors_against_the_logistic_function(delta):
    problem, ctx = logistic_problem(delta), mp_arithmetic(200).context
    (found,) = [measure(problem, job(delta))]
    d = ctx.mpf(delta)

    def exact(a):
        """When u² = a: a/(1 - a) grows like e^{4t}."""
        return ctx.log(a * (1 - d**2) / (d**2 * (1 - a))) / 4

    for event, norm_squared in ((found.factor, 3 * d**2), (found.radius, ctx.mpf(1) / 100)):
        assert event is not None
        assert abs(ctx.mpf(event.time) - exact(norm_squared)) <= ctx.mpf(event.error)
        # log u grows at the rate 2 (1 - u²), so an error of log u is worth half as much in time, with a
        # safety factor of 2.
        size = max(ctx.mpf(found.error_estimate), ctx.mpf(10) ** -20)
        assert float(ctx.mpf(event.error) * (1 - norm_squared) / size) == pytest.approx(1, rel=0.02)
    rows = time_rows(problem, near_origin(problem, 30), [job(delta)], [found])
    assert [row.holds for row in rows] == [True, True]
    # The start is the maximiser, so the bound is attained up to O(delta²) (L2.4).
    assert float(rows[0].ratio or 0) == pytest.approx(1 + 2 * float(d) ** 2 / math.log(3), abs=1e-7)


def test_a_start_at_the_radius_is_there_at_time_zero():
    found = measure(logistic_problem("1/10"), job("1/10", stop_until=Fraction(2)))
    assert found.radius == Event("0", "0") and found.at_radius is not None


def test_a_start_beyond_the_radius_may_fall_to_it_or_never_be_there():
    found = measure(logistic_problem("2"), job("2", stop_until=Fraction(2)))  # falls to 1
    assert found.radius is None and found.failure is None
    # u² = 1/(1 + (1/4 - 1) exp(-4 t)) is (3/2)² where exp(-4 t) = 20/27.
    found = measure(logistic_problem("2"), job("2", radius=Fraction(3, 2), stop_until=Fraction(2)))
    assert abs(float(found.radius.time) - math.log(27 / 20) / 4) < 1e-12 and found.at_radius is None


def test_what_happened_before_a_flow_ended_is_kept():
    # u1³/u2 meets its pole at t = 0.0293, when the norm has grown by a fifth.
    network = Expression(["u1", "u2"], ["x"], "u1**3/u2*x")
    problem = Problem(network, [[1]], [1], direction=[1, "1/2"])
    factor = Fraction(11, 10) ** 2
    found = measure(problem, job("1e-6", digits=15, time=Fraction(1, 50), factor_squared=factor))
    assert found.factor is not None and 0.02 < float(found.factor.time) < 0.0293
    assert found.at_time is not None and found.radius is None and "singularity" in found.failure


def test_a_radius_that_the_weights_never_reach_is_given_up():
    # The loss is fitted at ‖w‖ = 1.
    found = measure(
        logistic_problem(), job("1e-3", radius=Fraction(3), stop=Fraction(3), stop_until=Fraction(20))
    )
    assert found.failure is None
    assert (found.radius, found.at_radius) == (None, None)
    assert found.factor is not None
    assert found.at_time is not None


def test_jobs_and_measurements_survive_the_way_to_another_process():
    first = job("1e-1000", stop_until=None, cost=2.5)
    assert Job.from_json(json.loads(json.dumps(first.to_json()))) == first
    found = Measurement("1e-3", Event("1", "2e-20"), None, [["1", "0"]], None, "-3.5", "1e-30", None)
    assert Measurement.from_json(json.loads(json.dumps(found.to_json()))) == found
