"""R7 to R9: what follows at the horizon and after it, and that the claim states nothing stronger."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..kernel.numbers import exp_bounds, fraction, power_up, root_down, root_up, rounded
from ..kernel.reading import Node
from ..kernel.verdicts import Clock, Refused
from ..outcomes.fades import check_fades, leak
from ..outcomes.groups import Proved, ProvedTrap, check_dead, check_followed, divided, prepare
from ..outcomes.orbit import Orbit, orbit_of
from ..outcomes.smaller import Descent, Held
from ..symmetries.lifts import lifts
from ..symmetries.silent import without_silent
from ..symmetries.within import subspace
from ..tube.evidence import Certificate, TrapEvidence, read
from ..tube.sweep import Sweep, sweep
from .largest import check_largest

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is exact gradient flow in continuous time, w' = -grad Loss(w), from w(0) = delta w0, where w0 "
    "is the unit vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What the theorem takes for granted; a certificate has to state exactly these sentences."""

STATEMENT = "early-direction"

_FIELDS = (
    "statement order epsilon delta_bar start_angle problem_sha256 loss assumptions horizon growth "
    "n_max_upper radius time_to_radius blocks"
)
_OF_TRAP = "kkt_point support value gap angle_at_horizon angle_at_radius law"
_LIFTS = {"continuum": lifts}

_BLOCK = f"index weights outcome reason horizon {_OF_TRAP}"
_MORE = "angle_to_curve within silent"


def check_early(content: Any, clock: Clock) -> Any:
    """The claim, after everything it states is proved; or `Refused` (or `Malformed`) with the rule and the
    place.
    """
    check_claim(read(content, clock, ASSUMPTIONS, expressions=True), clock)
    return content["claim"]


def check_claim(certificate: Certificate, clock: Clock) -> None:
    """Prove everything the claim states, or raise `Refused` (or `Malformed`) with the rule and the place
    (L4.3, L4.4, L4.5, L5.3, L5.4, L5.6, L5.8, L12.15, L12.16)."""
    claim, problem = certificate.claim.fields(_FIELDS), certificate.problem
    clock.enter("R9", "claim")
    claim["statement"].same(STATEMENT)
    claim["order"].same(problem.order)
    claim["problem_sha256"].same(certificate.problem_sha256)
    claim["loss"].same(problem.loss)
    claim["assumptions"].same(list(ASSUMPTIONS))
    epsilon, delta_bar, start_angle = (
        claim[name].rational() for name in ("epsilon", "delta_bar", "start_angle")
    )
    lawful = epsilon > 0 and delta_bar > 0 and start_angle >= 0
    certificate.claim.need(lawful, "epsilon > 0, delta_bar > 0 and start_angle >= 0 are needed")
    proved = prepare(certificate, start_angle, clock, _LIFTS, subspace, without_silent)
    clock.enter("R5", "groups")
    swept = sweep(
        [each.runner for each in proved], problem.order, delta_bar**problem.order / problem.mass, clock
    )
    for each, parts in zip(proved, problem.groups, strict=True):
        if each.group.outcome == "dead":
            check_dead(problem, parts, each, certificate.grid, clock)
        if each.runner.followed:
            check_followed(each, swept.horizon)
    clock.enter("R7", "claim")
    after = _After(certificate, claim, proved, swept, epsilon, delta_bar, clock)
    after.check_radius()
    clock.enter("R8", "claim.horizon")
    after.check_horizon()
    clock.enter("R9", "claim")
    if claim["time_to_radius"].value is not None:
        after.check_times(claim["time_to_radius"])
    check_largest(problem, claim["n_max_upper"], clock)
    for g, block in enumerate(claim["blocks"].items(len(proved))):
        clock.enter("R9", block.where)
        direction = " direction" if proved[g].group.outcome == "fades" else ""
        after.check_block(g, block.fields(_BLOCK + direction, _MORE))


