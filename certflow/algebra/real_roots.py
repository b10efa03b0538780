"""Real roots of integer polynomials, exact: isolated, refined to any precision, signs decided there.

*Counting.* A Sturm chain of a squarefree polynomial counts its roots in an interval. If p is monic with
integer coefficients and only real roots, such as the characteristic polynomial of an integer symmetric
matrix, its coefficients do: p(x) has exactly as many positive roots, with multiplicity, as they change sign
(Descartes gives "at most"; the same for p(-x); and if p(0) != 0 the two numbers of changes have a sum of at
most the degree, which is the number of roots). So the roots of such a p in [a, b) are counted in integers,
from the coefficients of p(x + a) and p(x + b). For such a p moreover: *Kinds*: a rational root of p is an
integer. A root is an integer, found as such, or irrational and never a dyadic number. *Zero tests*: p/gcd(p,
p') is again monic with integer coefficients (Gauss) and has the same roots, each once. A polynomial q
vanishes at a root r iff gcd(q, p) does; the roots of this are roots of p, so all real, and counting them in
the interval of r, which holds no other root of p, decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from certflow.algebra.directions import coprime
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.running import tick

Polynomial = tuple[int, ...]
"""Coefficients, the highest first and not zero; () is the polynomial 0."""

_FIRST_BITS = 64
_FIRST_GAIN = 4


class Root:
    """A root of a squarefree polynomial: the only one in [floor, floor + 1)/2^bits.

    `exact` is the root if it is known to be dyadic; `polynomial` has it and its other roots once each.
    Enclosures are refined in place; the number never changes.
    """

    def __init__(self, squarefree: Polynomial, floor: int, bits: int, multiplicity: int) -> None:
        self.multiplicity = multiplicity
        self.exact: Fraction | None = None
        self.polynomial, self._derivative = squarefree, _derivative(squarefree)
        self._size, self._gain = -bits, _FIRST_GAIN
        self._floor, self._bits = floor, bits
        self._left = _sign(squarefree, floor, bits)
        if self._left == 0:
            self._found(floor, bits)
        self._refine(0)

    @property
    def integer(self) -> int | None:
        """The root of a monic polynomial if it is rational, else None."""
        return None if self.exact is None else self.exact.numerator

    def floor(self, bits: int) -> int:
        """The k with the root in (k, k + 1]/2^bits, bits not below those at the beginning."""
        if self.exact is None:
            self._refine(bits)
        return (
            self._floor >> (self._bits - bits) if self.exact is None else math.ceil(self.exact * 2**bits) - 1
        )

    def ball(self, bits: int) -> Ball:
        """The root, with an absolute error of about 2^-bits times the size of the roots of its polynomial."""
        if self.exact is not None:
            return Ball(self.exact, bits)
        self._refine(bits - self._size)
        return Ball.interval(_dyadic(self._floor, self._bits), _dyadic(self._floor + 1, self._bits), bits)

    def sign_of(self, q: Polynomial) -> int:
        """The exact sign of q at the root of a monic polynomial with real roots only."""
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
        """The place of this number among `others`: all roots of one polynomial, of which it is known to be
        one.
        """
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
        self.exact = _dyadic(numerator, bits)

    def _refine(self, bits: int) -> None:
        while self.exact is None and self._bits < bits:  # ends: bits grow
            tick()
            gain = min(self._gain, bits - self._bits)
            if gain > 1 and self._newton(gain):
                self._gain = 2 * gain
            elif self.exact is None:
                self._gain = max(gain // 2, _FIRST_GAIN)
                self._halve()

    def _halve(self) -> None:
        middle = 2 * self._floor + 1
        sign = _sign(self.polynomial, middle, self._bits + 1)
        if sign == 0:
            self._found(middle, self._bits + 1)
        self._floor, self._bits = middle - (sign != self._left), self._bits + 1

    def _newton(self, gain: int) -> bool:
        """Try to gain so many bits by one step from the middle; the signs at both ends prove the new
        interval.
        """
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
    """The distinct roots of p, ascending, each with its multiplicity; p is monic and has real roots only,
    degree >= 1 (L6.13)."""
    squarefree, once = _squarefree(p)
    size = (
        max((abs(c).bit_length() + k - 1) // k for k, c in enumerate(p) if k) + 1
    )  # |root| < 2 max |c_k|^(1/k)
    places = _isolated(lambda floor, bits: _count(squarefree, floor, bits), [(0, -size), (-1, -size)])
    return [Root(squarefree, floor, bits, 1 if once else _count(p, floor, bits)) for floor, bits in places]


def positive_roots(p: Polynomial, bits: int) -> Iterator[Ball]:
    """Every positive root of a polynomial that is not 0, once, enclosed to about `bits` correct bits, the
    largest first (L6.35)."""
    while p[-1] == 0:  # ends: a coefficient is dropped
        p = p[:-1]
    if len(p) < 2:
        return
    p, _ = _squarefree(p)
    top = 2 + max(map(abs, p)) // abs(p[0])
    # The roots of p relative to `top`, which is larger.
    relative = tuple(c * top ** (len(p) - 1 - k) for k, c in enumerate(p))
    chain = _sturm(relative)

    def inside(floor: int, bits: int) -> int:
        in_or_at_the_end = _changes(chain, floor, bits) - _changes(chain, floor + 1, bits)
        return (
            in_or_at_the_end + (_sign(relative, floor, bits) == 0) - (_sign(relative, floor + 1, bits) == 0)
        )

    for place, level in [*_isolated(inside, [(0, 0)])][::-1]:
        root = Root(relative, place, level, 1)
        # ends: the root is not 0, so floor grows with its bits
        while (floor := root.floor(level)) <= 1 << bits:
            tick()
            level += max(1, bits + 1 - floor.bit_length()) if floor else 1
        yield Ball.interval(_dyadic(floor, level) * top, _dyadic(floor + 1, level) * top, bits + 32)


def _isolated(inside: Callable[[int, int], int], waiting: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The (floor, bits) in which there is one root, in parts of those waiting, the last one first."""
    while waiting:  # ends: intervals are halved until they have at most one root
        tick()
        floor, bits = waiting.pop()
        count = inside(floor, bits)
        if count > 1:
            waiting += [(2 * floor + 1, bits + 1), (2 * floor, bits + 1)]
        elif count == 1:
            yield floor, bits


