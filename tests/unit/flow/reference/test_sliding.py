"""Flows along kinks of ReLU networks: explicit solutions, exits on both sides, conserved quantities,
branching.
"""

import itertools
import random
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from certflow.arithmetic.jets import JetArithmetic
from certflow.flow.reference.flow import limit_flow, reference_flow
from certflow.flow.reference.integration import Precision
from certflow.flow.reference.limit_flow import limit_of
from certflow.flow.reference.sliding import SLIDING, Sliding, _held_to_first_order
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.outcome import Inconclusive
from certflow.problem import Problem

RELU = Activation(Fraction(0), 1)
CTX = mpmath.mp.clone()
CTX.dps = 50
TINY = CTX.mpf(10) ** -27


def neuron(X, y, direction, alpha="0"):
    """One neuron v max(z, alpha z) with two inputs, sum of squares; weights w1, w2, v."""
    return Problem(TwoLayer(2, 1, Activation(Fraction(alpha), 1)), X, y, direction=direction, reduction="sum")


def scaled(flow, time):
    """The weights of the limit flow, whose start has norm one, in 50 digits."""
    return [CTX.mpf(v) for v in flow.weights(time)]


def random_problem(seed, width=2, inputs=3, alpha=0):
    """Five random samples."""
    rng = random.Random(seed)

    def draw(*shape):
        values = [Fraction(rng.randint(-100, 100), 100) for _ in range(int(np.prod(shape)))]
        return np.array(values, dtype=object).reshape(shape)

    network = TwoLayer(inputs, width, Activation(Fraction(alpha), 1))
    return Problem(network, draw(5, inputs), draw(5), direction=draw(network.size), reduction="sum")


def held_at_the_end(problem, digits=30, coordinates="raw"):
    """The (neuron, sample) pairs on whose kinks the blocks of the limit flow computed so far slide."""
    limit = limit_of(problem, Precision(digits), coordinates == "polar")
    return [
        (j, i)
        for j, run in sorted(limit.runs.items())
        for i in np.flatnonzero(np.abs(run.stepper.signs[0]) == SLIDING).tolist()
    ]


# -- explicit solutions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("coordinates", ["raw", "polar"])
def test_a_start_on_a_concave_kink_grows_exponentially_along_it(coordinates):
    # On w1 = 0 the second sample alone moves w2 and v: w2' = v, v' = w2.
    flow = limit_flow(neuron([[1, 0], [1, 1]], [-2, 1], [0, 1, 1]), time=Fraction(3), coordinates=coordinates)
    for time in (Fraction(1, 3), Fraction(3)):
        expected = CTX.exp(CTX.mpf(time.numerator) / time.denominator) / CTX.sqrt(2)
        w1, w2, v = scaled(flow, time)
        assert abs(w1) < TINY and abs(w2 / expected - 1) < TINY and abs(v / expected - 1) < TINY


