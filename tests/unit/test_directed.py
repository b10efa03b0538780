"""Directed floats against exact rationals and balls; no tolerance on the side that matters."""

from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import exp_upper, float_down, float_up, power_down, sum_down, sum_up, total_up, up

FLOATS = st.floats(-1e6, 1e6)


@given(st.floats(-699, 699))
@example(0.0)
@example(0.34657359027997264)
@example(-0.34657359027997264)
@example(699.0)
@example(-699.0)
def test_exp_upper_is_above_and_close(x):
    exact = Ball(Fraction(x), 200).exp()
    bound = Fraction(float(exp_upper(x)))
    assert bound >= exact.upper()
    assert bound <= exact.lower() * (1 + Fraction(1, 2**36))


def test_exp_upper_outside_its_range():
    assert exp_upper(701.0) == np.inf
    assert exp_upper(-701.0) > 0
    assert exp_upper(np.nan) == np.inf


@given(st.lists(FLOATS, min_size=1, max_size=16))
def test_sums_of_any_sign(values):
    exact = sum(map(Fraction, values))
    assert Fraction(float(sum_down(*values))) <= exact <= Fraction(float(sum_up(*values)))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_totals(values):
    assert Fraction(float(total_up(np.array(values)))) >= sum(map(Fraction, values))


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_up_covers_a_few_operations(a, b, c):
    assert Fraction(float(up(a * b + c * a))) >= Fraction(a) * Fraction(b) + Fraction(c) * Fraction(a)


@given(st.floats(0, 30), st.integers(0, 40))
def test_power_down(base, exponent):
    assert Fraction(float(power_down(base, exponent))) <= Fraction(base) ** exponent


@given(st.fractions())
@example(Fraction(1, 3))
@example(Fraction(10) ** 400)
@example(-(Fraction(10) ** 400))
def test_floats_around_a_rational(value):
    low, high = float_down(value), float_up(value)
    assert low == -np.inf or Fraction(low) <= value
    assert high == np.inf or Fraction(high) >= value
