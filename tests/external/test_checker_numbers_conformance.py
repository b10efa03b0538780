"""The checker's integers (`kernel/numbers.py`) at the corner points: exact rationals decide which side every
bound is on.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction as F

import pytest
from external.conformance import corner, power
from external.exact_functions import exp, log, sqrt

from certflow.checker.kernel import numbers as nb

ONE = nb.ONE

UNIT = F(1, ONE)

POINTS = [
    0,
    1,
    -1,
    2,
    -3,
    ONE - 1,
    ONE,
    ONE + 1,
    -ONE - 1,
    -ONE,
    7 * ONE // 3,
    -(2**200),
    2**200 + 1,
    math.isqrt(ONE),
    1 << 61,
]
"""Fixed-point numbers: nothing, one unit, one and its neighbours, and sizes that products round."""

INTERVALS = [
    (0, 0),
    (0, 1),
    (-1, 0),
    (-1, 1),
    (1, 1),
    (ONE, ONE),
    (ONE, ONE + 1),
    (-ONE - 1, -ONE),
    (-ONE, 2 * ONE),
    (-2 * ONE, ONE),
    (1, 2**200),
    (-(2**200), -1),
    (3, ONE // 7),
    (-(ONE // 7), -3),
]

SMALLEST_RATIONAL, LARGEST_RATIONAL = F(1, 10**400), F(10) ** 400

RATIONALS = [
    F(0),
    F(1),
    F(1, 3),
    UNIT,
    UNIT / 2,
    UNIT * F(3, 2),
    1 + UNIT,
    1 - UNIT,
    1 + UNIT / 3,
    F(10**50, 7),
    SMALLEST_RATIONAL,
    LARGEST_RATIONAL,
]


def real(value: int) -> F:
    return F(value, ONE)


def nearest_below(value: F) -> int:
    return math.floor(value * ONE)


def nearest_above(value: F) -> int:
    return math.ceil(value * ONE)


@pytest.mark.parametrize(
    "x",
    [sign * x for x in RATIONALS for sign in (1, -1)],
    ids=lambda x: f"{float(x):.3g}" if abs(x) < 10**300 else "huge",
)
def test_rationals_are_enclosed_by_neighbours(x):
    assert nb.down(x) == nearest_below(x) and nb.up(x) == nearest_above(x)
    assert nb.enclosed(x) == (nearest_below(x), nearest_above(x))
    assert nb.fraction(nb.down(x)) <= x <= nb.fraction(nb.up(x)) <= nb.fraction(nb.down(x)) + UNIT


@pytest.mark.parametrize("a", INTERVALS)
def test_an_interval_lies_around_its_middle_and_no_reach_is_shorter(a):
    middle, reach = nb.around(a)
    assert middle - reach <= a[0] and middle + reach == a[1]
    assert reach == math.ceil(F(a[1] - a[0], 2))


@pytest.mark.parametrize("a", POINTS)
def test_scalar_bounds_are_the_nearest_ones(a):
    for b in POINTS:
        assert nb.mul_up(a, b) == nearest_above(real(a) * real(b))
        if b > 0:
            assert nb.div_up(a, b) == nearest_above(real(a) / real(b))
    if a >= 0:
        assert F(nb.sqrt_down(a)) ** 2 <= a * ONE < F(nb.sqrt_down(a) + 1) ** 2
        assert F(nb.sqrt_up(a)) ** 2 >= a * ONE and (a == 0 or F(nb.sqrt_up(a) - 1) ** 2 < a * ONE)
        assert nb.sqrt_up(a) == nb.sqrt_down(a) or sqrt(real(a))[0] * ONE > nb.sqrt_down(a)
    else:
        assert nb.sqrt_up(a) == 0
    assert nb.fraction(a) == F(a, 2**nb.BITS)


@pytest.mark.parametrize(
    "values",
    [[], [0], [0, 0], [1], [-1], [3, -4], [1, 1], [ONE, 1], [-ONE, ONE, ONE, ONE], [2**200, 1], [5] * 7],
    ids=str,
)
def test_norms(values):
    square, norm = sum(v * v for v in values), nb.norm_up(values)
    assert norm * norm >= square and (norm == 0 or (norm - 1) ** 2 < square)
    assert nb.norm_up(iter(values)) == norm


@pytest.mark.parametrize("a", INTERVALS, ids=str)
def test_products_are_the_nearest_interval(a):
    for b in INTERVALS:
        (low, _), (high, _) = corner(lambda x, y: real(x) * real(y), a, b)
        assert nb.times(a, b) == (nearest_below(low), nearest_above(high))


@pytest.mark.parametrize("a", INTERVALS, ids=str)
def test_quotients_are_the_nearest_interval(a):
    for b in [b for b in INTERVALS if b[0] > 0]:
        (low, _), (high, _) = corner(lambda x, y: real(x) / real(y), a, b)
        assert nb.quotient(a, b) == (nearest_below(low), nearest_above(high))


@pytest.mark.parametrize("pair", list(itertools.combinations(INTERVALS, 2)), ids=str)
def test_sums_of_products_round_once(pair):
    pairs = [(pair[0], pair[1]), (pair[1], pair[1]), (pair[0], (-1, 1))]
    images = [corner(lambda x, y: real(x) * real(y), a, b) for a, b in pairs]
    low, high = (sum(image[end][0] for image in images) for end in (0, 1))
    left, right = zip(*pairs, strict=True)
    assert nb.dot(left, right) == nb.dot(iter(left), iter(right)) == (nearest_below(low), nearest_above(high))


def test_a_sum_of_products_that_cancels():
    big = (2**200, 2**200)
    assert nb.dot([big, (1, 1), (-(2**200), -(2**200))], [big, (1, 1), big]) == (0, 1)
    assert nb.dot([], []) == (0, 0)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("a", INTERVALS, ids=str)
def test_powers_are_the_nearest_interval(a, exponent):
    (low, _), (high, _) = power((real(a[0]), real(a[1])), exponent)
    assert nb.power(a, exponent) == (nearest_below(low), nearest_above(high))


@pytest.mark.parametrize("a", INTERVALS, ids=str)
def test_largest_and_smallest_sizes(a):
    assert nb.largest(a) == max(abs(a[0]), abs(a[1]))
    assert nb.smallest(a) == (0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1])))


@pytest.mark.parametrize(
    "x",
    [
        sign * x
        for x in [*RATIONALS, F(2) ** 192 - 1, F(2) ** 192 + 1, F(2**300 + 1, 3), F(2**191, 2**192 - 1)]
        for sign in (1, -1)
    ],
    ids=lambda x: str(hash(x)),
)
def test_rounding_keeps_the_side_and_192_bits(x):
    low, high = nb.rounded(x, False), nb.rounded(x, True)
    assert low <= x <= high and high - low <= abs(x) / 2**190
    for end in (low, high):
        assert abs(end.numerator).bit_length() <= 194 or end.denominator == 1
        assert nb.rounded(end, True) == end == nb.rounded(end, False) or x == 0


def test_what_is_short_is_not_rounded():
    for x in (F(0), F(3, 8), F(-5), F(2) ** 1000, F(1, 2**1000)):
        assert nb.rounded(x, True) == x == nb.rounded(x, False)


def test_the_series_of_the_exponential():
    for scale in (20, 120, 150, 400):
        for y in (0, 1, 2, (1 << scale) // 17, (1 << (scale - 4)) - 1, (1 << scale) // 1000):
            low, high = nb.exp_series(y, scale)
            below, above = exp(F(y, 1 << scale))
            assert F(low, 1 << scale) <= below and above <= F(high, 1 << scale)
            assert high - low <= 2 * scale + 8, (scale, y)


EXPONENTS = [
    F(0),
    UNIT,
    UNIT / 3,
    F(1, 16),
    F(1, 16) - UNIT,
    F(1, 3),
    F(1),
    F(7, 2),
    F(40),
    F(700),
    F(19_999),
    F(20_000),
]


@pytest.mark.parametrize("x", EXPONENTS, ids=lambda x: f"{float(x):.6g}")
def test_exponentials(x):
    for y in (x, -x):
        below, above = exp(y)
        low, high = nb.exp_bounds(y)
        assert low <= below and above <= high
        assert high - low <= above / 2**98
    fixed = nb.down(x)
    below, above = exp(real(fixed))
    low, high = nb.exp_fixed(fixed)
    assert real(low) <= below and above <= real(high) and high - low <= 3 + above * ONE / 2**110
    for signed in (fixed, -fixed):
        below, above = exp(real(signed))
        up = real(nb.exp_up_fixed(signed))
        assert above <= up <= above * (1 + F(1, 2**110)) + 3 * UNIT


def test_exponentials_beyond_the_range():
    over = F(20_000) + UNIT
    for call in (
        lambda: nb.exp_bounds(over),
        lambda: nb.exp_fixed(nb.up(over)),
        lambda: nb.exp_up_fixed(nb.up(over)),
    ):
        with pytest.raises(OverflowError):
            call()
    low, high = nb.exp_bounds(-over)
    assert low <= exp(-over)[0] and exp(-over)[1] <= high < F(1, 2**28000)
    assert nb.exp_bounds(F(-(10**9))) == (0, high)
    assert nb.exp_up_fixed(-nb.up(over)) == 1 == nb.exp_up_fixed(-(10**9) * ONE)


ARGUMENTS = [
    F(1),
    1 + UNIT,
    1 - UNIT,
    1 + F(1, 2**600),
    F(1, 3),
    F(3),
    F(2) ** 60 + 1,
    F(10) ** 400,
    F(1, 10**400),
    F(10) ** 8000,
    F(5, 7 * 10**8000),
]


@pytest.mark.parametrize("x", ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_logarithms(x):
    below, above = log(x)
    low, high = nb.log_bounds(x)
    assert low <= below and above <= high
    assert high - low <= F(1, 2**70)


def test_logarithms_of_numbers_whose_float_is_exact():
    """The proposed float is the logarithm to 280 digits, or zero: what is left is hardly more than the
    bounds' own rounding.
    """
    for x in (F(round(exp(F(200))[0])), 1 + F(1, 3**200), 1 - F(1, 3**200)):
        (below, above), (low, high) = log(x), nb.log_bounds(x)
        assert low <= below and above <= high


@pytest.mark.parametrize("x", [F(2) ** 30_000, F(1, 2**30_000)], ids=["huge", "tiny"])
def test_logarithms_beyond_the_range(x):
    with pytest.raises(OverflowError):
        nb.log_bounds(x)


@pytest.mark.parametrize("exponent", [F(0), F(1), F(-1), F(1, 2), F(-7, 3), F(40)], ids=str)
def test_powers_with_rational_exponents(exponent):
    for x in ARGUMENTS[:8]:
        low = exponent * log(x)[0 if exponent >= 0 else 1]
        high = exponent * log(x)[1 if exponent >= 0 else 0]
        if high > 19_000:
            continue
        bound = nb.power_up(x, exponent)
        assert exp(high)[1] <= bound
        assert low < -20_000 or bound <= exp(low)[1] * (1 + F(1, 2**40))


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(
    "x",
    [*RATIONALS, F(9, 4), F(2**120, 3**40), F(2) ** 960, F(3**24), F(3**24) + UNIT, F(3**24) - UNIT],
    ids=lambda x: str(hash(x)),
)
def test_roots(x, k):
    low, high = nb.root_down(x, k), nb.root_up(x, k)
    assert low**k <= x <= high**k
    assert high - low <= high / 2**185


@pytest.mark.parametrize(
    ("x", "k", "root"),
    [(0, 3, 0), (1, 7, 1), (F(9, 4), 2, F(3, 2)), (F(2) ** 960, 8, F(2) ** 120), (3**24, 8, 27)],
)
def test_exact_roots_are_exact(x, k, root):
    assert nb.root_down(F(x), k) == root == nb.root_up(F(x), k)