@pytest.mark.parametrize("coordinates", ["raw", "polar"])
@pytest.mark.parametrize(
    "extra", [[], [([0, 0], 3)], [([0, 0], -3), ([-1, 0], Fraction(1, 2))]], ids=["plain", "zero", "opposite"]
)
@pytest.mark.parametrize("split", [False, True])
def test_a_neuron_reaches_a_concave_kink_and_stays(coordinates, extra, split):
    # Before: p = w1 + w2 and v solve p' = 2v, v' = p, and w1' = v; on the kink w2' = v, v' = w2.
    samples = [([1, 1], 1), *([([1, 0], -1), ([Fraction(1, 2), 0], -2)] if split else [([1, 0], -2)]), *extra]
    length = CTX.sqrt(1 + 16 + 4)
    w1, w2, v = -1 / length, 4 / length, 2 / length
    opposite = Fraction(1, 2) if len(extra) > 1 else 0  # moves w1 and v, too, while w1 < 0

    def before(t):
        # u = (w1, w2, v): linear, by its matrix exponential.
        A = CTX.matrix([[0, 0, 1 - opposite], [0, 0, 1], [1 - opposite, 1, 0]])
        return CTX.expm(A * t) * CTX.matrix([w1, w2, v])

    reached = CTX.findroot(lambda t: before(t)[0], (0.1, 1), solver="anderson")
    _, b, c = before(reached)
    problem = neuron([x for x, _ in samples], [label for _, label in samples], [-1, 4, 2])
    flow = limit_flow(problem, time=Fraction(3), coordinates=coordinates)
    assert min(abs(start - reached) for start in flow.paths[0].starts) < TINY
    for time in (Fraction(1, 16), Fraction(2), Fraction(3)):
        at = CTX.mpf(time.numerator) / time.denominator
        s = at - reached
        sinh, cosh = CTX.sinh(s), CTX.cosh(s)
        expected = before(at) if s < 0 else [0, b * cosh + c * sinh, c * cosh + b * sinh]
        assert max(abs(a - e) for a, e in zip(scaled(flow, time), expected, strict=True)) < 100 * TINY


@pytest.mark.parametrize(
    ("X", "y", "alpha", "output", "side"),
    [
        ([[1, 0], [1, 2], [-1, 1]], ["-2", "2", "3/2"], "0", "1/2", -1),
        ([[1, 0], [1, 2], [-1, 1]], ["-2", "2", "3/2"], "1/8", "1/4", -1),
        ([[1, 0], [1, 2], [-1, 1], [-1, 0]], ["-2", "2", "3/2", "1/4"], "0", "1/4", -1),
        ([[1, 0], [1, 1], [-1, 2]], ["-3/4", "7/4", "3/2"], "0", "1/2", 1),
        ([[1, 0], [1, 1], [-1, 2], [-1, 0]], ["-3/4", "7/4", "3/2", "1/8"], "0", "1/2", 1),
        ([[1, 0], [1, 1], [-1, 2]], ["-3/4", "7/4", "3/2"], "1/8", "1/2", 1),
    ],
)
def test_changing_residuals_release_the_flow_where_the_multiplier_ends(X, y, alpha, output, side):
    # From w = v on w1 = 0, q = v w2 solves q' = 2 q (A - 5 q); the multiplier is affine in q and ends at q =
    # output.
    labels, delta = [Fraction(v) for v in y], Fraction(1, 10)
    flow = reference_flow(neuron(X, y, [0, 1, 1], alpha), delta, time=Fraction(3, 2), check=False)
    A = X[1][1] * labels[1] + X[2][1] * labels[2]
    limit, start, end = (
        CTX.mpf(A.numerator) / A.denominator / 5,
        CTX.mpf(1) / 200,
        CTX.mpf(Fraction(output).numerator),
    )
    end /= Fraction(output).denominator
    left = CTX.log((end / (limit - end)) / (start / (limit - start))) / (10 * limit)
    assert min(abs(piece - left) for piece in flow.paths[0].starts) < TINY
    w1, w2, v = flow.weights(left * (1 - CTX.mpf(10) ** -30))
    assert abs(w1) < TINY and abs(v * w2 - end) < TINY
    assert flow.weights(left + CTX.mpf("0.01"))[0] * side > CTX.mpf(10) ** -6
    w1, w2, v = flow.weights(Fraction(3, 2))
    assert abs(v * v - w1 * w1 - w2 * w2) < TINY


# -- invariants ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "alpha"), [(1, 0), (2, 0), (5, Fraction(1, 10)), (9, 0)])
def test_held_kinks_stay_at_zero_and_layers_stay_balanced(seed, alpha):
    problem = random_problem(seed, alpha=alpha)
    flow = reference_flow(problem, Fraction(1, 50), time=Fraction(4), check=False)
    limit_flow(problem, time=Fraction(4), check=False)
    start, end = flow.weights(0), flow.weights(flow.end_time)
    for j in range(2):
        balances = [w[6 + j] ** 2 - sum(v * v for v in w[3 * j : 3 * j + 3]) for w in (start, end)]
        assert abs(balances[0] - balances[1]) < mpmath.mpf(10) ** -28
    held = held_at_the_end(problem)
    for j, i in held:
        assert (
            abs(sum(a * x for a, x in zip(limit_direction(problem, j), problem.X[i], strict=False)))
            < mpmath.mpf(10) ** -32
        )


