"""The sympy forms of networks against their exact values."""

from fractions import Fraction

import numpy as np
import pytest
import strategies as own
import sympy
from hypothesis import assume, given

from certflow.arithmetic.base import EXACT, UNKNOWN
from certflow.ncf.arithmetic import SYMBOLIC, forward_on_cell, outputs_on_cell
from certflow.ncf.expressions import input_symbols, network_expression, weight_symbols
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.one_hidden_layer import OneLayer

RELU, SQUARED, LINEAR, ABSOLUTE = (
    Activation(*a) for a in ((Fraction(0), 1), (Fraction(0), 2), (Fraction(1), 1), (Fraction(-1), 1))
)


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
