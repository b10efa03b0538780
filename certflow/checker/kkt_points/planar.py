"""R10: all KKT points of one neuron of power 2 with two inputs, enumerated exactly: no number is ever
rounded.

Between neighbouring critical lines n(θ) = (S + D cos 2θ + E sin 2θ) / 2, whose derivative has zeros 90° apart
or everywhere. The multiples of 45° count as critical lines, so that its exact signs at both ends of an arc
decide what lies inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from math import gcd, lcm

from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock

Direction = tuple[int, int]
Sums = tuple[int, int, int]

_EIGHTHS: tuple[Direction, ...] = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
_KINDS = {(1, -1): "maximum", (-1, 1): "minimum"}


@dataclass(frozen=True)
class Surd:
    """The number a + s sqrt(q), s = 1 or -1 (L6.41)."""

    a: Fraction
    s: int = 1
    q: Fraction = Fraction(0)

    def reaches(self, x: Fraction) -> bool:
        """Whether it is at least x, exactly."""
        rest = x - self.a
        return (rest <= 0 or rest * rest <= self.q) if self.s > 0 else (rest <= 0 and rest * rest >= self.q)

    def within(self, low: Fraction, high: Fraction) -> bool:
        """Whether it lies in [low, high], exactly."""
        return self.reaches(low) and self.at_most(high)

    def at_most(self, x: Fraction) -> bool:
        """Whether it is at most x, exactly."""
        return Surd(-self.a, -self.s, self.q).reaches(-x)


@dataclass(frozen=True)
class Found:
    """A KKT point at `begin` ("at"), strictly between `begin` and `end` ("inside"), or the arc of both
    ("arc", "circle").
    """

    where: str
    kind: str
    begin: Direction
    end: Direction
    sums: Sums
    value: Surd
    gap: Surd


def check_planar(problem: Problem, points: Node, n_max: Node, clock: Clock) -> None:
    """R10: the claim lists exactly the KKT points, counterclockwise from -180° (excluded) to 180°, arcs
    where they begin (L6.27, L6.41)."""
    planar = problem.shallow and problem.p == 2 and len(problem.features[0]) == 2
    points.need(planar, "it is not a planar neuron", "R10")
    clock.enter("R10", points.where)
    rate = problem.rate / problem.last
    found = kkt_points(problem.features, problem.z, problem.alpha**2, clock)
    reason = f"the KKT points and arcs are {len(found)} in number"
    points.need(isinstance(points.value, list) and len(points.value) == len(found), reason, "R10")
    for node, each in zip(points.items(len(found)), found, strict=True):
        clock.tick()
        table = node.fields("kind directions value gap")
        table["kind"].need(table["kind"].text() == each.kind, f"it is a KKT point of kind {each.kind}", "R10")
        _check_place(table["directions"], each)
        for name, number in (("value", each.value), ("gap", each.gap)):
            low, high = (end / rate for end in table[name].pair())
            table[name].need(number.within(low, high), "it does not contain the exact number", "R10")
    bound = n_max.rational() / rate
    for each in found:
        clock.tick()
        n_max.need(each.value.at_most(bound), "N is larger at a KKT point", "R10")


def _check_place(node: Node, found: Found) -> None:
    expected = {"at": [found.begin], "arc": [found.begin, found.end], "circle": []}.get(found.where)
    given = [each.rationals(2) for each in node.items(2 if expected is None else len(expected))]
    if expected is not None:
        pairs = zip(given, expected, strict=True)
        same = all(x * q == y * p and x * p + y * q > 0 for (x, y), (p, q) in pairs)
        node.need(same, f"the {found.kind} is elsewhere", "R10")
        return
    a, b = given
    inside = all(_cross(found.begin, v) >= 0 and _cross(v, found.end) >= 0 for v in given)
    # The derivative has one zero on the arc, and changes its sign there.
    signs = [_sign(_slope(found.sums, v)) for v in (found.begin, a, b, found.end)]
    proved = inside and _cross(a, b) > 0 and signs[0] == signs[1] and signs[2] == signs[3]
    node.need(proved, "the point is not proved to be between them", "R10")


def kkt_points(features: list[list[Fraction]], z: list[Fraction], off: Fraction, clock: Clock) -> list[Found]:
    """The KKT set of sum_i z_i c_i (u.x_i)^2 with c_i = 1 where u.x_i > 0 and `off` where u.x_i < 0
    (L6.27, L6.41)."""
    scale = lcm(*(v.denominator for row in features for v in row))
    weights = lcm(*(v.denominator for v in z))
    unit = weights * scale**2 * off.denominator
    # Where each direction is passed counterclockwise, S, D and E (times `unit`) jump.
    jumps: dict[Direction, Sums] = dict.fromkeys(_EIGHTHS, (0, 0, 0))
    sums: Sums = (0, 0, 0)
    for row, weight in zip(features, z, strict=True):
        clock.tick()
        x, y = (int(v * scale) for v in row)
        b = int(weight * weights)
        if b == 0 or (x, y) == (0, 0):
            continue
        term = (b * (x * x + y * y), b * (x * x - y * y), 2 * b * x * y)
        d = gcd(x, y)
        change = off.numerator - off.denominator
        for kink, c in (((-y // d, x // d), change), ((y // d, -x // d), -change)):
            jumps[kink] = _added(jumps.get(kink, (0, 0, 0)), term, c)
        # Just after -180° the direction is (-1, -0).
        on = -x > 0 or (x == 0 and -y > 0)
        sums = _added(sums, term, off.denominator if on else off.numerator)
    directions = _counterclockwise(list(jumps), clock)
    # arcs[k] begins at directions[k]; the last one, which begins at 180°, is that of `sums`.
    arcs = [sums := _added(sums, jumps[direction], 1) for direction in directions]
    return _listed(directions, arcs, unit, clock)


def _listed(directions: list[Direction], arcs: list[Sums], unit: int, clock: Clock) -> list[Found]:
    count = len(directions)
    signs = [_sign(_slope(own, v)) for own, v in zip(arcs, directions, strict=True)]
    dead = [signs[k] == 0 == signs[(k + 1) % count] for k in range(count)]
    if all(dead):
        return [_arc("circle", directions[0], directions[0], arcs[0], unit)]
    found = []
    for k in range(-1, count):
        clock.tick()
        before, here, after = signs[k - 1], signs[k], signs[(k + 1) % count]
        begin, end = directions[k], directions[(k + 1) % count]
        if k >= 0 and dead[k] and not dead[k - 1]:
            last = k
            while dead[(last + 1) % count]:
                last += 1
            stop = directions[(last + 1) % count]
            found.append(_arc("arc", begin, stop, arcs[k], unit))
        elif k >= 0 and here == 0 and not dead[k] and not dead[k - 1]:
            found.append(_at(begin, _KINDS.get((before, after), "saddle"), arcs[k - 1], arcs[k], unit))
        if k < count - 1 and here * after < 0:
            S, D, E = arcs[k]
            square = Fraction(D * D + E * E, unit * unit)
            value = Surd(Fraction(S, 2 * unit), here, square / 4)
            gap = Surd(Fraction(0), here, 4 * square)
            found.append(Found("inside", _KINDS[here, after], begin, end, arcs[k], value, gap))
    return found


def _at(u: Direction, kind: str, before: Sums, after: Sums, unit: int) -> Found:
    """The point at the critical direction u; its gap is the smaller one-sided -n''."""
    norm = u[0] * u[0] + u[1] * u[1]
    cosine, sine = u[0] * u[0] - u[1] * u[1], 2 * u[0] * u[1]
    waves = [Fraction(D * cosine + E * sine, norm * unit) for _, D, E in (before, after)]
    value = Fraction(after[0], 2 * unit) + waves[1] / 2
    return Found("at", kind, u, u, after, Surd(value), Surd(2 * min(waves)))


def _arc(where: str, begin: Direction, end: Direction, sums: Sums, unit: int) -> Found:
    """An arc on which n is constant."""
    return Found(where, "arc", begin, end, sums, Surd(Fraction(sums[0], 2 * unit)), Surd(Fraction(0)))


def _slope(sums: Sums, u: Direction | list[Fraction]) -> int | Fraction:
    """|u|^2 dn/dθ at the direction u, times the unit."""
    x, y = u
    return sums[2] * (x * x - y * y) - sums[1] * 2 * x * y


def _added(sums: Sums, term: Sums, factor: int) -> Sums:
    return sums[0] + factor * term[0], sums[1] + factor * term[1], sums[2] + factor * term[2]


def _sign(value: int | Fraction) -> int:
    return (value > 0) - (value < 0)


def _cross(u: Direction | list[Fraction], v: Direction | list[Fraction]) -> int | Fraction:
    return u[0] * v[1] - u[1] * v[0]


def _counterclockwise(directions: list[Direction], clock: Clock) -> list[Direction]:
    """The directions in the order of their angles in (-180°, 180°]."""

    def later(u: Direction, v: Direction) -> int:
        clock.tick()
        return _sign(_cross(v, u))

    def half(u: Direction) -> int:
        return 0 if u[1] < 0 else 1 if u[1] > 0 or u[0] > 0 else 2

    groups = ([v for v in directions if half(v) == h] for h in range(3))
    return [v for group in groups for v in sorted(group, key=cmp_to_key(later))]
