"""L5, the uniform theorem: one delta_bar, computed, and the early direction proved for every delta in (0, delta_bar].

Per group of weights that shares a direction: a centre is proposed along the limit flow, the rates of the tube about it and
of the trap about its end are proved, and one sweep over the common clock decides whether a given delta works. What works for
one delta works for all smaller ones, so the largest is searched by bisection. Source: `proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_down, float_up, up
from certflow.exact import parse_rational
from certflow.flow.angles import angle_upper, arcsin_upper
from certflow.flow.curve import Curve
from certflow.flow.evidence import GroupEvidence, TrapEvidence
from certflow.flow.parts import Indices, Parts, parts_of
from certflow.flow.propose import Proposal, groups_of
from certflow.flow.region import Points, enclose_curve, enclose_regions, end_of, output_bounds
from certflow.flow.trap import BITS, Trap, dyadic_up, find_trap, tangential_bound
from certflow.flow.tube import Rates, Sweep, Timeline, Track
from certflow.outcome import BadInput, Inconclusive
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.theorems.claim import make_claim
from certflow.theorems.horizon import Horizon, Settled

_FIRST_RADIUS = 2.0**-30
_ROOM = 1.25
_SHARE = Fraction(3, 4)
_SMALLEST = Fraction(1, 10**90)


@dataclass
class Certified:
    """What `certify` proved: `claim` is the theorem as data, `groups` its evidence.

    `outcome` is "proved", "partial" (some blocks are inconclusive) or "inconclusive" (`claim` empty); then `reason`,
    `stopped_at`, `proved_until` and `try_` say why, where, what was proved until there, and what to try.
    """

    problem: Problem
    outcome: str
    reason: str = ""
    stopped_at: dict[str, Any] | None = None
    proved_until: str = ""
    try_: str = ""
    groups: list[GroupEvidence] = field(default_factory=list)
    claim: dict[str, Any] = field(default_factory=dict)


@dataclass
class Group:
    """One direction: its parts, its centre, and what was proved about them so far."""

    parts: Parts
    curve: Curve | None = None
    trap: Trap | None = None
    at: Points | None = None
    dead: bool = False
    reason: str = ""
    radius: np.ndarray = field(default_factory=lambda: np.zeros(0))
    spectra: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    steps: tuple[Rates, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the group has a tube."""
        return self.curve is not None


def certify(problem: Problem, epsilon: Any = None, start_angle: Any = 0, progress: Progress | None = None) -> Certified:
    """The uniform theorem for a problem: for every delta in (0, delta_bar] and every initial direction within `start_angle`.

    `epsilon` (default: the problem's) is the angle to be reached and kept. Raises `BadInput` for numbers that make no
    sense; everything that cannot be proved is a result, not an error.
    """
    goal = problem.experiment.epsilon if epsilon is None else parse_rational(epsilon, "epsilon")
    angle = parse_rational(start_angle, "start_angle")
    if not 0 < goal <= Fraction(1, 5):
        raise BadInput(f"epsilon: {goal} is outside (0, 1/5]; give an angle in radians such as 1/100.")
    if not 0 <= angle <= goal:
        raise BadInput(f"start_angle: {angle} is outside [0, epsilon]; give a small angle in radians.")
    try:
        indices = groups_of(problem)
        groups = [Group(parts_of(problem, each)) for each in indices]
        for j, group in enumerate(groups):
            _prepare(group, goal, len(groups) > 1, progress, j, len(groups))
        return _Proof(problem, groups, goal, angle).run()
    except Inconclusive as error:
        return Certified(problem, "inconclusive", reason=str(error), try_="another initial direction, a larger epsilon")


