"""The complete KKT set of one squared-(leaky-)ReLU neuron in the plane (L6): points and arcs, with certified
numbers.

`N(u) = Σ z_i max(u·x_i, α u·x_i)²` on the unit circle is C^(1,1), and between consecutive critical lines,
which also cut the circle into eighths here, it is `(S + D cos 2θ + E sin 2θ) / 2` (`circle_cells.py`). The
zeros of its derivative on such a piece are 90° apart or everywhere, and no piece is longer than 45°. Hence
the *exact signs* of dN/dθ at the ends decide all:

- opposite signs: exactly one KKT point inside; + before - is a maximum, - before + a minimum;
- equal signs, or a zero at one end only: none inside;
- zero at both ends: D = E = 0, and every point of the closed piece is KKT.

A zero at an end between two pieces that are not constant is an isolated KKT point on a critical line. There
the one-sided curvatures are not zero (a zero of a sinusoid is simple), so it is a maximum, a minimum, or N
increases (decreases) on both sides: kind "saddle", which attracts from one side and repels to the other. A
gap of 0 occurs on arcs only, so the kind "degenerate" cannot occur. Signs come from balls, and from rationals
where balls do not decide: no float decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any, SupportsIndex

from certflow.algebra.directions import Direction
from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.decimal_text import bits_for
from certflow.arithmetic.enclosure import OutsideDomain
from certflow.exact import exact_matrix, exact_vector, format_rational, number, shown
from certflow.kkt.neuron.circle_cells import Cells, Coefficients, critical_lines, double_angle, enclosed
from certflow.kkt.points import Continuum, KKTPoint, KKTSet, require_digits
from certflow.networks.one_hidden_layer import OneLayer
from certflow.outcome import BadInput, Inconclusive, Kind
from certflow.problem import Problem, ProblemSource
from certflow.running import tick

MAX_DOUBLINGS = 12
METHOD = "exact signs of dN/dθ on every arc of the circle"
EXACT_TERMS = 256
"""Values of arcs are computed exactly when at most this many samples contribute."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PlanarPoint(KKTPoint):
    """An isolated KKT point, or (kind "arc") a closed arc of them, from `start` counterclockwise to `end`.

    Angles are in radians in (-π, π] (`_deg`: degrees). `angle` and `point` of an arc are those of its middle
    (a middle at 180° is so up to its radius), and an arc with start > end crosses 180°. `value` is N, `gap`
    is -N'' (on a critical line the smaller of the two one-sided ones, on an arc 0). `sides` are the exact
    signs of dN/dθ just before and just after (0, 0 for the whole circle).
    """

    gap: Ball
    angle: Ball
    angle_deg: Ball
    sides: tuple[int, int]
    start: Ball | None = None
    end: Ball | None = None
    start_deg: Ball | None = None
    end_deg: Ball | None = None
    exact_point: tuple[Fraction, Fraction] | None = None

    def _place(self) -> str:
        if self.start_deg is None or self.end_deg is None:
            return f"at {self.angle_deg.midpoint_float():.6g}°"
        return f"from {self.start_deg.midpoint_float():.6g}° to {self.end_deg.midpoint_float():.6g}°"

    def point_json(self) -> list[Any]:
        """The unit vector, exact if it is rational."""
        return [format_rational(v) for v in self.exact_point] if self.exact_point else super().point_json()

    def to_json(self) -> dict[str, Any]:
        """The entry of `kkt` with angles in degrees."""
        entry = super().to_json() | {"angle_deg": self.angle_deg.to_json()}
        if self.start_deg is not None and self.end_deg is not None:
            entry |= {"from": self.start_deg.to_json(), "to": self.end_deg.to_json()}
        return entry


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PlanarKKT(KKTSet):
    """The whole KKT set, counterclockwise from -180° (arcs by their start), and the certified extrema of
    N.
    """

    points: Sequence[PlanarPoint]
    n_max: Ball
    n_min: Ball


