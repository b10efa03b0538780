"""What a certificate stores about each group: the curve that is followed, the rates claimed along it, and the
trap.

Evidence proves nothing by itself: the prover found the numbers and the checker derives every bound again from
them (L3, L4, L5). Source: `docs/certificate-format.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from certflow.flow.curve import Curve, Grid
from certflow.outcome import Fate


class StepEvidence(NamedTuple):
    """The rate `mu` proved on the region of angle `radius` of one step, with the radial direction lifted by
    `radial`; dyadic.
    """

    mu: Fraction
    radius: Fraction
    radial: Fraction


@dataclass(frozen=True)
class TrapEvidence:
    """The trap about the end of a curve: rate -`gamma` on the region of angle `r0`, `radial` as of a step,
    all dyadic.

    `gap_direction` is a direction in which the gap is bounded from above, on the curve's grid; None to claim
    no bound.
    """

    gamma: Fraction
    r0: Fraction
    radial: Fraction
    gap_direction: Grid | None


class Ending(Protocol):
    """What an outcome beyond the strict trap (L12.1, L12.6) stores besides the curve and the trap."""

    def to_json(self) -> Any:
        """The entry `ending` of a group."""


@dataclass(frozen=True)
class GroupEvidence:
    """The evidence of one group: its `outcome`, and `reason` if it is inconclusive or followed only (L5.7).

    `steps[w][k]` belongs to step k of window w of `curve`. An inconclusive or zero group has no curve and no
    trap; one that is dead, fades or is followed only has no trap. `silent` samples are zero for the group.
    """

    outcome: Fate
    reason: str
    curve: Curve | None
    steps: tuple[tuple[StepEvidence, ...], ...]
    trap: TrapEvidence | None
    ending: Ending | None = None
    silent: tuple[int, ...] = ()
