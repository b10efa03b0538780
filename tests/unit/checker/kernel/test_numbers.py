"""Directed arithmetic of the checker against exact rationals and 60-digit decimals: every bound is on its
side, and near.
"""

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.checker.kernel import numbers as nb

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
    double = nb.dot([a, b], [b, a])
    assert double[0] <= 2 * exact <= double[1]


@given(INTERVALS, st.integers(0, 6), st.fractions(0, 1))
def test_powers_of_points_lie_in_the_power(a, exponent, s):
    low, high = nb.power(a, exponent)
    assert low <= point(a, s) ** exponent / Fraction(nb.ONE) ** (exponent - 1) <= high


@pytest.mark.parametrize(("sign", "ends"), [(1, (-2, 5)), (-1, (-5, 2))])
def test_a_sign_turns_an_interval_exactly(sign, ends):
    assert nb.signed(sign, (-2, 5)) == ends


@pytest.mark.parametrize(
    ("ends", "ball"), [((1, 4), (2, 2)), ((-4, -1), (-3, 2)), ((7, 7), (7, 0)), ((-3, 3), (0, 3))]
)
def test_a_middle_is_rounded_down_and_its_reach_covers_both_ends(ends, ball):
    assert nb.around(ends) == ball


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


def test_bounds_of_an_irrational_root_are_neighbours():
    # 2 scaled by an even power of two is a whole number, so that only the root itself is rounded.
    assert nb.root_up(Fraction(2), 2) - nb.root_down(Fraction(2), 2) == Fraction(1, 2**192)


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


@pytest.mark.parametrize(
    ("y", "scale", "low", "high"),
    [
        (0, 8, 256, 256),
        # 15, and 225 / 512 between 0 and 1, which is the last term; the rest is twice that.
        (15, 8, 256 + 15, 256 + 15 + 1 + 2),
        # 63, and 3969 / 2048 between 1 and 2, which is small enough to be the last one.
        (63, 10, 1024 + 63 + 1, 1024 + 63 + 2 + 4),
        # 110, 12100 / 4096 between 2 and 3, and one term more, between 0 and 1.
        (110, 11, 2048 + 110 + 2, 2048 + 110 + 3 + 1 + 2),
    ],
)
def test_the_series_of_the_exponential_term_by_term(y, scale, low, high):
    assert nb.exp_series(y, scale) == (low, high)


def test_the_series_is_summed_until_its_terms_are_small_at_any_scale():
    low, high = nb.exp_series((1 << 4000) // 17, 4000)
    # Some 420 terms, each less than three units between its bounds.
    assert 0 < high - low < 1300


def test_the_exponential_of_nothing_is_one():
    assert nb.exp_fixed(0) == (nb.ONE, nb.ONE) and nb.exp_up_fixed(0) == nb.ONE


@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(1), Fraction(700)])
def test_reciprocals_of_exponentials_are_on_their_side(x):
    (low, high), (least, most) = nb.exp_bounds(-x), nb.exp_bounds(x)
    assert low * most <= 1 <= high * least
    assert low * most > 1 - Fraction(1, 2**185) and high * least < 1 + Fraction(1, 2**185)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: nb.exp_fixed((20_000 << nb.BITS) + 1), "an exponent is too large"),
        (lambda: nb.log_bounds(Fraction(2) ** 30_000), "a logarithm could not be bounded"),
    ],
    ids=["exp", "log"],
)
def test_sentences_of_what_is_beyond_the_range(call, sentence):
    with pytest.raises(OverflowError) as error:
        call()
    assert str(error.value) == sentence


def test_the_sides_of_powers_with_rational_exponents():
    # For an exponent below zero the smaller logarithm counts.
    for x in (Fraction(3), Fraction(1, 3)):
        low, high = nb.log_bounds(x)
        assert nb.power_up(x, Fraction(-7)) == nb.exp_bounds(-7 * low)[1]
        assert nb.power_up(x, Fraction(7)) == nb.exp_bounds(7 * high)[1]
        assert nb.power_up(x, Fraction(0)) == 1


@pytest.mark.parametrize(
    ("m", "k", "root"), [(1, 3, 1), (7, 3, 1), (8, 3, 2), (26, 3, 2), (99, 1, 99), (8, 2, 2), (9, 2, 3)]
)
def test_roots_of_integers_are_rounded_down(m, k, root):
    assert nb._integer_root(m, k) == root
