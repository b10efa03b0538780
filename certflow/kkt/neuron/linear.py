"""All KKT points of one neuron of power 1 on the sphere, and of the two-layer neuron `v n(w)` (L6).

*Faces.* n is linear on each closed cell of the arrangement of its kinks, `n(u) = g_A·u`. Let F be an open
face, V its span, and u in F a unit vector. The Clarke gradients at u are conv{g_B : B a cell adjacent to F}
and nothing else, because small neighbourhoods of u meet just these cells. Two of the g_B differ by a sum of
normals orthogonal to V, so all have one projection g_V to V. Hence u is KKT, `0 in ∂n(u) - R u`, iff for some
λ, which is n(u) then,

    (1) g_V = λ u,   and   (2) 0 is in the convex hull of the projections of the g_B to V^⊥.

With λ != 0, (1) leaves the two vectors ±g_V/|g_V|, if they are in F; with λ = 0 it says g_V = 0, and then all
of F is KKT or none of it. Every u != 0 is in exactly one face, so going through all faces misses nothing. ∂n
is closed, so with F its closure is KKT; of the faces with λ = 0 only those are kept that are in the closure
of no other. All this is decided in integers; λ is the signed root of a rational, and a KKT point with λ != 0
is isolated.

*Second order.* For small a in V orthogonal to u and small q in V^⊥, `n(u + a + q) = λ + φ(q)` with φ(q) =
n'(u; q), linear on each cell of the hyperplanes through u; on the sphere this is `(λ + φ(q)) / sqrt(1 + |a|²
+ |q|²)`. So larger values are near u iff φ > 0 somewhere, or λ < 0 and there is an a != 0, or a q != 0 with
φ(q) = 0; and smaller ones iff this holds of -n. As φ is linear on pointed cells, its signs are known from
those on their extreme rays.

If the normals Z of the hyperplanes through u are independent, their cells have all combinations of signs, so
the hull in
(2) is a parallelepiped with the directions of Z, and the rays are ± a dual basis q_h. With φ(q) = c·q +
(coefficient of the side)(h·q) for q = ±q_h, (2) says that -c·q_h / (h·q_h) is between the two coefficients of
h, that is, φ(q_h) φ(-q_h) >= 0.

*In the plane*, counterclockwise, the gradient of n is a constant on each arc between two kinks and jumps at
each kink, so all gradients are one cumulative sum, of O(n log n) operations: an arc has the KKT directions ±g
that lie inside, and is KKT if g = 0; at a kink r, with q the directions across it, (2) is `n'(r; q) n'(r; -q)
>= 0`.

*Two layers.* The Clarke gradients of `N(w, v) = v n(w)` are, where v w != 0, those of n times v with n(w) as
last entry; where v = 0 and w != 0 only (0, n(w)); at w = 0 the hull of all (v g_A, 0). So the argument of
`lift.py` holds with p = 1, but for one thing: (0, ±1) is KKT iff 0 is in the hull of the g_A of all cells A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import comb, gcd, lcm

import numpy as np

from certflow.algebra.arrangement import Flat, flats
from certflow.algebra.cones import Vector, generators, zero_in_hull
from certflow.algebra.directions import coprime, counterclockwise, primitive
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import bits_for
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.lift import lift
from certflow.kkt.points import Continuum, Exact, KKTPoint, KKTSet, require_digits
from certflow.outcome import BadInput, Kind
from certflow.progress import Progress
from certflow.running import tick

MOST_CELLS = 20_000
METHOD = "all faces of the arrangement of the kinks, in exact numbers"

_EXTRA_DIGITS = 5


def piecewise_linear_kkt(
    neuron: Neuron, digits: int = 30, most_cells: int = MOST_CELLS, progress: Progress | None = None
) -> KKTSet:
    """The complete KKT set of a neuron of power 1 on the unit sphere of its inputs (L6.8), by falling value.

    Isolated points, and sets of dimension >= 1 on which n = 0. Coordinates, values and gaps have radius <=
    10^-digits, values and gaps also relative to max |n| if that is below 1; signs of values are decided. The
    gap at a kink is λ where `n(w/|w|) <= λ / |w|` near the point, and None elsewhere. With one input both
    points are maxima by convention.

    Raises `BadInput` for other powers or digits, `Inconclusive` for more than `most_cells` cells in three
    dimensions or more.
    """
    _check(neuron, digits)
    findings = _findings(neuron, most_cells, progress)
    return _kkt_set(neuron.inputs, findings.found, findings.counts, digits)


def two_layer_kkt(
    neuron: Neuron, digits: int = 30, most_cells: int = MOST_CELLS, progress: Progress | None = None
) -> KKTSet:
    """The complete KKT set of `v n(w)`, n of power 1, on the unit sphere of the weights w, then v (L6.10).

    Numbers and errors as for `piecewise_linear_kkt`; at a kink the gap is that of `v n(w) <= λ v (u·w)`,
    where this holds.
    """
    _check(neuron, digits)
    findings = _findings(neuron, most_cells, progress)
    up = _kkt_set(neuron.inputs, findings.found, findings.counts, digits + _EXTRA_DIGITS)
    down = _kkt_set(
        neuron.inputs, [f.negated() for f in findings.found], findings.counts, digits + _EXTRA_DIGITS
    )
    return lift(neuron, up, down, digits, at_pole=findings.zero_in_all_gradients(), zero=findings.zero())


def _findings(neuron: Neuron, most_cells: int, progress: Progress | None) -> Findings:
    if neuron.inputs == 2 and neuron.kinked:
        return planar_findings(neuron)
    return face_findings(neuron, most_cells, progress)


def _check(neuron: Neuron, digits: int) -> None:
    if neuron.power != 1:
        raise BadInput(
            f"power: faces are enumerated for activations of power 1, and here it is {neuron.power}."
        )
    require_digits(digits)


def _kkt_set(d: int, findings: list[Finding], counts: dict[str, int], digits: int) -> KKTSet:
    """The set of n, or of -n if these are the findings negated."""
    largest = max(f.square for f in findings)
    bits = bits_for(digits) + (largest.numerator // largest.denominator).bit_length()
    ordered = sorted(findings, key=lambda f: (-f.sign * f.square, f.direction))
    points = [point for finding in ordered for point in _points(d, finding, bits)]
    return KKTSet(
        points, digits, method=METHOD, n_max=points[0].value, n_min=points[-1].value, counts=dict(counts)
    )


def _points(d: int, finding: Finding, bits: int) -> list[KKTPoint]:
    """The entries of a finding."""
    value = Ball(finding.square, bits).sqrt() * finding.sign
    inside = finding.dimension == d
    gap = inertia = None
    if d > 1 and (inside or (finding.sign > 0 and 1 not in finding.slopes)):
        gap = value
    if inside:
        positive, zero, negative = ((d - 1) * (finding.sign == sign) for sign in (-1, 0, 1))
        inertia = (positive, zero, negative)

    def entry(
        direction: Sequence[int], kind: Kind, continuum: Continuum | None = None, reason: str = ""
    ) -> KKTPoint:
        norm = Ball(sum(c * c for c in direction), bits).sqrt()
        exact = tuple(Fraction(c) for c in direction)
        return KKTPoint(
            kind, tuple(c / norm for c in direction), value, gap, inertia, exact, continuum, reason
        )

    if finding.sign:
        return [entry(finding.direction, finding.kind)]
    if finding.dimension == 1:
        ends = finding.rays or [tuple(side * c for c in finding.lines[0]) for side in (1, -1)]
        return [entry(end, finding.kind, reason="N = 0") for end in ends]
    cone = Continuum(finding.dimension - 1, _exact(finding.rays), _exact(finding.lines))
    return [entry(finding.direction, Kind.ARC if d == 2 else Kind.DEGENERATE, cone, _reason(d, finding))]


def _reason(d: int, finding: Finding) -> str:
    """Why N is 0 on all of a face."""
    if len(finding.lines) == d:
        return "N is zero: every direction is a KKT point"
    if finding.dimension < d:
        return "N = 0 on a face"
    return "dead cell: no sample is active" if finding.dead else "N = 0 on a cell"


def _exact(vectors: Sequence[Vector]) -> tuple[Exact, ...]:
    return tuple(tuple(Fraction(c) for c in vector) for vector in vectors)


# -- what is decided exactly -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """A KKT direction u with n(u) = λ != 0 (`direction` is a multiple), or a face with n = 0, all of which is
    KKT (L6.9).

    `sign` is that of λ and `square` is λ². `dimension` is that of the face of u, `slopes` are the signs of
    n'(u; q) on the extreme rays q of the cells around u, across the face. If λ = 0, the closure of the face
    is the cone of `rays` plus the span of `lines`, `direction` is a point of it, and `dead` says that no term
    is active there.
    """

    direction: Vector
    dimension: int
    slopes: frozenset[int]
    sign: int
    square: Fraction
    rays: tuple[Vector, ...] = ()
    lines: tuple[Vector, ...] = ()
    dead: bool = False

    def negated(self) -> Finding:
        """The same for -n."""
        return replace(self, sign=-self.sign, slopes=frozenset(-s for s in self.slopes))

    @property
    def kind(self) -> Kind:
        """The kind of a point; a maximum if the sphere has no other point near, degenerate if λ = 0 does not
        decide.
        """
        level = self.dimension > 1 or 0 in self.slopes
        rises = 1 in self.slopes or (self.sign < 0 and level)
        falls = -1 in self.slopes or (self.sign > 0 and level)
        if rises and falls:
            return Kind.SADDLE
        if self.sign == 0 and level:
            return Kind.DEGENERATE
        return Kind.MINIMUM if rises else Kind.MAXIMUM


@dataclass(frozen=True, eq=False)
class Findings:
    """All of them, with the terms of n, their gradients g_A on all cells (of `scale` n), and what was
    visited.
    """

    found: list[Finding]
    terms: WholeTerms
    gradients: np.ndarray
    counts: dict[str, int]

    def zero_in_all_gradients(self) -> bool:
        """Whether 0 is in the convex hull of all g_A, the Clarke gradients at the origin."""
        # Where a face has λ = 0, it is in the hull of those of the cells around it.
        return any(not f.sign for f in self.found) or zero_in_hull(self.gradients.tolist())

    def zero(self) -> Vector | None:
        """A direction with n = 0 if n has both signs on a sphere of dimension >= 1, else None."""
        place = {f.sign: f.direction for f in self.found}
        if self.terms.d == 1 or not {1, -1} <= place.keys():
            return None
        return self.terms.zero_between(place[1], place[-1])


class WholeTerms:
    """The terms of a neuron of power 1 in whole numbers.

    `scale` n(u) is the sum of `plus` (where h·u > 0) or `minus` times h·u over the rows h of H, which are
    first the `kinked` ones; `smooth` is the gradient of the others.
    """

    def __init__(self, neuron: Neuron) -> None:
        hinges = neuron.hinges
        self.d, self.kinked = neuron.inputs, len(neuron.kinked)
        self.scale = lcm(*(c.denominator for h in hinges for c in (h.plus, h.minus)))
        self.H = np.array([h.normal for h in hinges], dtype=object).reshape(len(hinges), neuron.inputs)
        self.plus = np.array([int(h.plus * self.scale) for h in hinges], dtype=object)
        self.minus = np.array([int(h.minus * self.scale) for h in hinges], dtype=object)
        rest = slice(self.kinked, None)
        self.smooth = (self.plus[rest, None] * self.H[rest]).sum(axis=0)

    def sides(self, signs: np.ndarray) -> np.ndarray:
        """The coefficients of the kinked terms where they have these signs (.. × kinked), 0 for sign 0."""
        return np.where(
            signs > 0, self.plus[: self.kinked], np.where(signs < 0, self.minus[: self.kinked], 0)
        )

    def gradients(self, signs: np.ndarray) -> np.ndarray:
        """The gradients of the sum of the terms of sign != 0, for each row of signs of the kinked terms."""
        return self.sides(signs) @ self.H[: self.kinked] + self.smooth

    def value(self, u: np.ndarray) -> int:
        """`scale` n(u)."""
        heights = self.H @ u
        return int((np.where(heights > 0, self.plus, self.minus) * heights).sum())

    def zero_between(self, above: Vector, below: Vector) -> Vector:
        """A direction with n = 0, from one with n > 0 and one with n < 0, d >= 2.

        The segment between them is cut at a kink until the ends are in one closed cell, where n is linear.
        """
        high, low = np.array(above, dtype=object), np.array(below, dtype=object)
        if high @ low < 0 and (high @ low) ** 2 == (high @ high) * (low @ low):
            # Opposite directions: by way of a third one.
            between = np.array([int(k == np.argmin(np.abs(high))) for k in range(self.d)], dtype=object)
            high, low = (between, low) if self.value(between) >= 0 else (high, between)
        kinks = self.H[: self.kinked]
        while len(kinks):  # ends: half of the kinks between the ends remain
            tick()
            at_high, at_low = kinks @ high, kinks @ low
            apart = np.flatnonzero((at_high * at_low < 0).astype(bool))
            kinks, at_high, at_low = kinks[apart], np.abs(at_high[apart]), np.abs(at_low[apart])
            if len(kinks):
                k = len(kinks) // 2
                middle = np.array(coprime(at_low[k] * high + at_high[k] * low), dtype=object)
                high, low = (middle, low) if self.value(middle) >= 0 else (high, middle)
        return coprime(-self.value(low) * high + self.value(high) * low)


def signs_of(values: np.ndarray) -> frozenset[int]:
    """The signs that occur."""
    return frozenset((v > 0) - (v < 0) for v in values.tolist())


# -- the faces of the arrangement --------------------------------------------------------------------------


def face_findings(neuron: Neuron, most_cells: int, progress: Progress | None = None) -> Findings:
    """The findings of a neuron of power 1, of the faces with n = 0 only those in the closure of no other
    (L6.8).

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
                direction = coprime(projections[row] * sign)
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
            coprime(flat.interiors[row]),
            flat.dimension,
            slopes,
            0,
            Fraction(0),
            tuple(rays),
            tuple(lines),
            not active,
        )

    def _inside(self, flat: Flat, directions: np.ndarray) -> np.ndarray:
        """The rows of `directions` (one vector of the flat per face) that lie in their own face and are not
        zero.
        """
        rows = np.flatnonzero(directions.astype(bool).any(axis=1))
        # On a line all normals agree, up to orientation.
        columns = np.flatnonzero(flat.signs[0])[: 1 if flat.dimension == 1 else None]
        for j in columns if len(rows) else ():
            tick()
            heights = directions[rows] @ self.terms.H[j]
            rows = rows[np.where(flat.signs[rows, j] > 0, heights > 0, heights < 0).astype(bool)]
        return rows


