"""Balls: real numbers known to lie in an interval, and the only place that imports flint.

The contract of every operation f: for all real x in the operands X, f(x) lies in the ball f(X). Nothing
enters by rounding: only integers, `Fraction` and exact text do. Each ball carries its precision in bits; a
binary operation works at the *larger* precision of its operands, since the coarser operand's radius already
says what it does not know.

Two ball objects are never assumed to be the same real number, not even if they are one and the same Python
object: `Activation.coefficients` puts one hull into many places. So `x - x` has twice the radius of x, and `x
* x` of a ball around zero may be negative; write `x.square()` when one number is meant.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from threading import Lock
from typing import Any

import numpy as np
from flint import arb, ctx

from certflow.arithmetic.base import UNKNOWN, Arithmetic
from certflow.arithmetic.enclosure import DivisionByZero, Enclosure, OutsideDomain, exact_only, refusal
from certflow.exact import MAX_DELTA_EXPONENT, number
from certflow.outcome import BadInput

MIN_BITS, MAX_BITS = 32, 10_000_000

MAX_BINARY_EXPONENT = 4_000_000
"""Bounds further than this from 1, in powers of two, are not turned into rationals: they would fill the
memory.
"""

# flint keeps one working precision for the whole process. Any value of it gives sound enclosures; the lock
# makes the *width* of a result independent of what other threads do.
_PRECISION = Lock()

# With no more correct bits than this, the two endpoints give far tighter images than arb's formulas around
# the midpoint; an exact number has more.
_WIDE = 20


def _at(bits: int, function: Callable[..., Any], *args: Any) -> Any:
    """`function(*args)` with flint's precision at `bits`, which is put back whatever happens."""
    with _PRECISION:
        saved = ctx.prec
        try:
            ctx.prec = bits
            return function(*args)
        finally:
            ctx.prec = saved


