"""The directions of a problem: what is proposed and proved about each before the common clock is started.

A *group* is all weights that share a direction: a block for order 2, the whole network above. Sources: L3 and
L4 (`proofs_notes/L3-tube.md`, `proofs_notes/L4-trap.md`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeVar

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_down, float_up, up
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.flow.curve import Curve
from certflow.flow.enclose.fading import Fading, fading_neuron
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.region import Points, enclose_curve, enclose_regions, silent_room
from certflow.flow.enclose.trap import BITS, TangentialBound, Trap, tangential_bound
from certflow.flow.enclose.tube import Rates
from certflow.flow.endings import Ending, NotSettled
from certflow.flow.propose.centres import SUB_STEP, Proposal
from certflow.flow.propose.equal_eigenvalues import symmetry_of
from certflow.flow.propose.fading import FadingSearch
from certflow.flow.propose.traps import find_traps, proposed_bound, rates_at_start
from certflow.outcome import Fate
from certflow.theorems.early_direction.advice import CAUSES, Cause, Unproved
from certflow.theorems.early_direction.evidence import GroupEvidence, StepEvidence, TrapEvidence
from certflow.theorems.early_direction.orbit import Lifts

T = TypeVar("T")

_FIRST_RADIUS = 2.0**-30
_NEAREST = 0.25
_NEARER = 2.0**-10
_FINEST = 2.0**-40


@dataclass
class GroupProof:
    """One direction: its parts, its centre, and what was proved about them so far (L5.9)."""

    parts: Parts
    curve: Curve | None = None
    trap: Trap | None = None
    fading: Fading | None = None
    at: Points | None = None
    dead: bool = False
    zero: bool = False
    exact: bool = False
    reason: str = ""
    cause: Cause | None = None
    angles: list[float] = field(default_factory=list)
    radius: np.ndarray = field(default_factory=lambda: np.zeros(0))
    spectra: list[TangentialBound] = field(default_factory=list)
    rates: tuple[Rates, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it is said where the group goes."""
        return self.zero or self.dead or self.fading is not None or self.trap is not None

    @property
    def has_tube(self) -> bool:
        """Whether the group has a direction and a tube."""
        return self.curve is not None

    @property
    def arrival(self) -> Fraction:
        """When its curve ends."""
        windows = self.curve.windows if self.curve is not None else ()
        return sum((window.h for window in windows), Fraction(0))

    def give_up(self, error: Unproved) -> None:
        """Say nothing about the group, and why."""
        self.curve = self.at = None
        self.follow(error)
        self.rates = ()

    def follow(self, error: Unproved) -> None:
        """Say nothing about where the group goes, and why; it keeps its tube."""
        self.trap = self.fading = None
        self.dead = self.exact = False
        self.reason, self.cause = str(error), error.cause

    def end_after(self, horizon: Fraction) -> None:
        """Keep of the tube only the windows that begin before the horizon."""
        if self.curve is None:
            raise ValueError("a group without a curve has no tube")
        begins = itertools.accumulate((window.h for window in self.curve.windows), initial=Fraction(0))
        count = sum(begin < horizon for begin in itertools.islice(begins, len(self.curve.windows)))
        self.end_with(count)

    def end_with(self, windows: int) -> None:
        """Keep so many windows of the tube."""
        if self.curve is None:
            raise ValueError("a group without a curve has no tube")
        self.curve = replace(self.curve, windows=self.curve.windows[:windows])
        if self.at is not None:
            self.at = self.at.first(self.count) if self.count else None
        self.rates, self.spectra = self.rates[: self.count], self.spectra[: self.count]
        self.radius = self.radius[: self.count]

    @property
    def count(self) -> int:
        """The number of steps of its tube."""
        return self.curve.steps if self.curve is not None else 0


