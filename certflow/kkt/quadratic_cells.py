"""The cells of a neuron of power 2, and all KKT directions in them, decided exactly (see `piecewise_quadratic` for the proof)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.arrangement import cells
from certflow.kkt.cones import generators
from certflow.kkt.eigenvectors import eigenvector_signs
from certflow.kkt.integer_spectrum import Spectrum
from certflow.kkt.neuron import Neuron, Normal

_BATCH = 1_000_000
"""About how many signs are computed at a time."""

_LARGEST_BITS = 400
"""Longer integers are scaled before they become doubles."""


@dataclass(frozen=True, eq=False)
class Eigencone:
    """The cone of all u != 0 in the closed cell with `M u = root u`, root = `spectrum(cell).roots[place]`, or one ray of it.

    `signs` are those of the kinked normals on its relative interior. An isolated ray has `dimension` 1, and is along `side`
    times the vector of the spectrum, or along `exact`, which is known for integer roots and all larger cones (there: a point of
    the relative interior).
    """

    cell: int
    place: int
    signs: np.ndarray
    dimension: int = 1
    side: int = 1
    exact: Normal | None = None
    rays: tuple[Normal, ...] = ()
    lines: tuple[Normal, ...] = ()

    @property
    def kinks(self) -> list[int]:
        """The places of the kinked normals that vanish on the cone."""
        return [int(k) for k in np.flatnonzero(self.signs == 0)]


class QuadraticCells:
    """The arrangement of a neuron of power 2 with `signs` (cells × kinked normals), and on every cell `scale` n as a matrix."""

    def __init__(self, neuron: Neuron, most: int) -> None:
        """Raises `Inconclusive` if there are more than `most` cells."""
        self.normals = [hinge.normal for hinge in neuron.kinked]
        d, n = neuron.inputs, len(self.normals)
        every = cells(self.normals, d, most)
        self.signs = np.array([cell.signs for cell in every], dtype=np.int8).reshape(len(every), n)
        self.dimension = d
        self.scale = math.lcm(*(side.denominator for hinge in neuron.hinges for side in (hinge.plus, hinge.minus)))
        squares = [np.outer(row, row).ravel() for row in (np.array(h.normal, dtype=object) for h in neuron.hinges)]
        low = [int(h.minus * self.scale) for h in neuron.hinges]
        self._base = sum((c * square for c, square in zip(low, squares, strict=True)), np.array([0] * (d * d), dtype=object))
        steps = [int((h.plus - h.minus) * self.scale) * square for h, square in zip(neuron.kinked, squares, strict=False)]
        self._steps = np.array(steps, dtype=object).reshape(n, d * d)
        self._spectra: dict[int, Spectrum] = {}
        self.unresolved: set[int] = set()

    @property
    def count(self) -> int:
        """How many cells there are."""
        return len(self.signs)

    def matrices(self, places: slice) -> np.ndarray:
        """`scale` M_A for these cells, integers (cells × d × d)."""
        plus = (self.signs[places] > 0).astype(object)
        return (plus @ self._steps + self._base).reshape(-1, self.dimension, self.dimension)

    def spectrum(self, cell: int) -> Spectrum:
        """The exact spectrum of `scale` M_A."""
        if cell not in self._spectra:
            self._spectra[cell] = Spectrum(self.matrices(slice(cell, cell + 1))[0])
        return self._spectra[cell]

    def adjacent(self, signs: np.ndarray) -> list[int]:
        """All cells whose closure contains the face with these signs."""
        fixed = signs != 0
        return [int(k) for k in np.flatnonzero((self.signs[:, fixed] == signs[fixed]).all(axis=1))]

    # -- finding -------------------------------------------------------------------------------------------------------

    def eigencones(self, report: Callable[[int], None]) -> list[Eigencone]:
        """Every maximal eigencone, once; `report` is called with the number of cells done.

        The cells in `unresolved` have an irrational multiple eigenvalue, for which eigencones may be missing.
        """
        found: list[Eigencone] = []
        step = max(1, _BATCH // (self.dimension * (len(self.normals) + self.dimension)))
        for start in range(0, self.count, step):
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
            cell = places.start + k
            found += self._on_a_line(cell, self.spectrum(cell).places[j], self.signs[cell][:1])
        for k in np.flatnonzero((~inside & ~outside).any(axis=1)).tolist():
            cell = places.start + k
            spectrum = self.spectrum(cell)
            for place in sorted({spectrum.places[j] for j in np.flatnonzero(~inside[k] & ~outside[k]).tolist()}):
                if spectrum.roots[place].multiplicity == 1:
                    found += self._on_a_line(cell, place, self.signs[cell])
                elif spectrum.roots[place].integer is not None:
                    found += self._in_an_eigenspace(cell, place)
                else:
                    self.unresolved.add(cell)
        return found

    def _normal_rows(self) -> np.ndarray:
        return np.array(self.normals, dtype=object).reshape(len(self.normals), self.dimension)

    def _on_a_line(self, cell: int, place: int, signs: np.ndarray) -> list[Eigencone]:
        """The rays in the closed cell of the simple eigenvalue at `place`.

        `signs` are the signs of the cell, or only the first one if the line is known to meet the open cell.
        """
        spectrum, own, seen = self.spectrum(cell), self.signs[cell], []
        for normal, sign in zip(self.normals, signs.tolist(), strict=False):
            seen.append(spectrum.sign(place, normal) * sign)
            if 1 in seen and -1 in seen:
                return []
        on = own.copy()
        on[: len(seen)] = own[: len(seen)] * np.abs(np.array(seen, dtype=np.int8))
        rational = spectrum.roots[place].integer is not None
        exact = spectrum.exact_vector(place) if rational else None
        return [
            Eigencone(cell, place, on, side=side, exact=None if exact is None else tuple(side * c for c in exact))
            for side in (1, -1)
            if -side not in seen
        ]

    def _in_an_eigenspace(self, cell: int, place: int) -> list[Eigencone]:
        """The eigencones of the multiple integer eigenvalue at `place`: one cone, or the two rays of a line."""
        rays, lines = self._generators(cell, place, range(len(self.normals)))
        if not rays and len(lines) == 1:
            opposite = tuple(-c for c in lines[0])
            parts, lines = [lines, [opposite]], []
        else:
            parts = [rays] if rays or lines else []
        found = []
        for part in parts:
            inner = tuple(sum(entries) for entries in zip(*(part or lines[:1]), strict=True))
            divisor = math.gcd(*inner)
            dots = self._normal_rows() @ np.array(inner, dtype=object)
            signs = np.array([(v > 0) - (v < 0) for v in dots.tolist()], dtype=np.int8)
            dimension = self.dimension - len(generators((), part + lines, self.dimension)[1])
            exact = tuple(c // divisor for c in inner)
            found.append(Eigencone(cell, place, signs, dimension, 1, exact, tuple(part), tuple(lines)))
        return found

    def _generators(self, cell: int, place: int, normals: Sequence[int]) -> tuple[list[Normal], list[Normal]]:
        """Rays and lines of the cone of the eigenvectors of an integer eigenvalue on the cell's side of these normals."""
        spectrum = self.spectrum(cell)
        shifted = spectrum.matrix - spectrum.roots[place].integer * np.eye(self.dimension, dtype=int).astype(object)
        sides = [[int(self.signs[cell, k]) * c for c in self.normals[k]] for k in normals]
        return generators(sides, shifted.tolist(), self.dimension)

    def _maximal(self, found: Sequence[Eigencone]) -> list[Eigencone]:
        """Those that are in no other one, each once."""
        eigenvalue = {cone: self.spectrum(cone.cell).roots[cone.place].integer for cone in found}
        continua = {(cone.cell, eigenvalue[cone]): cone for cone in found if cone.dimension > 1}
        kept = []
        for cone in found:
            adjacent = self.adjacent(cone.signs)
            others = [continua[b, eigenvalue[cone]] for b in adjacent if b != cone.cell and (b, eigenvalue[cone]) in continua]
            if cone.dimension == 1:
                keep = cone.cell == adjacent[0] and not others
            else:
                # All others contain this cone; they are equal to it if they lie in its cell.
                keep = all(other.cell > cone.cell and cone.cell in self.adjacent(other.signs) for other in others)
            if keep:
                kept.append(cone)
        return kept

    # -- comparing -----------------------------------------------------------------------------------------------------

    def around(self, cone: Eigencone) -> list[tuple[int, int]]:
        """All cells whose closure contains the cone, with the place of its eigenvalue in their spectra."""
        own = self.spectrum(cone.cell).roots[cone.place]
        return [(b, cone.place if b == cone.cell else own.place_among(self.spectrum(b).roots)) for b in self.adjacent(cone.signs)]

    def has_eigenvector(self, cell: int, place: int, kinks: Sequence[int]) -> bool | None:
        """Whether the eigenspace at `place` has a vector != 0 on the cell's side of these normals; None if not decided."""
        root = self.spectrum(cell).roots[place]
        if len(kinks) <= max(1, root.multiplicity - 1):
            return True  # u or -u is on the side of one hyperplane, and so many have a common u
        if root.multiplicity == 1:
            seen = {self.spectrum(cell).sign(place, self.normals[k]) * int(self.signs[cell, k]) for k in kinks}
            return not {1, -1} <= seen
        return None if root.integer is None else any(self._generators(cell, place, kinks))


def _doubles(values: np.ndarray) -> MidRad:
    """Integers, all divided by one power of two if they are very long, as enclosures."""
    bits = max((abs(int(v)).bit_length() for v in values.ravel()), default=0)
    if bits <= _LARGEST_BITS:
        return MidRad.from_exact(values)
    return MidRad.from_exact(values * Fraction(1, 1 << (bits - _LARGEST_BITS)))
