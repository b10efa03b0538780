"""The limit flow of a neuron of power 1 from its definition, in floats: `W' = s g`, g the element of least
norm of the gradients of G near W, found by trying every face of their hull; v^2 = |W|^2 + c, and s = sign v
changes where v vanishes.

Independent of the exact polygon: samples on one line are found by their angles, a kink counts as met within
`NEAR` of it (relative, far out), and every step goes no farther than the velocity is the same. Nothing else
is known of events.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

NEAR = 1e-10
PARALLEL = 1e-12
MOST_STEPS = 20_000


class LeastNormFlow:
    """The flow of `v sum_i z_i max(x_i.w, alpha x_i.w)` for any start."""

    def __init__(self, alpha, x, z, near: float = NEAR) -> None:
        self.near = near
        lines: list[list] = []
        self.dimension = len(x[0])
        for row, weight in zip(np.array(x, dtype=float), np.array(z, dtype=float), strict=True):
            length = np.linalg.norm(row)
            if length == 0:
                continue
            line = next((e for e in lines if 1 - abs(e[0] @ row) / length < PARALLEL), None)
            if line is None:
                line = [row / length, 0.0, 0.0]
                lines.append(line)
            along = line[0] @ row
            line[1] += weight * along * (1.0 if along > 0 else float(alpha))
            line[2] += weight * along * (float(alpha) if along > 0 else 1.0)
        self.normals = np.array([line[0] for line in lines]).reshape(len(lines), self.dimension)
        self.up = np.array([line[1] for line in lines])
        self.down = np.array([line[2] for line in lines])
        self.kinks = np.abs(self.up - self.down) > PARALLEL
        self.known: dict[bytes, np.ndarray] = {}

    def value(self, w) -> float:
        """G."""
        heights = self.normals @ w
        return float(np.where(heights > 0, self.up, self.down) @ heights)

    def gradient(self, w) -> np.ndarray:
        """The element of least norm of the hull of all gradients within `near` of w."""
        heights = self.normals @ w
        side = np.where(np.abs(heights) <= self._near(w), 0, np.sign(heights)).astype(np.int8)
        side[~self.kinks] = 1
        key = side.tobytes()
        if key not in self.known:
            contacts = np.flatnonzero(side == 0)
            factors = np.where(side > 0, self.up, self.down)
            jumps = (self.up - self.down)[contacts, None] * self.normals[contacts]
            self.known[key] = least_norm(factors @ self.normals, jumps)
        return self.known[key]

    def _near(self, w) -> float:
        return self.near * max(1.0, np.linalg.norm(w))

    def follow(self, w, sign: int, c: float, times: Sequence[float]) -> list[tuple[np.ndarray, int]]:
        """W and the sign of v at increasing values of the clock (the integral of |v| dt)."""
        w, now, found = np.array(w, dtype=float), 0.0, []
        steps = 0
        for until in times:
            while now < until:
                steps += 1
                assert steps < MOST_STEPS, "the steps do not come to an end"
                u = sign * self.gradient(w)
                step = min(until - now, self._same(w, u))
                turn = _vanishes(w, u, c)
                if turn is not None and turn <= step:
                    step, sign = turn, -sign
                w = w + step * u
                now = until if step == until - now else now + step
            found.append((w, sign))
        return found

    def _same(self, w, u) -> float:
        """How long the velocity stays the same from w."""
        heights, speeds, near = self.normals @ w, self.normals @ u, self._near(w)
        with np.errstate(divide="ignore", invalid="ignore"):
            outward = np.where(np.abs(heights) <= near, 1.5 * near * np.sign(speeds), 0)
            inward = np.where(heights * speeds < 0, near / 2 * np.sign(heights), np.inf * np.sign(speeds))
            goal = np.where(np.abs(heights) <= near, outward, inward)
            time = np.where(self.kinks & (speeds != 0), (goal - heights) / speeds, np.inf)
        return float(np.min(time, initial=np.inf))


def least_norm(rest: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """The element of least norm of `rest + sum_k [0, 1] jumps_k`: the best of the feet of the perpendiculars
    from 0 to all faces that lie on their face.
    """
    k = len(jumps)
    best, least = rest, math.inf
    for mask in range(2**k):
        free = [i for i in range(k) if mask >> i & 1]
        fixed = [i for i in range(k) if not mask >> i & 1]
        ends = (np.arange(2 ** len(fixed))[:, None] >> np.arange(len(fixed))) & 1
        found = rest + ends @ jumps[fixed]
        if free:
            chi = -found @ np.linalg.pinv(jumps[free])
            found = found + chi @ jumps[free]
            found = found[((chi >= -1e-12) & (chi <= 1 + 1e-12)).all(axis=1)]
        if len(found):
            squares = (found**2).sum(axis=1)
            if squares.min() < least - 1e-14:
                best, least = found[squares.argmin()], squares.min()
    return best


def _vanishes(w, u, c: float) -> float | None:
    """When |w + t u|^2 + c = 0 on the way inwards."""
    slope, square = w @ u, u @ u
    if c >= 0 or slope >= 0:
        return None
    rest = slope**2 - square * (w @ w + c)
    return None if rest < 0 else max(0.0, (w @ w + c) / (-slope + math.sqrt(rest)))
