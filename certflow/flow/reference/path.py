"""Dense output of the reference flow: piecewise polynomials in fixed point, read as mpmath numbers.
Approximations.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from gmpy2 import mpz

from certflow.arithmetic.base import mp_arithmetic
from certflow.flow.reference.taylor import StepPolynomial


class State(NamedTuple):
    """A block at one time: its unit direction and log(rho/delta); zeros and -inf if it is zero."""

    direction: list[Any]
    log_norm: Any


@dataclass(frozen=True)
class PathPiece:
    """One step of one block: scaled time from `start`, one unit of s being 2^time_unit, weights delta 2^m u.

    In polar form `columns` are the direction's, `log_column` is log(rho/delta)'s and, for L > 2,
    `time_column` the scaled time's, in units of 2^time_unit.
    """

    start: Any
    polynomial: StepPolynomial
    columns: Any
    time_unit: int
    m: int = 0
    log_column: int | None = None
    time_column: int | None = None

    def slower(self, exponent: int, context: Any) -> PathPiece:
        """The same step with all times multiplied by 2^exponent."""
        return replace(self, start=context.ldexp(self.start, exponent), time_unit=self.time_unit + exponent)

    def place(self, time: Any, context: Any) -> mpz:
        """The fixed-point s at which the scaled time is `time`."""
        bits = self.polynomial.bits
        target = mpz(int(context.floor(context.ldexp(time - self.start, bits - self.time_unit))))
        if self.time_column is None:
            return target
        # T(s) is increasing: Newton from a secant start.
        c = self.polynomial.coefficients[:, [self.time_column]]
        slope = np.array([n * v for n, v in enumerate(c)][1:])
        column = StepPolynomial(c, bits, 0, self.polynomial.length)
        rate = StepPolynomial(slope, bits, 0, self.polynomial.length)
        s = (target << bits) // max(c[1, 0], 1)
        for _ in range(bits.bit_length() + 8):
            s = min(max(s, mpz(0)), self.polynomial.length)
            step = ((column.at(s)[0] - target) << bits) // max(rate.at(s)[0], 1)
            s -= step
            if abs(step) <= 1:
                break
        return min(max(s, mpz(0)), self.polynomial.length)


@dataclass(frozen=True)
class Rest:
    """A block at a KKT point of the limit flow: the direction stays, with <theta, grad N> = `growth` = L
    N(theta).
    """

    start: Any
    theta: list[Any]
    log_start: Any
    growth: Any
    order: int

    def slower(self, exponent: int, context: Any) -> Rest:
        """The same rest with all times multiplied by 2^exponent."""
        return replace(
            self, start=context.ldexp(self.start, exponent), growth=context.ldexp(self.growth, -exponent)
        )

    def log_norm(self, time: Any, context: Any) -> Any:
        """log(rho/delta) at the scaled time; infinite from the time of blow-up on (L > 2)."""
        if self.order == 2:
            return self.log_start + self.growth * (time - self.start)
        power = 2 - self.order
        value = context.exp(power * self.log_start) + power * self.growth * (time - self.start)
        return context.log(value) / power if value > 0 else context.inf

    def end(self, log_norm: Any, context: Any) -> Any:
        """The scaled time at which log(rho/delta) reaches `log_norm`; infinite if it never does."""
        if self.growth <= 0:
            return context.inf
        if self.order == 2:
            return self.start + (log_norm - self.log_start) / self.growth
        power = 2 - self.order
        return self.start + (context.exp(power * log_norm) - context.exp(power * self.log_start)) / (
            power * self.growth
        )


class InContext:
    """What has numbers of an mpmath `context`, which is pickled as its number of digits."""

    def __getstate__(self) -> Any:
        return {**vars(self), "context": vars(self)["context"].dps}

    def __setstate__(self, state: Any) -> None:
        vars(self).update(state, context=mp_arithmetic(state["context"]).context)


@dataclass
class Path(InContext):
    """The trajectory of one block from `initial` as consecutive pieces, up to `end`."""

    context: Any
    initial: State
    pieces: list[PathPiece | Rest] = field(default_factory=list)
    starts: list[Any] = field(default_factory=list)
    end: Any = 0

    def append(self, piece: PathPiece | Rest, end: Any) -> None:
        """Add the next piece, which lasts until `end`."""
        self.pieces.append(piece)
        self.starts.append(piece.start)
        self.end = end

    def truncated(self, time: Any) -> Path:
        """The pieces that start before `time`, as a path that ends there."""
        count = bisect_right(self.starts, time) if time > 0 else 0
        return Path(self.context, self.initial, self.pieces[:count], self.starts[:count], min(time, self.end))

    def slower(self, exponent: int) -> Path:
        """The same path with all times multiplied by 2^exponent, exactly (L1.3)."""
        pieces = [piece.slower(exponent, self.context) for piece in self.pieces]
        end = self.context.ldexp(self.end, exponent)
        return Path(self.context, self.initial, pieces, [piece.start for piece in pieces], end)

    def state(self, time: Any) -> State:
        """The block at the scaled time."""
        ctx = self.context
        if not self.pieces:
            return self.initial
        piece = self.pieces[max(bisect_right(self.starts, time) - 1, 0)]
        if isinstance(piece, Rest):
            return State(piece.theta, piece.log_norm(time, ctx))
        bits = piece.polynomial.bits
        needed = [*piece.columns] if piece.log_column is None else [*piece.columns, piece.log_column]
        values = piece.polynomial.at(piece.place(time, ctx), needed)
        vector = [ctx.ldexp(ctx.mpf(int(v)), -bits) for v in values[: len(piece.columns)]]
        norm = ctx.sqrt(ctx.fsum(v * v for v in vector))
        if norm == 0:
            return State(vector, -ctx.inf)
        log_norm = ctx.log(norm) + piece.m * ctx.ln2
        if piece.log_column is not None:
            log_norm = ctx.ldexp(ctx.mpf(int(values[-1])), -bits)
        return State([v / norm for v in vector], log_norm)
