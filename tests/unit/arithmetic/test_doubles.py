"""Doubles that propose: the logarithm of numbers of any size."""

import math
from fractions import Fraction

import pytest

from certflow.arithmetic.doubles import logarithm


@pytest.mark.parametrize("k", [-20_000, -400, -1, 0, 1, 400, 20_000])
def test_the_logarithm_of_a_power_of_ten_has_no_smallest_and_no_largest_number(k):
    assert logarithm(Fraction(10) ** k) == pytest.approx(k * math.log(10), rel=1e-15)
