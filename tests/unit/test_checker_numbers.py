"""Directed arithmetic of the checker against exact rationals and 60-digit decimals: every bound is on its side, and near."""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.checker import numbers as nb

FIXED = st.integers(-(1 << 123), 1 << 123)


def interval(draw_pair):
    return min(draw_pair), max(draw_pair)


INTERVALS = st.tuples(FIXED, FIXED).map(interval)


def point(box, share):
    return Fraction(box[0]) + share * (box[1] - box[0])


@given(INTERVALS, INTERVALS, st.fractions(0, 1), st.fractions(0, 1))
def test_products_of_points_lie_in_the_product(a, b, s, t):
    low, high = nb.times(a, b)
    exact = point(a, s) * point(b, t) / nb.ONE
    assert low <= exact <= high
    double = nb.dot([(a, b), (b, a)])
    assert double[0] <= 2 * exact <= double[1]


@given(INTERVALS, st.integers(0, 6), st.fractions(0, 1))
def test_powers_of_points_lie_in_the_power(a, exponent, s):
    low, high = nb.power(a, exponent)
    assert low <= point(a, s) ** exponent / Fraction(nb.ONE) ** (exponent - 1) <= high


def test_an_even_power_of_an_interval_around_zero_is_not_negative():
    assert nb.power((-nb.ONE, nb.ONE), 2) == (0, nb.ONE)


@given(st.fractions(-30, 30))
def test_exponentials_bracket_the_decimal_value(x):
    low, high = nb.exp_bounds(x)
    with localcontext() as context:
        context.prec = 80
        value = Fraction((Decimal(x.numerator) / Decimal(x.denominator)).exp())
    assert low <= value * (1 + Fraction(1, 10**70)) and value * (1 - Fraction(1, 10**70)) <= high
    assert high - low <= high / 2**100
    fixed = nb.exp_up_fixed(nb.down(x))
    assert Fraction(fixed, nb.ONE) >= value * (1 - Fraction(1, 2**100)) - Fraction(2, nb.ONE) * value


@given(st.fractions(Fraction(1, 10**40), 10**40))
def test_logarithms_bracket_the_decimal_value(x):
    low, high = nb.log_bounds(x)
    with localcontext() as context:
        context.prec = 80
        value = Fraction((Decimal(x.numerator) / Decimal(x.denominator)).ln())
    slack = Fraction(1, 10**60)
    assert low <= value + slack and value - slack <= high and high - low < Fraction(1, 10**20)


@given(st.fractions(Fraction(1, 10**9), 10**9), st.fractions(-3, 3))
def test_powers_are_not_below_the_decimal_value(x, exponent):
    bound = nb.power_up(x, exponent)
    with localcontext() as context:
        context.prec = 80
        ln = (Decimal(x.numerator) / Decimal(x.denominator)).ln()
        value = Fraction((ln * Decimal(exponent.numerator) / Decimal(exponent.denominator)).exp())
    assert value * (1 - Fraction(1, 10**60)) <= bound <= value * (1 + Fraction(1, 10**15))


@given(st.fractions(0, 10**6), st.integers(1, 7))
def test_roots_bracket(x, k):
    low, high = nb.root_down(x, k), nb.root_up(x, k)
    assert low**k <= x <= high**k
    assert high - low <= high / 2**150


@given(st.fractions(-(10**9), 10**9))
def test_rounding_is_outwards_and_short(x):
    low, high = nb.rounded(x, False), nb.rounded(x, True)
    assert low <= x <= high and high - low <= abs(x) / 2**180
    assert nb.down(x) <= x * nb.ONE <= nb.up(x)


@given(FIXED, st.integers(1, 1 << 123))
def test_scalar_bounds(a, b):
    assert nb.mul_up(a, b) * nb.ONE >= a * b > (nb.mul_up(a, b) - 1) * nb.ONE
    assert nb.div_up(a, b) * b >= a * nb.ONE
    assert nb.sqrt_up(b) ** 2 >= b * nb.ONE >= nb.sqrt_down(b) ** 2
    assert nb.norm_up([a, b]) ** 2 >= a * a + b * b


def test_the_exponential_of_a_very_negative_number_is_almost_nothing():
    low, high = nb.exp_bounds(Fraction(-(10**9)))
    assert low == 0 < high < Fraction(1, 2**1000)
    assert nb.exp_up_fixed(-(nb.ONE << 30)) == 1


def test_huge_exponents_are_errors_not_hangs():
    with pytest.raises(OverflowError):
        nb.exp_bounds(Fraction(10**9))
