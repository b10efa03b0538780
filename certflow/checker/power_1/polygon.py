"""Q1 and Q2: one neuron with its kinks in canonical form, and its limit flow, an exact polygon, replayed in whole
numbers from the list of kinks on which it slides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import comb, gcd, lcm
from operator import mul
from typing import NamedTuple

from ..kernel.numbers import down, root_up, sqrt_down
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock

MAX_PIECES, MAX_SPAN, MAX_WORK = 2_000, 8, 3_000_000
"""Pieces of one polygon; kinks through one ray, and products of inputs, with which the sphere is searched."""

ANY = 1 << 200 * 20
"""More than any fixed-point number that it is compared with."""

Whole = list[int]


class Vector(NamedTuple):
    """entries / unit, unit > 0, in lowest terms."""

    entries: Whole
    unit: int

    def along(self, x: Sequence[int]) -> int:
        """x times the entries; its sign is that of x times the vector."""
        return sum(map(mul, x, self.entries))

    def times(self, x: Sequence[int]) -> Fraction:
        """x times the vector."""
        return Fraction(self.along(x), self.unit)

    def inner(self, other: Vector) -> Fraction:
        """The inner product."""
        return Fraction(self.along(other.entries), self.unit * other.unit)


def lowest(entries: Whole, unit: int) -> Vector:
    """The vector entries / unit in lowest terms; unit > 0."""
    divisor = gcd(unit, *entries)
    return Vector([v // divisor for v in entries], unit // divisor)


def vector(values: Sequence[Fraction]) -> Vector:
    """The vector of these numbers."""
    unit = lcm(*(v.denominator for v in values))
    return Vector([v.numerator * (unit // v.denominator) for v in values], unit)


class Line(NamedTuple):
    """The samples on one line through 0: the number of the first, the primitive whole vector x in its direction,
    the jump j (in units of 1/`unit`), and c_i of every sample i, which is c_i x.
    """

    first: int
    x: Whole
    jump: int
    members: dict[int, Fraction]


class Neuron:
    """Q1: G(w) = b.w + sum_C j_C (x_C.w)_+ of a problem, exactly (L11.1); b and all j_C in units of 1/`unit`."""

    def __init__(self, problem: Problem, clock: Clock) -> None:
        self.d, self.clock, self.alpha = len(problem.features[0]), clock, problem.alpha
        self.samples = {i: x for i, x in enumerate(problem.features) if any(x)}
        found: dict[tuple[int, ...], Line] = {}
        for i, x in self.samples.items():
            clock.tick()
            whole = vector(x)
            divisor = gcd(*whole.entries)
            entries = tuple(v // divisor for v in whole.entries)
            opposite = tuple(-v for v in entries)
            factor = Fraction(divisor, whole.unit)
            if opposite in found:
                found[opposite].members[i] = -factor
            else:
                found.setdefault(entries, Line(i, list(entries), 0, {})).members[i] = factor
        a, z = problem.alpha, problem.z
        jumps = [
            (1 - a) * sum((z[i] * abs(c) for i, c in C.members.items()), Fraction(0)) for C in found.values()
        ]
        b = [a * sum((z[i] * x[k] for i, x in self.samples.items()), Fraction(0)) for k in range(self.d)]
        for line in found.values():
            back = (1 - a) * sum((z[i] * -c for i, c in line.members.items() if c < 0), Fraction(0))
            b = [v - back * entry for v, entry in zip(b, line.x, strict=True)]
        self.unit = lcm(*(v.denominator for v in (*jumps, *b)))
        self.b = [int(v * self.unit) for v in b]
        self.lines = [C._replace(jump=int(j * self.unit)) for C, j in zip(found.values(), jumps, strict=True)]
        self.kinks = [k for k, line in enumerate(self.lines) if line.jump]
        self.names = {self.lines[k].first: k for k in self.kinks}

    def gradient(self, on: Sequence[int]) -> Whole:
        """g with these kinks active and no other, in units of 1/`unit`."""
        g = self.b
        for k in on:
            g = [v + self.lines[k].jump * x for v, x in zip(g, self.lines[k].x, strict=True)]
        return g

    def value(self, w: Sequence[int]) -> int:
        """G at a whole vector, in units of 1/`unit`."""
        return sum(map(mul, self.gradient([k for k in self.kinks if self.at(k, w) > 0]), w))

    def at(self, k: int, w: Sequence[int]) -> int:
        """The argument of a kink."""
        return sum(map(mul, self.lines[k].x, w))

    def rays(self) -> Iterator[Whole] | None:
        """Both directions of every line in which d - 1 independent kinks meet, or coordinate planes besides, so that
        they span the space; None if they are too many (L11.7).
        """
        n = len(self.kinks) + self.d
        if 2 * comb(n, self.d - 1) * 3 ** (self.d - 1) * n * self.d > MAX_WORK:
            return None
        planes = [self.lines[k].x for k in self.kinks]
        for k in range(self.d):
            axis = [int(i == k) for i in range(self.d)]
            planes += [axis] if len(_basis([*planes, axis])) > len(_basis(planes)) else []
        return (
            ray for rows in combinations(planes, self.d - 1) for ray in _meeting(rows, self.d, self.clock)
        )

    def fall(self, sign: int) -> Fraction | None:
        """The square of an m0 > 0 with s G(u) <= -m0 |u| for all u, None if there is none (L11.24)."""
        rays, least = self.rays(), None
        for ray in rays or ():
            height = sign * self.value(ray)
            if height >= 0:
                return None
            square = Fraction(height * height, self.unit**2 * sum(map(mul, ray, ray)))
            least = square if least is None else min(least, square)
        return least

    def largest(self, rough: Fraction) -> Fraction:
        """An upper bound of |G| on the unit sphere: that of all its critical points, face by face of the cells, or
        `rough` if they are too many (L11.7).
        """
        best = Fraction(0)
        rays = self.rays()
        for ray in () if rays is None else rays:
            fixed = {k: self.at(k, ray) for k in self.kinks}
            free = [k for k, side in fixed.items() if side == 0]
            if len(free) > MAX_SPAN:
                return rough
            for states in product((0, 1, -1), repeat=len(free)):
                self.clock.tick()
                sides = fixed | dict(zip(free, states, strict=True))
                g = [Fraction(v) for v in self.gradient([k for k, side in sides.items() if side > 0])]
                for row in _basis([self.lines[k].x for k, side in sides.items() if side == 0]):
                    factor = sum(map(mul, g, row)) / sum(map(mul, row, row))
                    g = [v - factor * r for v, r in zip(g, row, strict=True)]
                signs = {
                    _sign(sum(map(mul, g, self.lines[k].x))) * _sign(side)
                    for k, side in sides.items()
                    if side
                }
                # The critical point is in the face itself, for s = 1 or s = -1.
                if len(signs) <= 1 and 0 not in signs:
                    best = max(best, sum(map(mul, g, g)) / self.unit**2)
        return rough if rays is None else min(rough, root_up(best, 2))


def _basis(rows: Sequence[Sequence[int]]) -> list[list[Fraction]]:
    """An orthogonal basis of the span of the rows."""
    basis: list[list[Fraction]] = []
    for given in rows:
        row = [Fraction(v) for v in given]
        for other in basis:
            factor = sum(map(mul, row, other)) / sum(map(mul, other, other))
            row = [v - factor * w for v, w in zip(row, other, strict=True)]
        basis += [row] if any(row) else []
    return basis


def _meeting(rows: Sequence[Whole], d: int, clock: Clock) -> list[Whole]:
    """Both directions of the line orthogonal to d - 1 rows; none if they are dependent."""
    clock.tick()
    basis = _basis(rows)
    if len(basis) < d - 1:
        return []
    for k in range(d):
        axis = [Fraction(int(i == k)) for i in range(d)]
        for row in basis:
            factor = row[k] / sum(map(mul, row, row))
            axis = [v - factor * w for v, w in zip(axis, row, strict=True)]
        if any(axis):
            whole = vector(axis).entries
            return [whole, [-v for v in whole]]
    return []


def _sign(value: int | Fraction) -> int:
    return (value > 0) - (value < 0)


def inverse(matrix: list[Whole]) -> tuple[list[Whole], int]:
    """The adjugate and the determinant of a positive semidefinite whole matrix; determinant 0 if it is singular."""
    rows = [[*row, *(int(i == k) for k in range(len(matrix)))] for i, row in enumerate(matrix)]
    last = 1
    for k in range(len(matrix)):
        pivot = rows[k][k]
        if pivot == 0:
            return [], 0
        # Every division is exact (Bareiss).
        rows = [
            row if i == k else [(pivot * v - row[k] * w) // last for v, w in zip(row, rows[k], strict=True)]
            for i, row in enumerate(rows)
        ]
        last = pivot
    return [row[len(matrix) :] for row in rows], last


@dataclass
class Piece:
    """A straight stretch p = start + L velocity (velocity = s g): the kinks `slides` are kept, `sides` are those of
    the others, `left` those of them that the start lies on. `lock` is m(S), `gram` the adjugate and determinant of
    X_S X_S^T. It ends at L = `length` on the kinks `met` ("vertex") or at w = 0 ("origin"), never ("ray"), or
    where v = 0 ("flip"). If it `returns`, it runs back on the piece before it, from L < 0.
    """

    start: Vector
    sign: int
    velocity: Vector
    slides: Whole
    sides: dict[int, int]
    left: Whole
    lock: int = ANY
    gram: tuple[list[Whole], int] = ([], 1)
    length: Fraction | None = None
    met: Whole | None = None
    end: str = "ray"
    returns: bool = False

    def finish(self) -> Vector:
        """The point at L = `length`."""
        p, u, L = self.start, self.velocity, self.length or Fraction(0)
        a, b = L.denominator * u.unit, L.numerator * p.unit
        return lowest([a * v + b * w for v, w in zip(p.entries, u.entries, strict=True)], p.unit * a)


def velocity(G: Neuron, sign: int, on: Sequence[int], chi: dict[int, Fraction]) -> Vector:
    """s g with kinks `on` active and the multipliers `chi` of others."""
    whole = lcm(*(v.denominator for v in chi.values()))
    g = [whole * v for v in G.gradient(on)]
    for k, v in chi.items():
        factor = int(v * whole) * G.lines[k].jump
        g = [a + factor * x for a, x in zip(g, G.lines[k].x, strict=True)]
    return lowest([sign * v for v in g], whole * G.unit)


def names(G: Neuron, node: Node) -> Whole:
    """Kinks by the numbers of their first samples, in increasing order."""
    given = node.integers(0, len(G.kinks))
    if given != sorted(set(given)) or any(name not in G.names for name in given):
        node.fail("expected numbers of kinks in increasing order")
    return [G.names[name] for name in given]


def contacts(G: Neuron, point: Vector) -> Whole:
    """All kinks that a point lies on."""
    return [k for k in G.kinks if point.along(G.lines[k].x) == 0]


def replay(G: Neuron, w: Vector, sign: int, c: Fraction, given: list[Node]) -> list[Piece]:
    """Q2: the pieces of the limit flow from w, each verified and followed to its end (L11.4, L11.5)."""
    pieces: list[Piece] = []
    for node in given:
        G.clock.tick()
        table = node.fields("slides on")
        slides, on = names(G, table["slides"]), names(G, table["on"])
        before = pieces[-1] if pieces else None
        node.need(before is None or before.end in ("vertex", "flip"), "the limit flow has ended before", "Q2")
        if before is not None and before.end == "flip":
            node.need(not (slides or on or before.slides), "v changes its sign here, off all kinks", "Q2")
            back = before.velocity._replace(entries=[-v for v in before.velocity.entries])
            piece = Piece(before.start, -before.sign, back, [], before.sides, [], returns=True)
        else:
            sign = sign if before is None else before.sign
            piece = _leave(G, w if before is None else before.finish(), sign, slides, on, before, node)
        _follow(G, piece, c, node)
        pieces.append(piece)
    return pieces


def _leave(
    G: Neuron, point: Vector, sign: int, slides: Whole, on: Whole, before: Piece | None, node: Node
) -> Piece:
    """Q2: the velocity after a point with these kinks kept and these active, verified at every contact."""
    touched = contacts(G, point)
    once = set(slides) <= set(touched) and set(on) <= set(touched) and not set(slides) & set(on)
    node.need(once, "not all of these kinks meet here", "Q2")
    convex = [k for k in touched if sign * G.lines[k].jump > 0]
    node.need(not set(convex) & set(slides), "a convex kink is not slid on", "Q2")
    alone = before is not None and before.met == convex and len(convex) == 1
    node.need(not convex or alone, "a convex kink is met with others, or at the start: not covered", "Q2")
    sides = {
        k: _sign(point.along(G.lines[k].x)) or (1 if k in on else -1) for k in G.kinks if k not in slides
    }
    rest = G.gradient([k for k, side in sides.items() if side > 0])
    rows = [G.lines[k].x for k in slides]
    adjugate, det = inverse([[sum(map(mul, x, y)) for y in rows] for x in rows])
    node.need(det > 0, "the kinks that are kept are not independent", "Q2")
    pulls = [-sum(map(mul, x, rest)) for x in rows]
    chi = {
        k: Fraction(sum(map(mul, row, pulls)), det * G.lines[k].jump)
        for k, row in zip(slides, adjugate, strict=True)
    }
    node.need(all(0 < v < 1 for v in chi.values()), "a multiplier is not strictly between 0 and 1", "Q2")
    left = [k for k in touched if k not in slides]
    piece = Piece(
        point, sign, velocity(G, sign, [k for k, side in sides.items() if side > 0], chi), slides, sides, left
    )
    piece.gram = adjugate, det
    for k in left:
        side = _sign(piece.velocity.along(G.lines[k].x))
        crossed = before is None or k in before.slides or side == _sign(before.velocity.along(G.lines[k].x))
        node.need(side == sides[k] and crossed, "a kink is not left to the side that is given", "Q2")
    node.need(any(piece.velocity.entries), "it comes to rest here", "Q2")
    for (k, v), own in zip(chi.items(), range(len(slides)), strict=True):
        mu = Fraction(G.lines[k].jump, G.unit) * min(v, 1 - v)
        piece.lock = min(piece.lock, sqrt_down(down(mu * mu * det / adjugate[own][own])))
    return piece


def _follow(G: Neuron, piece: Piece, c: Fraction, node: Node) -> None:
    """Q2: where a piece ends: w = 0, a flip, the kinks that are met first, or nowhere."""
    p, u = piece.start, piece.velocity
    for k, side in piece.sides.items():
        speed, distance = -side * u.along(G.lines[k].x), side * p.along(G.lines[k].x)
        # A contact of the start is left, but met again on the way back.
        if speed > 0 and (distance or piece.returns):
            at = Fraction(distance * u.unit, speed * p.unit)
            if piece.length is None or at < piece.length:
                piece.length, piece.met, piece.end = at, [], "vertex"
            if at == piece.length:
                piece.met = [*(piece.met or []), k]
    inward, square = p.inner(u), u.inner(u)
    if inward < 0 and inward * inward == square * p.inner(p):
        piece.length, piece.met, piece.end = -inward / square, None, "origin"
    if c < 0 and inward < 0 and not piece.returns:
        foot = -inward / square
        at = foot if piece.length is None else min(foot, piece.length)
        least = p.inner(p) + at * (2 * inward + at * square) + c
        node.need(least != 0, "v vanishes without changing its sign, or on a kink: not covered", "Q2")
        if least < 0:
            piece.length, piece.met, piece.end = None, None, "flip"


def admissible(G: Neuron, node: Node, sign: int, on: Sequence[int], touched: Sequence[int]) -> Vector:
    """Q9: a velocity with which a solution leaves a point on the kinks `touched`, with those in `on` active
    besides (L11.6).
    """
    table = node.fields("slides on")
    chi: dict[int, Fraction] = {}
    for pair in table["slides"].items(0, len(touched)):
        name, value = pair.items(2)
        if name.value not in G.names or type(name.value) is not int:
            pair.fail("expected the number of a kink")
        chi[G.names[name.value]] = value.rational()
    active = names(G, table["on"])
    once = {*chi, *active} <= set(touched) and not set(chi) & set(active)
    node.need(
        once and all(0 <= v <= 1 for v in chi.values()),
        "these are no multipliers of kinks that meet here",
        "Q9",
    )
    moved = velocity(G, sign, [*on, *active], chi)
    for k in touched:
        side = moved.along(G.lines[k].x)
        multiplier = chi.get(k, Fraction(int(k in active)))
        kept = side == 0 or multiplier == (1 if side > 0 else 0)
        node.need(kept, "no solution leaves with this velocity", "Q9")
    # Only on independent kinks every choice of multipliers is one of Clarke's gradients.
    rows = [G.lines[k].x for k in touched if moved.along(G.lines[k].x) == 0]
    independent = inverse([[sum(map(mul, x, y)) for y in rows] for x in rows])[1] > 0
    node.need(independent, "it is held on kinks that are not independent", "Q9")
    return moved
