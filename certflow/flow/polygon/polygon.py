"""The limit flow of one neuron of power 1 is an exact polygon (L11.4, L11.5): followed from vertex to vertex,
with every decision on exact numbers.

In the clock dLambda = (|v| / delta) dt the limit of W = w / delta moves with W' = s g, s the sign of v and g
the element of least norm of the gradients of G at W, and v^2 = |W|^2 + c with c from the start. So it runs
straight until it meets a kink, until v vanishes and changes its sign, or until W = 0.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from certflow.flow.polygon.contacts import (
    MOST_CONTACTS,
    Tie,
    Velocity,
    WholeVector,
    admissible,
    farthest,
    gradient,
    least_norm,
    sliding,
)
from certflow.flow.polygon.reduced import Exact, Reduced
from certflow.flow.polygon.sphere import falling, rising_rays
from certflow.running import tick

MOST_EDGES = 1_000
MOST_BITS = 40_000
"""Bits of a vertex: numbers grow by some ten digits with every kink."""


class End(enum.StrEnum):
    """How a limit flow ends, in the word that a person reads."""

    RAY = "ray"
    """It runs straight for ever."""
    STOPS = "stops"
    """It comes to rest where every sample is inactive or on a concave kink."""
    ORIGIN = "origin"
    """W reaches 0; for c > 0 at a finite time, for c = 0 never."""
    DEAD = "dead"
    """Every sample is strictly inactive from the start."""
    ZERO = "zero"
    """All weights are zero."""
    BRANCHES = "branches"
    """Two solutions part."""
    OPEN = "open"
    """Not decided; with the reason."""


@dataclass(frozen=True)
class Edge:
    """A straight stretch: from `start`, with `velocity` = s g, while v has the sign `sign` (L11.5).

    Its kinks in `slides` are kept with the multipliers `chi`; of the contacts of its start those in `on` are
    active; `sides[k]` is the side (1, -1, or 0 on it) of line k on the edge, 0 also for lines without a
    kink. It ends at `start + length velocity`, never if `length` is None, or where v vanishes if it `flips`.
    A edge that `returns` comes back on the line of the edge before it: it passes its `start` at once or
    later, from where v has changed its sign.
    """

    start: WholeVector
    sign: int
    velocity: WholeVector
    slides: tuple[int, ...]
    chi: tuple[Fraction, ...]
    on: tuple[int, ...]
    sides: tuple[int, ...]
    length: Fraction | None = None
    flips: bool = False
    returns: bool = False
    met: tuple[int, ...] = ()
    """The kinks that are met at the end."""


@dataclass(frozen=True)
class Branching:
    """Two velocities that are both admissible at one point, with the sign of v there (L11.6)."""

    sign: int
    velocities: tuple[Velocity, Velocity]


@dataclass(frozen=True)
class Polygon:
    """The whole limit flow of a neuron, as far as it is unique and decided; `reason` says why not further.
    v^2 - |w|^2 keeps its value `c` (L11.2).
    """

    c: Fraction
    edges: tuple[Edge, ...]
    ending: End
    reason: str = ""
    branching: Branching | None = None
    rest: WholeVector | None = None
    """Where it comes to rest."""


def polygon(G: Reduced, w: Sequence[Fraction], v: Fraction, most: int = MOST_EDGES) -> Polygon:
    """The limit flow from (w, v), of at most `most` edges; deterministic and exact (L11.4 to L11.6)."""
    return _Walk(G, tuple(w), v).run(most)


class _Stop(Exception):
    """The walk ends here."""

    def __init__(self, ending: End, reason: str = "", branching: Branching | None = None) -> None:
        super().__init__(reason)
        self.ending, self.reason, self.branching = ending, reason, branching


class _Walk:
    def __init__(self, G: Reduced, w: Exact, v: Fraction) -> None:
        self.G, self.w, self.v = G, w, v
        self.c = v * v - sum((value * value for value in w), Fraction(0))
        self.edges: list[Edge] = []
        self.point = WholeVector.of(w)
        self.sides = [0] * len(G.lines)
        self.sign = 1 if v > 0 else -1

    def run(self, most: int) -> Polygon:
        try:
            self._enter()
            while len(self.edges) < most:  # ends: every turn adds a edge or raises
                tick()
                self._walk()
            raise _Stop(End.OPEN, f"the limit flow meets more than {most} kinks")
        except Tie as error:
            return self._found(_Stop(End.OPEN, str(error)))
        except _Stop as end:
            return self._found(end)

    def _found(self, end: _Stop) -> Polygon:
        rest = self.point if end.ending is End.STOPS else None
        return Polygon(self.c, tuple(self.edges), end.ending, end.reason, end.branching, rest)

    # -- the start -------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        """The first velocity (P1, P2 at the start, and v = 0 there)."""
        G = self.G
        if not any(self.w) and self.v == 0:
            raise _Stop(End.ZERO)
        if self._dead():
            raise _Stop(End.DEAD)
        if not any(self.w):
            self._origin()
        for k in G.kinks:
            self.sides[k] = _sign(self.point.along(G.lines[k].x))
        if self.v == 0:
            on = [k for k in G.kinks if self.sides[k] > 0]
            height = WholeVector.over(gradient(G, on), G.unit).along(self.point.entries)
            if height == 0:
                raise _Stop(End.OPEN, "v = 0 at the start, and G = 0 there, so that v has no sign")
            self.sign = _sign(height)
        contacts = [k for k in G.kinks if self.sides[k] == 0]
        if self._rests(contacts):
            raise _Stop(End.STOPS)
        self.moving = self._leaving(contacts)

    def _leaving(self, contacts: list[int]) -> Velocity:
        """The one velocity at a start with these contacts."""
        G, convex = self.G, [k for k in contacts if self._convex(k)]
        on = [k for k in G.kinks if self.sides[k] > 0]
        if not convex:
            return least_norm(G, self.sign, on, contacts, contacts)
        if len(contacts) > MOST_CONTACTS:
            raise Tie("the kinks that meet at the start are too many to be decided")
        ways = admissible(G, self.sign, on, contacts)
        if len(ways) > 1:
            branching = Branching(self.sign, (ways[0], ways[1]))
            raise _Stop(End.BRANCHES, "it starts on a kink from which it may leave to both sides", branching)
        if len(ways) == 1 and len(convex) == 1:
            n = convex[0]
            others = [k for k in contacts if k != n]
            off, up = (least_norm(G, self.sign, [*on, *extra], others, others) for extra in ([], [n]))
            x = G.lines[n].x
            if off.vector.along(x) * up.vector.along(x) > 0:
                return ways[0]
        raise Tie("it starts on a kink, and no uniqueness is proved there")

    def _dead(self) -> bool:
        G = self.G
        inputs = [i for i, row in enumerate(G.x) if any(row)]
        return (G.alpha == 0 or not inputs) and all(G.active(i, self.w) < 0 for i in inputs)

    def _rests(self, contacts: Sequence[int]) -> bool:
        """Whether every sample is inactive here, or on an independent concave kink with all its samples on
        one side (L11.23).
        """
        G, here = self.G, set(contacts)
        if G.alpha != 0 or any(self._convex(k) for k in contacts):
            return False
        for k, line in enumerate(G.lines):
            side = _sign(self.point.along(line.x))
            if side == 0 and (k not in here or any(factor < 0 for _, factor in line.members)):
                return False
            if side and any(side * factor > 0 for _, factor in line.members):
                return False
        return sliding(G, self.sign, [0] * G.inputs, contacts) is not None

    def _convex(self, k: int) -> bool:
        return self.sign * self.G.whole_jumps[k] > 0

    # -- one edge -------------------------------------------------------------------------------------------

    def _walk(self) -> None:
        """Follow the velocity to the next event, and find the velocity after it."""
        G, moving = self.G, self.moving
        sides = list(self.sides)
        for k in moving.on:
            sides[k] = 1
        for k in moving.slides:
            sides[k] = 0
        for k in G.kinks:
            if sides[k] == 0 and k not in moving.slides:
                sides[k] = -1
        self.sides = sides
        edge = Edge(self.point, self.sign, moving.vector, moving.slides, moving.chi, moving.on, tuple(sides))
        if not any(moving.vector.entries):
            raise _Stop(End.OPEN, "it comes to rest on kinks, and it is not proved to stay there")
        self._follow(edge)

    def _follow(self, edge: Edge) -> None:
        """The event at the end of a edge: the origin, a flip, kinks that are met, or none."""
        length, met = self._next(edge)
        to_origin = self._to_origin(edge)
        if self._flips(edge, length):
            self._flip(edge)
            return
        if to_origin is not None:
            met = tuple(k for k in self.G.kinks if k not in edge.slides)
            self.edges.append(_ended(edge, to_origin, met))
            self.point = WholeVector(tuple([0] * self.G.inputs), 1)
            self._origin()
        if length is None:
            self.edges.append(edge)
            raise _Stop(End.RAY)
        self.edges.append(_ended(edge, length, met))
        self.point = _moved(edge, length)
        if sum(v.bit_length() for v in self.point.entries) > MOST_BITS * self.G.inputs:
            raise _Stop(End.OPEN, f"its vertices have more than {MOST_BITS} bits")
        self._meet(edge, met)

    def _next(self, edge: Edge) -> tuple[Fraction | None, tuple[int, ...]]:
        """When the next kinks are met, and which; a edge that returns meets those at its start at once."""
        best: tuple[int, int] | None = None
        met: list[int] = []
        for k in self.G.kinks:
            side = edge.sides[k]
            if side == 0:
                continue
            x = self.G.lines[k].x
            speed = side * edge.velocity.along(x)
            if speed >= 0:
                continue
            distance = side * edge.start.along(x)
            if distance == 0 and not edge.returns:
                continue
            if best is None or distance * best[1] < best[0] * -speed:
                best, met = (distance, -speed), [k]
            elif distance * best[1] == best[0] * -speed:
                met.append(k)
        if best is None:
            return None, ()
        return Fraction(best[0] * edge.velocity.unit, best[1] * edge.start.unit), tuple(met)

    def _to_origin(self, edge: Edge) -> Fraction | None:
        """When W = 0 on this line; None if it is not met."""
        p, u = edge.start, edge.velocity
        i = next(i for i, value in enumerate(u.entries) if value)
        if p.entries[i] * u.entries[i] >= 0:
            return None
        if any(p.entries[k] * u.entries[i] != p.entries[i] * u.entries[k] for k in range(len(u.entries))):
            return None
        return Fraction(-p.entries[i] * u.unit, u.entries[i] * p.unit)

    def _flips(self, edge: Edge, length: Fraction | None) -> bool:
        """Whether v vanishes before the event (P4)."""
        if self.c >= 0 or edge.returns:
            return False
        inward = Fraction(edge.start.along(edge.velocity.entries), edge.start.unit * edge.velocity.unit)
        if inward >= 0:
            return False
        square = edge.velocity.square
        foot = -inward / square
        at = foot if length is None else min(foot, length)
        lowest = edge.start.square + 2 * inward * at + square * at * at + self.c
        if lowest == 0:
            raise _Stop(End.OPEN, "v vanishes without a change of sign, or just where a kink is met")
        return lowest < 0

    def _flip(self, edge: Edge) -> None:
        """v changes its sign, and the same line is retraced (P4); on kinks, two solutions part."""
        self.edges.append(Edge(**{**vars(edge), "flips": True}))
        sign = -edge.sign
        if edge.slides:
            if len(edge.slides) > MOST_CONTACTS:
                raise _Stop(End.OPEN, "v changes its sign on too many kinks")
            on = [k for k in self.G.kinks if edge.sides[k] > 0]
            held = Velocity(-edge.velocity, edge.slides, edge.chi)
            branching = Branching(sign, (held, farthest(self.G, sign, on, edge.slides)))
            raise _Stop(End.BRANCHES, "v changes its sign while the neuron slides on a kink", branching)
        self.sign = sign
        back = Edge(edge.start, sign, -edge.velocity, (), (), (), edge.sides, returns=True)
        self._follow(back)

    # -- events ----------------------------------------------------------------------------------------------

    def _meet(self, edge: Edge, met: tuple[int, ...]) -> None:
        """The velocity after kinks are met (P1, P2, P6)."""
        G = self.G
        contacts = [*edge.slides, *met]
        for k in contacts:
            self.sides[k] = 0
        if self._rests(contacts):
            raise _Stop(End.STOPS)
        convex = [k for k in met if self._convex(k)]
        on = [k for k in G.kinks if self.sides[k] > 0]
        if not convex:
            self.moving = least_norm(G, self.sign, on, contacts, contacts)
            return
        if len(met) > 1:
            raise Tie("several kinks are met at once, and one of them pushes the flow away")
        (n,) = met
        # It is crossed: the speed across a convex kink does not fall (L11.4).
        side = _sign(edge.velocity.along(G.lines[n].x))
        crossing = least_norm(G, self.sign, [*on, n] if side > 0 else on, edge.slides, edge.slides)
        self.moving = Velocity(
            crossing.vector,
            crossing.slides,
            crossing.chi,
            tuple(sorted([*crossing.on, n])) if side > 0 else crossing.on,
        )

    def _origin(self) -> None:
        """W = 0 is reached, or there from the start (P5)."""
        if self.c <= 0:
            raise _Stop(End.ORIGIN)
        if self._rests(self.G.kinks):
            raise _Stop(End.STOPS)
        few = len(self.G.kinks) <= MOST_CONTACTS
        ways = admissible(self.G, self.sign, [], self.G.kinks) if few else rising_rays(self.G, self.sign)
        if ways is None:
            raise _Stop(End.OPEN, "w = 0 is reached, and the kinks are too many to say what follows")
        # Two that leave, if there are two, say more than one and rest.
        ways.sort(key=lambda way: not any(way.vector.entries))
        if len(ways) >= 2:
            branching = Branching(self.sign, (ways[0], ways[1]))
            here = "w reaches 0" if self.edges else "w = 0 at the start"
            stays = not all(any(way.vector.entries) for way in ways[:2])
            more = "where it may stay, or leave" if stays else "from where it may leave in several directions"
            raise _Stop(End.BRANCHES, f"{here}, {more}", branching)
        if any(any(way.vector.entries) for way in ways) or falling(self.G, self.sign) is None:
            raise _Stop(End.OPEN, "w = 0 is reached, and it is not proved to stay there")
        raise _Stop(End.ORIGIN)


def _ended(edge: Edge, length: Fraction, met: tuple[int, ...]) -> Edge:
    return Edge(**{**vars(edge), "length": length, "met": met})


def _moved(edge: Edge, length: Fraction) -> WholeVector:
    p, u = edge.start, edge.velocity
    a, b = length.numerator * p.unit, length.denominator * u.unit
    return WholeVector.over([v * b + a * w for v, w in zip(p.entries, u.entries, strict=True)], p.unit * b)


def _sign(value: int | Fraction) -> int:
    return (value > 0) - (value < 0)
