"""Structure: smoothness and zero-preserving sets against exact derivatives, and which theorem applies, and
why.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
import strategies as own
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from certflow.arithmetic.base import EXACT, UNKNOWN
from certflow.losses import Loss
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.grammar import parse
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.symbolic.arithmetic import SYMBOLIC, forward_on_cell, outputs_on_cell
from certflow.symbolic.expressions import input_symbols, network_expression, weight_symbols
from certflow.symbolic.smoothness import UNKNOWN_SMOOTHNESS, regularity
from certflow.symbolic.structure import Structure, structure, structure_of
from certflow.symbolic.zero_preserving import is_zero_preserving, zero_preserving_sets

RELU, SQUARED, LEAKY, LINEAR = (
    Activation(*a) for a in ((Fraction(0), 1), (Fraction(0), 2), (Fraction(1, 3), 1), (Fraction(1), 1))
)
ABSOLUTE = Activation(Fraction(-1), 1)


def expression(text):
    return Expression(["u1", "u2", "u3"], ["x1"], text)


def custom_loss():
    return Loss("custom", residual=lambda ar, out, y: y - out, curvature=Fraction(1), at_zero=lambda y: y)


# -- theorems ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "smoothness", "theorem", "reason"),
    [
        (OneLayer(2, 20, SQUARED), "C^{1,1}", "[KH24] Corollary 5.4.1", "block by block"),
        (OneLayer(2, 1, SQUARED), "C^{1,1}", "[KH24] Theorem 5.1", "order 2"),
        (TwoLayer(2, 3, RELU), "locally Lipschitz", "[KH24] Corollary 5.4.1", "does not branch"),
        (
            FeedForward([2, 3, 3, 1], RELU, [1, 2], {3: [[1, -1, 2]]}),
            "locally Lipschitz",
            "[KH24] Theorem 5.1",
            "does not branch",
        ),
        (TwoLayer(2, 3, SQUARED), "C^{1,1}", "[KH25a]", "order 3"),
        (FeedForward([3, 4, 4, 1], SQUARED), "C^{1,1}", "[KH25a]", "order 7"),
        (FeedForward([3, 4, 4, 1], Activation(Fraction(0), 3)), "C^{2,1}", "[KH25a]", "order 13"),
        (FeedForward([3, 4, 4, 1], RELU), "locally Lipschitz", None, "needs a locally Lipschitz gradient"),
        (FeedForward([3, 4, 4, 1], LEAKY), "locally Lipschitz", None, "jump at kinks"),
        (FeedForward([3, 4, 4, 1], LINEAR), "C^infinity", "[KH25a]", "C^infinity"),
        (FeedForward([3, 4, 1], Activation(Fraction(-1), 2)), "C^infinity", "[KH25a]", "order 3"),
        (FeedForward([3, 4, 1], ABSOLUTE), "locally Lipschitz", "[KH24] Corollary 5.4.1", "order 2"),
        (OneLayer(2, 2, RELU), "locally Lipschitz", None, "order 1"),
        (FeedForward([3, 4, 1], RELU, [2], {1: [[1, 2, 3]] * 4}), "C^infinity", None, "order 1"),
        (expression("u1*abs(u2)*x1 + u3*u1"), "locally Lipschitz", "[KH24] Theorem 5.1", "does not branch"),
        (expression("exp(x1)*(u1 + u3)*u2"), "C^infinity", "[KH24] Theorem 5.1", "definable"),
        (expression("u1*abs(u1) + relu(u2 - u3)**2"), "C^{1,1}", "[KH24] Corollary 5.4.1", "C^{1,1}"),
        (expression("u1**3/u2 + u3**2"), "not known", None, "denominator or under a root"),
        (expression("exp(u1/u2)*u3*u2"), "not known", None, "not known here because a function such as exp"),
        (expression("abs(u1)**3*u2"), "C^{2,1}", "[KH25a]", "order 4"),
        (expression("sqrt(abs(u1))**5"), "not known", None, "root"),
    ],
)
def test_smoothness_and_theorem(network, smoothness, theorem, reason):
    found = structure_of(network, Loss())
    assert (found.smoothness, found.theorem) == (smoothness, theorem)
    assert reason in found.reason
    assert found.reason.endswith(".") and (theorem is not None) == ("applies" in found.reason)
    assert found.blocks == network.blocks and found.separable == network.separable
    assert found.order == found.homogeneity.order
    assert found.definable is (None if "exp(u1" in getattr(network, "output", "") else True)
    for line in (f"Smoothness in the weights: {smoothness}", f"Theorem: {theorem or 'none'}", found.reason):
        assert line in found.text()


def test_losses_of_the_literature_only():
    network = OneLayer(2, 1, SQUARED)
    assert "logistic loss" in structure_of(network, Loss("logistic")).reason
    found = structure_of(network, custom_loss())
    assert found.theorem is None and "square and the logistic loss only" in found.reason


def test_of_the_figure_1_problem():
    found = structure(Problem.figure1())
    assert isinstance(found, Structure)
    assert (found.order, len(found.blocks), found.theorem) == (2, 20, "[KH24] Corollary 5.4.1")
    assert "20 blocks of 2 weights" in found.text()


def test_networks_that_are_not_homogeneous_are_refused():
    with pytest.raises(BadInput, match="no order of homogeneity"):
        structure_of(expression("u1*u2 + u3"), Loss())


# -- smoothness ----------------------------------------------------------------------------------------------

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


# -- zero-preserving sets ------------------------------------------------------------------------------------


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


# -- sympy forms ---------------------------------------------------------------------------------------------


def exact(value):
    return sympy.Rational(value.numerator, value.denominator)


@given(own.networks_at_points())
def test_the_sympy_form_has_the_values_of_the_network(drawn):
    network, w, X, _ = drawn
    symbolic = network_expression(network)
    names = (*weight_symbols(network), *input_symbols(network))
    assert symbolic.free_symbols <= set(names)
    at = dict(zip(names, map(exact, (*w, *X[0])), strict=True))
    assert symbolic.subs(at) == exact(network.outputs(EXACT, w, X)[0])


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        (SQUARED, "Max(0, u1_1*x1)**2"),
        (RELU, "Max(0, u1_1*x1)"),
        (ABSOLUTE, "Abs(u1_1*x1)"),
        (LINEAR, "u1_1*x1"),
        (Activation(Fraction(1, 2), 3), "Max(u1_1*x1/2, u1_1*x1)**3"),
    ],
)
def test_the_sympy_forms_of_activations(activation, text):
    assert str(network_expression(OneLayer(1, 1, activation))) == text


@given(own.networks_at_points(activation=own.activations((1, 2))))
def test_on_its_cell_the_network_is_the_polynomial(drawn):
    network, w, X, r = drawn
    assume(own.order_of(network) <= 4)  # multiplying out deeper ones takes long
    run = network.forward(EXACT, w, X)
    at = dict(zip(weight_symbols(network), map(exact, w), strict=True))
    symbolic = outputs_on_cell(network, X, run.cells)
    assert [h.subs(at) for h in symbolic] == [exact(h) for h in run.outputs]
    assert all(h.is_polynomial(*weight_symbols(network)) for h in symbolic)
    gradient = network.pullback(forward_on_cell(network, X, run.cells), SYMBOLIC.array(r))
    total = sum((exact(v) * h for v, h in zip(r, symbolic, strict=True)), sympy.Integer(0))
    for component, symbol in zip(gradient, weight_symbols(network), strict=True):
        assert sympy.expand(component - sympy.diff(total, symbol)) == 0


def test_signs_of_symbolic_numbers():
    u = sympy.Symbol("u", real=True)
    values = np.array([sympy.Integer(0), sympy.Rational(-1, 3), sympy.sqrt(2) - 1, u, u**2], dtype=object)
    assert SYMBOLIC.sign(values).tolist() == [0, -1, 1, UNKNOWN, UNKNOWN]
    network = OneLayer(1, 1, SQUARED)
    with pytest.raises(TypeError, match="give the cells with `select`"):
        network.outputs(SYMBOLIC, np.array([u], dtype=object), SYMBOLIC.array([[Fraction(1)]]))
    functions = Expression(["u"], ["x1"], "sin(x1)*cos(x1)*log(x1)*tanh(x1)*exp(x1)*sqrt(x1)*u")
    value = functions.outputs(SYMBOLIC, np.array([u], dtype=object), SYMBOLIC.array([[Fraction(1)]]))[0]
    assert value == 0  # log(1)
