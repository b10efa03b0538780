"""Margins of the checker at their edge: each case is one in which the bound fails without the margin that it
is about.
"""

from dataclasses import replace
from fractions import Fraction
from math import factorial

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.checker.kernel.numbers import ONE, exp_series, fraction
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.kkt_points.points import ListedFunction, Point, _Tangential
from certflow.checker.outcomes.groups import prepare
from certflow.checker.tube.curve import Step, Track
from certflow.checker.tube.evidence import Certificate, GroupEvidence, TrapEvidence
from certflow.checker.tube.region import Bounds, Rates, at_point
from certflow.checker.tube.sweep import Runner, sweep
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem

GRID = 48
CLOCK = Clock(None)


def neuron(X, y, direction, alpha=1, power=2):
    """One neuron with output weight 1, and what the checker reads of it."""
    network = OneLayer(len(X[0]), 1, Activation(Fraction(alpha), power))
    problem = Problem(network, X, y, direction=direction, reduction="sum")
    return problem, Checked(problem.exact_content(), CLOCK)


def test_the_growth_rate_moves_by_the_order_times_the_tangential_gradient():
    # N(u) = u1^2 - u2^2, midway between its maximum and its minimum, where it changes fastest: l = 2 cos 2φ.
    _, checked = neuron([["1", "0"], ["0", "1"]], ["1", "-1"], [1, 1])
    bounds = Bounds(checked, [0], "here")
    place = at_point(bounds, [[1 << GRID, 1 << GRID]], GRID, "here")
    rates, _ = bounds.rates(place, Fraction(100), Fraction(1, 64), Fraction(0), "here")
    # The direction turned by an angle a little below 1/64: tan of half of it is 1/129.
    half = Fraction(1, 129)
    c, s = (1 - half**2) / (1 + half**2), 2 * half / (1 + half**2)
    for turn in (s, -s):
        u = c - turn, c + turn
        growth = 2 * (u[0] ** 2 - u[1] ** 2) / (u[0] ** 2 + u[1] ** 2)
        assert rates.ell[0] <= growth * ONE <= rates.ell[1]


@pytest.mark.parametrize("delta", [Fraction(1, 4), Fraction(1, 2)])
def test_sizes_on_the_clock_enclose_the_logistic_growth_of_one_weight(delta):
    # H = u^2 x^2 with one sample x = y = 1 and the square loss: a = u^2 obeys a' = 4 a (1 - a).
    _, checked = neuron([["1"]], ["1"], [1])
    bounds = Bounds(checked, [0], "here")
    place = at_point(bounds, [[1 << GRID]], GRID, "here")
    rates, _ = bounds.rates(place, Fraction(10), Fraction(1, 64), Fraction(0), "here")
    # The direction of one weight does not move.
    rates = replace(rates, mu=Fraction(0), K=0)
    # The curve stands still at u = 1 while the decay 2 takes away its growth.
    ends = [Fraction(k, 64) for k in range(1, 9)]
    steps = [Step(end, 2 * end, Fraction(2), rates, place.P) for end in ends]
    run = Runner(
        Track(steps, Fraction(1), [[1 << GRID]]),
        Rates(Fraction(0), 0, 0, 0, 0, (0, 0)),
        None,
        0,
        (Fraction(1),) * 2,
        0,
        "",
    )
    swept = sweep([run], 2, delta, CLOCK)
    # Bounds of the logistic solution, from e^(-1/2) between two partial sums of its series.
    decay = sorted(sum(Fraction(-1, 2) ** k / factorial(k) for k in range(count)) for count in (20, 21))
    least, most = (1 / (1 + (1 / delta**2 - 1) * value) / delta**2 for value in reversed(decay))
    assert run.size_low(2) <= least
    assert most <= swept.end <= swept.most


