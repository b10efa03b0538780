"""The statement "early-direction" in words."""

from __future__ import annotations

from typing import Any


def sentences(claim: dict[str, Any]) -> list[str]:
    """The claim in words."""
    L = claim["order"]
    time, norm = claim["horizon"]["scaled_time"], claim["horizon"]["norm_over_delta"]
    scaled = (
        f"|w| = {norm} delta" if time is None else f"t = {time}" if L == 2 else f"t = {time} / delta^{L - 2}"
    )
    lines = [
        f"For every delta in (0, {claim['delta_bar']}] and every initial direction within "
        f"{claim['start_angle']} rad of the given one, |w|^2 <= {claim['growth']['factor_squared']} delta^2 "
        f"up to the horizon {scaled} (order {L}).",
    ]
    until = f"until |w| first exceeds {claim['radius']}" if claim["radius"] is not None else "for ever"
    for block in claim["blocks"]:
        name = f"Block {block['index'] + 1}"
        if block["outcome"] == "inconclusive":
            lines.append(f"{name}: nothing is claimed: {block['reason']}")
        elif block["outcome"] == "zero":
            lines.append(f"{name}: its weights are zero at the start and for ever.")
        elif block["outcome"] == "dead":
            lines.append(
                f"{name}: from the horizon on every sample is inactive and its weights never move again."
            )
        else:
            sign = "positive" if block["outcome"] == "converges" else "negative"
            angle = claim["epsilon"] if block["angle_at_horizon"] is None else block["angle_at_horizon"]
            lines.append(
                f"{name}: its direction is within {angle} of a KKT point at the horizon and within "
                f"{claim['epsilon']} from then on {until}; the NCF is {sign} there."
            )
    return lines
