"""Newton's method in balls at a proved KKT point: as many digits as are asked for, at the cost of a few
gradients (L6).

In the notation of `enclose`: for w in the ball, `|w - w*| <= |Φ(w)|/(m - δ)`, w* the only zero. So any
iterate is enclosed by the size of Φ there, evaluated in balls, whatever proposed the step; here floats do, w
- V diag(1/λ) Vᵀ Φ(w).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.networks.correlation import Correlation
from certflow.running import tick

_MOST_STEPS = 12

Improvement = Callable[[np.ndarray], np.ndarray]


def polish(
    N: Correlation,
    centre: np.ndarray,
    zeros: np.ndarray,
    tau: float,
    step: Improvement,
    reach: Fraction,
    factor: Fraction,
    tolerance: Fraction,
    ar: BallArithmetic,
) -> tuple[list[Fraction], Fraction]:
    """A vector w and how far w* is from it at most: about `tolerance`, or what a dozen steps reach.

    w* is the only zero of Φ within `reach` of the doubles `centre`, `factor` >= 1/(m - δ) there, and w*
    vanishes at the places `zeros` (k booleans), where `centre` is 0. `step` proposes Newton's step of Φ,
    `tau` is τ.
    """
    start = [Fraction(float(v)) for v in centre]
    w, best = start, (start, reach)
    for _ in range(_MOST_STEPS):
        tick()
        value = _phi(N, start, w, Fraction(tau), ar)
        error = _length(value).upper() * factor
        if error < best[1]:
            best = w, error
        elif w is not start:
            break
        if error <= tolerance:
            break
        move = step(np.array([each.midpoint_float() for each in value]))
        move[zeros] = 0.0
        w = [rounded(a - Fraction(float(b)), ar.bits) for a, b in zip(w, move, strict=True)]
        if sum((a - b) ** 2 for a, b in zip(w, start, strict=True)) >= reach**2:
            break
    return best


def _phi(
    N: Correlation, c: list[Fraction], w: list[Fraction], tau: Fraction, ar: BallArithmetic
) -> np.ndarray:
    """Φ(w) in balls (k)."""
    at, centre = ar.array(w), ar.array(c)
    G = N.gradient(ar, at)
    mu = (G @ at) / Ball(sum((a * a for a in w), Fraction(0)), ar.bits)
    height = sum((a * (b - a) for a, b in zip(c, w, strict=True)), Fraction(0)) * tau
    result: np.ndarray = G - at * mu + centre * Ball(height / sum((a * a for a in c), Fraction(0)), ar.bits)
    return result


def _length(values: np.ndarray) -> Ball:
    return sum((v.square() for v in values[1:]), values[0].square()).maximum(0).sqrt()


def rounded(value: Fraction, bits: int) -> Fraction:
    """The nearest whole number of 2^-bits."""
    return Fraction(round(value * 2**bits), 2**bits)


def unit_vector(w: list[Fraction], error: Fraction, bits: int) -> list[Ball]:
    """Balls that contain v/|v| for every v within `error` < |w| of w: `|v/|v| - w/|w|| <= |v - w|/min(|v|,
    |w|)`.
    """
    length = Ball(sum((a * a for a in w), Fraction(0)), bits).sqrt()
    slack = (Ball(error, bits) / (length - error)).upper()
    around = Ball.interval(-slack, slack, bits)
    return [Ball(a, bits) / length + around for a in w]