class Ball(Enclosure):
    """One real number in [mid - radius, mid + radius], immutable and always finite (L2.11, L3.10, L4.7).

    `Ball(value, bits)` contains the exact `value` (int, `Fraction`, or text as in problem files). Floats,
    booleans and NumPy scalars raise `TypeError` everywhere: their exact value is rarely what was meant; wrap
    them in `Fraction`.
    """

    __slots__ = ("_arb", "_bits")
    _arb: arb
    _bits: int

    def __init__(self, value: Any, bits: int) -> None:
        self._bits = _checked_bits(bits)
        self._arb = _at(bits, _from_exact, exact_only(value))

    @classmethod
    def interval(cls, low: Any, high: Any, bits: int) -> Ball:
        """A ball containing [low, high], exact low <= high; its lower() is >= 0 if low is, its upper() <= 0
        if high is.
        """
        lo, hi = exact_only(low), exact_only(high)
        if lo > hi:
            raise ValueError(f"an interval needs low <= high, got low = {lo} and high = {hi}")
        return _ball(_at(_checked_bits(bits), _interval, lo, hi), bits)

    @classmethod
    def pi(cls, bits: int) -> Ball:
        """The number pi."""
        return _ball(_at(_checked_bits(bits), arb.pi), bits)

    @classmethod
    def from_json(cls, value: Any, bits: int, where: str = "number") -> Ball:
        """The ball of the exact text "m*2^e", "p/q" or decimal, or one containing both ends of ["lo", "hi"].

        Raises `BadInput` for anything else, and for absurd lengths and exponents (`exact.number`).
        """
        if isinstance(value, str):
            return cls(number(value, where, MAX_DELTA_EXPONENT), bits)
        if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(end, str) for end in value):
            low, high = (number(end, where, MAX_DELTA_EXPONENT) for end in value)
            if low <= high:
                return cls.interval(low, high, bits)
        raise BadInput(f'{where}: expected exact text or a pair ["lo", "hi"] of it with lo <= hi.')

    @property
    def bits(self) -> int:
        """The precision in bits at which operations on this ball round."""
        return self._bits

    def at(self, bits: int) -> Ball:
        """An enclosure of the same number that works at `bits`, rounded outwards if that is fewer."""
        if _checked_bits(bits) == self._bits:
            return self
        return _ball(_at(bits, operator.pos, self._arb), bits)

    def __reduce__(self) -> tuple[Any, ...]:
        mid, rad = (tuple(map(int, part.man_exp())) for part in (self._arb.mid(), self._arb.rad()))
        return _restored, (mid, rad, self._bits)

    def mid(self) -> Fraction:
        return _fraction(self._arb.mid())

    def radius(self) -> Fraction:
        return _fraction(self._arb.rad())

    def is_exact(self) -> bool:
        """Whether the radius is zero."""
        return bool(self._arb.is_exact())

    def contains(self, other: Any) -> bool:
        """Whether every number of `other` (exact, or a ball) lies in this ball; decided exactly."""
        if isinstance(other, Ball):
            return bool(self._arb.contains(other._arb))
        return (
            self.lower() <= exact_only(other) <= self.upper()
        )  # arb.contains(fmpq) would round the number first

    def overlaps(self, other: Ball) -> bool:
        """Whether the two balls have a number in common; decided exactly."""
        return bool(self._arb.overlaps(other._arb))

    def sign(self) -> int:
        """-1, 0 or 1 if all numbers of the ball have that sign, else `base.UNKNOWN`."""
        if self._arb > 0:
            return 1
        if self._arb < 0:
            return -1
        return 0 if self._arb.is_zero() else UNKNOWN

    def less(self, other: Any) -> bool | None:
        value = other if isinstance(other, Ball) else exact_only(other)
        theirs = value._arb if isinstance(value, Ball) else _at(self._bits, _from_exact, value)
        if self._arb < theirs:
            return True
        if self._arb >= theirs:
            return False
        if isinstance(value, Ball):
            return None
        # Rounding the exact number may be what hides the answer.
        return True if self.upper() < value else False if self.lower() >= value else None

    def greater(self, other: Any) -> bool | None:
        return (-self).less(-(other if isinstance(other, Ball) else exact_only(other)))

    def equal(self, other: Any) -> bool | None:
        if self.less(other) or self.greater(other):
            return False
        return True if self.is_exact() and (not isinstance(other, Ball) or other.is_exact()) else None

    def _binary(self, other: Any, function: Callable[[arb, arb], arb], swapped: bool = False) -> Any:
        bits = self._bits
        if type(other) is Ball:
            theirs = other._arb
            bits = max(bits, other._bits)
        elif type(other) is int:
            theirs = arb(other)
        elif isinstance(other, Fraction):
            theirs = _at(bits, _from_exact, other)
        elif isinstance(other, bool | float | complex | np.generic):
            raise refusal(other)
        else:
            return NotImplemented
        left, right = (theirs, self._arb) if swapped else (self._arb, theirs)
        with _PRECISION:  # _at, written out: this is the innermost loop
            saved = ctx.prec
            try:
                ctx.prec = bits
                result = function(left, right)
            finally:
                ctx.prec = saved
        return _ball(result, bits)

    def __add__(self, other: Any) -> Any:
        return self._binary(other, operator.add)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._binary(other, operator.sub)

    def __rsub__(self, other: Any) -> Any:
        return self._binary(other, operator.sub, swapped=True)

    def __mul__(self, other: Any) -> Any:
        return self._binary(other, operator.mul)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self._binary(other, _divide)

    def __rtruediv__(self, other: Any) -> Any:
        return self._binary(other, _divide, swapped=True)

    def __pow__(self, exponent: Any) -> Ball:
        if type(exponent) is not int:
            raise TypeError(
                f"a ball is raised to whole numbers only, got {exponent!r}; use exp and log for other powers"
            )
        if exponent < 0:
            return (1 / self) ** -exponent
        return self._map(_power, exponent)

    def __neg__(self) -> Ball:
        return _ball(self._arb.neg(exact=True), self._bits)

    def __pos__(self) -> Ball:
        return self

    def __abs__(self) -> Ball:
        return self.relu_power(Fraction(-1))

    def square(self) -> Ball:
        """self²; never negative."""
        return self._map(_power, 2)

    def maximum(self, other: Any) -> Ball:
        """max(self, other), from the endpoints: nothing below the larger lower bound."""
        theirs, bits, answer = self._versus(other)
        if answer is not None:
            return (self if answer else theirs).at(bits)
        return Ball.interval(max(self.lower(), theirs.lower()), max(self.upper(), theirs.upper()), bits)

    def minimum(self, other: Any) -> Ball:
        """min(self, other), from the endpoints: nothing above the smaller upper bound."""
        theirs, bits, answer = self._versus(other)
        if answer is not None:
            return (theirs if answer else self).at(bits)
        return Ball.interval(min(self.lower(), theirs.lower()), min(self.upper(), theirs.upper()), bits)

    def _versus(self, other: Any) -> tuple[Ball, int, bool | None]:
        theirs = other if isinstance(other, Ball) else Ball(other, self._bits)
        return theirs, max(self._bits, theirs._bits), self.greater_equal(theirs)

    def relu_power(self, alpha: Fraction = Fraction(0), power: int = 1) -> Ball:
        """max(self, alpha self)^power for -1 <= alpha <= 1 and power >= 1, from the endpoints."""
        slope = exact_only(alpha)
        if not -1 <= slope <= 1 or type(power) is not int or power < 1:
            raise ValueError(
                f"relu_power needs -1 <= alpha <= 1 and a whole power >= 1, got {alpha} and {power!r}"
            )
        sign = self.sign()
        if sign != UNKNOWN:
            return self**power if sign >= 0 else (self * slope) ** power
        # Monotone on each side of zero, where the value is 0, and zero is inside this ball.
        ends = [self.upper() ** power, (self.lower() * slope) ** power, Fraction(0)]
        return Ball.interval(min(ends), max(ends), self._bits)

    def _map(self, function: Callable[..., arb], *args: Any) -> Ball:
        return _ball(_at(self._bits, function, self._arb, *args), self._bits)

    def sqrt(self) -> Ball:
        """The square root; raises `OutsideDomain` if the ball reaches below zero."""
        if not self._arb >= 0:
            raise OutsideDomain(f"the square root of {self!r} is not real: the ball reaches below zero")
        return self._map(_increasing, arb.sqrt)

    def exp(self) -> Ball:
        """The exponential."""
        return self._map(_increasing, arb.exp)

    def log(self) -> Ball:
        """The natural logarithm; raises `OutsideDomain` if the ball reaches zero or below."""
        if not self._arb > 0:
            raise OutsideDomain(f"the logarithm of {self!r} is not real: the ball reaches zero or below")
        return self._map(_increasing, arb.log)

    def sin(self) -> Ball:
        """The sine."""
        return self._map(arb.sin)

    def cos(self) -> Ball:
        """The cosine."""
        return self._map(arb.cos)

    def atan2(self, x: Any) -> Ball:
        """The angle in (-pi, pi] of the point (x, self); about [-pi, pi] if the points straddle the negative
        x axis.

        Raises `OutsideDomain` if the box of points contains the origin.
        """
        other = x if isinstance(x, Ball) else Ball(x, self._bits)
        if self._arb.contains(0) and other._arb.contains(0):
            raise OutsideDomain(
                f"the angle of the point ({other!r}, {self!r}) is not defined: it may be the origin"
            )
        bits = max(self._bits, other._bits)
        return _ball(_at(bits, arb.atan2, self._arb, other._arb), bits)

    def hull(self, *others: Ball) -> Ball:
        """One ball containing this and the others."""
        balls = (self, *others)
        return Ball.interval(
            min(b.lower() for b in balls), max(b.upper() for b in balls), max(b._bits for b in balls)
        )

    def intersection(self, other: Ball) -> Ball:
        """One ball containing all numbers in both; raises `ValueError` if there are none."""
        low, high = max(self.lower(), other.lower()), min(self.upper(), other.upper())
        if low > high:
            raise ValueError(f"the balls {self!r} and {other!r} have no number in common")
        return Ball.interval(low, high, max(self._bits, other._bits))


