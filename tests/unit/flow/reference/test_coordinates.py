"""The change of variables (L1): exact identities in rationals, on kinks too; the recorded fields; laws of the
flow.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from certflow.arithmetic.base import EXACT, mp_arithmetic
from certflow.arithmetic.jets import JetArithmetic
from certflow.flow.reference.coordinates import PolarCoordinates, RawCoordinates
from certflow.flow.reference.flow import limit_flow, reference_flow
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem
from tests.strategies import arrays, labels, losses, networks_at_points, order_of, planar_problems, rationals

LAYERED = ("one-layer", "two-layer", "feed-forward", "partly-trained")
POSITIVE = st.fractions(min_value=Fraction(1, 5), max_value=5, max_denominator=8)
AT_KINK = rationals(bound=1).map(abs)
BITS = 240
TINY = Fraction(1, 2**180)


def selections(case):
    """Residual-weighted pullbacks at a point, for a drawn Clarke selection at its kinks."""
    (network, w, X, r), at_kink = case
    run = network.forward(EXACT, w, X, at_kink=at_kink)
    return network, w, run, r, network.pullback(run, r)


@given(st.tuples(networks_at_points(LAYERED), AT_KINK))
def test_euler_holds_for_every_selection(case):
    network, w, run, r, gradient = selections(case)
    assert w @ gradient == order_of(network) * (r @ run.outputs)


@given(networks_at_points(LAYERED), POSITIVE)
def test_outputs_and_gradients_are_homogeneous(case, c):
    network, w, X, r = case
    run, scaled, order = network.forward(EXACT, w, X), network.forward(EXACT, c * w, X), order_of(network)
    assert list(scaled.outputs) == list(c**order * run.outputs)
    assert list(network.pullback(scaled, r)) == list(c ** (order - 1) * network.pullback(run, r))


@given(st.tuples(networks_at_points(("two-layer", "feed-forward", "partly-trained")), AT_KINK))
def test_rows_and_columns_of_a_neuron_grow_in_a_fixed_ratio(case):
    network, w, _, _, gradient = selections(case)
    power, W, G = network.activation.power, network.matrices(EXACT, w), network.matrices(EXACT, gradient)
    pairs = [layer for layer in range(1, network.depth) if {layer, layer + 1} <= set(network.trained)]
    assume(pairs)
    for layer in pairs:
        for j in range(network.widths[layer]):
            assert W[layer - 1][j] @ G[layer - 1][j] == power * (W[layer][:, j] @ G[layer][:, j])
        assert (W[layer - 1] * G[layer - 1]).sum() == power * (W[layer] * G[layer]).sum()


@given(networks_at_points(LAYERED), POSITIVE, st.sampled_from(["mean", "sum"]), st.data())
def test_square_loss_splits_into_the_ncf_and_a_quadratic_term(case, a, reduction, data):
    network, w, X, _ = case
    loss, n = Loss("square", reduction), len(X)
    y = data.draw(labels(loss, n))
    run, z, omega = network.forward(EXACT, w, X), loss.initial_residuals(y), loss.omega(n)
    h = run.outputs
    r = loss.residuals(EXACT, a * h, y)
    ncf, half_square = z @ h, omega * (h @ h) / 2
    assert r @ h == ncf - 2 * a * half_square
    # The gradient of N - a Q, whose second part is omega a sum_i h_i dh_i.
    assert list(network.pullback(run, r)) == list(
        network.pullback(run, z) - a * network.pullback(run, omega * h)
    )


@given(losses(), arrays((3,)), POSITIVE, st.data())
def test_residuals_of_convex_losses_lie_between_the_linear_and_the_curved_bound(loss, h, a, data):
    y = data.draw(labels(loss, 3))
    ar = mp_arithmetic(40)
    r, z = loss.residuals(ar, ar.array(a * h), ar.array(y)), ar.array(loss.initial_residuals(y))
    curved = ar.array(loss.omega(3) * loss.curvature_bound() * a * h * h)
    rounding = ar.number(Fraction(1, 10**35))
    for r_i, z_i, h_i, q_i in zip(r, z, ar.array(h), curved, strict=True):
        assert z_i * h_i - q_i - rounding <= r_i * h_i <= z_i * h_i + rounding


@given(networks_at_points(LAYERED), POSITIVE, POSITIVE, st.data())
def test_scaling_weights_residual_scale_and_time_together_changes_nothing(case, scale, factor, data):
    network, u, X, _ = case
    loss, order = Loss("square", "mean"), order_of(network)
    y = data.draw(labels(loss, len(X)))

    def velocity(weights, a):
        run = network.forward(EXACT, weights, X)
        return network.pullback(run, loss.residuals(EXACT, a * run.outputs, y))

    # d(factor u) / d(factor^(2 - L) s) = factor^(L - 1) du/ds.
    assert list(velocity(factor * u, scale / factor**order)) == list(
        factor ** (order - 1) * velocity(u, scale)
    )


def unit_vector(values):
    """A rational unit vector, by inverse stereographic projection of all entries but one."""
    square = sum((v * v for v in values[1:]), Fraction(0))
    return np.array([(square - 1) / (square + 1), *(2 * v / (square + 1) for v in values[1:])], dtype=object)


@st.composite
def polar_points(draw):
    """(network, X, y, blocks, theta with unit blocks, scales a_j), square loss, order at least 2."""
    network, w, X, _ = draw(networks_at_points(LAYERED).filter(lambda case: order_of(case[0]) >= 2))
    order = order_of(network)
    blocks = network.blocks if order == 2 else (tuple(range(network.size)),)
    theta = np.array(w, dtype=object)
    for block in blocks:
        theta[list(block)] = unit_vector(w[list(block)])
    return network, X, draw(arrays((len(X),))), blocks, theta, [draw(POSITIVE) for _ in blocks]


def recorded(field, ar, state, network, theta, X):
    """The field's constant coefficients as exact dyadic numbers, at `state`."""
    run = network.forward(EXACT, theta, X)
    variable = ar.variable((len(state),))
    variable.coefficients[0] = [ar.fixed(v) for v in state]
    derivative, _ = field.trace(ar, variable, [EXACT.sign(z) for z in run.kinks])
    ar.extend(0)
    return ar.series(derivative)[0]


