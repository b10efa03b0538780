"""L11, the uniform theorem for networks of power 1: exact limit flows, and a delta_bar that the checker will
accept.

The limit flow of every neuron is an exact polygon, so what branches and what cannot arrive is decided before
any delta. Horizon, radius, the table of masses and delta_bar are then proposed in doubles: the checker, which
computes the polygons again and bounds everything in directed arithmetic, is the proof. Source:
`proofs_notes/L11-power-1.md`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.flow.polygon.reduced import reduced
from certflow.flow.propose.polygon_tube import Route
from certflow.outcome import Fate, Inconclusive, Outcome
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import OutOfTime, tick
from certflow.theorems.branches.prove import as_network
from certflow.theorems.branches.prove import certify as branches
from certflow.theorems.certified import Certified
from certflow.theorems.early_direction.advice import asked_angles, asked_delta
from certflow.theorems.early_direction.conclude import rounded
from certflow.theorems.early_direction_power_1.bounds import UNKNOWN, AtHorizon, Attempt, Caution, Setting
from certflow.theorems.early_direction_power_1.claim import Claim
from certflow.theorems.early_direction_power_1.conclude import claim_of, decimal
from certflow.theorems.early_direction_power_1.evidence import ProposedEvidence, evidence_record
from certflow.theorems.early_direction_power_1.neurons import (
    cone_of,
    largest_slope,
    listed_reasons,
    neurons_of,
)
from certflow.theorems.early_direction_power_1.plan import Planner, Target, exact_radius
from certflow.units import TooLong, exponent, normalised

STEPS = 128
"""Rows of the table of masses."""
_MOST_ROOM = 1.3
"""More room is not tried."""
_FINER = 1.03
"""How near the search comes to the largest delta."""
_TRIES = 64
"""For so many numbers of blocks at most a horizon is looked for, so that the cost is linear in the blocks."""
_SMALLEST = 1e-14
"""Of what the limit flow promises; what needs a smaller delta is left out instead."""


def certify(
    problem: Problem,
    epsilon: Any = None,
    start_angle: Any = 0,
    delta_bar: Any = None,
    progress: Progress | None = None,
) -> Certified[Any]:
    """The uniform theorem for a problem of power 1: for every delta in (0, delta_bar] and every initial
    direction within `start_angle` (L11.27).

    `epsilon` (default: the problem's) is the angle to be reached and kept. Without `delta_bar` as many blocks
    as possible get a fate; with it as many as can be proved for every delta up to it. Raises `BadInput` for
    numbers that make no sense; everything that cannot be proved, also within the deadline, is a result.
    """
    goal, angle = asked_angles(problem, epsilon, start_angle)
    asked = asked_delta(delta_bar)
    try:
        known, note = as_network(problem)
    except Inconclusive as error:
        return Certified(problem, Outcome.INCONCLUSIVE, str(error))
    return replace(_proposed(known, goal, angle, asked, Caution(), progress), note=note)


def weaker(found: Certified[Claim], fault: Mapping[str, str]) -> Certified[Any]:
    """A more careful proposal, where the checker could not prove one.

    More room is left, delta_bar is smaller if it was not asked for, and a neuron that the checker names is
    not followed any more. Raises `Inconclusive` once that was tried a few times: a proposal that the checker
    does not prove is no theorem, and no fault either.
    """
    claim, evidence = found.claim, found.evidence
    if claim is not None and evidence.caution.room <= _MOST_ROOM:
        named = re.search(r"(?:neurons|blocks)\[(\d+)\]", fault["where"])
        without = evidence.caution.without
        if named is not None and evidence.caution.room > Caution().room:
            without |= {int(named[1])}
        caution = Caution(evidence.caution.room * 1.06, evidence.caution.share * 0.8, without)
        less = _proposed(found.problem, claim.epsilon, claim.start_angle, evidence.asked, caution, None)
        if less.claim is not None and less.claim.statement == claim.statement:
            return replace(less, note=found.note)
    place = ", ".join(part for part in (fault["rule"], fault["where"]) if part)
    raise Inconclusive(
        f"what was proposed in floating point could not be proved by the checker "
        f"({place}: {fault['reason'].rstrip('.')})."
    )


def _proposed(
    problem: Problem,
    goal: Fraction,
    angle: Fraction,
    asked: Fraction | None,
    caution: Caution,
    progress: Progress | None,
) -> Certified[Any]:
    """The theorem of a network, in the units of the problem."""
    scaled, units = normalised(problem)
    wanted = None if asked is None else asked / units.length
    try:
        scale = Fraction(4) ** exponent(problem.direction)
        found = UniformProposal(scaled, goal, angle, scale, caution, progress).run(wanted)
        if found.claim is not None:
            found.evidence = ProposedEvidence(found.evidence, caution, asked)
        if found.outcome is Outcome.BRANCHES:
            return branches(problem, progress)
        return replace(found, problem=problem, claim=found.claim and found.claim.restored(units, problem))
    except OutOfTime as error:
        return Certified(problem, Outcome.INCONCLUSIVE, str(error))
    except (Inconclusive, TooLong) as error:
        return Certified(problem, Outcome.INCONCLUSIVE, str(error))


def _worth_saying(fates: Sequence[Fate]) -> bool:
    """Whether all blocks have a fate, or one does more than rest from its start."""
    still = (Fate.DEAD, Fate.ZERO)
    return all(fate not in UNKNOWN for fate in fates) or any(fate not in (*still, *UNKNOWN) for fate in fates)


@dataclass(frozen=True)
class _Found:
    """A state that holds, on the routes of its horizon."""

    state: AtHorizon
    routes: dict[int, Route]


def _longest(count: int, found: Callable[[int], _Found | None]) -> _Found | None:
    """What is found for the largest number up to `count` of a few dozen evenly spaced ones, or for a number
    just above it.
    """
    step = 1 + count // _TRIES
    best, low, high = None, count, count + 1
    while best is None and low > 0:  # ends: low falls
        best = found(low)
        if best is None:
            low, high = max(0, low - step), low
    while high - low > 1:  # ends: their distance is halved
        middle = (low + high) // 2
        more = found(middle)
        best, low, high = (best, low, middle) if more is None else (more, middle, high)
    return best


class UniformProposal:
    """The search for horizon, radius and delta for one problem, in units near 1; masses of the direction as
    it was given are `scale` times those here.
    """

    def __init__(
        self,
        problem: Problem,
        epsilon: Fraction,
        angle: Fraction,
        scale: Fraction,
        caution: Caution,
        progress: Progress | None,
    ) -> None:
        if not any(problem.z):
            raise Inconclusive("all labels are zero: N = 0, so that no direction is the early one.")
        self.problem, self.epsilon, self.angle, self.scale = problem, epsilon, angle, scale
        self.progress = progress
        self.asked: Fraction | None = None
        G = reduced(problem)
        neurons = neurons_of(problem, G, angle, progress, caution.without)
        square = sum(value * value for value in problem.direction)
        X = np.array([[float(v) for v in row] for row in G.x])
        gram = X.T @ X if len(X) >= G.inputs else X @ X.T
        # The largest eigenvalue, with room for its rounding; the checker proves it.
        largest = float(np.linalg.eigvalsh(gram)[-1]) * (1 + 1e-9)
        self.largest = rounded(Fraction(largest), True, 12) if largest > 0 else Fraction(1)
        curvature = 1.0 if problem.loss.kind == "square" else 0.5
        omega = 1 / problem.n if problem.loss.reduction == "mean" else 1.0
        norm = math.sqrt(float(square))
        self.of = Setting(
            G,
            neurons,
            {n.index: cone_of(G, n) for n in neurons if n.fate is Fate.CONVERGES},
            norm,
            omega * curvature * float(self.largest) / 2,
            omega * curvature,
            largest_slope(problem, G, math.sqrt(float(self.largest))),
            norm * float(angle),
            float(epsilon),
            caution,
        )

    @staticmethod
    def step_of(state: AtHorizon) -> Fraction:
        """The step of the table, exactly."""
        return decimal(state.step)

    def delta_of(self, state: AtHorizon) -> Fraction:
        """delta_bar, exactly."""
        return decimal(state.delta) if self.asked is None else self.asked

    def run(self, asked: Fraction | None) -> Certified[Claim]:
        """The theorem, for delta_bar = `asked` if it is given; or why there is none."""
        self.asked = asked
        branching = [n for n in self.of.neurons if n.fate is Fate.BRANCHES]
        planner = Planner(self.of)
        able = planner.able()
        found = None
        if able:
            found = self._most(planner, able) if asked is None else self._up_to(planner, able, float(asked))
        if found is None or not _worth_saying([fate for fate, _ in found.state.fates.values()]):
            return self._nothing(bool(branching), able, asked)
        state = found.state
        claim = claim_of(self, state)
        open_blocks = [(j, fate, why) for j, (fate, why) in state.fates.items() if fate in UNKNOWN]
        outcome = Outcome.PARTIAL if open_blocks else Outcome.PROVED
        evidence = evidence_record(self, state, claim)
        return Certified(
            self.problem,
            outcome,
            listed_reasons([(j, why) for j, _, why in open_blocks]),
            evidence=evidence,
            claim=claim,
        )

    def _nothing(self, branching: bool, able: list[int], asked: Fraction | None) -> Certified[Claim]:
        reasons = [(n.index, n.reason) for n in self.of.neurons if n.fate in UNKNOWN]
        if able:
            why = "no block is proved to arrive" + (
                "" if asked is None else " for a delta_bar as large as asked"
            )
            return Certified(
                self.problem,
                Outcome.INCONCLUSIVE,
                f"{why}. {listed_reasons(reasons)}".strip(),
                try_="a larger epsilon",
            )
        if branching:
            return Certified(self.problem, Outcome.BRANCHES)
        return Certified(
            self.problem, Outcome.INCONCLUSIVE, listed_reasons(reasons), try_="another initial direction"
        )

    # -- searching -------------------------------------------------------------------------------------------

    def _most(self, planner: Planner, able: list[int]) -> _Found | None:
        """For as many blocks as possible the largest delta."""
        wanted = list(able)
        while wanted:  # ends: a block is given up in every turn
            tick()
            self._report("horizons", len(able) - len(wanted), len(able))
            plan = planner.plan(wanted)
            if plan is None:
                wanted.pop()
                continue
            found, failing = self._largest(planner, plan)
            if found is not None:
                return found
            dropped = [j for j in wanted if j in failing] or wanted[-1:]
            wanted = [j for j in wanted if j not in dropped]
        return None

    def _up_to(self, planner: Planner, able: list[int], delta: float) -> _Found | None:
        """For every delta up to this one as many blocks as possible."""

        def first(count: int) -> _Found | None:
            tick()
            self._report("horizons", len(able) - count, len(able))
            plan = planner.plan(able[:count])
            if plan is None or plan.delta < delta:
                return None
            routes = planner.routes(plan.time)
            state, failing = self._tried(plan, routes, self._limit(plan, routes), delta)
            return None if state is None or failing else _Found(state, routes)

        return _longest(len(able), first)

    def _largest(self, planner: Planner, plan: Target) -> tuple[_Found | None, set[int]]:
        """The largest delta for which a plan works, or the blocks that fail however small it is."""
        routes = planner.routes(plan.time)
        limit = self._limit(plan, routes)
        high = plan.delta
        best: AtHorizon | None = None
        low, failing = high, set[int]()
        while low >= plan.delta * _SMALLEST:  # ends: low falls by a factor
            tick()
            best, failing = self._tried(plan, routes, limit, low)
            if best is not None and not failing:
                break
            best, high = None, low
            low /= 2 if low > plan.delta / 20 else 100
        if best is None:
            return None, failing
        while high / low > _FINER:  # ends: their ratio falls to its root
            tick()
            middle = math.sqrt(high * low)
            state, failing = self._tried(plan, routes, limit, middle)
            if state is not None and not failing:
                best, low = state, middle
            else:
                high = middle
        share = self.of.caution.share
        less, failing = self._tried(plan, routes, limit, low * share) if share < 1 else (None, set[int]())
        return _Found(best if less is None or failing else less, routes), set()

    def _limit(self, plan: Target, routes: dict[int, Route]) -> np.ndarray:
        """The masses of the limit flow."""
        attempt = Attempt(self.of, routes, plan.wanted, 1e-150, plan.time / STEPS, STEPS)
        return attempt.masses(np.ones(STEPS), attempt.courses(np.ones(STEPS)))

    def _tried(
        self, plan: Target, routes: dict[int, Route], limit: np.ndarray, delta: float
    ) -> tuple[AtHorizon | None, set[int]]:
        """What holds for a delta, and the wanted blocks that do not arrive or stay."""
        radius = exact_radius(plan.radius)
        step = float(rounded(Fraction(plan.time / STEPS), True, 6))
        exact = float(rounded(Fraction(delta), False, 4)) if self.asked is None else delta
        attempt = Attempt(self.of, routes, plan.wanted, exact, step, STEPS)
        state = attempt.state(limit, None if radius is None else float(radius))
        if state is None:
            return None, set()
        failing = {j for j in plan.wanted if state.fates[j][0] in UNKNOWN}
        return state, failing | state.failing(self.of)

    def _report(self, what: str, done: int, of: int) -> None:
        if self.progress is not None:
            self.progress(what, done, of)
