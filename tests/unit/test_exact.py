"""Text <-> exact numbers: nothing is rounded, nothing fills the memory, every refusal names its place."""

import math
from decimal import Decimal
from fractions import Fraction

import gmpy2
import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from certflow.exact import MAX_DIGITS, MAX_EXPONENT, dyadic_text, format_dyadic, format_rational, parse_rational, shown
from certflow.outcome import BadInput


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", Fraction(1, 10)),
        ("3/7", Fraction(3, 7)),
        (" -6 / 4 ", Fraction(-3, 2)),
        ("1e-5", Fraction(1, 100_000)),
        ("+2.50E+1", Fraction(25)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("5*2^-3", Fraction(5, 8)),
        ("-3*2^4", Fraction(-48)),
        ("-0", Fraction(0)),
        ("1e-1000", Fraction(1, 10**1000)),
    ],
)
def test_text_is_read_exactly(text, value):
    assert parse_rational(text) == value


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (7, Fraction(7)),
        (0.1, Fraction(3602879701896397, 36028797018963968)),
        (np.float64(0.1), Fraction(0.1)),
        (np.float32(0.1), Fraction(13421773, 134217728)),
        (np.int8(-3), Fraction(-3)),
        (5e-324, Fraction(1, 2**1074)),
        (Fraction(2, 6), Fraction(1, 3)),
    ],
)
def test_numbers_stand_for_their_exact_value(number, value):
    result = parse_rational(number)
    assert result == value
    assert type(result.numerator) is int


@given(st.fractions())
def test_rationals_round_trip(value):
    assert parse_rational(format_rational(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_round_trip_through_text_without_rounding(value):
    assert parse_rational(format_rational(parse_rational(value))) == Fraction(value)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**50), max_value=10**50))
def test_decimal_text_agrees_with_the_decimal_module(value):
    assert parse_rational(str(value)) == Fraction(value)


@given(st.integers(-(2**200), 2**200), st.integers(-300, 300))
def test_dyadics_round_trip_in_lowest_terms(mantissa, exponent):
    text = format_dyadic(mantissa, exponent)
    assert parse_rational(text) == Fraction(mantissa) * Fraction(2) ** exponent
    assert mantissa == 0 or int(text.split("*")[0]) % 2 == 1
    assert dyadic_text(Fraction(mantissa) * Fraction(2) ** exponent) == text
    with pytest.raises(ValueError, match="power of two"):
        dyadic_text(Fraction(mantissa) + Fraction(1, 3))


def test_the_longest_numbers_round_trip():
    value = Fraction(10**3999 + 7, 3 * 10**3990 + 1)
    assert parse_rational(format_rational(value)) == value
    assert parse_rational(format_rational(-value)) == -value


@pytest.mark.parametrize("digits", [3999, 4000, 4001, 9001])
def test_long_integers_keep_the_zeros_inside(digits):
    assert format_rational(Fraction(10**digits)) == "1" + "0" * digits


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nan", "not a finite number"),
        ("-Infinity", "not a finite number"),
        (math.nan, "not a finite number"),
        (np.float64("inf"), "not a finite number"),
        ("1/0", "denominator zero"),
        ("", "is not a number"),
        (".", "is not a number"),
        ("1.2.3", "is not a number"),
        ("1_000", "is not a number"),
        ("0x10", "is not a number"),
        ("1e", "is not a number"),
        ("٣", "is not a number"),
        ("1/2/3", "is not a number"),
        ("1\n", None),
        ("__import__('os')", "is not a number"),
        (True, "boolean"),
        (np.bool_(False), "boolean"),
        (None, "expected a number"),
        ([1], "expected a number"),
        (1 + 0j, "expected a number"),
        (Decimal("0.1"), "expected a number"),
        ("1e3000000", "exponent"),
        ("1e-1001", "exponent"),
        ("1e" + "9" * 50, "exponent"),
        ("1*2^99999999", "exponent"),
        ("9" * (MAX_DIGITS + 1), "too long"),
        ("1/" + "9" * (MAX_DIGITS + 1), "too long"),
        ("9" * 10**6, "too long"),
    ],
)
def test_refusals_are_one_sentence_that_names_the_place(value, words):
    if words is None:
        assert parse_rational(value) == 1  # surrounding white space is not part of a number
        return
    with pytest.raises(BadInput) as refusal:
        parse_rational(value, "data.X[3][1]")
    message = str(refusal.value)
    assert message.startswith("data.X[3][1]: ")
    assert words in message
    assert message.endswith(".")
    assert len(message) < 250


def test_extended_floats_are_refused_or_are_doubles():
    extended = np.longdouble(1) / 3
    if type(extended) is not np.float64:
        with pytest.raises(BadInput, match="extended"):
            parse_rational(extended)


@pytest.mark.parametrize("value", [mpmath.mpf("0.1"), gmpy2.mpfr("0.1", 200), sympy.Float("0.1", 50)])
def test_floats_of_other_libraries_are_not_rounded_to_doubles(value):
    with pytest.raises(BadInput, match="not read exactly"):
        parse_rational(value)


def test_the_exponent_bound_is_inclusive_and_adjustable():
    assert parse_rational(f"1e{MAX_EXPONENT}") == 10**MAX_EXPONENT
    assert parse_rational("1e-10000", max_exponent=10_000) == Fraction(1, 10**10_000)


def test_values_in_messages_are_short():
    assert len(shown("x" * 1000)) == 60
    assert shown(10**10_000) == "a very long int"
