"""Midpoint-radius arrays of doubles: whole arrays of enclosures at the speed of numpy, with proved rounding
terms (L3.10).

The contract of every operation f: for all real x in the operands X, f(x) lies in f(X). Assumed of the
machine: IEEE 754 doubles, rounding to nearest, gradual underflow, for numpy's `+ - * /`, `sqrt` and for the
multiplications and additions, possibly fused, that a matrix product is made of. With u = 2^-53, one operation
returns (exact result)(1 + e) + d with |e| <= u, and |d| <= 2^-1075, where d = 0 for sums, and for products of
which a factor is zero.

*Bilinear operations* (`bilinear`). Let f sum at most n products of an entry of a and an entry of b, in any
order. Then |computed f(am, bm) - f(am, bm)| <= gamma_n f(|am|, |bm|) + n 2^-1074 with gamma_n = n u/(1 - n
u), so that

    |f(a, b) - computed f(am, bm)| <= f(|am|, br) + f(ar, |bm|) + f(ar, br) + gamma_n f(|am|, |bm|) + n
    2^-1074.

It is computed as f(|am|, br + g |bm|) + f(ar, |bm| + br) with g = (2 n + 32) u >= gamma_(n + 12). All terms
are non-negative, so at most n + 12 roundings lose less than the factor 1 + g by which the sum is multiplied.
`TINY` = 2^-1000 for each product, and for each g |bm| before it is multiplied, is more than all underflow; it
is left out where every product has a factor that is exactly zero, so exact zeros stay exact. Sums are treated
alike; one sum of two has n = 1 and no underflow. An overflow or NaN raises `Inconclusive`.

Two arrays are never assumed to hold the same numbers, so `x - x` has twice the radius of x; `x**2` is sharp
at 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NoReturn

import numpy as np

from certflow.arithmetic.base import UNKNOWN, Arithmetic
from certflow.arithmetic.doubles import TINY, check_finite, doubles, nearest
from certflow.arithmetic.enclosure import DivisionByZero, OutsideDomain, refusal
from certflow.outcome import Ambiguous, Inconclusive


class MidRad:
    """An array of real numbers, each in [mid - rad, mid + rad]; finite doubles, `mid` and `rad` of one shape,
    rad >= 0.

    The operators take `MidRad`, int and `Fraction`; floats, booleans and numpy arrays raise `TypeError`,
    because their exact value is rarely what was meant: enclose them by name (`exact`, `interval`,
    `from_exact`).
    """

    __slots__ = ("mid", "rad")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]
    mid: np.ndarray
    rad: np.ndarray

    def __init__(self, mid: Any, rad: Any) -> None:
        """Raises `ValueError` for different shapes and negative radii, `Inconclusive` for infinities and
        NaN.
        """
        self.mid, self.rad = doubles(mid), doubles(rad)
        if self.mid.shape != self.rad.shape or (self.rad < 0).any():
            raise ValueError(
                "midpoints and radii have one shape and radii are >= 0; use MidRad.interval for two ends"
            )
        check_finite(self.mid, self.rad)

    # -- making and reading ----------------------------------------------------------------------------------

    @classmethod
    def exact(cls, values: Any) -> MidRad:
        """The doubles `values` as they are, radius zero."""
        mid = doubles(values)
        return _made(mid, np.zeros_like(mid))

    @classmethod
    def interval(cls, low: Any, high: Any) -> MidRad:
        """An enclosure of [low, high] for doubles low <= high (elementwise, broadcasting)."""
        low, high = np.broadcast_arrays(doubles(low), doubles(high))
        if (low > high).any():
            raise ValueError("an interval needs low <= high everywhere")
        with np.errstate(all="ignore"):
            # Differences below 2^-1022 are exact; above, the factor exceeds their one rounding.
            mid = 0.5 * low + 0.5 * high
            return _made(mid, np.maximum(high - mid, mid - low) * (1.0 + 2.0**-51))

    @classmethod
    def from_exact(cls, values: Any) -> MidRad:
        """The enclosure of (nested sequences or arrays of) int and `Fraction`: midpoints rounded to
        nearest.
        """
        source = np.asarray(values, dtype=object)
        pairs = np.array([nearest(value) for value in source.ravel()], dtype=np.float64).reshape(-1, 2)
        return _made(pairs[:, 0].reshape(source.shape), pairs[:, 1].reshape(source.shape))

    def lower(self) -> np.ndarray:
        """A double below every number, elementwise; the number itself where the radius is zero."""
        return np.where(self.rad == 0.0, self.mid, np.nextafter(self.mid - self.rad, -np.inf))

    def upper(self) -> np.ndarray:
        """A double above every number, elementwise; the number itself where the radius is zero."""
        return np.where(self.rad == 0.0, self.mid, np.nextafter(self.mid + self.rad, np.inf))

    def magnitude(self) -> np.ndarray:
        """An upper bound of |x| for every x, elementwise."""
        return np.maximum(-self.lower(), self.upper())

    def mignitude(self) -> np.ndarray:
        """A lower bound of |x| for every x, elementwise; at least 0."""
        size = np.abs(self.mid)
        return np.where(self.rad == 0.0, size, np.maximum(np.nextafter(size - self.rad, -np.inf), 0.0))

    def norm_upper(self, axis: int | tuple[int, ...] | None = None) -> np.ndarray:
        """An upper bound of the Euclidean norm along `axis` (default: of all entries)."""
        size = self.magnitude()
        with np.errstate(all="ignore"):
            terms = _terms(size.shape, axis)
            squares = (size * size).sum(axis=axis) * (1.0 + _gamma(terms)) + terms * TINY
            norm = np.where(size.any(axis=axis), np.sqrt(squares) * (1.0 + 2.0**-51), 0.0)
        check_finite(norm, 0.0)
        return norm

    def hull(self, other: MidRad) -> MidRad:
        """An enclosure of both, elementwise."""
        return MidRad.interval(
            np.minimum(self.lower(), other.lower()), np.maximum(self.upper(), other.upper())
        )

    def widened(self, radius: Any) -> MidRad:
        """All numbers within `radius` (doubles >= 0, broadcasting) of one of these."""
        radius = doubles(radius)
        if not (radius >= 0.0).all():
            raise ValueError("a radius is a number >= 0")
        rad = np.where(radius == 0.0, self.rad, np.nextafter(self.rad + radius, np.inf))
        return _made(np.broadcast_to(self.mid, rad.shape).copy(), rad)

    # -- algebra ---------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Any:
        right = _operand(other)
        return _add(self, right) if right is not None else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        right = _operand(other)
        return _add(self, -right) if right is not None else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        left = _operand(other)
        return _add(left, -self) if left is not None else NotImplemented

    def __mul__(self, other: Any) -> Any:
        right = _operand(other)
        return bilinear(np.multiply, self, right, 1) if right is not None else NotImplemented

    __rmul__ = __mul__

    def __matmul__(self, other: Any) -> Any:
        return (
            bilinear(np.matmul, self, other, max(self.shape[-1], 1))
            if isinstance(other, MidRad)
            else _refuse_or_pass(other)
        )

    def __truediv__(self, other: Any) -> Any:
        right = _operand(other)
        return self * right.reciprocal() if right is not None else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        left = _operand(other)
        return left * self.reciprocal() if left is not None else NotImplemented

    def __neg__(self) -> MidRad:
        return _raw(-self.mid, self.rad.copy())

    def __pow__(self, exponent: Any) -> MidRad:
        """x**exponent for a whole exponent >= 0, from the images of the ends; even powers are >= 0 up to
        rounding.
        """
        if type(exponent) is not int or exponent < 0:
            raise TypeError(f"midpoint-radius arrays are raised to whole powers >= 0 only, got {exponent!r}")
        if exponent == 0:
            return MidRad.exact(np.ones(self.shape))
        if exponent == 1:
            return _raw(self.mid.copy(), self.rad.copy())
        low, high = self.lower(), self.upper()
        if exponent % 2 == 0:
            return MidRad.interval(
                *_positive_power(self.mignitude(), np.maximum(np.abs(low), np.abs(high)), exponent)
            )
        zero = np.zeros_like(low)
        least, largest = _positive_power(np.maximum(low, zero), np.maximum(high, zero), exponent)
        most, fewest = _positive_power(np.maximum(-high, zero), np.maximum(-low, zero), exponent)
        return MidRad.interval(np.where(low < 0, -fewest, least), np.where(high > 0, largest, -most))

    def reciprocal(self) -> MidRad:
        """1/x, elementwise; `DivisionByZero` if an entry contains zero."""
        low, high = self.lower(), self.upper()
        if not ((low > 0) | (high < 0)).all():
            raise DivisionByZero("a divisor contains zero")
        with np.errstate(all="ignore"):
            return MidRad.interval(np.nextafter(1.0 / high, -np.inf), np.nextafter(1.0 / low, np.inf))

    def sum(self, axis: int | tuple[int, ...] | None = None) -> MidRad:
        """The sum along `axis` (default: of all entries)."""
        with np.errstate(all="ignore"):
            mid, g = self.mid.sum(axis=axis), _gamma(_terms(self.shape, axis))
            return _made(mid, (self.rad.sum(axis=axis) + g * np.abs(self.mid).sum(axis=axis)) * (1.0 + g))

    # -- places ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.mid.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.mid.ndim

    def __len__(self) -> int:
        return len(self.mid)

    def __iter__(self) -> Iterator[MidRad]:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> MidRad:
        """The array with its axes in reverse order."""
        return _raw(self.mid.T, self.rad.T)

    def transpose(self, *axes: int) -> MidRad:
        """The array with its axes permuted."""
        return _raw(self.mid.transpose(*axes), self.rad.transpose(*axes))

    def reshape(self, *shape: Any) -> MidRad:
        """The same entries in another shape."""
        return _raw(self.mid.reshape(*shape), self.rad.reshape(*shape))

    def ravel(self) -> MidRad:
        """The entries in one row."""
        return self.reshape(-1)

    def __getitem__(self, key: Any) -> MidRad:
        return _raw(np.asarray(self.mid[key]), np.asarray(self.rad[key]))

    def __setitem__(self, key: Any, value: Any) -> None:
        number = _operand(value)
        if number is None:
            raise TypeError(f"an entry is a MidRad, an int or a Fraction, not a {type(value).__name__}")
        self.mid[key], self.rad[key] = number.mid, number.rad

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is not np.concatenate or not all(issubclass(each, MidRad) for each in types):
            return NotImplemented
        arrays, axis = args[0], kwargs.get("axis", args[1] if len(args) > 1 else 0)
        if not all(isinstance(each, MidRad) for each in arrays):
            raise TypeError("midpoint-radius arrays are concatenated with their own kind only")
        return _raw(
            np.concatenate([each.mid for each in arrays], axis),
            np.concatenate([each.rad for each in arrays], axis),
        )

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "a midpoint-radius array does not become a numpy array by itself; read .mid, .rad, lower() or "
            "upper()"
        )

    def __eq__(self, other: object) -> NoReturn:
        raise Ambiguous("enclosures are not compared with ==; compare lower() and upper()")

    def __bool__(self) -> NoReturn:
        raise Ambiguous("an enclosure is not true or false; use MIDRAD.sign, lower() or upper()")

    def __repr__(self) -> str:
        return f"MidRad({self.mid!r}, {self.rad!r})"


_LARGEST_EXPONENT = 694.0
"""Its exponential is larger than `LARGEST`, that of its negative smaller than `TINY`."""

_EXPONENTIAL_BITS = 64
"""The precision of exponentials: more than doubles have."""


class MidRadArithmetic(Arithmetic):
    """Midpoint-radius doubles: rigorous, vectorised, as precise as doubles are; overflow raises
    `Inconclusive`.
    """

    name = "midpoint-radius"
    is_rigorous = True

    def number(self, value: Fraction) -> MidRad:
        return MidRad.from_exact(value)

    def array(self, values: Any) -> MidRad:
        return MidRad.from_exact(values)

    def sign(self, z: MidRad) -> np.ndarray:
        positive, negative = z.mid > z.rad, z.mid < -z.rad
        known = positive.astype(np.int8) - negative.astype(np.int8)
        return np.where(positive | negative | ((z.mid == 0.0) & (z.rad == 0.0)), known, np.int8(UNKNOWN))

    def exp(self, z: MidRad) -> MidRad:
        # No bound of the error of a floating-point exponential is known for every platform, so balls give the
        # two ends.
        from certflow.arithmetic.ball import Ball

        check_finite(np.where(z.upper() > _LARGEST_EXPONENT, np.inf, 0.0), 0.0)
        low = [
            Ball(Fraction(x), _EXPONENTIAL_BITS).exp().lower() if x > -_LARGEST_EXPONENT else 0
            for x in z.lower().ravel().tolist()
        ]
        high = [
            Ball(Fraction(max(x, -_LARGEST_EXPONENT)), _EXPONENTIAL_BITS).exp().upper()
            for x in z.upper().ravel().tolist()
        ]
        ends = MidRad.from_exact([low, high]).reshape(2, *z.shape)
        return ends[0].hull(ends[1])

    def sqrt(self, z: MidRad) -> MidRad:
        low, high = z.lower(), z.upper()
        if (low < 0).any():
            raise OutsideDomain(
                "the square root of an enclosure that contains negative numbers is not defined"
            )
        below = np.maximum(np.nextafter(np.sqrt(low), -np.inf), 0.0)
        return MidRad.interval(below, np.where(high == 0.0, 0.0, np.nextafter(np.sqrt(high), np.inf)))

    def hull(self, low: Fraction, high: Fraction) -> MidRad:
        return self.number(low).hull(self.number(high))


MIDRAD = MidRadArithmetic()


def bilinear(
    product: Callable[[np.ndarray, np.ndarray], np.ndarray], a: MidRad, b: MidRad, terms: int
) -> MidRad:
    """The bilinear operation `product`, which for doubles sums at most `terms` products of an entry of each
    operand.

    `product` is called with arrays of doubles of the operands' shapes and uses `+` and `*` only (see the
    module's text for the bound); it must give zeros where all its products have a factor zero.
    """
    g = _gamma(terms)
    with np.errstate(all="ignore"):
        mid, left, right = product(a.mid, b.mid), np.abs(a.mid), np.abs(b.mid)
        rad = product(left, b.rad + np.where(right > 0.0, g * right + TINY, 0.0))
        if a.rad.any():
            rad = rad + product(a.rad, right + b.rad)
        rad = rad * (1.0 + g)
        if np.all(rad):
            rad = rad + terms * TINY
        else:
            support = product(
                ((left + a.rad) > 0.0).astype(np.float64), ((right + b.rad) > 0.0).astype(np.float64)
            )
            rad = rad + (terms * TINY) * (support > 0.0)
    return _made(mid, rad)


def _add(a: MidRad, b: MidRad) -> MidRad:
    with np.errstate(all="ignore"):
        mid = a.mid + b.mid
        return _made(mid, (a.rad + b.rad + 2.0**-52 * np.abs(mid)) * (1.0 + 2.0**-50))


def _positive_power(low: np.ndarray, high: np.ndarray, exponent: int) -> tuple[np.ndarray, np.ndarray]:
    """A lower bound of low**exponent and an upper bound of high**exponent, for 0 <= low and 0 <= high."""
    below, above, g = low, high, _gamma(exponent)
    with np.errstate(all="ignore"):
        # An underflow happens only to factors below 1, so what follows does not enlarge it.
        for _ in range(exponent - 1):
            below, above = below * low, above * high
        return np.maximum(below * (1.0 - g) - TINY, 0.0), above * (1.0 + g) + TINY * (high > 0.0)


def _gamma(terms: int) -> float:
    """g of the module's text; exact as a double."""
    if terms > 2**30:
        raise Inconclusive(
            f"a sum of {terms} products is longer than the rounding bound allows; split the array."
        )
    return (2 * terms + 32) * 2.0**-53


