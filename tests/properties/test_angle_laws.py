"""Both laws of the angle error (L1.9, L1.10) on random planar problems: measured with the reference flow."""

import math
from fractions import Fraction

from hypothesis import assume, event, given
from hypothesis import strategies as st
from strategies import arrays, losses, nonzero, planar_neurons, planar_problems

from certflow.arithmetic.base import mp_arithmetic
from certflow.experiments.limit_points import CONVERGES, distance, limit_points
from certflow.flow.reference.flow import limit_flow, reference_flow
from certflow.kkt.neuron.circle import kkt_of_problem
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem

DIGITS = 25
AR = mp_arithmetic(DIGITS + 10)
CTX = AR.context


@given(planar_problems(max_samples=4))
def test_at_a_fixed_time_the_distance_to_the_limit_flow_falls_like_delta_to_the_order(problem):
    time, factor = Fraction(1, 2), 100
    limit = limit_flow(problem, time=time, digits=DIGITS, check=False)
    assume(max(float(limit.log_norm(time)), 0.0) < 3)  # so that a = ‖w‖² is below 1e-5 for the larger delta
    errors = []
    for delta in (Fraction(1, 10**4), Fraction(1, 10**4 * factor)):
        flow = reference_flow(problem, delta, time=time, digits=DIGITS, check=False)
        blocks = range(len(flow.blocks))
        errors.append(
            [
                distance(CTX, _unit(flow.block_direction(j, time)), _unit(limit.block_direction(j, time)))
                for j in blocks
            ]
        )
    noise = CTX.mpf(10) ** (3 - DIGITS)
    for larger, smaller in zip(*errors, strict=True):
        # At least like delta^L; exactly so, unless the leading coefficient is zero (L1.9).
        assert smaller <= CTX.mpf("1.05") * larger / factor**problem.order + noise
        if smaller > 100 * noise:
            event("the slope was seen")
            assert (
                abs(CTX.log(larger / smaller) / CTX.log(factor) - problem.order) < 0.05
                or smaller < larger / factor**problem.order
            )


@st.composite
def growing_problems(draw):
    """One or two planar neurons all of which grow: positive labels under positive signs."""
    X, y = draw(planar_neurons(4))
    width = draw(st.integers(1, 2))
    direction = draw(nonzero(arrays((2 * width,))))
    network = OneLayer(2, width, Activation(draw(st.sampled_from([Fraction(0), Fraction(1, 2)])), 2))
    loss = draw(losses())
    labels = (
        [Fraction(1)] * len(y) if loss.kind == "logistic" else [abs(label) + Fraction(1, 2) for label in y]
    )
    return Problem(network, X, labels, loss, direction=direction)


@given(growing_problems())
def test_at_a_fixed_radius_the_distance_to_the_kkt_point_falls_like_delta_to_kappa(problem):
    radius, kkt = Fraction(1, 10**6), kkt_of_problem(problem, DIGITS + 10)
    path = _path(problem)
    assume(path is not None)
    limits = limit_points(problem, path, kkt, AR, radius)
    strict = [j for j, limit in enumerate(limits) if limit.outcome == CONVERGES and 0.1 < limit.exponent < 3]
    assume(strict)
    deltas = (Fraction(1, 10**9), Fraction(1, 10**10))
    flows = [
        reference_flow(problem, delta, radius=radius, time=Fraction(3000), digits=DIGITS, check=False)
        for delta in deltas
    ]
    times = [flow.time_at_norm(radius) for flow in flows]
    assume(None not in times)
    for j in strict:
        limit = limits[j]
        larger, smaller = (
            distance(CTX, _unit(flow.block_direction(j, t)), limit.direction)
            for flow, t in zip(flows, times, strict=True)
        )
        if not max(100 * limit.floor, 1e-18) < smaller < larger < 1e-2:
            continue
        event("the exponent was seen")
        slope = float(CTX.log(larger / smaller) / math.log(10))
        # The clock is that of the joint norm: never faster than N_dom, slower while other blocks matter.
        clock = limit.gap * float(times[1] - times[0]) / math.log(10)
        assert slope >= 0.95 * limit.exponent
        assert abs(slope / clock - 1) < 0.03
        assert clock >= limit.exponent * (1 - 1e-6)


def _path(problem):
    """Directions of each block along the limit flow, or None if it cannot be followed or does not grow
    enough.
    """
    try:
        flow = limit_flow(problem, time=Fraction(200), digits=15, check=False)
    except Inconclusive:
        return None
    if not float(flow.log_norm(flow.end_time)) > math.log(1e9):
        return None
    times = [flow.end_time * k / 400 for k in range(401)]
    return [[_unit(flow.block_direction(j, t)) for t in times] for j in range(len(flow.blocks))]


def _unit(vector):
    return [CTX.mpf(v) for v in vector]