def prepare(
    group: GroupProof, epsilon: Fraction, coupled: bool, sub_step: float = SUB_STEP, exact: bool = False
) -> list[Trap]:
    """Follow the limit flow of a group and enclose its centre; returns the traps that were found about its
    end (L5.5).

    The centre turns by about `sub_step` on each step of the tube. Afterwards the group has a curve that ends
    well inside the smallest of these traps, or is dead, or fades, or, where starts are `exact`, stays at a
    KKT point that need not be a strict maximum. Raises `Unproved` where nothing can be said.
    """
    parts = group.parts
    neuron = fading_neuron(parts.problem, parts.indices[0])
    search = None if neuron is None else FadingSearch(neuron)
    proposal = Proposal(parts.problem, parts.indices, steps=sub_step, search=search, exact=exact)
    curve = proposal.curve(max(float(epsilon), _FINEST))
    if proposal.limit is not None and proposal.limit.continuum:
        # One of a continuum of limits is known only as well as the flow has come near it.
        curve = proposal.curve(_NEARER * max(float(epsilon), _FINEST))
    if proposal.fading is not None:
        group.curve, group.fading = curve, proposal.fading.within(epsilon)
        if curve.windows:
            group.at = _enclosed(curve, lambda: enclose_curve(parts, curve))
        return []
    if curve.ending is Ending.KKT_START and exact:
        try:
            group.trap = rates_at_start(parts, curve.start, curve.grid, epsilon, coupled)
        except NotSettled:
            # It may be one of a continuum all the same.
            return prepare(group, epsilon, coupled, sub_step)
        except OutsideDomain as error:
            raise _unproved(curve, Ending.OUT_OF_RANGE) from error
        group.curve, group.exact = replace(curve, centre=curve.start), True
        return []
    if curve.centre is None and curve.ending is not Ending.DEAD:
        raise _unproved(curve, curve.ending or Ending.NOT_ISOLATED)
    if curve.centre is None:
        if dead_room(parts, curve) == 0:
            raise _unproved(curve, Ending.NO_GRADIENT_AT_START)
        group.curve, group.dead = curve, True
        return []
    centre, grid = curve.centre, curve.grid
    symmetry = symmetry_of(parts, centre)
    traps = _enclosed(curve, lambda: find_traps(parts, centre, grid, epsilon, coupled, symmetry))
    room = min(float(epsilon), min(trap.rates.limit for trap in traps))
    nearer = curve if symmetry is not None else proposal.curve(_NEAREST * room)
    if nearer.centre != centre:
        raise _unproved(nearer, nearer.ending or Ending.NOT_ISOLATED)
    group.curve, group.angles = nearer, proposal.angles()[1 : len(nearer.windows) + 1]
    if nearer.windows:
        group.at = _enclosed(nearer, lambda: enclose_curve(parts, nearer))
    return traps


def _enclosed(curve: Curve, make: Callable[[], T]) -> T:
    """What `make` encloses of a curve or its end; that it cannot be done is a reason."""
    try:
        return make()
    except NotSettled as error:
        raise _unproved(curve, error.ending) from None
    except OutsideDomain as error:
        raise _unproved(curve, Ending.OUT_OF_RANGE) from error


def _unproved(curve: Curve, ending: Ending) -> Unproved:
    length = sum((window.h for window in curve.windows), Fraction(0))
    return Unproved(ending.value, CAUSES[ending], piece=len(curve.windows), time=length)


def settle_for(group: GroupProof, trap: Trap, windows: int) -> None:
    """Choose this trap, and end the tube after so many windows."""
    group.trap = trap
    group.end_with(windows)