def _prepare(group: Group, epsilon: Fraction, several: bool, progress: Progress | None, j: int, count: int) -> None:
    """Centre, trap and first rates of a group; a group that cannot be followed keeps its reason."""
    parts = group.parts
    if progress is not None:
        progress("certifying", j, count)
    try:
        proposal = Proposal(parts.problem, parts.indices)
        if proposal.reason == "dead":
            group.curve, group.dead = proposal.curve(0.0), True
        else:
            if proposal.centre is None:
                raise Inconclusive(proposal.reason)
            trap = find_trap(parts, proposal.centre, proposal.grid, epsilon, several)
            group.curve, group.trap = proposal.curve(_entry_distance(trap, epsilon, parts.problem.order)), trap
        if group.curve.windows:
            group.at = enclose_curve(parts, group.curve)
            steps = group.at.W.shape[0]
            bound_steps(group, np.full(steps, _FIRST_RADIUS), several)
            group.steps = tuple(replace(rates, limit=float(epsilon)) for rates in group.steps)
    except Inconclusive as error:
        if not several:
            raise
        group.curve = group.trap = None
        group.dead, group.reason = False, str(error)


def _entry_distance(trap: Trap, epsilon: Fraction, order: int) -> float:
    """Where to leave the tube: far from the KKT point the flow is still small, near it there is room for its error."""
    room = min(float(epsilon), trap.rates.limit)
    ratio = order * max(trap.rates.ell_hi, 0.0) / float(trap.gamma)
    return room * min(0.9, max(0.5, ratio / (1 + ratio)))


def bound_steps(group: Group, radius: np.ndarray, several: bool) -> None:
    """Prove the rates of every step of a group's tube on the regions of angle `radius` (L3)."""
    at, parts = group.at, group.parts
    if at is None:
        raise ValueError("a group without a curve has no steps")
    low = np.sqrt(at.norm2.lower()) * (1 - 2.0**-50)
    regions = enclose_regions(parts, at, radius, several, up(at.slope / low))
    spectra = [tangential_bound(regions, at.W.mid[k], k) for k in range(len(radius))]
    defect = up(at.defect / low)
    group.radius, group.spectra = radius, spectra
    group.steps = tuple(
        Rates(
            float_up(spectra[k][0]),
            float(radius[k]),
            float(defect[k]),
            float(regions.K[k]),
            float(regions.E[k]),
            float(regions.T[k]),
            float(regions.ell_lo[k]),
            float(regions.ell_hi[k]),
        )
        for k in range(len(radius))
    )


