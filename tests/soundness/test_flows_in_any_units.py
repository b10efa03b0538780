"""Inputs, labels and given layers times powers of two, however large: the same reference flow in other units,
to the last bit.

With outputs times kappa and labels times c the flow from delta (c / kappa)^(1/L) is the one from delta: its
times over c kappa, its norms times (c / kappa)^(1/L) (L5.8).
"""

from fractions import Fraction

import pytest

from certflow.experiments.trajectory import default_time, trajectory
from certflow.flow.reference.flow import blow_up_time, limit_flow, reference_flow
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import ExitCode
from certflow.problem import Problem

RELU, SQUARED_RELU, TWO = Activation(Fraction(0), 1), Activation(Fraction(0), 2), Fraction(2)
X, Y = [[1, Fraction(1, 2)], [Fraction(-1, 3), 1], [1, -1]], [1, Fraction(-1, 2), Fraction(5, 4)]
OUTER = [[1, Fraction(-1, 2)]]
DELTA, TIME = Fraction(1, 100), Fraction(1, 2)
UNITS = [(500, -500, 300), (-500, 500, 0), (60, 400, -500)]


def problem(name: str, x: int = 0, y: int = 0, given: int = 0) -> tuple[Problem, int, int]:
    """The problem with inputs, labels and given layers times powers of two, and the exponents of c kappa and
    (c / kappa)^(1/L).

    The labels are so that the latter is whole.
    """
    network, direction, outputs = {
        "one layer": (OneLayer(2, 2, SQUARED_RELU, (1, -1)), [1, 2, -1, 1], 2 * x),
        "two layers": (TwoLayer(2, 1, RELU), [1, Fraction(1, 3), 1], x),
        "order three": (TwoLayer(2, 1, SQUARED_RELU), [1, Fraction(1, 3), 1], 2 * x),
        "given": (
            FeedForward((2, 2, 1), SQUARED_RELU, (1,), {2: [[v * TWO**given for v in row] for row in OUTER]}),
            [1, 2, -1, 1],
            2 * x + given,
        ),
        "logistic": (OneLayer(2, 1, SQUARED_RELU), [1, Fraction(1, 3)], 2 * x),
    }[name]
    order = 3 if name == "order three" else 2
    y = 0 if name == "logistic" else y + (outputs - y) % order
    labels = [1, -1, 1] if name == "logistic" else [v * TWO**y for v in Y]
    inputs = [[v * TWO**x for v in row] for row in X]
    loss = "logistic" if name == "logistic" else "square"
    return Problem(network, inputs, labels, loss, direction=direction), y + outputs, (y - outputs) // order


@pytest.mark.parametrize("x, y, given", UNITS)
@pytest.mark.parametrize("name", ["one layer", "two layers", "order three", "given", "logistic"])
def test_powers_of_two_change_nothing_but_the_units_of_the_flow(name, x, y, given):
    first, (second, rate, length) = problem(name)[0], problem(name, x, y, given)
    flows = [
        [
            reference_flow(p, DELTA * TWO**by, time=TIME / TWO**per, digits=12)
            for p, by, per in ((first, 0, 0), (second, length, rate))
        ],
        [limit_flow(p, time=TIME / 2 / TWO**per, digits=12) for p, per in ((first, 0), (second, rate))],
    ]
    for (one, other), shift in zip(flows, (length, 0), strict=True):
        ctx = one.context
        assert one.error_estimate == other.error_estimate
        assert other.end_time == ctx.ldexp(one.end_time, -rate)
        for i in range(5):
            time = one.end_time * i / 4
            again = ctx.ldexp(time, -rate)
            assert list(one.direction(time)) == list(other.direction(again))
            moved = other.log_norm(again) - one.log_norm(time) - shift * ctx.ln2
            assert abs(moved) < ctx.mpf(10) ** -25 * (1 + abs(length))


@pytest.mark.parametrize("x, y", [(500, -500), (-400, 300)])
def test_norms_are_met_and_limit_flows_blow_up_at_the_rescaled_times(x, y):
    first, (second, rate, length) = problem("order three")[0], problem("order three", x, y)
    assert blow_up_time(second) == blow_up_time(first) / TWO**rate
    last = default_time(second)
    assert (
        last == second.experiment.time or 0.8 < last * TWO**rate / Fraction(str(blow_up_time(first))) <= 0.9
    )
    one = reference_flow(first, DELTA, radius=3 * DELTA, digits=12)
    other = reference_flow(second, DELTA * TWO**length, radius=3 * DELTA * TWO**length, digits=12)
    times = [flow.time_at_norm(3 * delta) for flow, delta in ((one, DELTA), (other, DELTA * TWO**length))]
    assert abs(times[1] / one.context.ldexp(times[0], -rate) - 1) < 1e-11


def test_tiny_labels_are_followed_as_those_of_size_one():
    # Weights far above the labels fall as if these were zero.
    tiny = Problem(OneLayer(2, 1, SQUARED_RELU), [[1, 0], [0, 1]], ["1e-60", "2e-60"], direction=[1, 1])
    found = trajectory(tiny, "1e-20", time=Fraction(10) ** 50, rows=2, digits=20)
    assert found.exit_code == ExitCode.DONE
    # u_i' = -u_i^3 for each weight: 1 / u_i^2 = 2 t + 2e40, so that ‖w‖² = 2 / (2 t + 2e40).
    assert abs(found.log_norms[-1] + 25 * found.flow.context.ln10) < 1e-9
    assert found.flow.error_estimate < 1e-15


def test_weights_far_above_their_problem_fall_at_any_order():
    # Steps in the time of the direction cannot resolve how fast weights of order three fall that start far
    # above it.
    high = problem("order three")[0]
    found = trajectory(high, "1e20", time=Fraction(1, 10**40), rows=2, digits=15)
    assert found.exit_code == ExitCode.DONE and found.flow.error_estimate < 1e-10
    assert found.log_norms[-1] < found.log_norms[0] - 0.5
