"""What the checker needs to prove a list of KKT points again (rules R10 to R12).

Nothing here proves anything: radii, gaps and test vectors come from doubles, with room for the checker's own
roundings. What was rounded too boldly is refused by the checker, never believed. The format is
`docs/certificate-format.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from certflow.algebra.directions import Direction, cross
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.kkt.enumerate import kkt_set
from certflow.kkt.neuron.circle import PlanarKKT, PlanarPoint, planar_kkt
from certflow.kkt.neuron.circle_cells import Cells, critical_lines
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer
from certflow.networks.sphere import tangent_basis
from certflow.outcome import Inconclusive, Kind
from certflow.problem import Problem
from certflow.theorems.kkt_points.claim import Box, Directions, Pair, Point
from certflow.units import Units, multiplied, normalised

MAX_COVERED, MAX_WEIGHTS, MAX_POINTS = 4, 400, 1_000

_GRID, _VECTOR_BITS, _FINEST = 110, 30, 40
_ISOLATED = (Kind.MAXIMUM, Kind.MINIMUM, Kind.SADDLE)
_CONTRACTION = 0.8
_SLACK = 1e-9
"""Of a gap, relative to the Hessian: the checker's factorisations need about 1e-12."""


@dataclass(frozen=True)
class Vectors:
    """Integer directions in which the second derivative at a point is largest and (of a saddle) smallest."""

    top: list[int]
    bottom: list[int] | None

    def to_json(self) -> dict[str, Any]:
        """The entry of `evidence`."""
        return {"top": self.top, "bottom": self.bottom}


@dataclass(frozen=True)
class Evidence:
    """What the claim is about, with the test vectors of its points, in these `units`."""

    kkt: KKTSet
    vectors: tuple[Vectors, ...]
    units: Units | None

    def to_json(self) -> list[dict[str, Any]]:
        """The entry `evidence` of a certificate."""
        return [each.to_json() for each in self.vectors]


