"""The complete KKT set of one squared-(leaky-)ReLU neuron in any dimension (L6): every point and continuum, with proof.

`n(u) = Σ c_h (h·u)²` is continuously differentiable, and on every closed cell A of the arrangement of the kinked hinges it is
`u·M_A u` with `∇n = 2 M_A u`. So the unit vector u is a KKT point iff `M_A u = λ u` for one (then every) closed cell A that
contains it, with λ = n(u): *the KKT set is the union over the cells of A ∩ (eigenspaces of M_A)*. All is decided exactly:

- the cells are enumerated in integers (`arrangement`), all eigenvalues isolated with their multiplicities (`integer_spectrum`);
- a simple eigenvalue has two opposite rays; each lies in A iff no sign of h·v is wrong. Nearly all signs are proved in doubles
  (`eigenvectors`), the others, zero included, in exact algebraic numbers;
- the eigenspace E of a multiple integer eigenvalue meets A in a polyhedral cone with rational generators (`cones`). For an
  irrational multiple eigenvalue this is not decided; then, and only then, the status is "partial".

*Each once.* Let C = A ∩ E, g in its relative interior, F the open face with g. All of C lies in the closure of F, since F is the
smallest face of A with g. If B is any cell whose closure contains F, then M_B - M_A is a sum of multiples of h hᵀ with h ⟂ F,
so every u in C is in closed B and in the eigenspace of M_B for the same λ: C is part of the cone of (B, λ). Hence C is in a
larger cone iff that of an adjacent B is not in closed A, and a cone in several cells is kept from the first one.

*Kinds.* Let u be an isolated KKT point, Z the kinked hinges that vanish at u, m the neuron in which only they have a kink,
with n = m near u. All cells of m contain u in their lineality space and `m(u) = λ`. u is a strict maximum of n iff
`m(q) < λ |q|²` for all q not along u: both say that `(q·(M_B - λ) q)` is negative there on every cell, because
`(u + q)·(M_B - λ)(u + q) = q·(M_B - λ) q`. The maximum of m over the sphere is a KKT value of m, that is an eigenvalue of some
M_B with an eigenvector in the cell B of m. No eigenvector of λ but those along u is in such a cell: moving from u in its
direction would stay in A ∩ E. So u is a maximum if no KKT value of m is above λ, a minimum if none is below, else a saddle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import isqrt

from certflow.algebra.real_roots import Root
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.kkt.neuron.features import Neuron, Normal
from certflow.kkt.neuron.integer_spectrum import enclosed
from certflow.kkt.neuron.quadratic_cells import Eigencone, QuadraticCells
from certflow.kkt.points import COMPLETE, PARTIAL, Continuum, Exact, KKTPoint, KKTSet
from certflow.outcome import BadInput, Inconclusive
from certflow.progress import Progress
from certflow.running import tick

METHOD = "all eigenvectors of the matrices of all cells, with exact signs"
MOST_CELLS = 20_000
MAX_DIGITS = 10_000
GUARD_BITS = 64
MAX_DOUBLINGS = 12


def piecewise_quadratic_kkt(
    neuron: Neuron, digits: int = 30, most_cells: int = MOST_CELLS, progress: Progress | None = None
) -> KKTSet:
    """All KKT points of a neuron of power 2 on the unit sphere, isolated ones and continua (L6).

    Coordinates, values and gaps have radius <= 10^-digits, values and gaps also relative to max |n| when that is below 1.
    Signs of values and gaps are decided. `counts` has the number of cells.

    Raises `BadInput` for another power and for absurd digits, `Inconclusive` for more than `most_cells` cells.
    """
    if neuron.power != 2:
        raise BadInput(f"power: the neuron has power {neuron.power}; piecewise quadratic neurons have power 2.")
    if type(digits) is not int or not 1 <= digits <= MAX_DIGITS:
        raise BadInput(f"digits: {digits!r} is not a whole number from 1 to {MAX_DIGITS}.")
    pieces = QuadraticCells(neuron, most_cells)
    cones = pieces.eigencones(lambda done: progress("KKT points, cells", done, pieces.count) if progress else None)
    found = [_Entry(pieces, cone) for cone in cones]
    tolerance = Fraction(1, 10**digits) * min(Fraction(1), _size(found))
    bits = digits * 3322 // 1000 + GUARD_BITS
    points = sorted((_sharp(entry, bits, digits, tolerance) for entry in found), key=lambda point: -point.value.mid())
    status, reason, n_max, n_min = COMPLETE, "", None, None
    if pieces.unresolved:
        status = PARTIAL
        reason = (
            f"on {len({cell for cell, _ in pieces.unresolved})} of {pieces.count} cells the matrix has an irrational multiple "
            "eigenvalue, and it is not decided which of its eigenvectors are on the boundary of the cell"
        )
    else:
        n_max, n_min = points[0].value, points[0].value
        for point in points[1:]:
            n_max, n_min = n_max.maximum(point.value), n_min.minimum(point.value)
    counts = {"cells": pieces.count}
    return KKTSet(points, digits, status, reason, METHOD, n_max=n_max, n_min=n_min, counts=counts)


class _Entry:
    """An eigencone, what its surroundings decide about it, and its numbers in balls."""

    def __init__(self, pieces: QuadraticCells, cone: Eigencone) -> None:
        self.pieces, self.cone = pieces, cone
        self.spectrum = pieces.spectrum(cone.cell)
        self.root = self.spectrum.roots[cone.place]
        rational = self.root.integer is not None
        self.direction = tuple(Fraction(entry[0] if entry else 0) for entry in cone.vector) if rational else None
        around = pieces.around(cone)
        self.rivals: list[Root | None] = []
        """On every adjacent cell the largest other eigenvalue, None where that is the same one again."""
        self.inertia: tuple[int, int, int] | None = None
        for cell, place in around:
            roots = pieces.spectrum(cell).roots
            if place < len(roots) - 1:
                self.rivals.append(roots[-1])
            elif roots[place].multiplicity > 1:
                self.rivals.append(None)
            elif place > 0:
                self.rivals.append(roots[place - 1])
            if not cone.kinks:
                higher, lower = (sum(root.multiplicity for root in part) for part in (roots[place + 1 :], roots[:place]))
                self.inertia = (higher, roots[place].multiplicity - 1, lower)
        self.kind, self.reason = self._continuum() if cone.dimension > 1 else self._kind(around)

    def _continuum(self) -> tuple[str, str]:
        d = self.pieces.dimension
        flat = self.root.multiplicity == d
        if flat and len(self.cone.lines) == d:
            return ("arc" if d == 2 else "degenerate"), "every direction is a KKT point"
        reason = "a dead cell" if flat and self.root.integer == 0 else "N is constant on a cell" if flat else "an eigenspace"
        return ("arc" if d == 2 else "degenerate"), reason

    def _kind(self, around: Sequence[tuple[int, int]]) -> tuple[str, str]:
        pieces, kinks = self.pieces, self.cone.kinks
        places = [range(len(pieces.spectrum(cell).roots)) for cell, _ in around]
        pairs = list(zip(around, places, strict=True))
        above = _any(pieces.has_eigenvector(cell, k, kinks) for (cell, place), every in pairs for k in every[place + 1 :])
        below = _any(pieces.has_eigenvector(cell, k, kinks) for (cell, place), every in pairs for k in every[:place])
        if above and below:
            return "saddle", ""
        level = any(pieces.spectrum(cell).roots[place].multiplicity > 1 and self.root.integer is None for cell, place in around)
        if above is None or below is None or level:
            return "degenerate", "an irrational multiple eigenvalue of an adjacent cell decides the kind"
        return ("minimum" if above else "maximum"), ""

    def point(self, bits: int) -> KKTPoint:
        """The entry of the KKT set, with numbers that work at `bits`."""
        cone, zero = self.cone, Ball(0, bits)
        own = self.root.ball(bits)
        gap = None
        for rival in self.rivals:
            tick()
            distance = zero if rival is None else (own - rival.ball(bits)) * 2 / self.pieces.scale
            gap = distance if gap is None else gap.minimum(distance)
        continuum = None
        if cone.dimension > 1:
            rays, lines = (tuple(_exact(v) for v in each) for each in (cone.rays, cone.lines))
            equation = (
                ""
                if rays or lines
                else "all eigenvectors of the second derivative of N at this point in its cell, for this value"
            )
            continuum = Continuum(cone.dimension - 1, rays, lines, equation)
        return KKTPoint(
            kind=self.kind,
            point=self._unit(bits),
            value=own / self.pieces.scale,
            gap=gap,
            inertia=self.inertia,
            direction=self.direction,
            continuum=continuum,
            reason=self.reason,
        )

    def _unit(self, bits: int) -> tuple[Ball, ...]:
        vector = enclosed(self.cone.vector, self.root.ball(bits))
        if self.direction is not None:
            square = sum(c * c for c in self.direction).numerator
            root = isqrt(square)
            if root * root == square:
                return tuple(Ball(c / root, bits) for c in self.direction)
        norm = sum((c.square() for c in vector), Ball(0, bits)).sqrt()
        return tuple(c / norm for c in vector)


def _any(answers: Iterable[bool | None]) -> bool | None:
    """Whether one is True; None if none is, but one is None."""
    result: bool | None = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            result = None
    return result


def _exact(vector: Normal) -> Exact:
    return tuple(Fraction(c) for c in vector)


def _size(found: Sequence[_Entry]) -> Fraction:
    """A positive lower bound of max |n| over the entries, to at least half of it; 1 if all are zero."""
    sizes = []
    for entry in found:
        if entry.root.integer != 0:
            bits = GUARD_BITS
            while entry.root.ball(bits).sign() == UNKNOWN:  # ends: bits double, and the root is not 0
                tick()
                bits *= 2
            value = entry.root.ball(bits)
            sizes.append(min(abs(value.lower()), abs(value.upper())) / entry.pieces.scale)
    return max(sizes, default=Fraction(1))


def _sharp(entry: _Entry, bits: int, digits: int, tolerance: Fraction) -> KKTPoint:
    """The entry as balls of the radii that are asked for, with known signs of value and gap."""
    place = Fraction(1, 10**digits)
    for _ in range(MAX_DOUBLINGS):
        tick()
        try:
            point = entry.point(bits)
        except OutsideDomain:
            point = None
        if point is not None and all(c.radius() <= place for c in point.point):
            numbers = [point.value] if point.gap is None else [point.value, point.gap]
            if all(v.radius() <= tolerance and v.sign() != UNKNOWN for v in numbers):
                return point
        bits *= 2
    raise Inconclusive(f"the KKT points need more than {bits // 2} bits for {digits} digits; ask for fewer digits.")
