"""The limit direction flow (a = 0), computed once per problem and precision and continued as far as anyone
asks.
"""

from __future__ import annotations

import contextlib
import math
import threading
from dataclasses import InitVar, dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from certflow.arithmetic.base import FLOAT, mp_arithmetic
from certflow.flow.reference.integration import Integration, Pace, Precision
from certflow.flow.reference.path import Path, Rest, State
from certflow.networks.base import Network
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.kinks import simplest
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import tick
from certflow.units import normalised, refuse_inputs_far_from_one


@dataclass
class LimitFlow:
    """The limit direction flow of a problem at one precision, block by block, computed as far as anyone
    asked.

    It is that of the problem in `units` near 1, and its times are theirs, so that no fixed-point number is
    out of range.
    """

    given: InitVar[Problem]
    precision: Precision
    polar: bool

    def __post_init__(self, given: Problem) -> None:
        self.problem, self.units = normalised(given)
        refuse_inputs_far_from_one(self.problem)
        problem, network = self.problem, self.problem.network
        split = problem.order == 2 and network.separable
        simpler = _without_cancelling_kinks(network, keep_blocks=split)
        # Layers below the lowest trained one are none of the flow's: their kinks do not move.
        self.N = Correlation(simpler, problem.X, problem.z).on_features()
        self.blocks = [list(b) for b in problem.blocks] if split else [list(range(network.size))]
        self.context = mp_arithmetic(self.precision.time_digits).context
        ctx = self.context
        direction = [ctx.mpf(v.numerator) / v.denominator for v in problem.direction]
        length = ctx.sqrt(ctx.fsum(v * v for v in direction))
        self.runs: dict[int, Integration] = {}
        self.paces: dict[int, Pace] = {}
        self.failures: dict[int, Inconclusive] = {}
        self.initial = []
        for indices in self.blocks:
            part = [direction[i] / length for i in indices]
            norm = ctx.sqrt(ctx.fsum(v * v for v in part))
            self.initial.append(
                State([v / norm for v in part], ctx.log(norm)) if norm else State(part, -ctx.inf)
            )
        self.log_outputs = self._log_outputs()

    def given_time(self, time: Any) -> Any:
        """A scaled time in the units of the problem that was given."""
        return self.context.ldexp(time, -self.units.rate_exponent)

    def own_time(self, time: Fraction) -> Any:
        """A scaled time of the problem that was given, in units near 1."""
        return self.context.ldexp(
            self.context.mpf(time.numerator) / time.denominator, self.units.rate_exponent
        )

    def _log_outputs(self) -> float:
        """The logarithm of a rough size of |H| on the sphere, to decide when a is below the working
        precision.
        """
        network, rng = self.problem.network, np.random.default_rng(0)
        X, worst = FLOAT.array(self.problem.X), 1e-3
        for _ in range(4):
            w = rng.standard_normal(network.size)
            outputs = network.outputs(FLOAT, w / np.linalg.norm(w), X)
            worst = max(worst, float(np.max(np.abs(outputs), initial=0.0)))
        return math.log(64 * worst)

    def path(self, j: int) -> Path:
        """The path of block j computed so far."""
        return (
            self.runs[j].paths[0]
            if j in self.runs
            else Path(self.context, self.initial[j], end=self.context.zero)
        )

    def _run(self, j: int) -> Integration:
        if j not in self.runs:
            N = self.N.block(j) if len(self.blocks) > 1 else self.N
            whole, start = [list(range(N.network.size))], self.context.zero
            self.runs[j] = Integration(
                self.problem, N, whole, self.precision, None, self.polar, start, [self.initial[j]]
            )
            self.paces[j] = Pace()
        return self.runs[j]

    def extend(self, j: int, time: Any, ceiling: float = math.inf) -> None:
        """Compute block j up to the scaled `time`, or until L log(rho_j/delta) exceeds `ceiling`; a block at
        rest at a KKT point is continued exactly. `Inconclusive` where the flow branches at a kink or cannot
        be followed.
        """
        if j in self.failures and self.path(j).end < time:
            raise self.failures[j]
        try:
            self._extend(j, time, ceiling)
        except Inconclusive as error:
            # What stopped a run may have left it between two cells: it is not asked again.
            whose = f"block {j + 1} of the limit flow: " if len(self.blocks) > 1 else ""
            at = self.context.nstr(self.given_time(self.path(j).end), 8)
            self.failures[j] = Inconclusive(f"{whose}at scaled time {at}, {error}")
            raise self.failures[j] from None
        except BaseException:
            self.runs.pop(j, None)
            raise

    def _extend(self, j: int, time: Any, ceiling: float) -> None:
        if self.path(j).end >= time:
            return
        run = self._run(j)
        path = run.paths[0]
        # ends: at most MAX_STEPS steps
        while path.end < time and self.problem.order * run.log_norms()[0] <= ceiling:
            tick()
            if path.pieces and isinstance(path.pieces[-1], Rest):
                path.end = time
                return
            rest = run.rest()
            if rest is not None:
                path.append(rest, time)
                return
            run.advance(None)
            self.paces[j].check(run, time if self.context.isfinite(time) else None)

    def common_end(self) -> Any:
        """The scaled time up to which all blocks can be followed, once one of them has failed."""
        end = min(self.path(j).end for j in self.failures)
        for j in range(len(self.blocks)):
            with contextlib.suppress(Inconclusive):
                self.extend(j, end)
        return min(self.path(j).end for j in range(len(self.blocks)))

    def blow_up(self) -> Any:
        """The scaled time at which the norm becomes infinite, infinity for never (and always for L = 2).

        `Inconclusive` if the flow cannot be followed so far.
        """
        if self.problem.order == 2:
            return self.context.inf
        self.extend(0, self.context.inf)
        last = self.path(0).pieces[-1]
        return last.end(self.context.inf, self.context) if isinstance(last, Rest) else self.context.inf

    def log_size(self, time: Any, ceiling: float) -> float:
        """log of sum_j (rho_j/delta)^L at the scaled time, computing what it needs; infinite above
        `ceiling`.
        """
        for j in range(len(self.blocks)):
            self.extend(j, time, ceiling)
        if any(self.path(j).end < time for j in range(len(self.blocks))):
            return math.inf
        logs = [
            float(self.problem.order * self.path(j).state(time).log_norm) for j in range(len(self.blocks))
        ]
        top = max(logs)
        return top + math.log(sum(math.exp(v - top) for v in logs)) if math.isfinite(top) else top

    def switch_time(self, log_delta: float, until: Any | None) -> Any:
        """A scaled time (at most `until`) up to which delta^L times the outputs is below the working
        precision.
        """
        ceiling = -self.precision.bits * math.log(2) - self.log_outputs - self.problem.order * log_delta
        low, step = self.context.zero, self.context.one
        if self.log_size(low, ceiling) > ceiling:
            return low
        while until is None or low < until:  # ends: the step doubles, forty times
            tick()
            high = low + step if until is None else min(low + step, until)
            if self.log_size(high, ceiling) > ceiling:
                return self._last_below(ceiling, low, high)
            if step > self.context.ldexp(1, 40):
                return low
            low, step = high, 2 * step
        return until

    def _last_below(self, ceiling: float, low: Any, high: Any) -> Any:
        """A time in [low, high], not much before the size reaches `ceiling`; the size is below it at
        `low`.
        """
        if len(self.blocks) == 1:
            path = self.path(0)
            if isinstance(path.pieces[-1], Rest):
                return max(
                    low,
                    path.starts[-1],
                    path.pieces[-1].end(self.context.mpf(ceiling - 1) / self.problem.order, self.context),
                )
            below = [start for start in path.starts if self.log_size(start, ceiling) <= ceiling]
            return max([low, *below])
        for _ in range(200):
            tick()
            middle = (low + high) / 2
            if self.log_size(middle, ceiling) > ceiling:
                high = middle
            else:
                low = middle
            if self.log_size(low, ceiling) > ceiling - 8:
                break
        return low


def _without_cancelling_kinks(network: Network, keep_blocks: bool) -> Network:
    """The network, or an equal one in which the kinks that cancel are gone, so that none of their cells is
    empty.
    """
    if not isinstance(network, Expression) or not network.has_kinks:
        return network
    found = Expression(network.weight_names, network.input_names, simplest(network.tree))
    fewer = len(found.tape.kinks) < len(network.tape.kinks)
    return found if fewer and (not keep_blocks or found.blocks == network.blocks) else network


def limit_of(problem: Problem, precision: Precision, polar: bool) -> LimitFlow:
    """The limit flow of a problem at one precision, shared by all callers in this thread (it is extended in
    place).
    """
    return _limit_of(problem, precision, polar, threading.get_ident())


@lru_cache(maxsize=16)
def _limit_of(problem: Problem, precision: Precision, polar: bool, thread: int) -> LimitFlow:
    return LimitFlow(problem, precision, polar)
