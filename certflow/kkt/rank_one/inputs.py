"""What a rank-one KKT point needs to know of the data along b_1: `Σ z_i (b·x_i)_+^q` and its gradient at b
and -b (L6.34).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.algebra.directions import dot, parallel
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.exact import exact_matrix, exact_vector
from certflow.kkt.neuron.circle import PlanarPoint
from certflow.kkt.points import Exact, KKTPoint
from certflow.kkt.rank_one.construct import InputDirection
from certflow.outcome import BadInput
from certflow.running import tick

_SMALL = 1_000


@dataclass(frozen=True, eq=False)
class Sides:
    """A = Σ z_i (b·x_i)_+^q, B the same at -b, and what is known of b.

    `one_sided`: p > 1, and A or B vanishes with its gradient. `both_kkt`: b and -b are KKT points of Σ z_i
    (b·x_i)_+^q. None where it is not decided. A and B are exact up to one positive factor if b is, otherwise
    0.
    """

    one_sided: bool | None
    both_kkt: bool | None
    A: Fraction
    B: Fraction


class Inputs:
    """The exact samples (X, z) that count, seen through one neuron of power `q`; `bits` of the balls
    (L6.30)."""

    def __init__(self, X: Any, z: Any, q: int, bits: int) -> None:
        rows, weights = exact_data(X, z)
        kept = [i for i, row in enumerate(rows) if weights[i] and any(row)]
        self.rows, self.weights = [rows[i] for i in kept], [weights[i] for i in kept]
        self.q, self.bits = q, bits

    def start(self, entry: KKTPoint, P: Fraction, Q: Fraction) -> InputDirection:
        """b_1 from a KKT point of `Σ z_i (P (b·x_i)_+^q + Q (b·x_i)_-^q)`, exact if it is known to be
        rational, or if within its enclosure there is a KKT point with small rational coordinates.

        Raises `BadInput` if the gradient of this neuron is proved not to be radial there.
        """
        b = np.array(entry.point, dtype=object)
        gradient = self._gradient(b, P, Q)
        if any(not v.contains(0) for v in gradient - b * (gradient @ b)):
            raise BadInput(
                f"neuron_points: the point {', '.join(c.text(6) for c in b)} is not a KKT point of the "
                f"effective neuron of power {self.q}; give the points of `effective_neurons`."
            )
        exact = entry.direction or (entry.exact_point if isinstance(entry, PlanarPoint) else None)
        return InputDirection.of(entry.point, exact or self._rational(entry.point, P, Q), self.bits)

    def _rational(self, point: tuple[Ball, ...], P: Fraction, Q: Fraction) -> Exact | None:
        """A vector in the direction of `point`, as far as that is known, that is exactly a KKT point of the
        effective neuron: one with small rational coordinates, or along a sample, as for collinear data.
        """
        middle = [c.mid() for c in point]
        largest = max(abs(c) for c in middle)
        small = tuple((c / largest).limit_denominator(_SMALL) for c in middle)
        for guess in (small, *(tuple(sign * c for c in row) for row in self.rows for sign in (1, -1))):
            tick()
            unit = InputDirection.of(point, guess, self.bits).point
            if not all(known.overlaps(c) for known, c in zip(point, unit, strict=True)):
                continue
            if self.q == 1 and any(dot(row, guess) == 0 for row in self.rows):
                continue
            right, left = self.half(guess)[1], self.half(tuple(-c for c in guess))[1]
            if parallel(tuple(P * a - Q * b for a, b in zip(right, left, strict=True)), guess):
                return guess
        return None

    def _gradient(self, b: np.ndarray, P: Fraction, Q: Fraction) -> Any:
        """∇ Σ z_i (P (b·x_i)_+^q + Q (b·x_i)_-^q) / q in balls, all Clarke selections."""
        total = np.array([Ball(0, self.bits)] * len(b), dtype=object)
        left = (-1) ** self.q * Q
        hull = Ball.interval(min(P, left), max(P, left), self.bits)
        for row, weight in zip(self.rows, self.weights, strict=True):
            t = sum((c * u for c, u in zip(row, b, strict=True)), Ball(0, self.bits))
            sign = t.sign()
            slope = P if sign == 1 else left if sign == -1 else hull
            total = total + np.array([t ** (self.q - 1) * slope * (weight * c) for c in row], dtype=object)
        return total

    def on_kink(self, start: InputDirection) -> bool:
        """Whether some b·x_i is, or may be, 0."""
        return any(self._sign(start, row) in (0, UNKNOWN) for row in self.rows)

    def _sign(self, start: InputDirection, row: Sequence[Fraction]) -> int:
        """The sign of b·x, or `UNKNOWN`."""
        if start.exact is not None:
            t = dot(row, start.exact)
            return (t > 0) - (t < 0)
        return sum((c * u for c, u in zip(row, start.point, strict=True)), Ball(0, self.bits)).sign()

    def sides(self, start: InputDirection) -> Sides:
        """Which sides of the data count, and whether -b is a KKT point too: exact if b is, otherwise as
        far as balls decide (L6.34, L6.35)."""
        if start.exact is not None:
            A, right = self.half(start.exact)
            B, left = self.half(tuple(-c for c in start.exact))
            radial = parallel(right, start.exact) and parallel(left, start.exact)
            return Sides(self.q > 1 and not (any(right) and any(left)), radial, A, B)
        b = np.array(start.point, dtype=object)
        halves = self._gradient(b, Fraction(1), Fraction(0)), self._gradient(b, Fraction(0), Fraction(1))
        radial = all(v.contains(0) for g in halves for v in g - b * (g @ b))
        signs = {self._sign(start, row) for row in self.rows}
        alone: bool | None = self.q > 1
        if alone and (UNKNOWN in signs or {1, -1} <= signs):
            # Both sides count unless one sum vanishes by coincidence, which balls cannot tell.
            alone = None if UNKNOWN in signs or any((g @ b).contains(0) for g in halves) else False
        return Sides(alone, None if radial else False, Fraction(0), Fraction(0))

    def half(self, b: Exact) -> tuple[Fraction, Exact]:
        """Σ z_i (b·x_i)_+^q and a q-th of its gradient, exact; at kinks of power 1 the selection 0."""
        value, gradient = Fraction(0), [Fraction(0)] * len(b)
        for row, weight in zip(self.rows, self.weights, strict=True):
            t = dot(row, b)
            if t > 0:
                value += weight * t**self.q
                gradient = [g + weight * t ** (self.q - 1) * c for g, c in zip(gradient, row, strict=True)]
        return value, tuple(gradient)

    def positive(self, start: InputDirection) -> InputDirection:
        """b or -b, whichever sees the inputs that count as positive."""
        if start.exact is not None:
            return start if any(self.half(start.exact)[1]) else start.opposite()
        return start if any(self._sign(start, row) == 1 for row in self.rows) else start.opposite()


def exact_data(X: Any, z: Any) -> tuple[list[list[Fraction]], list[Fraction]]:
    """X and z as rationals; raises `BadInput` for what is not a number."""
    return exact_matrix(X, "X"), exact_vector(z, "z")
