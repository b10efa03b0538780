"""The statement "basin" in words."""

from __future__ import annotations

from typing import Any

from ..early_direction.words import point, turned
from ..words import Say


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say) -> list[str]:
    """The claim in words."""
    lines = [
        f"The limit flow u' = grad N(u) from every initial direction within {say.down(claim['start_angle'])} "
        f"rad of the given one (order {claim['order']}):"
    ]
    for block in claim["blocks"]:
        name, time = f"Block {block['index'] + 1}", block["horizon"]
        when = "when its curve ends" if time is None else f"at time {say.up(time)}"
        if block["outcome"] in ("inconclusive", "followed"):
            lines.append(f"{name}: nothing is claimed: {block['reason']}")
        elif block["outcome"] == "zero":
            lines.append(f"{name}: it is zero at the start and for ever.")
        elif block["outcome"] == "dead":
            lines.append(f"{name}: {when} every sample is inactive, and it never moves again.")
        elif block["outcome"] == "fades":
            lines.append(
                f"{name}: {when} its direction is {turned(block, say)} and stays so, and its norm does not "
                f"grow."
            )
        elif block["outcome"] == "exact-start":
            lines.append(f"{name}: it starts exactly at {point(block, say)}, and stays there.")
        else:
            lines.append(
                f"{name}: {when} its direction is within {say.up(block['angle_at_horizon'])} of "
                f"{point(block, say)}, to which it converges."
            )
    return lines
