"""One run of the reference integrator: blocks with exact binary scales, stepped by Taylor series, recorded as
paths.

Every run ends: its pace is watched, and where it ends early it says why.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.base import MPArithmetic, mp_arithmetic
from certflow.arithmetic.decimal_text import bits_for
from certflow.arithmetic.jets import JetArithmetic
from certflow.flow.reference.coordinates import MomentCoordinates, PolarCoordinates, RawCoordinates
from certflow.flow.reference.path import Path, PathPiece, Rest, State
from certflow.flow.reference.taylor import Stepper
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive
from certflow.problem import Problem
from certflow.running import tick

GUARD_BITS = 40
REST_ULPS = 1 << 20
"""A limit flow whose direction moves slower than this, in units of the last place, is at a KKT point to
working precision.
"""

STILL_ULPS, STILL_STEPS = 1 << (GUARD_BITS - 4), 200
"""Weights that move less than this in a step, which is what the step control leaves of a stable rest, for so
many steps in a row stand still: a slow escape would have become visible in between.
"""

MAX_STEPS = 20_000
CLOSE, FAR = 64, 300
"""How many steps are looked back on for an end of the flow, and for a pace that is too slow."""

GROWTH = 2.0**-10
"""A change of log ‖w‖ that counts as getting on, ..."""

SPURT = 0.25
"""... and one within `FAR` steps that is likely to go on."""


@dataclass(frozen=True)
class Precision:
    """Working precision: fractional bits and Taylor order for `digits` decimal digits; `level` 1 is the check
    run.

    Scaled times are kept to `time_digits`: `extra` is what resolves (rho/delta)^(2-L) next to the time of
    blow-up.
    """

    digits: int
    level: int = 0
    extra: int = 0

    @property
    def bits(self) -> int:
        """Fractional bits of the fixed-point numbers."""
        return bits_for(self.digits, GUARD_BITS + 1 + 32 * self.level)

    @property
    def time_digits(self) -> int:
        """Decimal digits of scaled times and of all dense output."""
        return self.digits + 20 + 10 * self.level + self.extra

    @property
    def order(self) -> int:
        """The largest Taylor order. Near 1.15 digits the cost of products is least, near 2.3 that of
        steps.
        """
        return math.ceil(1.7 * self.digits) + 8 + 6 * self.level


class Integration:
    """One run of one vector field: all blocks of the network of `N`, from given scaled weights, in scaled
    time; `delta_power` is delta^L, None for the limit flow.
    """

    def __init__(
        self,
        problem: Problem,
        N: Correlation,
        blocks: list[list[int]],
        precision: Precision,
        delta_power: Fraction | None,
        polar: bool,
        start: Any,
        states: list[State],
    ) -> None:
        self.order, self.blocks, self.polar = problem.order, [list(b) for b in blocks], polar
        self.ar = JetArithmetic(precision.bits, precision.order)
        self.number_system = mp_arithmetic(precision.time_digits)
        self.context = self.number_system.context
        self.time, self.clock, self.rescale, self.size, self.still_steps = (
            start,
            self.context.zero,
            0,
            N.network.size,
            0,
        )
        self.blows_up = False
        u, self.m = self._scaled(states)
        whole = problem.network
        lower = min(whole.trained) - 1 if isinstance(whole, FeedForward) else 0
        arguments = (N, problem.y, problem.loss, self.ar)
        if polar:
            self.field: RawCoordinates = PolarCoordinates(
                *arguments, order=problem.order, blocks=blocks, lower=lower
            )
        else:
            serves = MomentCoordinates.serves(N.network)
            self.field = MomentCoordinates(*arguments) if serves else RawCoordinates(*arguments, lower)
        self._delta_power = None if delta_power is None else _binary(delta_power, precision.bits + 32)
        self.paths = [Path(self.context, state, end=start) for state in states]
        signs = self._initial_signs(N, u)
        self.stepper = Stepper(
            self.field,
            self.ar,
            self._polar_state(states) if polar else u,
            signs,
            tolerance_bits=GUARD_BITS - 12,
        )
        self._normalise()

    def _fixed(self, value: Any) -> mpz:
        return mpz(int(self.context.nint(self.context.ldexp(value, self.ar.bits))))

    def _scaled(self, states: list[State]) -> tuple[np.ndarray, list[int]]:
        """Weights u and exponents m with rho_j theta_j = delta 2^(m_j) u_j, from the state of each block."""
        ctx, u, exponents = self.context, np.empty(self.size, dtype=object), []
        for indices, (theta, log_norm) in zip(self.blocks, states, strict=True):
            m = int(ctx.nint(log_norm / ctx.ln2)) if ctx.isfinite(log_norm) else 0
            factor = ctx.exp(log_norm - m * ctx.ln2)
            for i, v in zip(indices, theta, strict=True):
                u[i] = self._fixed(v * factor)
            exponents.append(m)
        return u, exponents

    def _polar_state(self, states: list[State]) -> np.ndarray:
        ctx, u, logs = self.context, np.empty(self.size, dtype=object), []
        for indices, (theta, log_norm) in zip(self.blocks, states, strict=True):
            for i, v in zip(indices, theta, strict=True):
                u[i] = self._fixed(v)
            logs.append(log_norm if ctx.isfinite(log_norm) else ctx.zero)
        tail = []
        self.m = [int(ctx.nint(self.order * v / ctx.ln2)) for v in logs]
        alphas = [
            self._fixed(ctx.exp(self.order * v - m * ctx.ln2)) for v, m in zip(logs, self.m, strict=True)
        ]
        if self.order > 2:
            self.rescale = int(ctx.nint((2 - self.order) * logs[0] / ctx.ln2))
            tail = [mpz(0), self._fixed(ctx.exp((2 - self.order) * logs[0] - self.rescale * ctx.ln2))]
        return np.array([*u, *(self._fixed(v) for v in logs), *alphas, *tail], dtype=object)

    def _initial_signs(self, N: Correlation, u: np.ndarray) -> list[np.ndarray]:
        """The signs of all kink arguments at the start, 0 where one is within rounding of its kink."""
        if not N.network.has_kinks:
            return []
        ar = _RoundedSigns(self.context, self.ar.bits - 20)
        w = np.array([self.context.ldexp(self.context.mpf(int(v)), -self.ar.bits) for v in u], dtype=object)
        run = N.network.forward(ar, w, ar.array(N.X))
        return [ar.sign(z) for z in run.kinks]

    def _normalise(self) -> None:
        """Shift scales by exact powers of two so that all numbers stay near one; renew the field's scales."""
        state, k, count = self.stepper.state, self.size, len(self.blocks)
        if self.polar:
            self._normalise_polar(state, k, count)
        else:
            for j, indices in enumerate(self.blocks):
                top = max((abs(state[i]) for i in indices), default=mpz(0))
                shift = top.bit_length() - self.ar.bits if top else 0
                if shift:
                    for i in indices:
                        state[i] = state[i] >> shift if shift > 0 else state[i] << -shift
                    self.m[j] += shift
        # In raw coordinates a_j is (delta 2^(m_j))^L; in polar ones m_j counts the binary exponent of a_j
        # itself.
        powers = [m if self.polar else self.order * m for m in self.m]
        if self._delta_power is not None:
            mantissa, exponent = self._delta_power
            self.field.set_scales(self.ar, [_shifted(mantissa, exponent + p + self.ar.bits) for p in powers])

    def _normalise_polar(self, state: np.ndarray, k: int, count: int) -> None:
        bits = self.ar.bits
        for j, indices in enumerate(self.blocks):
            square = sum((state[i] ** 2 for i in indices), mpz(0)) >> bits
            if square:
                # Newton's correction of a norm that is one up to rounding.
                factor = ((mpz(3) << bits) - square) >> 1
                for i in indices:
                    state[i] = (state[i] * factor) >> bits
            alpha = state[k + count + j]
            shift = alpha.bit_length() - bits
            state[k + count + j] = alpha >> shift if shift > 0 else alpha << -shift
            self.m[j] += shift
        if self.order > 2:
            beta = state[-1]
            shift = beta.bit_length() - bits
            state[-1] = beta >> shift if shift > 0 else beta << -shift
            state[-2] = mpz(0)
            self.rescale += shift

    def advance(self, until: Any | None) -> None:
        """One step, not beyond the scaled time `until`."""
        ctx, stepper, order = self.context, self.stepper, self.order
        # One unit of the field's time is 2^shift of scaled time (raw, or order 2).
        shift = 0 if self.polar else -self.m[0] * (order - 2)
        own_time = self.polar and order > 2
        stepper.start()
        # The time left is counted in units in which it has all its digits, also where the field is fast.
        fine = min(stepper.natural, 0)
        limit = (
            None if until is None or own_time else self._fixed(ctx.ldexp(until - self.time, -shift - fine))
        )
        log_start = list(self.m)
        polynomial = stepper.step(limit, fine)
        if own_time and stepper.steps == 1 and polynomial.unit < GUARD_BITS - self.ar.bits:
            raise Inconclusive(
                "the weights are so large beside the labels that times are lost to rounding; use raw "
                "coordinates."
            )
        ticked = ctx.ldexp(ctx.mpf(int(polynomial.length)), polynomial.unit - self.ar.bits)
        self.clock += ticked
        unit = polynomial.unit + shift
        k, count = self.size, len(self.blocks)
        if own_time:
            unit = self.rescale
            end = self.time + ctx.ldexp(ctx.mpf(int(stepper.state[-2])), unit - self.ar.bits)
        else:
            end = self.time + ctx.ldexp(ctx.mpf(int(polynomial.length)), unit - self.ar.bits)
            if limit is not None and until - end <= ctx.ldexp(1, max(unit, shift + fine) - self.ar.bits + 8):
                end = until
        for j, indices in enumerate(self.blocks):
            log_column = k + j if self.polar else None
            time_column = k + 2 * count if own_time else None
            self.paths[j].append(
                PathPiece(self.time, polynomial, indices, unit, log_start[j], log_column, time_column), end
            )
        # To working precision: the weights move on, the time does not.
        self.blows_up = order > 2 and end == self.time and ticked > self.resolution * self.clock
        self.time = end
        self._normalise()

    def rest(self) -> Rest | None:
        """The limit flow's exact continuation from a KKT point, if every block is at one to working precision
        (or blows up before it turns): the direction stays, and (rho/delta)^(2-L) is linear (for L = 2 its
        logarithm is).
        """
        if self._delta_power is not None or len(self.blocks) != 1:
            return None
        ctx, bits, k = self.context, self.ar.bits, self.size
        values = (self.stepper.state, self.stepper.velocity())
        theta, velocity = ([ctx.ldexp(ctx.mpf(int(v)), -bits) for v in vector] for vector in values)
        if self.polar:
            growth, log_norm, defect = velocity[k], theta[k], max(abs(v) for v in velocity[:k])
        else:
            norm = ctx.sqrt(ctx.fsum(v * v for v in theta))
            if norm == 0:
                return None
            theta = [v / norm for v in theta]
            velocity = [v / norm ** (self.order - 1) for v in velocity]
            growth, log_norm = (
                ctx.fsum(a * b for a, b in zip(theta, velocity, strict=True)),
                ctx.log(norm) + self.m[0] * ctx.ln2,
            )
            defect = max(abs(a - growth * b) for a, b in zip(velocity, theta, strict=True))
        if defect > ctx.ldexp(REST_ULPS, -bits) and not self.blows_up:
            return None
        return Rest(self.time, theta[:k], log_norm, growth, self.order)

    def standstill(self, until: Any | None) -> list[Rest] | None:
        """The continuation of every block if the weights have stopped moving (the loss is fitted), else None.

        `Inconclusive` if the time left until `until` is so long that a motion below the precision might
        show.
        """
        self.still_steps = 0 if self.speed() > STILL_ULPS else self.still_steps + 1
        if self.still_steps < STILL_STEPS:
            return None
        if until is not None and not self._rests_until(until):
            raise Inconclusive(
                "the weights stand still, but the time left is so long that a motion too slow to be seen may "
                "lead away; ask for a shorter time, or for more digits."
            )
        return [Rest(self.time, *path.state(self.time), self.context.zero, self.order) for path in self.paths]

    def _rests_until(self, until: Any) -> bool:
        """Whether a motion of `STILL_ULPS` per natural step is nothing, in half the digits, up to the scaled
        time `until`.
        """
        last, ctx = self.paths[0].pieces[-1], self.context
        if not isinstance(last, PathPiece):
            return True
        step, half = last.polynomial, GUARD_BITS + (self.ar.bits - GUARD_BITS) // 2
        natural = ctx.ldexp(
            (self.time - last.start) / max(int(step.length), 1),
            self.ar.bits + self.stepper.natural - step.unit,
        )
        return bool(ctx.ldexp((until - self.time) * STILL_ULPS, -half) <= natural)

    @property
    def taken(self) -> tuple[int, int]:
        """Steps, and kinks met, so far."""
        return self.stepper.steps, self.stepper.kinks_met

    @property
    def resolution(self) -> Any:
        """The smallest relative step of the clock that is told from none."""
        return self.context.ldexp(1, -(self.ar.bits // 2))

    def speed(self) -> int:
        """How far the fastest weight moves in one natural step, in units of the last place; 1 << bits before
        the first one.
        """
        pieces = self.paths[0].pieces
        if not pieces or not isinstance(pieces[-1], PathPiece):
            return 1 << self.ar.bits
        step, weights = pieces[-1].polynomial, self.size + (len(self.blocks) if self.polar else 0)
        moved, shift = (
            int(max(abs(v) for v in step.coefficients[1][:weights])),
            self.stepper.natural - step.unit,
        )
        return moved << shift if shift >= 0 else moved >> -shift

    def log_norms(self) -> list[float]:
        """log(rho_j / delta) of each block now, in double precision."""
        bits, result = self.ar.bits, []
        for j, indices in enumerate(self.blocks):
            if self.polar:
                result.append(int(self.stepper.state[self.size + j]) / (1 << bits))
                continue
            vector = [int(self.stepper.state[i]) / (1 << bits) for i in indices]
            norm = math.hypot(*vector)
            result.append(math.log(norm) + self.m[j] * math.log(2) if norm else -math.inf)
        return result


def _binary(value: Fraction, bits: int) -> tuple[mpz, int]:
    """value as mantissa * 2^exponent with about `bits` bits, rounded down."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length() - bits
    num, den = mpz(value.numerator), mpz(value.denominator)
    return (num << -exponent) // den if exponent < 0 else num // (den << exponent), exponent


def _shifted(mantissa: mpz, shift: int) -> mpz:
    if shift >= 0:
        return mantissa << shift
    return mantissa >> -shift if -shift < mantissa.bit_length() else mpz(0)


class _RoundedSigns(MPArithmetic):
    """mpmath numbers whose sign is 0 below 2^-bits, where rounding decides."""

    def __init__(self, context: Any, bits: int) -> None:
        super().__init__(context.dps)
        self.context = context
        self._zero = context.ldexp(1, -bits)

    def sign(self, z: Any) -> np.ndarray:
        array = np.asarray(z, dtype=object)
        flat = [0 if abs(v) <= self._zero else (1 if v > 0 else -1) for v in array.ravel()]
        return np.array(flat, dtype=np.int8).reshape(array.shape)


@dataclass(frozen=True)
class _Mark:
    time: Any
    clock: Any
    size: float
    speed: int
    kinks: int


class Pace:
    """Watches one run; `check` after every step."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque(maxlen=FAR + 1)

    def check(self, run: Integration, until: Any | None, log_target: float = math.inf) -> None:
        """Raise `Inconclusive` if the run, on its way to the time `until` (None: for ever) or until the log
        norm is `log_target`, stands before a singularity, or will need more than `MAX_STEPS` steps.
        """
        tick()
        steps, kinks = run.taken
        if steps > MAX_STEPS:
            raise Inconclusive(f"the flow needed more than {MAX_STEPS} steps; {_SHORTER}.")
        now = _Mark(run.time, run.clock, max(run.log_norms()), run.speed(), kinks)
        self._marks.append(now)
        if len(self._marks) <= CLOSE:
            return
        before = self._marks[-1 - CLOSE]
        if abs(now.size - before.size) <= GROWTH and now.clock - before.clock <= run.resolution * now.clock:
            raise Inconclusive(_PILE if now.kinks - before.kinks >= CLOSE // 2 else _SINGULAR)
        if len(self._marks) > FAR and self._is_slow(until, log_target):
            raise Inconclusive(
                f"the flow moves so slowly that it needs more than {MAX_STEPS} steps to the end; {_SHORTER}."
            )

    def _is_slow(self, until: Any | None, log_target: float) -> bool:
        """Whether the pace of the last `FAR` steps, which neither grew nor slackened, takes too many
        steps.
        """
        before, now, share = self._marks[0], self._marks[-1], MAX_STEPS // FAR
        if not before.speed <= 3 * now.speed <= 9 * before.speed or abs(now.size - before.size) > SPURT:
            return False
        by_time = until is not None and (now.time - before.time) * share >= until - now.time
        by_size = math.isfinite(log_target) and (now.size - before.size) * share >= log_target - now.size
        return not (by_time or by_size)


_SHORTER = "ask for a shorter time or a smaller radius"
_SINGULAR = (
    "the flow ends in a singularity: its steps became shorter than the precision resolves, as where a "
    "denominator or a root tends to zero; ask for a shorter time."
)
_PILE = (
    "the flow meets one kink after the other without getting on; ask for a shorter time, or use power >= 2."
)
