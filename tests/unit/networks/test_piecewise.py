"""Expressions with a locally Lipschitz gradient: what is read, in which inputs, and their kink steps."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.networks.activation import KinkPower
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.piecewise import piecewise_form
from certflow.outcome import Inconclusive

TEXTS = (
    "(u*x + v*y)*(u*x - v*y) + x**2/3*max(0, u + v)**2 - abs(y)*v*u + min(u, 0)**2*x*y",
    "v*max(u*x - v*y, 0)**2 - abs(u*y)**3 + 2*(y*abs(u + v))**3/7",
    "max(u*max(v*x, 0)**2 - u**3*y, 0)**2*v**2",
    "(max(x, y)*min(u - v*x, 0))**2 + x/(1 + y**2)*u*v",
    "u*v*max(x, 2*y) - sqrt(x**2)*u**2",
)
NUMBERS = st.fractions(-4, 4, max_denominator=6)
SAMPLES = np.array([[1, 2], [Fraction(-1, 3), 1], [0, -2], [2, 0]], dtype=object)
Z = np.array([Fraction(1), Fraction(-2), Fraction(1, 3), Fraction(3)], dtype=object)


def both(text):
    network = Expression(["u", "v"], ["x", "y"], text)
    X = np.array([[Fraction(v) for v in row] for row in SAMPLES], dtype=object)
    piecewise, values = piecewise_form(network, X)
    return Correlation(network, X, Z), Correlation(piecewise, values, Z)


@given(st.sampled_from(TEXTS), NUMBERS, NUMBERS)
def test_kink_steps_have_the_values_and_derivatives_of_the_expression(text, u, v):
    N, own = both(text)
    w = np.array([u, v], dtype=object)
    assert own.value(EXACT, w) == N.value(EXACT, w)
    assert list(own.gradient(EXACT, w)) == list(N.gradient(EXACT, w))
    kinks = own.at(EXACT, w).run.kinks
    if all(z for kink in kinks for z in kink.ravel()):
        assert (own.hessian(EXACT, w) == N.hessian(EXACT, w)).all()


@given(st.sampled_from(TEXTS), NUMBERS, NUMBERS, st.fractions(0, 2, max_denominator=8), st.data())
def test_boxes_contain_values_gradients_and_second_derivatives_of_their_points(text, u, v, radius, data):
    N, own = both(text)
    box = MIDRAD.array(np.array([[u, v]], dtype=object)).widened(float(radius) + 1e-9)
    inside = own.at(MIDRAD, box)
    shares = [data.draw(st.fractions(-1, 1, max_denominator=7)) for _ in "uv"]
    w = np.array([c + radius * s for c, s in zip((u, v), shares, strict=True)], dtype=object)
    pairs = (
        (N.value(EXACT, w), inside.value),
        (N.gradient(EXACT, w), inside.gradient[0]),
        (N.hessian(EXACT, w), inside.hessian()[0]),
    )
    for exact, found in pairs:
        low, high = found.lower().ravel(), found.upper().ravel()
        for value, a, b in zip(np.array(exact, dtype=object).ravel(), low, high, strict=True):
            assert Fraction(float(a)) <= value <= Fraction(float(b))


def test_across_a_kink_the_square_is_that_of_one_side_and_not_of_the_box():
    _, own = both("max(u, 0)**2 + v**2")
    found = own.network.forward(MIDRAD, MidRad.exact([[0.0, 0.0]]).widened(1.0), own.numbers(MIDRAD)[0])
    cells = found.cells[0]
    assert (cells.lower() <= 0).all() and (cells.upper() <= 1 + 1e-12).all()
    assert found.outputs.upper().max() <= 2 + 1e-12


def test_the_coefficients_of_both_sides_and_their_hull():
    step = KinkPower(Fraction(-1), Fraction(1), 3)
    assert list(step.coefficients(EXACT, np.array([1, -1, 0]))) == [1, -1, -1]
    hull = step.coefficients(MIDRAD, np.array([2]))
    assert hull.lower()[0] <= -1 and hull.upper()[0] >= 1


def test_what_holds_no_weight_is_one_input():
    network = Expression(["u"], ["x", "y"], "(x + y)**2*abs(x)*u**2 - 3*u**2")
    piecewise, X = piecewise_form(network, np.array([[Fraction(1), Fraction(-3)]], dtype=object))
    assert piecewise.inputs == 1 and X.tolist() == [[4]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("u*abs(v)*x", "may jump at the kink of abs(v)"),
        ("u*max(u, v)*x", "may jump at the kink of max(u, v)"),
        ("max(u, v)**2*x", "may jump at the kink of max(u, v)"),
        ("u**3/v*x", "not piecewise polynomial"),
        ("sqrt(u**4 + v**4)*x", "not piecewise polynomial"),
        ("((u + v)**2 - u**2)*x + v*abs(u)", "may jump"),
        ("u*v*exp(x)", "not computed exactly"),
        ("u*v*sqrt(x**2 + y**2)", "not computed exactly"),
        # Rational at these samples or not.
        ("u*v*sqrt(x**4*y**4 + 1 - 1)*sqrt(4*x)", "not computed exactly"),
    ],
)
def test_everything_else_is_refused_with_its_reason(text, reason):
    with pytest.raises(Inconclusive, match=re.escape(reason)):
        both(text)
