"""What a larger delta_bar costs: theorems about fewer blocks, for other angles, and up to other radii.

Every one is a theorem of its own, proved like that of `certify`; only what was found about each block before
the clock starts, its centre, trap and curve, is used again. Which blocks are given up is a choice, the
slowest or the one that stops a larger delta_bar, and another choice may give more.
Source: `proofs_notes/L5-uniform-theorem.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import Any

from certflow.arithmetic.decimal_text import rounded_text
from certflow.flow.enclose.tube import Sweep
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import tick
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.advice import LARGEST_EPSILON, Unproved, asked_angles, asked_delta
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.conclude import rounded
from certflow.theorems.early_direction.groups import propose_steps
from certflow.theorems.early_direction.prove import UniformProof, attempt, best, certify, too_long, worth
from certflow.units import TooLong, Units, normalised

MOST_COUNTS = 24
"""Of more blocks not every number is tried."""

FACTORS = tuple(map(Fraction, ("1/10", "1/5", "1/2", "1", "2", "5", "10")))
"""Times these the angle that is asked for; that itself comes from `certify`."""

SHARES = tuple(map(Fraction, ("99/100", "9/10", "4/5", "3/5", "2/5", "1/5", "1/10", "1/20", "1/50", "1/100")))
"""Of the largest radius up to which anything is proved."""

_LARGER = Fraction(11, 10)
"""For a delta so much larger it is asked what stops it."""
_TINY = Fraction(1, 10**60)


@dataclass(frozen=True)
class Compromise:
    """A theorem that differs from the one that was asked for in what is `varied` (nothing: in nothing)."""

    varied: str
    name: str
    found: Certified[Claim]


def compromises(
    problem: Problem,
    epsilon: Any = None,
    start_angle: Any = 0,
    delta_bar: Any = None,
    progress: Progress | None = None,
) -> Iterator[Compromise]:
    """The theorem of `certify`, and if anything is proved, one by one those about fewer blocks, for other
    angles and up to other radii; among them that for `delta_bar`, if one is given.

    Fewer blocks come with a larger delta_bar, a smaller radius too; what gains nothing is left out. Raises
    `BadInput` for numbers that make no sense, and `OutOfTime`.
    """
    goal, angle = asked_angles(problem, epsilon, start_angle)
    asked_delta(delta_bar)
    scaled, units = normalised(problem)
    attempts = _Attempts(scaled, angle, progress)
    if too_long(scaled, problem.direction):
        yield Compromise("", "asked", certify(problem, goal, angle, progress))
        return
    first = best(scaled, goal, angle, None, attempts)
    yield from _restored([Compromise("", "asked", first)], problem, units)
    tick()
    if first.claim is None:
        return
    if delta_bar is not None:
        yield Compromise("delta_bar", "delta-bar", certify(problem, goal, angle, progress, delta_bar))
        tick()
    kept = attempts.best()
    yield from _restored(kept.fewer(goal), problem, units)
    yield from _restored(kept.other_radii(goal), problem, units)
    yield from _restored(_other_angles(scaled, goal, angle, first, attempts), problem, units)


def _restored(rows: Iterable[Compromise], problem: Problem, units: Units) -> Iterator[Compromise]:
    """The same about the problem in its own units; what cannot be written in them is left out."""
    for row in rows:
        found = row.found
        try:
            claim = found.claim and found.claim.restored(units, problem)
        except TooLong:
            continue
        yield replace(row, found=replace(found, problem=problem, claim=claim))


class _KeptProof(UniformProof):
    """A search for delta_bar that keeps its groups as they are before the clock starts, for more of them."""

    wanted: Fraction | None = None
    any_radius = False

    def _found(self) -> Certified[Claim]:
        self.prepared = [replace(group) for group in self.groups]
        self.given_up: list[Unproved] = []
        found = super()._found()
        self.left_out, self.found = list(self.given_up), found
        if found.claim is not None:
            self.first = found.claim.delta_bar
            self.largest_radius = self._widest()
        return found

    def _leave_out(self, error: Unproved) -> None:
        self.given_up.append(error)
        super()._leave_out(error)

    def _setup(self) -> None:
        super()._setup()
        if self.wanted is not None:
            self.radius = self.wanted

    def _works(self, delta: Fraction) -> Sweep | None:
        if not self.any_radius:
            return super()._works(delta)
        before = self.radius
        if self._settled_for(delta):
            return self.timeline.sweep(delta)
        self.radius = before
        return None

    def _widest(self) -> Fraction | None:
        """The largest radius that works for a tiny delta; None if the theorem is for all times."""
        high = self.radius
        if high is None:
            return None
        sweep = self.timeline.sweep(_TINY)
        if not self.horizon.holds(sweep, _TINY, high):
            return high
        while self.horizon.holds(sweep, _TINY, 2 * high):  # ends: the floors grow with the radius
            tick()
            high *= 2
        low, high = high, 2 * high
        for _ in range(12):
            middle = (low + high) / 2
            if self.horizon.holds(sweep, _TINY, middle):
                low = middle
            else:
                high = middle
        return low

    def _again(self, errors: Sequence[Unproved], goal: Fraction) -> Certified[Claim] | None:
        """The theorem that says nothing about the groups that the errors name; None if there is none."""
        self._begin_without(self.prepared, errors)
        try:
            found = super()._found()
        except Unproved:
            return None
        return replace(found, claim=found.claim and replace(found.claim, epsilon=goal))

    def _hoped(self, errors: Sequence[Unproved]) -> Fraction:
        """The delta for which thin tubes, which prove nothing, work without these groups, or 0."""
        self.proved = False
        self._begin_without(self.prepared, errors)
        try:
            return self._search(self.first, float(_LARGER))[0]
        except Unproved:
            return Fraction(0)

    def fewer(self, goal: Fraction) -> Iterator[Compromise]:
        """Theorems about fewer and fewer blocks, for larger and larger delta_bar."""
        claim = self.found.claim
        if not self.coupled or claim is None:
            return
        for group in self.prepared:
            propose_steps(group, self.coupled)
        self.any_radius = True
        errors, (total, largest) = list(self.left_out), worth(self.found, None)
        counts, fewest, hoped = _spread(total - 1), total, self._hoped(errors)
        while True:  # ends: a group is followed only or given up in every turn
            tick()
            chosen, hoped = self._next(errors, hoped)
            if chosen is None:
                break
            errors.append(chosen)
            known = sum(group.known for group in self.groups)
            if known not in counts or hoped <= largest:
                continue
            self._report_row("fewer blocks", total - known, total)
            found = self._again(errors, goal)
            if found is None:
                continue
            count, size = worth(found, None)
            if count < fewest and size > largest:
                fewest, largest, self.first = count, size, size
                yield Compromise("blocks", f"blocks-{count}", found)
        self.any_radius = False

    def _next(self, errors: list[Unproved], hoped: Fraction) -> tuple[Unproved | None, Fraction]:
        """Which group to leave out besides those of the errors, with which `hoped` is hoped for, and the
        delta that is hoped for then; None when one is left.
        """
        self.proved = False
        self._begin_without(self.prepared, errors)
        slow = self._by_arrival(self.groups)
        if len(slow) <= 1:
            return None, hoped
        larger = max(hoped, self.first) * _LARGER
        stops = self._failing(larger, self.timeline.sweep(larger))
        candidates = [slow[0]]
        if stops is not None and stops.group != slow[0].group and self.groups[stops.group].has_tube:
            candidates.append(stops)
        sizes = [self._hoped([*errors, each]) for each in candidates]
        place = max(range(len(sizes)), key=sizes.__getitem__)
        self._begin_without(self.prepared, [*errors, candidates[place]])
        return candidates[place], sizes[place]

    def other_radii(self, goal: Fraction) -> Iterator[Compromise]:
        """Theorems up to smaller and smaller radii, for larger and larger delta_bar."""
        top, claim = self.largest_radius, self.found.claim
        if claim is None or claim.radius is None or top is None:
            return
        for group in self.prepared:
            propose_steps(group, self.coupled)
        largest, self.first = Fraction(0), claim.delta_bar
        for done, share in enumerate(SHARES):
            tick()
            self.wanted = rounded(share * top, False, 3)
            if self.wanted <= claim.radius:
                largest = max(largest, claim.delta_bar)
            self._report_row("other radii", done, len(SHARES))
            found = self._again(self.left_out, goal)
            if found is not None and worth(found, None) > (worth(self.found, None)[0], largest):
                largest = worth(found, None)[1]
                yield Compromise("radius", f"radius-{int(100 * share)}", found)
        self.wanted = None

    def _report_row(self, what: str, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(what, done, total)


def _spread(most: int) -> set[int]:
    """The numbers from 1 to `most`, or if there are many, some that lie evenly."""
    if most <= MOST_COUNTS:
        return set(range(1, most + 1))
    return {1 + (most - 1) * k // (MOST_COUNTS - 1) for k in range(MOST_COUNTS)}


class _Attempts:
    """What was proved for each angle and step of the centre, proved once."""

    def __init__(self, problem: Problem, angle: Fraction, progress: Progress | None) -> None:
        self.problem, self.angle, self.progress = problem, angle, progress
        self.proofs: dict[tuple[Fraction, float], _KeptProof] = {}
        self.results: dict[tuple[Fraction, float], Certified[Claim] | Unproved] = {}

    def __call__(self, goal: Fraction, sub_step: float) -> Certified[Claim]:
        key = goal, sub_step
        if key not in self.results:
            try:
                self.results[key] = attempt(
                    self.problem, self.angle, None, self.progress, partial(self._made, key), *key
                )
            except Unproved as error:
                self.results[key] = error
        result = self.results[key]
        if isinstance(result, Unproved):
            raise result
        return result

    def _made(self, key: tuple[Fraction, float], *given: Any) -> _KeptProof:
        self.proofs[key] = _KeptProof(*given)
        return self.proofs[key]

    def best(self) -> _KeptProof:
        """The proof of the best theorem."""
        return max(self.proofs.values(), key=lambda proof: worth(proof.found, None))


def _other_angles(
    problem: Problem, goal: Fraction, angle: Fraction, asked: Certified[Claim], attempts: _Attempts
) -> Iterator[Compromise]:
    """Theorems for smaller and larger angles; what is proved for a smaller one holds for a larger one."""
    most: Certified[Claim] | None = None
    for factor in FACTORS:
        tick()
        epsilon = factor * goal
        if not angle <= epsilon <= LARGEST_EPSILON:
            continue
        found = asked if factor == 1 else best(problem, epsilon, angle, None, attempts)
        tick()
        if found.claim is None:
            continue
        if most is not None and most.claim is not None and worth(most, None) > worth(found, None):
            found = replace(most, claim=replace(most.claim, epsilon=epsilon))
        most = found
        if factor != 1:
            yield Compromise("epsilon", f"epsilon-{rounded_text(epsilon, 4)}", found)