class _After:
    """The state at the horizon (R7, R8) and the claim that is compared with it (R9).

    `A1` bounds A at the horizon of the sweep, `end` = R^L where the claim ends; `forever`: it has no radius,
    and A <= A1. All sizes A are in the units of the certificate; times, like all numbers of the claim, are in
    those of the problem.
    """

    def __init__(
        self,
        certificate: Certificate,
        claim: dict[str, Node],
        proved: list[Proved],
        swept: Sweep,
        epsilon: Fraction,
        delta: Fraction,
        clock: Clock,
    ) -> None:
        self.certificate, self.claim, self.proved, self.swept = certificate, claim, proved, swept
        self.epsilon, self.delta_bar, self.L = epsilon, delta, certificate.problem.order
        self.rate, self.mass = certificate.problem.rate, certificate.problem.mass
        self.A1 = rounded(swept.end * self.size(delta), True)
        # rho1 / delta_bar: rho / delta at the horizon is at most this, for every delta.
        self.growth = root_up(swept.end, self.L)
        self.moving = [each for each in proved if each.moving]
        self.orbits: dict[int, Orbit] = {}
        self.slowest: dict[Fraction, Fraction] = {}  # by size, because every block asks for it
        self.clock = clock
        # d|w|^2/dt <= 2 L N(w) for a convex loss, and L N_j <= max(ell_hi) |w_j|^2: no coupling in this rate.
        self.fastest = max((fraction(each.runner.after.ell[1]) for each in self.moving), default=Fraction(0))
        self.forever = claim["radius"].value is None
        self.R = Fraction(0) if self.forever else claim["radius"].rational()
        self.end = self.A1 if self.forever else self.size(self.R)
        self.at_horizon = self.A1
        most = max(self.end, swept.most * self.size(delta))
        self.turned: dict[int, Fraction] = {}
        for g, each in enumerate(proved):
            if each.group.outcome == "fades":
                clock.enter("O3", each.runner.where)
                problem = certificate.problem
                part = problem.groups[g][0]
                self.turned[g] = check_fades(problem, part, each, swept.D[g], most, epsilon, clock)
        self.leak = leak(self.turned.values())
        times = (swept.horizon, swept.horizon) if self.L == 2 else scaled_time(proved[0], self.L, clock)
        self.time_low, self.time_high = (time / self.rate for time in times)
        self.horizon: Fraction | None = None

    def size(self, length: Fraction) -> Fraction:
        """A = |w|^L, in the units of the certificate, where |w| = length in those of the problem."""
        return length**self.L / self.mass

    def nu(self, each: Proved, size: Fraction) -> Fraction:
        """R7: a lower rate of rho_j^L while A <= size."""
        rates = each.runner.after
        self.clock.tick()
        lowest: Fraction = self.L * (fraction(rates.ell[0]) - self.L * size * fraction(rates.E))
        return lowest

    def floor(self, trap: ProvedTrap, size: Fraction) -> Fraction | None:
        """R7: K/(gamma + nu_min), or what fading groups add to it, while A <= size; None where masses without
        a lower rate may force the direction.
        """
        if any(each.trap is None for each in self.moving):
            return None
        if size not in self.slowest:
            self.slowest[size] = min(self.nu(each, size) for each in self.moving)
        total = trap.gamma + self.slowest[size]
        if total <= 0 or (self.leak and trap.gamma <= 0):
            return None
        return fraction(trap.rates.K) * max(1 / total, self.leak and self.leak / trap.gamma)

    def late_floor(self, g: int, trap: ProvedTrap) -> Fraction | None:
        """R7: the floor up to the radius; None if there is none. O5: of an exact start, whose distance at the
        horizon has come from A alone, it is not below their quotient there (L12.16)."""
        floor = None if self.forever else self.floor(trap, self.end)
        if floor is None or not self.swept.D[g] or self.proved[g].group.outcome != "exact-start":
            return floor
        least = sum((each.runner.size_low(self.L) for each in self.moving), Fraction(0))
        self.claim["blocks"].need(least > 0, "nothing is known to be left at the horizon", "O5")
        return max(floor, self.swept.D[g] / (least * self.size(self.delta_bar)))

    def forgotten(self, g: int) -> Fraction:
        """R7: the distance at the horizon that is forgotten later; that of an exact start is in its floor."""
        return Fraction(0) if self.proved[g].group.outcome == "exact-start" else self.swept.D[g]

    def kappa(self, trap: ProvedTrap) -> Fraction:
        """R7: the power of |w| with which the distance of the horizon is forgotten."""
        return rounded(trap.gamma / self.fastest, False)

    def orbit(self, g: int) -> Orbit | None:
        """O2: what is proved of a direction whose limit is one of a continuum; None for others."""
        if self.proved[g].group.outcome != "continuum":
            return None
        if g not in self.orbits:
            problem, grid = self.certificate.problem, self.certificate.grid
            self.orbits[g] = orbit_of(self.proved[g], problem.groups[g], self.swept.D[g], problem, grid)
        return self.orbits[g]

    def masses(self, size: Fraction) -> Fraction | None:
        """O2: a bound of the integral of A from the horizon until A = size; None where a group neither surely
        grows nor surely shrinks (L12.15)."""
        slow = {"grows": Fraction(0), "shrinks": Fraction(0)}
        for each in self.proved:
            if each.group.outcome in ("zero", "dead"):
                continue
            if each.trap is None:
                return None
            rates, nu = each.runner.after, self.nu(each, size)
            falls = -self.L * (fraction(rates.ell[1]) + self.L * size * fraction(rates.E))
            if max(nu, falls) <= 0:
                return None
            way, rate = ("grows", nu) if nu > 0 else ("shrinks", falls)
            slow[way] = max(slow[way], 1 / rate)
        return size * slow["grows"] + self.A1 * slow["shrinks"]

    def to_limit(self, orbit: Orbit, size: Fraction) -> Fraction:
        """O2: a bound of the angle to the limit of the limit flow until A = size."""
        masses = self.masses(size)
        if masses is None:
            raise Refused("O2", "claim.blocks", "a group is not proved to grow or to shrink")
        return orbit.angle(masses)

    def ways(self, g: int, trap: ProvedTrap) -> list[tuple[Fraction, Fraction]]:
        """R7: bounds of the distance of a trapped group up to |w| = R, and when |w| = R (without a radius: at
        all times after the horizon), each of which would do (L4.4).
        """
        D, floor, found = self.forgotten(g), self.late_floor(g, trap), []
        if trap.gamma > 0:
            steady = self.swept.D[g] + fraction(trap.rates.K) * self.end / trap.gamma
            found.append((steady, steady))
        if floor is not None and self.fastest > 0:
            left = power_up(self.growth * self.delta_bar / self.R, self.kappa(trap)) if D else Fraction(0)
            last = D * left + floor * self.end
            # The distance after the horizon is log-convex in |w|, so the two ends decide.
            found.append((max(last, D + floor * self.A1), last))
        reason = "without a gap nothing is proved where other masses may force the direction"
        self.claim["blocks"].need(bool(found), reason, "O5")
        return found

    def at_radius(self, g: int, trap: ProvedTrap) -> Fraction:
        """R7: a bound of the distance when |w| = R (without a radius: at all times after the horizon)."""
        orbit = self.orbit(g)
        return (
            min(last for _, last in self.ways(g, trap)) if orbit is None else self.to_limit(orbit, self.end)
        )

    def check_radius(self) -> None:
        """R7: every trapped direction stays within epsilon and inside its trap until |w| = R, or for ever."""
        lawful = self.fastest <= 0 if self.forever else self.end > self.A1 and self.R > 0
        self.claim["radius"].need(
            lawful, "it is not above the size at the horizon, or is left out where N may grow", "R7"
        )
        for g, each in enumerate(self.proved):
            self.clock.tick()
            orbit = self.orbit(g)
            if orbit is not None:
                masses = self.masses(self.end)
                stays = masses is not None and orbit.stays(masses, self.epsilon)
                reason = f"blocks[{g}] is not proved to stay near one KKT point of its continuum"
                self.claim["blocks"].need(stays, reason, "O2")
            elif each.trap is not None:
                worst = min(most for most, _ in self.ways(g, each.trap))
                inside = worst <= self.epsilon and worst < each.trap.r0 - each.trap.kkt_radius
                reason = f"blocks[{g}] is not proved to stay within epsilon and inside its trap"
                self.claim["blocks"].need(inside, reason, "R7")

    def check_horizon(self) -> None:
        """R8: where the horizon is, as a scaled time or as an event, and how much |w| has grown until
        then.
        """
        L, place = self.L, self.claim["horizon"].fields("scaled_time norm_over_delta")
        factor, node = self.claim["growth"].fields("factor_squared")["factor_squared"], place["scaled_time"]
        C, growth = factor.rational(), "the weights may grow more until the horizon"
        factor.need(C > 0 and self.swept.most**2 <= C**L, growth, "R8")
        if place["norm_over_delta"].value is not None:
            node.same(None)
            self._check_event(place["norm_over_delta"], C)
            return
        self.horizon = time = node.rational()
        if L == 2:
            node.need(time == self.time_high, "it is not where the curves end", "R8")
            return
        node.need(time >= self.time_high, "the trap may be entered later", "R8")
        trap = self.proved[0].trap
        scale = Fraction(1) if trap is None else trap.scale[0]
        # rho^(2-L) falls at most at the rate (L-2) max(0, ell_hi) / |c|^(L-2) per scaled time after the
        # entry.
        Q = 1 / self.growth ** (L - 2) - (L - 2) * max(Fraction(0), self.fastest) / scale * (
            time - self.time_low
        )
        factor.need(Q > 0 and C ** (L - 2) * Q * Q >= 1, growth, "R8")
        size = root_up((C * self.delta_bar**2) ** L, 2) / self.mass
        self.claim["radius"].need(
            self.forever or size <= self.end, "it is below the size at the horizon", "R8"
        )
        self.at_horizon = self.A1 if self.forever else max(size, self.A1)

    def _check_event(self, node: Node, C: Fraction) -> None:
        """R8: the horizon is when |w| = B delta, which happens in the trap because |w| grows there at a
        positive rate.
        """
        B = node.rational()
        node.need(
            self.L > 2 and self.growth <= B,
            "the weights may have been larger before the trap was entered",
            "R8",
        )
        size = self.size(B * self.delta_bar)
        node.need(not self.forever and size <= self.end, "it is above the radius", "R8")
        node.need(
            self.proved[0].trap is not None and self.nu(self.proved[0], size) > 0,
            "it may never be reached",
            "R8",
        )
        self.claim["growth"].need(C >= B * B, "it is below the size at the horizon", "R8")
        self.at_horizon = size

    def check_times(self, node: Node) -> None:
        """R9: when |w| reaches a radius, from a lower rate of one group and the upper rate of all."""
        table = node.fields("start_radius_over_delta n_lower n_upper start_time")
        node.need(not self.forever, "there is no radius")
        low, high = table["start_radius_over_delta"].pair()
        table["start_radius_over_delta"].need(0 < low <= high, "0 < low <= high is needed")
        n_low = table["n_lower"].rational()
        table["n_lower"].need(0 < n_low <= table["n_upper"].rational(), "0 < n_lower <= n_upper is needed")
        # The lower pair must be that of one group with a trap, whichever it is.
        scale, slow_enough = (Fraction(1), Fraction(1)), False
        for each in self.proved:
            if each.trap is not None:
                scale = each.trap.scale
                slow = divided(self.nu(each, self.end) / self.L**2, Fraction(0), scale)[0]
                slow_enough |= n_low <= slow and low <= root_down(each.runner.size_low(self.L), self.L)
        node.need(slow_enough, "no group with a trap starts and grows as claimed")
        table["n_upper"].at_least(divided(Fraction(0), self.fastest / self.L, scale)[1])
        table["start_radius_over_delta"].need(
            high >= self.growth, "the upper start is lower than what is proved"
        )
        table["start_time"].need(table["start_time"].pair()[0] >= 0, "a time is negative")
        table["start_time"].encloses(self.time_low, self.time_high)

    def check_block(self, g: int, block: dict[str, Node]) -> None:
        """R9 for one block."""
        each, problem = self.proved[g], self.certificate.problem
        weights = [w for j in problem.groups[g] for w in problem.indices[j]]
        check_heading(block, g, each, weights)
        if each.within is not None or "within" in block:
            agrees = each.within is not None and "within" in block
            reason = "it says within if and only if only symmetric directions are meant"
            block["outcome"].need(agrees, reason, "O4")
            block["within"].same(True)
        silent = each.group.silent
        if silent is not None:
            block["outcome"].need("silent" in block, "its silent samples are not claimed", "O9")
            block["silent"].same(silent.value)
        elif "silent" in block:
            block["silent"].need(False, "no sample is proved to be silent", "O9")
        if block["horizon"].value is not None:
            known = self.horizon is not None and each.runner.track is not None
            block["horizon"].need(
                known, "the horizon has no time here, or nothing is proved about this block"
            )
            own = min(each.runner.ends[-1], self.swept.horizon) if each.runner.ends else Fraction(0)
            block["horizon"].at_least(own / self.rate if self.L == 2 else self.time_high)
            late = self.horizon is not None and block["horizon"].rational() > self.horizon
            block["horizon"].need(not late, "it is later than the horizon of the claim")
        if "angle_to_curve" in block:
            block["angle_to_curve"].need(each.runner.followed, "only of what is followed it is claimed", "O7")
            # D holds for delta_bar and every smaller delta, hence for the limit flow: each is within D.
            near = [2 * self.swept.D[g]]
            if each.runner.apart is not None:
                near.append(fraction(each.runner.apart))
            block["angle_to_curve"].at_least(min(near), "O7")
        trap, proposed = each.trap, each.group.trap
        if g in self.turned:
            check_fading(block, each, self.turned[g])
            return
        # Only what is claimed is compared; a block without a trap claims nothing of these.
        given = [name for name in _OF_TRAP.split() if block[name].value is not None]
        if trap is None or proposed is None:
            for name in given:
                block[name].same(None)
            return
        K, floor, orbit = fraction(trap.rates.K), self.floor(trap, self.at_horizon), self.orbit(g)
        drift = Fraction(0) if self.L == 2 else (K / trap.gamma if floor is None else floor) * self.at_horizon
        at_horizon = self.swept.D[g] + drift
        if orbit is not None:
            trap = orbit.settled
            at_horizon = self.to_limit(orbit, self.at_horizon)
        if self.forever:
            block["angle_at_radius"].same(None)
        if "kkt_point" in given:
            check_point(block["kkt_point"], trap, proposed, weights, self.certificate.grid)
        if "support" in given:
            block["support"].need("kkt_point" in given, "it belongs to a KKT point")
            if each.group.outcome == "exact-start":
                # The KKT point is the start itself, whatever the centre is.
                parts, w0 = problem.groups[g], problem.direction
                block["support"].same([j for j in parts if any(w0[w] for w in problem.indices[j])])
            else:
                _check_support(block["support"], trap, proposed, problem.groups[g])
        if "value" in given:
            block["value"].encloses(*trap.value)
        if "gap" in given:
            several = len(weights) if each.within is None else each.within.dimension
            reason = "a single weight has no directions between which there is a gap"
            block["gap"].need(several > 1, reason)
            reason = "matrices may turn it in all directions, and then there is no gap"
            block["gap"].need(several > 1 + trap.turned, reason, "O8")
            block["gap"].encloses(*trap.gap, open_end=True)
        for name, bound in (
            ("angle_at_horizon", at_horizon),
            ("angle_at_radius", self.at_radius(g, trap)),
        ):
            if name in given:
                block[name].at_least(bound)
        if "law" in given:
            self._check_law(g, trap, block["law"])

    def _check_law(self, g: int, trap: ProvedTrap, node: Node) -> None:
        """R7: angle <= coefficient (delta/rho)^exponent + floor rho^L after the horizon, whenever |w| = rho
        <= R; in a continuum (O2) it is the distance to the set of KKT points that is bounded so.
        """
        orbit = self.orbit(g)
        table = node.fields(
            "exponent coefficient floor" if orbit is None else "exponent coefficient floor of"
        )
        D, floor = self.forgotten(g), self.late_floor(g, trap)
        if orbit is not None:
            table["of"].same("set")
            D, floor = orbit.left, None if floor is None else orbit.floor(floor)
        if floor is None or self.fastest <= 0:
            raise Refused("R7", node.where, "no such law is proved")
        low, high = table["exponent"].pair()
        table["exponent"].need(0 <= low <= high, "it is above the proved power", "R7")
        found: tuple[Fraction, Fraction] | None = D, floor
        # From an exact start nothing has to be forgotten.
        if D and high > self.kappa(trap):
            # Exact starts and continua do not come nearer, so nothing is proved of smaller balls beside them.
            strict = all(each.group.outcome in ("converges", "shrinks") for each in self.proved if each.trap)
            found = self._descent(node.where).law(g, (low, high), self.growth) if strict else None
        elif D:
            found = D * max(power_up(self.growth, low), power_up(self.growth, high)), floor
        if found is None:
            raise Refused("R7", table["exponent"].where, "it is above the proved power")
        coefficient, floor = found
        table["coefficient"].at_least(coefficient, "R7")
        table["floor"].at_least(floor / self.mass, "R7")

    def _descent(self, where: str) -> Descent:
        """R7: the groups on their ways to their KKT points up to the radius."""
        grows = not self.leak and self.slowest[self.end] >= 0
        held = {h: Held(each.trap, self.swept.D[h]) for h, each in enumerate(self.proved) if each.trap}
        return Descent(held, self.L, self.fastest, self.end, grows, self.leak, where)


