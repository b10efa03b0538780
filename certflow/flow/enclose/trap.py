"""L4, the trap: a ball about a KKT point in which every two flows approach each other, proved for what was
proposed.

On the ball of angle r0 about the centre c all generalised Hessians satisfy `lambda_theta(grad² N - ell I) <=
-gamma`. Then exactly one KKT point lies in it, within eta/gamma of c, where eta is the size of the tangential
gradient at c. Source: `proofs_notes/L4-trap.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_up, up
from certflow.arithmetic.eigenvalues import block_definite_off_direction
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.curve import Grid
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.region import Points, Regions, enclose_regions, point
from certflow.flow.enclose.symmetries import Commuting, Symmetry
from certflow.flow.enclose.tube import Rates
from certflow.flow.endings import Ending, NotSettled
from certflow.running import tick

BITS = 128

_SPARE = 2.0**-3
"""The part of the radius of a Hessian, as far as it grows with r0, that is left over: on a ball across kinks
the enclosures of a checker with another order of operations have other middles, and agree with these to first
order in r0 only.
"""


class TangentialBound(NamedTuple):
    """`lambda_theta(grad² N - ell I) <= mu` on a region, proved with the radial direction lifted by `radial`
    (L3.6); dyadic.
    """

    mu: Fraction
    radial: Fraction


@dataclass(frozen=True)
class Trap:
    """A proved trap of a group about the grid point `centre`, in s-units at |c| (L4.1).

    Exactly one KKT point lies within angle `r0` of the centre, and within `kkt_radius` of it. `rates` hold on
    the ball; `value` encloses N there at unit length, `gap` its gap, `norm` the length of c. With a
    `symmetry`, whose form has the weight `sigma` in the proof, gamma is about directions only that it does
    not turn, a continuum of KKT points lies there, and no `gap_direction` bounds the gap (L12.5).
    """

    centre: Grid
    grid: int
    gamma: Fraction
    r0: Fraction
    radial: Fraction
    kkt_radius: float
    rates: Rates
    norm: Ball
    value: Ball
    gap: Ball
    gap_direction: Grid | None
    sigma: Fraction = Fraction(0)
    symmetry: Symmetry | None = None

    @property
    def pushed(self) -> Fraction:
        """K' = K (1 + Lambda'/gamma): by how much per unit of A masses lengthen the way to a continuum
        (L12.3).
        """
        return Fraction(self.rates.K) * (1 + self.turning / self.gamma)

    @property
    def turning(self) -> Fraction:
        """Lambda': how much |P grad N(q)|/|q| changes at most per angle on the ball (L12.3)."""
        rates = Fraction(self.rates.T) - Fraction(self.kkt_radius) * self.gamma
        return max(Fraction(0), rates) / self.r0

    @property
    def turned(self) -> int:
        """In how many directions matrices that commute with N turn the centre, at most."""
        return len(self.symmetry.matrices) if isinstance(self.symmetry, Commuting) else 0

    def unit_rate(self, rate: float, order: int) -> Ball:
        """A rate in s-units as a rate per tau, where |u| = 1."""
        return Ball(Fraction(rate), BITS) / self.norm ** (order - 2)


def dyadic_up(value: float, bits: int = 24) -> Fraction:
    """A dyadic number of at most `bits` bits, at least `value` and not much larger."""
    mantissa, exponent = np.frexp(value)
    return Fraction(int(np.ceil(float(mantissa) * 2.0**bits))) * Fraction(2) ** (int(exponent) - bits)


