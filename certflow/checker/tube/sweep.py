"""R5: all groups on one clock. Everything grows with delta, so what holds for delta_bar holds for every
smaller delta.

A is the sum of all rho_j^L; here it is carried over a0, its value at the start for delta_bar. D is the
distance of a direction from its centre.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from heapq import merge

from ..kernel.numbers import (
    BITS,
    ONE,
    down,
    exp_bounds,
    exp_up_fixed,
    fraction,
    mul_up,
    root_down,
    rounded,
    sqrt_up,
    up,
)
from ..kernel.verdicts import Clock, Refused
from .curve import Track
from .region import Rates


@dataclass
class Runner:
    """One group on the clock. `after` are its rates beyond its last step, within D < `limit` (None: nothing
    is claimed); entering them adds `entry` to D. `share` bounds rho(0)/delta; `D` starts as the distance at s
    = 0. The clock does not wait for the end of what is only `followed`. `base_up` is in units of 2^-`small`,
    so that a group that starts tiny and grows is not taken for one that starts with a fixed-point unit.
    `apart` bounds the angle to the limit flow from the same start; None where D may be too large for that
    (L12.22).
    """

    track: Track | None
    after: Rates
    limit: int | None
    entry: int
    share: tuple[Fraction, Fraction]
    D: int
    where: str
    followed: bool = False
    step: int = 0
    err_up: int = 0
    err_lo: int = 0
    log_up: int = 0
    log_lo: int = 0
    entry_D: int = 0
    base_up: int = 0
    small: int = 0
    apart: int | None = 0
    errors: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = [] if self.track is None else self.track.steps
        self.ends = [step.end for step in self.steps]

    @property
    def rates(self) -> Rates:
        """Those of the step that it is in."""
        return self.steps[self.step].rates if self.step < len(self.steps) else self.after

    def size_low(self, order: int) -> Fraction:
        """A lower bound of rho^L over a0 where the sweep is."""
        size = self.share[0] ** order
        if self.track is not None and self.track.steps:
            ratio = fraction(self.track.steps[-1].P[0]) / self.track.start2
            size *= root_down(ratio**order, 2)
        return rounded(size * exp_bounds(fraction(self.log_lo))[0], False)


@dataclass(frozen=True)
class Sweep:
    """At the horizon: D per group, A over a0 (`end`), the largest A over a0 before (`most`), and the
    horizon.
    """

    horizon: Fraction
    D: list[Fraction]
    end: Fraction
    most: Fraction


def sweep(runners: list[Runner], order: int, size: Fraction, clock: Clock) -> Sweep:
    """Advance all groups from |w|^L = size to the horizon; refuses where a direction may leave the region
    of its rates (L3.8, L5.2)."""
    coupled = len(runners) > 1
    a0 = rounded(size, True)
    coupling = order if coupled else 0
    for run in runners:
        power = run.share[1] ** order
        run.small = max(0, power.denominator.bit_length() - power.numerator.bit_length() - BITS // 2)
        run.base_up = _share_up(run, order)
        if not run.ends:
            _enter(run)
    A = most = sum(_in_units(run.base_up, run) for run in runners)
    begin = Fraction(0)
    last = max((run.ends[-1] for run in runners if run.ends and not run.followed), default=begin)
    for end in merge(*(run.ends for run in runners)):
        clock.tick()
        if end > last:
            break
        if end == begin:
            continue
        dt, dt_low = up(end - begin), down(end - begin)
        fastest = max(0, *(run.rates.ell[1] for run in runners))
        # A' <= L max(ell) A, by convexity of the loss; this also bounds A between the breakpoints.
        A_sup = mul_up(A, exp_up_fixed(mul_up(order * fastest, dt)))
        most = max(most, A_sup)
        A_abs = -((-A_sup * a0.numerator) // a0.denominator)
        total = 0
        for run in runners:
            rate = run.rates
            _advance(run, rate, dt, dt_low, order, A_abs, coupling)
            total += _size_up(run, rate, end, dt, order, A_abs, coupling)
            if run.step < len(run.ends) and end == run.ends[run.step]:
                run.step += 1
                if run.step == len(run.ends):
                    _enter(run)
        A = min(A_sup, total)
        begin = end
    return Sweep(begin, [fraction(run.D) for run in runners], fraction(A), fraction(most))


def _enter(run: Runner) -> None:
    """The last step is over: from now on D is measured to the KKT point."""
    run.entry_D = run.D
    run.D += run.entry


def _advance(run: Runner, rate: Rates, dt: int, dt_low: int, order: int, A: int, coupling: int) -> None:
    """D' <= mu D + dd + K A on the stretch, and the errors of log rho."""
    forcing = rate.dd + mul_up(rate.K, A)
    mu = up(rate.mu)
    X = exp_up_fixed(-((-mu * (dt if mu >= 0 else dt_low)) >> BITS))
    pushed = mul_up(forcing, dt)
    D_sup = mul_up(max(ONE, X), run.D + pushed)
    inside = run.step < len(run.ends)
    limit = rate.r if inside else run.limit
    if limit is not None and D_sup >= limit:
        reason = "the direction may leave the region for which mu was proved"
        raise Refused("R5", f"{run.where}, step {run.step}", reason)
    run.D = mul_up(X, run.D) + mul_up(max(ONE, X), pushed)
    # The limit flow is a curve without defect in the same ball, which is convex below a right angle (L12.22).
    forced = mul_up(max(ONE, X), mul_up(mul_up(rate.K, A), dt))
    run.apart = None if run.apart is None or 2 * D_sup > 3 * ONE else mul_up(X, run.apart) + forced
    if inside:
        drift = rate.dd + order * mul_up(D_sup, rate.T)
        run.err_up += mul_up(drift + coupling * mul_up(A, rate.E), dt)
        run.err_lo += mul_up(drift + order * mul_up(A, rate.E), dt)


