"""Where a flow ends, and what is said about it: blow-up, singularities, slow flows, and norms met on the way
down and up.
"""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from certflow.experiments.trajectory import trajectory
from certflow.flow.reference.flow import blow_up_time, limit_flow, reference_flow
from certflow.flow.reference.integration import Pace
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, ExitCode, Inconclusive
from certflow.problem import Experiment, Problem

DIGITS = 15


def quotient(**options):
    """u1**3/u2, label 1: u1' = 3 u1**2/u2 and u2' = -u1**3/u2**2; u1**2 + 3 u2**2 stays constant while u2
    tends to zero.
    """
    return Problem(Expression(["u1", "u2"], ["x"], "u1**3/u2*x"), [[1]], [1], direction=[1, "1/2"], **options)


def falling_and_rising(sign=-1):
    """Two weights that do not see each other: u1 grows, u2 (nearly all of the start) shrinks."""
    network = OneLayer(2, 1, Activation(Fraction(-1), 2))
    return Problem(network, [[1, 0], [0, 1]], [1, 2 * sign], direction=["1/100", 1], reduction="sum")


def slow(**options):
    """A neuron that fits its sample within scaled time 0.6, next to one that moves a billion times more
    slowly then.
    """
    network = TwoLayer(2, 2, Activation(Fraction(1), 2))
    return Problem(
        network, [[1, 0], [0, 1]], [1, "1/4"], direction=[1, 0, 0, 1, 1, 1], reduction="sum", **options
    )


@pytest.mark.parametrize("delta", ["1e-6", "1e-60"])
def test_a_flow_that_runs_into_a_pole_stops_there_and_keeps_its_rows(delta):
    found = trajectory(quotient(), delta, time=Fraction(3), rows=3, digits=DIGITS)
    # With c = 7/4 of the direction (1, 1/2): du2/ds = -(c - 3 u2²)^(3/2)/u2² in the time s of unscaled
    # weights.
    with mpmath.workdps(30):
        pole = mpmath.quad(lambda u: u**2 / (mpmath.mpf(7) / 4 - 3 * u**2) ** 1.5, [0, 0.5])
        assert abs(found.times[-1] - pole) < mpmath.mpf(10) ** -9
    assert found.exit_code == ExitCode.INCONCLUSIVE and "singularity" in found.flow.stopped
    assert len(found.times) == 3 and abs(found.angles[0][0] - found.angles[0][0]) < 1
    assert any("singularity" in note for note in found.table().notes)
    with pytest.raises(Inconclusive, match=r"at scaled time 0\.0293\d+, the flow ends in a singularity"):
        reference_flow(quotient(), Fraction(delta), time=Fraction(3), digits=DIGITS, check=False)
    assert (
        reference_flow(quotient(), Fraction(delta), time=Fraction(1, 50), digits=DIGITS, check=False).stopped
        == ""
    )


def test_the_blow_up_of_the_limit_flow_is_known_and_bounds_the_default_time():
    # H = u³, label 1: u' = 3 u², so that u = 1/(1 - 3 s).
    cube = OneLayer(1, 1, Activation(Fraction(1), 3))
    problem = Problem(cube, [[1]], [1], direction=[1])
    assert abs(blow_up_time(problem) - mpmath.mpf(1) / 3) < 1e-12
    found = trajectory(problem, "1e-9", rows=2, digits=DIGITS)
    assert abs(found.times[-1] - mpmath.mpf("0.29")) < 1e-12 and found.exit_code == ExitCode.DONE
    assert (
        "shown up to 0.29 instead of 6, because the limit flow blows up at t·δ = 0.333333" in found.remarks[0]
    )
    early = Problem(cube, [[1]], [1], direction=[1], experiment=Experiment(time=Fraction(1, 4)))
    assert trajectory(early, "1e-9", rows=2, digits=DIGITS).remarks == []
    assert blow_up_time(Problem(cube, [[1]], [-1], direction=[1])) is None
    assert blow_up_time(falling_and_rising()) is None


