"""One Taylor step of a vector field with activation kinks, in fixed point: expand, find the first kink, stop there.

Approximate throughout. The step's polynomial is y(s) = sum c_n s^n for 0 <= s <= h <= 1, where s counts units of
2^unit of the field's own time. The order adapts (the expansion ends when two coefficients are below the tolerance),
and so do the unit and h; a step that meets a kink ends on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.jets import JetArithmetic, JetArray
from certflow.outcome import Inconclusive

MARCH_LIMIT = 400


class KinkArguments(Protocol):
    """The series of all kink arguments, flat; read after the expansion."""

    count: int

    def floats(self, order: int) -> np.ndarray:
        """Coefficients 0..order-1 in double precision, (order, count)."""

    def exact(self, index: int, order: int) -> np.ndarray:
        """Coefficients 0..order-1 of one argument in fixed point."""


class Field(Protocol):
    """A vector field that records itself on jets, given the signs of its kink arguments."""

    scales: Any  # a new object whenever the recorded program would be another

    def trace(self, ar: JetArithmetic, y: JetArray, signs: list[np.ndarray]) -> tuple[JetArray, KinkArguments]:
        """The derivative of y, and its kink arguments, in the cell that `signs` select."""


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


@dataclass(frozen=True)
class Polynomial:
    """A step: coefficients (order + 1, k) in fixed point with `bits` fractional bits, valid for 0 <= s <= length."""

    coefficients: np.ndarray
    bits: int
    unit: int
    length: mpz

    def at(self, s: mpz) -> np.ndarray:
        """The state (k) at fixed-point s."""
        return _horner(self.coefficients, s, self.bits)


def _horner(coefficients: np.ndarray, s: mpz, bits: int) -> Any:
    value = coefficients[-1]
    for c in coefficients[-2::-1]:
        value = ((value * s) >> bits) + c
    return value


@dataclass
class Stepper:
    """The state of one integration: where it is, in which cell, and how large the next step might be."""

    vector_field: Field
    ar: JetArithmetic
    state: np.ndarray
    signs: list[np.ndarray]
    natural: int = 0
    tolerance_bits: int = 6
    fresh: set[int] = field(default_factory=set)
    kinks_met: int = 0
    orders: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        # Series end where their terms fall below the tolerance; zero means indistinguishable from a kink by rounding.
        self.tolerance = mpz(1) << self.tolerance_bits
        self.zero = mpz(1) << 16
        self.unit = self.natural
        self._record: tuple[Any, tuple[JetArray, JetArray, KinkArguments]] | None = None

    def step(self, limit: mpz | None = None, limit_unit: int = 0) -> Polynomial:
        """Advance by one step, to at most `limit` (fixed point) units of 2^limit_unit, and return its polynomial.

        Raises `Inconclusive` where the flow would slide along a kink or branch at it.
        """
        for _ in range(8):
            coefficients, kinks, converged = self._expand()
            order = len(coefficients) - 1
            if self._settle_signs(kinks, order):
                break
        else:
            raise Inconclusive(self._stuck())
        one = mpz(1) << self.ar.bits
        length = one if converged else min(one, self._radius(coefficients))
        if limit is not None:
            shift = limit_unit - self.unit
            length = min(length, limit << shift if shift >= 0 else limit >> -shift)
        crossing, length = self._first_kink(kinks, order, length)
        polynomial = Polynomial(coefficients, self.ar.bits, self.unit, length)
        self.state = polynomial.at(length)
        self.steps += 1
        self.orders += len(coefficients) - 1
        self._choose_unit(length, converged, len(coefficients) - 1, bool(crossing))
        self._cross(crossing)
        return polynomial

    def velocity(self) -> np.ndarray:
        """The field at the present state, in the present cell, in fixed point."""
        y, derivative, _ = self._recorded()
        y.coefficients[0] = self.state
        self.ar.extend(0)
        return derivative.coefficients[0]

    # -- expansion -------------------------------------------------------------------------------------------------

    def _expand(self) -> tuple[np.ndarray, KinkArguments, bool]:
        """Coefficients of the state, all kink arguments, and whether the series converged on [0, 1]."""
        ar = self.ar
        y, derivative, kinks = self._recorded()
        c = y.coefficients
        c[0] = self.state
        self.unit = self.natural
        previous, n, aimed = None, 0, False
        while n < ar.order:
            ar.extend(n)
            raw = derivative.coefficients[n]
            c[n + 1] = (raw << self.unit if self.unit >= 0 else raw >> -self.unit) // (n + 1)
            size = max(abs(v) for v in c[n + 1])
            n += 1
            if n >= 4 and size <= self.tolerance and previous is not None and previous <= self.tolerance:
                return c[: n + 1].copy(), kinks, True
            previous = size
            if n == 2 and not aimed:
                aimed = True
                if self._aim(kinks.floats(2)):
                    previous, n = None, 0
        return c.copy(), kinks, False

    def _recorded(self) -> tuple[JetArray, JetArray, KinkArguments]:
        """The field's program for the present cell, recorded again only if the cell or the field's scales changed."""
        key = (self.vector_field.scales, *(s.tobytes() for s in self.signs))
        if self._record is None or self._record[0] != key:
            self.ar.program.clear()
            y = self.ar.variable(self.state.shape)
            derivative, kinks = self.vector_field.trace(self.ar, y, self.signs)
            self.ar.compile(y, derivative, *getattr(kinks, "layers", ()))
            self._record = key, (y, derivative, kinks)
        return self._record[1]

    def _aim(self, kinks: np.ndarray) -> bool:
        """Shrink the unit if the next kink is, to first order, much nearer than one unit; say whether it did."""
        signs = self._flat_signs()
        if kinks.shape[1] == 0:
            return False
        value, slope = kinks[0] * signs, kinks[1] * signs
        coming = (slope < 0) & (value > 0)
        coming[list(self.fresh)] = False
        if not coming.any():
            return False
        nearest = 1.25 * float(np.min(value[coming] / -slope[coming]))
        if nearest >= 0.5 or nearest <= 0:
            return False
        self.unit += max(math.floor(math.log2(nearest)) + 1, -16)
        return True

    def _radius(self, coefficients: np.ndarray) -> mpz:
        """The length at which the last two terms fall below the tolerance."""
        logs = []
        for n in (len(coefficients) - 2, len(coefficients) - 1):
            size = max(abs(v) for v in coefficients[n])
            if size > self.tolerance:
                logs.append((_log2(self.tolerance) - _log2(size)) / n)
        return _from_float(2.0 ** min(logs), self.ar.bits) if logs else mpz(1) << self.ar.bits

    def _choose_unit(self, length: mpz, converged: bool, order: int, at_kink: bool) -> None:
        """The natural unit is the longest in which the series converges; kinks shorten a step, not the next one."""
        if not converged:
            fraction = int(length) / (1 << self.ar.bits)
            if not at_kink:
                self.natural = self.unit + math.ceil(math.log2(max(fraction, 1e-9)))
            elif self.unit == self.natural:
                self.natural -= 1
        elif self.unit == self.natural and order < 0.8 * self.ar.order:
            self.natural += 1

    # -- kinks -----------------------------------------------------------------------------------------------------

    def _flat_signs(self) -> np.ndarray:
        return np.concatenate([s.reshape(-1) for s in self.signs]) if self.signs else np.zeros(0, dtype=np.int8)

    def _set_sign(self, index: int, sign: int) -> None:
        for layer in self.signs:
            if index < layer.size:
                layer.reshape(-1)[index] = sign
                return
            index -= layer.size

    def _settle_signs(self, kinks: KinkArguments, order: int) -> bool:
        """Give arguments that start at zero the sign they move to; False if the cell had to change."""
        signs, settled = self._flat_signs(), True
        for i in np.flatnonzero(signs == 0).tolist():
            c = kinks.exact(i, order)
            first = next((v for v in c if abs(v) > self.zero), None)
            if first is not None:
                self._set_sign(i, 1 if first > 0 else -1)
                if abs(c[0]) <= self.zero:
                    self.fresh.add(i)
                settled = False
        for i in list(self.fresh):
            leading = next((v for v in kinks.exact(i, order)[1:] if abs(v) > self.zero), None)
            if leading is None:
                self.fresh.discard(i)
            elif settled and (leading > 0) != (signs[i] > 0):
                self._set_sign(i, -int(signs[i]))
                settled = False
        return settled

    def _first_kink(self, kinks: KinkArguments, order: int, length: mpz) -> tuple[list[int], mpz]:
        """The indices of the arguments that change sign first on (0, length], and where; none: `length` itself."""
        signs = self._flat_signs()
        if kinks.count == 0:
            return [], length
        h = int(length) / (1 << self.ar.bits)
        fresh = np.zeros(len(signs), dtype=bool)
        fresh[list(self.fresh)] = True
        c = kinks.floats(order) * signs
        c[:-1, fresh], c[-1, fresh] = c[1:, fresh], 0.0  # divide by s: the zero at s = 0 is the kink just left
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
            root = self._refine(kinks.exact(index, order) * int(signs[index]), near, length, index in self.fresh)
            if root is not None:
                found.append((root, index))
                best = min(best, int(root) / (1 << self.ar.bits))
        if not found:
            return [], length
        first = min(root for root, _ in found)
        return [index for root, index in found if root - first <= self.zero], first

    def _refine(self, c: np.ndarray, near: float, length: mpz, deflate: bool) -> mpz | None:
        """The zero of the series after `near` where it turns negative, by bisection-safeguarded Newton; None if it
        only touches zero."""
        bits = self.ar.bits
        c = c[1:] if deflate else c
        derivative = np.array([n * v for n, v in enumerate(c)][1:] or [mpz(0)], dtype=object)
        low, gap = _from_float(near * (1 - 1e-12), bits), mpz(1) << max(bits - 44, 1)
        while _horner(c, min(low + gap, length), bits) >= 0:
            if low + gap >= length:
                return None
            gap *= 2
        high = min(low + gap, length)
        if _horner(c, low, bits) < 0:
            low = mpz(0)
        root = (low + high) >> 1
        for _ in range(4 * bits):
            value = _horner(c, root, bits)
            if value >= 0:
                low = root
            else:
                high = root
            if high - low <= 2:
                break
            slope = _horner(derivative, root, bits)
            newton = root - (value << bits) // slope if slope else low
            if abs(newton - root) <= 1:
                break
            root = newton if low < newton < high else (low + high) >> 1
        return root if root > 0 else None

    def _cross(self, crossing: list[int]) -> None:
        self.fresh = set(crossing)
        signs = self._flat_signs()
        for index in crossing:
            self._set_sign(index, -int(signs[index]))
        self.kinks_met += len(crossing)

    def _stuck(self) -> str:
        return (
            "the flow reached a kink of the activation that it neither crosses nor leaves (it slides along it, or branches); "
            "stopped there: shorten the time, or use an activation with power >= 2."
        )


def to_floats(values: np.ndarray, bits: int) -> np.ndarray:
    """Fixed-point numbers in double precision."""
    shift = max(bits - 900, 0)  # doubles hold the magnitude of numbers below 2^1024, however small next to 1
    return np.ldexp((values >> shift).astype(np.float64), shift - bits)


def _log2(value: mpz) -> float:
    extra = max(value.bit_length() - 60, 0)
    return math.log2(int(value >> extra)) + extra


def _from_float(value: float, bits: int) -> mpz:
    mantissa, exponent = math.frexp(value)
    scaled, shift = mpz(int(math.ldexp(mantissa, 53))), bits + exponent - 53
    return scaled << shift if shift >= 0 else scaled >> -shift


def _march(c: np.ndarray, h: float) -> list[tuple[int, float]]:
    """Where each polynomial (columns of c, >= 0 at 0) first comes near zero on [0, h]: steps of value / Lipschitz
    bound never pass a zero. Pairs (column, place)."""
    orders = np.arange(1, len(c))
    lipschitz = (orders[:, None] * np.abs(c[1:]) * (h ** (orders - 1))[:, None]).sum(0)
    scale = np.abs(c).max(0)
    place, alive, hits = np.zeros(c.shape[1]), np.ones(c.shape[1], dtype=bool), []
    for _ in range(MARCH_LIMIT):
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
