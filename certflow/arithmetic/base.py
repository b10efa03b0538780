"""What a number system must offer so that a network can be evaluated in it, and the three plain ones.

A network is written once, with `+ - * @ **` on arrays. An `Arithmetic` turns exact rationals into arrays of
its numbers and answers the one question that is not algebra: on which side of a kink a number lies.
Approximations (`FloatArithmetic`, `MPArithmetic`) and exact or enclosing systems are different classes, and
`is_rigorous` tells them apart.
"""

from __future__ import annotations

import functools
import threading
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

UNKNOWN = 2
"""The sign of a number whose enclosure contains zero and is not exactly zero; the others are -1, 0 and 1."""


class Arithmetic(ABC):
    """A number system; `array` converts exact rationals, `sign` decides kinks, the rest is Python
    operators.
    """

    name: ClassVar[str]
    is_rigorous: ClassVar[bool]

    @abstractmethod
    def number(self, value: Fraction) -> Any:
        """`value` in this system: exact, enclosed, or rounded to nearest, as the class says."""

    @abstractmethod
    def sign(self, z: Any) -> np.ndarray:
        """Elementwise -1, 0, 1, or `UNKNOWN` where an enclosure does not decide; int8, the shape of `z`."""

    @abstractmethod
    def exp(self, z: Any) -> Any:
        """Elementwise exponential."""

    @abstractmethod
    def sqrt(self, z: Any) -> Any:
        """Elementwise square root."""

    def hull(self, low: Fraction, high: Fraction) -> Any:
        """One number containing [low, high]; only enclosing systems have it."""
        raise TypeError(f"{self.name} numbers cannot enclose an interval")

    def array(self, values: Any) -> Any:
        """The array of `number(v)` for (nested sequences or arrays of) exact rationals `values`, same
        shape.
        """
        source = np.asarray(values, dtype=object)
        result = np.empty(source.shape, dtype=object)
        for index, value in np.ndenumerate(source):
            result[index] = self.number(value)
        return result

    def constants(self, *values: Fraction) -> Any:
        """`array(values)` of the few numbers that formulas are written with, made once; to be read only."""
        known = self.__dict__.setdefault("_constants", {})
        if values not in known:
            known[values] = self.array(np.array(values, dtype=object))
        return known[values]

    def _map(self, function: Any, z: Any) -> Any:
        """`function` on each entry of an object array (or on one number)."""
        if not isinstance(z, np.ndarray):
            return function(z)
        result = np.empty(z.shape, dtype=object)
        for index, value in np.ndenumerate(z):
            result[index] = function(value)
        return result


def _signs(z: Any) -> np.ndarray:
    array = np.asarray(z, dtype=object)
    return np.array([(v > 0) - (v < 0) for v in array.ravel()], dtype=np.int8).reshape(array.shape)


class ExactArithmetic(Arithmetic):
    """Exact rationals (`fractions.Fraction`); `exp` and irrational `sqrt` are refused."""

    name = "exact"
    is_rigorous = True

    def number(self, value: Fraction) -> Fraction:
        return value

    def sign(self, z: Any) -> np.ndarray:
        return _signs(z)

    def exp(self, z: Any) -> Any:
        raise TypeError("the exponential of a rational is not rational; evaluate in balls or mpmath instead")

    def sqrt(self, z: Any) -> Any:
        return self._map(_exact_root, z)


def _exact_root(value: Fraction) -> Fraction:
    import math

    if value >= 0:
        root = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
        if root * root == value:
            return root
    raise TypeError("the square root is not rational here; evaluate in balls or mpmath instead")


class FloatArithmetic(Arithmetic):
    """IEEE double precision, vectorised; an approximation."""

    name = "float64"
    is_rigorous = False

    def number(self, value: Fraction) -> float:
        return float(value)

    def array(self, values: Any) -> np.ndarray:
        source = np.asarray(values)
        if source.dtype == object:
            return np.array([float(v) for v in source.ravel()], dtype=np.float64).reshape(source.shape)
        return source.astype(np.float64)

    def sign(self, z: Any) -> np.ndarray:
        return np.sign(z).astype(np.int8)

    def exp(self, z: Any) -> Any:
        return np.exp(z)

    def sqrt(self, z: Any) -> Any:
        return np.sqrt(z)


class MPArithmetic(Arithmetic):
    """mpmath floats in a context of their own, so that no global precision is read or changed; an
    approximation.
    """

    name = "mpmath"
    is_rigorous = False

    def __init__(self, digits: int) -> None:
        import mpmath

        self.digits = digits
        self.context = mpmath.mp.clone()
        self.context.dps = digits
        # A context makes its own class of numbers, which pickle cannot find by name.
        self.context.mpf.__reduce__ = lambda value: (_restored, (digits, value._mpf_))

    def number(self, value: Fraction) -> Any:
        return self.context.mpf(value.numerator) / value.denominator

    def sign(self, z: Any) -> np.ndarray:
        return _signs(z)

    def exp(self, z: Any) -> Any:
        return self._map(self.context.exp, z)

    def sqrt(self, z: Any) -> Any:
        return self._map(self.context.sqrt, z)


def _restored(digits: int, value: Any) -> Any:
    """The number that was pickled, in the context with so many digits."""
    return mp_arithmetic(digits).context.make_mpf(value)


EXACT = ExactArithmetic()
FLOAT = FloatArithmetic()


def mp_arithmetic(digits: int) -> MPArithmetic:
    """The mpmath number system with `digits` decimal digits (one context per precision and thread, never the
    global one).
    """
    return _mp_arithmetic(digits, threading.get_ident())


@functools.lru_cache(maxsize=32)
def _mp_arithmetic(digits: int, thread: int) -> MPArithmetic:
    # mpmath raises the precision of a context while it computes, so that no two threads can share one.
    return MPArithmetic(digits)
