"""Directed arithmetic on integers: fixed-point numbers `v 2^-BITS`, intervals of them, and rationals rounded
outwards (L3.10).

Every function says which side it rounds to; nothing is ever rounded to nearest without its error being
counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from itertools import count
from math import isqrt

BITS = 120
"""Fixed-point numbers are integers times 2^-BITS."""

ONE = 1 << BITS

Interval = tuple[int, int]

_DIGITS = 192
"""Rationals are rounded outwards to this many significant bits, so that their size stays bounded."""

_LARGEST = 20_000
"""Largest argument of the exponential; beyond it, `OverflowError`."""


def down(value: Fraction) -> int:
    """The largest fixed-point number <= value."""
    return (value.numerator << BITS) // value.denominator


def up(value: Fraction) -> int:
    """The smallest fixed-point number >= value."""
    return -((-value.numerator << BITS) // value.denominator)


def mul_up(a: int, b: int) -> int:
    """a b rounded upwards."""
    return -((-a * b) >> BITS)


def div_up(a: int, b: int) -> int:
    """a / b rounded upwards, b > 0."""
    return -((-a << BITS) // b)


def sqrt_up(a: int) -> int:
    """The square root rounded upwards; 0 for a <= 0."""
    return isqrt((a << BITS) - 1) + 1 if a > 0 else 0


def sqrt_down(a: int) -> int:
    """The square root rounded downwards, a >= 0."""
    return isqrt(a << BITS)


def norm_up(values: Iterable[int]) -> int:
    """The Euclidean norm of fixed-point numbers, rounded upwards."""
    total = sum(v * v for v in values)
    return isqrt(total - 1) + 1 if total else 0


def times(a: Interval, b: Interval) -> Interval:
    """An interval that contains every product."""
    al, ah = a
    bl, bh = b
    if al >= 0 and bl >= 0:
        return (al * bl) >> BITS, -((-ah * bh) >> BITS)
    p, q, r, s = al * bl, al * bh, ah * bl, ah * bh
    return min(p, q, r, s) >> BITS, -((-max(p, q, r, s)) >> BITS)


def dot(left: Iterable[Interval], right: Iterable[Interval]) -> Interval:
    """An interval that contains every sum of products; the sum is exact, rounded once."""
    low = high = 0
    for (al, ah), (bl, bh) in zip(left, right, strict=True):
        if al >= 0 and bl >= 0:
            low += al * bl
            high += ah * bh
            continue
        p, q, r, s = al * bl, al * bh, ah * bl, ah * bh
        low += min(p, q, r, s)
        high += max(p, q, r, s)
    return low >> BITS, -((-high) >> BITS)


def power(a: Interval, exponent: int) -> Interval:
    """An interval that contains every a^exponent, exponent >= 0; its ends belong to the ends of a, or to
    0.
    """
    if exponent == 0:
        return ONE, ONE
    if exponent == 1:
        return a
    low, high = (smallest(a), largest(a)) if exponent % 2 == 0 else a
    shift = BITS * (exponent - 1)
    return low**exponent >> shift, -(-(high**exponent) >> shift)


def largest(a: Interval) -> int:
    """The largest absolute value in an interval."""
    return max(-a[0], a[1])


def smallest(a: Interval) -> int:
    """The smallest absolute value in an interval."""
    return max(a[0], -a[1], 0)


def signed(sign: int, a: Interval) -> Interval:
    """The interval of all sign times a, exactly, for the sign 1 or -1."""
    low, high = sorted((sign * a[0], sign * a[1]))
    return low, high


def around(a: Interval) -> tuple[int, int]:
    """The middle of an interval, rounded down, and how far the interval reaches from it."""
    middle = (a[0] + a[1]) >> 1
    return middle, a[1] - middle


def enclosed(value: Fraction) -> Interval:
    """The smallest fixed-point interval around a rational."""
    return down(value), up(value)


def fraction(value: int) -> Fraction:
    """A fixed-point number as a rational, exactly."""
    return Fraction(value, ONE)


def rounded(value: Fraction, upwards: bool) -> Fraction:
    """A rational of bounded size, >= value if `upwards`, else <= value."""
    excess = value.numerator.bit_length() - value.denominator.bit_length() - _DIGITS
    grow, shrink = max(-excess, 0), max(excess, 0)
    n, d = value.numerator << grow, value.denominator << shrink
    q = -(-n // d) if upwards else n // d
    return Fraction(q << shrink, 1 << grow)


def exp_series(y: int, scale: int) -> Interval:
    """An enclosure of exp(y 2^-scale) in units 2^-scale, for 0 <= y 2^-scale < 1/16."""
    low = high = term_low = term_high = 1 << scale
    for k in count(1):  # ends: a term is at most a sixteenth of the one before, and one unit
        term_low = (term_low * y >> scale) // k
        term_high = -((-term_high * y) // (k << scale))
        low += term_low
        high += term_high
        if term_high <= 2:
            break
    # The rest is at most twice the next term, which is below the last one.
    return low, high + 2 * term_high


def exp_fixed(x: int) -> Interval:
    """An enclosure of exp(x) for a fixed-point x >= 0; `OverflowError` if x is huge."""
    if x > _LARGEST << BITS:
        raise OverflowError("an exponent is too large")
    # exp(x) = exp(x / 2^m)^(2^m) with x / 2^m < 1/16; guard bits cover what squaring loses.
    halvings = max(0, x.bit_length() - BITS + 4)
    guard = halvings + 16
    scale = BITS + guard
    y = x << (guard - halvings)
    low, high = exp_series(y, scale)
    for _ in range(halvings):
        low = low * low >> scale
        high = -(-high * high >> scale)
    return low >> guard, -(-high >> guard)


def exp_up_fixed(x: int) -> int:
    """exp(x) rounded upwards for a fixed-point x of any sign; one unit if x is very negative."""
    return exp_fixed(x)[1] if x >= 0 else -(-(ONE * ONE) // exp_fixed(min(-x, _LARGEST << BITS))[0])


def exp_bounds(x: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of exp(x), with a small relative error for every sign of x unless it is very negative."""
    if x < -_LARGEST:
        return Fraction(0), exp_bounds(Fraction(-_LARGEST))[1]
    if x < 0:
        low, high = exp_bounds(-x)
        return rounded(1 / high, False), rounded(1 / low, True)
    return fraction(exp_fixed(down(x))[0]), fraction(exp_fixed(up(x))[1])