def evaluated(q: Sequence[int | Fraction], x: Ball) -> Ball:
    """q(x); the highest coefficient comes first."""
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


def _sturm(p: Polynomial) -> list[Polynomial]:
    """A squarefree p, p' and the negatives of the remainders, up to positive factors."""
    chain = [p, _derivative(p)]
    while len(chain[-1]) > 1:  # ends: the degree falls
        tick()
        chain.append(coprime(-c for c in _remainder(chain[-2], chain[-1])))
    return chain


def _changes(chain: Sequence[Polynomial], numerator: int, bits: int) -> int:
    """How often the signs of the chain change at numerator/2^bits."""
    signs = [sign for sign in (_sign(p, numerator, bits) for p in chain) if sign]
    return sum(u != v for u, v in zip(signs, signs[1:], strict=False))


def _squarefree(p: Polynomial) -> tuple[Polynomial, bool]:
    """The polynomial with the roots of p, each once, and whether that is p."""
    common = _gcd(p, _derivative(p))
    return (_quotient(p, common), False) if len(common) > 1 else (p, True)


def _derivative(p: Polynomial) -> Polynomial:
    degree = len(p) - 1
    return tuple(c * (degree - k) for k, c in enumerate(p[:-1]))


def _gcd(a: Polynomial, b: Polynomial) -> Polynomial:
    """The greatest common divisor over the rationals, coprime integer coefficients, the first one
    positive.
    """
    while b:  # ends: the degree falls
        a, b = b, _primitive(_remainder(a, b))
    return _primitive(a)


def _remainder(a: Polynomial, b: Polynomial) -> Polynomial:
    """A positive multiple of the remainder of a divided by b."""
    rest, leading = list(a), abs(b[0])
    while len(rest) >= len(b):  # ends: the degree falls
        tick()
        first = rest[0] if b[0] > 0 else -rest[0]
        rest = [x * leading for x in rest]
        for k, c in enumerate(b):
            rest[k] -= first * c
        rest = list(trimmed(rest[1:]))
    return tuple(rest)


def _primitive(a: Polynomial) -> Polynomial:
    return coprime(a if a[0] > 0 else [-c for c in a]) if a else a


def _quotient(p: Polynomial, g: Polynomial) -> Polynomial:
    """A positive multiple of p/g, which is a polynomial, in lowest terms; g[0] > 0."""
    steps = len(p) - len(g) + 1
    rest, result = [c * g[0] ** steps for c in p], []
    for k in range(steps):
        tick()
        result.append(rest[k] // g[0])
        for i, c in enumerate(g):
            rest[k + i] -= result[-1] * c
    return coprime(result)