def planar_kkt(X: Any, z: Any, alpha: Any = 0, digits: SupportsIndex = 30) -> PlanarKKT:
    """All KKT points of `Σ z_i max(u·x_i, α u·x_i)²` on the circle, -1 <= α <= 1, in O(n log n) operations
    (L1.10, L2.9, L6.3).

    X (n × 2) and z (n) are exact; n may be 0. Angles (also in degrees), coordinates, values and gaps have
    radius <= 10^-digits; values and gaps also relative to max |N| when that is below 1. Signs of values are
    decided.

    Raises `BadInput` for wrong shapes, α or digits, `Inconclusive` if an absurd precision would be needed.
    """
    rows, weights = _checked(X, z)
    slope, digits = number(alpha, "alpha"), require_digits(digits)
    if not -1 <= slope <= 1:
        raise BadInput(f"alpha: {shown(slope)} is outside [-1, 1].")
    cells = Cells(critical_lines(rows, weights, slope * slope))
    bits = bits_for(digits) + 2 * cells.count.bit_length()
    findings = _findings(cells.slope_signs(bits))
    tolerance = Fraction(1, 10**digits)
    for _ in range(MAX_DOUBLINGS):
        tick()
        points = _evaluate(cells, findings, bits)
        if points is not None and _sharp_enough(points, tolerance):
            n_max, n_min = points[0].value, points[0].value
            for point in points[1:]:
                n_max, n_min = n_max.maximum(point.value), n_min.minimum(point.value)
            return PlanarKKT(
                points=points,
                n_max=n_max,
                n_min=n_min,
                digits=digits,
                method=METHOD,
                counts={"arcs": cells.count},
            )
        bits *= 2
    raise Inconclusive(
        f"the planar KKT set needs more than {bits // 2} bits for {digits} digits; ask for fewer digits."
    )


def why_not_enumerated(problem: Problem) -> str | None:
    """The reason why `kkt_of_problem` has no answer for this problem, or None if it has one."""
    network = problem.network
    if not isinstance(network, OneLayer):
        return "KKT points are enumerated for one-layer networks only"
    if network.inputs != 2:
        return f"KKT points are enumerated for 2 inputs only, and here there are {network.inputs}"
    if network.activation.power != 2:
        return (
            f"KKT points are enumerated for activations of power 2 only, and here it is "
            f"{network.activation.power}"
        )
    return None


def kkt_of_problem(problem: ProblemSource, digits: SupportsIndex = 30) -> PlanarKKT | None:
    """The KKT set of one neuron of a one-layer network of power 2 with 2 inputs; None for others
    (`why_not_enumerated`).

    It is that of n(u) = Σ z_i σ(u·x_i). A neuron with sign -1 flows under -n: same set, opposite values and
    kinds; `neuron_signs` says for which neurons a point is non-negative.
    """
    problem = Problem.load(problem)
    network = problem.network
    if why_not_enumerated(problem) is not None or not isinstance(network, OneLayer):
        return None
    return planar_kkt(problem.X, problem.z, network.activation.alpha, digits)


def _checked(X: Any, z: Any) -> tuple[list[tuple[Fraction, Fraction]], list[Fraction]]:
    rows, weights = exact_matrix(X, "X"), exact_vector(z, "z")
    if any(len(row) != 2 for row in rows):
        raise BadInput("X: a planar neuron has two inputs per sample.")
    if len(rows) != len(weights):
        raise BadInput(f"z: {len(weights)} weights for {len(rows)} samples; give one per sample.")
    return [(row[0], row[1]) for row in rows], weights


# -- which: decided exactly ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Finding:
    """A KKT point inside arc `first` ("inside"), at its beginning ("at"), or all of arcs first..last
    ("arc").
    """

    where: str
    kind: Kind
    first: int
    last: int
    sides: tuple[int, int]


def _findings(signs: Sequence[int]) -> list[_Finding]:
    """The KKT set from the signs of dN/dθ at the beginnings of the arcs, in order."""
    count = len(signs)
    dead = [signs[k] == 0 == signs[(k + 1) % count] for k in range(count)]
    if all(dead):
        return [_Finding("arc", Kind.ARC, 0, count - 1, (0, 0))]
    found = []
    for k in range(count):
        before, here, after = signs[k - 1], signs[k], signs[(k + 1) % count]
        if dead[k] and not dead[k - 1]:
            last = k
            while dead[(last + 1) % count]:  # ends: not all arcs are dead
                last += 1
            found.append(_Finding("arc", Kind.ARC, k, last, (before, signs[(last + 2) % count])))
        elif here == 0 and not dead[k] and not dead[k - 1]:
            kind = {(1, -1): Kind.MAXIMUM, (-1, 1): Kind.MINIMUM}.get((before, after), Kind.SADDLE)
            found.append(_Finding("at", kind, k, k, (before, after)))
        if here * after == -1:
            found.append(_Finding("inside", Kind.MAXIMUM if here > 0 else Kind.MINIMUM, k, k, (here, after)))
    # The direction -180° is written as 180°, so a point there comes last.
    at_start = [f for f in found if f.first == 0 and f.where != "inside"]
    return [f for f in found if f not in at_start] + at_start