def limit_direction(problem, j):
    """The present weights of neuron j in the limit flow."""
    run = limit_of(problem, Precision(30), False).runs[j]
    return [CTX.ldexp(CTX.mpf(int(v)), -run.ar.bits) for v in run.stepper.state[: problem.network.inputs]]


def clarke_defect(problem, j, theta):
    """How far theta is from L N theta in the Clarke gradient of its neuron's part of N, with the multipliers
    it needs.
    """
    d = problem.network.inputs
    X = [[CTX.mpf(v.numerator) / v.denominator for v in row] for row in problem.X]
    z = [CTX.mpf(v.numerator) / v.denominator for v in problem.z]
    w, v = theta[:d], theta[d]
    arguments = [CTX.fsum(a * b for a, b in zip(w, x, strict=True)) for x in X]
    on = [i for i, value in enumerate(arguments) if value > mpmath.mpf(10) ** -20]
    at = [i for i, value in enumerate(arguments) if abs(value) <= mpmath.mpf(10) ** -20]
    gradient = [CTX.fsum(v * z[i] * X[i][c] for i in on) for c in range(d)]
    last = CTX.fsum(z[i] * arguments[i] for i in on)
    growth = CTX.fsum(a * b for a, b in zip([*gradient, last], theta, strict=True))
    missing = CTX.matrix([growth * w[c] - gradient[c] for c in range(d)])
    if at:
        normals = CTX.matrix([[X[i][c] for i in at] for c in range(d)])
        multipliers = CTX.lu_solve(normals.T * normals, normals.T * missing)
        missing -= normals * multipliers
        for i, multiplier in zip(at, multipliers, strict=True):
            low, high = sorted([CTX.zero, v * z[i]])
            assert low - TINY <= multiplier <= high + TINY
    return max([abs(growth * v - last), *(abs(m) for m in missing)])


@pytest.mark.parametrize("seed", [1, 2, 6, 8])
def test_limit_directions_satisfy_the_clarke_condition(seed):
    problem = random_problem(seed)
    flow = limit_flow(problem, time=Fraction(200), check=False)
    for j in range(2):
        theta = [CTX.mpf(v) for v in flow.block_direction(j, 200)]
        assert clarke_defect(problem, j, theta) < mpmath.mpf(10) ** -25
    assert held_at_the_end(problem)


# -- other integrations --------------------------------------------------------------------------------------


def smoothed(problem, delta, time, width, step):
    """The flow in double precision with each kink replaced by a parabola of the given width: Runge and Kutta,
    order 4.
    """
    X, y, m = problem.X.astype(float), problem.y.astype(float), problem.network.widths[1]
    u = problem.direction.astype(float)
    u *= delta / np.linalg.norm(u)
    W, v = u[:-m].reshape(m, -1), u[-m:]

    def velocity(W, v):
        Z = X @ W.T
        slope = np.clip((Z / width + 1) / 2, 0, 1)
        values = np.where(width < Z, Z, (np.clip(Z, -width, width) + width) ** 2 / (4 * width))
        r = y - values @ v
        return (r[:, None] * slope * v).T @ X, r @ values

    for _ in range(round(time / step)):
        a = velocity(W, v)
        b = velocity(W + step / 2 * a[0], v + step / 2 * a[1])
        c = velocity(W + step / 2 * b[0], v + step / 2 * b[1])
        e = velocity(W + step * c[0], v + step * c[1])
        W, v = (
            s + step / 6 * (p + 2 * q + 2 * r + t) for s, p, q, r, t in zip((W, v), a, b, c, e, strict=True)
        )
    return np.concatenate([W.reshape(-1), v])