def check_heading(block: dict[str, Node], g: int, each: Proved, weights: list[int]) -> None:
    """R9: which weights the block is about, and its outcome, are those of its group."""
    block["index"].same(g)
    block["weights"].same(runs(sorted(weights)))
    block["outcome"].same(each.group.outcome)
    block["reason"].same(each.group.reason)


def check_fading(block: dict[str, Node], each: Proved, phi: Fraction) -> None:
    """O3: the direction to which a block fades is that of the evidence, and it is within the claimed
    angle.
    """
    for name in _OF_TRAP.split():
        if name != "angle_at_horizon":
            block.get(name, Node(None, "")).same(None)
    ending = each.group.ending
    block["direction"].same(ending and ending.value["direction"])
    block["angle_at_horizon"].at_least(phi, "O3")


def check_point(node: Node, trap: ProvedTrap, proposed: TrapEvidence, weights: list[int], grid: int) -> None:
    """R6: the centre is that of the trap, and the radius holds its one KKT point and no other; with an exact
    start (O5) or a continuum (O2) the one that is meant, and maybe others.
    """
    point = node.fields("centre radius")
    flat = [v for row in proposed.centre for v in row]
    expected = [Fraction(v, 1 << grid) for _, v in sorted(zip(weights, flat, strict=True))]
    claimed = [number.dyadic() for number in point["centre"].items(len(weights))]
    point["centre"].need(claimed == expected, "it is not the centre of the trap")
    point["radius"].at_least(trap.kkt_radius)
    point["radius"].need(
        point["radius"].rational() < trap.r0, "the point is alone within r0 of the trap only", "R6"
    )


