"""R7 to R9: what follows at the horizon and after it, and that the claim states nothing stronger."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .document import ASSUMPTIONS, Certificate
from .groups import Proved, ProvedTrap, check_dead, divided, prepare
from .numbers import exp_bounds, fraction, power_up, root_down, root_up, rounded
from .problem import Problem
from .reading import dyadic, integer, items, keys, rational, text
from .region import unit_outputs
from .sweep import Sweep, sweep
from .verdicts import Clock, Refused

_FIELDS = {
    "statement", "order", "epsilon", "delta_bar", "start_angle", "problem_sha256", "loss", "assumptions", "horizon", "growth",
    "n_max_upper", "radius", "time_to_radius", "blocks",
}  # fmt: skip
_BLOCK = {
    "index", "weights", "outcome", "reason", "kkt_point", "support", "value", "gap", "horizon", "angle_at_horizon",
    "angle_at_radius", "law",
}  # fmt: skip


def check_claim(certificate: Certificate, clock: Clock) -> None:
    """Prove everything the claim states, or raise `Refused` (or `Malformed`) with the rule and the place."""
    claim, problem = keys(certificate.claim, _FIELDS, "claim"), certificate.problem
    _same(text(claim["statement"], "claim.statement"), "early-direction", "claim.statement")
    for name, expected in (
        ("order", problem.order),
        ("problem_sha256", certificate.problem_sha256),
        ("loss", problem.loss),
        ("assumptions", list(ASSUMPTIONS)),
    ):
        _same(claim[name], expected, f"claim.{name}")
    epsilon, delta_bar = rational(claim["epsilon"], "claim.epsilon"), rational(claim["delta_bar"], "claim.delta_bar")
    start_angle = rational(claim["start_angle"], "claim.start_angle")
    _need(
        epsilon > 0 and delta_bar > 0 and start_angle >= 0,
        "claim",
        "epsilon and delta_bar are positive, start_angle is not negative",
    )
    proved = prepare(certificate, start_angle, clock)
    swept = sweep([each.runner for each in proved], problem.order, delta_bar, clock)
    for each, parts in zip(proved, problem.groups, strict=True):
        if not each.moving:
            check_dead(problem, parts, each, certificate.grid)
    after = _After(certificate, claim, proved, swept, epsilon, delta_bar)
    after.check_radius()
    after.check_horizon()
    after.check_times()
    _need(
        rational(claim["n_max_upper"], "claim.n_max_upper") >= _largest_ncf(problem),
        "claim.n_max_upper",
        "it is below its proved bound",
    )
    blocks = items(claim["blocks"], "claim.blocks", len(proved), len(proved))
    for g, block in enumerate(blocks):
        clock.tick()
        after.check_block(g, keys(block, _BLOCK, f"claim.blocks[{g}]"), f"claim.blocks[{g}]")


class _After:
    """The state at the horizon (R7, R8) and the claim that is compared with it (R9)."""

    def __init__(
        self,
        certificate: Certificate,
        claim: dict[str, Any],
        proved: list[Proved],
        swept: Sweep,
        epsilon: Fraction,
        delta_bar: Fraction,
    ) -> None:
        self.certificate, self.claim, self.proved, self.swept = certificate, claim, proved, swept
        self.epsilon, self.delta_bar, self.L = epsilon, delta_bar, certificate.problem.order
        self.A1 = rounded(swept.end * delta_bar**self.L, True)
        # rho1 / delta_bar: rho / delta at the horizon is at most this, for every delta.
        self.growth = root_up(swept.end, self.L)
        self.moving = [each for each in proved if each.moving]
        # d|w|^2/dt <= 2 L N(w) for a convex loss, and L N_j <= max(ell_hi) |w_j|^2: no coupling in this rate.
        self.fastest = max((fraction(each.runner.after.ell[1]) for each in self.moving), default=Fraction(0))
        radius = claim["radius"]
        self.R = None if radius is None else rational(radius, "claim.radius")
        self.end: Fraction | None = None if self.R is None else self.R**self.L
        self.at_horizon = self.A1
        self.time_low = self.time_high = swept.horizon
        self.event = False

    def nu(self, each: Proved, size: Fraction) -> Fraction:
        """R7: a lower rate of rho_j^L while A <= size."""
        rates = each.runner.after
        lowest: Fraction = self.L * (fraction(rates.ell[0]) - self.L * size * fraction(rates.E))
        return lowest

    def floor(self, trap: ProvedTrap, size: Fraction) -> Fraction | None:
        """R7: K/(gamma + nu_min) while A <= size; None where masses without a lower rate may force the direction."""
        if any(each.trap is None for each in self.moving):
            return None
        total = trap.gamma + min(self.nu(each, size) for each in self.moving)
        return fraction(trap.rates.K) / total if total > 0 else None

    def kappa(self, trap: ProvedTrap) -> Fraction:
        """R7: the power of |w| with which the distance of the horizon is forgotten."""
        return rounded(trap.gamma / self.fastest, False)

    def check_radius(self) -> None:
        """R7: every trapped direction stays within epsilon and inside its trap until |w| = R, or for ever."""
        if self.end is None:
            _need(self.fastest <= 0, "claim.radius", "without a radius, nothing may grow", "R7")
        else:
            _need(
                self.end > self.A1 and self.R is not None and self.R > 0,
                "claim.radius",
                "it is not above the size at the horizon",
                "R7",
            )
        for g, each in enumerate(self.proved):
            if each.trap is not None:
                worst = self.worst(g, each.trap)
                _need(
                    worst <= self.epsilon and worst < each.trap.r0 - each.trap.kkt_radius,
                    f"claim.blocks[{g}]",
                    "the direction is not proved to stay within epsilon and inside its trap",
                    "R7",
                )

    def worst(self, g: int, trap: ProvedTrap) -> Fraction:
        """The largest distance after the horizon; it is log-convex in |w|, so the two ends decide."""
        floor = None if self.end is None else self.floor(trap, self.end)
        end = self.at_radius(g, trap)
        return end if floor is None else max(end, self.swept.D[g] + floor * self.A1)

    def at_radius(self, g: int, trap: ProvedTrap) -> Fraction:
        """R7: a bound of the distance when |w| = R (without a radius: at all times after the horizon)."""
        D, K = self.swept.D[g], fraction(trap.rates.K)
        if self.end is None or self.R is None:
            return D + K * self.A1 / trap.gamma
        floor = self.floor(trap, self.end)
        if floor is None or self.fastest <= 0:
            return D + K * self.end / trap.gamma
        forgotten = power_up(self.growth * self.delta_bar / self.R, self.kappa(trap)) if D else Fraction(0)
        return D * forgotten + floor * self.end

    def check_horizon(self) -> None:
        """R8: where the horizon is, as a scaled time or as an event, and how much |w| has grown until then."""
        L, place = self.L, keys(self.claim["horizon"], {"scaled_time", "norm_over_delta"}, "claim.horizon")
        where = "claim.growth.factor_squared"
        C = rational(keys(self.claim["growth"], {"factor_squared"}, "claim.growth")["factor_squared"], where)
        _need(C > 0 and self.swept.most**2 <= C**L, where, "the weights may grow more until the horizon", "R8")
        if L > 2:
            (each,) = self.proved
            self.time_low, self.time_high = _scaled_time(each, L)
        if place["norm_over_delta"] is not None:
            _same(place["scaled_time"], None, "claim.horizon.scaled_time")
            self._check_event(rational(place["norm_over_delta"], "claim.horizon.norm_over_delta"), C)
            return
        time = rational(place["scaled_time"], "claim.horizon.scaled_time")
        if L == 2:
            _need(time == self.swept.horizon, "claim.horizon.scaled_time", "it is not where the curves end", "R8")
            return
        _need(time >= self.time_high, "claim.horizon.scaled_time", "the trap may be entered later", "R8")
        scale = each.trap.scale[0] if each.trap is not None else Fraction(1)
        # rho^(2-L) falls at most at the rate (L-2) max(0, ell_hi) / |c|^(L-2) per scaled time after the entry.
        Q = 1 / self.growth ** (L - 2) - (L - 2) * max(Fraction(0), self.fastest) / scale * (time - self.time_low)
        _need(Q > 0 and C ** (L - 2) * Q * Q >= 1, where, "the weights may grow more until the horizon", "R8")
        size = root_up((C * self.delta_bar**2) ** L, 2)
        _need(self.end is None or size <= self.end, "claim.radius", "it is below the size at the horizon", "R8")
        self.at_horizon = max(size, self.A1) if self.end is not None else self.A1

    def _check_event(self, B: Fraction, C: Fraction) -> None:
        """R8: the horizon is when |w| = B delta, which happens in the trap because |w| grows there at a positive rate."""
        where = "claim.horizon.norm_over_delta"
        _need(self.L > 2 and self.growth <= B, where, "the weights may have been larger before the trap was entered", "R8")
        size = (B * self.delta_bar) ** self.L
        _need(self.end is not None and size <= self.end, where, "it is above the radius", "R8")
        _need(self.proved[0].trap is not None and self.nu(self.proved[0], size) > 0, where, "it may never be reached", "R8")
        _need(C >= B * B, "claim.growth.factor_squared", "it is below the size at the horizon", "R8")
        self.at_horizon, self.event = size, True

    def check_times(self) -> None:
        """R9: when |w| reaches a radius, from a lower rate of one group and the upper rate of all."""
        claimed, where = self.claim["time_to_radius"], "claim.time_to_radius"
        if claimed is None:
            return
        table = keys(claimed, {"start_radius_over_delta", "n_lower", "n_upper", "start_time"}, where)
        _need(self.end is not None, where, "there is no radius")
        size = self.end or Fraction(0)
        low, high = _pair(table["start_radius_over_delta"], f"{where}.start_radius_over_delta")
        n_low, n_high = rational(table["n_lower"], f"{where}.n_lower"), rational(table["n_upper"], f"{where}.n_upper")
        _need(n_low > 0, f"{where}.n_lower", "it is not positive")
        # The lower pair must be that of one group with a trap, whichever it is.
        scale = (Fraction(1), Fraction(1))
        slow_enough = False
        for each in self.proved:
            if each.trap is not None:
                scale = each.trap.scale
                slow = divided(self.nu(each, size) / self.L**2, Fraction(0), scale)[0]
                slow_enough |= n_low <= slow and low <= root_down(each.runner.size_low(self.L), self.L)
        _need(slow_enough, where, "no group with a trap starts and grows as claimed")
        fast = divided(Fraction(0), self.fastest / self.L, scale)[1]
        _need(n_high >= fast and high >= self.growth, where, "the upper rate or start is lower than what is proved")
        early, late = _pair(table["start_time"], f"{where}.start_time")
        _need(early <= self.time_low and late >= self.time_high, f"{where}.start_time", "it is narrower than what is proved")

    def check_block(self, g: int, block: dict[str, Any], where: str) -> None:
        """R9 for one block."""
        each, problem = self.proved[g], self.certificate.problem
        weights = [w for j in problem.groups[g] for w in problem.indices[j]]
        for name, expected in (
            ("index", g),
            ("weights", _runs(sorted(weights))),
            ("outcome", each.group.outcome),
            ("reason", each.group.reason),
        ):
            _same(block[name], expected, f"{where}.{name}")
        trap, proposed = each.trap, each.group.trap
        numbers = ("kkt_point", "support", "value", "gap", "angle_at_horizon", "angle_at_radius", "law")
        if block["horizon"] is not None:
            own = each.runner.ends[-1] if each.runner.ends else Fraction(0)
            bound = own if self.L == 2 else self.time_high
            _need(not self.event, f"{where}.horizon", "the horizon has no time here")
            _need(each.runner.track is not None, f"{where}.horizon", "nothing is proved about this block")
            _need(rational(block["horizon"], f"{where}.horizon") >= bound, f"{where}.horizon", "its curve ends later")
        if trap is None or proposed is None:
            for name in numbers:
                _same(block[name], None, f"{where}.{name}")
            return
        self._check_point(g, block, where, weights)
        if block["value"] is not None:
            low, high = _pair(block["value"], f"{where}.value")
            _need(low <= trap.value[0] and high >= trap.value[1], f"{where}.value", "it is narrower than what is proved")
        if block["gap"] is not None:
            low_text, high_text = items(block["gap"], f"{where}.gap", 2, 2)
            enough = high_text is None or (trap.gap[1] is not None and rational(high_text, f"{where}.gap") >= trap.gap[1])
            _need(
                enough and rational(low_text, f"{where}.gap") <= trap.gap[0], f"{where}.gap", "it is narrower than what is proved"
            )
        K = fraction(trap.rates.K)
        floor = self.floor(trap, self.at_horizon)
        drift = Fraction(0) if self.L == 2 else (K / trap.gamma if floor is None else floor) * self.at_horizon
        self._at_least(block, "angle_at_horizon", where, self.swept.D[g] + drift)
        if self.R is None:
            _same(block["angle_at_radius"], None, f"{where}.angle_at_radius")
        self._at_least(block, "angle_at_radius", where, self.at_radius(g, trap))
        if block["law"] is not None:
            self._check_law(g, trap, block["law"], f"{where}.law")

    def _at_least(self, block: dict[str, Any], name: str, where: str, bound: Fraction) -> None:
        if block[name] is not None:
            _need(rational(block[name], f"{where}.{name}") >= bound, f"{where}.{name}", "it is below the proved bound")

    def _check_point(self, g: int, block: dict[str, Any], where: str, weights: list[int]) -> None:
        each = self.proved[g]
        trap, proposed = each.trap, each.group.trap
        if trap is None or proposed is None or block["kkt_point"] is None:
            _same(block["kkt_point"], None, f"{where}.kkt_point")
            _same(block["support"], None, f"{where}.support")
            return
        point = keys(block["kkt_point"], {"centre", "radius"}, f"{where}.kkt_point")
        values = items(point["centre"], f"{where}.kkt_point.centre", len(weights), len(weights))
        flat = [v for row in proposed.centre for v in row]
        expected = [Fraction(v, 1 << self.certificate.grid) for _, v in sorted(zip(weights, flat, strict=True))]
        _same([dyadic(v, f"{where}.kkt_point.centre") for v in values], expected, f"{where}.kkt_point.centre")
        radius = rational(point["radius"], f"{where}.kkt_point.radius")
        _need(radius >= trap.kkt_radius, f"{where}.kkt_point.radius", "it is below the proved bound")
        if block["support"] is None:
            return
        # A part that is exactly 0 stays 0; one that is farther from 0 than the KKT point can be is not 0.
        norms = [sum(v * v for v in row) for row in proposed.centre]
        alive = [j for j, norm in enumerate(norms) if norm]
        claimed = [
            integer(j, f"{where}.support", 0, len(norms)) for j in items(block["support"], f"{where}.support", 0, len(norms))
        ]
        _same(claimed, alive, f"{where}.support")
        clear = all(norms[j] > sum(norms) * trap.kkt_radius**2 for j in alive)
        _need(clear, f"{where}.support", "a part is too small to tell whether it vanishes")

    def _check_law(self, g: int, trap: ProvedTrap, law: Any, where: str) -> None:
        """R7: angle <= coefficient (delta/rho)^exponent + floor rho^L after the horizon, whenever |w| = rho <= R."""
        table = keys(law, {"exponent", "coefficient", "floor"}, where)
        floor = None if self.end is None or self.fastest <= 0 else self.floor(trap, self.end)
        if floor is None:
            raise Refused("R7", where, "no such law is proved")
        low, high = _pair(table["exponent"], f"{where}.exponent")
        _need(0 <= low <= high <= self.kappa(trap), f"{where}.exponent", "it is above the proved power", "R7")
        D = self.swept.D[g]
        coefficient = D * max(power_up(self.growth, low), power_up(self.growth, high)) if D else Fraction(0)
        _need(
            rational(table["coefficient"], f"{where}.coefficient") >= coefficient,
            f"{where}.coefficient",
            "it is below the proved bound",
            "R7",
        )
        _need(rational(table["floor"], f"{where}.floor") >= floor, f"{where}.floor", "it is below the proved bound", "R7")


def _runs(weights: list[int]) -> list[Any]:
    """[first, count] for consecutive weights, otherwise a list of such pairs."""
    runs: list[Any] = []
    for w in weights:
        if runs and w == sum(runs[-1]):
            runs[-1][1] += 1
        else:
            runs.append([w, 1])
    return runs[0] if len(runs) == 1 else runs


def _scaled_time(each: Proved, L: int) -> tuple[Fraction, Fraction]:
    """R5: bounds of the scaled time at which the curve ends, int |p|^(L-2) ... ds with rho = |w0| exp(S + err)."""
    track = each.runner.track
    if track is None or not track.steps:
        return Fraction(0), Fraction(0)
    c, begin, low, high = L - 2, Fraction(0), Fraction(0), Fraction(0)
    first = exp_bounds(Fraction(0))
    for step, (err_up, err_lo) in zip(track.steps, each.runner.errors, strict=True):
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


def _largest_ncf(problem: Problem) -> Fraction:
    """R9: an upper bound of |N| on the unit sphere, sum_i |z_i| beta_i."""
    if problem.several:
        beta = unit_outputs(problem)
        return sum((abs(z) * b for z, b in zip(problem.z, beta, strict=True)), Fraction(0))
    constant = Fraction(1)
    for l in range(1, problem.depth + 1):
        e = problem.p ** (problem.depth - l)
        if l in problem.trained:
            # |W_l|^e over |w| = 1 is largest at |W_l|^2 = e / L.
            constant *= root_up(Fraction(e, problem.order) ** e, 2)
        else:
            constant *= root_up(sum((v * v for row in problem.given[l] for v in row), Fraction(0)) ** e, 2)
    q = problem.p ** (problem.depth - 1)
    norms = (root_up(sum((v * v for v in x), Fraction(0)), 2) ** q for x in problem.samples)
    return constant * sum((abs(z) * norm for z, norm in zip(problem.z, norms, strict=True)), Fraction(0))


def _pair(value: Any, where: str) -> tuple[Fraction, Fraction]:
    low, high = items(value, where, 2, 2)
    return rational(low, where), rational(high, where)


def _need(condition: bool, where: str, reason: str, rule: str = "R9") -> None:
    if not condition:
        raise Refused(rule, where, reason)


def _same(value: Any, expected: Any, where: str) -> None:
    # The text too, because True == 1.
    if value != expected or repr(value) != repr(expected):
        raise Refused("R9", where, "it is not what the certificate's evidence is about")