@pytest.mark.parametrize("seed", [1, 6])
def test_smoothed_kinks_lead_to_the_same_flow(seed):
    problem = random_problem(seed)
    flow = reference_flow(problem, Fraction(1, 2), time=Fraction(4), check=False)
    ends = [smoothed(problem, 0.5, 4, width, 2e-3) for width in (2e-3, 1e-3)]
    end = np.array([float(v) for v in flow.weights(4)])
    assert np.max(np.abs(ends[1] - end)) < 1e-3
    assert np.max(np.abs(2 * ends[1] - ends[0] - end)) < 5e-5  # the first-order error of smoothing removed


@pytest.mark.parametrize("seed", [1, 9])
def test_raw_and_polar_coordinates_agree_along_kinks(seed):
    problem = random_problem(seed)
    raw, polar = (
        reference_flow(problem, Fraction("1e-9"), time=Fraction(20), coordinates=c) for c in ("raw", "polar")
    )
    assert (
        max(abs(a - b) for a, b in zip(raw.direction(20), polar.direction(20), strict=True))
        < mpmath.mpf(10) ** -25
    )
    assert abs(raw.log_norm(20) - polar.log_norm(20)) < mpmath.mpf(10) ** -25
    assert raw.error_estimate < mpmath.mpf(10) ** -25


# -- where the flow cannot be followed -----------------------------------------------------------------------


def test_the_model_of_a_branching_kink_branches_and_slides():
    network = Expression(["u1", "u2"], ["x"], "u1*abs(u2)*x")
    with pytest.raises(Inconclusive, match="branches at a kink: at sample 1, kink 1"):
        limit_flow(Problem(network, [[1]], [1], direction=[1, 0]), time=Fraction(1))
    with pytest.raises(
        Inconclusive, match="both sides of a kink push the flow back to it at sample 1, kink 1"
    ):
        limit_flow(Problem(network, [[1]], [1], direction=[-1, "1/2"]), time=Fraction(1))
    flow = limit_flow(Problem(network, [[1]], [1], direction=[1, "1/2"]), time=Fraction(1))
    assert flow.error_estimate < mpmath.mpf(10) ** -25


def test_a_start_on_a_convex_kink_branches_and_may_be_crossed():
    with pytest.raises(Inconclusive, match="branches at a kink: at sample 1, neuron 1 of layer 1"):
        limit_flow(neuron([[1, 0], [-1, 1]], [2, 1], [0, 1, 1]), time=Fraction(1))
    with pytest.raises(Inconclusive, match="branches at a kink: at sample 1, neuron 1 of layer 1"):
        limit_flow(neuron([[1, 0], [0, 1]], [2, 1], [0, 1, 1]), time=Fraction(1))  # stays there, or leaves
    flow = limit_flow(neuron([[1, 0], [1, 1]], [2, 1], [0, 1, 1]), time=Fraction(1))
    assert flow.weights(1)[0] > 1


@pytest.mark.parametrize("direction", ["4/7 -2/7 3", "5/7 1/7 -3"])
def test_orthogonal_samples_hold_each_other_at_the_end_of_the_multiplier(direction):
    # Only the rounding of the multiplier differs from zero.
    X = [[Fraction(1, 7), Fraction(-3, 7)], [Fraction(3, 7), Fraction(1, 7)]]
    flow = limit_flow(neuron(X, [-1, 1], direction.split()), time=Fraction(9))
    w = flow.weights(9)
    assert abs(sum(a * x for a, x in zip(w, X[0 if w[2] > 0 else 1], strict=False))) < abs(w[2]) * TINY
    assert flow.effort.steps < 40


