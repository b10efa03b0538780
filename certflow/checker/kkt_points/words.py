"""The statement "kkt-points" in words."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ..kernel.reading import Node


def sentences(claim: dict[str, Any]) -> list[str]:
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
    lines.append("Numbers are shown rounded; the exact enclosures are in the file.")
    for k, point in enumerate(claim["points"], 1):
        value, gap = (_decimal(*point[key]) for key in ("value", "gap"))
        lines.append(f"{k}. {point['kind']} {_place(point)}: value {value}, gap {gap}")
    if claim["n_max_upper"] is not None:
        lines.append(
            f"Everywhere on the unit sphere it is at most "
            f"{_decimal(claim['n_max_upper'], claim['n_max_upper'])}."
        )
    return lines


def _place(point: dict[str, Any]) -> str:
    if "centre" in point:
        return "at " + _unit([Node(text, "claim").dyadic() for text in point["centre"]])
    ends = [
        _unit([Node(text, "claim").rational() for text in direction]) for direction in point["directions"]
    ]
    if point["kind"] == "arc":
        return "counterclockwise from " + " to ".join(ends) if ends else "of the whole circle"
    return "at " + ends[0]


def _unit(vector: list[Fraction]) -> str:
    shown = [float(v / max(map(abs, vector))) for v in vector]
    return "(" + ", ".join(f"{v / math.hypot(*shown):.6f}" for v in shown) + ")"


def _decimal(low: str, high: str) -> str:
    """About the middle of two rational numbers of any size."""
    middle = (Node(low, "claim").rational() + Node(high, "claim").rational()) / 2
    return f"{Decimal(middle.numerator) / Decimal(middle.denominator):.9g}"
