"""Q8: what becomes of a neuron after the end of the table, until |w| = R or for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..kernel.numbers import ONE, enclosed, fraction, root_down, root_up, rounded, sqrt_down, sqrt_up, up
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from ..polygon.neuron import Line, Neuron, Vector, Whole
from ..polygon.replay import ANY
from ..polygon.tube import Walk

HALF_ROOT = root_up(Fraction(1, 2), 2)
"""1/sqrt 2: what an angle of w is as an angle of (w, v), where |w| = |v|."""


@dataclass(frozen=True)
class Size:
    """How large all weights are, in the units of the certificate: A <= `first` at the end of the table, A
    <= `last` as long as anything is claimed (without a radius for ever); |forcing| <= K A.
    """

    K: Fraction
    first: Fraction
    last: Fraction

    @property
    def eta(self) -> Fraction:
        """The largest forcing."""
        return self.K * self.last


@dataclass(frozen=True)
class Theorem:
    """What is proved of all neurons: sizes up to the time `T` and until |w| = `R` (None: for ever), for
    delta up to `delta`. `scale` times a mass is a size then; `square` is the mass at the start, `most`
    the largest up to T, `largest` the maximum of |G| on the unit sphere.
    """

    problem: Problem
    clock: Clock
    epsilon: Fraction
    delta: Fraction
    R: Fraction | None
    T: Fraction
    size: Size
    scale: Fraction
    square: Fraction
    most: Fraction
    largest: Fraction


@dataclass(frozen=True)
class Cone:
    """A neuron in its final cone (L11.18 to L11.20): D' <= -gamma D + K A while D < `limit`, its mass
    grows at least at the rate `nu` from `least`; `D` and `psi` at the end of the table. In a vertex D = 0
    for ever, and K = 0. All directions in it turn to its axis if it is `strict`.
    """

    D: Fraction
    psi: Fraction
    limit: Fraction
    gamma: Fraction
    K: Fraction
    nu: Fraction
    least: Fraction
    strict: bool


@dataclass(frozen=True)
class Fate:
    """Where a neuron ends: (ln |w|)' <= `rate` after the end of the table; its output is 0 then, unless it is
    in a `cone`, or shrinks from a mass of at most `rest`.
    Its direction is that of `point` (each entry up to one unit, or `exact`) up to `angle`, or goes there in a
    `cone`; N there is sign |u|/2 with |u|^2 = `square`.
    """

    rate: Fraction
    rest: Fraction = Fraction(0)
    point: Whole | None = None
    sign: int = 0
    square: Fraction = Fraction(0)
    angle: Fraction = Fraction(0)
    cone: Cone | None = None
    known: bool = True
    exact: bool = False

    def scaled(self, unit: Fraction) -> Fate:
        """The same with masses over this unit."""
        cone = None if self.cone is None else replace(self.cone, least=self.cone.least / unit)
        return replace(self, rest=self.rest / unit, cone=cone)


def arc(x: Fraction, node: Node) -> Fraction:
    """An upper bound of arcsin x for 0 <= x <= 1/2."""
    node.need(x <= Fraction(1, 2), "a direction is not close to its limit", "Q8")
    return x + x**3 / 4


def converges(walk: Walk, size: Size, node: Node, cone: Node) -> Fate:
    """The last piece is a ray that is surely entered: the final cone around it, or a vertex (L11.18, L11.19,
    L11.20).
    """
    G, T = walk.G, walk.table.ends[-1]
    ray = walk.covers and walk.piece.end == "ray" and walk.entered is not None and walk.entered <= T
    node.need(ray, f"the last piece is not proved to be reached: {walk.why}", "Q8")
    piece, line, c = walk.piece, walk.line, walk.c
    p, u = piece.start, piece.velocity
    square = u.inner(u)
    g = root_down(square, 2)
    across = sqrt_up(up(p.inner(p) - p.inner(u) ** 2 / square))
    tan, ahead, least = Fraction(0), ANY, ANY
    for span in walk.spans[walk.opened :]:
        G.clock.tick()
        if span.early <= T + 1 and span.late >= T:
            y = line.slope(span.begin)[0] * ONE // line.speed - span.D
            node.need(y > 0, "it may not have turned to its ray", "Q8")
            far = sqrt_down(line.at(span.begin)[0]) - span.D
            tan = max(tan, Fraction(across + span.D, y))
            ahead, least = min(ahead, y), min(least, far)
    low, high = (Fraction(v) / ahead**2 * ONE for v in c)
    mass = 2 * fraction(least) ** 2 + fraction(c[0])
    vertex = len(piece.slides) == G.d - 1 and walk.certain and size.eta < fraction(piece.lock)
    D, D0 = Fraction(0), Fraction(0)
    if not vertex:
        D, D0 = rounded(tan - tan**3 / 3 + tan**5 / 5, True), cone.rational()
        cone.need(D < D0 <= Fraction(1, 2), "it is not in this cone at the end of the table", "Q8")
    sin, cos = D0 - D0**3 / 6 + D0**5 / 120, 1 - D0 * D0 / 2
    spread, strict = Fraction(0), True
    for k in G.kinks:
        x, jump, length = G.lines[k].x, Fraction(G.lines[k].jump, G.unit), G.lines[k].length
        # Kinks that meet the cone, or hold the flow, may change the gradient.
        if k in piece.slides or u.times(x) ** 2 <= length**2 * square * sin**2:
            if piece.sign * jump > 0:
                # A free kink that is off stays off, wherever the others lead (L11.29).
                off = G.free(k) and piece.sides[k] < 0
                cone.need(off, "a convex kink meets the cone", "Q8")
                strict = False
                continue
            spread += abs(jump) * length
    slowest, fastest = min(Fraction(1), 1 + low), 1 + (sin / cos) ** 2 + max(high, Fraction(0))
    node.need(slowest > 0 and mass > 0, "v may be too small at the end of the table", "Q8")
    skew = max(abs(fraction(v)) for v in c) / mass
    psi = arc(skew, node) / 2
    gamma = root_down(slowest, 2) * g * (1 - D0 * D0 / 6) * (1 - D0 * D0 / 2)
    nu = 2 * root_down(1 - skew * skew, 2) * (g * cos - spread * sin - size.eta)
    node.need(nu > 0, "the forcing may be too large up to the radius", "Q8")
    K = Fraction(0) if vertex else rounded(root_up(fastest, 2) * size.K, True)
    found = Cone(D, psi, D0, rounded(gamma, False), K, rounded(nu, False), rounded(mass, False), strict)
    return Fate(root_up(square, 2), point=_balanced(u, piece.sign), sign=1, square=square, cone=found)


def shrinks(walk: Walk, size: Size, node: Node) -> Fate:
    """Exactly balanced on a vertex, straight to 0, which is never reached (L11.25)."""
    entered = walk.covers and walk.entered is not None and walk.entered <= walk.table.ends[-1]
    node.need(entered, f"the last piece is not proved to be reached: {walk.why}", "Q8")
    piece = walk.piece
    square = piece.velocity.inner(piece.velocity)
    held = len(piece.slides) == walk.G.d - 1 and size.eta < min(fraction(piece.lock), root_down(square, 2))
    node.need(walk.c == (0, 0) and piece.end == "origin" and held, "it need not shrink for ever", "Q8")
    back = piece.velocity._replace(entries=[-v for v in piece.velocity.entries])
    point = _balanced(back, piece.sign)
    return Fate(Fraction(0), fraction(walk.spans[-1].mass), point, -1, square)


def vanishes(
    G: Neuron, w: Vector, sign: int, c: tuple[int, int], ball: int, theorem: Theorem, node: Node
) -> Fate:
    """G is negative everywhere, so w = 0 is reached at a finite time, and kept (L11.24)."""
    fall, size = G.fall(sign), theorem.size
    m0 = Fraction(0) if fall is None else root_down(fall, 2)
    node.need(c[0] > 0 and size.eta < m0, "it need not vanish", "Q8")
    length = root_up(w.inner(w), 2) + fraction(ball)
    time = length / ((m0 - size.eta) * root_down(fraction(c[0]), 2))
    node.need(time <= theorem.T, "it may not have vanished by the end of the table", "Q8")
    return Fate(Fraction(0), point=[0] * G.d + [sign * ONE], exact=True)


def idle(line: Line, place: Vector, D: Fraction, clock: Clock) -> bool:
    """Whether no sample on a line is active anywhere within D of a point."""
    clock.tick()
    side = place.times(line.x)
    return all(v * side < 0 for v in line.members.values()) and abs(side) > line.length * D


def stops(walk: Walk, start: Vector, sign: int, ball: int, theorem: Theorem, node: Node) -> Fate:
    """It comes to rest where every sample is inactive, or on a concave kink with all its samples on one side
    (L11.23).
    """
    G = walk.G
    reached = not walk.pieces or (walk.covers and walk.piece.met is not None)
    node.need(reached and G.alpha == 0, f"it is not proved to come to rest: {walk.why}", "Q8")
    place = walk.piece.finish() if walk.pieces else start
    D = fraction(walk.spans[-1].D if walk.pieces else ball)
    held: list[int] = []
    for k, line in enumerate(G.lines):
        if place.along(line.x) == 0:
            held.append(k)
            node.need(sign * line.jump < 0, "a sample on which it stops does not hold it", "Q8")
            one_side = all(v > 0 for v in line.members.values())
            node.need(one_side, "samples on both sides of a kink on which it stops", "Q8")
        else:
            node.need(idle(line, place, D, G.clock), "a sample may be active where it stops", "Q8")
    adjugate, det = G.gram(held)
    node.need(det > 0 and bool(held), "it stops on no kink, or on dependent ones", "Q8")
    speeds = []
    residual = theorem.problem.omega * theorem.problem.curvature / 2 * theorem.size.last
    for own, line in enumerate(G.lines[k] for k in held):
        moved = residual * line.length * sum(v * v for v in line.members.values())
        mu = abs(Fraction(line.jump, G.unit)) - moved
        node.need(mu > 0, "the forcing may be too large up to the radius", "Q8")
        speeds.append(root_down(mu * mu * det / adjugate[own][own], 2))
    far, c = place.inner(place), (fraction(walk.c[0]), fraction(walk.c[1]))
    near, late = root_down(far, 2), root_up(far, 2)
    V = max(Fraction(0), near - D) ** 2 + c[0], far + c[0]
    node.need(V[0] > 0, "v may vanish where it stops", "Q8")
    slow, there = root_down(V[0], 2), root_down(V[1], 2)
    time = fraction(walk.late) + D / (min(speeds) * slow)
    node.need(time <= theorem.T, "it may not have stopped by the end of the table", "Q8")
    dV = (D * (2 * late + D) + c[1] - c[0]) / (slow + there)
    angle = arc(rounded(root_up((D * D + dV * dV) / (far + V[1]), 2), True), node)
    point = [enclosed(Fraction(v, place.unit))[0] for v in place.entries] + [sign * enclosed(there)[0]]
    return Fate(Fraction(0), point=point, angle=angle)


def _balanced(u: Vector, sign: int) -> Whole:
    """(u, sign |u|) over its largest entry, in fixed point."""
    top = max(map(abs, u.entries))
    entries = [v * ONE // top for v in u.entries]
    return [*entries, sign * sqrt_down(sum(v * v for v in u.entries) * ONE // top**2)]


def point_error(centre: Sequence[Fraction], fate: Fate, node: Node) -> Fraction:
    """An upper bound of the angle between a vector and the point of a neuron."""
    point = fate.point or []
    squares = sum((v * v for v in centre), Fraction(0)), Fraction(sum(v * v for v in point))
    node.need(min(squares) > 0, "it is no direction", "R9")
    # The sine of the angle is at most the distance from any multiple of the point, over the length.
    factor = root_down(squares[0] / squares[1], 2)
    off = [v - p * factor for v, p in zip(centre, point, strict=True)]
    slack = 0 if fate.exact else 4 * len(point) * factor
    distance = (root_up(sum((v * v for v in off), Fraction(0)), 2) + slack) / root_down(squares[0], 2)
    return arc(rounded(distance, True), node)
