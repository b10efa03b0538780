"""What is decided exactly about the KKT points of a neuron of power 1, before it gets numbers in balls (L6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from certflow.algebra.cones import zero_in_hull
from certflow.kkt.neuron.features import Neuron
from certflow.running import tick

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Finding:
    """A KKT direction u with n(u) = λ != 0 (`direction` is a multiple), or a face with n = 0, all of which is KKT.

    `sign` is that of λ and `square` is λ². `dimension` is that of the face of u, `slopes` are the signs of n'(u; q) on the
    extreme rays q of the cells around u, across the face. If λ = 0, the closure of the face is the cone of `rays` plus the
    span of `lines`, `direction` is a point of it, and `dead` says that no term is active there.
    """

    direction: Vector
    dimension: int
    slopes: frozenset[int]
    sign: int
    square: Fraction
    rays: tuple[Vector, ...] = ()
    lines: tuple[Vector, ...] = ()
    dead: bool = False

    def negated(self) -> Finding:
        """The same for -n."""
        return replace(self, sign=-self.sign, slopes=frozenset(-s for s in self.slopes))

    @property
    def kind(self) -> str:
        """The kind of a point; "maximum" if the sphere has no other point near, "degenerate" if λ = 0 does not decide."""
        level = self.dimension > 1 or 0 in self.slopes
        rises = 1 in self.slopes or (self.sign < 0 and level)
        falls = -1 in self.slopes or (self.sign > 0 and level)
        if rises and falls:
            return "saddle"
        if self.sign == 0 and level:
            return "degenerate"
        return "minimum" if rises else "maximum"


@dataclass(frozen=True, eq=False)
class Findings:
    """All of them, with the terms of n, their gradients g_A on all cells (of `scale` n), and what was visited."""

    found: list[Finding]
    terms: WholeTerms
    gradients: np.ndarray
    counts: dict[str, int]

    def zero_in_all_gradients(self) -> bool:
        """Whether 0 is in the convex hull of all g_A, the Clarke gradients at the origin."""
        # Where a face has λ = 0, it is in the hull of those of the cells around it.
        return any(not f.sign for f in self.found) or zero_in_hull(self.gradients.tolist())

    def zero(self) -> Vector | None:
        """A direction with n = 0 if n has both signs on a sphere of dimension >= 1, else None."""
        place = {f.sign: f.direction for f in self.found}
        if self.terms.d == 1 or not {1, -1} <= place.keys():
            return None
        return self.terms.zero_between(place[1], place[-1])


class WholeTerms:
    """The terms of a neuron of power 1 in whole numbers.

    `scale` n(u) is the sum of `plus` (where h·u > 0) or `minus` times h·u over the rows h of H, which are first the
    `kinked` ones; `smooth` is the gradient of the others.
    """

    def __init__(self, neuron: Neuron) -> None:
        hinges = neuron.hinges
        self.d, self.kinked = neuron.inputs, len(neuron.kinked)
        self.scale = lcm(*(c.denominator for h in hinges for c in (h.plus, h.minus)))
        self.H = np.array([h.normal for h in hinges], dtype=object).reshape(len(hinges), neuron.inputs)
        self.plus = np.array([int(h.plus * self.scale) for h in hinges], dtype=object)
        self.minus = np.array([int(h.minus * self.scale) for h in hinges], dtype=object)
        rest = slice(self.kinked, None)
        self.smooth = (self.plus[rest, None] * self.H[rest]).sum(axis=0)

    def sides(self, signs: np.ndarray) -> np.ndarray:
        """The coefficients of the kinked terms where they have these signs (.. × kinked), 0 for sign 0."""
        return np.where(signs > 0, self.plus[: self.kinked], np.where(signs < 0, self.minus[: self.kinked], 0))

    def gradients(self, signs: np.ndarray) -> np.ndarray:
        """The gradients of the sum of the terms of sign != 0, for each row of signs of the kinked terms."""
        return self.sides(signs) @ self.H[: self.kinked] + self.smooth

    def value(self, u: np.ndarray) -> int:
        """`scale` n(u)."""
        heights = self.H @ u
        return int((np.where(heights > 0, self.plus, self.minus) * heights).sum())

    def zero_between(self, above: Vector, below: Vector) -> Vector:
        """A direction with n = 0, from one with n > 0 and one with n < 0, d >= 2.

        The segment between them is cut at a kink until the ends are in one closed cell, where n is linear.
        """
        high, low = np.array(above, dtype=object), np.array(below, dtype=object)
        if high @ low < 0 and (high @ low) ** 2 == (high @ high) * (low @ low):
            # Opposite directions: by way of a third one.
            between = np.array([int(k == np.argmin(np.abs(high))) for k in range(self.d)], dtype=object)
            high, low = (between, low) if self.value(between) >= 0 else (high, between)
        kinks = self.H[: self.kinked]
        while len(kinks):  # ends: half of the kinks between the ends remain
            tick()
            at_high, at_low = kinks @ high, kinks @ low
            apart = np.flatnonzero((at_high * at_low < 0).astype(bool))
            kinks, at_high, at_low = kinks[apart], np.abs(at_high[apart]), np.abs(at_low[apart])
            if len(kinks):
                k = len(kinks) // 2
                middle = np.array(reduced(at_low[k] * high + at_high[k] * low), dtype=object)
                high, low = (middle, low) if self.value(middle) >= 0 else (high, middle)
        return reduced(-self.value(low) * high + self.value(high) * low)


def reduced(vector: np.ndarray) -> Vector:
    """The vector, not zero, in lowest terms."""
    values = vector.tolist()
    divisor = gcd(*values)
    return tuple([v // divisor for v in values])


def signs_of(values: np.ndarray) -> frozenset[int]:
    """The signs that occur."""
    return frozenset((v > 0) - (v < 0) for v in values.tolist())
