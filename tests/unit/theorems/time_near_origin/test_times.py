"""L2: bounds of N⁺_max and beta against exact rationals, times against closed forms and against flows."""

from dataclasses import replace
from fractions import Fraction
from unittest.mock import patch

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import EXACT, FLOAT
from certflow.kkt.bounds import box_cover, sphere_maximum
from certflow.kkt.bounds import largest as global_bounds
from certflow.kkt.enumerate import KKTPoints, kkt_points, kkt_set
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, Inconclusive, Status
from certflow.problem import Problem
from certflow.theorems.time_near_origin.times import NearOrigin, near_origin
from tests import strategies as own

LAYERED = ("one-layer", "two-layer", "feed-forward", "partly-trained")
SQUARED_RELU = Activation(Fraction(0), 2)
RELU = Activation(Fraction(0), 1)


def weights_to_try(problem, seed=0):
    """Exact weights: random ones, and ones that climbed N or ‖h‖² on the sphere in doubles."""
    rng = np.random.default_rng(seed)
    X, z, network = FLOAT.array(problem.X), FLOAT.array(problem.z), problem.network
    found = []
    for climb_n in (True, True, False, False):
        w = rng.standard_normal(network.size)
        found.append(w)
        for step in np.geomspace(0.7, 1e-2, 25):
            run = network.forward(FLOAT, w, X)
            gradient = network.pullback(run, z if climb_n else run.outputs)
            w = w + step * gradient / (1e-300 + np.linalg.norm(gradient))
            w = w / np.linalg.norm(w)
        found.append(w)
    return [np.array([Fraction(round(float(c) * 2**40), 2**40) for c in w], dtype=object) for w in found]


def assert_bounds(near, problem, points):
    assert 0 <= near.n_max_lower <= near.n_max_upper and 0 <= near.beta_lower <= near.beta_upper
    for w in points:
        outputs = problem.network.outputs(EXACT, w, problem.X)
        value, power = problem.z @ outputs, (w @ w) ** problem.order
        assert value <= 0 or value**2 <= near.n_max_upper**2 * power, near.n_max_method
        assert outputs @ outputs <= near.beta_upper**2 * power, near.beta_method


# -- the two maxima ------------------------------------------------------------------------------------------


@given(own.problems(families=LAYERED))
def test_no_weights_exceed_the_bounds_of_layered_networks(problem):
    assume(problem.order <= 40)
    with patch.object(sphere_maximum, "_WORK", 30_000):
        near = near_origin(problem)
    assert_bounds(near, problem, weights_to_try(problem))


@settings(max_examples=8)
@given(own.problems(families=("expression",), max_samples=2))
def test_no_weights_exceed_the_bounds_of_expressions(problem):
    with patch.object(box_cover, "_WORK", 300):
        near = near_origin(problem)
    assert_bounds(near, problem, weights_to_try(problem))


def test_figure1():
    problem = Problem.figure1()
    near = near_origin(problem)
    assert near.order == 2 and near.n_max_method.startswith("complete enumeration of the planar KKT points")
    assert abs(near.n_max_upper - Fraction("0.8694")) < Fraction(1, 10**5)
    assert near.n_max_upper - near.n_max_lower < Fraction(1, 10**29)
    terms = sphere_maximum.Terms(problem.X, list(problem.z), [Fraction(0)] * problem.n, 2)
    other = sphere_maximum.sphere_maximum(terms)
    assert other.lower <= near.n_max_upper and near.n_max_lower <= other.upper <= near.n_max_upper * (
        1 + Fraction(1, 10**6)
    )
    assert near.beta_upper <= near.beta_lower * (1 + Fraction(1, 10**6))
    assert_bounds(near, problem, weights_to_try(problem))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("power", [1, 2, 3])
