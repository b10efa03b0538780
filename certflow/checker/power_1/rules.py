"""Certificates of the statement "early-direction-power-1": Q1 to Q9 for each neuron, Q7 for all of them, and the
claim that is compared with what they give (R9).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..early_direction.claim import runs
from ..kernel.container import opened
from ..kernel.definite import is_psd
from ..kernel.numbers import (
    down,
    exp_up_fixed,
    fraction,
    mul_up,
    power_up,
    root_down,
    root_up,
    rounded,
    up,
)
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from .after import HALF_ROOT, Cone, Fate, Size, converges, point_error, shrinks, stops, vanishes
from .polygon import MAX_PIECES, Neuron, Piece, Vector, _sign, admissible, contacts, replay, vector
from .tube import Table, Walk

STATEMENT = "early-direction-power-1"

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is any solution in continuous time of w' in -(Clarke) dLoss(w) from w(0) = delta w0, where w0 is the "
    "unit vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What the theorem takes for granted; a certificate has to state exactly these sentences."""

MAX_ROWS = 10_000
_FIELDS = (
    "statement order epsilon delta_bar start_angle problem_sha256 loss assumptions horizon growth "
    "n_max_upper radius time_to_radius blocks"
)
_OF_POINT = "kkt_point support value gap horizon angle_at_horizon angle_at_radius law"
_BLOCK = f"index weights outcome reason {_OF_POINT}"
_RESTING = "shrinks stops vanishes"
_OUTCOMES = f"converges {_RESTING} dead zero followed branches inconclusive".split()


def check_power_1(content: Any, clock: Clock) -> Any:
    """The claim, after everything it states is proved; or `Refused` (or `Malformed`) with the rule and the place."""
    top, problem = opened(content, "evidence", ASSUMPTIONS, clock, lipschitz=False)
    claim = top["claim"].fields(_FIELDS)
    clock.enter("R9", "claim")
    claim["statement"].same(STATEMENT)
    claim["order"].same(problem.order)
    claim["problem_sha256"].same(content["problem_sha256"])
    claim["loss"].same(problem.loss)
    claim["assumptions"].same(list(ASSUMPTIONS))
    (evidence,) = top["evidence"].items(1)
    _Check(problem, top["claim"], claim, evidence, clock).all()
    return content["claim"]


@dataclass
class _Neuron:
    """A neuron in units in which its largest weight is near 1: masses are `unit` times those of the direction."""

    w: Vector
    v: Fraction
    c: tuple[int, int]
    ball: int
    unit: Fraction
    start: int
    sign: int
    pieces: list[Piece]
    walk: Walk


