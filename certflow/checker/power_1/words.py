"""The statement "early-direction-power-1" in words."""

from __future__ import annotations

from typing import Any

from ..early_direction import words as early_direction
from ..words import Say

_FATES = {
    "stops": "at the horizon its hidden weights rest where no sample activates it, N = 0, and none of its "
    "weights moves from then on {until}.",
    "vanishes": "from the horizon on its hidden weights are exactly zero {until}, N = 0, and its output "
    "weight stays.",
    "dead": "no sample activates it, at the start and for ever, and its weights never move.",
    "followed": "it is followed up to the horizon; nothing is claimed about its direction.",
    "branches": "its limit flow, as delta tends to 0, has more than one solution; nothing is claimed about "
    "its direction.",
}


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say) -> list[str]:
    """The claim in words."""
    until = "for ever" if claim["radius"] is None else f"until |w| first exceeds {say.down(claim['radius'])}"
    first, *others = early_direction.sentences(claim, problem, say)
    own = [_FATES.get(block["outcome"], "").format(until=until) for block in claim["blocks"]]
    blocks = zip(claim["blocks"], own, others, strict=True)
    return [
        first,
        *(f"Block {block['index'] + 1}: {said}" if said else other for block, said, other in blocks),
    ]