def test_one_sample_in_closed_form(power, sign):
    # H is maximal for weights along x = (3, 4): |x| = 5; kappa² is the product of (e_l/L)^e_l.
    sigma, data = Activation(Fraction(0), power), ([[3, 4]], [Fraction(sign, 2)])
    networks = [(FeedForward([2, 3, 2, 1], sigma), 1 + power + power**2), (TwoLayer(2, 2, sigma), 1 + power)]
    for network, order in networks:
        near = near_origin(Problem(network, *data, seed=1))
        exponents = [power**k for k in range(network.depth)]
        assert near.order == sum(exponents) == order
        kappa_squared = np.prod([Fraction(e, order) ** e for e in exponents])
        beta_squared = kappa_squared * Fraction(25) ** (power ** (network.depth - 1))
        assert (
            near.beta_lower**2
            <= beta_squared
            <= near.beta_upper**2
            <= beta_squared * (1 + Fraction(1, 10**5))
        )
        assert (
            near.n_max_lower**2
            <= beta_squared / 4
            <= near.n_max_upper**2
            <= beta_squared / 4 * (1 + Fraction(1, 10**5))
        )
    if power > 1:
        near = near_origin(Problem(OneLayer(2, 2, sigma), *data, seed=1))
        expected = Fraction(5) ** power / 2 if sign > 0 else 0
        assert near.n_max_lower <= expected <= near.n_max_upper <= expected * (1 + Fraction(1, 10**5))


def test_given_output_weights_scale_the_neuron_of_the_right_sign():
    X, y = [[1, 0], [0, 1]], [1, -2]
    for outputs, expected in (([3, 1], 3), ([3, -1], 3), ([1, -2], 4), ([-1, -1], 2), ([0, 0], 0)):
        network = FeedForward(
            [2, 2, 1], SQUARED_RELU, trained=[1], given={2: [[Fraction(c) for c in outputs]]}
        )
        near = near_origin(Problem(network, X, y, seed=1, reduction="sum"))
        assert near.n_max_lower <= expected <= near.n_max_upper <= expected * (1 + Fraction(1, 10**20))


def test_given_layers_count_with_their_norms():
    # Only W1 and W3 are trained, L = p² + 1 = 5 for p = 2, and W2 = 3 (1 × 1): H = v (3 (w x)_+²)_+² = 9 v
    # w^4 for x = 1.
    network = FeedForward([1, 1, 1, 1], SQUARED_RELU, trained=[1, 3], given={2: [[3]]})
    near = near_origin(Problem(network, [[1]], [1], seed=1, reduction="sum"))
    square = 81 * Fraction(4, 5) ** 4 * Fraction(1, 5)
    assert square <= near.n_max_upper**2 <= square * (1 + Fraction(1, 10**6))
    # W1 = (2, -1) given: the data become sigma(W1 x) = (4, 0), and w sees |(4, 0)|.
    network = FeedForward([1, 2, 1, 1], RELU, trained=[2, 3], given={1: [[4], [-1]]})
    near = near_origin(Problem(network, [[1]], [1], seed=1, reduction="sum"))
    assert 2 <= near.n_max_upper <= 2 * (1 + Fraction(1, 10**6))


def test_positive_and_negative_labels_help_apart():
    X, y = [[1, 0], [Fraction(1, 2), 1], [0, 1]], [3, -3, 3]
    problem = Problem(FeedForward([2, 2, 2, 1], RELU), X, y, seed=1, reduction="sum")
    near = near_origin(problem)
    assert "apart" in near.n_max_method and near.n_max_upper < near.z_norm.lower() * near.beta_upper
    assert_bounds(near, problem, weights_to_try(problem))


def test_deep_linear_networks_in_closed_form():
    # N = W3 W2 W1 (x_1 + x_2 + ...) with labels of both signs: z = (1, -1), x = (3, 4) and -(3, 4), |g| = 10.
    problem = Problem(
        FeedForward([2, 2, 2, 1], Activation(Fraction(1), 1)),
        [[3, 4], [-3, -4]],
        [1, -1],
        seed=1,
        reduction="sum",
    )
    near = near_origin(problem)
    assert (
        near.n_max_lower**2
        <= Fraction(100, 27)
        <= near.n_max_upper**2
        <= Fraction(100, 27) * (1 + Fraction(1, 10**6))
    )
    # beta: h = (t, -t) with t = 5 kappa.
    assert (
        near.beta_lower**2
        <= Fraction(50, 27)
        <= near.beta_upper**2
        <= Fraction(50, 27) * (1 + Fraction(1, 10**5))
    )


