"""Exact rationals -> decimal text that says how far it can be trusted, and digits -> bits; integer arithmetic
only, nothing is guessed.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import count as count_from

from certflow.exact import format_rational

PLAIN_LEADING = (-6, 20)
"""Numbers whose leading digit stands for 10^k with k in this range are written without an exponent."""

_MOST_ZEROS = 12
"""Places of a zero that are written out."""

GUARD_BITS = 64
"""What numbers that are asked for in decimal digits are computed with beyond them."""


def bits_for(digits: int, guard: int = GUARD_BITS) -> int:
    """The bits that hold so many decimal digits, and `guard` more."""
    return digits * 3322 // 1000 + guard


def magnitude(value: Fraction) -> int:
    """The k with `10^k <= |value| < 10^(k+1)`; `value` is not zero."""
    size = abs(value)
    # log10(2) = 0.30103 up to 5 digits; the two loops make the estimate exact.
    k = (size.numerator.bit_length() - size.denominator.bit_length()) * 30103 // 100000
    while power_of_ten(k) > size:  # ends: k falls to the logarithm of size
        k -= 1
    while power_of_ten(k + 1) <= size:  # ends: k rises to the logarithm of size
        k += 1
    return k


def power_of_ten(k: int) -> Fraction:
    """The exact 10^k."""
    return Fraction(10**k) if k >= 0 else Fraction(1, 10**-k)


def at_place(count: int, place: int) -> str:
    """The decimal text of count * 10^place, with every digit down to that place."""
    sign, digits = (
        ("-" if count < 0 else ""),
        format_rational(Fraction(abs(count))),
    )  # str() refuses long integers
    leading = len(digits) - 1 + place
    if count and (place > 0 or not PLAIN_LEADING[0] <= leading <= PLAIN_LEADING[1]):
        return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{leading:+d}"
    if not count and not PLAIN_LEADING[0] <= place < 0:
        return "0"
    if place >= 0:
        return sign + digits + "0" * place
    digits = digits.rjust(1 - place, "0")
    return f"{sign}{digits[:place]}.{digits[place:]}"


def floor_text(value: Fraction, place: int) -> str:
    """The largest multiple of 10^place that is <= value."""
    return at_place(int(value // power_of_ten(place)), place)


def ceiling_text(value: Fraction, place: int) -> str:
    """The smallest multiple of 10^place that is >= value."""
    return at_place(-int(-value // power_of_ten(place)), place)


def rounded_text(value: Fraction, digits: int, up: bool = False) -> str:
    """The decimal of at most `digits` significant digits that is next to `value` from below (above if
    `up`) (L5.6)."""
    if value == 0:
        return "0"
    place = magnitude(value) - digits + 1
    unit = power_of_ten(place)
    count = -int(-value // unit) if up else int(value // unit)
    while count and count % 10 == 0 and place != 0:  # ends: count loses a digit
        count, place = count // 10, place + 1
    return at_place(count, place)


def interval_text(low: Fraction, high: Fraction, digits: int = 30) -> str:
    """The text "[lo, hi]" of an interval of decimals that contains [low, high].

    As many digits as the width deserves (at most one hundredth of it is lost on each side), but no more than
    `digits` significant ones.
    """
    largest = max(abs(low), abs(high))
    if largest == 0:
        return "[0, 0]"
    place = magnitude(largest) - digits + 1
    if high > low:
        place = max(place, magnitude(high - low) - 2)
    return f"[{floor_text(low, place)}, {ceiling_text(high, place)}]"


def plus_minus_text(mid: Fraction, radius: Fraction, digits: int = 30) -> str:
    """The text "x ± r" with `|x - v| <= r` for every v within `radius` of `mid`; "x" alone if it is exactly
    `mid`.

    x has at most `digits` significant digits and none finer than the last of r; r has two digits and includes
    the error of printing x.
    """
    if mid == 0 and radius == 0:
        return "0"
    place = None if mid == 0 else magnitude(mid) - digits + 1
    if radius:
        finest = magnitude(radius) - 1
        place = finest if place is None else max(place, finest)
    if place is None:  # impossible: one of the two is not zero
        return "0"
    unit = power_of_ten(place)
    count = round(mid / unit)
    error = radius + abs(mid - count * unit)
    if error == 0:
        while count % 10 == 0 and place < 0:  # ends: place rises to 0
            count, place = count // 10, place + 1
        return at_place(count, place)
    error_place = magnitude(error) - 1
    return f"{at_place(count, place)} ± {_scientific(-int(-error // power_of_ten(error_place)), error_place)}"


def last_digit_text(mid: Fraction, radius: Fraction, digits: int, finest: int | None = None) -> str:
    """A decimal x with `|x - v|` at most one unit of its last digit for every v within `radius` of `mid`.

    x has at most `digits` significant digits, and none finer than 10^finest; a number that is exactly x is
    written without the zeros at its end, a whole one without a point, and a zero whose unit is small as
    0e-30.
    """
    places = [] if finest is None else [finest]
    if mid:
        places.append(magnitude(mid) - digits + 1)
    if radius:
        # Half a unit for the radius, half a unit for rounding.
        places.append(next(k for k in count_from(magnitude(radius)) if power_of_ten(k) >= 2 * radius))
    if not mid and not radius:
        return "0"
    place = max(places)
    number = round(mid / power_of_ten(place))
    if not radius and mid == number * power_of_ten(place):
        while number % 10 == 0 and place < 0:  # ends: place rises to 0
            number, place = number // 10, place + 1
    if not number and not -_MOST_ZEROS <= place <= 0:
        return f"0e{place:+d}"
    return at_place(number, place) if number or not place else f"0.{'0' * -place}"


def _scientific(count: int, place: int) -> str:
    digits = str(count)
    return f"{digits[0]}.{digits[1:]}e{len(digits) - 1 + place:+d}"
