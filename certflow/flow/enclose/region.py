"""Enclosures along a curve: its defect, and all that the tube needs to know of N, its gradient and Hessian
near it.

`enclose_curve` does what does not depend on how wide the tube is; `enclose_regions` bounds the generalised
Hessians, the forcing and the growth on every region `{q : |q| = |p|, angle(q, p) <= r}`. Formulas:
`proofs_notes/L3-tube.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.arithmetic.directed import float_down, float_up, power_down, sum_down, sum_up, total_up, up
from certflow.arithmetic.eigenvalues import symmetric_norm_upper
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.arithmetic.polynomials import POLYNOMIALS, PolynomialArray
from certflow.flow.curve import Curve
from certflow.flow.enclose.parts import LayeredParts, Parts
from certflow.flow.endings import Ending, NotSettled
from certflow.networks.correlation import Evaluation
from certflow.running import tick

_SPARE, _SPARE_DEEP, _SPARE_NORM = 2.0**-24, 2.0**-8, 2.0**-5
"""By how much radii are made larger than proved, so that a checker with another order of operations arrives
at no more. Interval evaluations of a deep network, and of Hessians across a kink, agree to first order
only.
"""


@dataclass(frozen=True)
class Points:
    """Enclosures of a group at a list of places (steps of a curve, or one point); leading axis: the place
    (L3.4).

    `W` (places × parts × weights) the weights, `Z` (places × parts × n × kinks) the first kink arguments,
    `slope` a bound of the s-derivative of p plus the defect, `defect` of the defect, `norm2` encloses |p|²,
    `ell` the growth rate L N(p)/|p|² on the curve.
    """

    W: MidRad
    Z: MidRad
    slope: np.ndarray
    defect: np.ndarray
    norm2: MidRad
    ell: MidRad

    def first(self, count: int) -> Points:
        """The first `count` places."""
        return self._taken(np.arange(count))

    def repeated(self, count: int) -> Points:
        """The only place, `count` times."""
        return self._taken(np.zeros(count, dtype=int))

    def _taken(self, places: np.ndarray) -> Points:
        return Points(*(getattr(self, each.name)[places] for each in fields(self)))


@dataclass(frozen=True)
class Regions:
    """Bounds on the regions of some places, in s-units; arrays over places (L3.5).

    `A` are the generalised Hessians of N (places × parts × weights × weights). As quadratic forms they are at
    most `above` + `A_rad` I, with one number `A_rad` for each part of a place (places × parts). `offset` is
    how far any point is from the middle of W; the rest is as in `Rates`.
    """

    A: MidRad
    A_rad: np.ndarray
    offset: np.ndarray
    ell_lo: np.ndarray
    ell_hi: np.ndarray
    T: np.ndarray
    K: np.ndarray
    E: np.ndarray
    above: np.ndarray


@dataclass(frozen=True)
class _PieceData:
    window: int
    part: int
    begin: int
    end: int
    length: Fraction
    decay: Fraction
    coefficients: np.ndarray


def exact_floats(integers: Any, grid: int) -> np.ndarray:
    """The numbers integers * 2^-grid as floats, exactly; `NotSettled` if one has more than 53 bits."""
    values = np.array(integers, dtype=object)
    if any(abs(int(v)) >= 2**53 for v in values.reshape(-1)):
        raise NotSettled(Ending.OUT_OF_RANGE)
    return values.astype(float) * 2.0**-grid


def _pieces(curve: Curve) -> list[_PieceData]:
    """All pieces of a curve in floats."""
    unit, result = 1 << curve.grid, []
    for p in curve.polynomials():
        window, order = curve.windows[p.window], max(len(row) for row in p.rows)
        table = exact_floats([[*row, *[0] * (order - len(row))] for row in p.rows], curve.grid)
        length = window.h * Fraction(p.end - p.begin, unit)
        result.append(_PieceData(p.window, p.part, p.begin, p.end, length, window.decay, table))
    return result


def _stacked(pieces: list[_PieceData]) -> np.ndarray:
    """Coefficients (order × pieces × weights), padded with zeros."""
    order = max(p.coefficients.shape[1] for p in pieces)
    table = np.zeros((order, len(pieces), pieces[0].coefficients.shape[0]))
    for i, p in enumerate(pieces):
        tick()
        table[: p.coefficients.shape[1], i] = p.coefficients.T
    return table


def _fractions(values: list[Fraction]) -> MidRad:
    return MIDRAD.array(np.array(values, dtype=object))


def _gradients(
    parts: Parts, pieces: list[_PieceData], table: np.ndarray
) -> tuple[list[Any], list[Any], np.ndarray]:
    """Per chunk the polynomials grad N (entries × weights) and z (entries × n × kinks), and the defects per
    s.
    """
    gradients, kinks, defects = [], [], []
    for chunk in parts.chunks(len(pieces), 1):
        tick()
        own = pieces[chunk]
        N = parts.wide(np.array([p.part for p in own]), overlap=True)
        u = PolynomialArray(MidRad.exact(table[:, chunk]))
        at = N.at(POLYNOMIALS, parts.flat(u), select=parts.select)
        G = parts.unflat(at.gradient, len(own))
        decay, length = (
            _fractions([p.decay for p in own])[:, None],
            _fractions([p.length for p in own])[:, None],
        )
        rest = u.derivative() - (G - u * decay) * length
        defects.append((MidRad.exact(rest.abs_sum()) * _inverse([p.length for p in own])[:, None]).upper())
        gradients.append(G)
        kinks.append(parts.first_kinks(at.run))
    return gradients, kinks, np.concatenate(defects)


def _inverse(lengths: list[Fraction]) -> MidRad:
    return MidRad.interval(
        np.array([float_down(1 / v) for v in lengths]), np.array([float_up(1 / v) for v in lengths])
    )


@dataclass(frozen=True)
class _Overlaps:
    """Which pieces meet which step: (step, part)-major; `first[i]` is where pair i starts, `at0`, `at1` the
    range of y.
    """

    piece: np.ndarray
    at0: np.ndarray
    at1: np.ndarray
    first: np.ndarray


def _overlaps(curve: Curve, pieces: list[_PieceData]) -> _Overlaps:
    by_place: dict[tuple[int, int], list[int]] = {}
    for i, p in enumerate(pieces):
        tick()
        by_place.setdefault((p.window, p.part), []).append(i)
    index: list[int] = []
    first: list[int] = []
    at0: list[float] = []
    at1: list[float] = []
    unit = 1 << curve.grid
    for w, window in enumerate(curve.windows):
        for k in range(window.steps):
            tick()
            low, high = unit * k // window.steps, unit * (k + 1) // window.steps
            for j in range(len(window.parts)):
                first.append(len(index))
                for i in by_place[w, j]:
                    p = pieces[i]
                    begin, end = max(low, p.begin), min(high, p.end)
                    if begin < end:
                        index.append(i)
                        at0.append(float_down(Fraction(begin - p.begin, p.end - p.begin)))
                        at1.append(float_up(Fraction(end - p.begin, p.end - p.begin)))
    return _Overlaps(np.array(index), np.array(at0), np.array(at1), np.array(first))


def _hulls(polynomials: list[Any], overlaps: _Overlaps, scale: MidRad | None = None) -> MidRad:
    """The ranges of polynomials (chunks of pieces) on every (step, part), hulled over the pieces that meet
    it.
    """
    low = high = np.empty(0)
    begin = 0
    for polynomial in polynomials:
        tick()
        chosen = np.flatnonzero((overlaps.piece >= begin) & (overlaps.piece < begin + len(polynomial)))
        value = polynomial[overlaps.piece[chosen] - begin].along(overlaps.at0[chosen], overlaps.at1[chosen])
        if scale is not None:
            value = value * scale[overlaps.piece[chosen]].reshape(-1, *(1,) * (value.ndim - 1))
        if begin == 0:
            low, high = (np.empty((len(overlaps.piece), *value.shape[1:])) for _ in range(2))
        low[chosen], high[chosen] = value.lower(), value.upper()
        begin += len(polynomial)
    return MidRad.interval(
        np.minimum.reduceat(low, overlaps.first, axis=0), np.maximum.reduceat(high, overlaps.first, axis=0)
    )


def enclose_curve(parts: Parts, curve: Curve) -> Points:
    """All enclosures on the steps of a curve that do not depend on the width of the tube (L3.3, L3.4; R3 and
    R4).

    For every step the result contains, at every s in it, the weights, kink arguments, norm and growth rate of
    the curve, and bounds its slope and its defect `|p' - (grad N - decay p)|`.
    """
    pieces = _pieces(curve)
    table = _stacked(pieces)
    gradients, kinks, defects = _gradients(parts, pieces, table)
    overlaps = _overlaps(curve, pieces)
    u = PolynomialArray(MidRad.exact(table))
    count, steps = parts.count, curve.steps
    lead = (steps, count)
    W = _hulls([u], overlaps)
    inverse = _inverse([p.length for p in pieces])
    V = _hulls([u.derivative()], overlaps, inverse)
    G = _hulls(gradients, overlaps)
    Z = _hulls(kinks, overlaps)
    worst = np.maximum.reduceat(defects[overlaps.piece], overlaps.first, axis=0).reshape(steps, -1)
    defect = MidRad.exact(worst).norm_upper(axis=1)
    W, V, G = (each.reshape(*lead, parts.size) for each in (W, V, G))
    Z = Z.reshape(*lead, *Z.shape[1:])
    slope = sum_up(V.reshape(steps, -1).norm_upper(axis=1), defect)
    norm2 = _norms(curve, pieces, (W * V).reshape(steps, -1).sum(axis=1))
    inner = (W * G).reshape(steps, -1).sum(axis=1)
    return Points(W, Z, slope, defect, norm2, inner / norm2)


def _norms(curve: Curve, pieces: list[_PieceData], growth: MidRad) -> MidRad:
    """Enclosures of |p|² on every step: exact where a window starts, then with the slope 2 <p, p'>."""
    low, high, step = [], [], 0
    by_window: dict[int, list[_PieceData]] = {}
    for p in pieces:
        by_window.setdefault(p.window, []).append(p)
    for w, window in enumerate(curve.windows):
        squares = [
            Fraction(float(v)) ** 2 for p in by_window[w] if p.begin == 0 for v in p.coefficients[:, 0]
        ]
        at = _fractions([sum(squares, Fraction(0))])
        change = growth * _fractions([2 * window.h / window.steps])
        for _ in range(window.steps):
            end = at + change[step : step + 1]
            hull = at.hull(end)
            low.append(hull.lower()[0])
            high.append(hull.upper()[0])
            at, step = end, step + 1
    return MidRad.interval(np.array(low), np.array(high))


