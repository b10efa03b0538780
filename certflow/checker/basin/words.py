"""The statement "basin" in words."""

from __future__ import annotations

from typing import Any


def sentences(claim: dict[str, Any]) -> list[str]:
    """The claim in words."""
    lines = [
        f"The limit flow u' = grad N(u) from every initial direction within {claim['start_angle']} rad of "
        f"the given one (order {claim['order']}):"
    ]
    for block in claim["blocks"]:
        name, time = f"Block {block['index'] + 1}", block["horizon"]
        when = "when its curve ends" if time is None else f"at time {time}"
        if block["outcome"] == "inconclusive":
            lines.append(f"{name}: nothing is claimed: {block['reason']}")
        elif block["outcome"] == "zero":
            lines.append(f"{name}: it is zero at the start and for ever.")
        elif block["outcome"] == "dead":
            lines.append(f"{name}: {when} every sample is inactive, and it never moves again.")
        else:
            sign = "positive" if block["outcome"] == "converges" else "negative"
            lines.append(
                f"{name}: {when} its direction is within {block['angle_at_horizon']} of the KKT point to "
                f"which it converges; N is {sign} there."
            )
    return lines
