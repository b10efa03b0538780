"""N as an object: values and derivatives against exact oracles, in every number system, one by one and many
at a time.
"""

import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from strategies import arrays, networks_at_points, order_of, problems, rationals

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import EXACT, FLOAT
from certflow.arithmetic.jets import JetArithmetic
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem

BITS = 200
WEIGHTED = ("two-layer", "feed-forward", "partly-trained")


def exact(values):
    return np.array([[Fraction(v) for v in row] for row in values], dtype=object)


def along(correlation, w, v):
    """N(w + t v) on the cells of w, as the exact coefficients of powers of t: interpolated, with no
    derivative.
    """
    cells = correlation.at(EXACT, w).run.cells
    points = range(degree_of(correlation.network) + 1)
    rows = [[Fraction(t) ** k for k in points] for t in points]
    values = [correlation.at(EXACT, w + t * v, select=lambda layer, _: cells[layer]).value for t in points]
    return solved(rows, values)


def degree_of(network):
    """At least the degree of N in its weights; expressions drawn here have degree 4 at most."""
    return order_of(network) if isinstance(network, FeedForward) else 4


def solved(rows, values):
    """The solution of a regular system of rationals, by elimination."""
    table = [[*row, value] for row, value in zip(rows, values, strict=True)]
    for i in range(len(table)):
        pivot = next(k for k in range(i, len(table)) if table[k][i])
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [v / table[i][i] for v in table[i]]
        for k in range(len(table)):
            if k != i:
                table[k] = [a - table[k][i] * b for a, b in zip(table[k], table[i], strict=True)]
    return [row[-1] for row in table]


@given(networks_at_points(), st.data())
def test_derivatives_are_those_of_the_polynomial_on_each_line(case, data):
    network, w, X, r = case
    correlation, v = Correlation(network, X, r), data.draw(arrays((network.size,)))
    at, (value, slope, *rest) = correlation.at(EXACT, w), along(correlation, w, v)
    assert at.value == value == sum(a * b for a, b in zip(r, network.outputs(EXACT, w, X), strict=True))
    assert at.gradient @ v == slope
    assert v @ at.hessian() @ v == 2 * (rest[0] if rest else 0)
    assert list(at.hessian(v[None])[0]) == list(v @ at.hessian())
    assert list(r @ at.jacobian) == list(at.gradient)


@given(networks_at_points(), rationals(bound=4).map(lambda c: abs(c) + 1))
def test_it_is_homogeneous_with_all_its_derivatives(case, c):
    network, w, X, r = case
    correlation = Correlation(network, X, r)
    try:
        L = correlation.order
    except BadInput:  # the output is 0 for all weights
        reject()
    one, scaled = correlation.at(EXACT, w), correlation.at(EXACT, c * w)
    assert isinstance(network, Expression) or order_of(network) == L
    assert scaled.value == c**L * one.value
    assert list(scaled.gradient) == list(c ** (L - 1) * one.gradient)
    assert (scaled.hessian() == c ** (L - 2) * one.hessian()).all()


@given(networks_at_points(), st.data())
def test_many_weights_at_once_are_as_one_by_one(case, data):
    network, _, X, r = case
    correlation, many = Correlation(network, X, r), data.draw(arrays((3, network.size)))
    directions = data.draw(arrays((2, network.size)))
    at, ones = correlation.at(EXACT, many), [correlation.at(EXACT, w) for w in many]
    assert list(at.value) == [one.value for one in ones]
    assert (at.gradient == np.array([one.gradient for one in ones])).all()
    assert (at.hessian() == np.array([one.hessian() for one in ones])).all()
    assert (at.hessian(directions) == np.array([one.hessian(directions) for one in ones])).all()
    assert (at.run.block_outputs == np.array([one.run.block_outputs for one in ones])).all()
    assert (network.jacobian(at.run) == np.array([network.jacobian(one.run) for one in ones])).all()
    for layer, kinks in enumerate(at.run.kinks):
        assert (kinks == np.array([one.run.kinks[layer] for one in ones])).all()


@given(networks_at_points(), st.data())
def test_enclosures_of_many_weights_contain_the_exact_values(case, data):
    network, _, X, r = case
    correlation, many = Correlation(network, X, r), data.draw(arrays((2, network.size)))
    radius = data.draw(rationals(bound=1).map(abs))
    low, high = MIDRAD.array(many - radius), MIDRAD.array(many + radius)
    at = correlation.at(MIDRAD, low.hull(high))
    inside = many + radius * data.draw(arrays((2, network.size), rationals(bound=1)))
    for i, w in enumerate(inside):
        one = correlation.at(EXACT, w)
        assert holds(at.value[i], one.value)
        assert holds(at.gradient[i], one.gradient)
        assert holds(at.hessian()[i], one.hessian())


def holds(enclosure, values):
    """Whether every number lies in its enclosure, decided exactly."""
    pairs = zip(
        enclosure.lower().ravel(),
        enclosure.upper().ravel(),
        np.asarray(values, dtype=object).ravel(),
        strict=True,
    )
    return all(Fraction(float(low)) <= value <= Fraction(float(high)) for low, high, value in pairs)