def point(parts: Parts, values: tuple[tuple[int, ...], ...], grid: int) -> tuple[Points, np.ndarray]:
    """The enclosures at one point (a trap's centre), and a bound of its tangential gradient |P grad N|/|p|
    (L4.1)."""
    W = MidRad.exact(exact_floats(values, grid))
    at = parts.wide(np.arange(parts.count)).at(MIDRAD, parts.flat(W))
    G = parts.unflat(at.gradient, parts.count)
    norm2, inner = (W * W).reshape(1, -1).sum(axis=1), (W * G).reshape(1, -1).sum(axis=1)
    ell = inner / norm2
    rest = (G - W * ell[0]).reshape(1, -1)
    eta = up(rest.norm_upper(axis=1) / np.sqrt(norm2.lower()))
    Z = parts.first_kinks(at.run)
    return Points(W[None], Z[None], np.zeros(1), np.zeros(1), norm2, ell), eta


def enclose_regions(
    parts: Parts, at: Points, radius: np.ndarray, coupled: bool, tangential: np.ndarray
) -> Regions:
    """Bounds on the regions of angle `radius` (one per place) about the places `at` (L3.1, L3.5, L3.7; R4).

    `coupled`: the group shares its residuals with others (L = 2). `tangential` bounds |P grad N|/|p| at the
    places.
    """
    order, places = parts.problem.order, at.W.shape[0]
    rho = up(radius * np.sqrt(at.norm2.upper()))
    A_mid = np.zeros((places, parts.count, parts.size, parts.size))
    A_rad, above, above_rad = (np.zeros_like(A_mid) for _ in range(3))
    K, E = np.zeros(places), np.zeros(places)
    for chunk in parts.chunks(places * parts.count, parts.count):
        tick()
        here = slice(chunk.start // parts.count, chunk.stop // parts.count)
        inside = _evaluated(parts, at, rho, here)
        A = _hessians(parts, inside, chunk.stop - chunk.start)
        A_mid[here], A_rad[here] = A.mid, A.rad
        high = _steepest(parts, inside, A, chunk.stop - chunk.start)
        above[here], above_rad[here] = high.mid, high.rad
        K[here], E[here] = _forcing(parts, inside, at.norm2[here], coupled)
    A, loss = MidRad(A_mid, A_rad), symmetric_norm_upper(above_rad)
    size = symmetric_norm_upper(A.magnitude()).max(axis=1)
    T = up(tangential + radius * size * ((1 + 1 / (order - 1)) / 2))
    wobble = up(order * radius * T)
    spread = MidRad.exact(at.W.rad.reshape(places, -1)).norm_upper(axis=1)
    low, high = -sum_up(-at.ell.lower(), wobble), sum_up(at.ell.upper(), wobble)
    spare = _SPARE if parts.shallow else _SPARE_DEEP
    aside = (high - low) * spare
    if parts.within is not None:
        A, _ = parts.within.restricted(A, symmetric_norm_upper(A_rad))
        form, loss = parts.within.restricted(MidRad(above, above_rad), loss)
        above = form.mid
    return Regions(
        A,
        loss * (1 + _SPARE_NORM),
        up(spread + rho),
        sum_down(low, -aside),
        sum_up(high, aside),
        T * (1 + spare),
        K * (1 + spare),
        E * (1 + spare),
        above,
    )


def _evaluated(parts: Parts, at: Points, rho: np.ndarray, here: slice) -> Evaluation:
    """N on the regions of the places `here`: weights in boxes, first kink arguments in balls."""
    W = at.W[here].widened(rho[here][:, None, None])
    entries = W.shape[0] * parts.count
    N = parts.wide(np.tile(np.arange(parts.count), W.shape[0]))
    inside = parts.flat(W.reshape(entries, parts.size))
    if not parts.first_trained:
        return N.at(MIDRAD, inside)
    X, _ = N.numbers(MIDRAD)
    lengths = (X * X).sum(axis=1).upper()
    reach = up(np.sqrt(up(lengths)))
    Z = at.Z[here].widened(up(rho[here][:, None, None, None] * reach[None, None, :, None]))
    Z = Z.reshape(entries, *Z.shape[2:])
    first = Z[:, :, 0].T if parts.shallow else Z[0]
    return N.at(MIDRAD, inside, enclose=lambda layer, z: first if layer == 0 else z)


def silent_room(parts: Parts, values: tuple[tuple[int, ...], ...], grid: int) -> float:
    """An angle, 0 if none is found, up to which about a point no sample gives a gradient: in a deep network
    each is strictly inactive in all neurons of a hidden layer (L12.9), of an expression all interval
    gradients are 0 (L12.18).
    """
    at, _ = point(parts, values, grid)
    for k in range(2, 45):
        tick()
        angle = 2.0**-k
        rho = up(np.array([angle * (1 + 2.0**-10)]) * np.sqrt(at.norm2.upper()))
        if parts.silent(_evaluated(parts, at, rho, slice(0, 1))):
            return angle
    return 0.0


def _hessians(parts: Parts, inside: Evaluation, entries: int) -> MidRad:
    """places × parts × weights × weights."""
    blocks = parts.hessians(inside, entries)
    blocks = (blocks + blocks.transpose(0, 2, 1)) * Fraction(1, 2)
    return blocks.reshape(-1, parts.count, parts.size, parts.size)


def _steepest(parts: Parts, inside: Evaluation, A: MidRad, entries: int) -> MidRad:
    """What is, as a quadratic form, at least every generalised Hessian in `A`: of neurons of power 2 with
    given output weights the Hessian on that side of each kink that is met where it is largest (L3.1).
    """
    if not isinstance(parts, LayeredParts) or not parts.outgoing or parts.network.activation.power != 2:
        return A
    z = inside.run.kinks[0]
    neurons = np.tile(np.arange(parts.count), entries // parts.count)
    met = parts.crossed((z.lower() < 0) & (z.upper() > 0))
    if not met.any():
        return A
    activation = parts.network.activation
    signs = np.where(met, np.where(parts.steeper_sides[:, neurons], 1, -1), MIDRAD.sign(z))
    run = replace(inside.run, cells=[activation.coefficients(MIDRAD, signs)])
    high = _hessians(parts, Evaluation(inside.network, run, inside.z), entries)
    there = met.any(axis=0).reshape(-1, parts.count)[:, :, None, None]
    return MidRad(np.where(there, high.mid, A.mid), np.where(there, high.rad, A.rad))


def _forcing(parts: Parts, inside: Evaluation, norm2: MidRad, coupled: bool) -> tuple[np.ndarray, np.ndarray]:
    """K and E of the regions of one pass (L3.7)."""
    problem, order = parts.problem, parts.problem.order
    omega, m = problem.loss.omega(problem.n), problem.loss.curvature_bound()
    low, high = norm2.lower(), norm2.upper()
    places = len(low)
    J = parts.jacobians(inside, places * parts.count).reshape(problem.n, places, parts.count, parts.size)
    h = parts.outputs(inside).reshape(problem.n, places, -1).sum(axis=2)
    largest, smallest = h.magnitude(), h.mignitude()
    if coupled:
        weight = up(float_up(omega * m) * parts.output_bounds())[:, None]
        steep = up(np.square(J.reshape(problem.n, places, -1).norm_upper(axis=2)))
        radial = np.square(order * smallest) / high * (1 - 2.0**-45)
        turning = up(np.sqrt(np.maximum(0.0, up(steep) - radial)))
        return up(total_up(weight * turning, axis=0) / np.sqrt(low)), up(
            total_up(weight * largest, axis=0) / low
        )
    least = m if problem.loss.kind == "square" else Fraction(0)
    kappa = h * MIDRAD.hull(least * omega, m * omega)
    force = up(np.square((J * kappa[:, :, None, None]).sum(axis=0).reshape(places, -1).norm_upper(axis=1)))
    squares = np.sum(np.square(smallest), axis=0) * (1 - (problem.n + 64) * 2.0**-52)
    radial = np.square(order * float_down(omega * least) * squares) / high * (1 - 2.0**-45)
    turning = up(np.sqrt(np.maximum(0.0, force - radial)))
    return (
        up(turning / _half_power(low, order + 1)),
        up(float_up(m * omega) * total_up(np.square(largest), axis=0) / _half_power(low, order + 2)),
    )


def _half_power(base: np.ndarray, twice: int) -> np.ndarray:
    """A lower bound of base^(twice/2)."""
    whole = power_down(base, twice // 2)
    return whole * np.sqrt(base) * (1 - 2.0**-50) if twice % 2 else whole