def _size_up(run: Runner, rate: Rates, end: Fraction, dt: int, order: int, A: int, coupling: int) -> int:
    """An upper bound of rho^L over a0 at the end of the stretch (closed form in the tube, growth rates after
    it).
    """
    if run.track is not None and run.step < len(run.ends):
        step = run.track.steps[run.step]
        S = step.S - step.decay * (step.end - end)
        run.log_up = order * (up(S) + run.err_up)
        run.log_lo = order * (down(S) - run.err_lo)
        run.base_up = mul_up(_share_up(run, order), _power_up(step.P[1], run.track.start2, order))
        if end == step.end and order > 2:
            run.errors.append((run.err_up, run.err_lo))
    else:
        # (log rho)' <= ell_hi + L A E (several groups) and >= ell_lo - L A E.
        run.log_up += order * _signed_up(rate.ell[1] + coupling * mul_up(A, rate.E), dt)
        run.log_lo -= order * _signed_up(order * mul_up(A, rate.E) - rate.ell[0], dt)
    return _in_units(mul_up(run.base_up, exp_up_fixed(run.log_up)), run)


def _share_up(run: Runner, order: int) -> int:
    """(rho(0)/delta)^L of the group, rounded upwards, in its own units."""
    return up(run.share[1] ** order * 2**run.small)


def _in_units(size: int, run: Runner) -> int:
    """A size in the units of the group as a fixed-point number, rounded upwards."""
    return -(-size >> run.small)


def _signed_up(a: int, dt: int) -> int:
    """a dt rounded upwards, dt known up to one unit."""
    return mul_up(a, dt) + 1 + max(0, -(a >> BITS))


def _power_up(P: int, start2: Fraction, order: int) -> int:
    """(P / start2)^(L/2), rounded upwards."""
    ratio = -((-P * start2.denominator) // start2.numerator)
    root = sqrt_up(ratio) if order % 2 else ONE
    for _ in range(order // 2):
        root = mul_up(root, ratio)
    return root
