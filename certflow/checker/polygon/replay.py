"""Q2 and Q9: the limit flow of a neuron is an exact polygon, replayed in whole numbers from the list of
kinks on which it slides; and where it branches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import mul

from ..kernel.numbers import down, sqrt_down
from ..kernel.reading import Node
from .neuron import Neuron, Vector, Whole, lowest, sign_of

MAX_PIECES = 2_000

ANY = 1 << 4_000
"""More than any fixed-point number that it is compared with."""


@dataclass
class Edge:
    """A straight stretch p = start + L velocity (velocity = s g): the kinks `slides` are kept, `sides`
    are those of the others, `left` those of them that the start lies on. `lock` is m(S), `gram` the
    adjugate and determinant of X_S X_S^T. It ends at L = `length` on the kinks `met` ("vertex") or at w =
    0 ("origin"), never ("ray"), or where v = 0 ("flip"). If it `returns`, it runs back on the piece
    before it, from L < 0.
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
    if given != sorted(set(given)):
        node.fail("expected numbers of kinks in increasing order")
    node.need(set(given) <= set(G.names), "a number is not that of the first sample on a kink", "Q2")
    return [G.names[name] for name in given]


def contacts(G: Neuron, point: Vector) -> Whole:
    """All kinks that a point lies on."""
    return [k for k in G.kinks if point.along(G.lines[k].x) == 0]


def replay(G: Neuron, w: Vector, sign: int, c: Fraction, given: list[Node]) -> list[Edge]:
    """Q2: the pieces of the limit flow from w, each verified and followed to its end (L11.4, L11.5)."""
    pieces: list[Edge] = []
    for node in given:
        G.clock.tick()
        table = node.fields("slides on")
        slides, on = names(G, table["slides"]), names(G, table["on"])
        before = pieces[-1] if pieces else None
        node.need(before is None or before.end in ("vertex", "flip"), "the limit flow has ended before", "Q2")
        if before is not None and before.end == "flip":
            node.need(not (slides or on or before.slides), "v changes its sign here, off all kinks", "Q2")
            back = before.velocity._replace(entries=[-v for v in before.velocity.entries])
            piece = Edge(before.start, -before.sign, back, [], before.sides, [], returns=True)
        else:
            sign = sign if before is None else before.sign
            piece = _leave(G, w if before is None else before.finish(), sign, slides, on, before, node)
        _follow(G, piece, c, node)
        pieces.append(piece)
    return pieces


def _leave(
    G: Neuron, point: Vector, sign: int, slides: Whole, on: Whole, before: Edge | None, node: Node
) -> Edge:
    """Q2: the velocity after a point with these kinks kept and these active, verified at every contact."""
    touched = contacts(G, point)
    once = set(slides) <= set(touched) and set(on) <= set(touched) and not set(slides) & set(on)
    node.need(once, "not all of these kinks meet here", "Q2")
    convex = [k for k in touched if sign * G.lines[k].jump > 0]
    node.need(not set(convex) & set(slides), "a convex kink is not slid on", "Q2")
    alone = len(convex) == 1 and convex == (touched if before is None else before.met)
    node.need(not convex or alone, "a convex kink is met with others: not covered", "Q2")
    sides = {
        k: sign_of(point.along(G.lines[k].x)) or (1 if k in on else -1) for k in G.kinks if k not in slides
    }
    rest = G.gradient([k for k, side in sides.items() if side > 0])
    rows, (adjugate, det) = [G.lines[k].x for k in slides], G.gram(slides)
    node.need(det > 0, "the kinks that are kept are not independent", "Q2")
    pulls = [-sum(map(mul, x, rest)) for x in rows]
    chi = {
        k: Fraction(sum(map(mul, row, pulls)), det * G.lines[k].jump)
        for k, row in zip(slides, adjugate, strict=True)
    }
    inner = all(0 < v < 1 or (v == 0 and G.free(k)) for k, v in chi.items())
    node.need(inner, "a multiplier is not strictly between 0 and 1, nor 0 on a free kink", "Q2")
    left = [k for k in touched if k not in slides]
    piece = Edge(
        point, sign, velocity(G, sign, [k for k, side in sides.items() if side > 0], chi), slides, sides, left
    )
    piece.gram = adjugate, det
    for k in left:
        side = sign_of(piece.velocity.along(G.lines[k].x))
        crossed = before is None or k in before.slides or side == sign_of(before.velocity.along(G.lines[k].x))
        node.need(side == sides[k] and crossed, "a kink is not left to the side that is given", "Q2")
    node.need(any(piece.velocity.entries), "it comes to rest here", "Q2")
    if before is None and convex:
        # It is left to this side for every multiplier.
        (k,), square = convex, G.at(convex[0], G.lines[convex[0]].x)
        slow = abs(piece.velocity.times(G.lines[k].x)) - Fraction(abs(G.lines[k].jump) * square, G.unit)
        node.need(slow > 0, "it may stay on the kink on which it starts, or leave it to both sides", "Q2")
        piece.lock = down(slow / G.lines[k].length)
    for (k, v), own in zip(chi.items(), range(len(slides)), strict=True):
        mu = Fraction(G.lines[k].jump, G.unit) * (min(v, 1 - v) if v else 1)
        piece.lock = min(piece.lock, sqrt_down(down(mu * mu * det / adjugate[own][own])))
    return piece


def _follow(G: Neuron, piece: Edge, c: Fraction, node: Node) -> None:
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
        piece.length, piece.met, piece.end = -inward / square, list(piece.sides), "origin"
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
        (k,) = names(G, Node([name.value], name.where))
        chi[k] = value.rational()
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
    held = [k for k in touched if moved.along(G.lines[k].x) == 0]
    node.need(G.gram(held)[1] > 0, "it is held on kinks that are not independent", "Q9")
    return moved


def part(G: Neuron, start: Vector, sign: int, c: Fraction, pieces: Sequence[Edge], node: Node) -> None:
    """Q9: two solutions of the limit flow part at the end of the pieces (L11.6)."""
    last = pieces[-1] if pieces else None
    if last is None or last.end in ("vertex", "origin"):
        place = start if last is None else last.finish()
        sign = sign if last is None else last.sign
        touched = contacts(G, place)
        on = [k for k in G.kinks if place.along(G.lines[k].x) > 0]
        node.need(any(place.entries) or c > 0, "w = 0 is never reached", "Q9")
    else:
        node.need(last.end == "flip" and bool(last.slides), "nothing is met here", "Q9")
        touched, sign = last.slides, -last.sign
        on = [k for k, side in last.sides.items() if side > 0]
    ways = [admissible(G, way, sign, on, touched) for way in node.items(2)]
    node.need(ways[0] != ways[1], "the two solutions are one", "Q9")
