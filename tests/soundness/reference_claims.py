"""Every number of a claim against the 60-digit reference flow and the KKT point to 60 digits.

No tolerances: what is compared with a claimed bound may differ from the truth only by the reference flow's
own error estimate (`slack`), which is stated and far below every bound that a claim can hold.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from certflow.arithmetic.base import EXACT
from certflow.exact import number
from certflow.flow.reference.flow import ReferenceFlow, reference_flow
from certflow.problem import Problem

DIGITS = 60
GRID = 1 << 260


def context(digits: int = 80) -> Any:
    """A precision of its own."""
    own = mpmath.mp.clone()
    own.dps = digits
    return own


def mp_number(ctx: Any, value: Any) -> Any:
    """Exact text or a fraction in the context, to its precision."""
    exact = number(value, "number", 10**6) if isinstance(value, str) else Fraction(value)
    return ctx.mpf(exact.numerator) / exact.denominator


def on_grid(value: Any) -> Fraction:
    """A nearby rational with few digits (value times GRID, rounded)."""
    return Fraction(int(value.context.nint(value * GRID)), GRID)


def angle(ctx: Any, u: Any, v: Any) -> Any:
    """The angle between two vectors, accurate for small angles."""
    nu, nv = ctx.norm(list(u)), ctx.norm(list(v))
    a = [x / nu for x in u]
    b = [x / nv for x in v]
    return 2 * ctx.atan2(
        ctx.norm([x - y for x, y in zip(a, b, strict=True)]),
        ctx.norm([x + y for x, y in zip(a, b, strict=True)]),
    )


@dataclass
class Block:
    """One block of the problem: the weights in their order, and the network of these weights alone."""

    problem: Problem
    entry: dict[str, Any]

    @cached_property
    def weights(self) -> list[int]:
        """The indices of the block's weights."""
        runs = self.entry["weights"]
        pairs = runs if isinstance(runs[0], list) else [runs]
        return [i for first, count in pairs for i in range(first, first + count)]

    @cached_property
    def network(self) -> Any:
        """The network of this block."""
        return (
            self.problem.network
            if self.problem.order > 2
            else self.problem.network.block(self.entry["index"])
        )

    def at(self, u: list[Fraction]) -> tuple[Fraction, np.ndarray, Any]:
        """N, its gradient, and the pass at the exact point u."""
        run = self.network.forward(EXACT, np.array(u, dtype=object), self.problem.X)
        return sum(run.outputs * self.problem.z), self.network.pullback(run, self.problem.z), run


@dataclass
class Kkt:
    """The true KKT point near a claimed centre, to about 60 digits: `gap` is None if it lies on a kink."""

    direction: list[Any]
    value: Any
    gap: Any
    residual: Any


def kkt_point(ctx: Any, block: Block) -> Kkt:
    """Newton's method for grad N(u) = lambda u, |u| = 1, from the claimed centre."""
    L = block.problem.order
    u = [mp_number(ctx, v) for v in block.entry["kkt_point"]["centre"]]
    size, k = ctx.norm(u), len(u)
    u = [v / size for v in u]
    for _ in range(8):
        exact = [on_grid(v) for v in u]
        value, gradient, run = block.at(exact)
        rate = L * mp_number(ctx, value)
        H = block.network.hessian(run, block.problem.z)
        g = [mp_number(ctx, v) for v in gradient]
        M, rhs = ctx.zeros(k + 1), ctx.zeros(k + 1, 1)
        for i in range(k):
            for j in range(k):
                M[i, j] = mp_number(ctx, H[i][j]) - (rate if i == j else 0)
            M[i, k], M[k, i] = -u[i], u[i]
            rhs[i] = rate * u[i] - g[i]
        rhs[k] = (1 - ctx.fsum(v * v for v in u)) / 2
        move = ctx.lu_solve(M, rhs)
        u = [v + move[i] for i, v in enumerate(u)]
        if ctx.norm([move[i] for i in range(k)]) < ctx.mpf(10) ** -75:
            break
    value, gradient, run = block.at([on_grid(v) for v in u])
    rate = L * mp_number(ctx, value)
    residual = ctx.norm([mp_number(ctx, g) - rate * v for g, v in zip(gradient, u, strict=True)])
    tiny, seen = Fraction(1, 10**40), [i for i, row in enumerate(block.problem.X) if any(row)]
    on_kink = block.network.has_kinks and any(
        abs(z) < tiny for layer in run.kinks for i in seen for z in layer[i]
    )
    return Kkt(u, mp_number(ctx, value), None if on_kink else _gap(ctx, block, u, run, rate), residual)


