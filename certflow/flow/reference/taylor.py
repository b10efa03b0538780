"""One Taylor step of a vector field with activation kinks, in fixed point: expand, find the first kink, stop
there.

Approximate throughout. The step's polynomial is y(s) = sum c_n s^n for 0 <= s <= h <= 1, where s counts units
of 2^unit of the field's own time. The order adapts (the expansion ends when two coefficients are below the
tolerance), and so do the unit and h; a step that meets a kink ends on it. Where the field jumps at a kink,
`sliding.py` decides whether the flow crosses it or slides along it; an argument that slides is zero and is
watched by two events instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.jets import JetArithmetic, JetArray
from certflow.flow.reference.crossings import KinkArguments, first_crossing, from_float, horner
from certflow.flow.reference.sliding import SLIDING, NoneAgrees, Sliding
from certflow.outcome import Inconclusive
from certflow.running import tick

PROBE = 4
"""How many orders tell which way the flow leaves a kink."""


class VectorField(Protocol):
    """A vector field that records itself on jets, given the signs of its kink arguments."""

    scales: Any  # a new object whenever the recorded program would be another
    sliding: Sliding | None  # None if the field is continuous at its kinks

    def trace(
        self, ar: JetArithmetic, y: JetArray, signs: list[np.ndarray]
    ) -> tuple[JetArray, KinkArguments]:
        """The derivative of y, and its kink arguments, in the cell that `signs` select."""


@dataclass(frozen=True)
class StepPolynomial:
    """A step: coefficients (order + 1, k) in fixed point with `bits` fractional bits, valid for 0 <= s <=
    length.
    """

    coefficients: np.ndarray
    bits: int
    unit: int
    length: mpz

    def at(self, s: mpz, columns: list[int] | None = None) -> np.ndarray:
        """The state (k), or the named columns of it, at fixed-point s."""
        return horner(self.coefficients if columns is None else self.coefficients[:, columns], s, self.bits)


@dataclass
class Stepper:
    """The state of one integration: where it is, in which cell, and how large the next step might be."""

    vector_field: VectorField
    ar: JetArithmetic
    state: np.ndarray
    signs: list[np.ndarray]
    natural: int = 0
    tolerance_bits: int = 6
    fresh: dict[int, int] = field(default_factory=dict)
    kinks_met: int = 0
    orders: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        # Series end where their terms fall below the tolerance; zero means indistinguishable from a kink by
        # rounding.
        self.tolerance = mpz(1) << self.tolerance_bits
        self.zero = mpz(1) << 16
        self.unit = self.natural
        self._record: tuple[Any, tuple[JetArray, JetArray, KinkArguments]] | None = None
        # The arguments to decide about before the first step, by flat index, and the events that stay at
        # zero.
        jumps = self.vector_field.sliding is not None
        self._undecided: set[int] = set(np.flatnonzero(self._flat_signs() == 0).tolist()) if jumps else set()
        self._idle: set[int] = set()
        self._started = False

    def step(self, limit: mpz | None = None, limit_unit: int = 0) -> StepPolynomial:
        """Advance by one step, to at most `limit` (fixed point) units of 2^limit_unit, and return its
        polynomial.

        Raises `Inconclusive` where the flow branches at a kink, or slides along one that is not of the
        lowest trained layer.
        """
        self.start()
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
        signs = self._orientations(kinks.count)
        crossing, length = first_crossing(kinks, signs, self.fresh, order, length, self.ar.bits, self.zero)
        polynomial = StepPolynomial(coefficients, self.ar.bits, self.unit, length)
        self.state = polynomial.at(length)
        if self.vector_field.sliding is not None:
            self.vector_field.sliding.hold(self.state, self.signs)
        self.steps += 1
        self.orders += len(coefficients) - 1
        self._choose_unit(length, converged, len(coefficients) - 1, bool(crossing))
        self._cross(crossing)
        return polynomial

    def velocity(self) -> np.ndarray:
        """The field at the present state, in the present cell, in fixed point."""
        self.start()
        y, derivative, _ = self._recorded()
        y.coefficients[0] = self.state
        self.ar.extend(0)
        return derivative.coefficients[0]

    # -- expansion -------------------------------------------------------------------------------------------

    def _expand(self) -> tuple[np.ndarray, KinkArguments, bool]:
        """Coefficients of the state, all kink arguments, and whether the series converged on [0, 1]."""
        y, derivative, kinks = self._recorded()
        c = y.coefficients
        c[0] = self.state
        self.unit = self.natural
        previous, n, aimed = None, 0, False
        while n < self.ar.order:  # ends: n rises
            tick()
            self._next(y, derivative, n)
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

    def _next(self, y: JetArray, derivative: JetArray, n: int) -> None:
        """Coefficient n + 1 of the state."""
        self.ar.extend(n)
        raw = derivative.coefficients[n]
        y.coefficients[n + 1] = (raw << self.unit if self.unit >= 0 else raw >> -self.unit) // (n + 1)

    def _recorded(self) -> tuple[JetArray, JetArray, KinkArguments]:
        """The field's program for the present cell, recorded again only if the cell or the field's scales
        changed.
        """
        key = (self.vector_field.scales, *(s.tobytes() for s in self.signs))
        if self._record is None or self._record[0] != key:
            self.ar.program.clear()
            y = self.ar.variable(self.state.shape)
            derivative, kinks = self.vector_field.trace(self.ar, y, self.signs)
            self.ar.compile(y, derivative, *getattr(kinks, "layers", ()))
            self._record = key, (y, derivative, kinks)
        return self._record[1]

    def _aim(self, kinks: np.ndarray) -> bool:
        """Shrink the unit if the next kink is, to first order, much nearer than one unit; say whether it
        did.
        """
        signs = self._orientations(kinks.shape[1])
        if not len(signs):
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
        return from_float(2.0 ** min(logs), self.ar.bits) if logs else mpz(1) << self.ar.bits

    def _choose_unit(self, length: mpz, converged: bool, order: int, at_kink: bool) -> None:
        """The natural unit is the longest in which the series converges; kinks shorten a step, not the next
        one.
        """
        if not converged:
            fraction = int(length) / (1 << self.ar.bits)
            if not at_kink:
                self.natural = self.unit + math.ceil(math.log2(max(fraction, 1e-9)))
            elif self.unit == self.natural:
                self.natural -= 1
        elif self.unit == self.natural and order < 0.8 * self.ar.order:
            self.natural += 1

    # -- kinks -----------------------------------------------------------------------------------------------

    def _flat_signs(self) -> np.ndarray:
        return (
            np.concatenate([s.reshape(-1) for s in self.signs]) if self.signs else np.zeros(0, dtype=np.int8)
        )

    def _orientations(self, count: int) -> np.ndarray:
        """The sign that each of `count` arguments and events keeps until it reaches zero; 0 for those not to
        watch.
        """
        signs = self._flat_signs()
        signs = np.concatenate(
            [np.where(np.abs(signs) == SLIDING, 0, signs), np.ones(count - len(signs), dtype=np.int8)]
        )
        signs[list(self._idle)] = 0
        return signs

    def set_sign(self, index: int, sign: int) -> None:
        """Choose the sign of the argument with this flat index."""
        for layer in self.signs:
            if index < layer.size:
                layer.reshape(-1)[index] = sign
                return
            index -= layer.size

    def is_zero(self, value: Any) -> bool:
        """Whether a fixed-point number is zero but for rounding."""
        return abs(value) <= self.zero

    def _leading(self, series: np.ndarray) -> tuple[int, int]:
        """The order and sign of the first coefficient that is not zero but for rounding; sign 0 if there is
        none.
        """
        return next(
            ((n, 1 if v > 0 else -1) for n, v in enumerate(series) if abs(v) > self.zero), (len(series), 0)
        )

    def probe(self) -> tuple[np.ndarray, Callable[[int], int]]:
        """With the present signs: the velocity's first coefficients, and the sign that each argument or event
        takes next (0 if it stays at zero).
        """
        y, derivative, kinks = self._recorded()
        y.coefficients[0], self.unit = self.state, self.natural
        count = sum(s.size for s in self.signs)
        for n in range(PROBE):
            tick()
            self._next(y, derivative, n)

        def motion(index: int) -> int:
            # What remains of an argument at zero is the rounding of the place where the last step ended.
            return self._leading(kinks.exact(index, PROBE)[index < count :])[1]

        return derivative.coefficients[:PROBE].copy(), motion

    def start(self) -> None:
        """Before the first step: a unit in which a fast field is of size one, and the kinks at which the
        integration starts.
        """
        if self.steps or self._started:
            return
        self._started = True
        y, derivative, _ = self._recorded()
        y.coefficients[0] = self.state
        self.ar.extend(0)
        speed = max((abs(v) for v in derivative.coefficients[0]), default=mpz(0))
        self.natural = min(self.natural, self.ar.bits - speed.bit_length())
        undecided, self._undecided = self._undecided, set()
        if undecided:
            self._decide(undecided)

    def _decide(self, indices: set[int]) -> None:
        """Choose the signs of arguments at which the field jumps."""
        if self.vector_field.sliding is not None:
            decided = self._decided(self.vector_field.sliding, indices)
            signs = self._flat_signs()
            self.fresh |= {i: 1 for i in decided if abs(signs[i]) == 1}

    def _decided(self, sliding: Sliding, indices: set[int]) -> set[int]:
        """The arguments decided about. Where no sides agree, rounding may be larger than was taken for it, up
        to the terms at which series end.
        """
        before = [s.copy() for s in self.signs]
        while True:  # ends: zero grows up to the tolerance
            try:
                return sliding.decide(self, sorted(indices))
            except NoneAgrees:
                if self.zero >= self.tolerance:
                    raise
            self.zero <<= 4
            for signs, old in zip(self.signs, before, strict=True):
                signs[...] = old

    def _settle_signs(self, kinks: KinkArguments, order: int) -> bool:
        """Give arguments that start at zero the sign they move to; False if the cell had to change."""
        signs, settled = self._flat_signs(), True
        self._idle.clear()
        for i in np.flatnonzero(signs == 0).tolist():
            n, sign = self._leading(kinks.exact(i, order))
            if sign:
                self.set_sign(i, sign)
                if n:
                    self.fresh[i] = n
                settled = False
        if not settled:
            return False
        moves = {i: self._leading(kinks.exact(i, order)[1:]) for i in self.fresh if abs(signs[i]) == 1}
        events = {e: self._leading(kinks.exact(e, order)) for e in range(len(signs), kinks.count)}
        wrong = {i for i, (_, sign) in moves.items() if sign != signs[i]} | {
            e for e, (_, sign) in events.items() if sign < 0
        }
        if wrong:
            self.fresh = {i: 1 for i in moves if i not in wrong}
            self._turn(wrong, {i: sign for i, (_, sign) in moves.items()})
            return False
        self.fresh = {i: n + 1 for i, (n, _) in moves.items()} | {
            e: n for e, (n, sign) in events.items() if n and sign
        }
        self._idle = {e for e, (_, sign) in events.items() if not sign}
        return True

    def _turn(self, wrong: set[int], moves: dict[int, int]) -> None:
        """Correct the signs of arguments that do not go where their sign says."""
        if self.vector_field.sliding is not None:
            self._decide(wrong)
            return
        for i in wrong:
            self.set_sign(i, moves[i])
            if moves[i]:
                self.fresh[i] = 1

    def _cross(self, crossing: list[int]) -> None:
        signs = self._flat_signs()
        self.fresh = {index: 1 for index in crossing if index < len(signs)}
        if crossing:
            self._idle.clear()
        for index in self.fresh:
            self.set_sign(index, -int(signs[index]))
        self.kinks_met += len(crossing)

    def _stuck(self) -> str:
        return (
            "the flow reached a kink of the activation that it neither crosses nor leaves; stopped there: "
            "shorten the time, or use an activation with power >= 2."
        )


def _log2(value: mpz) -> float:
    extra = max(value.bit_length() - 60, 0)
    return math.log2(int(value >> extra)) + extra