def test_leaky_networks_get_no_credit_for_the_signs_of_labels():
    # alpha = 9/10, p = 1 is nearly linear: labels of both signs do not compete when the inputs are opposite.
    sigma = Activation(Fraction(9, 10), 1)
    problem = Problem(FeedForward([1, 1, 1, 1], sigma), [[1], [-1]], [1, -1], seed=1, reduction="sum")
    near = near_origin(problem)
    w = np.array([Fraction(1)] * 3, dtype=object)
    value = problem.z @ problem.network.outputs(EXACT, w, problem.X)
    assert value == 1 + Fraction(9, 10) ** 2 and value**2 <= near.n_max_upper**2 * 27


def test_given_layers_between_trained_ones_may_mix_signs():
    # H = v (1, 1) sigma(W1 x): |W2| has Frobenius norm sqrt(2); rows 1 and -1 of W1 see the two inputs.
    network = FeedForward([1, 2, 1, 1], RELU, trained=[1, 3], given={2: [[1, 1]]})
    problem = Problem(network, [[1], [-1]], [1, 1], seed=1, reduction="sum")
    near = near_origin(problem)
    w = np.array([Fraction(1), Fraction(-1), Fraction(1)], dtype=object)
    assert problem.z @ problem.network.outputs(EXACT, w, problem.X) == 2
    assert_bounds(near, problem, [w, *weights_to_try(problem)])


def test_planar_problems_with_other_powers_use_branch_and_bound():
    near = near_origin(
        Problem(OneLayer(2, 2, Activation(Fraction(1, 3), 3), [1, -1]), [[1, 2], [-1, 1]], [1, -2], seed=1)
    )
    assert "branch and bound" in near.n_max_method and near.n_max_upper <= near.n_max_lower * (
        1 + Fraction(1, 10**6)
    )


def test_an_incomplete_enumeration_is_not_used():
    problem = Problem(OneLayer(2, 1, SQUARED_RELU), [[1, 2], [-1, 1]], [1, -2], seed=1)

    class Partial:
        complete = False

    with patch.object(global_bounds, "planar_kkt", lambda *arguments: Partial()):
        assert "branch and bound" in near_origin(problem).n_max_method


@pytest.mark.parametrize(
    "network",
    [OneLayer(2, 2, SQUARED_RELU, [1, -1]), OneLayer(3, 2, SQUARED_RELU)],
    ids=["planar", "spatial"],
)
def test_what_is_enumerated_already_is_not_enumerated_again(network):
    X, y = [[1, 2, -1], [-1, 1, 3], [2, 0, 1], [1, -3, 1]], [1, -2, 1, 3]
    problem = Problem(network, [row[: network.inputs] for row in X], y, seed=1)
    alone, known = near_origin(problem), kkt_set(problem)
    doors = ("planar_kkt", "piecewise_linear_kkt", "piecewise_quadratic_kkt")
    with patch.multiple(global_bounds, **dict.fromkeys(doors, None)):
        given = near_origin(problem, kkt=KKTPoints(problem, known))
        finer = near_origin(problem, kkt=kkt_points(problem, 45))
    assert given.n_max_method == finer.n_max_method == alone.n_max_method
    for each in (given, finer):
        # Both enclose one number, and the finer set by less.
        assert each.n_max_lower <= alone.n_max_upper and alone.n_max_lower <= each.n_max_upper
    assert alone.n_max_lower <= finer.n_max_lower <= finer.n_max_upper <= alone.n_max_upper


def test_sets_that_are_not_about_one_neuron_or_not_complete_bound_nothing():
    X, y = [[1, 2], [-1, 1], [2, 1]], [1, -2, 3]
    one, two = (
        Problem(network, X, y, seed=1)
        for network in (OneLayer(2, 1, SQUARED_RELU), TwoLayer(2, 1, SQUARED_RELU))
    )
    found = replace(kkt_set(one), n_max=Ball(0, 64), n_min=Ball(0, 64))
    assert near_origin(one, kkt=KKTPoints(one, found)).n_max_upper == 0
    for wrong in (replace(found, status=Status.PARTIAL), replace(found, of="all weights")):
        assert near_origin(one, kkt=KKTPoints(one, wrong)).n_max_upper == near_origin(one).n_max_upper > 0
    assert near_origin(two, kkt=KKTPoints(two, found)).n_max_upper == near_origin(two).n_max_upper > 0


