"""The faces on which a neuron of power 1 has its KKT points, decided in integers (L6).

n is linear on each closed cell of the arrangement of its kinks, `n(u) = g_A·u`. Let F be an open face, V its span, and
u in F a unit vector. The Clarke gradients at u are conv{g_B : B a cell adjacent to F} and nothing else, because small
neighbourhoods of u meet just these cells. Two of the g_B differ by a sum of normals orthogonal to V, so all have one
projection g_V to V. Hence u is KKT, `0 in ∂n(u) - R u`, iff for some λ, which is n(u) then,

    (1) g_V = λ u,   and   (2) 0 is in the convex hull of the projections of the g_B to V^⊥.

With λ != 0, (1) leaves the two vectors ±g_V/|g_V|, if they are in F; with λ = 0 it says g_V = 0, and then all of F is KKT or
none of it. Every u != 0 is in exactly one face, so going through all faces misses nothing. ∂n is closed, so with F its
closure is KKT; of the faces with λ = 0 only those are kept that are in the closure of no other.

*Second order.* For small a in V orthogonal to u and small q in V^⊥, `n(u + a + q) = λ + φ(q)` with φ(q) = n'(u; q), linear on
each cell of the hyperplanes through u; on the sphere this is `(λ + φ(q)) / sqrt(1 + |a|² + |q|²)`. So larger values are near u
iff φ > 0 somewhere, or λ < 0 and there is an a != 0, or a q != 0 with φ(q) = 0; and smaller ones iff this holds of -n. As φ is
linear on pointed cells, its signs are known from those on their extreme rays.

If the normals Z of the hyperplanes through u are independent, their cells have all combinations of signs, so the hull in
(2) is a parallelepiped with the directions of Z, and the rays are ± a dual basis q_h. With φ(q) = c·q + (coefficient of the
side)(h·q) for q = ±q_h, (2) says that -c·q_h / (h·q_h) is between the two coefficients of h, that is, φ(q_h) φ(-q_h) >= 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import comb, gcd, lcm

import numpy as np

from certflow.kkt.arrangement import Flat, flats
from certflow.kkt.cones import generators, zero_in_hull
from certflow.kkt.neuron import Neuron, primitive
from certflow.progress import Progress


@dataclass(frozen=True)
class Finding:
    """A KKT direction with λ != 0, or an open face with λ = 0, all of which is KKT; `direction` is one of its points.

    `signs` and `dimension` are those of the face, `slopes` the signs that φ has on the extreme rays across it, `sign` that
    of λ and `square` is λ².
    """

    direction: tuple[int, ...]
    signs: tuple[int, ...]
    dimension: int
    slopes: frozenset[int]
    sign: int
    square: Fraction

    def negated(self) -> Finding:
        """The same for -n."""
        return replace(self, sign=-self.sign, slopes=frozenset(-s for s in self.slopes))

    @property
    def kind(self) -> str:
        """The kind of a point; "maximum" if the sphere has no other point near, "degenerate" if λ = 0 does not decide."""
        level = self.dimension > 1 or 0 in self.slopes
        rises = 1 in self.slopes or (self.sign < 0 and level)
        falls = -1 in self.slopes or (self.sign > 0 and level)
        if rises and falls:
            return "saddle"
        if self.sign == 0 and level:
            return "degenerate"
        return "minimum" if rises else "maximum"

    def is_in_closure_of(self, other: Finding) -> bool:
        """Whether the face lies in the closure of the face of `other`."""
        return all(mine in (0, theirs) for mine, theirs in zip(self.signs, other.signs, strict=True))


class LinearFaces:
    """`findings`, those with λ = 0 last and by falling dimension, and `counts` of what was visited, for a neuron of power 1.

    Raises `Inconclusive` for more than `most_cells` cells.
    """

    def __init__(self, neuron: Neuron, most_cells: int, progress: Progress | None = None) -> None:
        self._terms = _Terms(neuron)
        self.counts = {"cells": 0, "faces": 0}
        isolated: list[Finding] = []
        level: list[Finding] = []
        d, normals = neuron.inputs, self._terms.normals
        most_flats = sum(comb(len(normals), k) for k in range(d))
        for done, flat in enumerate(flats(normals, d, most_cells)):
            if progress is not None:
                progress("faces of the arrangement", min(done, most_flats - 1), most_flats)
            self.counts["cells"] += len(flat.signs) * (flat.dimension == d)
            self.counts["faces"] += len(flat.signs)
            for finding in self._terms.findings(flat):
                if finding.sign:
                    isolated.append(finding)
                elif not any(finding.is_in_closure_of(other) for other in level):
                    level.append(finding)
        if progress is not None:
            progress("faces of the arrangement", most_flats, most_flats)
        self.findings = isolated + level

    def zero_in_all_gradients(self) -> bool:
        """Whether 0 is in the convex hull of the g_A of all cells A, the Clarke gradients at the origin."""
        whole = next(flats(self._terms.normals, self._terms.H.shape[1]))
        # Where a face has λ = 0, 0 is in the hull of those adjacent to it.
        return any(not f.sign for f in self.findings) or zero_in_hull(self._terms.gradients(whole.signs).tolist())


class _Terms:
    """The hinges of a neuron in whole numbers: `scale` n(u) is the sum of the sides `plus`, `minus` times the rows of H."""

    def __init__(self, neuron: Neuron) -> None:
        hinges = neuron.hinges
        self.normals = [hinge.normal for hinge in neuron.kinked]
        self.scale = lcm(*(c.denominator for h in hinges for c in (h.plus, h.minus)))
        self.H = np.array([h.normal for h in hinges], dtype=object).reshape(len(hinges), neuron.inputs)
        self.plus = np.array([int(h.plus * self.scale) for h in hinges], dtype=object)
        self.minus = np.array([int(h.minus * self.scale) for h in hinges], dtype=object)
        kinked = len(self.normals)
        self._smooth = self.plus[kinked:] @ self.H[kinked:] if kinked < len(hinges) else 0

    def gradients(self, signs: np.ndarray) -> np.ndarray:
        """For each row of signs of the normals, the sum over them of `side × normal`, without those of sign 0, plus the
        terms without a kink."""
        kinked = len(self.normals)
        sides = np.where(signs > 0, self.plus[:kinked], np.where(signs < 0, self.minus[:kinked], 0))
        return sides @ self.H[:kinked] + self._smooth

    def findings(self, flat: Flat) -> list[Finding]:
        """The KKT directions in the faces of a flat, and those of its faces that are KKT with λ = 0."""
        gradients = self.gradients(flat.signs)
        projector, divisor = _projector(flat.basis)
        projections = gradients @ projector
        level = np.flatnonzero(~projections.astype(bool).any(axis=1))
        places = [(0, row, flat.interiors[row]) for row in level]
        for sign in (1, -1):
            places += [(sign, row, projections[row] * sign) for row in self._inside(flat, projections * sign)]
        if not places:
            return []
        fan = _Fan(self, flat)
        slopes = fan.slopes(gradients[[row for _, row, _ in places]])
        found = []
        for (sign, row, direction), across in zip(places, slopes, strict=True):
            if fan.has_zero(gradients[row], across):
                square = Fraction(sum(v * v for v in projections[row].tolist()), (divisor * self.scale) ** 2)
                divide = gcd(*direction.tolist())
                found.append(
                    Finding(
                        direction=tuple(v // divide for v in direction.tolist()),
                        signs=tuple(flat.signs[row].tolist()),
                        dimension=flat.dimension,
                        slopes=frozenset((v > 0) - (v < 0) for v in across.tolist()),
                        sign=sign,
                        square=square,
                    )
                )
        return found

    def _inside(self, flat: Flat, directions: np.ndarray) -> np.ndarray:
        """The rows of `directions` (one vector of the flat per face) that lie in their own face and are not zero."""
        rows = np.flatnonzero(directions.astype(bool).any(axis=1))
        # On a line all normals agree, up to orientation.
        columns = np.flatnonzero(flat.signs[0])[: 1 if flat.dimension == 1 else None]
        for j in columns if len(rows) else ():
            heights = directions[rows] @ self.H[j]
            rows = rows[np.where(flat.signs[rows, j] > 0, heights > 0, heights < 0).astype(bool)]
        return rows


class _Fan:
    """What n does across a flat V: the cells in V^⊥ of the hyperplanes that contain V, and φ on their extreme rays."""

    def __init__(self, terms: _Terms, flat: Flat) -> None:
        zeros = np.flatnonzero(flat.signs[0] == 0)
        Z, plus, minus = terms.H[zeros], terms.plus[zeros], terms.minus[zeros]
        d = terms.H.shape[1]
        rank = d - flat.dimension
        self._hull: np.ndarray | None = None
        if len(zeros) == rank:
            dual = np.array(generators(Z.tolist(), flat.basis.T.tolist(), d)[0], dtype=object).reshape(rank, d)
            self._rays = np.vstack([dual, -dual])
        else:
            # In the coordinates y of V^⊥ = {across y}, where g is gᵀ across.
            self._across = np.array(generators([], flat.basis.T.tolist(), d)[1], dtype=object).T
            normals, scales = zip(*(primitive(row) for row in (Z @ self._across).tolist()), strict=True)
            local = list(flats(normals, rank))
            self._rays = np.vstack([line.interiors for line in local if line.dimension == 1]) @ self._across.T
            signs = local[0].signs * np.array([1 if scale > 0 else -1 for scale in scales])
            self._hull = np.where(signs > 0, plus, minus) @ (Z @ self._across)
        heights = self._rays @ Z.T
        self._bends = (np.where(heights > 0, plus, minus) * heights).sum(axis=1)

    def slopes(self, gradients: np.ndarray) -> np.ndarray:
        """φ on every ray, for each row of gradients of the terms that are not bent at V."""
        return gradients @ self._rays.T + self._bends

    def has_zero(self, gradient: np.ndarray, slopes: np.ndarray) -> bool:
        """Condition (2), for one row of each."""
        if self._hull is None:
            forward, backward = np.split(slopes, 2)
            return all(value >= 0 for value in forward * backward)
        return zero_in_hull((self._hull + gradient @ self._across).tolist())


def _projector(basis: np.ndarray) -> tuple[np.ndarray, int]:
    """P (d × d) and L > 0, whole numbers, with the projection P / L to the span of the columns."""
    orthogonal: list[np.ndarray] = []
    for vector in basis.T:
        for other in orthogonal:
            vector = (other @ other) * vector - (other @ vector) * other
        orthogonal.append(vector // gcd(*vector.tolist()))
    divisor = lcm(*(v @ v for v in orthogonal))
    return sum((divisor // (v @ v)) * np.outer(v, v) for v in orthogonal), divisor