def test_doubles_of_many_weights_are_to_the_last_bit_those_of_one():
    X, r = exact([(1, 2), (-3, 1), (2, -1)]), exact([(2, -1, 3)])[0]
    for network in (
        OneLayer(2, 3, Activation(0, 2)),
        TwoLayer(2, 2, Activation(-1, 1)),
        FeedForward([2, 2, 2, 1], Activation(0, 2)),
    ):
        correlation, many = (
            Correlation(network, X, r),
            np.random.default_rng(1).integers(-3, 4, (5, network.size)).astype(float),
        )
        at = correlation.at(FLOAT, many)
        for i, w in enumerate(many):  # all numbers are small integers, so that nothing is rounded
            assert (at.value[i], list(at.gradient[i])) == (
                correlation.value(FLOAT, w),
                list(correlation.gradient(FLOAT, w)),
            )
            assert (at.hessian()[i] == correlation.hessian(FLOAT, w)).all()


@given(networks_at_points())
def test_the_blocks_sum_to_the_whole_and_restrictions_are_the_rest_at_zero(case):
    network, w, X, r = case
    correlation = Correlation(network, X, r)
    parts = [(list(block), correlation.block(j)) for j, block in enumerate(network.blocks)]
    assert sum(part.value(EXACT, w[block]) for block, part in parts) == correlation.value(EXACT, w)
    gradient = correlation.gradient(EXACT, w)
    for block, part in parts:
        assert list(part.gradient(EXACT, w[block])) == list(gradient[block])
    some = sorted(i for block, _ in parts[::2] for i in block)
    alone = np.array([v if i in some else Fraction(0) for i, v in enumerate(w)], dtype=object)
    restricted = correlation.restricted(some)
    assert restricted.value(EXACT, w[some]) == correlation.value(EXACT, alone)
    assert list(restricted.gradient(EXACT, w[some])) == list(correlation.gradient(EXACT, alone)[some])


@pytest.mark.parametrize("indices", [(), (0,), (0, 1, 2), (4,)])
def test_restrictions_take_whole_blocks(indices):
    with pytest.raises(ValueError, match="whole blocks"):
        Correlation(OneLayer(2, 2, Activation(0, 2)), exact([(1, 2)]), [Fraction(1)]).restricted(indices)


@given(networks_at_points())
def test_untrained_layers_below_are_features(case):
    network, w, X, r = case
    correlation = Correlation(network, X, r)
    seen = correlation.on_features()
    assert seen.value(EXACT, w) == correlation.value(EXACT, w)
    assert list(seen.gradient(EXACT, w)) == list(correlation.gradient(EXACT, w))
    assert (seen.hessian(EXACT, w) == correlation.hessian(EXACT, w)).all()
    assert not isinstance(network, FeedForward) or min(seen.network.trained) == 1


def test_a_sum_of_neurons_on_features_is_told_from_a_deep_network():
    given_layer = {1: [[Fraction(1), Fraction(2)], [Fraction(0), Fraction(1)]]}
    relu = Activation(0, 2)
    assert FeedForward([2, 2, 3, 1], relu, [2, 3], given_layer).is_sum_of_neurons
    assert OneLayer(2, 3, relu).is_sum_of_neurons
    assert not FeedForward([2, 2, 3, 1], relu).is_sum_of_neurons
    assert not Expression(["a", "b"], ["x"], "a*b*x").is_sum_of_neurons


def test_blocks_may_be_taken_more_than_once():
    network = TwoLayer(2, 2, Activation(0, 2))
    X, r = exact([(1, 2), (-1, 1)]), [Fraction(1), Fraction(-2)]
    twice = Correlation(network.part([1, 1, 0]), X, r)
    w = [Fraction(v) for v in (1, 2, 3, -1, 1, 1, 5, -2, 4)]  # three rows, three outputs
    neuron = Correlation(network.block(0), X, r)
    values = [
        neuron.value(EXACT, np.array([*w[2 * i : 2 * i + 2], w[6 + i]], dtype=object)) for i in range(3)
    ]
    assert twice.value(EXACT, np.array(w, dtype=object)) == sum(values)


@given(networks_at_points(), st.data())
def test_enclosed_residuals_stand_for_all_of_theirs(case, data):
    network, w, X, r = case
    radius = data.draw(rationals(bound=1).map(abs))
    inside = r + radius * data.draw(arrays(r.shape, rationals(bound=1)))
    one = Correlation(network, X, inside).at(EXACT, w)
    balls = BallArithmetic(BITS)
    enclosed = np.array([Ball.interval(c - radius, c + radius, BITS) for c in r], dtype=object)
    correlation = Correlation(network, X, enclosed)
    at = correlation.at(balls, balls.array(w))
    assert at.value.contains(one.value)
    assert all(a.contains(b) for a, b in zip(at.gradient, one.gradient, strict=True))
    assert all(a.contains(b) for a, b in zip(at.hessian().ravel(), one.hessian().ravel(), strict=True))
    doubles = MIDRAD.array(r - radius).hull(MIDRAD.array(r + radius))
    for other in (correlation, correlation.with_residuals(doubles)):
        rough = other.at(MIDRAD, MIDRAD.array(w))
        assert holds(rough.value, one.value)
        assert holds(rough.gradient, one.gradient)
        assert holds(rough.hessian(), one.hessian())