@given(polar_points())
def test_the_polar_field_is_the_equations_of_motion(point):
    network, X, y, blocks, theta, a = point
    order, loss, ar = order_of(network), Loss("square", "mean"), JetArithmetic(BITS, 1)
    field = PolarCoordinates(
        Correlation(network, X, loss.initial_residuals(y)), y, loss, ar, order=order, blocks=blocks
    )
    beta = Fraction(3, 7)
    field.set_scales(ar, [ar.fixed(v) for v in a])
    tail = [Fraction(0), beta] if order > 2 else []
    found = recorded(
        field,
        ar,
        [*theta, *[Fraction(0)] * len(blocks), *[Fraction(1)] * len(blocks), *tail],
        network,
        theta,
        X,
    )

    run = network.forward(EXACT, theta, X)
    h = run.block_outputs if len(blocks) > 1 else run.outputs[:, None]
    r = loss.residuals(EXACT, h @ np.array(a, dtype=object), y)
    gradient, expected = network.pullback(run, r), []
    growth = [order * (r @ h[:, j]) for j in range(len(blocks))]
    for index in range(network.size):
        j = next(j for j, block in enumerate(blocks) if index in block)
        expected.append(gradient[index] - theta[index] * sum(gradient[i] * theta[i] for i in blocks[j]))
    expected += growth + [order * g for g in growth]
    expected += [beta, (2 - order) * beta * growth[0]] if order > 2 else []
    assert max(abs(f - e) for f, e in zip(found, expected, strict=True)) < TINY


@given(polar_points())
def test_without_scales_both_fields_are_the_limit_flow(point):
    network, X, y, blocks, theta, _ = point
    order, loss = order_of(network), Loss("logistic" if all(abs(v) == 1 for v in y) else "square", "sum")
    z = loss.initial_residuals(y)
    run = network.forward(EXACT, theta, X)
    gradient = network.pullback(run, z)

    ar = JetArithmetic(BITS, 1)
    raw = recorded(RawCoordinates(Correlation(network, X, z), y, loss, ar), ar, theta, network, theta, X)
    assert max(abs(f - e) for f, e in zip(raw, gradient, strict=True)) < TINY

    ar = JetArithmetic(BITS, 1)
    tail = [Fraction(0), Fraction(1)] if order > 2 else []
    field = PolarCoordinates(Correlation(network, X, z), y, loss, ar, order=order, blocks=blocks)
    polar = recorded(
        field,
        ar,
        [*theta, *[Fraction(0)] * len(blocks), *[Fraction(1)] * len(blocks), *tail],
        network,
        theta,
        X,
    )
    h = run.block_outputs if len(blocks) > 1 else run.outputs[:, None]
    for j, block in enumerate(blocks):
        assert abs(polar[network.size + j] - order * (z @ h[:, j])) < TINY
        assert abs(sum(polar[i] * theta[i] for i in block)) < TINY


