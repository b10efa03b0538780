"""Every number of a claim about power 1 against the reference flow, whose kinks are located to its digits.

No tolerances, as in `reference_claims`: what a flow may differ by is its own error estimate.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from soundness.reference_claims import DIGITS, Kkt, Witness, angle, context, mp_number

from certflow.certifying import Theorem
from certflow.exact import number
from certflow.flow.reference.flow import limit_flow
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.problem import Problem

ROWS = 16


def limit_point(problem: Problem, entry: dict[str, Any], time: Fraction) -> Kkt | None:
    """Where a neuron ends, to 60 digits: from the samples around the claimed centre, or, if it stops, from
    its own limit flow.
    """
    if entry["kkt_point"] is None:
        return None
    ctx = context(100)
    centre = [mp_number(ctx, v) for v in entry["kkt_point"]["centre"]]
    sign, zero = 1 if centre[-1] > 0 else -1, ctx.mpf(0)
    if entry["outcome"] == "vanishes":
        return Kkt([*[zero for _ in centre[:-1]], ctx.mpf(sign)], zero, None, zero)
    if entry["outcome"] == "stops":
        stopped = limit_flow(_alone(problem, entry["index"]), time=time, digits=DIGITS)
        return Kkt([ctx.mpf(v) for v in stopped.direction(time)], zero, None, zero)
    g, residual = _gradient(ctx, problem, centre[:-1], sign, mp_number(ctx, entry["kkt_point"]["radius"]))
    size = ctx.norm(g)
    toward = 1 if sign * ctx.fdot(g, centre[:-1]) > 0 else -1
    gap = None if entry["gap"] is None else size
    return Kkt([*(toward * sign * v / size for v in g), ctx.mpf(sign)], toward * size / 2, gap, residual)


def _alone(problem: Problem, j: int) -> Problem:
    """One neuron by itself: limit flows do not know the others."""
    network = TwoLayer(problem.network.inputs, 1, problem.network.activation)
    own = [problem.direction[i] for i in problem.blocks[j]]
    return Problem(network, problem.X, problem.y, problem.loss, direction=own)


def _gradient(ctx: Any, problem: Problem, w: list[Any], sign: int, radius: Any) -> tuple[list[Any], Any]:
    """The gradient of G along the kinks that w is on, and how far its multipliers are from being possible."""
    alpha, d = problem.network.activation.alpha, len(w)
    held: list[tuple[list[Fraction], Fraction]] = []
    g = [Fraction(0)] * d
    for x, z in zip(problem.X, problem.z, strict=True):
        row, z = [Fraction(v) for v in x], Fraction(z)
        height, size = (
            ctx.fsum(mp_number(ctx, a) * b for a, b in zip(row, w, strict=True)),
            sum(map(abs, row)),
        )
        slope = alpha
        if abs(height) > 4 * radius * mp_number(ctx, size):
            slope = Fraction(1) if height > 0 else alpha
        elif size:
            # Seen from the first sample of the line: active on its side, and what that changes.
            line = next((k for k, (other, _) in enumerate(held) if _parallel(row, other)), len(held))
            held += [(row, Fraction(0))] if line == len(held) else []
            first, jump = held[line]
            ratio = sum(a * b for a, b in zip(row, first, strict=True)) / sum(a * a for a in first)
            held[line] = (first, jump + (1 - alpha) * z * abs(ratio))
            slope = alpha if ratio > 0 else Fraction(1)
        g = [a + z * slope * b for a, b in zip(g, row, strict=True)]
    held = [(x, jump) for x, jump in held if jump]
    free = [mp_number(ctx, v) for v in g]
    if not held:
        return free, ctx.mpf(0)
    rows = ctx.matrix([[mp_number(ctx, v) for v in x] for x, _ in held])
    part = ctx.lu_solve(rows * rows.T, -(rows * ctx.matrix(free)))
    chi = [part[k] / mp_number(ctx, jump) for k, (_, jump) in enumerate(held)]
    along = [a + b for a, b in zip(free, rows.T * part, strict=True)]
    return along, max(max(-each, each - 1, ctx.mpf(0)) for each in chi)


def _parallel(row: list[Fraction], other: list[Fraction]) -> bool:
    return all(
        a * d == b * c for a, c in zip(row, other, strict=True) for b, d in zip(row, other, strict=True)
    )


def limit_points(problem: Problem, claim: dict[str, Any]) -> list[Kkt | None]:
    """The true limits of all neurons that are claimed to have one."""
    time = 2 * number(claim["horizon"]["scaled_time"], "time")
    return [limit_point(problem, entry, time) for entry in claim["blocks"]]


class PowerOneWitness(Witness):
    """The flow of a network of power 1 for one delta, and what its certificate says about it."""

    def __init__(
        self,
        problem: Problem,
        proved: Theorem,
        delta: Fraction,
        points: list[Kkt | None],
        digits: int = DIGITS,
    ) -> None:
        super().__init__(problem, proved.claim.to_json(), delta, points, digits)
        (table,) = json.loads(proved.certificate)["evidence"]
        self.masses = [number(each, "mass") for each in table["masses"]]
        # Masses are in units of the given direction, also for a flow that starts elsewhere in its ball.
        self.square = sum(Fraction(v) ** 2 for v in proved.problem.direction)

    def violations(self) -> list[str]:
        """All statements of the claim and its table of masses that the flow contradicts, in words."""
        super().violations()
        horizon = self.horizon()
        if horizon is not None:
            self._masses(horizon)
            self._sizes(horizon)
            self._at_rest(horizon)
        return self.found

    def _masses(self, horizon: Any) -> None:
        """Of all weights in the q-th part of the time until the horizon, for about `ROWS` of the parts."""
        start, parts = self.flow.log_norm(self.ctx.mpf(0)), len(self.masses)
        for q in {*range(1, parts + 1, max(1, parts // ROWS)), parts}:
            bound = self.ctx.log(self.number(self.masses[q - 1] / self.square)) / 2
            for time in (horizon * (2 * q - 1) / (2 * parts), horizon * q / parts):
                grown = self.flow.log_norm(time) - start
                self._at_most(grown, bound + self.slack, f"mass in part {q} of {parts}")

    def _sizes(self, horizon: Any) -> None:
        """At the horizon, from both sides."""
        if self.claim["time_to_radius"] is None:
            return
        low, high = (self.number(v) for v in self.claim["time_to_radius"]["start_radius_over_delta"])
        grown = self.ctx.exp(self.flow.log_norm(horizon) - self.flow.log_delta)
        self._at_most(low, grown * (1 + self.slack), "norm at the horizon from below")
        self._at_most(grown, high * (1 + self.slack), "norm at the horizon from above")

    def _times(self) -> None:
        """When ‖w‖ is R, and in between."""
        times = self.claim["time_to_radius"]
        if times is None or self.radius is None:
            return
        least = number(times["start_radius_over_delta"][1], "radius") * self.delta
        for radius in {self.radius, min(self.radius, 2 * least), min(self.radius, 10**9 * least)}:
            early, late = self.reached(radius)
            target = self.number(radius)
            at = self.flow.time_at_norm(target)
            if at is None:
                self._fail(f"norm {self.ctx.nstr(target, 9)} is never reached")
                continue
            slack = self.slack * (1 + abs(at))
            self._at_most(early, at + slack, "time to a radius from below")
            self._at_most(at, late + slack, "time to a radius from above")

    def _at_rest(self, horizon: Any) -> None:
        """What stops, vanishes, is dead or zero does so exactly, until the norm is R."""
        end = None if self.radius is None else self.flow.time_at_norm(self.radius)
        last = self.flow.end_time if end is None else end
        kept = "angle_at_horizon" if self.radius is None else "angle_at_radius"
        for j, block in enumerate(self.blocks):
            outcome = block.entry["outcome"]
            for time in self.times_until(horizon, last):
                here = self._of(j, time)
                size = self.ctx.norm(here)
                if outcome in ("stops", "shrinks", "vanishes"):
                    off, bound = self.block_angle(j, time), self.number(block.entry[kept])
                    self._at_most(off, bound + self.slack, f"block {j}, {outcome}, angle")
                if outcome == "vanishes":
                    self._at_most(self.ctx.norm(here[:-1]), size * self.slack, f"block {j}, hidden weights")
                if outcome == "zero":
                    self._at_most(size, self.ctx.mpf(0), f"block {j}, zero")
                if outcome in ("stops", "dead"):
                    start = self._of(j, horizon if outcome == "stops" else self.ctx.mpf(0))
                    moved = self.ctx.norm([a - b for a, b in zip(here, start, strict=True)])
                    self._at_most(moved, size * self.slack, f"block {j}, {outcome}, has moved")

    def block_angle(self, j: int, time: Any) -> Any:
        return angle(self.ctx, self._of(j, time), self.kkt[j].direction)

    def _of(self, j: int, time: Any) -> list[Any]:
        """The weights of neuron j over delta."""
        size = self.ctx.exp(self.flow.block_log_norm(j, time) - self.flow.log_delta)
        return [size * v for v in self.flow.block_direction(j, time)]