def test_another_kink_of_the_neuron_may_release_the_flow_at_once():
    # Held on w1 = 0 until w2 = 0, where the third sample adds more than the first can hold: v' and w' are
    # linear on both sides.
    X, z = [[1, 0, 0], [1, 0, 1], [5, 1, 0], [0, 1, 1]], [-2, 1, Fraction(1, 4), 1]
    problem = Problem(TwoLayer(3, 1, RELU), X, z, direction=[0, "-1/2", 1, 1], reduction="sum")
    quarter = CTX.mpf(1) / 4
    on_kink = CTX.matrix([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 2], [0, 1, 2, 0]])
    released = CTX.matrix(
        [[0, 0, 0, quarter], [0, 0, 0, 1 + quarter], [0, 0, 0, 2], [quarter, 1 + quarter, 2, 0]]
    )
    start = CTX.matrix([0, -CTX.mpf(1) / 2, 1, 1]) / CTX.mpf("1.5")
    reached = CTX.findroot(lambda t: (CTX.expm(on_kink * t) * start)[1], (0.1, 1), solver="anderson")
    flow = limit_flow(problem, time=Fraction(2))
    assert min(abs(piece - reached) for piece in flow.paths[0].starts) < TINY
    expected = CTX.expm(released * (2 - reached)) * CTX.expm(on_kink * reached) * start
    assert max(abs(CTX.mpf(a) - e) for a, e in zip(flow.weights(2), expected, strict=True)) < 100 * TINY


def test_a_sliding_neuron_branches_when_its_output_weight_vanishes():
    # w2' = v, v' = -w2 on the kink w1 = 0 until v = 0, where the kink turns from concave to convex.
    problem = neuron([[1, 0], [-1, 1]], [-2, -1], [0, 2, 1])
    flow = limit_flow(problem, time=Fraction(1, 5))
    assert abs(flow.weights(Fraction(1, 5))[0]) < TINY
    with pytest.raises(
        Inconclusive,
        match=r"at scaled time 0\.\d+, the flow branches at a kink: at sample 1, neuron 1 of layer 1",
    ):
        limit_flow(problem, time=Fraction(2))


def test_weights_that_vanish_before_their_output_weight_are_reported():
    with pytest.raises(Inconclusive, match="reached 3 kinks of neuron 1 of layer 1 at once"):
        limit_flow(neuron([[1, 0], [1, 1], [0, 1]], [1, -1, 1], [0, 0, 1]), time=Fraction(1))


def deep_problem(seed):
    """Three random samples, two hidden layers of two leaky neurons."""
    rng = random.Random(seed)
    network = FeedForward([2, 2, 2, 1], Activation(Fraction(1, 5), 1))
    X = [[Fraction(rng.randint(-9, 9), 7) for _ in range(2)] for _ in range(3)]
    y = [Fraction(rng.randint(-9, 9), 7) for _ in range(3)]
    return Problem(
        network, X, y, reduction="sum", direction=[rng.randint(-9, 9) for _ in range(network.size)]
    )


@pytest.mark.parametrize(("seed", "held"), [(3, 0), (5, 0), (6, 1)])
def test_first_layers_of_deeper_networks_slide(seed, held):
    problem = deep_problem(seed)
    flow = reference_flow(problem, Fraction(1, 2), time=Fraction(2), digits=20, check=False)
    start, end = (problem.network.matrices(None, flow.weights(t)) for t in (0, flow.end_time))
    for j in range(2):
        balances = [(W[0][j] ** 2).sum() - (W[1][:, j] ** 2).sum() for W in (start, end)]
        assert abs(balances[0] - balances[1]) < mpmath.mpf(10) ** -18
    assert sum(abs(v) < mpmath.mpf(10) ** -18 for v in (problem.X @ end[0].T).ravel()) == held


@pytest.mark.parametrize(
    ("seed", "place"), [(10, "sample 2, neuron 2 of layer 2"), (11, "sample 3, neuron 1 of layer 2")]
)
def test_later_layers_that_would_slide_are_reported(seed, place):
    with pytest.raises(
        Inconclusive,
        match=rf"at scaled time [\d.]+, both sides of a kink push the flow back to it at {place};",
    ):
        reference_flow(deep_problem(seed), Fraction(1, 2), time=Fraction(2), digits=20, check=False)


