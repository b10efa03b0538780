"""Where polynomials in double precision first leave the side of zero on which their branch holds. Nothing is
proved.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from certflow.running import tick

Array = Any

NEGLIGIBLE = 2.0**-45
"""An overlap of a kink argument, of size 1, that costs nothing next to the rounding of coefficients."""

_SAMPLES = 32


@cache
def _to_bernstein(degree: int) -> Array:
    """The matrix that turns power coefficients into Bernstein coefficients, whose hull contains the
    polynomial on [0, 1].
    """
    return np.array(
        [[math.comb(i, k) / math.comb(degree, k) for k in range(degree + 1)] for i in range(degree + 1)]
    )


@cache
def _samples(degree: int) -> Array:
    points = np.arange(1, _SAMPLES + 1) / _SAMPLES
    return points[:, None] ** np.arange(degree + 1)


def first_events(Z: Array, on: Array, ignored: Array) -> tuple[Array, Array]:
    """Per part the first y in [0, 1] at which a kink argument leaves its side, and the number of that
    argument.

    `Z` is a series (terms × parts × kink arguments), `on` tells the side, `ignored` arguments are not looked
    at. Without such an event y = 2. The argument is -1 if the part should merely be cut at y, because its
    polynomials are too crooked to tell their sign.
    """
    m = Z.shape[1]
    when, which = np.full(m, 2.0), np.full(m, -1)
    sign = np.where(on, 1.0, -1.0)
    doubtful = (Z[0] * sign <= np.abs(Z[1:]).sum(0)) & ~ignored
    parts, places = np.nonzero(doubtful)
    if not len(parts):
        return when, which
    P = Z[:, parts, places] * sign[parts, places]
    bad = np.nonzero((_to_bernstein(len(Z) - 1) @ P).min(0) < -NEGLIGIBLE)[0]
    if not len(bad):
        return when, which
    wrong = (_samples(len(Z) - 1) @ P[:, bad]) < -NEGLIGIBLE
    first = np.where(wrong.any(0), wrong.argmax(0), _SAMPLES)
    earliest = np.full(m, _SAMPLES)
    np.minimum.at(earliest, parts[bad], first)
    for index, at in zip(bad, first, strict=True):
        part = parts[index]
        if at > earliest[part]:
            continue
        if at == _SAMPLES:
            if when[part] == 2:
                when[part] = 0.5
            continue
        y = _root(P[:, index].tolist(), at / _SAMPLES, (at + 1) / _SAMPLES)
        if y < when[part]:
            when[part], which[part] = y, places[index]
    return when, which


def _root(c: list[float], low: float, high: float) -> float:
    """The zero in [low, high] of a polynomial that is negative at `high`; 0 if it is not positive before."""
    if low == 0 and c[0] <= NEGLIGIBLE:
        if c[1] <= 0:
            return 0.0
        y = _root(c[1:], 0.0, high)
        return 0.0 if c[1] * y < NEGLIGIBLE else y
    f_low, f_high = _value(c, low), _value(c, high)
    if f_low <= 0:
        return low
    for _ in range(60):
        tick()
        y = low + (high - low) * f_low / (f_low - f_high)
        y = min(max(y, low + (high - low) / 1024), high - (high - low) / 1024)
        f = _value(c, y)
        if f > 0:
            low, f_low, f_high = y, f, f_high / 2
        else:
            high, f_high, f_low = y, f, f_low / 2
        if f == 0 or high - low <= 2.0**-52 * high:
            return y
    return (low + high) / 2


def _value(c: list[float], y: float) -> float:
    total = 0.0
    for each in reversed(c):
        total = total * y + each
    return total