def test_enclosures_and_doubles_do_not_pass_for_exact_numbers():
    network, X = OneLayer(2, 1, Activation(0, 2)), exact([(1, 2)])
    ball, doubles = (
        Correlation(network, X, [Ball(1, BITS)]),
        Correlation(network, [[0.5, 1.0]], np.array([2.0])),
    )
    enclosed = Correlation(network, X, MidRad.exact(np.ones(1)))
    for correlation, ar in (
        (ball, EXACT),
        (ball, FLOAT),
        (doubles, EXACT),
        (doubles, MIDRAD),
        (enclosed, BallArithmetic(64)),
    ):
        with pytest.raises(TypeError):
            correlation.numbers(ar)
    assert doubles.value(FLOAT, np.ones(2)) == 4.5


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.longdouble(0.5), mpmath.mpf(0.5)])
def test_no_kind_of_approximation_passes_for_exact(value):
    N = Correlation(OneLayer(1, 1, Activation(power=2), [1]), [[Fraction(1)]], [value])
    with pytest.raises(TypeError, match="give exact numbers"):
        N.value(EXACT, np.array([Fraction(1)]))


@given(problems())
def test_it_is_pickled_without_what_was_converted(problem):
    N = problem.correlation
    w = [Fraction(1, 1 + k) for k in range(N.size)]
    N.value(BallArithmetic(BITS), BallArithmetic(BITS).array(w))
    other = pickle.loads(pickle.dumps(problem)).correlation
    assert other.value(EXACT, np.array(w)) == N.value(EXACT, np.array(w))
    assert not other.X.flags.writeable


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_weights_is_refused(count):
    N = Correlation(OneLayer(2, 1, Activation(power=2), [1]), [[Fraction(1), Fraction(2)]], [Fraction(1)])
    with pytest.raises(ValueError, match=f"2 weights, not {count}"):
        N.value(EXACT, np.array([Fraction(1)] * count, dtype=object))


def test_data_behind_a_view_that_cannot_be_written_are_copied():
    data = np.array([Fraction(1)], dtype=object)
    view = data[:]
    view.setflags(write=False)
    N = Correlation(OneLayer(1, 1, Activation(power=2), [1]), [[Fraction(1)]], view)
    data[0] = Fraction(7)
    assert N.value(EXACT, np.array([Fraction(1)])) == 1


def test_a_conversion_is_made_once_and_nobody_changes_the_data():
    X, z = exact([(1, 2)]), [Fraction(1, 3)]
    correlation = Correlation(OneLayer(2, 1, Activation(0, 2)), X, z)
    assert correlation.numbers(MIDRAD) is correlation.numbers(MIDRAD)
    X[0, 0], z[0] = Fraction(7), Fraction(7)
    assert correlation.value(EXACT, np.array([Fraction(1), Fraction(1)], dtype=object)) == 3
    with pytest.raises(ValueError, match="read-only"):
        correlation.X[0, 0] = Fraction(1)
    for bits in range(64, 80):
        correlation.numbers(BallArithmetic(bits))
    assert len(correlation._numbers) == 8


@given(networks_at_points(WEIGHTED), st.data())
def test_series_in_time_are_those_of_the_polynomial_on_the_line(case, data):
    network, w, X, r = case
    correlation, v = Correlation(network, X, r), data.draw(arrays((network.size,)))
    cells = correlation.at(EXACT, w).run.cells
    ar = JetArithmetic(BITS, 3)
    line = ar.variable((network.size,))
    line.coefficients[0], line.coefficients[1] = ar.array(w).values, ar.array(v).values
    value = correlation.at(ar, line, select=lambda layer, _: ar.array(cells[layer])).value
    for n in range(4):
        ar.extend(n)
    expected = [*along(correlation, w, v), *[Fraction(0)] * 4][:4]
    for found, coefficient in zip(ar.series(value), expected, strict=True):
        assert abs(found - coefficient) <= Fraction(2) ** -(BITS - 100)


@given(problems())
def test_a_problem_has_its_own(problem):
    assert problem.correlation.network is problem.network
    assert list(problem.correlation.z) == list(problem.z)
    try:
        order = problem.correlation.order
    except BadInput:  # given layers of zeros: the output is 0 for all weights
        reject()
    assert order == problem.order


def test_the_smoothness_is_that_of_the_network():
    X, z = exact([(1, 2)]), [Fraction(1)]
    assert Correlation(OneLayer(2, 1, Activation(0, 3)), X, z).smoothness == 2
    assert Problem.builtin("figure1").correlation.smoothness == 1
