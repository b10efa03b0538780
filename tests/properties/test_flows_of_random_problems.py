"""The reference flow on random problems of every family whose gradient is Lipschitz: what theory says of it,
holds.
"""

from fractions import Fraction

import mpmath
import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import planar_problems, problems

from certflow.arithmetic.base import EXACT
from certflow.flow.reference.flow import limit_flow, reference_flow
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem

SMOOTH = st.builds(
    Activation,
    st.sampled_from([Fraction(0), Fraction(1), Fraction(1, 3), Fraction(-1)]),
    st.sampled_from([2, 3]),
)
FAMILIES = ("one-layer", "two-layer")
DIGITS = 18
TWO_EQUAL_SAMPLES = Problem(
    OneLayer(2, 1, Activation(Fraction(0), 2)), [[1, 0], [1, 0]], [1, -1], direction=[1, 1]
)


def smooth_problems() -> st.SearchStrategy[Problem]:
    return problems(families=FAMILIES, activation=SMOOTH, max_samples=3)


def ncf(flow, problem: Problem, time) -> mpmath.mpf:
    """N at the flow's direction, evaluated in rationals."""
    theta = np.array([_rational(v) for v in flow.direction(time)], dtype=object)
    return float(problem.z @ problem.network.outputs(EXACT, theta, problem.X))


def _rational(value) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** exponent


@given(smooth_problems())
@example(TWO_EQUAL_SAMPLES)
def test_the_ncf_never_decreases_along_the_limit_flow(problem):
    # Joint directions of separable order-2 networks follow the joint flow too.
    flow = limit_flow(problem, time=Fraction(1, 4), digits=DIGITS, check=False)
    assume(flow.context.isfinite(flow.log_norm(flow.end_time)))
    values = [ncf(flow, problem, flow.end_time * i / 6) for i in range(7)]
    assert all(b >= a - 1e-12 * (1 + abs(a)) for a, b in zip(values, values[1:], strict=False))


@given(
    planar_problems(max_samples=4), st.sampled_from([Fraction(1, 10), Fraction("1e-9"), Fraction("1e-300")])
)
def test_raw_and_polar_coordinates_give_the_same_planar_flow(problem, delta):
    a, b = (
        reference_flow(problem, delta, time=Fraction(1), digits=DIGITS, coordinates=coordinates, check=False)
        for coordinates in ("raw", "polar")
    )
    for j in range(len(a.blocks)):
        assert max(abs(a.block_direction(j, 1) - b.block_direction(j, 1))) < mpmath.mpf(10) ** -(DIGITS - 2)
        if any(a.block_direction(j, 1)):
            assert abs(a.block_log_norm(j, 1) - b.block_log_norm(j, 1)) < mpmath.mpf(10) ** -(DIGITS - 2)


@given(
    st.sampled_from([[1, 2, 1], [2, 2, 1], [2, 1, 2, 1]]),
    SMOOTH,
    st.integers(0, 100),
    st.sampled_from([Loss("square", "sum"), Loss("logistic", "mean")]),
)
def test_layer_balances_are_conserved(widths, activation, seed, loss):
    network = FeedForward(widths, activation)
    X = [["1/2", "-1/3"][: widths[0]], ["-1", "2/3"][: widths[0]]]
    problem = Problem(network, X, [1, -1], loss, seed=seed)
    flow = reference_flow(problem, Fraction(1, 3), time=Fraction(1, 10), digits=DIGITS, check=False)

    def balances(time):
        w, norms, start = flow.weights(time), [], 0
        for layer in range(1, network.depth + 1):
            count = widths[layer] * widths[layer - 1]
            norms.append(sum(v * v for v in w[start : start + count]))
            start += count
        return [a - activation.power * b for a, b in zip(norms, norms[1:], strict=False)]

    for a, b in zip(balances(0), balances(flow.end_time), strict=True):
        assert abs(a - b) < mpmath.mpf(10) ** -DIGITS


@given(smooth_problems(), st.sampled_from(["1/7", "1e-20", "1e-200"]))
def test_the_loss_never_increases(problem, delta):
    # Weights that all but rest may end the flow early: what was followed until then counts.
    flow = reference_flow(
        problem,
        Fraction(delta),
        time=Fraction(1, 4),
        radius=Fraction(1, 2),
        digits=DIGITS,
        check=False,
        partial=True,
    )
    times = [flow.end_time * i / 4 for i in range(5)]
    X, y = np.array(problem.X, dtype=float), np.array(problem.y, dtype=float)
    from certflow.arithmetic.base import FLOAT

    losses = [
        problem.loss.value(
            problem.network.outputs(FLOAT, np.array([float(v) for v in flow.weights(time)]), X), y
        )
        for time in times
    ]
    assert all(b <= a + 1e-12 * (1 + a) for a, b in zip(losses, losses[1:], strict=False))
