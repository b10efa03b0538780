"""The flow of a neuron of power 1 with its kinks smoothed over a width h, in floats: the gradient flow
`w' = v grad G_h(w)`, `v' = G_h(w)` in time by Runge and Kutta's method of order 4, with steps that the
smoothed kinks allow.

Here v is integrated too, and nothing slides or flips by a rule. As h tends to 0, limits of such flows solve
the inclusion.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STIFF = 0.7
"""A step times the largest curvature of v G_h."""
LONGEST = 0.02
MOST_STEPS = 400_000


class SmoothedFlow:
    """The flow of `v sum_i z_i max(x_i.w, alpha x_i.w)`, every maximum smoothed: its slope changes linearly
    while |x_i.w| <= h |x_i|.
    """

    def __init__(self, alpha, x, z, width: float) -> None:
        rows = np.array(x, dtype=float)
        lengths = np.linalg.norm(rows, axis=1)
        kept = lengths > 0
        self.normals = rows[kept] / lengths[kept, None]
        self.weights = np.array(z, dtype=float)[kept] * lengths[kept]
        self.alpha, self.width = float(alpha), width

    def slopes(self, y) -> tuple[np.ndarray, float]:
        """The right-hand side at y = (w, v), and G_h."""
        w, v = y[:-1], y[-1]
        heights, h = self.normals @ w, self.width
        on = np.clip((heights / h + 1) / 2, 0, 1)
        area = np.where(np.abs(heights) < h, (heights + h) ** 2 / (4 * h), np.maximum(heights, 0))
        gradient = (self.weights * (self.alpha + (1 - self.alpha) * on)) @ self.normals
        value = self.weights @ (self.alpha * heights + (1 - self.alpha) * area)
        return np.append(v * gradient, value), np.linalg.norm(gradient)

    def follow(self, w, v: float, clocks: Sequence[float]) -> list[np.ndarray]:
        """w when the integral of |v| dt has these increasing values."""
        y, now, found = np.append(np.array(w, dtype=float), float(v)), 0.0, []
        curvature = (1 - self.alpha) * np.abs(self.weights).sum() / (2 * self.width)
        goals = list(clocks)
        for _ in range(MOST_STEPS):
            if not goals:
                return found
            k1, size = self.slopes(y)
            step = min(LONGEST / (size + 1e-300), STIFF / (abs(y[-1]) * curvature + 1e-300))
            step = min(step, 1.0)
            k2, _ = self.slopes(y + step / 2 * k1)
            k3, _ = self.slopes(y + step / 2 * k2)
            k4, _ = self.slopes(y + step * k3)
            moved = y + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            passed = step * (abs(y[-1]) + abs(moved[-1])) / 2
            while goals and goals[0] <= now + passed:  # ends: every turn drops a goal
                part = (goals.pop(0) - now) / passed
                found.append((1 - part) * y[:-1] + part * moved[:-1])
            y, now = moved, now + passed
        raise AssertionError("the steps do not come to an end")