def last_two_layers(seed, widths, alpha=0):
    """Small whole inputs under given layers of small whole weights, so that features are sparse and often
    parallel or zero; the last two layers are trained.
    """
    rng = random.Random(seed)
    depth = len(widths) - 1
    given = {
        layer: [[rng.randint(-2, 2) for _ in range(widths[layer - 1])] for _ in range(widths[layer])]
        for layer in range(1, depth - 1)
    }
    network = FeedForward(widths, Activation(Fraction(alpha), 1), [depth - 1, depth], given)
    X = [[rng.randint(-2, 2) for _ in range(widths[0])] for _ in range(6)]
    y = [Fraction(rng.randint(-9, 9), 4) for _ in range(6)]
    direction = [rng.randint(-9, 9) for _ in range(network.size)]
    return Problem(network, X, y, reduction="sum", direction=direction)


def on_features(problem):
    """The two-layer network on what the given layers put out."""
    network = problem.network
    shallow = TwoLayer(network.widths[-3], network.widths[-2], network.activation)
    features = network.features(problem.X)
    return Problem(shallow, features, problem.y, reduction="sum", direction=problem.direction)


def followed(flow):
    """The weights at the end of a flow, or why it stopped."""
    try:
        computed = flow()
    except Inconclusive as error:
        return str(error)
    return [CTX.mpf(v) for v in computed.weights(computed.end_time)]


@pytest.mark.parametrize("widths", [(2, 4, 3, 1), (2, 3, 4, 2, 1)])
@pytest.mark.parametrize("alpha", [0, Fraction(1, 3)])
def test_the_last_two_layers_move_as_a_two_layer_network_on_their_features(widths, alpha):
    whole = 0
    for seed in range(9):
        deep = last_two_layers(seed, widths, alpha)
        shallow = on_features(deep)
        for flow in (
            lambda problem: limit_flow(problem, time=Fraction(2), digits=15, check=False),
            lambda problem: reference_flow(
                problem, Fraction(1, 3), time=Fraction(1, 2), digits=15, check=False
            ),
        ):
            found, expected = followed(lambda: flow(deep)), followed(lambda: flow(shallow))  # noqa: B023
            if isinstance(expected, str):
                # The same neuron and sample, of the layer that it is of in the whole network.
                assert found == expected.replace("of layer 1", f"of layer {len(widths) - 2}")
            else:
                whole += 1
                size = max(abs(v) for v in expected)
                assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < size * TINY ** (1 / 2)
    assert whole >= 12


@pytest.mark.parametrize("coordinates", ["raw", "polar"])
def test_a_layer_above_given_ones_slides_along_its_kinks(coordinates):
    # The given layer passes (1, 0) and (1, 1) on, and nothing of (-1, -2): on w1 = 0, w2' = v and v' = w2.
    network = FeedForward([2, 2, 1, 1], RELU, [2, 3], {1: [[1, 0], [0, 1]]})
    problem = Problem(network, [[1, 0], [1, 1], [-1, -2]], [-2, 1, 5], direction=[0, 1, 1], reduction="sum")
    flow = limit_flow(problem, time=Fraction(3), coordinates=coordinates)
    w1, w2, v = scaled(flow, 3)
    expected = CTX.exp(3) / CTX.sqrt(2)
    assert abs(w1) < TINY and abs(w2 / expected - 1) < TINY and abs(v / expected - 1) < TINY


