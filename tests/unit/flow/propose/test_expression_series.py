"""Series of limit flows of expressions, against exact gradients and the differential equation itself."""

from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.flow.enclose.parts import parts_of
from certflow.flow.propose.expression_series import ExpressionSeries
from certflow.networks.expression import Expression
from certflow.problem import Problem

TEXTS = (
    "u*v*a*x + a**3*y",
    "v*max(u*x - v*y, 0)**2 - abs(a)**3*x + min(a*y - u, 0)**3/2",
    "max(u*max(v*x, 0)**2 - a**3*y, 0)**2",
)


def series(text):
    network = Expression(["u", "v", "a"], ["x", "y"], text)
    problem = Problem(
        network, [["1", "2"], ["-1/3", "1"], ["2", "-1"]], ["1", "-1/2", "3"], direction=["1"] * 3
    )
    parts = parts_of(problem, ((0, 1, 2),))
    return parts, ExpressionSeries(parts)


@pytest.mark.parametrize("text", TEXTS)
def test_gradients_and_kink_arguments_are_those_of_the_network(text):
    parts, own = series(text)
    u = np.random.default_rng(1).integers(-8, 9, (5, 3)) / 8
    z = own.kinks(u)
    found = own.gradient(u, own.cell(z))
    for k, row in enumerate(u):
        at = parts.N.at(EXACT, np.array([Fraction(v) for v in row], dtype=object))
        assert np.allclose(found[k], [float(v) for v in at.gradient], atol=1e-12)
        exact = [float(v) for kink in at.run.kinks for v in kink[:, 0]]
        assert np.allclose(z[k], exact, atol=1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_series_solve_the_equation_order_by_order(text):
    _, own = series(text)
    u = np.array([[0.5, -0.7, 0.6], [0.3, 0.8, -0.4]])
    cell, lengths, terms, h = own.cell(own.kinks(u)), np.array([0.02, 0.01]), 16, 1e-4
    U, Z = own.series(u, cell, 0.3, lengths, terms)

    def at(y):
        return (U * y ** np.arange(terms + 1)[:, None, None]).sum(0)

    for y in (0.0, 0.5, 1.0):
        slope = (at(y + h) - at(y - h)) / (2 * h)
        assert np.allclose(slope, lengths[:, None] * (own.gradient(at(y), cell) - 0.3 * at(y)), atol=1e-7)
        assert np.allclose((Z * y ** np.arange(terms + 1)[:, None, None]).sum(0), own.kinks(at(y)), atol=1e-9)