def _terms(shape: tuple[int, ...], axis: int | tuple[int, ...] | None) -> int:
    """How many entries a reduction along `axis` adds."""
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return max(int(np.prod([shape[i] for i in axes])), 1)


def _operand(value: Any) -> MidRad | None:
    """`value` as an enclosure, None if another class has to answer; `TypeError` for what is not exact."""
    if isinstance(value, MidRad):
        return value
    if type(value) is int or isinstance(value, Fraction):
        return _number(value)
    _refuse_or_pass(value)
    return None


@functools.lru_cache(maxsize=256)
def _number(value: int | Fraction) -> MidRad:
    # Operands are read only, so that the few numbers that formulas are written with are enclosed once.
    return MidRad.from_exact(value)


def _refuse_or_pass(value: Any) -> Any:
    if isinstance(value, bool | float | complex | np.generic | np.ndarray):
        raise refusal(value)
    return NotImplemented


def _made(mid: Any, rad: Any) -> MidRad:
    """The finite enclosure with these midpoints and radii, which are not copied."""
    check_finite(mid, rad)
    return _raw(np.asarray(mid), np.asarray(rad))


def _raw(mid: np.ndarray, rad: np.ndarray) -> MidRad:
    result = MidRad.__new__(MidRad)
    result.mid, result.rad = mid, rad
    return result
