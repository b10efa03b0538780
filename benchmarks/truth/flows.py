"""The gradient flow w' = -grad Loss(w) from w = delta u, for any delta, by extrapolation of the midpoint
rule.

The state is u = w/delta and the scaled time s = t delta^(L-2); steps are taken in tau with ds = |u|^(2-L)
dtau, in which growth is exponential at most. Errors are measured per block, relative to its size. There are
no coefficients that could be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .extended import LD, length
from .networks import Net

SUBSTEPS = (2, 4, 6, 8, 10)
_POWER = LD(1) / (2 * len(SUBSTEPS) - 1)
Function = Callable[[np.ndarray, Any], Any]


class Stuck(Exception):
    """The step size has become too small to go on."""


class Flow:
    """A trajectory that is followed step by step; `log_delta` None is the limit flow u' = grad N(u) of delta
    -> 0.
    """

    most_steps = 1_500
    error = LD(0)
    """Of an angle, besides what the tolerance leaves."""

    def __init__(self, net: Net, start: np.ndarray, log_delta: Any, tolerance: float = 1e-14) -> None:
        self.net, self.tolerance = net, LD(tolerance)
        self.mass = LD(0) if log_delta is None else np.exp(net.order * LD(log_delta))
        self.blocks = net.blocks
        self.u, self.s, self.tau = start.copy(), LD(0), LD(0)
        self.steps, self.step_size = 0, LD(0)
        self._slope = self._field(self.u)
        self._before = (self.u, self.s, self._slope)
        rate = self.rate()
        self._next = LD(0.02) / rate if rate > 0 else LD(1)

    def rate(self) -> Any:
        """The largest relative speed of a block in tau."""
        speeds = [length(self._slope[0][b]) / length(self.u[b]) for b in self.blocks if self.u[b].any()]
        return max(speeds, default=LD(0))

    def step(self, longest: Any = None) -> None:
        """Go on by one step in tau, at most `longest`. Raises `Stuck`."""
        if longest is not None:
            self._next = min(self._next, longest)
        while True:
            h = self._next
            u, s, error = self._trial(self.u, self.s, self._slope, h)
            if error <= 1:
                error = max(error, self._halved(u, h))
            if error <= 1:
                self._before = (self.u, self.s, self._slope)
                self.u, self.s, self.tau, self.step_size = u, s, self.tau + h, h
                self._slope = self._field(u)
                self.steps += 1
                self._next = h * min(LD(4), LD(0.9) * error**-_POWER if error > 0 else LD(4))
                return
            self._next = h * max(LD(0.15), LD(0.9) * error**-_POWER) if np.isfinite(error) else h * LD(0.1)
            if self._next <= LD(1e-24) * self.tau or self._next == 0:
                raise Stuck

    def event(self, function: Function) -> tuple[np.ndarray, Any]:
        """The state within the last step at which a function of (u, s) that was below 0 before it rises to
        0.
        """
        low, high = LD(0), self.step_size
        below, above = function(*self._before[:2]), function(self.u, self.s)
        near, found = above, (self.u, self.s)
        enough = LD(1e-17) * min(-below, above)
        for turn in range(60):
            # From the low end, because a step may be very much longer than the way to the event.
            h = low - below * (high - low) / (above - below) if turn % 3 != 2 else (low + high) / 2
            u, s, _ = self._trial(*self._before, h)
            value = function(u, s)
            if abs(value) < abs(near):
                near, found = value, (u, s)
            if abs(value) <= enough or high - low <= LD(1e-18) * high:
                break
            if value >= 0:
                high, above = h, value
            else:
                low, below = h, value
        return found

    def crossed(self, function: Function) -> bool:
        """Whether the function rose to 0 in the last step."""
        return function(*self._before[:2]) < 0 <= function(self.u, self.s)

    def _field(self, u: np.ndarray) -> tuple[np.ndarray, Any]:
        """(du/dtau, ds/dtau)."""
        outputs, pull, _, _ = self.net.run(u)
        g = pull(self.net.residuals(self.mass * outputs))
        if self.net.order == 2:
            return g, LD(1)
        pace = length(u) ** (self.net.order - 2)
        return g / pace, 1 / pace

    def _trial(
        self, u: np.ndarray, s: Any, slope: tuple[np.ndarray, Any], h: Any
    ) -> tuple[np.ndarray, Any, Any]:
        """The state a step later, with its error over the tolerance."""
        rows: list[list[tuple[np.ndarray, Any]]] = []
        for k, n in enumerate(SUBSTEPS):
            row = [self._midpoints(u, s, slope, h, n)]
            for j in range(k):
                ratio = (LD(n) / SUBSTEPS[k - 1 - j]) ** 2 - 1
                (a, p), (b, q) = row[j], rows[k - 1][j]
                row.append((a + (a - b) / ratio, p + (p - q) / ratio))
            rows.append(row)
        (new, at), (other, before) = rows[-1][-1], rows[-1][-2]
        if not np.isfinite(new).all() or not np.isfinite(at):
            return new, at, LD(np.inf)
        errors = [abs(at - before) / at if at else LD(0)]
        for b in self.blocks:
            size = max(length(u[b]), length(new[b]))
            if size > 0:
                errors.append(length(new[b] - other[b]) / size)
        return new, at, max(errors) / self.tolerance

    def _halved(self, u: np.ndarray, h: Any) -> Any:
        """The error of a step that ends at u by two half steps: where every other midpoint is beyond a kink,
        all rows agree.
        """
        middle, s, _ = self._trial(self.u, self.s, self._slope, h / 2)
        end, _, _ = self._trial(middle, s, self._field(middle), h / 2)
        return length(end - u) / length(u) / self.tolerance if u.any() else LD(0)

    def _midpoints(
        self, u: np.ndarray, s: Any, slope: tuple[np.ndarray, Any], h: Any, n: int
    ) -> tuple[np.ndarray, Any]:
        """Gragg's method with n substeps."""
        h = h / n
        a, p = u, s
        b, q = u + h * slope[0], s + h * slope[1]
        for _ in range(n - 1):
            g, pace = self._field(b)
            a, b, p, q = b, a + 2 * h * g, q, p + 2 * h * pace
        g, pace = self._field(b)
        return (a + b + h * g) / 2, (p + q + h * pace) / 2
