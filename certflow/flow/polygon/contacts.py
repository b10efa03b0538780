"""The velocity of the limit flow at a point where kinks meet: elements of least norm, and velocities that are
admissible (L11.4, L11.6).

Vectors are whole numbers over one denominator, so that every sign is decided on exact data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import gcd

from certflow.algebra.whole_systems import solved
from certflow.flow.polygon.reduced import Reduced

MOST_CONTACTS = 8
"""Contacts of which all combinations of sides are tried."""


@dataclass(frozen=True)
class WholeVector:
    """`entries` / `unit`, unit > 0, in lowest terms."""

    entries: tuple[int, ...]
    unit: int

    @classmethod
    def over(cls, entries: Sequence[int], unit: int) -> WholeVector:
        """The same vector in lowest terms."""
        divisor = gcd(unit, *entries)
        return cls(tuple([v // divisor for v in entries]), unit // divisor)

    @classmethod
    def of(cls, values: Sequence[Fraction]) -> WholeVector:
        """The vector of these numbers."""
        unit = 1
        for value in values:
            unit = unit * value.denominator // gcd(unit, value.denominator)
        return cls.over([value.numerator * (unit // value.denominator) for value in values], unit)

    def along(self, x: Sequence[int]) -> int:
        """x times the entries: the sign of x times this."""
        return sum([a * b for a, b in zip(x, self.entries, strict=True)])

    def __neg__(self) -> WholeVector:
        return WholeVector(tuple([-v for v in self.entries]), self.unit)

    def exact(self) -> tuple[Fraction, ...]:
        """The entries as rationals."""
        return tuple(Fraction(v, self.unit) for v in self.entries)

    @property
    def square(self) -> Fraction:
        """The squared norm."""
        return Fraction(sum([v * v for v in self.entries]), self.unit**2)


@dataclass(frozen=True)
class Velocity:
    """s g for one choice of the multipliers at a point: contacts in `slides` have `chi` strictly between 0
    and 1, or at an end of this interval where they are only touched, and are kept, those in `on` are active,
    all other contacts are not.
    """

    vector: WholeVector
    slides: tuple[int, ...] = ()
    chi: tuple[Fraction, ...] = ()
    on: tuple[int, ...] = ()


class Tie(Exception):
    """Signs that would have to be strict are not; the sentence says which."""


def gradient(G: Reduced, on: Sequence[int]) -> list[int]:
    """g with these lines active and all others not, in units of 1 / `G.unit` (L11.3)."""
    total = list(G.whole_b)
    for k in on:
        jump = G.whole_jumps[k]
        total = [a + jump * b for a, b in zip(total, G.lines[k].x, strict=True)]
    return total


def sliding(G: Reduced, sign: int, rest: Sequence[int], slides: Sequence[int]) -> Velocity | None:
    """The velocity that keeps all of `slides`, with the gradient `rest` without them, whatever the
    multipliers are; None if their normals are dependent.
    """
    normals = [G.lines[k].x for k in slides]
    gram = [[sum([a * b for a, b in zip(x, y, strict=True)]) for y in normals] for x in normals]
    forces = [-sum([a * b for a, b in zip(x, rest, strict=True)]) for x in normals]
    multiples, unit = solved(gram, forces)
    if slides and unit == 0:
        return None
    total = [unit * value for value in rest] if slides else list(rest)
    for multiple, x in zip(multiples, normals, strict=True):
        total = [a + multiple * b for a, b in zip(total, x, strict=True)]
    vector = WholeVector.over([sign * v for v in total], (unit if slides else 1) * G.unit)
    chi = tuple(Fraction(m, unit * G.whole_jumps[k]) for m, k in zip(multiples, slides, strict=True))
    return Velocity(vector, tuple(slides), chi)


def least_norm(
    G: Reduced, sign: int, on: Sequence[int], contacts: Sequence[int], first: Sequence[int]
) -> Velocity:
    """The element of least norm of `gradient(on) + sum over contacts of [0, 1] j x`, times `sign`; all
    contacts are concave for this sign (P1, L11.4). `first` are those that probably slide.

    Raises `Tie` if a contact neither slides strictly inside its interval nor is left at a positive speed,
    unless it is free: then it is kept, with the multiplier 0 (L11.29).
    """
    state = {k: 0 if k in first else -1 for k in contacts}
    for _ in range(4 * 3 ** min(len(contacts), 6)):
        active = [k for k in contacts if state[k] == 1]
        slides = [k for k in contacts if state[k] == 0]
        found = sliding(G, sign, gradient(G, [*on, *active]), slides)
        if found is None:
            raise Tie("the kinks that hold the flow are not independent")
        wrong = _wrong(G, found, state, contacts)
        if wrong is None:
            return Velocity(found.vector, found.slides, found.chi, tuple(active))
        k, wanted = wrong
        state[k] = wanted
    raise Tie("the kinks that meet at one point are too many to be decided")


def _wrong(
    G: Reduced, found: Velocity, state: dict[int, int], contacts: Sequence[int]
) -> tuple[int, int] | None:
    """The first contact whose state is not that of the least norm, and the state to try; None if there is
    none.
    """
    chi = dict(zip(found.slides, found.chi, strict=True))
    tie = False
    for k in contacts:
        if state[k] == 0:
            if not (0 < chi[k] < 1 or (chi[k] == 0 and k in G.free)):
                return k, 1 if chi[k] >= 1 else -1
            continue
        side = found.vector.along(G.lines[k].x)
        if side * state[k] < 0:
            return k, 0
        tie = tie or side == 0
    if tie:
        raise Tie("a kink is touched without being crossed")
    return None


def admissible(G: Reduced, sign: int, on: Sequence[int], contacts: Sequence[int]) -> list[Velocity]:
    """Every admissible velocity at a point with these contacts that keeps independent ones; `on` are the
    active lines besides (L11.6).

    Each of them is the start of a solution: a straight line for a positive time.
    """
    found: dict[WholeVector, Velocity] = {}
    for states in product((0, 1, -1), repeat=len(contacts)):
        slides = [k for k, state in zip(contacts, states, strict=True) if state == 0]
        active = [k for k, state in zip(contacts, states, strict=True) if state == 1]
        moved = sliding(G, sign, gradient(G, [*on, *active]), slides)
        if moved is None or not all(0 <= chi <= 1 for chi in moved.chi):
            continue
        sides = [(moved.vector.along(G.lines[k].x), state) for k, state in zip(contacts, states, strict=True)]
        if all(side * state > 0 for side, state in sides if state):
            found.setdefault(moved.vector, Velocity(moved.vector, moved.slides, moved.chi, tuple(active)))
    return list(found.values())


def farthest(G: Reduced, sign: int, on: Sequence[int], contacts: Sequence[int]) -> Velocity:
    """An admissible velocity that leaves all of the `contacts`, which are convex for this sign and
    independent: the longest of those with all multipliers 0 or 1 (L11.6).
    """
    best: Velocity | None = None
    for size in range(len(contacts) + 1):
        for active in combinations(contacts, size):
            vector = WholeVector.over([sign * v for v in gradient(G, [*on, *active])], G.unit)
            if best is None or vector.square > best.vector.square:
                best = Velocity(vector, on=active)
    if best is None:
        raise ValueError("there is always the empty set")
    return best
