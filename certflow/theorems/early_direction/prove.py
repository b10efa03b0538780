"""L5, the uniform theorem: one delta_bar, computed, and the early direction proved for every delta in (0,
delta_bar].

Per group of weights that shares a direction: a centre is proposed along the limit flow, the rates of the tube
about it and of the trap about its end are proved, and one sweep over the common clock decides whether a given
delta works. What works for one delta works for all smaller ones, so the largest is searched by bisection.
Source: `proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np

from certflow.arithmetic.enclosure import OutsideDomain
from certflow.exact import common_bits
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.trap import Trap, dyadic_up
from certflow.flow.enclose.tube import Sweep, Timeline
from certflow.flow.endings import NotSettled
from certflow.flow.propose.centres import SUB_STEP, groups_of
from certflow.flow.propose.traps import DEFAULT_SHARE, best_choice, default_choice
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive, Outcome
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import OutOfTime, tick
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.advice import (
    CAUSES,
    Cause,
    Unproved,
    advice,
    asked_angles,
    asked_delta,
)
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.conclude import make_claim, rounded
from certflow.theorems.early_direction.descent import descend
from certflow.theorems.early_direction.groups import (
    GroupProof,
    bound_steps,
    evidence_of,
    prepare_seen,
    propose_steps,
    reasons,
    settle_for,
)
from certflow.theorems.early_direction.horizon import Horizon, Settled
from certflow.theorems.early_direction.orbit import OrbitHorizon, gradient_at_end
from certflow.theorems.early_direction.search import SMALLEST, largest_that_holds
from certflow.theorems.early_direction.tracks import parting, track_of
from certflow.units import TooLong, natural_length, normalised

_ROOM = 1.25
MAX_BITS = 20_000  # as in the checker (R1)
_ANGLES = tuple(Fraction(1, k) for k in (5, 7, 10, 14, 20, 30, 50, 70, 100))
"""A theorem for a smaller epsilon is one for the larger: of these angles those up to epsilon are tried,
because in wide traps contraction and growth are bounded so badly that a smaller one often gives more. Below
the last only epsilon itself is.
"""
_WIDE = Fraction(1, 20)
"""Angles from here on are all tried, those below as long as they give nearly as much as the best."""
_NEARLY = Fraction(4, 5)
_SMALLER = (5, 25)
"""By what the last angle is divided, one after the other, until something is proved."""
_EVEN, _ASKED = "even for delta = 1e-90 in the units of the proof", "for a delta_bar as large as asked"
_NARROWINGS = 3

AtAngle = Callable[[Fraction, float], Certified[Claim]]
"""What is proved for an angle, with a centre that turns by so much on a step."""


def certify(
    problem: Problem,
    epsilon: Any = None,
    start_angle: Any = 0,
    progress: Progress | None = None,
    delta_bar: Any = None,
) -> Certified[Claim]:
    """The uniform theorem for a problem: for every delta in (0, delta_bar] and every initial direction within
    `start_angle` (L5.1, L5.2, L5.10).

    `epsilon` (default: the problem's) is the angle to be reached and kept. Without `delta_bar` as many blocks
    as possible are proved to arrive, for the largest delta; with it as many as arrive for every delta up to
    it. Raises `BadInput` for numbers that make no sense; everything that cannot be proved, also within the
    deadline, is a result, not an error.
    """
    goal, angle = asked_angles(problem, epsilon, start_angle)
    asked = asked_delta(delta_bar)
    scaled, units = normalised(problem)
    long = too_long(scaled, problem.direction)
    if long:
        return Certified(problem, Outcome.INCONCLUSIVE, long)
    bar = None if asked is None else asked / units.length
    found = best(scaled, goal, angle, bar, partial(attempt, scaled, angle, bar, progress, UniformProof))
    try:
        return replace(found, problem=problem, claim=found.claim and found.claim.restored(units, problem))
    except TooLong as error:
        return Certified(problem, Outcome.INCONCLUSIVE, str(error))


def too_long(scaled: Problem, direction: np.ndarray) -> str:
    """Which numbers are longer than the checker can add up exactly, in a sentence, or nothing."""
    lists: dict[str, Iterable[Fraction]] = {
        "data.X": scaled.X.flat,
        "data.y": scaled.z,
        "initialization.direction": direction,
    }
    if isinstance(scaled.network, FeedForward):
        lists |= {f'network.given."{layer}"': matrix.flat for layer, matrix in scaled.network.given.items()}
        lists["the outputs of the untrained layers"] = scaled.network.features(scaled.X).flat
    for name, values in lists.items():
        bits = common_bits(values)
        if bits > MAX_BITS:
            return (
                f"{name}: the numbers have {bits} bits with a common denominator, and certificates hold at "
                f"most {MAX_BITS}; "
                "give numbers of fewer digits."
            )
    return ""


def best(
    problem: Problem, goal: Fraction, angle: Fraction, asked: Fraction | None, certified: AtAngle
) -> Certified[Claim]:
    """The best theorem for a problem in units near 1, in these units, of those that are `certified` for
    epsilon and smaller angles.
    """
    most, first, falls = None, None, False
    ladder = [target for target in _ANGLES if angle <= target <= goal] if goal > _ANGLES[-1] else []
    targets = [(target, SUB_STEP) for target in ladder or [goal]]
    # In deep networks the Hessian changes so much along a step that only short steps keep the tube narrow.
    short = [] if problem.network.is_sum_of_neurons else [(targets[0][0], SUB_STEP / 8)]
    smaller = [(targets[-1][0] / k, SUB_STEP) for k in _SMALLER if angle * k <= targets[-1][0]]
    for place, (target, sub_step) in enumerate([*targets, *short, *smaller]):
        if most is not None and (falls or place >= len(targets)):
            break
        try:
            found = certified(target, sub_step)
        except Unproved as error:
            first = first or error
            if Cause.TUBE not in error.causes:
                break
            continue
        most = found if most is None else max(most, found, key=lambda each: worth(each, asked))
        (known, size), (decided, largest) = worth(found, asked), worth(most, asked)
        falls = target < _WIDE and (known < decided or size < _NEARLY * largest)
        if found.claim is None:
            break
    if most is None:
        if first is None:
            raise ValueError("nothing was tried")
        return Certified(
            problem,
            Outcome.INCONCLUSIVE,
            str(first),
            first.stopped_at,
            first.proved,
            advice(first.causes, goal, angle),
        )
    return replace(most, claim=most.claim and replace(most.claim, epsilon=goal))


def worth(found: Certified[Claim], asked: Fraction | None) -> tuple[int, Fraction]:
    """More blocks are better, then a larger delta_bar; where that was asked for, a larger radius."""
    claim = found.claim
    if claim is None:
        return 0, Fraction(0)
    size = claim.delta_bar if asked is None else claim.radius or Fraction(0)
    return sum(block.outcome.decided for block in claim.blocks), size


def attempt(
    problem: Problem,
    angle: Fraction,
    asked: Fraction | None,
    progress: Progress | None,
    kind: Callable[..., UniformProof],
    goal: Fraction,
    sub_step: float,
) -> Certified[Claim]:
    """What can be proved for this very epsilon; raises `Unproved` if nothing can be said of a single
    group.
    """
    proof: UniformProof | None = None
    try:
        proof = kind(problem, _groups(problem), goal, angle, asked, progress, sub_step)
        return proof.run()
    except OutOfTime as error:
        return Certified(
            problem, Outcome.INCONCLUSIVE, str(error) if proof is None else f"{error} {proof.progressed()}"
        )
    except OutsideDomain as error:
        raise Unproved(f"a bound is too large to be computed: {error}.", Cause.TUBE) from None


def _groups(problem: Problem) -> list[GroupProof]:
    """The groups of a problem that certified flows exist for and whose NCF is not zero; `Unproved` for all
    others.
    """
    try:
        groups = [GroupProof(parts_of(problem, each)) for each in groups_of(problem)]
    except Inconclusive as error:
        raise Unproved(str(error), Cause.NETWORK) from None
    if not any(problem.z):
        raise Unproved("all labels are zero: N = 0, so that no direction is the early one.", Cause.LABELS)
    return groups


class UniformProof:
    """The search for delta_bar once every group has its rates."""

    def __init__(
        self,
        problem: Problem,
        groups: list[GroupProof],
        epsilon: Fraction,
        start_angle: Fraction,
        asked: Fraction | None,
        progress: Progress | None,
        sub_step: float,
    ) -> None:
        self.sub_step, self.asked, self.even = sub_step, asked, _EVEN if asked is None else _ASKED
        self.problem, self.groups, self.epsilon, self.start_angle = problem, groups, epsilon, start_angle
        self.order, self.coupled, self.progress = problem.order, len(groups) > 1, progress
        self.share, self.proved, self.stage = DEFAULT_SHARE, False, ("curves and traps", 0)
        # No larger delta is tried; like the start of the search it is in proportion to the data, whatever
        # their size.
        self.largest = natural_length(problem)
        self.first = self.largest / 10
        self.radius: Fraction | None = None

    def run(self) -> Certified[Claim]:
        """Prepare the groups, search, widen the regions to what the flow needs, search again, and state the
        claim; for the delta_bar that is asked for, if one is.
        """
        for j, group in enumerate(self.groups):
            self._report("curves and traps", j)
            self._prepare(group)
        self._starts_beside_others()
        return self._found()

    def _found(self) -> Certified[Claim]:
        """The claim about the groups as they are prepared."""
        delta = None
        while delta is None:  # ends: a group stops being an exact start, is followed or given up, once each
            tick()
            if not any(group.has_tube and group.known for group in self.groups):
                causes = {group.cause for group in self.groups if group.cause is not None}
                why = "" if self.asked is None else f"no block is proved to arrive {_ASKED}. "
                raise Unproved(why + reasons(self.groups), min(causes, key=str), others=causes)
            try:
                delta = self._largest_delta() if self.asked is None else self._proved_for(self.asked)
            except Unproved as error:
                # One of several directions cannot be kept in its tube for any delta: the theorem is about the
                # others.
                if self._not_still(error.group):
                    continue
                if not self.coupled or not self.groups[error.group].has_tube:
                    raise
                self._leave_out(error)
        if self.asked is None:
            delta = rounded(delta, False, 4)
        sweep = self.timeline.sweep(delta)
        if sweep.failure is not None or not self.horizon.holds(sweep, delta, self.radius):
            raise Unproved("the bounds changed by rounding; this should not happen.", Cause.TUBE)
        radius = self._largest_radius(sweep, delta)
        claim = make_claim(
            self.problem,
            self.groups,
            self.horizon,
            self.timeline,
            sweep,
            delta,
            self.epsilon,
            self.start_angle,
            radius,
        )
        evidence = [evidence_of(group, self._waits(sweep, g, radius)) for g, group in enumerate(self.groups)]
        partial = any(not group.known for group in self.groups)
        outcome = Outcome.PARTIAL if partial else Outcome.PROVED
        return Certified(self.problem, outcome, reasons(self.groups), evidence=evidence, claim=claim)

    def _waits(self, sweep: Sweep, g: int, radius: Fraction | None) -> tuple[Fraction, ...]:
        """How long after the horizon the law of group g begins to use its smaller balls."""
        if radius is None:
            return ()
        found = descend(self.horizon, sweep, g, self.horizon.size(radius).upper())
        return () if found is None else found.after

    def _starts_beside_others(self) -> None:
        """Beside groups that move or shrink, prove exact starts within their symmetries, or as one of a
        continuum, where that can be done.
        """
        growing = all(group.trap is not None and group.trap.rates.ell_lo > 0 for group in self.groups)
        if not growing or any(group.count for group in self.groups):
            for g in range(len(self.groups)):
                self._not_still(g)

    def _not_still(self, g: int) -> bool:
        """Prove an exact start within its symmetries, or as one of a continuum; whether it is done."""
        if not self.groups[g].exact:
            return False
        other = GroupProof(self.groups[g].whole)
        with contextlib.suppress(Unproved):
            self._prepare(other, still=False)
        if other.known:
            self.groups[g] = other
        return other.known

    def _largest_delta(self) -> Fraction:
        """The largest delta that works; afterwards the rates are proved on regions that are made for it.

        Thin tubes that prove nothing tell how wide the regions have to be for a delta. Wider regions have
        worse rates, so narrower ones are tried where far less than was hoped for works on them.
        """
        for group in self.groups:
            propose_steps(group, self.coupled)
        self.proved = False
        self._setup()
        hoped = self._search(self.first, 1.2)
        thin = self.timeline
        needed = thin.sweep(hoped)
        tried: list[tuple[Fraction, Sweep]] = []
        for attempt in range(_NARROWINGS):
            try:
                found = self._on_regions_for(needed, hoped)
                tried.append((found, needed))
                if 16 * found >= hoped:
                    break
                hoped = 4 * found
            except Unproved:
                hoped /= 1_000
                narrower = any(
                    (a < b / 2).any() for a, b in zip(thin.sweep(hoped).widest, needed.widest, strict=True)
                )
                if not tried and (attempt == _NARROWINGS - 1 or not narrower):
                    raise
            needed = thin.sweep(hoped)
        best, needed = max(tried, key=lambda pair: pair[0])
        return best if tried[-1][0] == best else self._on_regions_for(needed, best)

    def _on_regions_for(self, thin: Sweep, hoped: Fraction) -> Fraction:
        """The largest delta that works with rates proved on regions as wide as this sweep for `hoped` needs
        them.
        """
        self._bound(thin)
        return self._search(hoped, 1.002)

    def _bound(self, thin: Sweep) -> None:
        """Prove rates on regions as wide as this sweep needs them."""
        for g, group in enumerate(self.groups):
            self._report("tubes", g)
            wanted = thin.widest[g][: group.count] * _ROOM + 2.0**-44
            try:
                bound_steps(group, np.array([float(dyadic_up(float(r), 10)) for r in wanted]), self.coupled)
            except NotSettled as error:
                raise Unproved(str(error), CAUSES[error.ending], g) from None
        self._report("tubes", len(self.groups))
        self.proved = True
        self._setup()

    def _leave_out(self, error: Unproved) -> None:
        """Say nothing about where the group goes that the error names; it is followed up to the horizon of
        the others if its tube goes so far.
        """
        left = self.groups[error.group]
        others = [group for group in self.groups if group is not left and group.has_tube and group.known]
        horizon = max((group.arrival for group in others), default=Fraction(0))
        if left.known and others and error.time is not None and error.time >= horizon:
            left.follow(error)
        else:
            left.give_up(error)
        for group in self.groups:
            if group.has_tube and not group.known:
                group.end_after(horizon)

    def _proved_for(self, delta: Fraction) -> Fraction:
        """This delta, with rates proved on regions that are made for it, and a radius for which it works;
        raises `Unproved` with the group to leave out.
        """
        for group in self.groups:
            propose_steps(group, self.coupled)
        self.proved = False
        self._setup()
        thin = self.timeline.sweep(SMALLEST)
        if thin.failure is not None:
            raise self._stopped(SMALLEST)
        self._leave_out_for(delta)
        self._bound(self.timeline.sweep(delta))
        if not self._settled_for(delta):
            raise self._late()
        return delta

    def _leave_out_for(self, delta: Fraction) -> None:
        """Leave out as few groups as this delta takes, as far as thin tubes tell: the slowest, for which all
        others wait and grow; and, where more arrive in time then, one that does not stay in its region
        although it is faster.
        """
        groups, without, best = self.groups, list[Unproved](), None
        while True:  # ends: one more group is left out in every turn
            tick()
            faulty = {error.group for error in without}
            slow = [error for error in self._by_arrival(groups) if error.group not in faulty]
            low, high, chosen = -1, len(slow), groups
            while high - low > 1:  # ends: the interval is halved
                count = (low + high) // 2
                self._begin_without(groups, [*without, *slow[:count]])
                if self._settled_for(delta):
                    high, chosen = count, self.groups
                else:
                    low = count
            left = len(without) + high
            if high < len(slow) and (best is None or left < best[0]):
                best = left, chosen
            if low < 0 or best is None or left > best[0]:
                break
            self._begin_without(groups, [*without, *slow[:low]])
            failing = self._failing(delta, self.timeline.sweep(delta))
            if failing is None or failing.group == slow[low].group:
                break
            without.append(failing)
        self._begin_without(groups if best is None else best[1], [])
        if not self._settled_for(delta):
            raise self._late()

    def _begin_without(self, groups: Sequence[GroupProof], errors: Iterable[Unproved]) -> None:
        """The clock of these groups, but for those that the errors name."""
        self.groups = [replace(group) for group in groups]
        for error in errors:
            self._leave_out(error)
        self._setup()

    def _settled_for(self, delta: Fraction) -> bool:
        """Whether everything holds for this delta, with a radius that is lowered if need be."""
        sweep = self.timeline.sweep(delta)
        if sweep.failure is not None:
            return False
        if self.radius is not None and not self.horizon.holds(sweep, delta, self.radius):
            self.radius = self.horizon.least_radius(sweep, delta)
        return self.horizon.holds(sweep, delta, self.radius)

    def progressed(self) -> str:
        """Up to where the proof has come, in words."""
        what, done = self.stage
        return f"By then the {what} of {done} of {len(self.groups)} blocks were proved."

    def _report(self, what: str, done: int) -> None:
        self.stage = what, done
        if self.progress is not None:
            self.progress(what, done, len(self.groups))

    def _prepare(self, group: GroupProof, still: bool = True) -> None:
        """Centre, trap and first rates of a group; one of several that is not followed keeps its reason."""
        group.zero = self.start_angle == 0 and not any(
            self.problem.direction[i] for part in group.parts.indices for i in part
        )
        if group.zero:
            return
        try:
            of = self.epsilon, self.coupled, self.sub_step, self.start_angle
            traps = prepare_seen(group, *of, still)
            if self.coupled and traps:
                settle_for(group, *default_choice(traps, group.angles, self.epsilon, self.order))
            if not self.coupled and traps:
                propose_steps(group, self.coupled)
                self._settle(group, traps)
        except Unproved as error:
            if not self.coupled:
                raise
            group.give_up(error)

    def _settle(self, group: GroupProof, traps: list[Trap]) -> None:
        """For a single group: the trap, the end of the tube and the share of the budget that make delta_bar R
        largest.
        """
        group.trap = traps[0]
        timeline = Timeline([track_of(self.problem, group, 0, self.start_angle, self.coupled)], self.order)
        if group.curve is None:
            raise ValueError("a group with traps has a curve")
        trap, count, self.share = best_choice(traps, group.angles, group.curve, timeline, self.epsilon)
        settle_for(group, trap, count)
        group.rates = group.rates[: group.count]

    def _setup(self) -> None:
        tracks = [
            track_of(self.problem, group, j, self.start_angle, self.coupled)
            for j, group in enumerate(self.groups)
        ]
        self.timeline = Timeline(tracks, self.order)
        settled = [
            Settled(
                g.trap,
                track.after if g.trap is None else g.trap.rates,
                g.dead or g.zero or g.fading is not None,
                None if g.fading is None else g.fading.largest,
                g.exact,
            )
            for g, track in zip(self.groups, tracks, strict=True)
        ]
        orbits = {}
        for g, (group, track) in enumerate(zip(self.groups, tracks, strict=True)):
            trap, curve = group.trap, group.curve
            if trap is not None and trap.symmetry is not None and curve is not None:
                orbits[g] = track.entry, gradient_at_end(group.parts, curve, trap)
        self.horizon = Horizon(settled, self.order, self.epsilon)
        if orbits:
            self.horizon = OrbitHorizon(settled, self.order, self.epsilon, orbits)
        self.radius = self.horizon.target_radius(self.share, self.timeline.sweep(SMALLEST))

    def _search(self, start: Fraction, factor: float) -> Fraction:
        """The largest delta that works, up to `factor`."""
        return largest_that_holds(self._works, start, self.largest, factor, self._stopped)

    def _stopped(self, delta: Fraction) -> Unproved:
        """Why even this smallest delta does not work, and which group to leave out."""
        return self._failing(delta, self.timeline.sweep(delta)) or self._late()

    def _works(self, delta: Fraction) -> bool:
        """Whether everything holds for a delta."""
        found = self.timeline.sweep(delta)
        return found.failure is None and self.horizon.holds(found, delta, self.radius)

    def _late(self) -> Unproved:
        """What takes longest makes the others wait, and grow."""
        return self._by_arrival(self.groups)[0]

    def _by_arrival(self, groups: Sequence[GroupProof]) -> list[Unproved]:
        """Why those that are known to arrive are left out, the slowest first."""
        reason = (
            f"the direction arrives so late that the weights may have grown too much by then, {self.even}."
        )
        known = [g for g, group in enumerate(groups) if group.has_tube and group.known]
        known.sort(key=lambda g: -groups[g].arrival)
        return [self._stopped_at(reason, g, groups[g], groups[g].arrival) for g in known]

    def _failing(self, delta: Fraction, sweep: Sweep) -> Unproved | None:
        """Which group leaves its region, None if it is not known of one."""
        failure, tracks = sweep.failure, self.timeline.tracks
        if failure is None:
            g = self.horizon.failing(sweep, delta, self.radius)
            if g is None:
                return None
            reason = (
                f"the direction is not proved to stay within epsilon and inside its trap after the horizon, "
                f"{self.even}."
            )
            return self._unproved(reason, g, len(tracks[g].steps))
        if failure.group is None:
            return None
        g, k = failure.group, failure.step
        if k == len(tracks[g].steps):
            reason = f"the direction is not proved to be inside its trap or dead cell, {self.even}"
            return self._unproved(f"{reason}{parting(tracks[g])}.", g, k)
        return self._unproved(
            f"the tube becomes wider than its regions in step {k + 1}, at s = {float(failure.time):.6g}, "
            f"{self.even}, because "
            "the centre is not accurate enough or flows grow too far apart.",
            g,
            k,
        )

    def _unproved(self, reason: str, g: int, step: int) -> Unproved:
        steps = self.timeline.tracks[g].steps
        return self._stopped_at(reason, g, self.groups[g], steps[step - 1].end if step else Fraction(0))

    def _stopped_at(self, reason: str, g: int, group: GroupProof, time: Fraction) -> Unproved:
        windows = () if group.curve is None else group.curve.windows
        done = itertools.accumulate(window.h for window in windows)
        proved = f"s = {float(time):.6g} of the limit flow" if time and self.proved else ""
        # A dead cell is what it is, whatever epsilon is.
        cause = Cause.START if group.dead else Cause.TUBE
        return Unproved(reason, cause, g, sum(end <= time for end in done), time, proved)

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
        short = rounded(low, False, 5)
        return short if self.horizon.holds(sweep, delta, short) else low
