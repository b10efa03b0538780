"""Claims about early directions and about the limit flow, field by field, against the flow and the KKT points
themselves.

What each field means is `docs/certificate-format.md`, section *Claim*.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from .extended import LD, angle, array, exact, extended, length, unit
from .flows import Flow, Stuck
from .networks import Net
from .report import Report

ANGLE = 3e-10
"""How well an angle of the followed flow is known, at worst: far below every angle that is claimed."""
SLACK_OF_GAPS = 1e-11
SMALLER = (Fraction(1, 3), Fraction(1, 10**6), Fraction(1, 10**12))
"""Of delta_bar: the deltas of the trajectories after the first."""
Claim = dict[str, Any]


def check_claim(
    net: Net,
    claim: Claim,
    draw: np.random.Generator,
    flows: int = 2,
    block_type: type[Block] | None = None,
    flow_type: Callable[..., Any] = Flow,
) -> Report:
    """Everything that a claim about an early direction or a basin says, compared with the truth at some delta
    <= delta_bar.

    `flows` is the number of trajectories: from w0 for delta_bar and smaller ones, and from the edge of
    `start_angle`.
    """
    report = Report()
    uniform = claim["statement"].startswith("early-direction")
    report.need(claim["problem_sha256"] == net.sha256, "problem_sha256")
    report.need(claim["order"] == net.order, "order")
    blocks = [(block_type or Block)(net, entry, report) for entry in claim["blocks"]]
    report.need(
        sorted(i for b in blocks for i in b.weights) == list(range(net.size)),
        "the blocks are not all weights",
    )
    if uniform:
        loss = net.record["loss"]
        report.need(claim["loss"] == loss, "loss")
        check_largest(net, claim["n_max_upper"], draw, report)
    # Where neurons at the origin flow is their own matter; a start on the edge of the cone may move any of
    # them.
    for k in range(flows):
        smaller = (Fraction(1), SMALLER[0 if k < flows - 1 else draw.integers(3)])[min(k, 1)]
        delta = exact(claim["delta_bar"]) * smaller if uniform else None
        phi = extended(claim["start_angle"])
        start = net.start if phi == 0 or k == 0 else _turned(net, blocks, phi, draw)
        try:
            witness = Witness(net, claim, blocks, delta, start, report, flow_type)
        except Stuck:
            report.open.append("not followed from the start")
            continue
        witness.follow()
        if not uniform and phi == 0:
            break
    return report


def check_largest(net: Net, bound: Any, draw: np.random.Generator, report: Report) -> None:
    """N is nowhere on the unit sphere above the bound."""
    whole = net.block(range(net.size))
    top = max((whole.at(v)[0] for v in whole.ascend(draw, 8, 12)), default=LD(0))
    report.at_most(top, extended(bound), "n_max_upper", 1e-15 * whole.typical)


def _turned(net: Net, blocks: list[Block], phi: Any, draw: np.random.Generator) -> np.ndarray:
    """A start at the angle phi to w0; every other time turned inside of the smallest block, which is moved
    most.
    """
    v = draw.standard_normal(net.size).astype(LD)
    if draw.random() < 0.5:
        smallest = min(blocks, key=lambda b: length(net.start[b.weights]))
        v[[i for i in range(net.size) if i not in smallest.weights]] = 0
    v -= net.start * (v @ net.start)
    return net.start if length(v) == 0 else np.cos(phi) * net.start + np.sin(phi) * v / length(v)


class Block:
    """A block of a claim with the true KKT point near its centre; what is claimed of the point is compared at
    once.
    """

    def __init__(self, net: Net, entry: dict[str, Any], report: Report) -> None:
        self.entry, self.outcome, self.index = entry, entry["outcome"], entry["index"]
        runs = entry["weights"]
        pairs = runs if isinstance(runs[0], list) else [runs]
        self.weights = [i for first, count in pairs for i in range(first, first + count)]
        self.point: np.ndarray | None = None
        if entry["kkt_point"] is not None:
            self._point(net, report)
        if self.outcome == "fades":
            self._silent(net, report)

    @property
    def rests(self) -> bool:
        """Whether `angle_at_radius` holds from the horizon on."""
        return False

    def _silent(self, net: Net, report: Report) -> None:
        """Where the block fades no sample acts."""
        self.point = u = unit(array(self.entry["direction"]))
        random = np.random.default_rng(0).standard_normal((8, len(u))).astype(LD)
        outputs = [
            np.abs(net.run(net.block(self.weights).all_weights(v))[0]).max() for v in (u, *map(unit, random))
        ]
        report.need(
            outputs[0] <= 1e-30 * max(outputs),
            f"block {self.index}: its outputs do not vanish in its direction",
        )

    def _point(self, net: Net, report: Report) -> None:
        part, where = net.block(self.weights), f"block {self.index}"
        centre = array(self.entry["kkt_point"]["centre"])
        flat, exact_start = self.outcome == "continuum", self.outcome == "exact-start"
        self.point = u = unit(net.start[self.weights]) if exact_start else part.polished(centre, flat=flat)
        value, scale = part.at(u)[0], part.scale(u)
        # Where N = 0 the gradient is zero at a KKT point, and its own size is no measure.
        report.need(part.residual(u) <= 1e-13 * scale, f"{where}: no KKT point near the centre")
        report.at_most(
            angle(u, centre), extended(self.entry["kkt_point"]["radius"]), f"{where}: kkt radius", 1e-16
        )
        low, high = array(self.entry["value"])
        report.within(value, low, high, f"{where}: value", 1e-17 * scale)
        report.need(
            exact_start or (flat and value != 0) or (value > 0) == (self.outcome == "converges"),
            f"{where}: {self.outcome} with N = {value}",
        )
        if flat:
            spectrum, own = part.spectrum(u, part.at(u)[2])
            # Along the continuum the eigenvalues are zero.
            across = max((e for e in spectrum if abs(e) > 1e-9), default=-np.inf)
            if self.entry["gap"] is not None:
                least = extended(self.entry["gap"][0])
                report.at_most(least, -own * LD(across), f"{where}: gap", 1e-9 * own)
                report.need(self.entry["gap"][1] is None, f"{where}: the gap has an upper end")
        elif self.entry.get("gap") is not None:
            low, high = (None if v is None else extended(v) for v in self.entry["gap"])
            check_gap(part, u, low, high, where, report)
        if self.entry.get("support") is not None:
            own = net.layers.parts if net.record["network"]["kind"] != "expression" else [self.weights]
            parts = {self.index: self.weights} if net.order == 2 else dict(enumerate(own))
            alive = [j for j, own in parts.items() if length(u[[self.weights.index(i) for i in own]]) > 1e-13]
            # Earlier versions counted the one part of a block from its beginning.
            lawful = (alive, [0]) if len(parts) == 1 else (alive,)
            report.need(
                self.entry["support"] in lawful, f"{where}: support {self.entry['support']} is {alive}"
            )


def check_gap(part: Any, u: np.ndarray, low: Any, high: Any, where: str, report: Report) -> None:
    """low <= gap <= high at the KKT point u; on a kink only low, for both extreme choices of branches."""
    layered = part.net.record["network"]["kind"] != "expression"
    if part.size == 1 or not (layered or not any(each.any() for each in part.on_kinks(u))):
        return
    own, on = part.at(u)[2], part.on_kinks(u)
    kink = any(each.any() for each in on)
    branches = [own]
    if kink:
        sides = (LD(1), part.net.layers.off)
        branches += [
            [np.where(each, side, taken) for each, taken in zip(on, own, strict=True)] for side in sides
        ]
    for chosen in branches:
        spectrum, scale = part.spectrum(u, chosen)
        report.within(
            -scale * LD(spectrum[-1]), low, None if kink else high, f"{where}: gap", SLACK_OF_GAPS * scale
        )


class Witness:
    """One trajectory, and what the claim says about it on the way."""

    def __init__(
        self,
        net: Net,
        claim: Claim,
        blocks: list[Block],
        delta: Fraction | None,
        start: np.ndarray,
        report: Report,
        flow_type: Callable[..., Any],
    ):
        self.net, self.claim, self.blocks, self.report, self.order = net, claim, blocks, report, net.order
        self.delta = None if delta is None else extended(delta)
        self.name = "limit flow" if delta is None else f"delta {np.format_float_scientific(self.delta, 3)}"
        # Near saddles errors grow; the directions that decide may be many powers of ten smaller than the
        # rest.
        self.flow = flow_type(net, start, None if delta is None else np.log(self.delta))
        self.start = start
        for block in blocks:
            if block.outcome == "continuum":
                self._limit(block)
        horizon = claim["horizon"] if delta is not None else None
        if horizon is not None:
            self.time, self.norm = (
                None if v is None else extended(v)
                for v in (horizon["scaled_time"], horizon["norm_over_delta"])
            )
            self.growth = extended(claim["growth"]["factor_squared"])
            self.epsilon = extended(claim["epsilon"])
        else:
            times = [extended(e["horizon"]) for e in claim["blocks"] if e["horizon"] is not None]
            self.time, self.norm = max(times, default=None), None
            self.growth = self.epsilon = None
        radius = claim.get("radius")
        self.radius = None if radius is None else extended(radius) / self.delta
        self.after: dict[int, np.ndarray] | None = None
        self.sizes: dict[int, Any] = {}
        self.times = claim.get("time_to_radius")
        self.first = LD(0)
        self.reached: dict[Any, list[Any]] = {}
        if self.times is not None and self.radius is not None:
            self.first = extended(self.times["start_time"][0])
            lowest = extended(self.times["start_radius_over_delta"][1])
            for f in (1, 0.3, 1e-2, 1e-4, 1e-8, 0):
                size = max(self.radius * LD(f), lowest * LD(1.0001))
                if size <= self.radius:
                    self.reached[size] = []

    def _limit(self, block: Block) -> None:
        """The point of the block becomes the one to which the limit flow from this start converges."""
        limit, part = Flow(self.net, self.start, None), self.net.block(block.weights)
        for _ in range(limit.most_steps):
            limit.step()
            u = limit.u[block.weights]
            found = part.polished(u, flat=True)
            rest = part.residual(found) <= 1e-13 * part.scale(found)
            if rest and angle(u, found) < 1e-9:
                break
        block.point, radius = found, extended(block.entry["kkt_point"]["radius"])
        centre = array(block.entry["kkt_point"]["centre"])
        self.report.at_most(angle(found, centre), radius, self.say("the limit is far from the centre"), ANGLE)

    def say(self, what: str) -> str:
        """A statement with the trajectory that it is about."""
        return f"{self.name}: {what}"

    def follow(self) -> None:
        """Follow the flow and compare all that is claimed."""
        flow, last = self.flow, None
        if self.time is not None and self.time == 0:
            self._horizon(flow.u, flow.s)
        try:
            while last is None or flow.tau < last:
                flow.step()
                self._zero(flow.u)
                self._crossings()
                if self.after is None:
                    self._before_horizon()
                if self.after is not None:
                    if self._at_radius():
                        break
                    self._later(flow.u)
                    if last is None and (self.radius is None or self.times is None):
                        # Nothing says that it ever ends: some more time to look at, none where all is at
                        # rest.
                        rate = flow.rate()
                        last = 3 * flow.tau + 5 / rate if rate > 0 else flow.tau
                if flow.steps >= flow.most_steps or len(self.report.false) > 6:
                    self.report.open.append(self.say("not followed to the end"))
                    break
        except Stuck:
            self.report.open.append(self.say("not followed to the end"))
            return
        self._times(flow.s)

    def _before_horizon(self) -> None:
        flow = self.flow
        if self.time is not None and flow.s >= self.time:
            self._horizon(*flow.event(lambda u, s: s - self.time))
        elif (
            self.norm is not None
            and flow.s >= self.first
            and flow.crossed(lambda u, s: length(u) - self.norm)
        ):
            self._horizon(*flow.event(lambda u, s: length(u) - self.norm))
        elif self.time is None and self.norm is None:
            # Some time at which all directions are where they then stay for ever.
            pairs = [(b, b.entry["angle_at_horizon"]) for b in self.blocks if b.point is not None]
            if all(
                angle(flow.u[b.weights], b.point) <= extended(bound)
                for b, bound in pairs
                if bound is not None
            ):
                self._horizon(flow.u, flow.s)
        else:
            self._growth(flow.u)

    def _growth(self, u: np.ndarray) -> None:
        if self.growth is not None:
            self.report.at_most(length(u) ** 2, self.growth, self.say("growth"))

    def _horizon(self, u: np.ndarray, s: Any) -> None:
        self._growth(u)
        self.after = {b.index: u[b.weights] for b in self.blocks}
        for block in self.blocks:
            bound = block.entry["angle_at_horizon"]
            if bound is not None and block.point is not None:
                self._angle(block, u, extended(bound), "angle at the horizon")
            curve = block.entry.get("angle_to_curve")
            if curve is not None and self.delta is not None:
                limit = self._limit_flow(s)
                self._angle(block, u, extended(curve), "angle to the limit flow", limit[block.weights])
        if self.radius is not None:
            self.report.at_most(length(u), self.radius, self.say("the horizon is after R"))
        self._later(u)

    def _limit_flow(self, time: Any) -> np.ndarray:
        """The weights of the limit flow from this start at a time; raises `Stuck`."""
        flow = Flow(self.net, self.start, None)
        while flow.s < time:
            flow.step()
        return flow.u if time == 0 else flow.event(lambda u, s: s - time)[0]

    def _angle(
        self, block: Block, u: np.ndarray, bound: Any, what: str, point: np.ndarray | None = None
    ) -> None:
        if u[block.weights].any():
            self.report.at_most(
                angle(u[block.weights], block.point if point is None else point),
                bound,
                self.say(f"block {block.index}: {what}"),
                ANGLE + self.flow.error,  # type: ignore[arg-type]
            )

    def _later(self, u: np.ndarray) -> None:
        """What holds at every time after the horizon."""
        size = length(u)
        for block in self.blocks:
            if block.outcome == "dead" and self.after is not None:
                moved = length(u[block.weights] - self.after[block.index])
                least = length(self.after[block.index]) * 1e-16 * (1 + self.flow.steps)
                self.report.need(moved <= least, self.say(f"block {block.index} is dead and moves"))
            if block.point is None:
                continue
            if self.delta is None:
                # Without forcing the distance falls for ever.
                bound = block.entry["angle_at_horizon"]
                if bound is not None:
                    self._angle(block, u, extended(bound), "angle after the horizon")
                continue
            self._angle(block, u, self.epsilon, "epsilon")
            if block.outcome == "fades":
                self._fading(block, u)
            if block.rests and block.entry["angle_at_radius"] is not None:
                self._angle(block, u, extended(block.entry["angle_at_radius"]), "angle at rest")
            law = block.entry["law"]
            if law is not None and (self.radius is None or size <= self.radius):
                floor = extended(law["floor"]) * np.exp(self.order * np.log(size * self.delta))
                near = block.point
                if law.get("of") == "set":
                    near = self.net.block(block.weights).nearest(u[block.weights], block.point)
                for exponent in law["exponent"]:
                    bound = extended(law["coefficient"]) * size ** -extended(exponent) + floor
                    self._angle(block, u, bound, "law", near)

    def _fading(self, block: Block, u: np.ndarray) -> None:
        """It stays where it was at the horizon, and its norm does not grow."""
        self._angle(block, u, extended(block.entry["angle_at_horizon"]), "fading")
        size, before = length(u[block.weights]), self.sizes.get(block.index)
        if before is not None:
            grown = size / before - 1
            self.report.at_most(grown, LD(1e-12), self.say(f"block {block.index} fades and grows"))
        self.sizes[block.index] = size

    def _zero(self, u: np.ndarray) -> None:
        for block in self.blocks:
            if block.outcome == "zero":
                self.report.need(
                    not u[block.weights].any(), self.say(f"block {block.index} is zero and moves")
                )

    def _at_radius(self) -> bool:
        flow = self.flow
        if self.radius is None or not flow.crossed(lambda u, s: length(u) - self.radius):
            return False
        u, _ = flow.event(lambda u, s: length(u) - self.radius)
        self._later(u)
        for block in self.blocks:
            bound = block.entry["angle_at_radius"]
            if bound is not None and block.point is not None:
                self._angle(block, u, extended(bound), "angle at R")
        return True

    # -- times to radii --------------------------------------------------------------------------------------

    def _crossings(self) -> None:
        """Note when a size is reached upwards after the curves may have ended."""
        for size, times in self.reached.items():
            if self.flow.crossed(lambda u, s, size=size: length(u) - size):
                s = self.flow.event(lambda u, s, size=size: length(u) - size)[1]
                if s >= self.first * (1 - LD(1e-12)):
                    times.append(s)

    def _times(self, end: Any) -> None:
        """One of the times at which a size was reached is the claimed one, unless the flow was not followed
        so far.
        """
        for size, times in self.reached.items():
            low, high = self._time_bounds(size)
            slack = LD(1e-9) + self.flow.error
            inside = any(low * (1 - slack) <= s <= high * (1 + slack) for s in times)
            over = end > high * (1 + slack) or bool(times)
            if inside or over:
                seen = ", ".join(np.format_float_scientific(s, 9) for s in times)
                bounds = f"[{np.format_float_scientific(low, 9)}, {np.format_float_scientific(high, 9)}]"
                self.report.need(
                    inside,
                    self.say(f"|w| = {float(size):.6g} delta at {seen or 'no time'}, claimed in {bounds}"),
                )

    def _time_bounds(self, size: Any) -> tuple[Any, Any]:
        low, high = array(self.times["start_radius_over_delta"])  # type: ignore[index]
        early, late = array(self.times["start_time"])  # type: ignore[index]
        slow, fast = (extended(self.times[key]) for key in ("n_lower", "n_upper"))  # type: ignore[index]
        if self.order == 2:
            return early + np.log(size / high) / (2 * fast), late + np.log(size / low) / (2 * slow)
        k = self.order - 2
        return early + (high**-k - size**-k) / (self.order * k * fast), late + (low**-k - size**-k) / (
            self.order * k * slow
        )