@pytest.mark.parametrize("coordinates", ["raw", "polar"])
def test_limit_flows_may_be_asked_for_beyond_their_blow_up(coordinates):
    # Both neurons keep growing at different rates, so that the direction does not come to rest before.
    problem = Problem(OneLayer(1, 2, Activation(Fraction(1), 3)), [[1]], [1], direction=[1, "1/2"])
    flow = limit_flow(problem, time=Fraction(6), digits=DIGITS, coordinates=coordinates, check=False)
    assert flow.log_norm(6) == mpmath.inf


@pytest.mark.parametrize(
    ("delta", "words"), [("1e-6", "needs more than 20000 steps"), ("1e-9", "the weights stand still, but")]
)
def test_a_flow_that_would_take_millions_of_steps_stops_and_says_when_the_limit_flow_blew_up(delta, words):
    found = trajectory(slow(), delta, time=Fraction(6), rows=2, digits=DIGITS)
    assert found.exit_code == ExitCode.INCONCLUSIVE
    assert found.flow.effort.steps < 1000
    assert words in found.remarks[-1] and "the limit flow blows up at t·δ = " in found.remarks[-1]
    assert abs(found.log_norms[-1]) < 2


def test_a_fast_flow_at_rest_stands_still_in_its_own_time():
    # Rates near the minimum are a thousand times those of the start: what rounding moves in a unit of time is
    # no motion.
    problem = Problem(OneLayer(2, 2, Activation("-1/4", 3)), [[4, -9], [7, -2]], [5, 6], seed=693)
    flow = reference_flow(problem, Fraction("1e-3"), time=Fraction(1), digits=DIGITS, check=False)
    assert flow.end_time == 1 and flow.effort.steps < 400


def test_a_norm_below_the_start_is_met_on_the_way_down_and_up():
    problem, delta, radius = falling_and_rising(), Fraction(1, 100), Fraction(1, 200)
    found = trajectory(problem, "1e-2", radius=radius, rows=3, digits=DIGITS)
    with mpmath.workdps(30):
        length = mpmath.sqrt(1 + mpmath.mpf(1) / 10**4)

        def square(c, start, t):
            """u² for u' = 2 (c - u²) u."""
            grown = mpmath.exp(4 * c * t)
            return c * start * grown / (c + start * (grown - 1))

        def excess(t):
            starts = (1 / (10**4 * length) ** 2, 1 / (100 * length) ** 2)
            return square(1, starts[0], t) + square(-2, starts[1], t) - mpmath.mpf(1) / 200**2

        times = [mpmath.findroot(excess, guess) for guess in (0.17, 1.95)]
    assert [rises for _, rises in found.crossings] == [False, True]
    assert max(abs(a - b) for (a, _), b in zip(found.crossings, times, strict=True)) < 1e-12
    assert found.times[-1] == found.crossings[-1][0] and len(set(found.times)) == 3
    assert found.remarks == ["‖w‖ = 1/200 at t = 0.173370 (falling), 1.95604 (rising)."]
    with pytest.raises(BadInput, match="radius above delta"):
        reference_flow(problem, delta, radius=radius)


def test_norms_that_are_never_reached_are_said_to_be():
    for sign, radius, words in (
        (
            -1,
            Fraction(1, 10**4),
            "never reached up to t = 6.00000: it falls to 6.38e-4 at t = 0.82529 and grows from there",
        ),
        (-1, Fraction(100), "never reached up to t = "),
        (1, Fraction(1, 10**4), "never reached up to t = 6.00000: it falls to 0.0100 at t = 0"),
    ):
        found = trajectory(falling_and_rising(sign), "1e-2", radius=radius, rows=2, digits=DIGITS)
        assert found.crossings == [] and words in found.remarks[0]
        assert found.times[-1] > 5


def test_a_narrow_dip_of_the_norm_between_two_times_is_not_missed():
    flow = reference_flow(
        falling_and_rising(), Fraction(1, 100), time=Fraction(6), digits=DIGITS, check=False
    )
    time, lowest = flow.extreme(-1)
    flow.profile = [point for point in flow.profile if abs(point[0] - time) > 0.5] + [
        (time, flow.log_norm(time))
    ]
    flow.profile = sorted((at, log + (mpmath.mpf("1e-3") if at == time else 0)) for at, log in flow.profile)
    assert [rises for _, rises in flow.crossings(mpmath.exp(lowest + mpmath.mpf("1e-4")))] == [False, True]


