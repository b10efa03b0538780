"""G on the unit sphere, from the rays in which its kinks meet: its largest value, whether it is negative
everywhere, and the directions in which a neuron may leave w = 0 (L11.7, L11.24).

The kinks cut space into cones; where they span it every cone has extreme rays, on d - 1 independent kinks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, product
from math import comb

from certflow.algebra.whole_systems import orthogonal
from certflow.flow.polygon.contacts import Velocity, WholeVector, gradient, sliding
from certflow.flow.polygon.reduced import Reduced
from certflow.running import tick

MOST_WORK = 3_000_000
"""Products of inputs for all rays together; beyond that only a rough bound is given."""


def _spanning(G: Reduced) -> list[tuple[int, ...]]:
    """The normals of all kinks, and unit vectors that make them span the space."""
    normals = [G.lines[k].x for k in G.kinks]
    basis: list[list[Fraction]] = []
    for row in (*normals, *(tuple(int(i == k) for i in range(G.inputs)) for k in range(G.inputs))):
        left = [Fraction(value) for value in row]
        for other in basis:
            lead = next(i for i, value in enumerate(other) if value)
            factor = left[lead]
            left = [a - factor * b for a, b in zip(left, other, strict=True)]
        if any(left):
            first = next(value for value in left if value)
            basis.append([value / first for value in left])
            if row not in normals:
                normals.append(row)
    return normals


def too_many(G: Reduced) -> bool:
    """Whether the rays are too many to go through."""
    d, n = G.inputs, len(G.kinks) + G.inputs
    return 2 * comb(n, d - 1) * 3 ** (d - 1) * n * d > MOST_WORK


def rays(G: Reduced) -> Iterator[tuple[int, ...]]:
    """Both directions of every line in which d - 1 independent kinks (and coordinate planes, where the kinks
    do not span the space) meet; each once.
    """
    seen = set()
    for rows in combinations(_spanning(G), G.inputs - 1):
        tick()
        ray = orthogonal(rows, G.inputs)
        if ray is None:
            continue
        for direction in (ray, tuple([-value for value in ray])):
            if direction not in seen:
                seen.add(direction)
                yield direction


def value(G: Reduced, sign: int, w: Sequence[int]) -> int:
    """sign times G at a whole vector, in units of 1 / `G.unit`."""
    total = sum([a * b for a, b in zip(G.whole_b, w, strict=True)])
    for k in G.kinks:
        total += G.whole_jumps[k] * max(0, sum([a * b for a, b in zip(G.lines[k].x, w, strict=True)]))
    return sign * total


def falling(G: Reduced, sign: int) -> Fraction | None:
    """The square of an m0 > 0 with s G(u) <= -m0 |u| for all u; None if G is not negative everywhere, or the
    rays are too many (L11.24).

    On a cone s G is linear, and a unit vector in it is a sum of multiples of its extreme unit rays that add
    up to at least 1; so the largest value on those rays is enough.
    """
    if too_many(G):
        return None
    least: Fraction | None = None
    for ray in rays(G):
        here = value(G, sign, ray)
        if here >= 0:
            return None
        square = Fraction(here * here, G.unit**2 * sum([v * v for v in ray]))
        least = square if least is None else min(least, square)
    return least


def _candidates(G: Reduced, sign: int) -> Iterator[tuple[Velocity, tuple[int, ...]]]:
    """The projection of every gradient to the span of a face in which it lies, with the kinks through the
    face: all KKT points of s G on the sphere with a positive value are among these directions.
    """
    for ray in rays(G):
        sides = {k: sum([a * b for a, b in zip(G.lines[k].x, ray, strict=True)]) for k in G.kinks}
        contacts = [k for k in G.kinks if sides[k] == 0]
        others = [k for k in G.kinks if sides[k] > 0]
        if len(contacts) > G.inputs + 2:
            raise OverflowError
        for states in product((0, 1, -1), repeat=len(contacts)):
            tick()
            face = tuple(k for k, state in zip(contacts, states, strict=True) if state == 0)
            active = [k for k, state in zip(contacts, states, strict=True) if state == 1]
            moved = _onto(G, sign, [*others, *active], face)
            if not any(moved.vector.entries):
                continue
            wanted = {k: _sign(sides[k]) for k in G.kinks} | dict(zip(contacts, states, strict=True))
            found = {k: _sign(moved.vector.along(G.lines[k].x)) for k in G.kinks}
            if found == wanted:
                on = tuple(sorted([*others, *active]))
                yield Velocity(moved.vector, moved.slides, moved.chi, on), face
        if any(ray) and value(G, sign, ray) > 0 and len(contacts) >= G.inputs - 1:
            # The ray itself, also where more kinks than d - 1 meet in it.
            yield Velocity(_projected(G, sign, ray), tuple(contacts), (), tuple(others)), tuple(contacts)


def _onto(G: Reduced, sign: int, active: Sequence[int], face: Sequence[int]) -> Velocity:
    """The projection of s g to the span of a face, with multipliers only where they are unique."""
    rest = gradient(G, active)
    moved = sliding(G, sign, rest, face)
    if moved is not None:
        return moved
    # The projection does not depend on which independent normals are taken.
    kept: list[int] = []
    for k in face:
        if sliding(G, sign, rest, [*kept, k]) is not None:
            kept.append(k)
    moved = sliding(G, sign, rest, kept)
    if moved is None:
        raise ValueError("no kinks at all are independent")
    return Velocity(moved.vector)


def _projected(G: Reduced, sign: int, ray: tuple[int, ...]) -> WholeVector:
    here, square = value(G, sign, ray), sum([v * v for v in ray])
    return WholeVector.over([here * v for v in ray], G.unit * square)


def largest_square(G: Reduced) -> Fraction | None:
    """The square of the largest |G| on the unit sphere, exactly; None if the rays are too many (L11.7)."""
    if too_many(G):
        return None
    try:
        found = [moved.vector.square for sign in (1, -1) for moved, _ in _candidates(G, sign)]
    except OverflowError:
        return None
    return max(found, default=Fraction(0))


def rising_rays(G: Reduced, sign: int) -> list[Velocity] | None:
    """Velocities that lead straight away from w = 0, each with its multipliers; None if the rays are too many
    (L11.6).
    """
    if too_many(G):
        return None
    found: dict[WholeVector, Velocity] = {}
    try:
        for moved, face in _candidates(G, sign):
            if len(moved.chi) == len(face) and all(0 <= chi <= 1 for chi in moved.chi):
                found.setdefault(moved.vector, moved)
    except OverflowError:
        return None
    return list(found.values())


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
