"""Q3 to Q5: how far a solution may stray from its polygon, when it is where, and how large it is.

W = p + e at equal clock, with e in a sum of images P_k Ball(phi_k): one source for every piece and every
kink that is met, carried on by the ordered saltation matrices. The phi_k are in units of kappa = K
delta^2, so that eta, the bound of the forcing, is kappa B while the mass of all is at most delta^2 B
(L11.9).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from copy import copy
from fractions import Fraction
from operator import mul
from typing import NamedTuple

from ..kernel.numbers import (
    BITS,
    ONE,
    Interval,
    div_up,
    down,
    enclosed,
    mul_up,
    norm_up,
    root_up,
    sqrt_down,
    sqrt_up,
    times,
    up,
)
from .neuron import Neuron, Whole
from .replay import ANY, Edge

FINE, WIDE, MAX_SPANS = 8, 5, 200_000
"""A segment is as long as |v| changes by about 2^-FINE, at events as WIDE of them; at most so many of one
piece.
"""


class Table(NamedTuple):
    """The masses that are assumed: at most delta^2 `sizes[q]` for `ends[q]` <= t <= `ends[q + 1]`, with
    the bounds `etas` of the forcing; `ends` are rounded down.
    """

    kappa: Fraction
    sizes: Whole
    etas: Whole
    ends: Whole

    def reach(self, phi: int) -> int:
        """kappa phi, rounded up."""
        return -((-phi * self.kappa.numerator) // self.kappa.denominator)

    def row(self, time: int) -> int:
        """The first step at whose end this time is over, or the last step."""
        return min(max(0, bisect_left(self.ends, time) - 1), len(self.sizes) - 1)


class Span(NamedTuple):
    """A segment: met at the earliest from `early` on, left at the latest by `late`, of at most this
    `mass`, within `D` of the polygon, from the clock `begin`, at which the source of the piece was `phi`.
    """

    early: int
    late: int
    mass: int
    D: int
    begin: int
    phi: int


Source = tuple[list[Whole], int, int]
"""P, phi, and a bound of the norm of P."""


class _Line:
    """|p| on a line p0 + L u."""

    def __init__(self, piece: Edge) -> None:
        p, u = piece.start, piece.velocity
        a, b, square = p.inner(p), p.inner(u), u.inner(u)
        self.a, self.b, self.square = enclosed(a), enclosed(b), enclosed(square)
        self.speed, self.foot = up(root_up(square, 2)), down(a - b * b / square)

    def slope(self, L: int) -> Interval:
        """p.u at the clock L."""
        low, high = times(self.square, (L, L))
        return self.b[0] + low, self.b[1] + high

    def at(self, L: int) -> Interval:
        """|p|^2 at the clock L."""
        low, high = self.slope(L)
        low, high = times((low + self.b[0], high + self.b[1]), (L, L))
        return self.a[0] + low, self.a[1] + high

    def sizes(self, begin: int, end: int) -> Interval:
        """Bounds of |p| on a segment."""
        ends = self.at(begin), self.at(end)
        low, high = min(ends[0][0], ends[1][0]), max(ends[0][1], ends[1][1])
        if self.slope(begin)[0] < 0 < self.slope(end)[1]:
            low = min(low, self.foot)
        return sqrt_down(max(0, low)), sqrt_up(high)


def identity(d: int) -> list[Whole]:
    """The unit matrix."""
    return [[ONE if i == k else 0 for k in range(d)] for i in range(d)]


class Walk:
    """A neuron on its polygon, with c in the interval `c` and |e| <= `ball` at the start. After `run`:
    its `spans`; whether they `cover` all times up to the end of the table, else what ended them (`why`),
    from the time `early` on; when the last piece is `entered` at the latest; whether all kinks were
    `certain` to its end (L11.9, L11.10, L11.11, L11.12, L11.13, L11.14, L11.15; rounding: L11.28).
    """

    def __init__(
        self, G: Neuron, table: Table, pieces: Sequence[Edge], c: Interval, ball: int, still: bool
    ) -> None:
        self.G, self.table, self.pieces, self.c, self.still = G, table, pieces, c, still
        self.sources: list[Source] = []
        if ball:
            phi = -((-ball * table.kappa.denominator) // table.kappa.numerator)
            self.sources = [(identity(G.d), phi, ONE)]
        self.base = sum(mul_up(norm, phi) for _, phi, norm in self.sources)
        self.norms = {k: norm_up(v << BITS for v in G.lines[k].x) for k in G.kinks}
        self.q = self.late = self.early = 0
        self.spans: list[Span] = []
        self.fresh: list[Span] = []
        self.entered: int | None = None
        self.first = 0, 0
        self.covers = self.certain = False
        self.why = "it is not followed"

    # -- one piece -------------------------------------------------------------------------------------------

    def run(self, rests: bool = False, shrinks: bool = False) -> None:
        """Follow all pieces up to the end of the table, or to the end of what is proved; or until it
        `rests` at the end of the last piece, or for a while on the last piece, on which it `shrinks`.
        """
        for i in range(len(self.pieces)):
            if i == 0:
                self._enter(0, 0, 0)
                if self.base and not self._apart(0, 0, list(self.piece.sides)):
                    self._stop("a kink is not certain at the start")
                    return
            if not self._stretch(rests, shrinks):
                return

    def _enter(self, i: int, L: int, phi: int) -> None:
        self.i, self.piece, self.L, self.phi = i, self.pieces[i], L, phi
        self.opened, self.begun, self.line = len(self.spans) + len(self.fresh), False, _Line(self.piece)
        self.end = None if self.piece.length is None else up(self.piece.length)
        speeds = [(abs(self.piece.velocity.along(self.G.lines[k].x)), self.norms[k]) for k in self.piece.left]
        unit = self.piece.velocity.unit
        self.limit = min([self.piece.lock, *((v << (2 * BITS)) // (unit * norm) for v, norm in speeds)])
        self.places: dict[int, tuple[int, int]] = {}

    def _stretch(self, rests: bool, shrinks: bool) -> bool:
        """Follow one piece; whether the next one is entered."""
        final = self.i + 1 == len(self.pieces)
        for _ in range(MAX_SPANS):
            self.G.clock.tick()
            if self.early > self.table.ends[-1]:
                return self._close(True)
            if shrinks and final and self.entered is not None:
                self.covers = True
                self.spans[-1] = self.spans[-1]._replace(late=ANY)
                return False
            if self.piece.end == "flip" and self._near():
                break
            to = self._next()
            if to == self.end:
                break
            if not self._attempt(Walk._move, to):
                if self.piece.end == "flip":
                    break
                return self._close(False)
        if self.piece.end == "flip" and not final:
            return self._attempt(Walk._turn) or self._close(False)
        if self.piece.end == "vertex" and not final:
            return self._attempt(Walk._cross) or self._close(False)
        if rests and self.piece.met is not None:
            return self._rest()
        return self._close(False)

    def _next(self) -> int:
        """The next station: the first and the last segment of a piece are wide, for the windows of kinks."""
        V = sqrt_down(max(0, self.line.at(self.L)[0] + self.c[0]))
        step = (V << BITS) // (self.line.speed << FINE) + 1
        if self.still:
            step = (max(0, self.line.b[0]) << BITS) // (800 * WIDE * self.line.square[1]) + 1
        rest = None if self.end is None or self.piece.end == "flip" else self.end - self.L
        wide, first, self.begun = WIDE * step, not self.begun, True
        if first:
            return self.L + (wide if rest is None else min(wide, rest // 2))
        if rest is None or rest > wide + step:
            return self.L + step
        return self.L + (rest if rest <= wide else rest - wide)

    def _attempt(self, action: Callable[..., bool], *arguments: int) -> bool:
        """Take a step with the first row of the table whose end it does not overrun; the last row has no
        end, for nothing is said of later times (L11.16).
        """
        q, last = self.q, len(self.table.sizes) - 1
        while True:  # ends: q grows with every turn, up to the last row
            trial = copy(self)
            trial.q, trial.fresh = q, []
            if not action(trial, *arguments):
                self.why = trial.why
                return False
            if q == last or trial.late <= self.table.ends[q + 1]:
                break
            q = max(q + 1, self.table.row(trial.late))
        self.spans += trial.fresh
        vars(self).update(vars(trial), fresh=[])
        return True

    def _move(self, to: int, floor: int = 0) -> bool:
        """Q3: one segment, with the row q; |e| is at most `floor` where that is more (L11.15)."""
        eta, length = self.table.etas[self.q], to - self.L
        if eta >= self.limit:
            return self._stop("it may not be held on its kinks, or not leave one")
        phi = self.phi + mul_up(self.table.sizes[self.q], length)
        D = max(self.table.reach(self.base + phi), floor)
        low, high = self.line.sizes(self.L, to)
        inner, outer = max(0, low - D), high + D
        slow = (inner * inner >> BITS) + self.c[0]
        fast = mul_up(outer, outer) + self.c[1]
        if self.still:
            height = self.line.slope(self.L)[0] - mul_up(self.line.speed, D) - mul_up(eta, outer)
            if height <= 0:
                return self._stop("v may not leave 0")
            time = div_up(sqrt_up(fast), height)
        elif slow <= 0:
            return self._stop("v may vanish")
        else:
            time = div_up(length, sqrt_down(slow))
        self.late += time
        self.fresh.append(Span(self.early, self.late, fast + mul_up(outer, outer), D, self.L, self.phi))
        self.early += (length << BITS) // sqrt_up(fast)
        self.L, self.phi, self.still = to, phi, False
        if self.i + 1 == len(self.pieces) and self.entered is None:
            self.entered, self.first = self.late, (to, phi)
        return True

    def _stop(self, why: str) -> bool:
        self.why = why
        return False

    # -- certainty -------------------------------------------------------------------------------------------

    def _apart(self, L: int, phi: int, kinks: Sequence[int], rough: bool = False) -> bool:
        """Q5: whether x_k.W has the side of x_k.p at the clock L, for these kinks (L11.12)."""
        D = self.table.reach(self.base + phi)
        for k in kinks:
            if k not in self.places:
                x, side = self.G.lines[k].x, self.piece.sides[k]
                self.places[k] = (
                    down(side * self.piece.start.times(x)),
                    down(side * self.piece.velocity.times(x)),
                )
            place, speed = self.places[k]
            # The speed is rounded down by less than one unit.
            distance = place + (speed * L >> BITS) - (abs(L) >> BITS) - 1
            if distance > mul_up(self.norms[k], D):
                continue
            if rough or distance <= self.table.reach(
                self._along(k, self.sources) + mul_up(self.norms[k], phi)
            ):
                return False
        return True

    def _along(self, k: int, sources: Sequence[Source]) -> int:
        """|x_k.e| over kappa, of these sources."""
        return sum(mul_up(norm_up(_row(self.G.lines[k].x, P)), phi) for P, phi, _ in sources)

    def _close(self, over: bool) -> bool:
        """The end of what is followed: back to the last station at which the cell of W is certain."""
        sides, left = list(self.piece.sides), set(self.piece.left)
        others = [k for k in sides if k not in left]
        convex = [k for k in sides if self.piece.sign * self.G.lines[k].jump > 0]
        ray = self.piece.end == "ray" and self.i + 1 == len(self.pieces)
        # Where concave kinks are uncertain, those just left have to be certain without them.
        loose = ray and self.entered is not None and self._apart(*self.first, sides)
        self.certain = over and self._apart(self.L, self.phi, others)
        while len(self.spans) > self.opened:  # ends: one span less with every turn
            if self._apart(self.L, self.phi, others) or (loose and self._apart(self.L, self.phi, convex)):
                break
            self.why = "a kink is not certain to lie on one side" if over else self.why
            span = self.spans.pop()
            self.early, self.L, self.phi, over = span.early, span.begin, span.phi, False
        self.covers = over
        return False

    def _rest(self) -> bool:
        """The last segment before it stops, on which the concave kinks that it stops on may be met at any
        time.
        """
        kinks = list(self.piece.sides)
        others = [k for k in kinks if k not in (self.piece.met or [])]
        known = self._apart(self.L, self.phi, kinks) and self._apart(self.L, self.phi, others, True)
        if known and self._attempt(Walk._move, self.end or 0):
            self.covers = True
            self.spans[-1] = self.spans[-1]._replace(late=ANY)
            return False
        return self._close(False)

    # -- events ----------------------------------------------------------------------------------------------

    def _cross(self) -> bool:
        """Q4: a clean event at the end of the piece, between two segments (C0 to C5, L11.11)."""
        G, table, before, after = self.G, self.table, self.piece, self.pieces[self.i + 1]
        B, eta, d = table.sizes[self.q], table.etas[self.q], self.G.d
        if len(before.met or []) != 1 or not set(after.slides) <= {*before.slides, *(before.met or [])}:
            return self._stop("several kinks are met or entered at once")
        n = (before.met or [0])[0]
        x, norm = G.lines[n].x, self.norms[n]
        if G.gram([*before.slides, n])[1] == 0:
            return self._stop("the kinks that are kept and met are not independent")
        phi = self.phi + mul_up(B, (self.end or 0) - self.L)
        sources = [*self.sources, (self._projection(), phi, ONE + d)]
        # What the projection is rounded by.
        dust = (d * phi >> BITS) + 1 if before.slides else 0
        D = table.reach(sum(mul_up(size, own) for _, own, size in sources) + dust)

        u, w = before.velocity, after.velocity
        approach, leaving = u.times(x), w.times(x)
        slow = down(abs(approach))
        room = slow - mul_up(norm, eta)
        if room <= 0:
            return self._stop("a kink is not met at a certain speed")
        near = table.reach(self._along(n, sources) + mul_up(norm, dust))
        tau = div_up(near, room)
        length = (self.end or 0) - self.L
        for k in before.sides:
            if k == n:
                continue
            speeds = [Fraction(v) for v in (u.times(G.lines[k].x), w.times(G.lines[k].x))]
            swept = up(max(map(abs, speeds)) + abs(speeds[1] - speeds[0])) + mul_up(self.norms[k], eta)
            distance = down(abs(after.start.times(G.lines[k].x))) - mul_up(tau, swept)
            if distance > mul_up(self.norms[k], D):
                continue
            if distance <= table.reach(self._along(k, sources) + mul_up(self.norms[k], dust)):
                return self._stop("another kink may be met at the same time")
        # C5: W does not come back to a kink that pushes it away while others are left.
        convex = before.sign * G.lines[n].jump > 0
        if convex and not set(before.slides) <= set(after.slides) and 5 * slow <= 8 * mul_up(norm, eta):
            return self._stop("a kink that pushes away is crossed too slowly")

        # M = I + a n^T, a = (w - u)/(n.u), and its norm from the 2 x 2 block that it acts on.
        change = [
            Fraction(b, w.unit) - Fraction(a, u.unit) for a, b in zip(u.entries, w.entries, strict=True)
        ]
        square, ratio = sum(map(mul, change, change)), leaving / approach
        trace = 2 * ratio + square * sum(map(mul, x, x)) / approach**2
        root = sqrt_up(up(max(Fraction(0), trace * trace - 4 * ratio * ratio)))
        largest = max(ONE, sqrt_up((up(trace) + root) // 2 + 1))
        carried = [_carried(source, x, [v / approach for v in change], largest) for source in sources]
        forced = mul_up(mul_up(sqrt_up(up(square)), near), mul_up(norm, B))
        forced = div_up(div_up(forced, room), slow) + mul_up(B, tau)
        total = sum(own for _, own, _ in sources)
        forced += mul_up(largest, dust) + mul_up(2 * d, total) + 1
        sizes = sum(mul_up(max(a[2], b[2]), a[1]) for a, b in zip(sources, carried, strict=True))
        floor = table.reach(sizes + forced + dust)

        if tau > length or not self._move(self.end or 0, floor):
            return tau <= length or self._stop("the window of a kink is longer than a segment")
        self.sources = [*carried, (identity(d), forced, ONE)]
        self.base = sum(mul_up(size, own) for _, own, size in self.sources)
        self._enter(self.i + 1, 0, 0)
        to = self._next()
        if tau > to - self.L:
            return self._stop("the window of a kink is longer than a segment")
        return self._move(to, floor)

    def _projection(self) -> list[Whole]:
        """The projection on what is orthogonal to the kinks that are kept, rounded down."""
        d, slides, (adjugate, det) = self.G.d, self.piece.slides, self.piece.gram
        X = [self.G.lines[k].x for k in slides]
        Y = [[sum(map(mul, row, column)) for column in zip(*X, strict=True)] for row in adjugate]
        columns = list(zip(*Y, strict=True)) if slides else [()] * d
        rows = list(zip(*X, strict=True)) if slides else [()] * d
        return [
            [(ONE if i == k else 0) + (-sum(map(mul, rows[i], columns[k])) << BITS) // det for k in range(d)]
            for i in range(d)
        ]

    # -- v changes its sign ----------------------------------------------------------------------------------

    def _near(self) -> bool:
        """Whether |v| is so small that the next thing is its change of sign."""
        return 400 * (self.line.at(self.L)[0] + self.c[0]) <= -(self.line.foot + self.c[0])

    def _turn(self) -> bool:
        """Q3: v changes its sign beyond this station, and W comes back to it on the same line (L11.13)."""
        if self.c[1] >= 0 or self.table.etas[self.q] >= self.limit:
            return self._stop("v may keep its sign, or the neuron a kink on which it starts")
        line, table, B = self.line, self.table, self.table.sizes[self.q]
        root, size = sqrt_down(-self.c[1]), sqrt_up(line.at(self.L)[1])
        D, far = table.reach(self.base + self.phi), self.L
        for _ in range(6):
            goal = max(0, root - D - (D >> 10) - (root >> 40))
            inside = line.b[0] ** 2 - line.square[0] * (line.a[0] - (goal * goal >> BITS)) >> BITS
            if inside <= 0:
                return self._stop("it is not certain that v changes its sign")
            far = max(self.L, ((-line.b[0] - sqrt_down(inside)) << BITS) // line.square[0])
            longer = self.phi + 2 * mul_up(B, far - self.L)
            D = table.reach(self.base + longer)
        turned = sqrt_up(line.at(far)[1]) + D < root and line.slope(far)[1] < 0
        height = -line.slope(far)[1] - mul_up(line.speed, D) - mul_up(table.etas[self.q], size + D)
        if not turned or height <= 0 or not self._apart(far, longer, list(self.piece.sides)):
            return self._stop("it is not certain that v changes its sign")
        fast = mul_up(size + D, size + D) + self.c[1]
        self.late += div_up(2 * sqrt_up(fast), height)
        self.fresh.append(Span(self.early, self.late, fast + mul_up(size + D, size + D), D, self.L, self.phi))
        self._enter(self.i + 1, -self.L, longer)
        return True


def _row(x: Whole, P: list[Whole]) -> Whole:
    """x^T P."""
    return [sum(map(mul, x, column)) for column in zip(*P, strict=True)]


def _carried(source: Source, x: Whole, a: Sequence[Fraction], largest: int) -> Source:
    """(I + a x^T) P: every entry is rounded by at most two units."""
    P, phi, norm = source
    row = _row(x, P)
    shift = max(v.bit_length() for v in row) + 1
    factors = [(v.numerator << shift) // v.denominator for v in a]
    new = [
        [v + (f * r >> shift) for v, r in zip(own, row, strict=True)]
        for own, f in zip(P, factors, strict=True)
    ]
    return new, phi, min(norm_up(v for own in new for v in own), mul_up(largest, norm) + 2 * len(x))
