"""The statement "early-direction" in words."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

from ..words import Say


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say) -> list[str]:
    """The claim in words."""
    L = claim["order"]
    time, norm = claim["horizon"]["scaled_time"], claim["horizon"]["norm_over_delta"]
    scaled = f"|w| = {say.near(norm)} delta" if time is None else f"t = {say.near(time)}"
    power = f" / delta^{L - 2}" if time is not None and L > 2 else ""
    lines = [
        f"For every delta in (0, {say.down(claim['delta_bar'])}] and every initial direction within "
        f"{say.down(claim['start_angle'])} rad of the given one, |w|^2 <= "
        f"{say.up(claim['growth']['factor_squared'])} delta^2 up to the horizon {scaled}{power} (order {L}).",
    ]
    return lines + [f"Block {block['index'] + 1}: {_fate(block, claim, say)}" for block in claim["blocks"]]


def _fate(block: dict[str, Any], claim: dict[str, Any], say: Say) -> str:
    if block["outcome"] == "inconclusive":
        return f"nothing is claimed: {block['reason']}"
    if block["outcome"] == "followed":
        bound = block.get("angle_to_curve")
        near = "" if bound is None else f"; there its direction is within {say.up(bound)} of the limit flow's"
        return f"it is followed up to the horizon{near}. It is not claimed where it goes: {block['reason']}"
    if block["outcome"] == "zero":
        return "its weights are zero at the start and for ever."
    if block["outcome"] == "dead":
        return "from the horizon on every sample is inactive and its weights never move again."
    if block["outcome"] == "fades":
        so_long = "and" if claim["radius"] is None else "and until then"
        return (
            f"from the horizon on its direction stays {turned(block, say)} {_until(claim, say)}, "
            f"{so_long} its norm does not grow."
        )
    if block["outcome"] == "continuum":
        return _continuum(block, claim, say)
    starts = "it starts exactly at a KKT point, and " if block["outcome"] == "exact-start" else ""
    epsilon, law = say.up(claim["epsilon"]), block["law"]
    angle = epsilon if block["angle_at_horizon"] is None else say.up(block["angle_at_horizon"])
    bound = "" if law is None else f" and within {_law(law, claim['order'], say)}"
    return (
        f"{starts}at the horizon its direction is within {angle} of {point(block, say)}, and from then on "
        f"{_until(claim, say)} within {epsilon}{bound}."
    )


def _until(claim: dict[str, Any], say: Say) -> str:
    radius = claim["radius"]
    return "for ever" if radius is None else f"until |w| first exceeds {say.down(radius)}"


def turned(block: dict[str, Any], say: Say) -> str:
    """Near which direction a block is that fades."""
    runs = block["weights"] if isinstance(block["weights"][0], list) else [block["weights"]]
    numbers = list(chain.from_iterable(range(first + 1, first + count + 1) for first, count in runs))
    return (
        f"within {say.up(block['angle_at_horizon'])} of {say.vector(block['direction'], numbers)}, at which "
        f"its outputs vanish,"
    )


def _continuum(block: dict[str, Any], claim: dict[str, Any], say: Say) -> str:
    centre, epsilon, law = block["kkt_point"], say.up(claim["epsilon"]), block["law"]
    angle = epsilon if block["angle_at_horizon"] is None else say.up(block["angle_at_horizon"])
    near = "" if centre is None else f" within {say.up(centre['radius'])} of {_place(block, say)}"
    own = "" if claim["start_angle"] == "0" else ", another one for each initial direction,"
    nearest = ""
    if law is not None:
        bound = _law(law, claim["order"], say)
        nearest = f", and its angle to the set of all KKT points is at most {bound}"
    return (
        f"the limit flow converges to one{own} of a continuum of KKT points{near} ({_facts(block, say)}); at "
        f"the horizon the direction is within {angle} of it, and from then on {_until(claim, say)} it is "
        f"within {epsilon}{nearest}."
    )


def point(block: dict[str, Any], say: Say) -> str:
    """The KKT point of a block with its value and gap, as far as they are claimed, and the sign of N."""
    if block["kkt_point"] is None:
        return f"a KKT point ({_facts(block, say)})"
    error = f" up to {block['kkt_point']['radius']} rad" if say.exact else ""
    return f"the KKT point at {_place(block, say)}{error} ({_facts(block, say)})"


def _facts(block: dict[str, Any], say: Say) -> str:
    value, gap = block["value"], block["gap"]
    # The outcome itself tells the sign, but for an exact start and a continuum.
    known = block["outcome"] in ("converges", "shrinks")
    up = block["outcome"] != "shrinks"
    if not known and value is not None:
        up = not value[0].startswith("-")
    facts = [f"N {'>' if up else '<'} 0"] if known else []
    if value is not None:
        facts = [f"N >= {say.down(value[0])}" if up else f"N <= {say.up(value[1])}"]
    if gap is not None:
        kind = "normal gap" if block["outcome"] == "continuum" else "gap"
        facts.append(f"{kind} >= {say.down(gap[0])}")
    return ", ".join(facts) or "of any kind"


def _place(block: dict[str, Any], say: Say) -> str:
    centre = block["kkt_point"]["centre"]
    runs = block["weights"] if isinstance(block["weights"][0], list) else [block["weights"]]
    numbers = chain.from_iterable(range(first + 1, first + count + 1) for first, count in runs)
    return say.vector(centre, list(islice(numbers, len(centre))))


def _law(law: dict[str, Any], order: int, say: Say) -> str:
    power, floor = say.down(law["exponent"][0]), say.up(law["floor"])
    return f"{say.up(law['coefficient'])} (delta/|w|)^{power} + {floor} |w|^{order}"
