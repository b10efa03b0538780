"""L3, the tube: how far a flow can be from the centre of its group, for one delta and hence for every smaller one.

All groups share one clock. On each stretch between two breakpoints the rates of a group are constants proved for its
whole region (`region.py`), and the distance D, the growth of the norms and the forcing they cause are advanced:

    D' <= mu D + dd + K A,    (log rho)' in ell -+ E A,    A = sum of all rho^L,    A' <= L max(ell) A.

Everything here increases with delta, so what holds at delta_bar holds for every smaller delta. Numbers are floats
rounded upwards (`arithmetic/directed.py`). Source: `proofs_notes/L3-tube.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from fractions import Fraction

import numpy as np

from certflow.arithmetic.directed import exp_upper, float_down, float_up, sum_down, sum_up, total_up, up


@dataclass(frozen=True)
class Rates:
    """Proved constants of one stretch of one group, in the units of s.

    `mu` bounds the tangential largest eigenvalue, `limit` is the radius of the region for which all of these hold,
    `defect` that of the centre's direction, `K` the forcing of the direction per unit of A and `E` of log rho (per order),
    `T` the tangential gradient, `ell_lo`, `ell_hi` the growth rate of log rho at A = 0.
    """

    mu: float
    limit: float
    defect: float
    K: float
    E: float
    T: float
    ell_lo: float
    ell_hi: float


@dataclass(frozen=True)
class Track:
    """One group on the clock: its steps with their rates, and the rates after its last step (trap, dead, or unknown).

    `ends[k]` is where step k ends, `log_integral[k]` the integral of the decay up to there; `half_log_lo[k]` and
    `half_log_hi[k]` enclose log(|p|/|p(0)|) on step k. `entry` is what is added to D when the last step is over (the
    distance from the end of the centre to the KKT point). `start_distance` bounds D at s = 0, `log_share` encloses
    log(rho(0)/delta).
    """

    ends: tuple[Fraction, ...]
    decays: tuple[Fraction, ...]
    steps: tuple[Rates, ...]
    half_log_lo: np.ndarray
    half_log_hi: np.ndarray
    after: Rates
    entry: float
    start_distance: float
    log_share: tuple[float, float]


@dataclass(frozen=True)
class Failure:
    """Where a tube was left: `group`, `step` of it (its number of steps: in the trap), and the clock there."""

    group: int
    step: int
    time: Fraction


@dataclass
class Sweep:
    """What was derived for one delta; arrays over groups. Growth is relative to delta: `A_end`, `A_max` bound
    A/delta^L at the horizon and anywhere before it, `log_lo`, `log_hi` enclose log(rho/delta) at the horizon.

    `distance_sup[g][k]` is the largest D that group g can have on its step k; `entry_*` are values at the end of the
    last step; for L > 2 `time_lo`, `time_hi` enclose the scaled time of the horizon without the factor |p(0)|^(L-2).
    """

    failure: Failure | None
    distance: np.ndarray
    entry_distance: np.ndarray
    log_lo: np.ndarray
    log_hi: np.ndarray
    A_end: float
    A_max: float
    distance_sup: list[np.ndarray]
    errors: list[tuple[float, float]] = field(default_factory=list)


class Timeline:
    """The common clock of the tracks of a problem, and everything about it that does not depend on delta."""

    def __init__(self, tracks: list[Track], order: int) -> None:
        self.tracks, self.order = tracks, order
        points = sorted({end for track in tracks for end in track.ends})
        self.points = points
        begins = [Fraction(0), *points[:-1]] if points else []
        self.dt = np.array([float_up(end - begin) for begin, end in zip(begins, points, strict=True)])
        self.step = np.array([_steps_at(track, points) for track in tracks]).reshape(len(tracks), len(points)).T
        rates = [[*track.steps, track.after] for track in tracks]
        for name in (f.name for f in fields(Rates)):
            table = [[getattr(rates[g][k], name) for g, k in enumerate(row)] for row in self.step]
            setattr(self, name, np.array(table).reshape(len(points), len(tracks)))
        counts = np.array([len(track.steps) for track in tracks])
        self.after = self.step == counts
        self.enters = self.after & (self.step != np.vstack([np.full(len(tracks), -1), self.step[:-1]])) if points else self.after
        self.base_lo, self.base_hi = self._bases()
        dt = self.dt[:, None]
        self.X = exp_upper(
            np.where(self.mu >= 0, self.mu * dt * (1 + 2.0**-50), self.mu * self._dt_down()[:, None] * (1 - 2.0**-50))
        )
        self.X_max = np.maximum(1.0, self.X)
        fastest = np.maximum(0.0, self.ell_hi).max(axis=1, initial=0.0)
        self.growth = exp_upper(up(order * fastest * self.dt))

    mu: np.ndarray
    limit: np.ndarray
    defect: np.ndarray
    K: np.ndarray
    E: np.ndarray
    T: np.ndarray
    ell_lo: np.ndarray
    ell_hi: np.ndarray

    def _dt_down(self) -> np.ndarray:
        begins = [Fraction(0), *self.points[:-1]] if self.points else []
        return np.array([float_down(end - begin) for begin, end in zip(begins, self.points, strict=True)])

    def _bases(self) -> tuple[np.ndarray, np.ndarray]:
        """Enclosures of (integral of the decay) + log(|p|/|p(0)|) at the end of each stretch, while in the tube."""
        low, high = np.zeros(self.step.shape), np.zeros(self.step.shape)
        for g, track in enumerate(self.tracks):
            integral, before = Fraction(0), Fraction(0)
            for k, end in enumerate(self.points):
                step = self.step[k, g]
                if step >= len(track.steps):
                    break
                integral += track.decays[step] * (end - before)
                before = end
                low[k, g] = sum_down(float_down(integral), track.half_log_lo[step], track.log_share[0])
                high[k, g] = sum_up(float_up(integral), track.half_log_hi[step], track.log_share[1])
        return low, high

    def sweep(self, delta_bar: Fraction) -> Sweep:
        """Bounds for every delta in (0, delta_bar]; stops with a `Failure` at the first region that D may leave."""
        order, count = self.order, len(self.tracks)
        several = float(order) if count > 1 else 0.0
        a0 = float_up(delta_bar**order)
        D = np.array([track.start_distance for track in self.tracks])
        log_lo = np.array([track.log_share[0] for track in self.tracks])
        log_hi = np.array([track.log_share[1] for track in self.tracks])
        err_lo, err_hi = np.zeros(count), np.zeros(count)
        entry = np.array([track.entry for track in self.tracks])
        result = Sweep(None, D, D, log_lo, log_hi, 0.0, 0.0, [np.zeros(len(track.steps) + 1) for track in self.tracks])
        A = float(total_up(exp_upper(up_any(order * log_hi))))
        A_max = A
        for k, dt in enumerate(self.dt):
            enters = self.enters[k]
            if enters.any():
                result.entry_distance = np.where(enters, D, result.entry_distance)
                D = np.where(enters, up(D + entry), D)
            A_sup = float(up(A * self.growth[k]))
            forcing = up(A_sup * a0)
            phi = self.defect[k] + self.K[k] * forcing
            D_sup = up(self.X_max[k] * (D + phi * dt))
            for g, step in enumerate(self.step[k]):
                result.distance_sup[g][step] = max(result.distance_sup[g][step], D_sup[g])
            bad = ~(D_sup < self.limit[k])
            if bad.any():
                g = int(np.argmax(bad))
                result.failure = Failure(g, int(self.step[k, g]), self.points[k])
                return result
            D = up(self.X[k] * D + self.X_max[k] * phi * dt)
            drift = self.defect[k] + order * D_sup * self.T[k]
            err_hi = up(err_hi + (drift + several * forcing * self.E[k]) * dt)
            err_lo = up(err_lo + (drift + order * forcing * self.E[k]) * dt)
            after = self.after[k]
            log_hi = np.where(
                after,
                sum_up(log_hi, up_any(self.ell_hi[k] * dt), up(several * forcing * self.E[k] * dt)),
                sum_up(self.base_hi[k], err_hi),
            )
            log_lo = np.where(
                after,
                sum_down(log_lo, -up_any(-self.ell_lo[k] * dt), -up(order * forcing * self.E[k] * dt)),
                sum_down(self.base_lo[k], -err_lo),
            )
            A = min(A_sup, float(total_up(exp_upper(up_any(order * log_hi)))))
            A_max = max(A_max, A_sup)
            result.errors.append((float(err_lo[0]), float(err_hi[0])))
        ends = self.step[-1] if self.points else np.zeros(count)
        last = np.array([int(s) == len(t.steps) - 1 for s, t in zip(ends, self.tracks, strict=True)]) & (ends >= 0)
        result.entry_distance = np.where(last, D, result.entry_distance)
        result.distance = np.where(last, up(D + entry), D)
        result.log_lo, result.log_hi, result.A_end, result.A_max = log_lo, log_hi, A, A_max
        return result


def up_any(value: np.ndarray) -> np.ndarray:
    """An upper bound of a product of two or three floats of any sign, computed as `value`."""
    return value + (np.abs(value) * 2.0**-50 + 2.0**-1000)


def _steps_at(track: Track, points: list[Fraction]) -> list[int]:
    """The step of the track in which each stretch lies; the number of steps after the last."""
    result, k = [], 0
    begin = Fraction(0)
    for end in points:
        while k < len(track.ends) and track.ends[k] <= begin:
            k += 1
        result.append(k)
        begin = end
    return result
