"""The statement "kkt-points" in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..words import Say, about, rational


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say) -> list[str]:
    """The claim in words."""
    function = (
        "n(u) = sum_i z_i sigma(u.x_i) of one neuron" if claim["of"] == "neuron" else "N of all weights"
    )
    counts = Counter(point["kind"] for point in claim["points"])
    listed = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items())) or "none"
    if claim["kkt_status"] == "complete":
        dead = " and all u with u.x_i <= 0 for every sample with z_i != 0" if claim["dead_cone"] else ""
        lines = [f"The KKT points of {function} on the unit sphere are exactly these ({listed}){dead}."]
    else:
        lines = [f"These are KKT points of {function} on the unit sphere ({listed}); there may be others."]
    lines += _in_the_table(claim, problem)
    if claim["n_max_upper"] is not None:
        lines.append(f"Everywhere on the unit sphere it is at most {say.up(claim['n_max_upper'])}.")
    if not say.exact:
        lines.append("Numbers are shown rounded; the exact enclosures are in the file.")
    for k, point in enumerate(_rows(claim), 1):
        value, gap = (say.within(*point[key]) for key in ("value", "gap"))
        lines.append(f"{k}. {point['kind']} {_place(point, say)}: value {value}, gap {gap}")
    return lines


def _in_the_table(claim: dict[str, Any], problem: dict[str, Any]) -> list[str]:
    """Which rows of the table that `certflow kkt` prints of this problem are listed."""
    facts, count = about(problem), len(claim["points"])
    rows = f"{count} row{'' if count == 1 else 's'}"
    if claim["of"] == "neuron" and len(facts["widths"]) - 1 in facts["trained"]:
        p = facts["network"]["activation"]["power"]
        return [
            "The table of `certflow kkt` is about a neuron with its output weight v: a point u with n(u) != "
            f"0 is two rows there, weights sqrt({p}/{p + 1}) u with v = 1/sqrt({p + 1}) and with v = "
            f"-1/sqrt({p + 1}), of N = sqrt({p**p}/{(p + 1) ** (p + 1)}) n(u) and minus that; its rows with "
            "N = 0 are not in this list."
        ]
    if claim["proof"] == "planar":
        return [f"These are all rows, {count}, of the table of `certflow kkt`, in its order."]
    if claim["kkt_status"] == "complete":
        but = " but those of directions in which all samples are inactive" if claim["dead_cone"] else ""
        return [
            f"These are all rows of the table of `certflow kkt`{but}, in its order: {rows}, highest N first."
        ]
    return [
        f"These are {rows} of the table of `certflow kkt`, in its order, highest N first: isolated points "
        "that are proved one by one. It may have other rows: this list is not claimed to be complete."
    ]


def _rows(claim: dict[str, Any]) -> list[dict[str, Any]]:
    """The points in the order of the table."""
    points: list[dict[str, Any]] = claim["points"]
    if claim["proof"] == "planar":
        return points

    return sorted(points, key=lambda point: -sum(map(rational, point["value"])))


def _place(point: dict[str, Any], say: Say) -> str:
    if "centre" in point:
        return f"at {say.vector(point['centre'])}" + (f" up to {point['radius']}" if say.exact else "")
    ends = [say.vector(direction) for direction in point["directions"]]
    if point["kind"] == "arc":
        return "counterclockwise from " + " to ".join(ends) if ends else "of the whole circle"
    return "between " + " and ".join(ends) if say.exact and len(ends) > 1 else "at " + ends[0]
