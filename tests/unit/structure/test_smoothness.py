"""Smoothness and zero-preserving sets against exact derivatives."""

import math
from fractions import Fraction

import pytest
import strategies as own
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.base import EXACT
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.grammar import parse
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.structure.smoothness import UNKNOWN_SMOOTHNESS, regularity
from certflow.structure.zero_preserving import is_zero_preserving, zero_preserving_sets

RELU, SQUARED, LEAKY = (Activation(*a) for a in ((Fraction(0), 1), (Fraction(0), 2), (Fraction(1, 3), 1)))


def expression(text):
    return Expression(["u1", "u2", "u3"], ["x1"], text)


INF = math.inf


@pytest.mark.parametrize(
    ("text", "r"),
    [
        ("u1**3*u2", INF),
        ("abs(x1)*max(x1, 0)*u1", INF),
        ("sqrt(x1**2 + 1)*u1/x1", INF),
        ("tanh(u1)*sin(u2)", INF),
        ("abs(u1)", 0),
        ("u1*abs(u2)", 0),
        ("u1*abs(u1)", 1),
        ("u1**2*abs(u1)**3", 4),
        ("u1**2*abs(-2*u1)*relu(3*u1)", 3),
        ("max(u1 + u2, 1/3*(u1 + u2))**3", 2),
        ("min(u1, 2*u1)**3*u2", 2),
        ("max(u1, u2)**3", 0),
        ("max(u1, 1)**3", 0),
        ("relu(u1)**3 + relu(u2)**2", 1),
        ("relu(abs(u1) - u2)**3", 0),
        ("relu(u1*abs(u1) - u2)**3", 1),
        ("sqrt(u1**2 + 3*u2**2)", 0),
        ("sqrt(u1**2*u2**2 + x1**2*u3**4)**3", 2),
        ("sqrt(u1**2 + u2**2)*u1", 0),
        ("sqrt(u1**2 - u2**2)", UNKNOWN_SMOOTHNESS),
        ("sqrt(abs(u1))", UNKNOWN_SMOOTHNESS),
        ("u1/u2", UNKNOWN_SMOOTHNESS),
        ("log(u1**2 + 1)", UNKNOWN_SMOOTHNESS),
        ("exp(1/u1)*u1", UNKNOWN_SMOOTHNESS),
    ],
)
def test_regularity(text, r):
    names = ["u1", "u2", "u3", "x1"]
    assert regularity(parse(text, names), frozenset(names[:3])) == r


@given(own.networks_at_points(("expression",)), st.data())
def test_what_is_called_smooth_has_continuous_derivatives(drawn, data):
    """C^{1,1}: both selections at a kink give one gradient; C^{2,1}: one Hessian."""
    network, w, X, r = drawn
    smoothness = regularity(network.tree, frozenset(network.weight_names))
    low, high = (network.forward(EXACT, w, X, at_kink=Fraction(k)) for k in (0, 1))
    assert smoothness >= 0
    if smoothness >= 1:
        assert (network.pullback(low, r) == network.pullback(high, r)).all()
    if smoothness >= 2:
        assert (network.hessian(low, r) == network.hessian(high, r)).all()


@given(own.networks_at_points(), st.data())
def test_weights_of_zero_preserving_sets_have_no_gradient_where_they_are_zero(drawn, data):
    network, w, X, r = drawn
    sets = zero_preserving_sets(network)
    if not sets:
        return
    chosen = data.draw(st.lists(st.sampled_from(sets), min_size=1, max_size=2))
    union = sorted({i for z in chosen for i in z.weights})
    w = w.copy()
    w[union] = Fraction(0)
    for at_kink in (Fraction(0), Fraction(1), Fraction(1, 3)):
        run = network.forward(EXACT, w, X, at_kink=at_kink)
        assert not network.pullback(run, r)[union].any()


def test_sets_of_layered_networks():
    def sets(network, minimal=None):
        return [z.weights for z in zero_preserving_sets(network) if minimal in (None, z.minimal)]

    assert sets(TwoLayer(2, 2, RELU)) == [(0, 1, 4), (2, 3, 5)]
    assert sets(TwoLayer(2, 2, SQUARED), True) == [(0, 1), (2, 3)]
    assert sets(TwoLayer(2, 2, SQUARED), False) == [(0, 1, 4), (2, 3, 5)]
    assert sets(OneLayer(2, 2, RELU)) == []
    assert sets(OneLayer(2, 2, SQUARED)) == [(0, 1), (2, 3)]
    deep = FeedForward([1, 2, 2, 1], LEAKY)  # W1: 0 1, W2: 2 3 / 4 5, W3: 6 7
    assert sets(deep) == [(0, 2, 4), (1, 3, 5), (2, 3, 6), (4, 5, 7)]
    assert sets(FeedForward([1, 2, 2, 1], LEAKY, [2, 3], {1: [[1], [2]]})) == [(0, 1, 4), (2, 3, 5)]
    assert sets(FeedForward([1, 2, 2, 1], LEAKY, [1, 3], {2: [[1, 2], [3, 4]]})) == []
    assert [z.name for z in zero_preserving_sets(TwoLayer(1, 1, SQUARED))] == [
        "the incoming weights of neuron 1",
        "neuron 1",
    ]


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("u1*u2", [("u1", "u2")]),
        ("u1*abs(u2)*x1", [("u1", "u2")]),
        ("u3*max(u1*x1 + u2, 0)", [("u1", "u2", "u3")]),
        ("u3*max(u1*x1 + u2, 0)**2", [("u1", "u2")]),
        ("u1**2 + u2*u3", [("u1",), ("u2", "u3")]),
        ("(u1 + u2)**2 - 2*u1*u2 + u3", [("u1",), ("u2",)]),
        ("u1**2/u2", [("u1",)]),
        ("u1 + u2", []),
        ("sqrt(u1)", []),
        ("u1**2*sin(u2) + log(u3)*u1", []),
    ],
)
def test_sets_of_expressions(text, sets):
    network = expression(text)
    occurring = network.tree.names
    found = [tuple(network.weight_names[i] for i in z.weights) for z in zero_preserving_sets(network)]
    assert [names for names in found if set(names) & occurring] == sets


def test_the_written_out_network_has_the_sets_of_its_neurons():
    text = " + ".join(f"v{j}*max({' + '.join(f'w{j}_{k}*x1' for k in range(10))}, 0)" for j in range(20))
    network = Expression(
        [*(f"w{j}_{k}" for j in range(20) for k in range(10)), *(f"v{j}" for j in range(20))], ["x1"], text
    )
    expected = [(*range(10 * j, 10 * j + 10), 200 + j) for j in range(20)]
    assert [z.weights for z in zero_preserving_sets(network)] == expected
    assert not is_zero_preserving(network.tree, frozenset({"v1"}))
