"""The statement "time-near-origin" in words."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..words import Say


def sentences(claim: dict[str, Any], problem: dict[str, Any], say: Say) -> list[str]:
    """The claim in words."""
    L, M = claim["order"], claim["n_max_upper"]
    if Fraction(M) == 0:
        return ["N is nowhere positive: for every delta > 0, |w| never exceeds delta."]
    time = "ln(C) / (4 M)" if L == 2 else f"(1 - C^({2 - L}/2)) / ({L * (L - 2)} M delta^{L - 2})"
    return [
        f"For every delta > 0 and every C > 1, |w|^2 <= C delta^2 up to the time {time}, order {L}, where N "
        f"<= M = {say.up(M)} on the unit sphere."
    ]
