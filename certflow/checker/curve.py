"""R3 and R4 along the curve of one group: the rates of every step, in order."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .document import Group, Piece, Rows, Window
from .numbers import BITS, Interval, div_up, dot, down, enclosed, largest, norm_up, sqrt_down, times, up
from .polynomials import Layers, Polynomial, defect, gradient
from .problem import Problem
from .region import Bounds, Place, Rates, quotient
from .verdicts import Clock, Refused


@dataclass(frozen=True)
class Step:
    """One step: its end on the clock s, the integral S of the decay up to there, the decay, its rates, and |p|^2 on it."""

    end: Fraction
    S: Fraction
    decay: Fraction
    rates: Rates
    P: Interval


@dataclass(frozen=True)
class Track:
    """A group's steps, the exact |p|^2 at the start and the end point (grid integers per part)."""

    steps: list[Step]
    start2: Fraction
    end: Rows


@dataclass(frozen=True)
class _Piece:
    begin: Fraction
    end: Fraction
    length: Fraction
    u: list[Polynomial]
    du: list[Polynomial]
    G: list[Polynomial]
    Z: list[list[Polynomial]]
    defects: list[int]


def square(rows: Rows, grid: int) -> Fraction:
    """|p|^2 of a grid point, exactly."""
    return Fraction(sum(v * v for row in rows for v in row), 1 << (2 * grid))


def follow(problem: Problem, bounds: Bounds, parts: list[int], group: Group, grid: int, where: str, clock: Clock) -> Track:
    """The track of a group; refuses at the first step whose eigenvalue bound is not proved."""
    steps: list[Step] = []
    current = [list(row) for row in group.start]
    clock_s = S = Fraction(0)
    for w, window in enumerate(group.windows):
        place = f"{where}.windows[{w}]"
        before = enclosed(square(current, grid))
        pieces = []
        for j, own in enumerate(window.parts):
            clock.tick()
            try:
                pieces.append(_pieces(problem.layers[parts[j]], window, own, current[j], grid))
            except Refused as error:
                raise Refused(error.rule, f"{place}.parts[{j}]", error.reason) from error
            current[j] = [(sum(p.coefficients)) >> (BITS - grid) for p in pieces[-1][-1].u]
        count = len(window.steps)
        for k, (mu, r, s) in enumerate(window.steps):
            clock.tick()
            at, dd, before = _place(pieces, window, k, before, f"{place}.steps[{k}]")
            rates, _ = bounds.rates(at, mu, r, s, dd, f"{place}.steps[{k}]")
            x = window.h * (k + 1) / count
            steps.append(Step(clock_s + x, S + window.decay * x, window.decay, rates, at.P))
        clock_s += window.h
        S += window.decay * window.h
    return Track(steps, square(group.start, grid), current)


def _pieces(layers: Layers, window: Window, records: list[Piece], start: list[int], grid: int) -> list[_Piece]:
    """R3 for the pieces of one part in one window."""
    result = []
    begin, current = Fraction(0), start
    for end_int, rows in records:
        layers.samples.clock.tick()
        end = Fraction(end_int, 1 << grid)
        length = window.h * (end - begin)
        # c_0 is the end of the piece before, exactly: the curve is continuous.
        u = [Polynomial([v << (BITS - grid) for v in (c0, *row)]) for c0, row in zip(current, rows, strict=True)]
        # Coefficients of the gradient far beyond the degree of u only enter the defect by their size.
        keep = 2 * max(len(p.coefficients) for p in u)
        G, Z = gradient(layers, u, keep)
        defects = [defect(p, g, window.decay, length) for p, g in zip(u, G, strict=True)]
        result.append(_Piece(begin, end, length, u, [p.derivative() for p in u], G, Z, defects))
        begin, current = end, [c0 + sum(row) for c0, row in zip(current, rows, strict=True)]
    return result


def _span(at0: Fraction, at1: Fraction) -> Interval:
    """A point near the middle of [at0, at1], and how far from it the interval reaches."""
    middle = down((at0 + at1) / 2)
    return middle, max(up(at1) - middle, middle - down(at0))


def _hull(polynomials: list[tuple[Polynomial, int, int]]) -> Interval:
    ranges = [p.hull(middle, eta) for p, middle, eta in polynomials]
    return min(a for a, _ in ranges), max(b for _, b in ranges)


def _place(parts: list[list[_Piece]], window: Window, k: int, before: Interval, where: str) -> tuple[Place, int, Interval]:
    """R4: the enclosures on step k of a window, the defect of the direction, and |p|^2 at the end of the step."""
    count = len(window.steps)
    x0, x1, delta = Fraction(k, count), Fraction(k + 1, count), window.h / count
    W, Z, slopes, gradients, defects = [], [], [], [], []
    for pieces in parts:
        met = [(p, max(x0, p.begin), min(x1, p.end)) for p in pieces if max(x0, p.begin) < min(x1, p.end)]
        spans = [(p, *_span((a - p.begin) / (p.end - p.begin), (b - p.begin) / (p.end - p.begin))) for p, a, b in met]
        size = len(pieces[0].u)
        W.append([_hull([(p.u[k], a, b) for p, a, b in spans]) for k in range(size)])
        gradients += [_hull([(p.G[k], a, b) for p, a, b in spans]) for k in range(size)]
        first = spans[0][0].Z
        Z.append([[_hull([(p.Z[i][q], a, b) for p, a, b in spans]) for q in range(len(row))] for i, row in enumerate(first)])
        for k in range(size):
            # u' per s: the derivative in y over the length of the piece.
            ends = [(*p.du[k].hull(a, b), p.length) for p, a, b in spans]
            low = min(v * n.denominator // n.numerator for v, _, n in ends)
            slopes.append((low, max(-(-v * n.denominator // n.numerator) for _, v, n in ends)))
        defects += [max(p.defects[k] for p, _, _ in spans) for k in range(size)]
    flat = [w for own in W for w in own]
    d = norm_up(defects)
    # |p|^2 moves by 2 <p, p'>.
    change = dot(zip(flat, slopes, strict=True))
    after = tuple(a + b for a, b in zip(before, times((2 * change[0], 2 * change[1]), enclosed(delta)), strict=True))
    P = (min(before[0], after[0]), max(before[1], after[1]))
    if P[0] <= 0:
        raise Refused("R4", where, "the curve may pass through zero")
    ell = quotient(dot(zip(flat, gradients, strict=True)), P)
    root = sqrt_down(P[0])
    tangential = div_up(norm_up(map(largest, slopes)) + d, root)
    return Place(W, Z, P, ell, tangential), div_up(d, root), (after[0], after[1])