def _check_support(node: Node, trap: ProvedTrap, proposed: TrapEvidence, parts: list[int]) -> None:
    """R9: a part that is exactly 0 stays 0; one that is farther from 0 than the KKT point can be is not 0."""
    norms = [sum(v * v for v in row) for row in proposed.centre]
    alive = [j for j, norm in enumerate(norms) if norm]
    # Earlier versions of certflow counted the one part of a block from its beginning, as [0].
    if len(parts) > 1 or repr(node.value) != "[0]":
        node.same([parts[j] for j in alive])
    clear = all(norms[j] > sum(norms) * trap.kkt_radius**2 for j in alive)
    node.need(clear, "a part is too small to tell whether it vanishes")


def runs(weights: list[int]) -> list[Any]:
    """[first, count] for consecutive weights, otherwise a list of such pairs."""
    runs: list[Any] = []
    for w in weights:
        if runs and w == sum(runs[-1]):
            runs[-1][1] += 1
        else:
            runs.append([w, 1])
    return runs[0] if len(runs) == 1 else runs


def scaled_time(each: Proved, L: int, clock: Clock) -> tuple[Fraction, Fraction]:
    """R5: bounds of the scaled time at which the curve ends, int |p|^(L-2) ... ds with rho = |w0| exp(S +
    err).
    """
    track = each.runner.track
    if track is None or not track.steps:
        return Fraction(0), Fraction(0)
    c, begin, low, high = L - 2, Fraction(0), Fraction(0), Fraction(0)
    first = exp_bounds(Fraction(0))
    for step, (err_up, err_lo) in zip(track.steps, each.runner.errors, strict=True):
        clock.tick()
        after = exp_bounds(-c * step.S)
        if step.decay:
            a, b = (first[0] - after[1]) / (c * step.decay), (first[1] - after[0]) / (c * step.decay)
            part = (min(a, b), max(a, b))
        else:
            part = (first[0] * (step.end - begin), first[1] * (step.end - begin))
        low = rounded(low + part[0] * exp_bounds(-c * fraction(err_up))[0], False)
        high = rounded(high + part[1] * exp_bounds(c * fraction(err_lo))[1], True)
        first, begin = after, step.end
    factor = track.start2**c
    return low * root_down(factor, 2), high * root_up(factor, 2)