# -- where: enclosed in balls --------------------------------------------------------------------------------


def _evaluate(cells: Cells, findings: Sequence[_Finding], bits: int) -> list[PlanarPoint] | None:
    """The findings as balls; None if some number is not even bounded at this precision."""
    needed = {k % cells.count for f in findings for k in (f.first - 1, f.first)}
    on_arc = {k: parts for k, parts in enumerate(cells.coefficients(bits)) if k in needed}
    how: dict[str, Callable[[Cells, _Finding, dict[int, Coefficients], int], PlanarPoint]] = {
        "inside": _inside,
        "at": _at_line,
        "arc": _arc,
    }
    try:
        return [how[f.where](cells, f, on_arc, bits) for f in findings]
    except OutsideDomain:
        return None


def _inside(cells: Cells, f: _Finding, on_arc: dict[int, Coefficients], bits: int) -> PlanarPoint:
    # Relative to the beginning of the arc, the doubled angle of the maximum (minimum) of the sinusoid is that
    # of (D', E') (of its opposite), and it lies in (0°, 90°]: no branch of the inverse tangent is in doubt.
    S, D, E = on_arc[f.first]
    side = 1 if f.kind == Kind.MAXIMUM else -1
    cosine, sine, _ = double_angle(cells.direction(f.first))
    turned_D, turned_E = D * cosine + E * sine, E * cosine - D * sine
    angle = _angle(cells.direction(f.first), bits, start=True) + (turned_E * side).atan2(turned_D * side) / 2
    height = (D.square() + E.square()).sqrt() * side
    value = (S + height) / 2
    if value.sign() == UNKNOWN:
        exact_S, (exact_D, exact_E) = cells.exact_trace(f.first), cells.exact_slopes(f.first)
        if exact_S * side <= 0 and exact_S**2 == exact_D**2 + exact_E**2:
            value = Ball(0, bits)
    return PlanarPoint(
        kind=f.kind,
        point=(angle.cos(), angle.sin()),
        value=value,
        gap=height * 2,
        inertia=(0, 0, 1) if f.kind == Kind.MAXIMUM else (1, 0, 0),
        angle=angle,
        angle_deg=_degrees(angle),
        sides=f.sides,
    )


def _at_line(cells: Cells, f: _Finding, on_arc: dict[int, Coefficients], bits: int) -> PlanarPoint:
    direction = cells.direction(f.first)
    cosine, sine, square = double_angle(direction)
    waves = [
        (D * cosine + E * sine) / square for _, D, E in (on_arc[(f.first - 1) % cells.count], on_arc[f.first])
    ]
    value = (on_arc[f.first][0] + waves[1]) / 2
    if value.sign() == UNKNOWN:
        exact_D, exact_E = cells.exact_slopes(f.first)
        if cells.exact_trace(f.first) * square + exact_D * cosine + exact_E * sine == 0:
            value = Ball(0, bits)
    angle, degrees = _angle(direction, bits), _exact_degrees(direction, bits)
    point, exact = _unit(direction, bits)
    gap = waves[0].minimum(waves[1]) * 2
    return PlanarPoint(
        kind=f.kind,
        point=point,
        value=value,
        gap=gap,
        angle=angle,
        angle_deg=degrees or _degrees(angle),
        sides=f.sides,
        exact_point=exact,
    )


