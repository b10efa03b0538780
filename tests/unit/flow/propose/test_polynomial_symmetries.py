"""Skew matrices along which N of an expression stays the same."""

from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.symmetries import monomials, turning
from certflow.flow.propose.polynomial_symmetries import skew_symmetries
from certflow.networks.expression import Expression
from certflow.problem import Problem


def problem(text, weights="a b c d", X=((2,), (3,)), y=(1, F(-1, 2))):
    names = weights.split()
    network = Expression(names, ["x"], text)
    return Problem(network, X, y, direction=[1] * len(names), reduction="sum")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x*(a*c + b*d)*a", 0),
        ("x*(a*c + b*d)*(a**2 + b**2 + c**2 + d**2)", 2),
        ("x*(a**2 + b**2 + c**2 + d**2)**2", 6),
        ("x*(a**2 + b**2)*(c**2 + d**2)", 2),
        ("x*(a**2 + 2*b**2)*(c**2 + d**2)", 1),
        ("a*b*c*d*x", 0),
        ("max(a, 0)**4 + x*(c**2 + d**2)*a*b", 0),
    ],
)
def test_all_skew_matrices_along_which_n_stays_the_same_are_found(text, count):
    given = problem(text)
    found = skew_symmetries(given)
    assert len(found) == count
    rough = np.array([xi.astype(float).ravel() for xi in found]).reshape(count, 16)
    assert np.linalg.matrix_rank(rough) == count
    N = given.correlation
    for xi in found:
        assert (xi == -xi.T).all()
        for w in ([1, 2, -3, F(1, 2)], [F(2, 3), -1, 0, 5]):
            gradient = [F(v) for v in N.gradient(EXACT, np.array([F(v) for v in w], dtype=object))]
            assert sum(g * (xi @ np.array(w, dtype=object))[k] for k, g in enumerate(gradient)) == 0


def test_what_is_not_a_symmetry_is_left_out():
    given = problem("x*(a**2 + b**2)*(c**2 + 2*d**2)")
    (parts,) = (parts_of(given, group) for group in ((tuple(range(4)),),))
    good, bad = np.zeros((2, 4, 4), dtype=object)
    good[0, 1], good[1, 0] = F(1), F(-1)
    bad[2, 3], bad[3, 2] = F(1), F(-1)
    found = turning(parts, [good, bad, np.zeros((4, 4), dtype=object), np.abs(good)])
    assert len(found.matrices) == 1 and (found.matrices[0] == good).all()
    assert turning(parts, [bad]) is None


def test_monomials_are_those_of_n():
    assert monomials(problem("x*a*b**2 - c*a*b", "a b c")) == {(0, 1, 1): F(1, 2), (0, 1, 2): F(-1, 2)}
    assert monomials(problem("max(a, 0)**3 + b**3", "a b")) is None