class _Proof:
    """The search for delta_bar once every group has its rates."""

    def __init__(self, problem: Problem, groups: list[Group], epsilon: Fraction, start_angle: Fraction) -> None:
        self.problem, self.groups, self.epsilon, self.start_angle = problem, groups, epsilon, start_angle
        self.order, self.several = problem.order, len(groups) > 1

    def run(self) -> Certified:
        """Search, widen the regions to what the flow needs, search again, and state the claim."""
        if not any(group.known for group in self.groups):
            return Certified(self.problem, "inconclusive", reason=self.groups[0].reason, try_="another initial direction")
        self._setup()
        delta, sweep = self._search(self.timeline.sweep)
        for _ in range(2):
            for g, group in enumerate(self.groups):
                if group.at is not None:
                    wanted = sweep.distance_sup[g][: len(group.steps)] * _ROOM + 2.0**-44
                    radius = np.array([float(dyadic_up(float(r), 10)) for r in wanted])
                    bound_steps(group, radius, self.several)
            self._setup()
            delta, sweep = self._search(self.timeline.sweep)
        delta = _round_down(delta, 4)
        sweep = self.timeline.sweep(delta)
        if sweep.failure is not None or not self.horizon.holds(sweep, delta, self.radius):
            raise Inconclusive("the bounds changed by rounding; this should not happen.")
        radius = self._largest_radius(sweep, delta)
        claim = make_claim(
            self.problem, self.groups, self.horizon, self.timeline, sweep, delta, self.epsilon, self.start_angle, radius
        )
        evidence = [_evidence(group) for group in self.groups]
        partial = any(not group.known for group in self.groups)
        reason = "; ".join(f"block {j + 1}: {g.reason}" for j, g in enumerate(self.groups) if not g.known)
        return Certified(self.problem, "partial" if partial else "proved", reason=reason, groups=evidence, claim=claim)

    def _setup(self) -> None:
        tracks = [self._track(group, j) for j, group in enumerate(self.groups)]
        self.timeline = Timeline(tracks, self.order)
        settled = [Settled(group.trap, track.after, group.dead) for group, track in zip(self.groups, tracks, strict=True)]
        self.horizon = Horizon(settled, self.order, self.epsilon)
        self.radius = self.horizon.target_radius(_SHARE)

    def _track(self, group: Group, j: int) -> Track:
        problem, parts = self.problem, group.parts
        own = [problem.direction[i] for part in parts.indices for i in part]
        log_share, moved = self._share(own)
        curve = group.curve
        if curve is None:
            empty = np.zeros(0)
            return Track((), (), (), empty, empty, self._unknown(parts), 0.0, 0.0, log_share)
        start = [Fraction(v) for part in curve.start for v in part]
        distance = float(up(angle_upper(start, own) + moved))
        ends, decays, at = [], [], Fraction(0)
        for window in curve.windows:
            for _ in range(window.steps):
                at += window.h / window.steps
                ends.append(at)
                decays.append(window.decay)
        half_lo, half_hi = self._half_logs(group, sum(v * v for v in start) / Fraction(4) ** curve.grid)
        if group.dead:
            after = Rates(0.0, self._dead_room(parts, curve), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            return Track(tuple(ends), tuple(decays), group.steps, half_lo, half_hi, after, 0.0, distance, log_share)
        trap = group.trap
        if trap is None:
            raise ValueError("a group with a tube ends in a trap or is dead")
        end = [Fraction(v) for part in end_of(curve) for v in part]
        centre = [Fraction(v) for part in trap.centre for v in part]
        entry = float(up(angle_upper(end, centre) + trap.kkt_radius))
        return Track(tuple(ends), tuple(decays), group.steps, half_lo, half_hi, trap.rates, entry, distance, log_share)

    def _share(self, own: list[Fraction]) -> tuple[tuple[float, float], float]:
        """Enclosure of log(rho_j(0)/delta), and how far the start angle can turn the block."""
        phi = self.start_angle
        if not self.several:
            return (0.0, 0.0), float_up(phi)
        square = sum(v * v for v in own) / sum(v * v for v in self.problem.direction)
        if square == 0:
            return (-700.0, -700.0), 0.0
        sigma = Ball(square, BITS).sqrt()
        if not 2 * phi <= sigma.lower():
            raise Inconclusive("a block is too small for this start_angle; its direction would be arbitrary.")
        low, high = (sigma - phi).log().lower(), (sigma + phi).log().upper()
        return (float_down(low), float_up(high)), arcsin_upper((Ball(phi, BITS) / sigma).square().upper()) if phi else 0.0

    def _half_logs(self, group: Group, start: Fraction) -> tuple[np.ndarray, np.ndarray]:
        if group.at is None:
            return np.zeros(0), np.zeros(0)
        low, high = group.at.norm2.lower(), group.at.norm2.upper()
        half_lo = [float_down((Ball(Fraction(float(v)) / start, BITS).log() / 2).lower()) for v in low]
        half_hi = [float_up((Ball(Fraction(float(v)) / start, BITS).log() / 2).upper()) for v in high]
        return np.array(half_lo), np.array(half_hi)

    def _unknown(self, parts: Parts) -> Rates:
        """Rates of a group of which nothing is known but the size of its outputs on the sphere."""
        beta = [Fraction(float(b)) for b in output_bounds(parts)]
        growth = 2 * sum(abs(z) * b for z, b in zip(self.problem.z, beta, strict=True))
        loss = self.problem.loss
        E = loss.omega(self.problem.n) * loss.curvature_bound() * sum(b * b for b in beta)
        return Rates(0.0, math.inf, 0.0, 0.0, float_up(E), 0.0, -float_up(growth), float_up(growth))

    @staticmethod
    def _dead_room(parts: Parts, curve: Curve) -> float:
        """The largest D for which every sample stays strictly inactive: sin(angle) to the nearest x_i^⊥, at least."""
        p = [Fraction(v) for v in end_of(curve)[0][: parts.X.shape[1]]]
        whole = sum(Fraction(v) ** 2 for v in end_of(curve)[0])
        room = math.inf
        for row in parts.X:
            inner = -sum(a * b for a, b in zip(row, p, strict=True))
            size = sum(v * v for v in row)
            if size == 0:
                continue
            if inner <= 0:
                return 0.0
            room = min(room, float_down(Ball(inner * inner / (size * whole), BITS).sqrt().lower()))
        return room

    def _search(self, sweep: Callable[[Fraction], Sweep]) -> tuple[Fraction, Sweep]:
        """The largest delta that works, within a fraction of a percent, and its sweep."""

        def works(delta: Fraction) -> Sweep | None:
            found = sweep(delta)
            ok = found.failure is None and self.horizon.holds(found, delta, self.radius)
            return found if ok else None

        high, low = Fraction(1), Fraction(1, 10)
        best = works(low)
        while best is None:
            if low < _SMALLEST:
                raise self._stopped(sweep(low))
            high, low = low, low / 100 if low < Fraction(1, 10**6) else low / 10
            best = works(low)
        while high / low > Fraction(1002, 1000):
            middle = Fraction(math.exp((_log(low) + _log(high)) / 2))
            found = works(middle)
            if found is None:
                high = middle
            else:
                low, best = middle, found
        return low, best

    def _stopped(self, sweep: Sweep) -> Inconclusive:
        failure = sweep.failure
        if failure is None:
            return Inconclusive("no delta is small enough for the directions to stay within epsilon after the horizon.")
        return Inconclusive(
            f"the tube of block {failure.group + 1} becomes wider than its regions in step {failure.step + 1}, at s = "
            f"{float(failure.time):.6g}, however small delta is; the centre is not accurate enough or grows too far apart."
        )

    def _largest_radius(self, sweep: Sweep, delta: Fraction) -> Fraction | None:
        """The largest radius that works for this delta, within a fraction of a percent."""
        if self.radius is None:
            return None
        low, high = self.radius, 4 * self.radius
        for _ in range(12):
            middle = (low + high) / 2
            if self.horizon.holds(sweep, delta, middle):
                low = middle
            else:
                high = middle
        rounded = _round_down(low, 5)
        return rounded if self.horizon.holds(sweep, delta, rounded) else low


def _log(value: Fraction) -> float:
    return math.log(value.numerator) - math.log(value.denominator)


def _round_down(value: Fraction, digits: int) -> Fraction:
    """The largest decimal of so many significant digits that is at most `value` > 0."""
    exponent = math.floor(_log(value) / math.log(10)) - digits + 1
    unit = Fraction(10) ** exponent
    return Fraction(value // unit) * unit


def _evidence(group: Group) -> GroupEvidence:
    if group.curve is None:
        return GroupEvidence("inconclusive", group.reason, None, (), None)
    steps, k = [], 0
    for window in group.curve.windows:
        row = []
        for _ in range(window.steps):
            mu, s = group.spectra[k]
            row.append((mu, Fraction(float(group.radius[k])), s))
            k += 1
        steps.append(tuple(row))
    trap = group.trap
    if trap is None:
        return GroupEvidence("dead", "", group.curve, tuple(steps), None)
    outcome = "converges" if trap.rates.ell_lo > 0 else "shrinks"
    return GroupEvidence(outcome, "", group.curve, tuple(steps), TrapEvidence(trap.gamma, trap.r0, trap.s, trap.gap_direction))
