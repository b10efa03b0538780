"""The directions of a problem: what is proposed and proved about each before the common clock is started.

A *group* is all weights that share a direction: a block for order 2, the whole network above. Sources: L3 and L4
(`proofs_notes/L3-tube.md`, `proofs_notes/L4-trap.md`); which trap is used and where the tube ends is chosen by floats.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_down, float_up, up
from certflow.flow.curve import Curve
from certflow.flow.parts import Parts
from certflow.flow.propose import Proposal
from certflow.flow.region import Points, enclose_curve, enclose_regions, end_of
from certflow.flow.trap import BITS, Trap, find_traps, proposed_bound, tangential_bound
from certflow.flow.tube import Rates
from certflow.outcome import Inconclusive
from certflow.time_limit import OutOfTime

_FIRST_RADIUS = 2.0**-30
_NEAREST = 0.25


class Stopped(Inconclusive):
    """A group could not be followed: `windows` of its curve were, up to the clock `time`."""

    def __init__(self, reason: str, curve: Curve) -> None:
        super().__init__(reason)
        self.windows, self.time = len(curve.windows), sum((window.h for window in curve.windows), Fraction(0))


@dataclass
class Group:
    """One direction: its parts, its centre, and what was proved about them so far."""

    parts: Parts
    curve: Curve | None = None
    trap: Trap | None = None
    at: Points | None = None
    dead: bool = False
    reason: str = ""
    angles: list[float] = field(default_factory=list)
    radius: np.ndarray = field(default_factory=lambda: np.zeros(0))
    spectra: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    steps: tuple[Rates, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the group has a tube."""
        return self.curve is not None

    @property
    def count(self) -> int:
        """The number of steps of its tube."""
        return sum(window.steps for window in self.curve.windows) if self.curve is not None else 0


def prepare(group: Group, epsilon: Fraction, several: bool) -> list[Trap]:
    """Follow the limit flow of a group and enclose its centre; returns the traps that were found about its end.

    Afterwards the group has a curve that ends well inside the smallest of these traps, or is dead, or has a `reason`.
    Raises `Inconclusive` where nothing can be said.
    """
    parts = group.parts
    proposal = Proposal(parts.problem, parts.indices)
    curve = proposal.curve(float(epsilon))
    if curve.reason == "dead":
        group.curve, group.dead = curve, True
        if curve.windows:
            group.at = enclose_curve(parts, curve)
        return []
    if curve.centre is None:
        raise Stopped(curve.reason, curve)
    try:
        traps = find_traps(parts, curve.centre, curve.grid, epsilon, several)
    except OutOfTime:
        raise
    except Inconclusive as error:
        raise Stopped(str(error), curve) from None
    room = min(float(epsilon), min(trap.rates.limit for trap in traps))
    group.curve = proposal.curve(_NEAREST * room)
    group.angles = proposal.angles()[1 : len(group.curve.windows) + 1]
    if group.curve.windows:
        group.at = enclose_curve(parts, group.curve)
    return traps


def settle_for(group: Group, trap: Trap, windows: int) -> None:
    """Choose this trap, and end the tube after so many windows."""
    curve = group.curve
    if curve is None:
        raise ValueError("a group without a curve has no trap")
    group.trap, group.curve = trap, Curve(curve.grid, curve.weights, curve.start, curve.windows[:windows], curve.centre)
    if group.at is not None:
        group.at = group.at.first(group.count)


def default_choice(group: Group, traps: Sequence[Trap], epsilon: Fraction, order: int) -> tuple[Trap, int]:
    """For one of several groups: the widest trap with half of the gap, left where growth and contraction balance.

    Far from the KKT point the weights are still small, near it there is room for the error of the tube.
    """
    best = max(float(trap.gamma) for trap in traps)
    trap = next(trap for trap in traps if float(trap.gamma) >= best / 2)
    ratio = order * max(trap.rates.ell_hi, 0.0) / float(trap.gamma)
    distance = min(float(epsilon), trap.rates.limit) * min(0.9, max(0.5, ratio / (1 + ratio)))
    return trap, first_within(group, distance)


def first_within(group: Group, distance: float) -> int:
    """The number of windows after which the centre stays within an angle of its end, as far as it was followed."""
    count = len(group.angles)
    while count and group.angles[count - 1] <= distance:
        count -= 1
    return min(count + 1, len(group.angles)) if group.angles else 0


def bound_steps(group: Group, radius: np.ndarray, several: bool, proved: bool = True) -> None:
    """The rates of every step of a group's tube on the regions of angle `radius` (L3).

    Without `proved` the eigenvalue bounds are only proposed; such rates decide nothing but the next radii.
    """
    at, parts = group.at, group.parts
    if at is None:
        return
    low = np.sqrt(at.norm2.lower()) * (1 - 2.0**-50)
    regions = enclose_regions(parts, at, radius, several, up(at.slope / low))
    bound = tangential_bound if proved else proposed_bound
    group.spectra = [bound(regions, at.W.mid[k], k) for k in range(len(radius))]
    defect = up(at.defect / low)
    group.radius = radius
    group.steps = tuple(
        Rates(
            float_up(group.spectra[k][0]),
            float(radius[k]) if proved else math.inf,
            float(defect[k]),
            float(regions.K[k]),
            float(regions.E[k]),
            float(regions.T[k]),
            float(regions.ell_lo[k]),
            float(regions.ell_hi[k]),
        )
        for k in range(len(radius))
    )


def propose_steps(group: Group, several: bool) -> None:
    """Rates of a thin tube that prove nothing, to find out how wide it has to be."""
    bound_steps(group, np.full(group.count, _FIRST_RADIUS), several, proved=False)


def dead_room(parts: Parts, curve: Curve) -> float:
    """The largest D for which every sample is strictly inactive for every part of the group: the sine of the angle between
    the end of the curve and the nearest direction for which one is not, at most; the exact end decides, no float."""
    end = end_of(curve)
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