@pytest.mark.parametrize("seed", [1, 2, 4, 7])
def test_samples_on_one_line_share_their_kink(seed):
    # N knows of samples on one ray only their sum: z σ(w.x) is 2z σ(w.x)/3 + z/6 σ(w.2x), and 0 adds nothing.
    problem = random_problem(seed)
    halves = np.concatenate([problem.X, 2 * problem.X, 0 * problem.X[:1]])
    labels = [*(2 * y / 3 for y in problem.y), *(y / 6 for y in problem.y), 5]
    split = Problem(problem.network, halves, labels, direction=problem.direction, reduction="sum")
    ends = [followed(lambda: limit_flow(p, time=Fraction(6), check=False)) for p in (problem, split)]  # noqa: B023
    assert not isinstance(ends[0], str) and held_at_the_end(problem)
    assert max(abs(a - b) for a, b in zip(*ends, strict=True)) < CTX.mpf(10) ** -24


# -- several kinks at once -----------------------------------------------------------------------------------


def of_two(output, direction, X=((1,),), y=(1,)):
    return Problem(
        Expression(["u1", "u2"], ["x"], output), [list(row) for row in X], list(y), direction=direction
    )


@pytest.mark.parametrize(
    "arguments", ["u1, 2*u2 - u1", "u1, 2*u2 - u1, u1", "u1, max(2*u2 - u1, u1)", "u1, 2*u2 - u1, 2*u1 - u1"]
)
def test_an_argument_that_occurs_twice_does_not_hide_a_branch(arguments):
    # From (1, 1) with u1 > u2 the gradient is (2 u1, 0), with u1 < u2 it is (2 u2 - 2 u1, 2 u1): both lead
    # away.
    with pytest.raises(Inconclusive, match="branches at a kink"):
        limit_flow(of_two(f"u1*max({arguments})*x", [1, 1]), time=Fraction(1), digits=15)


@pytest.mark.parametrize(
    "output",
    [
        "u1*(u2 + max(u1 - u2, 0) - max(u2 - u1, 0))*x",
        "u1*(max(u1, u2) + min(u1, u2) - u2)*x",
        "(u1**2 + abs(u1*u2) - abs(u1)*abs(u2))*x",
        "u1*(max(u1*x, 0) - max(-u1*x, 0))",
    ],
)
@pytest.mark.parametrize("direction", [[1, 1], [1, 0]])
def test_kinks_that_cancel_are_none(output, direction):
    flow = limit_flow(of_two(output, direction), time=Fraction(1))
    length = CTX.sqrt(sum(v * v for v in direction))
    for weight, expected in zip(scaled(flow, 1), [direction[0] * CTX.exp(2), direction[1]], strict=True):
        assert abs(weight * length - expected) < TINY


def test_one_kink_of_many_samples_is_decided_about_once():
    # Ten samples share the kink u2 = 0; max(u2 x, 0) - max(-u2 x, 0) is u2 x.
    X = [[k] for k in range(1, 11)]
    smooth = limit_flow(
        of_two("u1*(max(u2*x, 0) - max(-u2*x, 0))", [1, 0], X, [1] * 10), time=Fraction(1, 10)
    )
    assert abs(scaled(smooth, Fraction(1, 10))[1] - CTX.sinh(CTX.mpf("0.55"))) < TINY
    with pytest.raises(Inconclusive, match="branches at a kink"):
        limit_flow(of_two("u1*(max(u2*x, 0) + max(-u2*x, 0))", [1, 0], X, [1] * 10), time=Fraction(1, 10))


def test_too_many_kinks_at_once_are_reported():
    names = [f"u{k}" for k in range(1, 9)]
    output = "*".join(f"({name} + abs({name}))" for name in names[1:]) + "*u1*x"
    output += " + " + " + ".join(f"u1*abs({name})*u1**6*x" for name in names[1:])
    problem = Problem(Expression(names, ["x"], output), [[1]], [1], direction=[1, *[0] * 7])
    with pytest.raises(Inconclusive, match="reached 7 kinks at once"):
        limit_flow(problem, time=Fraction(1), digits=15)


