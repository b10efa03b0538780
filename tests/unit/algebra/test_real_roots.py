"""Positive roots of any polynomial: each once, enclosed to a relative width (monic ones with real roots:
test_eigenvectors).
"""

from fractions import Fraction as F
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.algebra.directions import reduced
from certflow.algebra.real_roots import positive_roots


@given(
    st.lists(st.integers(1, 12).map(lambda v: F(v, 3)), max_size=4),
    st.lists(st.integers(0, 6).map(lambda v: F(-v, 2)), max_size=2),
    st.booleans(),
)
@example([F(1), F(1), F(5, 2)], [], False)  # bisection meets the double root
def test_roots_are_isolated(positive, others, pair):
    coefficients = [F(1), F(-1), F(1)] if pair else [F(-3)]
    for r in [*positive, *others]:
        coefficients = [a - r * b for a, b in zip([F(0), *coefficients], [*coefficients, F(0)], strict=True)]
    found = list(positive_roots(reduced(coefficients[::-1])[0], 80))
    assert len(found) == len(set(positive))
    assert all(any(ball.contains(r) for ball in found) for r in positive)
    assert all(ball.radius() < F(1, 2**70) for ball in found)
    assert all(left.greater(right) for left, right in pairwise(found))


@pytest.mark.parametrize("bits", [1, 20, 200])
def test_roots_that_are_dyadic_or_tiny_are_enclosed_to_the_same_relative_width(bits):
    # (3x - 1)(x - 1)(x - 8)(2^40 x - 1)(x + 5), and a root at 0
    coefficients = [1]
    for a, b in [(3, -1), (1, -1), (1, -8), (2**40, -1), (1, 5), (1, 0)]:
        coefficients = [a * c + b * d for c, d in zip([*coefficients, 0], [0, *coefficients], strict=True)]
    found = list(positive_roots(tuple(coefficients), bits))
    for ball, root in zip(found, [F(8), F(1), F(1, 3), F(1, 2**40)], strict=True):
        assert ball.contains(root) and ball.radius() * 2**bits < root
    assert list(positive_roots((7, 0, 0), bits)) == list(positive_roots((-2,), bits)) == []
