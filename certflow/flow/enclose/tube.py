"""L3, the tube: how far a flow can be from the centre of its group, for one delta and hence for every smaller
one.

All groups share one clock. On each stretch between two breakpoints the rates of a group are constants proved
for its whole region (`region.py`), and the distance D, the growth of the norms and the forcing they cause are
advanced:

    D' <= mu D + dd + K A,    (log rho)' in ell -+ E A,    A = sum of all rho^L,    A' <= L max(ell) A.

Everything here increases with delta, so what holds at delta_bar holds for every smaller delta. Numbers are
floats rounded upwards (`arithmetic/directed.py`). Source: `proofs_notes/L3-tube.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from certflow.arithmetic.directed import exp_upper, float_up, sum_down, sum_up, total_up, up
from certflow.running import tick

_SPARE = 2.0**-10
"""By what part all that is said after a sweep is weaker than what was derived, so that a checker that
computes in fixed point, with rates of its own, arrives at no more.
"""


@dataclass(frozen=True)
class Rates:
    """Proved constants of one stretch of one group, in the units of s (L3.2).

    `mu` bounds the tangential largest eigenvalue, `limit` is the radius of the region for which all of these
    hold, `defect` that of the centre's direction, `K` the forcing of the direction per unit of A and `E` of
    log rho (per order), `T` the tangential gradient, `ell_lo`, `ell_hi` the growth rate of log rho at A = 0.
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
class Step:
    """One step of a group: where it ends on the clock, its decay and rates; `log_lo`, `log_hi` enclose
    log(|p|/|p(0)|) on it.
    """

    end: Fraction
    decay: Fraction
    rates: Rates
    log_lo: float
    log_hi: float


@dataclass(frozen=True)
class Track:
    """One group on the clock: its steps, and the rates after its last step (trap, dead, zero, or unknown)
    (L4.6).

    `entry` is what is added to D when the last step is over (the distance from the end of the centre to the
    KKT point). `start_distance` bounds D at s = 0, `log_share` encloses log(rho(0)/delta). The clock does not
    wait for the end of a track that is only `followed`.
    """

    steps: tuple[Step, ...]
    after: Rates
    entry: float
    start_distance: float
    log_share: tuple[float, float]
    followed: bool = False


@dataclass(frozen=True)
class Failure:
    """Where a tube was left: `group`, `step` of it (its number of steps: in the trap), and the clock there.

    Without a group the weights may have grown by then beyond what floats can bound.
    """

    group: int | None
    step: int
    time: Fraction


class Reached(NamedTuple):
    """What the centre's log rho of the first group misses at most, below and above, at the end of a stretch,
    and (D, A) there.
    """

    log_below: float
    log_above: float
    D: float
    A: float


@dataclass
class Sweep:
    """What was derived for one delta; arrays over groups. Growth is relative to delta: `A_end`, `A_max` bound
    A/delta^L at the horizon and anywhere before it, `log_lo`, `log_hi` enclose log(rho/delta) at the horizon.

    `distance` bounds D at the horizon, from the KKT point for groups in their trap. `widest[g][k]` is the
    largest D that group g can have on its step k (after its last step: k = their number). `reached[k]`
    belongs to the end of stretch k. `drifted` is how much D has grown since the entry into the trap.
    """

    failure: Failure | None = None
    distance: np.ndarray = field(default_factory=lambda: np.zeros(0))
    drifted: np.ndarray = field(default_factory=lambda: np.zeros(0))
    log_lo: np.ndarray = field(default_factory=lambda: np.zeros(0))
    log_hi: np.ndarray = field(default_factory=lambda: np.zeros(0))
    A_end: float = 0.0
    A_max: float = 0.0
    widest: list[np.ndarray] = field(default_factory=list)
    reached: list[Reached] = field(default_factory=list)