@given(polar_points())
def test_raw_weights_may_be_scaled_block_by_block_in_order_two(point):
    network, X, y, blocks, u, scales = point
    order, loss, ar = order_of(network), Loss("square", "mean"), JetArithmetic(BITS, 1)
    field = RawCoordinates(Correlation(network, X, loss.initial_residuals(y)), y, loss, ar)
    field.set_scales(ar, [ar.fixed(s * s) if order == 2 else ar.fixed(s) for s in scales])
    found = recorded(field, ar, u, network, u, X)
    if order > 2:
        outputs = scales[0] * network.outputs(EXACT, u, X)
        expected = network.pullback(network.forward(EXACT, u, X), loss.residuals(EXACT, outputs, y))
    else:
        # In true weights w_j = scale_j u_j the velocity is that of w, divided by the scale of its block.
        factor = np.array(
            [next(s for s, b in zip(scales, blocks, strict=True) if i in b) for i in range(network.size)],
            dtype=object,
        )
        run = network.forward(EXACT, factor * u, X)
        expected = network.pullback(run, loss.residuals(EXACT, run.outputs, y)) / factor
    assert max(abs(f - e) for f, e in zip(found, expected, strict=True)) < TINY


def test_conservation_needs_both_layers_and_the_power():
    # One squared neuron v (w x)^2 at w = 2, v = 3, x = r = 1: the gradients are 12 and 4, so 2 * 12 = p * 3 *
    # 4 with p = 2 only.
    network = FeedForward([1, 1, 1], activation=Activation(Fraction(0), 2))
    w = EXACT.array([Fraction(2), Fraction(3)])
    run = network.forward(EXACT, w, EXACT.array([[Fraction(1)]]))
    gradient = network.pullback(run, EXACT.array([Fraction(1)]))
    assert list(gradient) == [12, 4]
    assert w[0] * gradient[0] == 2 * w[1] * gradient[1]


# -- laws of the flow, with the reference integrator ---------------------------------------------------------


def planar_constants(problem):
    """(M, Lambda, G) of L1.9 for one-layer planar networks of power 2: upper bounds from |sigma(t)| <= t²,
    exact.
    """
    lengths = [x @ x for x in problem.X]
    M = sum((abs(z) * s for z, s in zip(problem.z, lengths, strict=True)), Fraction(0))
    return M, 2 * M, 2 * problem.loss.omega(problem.n) * sum((s * s for s in lengths), Fraction(0))


@settings(max_examples=12)
@given(planar_problems(), st.integers(1, 6))
def test_the_distance_to_the_limit_flow_is_below_the_explicit_bound(problem, digits_of_delta):
    M, lipschitz, G = planar_constants(problem)
    assume(M)
    time, delta = 1 / (4 * M), Fraction(1, 10**digits_of_delta)
    true = reference_flow(problem, delta, time=time, digits=30, check=False)
    limit = limit_flow(problem, time=time, digits=30, check=False)
    ctx = true.context
    end = min(true.end_time, limit.end_time)
    step = true.weights(end) / ctx.mpf(delta.numerator) * delta.denominator - limit.weights(end)
    distance = ctx.sqrt(ctx.fsum(v * v for v in step))
    # B = exp(2 M S) = exp(1/2) and Lambda S = 1/2.
    bound = float(problem.loss.curvature_bound() * G / lipschitz * delta**2) * float(
        ctx.exp(1.5) * (ctx.exp(0.5) - 1)
    )
    assert distance <= bound * (1 + 1e-9) + 1e-25


def first_variation(problem, time, steps=4000):
    """P eta(S) / ‖v(S)‖ of L1.9 for one squared neuron, by the classical Runge-Kutta method in double
    precision.
    """
    X, z, y = (np.array(a, dtype=float) for a in (problem.X, problem.z, problem.y))
    slope, omega = float(problem.network.activation.alpha) ** 2, float(problem.loss.omega(len(y)))

    def rate(state):
        v, eta = state[:2], state[2:]
        t = X @ v
        cell = np.where(t > 0, 1.0, slope)
        return np.concatenate(
            [2 * (z * cell * t) @ X, 2 * (z * cell * (X @ eta)) @ X - 2 * omega * (cell**2 * t**3) @ X]
        )

    start = np.array(problem.direction, dtype=float)
    state, h = np.concatenate([start / np.linalg.norm(start), np.zeros(2)]), float(time) / steps
    for _ in range(steps):
        k1 = rate(state)
        k2 = rate(state + h / 2 * k1)
        k3 = rate(state + h / 2 * k2)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + rate(state + h * k3))
    v, eta = state[:2], state[2:]
    size = np.linalg.norm(v)
    return (eta - v * (v @ eta) / size**2) / size


