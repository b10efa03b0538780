"""Directed doubles (`directed.py`) at the corner points: every bound on its side of the exact rational, and
near it.
"""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from external.conformance import LEAST_NORMAL, SMALLEST, ULP
from external.exact_functions import exp

from certflow.arithmetic import directed

LARGEST = F(float(np.finfo(float).max))

TINY = F(1, 2**1000)
"""What a bound may be off by, besides its relative error, so that underflow is covered."""

POINTS = [
    0.0,
    5e-324,
    2.0**-1022,
    2.0**-1021 - 2.0**-1074,
    1.0 - 2.0**-53,
    1.0,
    1.0 + 2.0**-52,
    1 / 3,
    2.0**0.5,
    1e15,
    2.0**970,
]


def exactly(value: float) -> F:
    return F(float(value))


@pytest.mark.parametrize(
    "x",
    [F(p) for p in POINTS]
    + [F(1, 3), F(10, 3), SMALLEST / 2, SMALLEST * F(3, 2), 1 + ULP / 2, 1 + ULP / 3, LARGEST],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_rational_lies_between_two_neighbouring_doubles(x, sign):
    low, high = directed.float_down(sign * x), directed.float_up(sign * x)
    assert exactly(low) <= sign * x <= exactly(high)
    assert low == high or np.nextafter(low, np.inf) == high
    assert (low == high) == (exactly(float(x)) == x)


def test_rationals_beyond_the_doubles():
    for beyond in (LARGEST + 1, LARGEST * (1 + ULP / 8), F(2) ** 1024, F(10) ** 400):
        assert directed.float_up(beyond) == np.inf and exactly(directed.float_down(beyond)) == LARGEST
        assert directed.float_down(-beyond) == -np.inf and exactly(directed.float_up(-beyond)) == -LARGEST


SUMS = [
    (0.0, 0.0),
    (5e-324, -5e-324, 5e-324),
    (1.0, 2.0**-53),
    (1.0, 2.0**-53 + 2.0**-80),
    (-1.0, -(2.0**-54)),
    (1.0, 2.0**-53, 2.0**-53, 2.0**-53),
    (1e300, 1.0, -1e300),
    (2.0**53, 1.0, -(2.0**53), 1.0),
    (1.0, *[2.0**-53] * 15),
    (-1.0, *[-(2.0**-54)] * 15),
    (1 / 3, -1 / 3 - 2.0**-54, 2.0**-1022, -(2.0**-1074)),
]


@pytest.mark.parametrize("terms", SUMS, ids=repr)
def test_sums(terms):
    total, size = sum(map(exactly, terms)), sum(abs(exactly(t)) for t in terms)
    low, high = exactly(directed.sum_down(*terms)), exactly(directed.sum_up(*terms))
    assert low <= total <= high
    assert high - low <= size * F(1, 2**45) + 3 * TINY


def test_sums_of_arrays_are_elementwise():
    columns = [np.array(column) for column in zip(*[terms[:2] for terms in SUMS], strict=True)]
    low, high = directed.sum_down(*columns), directed.sum_up(*columns)
    for i, terms in enumerate(SUMS):
        assert exactly(low[i]) <= exactly(terms[0]) + exactly(terms[1]) <= exactly(high[i])


@pytest.mark.parametrize(
    "terms",
    [
        (2.0**1023, 2.0**1023),
        (-(2.0**1023), -(2.0**1023)),
        (-(2.0**1023), -(2.0**1023), 2.0**1023),
        (np.inf, 1.0),
    ],
)
def test_sums_that_overflow_prove_nothing(terms):
    """The bounds are infinite on their own side, or still true; they are not NaN, of which every comparison
    is false.
    """
    low, high = directed.sum_down(*terms), directed.sum_up(*terms)
    total = sum(map(exactly, terms)) if np.inf not in terms else None
    assert high == np.inf or exactly(high) >= total
    assert low == -np.inf or total is None or exactly(low) <= total


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 127, 128, 129, 1000])
@pytest.mark.parametrize("small", [2.0**-53, 2.0**-54, 1 / 3, 2.0**-1074])
def test_totals(n, small):
    values = np.full(n, small)
    values[0] = 1.0
    exact = sum(map(exactly, values), F(0))
    high = exactly(directed.total_up(values))
    assert exact <= high <= exact * (1 + F(1, 2**44) + F(n, 2**51)) + 2 * TINY
    square = directed.total_up(np.stack([values, values[::-1]]), axis=0)
    assert all(exactly(square[i]) >= exactly(values[i]) + exactly(values[-1 - i]) for i in range(n))