class _Check:
    """One certificate. Lengths are those of the direction, of which the unit vector times delta is the start: `scale`
    times its square is |w|^2 in the units of the certificate at delta_bar."""

    def __init__(
        self, problem: Problem, whole: Node, claim: dict[str, Node], evidence: Node, clock: Clock
    ) -> None:
        self.problem, self.claim, self.clock = problem, claim, clock
        self.epsilon, self.delta, self.angle = (
            claim[k].rational() for k in ("epsilon", "delta_bar", "start_angle")
        )
        lawful = self.epsilon > 0 and self.delta > 0 and self.angle >= 0
        whole.need(lawful, "epsilon > 0, delta_bar > 0 and start_angle >= 0 are needed")
        self.given = table = evidence.fields("norm_squared step masses neurons")
        self.G = Neuron(problem, clock)
        self.size2 = sum((v * v for v in problem.direction), Fraction(0))
        self.scale = self.delta**2 / (self.size2 * problem.mass)
        norm2, step = table["norm_squared"].rational(), table["step"].rational()
        clock.enter("Q1", table["norm_squared"].where)
        table["norm_squared"].need(self._bounds(norm2), "it is not proved to bound the inputs", "Q1")
        self.K = problem.omega * problem.curvature * norm2 / 2
        masses = [node.rational() for node in _listed(table["masses"], MAX_ROWS)]
        rising = all(a <= b for a, b in zip(masses, masses[1:], strict=False))
        table["masses"].need(
            step > 0 and rising and masses[0] > self.size2, "they do not rise from the start", "Q7"
        )
        self.masses, self.T = masses, step * len(masses)
        kappa = rounded(self.K * self.scale, True)
        etas = [up(kappa * B) for B in masses]
        self.table = Table(
            kappa, [up(B) for B in masses], etas, [down(step * q) for q in range(len(masses) + 1)]
        )
        self.growths = [up((2 * self.largest() + 2 * kappa * B) * step) for B in masses]
        self.forever = claim["radius"].value is None
        first = self.scale * masses[-1]
        self.R = Fraction(0) if self.forever else claim["radius"].rational()
        self.size = Size(self.K, first, first if self.forever else self.R**2 / problem.mass)
        beyond = self.forever or (self.R > 0 and self.size.last > first)
        claim["radius"].need(beyond, "it is not above the size at the horizon", "Q8")

    def _bounds(self, norm2: Fraction) -> bool:
        """Q1: norm2 I - X^T X (or X X^T) is positive semidefinite (L11.1)."""
        X = self.problem.features
        rows = X if len(X) < self.G.d else [list(column) for column in zip(*X, strict=True)]
        gram = []
        for i, a in enumerate(rows):
            self.clock.tick()
            products = [sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0)) for b in rows[: i + 1]]
            gram.append([down((norm2 if i == k else 0) - value) for k, value in enumerate(products)])
        full = [[gram[max(i, k)][min(i, k)] for k in range(len(rows))] for i in range(len(rows))]
        return norm2 > 0 and is_psd(full, self.clock, 1)

    def largest(self) -> Fraction:
        """An upper bound of |G| on the unit sphere (L11.7)."""
        if not hasattr(self, "_largest"):
            z, X = self.problem.z, self.problem.features
            sizes = (
                abs(a) * root_up(sum((v * v for v in x), Fraction(0)), 2) for a, x in zip(z, X, strict=True)
            )
            norm2 = self.given["norm_squared"].rational()
            rough = min(sum(sizes, Fraction(0)), root_up(norm2 * sum(a * a for a in z), 2))
            self._largest = self.G.largest(rounded(rough, True))
        return self._largest

    def all(self) -> None:
        """Every rule, and then the claim."""
        count = len(self.problem.indices)
        nodes, blocks = self.given["neurons"].items(count), self.claim["blocks"].items(count)
        totals = [0] * len(self.masses)
        fates: list[Fate] = []
        for j, node in enumerate(nodes):
            self.clock.enter("Q2", node.where)
            table = node.fields("outcome pieces cone branch")
            outcome = table["outcome"].text(*_OUTCOMES)
            extra = (outcome == "branches") == (table["branch"].value is not None)
            node.need(
                extra and (outcome == "converges" or table["cone"].value is None),
                "evidence of another outcome",
                "Q9",
            )
            each = self._followed(j, table, outcome)
            self.clock.enter("Q8", node.where)
            fate = self._fate(each, outcome, table, node)
            fates.append(fate.scaled(each.unit))
            for q, mass in enumerate(self._masses(each, fate)):
                totals[q] += -(-mass * each.unit.denominator // each.unit.numerator)
        self.clock.enter("Q7", self.given["masses"].where)
        for q, total in enumerate(totals):
            where = Node(None, f"{self.given['masses'].where}[{q}]")
            where.need(total < down(self.masses[q]), "the masses of the neurons may be more", "Q7")
        self.clock.enter("R9", "claim")
        _Claim(self, fates).compare(blocks, [node.value["outcome"] for node in nodes])

    def _followed(self, j: int, table: dict[str, Node], outcome: str) -> _Neuron:
        """Q1 to Q5 for a neuron."""
        own = [self.problem.direction[i] for i in self.problem.indices[j]]
        top = max(map(abs, own))
        shift = top.denominator.bit_length() - top.numerator.bit_length() if top else 0
        factor = Fraction(2) ** shift
        *w, v = (entry * factor for entry in own)
        ball = rounded(root_up(self.size2, 2) * self.angle * factor, True)
        start = vector(w)
        own2 = start.inner(start)
        c = v * v - own2
        wide = 2 * root_up(own2 + v * v, 2) * ball + ball * ball
        most = 2 * (root_up(own2, 2) + ball) ** 2 + c + wide
        node = table["pieces"]
        pieces = node.items(0, MAX_PIECES)
        on_kink = bool(contacts(self.G, start))
        node.need(
            not (pieces and ball and on_kink), "it may start on either side of a kink: not covered", "Q2"
        )
        sign = _sign(v) or _sign(self.G.value(start.entries))
        node.need(not pieces or sign != 0, "v = 0 and G = 0 at the start: not covered", "Q2")
        node.need(not pieces or abs(v) > ball or ball == 0, "v may have either sign", "Q2")
        replayed = replay(self.G, start, sign, c, pieces)
        self.clock.enter("Q3", node.where)
        walk = Walk(self.G, self.table, replayed, (down(c - wide), up(c + wide)), up(ball), v == 0)
        walk.run(outcome == "stops", outcome == "shrinks")
        return _Neuron(start, v, walk.c, up(ball), factor**2, up(most), sign, replayed, walk)

    def _masses(self, each: _Neuron, fate: Fate) -> list[int]:
        """Q7: bounds of the mass of a neuron in every row of the table (L11.15, L11.17)."""
        ends, walk, count = self.table.ends, each.walk, len(self.masses)
        if fate.known and not each.pieces:
            return [each.start] * count
        found = [0] * count
        for span in walk.spans:
            self.clock.tick()
            begin, end = max(0, bisect_left(ends, span.early - 1) - 1), bisect_right(ends, span.late)
            for q in range(begin, min(end, count)):
                found[q] = max(found[q], span.mass)
        if not walk.covers:
            exponent, mass = 0, walk.spans[-1].mass if walk.spans else each.start
            for q in range(max(0, bisect_right(ends, walk.early - 1) - 1), count):
                self.clock.tick()
                exponent += self.growths[q]
                found[q] = max(found[q], mul_up(mass, exp_up_fixed(exponent)))
        return found

    def _fate(self, each: _Neuron, outcome: str, table: dict[str, Node], node: Node) -> Fate:
        """Q8 and Q9 for a neuron."""
        walk, ball, G = each.walk, each.ball, self.G
        if outcome == "converges":
            return converges(walk, self.size, node, table["cone"])
        if outcome == "stops":
            return stops(walk, each.w, each.sign, ball, self.size, self.problem, self.T, node)
        if outcome == "shrinks":
            balanced = each.c == (0, 0) and each.v * each.v == each.w.inner(each.w) and self.angle == 0
            return shrinks(walk, balanced, self.size, node)
        node.need(
            outcome in ("followed", "branches", "inconclusive") or not each.pieces, "it has no pieces", "Q8"
        )
        if outcome == "vanishes":
            return vanishes(G, each.w, each.sign, each.c, ball, self.size, self.T, node)
        if outcome == "zero":
            node.need(
                not any(each.w.entries) and each.v == 0 and self.angle == 0,
                "it is not zero at the start",
                "Q8",
            )
            return Fate(Fraction(0))
        if outcome == "dead":
            w = [Fraction(v, each.w.unit) for v in each.w.entries]
            for x in G.samples.values():
                self.clock.tick()
                height = sum((a * b for a, b in zip(x, w, strict=True)), Fraction(0))
                reach = fraction(ball) * root_up(sum((a * a for a in x), Fraction(0)), 2)
                node.need(height + reach < 0, "a sample may be active", "Q8")
            node.need(G.alpha == 0 or not G.samples, "only neurons with alpha = 0 can be dead", "Q8")
            return Fate(Fraction(0))
        if outcome == "followed":
            node.need(walk.covers, f"it is not followed up to the horizon: {walk.why}", "Q8")
        if outcome == "branches":
            self._branch(each, table["branch"])
        return Fate(self.largest(), known=False)

    def _branch(self, each: _Neuron, node: Node) -> None:
        """Q9: two solutions of the limit flow part at the end of the pieces (L11.6)."""
        G, sign = self.G, each.sign
        last = each.pieces[-1] if each.pieces else None
        node.need(self.angle == 0 and sign != 0, "the limit flow depends on the start", "Q9")
        if last is None or last.end in ("vertex", "origin"):
            place = each.w if last is None else last.finish()
            sign = sign if last is None else last.sign
            touched = contacts(G, place)
            on = [k for k in G.kinks if place.along(G.lines[k].x) > 0]
            c = each.v * each.v - each.w.inner(each.w)
            node.need(any(place.entries) or c > 0, "w = 0 is never reached", "Q9")
        else:
            node.need(last.end == "flip" and bool(last.slides), "nothing is met here", "Q9")
            touched, sign = last.slides, -last.sign
            on = [k for k, side in last.sides.items() if side > 0]
        ways = [admissible(G, way, sign, on, touched) for way in node.items(2)]
        node.need(ways[0] != ways[1], "the two solutions are one", "Q9")


def _listed(node: Node, most: int) -> list[Node]:
    return node.items(1, most)


class _Claim:
    """R9: every number of the claim against what is proved; those of the claim are in the units of the problem."""

    def __init__(self, check: _Check, fates: list[Fate]) -> None:
        self.check, self.fates, self.claim, self.problem = check, fates, check.claim, check.problem
        self.rate, self.mass, self.horizon = (
            check.problem.rate,
            check.problem.mass,
            check.T / check.problem.rate,
        )
        self.fastest = max(fate.rate for fate in fates)
        # |w| / delta at the horizon is at most this.
        self.growth = root_up(check.masses[-1] / check.size2, 2)
        self.known = all(fate.known for fate in fates)

    def compare(self, blocks: list[Node], outcomes: list[str]) -> None:
        """Everything but the blocks, and then these."""
        claim, check = self.claim, self.check
        claim["radius"].need(not check.forever or self.fastest == 0, "it is left out where N may grow", "Q8")
        place = claim["horizon"].fields("scaled_time norm_over_delta")
        place["norm_over_delta"].same(None)
        place["scaled_time"].need(
            place["scaled_time"].rational() == self.horizon, "it is not the end of the table"
        )
        factor = claim["growth"].fields("factor_squared")["factor_squared"]
        factor.at_least(check.masses[-1] / check.size2)
        claim["n_max_upper"].at_least(self.rate * check.largest() / 2)
        if claim["time_to_radius"].value is not None:
            self._times(claim["time_to_radius"])
        for j, (node, fate, outcome) in enumerate(zip(blocks, self.fates, outcomes, strict=True)):
            self.check.clock.enter("R9", node.where)
            self._block(j, node.fields(_BLOCK), fate, outcome, node)

    def _times(self, node: Node) -> None:
        table = node.fields("start_radius_over_delta n_lower n_upper start_time")
        low, high = table["start_radius_over_delta"].pair()
        table["start_radius_over_delta"].need(0 < low <= high, "0 < low <= high is needed")
        n_low = table["n_lower"].rational()
        table["n_lower"].need(0 < n_low <= table["n_upper"].rational(), "0 < n_lower <= n_upper is needed")
        node.need(not self.check.forever, "there is no radius")
        slow = False
        for fate in self.fates:
            if fate.cone is not None:
                size = root_down(fate.cone.least / self.check.size2, 2)
                slow |= n_low <= self.rate * fate.cone.nu / 4 and low <= size
        node.need(slow, "no neuron that converges starts and grows as claimed")
        table["n_upper"].at_least(self.rate * self.fastest / 2)
        table["start_radius_over_delta"].need(
            high >= self.growth, "the upper start is lower than what is proved"
        )
        table["start_time"].need(table["start_time"].pair()[0] >= 0, "a time is negative")
        table["start_time"].encloses(self.horizon, self.horizon)

    def _block(self, j: int, block: dict[str, Node], fate: Fate, outcome: str, node: Node) -> None:
        weights = self.problem.indices[j]
        block["index"].same(j)
        block["weights"].same(runs(sorted(weights)))
        block["outcome"].same(outcome)
        block["reason"].text()
        given = [name for name in _OF_POINT.split() if block[name].value is not None]
        if fate.point is None:
            for name in given:
                block[name].same(None)
            return
        if "kkt_point" in given:
            point = block["kkt_point"].fields("centre radius")
            centre = [number.dyadic() for number in point["centre"].items(len(weights))]
            point["radius"].at_least(point_error(centre, fate, point["centre"]))
        if "support" in given:
            block["support"].same([j])
        if "value" in given:
            low, high = block["value"].pair()
            block["value"].need(self._around(low, high, fate, 2), "it is narrower than what is proved")
        if "gap" in given:
            ends = block["gap"].items(2)
            top = None if ends[1].value is None else ends[1].rational()
            gap = fate.cone is not None and self._around(ends[0].rational(), top, fate, 1)
            block["gap"].need(gap, "no such gap is proved")
        if "horizon" in given:
            block["horizon"].need(
                block["horizon"].rational() == self.horizon, "it is not the horizon of the claim"
            )
        at_end, at_radius = self._angles(fate, node)
        if self.check.forever:
            block["angle_at_radius"].same(None)
        for name, bound in (("angle_at_horizon", at_end), ("angle_at_radius", at_radius)):
            if name in given:
                block[name].at_least(bound)
        if "law" in given:
            self._law(block["law"], fate)

    def _around(self, low: Fraction, high: Fraction | None, fate: Fate, part: int) -> bool:
        """Whether low <= sign rate |u| / part <= high."""
        exact = fate.sign * (self.rate / part) ** 2 * fate.square
        return low * abs(low) <= exact and (high is None or exact <= high * abs(high))

    def _forced(self, cone: Cone) -> tuple[Fraction, Fraction]:
        """D <= ... + the first + the second times the largest A so far: what neurons that shrink force, and what the
        others do, all of which grow (at least at the lowest nu) where nothing is followed only.
        """
        rest = sum((each.rest for each in self.fates), Fraction(0))
        slowest = min(each.cone.nu for each in self.fates if each.cone) if self.known else Fraction(0)
        first = cone.K * self.check.scale * rest / cone.gamma if self.known else Fraction(0)
        return rounded(first, True), rounded(cone.K / (cone.gamma + slowest), True)

    def _power(self, cone: Cone) -> Fraction:
        return rounded((min(cone.gamma, cone.nu) if cone.K else cone.nu) / self.fastest, False)

    def _angles(self, fate: Fate, node: Node) -> tuple[Fraction, Fraction]:
        """Q8: bounds of the angle at the horizon and when |w| = R; it stays within epsilon and in its cone (L11.21)."""
        check, cone, size = self.check, fate.cone, self.check.size
        if cone is None:
            node.need(fate.angle <= check.epsilon, "it is not proved to be within epsilon", "Q8")
            return fate.angle, fate.angle
        rest, floor = self._forced(cone)
        start = cone.D * HALF_ROOT + cone.psi
        kept = power_up(self.growth * check.delta / check.R, self._power(cone))
        first, last = (rest + floor * A for A in (size.first, size.last))
        most = max(cone.D + first, cone.D * kept + last)
        at_radius = start * kept + last * HALF_ROOT
        worst = max(start + first * HALF_ROOT, at_radius)
        if not self.known:
            # D' <= -gamma (D - last) all the time.
            most = max(cone.D, last)
            worst = most * HALF_ROOT + cone.psi
        node.need(not cone.K or most < cone.limit, "it may leave its cone before the radius is reached", "Q8")
        node.need(worst <= check.epsilon, "it is not proved to stay within epsilon", "Q8")
        return start, min(at_radius, worst)

    def _law(self, node: Node, fate: Fate) -> None:
        """Q8: angle <= coefficient (delta/rho)^exponent + floor rho^2 (L11.21)."""
        table = node.fields("exponent coefficient floor")
        cone = fate.cone
        rest, floor = (Fraction(1), Fraction(0)) if cone is None else self._forced(cone)
        lawful = cone is not None and (not cone.K or (self.known and rest == 0))
        node.need(lawful, "no such law is proved", "Q8")
        assert cone is not None
        low, high = table["exponent"].pair()
        table["exponent"].need(0 <= low <= high <= self._power(cone), "it is above the proved power", "Q8")
        start = cone.D * HALF_ROOT + cone.psi
        table["coefficient"].at_least(
            start * max(power_up(self.growth, low), power_up(self.growth, high)), "Q8"
        )
        table["floor"].at_least(floor * HALF_ROOT / self.mass, "Q8")
