"""Proved maxima over the sphere against exact rationals: no direction may exceed an upper bound, squares
compared exactly.
"""

from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball
from certflow.kkt.bounds import sphere_maximum as module
from certflow.kkt.bounds.sphere_maximum import SphereMaximum, Terms, largest_eigenvalue_bound, sphere_maximum
from tests import strategies as own


@st.composite
def terms(draw, dimensions=(1, 2, 3, 4), powers=(1, 2, 3, 4)):
    d, n = draw(st.sampled_from(dimensions)), draw(st.integers(1, 5))
    X, a = draw(own.arrays((n, d))), list(draw(own.arrays((n,))))
    kind = draw(st.sampled_from(["ramp", "both", "linear"]))
    b = {"ramp": [Fraction(0)] * n, "linear": [-value for value in a]}.get(kind) or list(
        draw(own.arrays((n,)))
    )
    return Terms(X, a, b, draw(st.sampled_from(powers)))


def value(function, u):
    """F(u) with fractions."""
    dots = function.X @ np.array(u, dtype=object)
    sides = zip(dots, function.a, function.b, strict=True)
    return sum(
        (a * max(t, Fraction(0)) ** function.q + b * max(-t, Fraction(0)) ** function.q for t, a, b in sides),
        Fraction(0),
    )


def directions(function, seed=0, count=6):
    """Rational directions: random ones, and ones that climbed to a local maximum of F in doubles."""
    rng = np.random.default_rng(seed)
    X = function.X.astype(float)
    a, b = (np.array(c, dtype=float) for c in (function.a, function.b))
    found = []
    for _ in range(count):
        u = rng.standard_normal(X.shape[1])
        found.append(u)
        for step in np.geomspace(1, 1e-3, 30):
            t = X @ u
            slopes = function.q * (
                a * np.maximum(t, 0) ** (function.q - 1) * (t > 0)
                - b * np.maximum(-t, 0) ** (function.q - 1) * (t < 0)
            )
            gradient = X.T @ slopes
            u = u + step * gradient / (1e-300 + np.linalg.norm(gradient))
            u = u / np.linalg.norm(u)
        found.append(u)
    return [[Fraction(float(c)) for c in u] for u in found]


def assert_bounds(bound, function, us):
    assert 0 <= bound.lower <= bound.upper
    for u in us:
        square, found = sum(c * c for c in u), value(function, u)
        assert found <= 0 or found**2 <= bound.upper**2 * square**function.q, bound.method


@given(terms())
@example(Terms(np.array([[Fraction(-1)]], dtype=object), [Fraction(1)], [Fraction(0)], 2))
def test_no_direction_exceeds_any_of_the_bounds(function):
    us = directions(function)
    with patch.object(module, "_WORK", 20_000):
        assert_bounds(sphere_maximum(function), function, us)
    assert_bounds(module._lengths(function), function, us)
    assert_bounds(module._spectrum(function), function, us)
    for budget in (0, 1, 7, 60):
        assert_bounds(module._Cones(function, budget, module.TOLERANCE).run(), function, us)


def sides(function):
    return zip(function.X[:, 0], function.a, function.b, strict=True)


@given(terms(dimensions=(1, 2)))
@example(
    Terms(np.array([[Fraction(1, 3)]] * 2, dtype=object), [Fraction(1), Fraction(-1)], [Fraction(0)] * 2, 1)
)
def test_the_plane_is_sharp_to_a_millionth(function):
    bound = sphere_maximum(function)
    best = max(
        (value(function, u) / float(sum(c * c for c in u)) ** (function.q / 2) for u in directions(function)),
        default=0,
    )
    assert (
        bound.upper <= bound.lower * (1 + module.TOLERANCE)
        or best <= 1e-9
        or bound.upper - bound.lower <= 1e-5 * bound.upper
    )
    if function.X.shape[1] == 1:
        exact = max(Fraction(0), value(function, [1]), value(function, [-1]))
        # Terms that cancel leave what was lost in each of them.
        size = sum(max(abs(a), abs(b)) * abs(x) ** function.q for x, a, b in sides(function))
        assert bound.lower <= exact <= bound.upper <= bound.lower + size / 10**20


@pytest.mark.parametrize("q", [1, 2, 3, 4, 7])
def test_one_input_is_met_by_its_own_direction(q):
    # max (x . u)_+^q = |x|^q, here 5^q.
    bound = sphere_maximum(
        Terms(np.array([[Fraction(3), Fraction(4)]], dtype=object), [Fraction(1)], [Fraction(0)], q)
    )
    assert bound.lower <= 5**q <= bound.upper <= 5**q * (1 + Fraction(2, 10**6))


