"""The three plain number systems: exact, double precision, mpmath in a context of its own."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from strategies import arrays, rationals

from certflow.arithmetic.base import EXACT, FLOAT, mp_arithmetic
from certflow.networks.activation import Activation


@given(arrays((2, 3)))
def test_arrays_keep_shape_and_exact_values(values):
    assert (EXACT.array(values) == values).all()
    assert FLOAT.array(values).dtype == np.float64
    assert FLOAT.array(values).shape == (2, 3)
    digits = mp_arithmetic(50)
    for exact, number in zip(values.ravel(), digits.array(values).ravel(), strict=True):
        assert abs(Fraction(str(digits.context.mpf(number) - digits.number(exact)))) <= Fraction(1, 10**50)


def test_nested_lists_become_arrays():
    assert EXACT.array([[Fraction(1), Fraction(2)]]).shape == (1, 2)
    assert FLOAT.array([Fraction(1, 2)])[0] == 0.5


@given(arrays((4,)))
def test_signs_agree(values):
    expected = [(v > 0) - (v < 0) for v in values]
    for ar in (EXACT, FLOAT, mp_arithmetic(20)):
        signs = ar.sign(ar.array(values))
        assert signs.dtype == np.int8
        assert list(signs) == expected


@given(rationals())
def test_exact_roots_of_squares_only(value):
    assert EXACT.sqrt(value * value) == abs(value)
    with pytest.raises(TypeError, match="not rational"):
        EXACT.sqrt(value * value + Fraction(1, 10**41))


def test_exact_numbers_refuse_what_is_irrational_or_negative():
    with pytest.raises(TypeError, match="not rational"):
        EXACT.sqrt(Fraction(-1))
    with pytest.raises(TypeError, match="not rational"):
        EXACT.exp(Fraction(1))


@pytest.mark.parametrize("ar", [EXACT, FLOAT, mp_arithmetic(20)], ids=lambda ar: ar.name)
def test_only_enclosing_systems_have_a_hull(ar):
    with pytest.raises(TypeError, match="cannot enclose"):
        ar.hull(Fraction(0), Fraction(1))


def test_only_exact_numbers_call_themselves_rigorous():
    assert EXACT.is_rigorous
    assert not FLOAT.is_rigorous
    assert not mp_arithmetic(30).is_rigorous


def test_mpmath_contexts_are_separate_and_the_global_one_is_not_used():
    low, high = mp_arithmetic(20), mp_arithmetic(60)
    assert low is mp_arithmetic(20)
    with mpmath.workdps(5):
        third = high.number(Fraction(1, 3))
    assert abs(third * 3 - 1) < high.context.mpf(10) ** -59
    assert (low.context.dps, high.context.dps) == (20, 60)
    assert mpmath.mp.dps == 15


def test_exponential_and_root_work_on_arrays_and_numbers():
    for ar in (FLOAT, mp_arithmetic(40)):
        array = ar.array([Fraction(0), Fraction(4)])
        assert float(ar.sqrt(array)[1]) == 2.0
        assert float(ar.exp(array)[0]) == 1.0
        assert float(ar.exp(array[0])) == 1.0
        assert float(ar.sqrt(ar.number(Fraction(9)))) == 3.0


def test_an_undecided_sign_needs_an_enclosing_system():
    with pytest.raises(TypeError, match="cannot enclose"):
        Activation().coefficients(EXACT, np.array([2], dtype=np.int8))