def bound_steps(group: GroupProof, radius: np.ndarray, coupled: bool, proved: bool = True) -> None:
    """The rates of every step of a group's tube on the regions of angle `radius` (L3).

    Without `proved` the eigenvalue bounds are only proposed; such rates decide nothing but the next radii.
    """
    at, parts = group.at, group.parts
    if at is None:
        return
    low = np.sqrt(at.norm2.lower()) * (1 - 2.0**-50)
    regions = enclose_regions(parts, at, radius, coupled, up(at.slope / low))
    places = range(len(radius))
    shifts = [proposed_bound(regions, at.W.mid[k], k) for k in places]
    group.spectra = [tangential_bound(regions, at.W.mid[k], k, shifts[k]) for k in places] if proved else []
    defect = up(at.defect / low)
    group.radius = radius
    group.rates = tuple(
        Rates(
            float_up(group.spectra[k].mu) if proved else shifts[k][0],
            float(radius[k]) if proved else math.inf,
            float(defect[k]),
            float(regions.K[k]),
            float(regions.E[k]),
            float(regions.T[k]),
            float(regions.ell_lo[k]),
            float(regions.ell_hi[k]),
        )
        for k in places
    )


def propose_steps(group: GroupProof, coupled: bool) -> None:
    """Rates of a thin tube that prove nothing, to find out how wide it has to be."""
    bound_steps(group, np.full(group.count, _FIRST_RADIUS), coupled, proved=False)


def dead_room(parts: Parts, curve: Curve) -> float:
    """The largest D for which every sample is strictly inactive for every part of the group: the sine of the
    angle between the end of the curve and the nearest direction for which one is not, at most; the exact end
    decides, no float (L4.6). For a deep network one for which every sample is so in a hidden layer (L12.9).
    """
    end = curve.end
    if not parts.shallow:
        return silent_room(parts, end, curve.grid)
    whole = sum(v * v for part in end for v in part)
    room = math.inf
    for part, row in itertools.product(end, parts.X):
        size = sum(v * v for v in row)
        if size == 0:
            continue
        inner = -sum(a * b for a, b in zip(row, part, strict=False))
        if inner <= 0:
            return 0.0
        room = min(room, float_down(Ball(inner * inner / (size * whole), BITS).sqrt().lower()))
    return room


def outcome_of(group: GroupProof) -> Fate:
    """What becomes of a group."""
    if group.curve is None:
        return Fate.ZERO if group.zero else Fate.INCONCLUSIVE
    if group.fading is not None:
        return Fate.FADES
    if group.trap is None:
        return Fate.DEAD if group.dead else Fate.FOLLOWED
    if group.exact:
        return Fate.EXACT_START
    if group.trap.symmetry is not None:
        return Fate.CONTINUUM
    return Fate.CONVERGES if group.trap.rates.ell_lo > 0 else Fate.SHRINKS


def evidence_of(group: GroupProof) -> GroupEvidence:
    """What a certificate stores about a group."""
    if group.curve is None:
        return GroupEvidence(outcome_of(group), group.reason, None, (), None)
    steps, k = [], 0
    for window in group.curve.windows:
        row = []
        for _ in range(window.steps):
            mu, radial = group.spectra[k]
            row.append(StepEvidence(mu, Fraction(float(group.radius[k])), radial))
            k += 1
        steps.append(tuple(row))
    trap = group.trap
    end = None if trap is None else TrapEvidence(trap.gamma, trap.r0, trap.radial, trap.gap_direction)
    lifts = None if trap is None or trap.symmetry is None else Lifts(trap.symmetry, trap.sigma)
    reason = "" if group.known else group.reason
    return GroupEvidence(outcome_of(group), reason, group.curve, tuple(steps), end, group.fading or lifts)


def reasons(groups: Sequence[GroupProof]) -> str:
    """Why nothing is known about which blocks, as one sentence; empty if something is known about all."""
    blocks: dict[str, list[str]] = {}
    for j, group in enumerate(groups):
        if not group.known:
            blocks.setdefault(group.reason.rstrip("."), []).append(str(j + 1))
    clauses = [
        f"block{'s' if len(own) > 1 else ''} {', '.join(own)}: {reason}" for reason, own in blocks.items()
    ]
    return "; ".join(clauses) + "." if clauses else ""