def test_in_space_a_quadratic_form_gives_its_largest_eigenvalue():
    # a = b: F(u) = u . diag(1, 4, 9) u.
    X = np.array(
        [[Fraction(k * int(i == j)) for j in range(3)] for i, k in enumerate((1, 2, 3))], dtype=object
    )
    bound = sphere_maximum(Terms(X, [Fraction(1)] * 3, [Fraction(1)] * 3, 2))
    assert bound.lower <= 9 <= bound.upper <= 9 * (1 + Fraction(2, 10**6))


def test_a_maximum_on_a_concave_kink_is_found():
    # F = (u1)_+ + (u2)_+ - 2 (u1 - u2)_+ - 2 (u2 - u1)_+: the maximum sqrt(2) is on the kinks of the negative
    # terms.
    X = np.array([[1, 0], [0, 1], [1, -1], [-1, 1]], dtype=object) * Fraction(1)
    bound = sphere_maximum(Terms(X, [Fraction(c) for c in (1, 1, -2, -2)], [Fraction(0)] * 4, 1))
    assert bound.lower**2 <= 2 <= bound.upper**2 <= 2 * (1 + Fraction(3, 10**6))


@pytest.mark.parametrize("q", [1, 2, 3, 4])
@pytest.mark.parametrize("space", [2, 3])
def test_negative_terms_that_act_at_the_maximum_are_not_overrated(q, space):
    # By symmetry the maximum is at (1, 1), where F = (2 * 7^q - 2 * 2^q) / 2^(q/2).
    rows = [[3, 4], [4, 3], [1, 1]] if space == 2 else [[3, 4, 0], [4, 3, 0], [1, 1, 0]]
    function = Terms(
        np.array(rows, dtype=object) * Fraction(1), [Fraction(c) for c in (1, 1, -2)], [Fraction(0)] * 3, q
    )
    square = Fraction(2 * 7**q - 2 * 2**q) ** 2 / 2**q
    for budget in (0, 1, 2, 3, 5, 10, 20):
        bound = module._Cones(function, budget, module.TOLERANCE).run()
        assert bound.lower**2 <= square <= bound.upper**2
    assert sphere_maximum(function).upper ** 2 <= square * (1 + Fraction(3, 10**6))


def test_nothing_positive_is_zero_exactly():
    X = np.array([[Fraction(1), Fraction(2)]], dtype=object)
    assert sphere_maximum(Terms(X, [Fraction(-1)], [Fraction(0)], 2)) == SphereMaximum(
        Fraction(0), Fraction(0), "no term is positive"
    )
    assert sphere_maximum(Terms(X * 0, [Fraction(1)], [Fraction(0)], 2)).upper == 0


def test_more_work_is_never_worse():
    rng = np.random.default_rng(3)
    X = np.array(
        [[Fraction(int(v), 100) for v in row] for row in rng.integers(-100, 100, (8, 3))], dtype=object
    )
    function = Terms(X, [Fraction(int(v), 10) for v in rng.integers(-10, 10, 8)], [Fraction(0)] * 8, 2)
    uppers = [module._Cones(function, budget, module.TOLERANCE).run().upper for budget in (0, 10, 100, 1000)]
    assert uppers == sorted(uppers, reverse=True) and uppers[0] > uppers[-1]


def test_many_inputs_and_dimensions_still_have_a_bound():
    rng = np.random.default_rng(4)
    for n, d in ((40, 30), (30, 200)):
        X = np.array(
            [[Fraction(int(v), 10) for v in row] for row in rng.integers(-10, 10, (n, d))], dtype=object
        )
        function = Terms(X, [Fraction(int(v)) for v in rng.integers(-3, 4, n)], [Fraction(0)] * n, 2)
        assert_bounds(sphere_maximum(function), function, directions(function, count=1))


@given(own.arrays((3, 3)), own.arrays((4, 3)))
def test_rayleigh_quotients_stay_below_the_eigenvalue_bound(half, vectors):
    matrix = half + half.T
    bound = largest_eigenvalue_bound([[Ball(v, 64) for v in row] for row in matrix])
    for v in vectors:
        assert v @ matrix @ v <= bound * (v @ v)


def test_the_eigenvalue_bound_is_sharp():
    diagonal = [[Ball(v if i == j else 0, 64) for j in range(3)] for i, v in enumerate((3, -2, 1))]
    assert 3 <= largest_eigenvalue_bound(diagonal) <= Fraction(301, 100)
