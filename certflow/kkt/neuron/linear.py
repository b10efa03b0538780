"""All KKT points of one neuron of power 1 on the sphere, and of the two-layer neuron `v n(w)` (L6).

Which they are is decided in integers, face by face (`linear_faces.py`, in the plane `linear_planar.py`); here they get their
numbers. λ is the signed root of a rational, and a KKT point with λ != 0 is isolated.

*Two layers.* The Clarke gradients of `N(w, v) = v n(w)` are, where v w != 0, those of n times v with n(w) as last entry; where
v = 0 and w != 0 only (0, n(w)); at w = 0 the hull of all (v g_A, 0). So the argument of `lift.py` holds with p = 1, but for one
thing: (0, ±1) is KKT iff 0 is in the hull of the g_A of all cells A.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.kkt.neuron.circle import MAX_DIGITS
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.lift import GUARD_BITS, lift
from certflow.kkt.neuron.linear_faces import face_findings
from certflow.kkt.neuron.linear_findings import Finding, Findings, Vector
from certflow.kkt.neuron.linear_planar import planar_findings
from certflow.kkt.points import Continuum, Exact, KKTPoint, KKTSet
from certflow.outcome import BadInput
from certflow.progress import Progress

MOST_CELLS = 20_000
METHOD = "all faces of the arrangement of the kinks, in exact numbers"

_EXTRA_DIGITS = 5


def piecewise_linear_kkt(
    neuron: Neuron, digits: int = 30, most_cells: int = MOST_CELLS, progress: Progress | None = None
) -> KKTSet:
    """The complete KKT set of a neuron of power 1 on the unit sphere of its inputs (L6), by falling value.

    Isolated points, and sets of dimension >= 1 on which n = 0. Coordinates, values and gaps have radius <= 10^-digits,
    values and gaps also relative to max |n| if that is below 1; signs of values are decided. The gap at a kink is λ where
    `n(w/|w|) <= λ / |w|` near the point, and None elsewhere. With one input both points are maxima by convention.

    Raises `BadInput` for other powers or digits, `Inconclusive` for more than `most_cells` cells in three dimensions or more.
    """
    _check(neuron, digits)
    findings = _findings(neuron, most_cells, progress)
    return _kkt_set(neuron.inputs, findings.found, findings.counts, digits)


def two_layer_kkt(neuron: Neuron, digits: int = 30, most_cells: int = MOST_CELLS, progress: Progress | None = None) -> KKTSet:
    """The complete KKT set of `v n(w)`, n of power 1, on the unit sphere of the weights w, then v (L6).

    Numbers and errors as for `piecewise_linear_kkt`; at a kink the gap is that of `v n(w) <= λ v (u·w)`, where this holds.
    """
    _check(neuron, digits)
    findings = _findings(neuron, most_cells, progress)
    up = _kkt_set(neuron.inputs, findings.found, findings.counts, digits + _EXTRA_DIGITS)
    down = _kkt_set(neuron.inputs, [f.negated() for f in findings.found], findings.counts, digits + _EXTRA_DIGITS)
    return lift(neuron, up, down, digits, at_pole=findings.zero_in_all_gradients(), zero=findings.zero())


def _findings(neuron: Neuron, most_cells: int, progress: Progress | None) -> Findings:
    if neuron.inputs == 2 and neuron.kinked:
        return planar_findings(neuron)
    return face_findings(neuron, most_cells, progress)


def _check(neuron: Neuron, digits: int) -> None:
    if neuron.power != 1:
        raise BadInput(f"power: faces are enumerated for activations of power 1, and here it is {neuron.power}.")
    if type(digits) is not int or not 1 <= digits <= MAX_DIGITS:
        raise BadInput(f"digits: {digits!r} is not a whole number from 1 to {MAX_DIGITS}.")


def _kkt_set(d: int, findings: list[Finding], counts: dict[str, int], digits: int) -> KKTSet:
    """The set of n, or of -n if these are the findings negated."""
    largest = max(f.square for f in findings)
    bits = digits * 3322 // 1000 + GUARD_BITS + (largest.numerator // largest.denominator).bit_length()
    ordered = sorted(findings, key=lambda f: (-f.sign * f.square, f.direction))
    points = [point for finding in ordered for point in _points(d, finding, bits)]
    return KKTSet(points, digits, method=METHOD, n_max=points[0].value, n_min=points[-1].value, counts=dict(counts))


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

    def entry(direction: Sequence[int], kind: str, continuum: Continuum | None = None, reason: str = "") -> KKTPoint:
        norm = Ball(sum(c * c for c in direction), bits).sqrt()
        exact = tuple(Fraction(c) for c in direction)
        return KKTPoint(kind, tuple(c / norm for c in direction), value, gap, inertia, exact, continuum, reason)

    if finding.sign:
        return [entry(finding.direction, finding.kind)]
    if finding.dimension == 1:
        ends = finding.rays or [tuple(side * c for c in finding.lines[0]) for side in (1, -1)]
        return [entry(end, finding.kind, reason="N = 0") for end in ends]
    cone = Continuum(finding.dimension - 1, _exact(finding.rays), _exact(finding.lines))
    return [entry(finding.direction, "arc" if d == 2 else "degenerate", cone, _reason(d, finding))]


def _reason(d: int, finding: Finding) -> str:
    """Why N is 0 on all of a face."""
    if len(finding.lines) == d:
        return "N is zero: every direction is a KKT point"
    if finding.dimension < d:
        return "N = 0 on a face"
    return "dead cell: no sample is active" if finding.dead else "N = 0 on a cell"


def _exact(vectors: Sequence[Vector]) -> tuple[Exact, ...]:
    return tuple(tuple(Fraction(c) for c in vector) for vector in vectors)
