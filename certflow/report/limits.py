"""What keeps delta_bar from being larger: the block and the stretch on which the flow pulls nearby directions apart.

Read from the rates in a certificate. An explanation: which block is named rests on doubles, and no proof on it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import format_rational, parse_rational
from certflow.outcome import BadInput
from certflow.theorems.statement import Block, Statement, read_claim


@dataclass(frozen=True)
class Limit:
    """Where the directions of one block separate most: on `start` <= s <= `end`, by at most exp(`integral`).

    `weight` is the logarithm of the largest forcing of its direction, per unit of delta^L, as felt at the horizon: the
    block with the largest weight limits delta_bar.
    """

    block: int
    start: Fraction
    end: Fraction
    integral: Fraction
    weight: float

    def to_json(self) -> dict[str, Any]:
        """The record in `certflow show --json`."""
        stretch = [format_rational(self.start), format_rational(self.end)]
        approx = {"log_forcing": f"{self.weight:.6g}"}
        return {"block": self.block, "stretch": stretch, "integral_mu": format_rational(self.integral), "approx": approx}

    def sentence(self, joint: bool) -> str:
        """What a person reads."""
        who = "the direction of all weights" if joint else f"block {self.block + 1}"
        if self.integral <= 0:
            return f"δ̄ is limited by {who}; nothing pulls nearby directions apart, so what counts is how the weights grow."
        factor = rounded_text(Fraction(math.exp(float(self.integral)) * (1 + 2.0**-40)), 3, up=True)
        return (
            f"δ̄ is limited by {who}: from s ≈ {float(self.start):.4g} to s ≈ {float(self.end):.4g} nearby directions move apart, "
            f"∫μ ≤ {rounded_text(self.integral, 4, up=True)} there, a factor of at most {factor}."
        )


@dataclass(frozen=True)
class _Track:
    """One group on the clock s: (end, mu, lambda) of each step, the logarithm of its initial rho^L, and the rates after."""

    steps: list[tuple[Fraction, Fraction, Fraction]]
    log_size: float
    mu_after: Fraction
    growth_after: Fraction

    def rates(self, s: Fraction) -> tuple[Fraction, Fraction]:
        """(mu, d log rho / ds) just before s."""
        k = bisect_left(self.steps, s, key=lambda step: step[0])
        return self.steps[k][1:] if k < len(self.steps) else (self.mu_after, self.growth_after)


def what_limits(certificate: dict[str, Any]) -> list[Limit]:
    """One `Limit` per group with a curve, the one that limits delta_bar first.

    `certificate` is what `read_certificate` returns. Raises `BadInput` if its claim or its rates cannot be read.
    """
    statement = read_claim(certificate["claim"])
    try:
        tracks = _tracks(certificate, statement)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("certificate: the groups cannot be read; `certflow check` says what is wrong.") from error
    clock = sorted({Fraction(0)} | {step[0] for track in tracks.values() for step in track.steps})
    stretches = list(zip(clock, clock[1:], strict=False))
    logs = {index: [track.log_size] for index, track in tracks.items()}
    for begin, end in stretches:
        for index, track in tracks.items():
            logs[index].append(logs[index][-1] + statement.order * float(track.rates(end)[1] * (end - begin)))
    sizes = [_log_sum([log[k] for log in logs.values()]) for k in range(len(clock))]
    limits = [_limit(index, track, stretches, sizes) for index, track in tracks.items()]
    return sorted(limits, key=lambda limit: (-limit.weight, limit.block))


def _tracks(certificate: dict[str, Any], statement: Statement) -> dict[int, _Track]:
    direction = [parse_rational(value) for value in certificate["problem"]["direction"]]
    whole = sum(value * value for value in direction)
    tracks = {}
    for group, block in zip(certificate["groups"], statement.blocks, strict=True):
        if group["start"] is None:
            continue
        steps, s = [], Fraction(0)
        for window in group["windows"]:
            h, decay = parse_rational(window["h"], "h"), parse_rational(window["lambda"], "lambda")
            for step in window["steps"]:
                s += h / len(window["steps"])
                steps.append((s, parse_rational(step[0], "mu"), decay))
        own = sum(direction[i] ** 2 for i in _indices(block)) if not statement.joint else whole
        log_size = statement.order / 2 * math.log(float(own / whole)) if own else -math.inf
        after = Fraction(0) if group["trap"] is None else -parse_rational(group["trap"]["gamma"], "gamma")
        growth = Fraction(0) if block.value is None else statement.order * block.value[1]
        tracks[block.index] = _Track(steps, log_size, after, growth)
    return tracks


def _indices(block: Block) -> list[int]:
    # [first, count], or all indices where they are not contiguous.
    first, *rest = block.weights
    return list(range(first, first + rest[0])) if len(rest) == 1 else list(block.weights)


def _log_sum(logs: list[float]) -> float:
    largest = max(logs, default=-math.inf)
    return largest + math.log(sum(math.exp(log - largest) for log in logs)) if largest > -math.inf else largest


def _limit(index: int, track: _Track, stretches: list[tuple[Fraction, Fraction]], sizes: list[float]) -> Limit:
    pieces = [(end - begin) * track.rates(end)[0] for begin, end in stretches]
    # The contiguous stretch with the largest integral.
    best = (Fraction(0), 0, 0)
    total, first = Fraction(0), 0
    for k, piece in enumerate(pieces):
        if total <= 0:
            total, first = Fraction(0), k
        total += piece
        if total > best[0]:
            best = (total, first, k + 1)
    clock = [stretches[0][0], *(end for _, end in stretches)] if stretches else [Fraction(0)]
    weight, ahead = sizes[-1], 0.0
    for k in range(len(pieces) - 1, -1, -1):
        ahead += float(pieces[k])
        weight = max(weight, sizes[k] + ahead)
    return Limit(index, clock[best[1]], clock[best[2]], best[0], weight)
