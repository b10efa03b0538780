"""Float64 bounds rounded in a known direction: few operations, each with its error bounded in writing
(L3.10).

u = 2^-53 is the unit roundoff. A sum of products of at most 64 operations on *non-negative* floats has
relative error at most 64 u/(1 - 64 u) < 2^-46 when nothing overflows, and `up` multiplies by more than 1 +
2^-46 and adds more than any loss by underflow. An overflow gives infinity, which is a valid upper bound that
proves nothing, without a warning; lower bounds stay finite or are minus infinity, and no bound is NaN.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

_INFLATION = 1.0 + 2.0**-45
_TINY = 2.0**-1000
_LARGEST = float(np.finfo(float).max)
_LOG2 = 0.6931471805599453  # within 2^-54 of log 2
_TERMS = 22


def up(value: Any) -> Any:
    """An upper bound of what at most 64 operations on non-negative floats, computed as `value`, would give
    exactly.
    """
    with np.errstate(over="ignore"):
        return value * _INFLATION + _TINY


def sum_up(*terms: Any) -> Any:
    """An upper bound of the sum of at most 16 floats of any sign."""
    total, size = 0.0, 0.0
    with np.errstate(all="ignore"):
        for term in terms:
            total, size = total + term, size + np.abs(term)
        # Beyond the range, the total may be minus infinity by overflow, or NaN.
        return np.where(size < np.inf, total + (size * 2.0**-48 + _TINY), np.inf)[()]


def sum_down(*terms: Any) -> Any:
    """A lower bound of the sum of at most 16 floats of any sign."""
    return -sum_up(*(-term for term in terms))


def total_up(values: np.ndarray, axis: int = -1) -> Any:
    """An upper bound of the sum of non-negative floats along an axis of at most 2^30 entries."""
    with np.errstate(over="ignore"):
        return np.sum(values, axis=axis) * (1.0 + values.shape[axis] * 2.0**-52) * _INFLATION + _TINY


def power_down(base: Any, exponent: int) -> Any:
    """A lower bound of base^exponent for floats base >= 0 and a whole exponent from 0 to 2^20."""
    value = np.ones_like(np.asarray(base, dtype=float))
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(exponent):
            value = value * base
        # An underflow happens only to factors below 1, so what follows does not enlarge it; beyond the range,
        # the largest double is a lower bound.
        return np.maximum(np.minimum(value, _LARGEST) * (1.0 - (exponent + 2.0) * 2.0**-52) - _TINY, 0.0)


def exp_upper(x: Any) -> np.ndarray:
    """An upper bound of exp(x), elementwise, for |x| <= 700; infinity above and 2^-1000 below.

    x = k log 2 + f with whole k: the computed f is off by at most (|k| + 2) 2^-52, hence the factor 1 + (|k|
    + 4) 2^-51. On |f| <= 0.36 the Taylor sum of exp(|f|) with 22 terms misses less than 2^-100 of it and has
    relative rounding error below 2^-46; for f < 0 the reciprocal of a lower bound is taken.
    """
    x = np.asarray(x, dtype=float)
    inside = np.clip(np.where(np.isnan(x), 0.0, x), -700.0, 700.0)
    k = np.rint(inside / _LOG2)
    f = inside - k * _LOG2
    size, total = np.abs(f), np.ones_like(f)
    for i in range(_TERMS, 0, -1):
        total = 1.0 + total * size / i
    value = np.where(f >= 0, total, 1.0 / total) * (1.0 + 2.0**-44) * (1.0 + (np.abs(k) + 4.0) * 2.0**-51)
    value = np.ldexp(value, k.astype(int))
    value = np.where(x > 700.0, np.inf, np.where(x < -700.0, 2.0**-1000, value))
    return np.where(np.isnan(x), np.inf, value)


def float_up(value: Fraction) -> float:
    """A float at least `value`; infinity if it is too large."""
    try:
        nearest = float(value)
    except OverflowError:
        return math.inf if value > 0 else -_LARGEST
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def float_down(value: Fraction) -> float:
    """A float at most `value`; minus infinity if it is too small."""
    return -float_up(-value)
