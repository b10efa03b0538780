"""R5 and R6: what each group brings to the common clock: start, shares, traps, dead neurons, and unknown
groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from ..kernel.definite import largest_eigenvalue
from ..kernel.network import bounded, norm_bound, sizes
from ..kernel.numbers import down, fraction, root_down, root_up, up
from ..kernel.problem import Problem
from ..kernel.verdicts import Clock, Refused
from ..symmetries.within import Subspace
from ..tube.curve import Track, follow, square
from ..tube.evidence import Certificate, GroupEvidence, Rows, TrapEvidence
from ..tube.region import Bounds, Lifted, Place, Rates, Runs, at_point, least_quotient, unit_outputs
from ..tube.sweep import Runner
from .still import check_exact, check_silent

_NOTHING = Rates(Fraction(0), 0, 0, 0, 0, (0, 0))

Lifts = Mapping[str, Callable[[GroupEvidence, Problem, list[int], Clock], Lifted]]
"""Outcome -> what reads the lifts of its traps."""

Symmetries = Callable[[GroupEvidence, int, Problem, Fraction, Clock], Subspace]
"""What reads the subspace of a group."""

Silent = Callable[[GroupEvidence, int, Problem, Fraction, Clock], Problem]
"""What reads the silent samples of a group: the problem as it sees it."""


@dataclass(frozen=True)
class InBall:
    """R6: a ball of angle r0 about the centre of a trap, on which `rates` hold, with mu = -gamma; the law of
    its group uses it from `after` after the horizon on (L12.20).
    """

    gamma: Fraction
    r0: Fraction
    rates: Rates
    after: Fraction = Fraction(0)


@dataclass(frozen=True)
class ProvedTrap:
    """R6: exactly one KKT point lies within `kkt_radius` of the centre, with lifts at least one; the rates
    hold within `r0`, but for the upper end of ell, which is that at the KKT point (L4.1).

    `scale` encloses |c|^(L-2) / rate: what is divided by it is in unit normalisation and in the units of the
    problem, as `value` and `gap` are.
    """

    gamma: Fraction
    r0: Fraction
    kkt_radius: Fraction
    rates: Rates
    scale: tuple[Fraction, Fraction]
    value: tuple[Fraction, Fraction]
    gap: tuple[Fraction, Fraction | None]
    smaller: tuple[InBall, ...] = ()
    turned: int = 0

    @property
    def balls(self) -> tuple[InBall, ...]:
        """The trap itself, and its smaller balls."""
        return InBall(self.gamma, self.r0, self.rates), *self.smaller

    @property
    def turning(self) -> Fraction:
        """Lambda', because T is what r0 Lambda'/2 adds to the gradient at the centre (L12.3)."""
        return 2 * (fraction(self.rates.T) - self.kkt_radius * self.gamma) / self.r0

    @property
    def pushed(self) -> Fraction:
        """K' = K (1 + Lambda'/gamma): by how much per unit of A masses lengthen the way to a continuum
        (L12.3).
        """
        return fraction(self.rates.K) * (1 + self.turning / self.gamma)


@dataclass
class Proved:
    """A group, its trap if it has one, and its state on the clock."""

    group: GroupEvidence
    trap: ProvedTrap | None
    runner: Runner
    within: Subspace | None = None

    @property
    def moving(self) -> bool:
        """Whether its weights may still grow, or turn by more than is claimed."""
        return self.group.outcome not in ("dead", "zero", "fades")


def divided(low: Fraction, high: Fraction, scale: tuple[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
    """[low, high] over a positive interval, outwards."""
    return low / scale[1 if low >= 0 else 0], high / scale[0 if high >= 0 else 1]


def angle_up(u: list[Fraction], v: list[Fraction], where: str) -> Fraction:
    """R5: an upper bound of the angle between two vectors that are close to each other (L3.9)."""
    inner = sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))
    squares = sum((a * a for a in u), Fraction(0)) * sum((b * b for b in v), Fraction(0))
    if inner <= 0:
        raise Refused("R5", where, "two directions that must be close are at a right angle or more")
    return arc_up(root_up(1 - inner * inner / squares, 2), where)


def arc_up(x: Fraction, where: str) -> Fraction:
    """An upper bound of arcsin x for 0 <= x <= 1/2 (L3.9)."""
    if x > Fraction(1, 2):
        raise Refused("R5", where, "two directions that must be close are far from each other")
    return x + x**3 / 4


def prepare(
    certificate: Certificate,
    start_angle: Fraction,
    clock: Clock,
    lifts: Lifts | None = None,
    symmetries: Symmetries | None = None,
    silent: Silent | None = None,
) -> list[Proved]:
    """Every group followed along its curve and into its trap, ready for the sweep; with `lifts` also those
    with other outcomes that these are for, with `symmetries` also within subspaces, with `silent` also those
    with silent samples (L4.2, L5.9, L5.11, L12.12, L12.15, L12.23).
    """
    lifts, whole = lifts or {}, certificate.problem
    length2 = sum((v * v for v in whole.direction), Fraction(0))
    result: list[Proved] = []
    for g, group in enumerate(certificate.groups):
        where, parts = f"groups[{g}]", whole.groups[g]
        if group.silent is not None and silent is None:
            raise Refused("O9", where, "this statement is not about silent samples")
        if group.silent is not None and group.symmetries is not None:
            raise Refused("O9", where, "silent samples within symmetries are not checked")
        problem = whole if silent is None else silent(group, g, whole, start_angle, clock)
        clock.enter("R5", where)
        own = [problem.direction[w] for j in parts for w in problem.indices[j]]
        part2 = sum((v * v for v in own), Fraction(0))
        share = (Fraction(1), Fraction(1))
        if problem.coupled:
            sigma = (root_down(part2 / length2, 2), root_up(part2 / length2, 2))
            share = (max(Fraction(0), sigma[0] - start_angle), sigma[1] + start_angle)
        if group.outcome == "zero" and (any(own) or start_angle):
            reason = "only weights that are exactly zero at the start, for start_angle 0, stay zero"
            raise Refused("R5", where, reason)
        if group.outcome in ("zero", "inconclusive"):
            after = _NOTHING if group.outcome == "zero" else _unknown(problem, parts[0], where)
            result.append(Proved(group, None, Runner(None, after, None, 0, share, 0, where)))
            continue
        strict = "converges", "shrinks", "dead", "exact-start", "fades", "followed"
        if group.outcome not in (*strict, *lifts):
            raise Refused("R5", where, f"this statement has no outcome {group.outcome}")
        within: Subspace | None = None
        if group.symmetries is not None:
            if symmetries is None:
                raise Refused("O4", where, "this statement is not about symmetric starts")
            within = symmetries(group, g, problem, start_angle, clock)
        if group.outcome == "exact-start":
            result.append(_exact(certificate, g, own, share, start_angle))
            continue
        start = [Fraction(v) for row in group.start for v in row]
        distance = angle_up(start, own, f"{where}.start")
        if problem.coupled:
            distance += arc_up(start_angle / sigma[0], "claim.start_angle") if start_angle else 0
        else:
            distance += start_angle
        bounds = Bounds(problem, parts, where, within)
        track = follow(bounds, group, certificate.grid)
        clock.enter("R6", f"{where}.trap")
        trap: ProvedTrap | None = None
        entry, limit, after = Fraction(0), None, _NOTHING
        if group.trap is not None:
            read = lifts.get(group.outcome)
            lifted = None if read is None else read(group, problem, parts, clock)
            trap = _trap(bounds, group, group.trap, certificate.grid, f"{where}.trap", lifted)
            end = [Fraction(v) for row in track.end for v in row]
            centre = [Fraction(v) for row in group.trap.centre for v in row]
            entry = angle_up(end, centre, f"{where}.trap.centre") + trap.kkt_radius
            limit, after = down(trap.r0 - trap.kkt_radius), trap.rates
            if lifted is not None:
                # Along a continuum directions drift, and do not come back (L12.15).
                after = replace(after, mu=Fraction(0), K=up(trap.pushed))
        followed = group.outcome == "followed"
        if followed:
            after = _unknown(problem, parts[0], where)
        run = Runner(track, after, limit, up(entry), share, up(distance), where, followed)
        result.append(Proved(group, trap, run, within))
    return result


def _unknown(problem: Problem, part: int, where: str) -> Rates:
    """R5: all that is used of an inconclusive group, one part of order 2, and after the horizon of one that
    is followed, is how fast its size grows: at most at the rate 2 sum |z_i| beta_i, and at most at the
    largest eigenvalue, or the norm, of the generalised Hessians of all its directions.
    """
    if not problem.coupled:
        raise Refused("R5", where, "nothing is proved about an inconclusive or followed single group")
    beta = unit_outputs(problem)
    slowest = up(2 * sum((abs(z) * b for z, b in zip(problem.z, beta, strict=True)), Fraction(0)))
    own = problem.part(part)
    bounded([own], where)
    run = own.everywhere()
    rough = norm_bound([[abs(v) for v in row] for row in run.above])
    fastest = min(
        slowest,
        largest_eigenvalue(run.above, rough, own.samples.clock) + run.loss,
        norm_bound(sizes(run.middle, run.radius)),
    )
    E = up(problem.omega * problem.curvature * sum((b * b for b in beta), Fraction(0)))
    return Rates(Fraction(0), 0, 0, E, 0, (-slowest, fastest))


def _exact(
    certificate: Certificate,
    g: int,
    own: list[Fraction],
    share: tuple[Fraction, Fraction],
    start_angle: Fraction,
) -> Proved:
    """O5: a group that starts exactly at a KKT point, with rates about it; `gamma` may be
    negative (L12.8).
    """
    where, problem, group = f"groups[{g}]", certificate.problem, certificate.groups[g]
    proposed, parts = group.trap, problem.groups[g]
    if start_angle or group.windows or proposed is None:
        raise Refused("O5", where, "an exact start needs start_angle = 0, no curve, and rates about it")
    check_exact(problem, parts, own, where)
    bounds = Bounds(problem, parts, where)
    place = at_point(bounds, proposed.centre, certificate.grid, f"{where}.trap")
    rates, _ = bounds.rates(place, -proposed.gamma, proposed.r0, proposed.s, f"{where}.trap")
    away = angle_up([Fraction(v) for row in proposed.centre for v in row], own, f"{where}.trap.centre")
    if away >= proposed.r0:
        raise Refused("O5", f"{where}.trap", "the start is not within r0 of the centre")
    scale = _scale(bounds, proposed, certificate.grid)
    value = _value(place, rates, away, scale, bounds.order)
    gap = divided(proposed.gamma, Fraction(0), scale)[0], None
    trap = ProvedTrap(proposed.gamma, proposed.r0, away, rates, scale, value, gap)
    track = Track([], square(group.start, certificate.grid), group.start)
    return Proved(group, trap, Runner(track, rates, down(proposed.r0 - away), 0, share, 0, where))


def _scale(bounds: Bounds, trap: TrapEvidence, grid: int) -> tuple[Fraction, Fraction]:
    norm2, rate = square(trap.centre, grid) ** (bounds.order - 2), bounds.problem.rate
    return root_down(norm2, 2) / rate, root_up(norm2, 2) / rate


def _value(
    place: Place, rates: Rates, k: Fraction, scale: tuple[Fraction, Fraction], L: int
) -> tuple[Fraction, Fraction]:
    """N at unit length within k of the centre."""
    reach = k * fraction(rates.T)
    return divided(fraction(place.ell[0]) / L - reach, fraction(place.ell[1]) / L + reach, scale)


def _trap(
    bounds: Bounds,
    group: GroupEvidence,
    trap: TrapEvidence,
    grid: int,
    where: str,
    lifts: Lifted | None = None,
) -> ProvedTrap:
    L, best = bounds.order, (trap.smaller or [trap])[-1]
    place = at_point(bounds, trap.centre, grid, where)
    k = fraction(place.tangential) / best.gamma
    if k >= best.r0:
        reason = "no KKT point is proved inside: the gradient at the centre is too large for gamma and r0"
        raise Refused("R6", where, reason)
    rates, runs = bounds.rates(place, -trap.gamma, trap.r0, trap.s, where, lifts)
    if lifts is None:
        rates = _below_the_point(place, rates, k, L)
    smaller, nearest = [], rates
    for i, ball in enumerate(trap.smaller):
        nearest, runs = bounds.rates(place, -ball.gamma, ball.r0, ball.s, f"{where}.smaller[{i}]")
        nearest = _below_the_point(place, nearest, k, L)
        smaller.append(InBall(ball.gamma, ball.r0, nearest, ball.after))
    grows, shrinks = rates.ell[0] > 0, rates.ell[1] < 0
    signs = {"shrinks": shrinks, "continuum": grows or shrinks}
    if not signs.get(group.outcome, grows):
        raise Refused("R6", where, f"the sign of N is not proved, so the outcome cannot be {group.outcome}")
    scale = _scale(bounds, trap, grid)
    value = _value(place, nearest, k, scale, L)
    # With lifts the gap is only one among directions orthogonal to orbits, and no single one bounds it.
    v = None if lifts is not None else trap.direction
    high = None if v is None else _gap_high(v, trap.centre, nearest, runs, k, L)
    gap = (best.gamma / scale[1], None if high is None else high / scale[0 if high >= 0 else 1])
    return ProvedTrap(
        trap.gamma, trap.r0, k, rates, scale, value, gap, tuple(smaller), 0 if lifts is None else lifts.turned
    )


def _below_the_point(place: Place, rates: Rates, k: Fraction, L: int) -> Rates:
    """The rates with the largest ell of the ball, which is that of its KKT point, within k of the
    centre.
    """
    low, high = rates.ell
    return replace(rates, ell=(low, min(high, place.ell[1] + up(L * k * fraction(rates.T)))))


def _gap_high(v: Rows, c: Rows, rates: Rates, runs: Runs, k: Fraction, L: int) -> Fraction | None:
    """R6: an upper bound of the gap in s-units from the direction v' = v - (<v, c>/|c|^2) c, here times
    |c|^2.
    """
    inner = sum(a * b for p, q in zip(v, c, strict=True) for a, b in zip(p, q, strict=True))
    norm2 = sum(b * b for q in c for b in q)
    tangent = [[norm2 * a - inner * b for a, b in zip(p, q, strict=True)] for p, q in zip(v, c, strict=True)]
    if not any(a for row in tangent for a in row):
        return None
    # v' is orthogonal to c, not to the KKT point, which is k away and an eigenvector of the Hessian.
    high = fraction(rates.ell[1])
    return (high + (L - 2) * max(Fraction(0), high) * k * k - least_quotient(runs, tangent)) / (1 - k * k)


def check_followed(proved: Proved, horizon: Fraction) -> None:
    """O7: what is only followed has a tube up to the horizon, where the others have arrived (L12.10)."""
    if (proved.runner.ends or [Fraction(0)])[-1] < horizon:
        raise Refused("O7", proved.runner.where, "its curve ends before the horizon")


def check_dead(problem: Problem, parts: list[int], proved: Proved, grid: int, clock: Clock) -> None:
    """R5: at its end every sample is strictly inactive for every direction within D, so the group never
    moves again (L4.6)."""
    track, where = proved.runner.track, proved.runner.where
    layered = problem.alpha == 0 and problem.p >= 2
    if track is None or not (layered or problem.expression):
        raise Refused("R5", where, "only networks with alpha = 0 can be dead")
    reach = fraction(proved.runner.entry_D) * root_up(square(track.end, grid), 2)
    if not problem.shallow:
        what = "have a gradient" if problem.expression else "be active in every hidden layer"
        check_silent(problem.part(parts[0]), up(reach), track.end[0], grid, where, what)
        return
    for part, row in zip(parts, track.end, strict=True):
        for x in problem.features:
            clock.tick()
            z = sum((v * w for v, w in zip(x, row[: len(x)], strict=True)), Fraction(0)) / (1 << grid)
            # Where x = 0 the neuron does nothing at all.
            if any(x) and z + reach * root_up(sum((v * v for v in x), Fraction(0)), 2) >= 0:
                reason = f"a sample may be active for part {part}, so it is not proved dead"
                raise Refused("R5", where, reason)
