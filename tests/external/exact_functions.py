"""Rational bounds of real functions at rational points, proved here and independent of the code that they
judge.

Each function returns (low, high) with low <= f(x) <= high; both are f(x) itself where that is rational, and
otherwise they agree to about 400 bits. Integer series with every rounding counted, Newton steps for inverse
functions: the step proposes, and the identity named beside it proves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction as F
from functools import cache

Bounds = tuple[F, F]

S = 640
"""Series are summed in units of 2^-S."""


def short(value: F, up: bool) -> F:
    """`value` rounded to S significant bits, upwards or downwards."""
    shift = value.numerator.bit_length() - value.denominator.bit_length() - S
    scaled = value / F(2) ** shift
    return (F(math.ceil(scaled)) if up else F(math.floor(scaled))) * F(2) ** shift


def exact(value: F | int) -> Bounds:
    """The bounds of a rational."""
    return F(value), F(value)


def plus(a: Bounds, b: Bounds) -> Bounds:
    """Bounds of a sum."""
    return a[0] + b[0], a[1] + b[1]


def negated(a: Bounds) -> Bounds:
    """Bounds of -a."""
    return -a[1], -a[0]


def sqrt(x: F) -> Bounds:
    """The square root, x >= 0; exact for squares of rationals."""
    n, d = math.isqrt(x.numerator), math.isqrt(x.denominator)
    if n * n == x.numerator and d * d == x.denominator:
        return exact(F(n, d))
    e = (x.numerator.bit_length() - x.denominator.bit_length()) // 2 - S
    root = math.isqrt(math.floor(x / F(4) ** e))
    return root * F(2) ** e, (root + 1) * F(2) ** e


@cache
def exp(x: F) -> Bounds:
    """The exponential: exp(x) = exp(x / 2^m)^(2^m), the inner one by its series, and 1 + x <= exp(x) <= 1 + x
    + x^2 near 0.
    """
    if x == 0:
        return exact(1)
    if x < 0:
        low, high = exp(-x)
        low, high = short(1 / high, False), short(1 / low, True)
    else:
        m = max(0, x.numerator.bit_length() - x.denominator.bit_length() + 2)  # x / 2^m < 1/2
        below = math.floor(x * F(2) ** (S - m))
        low_sum = high_sum = low_term = high_term = 1 << S
        k = 1
        while high_term > 1:  # ends: each term is at most half the one before, rounded up
            low_term, high_term = low_term * below // (k << S), -(-high_term * (below + 1) // (k << S))
            low_sum, high_sum, k = low_sum + low_term, high_sum + high_term, k + 1
        low, high = F(low_sum, 1 << S), F(high_sum + 2, 1 << S)  # what is left is at most the last term
        for _ in range(m):
            low, high = short(low * low, False), short(high * high, True)
    if abs(x) < 1:
        low, high = max(low, 1 + x), min(high, 1 + x + x * x)
    return low, high


@cache
def log(x: F) -> Bounds:
    """The logarithm, x > 0: log x = y + log(1 + t) for t = x / exp(y) - 1, and |log(1 + t) - t + t^2/2| <=
    |t|^3.
    """
    if x == 1:
        return exact(0)
    near = abs(x - 1) < F(1, 2)
    y = F(math.log1p(float(x - 1))) if near else F(math.log(x.numerator) - math.log(x.denominator))
    if abs(x - 1) < F(1, 2**100):
        y = F(0)
    for last in (False, False, True):
        low, high = exp(y)
        t_low, t_high = x / high - 1, x / low - 1
        if not last and y:
            y = short(y + 2 * t_low / (2 + t_low), False)
    return y + t_low - t_low**2 / 2 - abs(t_low) ** 3, y + t_high - t_high**2 / 2 + abs(t_high) ** 3


def _small_arctangent(x: F) -> Bounds:
    """x - x^3/3 + x^5/5 - ... for 0 <= x <= 1/4; of an alternating sum with falling terms, two neighbours are
    bounds.
    """
    total, power, k = x, x, 1
    while True:  # ends: the terms fall below 2^-S x
        power, k = short(power * x * x, True), k + 2
        term = power / k
        if k % 4 == 1:
            if term < x * F(1, 1 << S):
                slack = x * F(k, 1 << S)  # each term was rounded by less than 2^-S of itself
                return total - slack, total + term + slack
            total += term
        else:
            total -= term


@cache
def pi() -> Bounds:
    """pi = 16 arctan(1/5) - 4 arctan(1/239)."""
    a, b = _small_arctangent(F(1, 5)), _small_arctangent(F(1, 239))
    return 16 * a[0] - 4 * b[1], 16 * a[1] - 4 * b[0]


def _near_zero(r: F, first: int) -> Bounds:
    """The sine (first = 1) or cosine (first = 0) of |r| <= 1 by its series in integers; every floor loses at
    most a unit.
    """
    unit = 1 << S
    y = math.floor(abs(r) * unit)
    term, total, k = (y if first else unit), 0, first
    while term:  # ends: each term is at most half the one before, rounded down
        total += term if k % 4 < 2 else -term
        term = term * y // unit * y // unit // ((k + 1) * (k + 2))
        k += 2
    # 5 units a term: its own floors, and what the earlier ones and the floor in y still cost; the first left
    # out is below 1.
    low, high = F(total - 5 * k - 5, unit), F(total + 5 * k + 5, unit)
    return (low, high) if r >= 0 or not first else (-high, -low)


@cache
def _turned(x: F, quarter: int) -> Bounds:
    """cos(x - quarter pi/2), after a whole number of quarter turns; |sin| and |cos| have slope at most 1."""
    low_pi, high_pi = pi()
    k = round(2 * x / low_pi)
    r, spread = x - k * low_pi / 2, abs(k) * (high_pi - low_pi) / 2
    turn = (k - quarter) % 4  # cos(r + turn pi/2)
    low, high = _near_zero(r, turn % 2)
    if turn in (1, 2):
        low, high = -high, -low
    return max(low - spread, F(-1)), min(high + spread, F(1))


def sin(x: F) -> Bounds:
    """The sine; near zero x - x^3/6 and x are bounds."""
    low, high = _turned(x, 1)
    if abs(x) < 1:
        cubic = x - x**3 / 6
        low, high = max(low, min(x, cubic)), min(high, max(x, cubic))
    return low, high


def cos(x: F) -> Bounds:
    """The cosine; near zero 1 - x^2/2 and that plus x^4/24 are bounds."""
    low, high = _turned(x, 0)
    if abs(x) < 1:
        low, high = max(low, 1 - x * x / 2), min(high, 1 - x * x / 2 + x**4 / 24)
    return low, high


@cache
def atan(x: F) -> Bounds:
    """arctan x = y + arctan u for u = (x cos y - sin y)/(cos y + x sin y), any y with the sign of x and |y| <
    pi/2.
    """
    if x < 0:
        return negated(atan(-x))
    if x > 1:
        low, high = atan(1 / x)
        return pi()[0] / 2 - high, pi()[1] / 2 - low
    if x < F(1, 2**100):
        return x - x**3 / 3, x
    y = F(math.atan(x))
    for last in (False, False, True):
        s, c = sin(y), cos(y)
        numerator = x * c[0] - s[1], x * c[1] - s[0]
        denominator = c[0] + x * s[0], c[1] + x * s[1]
        ends = [n / d for n in numerator for d in denominator]
        u = min(ends), max(ends)
        if not last:
            y = short(y + u[0] - u[0] ** 3 / 3, False)
    size = max(abs(u[0]), abs(u[1])) ** 3
    return y + u[0] - size, y + u[1] + size


def increasing(f: Callable[[F], Bounds]) -> Callable[[F, F], tuple[Bounds, Bounds]]:
    """The image of [low, high] under an increasing function: bounds of its two ends."""
    return lambda low, high: (f(low), f(high))


def _holds_turn(low: F, high: F, shift: F) -> bool:
    """Whether (2 k + shift) pi lies in [low, high] for a whole k; both bounds of pi have to say the same."""
    answers = {math.floor((high / p - shift) / 2) >= math.ceil((low / p - shift) / 2) for p in pi()}
    if len(answers) != 1:
        raise ArithmeticError("an end of the interval is too near to a turning point for this oracle")
    return answers.pop()


def wave(f: Callable[[F], Bounds], top: F) -> Callable[[F, F], tuple[Bounds, Bounds]]:
    """The image under the sine or cosine, whose maxima are at (2 k + top) pi and whose minima are half a turn
    further.
    """

    def image(low: F, high: F) -> tuple[Bounds, Bounds]:
        ends = f(low), f(high)
        least = exact(-1) if _holds_turn(low, high, top + 1) else min(ends)
        return least, exact(1) if _holds_turn(low, high, top) else max(ends)

    return image


def angle(y: F, x: F) -> Bounds:
    """The angle in (-pi, pi] of the point (x, y), which is not the origin."""
    quarter = pi()[0] / 2, pi()[1] / 2
    if x > 0:
        return atan(y / x)
    if y > 0:
        return plus(quarter, negated(atan(x / y)))
    return plus(negated(quarter), negated(atan(x / y))) if y < 0 else pi()
