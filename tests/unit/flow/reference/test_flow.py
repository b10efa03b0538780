"""The reference flow against closed forms, mpmath.odefun, itself in other coordinates and precisions, and
symmetries.
"""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from gmpy2 import mpz

from certflow.flow.reference.crossings import to_floats
from certflow.flow.reference.flow import limit_flow, reference_flow
from certflow.flow.reference.integration import Precision
from certflow.flow.reference.limit_flow import limit_of
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem

SQUARED_RELU = Activation(Fraction(0), 2)
X3 = [["3/5", "4/5"], ["-5/13", "12/13"], ["8/17", "-15/17"]]
Y3 = ["1", "-1/2", "2"]


def planar(width: int = 3, activation: Activation = SQUARED_RELU, **options) -> Problem:
    direction = ["1", "1/3", "-1/2", "4/5", "1/5", "-1", "-2/3", "-1/7"][: 2 * width]
    return Problem(OneLayer(2, width, activation), X3, Y3, direction=direction, reduction="sum", **options)


def differences(a, b, time) -> list:
    """Differences of all block directions and log norms of two flows at one time."""
    found = []
    for j in range(len(a.blocks)):
        found += [
            abs(x - y) for x, y in zip(a.block_direction(j, time), b.block_direction(j, time), strict=True)
        ]
        found.append(abs(a.block_log_norm(j, time) - b.block_log_norm(j, time)))
    return found


@pytest.mark.parametrize("delta", ["1e-1", "1e-40", "1e-10000"])
@pytest.mark.parametrize("coordinates", ["raw", "polar"])
def test_logistic_growth_of_one_weight_is_met_to_the_last_digits(delta, coordinates):
    # H = u², one sample x = 1, y = 2: u' = 2 (2 - u²) u, so u² = 2 / (1 + (2/delta² - 1) exp(-8 t)).
    problem = Problem(OneLayer(1, 1, Activation(Fraction(1), 2)), [[1]], [2], direction=[1], reduction="sum")
    size = Fraction(delta if delta != "1e-10000" else Fraction(1, 10**10000))
    time = Fraction(3)
    flow = reference_flow(problem, size, time=time, digits=40, coordinates=coordinates, check=False)
    with mpmath.workdps(60):
        d = mpmath.mpf(size.numerator) / size.denominator
        expected = mpmath.log(2 / (1 + (2 / d**2 - 1) * mpmath.exp(-24))) / 2
        assert abs(flow.log_norm(time) - expected) < mpmath.mpf(10) ** -38 * max(1, abs(expected))


