"""L4, the trap: a ball about a KKT point in which every two flows approach each other, found by floats and proved.

On the ball of angle r0 about the centre c all generalised Hessians satisfy `lambda_theta(grad² N - ell I) <= -gamma`.
Then exactly one KKT point lies in it, within eta/gamma of c, where eta is the size of the tangential gradient at c.
Source: `proofs_notes/L4-trap.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.directed import float_up, up
from certflow.arithmetic.eigenvalues import block_definite_off_direction, smallest_shift
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.curve import Grid
from certflow.flow.enclose.parts import Parts
from certflow.flow.enclose.region import Points, Regions, enclose_regions, point
from certflow.flow.enclose.tube import Rates
from certflow.flow.endings import Ending, NotSettled
from certflow.running import tick

BITS = 128

_SHRINK = Fraction(4, 5)
_RADII = 16
_LARGEST = Fraction(1, 4)
_SHRINK_MORE = Fraction(1, 3)
_MORE_RADII = 12
_GAP_BITS = 20
_SPARE = 2.0**-3
"""The part of the radius of a Hessian, as far as it grows with r0, that is left over: on a ball across kinks the enclosures
of a checker with another order of operations have other middles, and agree with these to first order in r0 only."""


@dataclass(frozen=True)
class Trap:
    """A proved trap of a group about the grid point `centre`, in s-units at |c|.

    Exactly one KKT point lies within angle `r0` of the centre, and within `kkt_radius` of it. `rates` hold on the ball;
    `value` encloses N there at unit length, `gap` its gap, `norm` the length of c.
    """

    centre: Grid
    grid: int
    gamma: Fraction
    r0: Fraction
    s: Fraction
    kkt_radius: float
    rates: Rates
    norm: Ball
    value: Ball
    gap: Ball
    gap_direction: Grid

    def unit_rate(self, rate: float, order: int) -> Ball:
        """A rate in s-units as a rate per tau, where |u| = 1."""
        return Ball(Fraction(rate), BITS) / self.norm ** (order - 2)


def dyadic_up(value: float, bits: int = 24) -> Fraction:
    """A dyadic number of at most `bits` bits, at least `value` and not much larger."""
    mantissa, exponent = np.frexp(value)
    return Fraction(int(np.ceil(float(mantissa) * 2.0**bits))) * Fraction(2) ** (int(exponent) - bits)


def tangential_bound(regions: Regions, directions: np.ndarray, place: int) -> tuple[Fraction, Fraction]:
    """Dyadic (mu, s) with `lambda_theta(grad² N - ell I) <= mu` proved on the whole region of `place` (L3.6).

    `directions` (parts × weights) is the middle of W. Raises `NotSettled` if no bound could be proved.
    """
    matrices, losses = list(regions.A.mid[place]), list(regions.A_rad[place])
    offset, ell = float(regions.offset[place]), float(regions.ell_lo[place])
    if not np.isfinite(offset) or not np.isfinite(ell):
        raise NotSettled(Ending.OUT_OF_RANGE)
    mu, s = smallest_shift(matrices, list(directions), losses, offset, ell)
    s_short = dyadic_up(s, 12)
    size = abs(mu) + abs(ell) + float(s_short) * float(np.sum(directions**2))
    for attempt in range(6):
        tick()
        shift = dyadic_up(mu + 2.0 ** (8 * attempt - 40) * size, 40)
        if _holds(matrices, directions, losses, offset, ell, float(shift), float(s_short)):
            return shift, s_short
    raise NotSettled(Ending.NO_BOUND)


def _holds(
    matrices: list[np.ndarray], directions: np.ndarray, losses: list[float], offset: float, ell: float, mu: float, s: float
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


def find_traps(parts: Parts, centre: Grid, grid: int, epsilon: Fraction, several: bool) -> list[Trap]:
    """Traps about `centre`, from the widest ball that keeps a part of the gap to one that keeps nearly all of it.

    Raises `NotSettled` if there is no gap, or N is not known to be positive or negative.
    """
    largest = min(epsilon * Fraction(17, 16), _LARGEST)
    try:
        return _traps(parts, centre, grid, [largest * _SHRINK**i for i in range(_RADII)], several)
    except NotSettled as error:
        if error.ending not in (Ending.NO_GAP, Ending.SIZE_UNKNOWN):
            raise
    # Kinks and high powers may leave a gap only very near the point.
    smallest = largest * _SHRINK ** (_RADII - 1)
    return _traps(parts, centre, grid, [smallest * _SHRINK_MORE**i for i in range(1, _MORE_RADII + 1)], several)


def _traps(parts: Parts, centre: Grid, grid: int, wanted: list[Fraction], several: bool) -> list[Trap]:
    """The traps with about these decreasing radii; raises `NotSettled` if there are none."""
    at, eta = point(parts, centre, grid)
    radii = [dyadic_up(float(r), 16) for r in wanted]
    count = len(radii)
    regions = enclose_regions(parts, at.repeated(count), np.array([float_up(r) for r in radii]), several, np.repeat(eta, count))
    # A kink through the centre itself costs the same on every ball, and the same for everybody.
    regions = replace(regions, A_rad=up(regions.A_rad + _SPARE * (regions.A_rad - regions.A_rad.min(axis=0))))
    bounds = [tangential_bound(regions, at.W.mid[0], i) for i in range(count)]
    best = max(-mu for mu, _ in bounds)
    if best <= 0:
        raise NotSettled(Ending.NO_GAP)
    finite = np.isfinite([regions.K, regions.E, regions.T, regions.ell_lo, regions.ell_hi]).all(axis=0)
    signed = ((regions.ell_lo > 0) | (regions.ell_hi < 0)) & finite
    traps = []
    for i, (mu, s) in enumerate(bounds):
        kkt_radius = float(up(eta[0] / float(-mu))) if mu < 0 else np.inf
        if signed[i] and -mu >= best / 16 and kkt_radius < float(radii[i]) / 2:
            traps.append(_trap(parts, at, regions, i, centre, grid, -mu, radii[i], s, kkt_radius))
            if -mu >= best * Fraction(15, 16):
                break
    if not traps:
        raise NotSettled(Ending.TOO_FINE if signed.any() else Ending.SIZE_UNKNOWN)
    return traps


def proposed_bound(regions: Regions, directions: np.ndarray, place: int) -> tuple[Fraction, Fraction]:
    """As `tangential_bound`, but nothing is proved."""
    losses, offset = list(regions.A_rad[place]), float(regions.offset[place])
    mu, s = smallest_shift(list(regions.A.mid[place]), list(directions), losses, offset, float(regions.ell_lo[place]))
    return Fraction(mu), Fraction(s)


def _trap(
    parts: Parts,
    at: Points,
    regions: Regions,
    place: int,
    centre: Grid,
    grid: int,
    gamma: Fraction,
    r0: Fraction,
    s: Fraction,
    kkt_radius: float,
) -> Trap:
    order = parts.problem.order
    limit = float(np.nextafter(float(r0) - kkt_radius, 0.0))
    K, E, T = (float(each[place]) for each in (regions.K, regions.E, regions.T))
    low, high = float(regions.ell_lo[place]), float(regions.ell_hi[place])
    rates = Rates(float(-gamma), limit, 0.0, K, E, T, low, high)
    norm2 = sum(Fraction(v) ** 2 for part in centre for v in part) / Fraction(4) ** grid
    norm = Ball(norm2, BITS).sqrt()
    scale = norm ** (order - 2)
    at_centre = Ball.interval(Fraction(float(at.ell.lower()[0])), Fraction(float(at.ell.upper()[0])), BITS)
    reach = Fraction(kkt_radius) * Fraction(T)
    value = (at_centre / order + Ball.interval(-reach, reach, BITS)) / scale
    direction = _steepest(at, regions, place)
    upper = _gap_upper(at, regions, place, direction, kkt_radius, order, high)
    gap = Ball.interval(gamma, max(gamma, upper), BITS) / scale
    return Trap(centre, grid, gamma, r0, s, kkt_radius, rates, norm, value, gap, direction)


def _steepest(at: Points, regions: Regions, place: int) -> Grid:
    """A direction of least contraction, as small integers; proposed by floats."""
    blocks = regions.A.mid[place]
    count, size = blocks.shape[:2]
    dense = np.zeros((count * size, count * size))
    for j, block in enumerate(blocks):
        dense[j * size : (j + 1) * size, j * size : (j + 1) * size] = block
    c = at.W.mid[0].reshape(-1) / np.linalg.norm(at.W.mid[0])
    projector = np.eye(len(c)) - np.outer(c, c)
    away = 4 * np.linalg.norm(dense) or 1.0
    values, vectors = np.linalg.eigh(projector @ dense @ projector - away * np.outer(c, c))
    v = vectors[:, int(np.argmax(values))] * 2.0**_GAP_BITS
    return tuple(tuple(int(round(x)) for x in row) for row in v.reshape(count, size))


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
    per_length = least / Ball.interval(Fraction(float(square.lower()[0])), Fraction(float(square.upper()[0])), BITS)
    k2 = Fraction(kkt_radius) ** 2
    ball = (Ball(Fraction(ell_hi) + (order - 2) * max(Fraction(0), Fraction(ell_hi)) * k2, BITS) - per_length) / (1 - k2)
    return ball.upper()