def _gap(ctx: Any, block: Block, u: list[Any], run: Any, rate: Any) -> Any:
    k = len(u)
    H = block.network.hessian(run, block.problem.z)
    P = ctx.eye(k) - ctx.matrix(u) * ctx.matrix(u).T
    A = ctx.matrix([[mp_number(ctx, H[i][j]) for j in range(k)] for i in range(k)])
    far = 10 * (abs(rate) + ctx.norm(A) + 1)
    values = ctx.eigsy(P * A * P - far * ctx.matrix(u) * ctx.matrix(u).T, eigvals_only=True)
    return rate - max(values)


def kkt_points(problem: Problem, claim: dict[str, Any]) -> list[Kkt | None]:
    """The true KKT point of every block that has one."""
    blocks = [Block(problem, entry) for entry in claim["blocks"]]
    return [None if b.entry["kkt_point"] is None else kkt_point(context(100), b) for b in blocks]


class Witness:
    """The reference flow of a problem for one delta, and what a claim says about it."""

    def __init__(
        self, problem: Problem, claim: dict[str, Any], delta: Fraction, kkt: list[Any], digits: int = DIGITS
    ) -> None:
        self.problem, self.claim, self.delta, self.order = problem, claim, delta, problem.order
        self.ctx = context(100)
        self.radius = None if claim["radius"] is None else number(claim["radius"], "radius")
        horizon = claim["horizon"]["scaled_time"]
        self.scaled = None if horizon is None else number(horizon, "time")
        self.latest = self._latest()
        time = self.latest
        if time is None:
            time = None if self.radius is not None and self.order > 2 else 2 * (self.scaled or Fraction(1))
        elif self.order > 2:
            time = None
        self.flow: ReferenceFlow = reference_flow(
            problem,
            delta,
            time=time,
            radius=None if self.radius is None else self.radius * Fraction(1001, 1000),
            digits=digits,
        )
        self.slack = self.number(0) + 10 * self.flow.error_estimate + self.ctx.mpf(10) ** (8 - digits)
        self.blocks = [Block(problem, entry) for entry in claim["blocks"]]
        self.kkt = kkt
        self.found: list[str] = []

    def number(self, value: Any) -> Any:
        """In this precision."""
        return mp_number(self.ctx, value)

    def _latest(self) -> Fraction | None:
        """A little more than the scaled time at which R is reached at the latest, for L = 2."""
        bounds = self.reached(self.radius)
        return None if bounds is None else Fraction(str(self.ctx.nstr(bounds[1] * 1.02 + 1, 12)))

    def reached(self, radius: Fraction | None) -> tuple[Any, Any] | None:
        """The claimed bounds of the scaled time at which ‖w‖ first is `radius`."""
        times = self.claim["time_to_radius"]
        if times is None or radius is None:
            return None
        (low, high), L, ctx = [self.number(v) for v in times["start_radius_over_delta"]], self.order, self.ctx
        early, late = [self.number(v) for v in times["start_time"]]
        slow, fast = self.number(times["n_lower"]), self.number(times["n_upper"])
        target = self.number(radius) / self.number(self.delta)
        if L == 2:
            return early + ctx.log(target / high) / (2 * fast), late + ctx.log(target / low) / (2 * slow)
        k = L - 2
        return early + (high**-k - target**-k) / (L * k * fast), late + (low**-k - target**-k) / (
            L * k * slow
        )

    # -- the checks ------------------------------------------------------------------------------------------

    def violations(self) -> list[str]:
        """All statements of the claim that the flow contradicts, in words."""
        self._points()
        horizon = self.horizon()
        if horizon is None:
            return self.found
        self._growth(horizon)
        self._angles(horizon)
        if self.radius is not None:
            self._law(horizon)
            self._times()
        return self.found

    def _fail(self, what: str) -> None:
        self.found.append(f"{self.problem.name}, delta = {self.ctx.nstr(self.number(self.delta), 5)}: {what}")

    def _at_most(self, value: Any, bound: Any, what: str) -> None:
        if not value <= bound:
            self._fail(f"{what}: {self.ctx.nstr(value, 25)} > {self.ctx.nstr(bound, 25)}")

    def _points(self) -> None:
        for block, kkt in zip(self.blocks, self.kkt, strict=True):
            if kkt is None:
                continue
            entry, tiny = block.entry, self.ctx.mpf(10) ** -60
            self._at_most(kkt.residual, tiny, "Newton's method found no KKT point near the centre")
            centre = [self.number(v) for v in entry["kkt_point"]["centre"]]
            self._at_most(
                angle(self.ctx, centre, kkt.direction),
                self.number(entry["kkt_point"]["radius"]) + tiny,
                "KKT radius",
            )
            low, high = (self.number(v) for v in entry["value"])
            self._at_most(low, kkt.value + tiny, "value from below")
            self._at_most(kkt.value, high + tiny, "value from above")
            if kkt.gap is not None:
                low, high = (self.number(v) for v in entry["gap"])
                self._at_most(low, kkt.gap + tiny, "gap from below")
                self._at_most(kkt.gap, high + tiny, "gap from above")
            self._at_most(
                abs(kkt.value), self.number(self.claim["n_max_upper"]), "N at a KKT point and n_max"
            )
            positive = entry["outcome"] == "converges"
            if (kkt.value > 0) != positive:
                self._fail(f"outcome {entry['outcome']} with N = {self.ctx.nstr(kkt.value, 9)}")
            self._support(block, kkt)

    def _support(self, block: Block, kkt: Kkt) -> None:
        if block.entry["support"] is None:
            return
        at = {index: i for i, index in enumerate(block.weights)}
        parts = enumerate(self.problem.blocks) if self.order > 2 else [(block.entry["index"], block.weights)]
        for j, part in parts:
            size = self.ctx.norm([kkt.direction[at[i]] for i in part])
            if (size > self.ctx.mpf(10) ** -50) != (j in block.entry["support"]):
                self._fail(f"support {block.entry['support']}, part {j} has size {self.ctx.nstr(size, 9)}")

    def horizon(self) -> Any | None:
        """The scaled time of the horizon, None (and a failure) if the flow has none where it must."""
        if self.scaled is not None:
            value = self.number(self.scaled)
            if value > self.flow.end_time:
                self._fail("the flow ended before the horizon")
                return None
            return value
        value = self.flow.time_at_norm(
            self.number(self.claim["horizon"]["norm_over_delta"]) * self.number(self.delta)
        )
        if value is None:
            self._fail("the weights never reach the norm of the horizon")
        return value

    def times_until(self, begin: Any, end: Any, count: int = 16) -> list[Any]:
        """Times from `begin` to `end`, the flow's own steps among them."""
        own = [t for t in self.flow.sample_times(4 * count) if begin < t < end]
        return [
            begin,
            *own[:: max(1, len(own) // count)],
            *(begin + (end - begin) * i / 4 for i in range(1, 4)),
            end,
        ]

    def _growth(self, horizon: Any) -> None:
        ctx = self.ctx
        bound = ctx.log(self.number(self.claim["growth"]["factor_squared"])) / 2 + ctx.log(
            self.number(self.delta)
        )
        for time in self.times_until(ctx.mpf(0), horizon):
            self._at_most(
                self.flow.log_norm(time),
                bound + self.slack,
                f"norm at {ctx.nstr(time, 8)} before the horizon",
            )

    def block_angle(self, j: int, time: Any) -> Any:
        """The angle of block j to its KKT point."""
        direction = self.flow.direction(time)
        return angle(self.ctx, [direction[i] for i in self.blocks[j].weights], self.kkt[j].direction)

    def _angles(self, horizon: Any) -> None:
        for j, block in enumerate(self.blocks):
            if block.entry["outcome"] == "dead":
                start = [self.number(self.problem.direction[i]) for i in block.weights]
                for time in (horizon, self.flow.end_time):
                    direction = self.flow.direction(time)
                    off = angle(self.ctx, [direction[i] for i in block.weights], start)
                    if off > self.slack and all(
                        sum(a * b for a, b in zip(x, start, strict=False)) < 0
                        for x in self.problem.X
                        if any(x)
                    ):
                        self._fail("a dead block moves")
            if self.kkt[j] is None:
                continue
            bound = self.number(block.entry["angle_at_horizon"])
            self._at_most(
                self.block_angle(j, horizon), bound + self.slack, f"block {j}, angle at the horizon"
            )

    def _law(self, horizon: Any) -> None:
        ctx = self.ctx
        end = self.flow.time_at_norm(self.radius)
        last = self.flow.end_time if end is None else end
        if last < horizon:
            self._fail("R is reached before the horizon")
            return
        times = self.times_until(horizon, last)
        if self.order == 2:
            low, high = self.flow.log_norm(horizon), self.flow.log_norm(last)
            even = [self.flow.time_at_norm(ctx.exp(low + (high - low) * k / 6)) for k in range(1, 6)]
            times += [at for at in even if at is not None and horizon <= at <= last]
        for j, block in enumerate(self.blocks):
            if self.kkt[j] is None:
                continue
            law, epsilon = block.entry["law"], self.number(self.claim["epsilon"])
            for time in times:
                value, log_norm = self.block_angle(j, time), self.flow.log_norm(time)
                where = f"block {j}, rho = {ctx.nstr(ctx.exp(log_norm), 8)}"
                self._at_most(value, epsilon + self.slack, f"{where}, epsilon")
                if law is None:
                    continue
                for exponent in law["exponent"]:
                    fall = ctx.exp((ctx.log(self.number(self.delta)) - log_norm) * self.number(exponent))
                    bound = self.number(law["coefficient"]) * fall + self.number(law["floor"]) * ctx.exp(
                        self.order * log_norm
                    )
                    self._at_most(value, bound * (1 + self.slack) + self.slack, f"{where}, law")
            if end is not None:
                bound = self.number(block.entry["angle_at_radius"])
                self._at_most(self.block_angle(j, end), bound + self.slack, f"block {j}, angle at R")

    def _times(self) -> None:
        if self.claim["time_to_radius"] is None:
            return
        R = self.radius
        for radius in (R, R / 10, R / 1000):
            if (
                not radius
                > 2 * number(self.claim["time_to_radius"]["start_radius_over_delta"][1], "r") * self.delta
            ):
                continue
            bounds, at = self.reached(radius), self.flow.time_at_norm(radius)
            if at is None:
                self._fail(
                    f"{float(radius):.6g} is never reached, claimed until {self.ctx.nstr(bounds[1], 9)}"
                )
                continue
            slack = self.slack * (1 + abs(at))
            self._at_most(bounds[0], at + slack, f"time to {float(radius):.6g} from below")
            self._at_most(at, bounds[1] + slack, f"time to {float(radius):.6g} from above")
