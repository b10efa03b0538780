"""R9: every number of a claim against what is proved, after the units; and Q8, what holds until |w| = R
or for ever.
"""

from __future__ import annotations

from fractions import Fraction

from ..early_direction.claim import runs
from ..kernel.numbers import power_up, root_down, root_up, rounded
from ..kernel.reading import Node
from ..kernel.verdicts import Refused
from .after import HALF_ROOT, Cone, Fate, Theorem, point_error

_OF_POINT = "kkt_point support value gap horizon angle_at_horizon angle_at_radius law"
_BLOCK = f"index weights outcome reason {_OF_POINT}"


class ClaimCheck:
    """The claim, in the units of the problem, and what becomes of the neurons, in those of the
    certificate (L11.21, L11.22).
    """

    def __init__(self, check: Theorem, claim: dict[str, Node], fates: list[Fate]) -> None:
        self.check, self.claim, self.fates, self.problem = check, claim, fates, check.problem
        self.rate, self.mass, self.horizon = (
            check.problem.rate,
            check.problem.mass,
            check.T / check.problem.rate,
        )
        self.fastest = max(fate.rate for fate in fates)
        # |w| / delta at the horizon is at most this.
        self.growth = root_up(check.most / check.square, 2)
        self.known = all(fate.known for fate in fates)

    def compare(self, blocks: list[Node], outcomes: list[str]) -> None:
        """Everything but the blocks, and then these."""
        claim, check = self.claim, self.check
        claim["radius"].need(
            check.R is not None or self.fastest == 0, "it is left out where N may grow", "Q8"
        )
        place = claim["horizon"].fields("scaled_time norm_over_delta")
        place["norm_over_delta"].same(None)
        place["scaled_time"].need(
            place["scaled_time"].rational() == self.horizon, "it is not the end of the table"
        )
        factor = claim["growth"].fields("factor_squared")["factor_squared"]
        factor.at_least(check.most / check.square)
        claim["n_max_upper"].at_least(self.rate * check.largest / 2)
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
        node.need(self.check.R is not None, "there is no radius")
        slow = False
        for fate in self.fates:
            if fate.cone is not None:
                size = root_down(fate.cone.least / self.check.square, 2)
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
            gap = (
                fate.cone is not None and fate.cone.strict and self._around(ends[0].rational(), top, fate, 1)
            )
            block["gap"].need(gap, "no such gap is proved")
        if "horizon" in given:
            block["horizon"].need(
                block["horizon"].rational() == self.horizon, "it is not the horizon of the claim"
            )
        at_end, at_radius = self._angles(fate, node)
        if self.check.R is None:
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
        """D <= ... + the first + the second times the largest A so far: what neurons that shrink force,
        and what the others do, all of which grow (at least at the lowest nu) where nothing is followed
        only.
        """
        rest = sum(each.rest for each in self.fates)
        slowest = min(each.cone.nu for each in self.fates if each.cone) if self.known else Fraction(0)
        first = cone.K * self.check.scale * rest / cone.gamma if self.known else Fraction(0)
        return rounded(first, True), rounded(cone.K / (cone.gamma + slowest), True)

    def _power(self, cone: Cone) -> Fraction:
        return rounded((min(cone.gamma, cone.nu) if cone.K else cone.nu) / self.fastest, False)

    def _angles(self, fate: Fate, node: Node) -> tuple[Fraction, Fraction]:
        """Q8: bounds of the angle at the horizon and when |w| = R; it stays within epsilon and in its
        cone (L11.21).
        """
        check, cone, size = self.check, fate.cone, self.check.size
        if cone is None:
            node.need(fate.angle <= check.epsilon, "it is not proved to be within epsilon", "Q8")
            return fate.angle, fate.angle
        rest, floor = self._forced(cone)
        start = cone.D * HALF_ROOT + cone.psi
        kept = power_up(self.growth * check.delta / (check.R or 1), self._power(cone))
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
        if cone is None or (cone.K and not self.known) or self._forced(cone)[0]:
            raise Refused("Q8", node.where, "no such law is proved")
        low, high = table["exponent"].pair()
        table["exponent"].need(0 <= low <= high <= self._power(cone), "it is above the proved power", "Q8")
        start = cone.D * HALF_ROOT + cone.psi
        table["coefficient"].at_least(
            start * max(power_up(self.growth, low), power_up(self.growth, high)), "Q8"
        )
        table["floor"].at_least(self._forced(cone)[1] * HALF_ROOT / self.mass, "Q8")