class _Fan:
    """What n does across a flat V: the cells in V^⊥ of the hyperplanes that contain V, and φ on their extreme
    rays.
    """

    def __init__(self, terms: WholeTerms, flat: Flat) -> None:
        zeros = np.flatnonzero(flat.signs[0] == 0)
        Z, plus, minus = terms.H[zeros], terms.plus[zeros], terms.minus[zeros]
        d = terms.d
        rank = d - flat.dimension
        self._hull: np.ndarray | None = None
        if len(zeros) == rank:
            dual = np.array(generators(Z.tolist(), flat.basis.T.tolist(), d)[0], dtype=object).reshape(
                rank, d
            )
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


# -- the plane ---------------------------------------------------------------------------------------------


def planar_findings(neuron: Neuron) -> Findings:
    """The findings of a neuron of power 1 with two inputs and at least one kink, one for each direction
    and KKT arc (L6.8)."""
    terms = WholeTerms(neuron)
    # Normals have angles in (-90°, 90°]; the term of h changes from plus to minus where u passes h turned by
    # 90°.
    order = counterclockwise(terms.H[: terms.kinked].tolist())
    H, plus, minus = terms.H[order], terms.plus[order], terms.minus[order]
    starts = np.vstack([_turned(H), -_turned(H)])
    ends = np.roll(starts, -1, axis=0)
    jumps = (minus - plus)[:, None] * H
    # Gradients on the arcs from `starts` to `ends`, and on those before them. Before the first start all
    # signs are 1.
    after = plus @ H + terms.smooth + np.cumsum(np.vstack([jumps, -jumps]), axis=0)
    before = np.roll(after, 1, axis=0)
    flat = ~after.astype(bool).any(axis=1)
    scale = terms.scale**2
    found = []
    for sign in (1, -1):
        inside = (_dot(_turned(starts), after) * sign > 0) & (_dot(_turned(after), ends) * sign > 0)
        for g in after[inside.astype(bool)]:
            found.append(Finding(coprime(g * sign), 2, frozenset(), sign, Fraction(int(g @ g), scale)))
    heights = _dot(after, starts)
    slopes = np.stack([_dot(after, _turned(starts)), -_dot(before, _turned(starts))], axis=1)
    for k in np.flatnonzero((slopes[:, 0] * slopes[:, 1] >= 0).astype(bool) & ~flat & ~np.roll(flat, 1)):
        u, height = coprime(starts[k]), int(heights[k])
        square = Fraction(height * height, sum(c * c for c in u) * scale)
        found.append(
            Finding(u, 1, signs_of(slopes[k]), (height > 0) - (height < 0), square, () if height else (u,))
        )
    active = _active(plus, minus) + (len(terms.H) - terms.kinked)
    for k in np.flatnonzero(flat):
        start, end = coprime(starts[k]), coprime(ends[k])
        if terms.kinked > 1:
            middle = coprime(starts[k] + ends[k])
            cone: tuple[tuple[Vector, ...], tuple[Vector, ...]] = ((start, end), ())
        else:  # half of the plane
            middle = (-start[1], start[0])
            cone = ((middle,), (start,))
        found.append(Finding(middle, 2, frozenset(), 0, Fraction(0), *cone, dead=not active[k]))
    return Findings(found, terms, after, {"cells": len(starts), "faces": 2 * len(starts)})


def _turned(vectors: np.ndarray) -> np.ndarray:
    """Each row turned by 90°, counterclockwise."""
    return np.stack([-vectors[:, 1], vectors[:, 0]], axis=1)


def _dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first * second).sum(axis=1)


def _active(plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """How many kinked terms have a coefficient other than 0 on each arc."""
    change = minus.astype(bool).astype(int) - plus.astype(bool).astype(int)
    return np.count_nonzero(plus) + np.cumsum(np.concatenate([change, -change]))