class BallArithmetic(Arithmetic):
    """Balls at `bits` of precision: every number computed encloses the true one (L2.10)."""

    name = "ball"
    is_rigorous = True

    def __init__(self, bits: int) -> None:
        self.bits = _checked_bits(bits)

    def number(self, value: Fraction) -> Ball:
        return Ball(value, self.bits)

    def sign(self, z: Any) -> np.ndarray:
        array = np.asarray(z, dtype=object)
        return np.array([v.sign() for v in array.ravel()], dtype=np.int8).reshape(array.shape)

    def exp(self, z: Any) -> Any:
        return self._map(Ball.exp, z)

    def sqrt(self, z: Any) -> Any:
        return self._map(Ball.sqrt, z)

    def hull(self, low: Fraction, high: Fraction) -> Ball:
        return Ball.interval(low, high, self.bits)


def _ball(value: arb, bits: int) -> Ball:
    if not value.is_finite():
        raise OutsideDomain("the result is not a bounded number; an operand is too wide or too large")
    ball = object.__new__(Ball)
    ball._arb, ball._bits = value, bits
    return ball


def _restored(mid: tuple[int, int], rad: tuple[int, int], bits: int) -> Ball:
    """A ball around the one that was pickled: flint may round the last bit of a radius up."""
    return _ball(arb(mid, rad), bits)