def tangential_bound(
    regions: Regions, directions: np.ndarray, place: int, proposed: tuple[float, float]
) -> TangentialBound:
    """A bound that holds on the whole region of `place`, about the `proposed` (mu, radial) (L3.6).

    `directions` (parts × weights) is the middle of W. Raises `NotSettled` if no bound could be proved.
    """
    matrices, losses = list(regions.A.mid[place]), list(regions.A_rad[place])
    offset, ell = float(regions.offset[place]), float(regions.ell_lo[place])
    if not np.isfinite(offset) or not np.isfinite(ell):
        raise NotSettled(Ending.OUT_OF_RANGE)
    mu, radial = proposed
    short = dyadic_up(radial, 12)
    size = abs(mu) + abs(ell) + float(short) * float(np.sum(directions**2))
    for attempt in range(6):
        tick()
        shift = dyadic_up(mu + 2.0 ** (8 * attempt - 40) * size, 40)
        if _holds(matrices, directions, losses, offset, ell, float(shift), float(short)):
            return TangentialBound(shift, short)
    raise NotSettled(Ending.NO_BOUND)


def _holds(
    matrices: list[np.ndarray],
    directions: np.ndarray,
    losses: list[float],
    offset: float,
    ell: float,
    mu: float,
    s: float,
) -> bool:
    """Whether the condition of L3.6 is proved for these exact floats."""
    shifted = []
    for matrix, loss in zip(matrices, losses, strict=True):
        lifted = s * (offset * offset)
        size = abs(mu) + abs(ell) + loss + lifted
        shift = mu + ell - loss - lifted - (size * 2.0**-49 + 2.0**-1000)
        M = -matrix
        M[np.diag_indices_from(M)] = np.nextafter(shift - np.diag(matrix), -np.inf)
        shifted.append(M)
    return block_definite_off_direction(shifted, list(directions), s)


@dataclass(frozen=True)
class Balls:
    """Enclosures on balls of the angles `radii` about one grid point; `eta` bounds the tangential gradient
    there.
    """

    parts: Parts
    centre: Grid
    grid: int
    radii: list[Fraction]
    at: Points
    eta: float
    regions: Regions

    @property
    def direction(self) -> np.ndarray:
        """The centre, parts × weights, as floats."""
        middle: np.ndarray = self.at.W.mid[0]
        return middle

    @cached_property
    def norm(self) -> Ball:
        """The length of the centre."""
        norm2 = sum(Fraction(v) ** 2 for part in self.centre for v in part) / Fraction(4) ** self.grid
        return Ball(norm2, BITS).sqrt()

    @property
    def scale(self) -> Ball:
        """By what rates in s-units are divided to be those at unit length."""
        return self.norm ** (self.parts.problem.order - 2)

    @cached_property
    def signed(self) -> np.ndarray:
        """On which balls all rates are finite and N is known to be positive or negative."""
        regions = self.regions
        finite = np.isfinite([regions.K, regions.E, regions.T, regions.ell_lo, regions.ell_hi]).all(axis=0)
        return ((regions.ell_lo > 0) | (regions.ell_hi < 0)) & finite

    def kkt_radius(self, mu: Fraction) -> float:
        """How far the KKT point may be from the centre if `mu` bounds the tangential eigenvalues (L4.1)."""
        return float(up(self.eta / float(-mu))) if mu < 0 else np.inf

    def holds_kkt_point(self, place: int, mu: Fraction) -> bool:
        """Whether a ball on which `mu` is proved is a trap, more than twice as wide as its KKT point is
        unknown (L4.1)."""
        return bool(self.signed[place]) and self.kkt_radius(mu) < float(self.radii[place]) / 2


def enclose_balls(parts: Parts, centre: Grid, grid: int, radii: list[Fraction], coupled: bool) -> Balls:
    """Enclosures on the balls of these angles about `centre`."""
    at, eta = point(parts, centre, grid)
    count = len(radii)
    regions = enclose_regions(
        parts, at.repeated(count), np.array([float_up(r) for r in radii]), coupled, np.repeat(eta, count)
    )
    # A kink through the centre itself costs the same on every ball, and the same for everybody.
    regions = replace(regions, A_rad=up(regions.A_rad + _SPARE * (regions.A_rad - regions.A_rad.min(axis=0))))
    return Balls(parts, centre, grid, radii, at, float(eta[0]), regions)


