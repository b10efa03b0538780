"""What every enumeration returns: KKT points and sets of them, and how much of the sphere is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, SupportsIndex

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import format_rational, whole
from certflow.networks.correlation import Correlation
from certflow.outcome import Kind, Status

MAX_DIGITS = 10_000

Exact = tuple[Fraction, ...]


def require_digits(digits: SupportsIndex) -> int:
    """`digits` as a number of digits to which KKT points are computed; raises `BadInput` if they are not."""
    return whole(digits, "digits", 1, MAX_DIGITS)


def overlap(first: Sequence[Ball], second: Sequence[Ball]) -> bool:
    """Whether two enclosed vectors may be one."""
    return all(a.overlaps(b) for a, b in zip(first, second, strict=True))


@dataclass(frozen=True)
class Continuum:
    """A set of more than one KKT point: the directions of a cone, or what `equation` says.

    The cone is {sum of a_k rays_k with a_k >= 0, plus any combination of the lines}; `dimension` is that of
    the set on the sphere (an arc has 1), None if it is not known. Without rays and lines only the `equation`
    describes it.
    """

    dimension: int | None
    rays: tuple[Exact, ...] = ()
    lines: tuple[Exact, ...] = ()
    equation: str = ""

    def to_json(self) -> dict[str, Any]:
        """The `set` of an entry of `kkt`."""
        return {
            "dimension": self.dimension,
            "rays": [[format_rational(v) for v in ray] for ray in self.rays],
            "lines": [[format_rational(v) for v in line] for line in self.lines],
            "equation": self.equation,
        }


@dataclass(frozen=True, eq=False, repr=False)
class KKTPoint:
    """One KKT point on the unit sphere, or (with `continuum`) a set of them of which `point` is one.

    `point` encloses a unit vector; `direction`, if known, is an exact positive multiple of it. `value` is N
    there (on the whole set). `gap` is minus the largest eigenvalue of the Hessian of N on the tangent space,
    on a kink the smallest over the adjacent cells, None where it is not known. `inertia` counts the positive,
    zero and negative eigenvalues of that Hessian, None where N is not twice differentiable or the counts are
    not known. `reason` says why a point is degenerate, or what is special about it.
    """

    kind: Kind
    point: tuple[Ball, ...]
    value: Ball
    gap: Ball | None = None
    inertia: tuple[int, int, int] | None = None
    direction: Exact | None = None
    continuum: Continuum | None = None
    reason: str = ""

    def __repr__(self) -> str:
        return f"<KKTPoint: {self.kind}, N = {rounded_text(self.value.mid(), 6)}, {self._place()}>"

    def _place(self) -> str:
        """Where it is, roughly."""
        shown = ", ".join(f"{c.midpoint_float():.4g}" for c in self.point[:4])
        return f"at ({shown}{', …' if len(self.point) > 4 else ''})"

    @property
    def neuron_signs(self) -> tuple[int, ...]:
        """The signs s of a neuron (which flows under s N) for which this KKT point is non-negative, s N >=
        0.
        """
        sign = self.value.sign()
        return (1, -1) if sign not in (1, -1) else (sign,)

    def point_json(self) -> list[Any]:
        """The unit vector: enclosures, or exact numbers."""
        return [v.to_json() for v in self.point]

    def to_json(self) -> dict[str, Any]:
        """The entry of `kkt` in results: exact text, or pairs of exact ends."""
        entry: dict[str, Any] = {
            "point": self.point_json(),
            "value": self.value.to_json(),
            "gap": None if self.gap is None else self.gap.to_json(),
            "kind": self.kind,
            "neuron_signs": list(self.neuron_signs),
        }
        if self.inertia is not None:
            entry["inertia"] = list(self.inertia)
        if self.direction is not None:
            entry["direction"] = [format_rational(v) for v in self.direction]
        if self.continuum is not None:
            entry["set"] = self.continuum.to_json()
        if self.reason:
            entry["reason"] = self.reason
        return entry


@dataclass(frozen=True, eq=False, repr=False)
class KKTSet:
    """KKT points of N on the unit sphere, and what is proved about the rest of it.

    If the `status` is partial, `reason` says why, and where there may be others. `n_max` and `n_min` enclose
    the extrema of N over the sphere, None where the set does not give them. `method` names the proof,
    `counts` what it visited (cells, faces, boxes). `of` says of which function: "one neuron" or "all
    weights". `undecided` is a bound of the share of the sphere on which nothing is decided.
    """

    points: Sequence[KKTPoint]
    digits: int
    status: Status = Status.COMPLETE
    reason: str = ""
    method: str = ""
    of: str = "one neuron"
    n_max: Ball | None = None
    n_min: Ball | None = None
    undecided: Fraction = Fraction(0)
    counts: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<KKTSet: {len(self.points)} entries of {self.of}, {self.status}>"

    @property
    def complete(self) -> bool:
        """Whether no KKT point is missing."""
        return self.status == Status.COMPLETE

    def function(self, N: Correlation) -> Correlation:
        """What the points are KKT points of: N itself, or one neuron of it."""
        return N.neuron() if self.of == "one neuron" and N.network.is_sum_of_neurons else N

    def times(self, factor: Fraction) -> KKTSet:
        """The same set for N times a positive `factor` (L6.46)."""

        def larger(value: Ball | None) -> Ball | None:
            return None if value is None else value * factor

        points = [replace(point, value=point.value * factor, gap=larger(point.gap)) for point in self.points]
        return replace(self, points=points, n_max=larger(self.n_max), n_min=larger(self.n_min))

    def to_json(self) -> dict[str, Any]:
        """`kkt_status`, `kkt`, the extrema of N, and how they were proved."""
        return {
            "kkt_status": self.status,
            "kkt": [point.to_json() for point in self.points],
            "kkt_of": self.of,
            "kkt_method": self.method,
            "kkt_reason": self.reason,
            "kkt_undecided": format_rational(self.undecided),
            "kkt_counts": dict(sorted(self.counts.items())),
            "n_max": None if self.n_max is None else self.n_max.to_json(),
            "n_min": None if self.n_min is None else self.n_min.to_json(),
        }