class Timeline:
    """The common clock of the tracks of a problem, and everything about it that does not depend on delta
    (L3.8)."""

    mu: np.ndarray
    limit: np.ndarray
    defect: np.ndarray
    K: np.ndarray
    E: np.ndarray
    T: np.ndarray
    ell_lo: np.ndarray
    ell_hi: np.ndarray

    def __init__(self, tracks: list[Track], order: int) -> None:
        self.tracks, self.order = tracks, order
        ends = {step.end for track in tracks for step in track.steps}
        last = max((t.steps[-1].end for t in tracks if t.steps and not t.followed), default=Fraction(0))
        self.points = sorted(end for end in ends if end <= last)
        count = len(self.points)
        lengths = [end - begin for begin, end in zip([Fraction(0), *self.points], self.points, strict=False)]
        self.dt = np.array([float_up(length) for length in lengths])
        self.step = (
            np.array([_steps_at(track, self.points) for track in tracks], dtype=int)
            .reshape(len(tracks), count)
            .T
        )
        rates = [[*(step.rates for step in track.steps), track.after] for track in tracks]
        for name in (f.name for f in fields(Rates)):
            columns = [np.array([getattr(r, name) for r in own]) for own in rates]
            table = [column[self.step[:, g]] for g, column in enumerate(columns)]
            setattr(self, name, np.array(table).reshape(len(tracks), count).T)
        self.after = self.step == np.array([len(track.steps) for track in tracks])
        before = np.vstack([np.zeros((1, len(tracks)), dtype=bool), self.after[:-1]]) if count else self.after
        known = np.array([len(track.steps) > 0 for track in tracks])
        self.enters = self.after & ~before & known
        self.base_lo, self.base_hi = self._bases()
        dt = self.dt[:, None]
        # A negative rate acts for at least the length rounded down, a positive one for at most dt.
        self.X = exp_upper(self.mu * np.where(self.mu >= 0, dt * (1 + 2.0**-50), dt * (1 - 2.0**-50)))
        self.X_max = np.maximum(1.0, self.X)
        fastest = np.maximum(0.0, self.ell_hi).max(axis=1, initial=0.0)
        self.growth = exp_upper(up(order * fastest * self.dt))
        self.size = exp_upper(up_any(order * self.base_hi))

    def _bases(self) -> tuple[np.ndarray, np.ndarray]:
        """Enclosures of log(rho/delta) at the end of each stretch, without the errors that the sweep adds.

        In the tube: the share, the integral of the decay and log(|p|/|p(0)|); after it, what it was at the
        end of the last step and the rates of the trap.
        """
        low, high = np.zeros(self.step.shape), np.zeros(self.step.shape)
        times = np.array([float(point) for point in self.points])
        for g, track in enumerate(self.tracks):
            tick()
            steps, inside = self.step[:, g], ~self.after[:, g]
            integral, begin, starts, begins = Fraction(0), Fraction(0), [], []
            for step in track.steps:
                starts.append(float(integral))
                begins.append(float(begin))
                integral, begin = integral + step.decay * (step.end - begin), step.end
            k = steps[inside]
            if len(k):
                decays, lows, highs = (
                    np.array([float(getattr(step, name)) for step in track.steps])[k]
                    for name in ("decay", "log_lo", "log_hi")
                )
                start, first = np.array(starts)[k], np.array(begins)[k]
                value = start + decays * (times[inside] - first)
                slack = (np.abs(start) + np.abs(decays) * (np.abs(times[inside]) + np.abs(first))) * 2.0**-49
                low[inside, g] = sum_down(value, -slack, lows, track.log_share[0])
                high[inside, g] = sum_up(value, slack, highs, track.log_share[1])
            last = int(inside.sum())
            at = (low[last - 1, g], high[last - 1, g]) if last else track.log_share
            slow, fast = (
                up_any(-self.ell_lo[last:, g] * self.dt[last:]),
                up_any(self.ell_hi[last:, g] * self.dt[last:]),
            )
            slack = np.cumsum(np.abs(slow) + np.abs(fast) + abs(at[0]) + abs(at[1])) * len(slow) * 2.0**-51
            low[last:, g], high[last:, g] = at[0] - np.cumsum(slow) - slack, at[1] + np.cumsum(fast) + slack
        return low, high

    def sweep(self, delta_bar: Fraction) -> Sweep:
        """Bounds for every delta in (0, delta_bar]; stops with a `Failure` at the first region that D may
        leave (L3.8, L4.2, L5.2)."""
        # An overflow gives infinity or NaN, which is below no limit: a failure.
        with np.errstate(over="ignore", invalid="ignore"):
            result = self._sweep(delta_bar)
        numbers = [*result.distance, *result.log_lo, *result.log_hi, result.A_end, result.A_max]
        if result.failure is None and not np.isfinite(numbers).all():
            result.failure = Failure(None, 0, self.points[-1] if self.points else Fraction(0))
        return result

    def _sweep(self, delta_bar: Fraction) -> Sweep:
        order, count = self.order, len(self.tracks)
        coupling = float(order) if count > 1 else 0.0
        a0 = float_up(delta_bar**order)
        entry = np.array([track.entry for track in self.tracks])
        # A group without a tube starts in its trap.
        D = np.array([up(t.start_distance + (0.0 if t.steps else t.entry)) for t in self.tracks])
        entered = D
        err_lo, err_hi = np.zeros(count), np.zeros(count)
        result = Sweep()
        widest = np.zeros(self.step.shape)
        shares = np.array([track.log_share for track in self.tracks])
        A = A_max = float(total_up(exp_upper(up_any(order * shares[:, 1]))))
        for k, dt in enumerate(self.dt):
            tick()
            if self.enters[k].any():
                D = np.where(self.enters[k], up(D + entry), D)
                entered = np.where(self.enters[k], D, entered)
            A_sup = float(up(A * self.growth[k]))
            if not math.isfinite(A_sup):
                result.failure = Failure(None, 0, self.points[k])
                break
            forcing = up(A_sup * a0)
            phi = up(self.defect[k] + self.K[k] * forcing) * dt
            widest[k] = up(self.X_max[k] * (D + phi))
            inside = widest[k] * (1 + _SPARE) < self.limit[k]
            if not inside.all():
                g = int(np.argmin(inside))
                result.failure = Failure(g, int(self.step[k, g]), self.points[k])
                break
            D = up(self.X[k] * D + self.X_max[k] * phi)
            drift = np.where(self.after[k], 0.0, self.defect[k] + order * widest[k] * self.T[k])
            coupled = forcing * self.E[k]
            err_hi = up(err_hi + (drift + coupling * coupled) * dt)
            err_lo = up(err_lo + (drift + order * coupled) * dt)
            A = min(A_sup, float(total_up(up(self.size[k] * _small_exp(up(order * err_hi))))))
            A_max = max(A_max, A_sup)
            spare = 1 + _SPARE
            result.reached.append(Reached(float(err_lo[0]) * spare, float(err_hi[0]) * spare, float(D[0]), A))
        result.widest = [self._by_step(widest[:, g], g) for g in range(count)]
        if self.points and result.failure is None:
            ends = np.array([len(t.steps) > 0 and t.steps[-1].end == self.points[-1] for t in self.tracks])
            result.distance = np.where(ends, up(D + entry), D)
            entered = np.where(ends, result.distance, entered)
            spare = 1 + _SPARE
            result.log_lo, result.log_hi = (
                sum_down(self.base_lo[-1], -err_lo * spare),
                sum_up(self.base_hi[-1], err_hi * spare),
            )
        else:
            result.distance, result.log_lo, result.log_hi = D, shares[:, 0], shares[:, 1]
        result.drifted = up(np.maximum(0.0, result.distance - entered)) * (1 + _SPARE)
        result.distance = result.distance * (1 + _SPARE)
        result.A_end, result.A_max = A * (1 + _SPARE), A_max * (1 + _SPARE)
        # The region after the tube has to hold at the horizon itself, also where no stretch lies in it.
        outside = ~(result.distance < np.array([track.after.limit for track in self.tracks]))
        if result.failure is None and outside.any():
            g = int(np.argmax(outside))
            result.failure = Failure(
                g, len(self.tracks[g].steps), self.points[-1] if self.points else Fraction(0)
            )
        return result

    def _by_step(self, values: np.ndarray, g: int) -> np.ndarray:
        """The largest value on each step of track g, and after its last."""
        result = np.zeros(len(self.tracks[g].steps) + 1)
        np.maximum.at(result, self.step[:, g], values)
        return result


def up_any(value: np.ndarray) -> np.ndarray:
    """An upper bound of a product of two or three floats of any sign, computed as `value`."""
    return value + (np.abs(value) * 2.0**-48 + 2.0**-1000)


def _small_exp(x: np.ndarray) -> np.ndarray:
    """An upper bound of exp(x) for x >= 0 that is close for small x: (1 - x/64)^(-64), infinite for x >=
    32.
    """
    # The base is at least 1/2 and off by one rounding, its 64th power by less than 128; the last factor is
    # worth 512.
    base = np.where(x < 32.0, 1.0 - x / 64.0, 1.0)
    for _ in range(6):
        base = base * base
    return np.where(x < 32.0, 1.0 / base * (1.0 + 2.0**-44), np.inf)


def _steps_at(track: Track, points: list[Fraction]) -> list[int]:
    """The step of the track in which each stretch lies; the number of steps after the last."""
    place = {point: k for k, point in enumerate(points)}
    result, begin = [len(track.steps)] * len(points), 0
    for k, step in enumerate(track.steps):
        stop = place.get(step.end, len(points) - 1) + 1
        result[begin:stop] = [k] * (stop - begin)
        begin = stop
    return result