def test_products_of_weights_by_boxes():
    # max abc = 3^(-3/2) on the unit sphere; two blocks of such products are no larger than one (L2.6).
    one = near_origin(Problem(Expression(["a", "b", "c"], ["x"], "a*b*c*x"), [[1]], [1], seed=1))
    assert "boxes" in one.n_max_method
    assert 27 * one.n_max_lower**2 <= 1 <= 27 * one.n_max_upper**2 <= Fraction(11, 10)
    two = near_origin(
        Problem(Expression(["a", "b", "c", "d"], ["x"], "a*b*x + c*abs(d)*x"), [[1]], [1], seed=1)
    )
    assert two.n_max_lower <= Fraction(1, 2) <= two.n_max_upper <= Fraction(51, 100)


def test_a_maximum_between_the_midpoints_of_boxes_is_not_missed():
    # max (a + 10 b)² = 101, off the axis: the bound by slopes must count how |w| changes within a box.
    near = near_origin(Problem(Expression(["a", "b"], ["x"], "(a + 10*b)**2*x"), [[1]], [1], seed=1))
    assert (
        near.n_max_lower <= 101 <= near.n_max_upper <= 102
        and near.beta_lower <= 101 <= near.beta_upper <= 102
    )


def test_roots_of_squares_are_real_on_every_box():
    with patch.object(box_cover, "_WORK", 1500):
        near = near_origin(
            Problem(Expression(["a", "b", "c"], ["x"], "a*sqrt(b**2 + c**2)*x"), [[1]], [1], seed=1)
        )
    assert near.n_max_lower <= Fraction(1, 2) <= near.n_max_upper <= Fraction(6, 10)


def test_lower_bounds_use_only_weights_at_which_the_network_is_defined():
    # Where u v < 0 there is no value; with the root taken as 0 there, N would seem to reach 1/2.
    network = Expression(["u", "v"], ["x"], "sqrt(u*v)*u - u*v")
    bounds = near_origin(Problem(network, [["1"]], ["1"], direction=[1, 1], reduction="sum"))
    angles = np.linspace(0, np.pi / 2, 10_001)
    u, v = np.cos(angles), np.sin(angles)
    outputs = np.concatenate([np.sqrt(u * v) * sign * u - u * v for sign in (1, -1)])
    assert 0.2 < bounds.n_max_lower <= outputs.max() + 1e-6 < bounds.n_max_upper
    assert 1.0 < bounds.beta_lower <= np.abs(outputs).max() + 1e-6 < bounds.beta_upper


def test_expressions_that_are_not_bounded_by_boxes_are_inconclusive():
    problem = Problem(
        Expression(["a", "b", "c"], ["x"], "a**4*x/(b**2 + c**2)"), [[1]], [1], direction=[1, 1, 1]
    )
    with patch.object(box_cover, "_WORK", 100), pytest.raises(Inconclusive, match="divides by"):
        near_origin(problem)


# -- times ---------------------------------------------------------------------------------------------------


def fixed(order, n_max, digits=30, beta=None):
    """Constants of L2 without a network; ‖z‖ = 1."""
    from certflow.arithmetic.ball import Ball

    beta = 2 * n_max if beta is None else beta
    return NearOrigin(order, Ball(1, 128), n_max, Fraction(0), "given", beta, Fraction(0), "given", digits)


@given(
    st.integers(2, 12),
    st.fractions(min_value=Fraction(1, 1000), max_value=50),
    st.integers(1, 300).map(lambda e: Fraction(1, 10**e)),
    st.fractions(min_value=Fraction(1, 2), max_value=20).map(lambda r: r / 7),
    st.fractions(min_value=Fraction(11, 10), max_value=100),
)
def test_times_are_the_closed_forms_rounded_down(order, n_max, delta, radius, factor):
    near, context = fixed(order, n_max), mpmath.mp.clone()
    context.dps = 700
    M = context.mpf(n_max.numerator) / n_max.denominator

    def time(ratio):
        if order == 2:
            return context.log(ratio) / (2 * M)
        return (1 - ratio ** (2 - order)) / (order * (order - 2) * M)

    number = lambda value: context.mpf(value.numerator) / value.denominator  # noqa: E731
    expected = {
        near.factor_time(factor): time(context.sqrt(number(factor))),
        near.radius_time(delta, radius): time(number(radius / delta)) if radius > delta else context.mpf(0),
    }
    for bound, exact in expected.items():
        assert 0 <= bound.bound_beta <= bound.bound_nmax
        assert number(bound.bound_nmax) <= exact <= number(bound.bound_nmax) * (1 + context.mpf(10) ** -25)
        assert number(bound.bound_beta) <= exact / 2
    assert near.time_bound(delta, factor_squared=factor) == near.factor_time(factor)
    assert near.time_bound(delta, radius=radius) == near.radius_time(delta, radius)


