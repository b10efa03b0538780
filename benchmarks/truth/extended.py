"""Extended doubles from exact numbers; lengths and angles that lose nothing by their size."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

LD = np.longdouble
TINY = LD(10) ** -4800

if np.finfo(LD).nmant < 63:
    raise ImportError(
        "the truth needs extended doubles with 64 bits, which NumPy does not have on this machine"
    )


def exact(value: Any) -> Fraction:
    """The rational number of "p/q", "m*2^e", decimal text or an integer."""
    mantissa, dyadic, exponent = str(value).partition("*2^")
    return Fraction(mantissa) * Fraction(2) ** int(exponent) if dyadic else Fraction(mantissa)


def extended(value: Any) -> Any:
    """The extended double of an exact number or its text, off by less than two units of its last place."""
    q = value if isinstance(value, Fraction) else exact(value)
    if q == 0:
        return LD(0)
    places = q.numerator.bit_length() - q.denominator.bit_length() - 70
    digits = (abs(q.numerator) << max(0, -places)) // (q.denominator << max(0, places))
    high, low = divmod(digits, 1 << 40)
    return (1 if q > 0 else -1) * np.ldexp(LD(high) * LD(2) ** 40 + LD(low), places)


def array(values: Iterable[Any]) -> np.ndarray:
    """The extended doubles of exact numbers, in a list or in rows."""
    nested = np.array(list(values), dtype=object)
    return np.array([extended(v) for v in nested.flat], dtype=LD).reshape(nested.shape)


def length(v: np.ndarray) -> Any:
    """The Euclidean norm, without overflow or underflow on the way."""
    largest = np.abs(v).max(initial=LD(0))
    return (
        largest if largest == 0 or not np.isfinite(largest) else largest * np.sqrt(((v / largest) ** 2).sum())
    )


def unit(v: np.ndarray) -> np.ndarray:
    """The unit vector along v."""
    v = v / np.abs(v).max()
    return v / length(v)


def angle(u: np.ndarray, v: np.ndarray) -> Any:
    """The angle between two vectors that are not zero, accurate also for small angles."""
    u, v = unit(u), unit(v)
    return 2 * np.arctan2(length(u - v), length(u + v))
