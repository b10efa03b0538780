"""The claim of the uniform theorem for networks of power 1 (L11), in the fields of `early_direction`.

The horizon is always a `scaled_time`; a block is a neuron, its hidden weights `w_j` and its output weight
`v_j`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from certflow.outcome import Fate
from certflow.theorems.early_direction import claim as early_direction

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is any solution in continuous time of w' in -(Clarke) dLoss(w) from w(0) = delta w0, where w0 "
    "is the unit vector of the given direction or of any direction within start_angle of it.",
    early_direction.ASSUMPTIONS[1],
)
"""What the theorem takes for granted; the checker has an equal list of its own."""


@dataclass(frozen=True, repr=False)
class Claim(early_direction.Claim):
    """For every delta in (0, `delta_bar`] and every solution of the differential inclusion: what becomes of
    each block.
    """

    statement: ClassVar[str] = "early-direction-power-1"
    lemma: ClassVar[str] = "L11"
    resting: ClassVar[tuple[Fate, ...]] = (Fate.SHRINKS, Fate.STOPS, Fate.VANISHES)
    searched: ClassVar[bool] = False

    assumptions: tuple[str, ...] = ASSUMPTIONS