@pytest.mark.parametrize("order", [2, 3, 7, 4096])
def test_delta_may_be_as_small_as_a_problem_file_allows(order):
    near = fixed(order, Fraction(3))
    tiny, smaller = (
        near.radius_time(text, Fraction(1, 100)).bound_nmax for text in ("1e-10000", "1e-100000")
    )
    if order == 2:
        assert float(tiny) == pytest.approx(9998 * np.log(10) / 6) and float(smaller) == pytest.approx(
            99998 * np.log(10) / 6
        )
    else:
        limit = Fraction(1, 3 * order * (order - 2))
        assert (
            limit * (1 - Fraction(1, 10**25)) <= tiny <= limit
            and limit * (1 - Fraction(1, 10**25)) <= smaller <= limit
        )


def test_no_growth_is_no_time():
    near = near_origin(Problem(OneLayer(2, 3, SQUARED_RELU), [[1, 2], [3, 4]], [-1, -2], seed=1))
    assert near.n_max_upper == 0
    assert (
        near.factor_time(Fraction(4)).bound_nmax is None
        and near.radius_time("1e-5", Fraction(1)).bound_nmax is None
    )
    assert near.factor_time(Fraction(4)).bound_beta > 0
    assert "never exceeds delta" in near.statement()


def test_a_radius_within_delta_is_reached_at_once():
    near = fixed(3, Fraction(1))
    assert near.radius_time(Fraction(1, 100), Fraction(1, 100)).bound_nmax == 0
    assert near.radius_time("0.02", Fraction(1, 100)).bound_beta == 0
    with pytest.raises(BadInput, match="positive"):
        near.radius_time(Fraction(0), Fraction(1))
    with pytest.raises(BadInput, match="above 1"):
        near.factor_time(Fraction(1))
    with pytest.raises(BadInput, match="either"):
        near.time_bound("1e-2", Fraction(4), Fraction(1))


def test_statements_are_sentences_with_true_decimals():
    near = near_origin(Problem.figure1())
    text = near.statement()
    assert "|w(t)|^2 <= 4 delta^2 as long as t <= 0.3986363" in text and "N+_max <= 0.86939796" in text
    shown = Fraction(text.split("as long as t <= ")[1].split(". ")[0])
    assert shown <= near.factor_time(Fraction(4)).bound_nmax < shown + Fraction(1, 10**7)
    assert "t * delta <=" in near_origin(Problem.builtin("l3-k20-s0")).statement()
    assert "t * delta^5 <=" in near_origin(Problem.builtin("l7-k32")).statement(Fraction(9))


# -- flows ---------------------------------------------------------------------------------------------------


def norm_at(problem, delta, scaled_time):
    """The largest ‖w‖/delta of the gradient flow from the problem's direction up to the scaled time, in
    doubles.

    Bogacki and Shampine's pair of orders 3 and 2 with local errors of 1e-7 delta; None after 3,000 steps.
    """
    X, y = FLOAT.array(problem.X), FLOAT.array(problem.y)
    w = FLOAT.array(problem.direction)
    w = w * delta / np.linalg.norm(w)
    left = scaled_time / delta ** (problem.order - 2)
    step, largest = left / 100, delta

    def velocity(w):
        run = problem.network.forward(FLOAT, w, X)
        return problem.network.pullback(run, problem.loss.residuals(FLOAT, run.outputs, y))

    a = velocity(w)
    for _ in range(3000):
        step = min(step, left, 0.3 * delta / (1e-300 + np.linalg.norm(a)))
        b = velocity(w + step / 2 * a)
        c = velocity(w + step * 3 / 4 * b)
        later = w + step / 9 * (2 * a + 3 * b + 4 * c)
        d = velocity(later)
        error = np.linalg.norm(step * (-5 / 72 * a + b / 12 + c / 9 - d / 8)) / (1e-7 * delta)
        if error <= 1:
            w, a, left = later, d, left - step
            largest = max(largest, np.linalg.norm(w))
            if left <= 0:
                return largest / delta
        step *= min(3, max(0.2, 0.9 * (error + 1e-12) ** (-1 / 3)))
    return None


