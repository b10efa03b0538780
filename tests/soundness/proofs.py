"""The tubes behind a claim, and exact evaluations of what they enclose."""

import math
import random
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

import certflow.theorems.early_direction.prove as convergence
from certflow.arithmetic.base import EXACT
from certflow.flow.curve import Curve
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.tube import Sweep, Timeline
from certflow.problem import Problem
from certflow.theorems.early_direction.groups import GroupProof


@dataclass
class Proof:
    """What a claim was made from, all of it in the units of the proof."""

    problem: Problem
    groups: list[GroupProof]
    timeline: Timeline
    sweep: Sweep
    delta_bar: Fraction
    claim: dict[str, Any]


def proof_of(problem: Problem, epsilon: Fraction) -> Proof:
    """The groups, clock and sweep from which `certify` makes its claim."""
    made: list[Any] = []
    original = convergence.make_claim

    def spy(*args: Any) -> Any:
        claim = original(*args)
        made[:] = [(args, claim)]
        return claim

    convergence.make_claim = spy
    try:
        result = convergence.certify(problem, epsilon)
    finally:
        convergence.make_claim = original
    if not made:
        raise ValueError(f"{problem.name}: {result.reason}")
    (scaled, groups, _, timeline, sweep, delta_bar, *_), claim = made[0]
    return Proof(scaled, groups, timeline, sweep, delta_bar, claim)


class ExactCurve:
    """A curve as exact rational polynomials; a place is (window, x in [0, 1])."""

    def __init__(self, curve: Curve) -> None:
        self.curve, unit = curve, 1 << curve.grid
        self.begins, self.steps = [Fraction(0)], []
        self.pieces: list[list[list[tuple[Fraction, Fraction, list[list[Fraction]]]]]] = []
        current = [[Fraction(v, unit) for v in part] for part in curve.start]
        for w, window in enumerate(curve.windows):
            table = []
            for j, pieces in enumerate(window.parts):
                begin, rows = Fraction(0), []
                for piece in pieces:
                    c = [
                        [c0, *(Fraction(v, unit) for v in own)]
                        for c0, own in zip(current[j], piece.coefficients, strict=True)
                    ]
                    end = Fraction(piece.end, unit)
                    rows.append((begin, end, c))
                    current[j], begin = [sum(own) for own in c], end
                table.append(rows)
            self.pieces.append(table)
            self.begins.append(self.begins[-1] + window.h)
            self.steps += [
                (w, Fraction(k, window.steps), Fraction(k + 1, window.steps)) for k in range(window.steps)
            ]

    def at(self, w: int, x: Fraction) -> tuple[list[list[Fraction]], list[list[Fraction]]]:
        """p and its s-derivative per part, at x of window w."""
        values, slopes = [], []
        for rows in self.pieces[w]:
            begin, end, c = next(row for row in rows if x <= row[1])
            y, length = (x - begin) / (end - begin), self.curve.windows[w].h * (end - begin)
            values.append([sum(v * y**k for k, v in enumerate(own)) for own in c])
            slopes.append([sum(k * v * y ** (k - 1) for k, v in enumerate(own) if k) / length for own in c])
        return values, slopes

    def clock(self, w: int, x: Fraction) -> Fraction:
        """s at this place."""
        return self.begins[w] + x * self.curve.windows[w].h

    def place(self, step: int, draw: random.Random) -> tuple[int, Fraction]:
        """A random place of a step: an end now and then."""
        w, low, high = self.steps[step]
        return w, low + (high - low) * draw.choice(
            (Fraction(0), Fraction(1), Fraction(draw.randrange(2**6), 2**6))
        )

    def decay_until(self, w: int, x: Fraction) -> Fraction:
        """The integral of the decay up to this place."""
        windows = self.curve.windows
        return (
            sum((own.h * own.decay for own in windows[:w]), Fraction(0)) + windows[w].h * x * windows[w].decay
        )


@dataclass
class Evaluated:
    """N of a group and its derivatives at an exact point: gradient (parts × size), Hessian blocks, h_i and
    their gradients.
    """

    value: Fraction
    gradient: np.ndarray
    blocks: list[np.ndarray]
    h: np.ndarray
    jacobian: np.ndarray
    kinks: list[np.ndarray]


def evaluate(parts: Parts, point: list[list[Fraction]]) -> Evaluated:
    """The group alone (all other weights zero), by the whole network in rational arithmetic."""
    problem = parts.problem
    w = np.array([Fraction(0)] * problem.network.size, dtype=object)
    indices = [list(own) for own in parts.indices]
    for own, values in zip(indices, point, strict=True):
        w[own] = values
    run = problem.network.forward(EXACT, w, problem.X)
    G, H, J = (
        problem.network.pullback(run, problem.z),
        problem.network.hessian(run, problem.z),
        problem.network.jacobian(run),
    )
    return Evaluated(
        sum(run.outputs * problem.z),
        np.array([G[own] for own in indices]),
        [H[np.ix_(own, own)] for own in indices],
        run.outputs,
        np.array([J[:, own] for own in indices]).transpose(1, 0, 2),
        run.kinks,
    )


def flat(point: Any) -> np.ndarray:
    """All parts in one vector."""
    return np.array([v for part in point for v in part], dtype=object)


def rotated(p: np.ndarray, radius: Fraction, draw: random.Random) -> np.ndarray:
    """An exact point with |q| = |p| at an angle from p of nearly `radius`, in a random direction (a rational
    rotation).
    """
    while True:
        v = np.array([Fraction(draw.randint(-99, 99)) for _ in p], dtype=object)
        if draw.random() < 0.3:
            v = np.array([Fraction(0)] * len(p), dtype=object)
            v[draw.randrange(len(p))] = Fraction(1)
        v = v - p * (sum(v * p) / sum(p * p))
        if any(v):
            break
    # q = (1-t²|v|²/|p|²)/(1+...) p + 2t/(1+...) v has |q| = |p| and the angle 2 atan(t |v|/|p|) < 2 t
    # |v|/|p|.
    ratio = sum(v * v) / sum(p * p)
    t = (
        radius
        / 2
        * Fraction(draw.choice((999, 900, 500)), 1000)
        / Fraction(float(ratio) ** 0.5 * (1 + 1e-12))
    )
    shift = 24 - math.frexp(float(t))[1]
    t = math.floor(t * Fraction(2) ** shift) / Fraction(2) ** shift
    if not 4 * t * t * ratio <= radius * radius:
        raise ValueError("the rotation is too large")
    square = t * t * ratio
    return (p * (1 - square) + v * (2 * t)) / (1 + square)


def grouped(parts: Parts, vector: np.ndarray) -> list[list[Fraction]]:
    """The inverse of `flat`."""
    return [list(row) for row in vector.reshape(parts.count, parts.size)]