@pytest.mark.parametrize("scale", [8, 10, 16, 20])
def test_the_exponential_series_contains_the_rest_that_is_not_summed(scale):
    for y in range(0, 1 << (scale - 4), 1 << max(0, scale - 10)):
        low, high = exp_series(y, scale)
        x = Fraction(y, 1 << scale)
        # Partial sums are below the exponential of a positive number.
        assert high >= sum(x**k / factorial(k) for k in range(12)) * (1 << scale)
        assert low <= (sum(x**k / factorial(k) for k in range(12)) + x**12) * (1 << scale)


def test_an_entry_into_a_trap_is_measured_to_the_kkt_point():
    # N(u) = u1^2 - u2^2 / 2 with its maximum on the first axis; the centre is 2^-8 beside it, the curve 2^-7.
    _, checked = neuron([["1", "0"], ["0", "1"]], ["1", "-1/2"], [128, 1])
    start, centre = [[128 << (GRID - 7), 1 << (GRID - 7)]], [[256 << (GRID - 8), 1 << (GRID - 8)]]
    trap = TrapEvidence(centre, Fraction(1), Fraction(1, 8), Fraction(16), None)
    group = GroupEvidence("converges", "", start, [], trap)
    (proved,) = prepare(Certificate(checked, "", GRID, [group], Node(None, "claim")), Fraction(0), CLOCK)
    # atan(2^-7) > 2^-7 - 2^-21 / 3
    true = Fraction(1, 2**7) - Fraction(1, 3 * 2**21)
    assert fraction(proved.runner.entry) >= true
    assert fraction(proved.runner.entry) < 3 * true


@pytest.mark.parametrize("alpha", [0, 1])
@pytest.mark.parametrize("labels", [["1", "2", "1/2"], ["1", "-2", "3"], ["-1", "-2", "-1"]])
def test_no_direction_of_an_unknown_neuron_grows_faster_than_is_allowed_for(alpha, labels):
    network = OneLayer(2, 2, Activation(Fraction(alpha), 2), [1, -1])
    problem = Problem(
        network, [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]], labels, direction=[1] * 4, reduction="sum"
    )
    unknown = [GroupEvidence("inconclusive", "a saddle.", [], [], None)] * 2
    certificate = Certificate(Checked(problem.exact_content(), CLOCK), "", GRID, unknown, Node(None, "claim"))
    for own, proved in zip(network.blocks, prepare(certificate, Fraction(0), CLOCK), strict=True):
        growth = []
        for k in range(-20, 21):
            for u in ((20, k), (-20, k), (k, 20), (k, -20)):
                w = np.array([Fraction(0)] * 4, dtype=object)
                w[list(own)] = [Fraction(v) for v in u]
                N = sum(z * h for z, h in zip(problem.z, network.outputs(EXACT, w, problem.X), strict=True))
                growth.append(2 * N / sum(v * v for v in w))
        assert max(growth) * ONE <= proved.runner.after.ell[1]
        assert proved.runner.after.ell[0] <= min(growth) * ONE


@pytest.mark.parametrize("labels", [("1", "1"), ("1", "-1"), ("-1", "1")])
def test_the_second_order_of_a_point_holds_on_both_sides_of_a_kink_in_its_box(labels):
    # At (1, 0) the second sample has its kink: the Hessian jumps there, the gradient does not.
    problem, checked = neuron([["1", "0"], ["0", "1"]], list(labels), [1, 1], alpha=0)
    radius = ONE >> 10
    point = Point(0, 1, [ONE, 0], radius, radius)
    local = ListedFunction(checked, Node(None, "points")).on(point.box(radius))
    tangential = _Tangential(local, point, local.gradient[0], 2, CLOCK)
    for side in (-radius, radius):
        w = np.array([Fraction(1), Fraction(side, ONE)], dtype=object)
        v = np.array([-w[1], w[0]], dtype=object)
        run = problem.network.forward(EXACT, w, problem.X)
        hessian, slope = problem.network.hessian(run, problem.z), problem.network.pullback(run, problem.z)[0]
        form = (v @ hessian @ v) / (v @ v) - slope
        for sign in (1, -1):
            below = int((sign * form - Fraction(1, 100)) * ONE)
            assert not tangential.at_most(sign, below)
            assert tangential.at_most(sign, below + 3 * ONE)