def test_a_limit_flow_that_cannot_be_followed_says_so_every_time():
    problem = Problem(Expression(["u1", "u2"], ["x"], "u1*abs(u2)*x"), [[1]], [1], direction=[1, 0])
    for _ in range(2):
        with pytest.raises(Inconclusive, match="branches at a kink"):
            limit_flow(problem, time=Fraction(1), digits=DIGITS)


def test_a_start_at_a_pole_is_a_sentence():
    network = Expression(["u1", "u2"], ["x"], "(u1**3 - u2**3)/(u1 - u2)*x")
    with pytest.raises(Inconclusive, match="a denominator is zero"):
        reference_flow(
            Problem(network, [[1]], [1], direction=[1, 1]), Fraction("1e-3"), time=Fraction(1), digits=DIGITS
        )
    root = Problem(Expression(["u1", "u2"], ["x"], "u1*sqrt(u1*u2)*x"), [[1]], [1], direction=[1, 0])
    with pytest.raises(BadInput, match="sqrt of a number that is not positive"):
        reference_flow(root, Fraction("1e-3"), time=Fraction(1), digits=DIGITS)


@pytest.mark.parametrize("delta", ["1", "1e-9", "1e-30"])
def test_fast_logistic_flows_take_steps_of_their_own_size(delta):
    # u' = 2e18 * 2 u / (1 + exp(1e18 u²)): at one end saturated from the start, at the other the limit flow.
    problem = Problem(OneLayer(1, 1, Activation(Fraction(1), 2)), [["1e9"]], [1], "logistic", direction=[1])
    flow = reference_flow(problem, Fraction(delta), time=Fraction("1e-17"), check=False)
    with mpmath.workdps(30):
        # v = 1e18 u² has v' = 8e18 v / (1 + exp(v)), so that t is the integral of (1 + exp(v)) / (8e18 v).
        start = mpmath.mpf(10) ** 18 * mpmath.mpf(delta) ** 2
        end = mpmath.exp(2 * flow.log_norm(Fraction("1e-17"))) * mpmath.mpf(10) ** 18
        if delta == "1":
            assert end == start
        else:
            assert (
                abs(
                    mpmath.quad(lambda s: 1 + mpmath.exp(mpmath.exp(s)), [mpmath.log(start), mpmath.log(end)])
                    - 80
                )
                < 1e-9
            )


def test_times_that_large_weights_would_round_away_are_refused():
    problem = Problem(OneLayer(1, 1, Activation(Fraction(1), 3)), [["1e100"]], [1], direction=[1])
    with pytest.raises(Inconclusive, match="use raw coordinates"):
        reference_flow(problem, Fraction("1e-3"), time=Fraction(1), digits=DIGITS, coordinates="polar")
    assert (
        reference_flow(problem, Fraction("1e-3"), time=Fraction("1e-201"), digits=DIGITS).error_estimate
        < 1e-10
    )


class _Stuck:
    """A run that takes steps and gets nowhere."""

    time, clock, resolution = mpmath.mpf(1), mpmath.mpf(1), mpmath.mpf(2) ** -40

    def __init__(self, kinks):
        self.steps, self.kinks = 0, kinks

    @property
    def taken(self):
        self.steps += 1
        return self.steps, self.steps * self.kinks

    def speed(self):
        return 1 << 99

    def log_norms(self):
        return [0.0]


@pytest.mark.parametrize(("kinks", "words"), [(0, "singularity"), (1, "one kink after the other")])
def test_steps_that_lead_nowhere_come_to_an_end(kinks, words):
    pace, run = Pace(), _Stuck(kinks)
    with pytest.raises(Inconclusive, match=words):
        for _ in range(1000):
            pace.check(run, mpmath.mpf(2))
    assert run.steps < 100


def test_every_row_keeps_what_the_table_shows():
    found = trajectory(falling_and_rising(), "1e-2", radius=Fraction(1, 200), rows=2, digits=DIGITS)
    record = found.to_json()
    assert record["stopped"] is None and record["remarks"] == found.remarks
    assert [each["norm"] for each in record["approx"]["crossings"]] == ["falls", "rises"]
    assert np.all([note in found.table().notes for note in found.remarks])
