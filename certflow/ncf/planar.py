"""The constrained NCF of one planar neuron: an exact trigonometric polynomial on each arc between critical
angles.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.algebra.directions import Direction, counterclockwise, cross, reduced
from certflow.networks.activation import Activation
from certflow.running import tick


@dataclass(frozen=True)
class Arc:
    """One closed arc of the circle, counterclockwise from `start` to `end`, on which N is one polynomial.

    `start` and `end` are exact primitive integer vectors (equal for the whole circle), `inside` is one
    strictly between them. `form` holds the exact coefficients of `n(u) = sum_k form[k] u1^(p-k) u2^k` on the
    cone over the arc, `active` counts the samples with x_i . u > 0 in its interior.
    """

    start: Direction
    end: Direction
    inside: Direction
    active: int
    form: tuple[Fraction, ...]

    @property
    def power(self) -> int:
        """The degree p of the form."""
        return len(self.form) - 1

    @functools.cached_property
    def cosines(self) -> dict[int, Fraction]:
        """The exact coefficients A_m of `n(cos t, sin t) = sum_m A_m cos(m t) + B_m sin(m t)`; A_0 is the
        constant.
        """
        return self._harmonics(0)

    @functools.cached_property
    def sines(self) -> dict[int, Fraction]:
        """The exact coefficients B_m of the sines, m >= 1."""
        return self._harmonics(1)

    def _harmonics(self, part: int) -> dict[int, Fraction]:
        total: dict[int, Fraction] = {}
        for coefficient, monomial in zip(self.form, _monomials(self.power), strict=True):
            for frequency, factor in monomial[part].items():
                total[frequency] = total.get(frequency, Fraction(0)) + coefficient * factor
        return total

    def at(self, u: Sequence[Fraction | int]) -> Fraction:
        """The exact value of the form at `u` (2); equal to n(u) when `u` lies in the cone over the arc."""
        p, (a, b) = self.power, u
        return sum((c * a ** (p - k) * b**k for k, c in enumerate(self.form)), Fraction(0))

    def contains(self, u: Sequence[Fraction | int]) -> bool:
        """Whether the direction of `u` (2, not zero) lies on the closed arc; exact."""
        if self.start == self.end:
            return True
        # An arc is at most half a circle unless it is all of it, so two half-plane tests decide.
        if cross(self.start, self.end) == 0:
            return cross(self.start, u) >= 0
        return cross(self.start, u) >= 0 and cross(u, self.end) >= 0


@dataclass(frozen=True)
class PlanarNCF:
    """The arcs of `n(u) = sum_i z_i sigma(x_i . u)`, u on the unit circle, counterclockwise; they cover the
    circle.

    Consecutive arcs share their end, and where sigma is continuous (always) their values there agree.
    """

    arcs: tuple[Arc, ...]
    power: int

    def arc_at(self, u: Sequence[Fraction | int]) -> Arc:
        """The arc whose cone contains `u` (2, not zero); the first of two at an end."""
        return next(arc for arc in self.arcs if arc.contains(u))

    def value(self, u: Sequence[Fraction | int]) -> Fraction:
        """The exact n(u) for a rational `u` (2)."""
        return Fraction(0) if not any(u) else self.arc_at(u).at(u)


def planar_ncf(X: np.ndarray, z: np.ndarray, activation: Activation) -> PlanarNCF:
    """The arcs of one neuron with inputs `X` (n × 2) and NCF weights `z` (n), all `Fraction`; any power and
    alpha.

    The ends are the directions orthogonal to some x_i, in exact angular order from -180 (excluded) to 180
    degrees, parallel ones merged; without kinks (alpha = 1, or -1 with an even power) there is one arc, the
    whole circle.
    """
    p, off = activation.power, activation.off
    flips: dict[Direction, list[int]] = {}
    if activation.has_kink:
        for i, (a, b) in enumerate(X):
            tick()
            if a or b:
                for direction in (_direction(-b, a), _direction(b, -a)):
                    flips.setdefault(direction, []).append(i)
    found = list(flips)
    ends = [found[i] for i in counterclockwise(found)] or [(1, 0)]
    powers = [_power_form(row, p) for row in X]
    first = _between(ends[0], ends[1 % len(ends)])
    on = [_is_positive(row, first) for row in X]
    form = [Fraction(0)] * (p + 1)
    for i in range(len(X)):
        _accumulate(form, powers[i], z[i] if on[i] else z[i] * off)
    active, arcs = sum(on), []
    for index, start in enumerate(ends):
        tick()
        end = ends[(index + 1) % len(ends)]
        if index:
            for i in flips[start]:
                on[i] = not on[i]
                active += 1 if on[i] else -1
                _accumulate(form, powers[i], z[i] * (1 - off) if on[i] else z[i] * (off - 1))
        arcs.append(Arc(start, end, _between(start, end), active, tuple(form)))
    return PlanarNCF(tuple(arcs), p)


def _direction(x: Fraction | int, y: Fraction | int) -> Direction:
    (p, q), _ = reduced((x, y))
    return p, q


def _between(start: Direction, end: Direction) -> Direction:
    """A direction strictly inside the arc from `start` to `end` (at most half a circle, or all of it)."""
    if cross(start, end) == 0:
        return -start[1], start[0]
    # Each is scaled by the size of the other, or a long vector would hide the short one from the eye.
    size, other = abs(start[0]) + abs(start[1]), abs(end[0]) + abs(end[1])
    return _direction(start[0] * other + end[0] * size, start[1] * other + end[1] * size)


def _is_positive(row: np.ndarray, u: Direction) -> bool:
    return bool(row[0] * u[0] + row[1] * u[1] > 0)


def _power_form(row: np.ndarray, p: int) -> list[Fraction]:
    """The coefficients of (x1 u1 + x2 u2)^p."""
    return [math.comb(p, k) * row[0] ** (p - k) * row[1] ** k for k in range(p + 1)]


def _accumulate(form: list[Fraction], power: list[Fraction], factor: Fraction) -> None:
    if factor:
        for k, coefficient in enumerate(power):
            form[k] += factor * coefficient


@functools.lru_cache(maxsize=32)
def _monomials(p: int) -> tuple[tuple[dict[int, Fraction], dict[int, Fraction]], ...]:
    """For k = 0..p the exact cosine and sine coefficients of cos^(p-k) sin^k."""
    return tuple(_monomial(p - k, k) for k in range(p + 1))


def _monomial(a: int, b: int) -> tuple[dict[int, Fraction], dict[int, Fraction]]:
    # With e = exp(i t): cos^a sin^b = (e + 1/e)^a (e - 1/e)^b / (2^p i^b), a Laurent polynomial that is even
    # in e for even b (cosines) and odd for odd b (sines, and the factor 2i cancels one i of i^b).
    p = a + b
    laurent = [0] * (2 * p + 1)
    laurent[p] = 1
    for sign in [1] * a + [-1] * b:
        laurent = [
            (laurent[m - 1] if m else 0) + sign * (laurent[m + 1] if m < 2 * p else 0)
            for m in range(2 * p + 1)
        ]
    scale = Fraction((-1) ** (b // 2), 2**p)
    terms = {m: 2 * scale * laurent[p + m] for m in range(1, p + 1) if laurent[p + m]}
    if b % 2:
        return {}, terms
    if laurent[p]:
        terms[0] = scale * laurent[p]
    return terms, {}
