"""One KKT point that is known to be alone in a box, to any number of digits, with its value and second-order
kind.

*Point.* Newton's method in balls proposes y; Krawczyk's operator (`krawczyk.py`) in balls proves a zero
within a tiny radius of y, and as the tiny box lies in the given one, it is the zero there.

*Second order.* At a unit KKT point u with multiplier λ = g·u the tangential Hessian is `M = Bᵀ (H - λ I) B`,
B an orthonormal basis of the tangent space: the reflection `I - 2 h hᵀ/(h·h)`, h = u ± e_m, takes e_m to ∓u,
so its other columns are such a basis. With V a matrix of approximate eigenvectors, `D = Vᵀ M V`, `|Vᵀ V - I|
<= ε < 1` and R the largest sum of |D_ij| over j != i: by Weyl the i-th largest eigenvalue of D is within R of
the i-th largest of the D_ii, and by Ostrowski it is that of M times a number in [1 - ε, 1 + ε]. With
enclosures of all generalised Hessians this holds for each of them. If all are definite the point is strict
(second-order Taylor formula of C^(1,1) functions); if `v·M v > 0` for all M and `w·M w < 0` for all M, N
takes larger and smaller values on the two curves along v and w: a saddle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import UNKNOWN, mp_arithmetic
from certflow.arithmetic.decimal_text import bits_for
from certflow.exact import exact_mpf
from certflow.kkt.cover.box import Boxes
from certflow.kkt.points import KKTPoint
from certflow.networks.correlation import Correlation
from certflow.outcome import Inconclusive, Kind
from certflow.running import tick

GUARD_DIGITS = 12
_MOST_STEPS = 60
_WIDENINGS = 6


@dataclass(frozen=True, eq=False)
class PolishedPoint:
    """An entry for the list, the gaps of the point for N and for -N, and a box that contains no other KKT
    direction.
    """

    entry: KKTPoint
    gap: Ball
    opposite_gap: Ball
    alone: Boxes


class _OpenKinks(BallArithmetic):
    """Balls in which a kink argument that is exactly 0 leaves both branches open, as generalised Hessians
    need it.
    """

    def sign(self, z: Any) -> np.ndarray:
        signs = super().sign(z)
        return np.where(signs == 0, np.int8(UNKNOWN), signs)


class Polisher:
    """Sharpens zeros of the field of N to `digits` digits (L6.22)."""

    def __init__(self, N: Correlation, digits: int) -> None:
        self.N, self.digits = N, digits
        self.bits = bits_for(digits + GUARD_DIGITS, 32)
        self.ar = _OpenKinks(self.bits)

    def __call__(self, box: Boxes, alone: Boxes) -> PolishedPoint:
        """The only zero in `box`, also the only one in the larger box `alone`.

        Raises `Inconclusive` if the digits are not reached or something cannot be evaluated.
        """
        j = int(box.face[0])
        places = [i for i in range(self.N.size) if i != j]
        sign = int(box.sign[0])
        y = [Fraction(float(c)) for c in box.centres()[0][places]]
        y, radius = self._enclosed(y, places, j, sign, alone)
        balls = [self._around(c, radius) for c in y]
        w = self._weights(balls, places, j, sign)
        square = sum((c.square() for c in w), Ball(0, self.bits))
        u = np.array([c / square.sqrt() for c in w], dtype=object)
        return self._classified(u, alone)

    def _weights(self, y: Sequence[Any], places: list[int], j: int, sign: int) -> np.ndarray:
        w = np.empty(self.N.size, dtype=object)
        w[j] = Ball(sign, self.bits)
        for place, value in zip(places, y, strict=True):
            w[place] = value if isinstance(value, Ball) else Ball(value, self.bits)
        return w

    def _around(self, centre: Fraction, radius: Fraction) -> Ball:
        return Ball.interval(centre - radius, centre + radius, self.bits)

    def _field(self, w: np.ndarray, places: list[int], j: int, sign: int) -> np.ndarray:
        g = self.N.gradient(self.ar, w)
        return np.array([g[i] - g[j] * sign * w[i] for i in places], dtype=object)

    def _jacobian(self, w: np.ndarray, places: list[int], j: int, sign: int) -> np.ndarray:
        at = self.N.at(self.ar, w)
        g, H = at.gradient, at.hessian()
        J = np.empty((len(places), len(places)), dtype=object)
        for a, r in enumerate(places):
            for b, c in enumerate(places):
                J[a, b] = H[r, c] - w[r] * H[j, c] * sign - (g[j] * sign if r == c else 0)
        return J

    def _enclosed(
        self, y: list[Fraction], places: list[int], j: int, sign: int, alone: Boxes
    ) -> tuple[list[Fraction], Fraction]:
        """A centre and a radius within which the zero is proved to lie."""
        goal = Fraction(1, 10 ** (self.digits + 4))
        J = self._jacobian(self._weights(y, places, j, sign), places, j, sign)
        Y = self._inverse(J)
        before = None
        for _ in range(_MOST_STEPS):
            tick()
            step = Y @ self._field(self._weights(y, places, j, sign), places, j, sign)
            size = max(abs(float(s.mid())) for s in step)
            y = [(Ball(c, self.bits) - s).mid() for c, s in zip(y, step, strict=True)]
            if size < float(goal) / 1000:
                break
            if before is not None and size > before / 2:
                # The inverse was taken on another branch.
                Y = self._inverse(self._jacobian(self._weights(y, places, j, sign), places, j, sign))
            before = size
        value = Y @ self._field(self._weights(y, places, j, sign), places, j, sign)
        radius = max(max(abs(s.lower()), abs(s.upper())) for s in value) * 2 + goal / 10**6
        for _ in range(_WIDENINGS):
            tick()
            if radius > goal:
                break
            if self._proved(y, radius, value, Y, places, j, sign, alone):
                return y, radius
            radius *= 8
        raise Inconclusive(f"a KKT point was proved, but its {self.digits} digits were not; ask for fewer.")

    def _proved(
        self,
        y: list[Fraction],
        radius: Fraction,
        value: np.ndarray,
        Y: np.ndarray,
        places: list[int],
        j: int,
        sign: int,
        alone: Boxes,
    ) -> bool:
        box = [self._around(c, radius) for c in y]
        J = self._jacobian(self._weights(box, places, j, sign), places, j, sign)
        rest = -(Y @ J)
        width = Ball.interval(-radius, radius, self.bits)
        for a in range(len(places)):
            rest[a, a] = rest[a, a] + 1
            moved = sum((r * width for r in rest[a]), -value[a])
            if not (moved.lower() > -radius and moved.upper() < radius):
                return False
        low, high = alone.low[0][places], alone.high[0][places]
        return all(
            Fraction(float(low[a])) <= y[a] - radius and y[a] + radius <= Fraction(float(high[a]))
            for a in range(len(places))
        )

    def _inverse(self, J: np.ndarray) -> np.ndarray:
        """About the inverse of J, exact entries."""
        mid = np.array([[float(c.mid()) for c in row] for row in J])
        return self.ar.array(np.vectorize(Fraction, otypes=[object])(np.linalg.pinv(mid)))

    # -- second order ----------------------------------------------------------------------------------------

    def _classified(self, u: np.ndarray, alone: Boxes) -> PolishedPoint:
        at = self.N.at(self.ar, u)
        g, H, value = at.gradient, at.hessian(), at.value
        multiplier = (g * u).sum()
        k = len(u)
        for i in range(k):
            H[i, i] = H[i, i] - multiplier
        basis = self._tangent(u)
        M = basis.T @ H @ basis
        eigenvalues, forms = self._spectrum(M)
        top, bottom = eigenvalues[0], eigenvalues[-1]
        reason, inertia = "", None
        signs = [e.sign() for e in eigenvalues]
        if signs[0] == -1:
            kind = Kind.MAXIMUM
        elif signs[-1] == 1:
            kind = Kind.MINIMUM
        elif any(f.sign() == 1 for f in forms) and any(f.sign() == -1 for f in forms):
            kind = Kind.SADDLE
        else:
            kind, reason = Kind.DEGENERATE, "the second derivative does not decide the kind"
        sharp = max(e.radius() for e in eigenvalues) <= Fraction(1, 10**self.digits)
        if not sharp:
            reason = reason or "on a kink: the second derivative jumps here"
        elif set(signs) <= {1, -1}:
            inertia = (signs.count(1), 0, signs.count(-1))
        entry = KKTPoint(kind, tuple(u), value, -top, inertia, reason=reason)
        return PolishedPoint(entry, -top, bottom, alone)

    def _tangent(self, u: np.ndarray) -> np.ndarray:
        """An orthonormal basis (k × k - 1) of the tangent space at u."""
        m = int(np.argmax([abs(float(c.mid())) for c in u]))
        h = u.copy()
        h[m] = h[m] + (1 if u[m].sign() > 0 else -1)
        square = sum((c.square() for c in h), Ball(0, self.bits))
        columns = [i for i in range(len(u)) if i != m]
        return np.array(
            [
                [Ball(int(r == c), self.bits) - h[r] * h[c] * 2 / square for c in columns]
                for r in range(len(u))
            ]
        )

    def _spectrum(self, M: np.ndarray) -> tuple[list[Ball], list[Ball]]:
        """The eigenvalues of all symmetric matrices in M, largest first, and their forms on some vectors."""
        size = len(M)
        context = mp_arithmetic(self.digits + GUARD_DIGITS).context
        mid = context.matrix(size, size)
        for a in range(size):
            tick()
            for b in range(size):
                centre = (M[a, b].mid() + M[b, a].mid()) / 2
                mid[a, b] = context.mpf(centre.numerator) / centre.denominator
        vectors = context.eigsy(mid)[1]
        V = self.ar.array([[exact_mpf(vectors[a, b]) for b in range(size)] for a in range(size)])
        D, gram = V.T @ M @ V, V.T @ V
        zero = Fraction(0)
        spread = max(
            sum((_size(D[a, b].hull(D[b, a])) for b in range(size) if b != a), zero) for a in range(size)
        )
        defect = max(sum((_size(gram[a, b] - int(a == b)) for b in range(size)), zero) for a in range(size))
        if defect >= 1:
            raise Inconclusive("the eigenvectors of a Hessian could not be computed; ask for fewer digits.")
        lows = sorted((D[a, a].lower() for a in range(size)), reverse=True)
        highs = sorted((D[a, a].upper() for a in range(size)), reverse=True)
        scale = Ball.interval(1 - defect, 1 + defect, self.bits)
        found = [
            Ball.interval(a - spread, b + spread, self.bits) / scale for a, b in zip(lows, highs, strict=True)
        ]
        return found, [D[a, a] for a in range(size)]


def _size(value: Ball) -> Fraction:
    """The largest |x| in a ball."""
    return max(abs(value.lower()), abs(value.upper()))
