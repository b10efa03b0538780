"""Roots of integer polynomials that have real roots only, exact: isolated, refined to any precision, signs decided there.

Let p be monic with integer coefficients and only real roots, such as the characteristic polynomial of an integer symmetric
matrix. *Counting*: p(x) has exactly as many positive roots, with multiplicity, as its coefficients change sign (Descartes gives
"at most"; the same for p(-x); and if p(0) != 0 the two numbers of changes have a sum of at most the degree, which is the
number of roots). So the roots in [a, b) are counted in integers, from the coefficients of p(x + a) and p(x + b).
*Kinds*: a rational root of p is an integer. A root is an integer, found as such, or irrational and never a dyadic number.
*Zero tests*: p/gcd(p, p') is again monic with integer coefficients (Gauss) and has the same roots, each once. A polynomial
q vanishes at a root r iff gcd(q, p) does; the roots of this are roots of p, so all real, and counting them in the interval of r,
which holds no other root of p, decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.running import tick

Polynomial = tuple[int, ...]
"""Coefficients, the highest first and not zero; () is the polynomial 0."""

_FIRST_BITS = 64
_FIRST_GAIN = 4


class Root:
    """A root of a polynomial with the properties of this module: the only one in [floor, floor + 1)/2^bits.

    `integer` is the root if it is rational, else None; `polynomial` has it and its other roots once each. Enclosures are refined
    in place; the number never changes.
    """

    def __init__(self, squarefree: Polynomial, floor: int, bits: int, multiplicity: int) -> None:
        self.multiplicity = multiplicity
        self.integer: int | None = None
        self.polynomial, self._derivative = squarefree, _derivative(squarefree)
        self._size, self._gain = -bits, _FIRST_GAIN
        self._floor, self._bits = floor, bits
        self._left = _sign(squarefree, floor, bits)
        if self._left == 0:
            self._found(floor, bits)
        self._refine(0)

    def ball(self, bits: int) -> Ball:
        """The root, with an absolute error of about 2^-bits times the size of the roots of its polynomial."""
        if self.integer is not None:
            return Ball(self.integer, bits)
        self._refine(bits - self._size)
        return Ball.interval(_dyadic(self._floor, self._bits), _dyadic(self._floor + 1, self._bits), bits)

    def sign_of(self, q: Polynomial) -> int:
        """The exact sign of q(root)."""
        if self.integer is not None:
            return _sign(q, self.integer, 0)
        bits, known_not_zero = _FIRST_BITS, False
        while True:  # ends: bits double, and q is known not to be 0 there
            tick()
            sign = evaluated(q, self.ball(bits)).sign()
            if sign != UNKNOWN:
                return sign
            if not known_not_zero and self._is_zero_of(q):
                return 0
            bits, known_not_zero = 2 * bits, True

    def place_among(self, others: Sequence[Root]) -> int:
        """The place of this number among `others`: all roots of one polynomial, of which it is known to be one."""
        bits = _FIRST_BITS
        while True:  # ends: bits double, and the others are other numbers
            tick()
            mine = self.ball(bits)
            places = [k for k, other in enumerate(others) if mine.overlaps(other.ball(bits))]
            if len(places) == 1:
                return places[0]
            bits *= 2

    def _is_zero_of(self, q: Polynomial) -> bool:
        common = _gcd(self.polynomial, q)
        return len(common) > 1 and _count(common, self._floor, self._bits) == 1

    def _found(self, numerator: int, bits: int) -> None:
        """The root is numerator/2^bits."""
        self.integer = numerator >> bits if bits >= 0 else numerator << -bits

    def _refine(self, bits: int) -> None:
        while self.integer is None and self._bits < bits:  # ends: bits grow
            tick()
            gain = min(self._gain, bits - self._bits)
            if gain > 1 and self._newton(gain):
                self._gain = 2 * gain
            elif self.integer is None:
                self._gain = max(gain // 2, _FIRST_GAIN)
                self._halve()

    def _halve(self) -> None:
        middle = 2 * self._floor + 1
        sign = _sign(self.polynomial, middle, self._bits + 1)
        if sign == 0:
            self._found(middle, self._bits + 1)
        self._floor, self._bits = middle - (sign != self._left), self._bits + 1

    def _newton(self, gain: int) -> bool:
        """Try to gain so many bits by one step from the middle; the signs at both ends prove the new interval."""
        x, level = 2 * self._floor + 1, self._bits + 1
        if level < 0:
            x, level = x << -level, 0
        slope = _value(self._derivative, x, level)
        if slope == 0:
            return False
        bits = self._bits + gain
        above, below = x * slope - _value(self.polynomial, x, level), slope
        floor = (above << bits) // (below << level) if bits >= 0 else above // (below << (level - bits))
        if not self._floor << gain <= floor < (self._floor + 1) << gain:
            return False
        low, high = _sign(self.polynomial, floor, bits), -self._left
        if floor + 1 < (self._floor + 1) << gain:
            high = _sign(self.polynomial, floor + 1, bits)
        if low == 0 or high == 0:
            self._found(floor + (high == 0), bits)
            return False
        if low != self._left or high == self._left:
            return False
        self._floor, self._bits = floor, bits
        return True


def real_roots(p: Polynomial) -> list[Root]:
    """The distinct roots of p, ascending, each with its multiplicity; p is monic and has real roots only, degree >= 1."""
    common = _gcd(p, _derivative(p))
    squarefree = _quotient(p, common) if len(common) > 1 else p
    size = max((abs(c).bit_length() + k - 1) // k for k, c in enumerate(p) if k) + 1  # |root| < 2 max |c_k|^(1/k)
    found, waiting = [], [(0, -size), (-1, -size)]
    while waiting:  # ends: intervals are halved until they have at most one root
        tick()
        floor, bits = waiting.pop()
        inside = _count(squarefree, floor, bits)
        if inside > 1:
            waiting += [(2 * floor + 1, bits + 1), (2 * floor, bits + 1)]
        elif inside == 1:
            multiplicity = _count(p, floor, bits) if len(common) > 1 else 1
            root = Root(squarefree, floor, bits, multiplicity)
            found.append(root)
    return found


def evaluated(q: Polynomial, x: Ball) -> Ball:
    """q(x)."""
    total = Ball(0, x.bits)
    for c in q:
        total = total * x + c
    return total


def trimmed(coefficients: Sequence[int]) -> Polynomial:
    """The polynomial with these coefficients, the highest first, of which the first ones may be zero."""
    first = next((k for k, c in enumerate(coefficients) if c), len(coefficients))
    return tuple(coefficients[first:])


def _dyadic(numerator: int, bits: int) -> Fraction:
    return Fraction(numerator, 1 << bits) if bits >= 0 else Fraction(numerator << -bits)


def _value(q: Polynomial, numerator: int, bits: int) -> int:
    """2^(bits degree) q(numerator/2^bits) for bits >= 0."""
    total, shift = 0, 0
    for c in q:
        total = total * numerator + (c << shift)
        shift += bits
    return total


def _sign(q: Polynomial, numerator: int, bits: int) -> int:
    """The sign of q(numerator/2^bits)."""
    value = _value(q, numerator, bits) if bits >= 0 else _value(q, numerator << -bits, 0)
    return (value > 0) - (value < 0)


def _count(p: Polynomial, floor: int, bits: int) -> int:
    """How many roots of p, which has real roots only, lie in [floor, floor + 1)/2^bits, with multiplicity."""
    if bits < 0:
        return _at_least(p, floor << -bits) - _at_least(p, (floor + 1) << -bits)
    scaled = [c << (k * bits) for k, c in enumerate(p)]
    return _at_least(scaled, floor) - _at_least(scaled, floor + 1)


def _at_least(p: Sequence[int], a: int) -> int:
    """How many roots of p, which has real roots only, are at least a, with multiplicity."""
    shifted = list(p)
    for end in range(len(p), 1, -1):
        tick()
        for k in range(1, end):
            shifted[k] += a * shifted[k - 1]
    signs = [c > 0 for c in shifted if c]
    zeros = next(k for k, c in enumerate(reversed(shifted)) if c)
    return zeros + sum(x != y for x, y in zip(signs, signs[1:], strict=False))


def _derivative(p: Polynomial) -> Polynomial:
    degree = len(p) - 1
    return tuple(c * (degree - k) for k, c in enumerate(p[:-1]))


def _gcd(a: Polynomial, b: Polynomial) -> Polynomial:
    """The greatest common divisor over the rationals, coprime integer coefficients, the first one positive."""
    while b:  # ends: the degree falls
        a, b = b, _primitive(_remainder(a, b))
    return _primitive(a)


def _remainder(a: Polynomial, b: Polynomial) -> Polynomial:
    """A multiple of the remainder of a divided by b."""
    rest = list(a)
    while len(rest) >= len(b):  # ends: the degree falls
        tick()
        first = rest[0]
        rest = [x * b[0] for x in rest]
        for k, c in enumerate(b):
            rest[k] -= first * c
        rest = list(trimmed(rest[1:]))
    return tuple(rest)


def _primitive(a: Polynomial) -> Polynomial:
    if not a:
        return a
    divisor = math.gcd(*a) * (1 if a[0] > 0 else -1)
    return tuple(c // divisor for c in a)


def _quotient(p: Polynomial, g: Polynomial) -> Polynomial:
    """p/g for a monic divisor g."""
    rest, result = list(p), []
    for k in range(len(p) - len(g) + 1):
        tick()
        result.append(rest[k])
        for i, c in enumerate(g):
            rest[k + i] -= result[-1] * c
    return tuple(result)