@pytest.mark.parametrize("alpha", [Fraction(1), Fraction(0)], ids=["smooth", "kinked"])
def test_the_angle_at_a_fixed_time_is_the_first_variation_times_delta_squared(alpha):
    X = [["1", "1/2"], ["1/3", "-1"], ["-4/5", "2/5"]]
    problem = Problem(OneLayer(2, 1, Activation(alpha, 2)), X, ["1", "2/3", "1/2"], direction=["1/2", "-1/3"])
    time, delta = Fraction(2), Fraction(1, 10**9)
    true, limit = (
        f.direction(time) for f in (reference_flow(problem, delta, time=time), limit_flow(problem, time=time))
    )
    measured = np.array((true - limit) * 10**18, dtype=float)
    predicted = first_variation(problem, time)
    assert np.linalg.norm(predicted) > 0.01
    assert np.linalg.norm(measured - predicted) < 1e-3 * np.linalg.norm(predicted)


@settings(max_examples=10)
@given(planar_problems())
def test_the_ncf_increases_along_the_limit_direction_flow_of_each_block(problem):
    M, _, _ = planar_constants(problem)
    assume(M)
    flow = limit_flow(problem, time=3 / M, digits=30, check=False)
    ar = mp_arithmetic(40)
    X, z = ar.array(problem.X), ar.array(problem.z)
    for j, block in enumerate(problem.blocks):
        values = []
        for time in [*(flow.end_time * i / 12 for i in range(12)), flow.end_time]:
            w = ar.array(np.full(problem.network.size, Fraction(0), dtype=object))
            w[list(block)] = flow.block_direction(j, time)
            values.append(z @ problem.network.outputs(ar, w, X))
        rounding = ar.number(Fraction(1, 10**25)) * (1 + ar.number(M))
        assert all(later >= earlier - rounding for earlier, later in zip(values, values[1:], strict=False))


@pytest.mark.parametrize("alpha", [Fraction(1), Fraction(0)], ids=["smooth", "kinked"])
def test_the_angle_at_a_fixed_radius_has_the_exponent_and_the_floor_of_the_linearised_flow(alpha):
    # Two neurons on one maximum: it is also the dominant one, so kappa = gap / (2 N) for both.
    X = [["1", "1/2"], ["1/3", "-1"], ["4/5", "2/5"]]
    problem = Problem(
        OneLayer(2, 2, Activation(alpha, 2)), X, ["1", "2/3", "1/2"], direction=["1/2", "1/3", "1/5", "1/4"]
    )
    A = np.array(problem.X, dtype=float)
    top = np.array([1.0, 0.3])
    for _ in range(300):  # the maximum of N, by the power method on its cell
        active = A @ top > 0 if alpha == 0 else np.ones(3, dtype=bool)
        M = (A[active].T * np.array(problem.z, dtype=float)[active]) @ A[active]
        top = M @ top / np.linalg.norm(M @ top)
    value, other = top @ M @ top, np.trace(M) - top @ M @ top
    gap, h = 2 * (value - other), np.where(active, (A @ top) ** 2, 0)
    force = 2 * float(problem.loss.omega(3)) * (h * (A @ top)) @ A
    floor = np.linalg.norm(force - top * (top @ force)) / (gap + 4 * value)

    def errors(delta, radius):
        flow = reference_flow(problem, Fraction(delta), radius=radius, check=False)
        time = flow.time_at_norm(radius)
        directions = [np.array(flow.block_direction(j, time), dtype=float) for j in (0, 1)]
        return np.array([abs(top[0] * d[1] - top[1] * d[0]) for d in directions])

    early, late = (errors(delta, Fraction(1, 10**6)) for delta in ("1e-9", "1e-11"))
    assert np.log10(early / late) / 2 == pytest.approx(gap / (2 * value), rel=0.02)
    assert errors("1e-60", Fraction(1, 1000)) / 1e-6 == pytest.approx(floor, rel=0.01)