def test_a_total_of_many_roundings_in_one_direction():
    """Rows added one after the other: each addition rounds the half ulp away, as many times as there are
    rows.
    """
    values = np.full((4097, 2), 2.0**-53)
    values[0] = 1.0
    assert (directed.total_up(values, axis=0) >= 1.0 + 4096 * 2.0**-53).all()


@pytest.mark.parametrize("x", POINTS)
def test_64_operations_are_covered(x):
    """Sixty-four products with 1 + 2^-52, each rounded, against the exact product."""
    value, exact = np.float64(x), exactly(x)
    for _ in range(64):
        value, exact = value * (1 + 2.0**-52), exact * (1 + ULP)
    high = exactly(directed.up(value))
    assert exact <= high <= exact * (1 + F(1, 2**44)) + 2 * TINY


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5, 17, 100])
def test_lower_bounds_of_powers(exponent):
    bases = [
        *POINTS,
        1.3 * 2.0**-537,
        1.7 * 2.0**-359,
        2.0**-538,
        1 - 2.0**-30,
        1 + 2.0**-30,
        3.0,
        1.1,
        2.0**600,
    ]
    found = directed.power_down(np.array(bases), exponent)
    for base, low in zip(bases, found, strict=True):
        exact = exactly(base) ** exponent
        assert exactly(low) <= exact
        assert exact * (1 - F(2 * exponent + 4, 2**52)) - 2 * TINY <= exactly(low) or exact > LARGEST


@pytest.mark.parametrize("exponent", [7, 100, 1000])
def test_lower_bounds_of_powers_that_round(exponent):
    bases = 1.0 + np.arange(1.0, 60.0) / 977.0**1.3
    for base, low in zip(bases, directed.power_down(bases, exponent), strict=True):
        assert exactly(low) <= exactly(base) ** exponent


EXPONENTS = [
    0.0,
    5e-324,
    2.0**-60,
    0.34657359,
    0.34657360,
    0.6931471805599453,
    1.0,
    2.5,
    10.0,
    100.0,
    699.999,
    700.0,
]


@pytest.mark.parametrize("x", EXPONENTS)
@pytest.mark.parametrize("sign", [1, -1])
def test_upper_bounds_of_exponentials(x, sign):
    low, high = exp(sign * exactly(x))
    bound = exactly(directed.exp_upper(sign * x).item())
    assert high <= bound <= low * (1 + F(1, 2**43) + F(int(x * 3) + 4, 2**50))


def test_upper_bounds_of_large_exponentials_that_round():
    x = np.concatenate([512.0 + np.arange(300) * 0.6180339887, -512.0 - np.arange(300) * 0.6180339887])
    for value, bound in zip(x, directed.exp_upper(x), strict=True):
        assert exp(exactly(value))[1] <= exactly(bound)


def test_exponentials_beyond_the_range():
    x = np.array([np.nextafter(700.0, 800.0), 710.0, 1e300, np.inf, np.nan])
    assert (directed.exp_upper(x) == np.inf).all()
    for below in (np.nextafter(-700.0, -800.0), -1e6, -np.inf):
        assert exactly(directed.exp_upper(below).item()) == TINY >= exp(F(-700))[1]


def test_tiny_sums_of_subnormals():
    assert exactly(directed.total_up(np.array([5e-324, float(LEAST_NORMAL)]))) >= LEAST_NORMAL + SMALLEST
    assert exactly(directed.up(0.0)) >= 0