def prove_trap(
    balls: Balls,
    place: int,
    bound: TangentialBound,
    gap_direction: Grid | None,
    sigma: Fraction = Fraction(0),
    symmetry: Symmetry | None = None,
) -> Trap:
    """The trap in a ball that `holds_kkt_point`, from the bound proved there; `gap_direction` bounds its
    gap from above (L4.1)."""
    mu = bound.mu
    if not balls.holds_kkt_point(place, mu):
        raise ValueError("this ball is not known to hold a KKT point")
    kkt_radius, scale = balls.kkt_radius(mu), balls.scale
    high = float(balls.regions.ell_hi[place])
    upper = -mu
    if gap_direction is not None:
        order = balls.parts.problem.order
        upper = _gap_upper(balls.at, balls.regions, place, gap_direction, kkt_radius, order, high)
    gap = Ball.interval(-mu, max(-mu, upper), BITS) / scale
    found = _trap(balls, place, bound, kkt_radius, gap, gap_direction)
    return replace(found, sigma=sigma, symmetry=symmetry if sigma else None)


def exact_trap(balls: Balls, place: int, bound: TangentialBound) -> Trap:
    """The rates on a ball about a start that is exactly a KKT point, but for its rounding to the grid; what
    is called its gap may be negative (L12.8)."""
    away = 2.0 ** (2 - balls.grid) * len(balls.direction.reshape(-1))
    lower = Ball(-bound.mu, BITS) / balls.scale
    return _trap(balls, place, bound, away, lower, None)


def _trap(
    balls: Balls,
    place: int,
    bound: TangentialBound,
    kkt_radius: float,
    gap: Ball,
    gap_direction: Grid | None,
) -> Trap:
    regions, order, r0 = balls.regions, balls.parts.problem.order, balls.radii[place]
    limit = float(np.nextafter(float(r0) - kkt_radius, 0.0))
    K, E, T = (float(each[place]) for each in (regions.K, regions.E, regions.T))
    low, high = float(regions.ell_lo[place]), float(regions.ell_hi[place])
    rates = Rates(float(bound.mu), limit, 0.0, K, E, T, low, high)
    ell = balls.at.ell
    at_centre = Ball.interval(Fraction(float(ell.lower()[0])), Fraction(float(ell.upper()[0])), BITS)
    reach = Fraction(kkt_radius) * Fraction(T)
    value = (at_centre / order + Ball.interval(-reach, reach, BITS)) / balls.scale
    return Trap(
        balls.centre,
        balls.grid,
        -bound.mu,
        r0,
        bound.radial,
        kkt_radius,
        rates,
        balls.norm,
        value,
        gap,
        gap_direction,
    )


def _gap_upper(
    at: Points, regions: Regions, place: int, direction: Grid, kkt_radius: float, order: int, ell_hi: float
) -> Fraction:
    """An upper bound of the gap in s-units, from one tangential direction (L4.1)."""
    v = MidRad.exact(direction)
    c = at.W[0]
    share = (v * c).reshape(1, -1).sum(axis=1)
    w = v - c * (share / at.norm2)
    A = regions.A[place]
    product = (A * w[:, None, :]).sum(axis=2)
    quadratic = (product * w).reshape(1, -1).sum(axis=1)
    square = (w * w).reshape(1, -1).sum(axis=1)
    if not square.lower()[0] > 0:
        return Fraction(ell_hi) - Fraction(float(quadratic.lower()[0]))
    least = Ball(Fraction(float(quadratic.lower()[0])), BITS)
    per_length = least / Ball.interval(
        Fraction(float(square.lower()[0])), Fraction(float(square.upper()[0])), BITS
    )
    k2 = Fraction(kkt_radius) ** 2
    ball = (
        Ball(Fraction(ell_hi) + (order - 2) * max(Fraction(0), Fraction(ell_hi)) * k2, BITS) - per_length
    ) / (1 - k2)
    return ball.upper()
