"""One definition of a network, every number system: exact rationals, doubles, mpmath, balls and sympy give
the same.
"""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import FAMILIES, arrays, networks_at_points, rationals

from certflow.arithmetic.base import EXACT, FLOAT, UNKNOWN, mp_arithmetic
from certflow.ncf.arithmetic import SymbolicArithmetic
from certflow.ncf.derivative import derivative  # sympy's own is nan at some nested maxima
from certflow.ncf.expressions import network_expression

BITS = 200


def everything(network, ar, w, X, r, cells=None):
    """Outputs, gradient, Jacobian and Hessian in one flat array, on the given cells."""
    select = None if cells is None else (lambda layer, z: ar.array(cells[layer]))
    run = network.forward(ar, ar.array(w), ar.array(X), select=select)
    residuals = ar.array(r)
    parts = [
        run.outputs,
        network.pullback(run, residuals),
        network.jacobian(run),
        network.hessian(run, residuals),
    ]
    return np.concatenate([part.ravel() for part in parts])


@given(networks_at_points())
def test_doubles_and_mpmath_are_close_to_exact_values(case):
    network, w, X, r = case
    cells = network.forward(EXACT, w, X).cells
    exact = everything(network, EXACT, w, X, r)
    # Every intermediate term of these small networks is below this; the error is relative to it.
    scale = Fraction(10) ** 14
    for ar, accuracy in ((FLOAT, Fraction(1, 10**16)), (mp_arithmetic(60), Fraction(1, 10**60))):
        values = everything(network, ar, w, X, r, cells)
        assert values.shape == exact.shape
        for expected, value in zip(exact, values, strict=True):
            bound = accuracy * (1000 * abs(expected) + scale / 10**3)
            assert abs(ar.number(expected) - value) <= ar.number(bound)


@given(networks_at_points())
def test_balls_of_exact_points_contain_the_exact_values_and_are_thin(case):
    from certflow.arithmetic.ball import BallArithmetic

    network, w, X, r = case
    ar = BallArithmetic(BITS)
    cells = network.forward(EXACT, w, X).cells
    exact = everything(network, EXACT, w, X, r)
    for expected, ball in zip(exact, everything(network, ar, w, X, r, cells), strict=True):
        assert ball.contains(expected)
        assert ball.radius() <= (abs(expected) + 10**12) / Fraction(2) ** (BITS - 20)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_wide_balls_contain_the_values_of_every_point_inside(family, data):
    """Kinks inside the balls are undecided there: the hull of both branches has to contain the true one."""
    from certflow.arithmetic.ball import BallArithmetic

    network, w, X, r = data.draw(networks_at_points((family,)))
    ar = BallArithmetic(BITS)
    radii = data.draw(
        arrays((network.size,), st.sampled_from([Fraction(0), Fraction(1, 100), Fraction(1), Fraction(3)]))
    )
    shifts = data.draw(arrays((network.size,), rationals(bound=1)))
    balls = np.array([ar.hull(v - e, v + e) for v, e in zip(w, radii, strict=True)], dtype=object)
    run = network.forward(ar, balls, ar.array(X))
    residuals = ar.array(r)
    parts = [
        run.outputs,
        network.pullback(run, residuals),
        network.jacobian(run),
        network.hessian(run, residuals),
    ]
    enclosures = np.concatenate([part.ravel() for part in parts])
    inside = everything(network, EXACT, w + radii * shifts, X, r)
    for expected, ball in zip(inside, enclosures, strict=True):
        assert ball.contains(expected)


@given(networks_at_points(), rationals(bound=1).map(abs))
def test_at_an_undecided_kink_balls_contain_every_clarke_selection(case, at_kink):
    from certflow.arithmetic.ball import BallArithmetic

    network, w, X, r = case
    zero = np.full(network.size, Fraction(0), dtype=object)
    ar = BallArithmetic(BITS)
    around = np.array([ar.hull(Fraction(-1), Fraction(1)) for _ in zero], dtype=object)
    run = network.forward(ar, around, ar.array(X))
    gradient, exact = (
        network.pullback(run, ar.array(r)),
        network.pullback(network.forward(EXACT, zero, X, at_kink=at_kink), r),
    )
    assert all(ball.contains(value) for ball, value in zip(gradient, exact, strict=True))


def test_undecided_signs_do_occur_in_these_tests():
    from certflow.arithmetic.ball import BallArithmetic

    ar = BallArithmetic(BITS)
    assert ar.sign(
        np.array([ar.hull(Fraction(-1), Fraction(1)), ar.number(Fraction(1))], dtype=object)
    ).tolist() == [UNKNOWN, 1]


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_sympy_expressions_have_the_exact_values_and_derivatives(family, data):
    network, w, X, _ = data.draw(networks_at_points((family,)))
    assume(network.size <= 12)
    expression = network_expression(network)
    symbols = {symbol.name: symbol for symbol in expression.free_symbols}
    run = network.forward(EXACT, w, X)
    smooth_here = all((z != 0).all() for z in run.kinks)
    jacobian = network.jacobian(run)
    for i, x in enumerate(X):
        names = [*zip(network.weight_names, w, strict=True), *zip(network.input_names, x, strict=True)]
        point = {
            symbols[name]: sympy.Rational(v.numerator, v.denominator) for name, v in names if name in symbols
        }
        assert fraction(expression.xreplace(point)) == run.outputs[i]
        if smooth_here:
            for j, name in enumerate(network.weight_names[:4]):
                slope = (
                    derivative(expression, symbols[name]).xreplace(point)
                    if name in symbols
                    else sympy.Integer(0)
                )
                assert fraction(slope) == jacobian[i, j]


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_derivatives_in_sympy_numbers_are_polynomials_with_the_exact_values(family, data):
    network, w, X, r = data.draw(networks_at_points((family,)))
    assume(network.size <= 6)
    ar = SymbolicArithmetic()
    run = network.forward(EXACT, w, X)
    symbols = np.array([sympy.Symbol(name, real=True) for name in network.weight_names], dtype=object)
    symbolic = network.forward(ar, symbols, ar.array(X), select=lambda layer, z: ar.array(run.cells[layer]))
    point = {symbol: sympy.Rational(v.numerator, v.denominator) for symbol, v in zip(symbols, w, strict=True)}
    gradient, residuals = network.pullback(run, r), ar.array(r)
    for value, expression in zip(run.outputs, symbolic.outputs, strict=True):
        assert fraction((sympy.Integer(0) + expression).xreplace(point)) == value
    for value, expression in zip(gradient, network.pullback(symbolic, residuals), strict=True):
        assert fraction((sympy.Integer(0) + expression).xreplace(point)) == value


def fraction(value):
    """The rational that a sympy expression without symbols is."""
    number = value.doit()
    assert number.is_Rational, number
    return Fraction(int(number.p), int(number.q))


@given(networks_at_points())
def test_samples_do_not_influence_each_other(case):
    network, w, X, _ = case
    together = network.jacobian(network.forward(EXACT, w, X))
    for i in range(len(X)):
        alone = network.jacobian(network.forward(EXACT, w, X[i : i + 1]))
        assert list(alone[0]) == list(together[i])