def log_bounds(x: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds of log(x), x > 0. A float proposes y; then log x = y + log(1 + t), t = x exp(-y) - 1, t - t^2
    <= log(1+t) <= t (L4.7)."""
    y = Fraction(math.log(x.numerator) - math.log(x.denominator))
    low, high = exp_bounds(-y)
    t_low, t_high = x * low - 1, x * high - 1
    if not -Fraction(1, 2) <= t_low <= t_high:
        raise OverflowError("a logarithm could not be bounded")
    return rounded(y + t_low - t_low**2, False), rounded(y + t_high, True)


def power_up(x: Fraction, exponent: Fraction) -> Fraction:
    """x^exponent rounded upwards, x > 0 (L4.7)."""
    low, high = log_bounds(x)
    return exp_bounds(exponent * (high if exponent >= 0 else low))[1]


def root_up(x: Fraction, k: int) -> Fraction:
    """The k-th root rounded upwards, x >= 0."""
    return _root(x, k, True)


def root_down(x: Fraction, k: int) -> Fraction:
    """The k-th root rounded downwards, x >= 0."""
    return _root(x, k, False)


def _root(x: Fraction, k: int, upwards: bool) -> Fraction:
    # x = m 2^(k e) with m of at least k _DIGITS bits: the integer root of m keeps _DIGITS bits.
    if x == 0:
        return Fraction(0)
    e = (x.numerator.bit_length() - x.denominator.bit_length()) // k - _DIGITS
    scaled = x / Fraction(2) ** (k * e)
    m = -(-scaled.numerator // scaled.denominator) if upwards else scaled.numerator // scaled.denominator
    r = _integer_root(m, k)
    return (r + (1 if upwards and r**k < m else 0)) * Fraction(2) ** e


def _integer_root(m: int, k: int) -> int:
    """The largest r with r^k <= m."""
    if k == 2:
        return isqrt(m)
    r = 1 << -(-m.bit_length() // k)
    while True:
        better = ((k - 1) * r + m // r ** (k - 1)) // k
        if better >= r:
            return r
        r = better


def quotient(a: Interval, b: Interval) -> Interval:
    """An interval that contains every a / b; b > 0."""
    low = (a[0] << BITS) // (b[1] if a[0] >= 0 else b[0])
    high = -((-a[1] << BITS) // (b[0] if a[1] >= 0 else b[1]))
    return low, high
