"""Where KKT points of N may be, in double precision: ascent, descent and Newton's method on the sphere.
Nothing is proved.

Maxima and minima by the gradient of N along the sphere with a step that grows while N improves; then, and for
saddles from the start itself and from halfway between two extrema, damped Newton on `F(w) = ∇N - μ w`, whose
Jacobian at a KKT point is `∇²N - μ - (L - 2) μ wwᵀ`, 0 on w. Weights that tend to zero are set to 0 where
that keeps F small: points with whole neurons at zero are the usual limits for L > 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.networks.correlation import Correlation
from certflow.outcome import Inconclusive
from certflow.running import tick

FloatVector = np.ndarray

_ASCENT_STEPS = 400
_NEWTON_STEPS = 40
_CLOSE = 1e-4
_CONVERGED = 1e-11
_SNAPS = (1e-2, 1e-5, 1e-9)
_LONGEST_STEP = 0.5
_HALVINGS = 8
_SAME = 1e-6
_NEGLIGIBLE = 1e-9


class Search:
    """N as doubles on the unit sphere.

    Raises `Inconclusive` for numbers beyond double precision.
    """

    def __init__(self, N: Correlation) -> None:
        self.N = N
        try:
            # What is constant in an expression, such as a product of two inputs, is one number, whatever the
            # weights.
            self.value(np.ones(N.size))
        except OverflowError:
            raise Inconclusive(
                "the data is too large to search for KKT points in double precision; rescale it."
            ) from None
        self.order = float(N.order)
        self._largest, self._last = 0.0, dict[int, FloatVector]()

    def value(self, w: FloatVector) -> float:
        """N(w)."""
        with np.errstate(all="ignore"):
            return float(self.N.value(FLOAT, w))

    def tangential(self, w: FloatVector) -> tuple[FloatVector, float]:
        """F(w) and μ(w)."""
        with np.errstate(all="ignore"):
            G = self.N.gradient(FLOAT, w)
            mu = float(G @ w) / float(w @ w)
        return G - mu * w, mu

    def climb(self, w: FloatVector, sign: int) -> FloatVector:
        """A point near which sign N stops to grow, from the unit vector w."""
        step, value = 0.1, self.value(w)
        for _ in range(_ASCENT_STEPS):
            tick()
            F, mu = self.tangential(w)
            if np.linalg.norm(F) <= _CLOSE * abs(mu):
                break
            new = _unit(w + (sign * step / max(float(np.linalg.norm(F)), abs(mu), 1e-300)) * F)
            reached = self.value(new)
            if sign * (reached - value) > 0:
                w, value, step = new, reached, 1.7 * step
            else:
                step /= 3
            if step < 1e-12:
                break
        return w

    def newton(self, w: FloatVector) -> FloatVector | None:
        """The KKT point that damped Newton steps reach from the unit vector w, or None."""
        F, mu = self.tangential(w)
        for _ in range(_NEWTON_STEPS):
            tick()
            if np.linalg.norm(F) <= _CONVERGED * abs(mu):
                return w
            H = self.N.hessian(FLOAT, w)
            size = max(float(np.max(np.abs(H), initial=0.0)), abs(mu))
            length = float(np.linalg.norm(F))
            if length <= _CONVERGED * size:
                return w
            radial = np.outer(w, w)
            J = (H + H.T) / 2 - mu * np.eye(len(w)) - ((self.order - 2) * mu + size) * radial
            try:
                move = -np.linalg.solve(J, F)
            except np.linalg.LinAlgError:
                return None
            move *= min(1.0, _LONGEST_STEP / max(float(np.linalg.norm(move)), 1e-300))
            for _ in range(_HALVINGS):
                tick()
                new = _unit(w + move)
                F_new, mu_new = self.tangential(new)
                if np.linalg.norm(F_new) < length:
                    break
                move /= 2
            else:
                return None
            w, F, mu = new, F_new, mu_new
        return None

    def settle(self, w: FloatVector) -> FloatVector | None:
        """The KKT point near w with its small weights at zero, to nearly all digits of doubles; None if there
        is none.
        """
        for threshold in _SNAPS:
            snapped = np.where(np.abs(w) < threshold, 0.0, w)
            found = self.newton(_unit(snapped)) if snapped.any() else None
            if found is not None and float(found @ w) > 0.5:
                return self._polished(found)
        return None

    def _polished(self, w: FloatVector) -> FloatVector:
        """One more Newton step, and zeros for weights that are rounding errors."""
        for threshold in _SNAPS[1:]:
            snapped = np.where(np.abs(w) < threshold, 0.0, w)
            found = self.newton(_unit(snapped)) if (snapped != w).any() else None
            if found is not None and float(np.linalg.norm(found - w)) < 1e-3:
                w = found
        return w

    def proposals(self, start: FloatVector) -> Iterator[FloatVector]:
        """Up to five points reached from the direction `start`, which is not 0: by ascent, by descent, by
        Newton's method, and by Newton's method from halfway between the extrema and those of the start
        before. Points with N = 0 are left out.
        """
        w = _unit(start)
        between = []
        for sign in (1, -1):
            found = self.settle(self.climb(w, sign))
            if found is not None:
                yield found
                self._largest = max(self._largest, abs(self.value(found)))
                last = self._last.get(sign)
                if last is not None and float(np.linalg.norm(found + last)) > _SAME < float(
                    np.linalg.norm(found - last)
                ):
                    between.append(_unit(found + last))
                self._last[sign] = found
        for middle in (w, *between):
            found = self.newton(middle)
            if found is not None:
                found = self._polished(found)
                if abs(self.value(found)) > _NEGLIGIBLE * self._largest:
                    yield found


def directions(size: int, count: int, seed: int) -> Iterator[FloatVector]:
    """`count` random unit vectors (size), the same for the same seed."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield _unit(generator.standard_normal(size))


def is_new(w: FloatVector, known: Sequence[FloatVector]) -> bool:
    """Whether the unit vector w is none of those known, as far as doubles tell."""
    return all(float(np.linalg.norm(w - other)) > _SAME for other in known)


def _unit(w: FloatVector) -> FloatVector:
    result: FloatVector = w / np.linalg.norm(w)
    return result
