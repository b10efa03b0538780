"""The first zero of many power series at once: where a Taylor step meets a kink.

Candidates in double precision, for all arguments together, by steps that never pass a zero; the first ones
are then refined in fixed point. Approximate throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.jets import JetArray
from certflow.outcome import Inconclusive
from certflow.running import tick

MARCH_LIMIT = 400


class KinkArguments(Protocol):
    """The series of all kink arguments, flat, then those of the events of sliding; read after the
    expansion.
    """

    count: int

    def floats(self, order: int) -> np.ndarray:
        """Coefficients 0..order-1 in double precision, (order, count)."""

    def exact(self, index: int, order: int) -> np.ndarray:
        """Coefficients 0..order-1 of one argument in fixed point."""


class RecordedKinks:
    """Kink arguments that are series of the program, layer by layer."""

    def __init__(self, layers: list[JetArray]) -> None:
        self.layers = layers
        self.count = sum(z.size for z in layers)

    def _flat(self, order: int) -> np.ndarray:
        return np.concatenate([z.coefficients[:order].reshape(order, -1) for z in self.layers], axis=1)

    def floats(self, order: int) -> np.ndarray:
        return to_floats(self._flat(order), self.layers[0].ar.bits) if self.layers else np.zeros((order, 0))

    def exact(self, index: int, order: int) -> np.ndarray:
        return self._flat(order)[:, index]


def first_crossing(
    kinks: KinkArguments,
    signs: np.ndarray,
    vanishing: Mapping[int, int],
    order: int,
    length: mpz,
    bits: int,
    zero: mpz,
) -> tuple[list[int], mpz]:
    """The indices of the arguments that change sign first on (0, length], and where; none: `length` itself.

    `signs` (one per argument) are those kept until then, 0 for arguments not to watch; `vanishing` counts the
    leading coefficients that are zero; zeros within `zero` of the first are simultaneous.
    """
    if not len(signs):
        return [], length
    h = int(length) / (1 << bits)
    c = kinks.floats(order) * signs
    for i, n in vanishing.items():  # divide by s^n: the zero at s = 0 is the kink just left
        c[:-n, i], c[-n:, i] = c[n:, i], 0.0
    powers = h ** np.arange(len(c))
    spread = (np.abs(c[1:]) * powers[1:, None]).sum(0)
    open_ = np.flatnonzero((signs != 0) & (c[0] <= spread))
    if not len(open_):
        return [], length
    hits = _march(c[:, open_], h)
    found: list[tuple[mpz, int]] = []
    best = h
    for near, index in sorted((s, int(open_[i])) for i, s in hits):
        if near > best * (1 + 1e-9):
            break
        root = _refine(
            kinks.exact(index, order)[vanishing.get(index, 0) :] * int(signs[index]), near, length, bits
        )
        if root is not None:
            found.append((root, index))
            best = min(best, int(root) / (1 << bits))
    if not found:
        return [], length
    first = min(root for root, _ in found)
    return [index for root, index in found if root - first <= zero], first


def _refine(c: np.ndarray, near: float, length: mpz, bits: int) -> mpz | None:
    """The zero of the series after `near` where it turns negative, by bisection-safeguarded Newton; None if
    it only touches zero.
    """
    derivative = np.array([n * v for n, v in enumerate(c)][1:] or [mpz(0)], dtype=object)
    low, gap = from_float(near * (1 - 1e-12), bits), mpz(1) << max(bits - 44, 1)
    while horner(c, min(low + gap, length), bits) >= 0:  # ends: gap doubles up to length
        tick()
        if low + gap >= length:
            return None
        gap *= 2
    high = min(low + gap, length)
    if horner(c, low, bits) < 0:
        low = mpz(0)
    root = (low + high) >> 1
    for _ in range(4 * bits):
        tick()
        value = horner(c, root, bits)
        if value >= 0:
            low = root
        else:
            high = root
        if high - low <= 2:
            break
        slope = horner(derivative, root, bits)
        newton = root - (value << bits) // slope if slope else low
        if abs(newton - root) <= 1:
            break
        root = newton if low < newton < high else (low + high) >> 1
    return root if root > 0 else None


def _march(c: np.ndarray, h: float) -> list[tuple[int, float]]:
    """Where each polynomial (columns of c, >= 0 at 0) first comes near zero on [0, h]: steps of value /
    Lipschitz bound never pass a zero. Pairs (column, place).
    """
    orders = np.arange(1, len(c))
    lipschitz = (orders[:, None] * np.abs(c[1:]) * (h ** (orders - 1))[:, None]).sum(0)
    scale = np.abs(c).max(0)
    place, alive, hits = np.zeros(c.shape[1]), np.ones(c.shape[1], dtype=bool), []
    for _ in range(MARCH_LIMIT):
        tick()
        columns = np.flatnonzero(alive)
        if not len(columns):
            break
        at, sub = place[columns], c[:, columns]
        value = sub[-1].copy()
        for row in sub[-2::-1]:
            value = value * at + row
        near = value <= 1e-13 * scale[columns]
        hits += [(int(i), float(place[i])) for i in columns[near]]
        alive[columns[near]] = False
        moving = columns[~near]
        place[moving] += value[~near] / np.maximum(lipschitz[moving], 1e-300)
        alive[place > h] = False
    return hits + [(int(i), float(place[i])) for i in np.flatnonzero(alive)]


def horner(coefficients: np.ndarray, s: mpz, bits: int) -> Any:
    """The series at fixed-point s."""
    value = coefficients[-1]
    for c in coefficients[-2::-1]:
        value = ((value * s) >> bits) + c
    return value


def to_floats(values: np.ndarray, bits: int) -> np.ndarray:
    """Fixed-point numbers in double precision; `Inconclusive` for numbers of about 2^124 and above."""
    shift = max(bits - 900, 0)  # doubles hold the magnitude of numbers below 2^1024, however small next to 1
    try:
        return np.ldexp((values >> shift).astype(np.float64), shift - bits)
    except OverflowError:
        raise Inconclusive(
            "the flow cannot be followed: its Taylor coefficients are too large for double precision."
        ) from None


def from_float(value: float, bits: int) -> mpz:
    """A double in fixed point."""
    mantissa, exponent = math.frexp(value)
    scaled, shift = mpz(int(math.ldexp(mantissa, 53))), bits + exponent - 53
    return scaled << shift if shift >= 0 else scaled >> -shift