def test_two_inputs_without_kinks_agree_with_odefun():
    problem = planar(1, Activation(Fraction(1), 2))
    flow = reference_flow(problem, Fraction(1, 10), time=Fraction(1), digits=30)
    with mpmath.workdps(40):
        X = [[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in problem.X]
        y = [mpmath.mpf(v.numerator) / v.denominator for v in problem.y]
        w0 = [mpmath.mpf(v.numerator) / v.denominator for v in problem.direction]
        w0 = [v / mpmath.norm(w0) / 10 for v in w0]

        def rhs(_, u):
            z = [u[0] * x[0] + u[1] * x[1] for x in X]
            return [
                sum(2 * (b - v * v) * v * x[k] for x, v, b in zip(X, z, y, strict=True)) for k in range(2)
            ]

        end = mpmath.odefun(rhs, 0, w0)(1)
        assert max(abs(a - b) for a, b in zip(flow.weights(1), end, strict=True)) < mpmath.mpf(10) ** -30


def test_logistic_loss_agrees_with_odefun():
    loss = Loss("logistic", "mean")
    problem = Problem(
        TwoLayer(1, 1, Activation(Fraction(1), 1)), [[2], ["1/2"]], [1, -1], loss, direction=[1, "1/2"]
    )
    flow = reference_flow(problem, Fraction(1, 2), time=Fraction(2), digits=25)
    with mpmath.workdps(35):
        norm = mpmath.sqrt(5) / 2

        def rhs(_, u):
            r = [
                b * x / (1 + mpmath.exp(b * u[0] * u[1] * x))
                for x, b in ((mpmath.mpf(2), 1), (mpmath.mpf(1) / 2, -1))
            ]
            return [sum(r) * u[1], sum(r) * u[0]]

        end = mpmath.odefun(rhs, 0, [1 / norm / 2, 1 / norm / 4])(2)
        assert max(abs(a - b) for a, b in zip(flow.weights(2), end, strict=True)) < mpmath.mpf(10) ** -25


def test_limit_flow_of_a_planar_neuron_is_a_matrix_exponential_between_kinks():
    # One neuron that stays in the cell of all three samples of the first quadrant's half-planes.
    X, y = [["3/5", "4/5"], ["4/5", "3/5"]], ["1", "1/2"]
    problem = Problem(OneLayer(2, 1, SQUARED_RELU), X, y, direction=[1, 0], reduction="sum")
    flow = limit_flow(problem, time=Fraction(2), digits=30)
    with mpmath.workdps(40):
        M = mpmath.matrix(2, 2)
        for row, label in zip(problem.X, problem.y, strict=True):
            for a in range(2):
                for b in range(2):
                    M[a, b] += (
                        mpmath.mpf((2 * label * row[a] * row[b]).numerator)
                        / (2 * label * row[a] * row[b]).denominator
                    )
        u = mpmath.expm(2 * M) * mpmath.matrix([1, 0])
        assert abs(flow.log_norm(2) - mpmath.log(mpmath.norm(u))) < mpmath.mpf(10) ** -30
        assert (
            max(abs(flow.direction(2)[k] - u[k] / mpmath.norm(u)) for k in range(2)) < mpmath.mpf(10) ** -30
        )


def test_limit_flow_across_kinks_is_a_chain_of_matrix_exponentials():
    # An integrator of its own: in each cell u' = 2 M u, the next kink found by scanning and bisecting expm(2
    # M t) u.
    samples = [*X3, ["0", "-1"], ["-3/5", "-4/5"], ["1", "0"], ["-24/25", "7/25"]]
    labels = [*Y3, "1/3", "1/4", "1/5", "1/7"]
    problem = Problem(OneLayer(2, 1, SQUARED_RELU), samples, labels, direction=["-1", "1"], reduction="sum")
    flow, end = limit_flow(problem, time=Fraction(4), digits=30), 4
    with mpmath.workdps(45):
        X = [mpmath.matrix([mpmath.mpf(v.numerator) / v.denominator for v in row]) for row in problem.X]
        y = [mpmath.mpf(v.numerator) / v.denominator for v in problem.y]
        u, time, cells = mpmath.matrix([-1, 1]), mpmath.mpf(0), 0
        u /= mpmath.norm(u)
        active = [(x.T * u)[0] > 0 for x in X]
        while True:
            M = sum((c * x * x.T for c, x, on in zip(y, X, active, strict=True) if on), mpmath.zeros(2))

            def margins(t, M=M, u=u):
                at = mpmath.expm(2 * M * t) * u
                return at, [
                    ((x.T * at)[0] if on else -(x.T * at)[0]) for x, on in zip(X, active, strict=True)
                ]

            grid = [mpmath.mpf(i) / 50 for i in range(1, int((end - time) * 50) + 1)]
            after = next((t for t in grid if min(margins(t)[1]) < 0), None)
            if after is None:
                u = margins(end - time)[0]
                break
            low, high = after - mpmath.mpf(1) / 50, after
            while high - low > mpmath.mpf(10) ** -40:
                middle = (low + high) / 2
                low, high = (middle, high) if min(margins(middle)[1]) >= 0 else (low, middle)
            u, found = margins(high)
            crossing = found.index(min(found))
            active[crossing], time, cells = not active[crossing], time + high, cells + 1
        assert cells == flow.effort.kinks >= 4
        assert (
            max(abs(flow.direction(end)[k] - u[k] / mpmath.norm(u)) for k in range(2)) < mpmath.mpf(10) ** -30
        )
        assert abs(flow.log_norm(end) - mpmath.log(mpmath.norm(u))) < mpmath.mpf(10) ** -30


@pytest.mark.parametrize("delta", ["1/20", "1e-30"])
def test_raw_and_polar_coordinates_agree_across_kinks(delta):
    problem = planar(3)
    raw, polar = (
        reference_flow(problem, Fraction(delta), time=Fraction(2), digits=30, coordinates=c, check=False)
        for c in ("raw", "polar")
    )
    assert raw.effort.kinks > 0
    for time in (Fraction(1, 3), Fraction(1), Fraction(2)):
        assert max(differences(raw, polar, time)) < mpmath.mpf(10) ** -30


def test_raw_and_polar_coordinates_agree_for_order_three():
    problem = Problem(
        TwoLayer(2, 2, SQUARED_RELU),
        X3,
        Y3,
        direction=["1", "1/2", "-1/3", "1", "1/2", "-2/3"],
        reduction="sum",
    )
    flows = [
        reference_flow(
            problem, Fraction("1e-8"), radius=Fraction(1, 50), digits=25, coordinates=c, check=False
        )
        for c in ("raw", "polar")
    ]
    for radius in ("1e-5", "1e-2"):
        times = [flow.time_at_norm(Fraction(radius)) for flow in flows]
        assert abs(times[0] - times[1]) < mpmath.mpf(10) ** -25
        directions = [flow.direction(time) for flow, time in zip(flows, times, strict=True)]
        assert max(abs(directions[0] - directions[1])) < mpmath.mpf(10) ** -23


def test_the_error_estimate_is_honest():
    for problem in (planar(3), planar(2, Activation(Fraction(1, 3), 3))):
        rough = reference_flow(problem, Fraction(1, 20), time=Fraction(2), digits=12)
        fine = reference_flow(problem, Fraction(1, 20), time=Fraction(2), digits=60, check=False)
        worst = max(
            max(differences(rough, fine, time)) for time in rough.sample_times() if time <= fine.end_time
        )
        assert 0 < rough.error_estimate < mpmath.mpf(10) ** -12
        assert worst <= 4 * rough.error_estimate


@pytest.mark.parametrize(
    "network",
    [TwoLayer(2, 2, SQUARED_RELU), FeedForward([2, 2, 2, 1], Activation(Fraction(1, 2), 2))],
    ids=str,
)
def test_balance_of_layers_is_conserved(network):
    # d/dt (‖W_l‖² - p ‖W_(l+1)‖²) = 0.
    p = network.activation.power
    problem = Problem(network, X3, Y3, seed=5, reduction="sum")
    flow = reference_flow(problem, Fraction(1, 4), time=Fraction(1, 4), digits=30, check=False)

    def balances(time):
        w = flow.weights(time)
        norms, start = [], 0
        for layer in range(1, network.depth + 1):
            count = network.widths[layer] * network.widths[layer - 1]
            norms.append(sum(v * v for v in w[start : start + count]))
            start += count
        return [a - p * b for a, b in zip(norms, norms[1:], strict=False)]

    for a, b in zip(balances(0), balances(flow.end_time), strict=True):
        assert abs(a - b) < mpmath.mpf(10) ** -30


def test_an_inactive_neuron_never_moves():
    problem = Problem(
        OneLayer(2, 2, SQUARED_RELU),
        [[1, 0], ["3/5", "1/5"]],
        [1, 1],
        direction=[-1, 0, 1, 1],
        reduction="sum",
    )
    flow = reference_flow(problem, Fraction("1e-3"), time=Fraction(2), digits=20)
    assert abs(flow.block_log_norm(0, 2) - flow.block_log_norm(0, 0)) < mpmath.mpf(10) ** -20
    assert max(abs(flow.block_direction(0, 2) - flow.block_direction(0, 0))) < mpmath.mpf(10) ** -20
    assert flow.block_log_norm(1, 2) > flow.block_log_norm(1, 0)


def test_a_zero_neuron_stays_zero():
    problem = Problem(OneLayer(2, 2, SQUARED_RELU), X3, Y3, direction=[0, 0, 1, 1], reduction="sum")
    flow = reference_flow(problem, Fraction("1e-3"), time=Fraction(1), digits=20)
    assert list(flow.weights(1)[:2]) == [0, 0]
    assert not any(flow.block_direction(0, 1))


def test_the_cost_to_a_fixed_time_does_not_grow_as_delta_shrinks():
    problem = planar(3)
    steps = [
        reference_flow(problem, delta, time=Fraction(2), digits=20, check=False).effort.orders
        for delta in (Fraction("1e-3"), Fraction(1, 10**10000))
    ]
    assert steps[1] <= steps[0]


def test_time_at_norm_is_where_the_norm_is():
    problem = planar(3)
    for delta in (Fraction("1e-4"), Fraction(1, 10**400)):
        flow = reference_flow(problem, delta, radius=Fraction(1, 10), digits=25, check=False)
        for radius in (2 * delta, Fraction(1, 10)):
            time = flow.time_at_norm(radius)
            assert (
                abs(
                    flow.log_norm(time)
                    - mpmath.log(mpmath.mpf(radius.numerator))
                    + mpmath.log(radius.denominator)
                )
                < 1e-12
            )
        assert flow.time_at_norm(Fraction(10**6)) is None


def test_small_delta_follows_the_limit_flow_with_slope_two():
    problem, time = planar(3), Fraction(1)
    limit = limit_flow(problem, time=time, digits=40, check=False)
    errors = []
    for delta in ("1e-6", "1e-8"):
        flow = reference_flow(problem, Fraction(delta), time=time, digits=40, check=False)
        errors.append(max(abs(flow.block_direction(0, time) - limit.block_direction(0, time))))
    assert abs(mpmath.log10(errors[0] / errors[1]) - 4) < 1e-3


def test_permuting_neurons_permutes_the_flow():
    problem, time = planar(3), Fraction(2)
    order = [2, 0, 1]
    direction = np.concatenate([problem.direction[2 * j : 2 * j + 2] for j in order])
    other = Problem(OneLayer(2, 3, SQUARED_RELU), X3, Y3, direction=direction, reduction="sum")
    a, b = (reference_flow(p, Fraction("1e-3"), time=time, digits=25, check=False) for p in (problem, other))
    for new, old in enumerate(order):
        assert max(abs(a.block_direction(old, time) - b.block_direction(new, time))) < mpmath.mpf(10) ** -25


def test_labels_and_weights_rescale_together():
    # For L = 2 labels c y and delta sqrt(c): weights times sqrt(c), time over c.
    problem = planar(2)
    other = Problem(
        problem.network, X3, [4 * v for v in problem.y], direction=problem.direction, reduction="sum"
    )
    a = reference_flow(problem, Fraction("1e-2"), time=Fraction(2), digits=25, check=False)
    b = reference_flow(other, Fraction("2e-2"), time=Fraction(1, 2), digits=25, check=False)
    assert max(abs(a.weights(2) * 2 - b.weights(Fraction(1, 2)))) < mpmath.mpf(10) ** -25


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": Fraction(1), "digits": 2}, "digits"),
        ({"time": Fraction(1), "digits": 10**9}, "digits"),
        ({"time": Fraction(1), "coordinates": "spherical"}, "coordinates"),
        ({}, "time or a radius"),
    ],
)
def test_unusable_arguments_are_refused(options, message):
    with pytest.raises(BadInput, match=message):
        reference_flow(planar(1), Fraction("1e-3"), **options)


