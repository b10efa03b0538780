"""KKT points of two trained layers from those of one neuron, and of deep linear networks in closed form (L6).

*Two trained layers, power p >= 2.* `N(w, v) = v n(w)`. With λ = (p + 1) N the KKT conditions are `n(w) = λ v`
and `v ∇n(w) = λ w`; the product of the second with w is `p N = λ |w|²`. So if N != 0: `|w|² = p/(p + 1)`, `v²
= 1/(p + 1)` and w is along a KKT point û of n with n(û) != 0, and all these are KKT. On the tangent space,
∇²N - λ has the eigenvalues `v |w|^(p-2) μ_j`, μ_j those of n at û, and `-2 (p + 1) N`: in the plane of (û, 0)
and (0, 1), N is `sin φ cos^p φ n(û)`. Since `|N(w, v)| <= sin φ cos^p φ |n(w/|w|)|`, a strict maximum of v n
at û is one of N > 0, a strict minimum of v n with N > 0 is a saddle, and so on. If N = 0: λ = 0, so `n(w) =
0` and `v ∇n(w) = 0`: either v = 0 and n(w) = 0, or w = 0, or w is along a KKT point of n at which n = 0.

*Deep linear networks*, `N = W_D ... W_1 g`, g = Σ z_i x_i: with λ = D N, `∂N/∂W_l = λ W_l`. If N != 0 each
`∂N/∂W_l` is an outer product, so W_l has rank one, all norms are `D^(-1/2)`, and neighbouring factors are
parallel.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt

from certflow.algebra.directions import parallel
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.decimal_text import bits_for
from certflow.exact import format_rational
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import Continuum, Exact, KKTPoint, KKTSet
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Inconclusive, Kind, Status
from certflow.running import tick

_MIRRORED = {
    Kind.MAXIMUM: Kind.SADDLE,
    Kind.MINIMUM: Kind.SADDLE,
    Kind.SADDLE: Kind.SADDLE,
    Kind.DEGENERATE: Kind.DEGENERATE,
}


def lift(
    neuron: Neuron,
    up: KKTSet,
    down: KKTSet,
    digits: int,
    at_pole: bool = True,
    zero: Sequence[int] | None = None,
) -> KKTSet:
    """The KKT set of `v n(w)` (weights w, then v) from those of n (`up`) and of -n (`down`) (L6.10, L6.15).

    `at_pole` says whether (0, ±1) is KKT, as it always is for a power >= 2. `zero` may be a direction with n
    = 0. It is complete if `up` and `down` are, and the entries with N = 0 are listed then only. Numbers are
    as sharp as those given. Raises `Inconclusive` if a zero of n cannot be enclosed.
    """
    bits = bits_for(digits)
    given = [(sign, p) for sign, each in ((1, up), (-1, down)) for p in each.points]
    points = [_lifted(p, neuron.power, sign, bits) for sign, p in given if p.value.sign() in (1, -1)]
    undecided_signs = any(p.value.sign() == UNKNOWN for _, p in given)
    status, reason = (
        (Status.COMPLETE, "") if up.complete and down.complete else (Status.PARTIAL, up.reason or down.reason)
    )
    if status == Status.COMPLETE and undecided_signs:
        status, reason = Status.PARTIAL, "the sign of N at a KKT point of the neuron is not decided"
    n_max = n_min = None
    if up.n_max is not None and up.n_min is not None:
        n_max = _scale(neuron.power, bits) * up.n_max.maximum(-up.n_min)
        n_min = -n_max
        if status == Status.COMPLETE:
            points += _zero_entries(
                neuron, up, up.n_max.sign() == 1 and up.n_min.sign() == -1, at_pole, zero, bits
            )
    return KKTSet(
        points=points,
        digits=digits,
        status=status,
        reason=reason,
        method=f"norms of the two layers; {up.method}",
        n_max=n_max,
        n_min=n_min,
        undecided=max(up.undecided, down.undecided),
        counts=dict(up.counts),
    )


def _scale(p: int, bits: int) -> Ball:
    """The maximum of `v |w|^p` on the circle: (p/(p + 1))^(p/2) (1/(p + 1))^(1/2)."""
    return (Ball(Fraction(p, p + 1), bits) ** p / (p + 1)).sqrt()


def _lifted(point: KKTPoint, p: int, v_sign: int, bits: int) -> KKTPoint:
    """The KKT point of v n(w), v of sign `v_sign`, at an entry of `v_sign n` with value != 0."""
    long, short = Ball(Fraction(p, p + 1), bits).sqrt(), Ball(Fraction(1, p + 1), bits).sqrt()
    value = _scale(p, bits) * point.value
    rising = value.sign() > 0
    radial = value * (2 * (p + 1))
    gap = None
    if point.gap is not None:
        gap = radial if len(point.point) == 1 else (short * long ** (p - 2) * point.gap).minimum(radial)
    inertia = None
    if point.inertia is not None:
        positive, zero, negative = point.inertia
        inertia = (positive + (not rising), zero, negative + rising)
    kind: Kind = Kind.DEGENERATE if point.kind == Kind.ARC else point.kind
    extreme: Kind = Kind.MAXIMUM if rising else Kind.MINIMUM
    if len(point.point) == 1:
        kind = extreme
    elif kind != extreme:
        kind = _MIRRORED[kind]
    coordinates = (*(c * long for c in point.point), short * v_sign)
    continuum = None
    if point.continuum is not None:
        place = _cone_text(point.continuum) or "w at " + _arc_text(point)
        equation = f"{place}; |w|^2 = {p} v^2, v {'>' if v_sign > 0 else '<'} 0"
        continuum = Continuum(point.continuum.dimension, equation=equation)
    direction = None if point.direction is None or continuum else _exact(point.direction, p, v_sign)
    reason = point.reason or ("an arc of KKT points of the neuron" if point.kind == Kind.ARC else "")
    return KKTPoint(kind, coordinates, value, gap, inertia, direction, continuum, reason)


def _exact(direction: Exact, p: int, v_sign: int) -> Exact | None:
    """(w, v) with |w|² = p v² along `direction`, if it is rational."""
    ratio = sum((c * c for c in direction), Fraction(0)) / p
    root = Fraction(isqrt(ratio.numerator), isqrt(ratio.denominator))
    return (*direction, v_sign * root) if root * root == ratio else None


def _cone_text(continuum: Continuum) -> str:
    """Where w is, in words; empty if there is no exact cone."""
    if continuum.equation:
        return f"w with {continuum.equation}"
    parts = []
    if continuum.rays:
        parts.append("the cone of " + ", ".join(_vector(ray) for ray in continuum.rays))
    if continuum.lines:
        parts.append("the span of " + ", ".join(_vector(line) for line in continuum.lines))
    return "w in " + " plus ".join(parts) if parts else ""


def _vector(values: Sequence[Fraction]) -> str:
    return "(" + ", ".join(format_rational(v) for v in values) + ")"


def _arc_text(point: KKTPoint) -> str:
    return "the arc about " + ", ".join(c.text(6) for c in point.point)


def _zero_entries(
    neuron: Neuron, up: KKTSet, changes: bool, at_pole: bool, known: Sequence[int] | None, bits: int
) -> list[KKTPoint]:
    """The KKT sets with N = 0, `up` complete; `changes`: n has both signs."""
    d, zero = neuron.inputs, Ball(0, bits)
    axis = tuple(Fraction(int(k == d)) for k in range(d + 1))
    found = []
    flat = [p for p in up.points if p.value.sign() == 0]
    for p in flat:
        cone = Continuum(1, equation="w along the w of this point, any v")
        if p.continuum is not None and (p.continuum.rays or p.continuum.lines):
            rays, lines = (
                tuple((*r, Fraction(0)) for r in each) for each in (p.continuum.rays, p.continuum.lines)
            )
            dimension = None if p.continuum.dimension is None else p.continuum.dimension + 1
            cone = Continuum(dimension, rays, (*lines, axis))
        elif p.continuum is not None:
            cone = Continuum(None, equation=f"w in {p.continuum.equation}, any v")
        elif p.direction is not None:
            cone = Continuum(1, ((*p.direction, Fraction(0)),), (axis,))
        reason = "N = 0: the neuron and its gradient vanish, any v"
        found.append(KKTPoint(Kind.DEGENERATE, (*p.point, zero), zero, continuum=cone, reason=reason))
    if changes and d > 1:
        # Without a change of sign the zeros of n are its extrema, hence among those above.
        everywhere = Continuum(None, equation="v = 0, n(w) = 0")
        reason = "N = 0: the output weight and the neuron vanish"
        place = _zero_of(neuron, up, bits) if known is None else _unit(known, bits)
        found.append(KKTPoint(Kind.DEGENERATE, (*place, zero), zero, continuum=everywhere, reason=reason))
    if at_pole and not flat and up.n_min is not None:  # otherwise (0, ±1) is in the sets above
        for sign in (1, -1):
            kind = Kind.SADDLE if changes else Kind.MINIMUM if up.n_min.sign() * sign > 0 else Kind.MAXIMUM
            point = (*(zero for _ in range(d)), Ball(sign, bits))
            found.append(
                KKTPoint(kind, point, zero, direction=tuple(c * sign for c in axis), reason="N = 0: w = 0")
            )
    return found


def _zero_of(neuron: Neuron, up: KKTSet, bits: int) -> tuple[Ball, ...]:
    """A unit vector at which n, which takes both signs, is zero: by bisection between two KKT points of
    different sign.
    """
    for p in up.points:
        if p.value.sign() == 0:
            return p.point
    high = _rational(next(p for p in up.points if p.value.sign() == 1), neuron, 1)
    low = _rational(next(p for p in up.points if p.value.sign() == -1), neuron, -1)
    if parallel(high, low):
        # Opposite directions: a third one is on one of the two ways round.
        k = min(range(neuron.inputs), key=lambda i: abs(high[i]))
        corner = tuple(Fraction(int(i == k)) for i in range(neuron.inputs))
        high, low = (corner, low) if neuron.value(corner) >= 0 else (high, corner)
    for _ in range(2 * bits):
        tick()
        middle = tuple((a + b) / 2 for a, b in zip(high, low, strict=True))
        high, low = (middle, low) if neuron.value(middle) >= 0 else (high, middle)
    box = [Ball.interval(min(a, b), max(a, b), 2 * bits) for a, b in zip(high, low, strict=True)]
    norm = sum((c.square() for c in box), Ball(0, 2 * bits)).sqrt()
    return tuple((c / norm).at(bits) for c in box)


def _unit(direction: Sequence[int], bits: int) -> tuple[Ball, ...]:
    norm = Ball(sum(c * c for c in direction), bits).sqrt()
    return tuple(c / norm for c in direction)


def _rational(point: KKTPoint, neuron: Neuron, sign: int) -> Exact:
    """A rational vector near `point` with n of this sign."""
    for places in (16, 40, 80, 200):
        vector = tuple(Fraction(round(c.mid() * 2**places), 2**places) for c in point.point)
        if neuron.value(vector) * sign > 0:
            return vector
    raise Inconclusive(
        "a zero of the neuron could not be enclosed, because N is too close to 0 at its KKT points."
    )


# -- deep linear networks ------------------------------------------------------------------------------------


def deep_linear(network: FeedForward, g: Sequence[Fraction], digits: int) -> KKTSet:
    """The KKT set of `N = W_D ... W_1 g`, D >= 3 layers, all trained, g != 0 exact: two sets with N != 0
    and that with N = 0 (L6.16)."""
    bits = bits_for(digits)
    D, widths = network.depth, network.widths
    length = Ball(sum((c * c for c in g), Fraction(0)), bits).sqrt()
    share = Ball(Fraction(1, D), bits).sqrt()
    top, zero = length * share**D, Ball(0, bits)
    free = sum(m - 1 for m in widths[1:-1])
    points = []
    for sign in (1, -1):
        extreme = Kind.MAXIMUM if sign > 0 else Kind.MINIMUM
        coordinates: list[Ball] = []
        for layer in range(1, D + 1):
            for row in range(widths[layer]):
                tick()
                first = (
                    [c * share * sign / length for c in g]
                    if layer == 1
                    else [share] + [zero] * (widths[layer - 1] - 1)
                )
                coordinates += first if row == 0 else [zero] * widths[layer - 1]
        equation = (
            f"W_l = {D}^(-1/2) a_l a_(l-1)^T, |a_l| = 1, a_0 = {'' if sign > 0 else '-'}g/|g|, a_{D} = 1, g "
            f"= sum z_i x_i"
        )
        turns = "a non-strict " + extreme + ": the hidden layers can be rotated and reflected"
        flips = "an isolated point for every choice of the signs of the a_l"
        # The Hessian has the eigenvalues -2 D N (norms of the layers), -D N (W_1 across g) and, if layers can
        # turn, 0.
        gap = top * sign * (2 * D)
        if sign > 0 and (free or widths[0] > 1):
            gap = zero if free else top * D
        points.append(
            KKTPoint(
                Kind.DEGENERATE if free else extreme,
                tuple(coordinates),
                top * sign,
                gap,
                continuum=Continuum(free, equation=equation),
                reason=turns if free else flips,
            )
        )
    # With all weights in the last layer, every product of the other layers vanishes.
    last = tuple(Ball(int(k == network.size - widths[-2]), bits) for k in range(network.size))
    nowhere = Continuum(None, equation="the gradient of N vanishes")
    points.append(KKTPoint(Kind.DEGENERATE, last, zero, continuum=nowhere, reason="N = 0"))
    return KKTSet(
        points, digits, method="closed form of deep linear networks", of="all weights", n_max=top, n_min=-top
    )
