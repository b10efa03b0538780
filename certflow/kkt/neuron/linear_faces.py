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

from fractions import Fraction
from math import comb, gcd, lcm

import numpy as np

from certflow.algebra.cones import generators, zero_in_hull
from certflow.kkt.neuron.arrangement import Flat, flats
from certflow.kkt.neuron.features import Neuron, primitive
from certflow.kkt.neuron.linear_findings import Finding, Findings, WholeTerms, reduced, signs_of
from certflow.progress import Progress
from certflow.running import tick


def face_findings(neuron: Neuron, most_cells: int, progress: Progress | None = None) -> Findings:
    """The findings of a neuron of power 1, of the faces with n = 0 only those in the closure of no other.

    Raises `Inconclusive` for more than `most_cells` cells.
    """
    return _Enumeration(neuron).run(most_cells, progress)


class _Enumeration:
    def __init__(self, neuron: Neuron) -> None:
        self.terms = WholeTerms(neuron)
        self.normals = [hinge.normal for hinge in neuron.kinked]
        self.found: list[Finding] = []
        self.level: list[np.ndarray] = []
        """The signs of the faces with n = 0 that were found."""

    def run(self, most_cells: int, progress: Progress | None) -> Findings:
        d = self.terms.d
        all_gradients = np.zeros((0, d), dtype=object)
        counts = {"cells": 0, "faces": 0}
        most_flats = sum(comb(len(self.normals), k) for k in range(d))
        for done, flat in enumerate(flats(self.normals, d, most_cells)):
            tick()
            if progress is not None:
                progress("faces of the arrangement", min(done, most_flats - 1), most_flats)
            gradients = self.terms.gradients(flat.signs)
            counts["faces"] += len(gradients)
            if flat.dimension == d:
                all_gradients, counts["cells"] = gradients, len(gradients)
            self._visit(flat, gradients)
        if progress is not None:
            progress("faces of the arrangement", most_flats, most_flats)
        return Findings(self.found, self.terms, all_gradients, counts)

    def _visit(self, flat: Flat, gradients: np.ndarray) -> None:
        """Adds the KKT directions in the faces of a flat, and those of its faces that are KKT with n = 0."""
        projector, divisor = _projector(flat.basis)
        projections = gradients @ projector
        places = [(row, 0) for row in np.flatnonzero(~projections.astype(bool).any(axis=1))]
        places += [(row, sign) for sign in (1, -1) for row in self._inside(flat, projections * sign)]
        if not places:
            return
        fan = _Fan(self.terms, flat)
        for row, sign in places:
            slopes = fan.slopes(gradients[row])
            if not fan.has_zero(gradients[row], slopes):
                continue
            if sign:
                square = Fraction(int(projections[row] @ projections[row]), (divisor * self.terms.scale) ** 2)
                direction = reduced(projections[row] * sign)
                self.found.append(Finding(direction, flat.dimension, signs_of(slopes), sign, square))
            elif not any(((flat.signs[row] == 0) | (flat.signs[row] == other)).all() for other in self.level):
                self.level.append(flat.signs[row])
                self.found.append(self._level_face(flat, int(row), signs_of(slopes)))

    def _level_face(self, flat: Flat, row: int, slopes: frozenset[int]) -> Finding:
        signs = flat.signs[row].tolist()
        sides = [[sign * c for c in normal] for sign, normal in zip(signs, self.normals, strict=True) if sign]
        through = [normal for sign, normal in zip(signs, self.normals, strict=True) if not sign]
        rays, lines = generators(sides, through, self.terms.d)
        active = self.terms.sides(flat.signs[row]).any() or len(self.terms.H) > self.terms.kinked
        return Finding(
            reduced(flat.interiors[row]), flat.dimension, slopes, 0, Fraction(0), tuple(rays), tuple(lines), not active
        )

    def _inside(self, flat: Flat, directions: np.ndarray) -> np.ndarray:
        """The rows of `directions` (one vector of the flat per face) that lie in their own face and are not zero."""
        rows = np.flatnonzero(directions.astype(bool).any(axis=1))
        # On a line all normals agree, up to orientation.
        columns = np.flatnonzero(flat.signs[0])[: 1 if flat.dimension == 1 else None]
        for j in columns if len(rows) else ():
            tick()
            heights = directions[rows] @ self.terms.H[j]
            rows = rows[np.where(flat.signs[rows, j] > 0, heights > 0, heights < 0).astype(bool)]
        return rows


class _Fan:
    """What n does across a flat V: the cells in V^⊥ of the hyperplanes that contain V, and φ on their extreme rays."""

    def __init__(self, terms: WholeTerms, flat: Flat) -> None:
        zeros = np.flatnonzero(flat.signs[0] == 0)
        Z, plus, minus = terms.H[zeros], terms.plus[zeros], terms.minus[zeros]
        d = terms.d
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

    def slopes(self, gradient: np.ndarray) -> np.ndarray:
        """φ on every ray, from the gradient of the terms that are not bent at V."""
        return self._rays @ gradient + self._bends

    def has_zero(self, gradient: np.ndarray, slopes: np.ndarray) -> bool:
        """Condition (2)."""
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