class Listed:
    """The function that is written about (a neuron on features, or the whole network) and its KKT set."""

    def __init__(self, problem: Problem, kkt: KKTSet) -> None:
        network = problem.network
        if not isinstance(network, FeedForward):
            raise Inconclusive(
                "there is no certificate of KKT points here: the checker reads feed-forward networks only."
            )
        scaled, self.units = normalised(problem)
        if not isinstance(scaled.network, FeedForward):
            raise ValueError("a scaled network is of the same kind")
        self.problem, self.kkt, self.network = problem, kkt, scaled.network
        self.features, self.z = network.features(problem.X), scaled.z
        self.shallow = network.is_sum_of_neurons
        self.X = scaled.network.features(scaled.X) if self.shallow else scaled.X
        self.rate = self.units.neuron_rate if self.shallow else self.units.rate
        self.size, self.order = network.size, problem.order
        self.flat = self.shallow and self.X.shape[1] == 2 and network.activation.power == 2
        if self.shallow:
            self.size, self.order = self.X.shape[1], network.activation.power
            self.network = OneLayer(self.size, 1, network.activation)
            powers = network.activation.power > 1
            if powers and not self.flat and any(len(point.point) != self.size for point in kkt.points):
                # The set is about all weights of a neuron whose output weight is trained.
                alone = Problem(
                    self.network, self.features, problem.y, problem.loss, direction=[1] * self.size
                )
                self.kkt = kkt_set(alone, kkt.digits)
        self.N = Correlation(self.network, self.X, self.z)
        self.isolated = [p for p in self.kkt.points if p.kind in _ISOLATED and p.continuum is None]

    def why_not(self, proof: str) -> str | None:
        """The reason why there is no such proof, None if there may be one."""
        activation = self.network.activation
        if activation.power == 1 and (self.shallow or activation.alpha != 1):
            return "for activations of power 1 the checker has no rule"
        if proof == "planar":
            return None if self.flat else "the planar proof is for neurons with two features and power 2"
        if not 2 <= self.size <= MAX_WEIGHTS:
            return f"the checker reads 2 to {MAX_WEIGHTS} weights"
        if proof == "cover":
            if self.size > MAX_COVERED:
                return f"completeness is checked for at most {MAX_COVERED} weights"
            if not self.kkt.complete or any(
                p not in self.isolated and not self._dead(p) for p in self.kkt.points
            ):
                return "the set is not known to consist of isolated points and dead directions only"
        if len(self.kkt.points) > MAX_POINTS:
            return f"the checker reads at most {MAX_POINTS} points"
        if not self.isolated:
            return "no isolated KKT point is known"
        lost = len(self.isolated) - len(self._placed)
        if lost and (proof == "cover" or not self._placed):
            return (
                f"{lost} of {len(self.isolated)} isolated KKT points are too close to degenerate, or on "
                f"kinks, for the checker"
            )
        return None

    def _dead(self, point: KKTPoint) -> bool:
        """Whether all samples are inactive on the whole entry, and the neuron is zero there."""
        if not self.shallow or self.network.activation.alpha != 0:
            return False
        rays = [] if point.direction is None else [point.direction]
        if point.continuum is not None:
            rays = [
                *point.continuum.rays,
                *point.continuum.lines,
                *(tuple(-v for v in line) for line in point.continuum.lines),
            ]
        used = [x for x, z in zip(self.X, self.z, strict=True) if z]
        return bool(rays) and all(
            sum(a * b for a, b in zip(x, ray, strict=True)) <= 0 for x in used for ray in rays
        )

    # -- points in charts of the cube ------------------------------------------------------------------------

    def centres(self) -> tuple[tuple[Point, ...], tuple[Vectors, ...]]:
        """Isolated points with boxes in which they are alone, in increasing order, and their test vectors."""
        return tuple(point for point, _ in self._placed), tuple(vectors for _, vectors in self._placed)

    @cached_property
    def _placed(self) -> list[tuple[Point, Vectors]]:
        """All isolated points of which the checker can be expected to prove place and kind, by their
        centres.
        """
        found = (self._centre(point) for point in self.isolated)
        return sorted((each for each in found if each is not None), key=lambda each: _centre_of(each[0]))

    def _centre(self, point: KKTPoint) -> tuple[Point, Vectors] | None:
        middle = [coordinate.mid() for coordinate in point.point]
        largest = max(map(abs, middle))
        centre = [round(c / largest * 2**_GRID) for c in middle]
        face = [abs(c) for c in centre].index(1 << _GRID)
        c = np.array([float(Fraction(v, 1 << _GRID)) for v in centre])
        alone = self._alone(c, face)
        if alone is None:
            return None
        unique, spread = alone
        error = 32 * max(float(coordinate.radius()) for coordinate in point.point) * len(c)
        radius = min(_power_of_two(max(error, 2.0**-80 * max(1.0, spread))), unique)
        second = self._second_order(point.kind, c, radius)
        if second is None:
            return None
        low, high, size, vectors = second
        aside = Fraction(radius) * Fraction(64 * len(c) * size)
        lowest, highest = point.value.lower() / self.rate - aside, point.value.upper() / self.rate + aside
        place = Box(tuple(Fraction(v, 1 << _GRID) for v in centre), Fraction(radius), Fraction(unique))
        value = multiplied(_outward(lowest, highest, Fraction(radius) * Fraction(size)), self.rate)
        gap = multiplied(_outward(Fraction(low), Fraction(high), Fraction(_SLACK * size)), self.rate)
        return Point(point.kind, place, value, gap), vectors

    def _local(self, c: np.ndarray, face: int | None, reach: float) -> tuple[MidRad, MidRad, MidRad]:
        """Weights, gradient and Hessians of N on the box of this reach about c, in which coordinate `face` is
        fixed.
        """
        reaches = np.full(len(c), reach)
        if face is not None:
            reaches[face] = 0.0
        W = MidRad.exact(c).widened(reaches)
        at = self.N.at(MIDRAD, W)
        return W, at.gradient, at.hessian()

    def _alone(self, c: np.ndarray, face: int) -> tuple[float, float] | None:
        """The largest box in which the Newton map contracts enough, and the size of the inverse Jacobian;
        None without one.
        """
        others = [i for i in range(len(c)) if i != face]
        for step in range(2 * _FINEST):
            reach = (1.0, 0.75)[step % 2] * 2.0 ** -(step // 2)
            W, G, H = self._local(c, face, reach)
            slope = G[face] * Fraction(int(np.sign(c[face])))
            across = H[face] * Fraction(int(np.sign(c[face])))
            J = H - W[:, None] * across[None, :]
            mid, rad = J.mid[np.ix_(others, others)], J.rad[np.ix_(others, others)]
            mid, rad = mid - slope.mid * np.eye(len(others)), rad + slope.rad * np.eye(len(others))
            try:
                A = np.linalg.inv(mid)
            except np.linalg.LinAlgError:
                continue
            if float(np.max(np.sum(np.abs(A) @ rad, axis=1))) <= _CONTRACTION:
                return reach, float(np.max(np.sum(np.abs(A), axis=1)))
        return None

    def _second_order(
        self, kind: Kind, c: np.ndarray, radius: float
    ) -> tuple[float, float, float, Vectors] | None:
        """The ends of the gap, the size of the Hessian, and the directions in which the form is extreme.

        None if the Hessians of the box, which jump where a kink crosses it, do not all show the kind.
        """
        _, G, H = self._local(c, None, max(radius, 2.0**-45))
        square = float(c @ c)
        form = (H.mid + H.mid.T) / 2 - float(G.mid @ c) / square * np.eye(len(c))
        across = tangent_basis(c)
        values, vectors = np.linalg.eigh(across @ form @ across.T)
        size = (
            float(np.linalg.norm(H.mid, 2) + np.linalg.norm(H.rad, 2) + np.linalg.norm(G.mid))
            + np.finfo(float).tiny
        )
        loss = 2 * float(np.linalg.norm(H.rad, 2)) + _SLACK * size
        scale = square ** (self.order / 2 - 1)
        ends = (-values[-1] - loss) / scale, (-values[-1] + loss) / scale
        tests = [
            [round(float(v) * 2**_VECTOR_BITS) for v in vector @ across]
            for vector in (vectors[:, -1], vectors[:, 0])
        ]
        # The norm that the checker takes (R4).
        jump = min(float(np.linalg.norm(H.rad)), float(np.max(np.sum(H.rad, axis=1))))
        slack = _SLACK * size
        least, most = values[0] - jump - slack, values[0] + jump + slack
        shown = {
            Kind.MAXIMUM: ends[0] > slack,
            Kind.MINIMUM: least > 0,
            Kind.SADDLE: ends[1] < -slack and most < 0,
        }
        if not shown[kind]:
            return None
        return (*ends, size, Vectors(tests[0], tests[1] if kind is Kind.SADDLE else None))

    # -- planar neurons --------------------------------------------------------------------------------------

    def planar(self) -> tuple[Point, ...]:
        """The whole KKT set on the circle; the checker needs no evidence for it."""
        alpha = self.network.activation.alpha
        kkt = (
            self.kkt
            if isinstance(self.kkt, PlanarKKT)
            else planar_kkt(self.features, self.problem.z, alpha, self.kkt.digits)
        )
        cells = Cells(critical_lines([tuple(row) for row in self.features], list(self.problem.z), alpha**2))
        directions = [cells.direction(k) for k in range(cells.count)]
        flat = [d for d, sign in zip(directions, cells.slope_signs(2 * _GRID), strict=True) if sign == 0]
        size = max(max(abs(p.value.lower()), abs(p.value.upper())) for p in kkt.points)
        unit = Fraction(1, 10**kkt.digits) * min(size or Fraction(1), Fraction(1))
        return tuple(
            Point(
                point.kind,
                Directions(tuple((Fraction(x), Fraction(y)) for x, y in _places(point, directions, flat))),
                _outward(point.value.lower(), point.value.upper(), unit),
                _outward(point.gap.lower(), point.gap.upper(), unit),
            )
            for point in kkt.points
        )


def _centre_of(point: Point) -> tuple[Fraction, ...]:
    return point.place.centre if isinstance(point.place, Box) else ()


def _places(
    point: PlanarPoint, directions: Sequence[Direction], flat: Sequence[Direction]
) -> list[Sequence[Any]]:
    """Where the point is: its critical direction, two directions around it, or the ends of its arc."""
    if point.start is not None and point.end is not None:
        if point.sides == (0, 0):
            return []
        return [_nearest((end.cos(), end.sin()), flat) for end in (point.start, point.end)]
    if point.inertia is None:
        return [_nearest(point.point, flat)]
    x, y = (round(coordinate.mid() * 2**_GRID) for coordinate in point.point)
    # Twice the radius of the coordinates and the rounding are far inside.
    turn = round(max(coordinate.radius() for coordinate in point.point) * 2 ** (_GRID + 6)) + 64
    before, after = (
        (x + (y * turn >> _GRID), y - (x * turn >> _GRID)),
        (x - (y * turn >> _GRID), y + (x * turn >> _GRID)),
    )
    for d in directions:
        if cross(before, d) > 0 and cross(d, after) > 0 and d[0] * x + d[1] * y > 0:
            before, after = (d, after) if cross(d, (x, y)) > 0 else (before, d)
    return [
        tuple(Fraction(v, 1 << _GRID) if d not in directions else Fraction(v) for v in d)
        for d in (before, after)
    ]


def _nearest(point: Iterable[Ball], directions: Sequence[Direction]) -> Direction:
    x, y = (round(coordinate.mid() * 2**_GRID) for coordinate in point)
    ahead = [d for d in directions if d[0] * x + d[1] * y > 0]
    return min(ahead, key=lambda d: Fraction(cross(d, (x, y)) ** 2, d[0] ** 2 + d[1] ** 2))


def _power_of_two(value: float) -> float:
    """The smallest power of two that is not smaller."""
    mantissa, exponent = np.frexp(value)
    return float(np.ldexp(1.0, int(exponent) - (mantissa == 0.5)))


def _outward(low: Fraction, high: Fraction, unit: Fraction) -> Pair:
    """[low, high], rounded outwards to decimals about as fine as `unit`, unless it is exact already."""
    places = len(str(int(1 / unit))) if 0 < unit < 1 else 0
    if low == high and low.denominator <= 10**places:
        return low, high
    scale = 10**places
    return Fraction((low * scale).__floor__(), scale), Fraction((high * scale).__ceil__(), scale)
