"""Directed floats against exact rationals and balls; no tolerance on the side that matters."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import (
    exp_upper,
    float_down,
    float_up,
    power_down,
    sum_down,
    sum_up,
    total_up,
    up,
)

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


LARGEST = float(np.finfo(float).max)
ONE_OF_MANY = np.concatenate([[1.0], np.zeros(2**20 - 1)])


@pytest.mark.parametrize(
    ("bound", "of", "value"),
    [
        (up, [1.0], 1 + 2.0**-45),
        (up, [0.0], 2.0**-1000),
        (sum_up, [1.0], 1 + 2.0**-48),
        (sum_up, [-1.0], -1 + 2.0**-48),
        (sum_up, [1.0, -1.0], 2.0**-47),
        (sum_up, [], 2.0**-1000),
        (sum_down, [1.0], 1 - 2.0**-48),
        (sum_down, [2.0, -1.0], 1 - 3 * 2.0**-48),
        (total_up, [ONE_OF_MANY], 1 + 2.0**-32 + 2.0**-45),
        (total_up, [np.zeros(4)], 2.0**-1000),
        (power_down, [1.0, 0], 1 - 2 * 2.0**-52),
        (power_down, [2.0, 3], 8 * (1 - 5 * 2.0**-52)),
        (power_down, [2.0**600, 2], LARGEST * (1 - 4 * 2.0**-52)),
        (power_down, [2.0**-499, 2], 3 * 2.0**-1000 - 2.0**-1048),
        (power_down, [2.0**-600, 2], 0.0),
        (exp_upper, [0.0], 1 + 2.0**-44 + 2.0**-49),
        (up, [np.float64(LARGEST)], np.inf),
        (total_up, [np.array([LARGEST, LARGEST])], np.inf),
        (sum_up, [LARGEST, LARGEST], np.inf),
        (sum_up, [-np.inf], np.inf),
        (sum_down, [np.inf], -np.inf),
    ],
)
def test_what_a_bound_adds_to_an_exact_result_is_what_its_proof_allows_for(bound, of, value):
    assert bound(*of) == value


@pytest.mark.parametrize("k", [-1000, -37, 1, 2, 500, 1000])
def test_exponentials_allow_for_a_rounding_of_the_argument_that_grows_with_it(k):
    x = k * 0.6931471805599453
    exact = Ball(Fraction(x), 200).exp().mid()
    allowed = 2.0**-44 + (abs(k) + 4) * 2.0**-51
    # Of this, the reduction of the argument may use (|k| + 2) 2^-52, and the sum a few units.
    used = (abs(k) + 2) * 2.0**-52 + 2.0**-49
    assert Fraction(allowed - used) <= Fraction(exp_upper(x).item()) / exact - 1 <= Fraction(allowed + used)


def test_numbers_of_other_types_are_bounded_as_doubles():
    """In whole numbers of 64 bits the power would overflow in silence, in single precision the exponential
    would be rounded.
    """
    assert power_down(10, 25) == power_down(10.0, 25)
    assert exp_upper(np.float32(0.1)) == exp_upper(float(np.float32(0.1)))


def test_bounds_do_not_depend_on_what_the_caller_lets_numpy_raise():
    with np.errstate(all="raise"):
        assert (
            up(np.float64(LARGEST))
            == total_up(np.array([LARGEST, 1.0]))
            == sum_up(LARGEST, LARGEST)
            == np.inf
        )
        assert power_down(1e300, 3) > 1e308 and power_down(1e-300, 3) == 0.0