def test_a_delta_that_is_not_positive_is_refused():
    with pytest.raises(BadInput, match="delta"):
        reference_flow(planar(1), Fraction(0), time=Fraction(1))


def test_times_outside_the_computed_range_are_refused():
    flow = reference_flow(planar(1), Fraction("1e-3"), time=Fraction(1), digits=10, check=False)
    with pytest.raises(ValueError, match="outside"):
        flow.direction(2)


def test_series_that_doubles_cannot_hold_are_inconclusive():
    assert to_floats(np.array([mpz(3) << 99], dtype=object), 100) == 1.5
    assert to_floats(np.array([mpz(3) << 1999], dtype=object), 2000) == 1.5
    with pytest.raises(Inconclusive, match="too large"):
        to_floats(np.array([mpz(1) << 3000], dtype=object), 100)


def switch(problem: Problem, delta: Fraction, time: Fraction) -> Fraction:
    """When the flow is no longer taken for the limit flow."""
    limit = limit_of(problem, Precision(30), False)
    log_delta = math.log(delta.numerator) - math.log(delta.denominator) - limit.units.log_length
    at = limit.given_time(limit.switch_time(log_delta, limit.own_time(time)))
    return Fraction(int(at.man_exp[0])) * Fraction(2) ** int(at.man_exp[1])