def test_many_kinks_of_one_neuron_hold_it_together():
    """Seven orthogonal samples push back to their kinks, an eighth along all of them pulls on: w stays at 0
    but for the last coordinate.
    """
    d = 8
    X = [[int(k == i) for k in range(d)] for i in range(d - 1)] + [[1] * d]
    y = [-2] * (d - 1) + [1]
    start = [Fraction(1, 2 + i) for i in range(d - 1)] + [1, 1]
    problem = Problem(TwoLayer(d, 1, RELU), X, y, direction=start, reduction="sum")
    flow = limit_flow(problem, time=Fraction(4), digits=20)
    assert flow.error_estimate < CTX.mpf(10) ** -18
    assert [i for _, i in held_at_the_end(problem, 20)] == list(range(d - 1))
    weights = scaled(flow, 4)
    assert max(abs(v) for v in weights[: d - 1]) < CTX.mpf(10) ** -18
    square = sum(Fraction(v) ** 2 for v in start[:-1])  # v^2 - |w|^2 stays 1 - |w(0)|^2
    conserved, length = (CTX.mpf(v.numerator) / v.denominator for v in (1 - square, 1 + square))
    assert abs((weights[d] ** 2 - weights[d - 1] ** 2) * length - conserved) < CTX.mpf(10) ** -14


@pytest.mark.parametrize("seed", range(40))
def test_states_of_concave_kinks_solve_their_complementarity_problem(seed):
    rng = np.random.default_rng(seed)
    count, d = rng.integers(1, 9), 9
    unit = rng.standard_normal((count, d))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    jumps, field = -rng.uniform(0.1, 2, count), rng.standard_normal(d)
    states = np.array([k for (k,) in _held_to_first_order(unit, jumps, unit @ field)])

    # Oracle: the least |field + sum chi_k jump_k unit_k| over 0 <= chi <= 1, by projected coordinate descent.
    chi = np.zeros(count)
    for _ in range(4000):
        for k in range(count):
            rest = field + (chi * jumps) @ unit
            chi[k] = np.clip(chi[k] - unit[k] @ rest / jumps[k], 0, 1)
    expected = np.where(chi <= 1e-9, -1, np.where(chi >= 1 - 1e-9, 1, 0))
    assert states.tolist() == expected.tolist()


def test_a_concave_kink_between_two_states_keeps_both():
    unit, jumps = np.eye(2), np.array([-1.0, -2.0])
    assert _held_to_first_order(unit, jumps, np.array([0.0, 2.0])) == [(-1, 0), (1, 0)]


# -- the surfaces --------------------------------------------------------------------------------------------


def test_projections_are_orthogonal_to_independent_samples():
    X = np.array(
        [[Fraction(v) for v in row] for row in ([1, 2, 3], [0, 0, 0], [-2, -4, -6], [1, 0, 1])], dtype=object
    )
    sliding = Sliding(TwoLayer(3, 2, RELU), X, JetArithmetic(120, 3))
    signs = np.zeros((4, 2), dtype=np.int8)
    signs[[0, 2], 1], signs[3, 1] = [-SLIDING, SLIDING], -SLIDING
    assert sliding.held([signs]) == [(1, 0), (1, 1)]
    state = np.array([sliding.ar.fixed(Fraction(v)) for v in (1, 2, 3, 4, 5, 6, 7, 8)], dtype=object)
    before = list(state)
    sliding.hold(state, [signs])
    assert list(state[:3]) == before[:3] and list(state[6:]) == before[6:]
    row = [Fraction(int(v), 1 << 120) for v in state[3:6]]
    # The plane of (1, 2, 3) and (1, 0, 1) has the normal (1, 1, -1): what is left of (4, 5, 6) is (1, 1, -1).
    assert max(abs(a - b) for a, b in zip(row, [1, 1, -1], strict=True)) < Fraction(1, 2**110)
    for x, side in itertools.product(X[[0, 3]], (-1, 1)):
        assert abs(side * (x @ np.array(row, dtype=object))) < Fraction(1, 2**110)
