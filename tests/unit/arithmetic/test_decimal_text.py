"""Decimal text of enclosures: read back exactly, it says nothing false."""

from __future__ import annotations

from fractions import Fraction as F

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.decimal_text import (
    bits_for,
    interval_text,
    last_digit_text,
    magnitude,
    plus_minus_text,
)

SIZES = st.integers(-60, 60).map(lambda k: F(10) ** k)


@st.composite
def numbers(draw: st.DrawFn) -> F:
    return F(draw(st.integers(-(10**12), 10**12)), draw(st.integers(1, 10**12))) * draw(SIZES)


@given(numbers(), st.one_of(st.just(F(0)), numbers().map(abs)), st.integers(2, 40))
def test_plus_minus_covers_the_ball(mid: F, radius: F, digits: int) -> None:
    shown, _, error = plus_minus_text(mid, radius, digits).partition(" ± ")
    x, r = F(shown), F(error or "0")
    assert x - r <= mid - radius and mid + radius <= x + r
    assert sum(c.isdigit() for c in shown.split("e")[0].lstrip("-0.")) <= max(digits, 1) + 1
    if (
        radius
    ):  # and not by being wasteful: two digits of the radius, and half a unit of the last printed digit
        assert r <= radius * F(13, 10) + abs(x) * F(10) ** (1 - digits) * F(11, 10)


@given(numbers(), st.one_of(st.just(F(0)), numbers().map(abs)), st.integers(2, 40))
def test_interval_covers_the_ball(low: F, width: F, digits: int) -> None:
    left, right = (F(end) for end in interval_text(low, low + width, digits)[1:-1].split(", "))
    assert left <= low and low + width <= right


@given(
    numbers(),
    st.one_of(st.just(F(0)), numbers().map(abs)),
    st.integers(1, 40),
    st.none() | st.integers(-40, 2),
)
def test_the_last_digit_is_right_to_within_one(mid: F, radius: F, digits: int, finest: int | None) -> None:
    text = last_digit_text(mid, radius, digits, finest)
    mantissa, _, exponent = text.partition("e")
    unit = F(10) ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    assert abs(F(text) - mid) + radius <= unit
    if not radius and finest is None:
        assert abs(F(text) - mid) <= abs(mid) * F(10) ** (1 - digits)


@pytest.mark.parametrize(
    ("mid", "radius", "digits", "finest", "text"),
    [
        (F(0), F(0), 10, None, "0"),
        (F(1, 2), F(0), 10, -6, "0.5"),
        (F(90), F(0), 10, None, "90"),
        (F(2, 3), F(1, 10**20), 5, None, "0.66667"),
        (F(2, 3), F(1, 10**20), 30, -6, "0.666667"),
        (F(2, 3), F(1, 1000), 10, None, "0.67"),
        (F(1, 10**15), F(1, 10**13), 10, None, "0.000000000000"),
        (F(1), F(30), 10, None, "0e+2"),
    ],
)
def test_texts_of_which_the_last_digit_counts(
    mid: F, radius: F, digits: int, finest: int | None, text: str
) -> None:
    assert last_digit_text(mid, radius, digits, finest) == text


def _read(text: str) -> F:
    """The exact value of a decimal text of any length, one digit after the other."""
    mantissa, _, exponent = text.partition("e")
    whole, _, part = mantissa.partition(".")
    value = 0
    for digit in whole + part:
        value = 10 * value + int(digit)
    return value * F(10) ** (int(exponent or 0) - len(part))


def test_texts_longer_than_pythons_own_limit_for_integers() -> None:
    third, width = F(1, 3), F(1, 10**6000)
    low, high = (_read(end) for end in interval_text(third, third + width, 4600)[1:-1].split(", "))
    assert low <= third < third + width <= high and high - low < F(3, 10**4599)
    shown, error = (_read(part) for part in plus_minus_text(third, width, 4600).split(" ± "))
    assert abs(shown - third) + width <= error < F(1, 10**4599)


@given(numbers().filter(bool))
def test_magnitude(value: F) -> None:
    assert F(10) ** magnitude(value) <= abs(value) < F(10) ** (magnitude(value) + 1)


@pytest.mark.parametrize(
    ("mid", "radius", "digits", "text"),
    [
        (F(0), F(0), 30, "0"),
        (F(1, 8), F(0), 30, "0.125"),
        (F(-3), F(0), 30, "-3"),
        (F(848920, 10**6), F(3, 10**8), 30, "0.848920000 ± 3.0e-8"),
        (F(2, 3), F(0), 4, "0.6667 ± 3.4e-5"),
        (F(10**25), F(0), 30, "1.0000000000000000000000000e+25"),
        (F(0), F(1, 3), 30, "0.00 ± 3.4e-1"),
        (F(5, 10**9), F(0), 30, "5e-9"),
        (F(99996, 1000), F(0), 4, "100.00 ± 4.0e-3"),
    ],
)
def test_examples(mid: F, radius: F, digits: int, text: str) -> None:
    assert plus_minus_text(mid, radius, digits) == text


@pytest.mark.parametrize("place", [-60, -13, -12, -3, 0, 4])
def test_zeros_are_short_in_every_format(place: int) -> None:
    radius = F(10) ** place / 2
    last = last_digit_text(F(0), radius, 10)
    texts = [last, plus_minus_text(F(0), radius), interval_text(F(0), radius), interval_text(-radius, radius)]
    assert all(len(text) < 30 for text in texts)
    assert F(last) == 0 and (last == f"0e{place:+d}" or last == "0" or len(last) == 2 - place)
    assert plus_minus_text(F(0), radius).startswith(("0 ±", "0.0"))


@given(st.integers(1, 10_000), st.integers(1, 200))
def test_bits_for_digits_hold_them_and_the_guard(digits, guard):
    bits = bits_for(digits, guard)
    assert 10**digits < 2 ** (bits - guard + 1) < 10**digits * 2 ** (2 + digits // 5_000)
    assert bits_for(30) == 163