@pytest.mark.parametrize("halvings", [-15, 5, 15])
def test_small_weights_are_small_beside_the_labels(halvings):
    # y -> c y, w -> c^(1/2) w, t -> t / c: the outputs may be below the working precision long before they
    # are nothing.
    network, X, direction = OneLayer(2, 1, SQUARED_RELU), [["1", "0"], ["0", "1"]], ["1", "1/5"]
    c, delta = Fraction(1, 4) ** halvings, Fraction(1, 10**40)
    problem = Problem(network, X, [c, 2 * c], direction=direction)
    # a/c grows like exp(4 t c) from 1e-80 and is 2^-140 at t c = 21.8, and less is needed for the outputs.
    at = c * switch(problem, delta / Fraction(2) ** halvings, 100 / c)
    assert 15 < at < 22


def test_outputs_beyond_doubles_are_large_without_a_warning():
    network = OneLayer(2, 1, Activation(Fraction(0), 2))
    problem = Problem(network, [["1e155", "0"], ["0", "1"]], ["1", "2"], direction=["1", "1/5"])
    assert switch(problem, Fraction(1, 1000), Fraction(1)) == 0


@pytest.mark.parametrize(
    ("x", "size"), [("1e-15", "1e-15"), ("-1e300", "1e300"), ("1000001", "1e6"), ("9e-7", "1e-6")]
)
def test_inputs_of_expressions_far_from_one_have_no_flow(x, size):
    # Fixed-point numbers lost them, in both runs alike: the flow was wrong and its error estimate small.
    network = Expression(["u1", "u2"], ["x1"], "u1*u2*x1")
    problem = Problem(network, [["1"], [x]], ["1", "2"], direction=["1", "1/2"])
    for flow in (
        lambda: limit_flow(problem, time=Fraction(1)),
        lambda: reference_flow(problem, Fraction(1, 10), time=Fraction(1)),
    ):
        with pytest.raises(Inconclusive) as refusal:
            flow()
        assert str(refusal.value).startswith(
            f"an input of the expression is of size {size}; bring all inputs to between 1e-6 and 1e6"
        )


@pytest.mark.parametrize("x", ["0", "1e-6", "-1e6"])
def test_inputs_of_expressions_at_the_edge_have_a_flow_with_its_digits(x):
    network = Expression(["u1", "u2"], ["x1"], "u1*u2*x1")
    problem, time = (
        Problem(network, [[x]], ["1"], direction=["1", "0"], reduction="sum"),
        1 / (abs(Fraction(x)) or Fraction(1)),
    )
    flow = limit_flow(problem, time=time)
    # u' = y x (u2, u1): (cosh, +-sinh) of 1, or the start.
    ctx, end = flow.context, flow.direction(flow.end_time)
    turn = 0 if x == "0" else Fraction(x) / abs(Fraction(x))
    assert abs(end[1] / end[0] - ctx.tanh(int(turn))) < ctx.mpf(10) ** -20
