"""R3 and R4 along the curve of one group: the rates of every step, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..kernel.network import AnyPart, Box
from ..kernel.numbers import (
    BITS,
    Interval,
    div_up,
    dot,
    down,
    enclosed,
    largest,
    norm_up,
    quotient,
    sqrt_down,
    times,
    up,
)
from ..kernel.polynomials import Polynomial, defect
from ..kernel.verdicts import Refused
from .evidence import GroupEvidence, Piece, Row, Rows, Window
from .region import Bounds, Place, Rates


@dataclass(frozen=True)
class Step:
    """One step: its end on the clock s, the integral S of the decay up to there, the decay, its rates, and
    |p|^2 on it.
    """

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
    part: AnyPart
    u: list[Polynomial]
    du: list[Polynomial]
    G: list[Polynomial]
    defects: list[int]
    keep: int

    def on(self, x0: Fraction, x1: Fraction) -> _Enclosures:
        """The enclosures where the piece meets the stretch [x0, x1] of its window."""
        first, last = (min(max(x, self.begin), self.end) - self.begin for x in (x0, x1))
        middle, eta = _span(first / (self.end - self.begin), last / (self.end - self.begin))
        n, d = self.length.denominator, self.length.numerator
        # u' per s: the derivative in y over the length of the piece.
        slopes = [(low * n // d, -(-high * n // d)) for low, high in (p.hull(middle, eta) for p in self.du)]
        kinks = self.part.kinks_along(self.u, self.keep)
        return _Enclosures(
            [p.hull(middle, eta) for p in self.u],
            slopes,
            [p.hull(middle, eta) for p in self.G],
            [[p.hull(middle, eta) for p in row] for row in kinks],
            self.defects,
        )


@dataclass
class _Enclosures:
    """Of one part: weights, slopes, gradient of N, first kinks sample by sample, and the defects."""

    W: Box
    slopes: Box
    G: Box
    Z: list[Box]
    defects: list[int]

    def join(self, other: _Enclosures) -> None:
        """Extend to what `other` encloses too."""
        self.W, self.slopes = _hull(self.W, other.W), _hull(self.slopes, other.slopes)
        self.G = _hull(self.G, other.G)
        self.Z = list(map(_hull, self.Z, other.Z))
        self.defects = list(map(max, self.defects, other.defects))


class _Window:
    """One part in one window. A piece is made when the first step meets it, and forgotten after the last
    one.
    """

    def __init__(self, pieces: Iterator[_Piece]) -> None:
        self.pieces = pieces
        self.piece: _Piece | None = None

    def on(self, x0: Fraction, x1: Fraction) -> _Enclosures:
        """The enclosures on the next stretch [x0, x1] of the window."""
        found: _Enclosures | None = None
        while True:
            if self.piece is None or self.piece.end <= x0:
                self.piece = next(self.pieces)
            own = self.piece.on(x0, x1)
            if found is None:
                found = own
            else:
                found.join(own)
            if self.piece.end >= x1:
                return found
            x0 = self.piece.end


def square(rows: Rows, grid: int) -> Fraction:
    """|p|^2 of a grid point, exactly."""
    return Fraction(sum(v * v for row in rows for v in row), 1 << (2 * grid))


def follow(bounds: Bounds, group: GroupEvidence, grid: int) -> Track:
    """The track of a group; refuses at the first step whose eigenvalue bound is not proved (L3.4)."""
    steps: list[Step] = []
    current = [list(row) for row in group.start]
    clock_s = S = Fraction(0)
    for w, window in enumerate(group.windows):
        before = enclosed(square(current, grid))
        records = zip(bounds.parts, window.parts, current, strict=True)
        own = [_Window(_pieces(part, window, pieces, start, grid)) for part, pieces, start in records]
        for k, (mu, r, s) in enumerate(window.steps):
            where = f"{bounds.where}.windows[{w}].steps[{k}]"
            bounds.clock.enter("R4", where)
            at, before = _place(own, window, k, before, where)
            rates, _ = bounds.rates(at, mu, r, s, where)
            x = window.h * (k + 1) / len(window.steps)
            steps.append(Step(clock_s + x, S + window.decay * x, window.decay, rates, at.P))
        current = [
            [c0 + sum(sum(rows[k]) for _, rows in records) for k, c0 in enumerate(start)]
            for records, start in zip(window.parts, current, strict=True)
        ]
        clock_s += window.h
        S += window.decay * window.h
    return Track(steps, square(group.start, grid), current)


def _pieces(part: AnyPart, window: Window, records: list[Piece], start: Row, grid: int) -> Iterator[_Piece]:
    """R3 for the pieces of one part in one window."""
    begin, current = Fraction(0), start
    for end_int, rows in records:
        part.samples.clock.tick()
        end = Fraction(end_int, 1 << grid)
        length = window.h * (end - begin)
        # c_0 is the end of the piece before, exactly: the curve is continuous.
        given = [(c0, *row) for c0, row in zip(current, rows, strict=True)]
        u = [Polynomial([v << (BITS - grid) for v in row]) for row in given]
        # Coefficients of the gradient far beyond the degree of u only enter the defect by their size.
        keep = 2 * max(len(p.coefficients) for p in u)
        G = part.gradient_along(u, keep)
        defects = [defect(p, g, window.decay, length) for p, g in zip(u, G, strict=True)]
        yield _Piece(begin, end, length, part, u, [p.derivative() for p in u], G, defects, keep)
        begin, current = end, list(map(sum, given))


def _span(at0: Fraction, at1: Fraction) -> Interval:
    """A point near the middle of [at0, at1], and how far from it the interval reaches."""
    middle = down((at0 + at1) / 2)
    return middle, max(up(at1) - middle, middle - down(at0))


def _hull(one: Box, two: Box) -> Box:
    return [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, two, strict=True)]


def _place(
    parts: list[_Window], window: Window, k: int, before: Interval, where: str
) -> tuple[Place, Interval]:
    """R4: the enclosures on step k of a window, and |p|^2 at the end of the step."""
    count = len(window.steps)
    x0, x1, delta = Fraction(k, count), Fraction(k + 1, count), window.h / count
    found: list[_Enclosures] = []
    for j, own in enumerate(parts):
        try:
            found.append(own.on(x0, x1))
        except Refused as error:
            raise Refused(error.rule, f"{where}, part {j}", error.reason) from error
    flat = [w for each in found for w in each.W]
    slopes = [v for each in found for v in each.slopes]
    gradients = [g for each in found for g in each.G]
    d = norm_up(v for each in found for v in each.defects)
    # |p|^2 moves by 2 <p, p'>.
    low, high = dot(flat, slopes)
    change = times((2 * low, 2 * high), enclosed(delta))
    after = before[0] + change[0], before[1] + change[1]
    P = (min(before[0], after[0]), max(before[1], after[1]))
    if P[0] <= 0:
        raise Refused("R4", where, "the curve may pass through zero")
    ell = quotient(dot(flat, gradients), P)
    root = sqrt_down(P[0])
    tangential = div_up(norm_up(map(largest, slopes)) + d, root)
    return Place(
        [each.W for each in found], [each.Z for each in found], P, ell, tangential, div_up(d, root)
    ), after
