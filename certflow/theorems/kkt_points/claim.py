"""The claim which points are KKT points of N, or of one neuron, and whether there are others: exact
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from certflow.exact import dyadic_text, format_rational
from certflow.outcome import Kind, Status

ASSUMPTIONS: tuple[str, ...] = (
    "The network and the data are exactly the rational numbers written in this certificate.",
)
"""What the list takes for granted; the checker has an equal list of its own."""

Pair = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Box:
    """Where a point is: within `radius` of `centre`, and the only KKT point within `unique_radius`; all
    dyadic.
    """

    centre: tuple[Fraction, ...]
    radius: Fraction
    unique_radius: Fraction

    def to_json(self) -> dict[str, Any]:
        """Its part of the entry of a point."""
        return {
            "centre": [dyadic_text(v) for v in self.centre],
            "radius": dyadic_text(self.radius),
            "unique_radius": dyadic_text(self.unique_radius),
        }


@dataclass(frozen=True)
class Directions:
    """Where a point of the circle is: a critical direction, two directions around it, or the ends of an
    arc.
    """

    ends: tuple[Pair, ...]

    def to_json(self) -> dict[str, Any]:
        """Its part of the entry of a point."""
        return {"directions": [[format_rational(v) for v in end] for end in self.ends]}


@dataclass(frozen=True)
class Point:
    """One KKT point, or an arc of them, with bounds of its value and gap."""

    kind: Kind
    place: Box | Directions
    value: Pair
    gap: Pair

    def to_json(self) -> dict[str, Any]:
        """The entry of `points`."""
        value, gap = ([format_rational(end) for end in pair] for pair in (self.value, self.gap))
        return {"kind": str(self.kind), **self.place.to_json(), "value": value, "gap": gap}


@dataclass(frozen=True)
class Claim:
    """`points` are KKT points of N on the sphere of all weights, or of one neuron; if `status` is complete
    there are no others but those of the `dead_cone`, and N is at most `n_max_upper`. `proof` is the kind of
    proof.
    """

    statement: ClassVar[str] = "kkt-points"

    problem_sha256: str
    of_neuron: bool
    status: Status
    proof: str
    points: tuple[Point, ...]
    dead_cone: bool
    n_max_upper: Fraction | None
    assumptions: tuple[str, ...] = ASSUMPTIONS

    def to_json(self) -> dict[str, Any]:
        """The entry `claim` of a certificate."""
        return {
            "statement": self.statement,
            "problem_sha256": self.problem_sha256,
            "assumptions": list(self.assumptions),
            **self.list_json(),
        }

    def list_json(self) -> dict[str, Any]:
        """The list by itself, as other certificates contain it."""
        return {
            "of": "neuron" if self.of_neuron else "network",
            "kkt_status": str(self.status),
            "proof": self.proof,
            "points": [point.to_json() for point in self.points],
            "dead_cone": self.dead_cone,
            "n_max_upper": None if self.n_max_upper is None else format_rational(self.n_max_upper),
        }