def _checked_bits(bits: int) -> int:
    if type(bits) is not int or not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(
            f"the precision of a ball is a whole number of bits from {MIN_BITS} to {MAX_BITS}, got {bits!r}"
        )
    return bits


# Functions of flint's own numbers, called at a set precision.


def _from_exact(value: int | Fraction) -> arb:
    return arb(value.numerator) / arb(value.denominator)


def _fraction(value: arb) -> Fraction:
    mantissa, exponent = (int(part) for part in value.man_exp())
    if abs(exponent) > MAX_BINARY_EXPONENT:
        raise OutsideDomain(f"a bound of size 2^{exponent} is too extreme to be written as a fraction")
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def _interval(low: int | Fraction, high: int | Fraction) -> arb:
    return _enclose(_from_exact(low).lower(), _from_exact(high).upper())


def _enclose(low: arb, high: arb) -> arb:
    """A ball containing [low, high], exact numbers, that does not cross zero unless they do.

    flint's radii have 30 bits, so a union spills over its ends by a billionth of its width.
    `nonnegative_part` keeps the end 0 of [0, width] exactly, and adding `low` keeps its sign.
    """
    if low == high:
        return low
    if high <= 0:
        return -_enclose(-high, -low)
    if low < 0:
        return low.union(high)
    return (arb().union((high - low).upper()).nonnegative_part() + low).nonnegative_part()


def _divide(left: arb, right: arb) -> arb:
    if right.contains(0):
        raise DivisionByZero(f"division by a ball that contains zero: {right.str()}")
    if right.rel_accuracy_bits() > _WIDE:
        return left / right
    return left * _enclose((1 / right.upper()).lower(), (1 / right.lower()).upper())


def _increasing(value: arb, function: Callable[[arb], arb]) -> arb:
    if value.rel_accuracy_bits() > _WIDE:
        return function(value)
    return _enclose(function(value.lower()).lower(), function(value.upper()).upper())


def _power(value: arb, exponent: int) -> arb:
    if exponent == 0 or value.rel_accuracy_bits() > _WIDE:
        return value**exponent
    low, high = value.lower(), value.upper()
    if exponent % 2 == 1 or low >= 0:
        return _enclose((low**exponent).lower(), (high**exponent).upper())
    if high <= 0:
        return _enclose((high**exponent).lower(), (low**exponent).upper())
    return _enclose(arb(), (low**exponent).upper().max((high**exponent).upper()))
