"""The complete KKT set of one squared-(leaky-)ReLU neuron in any dimension (L6): every point and continuum,
with proof.

`n(u) = Σ c_h (h·u)²` is continuously differentiable, and on every closed cell A of the arrangement of the
kinked hinges it is `u·M_A u` with `∇n = 2 M_A u`. So the unit vector u is a KKT point iff `M_A u = λ u` for
one (then every) closed cell A that contains it, with λ = n(u): *the KKT set is the union over the cells of A
∩ (eigenspaces of M_A)*. All is decided exactly:

- the cells are enumerated in integers (`arrangement`), all eigenvalues isolated with their multiplicities
  (`integer_spectrum`);
- a simple eigenvalue has two opposite rays; each lies in A iff no sign of h·v is wrong. Nearly all signs are
  proved in doubles (`eigenvectors`), the others, zero included, in exact algebraic numbers;
- the eigenspace E of a multiple integer eigenvalue meets A in a polyhedral cone with rational generators
  (`cones`). For an irrational multiple eigenvalue this is not decided; then, and only then, the status is
  "partial".

*Each once.* Let C = A ∩ E, g in its relative interior, F the open face with g. All of C lies in the closure
of F, since F is the smallest face of A with g. If B is any cell whose closure contains F, then M_B - M_A is a
sum of multiples of h hᵀ with h ⟂ F, so every u in C is in closed B and in the eigenspace of M_B for the same
λ: C is part of the cone of (B, λ). Hence C is in a larger cone iff that of an adjacent B is not in closed A,
and a cone in several cells is kept from the first one.

*Kinds.* Let u be an isolated KKT point, Z the kinked hinges that vanish at u, m the neuron in which only they
have a kink, with n = m near u. All cells of m contain u in their lineality space and `m(u) = λ`. u is a
strict maximum of n iff `m(q) < λ |q|²` for all q not along u: both say that `(q·(M_B - λ) q)` is negative
there on every cell, because `(u + q)·(M_B - λ)(u + q) = q·(M_B - λ) q`. The maximum of m over the sphere is a
KKT value of m, that is an eigenvalue of some M_B with an eigenvector in the cell B of m. No eigenvector of λ
but those along u is in such a cell: moving from u in its direction would stay in A ∩ E. So u is a maximum if
no KKT value of m is above λ, a minimum if none is below, else a saddle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np

from certflow.algebra.arrangement import cells
from certflow.algebra.cones import generators
from certflow.algebra.directions import Normal, coprime
from certflow.algebra.integer_spectrum import (
    Algebraic,
    IntegerSpectrum,
    combination,
    constants,
    enclosed,
    product,
)
from certflow.algebra.real_roots import Polynomial, Root
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.decimal_text import GUARD_BITS, bits_for
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.neuron.eigenvectors import eigenvector_signs
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import Continuum, Exact, KKTPoint, KKTSet, require_digits
from certflow.outcome import BadInput, Inconclusive, Kind, Status
from certflow.progress import Progress
from certflow.running import tick

METHOD = "all eigenvectors of the matrices of all cells, with exact signs"
MOST_CELLS = 20_000
MAX_DOUBLINGS = 12


def piecewise_quadratic_kkt(
    neuron: Neuron, digits: int = 30, most_cells: int = MOST_CELLS, progress: Progress | None = None
) -> KKTSet:
    """All KKT points of a neuron of power 2 on the unit sphere, isolated ones and continua (L6.11, L6.14).

    Coordinates, values and gaps have radius <= 10^-digits, values and gaps also relative to max |n| when that
    is below 1. Signs of values and gaps are decided. `counts` has the number of cells.

    Raises `BadInput` for another power and for absurd digits, `Inconclusive` for more than `most_cells`
    cells.
    """
    if neuron.power != 2:
        raise BadInput(
            f"power: the neuron has power {neuron.power}; piecewise quadratic neurons have power 2."
        )
    require_digits(digits)
    pieces = QuadraticCells(neuron, most_cells)
    cones = pieces.eigencones(
        lambda done: progress("KKT points, cells", done, pieces.count) if progress else None
    )
    found = [_Entry(pieces, cone) for cone in cones]
    tolerance = Fraction(1, 10**digits) * min(Fraction(1), _size(found))
    bits = bits_for(digits)
    points = sorted(
        (_sharp(entry, bits, digits, tolerance) for entry in found), key=lambda point: -point.value.mid()
    )
    status, reason, n_max, n_min = Status.COMPLETE, "", None, None
    if pieces.unresolved:
        status = Status.PARTIAL
        reason = (
            f"on {len({cell for cell, _ in pieces.unresolved})} of {pieces.count} cells the matrix has an "
            f"irrational multiple "
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
        self.direction = (
            tuple(Fraction(entry[0] if entry else 0) for entry in cone.vector) if rational else None
        )
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
                higher, lower = (
                    sum(root.multiplicity for root in part) for part in (roots[place + 1 :], roots[:place])
                )
                self.inertia = (higher, roots[place].multiplicity - 1, lower)
        self.kind, self.reason = self._continuum() if cone.dimension > 1 else self._kind(around)

    def _continuum(self) -> tuple[Kind, str]:
        d = self.pieces.dimension
        flat = self.root.multiplicity == d
        if flat and len(self.cone.lines) == d:
            return (Kind.ARC if d == 2 else Kind.DEGENERATE), "every direction is a KKT point"
        reason = (
            "a dead cell"
            if flat and self.root.integer == 0
            else "N is constant on a cell"
            if flat
            else "an eigenspace"
        )
        return (Kind.ARC if d == 2 else Kind.DEGENERATE), reason

    def _kind(self, around: Sequence[tuple[int, int]]) -> tuple[Kind, str]:
        pieces, kinks = self.pieces, self.cone.kinks
        places = [range(len(pieces.spectrum(cell).roots)) for cell, _ in around]
        pairs = list(zip(around, places, strict=True))
        above = _any(
            pieces.has_eigenvector(cell, k, kinks)
            for (cell, place), every in pairs
            for k in every[place + 1 :]
        )
        below = _any(
            pieces.has_eigenvector(cell, k, kinks) for (cell, place), every in pairs for k in every[:place]
        )
        if above and below:
            return Kind.SADDLE, ""
        level = any(
            pieces.spectrum(cell).roots[place].multiplicity > 1 and self.root.integer is None
            for cell, place in around
        )
        if above is None or below is None or level:
            return Kind.DEGENERATE, "an irrational multiple eigenvalue of an adjacent cell decides the kind"
        return (Kind.MINIMUM if above else Kind.MAXIMUM), ""

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
                else "all eigenvectors of the second derivative of N at this point in its cell, for this "
                "value"
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
    raise Inconclusive(
        f"the KKT points need more than {bits // 2} bits for {digits} digits; ask for fewer digits."
    )


# -- the cells ---------------------------------------------------------------------------------------------


_BATCH = 1_000_000
"""About how many signs are computed at a time."""

_LARGEST_BITS = 400
"""Longer integers are scaled before they become doubles."""

_PRECISIONS = (32, 128, 512)
"""Bits to which an irrational eigenspace is rounded."""


@dataclass(frozen=True, eq=False)
class Eigencone:
    """The cone of all u != 0 in the closed cell with `M u = root u`, root = `spectrum(cell).roots[place]`, or
    one ray of it.

    `signs` are those of the kinked normals on its relative interior, in which `vector`, an algebraic one in
    the root, lies. An isolated ray has `dimension` 1. Larger cones of integer roots have `rays` and `lines`;
    those of irrational ones have not, and meet the open cell.
    """

    cell: int
    place: int
    signs: np.ndarray
    vector: Algebraic
    dimension: int = 1
    rays: tuple[Normal, ...] = ()
    lines: tuple[Normal, ...] = ()

    @property
    def kinks(self) -> list[int]:
        """The places of the kinked normals that vanish on the cone."""
        return [int(k) for k in np.flatnonzero(self.signs == 0)]


class QuadraticCells:
    """The arrangement of a neuron of power 2 with `signs` (cells × kinked normals), and on every cell
    `scale` n as a matrix (L6.11)."""

    def __init__(self, neuron: Neuron, most: int) -> None:
        """Raises `Inconclusive` if there are more than `most` cells."""
        self.normals = [hinge.normal for hinge in neuron.kinked]
        d, n = neuron.inputs, len(self.normals)
        self.signs, _ = cells(self.normals, d, most)
        self.dimension = d
        self.scale = math.lcm(
            *(side.denominator for hinge in neuron.hinges for side in (hinge.plus, hinge.minus))
        )
        squares = [
            np.outer(row, row).ravel() for row in (np.array(h.normal, dtype=object) for h in neuron.hinges)
        ]
        low = [int(h.minus * self.scale) for h in neuron.hinges]
        self._base = sum(
            (c * square for c, square in zip(low, squares, strict=True)),
            np.array([0] * (d * d), dtype=object),
        )
        steps = [
            int((h.plus - h.minus) * self.scale) * square
            for h, square in zip(neuron.kinked, squares, strict=False)
        ]
        self._steps = np.array(steps, dtype=object).reshape(n, d * d)
        self._spectra: dict[int, IntegerSpectrum] = {}
        self.unresolved: set[tuple[int, int]] = set()

    @property
    def count(self) -> int:
        """How many cells there are."""
        return len(self.signs)

    def matrices(self, places: slice) -> np.ndarray:
        """`scale` M_A for these cells, integers (cells × d × d)."""
        plus = (self.signs[places] > 0).astype(object)
        return (plus @ self._steps + self._base).reshape(-1, self.dimension, self.dimension)

    def spectrum(self, cell: int) -> IntegerSpectrum:
        """The exact spectrum of `scale` M_A."""
        if cell not in self._spectra:
            self._spectra[cell] = IntegerSpectrum(self.matrices(slice(cell, cell + 1))[0])
        return self._spectra[cell]

    def adjacent(self, signs: np.ndarray) -> list[int]:
        """All cells whose closure contains the face with these signs."""
        fixed = signs != 0
        return [int(k) for k in np.flatnonzero((self.signs[:, fixed] == signs[fixed]).all(axis=1))]

    # -- finding ---------------------------------------------------------------------------------------------

    def eigencones(self, report: Callable[[int], None]) -> list[Eigencone]:
        """Every maximal eigencone, once; `report` is called with the number of cells done.

        `unresolved` are the cells with the places of irrational multiple eigenvalues for which a cone on the
        boundary of the cell may be missing.
        """
        found: list[Eigencone] = []
        step = max(1, _BATCH // (self.dimension * (len(self.normals) + self.dimension)))
        for start in range(0, self.count, step):
            tick()
            report(start)
            found += self._batch(slice(start, min(start + step, self.count)))
        report(self.count)
        return self._maximal(found)

    def _batch(self, places: slice) -> list[Eigencone]:
        signs, simple = eigenvector_signs(_doubles(self.matrices(places)), _doubles(self._normal_rows()))
        known = signs != UNKNOWN
        sides = np.where(known, signs * self.signs[places][:, None, :], np.int8(0))
        plus, minus = (sides > 0), (sides < 0)
        outside = simple & plus.any(axis=2) & minus.any(axis=2)
        inside = simple & (plus.all(axis=2) | minus.all(axis=2))
        found = []
        for k, j in np.argwhere(inside).tolist():
            tick()
            cell = places.start + k
            found += self._on_a_line(cell, self.spectrum(cell).places[j], self.signs[cell][:1])
        for k in np.flatnonzero((~inside & ~outside).any(axis=1)).tolist():
            cell = places.start + k
            spectrum = self.spectrum(cell)
            for place in sorted(
                {spectrum.places[j] for j in np.flatnonzero(~inside[k] & ~outside[k]).tolist()}
            ):
                tick()
                if spectrum.roots[place].multiplicity == 1:
                    found += self._on_a_line(cell, place, self.signs[cell])
                elif spectrum.roots[place].integer is not None:
                    found += self._in_an_eigenspace(cell, place)
                else:
                    found += self._in_an_irrational_eigenspace(cell, place)
        return found

    def _normal_rows(self) -> np.ndarray:
        return np.array(self.normals, dtype=object).reshape(len(self.normals), self.dimension)

    def _on_a_line(self, cell: int, place: int, signs: np.ndarray) -> list[Eigencone]:
        """The rays in the closed cell of the simple eigenvalue at `place`.

        `signs` are the signs of the cell, or only the first one if the line is known to meet the open cell.
        """
        spectrum, seen = self.spectrum(cell), []
        (line,) = spectrum.basis(place)
        for normal, sign in zip(self.normals, signs.tolist(), strict=False):
            seen.append(spectrum.sign(place, normal, line) * sign)
            if 1 in seen and -1 in seen:
                return []
        on = self.signs[cell].copy()
        on[: len(seen)] *= np.abs(np.array(seen, dtype=np.int8))
        return [
            Eigencone(cell, place, on, combination([side], [line])) for side in (1, -1) if -side not in seen
        ]

    def _in_an_eigenspace(self, cell: int, place: int) -> list[Eigencone]:
        """The eigencones of the multiple integer eigenvalue at `place`: one cone, or the two rays of a
        line.
        """
        basis = self.spectrum(cell).basis(place)
        cone = generators(self._heights(cell, place, range(len(self.normals))), (), len(basis))
        rays, lines = ([_integers(combination(x, basis)) for x in part] for part in cone)
        if not rays and len(lines) == 1:
            parts, lines = [lines, [tuple(-c for c in lines[0])]], []
        else:
            parts = [rays] if rays or lines else []
        found = []
        for part in parts:
            tick()
            inner = [sum(entries) for entries in zip(*(part or lines[:1]), strict=True)]
            dots = self._normal_rows() @ np.array(inner, dtype=object)
            signs = np.array([(v > 0) - (v < 0) for v in dots.tolist()], dtype=np.int8)
            dimension = self.dimension - len(generators((), part + lines, self.dimension)[1])
            point = constants(coprime(inner))
            found.append(Eigencone(cell, place, signs, point, dimension, tuple(part), tuple(lines)))
        return found

    def _heights(self, cell: int, place: int, kinks: Sequence[int]) -> list[list[int]]:
        """The products of the basis of an integer eigenvalue with these normals, the cell on the positive
        side.
        """
        products = self._products(cell, place, kinks)
        return [[entry[0] if entry else 0 for entry in row] for row in products]

    def _products(self, cell: int, place: int, kinks: Sequence[int]) -> list[list[Polynomial]]:
        basis, signs = self.spectrum(cell).basis(place), self.signs[cell]
        sides = [[int(signs[k]) * c for c in self.normals[k]] for k in kinks]
        return [[product(side, vector) for vector in basis] for side in sides]

    def _in_an_irrational_eigenspace(self, cell: int, place: int) -> list[Eigencone]:
        inner = self._inner(cell, place, range(len(self.normals)))
        if inner is None:
            self.unresolved.add((cell, place))
        multiplicity = self.spectrum(cell).roots[place].multiplicity
        return [Eigencone(cell, place, self.signs[cell], inner, multiplicity)] if inner else []

    def _inner(self, cell: int, place: int, kinks: Sequence[int]) -> Algebraic | None:
        """For an irrational multiple eigenvalue a vector of the eigenspace strictly on the cell's side of
        these normals.

        () if it is proved that the closed side has none but 0, None if neither is decided. The rows c_h of
        the products with the basis are rounded to integer rows with errors of at most e_h in all. If c_h . x
        >= 0 for all h and t = |x_j| is the largest |x_i|, then x is in the cone {rounded c_h . x + e_h t >=
        0, |x_i| <= t}, a rational one for each j and sign of x_j. If all these 2 m cones are 0, so is x.
        """
        spectrum, m = self.spectrum(cell), self.spectrum(cell).roots[place].multiplicity
        basis, products = spectrum.basis(place), self._products(cell, place, kinks)
        if not products:
            return basis[0]
        for bits in _PRECISIONS:
            tick()
            rows, errors = _rounded(
                [enclosed(tuple(row), spectrum.roots[place].ball(2 * bits)) for row in products], bits
            )
            rays, lines = generators(rows, (), m)
            if rays:
                weights = [max(abs(c) for c in ray) for ray in rays]
                x = [
                    sum((ray[i] << bits) // w for ray, w in zip(rays, weights, strict=True)) for i in range(m)
                ]
                vector = combination(x, basis)
                if all(spectrum.sign(place, self.normals[k], vector) == self.signs[cell, k] for k in kinks):
                    return vector
            elif not lines and not any(
                any(generators(_relaxed(rows, errors, j, side), (), m)) for j in range(m) for side in (1, -1)
            ):
                return ()
        return None

    def _maximal(self, found: Sequence[Eigencone]) -> list[Eigencone]:
        """Those that are in no other one, each once."""
        continua = {(cone.cell, cone.place): cone for cone in found if cone.dimension > 1}
        special = {cell for cell, _ in continua.keys() | self.unresolved}
        kept = []
        for cone in found:
            tick()
            adjacent = self.adjacent(cone.signs)
            own = self.spectrum(cone.cell).roots[cone.place]
            keys = [
                (b, own.place_among(self.spectrum(b).roots))
                for b in adjacent
                if b != cone.cell and b in special
            ]
            others = [continua[key] for key in keys if key in continua]
            if cone.dimension == 1:
                silent = {b for b, _ in self.unresolved.intersection(keys)}
                keep = not others and cone.cell == next(b for b in adjacent if b not in silent)
            else:
                # All others contain this cone; they are equal to it if they lie in its cell.
                keep = all(
                    other.cell > cone.cell and cone.cell in self.adjacent(other.signs) for other in others
                )
            if keep:
                kept.append(cone)
        return kept

    # -- comparing -------------------------------------------------------------------------------------------

    def around(self, cone: Eigencone) -> list[tuple[int, int]]:
        """All cells whose closure contains the cone, with the place of its eigenvalue in their spectra."""
        own = self.spectrum(cone.cell).roots[cone.place]
        return [
            (b, cone.place if b == cone.cell else own.place_among(self.spectrum(b).roots))
            for b in self.adjacent(cone.signs)
        ]

    def has_eigenvector(self, cell: int, place: int, kinks: Sequence[int]) -> bool | None:
        """Whether the eigenspace at `place` has a vector != 0 on the cell's side of these normals; None if
        not decided.
        """
        spectrum, root = self.spectrum(cell), self.spectrum(cell).roots[place]
        if len(kinks) <= max(1, root.multiplicity - 1):
            return True  # u or -u is on the side of one hyperplane, and so many have a common u
        if root.multiplicity == 1:
            (line,) = spectrum.basis(place)
            return not {1, -1} <= {
                spectrum.sign(place, self.normals[k], line) * int(self.signs[cell, k]) for k in kinks
            }
        if root.integer is not None:
            return any(generators(self._heights(cell, place, kinks), (), root.multiplicity))
        inner = self._inner(cell, place, kinks)
        return None if inner is None else inner != ()


def _integers(vector: Algebraic) -> Normal:
    """The constants of a vector in lowest terms; it is not zero."""
    return coprime(entry[0] if entry else 0 for entry in vector)


def _rounded(rows: Sequence[Sequence[Ball]], bits: int) -> tuple[list[list[int]], list[int]]:
    """Positive multiples of the rows, of about so many bits, as integers, and for each the sum of their
    errors.
    """
    whole, errors = [], []
    for row in rows:
        largest = max(max(abs(c.lower()), abs(c.upper())) for c in row)
        scale = Fraction(2) ** bits / largest if largest else Fraction(1)
        middles = [c.mid() * scale for c in row]
        whole.append([round(middle) for middle in middles])
        errors.append(
            sum(math.ceil(abs(round(v) - v) + c.radius() * scale) for v, c in zip(middles, row, strict=True))
        )
    return whole, errors


def _relaxed(rows: Sequence[Sequence[int]], errors: Sequence[int], j: int, side: int) -> list[list[int]]:
    """The inequalities of the cone of `_inner` in which t is `side` times entry j."""
    m = range(len(rows[0]))
    relaxed = [
        [c + (error * side if i == j else 0) for i, c in enumerate(row)]
        for row, error in zip(rows, errors, strict=True)
    ]
    return relaxed + [[sign * (i == k) + side * (i == j) for i in m] for k in m if k != j for sign in (1, -1)]


def _doubles(values: np.ndarray) -> MidRad:
    """Integers, all divided by one power of two if they are very long, as enclosures."""
    bits = max((abs(int(v)).bit_length() for v in values.ravel()), default=0)
    if bits <= _LARGEST_BITS:
        return MidRad.from_exact(values)
    return MidRad.from_exact(values * Fraction(1, 1 << (bits - _LARGEST_BITS)))