def _arc(cells: Cells, f: _Finding, on_arc: dict[int, Coefficients], bits: int) -> PlanarPoint:
    value = on_arc[f.first][0] / 2
    if cells.weighted[f.first] <= EXACT_TERMS or value.sign() == UNKNOWN:
        value = enclosed(cells.exact_trace(f.first), bits) / 2
    zero = Ball(0, bits)
    if f.last - f.first + 1 == cells.count:
        pi, half_turn = Ball.pi(bits), Ball(180, bits)
        east = (Fraction(1), Fraction(0))
        return PlanarPoint(
            kind=Kind.ARC,
            point=(zero + 1, zero),
            value=value,
            gap=zero,
            angle=zero,
            angle_deg=zero,
            sides=f.sides,
            start=-pi,
            end=pi,
            start_deg=-half_turn,
            end_deg=half_turn,
            exact_point=east,
            continuum=Continuum(1, lines=((Fraction(1), Fraction(0)), (Fraction(0), Fraction(1)))),
        )
    first, last = cells.direction(f.first), cells.direction(f.last + 1)
    start, end = _angle(first, bits), _angle(last, bits)
    start_deg, end_deg = (_exact_degrees(d, bits) or _degrees(a) for d, a in ((first, start), (last, end)))
    middle, middle_deg = (start + end) / 2, (start_deg + end_deg) / 2
    if f.first == 0 or f.last + 1 > cells.count:  # across 180°
        turn = -1 if middle.greater(0) else 1
        middle, middle_deg = middle + Ball.pi(bits) * turn, middle_deg + 180 * turn
    point = (middle.cos(), middle.sin())
    return PlanarPoint(
        kind=Kind.ARC,
        point=point,
        value=value,
        gap=zero,
        angle=middle,
        angle_deg=middle_deg,
        sides=f.sides,
        start=start,
        end=end,
        start_deg=start_deg,
        end_deg=end_deg,
        continuum=_cone(first, last, inside=cells.direction(f.first + 1)),
    )


def _cone(first: Direction, last: Direction, inside: Direction) -> Continuum:
    """The cone of the arc from `first` to `last` with the direction `inside` strictly between, unless it is
    none.
    """
    rays = tuple((Fraction(x), Fraction(y)) for x, y in (first, last, inside))
    turn = first[0] * last[1] - first[1] * last[0]
    if turn > 0:
        return Continuum(1, rays=rays[:2])
    if turn == 0:
        return Continuum(1, rays=rays[2:], lines=rays[:1])
    return Continuum(1, equation="an arc of more than half a turn")


def _angle(direction: Direction, bits: int, start: bool = False) -> Ball:
    """The angle in (-π, π], or in [-π, π) for the start of an arc that a point's angle is measured from."""
    x, y = direction
    return -Ball.pi(bits) if start and y == 0 and x < 0 else Ball(y, bits).atan2(Ball(x, bits))


def _degrees(angle: Ball) -> Ball:
    return angle * 180 / Ball.pi(angle.bits)


def _exact_degrees(direction: Direction, bits: int) -> Ball | None:
    """The exact angle in degrees of the multiples of 45°."""
    x, y = direction
    if x and y and abs(x) != abs(y):
        return None
    eighths = {
        (1, 0): 0,
        (1, 1): 1,
        (0, 1): 2,
        (-1, 1): 3,
        (-1, 0): 4,
        (-1, -1): -3,
        (0, -1): -2,
        (1, -1): -1,
    }
    return Ball(45 * eighths[(x > 0) - (x < 0), (y > 0) - (y < 0)], bits)


def _unit(direction: Direction, bits: int) -> tuple[tuple[Ball, Ball], tuple[Fraction, Fraction] | None]:
    """The unit vector in balls, and exactly if it is rational."""
    x, y = direction
    square = x * x + y * y
    root = isqrt(square)
    if root * root == square:
        exact = Fraction(x, root), Fraction(y, root)
        return (Ball(exact[0], bits), Ball(exact[1], bits)), exact
    norm = Ball(square, bits).sqrt()
    return (x / norm, y / norm), None


def _sharp_enough(points: Sequence[PlanarPoint], tolerance: Fraction) -> bool:
    largest = max(max(abs(p.value.lower()), abs(p.value.upper())) for p in points)
    scale = min(Fraction(1), largest)
    for p in points:
        angles = [
            p.angle,
            p.angle_deg,
            *p.point,
            *(a for a in (p.start, p.end, p.start_deg, p.end_deg) if a is not None),
        ]
        if any(a.radius() > tolerance for a in angles):
            return False
        if p.value.sign() == UNKNOWN or max(p.value.radius(), p.gap.radius()) > tolerance * scale:
            return False
    return True