PSEUDO_HUBER = Loss(
    "custom", "mean", lambda ar, h, y: (y - h) / ar.sqrt((y - h) ** 2 + 1), Fraction(1), lambda y: y / 2
)
"""-l'(h) = (y - h)/sqrt(1 + (y - h)²), decreasing in h; at_zero is replaced by the true one for each label
below.
"""


@given(st.data())
def test_flows_never_outrun_the_bounds(data):
    loss = data.draw(own.losses())
    smooth = own.activations(powers=(2, 3))
    problem = data.draw(own.problems(("one-layer", "two-layer"), smooth, st.just(loss), max_samples=3))
    assume(problem.network.size <= 8)
    with patch.object(sphere_maximum, "_WORK", 30_000):
        near = near_origin(problem)
    for delta in (2.0, 0.3, 1e-5):
        bound = near.factor_time(Fraction(4)).bound_nmax
        reached = norm_at(problem, delta, 0.5 if bound is None else float(bound))
        assume(reached is not None)
        assert reached <= (1 if bound is None else 2) * (1 + 1e-5)


@pytest.mark.parametrize("label", [Fraction(3, 4), Fraction(-12, 5)])
def test_a_custom_convex_loss_obeys_the_same_bound(label):
    # 1 + label² is a square, so -l'(0) is rational: 3/5 and -12/13.
    loss = Loss(
        "custom",
        "sum",
        PSEUDO_HUBER.residual,
        Fraction(1),
        lambda y: y / {Fraction(3, 4): Fraction(5, 4)}.get(y, Fraction(13, 5)),
    )
    problem = Problem(
        TwoLayer(1, 2, SQUARED_RELU), [[1]], [label], loss, direction=[1, Fraction(1, 3), 2, -1]
    )
    near = near_origin(problem)
    assert problem.z[0] in (Fraction(3, 5), Fraction(-12, 13))
    for delta in (3.0, 0.5, 1e-3):
        reached = norm_at(problem, delta, float(near.factor_time(Fraction(4)).bound_nmax))
        assert 1 <= reached <= 2 * (1 + 1e-6)


@pytest.mark.parametrize("power", [2, 3])
def test_the_bound_is_attained_from_a_maximiser(power):
    # One sample: the maximiser of N is along x, and from there the flow is the extremal one up to O(delta^L)
    # (L2.4).
    problem = Problem(
        OneLayer(2, 1, Activation(Fraction(0), power)), [[3, 4]], [Fraction(1, 7)], direction=[3, 4]
    )
    bound = near_origin(problem).factor_time(Fraction(4)).bound_nmax
    assert norm_at(problem, 1e-6, float(bound)) == pytest.approx(2, rel=1e-5)


def test_the_gradient_bound_behind_l2_holds_at_kinks():
    # Euler's identity for both extreme Clarke selections at a kink, which is all that L2 uses of them.
    problem = Problem(TwoLayer(2, 1, RELU), [[1, -1], [1, 1]], [2, 3], direction=[1, 1, 1])
    w = np.array([Fraction(1), Fraction(1), Fraction(5)], dtype=object)
    value = problem.z @ problem.network.outputs(EXACT, w, problem.X)
    for at_kink in (Fraction(0), Fraction(1, 3), Fraction(1)):
        assert w @ problem.correlation.gradient(EXACT, w, at_kink) == 2 * value


def test_kkt_points_of_another_problem_bound_nothing():
    network = OneLayer(2, 2, Activation(Fraction(0), 2))
    small, large = (Problem(network, [[1, 0], [0, 1]], [y, y], seed=1) for y in (Fraction(1, 100), 100))
    for foreign in (kkt_points(small), kkt_points(small.replace(X=[[2, 0], [0, 1]]))):
        with pytest.raises(BadInput, match="of another problem; ask for those of this one"):
            near_origin(large, kkt=foreign)
    with pytest.raises(BadInput, match="^kkt: expected the result of kkt_points"):
        near_origin(large, kkt=kkt_points(large).found)
    # Only the start differs, of which N knows nothing.
    turned = kkt_points(large.replace(seed=2))
    assert near_origin(large, kkt=turned).n_max_upper == near_origin(large).n_max_upper == 50
